"""Recurring transactions: templates of other transactions with a schedule.

A template is kept beside the books: nothing is posted, numbered or owed. In calls and answers it
stands under the name of what it makes: `{"RecurringTransaction": {"Invoice": {...}}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ground_rules import with_currency
from pipelines.sandbox.quickbooks.intake import Draft, checked_id, read_body
from pipelines.sandbox.quickbooks.plain_transactions import build_plain
from pipelines.sandbox.quickbooks.references import with_resolved
from pipelines.sandbox.quickbooks.refusals import (
    business,
    duplicate_name,
    invalid_enumeration,
    invalid_property,
    missing,
    not_found,
    stale,
)
from pipelines.sandbox.quickbooks.sale_lines import with_totals
from pipelines.sandbox.quickbooks.values import ZERO, Record
from pipelines.sandbox.quickbooks.vocabulary import ENTITIES, RECURRING, SALES

NAME = "RecurringTransaction"
KINDS = tuple(RECURRING.split())
WAYS = ("Automated", "Reminded", "UnScheduled")
INTERVALS = ("Yearly", "Monthly", "Weekly", "Daily")
# What belongs to a transaction that took place, not to a template of one.
NOT_KEPT = ("DocNumber", "TxnDate", "DueDate", "LinkedTxn", "DeliveryInfo")


def shown(record: Mapping[str, Any]) -> Record:
    """A template as answers write it."""
    kind = str(record["Type"])
    return {kind: record[kind]}


def read(books: Books, record_id: str | None) -> Record:
    """One template.

    Raises:
        Refusal: 610, 2030.
    """
    record = books.get(NAME, checked_id(record_id))
    if record is None:
        raise not_found()
    return shown(record)


def save(books: Books, body: Any) -> Record:
    """Create a template, or update the one whose Id is given.

    Raises:
        Refusal: 2010 not exactly one transaction; 2020, 2170, 6240 its schedule or name; 610,
            5010; and the rules of the transaction itself.
    """
    kind, given = _one(body)
    entity = ENTITIES[kind]
    members, cleared, sparse = read_body(entity, given)
    before = _before(books, kind, members)
    draft = Draft(members, cleared, before, sparse)
    if before is None:
        for name in entity.required:
            if name not in members:
                raise missing(name)
    built = _built(books, kind, draft)
    schedule = _schedule(books, built.get("RecurringInfo"), (before or {}).get("Id"))
    return _stored(books, kind, before, {**built, "RecurringInfo": schedule})


def delete(books: Books, body: Any) -> Record:
    """Delete a template.

    Raises:
        Refusal: 2010, 610, 5010.
    """
    kind, given = _one(body)
    before = _before(books, kind, {**given, "Id": given.get("Id", "")})
    if before is None:
        raise not_found()
    books.remove(NAME, {"Id": before["Id"]})
    return {kind: {"domain": "QBO", "status": "Deleted", "Id": before["Id"]}}


def _one(body: Any) -> tuple[str, Record]:
    kinds = [name for name in body if name in KINDS] if isinstance(body, dict) else []
    if len(kinds) != 1 or not isinstance(body[kinds[0]], dict):
        raise invalid_property("RecurringTransaction")
    return kinds[0], body[kinds[0]]


def _before(books: Books, kind: str, given: Mapping[str, Any]) -> Record | None:
    """The template a write speaks of.

    Raises:
        Refusal: 610, 2020, 5010.
    """
    if given.get("Id") in (None, "0"):
        return None
    record = books.get(NAME, checked_id(given["Id"]))
    if record is None or record["Type"] != kind:
        raise not_found()
    if given.get("SyncToken") in (None, ""):
        raise missing("SyncToken")
    if str(given["SyncToken"]) != str(record["SyncToken"]):
        raise stale()
    if given.get("Deposit"):
        raise business("A recurring transaction cannot hold a deposit.", "Deposit")
    found: Record = record[kind]
    return found


def _built(books: Books, kind: str, draft: Draft) -> Record:
    if kind not in SALES:
        built = build_plain(books, kind, draft)
    else:
        record = {**draft.base(("CurrencyRef",)), "TxnDate": books.today()}
        record = with_resolved(books, kind, record, draft.before)
        built = with_totals(books, with_currency(books, record, draft), draft)
    return {k: v for k, v in built.items() if k not in NOT_KEPT}


def _schedule(books: Books, given: Any, own_id: Any) -> Record:
    """RecurringInfo, checked, with the day the next transaction is due."""
    if not isinstance(given, dict) or not given.get("Name"):
        raise missing("RecurringInfo.Name")
    way = given.get("RecurType", "UnScheduled")
    if way not in WAYS:
        raise invalid_enumeration("RecurType", way)
    for known in books.table(NAME):
        same = str(known["Name"]).casefold() == str(given["Name"]).casefold()
        if same and known["Id"] != own_id:
            raise duplicate_name()
    info = {**given, "RecurType": way, "Active": bool(given.get("Active", True))}
    if way == "UnScheduled":
        return info
    plan = dict(given.get("ScheduleInfo") or {})
    if plan.get("IntervalType") not in INTERVALS:
        raise invalid_enumeration("IntervalType", plan.get("IntervalType", ""))
    plan.setdefault("StartDate", books.today())
    return {**info, "ScheduleInfo": {**plan, "NextDate": _next_date(plan)}}


def _next_date(plan: Mapping[str, Any]) -> str:
    """The first day on or after StartDate that fits DayOfMonth or DayOfWeek."""
    start = date.fromisoformat(str(plan["StartDate"]))
    for ahead in range(62):
        day = start + timedelta(days=ahead)
        month = "DayOfMonth" in plan and day.day != int(plan["DayOfMonth"])
        week = "DayOfWeek" in plan and day.strftime("%A") != plan["DayOfWeek"]
        if not month and not week:
            return day.isoformat()
    return start.isoformat()


def _stored(books: Books, kind: str, before: Record | None, built: Record) -> Record:
    now = books.stamp()
    if before is None:
        system = {"Id": books.next_id(NAME), "SyncToken": "0"}
        meta = {"CreateTime": now, "LastUpdatedTime": now}
    else:
        system = {"Id": before["Id"], "SyncToken": str(int(before["SyncToken"]) + 1)}
        meta = {**before["MetaData"], "LastUpdatedTime": now}
    info = built["RecurringInfo"]
    whole = {
        **built,
        "domain": "QBO",
        "sparse": False,
        **system,
        "MetaData": meta,
        "RecurDataRef": {"value": system["Id"]},
        **({"Deposit": ZERO} if kind == "Invoice" else {}),
    }
    outer = {**system, "MetaData": meta, "Type": kind, kind: whole,
             "Name": info["Name"], "Active": info["Active"]}  # fmt: skip
    return shown(books.put(NAME, outer))
