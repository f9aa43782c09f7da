"""The children of the relationships ActivityHistories and OpenActivities: tasks and events, told
apart by whether they are over; and what a sub-query of them must look like.

Source: Object Reference, ActivityHistory and OpenActivity, "Usage".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from pipelines.sandbox.salesforce.access import having, instant_of, moment
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.refusals import malformed_query
from pipelines.sandbox.salesforce.soql.names import Books, Scope
from pipelines.sandbox.salesforce.soql.tree import Column, Compare, Query
from pipelines.sandbox.salesforce.standard_listings import HISTORY, RELATIONSHIPS
from pipelines.sandbox.store import Record

MOST = 500
_DIRECTION = {True: "DESC", False: "ASC"}


def children_of(books: Books, child: SObject, field: Field) -> Callable[[str], list[Record]] | None:
    """The rows below a parent; None for a relationship whose rows are records."""
    if child.name not in RELATIONSHIPS:
        return None
    wants_over = child.name == HISTORY
    # An account lists what is about itself, and what is about its people and deals.
    keys = ("AccountId", "WhatId") if field.name == "AccountId" else (field.name,)

    def rows(parent_id: str) -> list[Record]:
        found = {
            record["Id"]: _row(child, kind, record)
            for kind in ("Task", "Event")
            for key in keys
            for record in _held(books, kind, key, parent_id)
            if _is_over(kind, record, books.now) is wants_over
        }
        return list(found.values())

    return rows


def _held(books: Books, kind: str, key: str, parent_id: str) -> Iterator[Record]:
    sobject = (books.everything or books.catalogue.objects)[kind.lower()]
    one = sobject.field(key)
    assert one is not None  # both kinds have all three keys
    yield from having(books.table(kind), one, parent_id)


def _row(child: SObject, kind: str, record: Record) -> Record:
    is_task = kind == "Task"
    start = record.get("ActivityDateTime") or record.get("StartDateTime")
    subtype = (record.get("TaskSubtype") or "Task") if is_task else "Event"
    row = {f.name: record.get(f.name) for f in child.fields.values()}
    flags = {f.name: bool(row[f.name]) for f in child.fields.values() if f.type == "boolean"}
    return row | flags | {
        "IsTask": is_task,
        "IsClosed": is_task and _is_closed(record),
        "ActivitySubtype": subtype,
        "ActivityDate": record.get("ActivityDate") or (start[:10] if start else None),
        "ActivityDateTime": start,
    }  # fmt: skip


def _is_over(kind: str, record: Record, now: datetime) -> bool:
    return _is_closed(record) if kind == "Task" else _is_past(record, now)


def _is_closed(task: Record) -> bool:
    closed = task.get("IsClosed")
    return task.get("Status") == "Completed" if closed is None else bool(closed)


def _is_past(event: Record, now: datetime) -> bool:
    """Whether it has ended."""
    start = event.get("ActivityDateTime") or event.get("StartDateTime")
    end = event.get("EndDateTime")
    if event.get("IsAllDayEvent") or not (start or end):
        last = event.get("EndDate") or event.get("ActivityDate") or (start or "")[:10]
        return bool(last) and str(last) < now.date().isoformat()
    if end is None:
        lasts = timedelta(minutes=int(event.get("DurationInMinutes") or 0))
        end = instant_of(moment(str(start)) + lasts)
    return moment(str(end)) < now


def refuse_unlike(scope: Scope, inner: Scope) -> None:
    """Users who may not view all data list the activities of one record, in one order, without
    conditions, up to a limit.

    Raises:
        Refusal: MALFORMED_QUERY.
    """
    name = RELATIONSHIPS.get(inner.source.name)
    if name is None or scope.books.sees_all:
        return
    begin = (
        f"There is an implementation restriction on {name}. When you query this relationship, "
        "security evaluation is implemented for users who don't have administrator permissions, "
        "and you must "
    )
    query = inner.query
    if query.where is not None:
        raise malformed_query(f"{begin}not use a WHERE clause")
    if query.limit is None or query.limit > MOST:
        raise malformed_query(f"{begin}specify a limit of {MOST} or fewer rows")
    falling = inner.source.name == HISTORY
    if _order(query) != [("activitydate", falling), ("lastmodifieddate", True)]:
        raise malformed_query(
            f"{begin}use a specific sort order: ORDER BY ActivityDate {_DIRECTION[falling]}, "
            "LastModifiedDate DESC"
        )
    if not _is_of_one(scope):
        raise malformed_query(f"{begin}reference a single record in the main clause")


def _order(query: Query) -> list[tuple[str, bool]]:
    return [
        (sort.by.path[-1].lower() if isinstance(sort.by, Column) else "", sort.descending)
        for sort in query.order_by
    ]


def _is_of_one(scope: Scope) -> bool:
    where = scope.query.where
    by_id = (
        isinstance(where, Compare)
        and where.operator == "="
        and isinstance(where.left, Column)
        and where.left.path[-1].lower() == "id"
    )
    return by_id or scope.query.limit == 1
