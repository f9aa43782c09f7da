"""Change data capture: full objects changed since a moment, and stubs of deleted ones."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.refusals import business, missing, unsupported
from pipelines.sandbox.quickbooks.selection import CHANGED, in_order_of_change, within
from pipelines.sandbox.quickbooks.values import Record, instant
from pipelines.sandbox.quickbooks.vocabulary import BY_SEGMENT, NOT_IN_CDC, Entity

DAYS = 30
MOST = 1000


def capture(books: Books, entities: str, since: str) -> Record:
    """The CDCResponse member of an answer.

    Raises:
        Refusal: 2020, 500 for an unknown entity or a moment more than 30 days ago, 6000 for one
            that cannot be read.
    """
    if not entities.strip():
        raise missing("entities")
    if not since.strip():
        raise missing("changedSince")
    moment = _moment(books, since)
    if moment < books.now() - timedelta(days=DAYS):
        raise unsupported(f"cdc with changedSince date {since} which is older than fixed days")
    room = MOST
    parts: list[Record] = []
    for entity in _entities(entities):
        rows = _changed(books, entity, moment, room)
        room -= len(rows)
        parts.append(_part(entity, rows))
    return {"CDCResponse": [{"QueryResponse": parts}]}


def _entities(text: str) -> list[Entity]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        known = BY_SEGMENT.get(name.lower())
        if known is None or known.name in NOT_IN_CDC:
            raise unsupported(f"cdc for entity {name}")
    return [BY_SEGMENT[name.lower()] for name in names]


def _moment(books: Books, text: str) -> datetime:
    # A "+" that was not escaped in the address arrives as a blank before the offset.
    mended = re.sub(r" (\d\d:?\d\d)$", r"+\1", text.strip())
    try:
        moment = datetime.fromisoformat(mended)
    except ValueError:
        raise business(f"changedSince is not a date and time: {text}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=books.now().tzinfo)


def _part(entity: Entity, rows: list[Record]) -> Record:
    if not rows:
        return {}
    count = len(rows)
    return {entity.answer: rows, "startPosition": 1, "maxResults": count, "totalCount": count}


def _changed(books: Books, entity: Entity, since: datetime, room: int) -> list[Record]:
    """Living records newest change last, then the deleted ones."""
    table = books.table(entity.name)
    changed = within(table, CHANGED, since, None)
    if not table.is_ordered(CHANGED):
        changed = changed.kept(lambda record: _updated(record) >= since)
    gone = [d for d in books.deletions() if d["entity"] == entity.name and _updated(d) >= since]
    return [*in_order_of_change(changed)[:room], *map(_stub, gone)][:room]


def _updated(record: Record) -> datetime:
    return instant(str((record.get("MetaData") or {}).get("LastUpdatedTime", "1970-01-01")))


def _stub(deleted: Record) -> Record:
    return {
        "domain": "QBO",
        "status": "Deleted",
        "Id": deleted["Id"],
        "MetaData": {"LastUpdatedTime": deleted["MetaData"]["LastUpdatedTime"]},
    }
