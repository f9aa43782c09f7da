"""Account → Customer: create the one an invoice needs, correct what Salesforce owns on the others.

A created customer carries our mark in the first line of its Notes, `Crossfoot <18-character
account id>/g<generation>`. Notes cannot be queried, so `find` asks for the display name first and
then for everything created since the plan's data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pipelines.clients.quickbooks import quoted, vendor_time
from pipelines.errors import Conflict, FixTheRow
from reverse_etl.changes import Blocked, Change, ChangeKey, FieldDifference, from_json, to_json
from reverse_etl.ledger import Entry
from reverse_etl.syncs.flow import (
    Answer,
    Clients,
    Facts,
    Flow,
    QuickBooksPort,
    Rows,
    difference,
    read_rows,
)

NAME = "customers"
MART = "sync_customers"
ENTITY = "Customer"
# How far before the plan's data a customer of ours could carry as creation time: clocks differ.
CLOCK_SLACK = timedelta(days=1)
ADDRESS = {
    "billing_line1": "Line1",
    "billing_city": "City",
    "billing_state": "CountrySubDivisionCode",
    "billing_postal_code": "PostalCode",
    "billing_country": "Country",
}
_OWNED = ("email", "phone", *ADDRESS)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class CustomerRow:
    """A row of sync_customers, column for column; current_* is what QuickBooks has now."""

    org_id: str
    account_id: str
    account_name: str
    company_id: str
    action: str
    customer_id: str | None
    sync_token: int | None
    generation: int
    change_key: str
    display_name: str | None
    company_name: str | None
    given_name: str | None
    family_name: str | None
    email: str | None
    phone: str | None
    website: str | None
    billing_line1: str | None
    billing_city: str | None
    billing_state: str | None
    billing_postal_code: str | None
    billing_country: str | None
    currency_code: str | None
    parent_customer_id: str | None
    current_email: str | None
    current_phone: str | None
    current_billing_line1: str | None
    current_billing_city: str | None
    current_billing_state: str | None
    current_billing_postal_code: str | None
    current_billing_country: str | None
    blocked_reason: str | None
    blocked_detail: str | None


def changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """Every row of the mart as a change or as blocked, by company and account."""
    rows = read_rows(CustomerRow, MART, marts[MART])
    for row in sorted(rows, key=lambda r: (r.company_id, r.account_id, r.customer_id or "")):
        yield to_change(row)


def to_change(row: CustomerRow) -> Change | Blocked:
    """One row as what it asks for. Pure; the generation of an update is set by the plan."""
    if row.blocked_reason:
        return _blocked(row, row.blocked_reason, row.blocked_detail or "")
    key = ChangeKey.parse(row.change_key)
    if (key.flow, key.company_id, key.record_id) != (NAME, row.company_id, row.account_id):
        return _blocked(row, "key_mismatch", f"{row.change_key} is the key of another record")
    return _create(row) if row.action == "create" else _update(row)


def mark(account_id: str, generation: int) -> str:
    """What our customers carry in the first line of their Notes."""
    return f"Crossfoot {account_id}/g{generation}"


def display_name(name: str) -> str:
    """A name QuickBooks takes: no colon, tab or line break, at most 500 characters
    (quickbooks_api: Customer.DisplayName)."""
    return _BLANKS.sub(" ", name.replace(":", " -")).strip()[:500].strip()


def _create(row: CustomerRow) -> Change | Blocked:
    name = display_name(row.display_name or "")
    if not name:
        return _blocked(row, "name_missing", "the account has no name to give the customer")
    body = _create_body(row, name)
    shown = [(n, getattr(row, n)) for n in ("email", "phone", *ADDRESS, "currency_code")]
    fields = [difference("display_name", None, name)]
    fields += [difference(n, None, value) for n, value in shown if value]
    return _change(row, "create", f"new customer {name}", tuple(fields), body)


def _create_body(row: CustomerRow, name: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "DisplayName": name,
        "CompanyName": row.company_name and row.company_name[:100],
        "GivenName": row.given_name and row.given_name[:100],
        "FamilyName": row.family_name and row.family_name[:100],
        "PrimaryEmailAddr": row.email and {"Address": row.email},
        "PrimaryPhone": row.phone and {"FreeFormNumber": row.phone[:30]},
        "WebAddr": row.website and {"URI": row.website},
        "BillAddr": _address(row),
        "CurrencyRef": row.currency_code and {"value": row.currency_code},
        "Notes": mark(row.account_id, row.generation),
    }
    if row.parent_customer_id:
        body |= {"Job": True, "ParentRef": {"value": row.parent_customer_id}}
    return {name: value for name, value in body.items() if value}


def _address(row: CustomerRow) -> dict[str, str]:
    """The whole billing address; where Salesforce is silent, what QuickBooks has now."""
    parts = {
        theirs: getattr(row, ours) or getattr(row, f"current_{ours}")
        for ours, theirs in ADDRESS.items()
    }
    return {name: value for name, value in parts.items() if value}


def _update(row: CustomerRow) -> Change | Blocked:
    """A sparse update of the owned fields that differ, bound to the token they were read with."""
    if row.customer_id is None or row.sync_token is None:
        return _blocked(row, "customer_unknown", "the row names no customer or no sync token")
    fields = tuple(
        difference(n, getattr(row, f"current_{n}"), getattr(row, n)) for n in _differing(row)
    )
    if not fields:
        return _blocked(row, "no_difference", "the mart asks for a change that changes nothing")
    body: dict[str, Any] = {
        "Id": row.customer_id, "SyncToken": str(row.sync_token), "sparse": True,
    }  # fmt: skip
    changed = {f.name for f in fields}
    if "email" in changed:
        body["PrimaryEmailAddr"] = {"Address": row.email}
    if "phone" in changed:
        body["PrimaryPhone"] = {"FreeFormNumber": row.phone}
    if changed & set(ADDRESS):
        body["BillAddr"] = _address(row)
    return _change(row, "update", f"customer {row.account_name}", fields, body)


def _differing(row: CustomerRow) -> list[str]:
    """Owned fields that Salesforce fills and QuickBooks has otherwise, ways of writing aside."""
    return [
        name
        for name in _OWNED
        if getattr(row, name)
        and _essence(name, getattr(row, name)) != _essence(name, getattr(row, f"current_{name}"))
    ]


def _essence(name: str, value: str | None) -> str:
    if name == "phone":
        return "".join(c for c in value or "" if c.isdigit())
    return _BLANKS.sub(" ", value or "").strip().casefold()


def _change(
    row: CustomerRow,
    action: str,
    title: str,
    fields: tuple[FieldDifference, ...],
    body: dict[str, Any],
) -> Change:
    key = ChangeKey.parse(row.change_key)
    creates = action == "create"
    return Change(
        key=row.change_key,
        flow=NAME,
        system="quickbooks",
        company_id=row.company_id,
        record_id=row.account_id,
        plan_step=key.plan_step,
        generation=key.generation,
        action="create" if creates else "update",
        entity=ENTITY,
        remote_id=None if creates else row.customer_id,
        title=title,
        reason=(
            "an invoice is due and the account has no customer in this company"
            if creates
            else "Salesforce owns these fields and QuickBooks has them otherwise"
        ),
        amount=None,
        currency_code=None,
        fields=fields,
        payload=to_json(body),
    )


def _blocked(row: CustomerRow, reason: str, detail: str) -> Blocked:
    title = f"customer for {row.account_name}"
    return Blocked(NAME, row.company_id, row.account_id, 0, title, reason, detail, None, None)


def send(clients: Clients, entries: Sequence[Entry]) -> Sequence[Answer]:
    """Create or update, one request each. A refusal is an answer; everything else is raised."""
    return [_send_one(clients.company(entry.company_id), entry) for entry in entries]


def _send_one(company: QuickBooksPort, entry: Entry) -> Answer:
    write = company.create if entry.action == "create" else company.update
    try:
        written = write(ENTITY, entry.payload, entry.request_id)
    except FixTheRow as problem:
        return Answer(False, None, problem.code, problem.vendor_message or problem.problem)
    return Answer(True, str(written["Id"]))


def find(clients: Clients, entry: Entry) -> str | None:
    """The customer that an entry in doubt has made or changed, or None."""
    company = clients.company(entry.company_id)
    body = from_json(entry.payload)
    if entry.action == "update":
        return _updated(company, body)
    return _created(company, body, entry.look_since)


def _updated(company: QuickBooksPort, body: dict[str, Any]) -> str | None:
    """The customer's id if it already looks as the update wanted."""
    current = company.read(ENTITY, body["Id"])
    if current is None:
        return None
    wanted = {k: v for k, v in body.items() if k not in ("Id", "SyncToken", "sparse")}
    same = all(_covers(current.get(name), value) for name, value in wanted.items())
    return str(current["Id"]) if same else None


def _covers(current: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(current, Mapping) and all(
            _covers(current.get(name), value) for name, value in wanted.items()
        )
    return bool(current == wanted)


def _created(company: QuickBooksPort, body: dict[str, Any], since: datetime) -> str | None:
    """By name first (one row), then among the newly created, whatever they are called by now."""
    both = "Active in (true, false)"
    named = f"DisplayName = {quoted(body['DisplayName'])} and {both}"
    created = f"MetaData.CreateTime >= {quoted(vendor_time(since - CLOCK_SLACK))} and {both}"
    for where in (named, created):
        seen = company.query(ENTITY, where)
        ours = [str(c["Id"]) for c in seen if _carries(c, body["Notes"])]
        if len(ours) > 1:
            raise _twice(body["Notes"], ours)
        if ours:
            return ours[0]
    return None


def _carries(customer: Mapping[str, Any], wanted: str) -> bool:
    return str(wanted) in str(customer.get("Notes") or "").splitlines()


def _twice(wanted: str, ids: Sequence[str]) -> Conflict:
    return Conflict(
        "QuickBooks",
        ENTITY,
        f"customers {', '.join(sorted(ids))} all carry the mark '{wanted}'",
        "Merge them in QuickBooks; nothing was sent.",
    )


FLOW = Flow(NAME, "quickbooks", (MART,), 1, changes, send, find)
