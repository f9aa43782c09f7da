"""Taking back what was applied: for each change its compensation, or why there is none.

A compensation is a change like any other: planned, shown, approved, recorded before it is sent. It
is made from the record as it is now, which is read, and from the plan that the change came from,
which knows what was there before. Invoices are voided, customers and items made inactive, prices
made for a book taken out of use, corrected fields set back, records of invoices deleted. A record
that has changed since is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.clients.salesforce_soql import object_id
from pipelines.clients.salesforce_soql import record_id as checked_id
from pipelines.clients.salesforce_writes import Node
from pipelines.errors import FixTheRow
from reverse_etl.changes import (
    UNDO,
    Blocked,
    Change,
    ChangeKey,
    FieldDifference,
    from_json,
    to_json,
    undo_key,
)
from reverse_etl.ledger import Entry
from reverse_etl.syncs import (
    account_status,
    deal_status,
    estimates,
    invoice_mails,
    invoice_records,
    overdue,
    products,
)
from reverse_etl.syncs.flow import Answer, Clients, Facts, Flow, Rows, difference
from reverse_etl.syncs.status import same

NAME = UNDO
# Members of a customer that hold one value, by the field that a plan shows.
_WRAPPED = {"email": ("PrimaryEmailAddr", "Address"), "phone": ("PrimaryPhone", "FreeFormNumber"),
            "website": ("WebAddr", "URI"), "term_id": ("SalesTermRef", "value")}  # fmt: skip
_PLAIN = {"company_name": "CompanyName", "given_name": "GivenName", "family_name": "FamilyName",
          "sku": "Sku", "description": "Description"}  # fmt: skip
_PARTS = {"line1": "Line1", "city": "City", "state": "CountrySubDivisionCode",
          "postal_code": "PostalCode", "country": "Country"}  # fmt: skip
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    account_status.ENTITY: account_status.COLUMNS,
    deal_status.ENTITY: deal_status.COLUMNS,
    invoice_records.ENTITY: invoice_records.COLUMNS,
    products.ENTRY: products.PRICE_COLUMNS,
}
_NUMBERS = ("open_balance", "overdue_balance", "open_credit", "amount_paid", "amount_due",
            "unit_price", "total_amount", "balance")  # fmt: skip
_NOT_VALUES = ("Id", "SyncToken", "sparse")


class _CannotUndo(Exception):
    """Why there is no compensation: code and words."""


def key_of(entry: Entry) -> ChangeKey:
    """The compensation's own key: one for each generation of each change."""
    return undo_key(entry.company_id, entry.change_key)


def taken_back(change: Change) -> str:
    """The key of the change that a compensation takes back."""
    return str(from_json(change.payload)["of"])


def to_change(
    entry: Entry,
    before: Mapping[str, str | None],
    clients: Clients,
    book_close_on: date | None = None,
) -> Change | Blocked:
    """The compensation of one applied change, or why there is none.

    `before` are the fields as they were, by name, from the plan; reads the record as it is now.
    """
    key = key_of(entry)
    title = f"take back: {entry.title}"
    try:
        if entry.status != "done" or entry.remote_id is None:
            raise _CannotUndo("not_done", f"it is {entry.status}, not done")
        compensate = _COMPENSATIONS.get((entry.entity, entry.action))
        by_hand = _BY_HAND.get((entry.flow, entry.entity, entry.action))
        if by_hand or compensate is None:
            raise _CannotUndo(
                "undo_by_hand", f"{entry.entity} {entry.remote_id}: {by_hand or 'by hand only'}"
            )
        operation, body, fields = compensate(entry, before, clients, book_close_on)
    except _CannotUndo as problem:
        return blocked(entry, *problem.args)
    return Change(
        str(key), NAME, entry.system, entry.company_id, key.record_id, 0, 1, "update",
        entry.entity, entry.remote_id, title, f"{entry.change_key} is taken back",
        None if entry.amount is None else -entry.amount, entry.currency_code, fields,
        to_json({"of": entry.change_key, "operation": operation, "body": body}),
    )  # fmt: skip


_Compensation = tuple[str, dict[str, Any], tuple[FieldDifference, ...]]


def _void(
    entry: Entry, before: Mapping[str, str | None], clients: Clients, closed: date | None
) -> _Compensation:
    current = _read(clients, entry)
    note, mark = str(current.get("PrivateNote") or ""), _mark(entry)
    if note.startswith("Voided"):
        raise _CannotUndo("undone_already", "it was voided already")
    if mark not in note:
        raise _CannotUndo("changed_since", "its note no longer carries our mark")
    if current["Balance"] != current["TotalAmt"]:
        paid = current["TotalAmt"] - current["Balance"]
        raise _CannotUndo("money_applied", f"{paid} was paid or credited on it; credit the rest")
    tax = (current.get("TxnTaxDetail") or {}).get("TotalTax") or 0
    if entry.amount is not None and current["TotalAmt"] - tax != entry.amount:
        raise _CannotUndo(
            "changed_since", f"it is over {current['TotalAmt'] - tax} now, not {entry.amount}"
        )
    if closed and date.fromisoformat(current["TxnDate"]) <= closed:
        raise _CannotUndo("closed_period", f"dated {current['TxnDate']}; closed through {closed}")
    body = {"Id": current["Id"], "SyncToken": current["SyncToken"]}
    return "void", body, (difference("total", current["TotalAmt"], Decimal(0)),)


def _mark(entry: Entry) -> str:
    return str(from_json(entry.payload)["PrivateNote"]).splitlines()[0]


def _deactivate(
    entry: Entry, before: Mapping[str, str | None], clients: Clients, closed: date | None
) -> _Compensation:
    current = _read(clients, entry)
    if current.get("Active") is False:
        raise _CannotUndo("undone_already", "it is inactive already")
    if current.get("Balance"):
        raise _CannotUndo("money_applied", f"it owes {current['Balance']}; settle that first")
    body = {"Id": current["Id"], "SyncToken": current["SyncToken"], "sparse": True}
    if entry.entity == "Item":
        # An item without its account and type is refused even where only `Active` changes.
        body |= {n: current[n] for n in ("Name", "Type", "IncomeAccountRef") if n in current}
    return "update", body | {"Active": False}, (difference("active", "yes", "no"),)


def _set_back(
    entry: Entry, before: Mapping[str, str | None], clients: Clients, closed: date | None
) -> _Compensation:
    _refuse_unknown(before)
    current = _read(clients, entry)
    written = {n: v for n, v in from_json(entry.payload).items() if n not in _NOT_VALUES}
    if not all(_covers(current.get(name), value) for name, value in written.items()):
        raise _CannotUndo("changed_since", "a field that we wrote has another value now")
    body: dict[str, Any] = {
        "Id": current["Id"], "SyncToken": current["SyncToken"], "sparse": True,
    }  # fmt: skip
    fields = []
    for name, value in before.items():
        member, new = _member(name, value, {**current, **body})
        body[member] = new
        fields.append(difference(name, _now(member, name, written), value))
    return "update", body, tuple(fields)


def _refuse_unknown(before: Mapping[str, str | None]) -> None:
    if not before:
        raise _CannotUndo("unknown_before", "the plan that it came from is not kept any more")


def _member(name: str, value: str | None, current: Mapping[str, Any]) -> tuple[str, Any]:
    """QuickBooks' member for a field as it was before."""
    if value is None:
        raise _CannotUndo("was_empty", f"{name} was empty, and a sparse update empties nothing")
    if name in _WRAPPED:
        member, inner = _WRAPPED[name]
        return member, {inner: value}
    if name in _PLAIN:
        return _PLAIN[name], value
    kind, _, part = name.partition("_")
    member = {"billing": "BillAddr", "shipping": "ShipAddr"}[kind]
    kept = {n: v for n, v in current[member].items() if n in _PARTS.values()}
    return member, kept | {_PARTS[part]: value}


def _now(member: str, name: str, written: Mapping[str, Any]) -> Any:
    found = written.get(member)
    if not isinstance(found, Mapping):
        return found
    part = _PARTS.get(name.partition("_")[2], "")
    return found.get(part, next(iter(found.values())))


def _set_back_in_salesforce(
    entry: Entry, before: Mapping[str, str | None], clients: Clients, closed: date | None
) -> _Compensation:
    _refuse_unknown(before)
    written = {n: v for n, v in from_json(entry.payload).items() if n not in _NOT_VALUES}
    current = _record(clients, entry, written)
    if not all(same(current.get(name), value) for name, value in written.items()):
        raise _CannotUndo("changed_since", "a field that we wrote has another value now")
    body: dict[str, Any] = {"Id": entry.remote_id}
    columns = _COLUMNS[entry.entity]
    for name, value in before.items():
        is_number = name in _NUMBERS and value is not None
        body[columns[name]] = Decimal(str(value)) if is_number else value
    fields = tuple(difference(n, written[columns[n]], v) for n, v in before.items())
    return "update", body, fields


def _remove_record(
    entry: Entry, before: Mapping[str, str | None], clients: Clients, closed: date | None
) -> _Compensation:
    """A record of an invoice is a copy: taken away nothing is missing in any books."""
    written = {n: v for n, v in from_json(entry.payload).items() if n not in _NOT_VALUES}
    current = _record(clients, entry, written)
    if not all(same(current.get(name), value) for name, value in written.items()):
        raise _CannotUndo("changed_since", "a field that we wrote has another value now")
    return "delete", {"Id": entry.remote_id}, (difference("record", written.get("Name"), None),)


def _out_of_use(
    entry: Entry, before: Mapping[str, str | None], clients: Clients, closed: date | None
) -> _Compensation:
    written = from_json(entry.payload)
    current = _record(clients, entry, {"UnitPrice": None, "IsActive": None})
    if not current.get("IsActive"):
        raise _CannotUndo("undone_already", "it is out of use already")
    if not same(current.get("UnitPrice"), written["UnitPrice"]):
        raise _CannotUndo("changed_since", "it has another price now")
    body = {"Id": entry.remote_id, "IsActive": False}
    return "update", body, (difference("active", "yes", "no"),)


_COMPENSATIONS: Mapping[
    tuple[str, str],
    Callable[[Entry, Mapping[str, str | None], Clients, date | None], _Compensation],
] = {
    ("Invoice", "create"): _void,
    ("Customer", "create"): _deactivate,
    ("Item", "create"): _deactivate,
    ("Customer", "update"): _set_back,
    ("Item", "update"): _set_back,
    ("Account", "update"): _set_back_in_salesforce,
    ("Opportunity", "update"): _set_back_in_salesforce,
    ("PricebookEntry", "update"): _set_back_in_salesforce,
    ("PricebookEntry", "create"): _out_of_use,
    (invoice_records.ENTITY, "create"): _remove_record,
    (invoice_records.ENTITY, "update"): _set_back_in_salesforce,
}


# What only a person can judge, and what that person does instead.
_BY_HAND: Mapping[tuple[str, str, str], str] = {
    (estimates.NAME, estimates.ENTITY, "create"): (
        "people may have worked on the deal, and it may be billed; close it as lost in Salesforce, "
        "or delete it there"
    ),
    (estimates.NAME, estimates.ENTITY, "update"): (
        "its value, lines and stage follow the estimate; change that in QuickBooks, and the next "
        "plan follows"
    ),
    (overdue.NAME, overdue.TASK, "create"): (
        "a task that is completed or gone counts as handled and ends the reminders; complete or "
        "delete it in Salesforce if that is meant"
    ),
    (overdue.NAME, overdue.TASK, "update"): (
        "the task follows its invoice; answer on it in Salesforce: waiting, deferred or completed"
    ),
    (overdue.NAME, overdue.MAIL, "create"): (
        "a mail that was sent cannot be called back; write to the customer"
    ),
    (invoice_mails.NAME, invoice_mails.ENTITY, "create"): (
        "a mail that was sent cannot be called back; write to the customer"
    ),
}


def blocked(entry: Entry, reason: str, detail: str) -> Blocked:
    """A change that there is no compensation for."""
    return Blocked(
        NAME, entry.company_id, key_of(entry).record_id, 0, f"take back: {entry.title}", reason,
        detail, entry.amount, entry.currency_code,
    )  # fmt: skip


def _read(clients: Clients, entry: Entry) -> dict[str, Any]:
    current = clients.company(entry.company_id).read(entry.entity, str(entry.remote_id))
    if current is None:
        raise _CannotUndo("gone", f"{entry.entity} {entry.remote_id} is not there any more")
    return current


def _record(clients: Clients, entry: Entry, columns: Mapping[str, Any]) -> Mapping[str, Any]:
    names = ", ".join(("Id", *(object_id(name) for name in columns)))
    known = checked_id(str(entry.remote_id))
    # Object, fields and id were checked by their forms; nothing else enters the text.
    soql = f"SELECT {names} FROM {object_id(entry.entity)} WHERE Id = '{known}'"  # noqa: S608
    found = list(clients.salesforce.query_all(soql))
    if not found:
        raise _CannotUndo("gone", f"{entry.entity} {known} is not there any more")
    return found[0]


def _covers(current: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(current, Mapping) and all(
            _covers(current.get(name), value) for name, value in wanted.items()
        )
    return bool(current == wanted)


def no_rows(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """No mart asks for a compensation; people do."""
    yield from ()


def send(clients: Clients, entries: Sequence[Entry]) -> Sequence[Answer]:
    """One request for each. A refusal is an answer; everything else is raised."""
    return [_send_one(clients, entry) for entry in entries]


def _send_one(clients: Clients, entry: Entry) -> Answer:
    wish = from_json(entry.payload)
    if entry.system == "salesforce":
        if wish["operation"] == "delete":
            node = Node("record", "DELETE", entry.entity, record_id=str(entry.remote_id))
            (reply,) = clients.salesforce.write_graphs([[node]])
        else:
            (reply,) = clients.salesforce.update_many(entry.entity, [wish["body"]])
        remote_id = entry.remote_id if reply.ok else None
        return Answer(reply.ok, remote_id, reply.code, reply.message)
    company = clients.company(entry.company_id)
    write = company.void if wish["operation"] == "void" else company.update
    try:
        write(entry.entity, to_json(wish["body"]), entry.request_id)
    except FixTheRow as problem:
        return Answer(False, None, problem.code, problem.vendor_message or problem.problem)
    return Answer(True, entry.remote_id)


def find(clients: Clients, entry: Entry) -> str | None:
    """The record's id if it already looks as the compensation wanted."""
    wish = from_json(entry.payload)
    wanted = {n: v for n, v in wish["body"].items() if n not in _NOT_VALUES}
    try:
        if entry.system == "salesforce":
            current = _record(clients, entry, wanted)
            done = bool(wanted) and all(same(current.get(n), v) for n, v in wanted.items())
        else:
            record = _read(clients, entry)
            voided = str(record.get("PrivateNote") or "").startswith("Voided")
            is_void = wish["operation"] == "void"
            done = voided if is_void else all(_covers(record.get(n), v) for n, v in wanted.items())
    except _CannotUndo as problem:
        is_removed = wish["operation"] == "delete" and problem.args[0] == "gone"
        return entry.remote_id if is_removed else None
    return entry.remote_id if done else None


FLOW = Flow(NAME, "quickbooks", (), 1, no_rows, send, find)
