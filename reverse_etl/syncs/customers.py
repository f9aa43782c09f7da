"""Account → Customer: create the one an invoice needs, correct what Salesforce owns on the others.

What Salesforce owns the mart decides (seeds/field_owners.csv); a field that a person changed in
QuickBooks although Salesforce owns it is left out of the update and shown as a blocked row.

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
from pipelines.errors import Conflict
from reverse_etl.changes import (
    REFERENCE,
    Blocked,
    Change,
    ChangeKey,
    FieldDifference,
    from_json,
    to_json,
)
from reverse_etl.ledger import Entry
from reverse_etl.syncs import quickbooks_writes
from reverse_etl.syncs.flow import (
    CHANGED_BY_HAND,
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
_PARTS = {
    "line1": "Line1",
    "city": "City",
    "state": "CountrySubDivisionCode",
    "postal_code": "PostalCode",
    "country": "Country",
}
BILLING = tuple(f"billing_{part}" for part in _PARTS)
SHIPPING = tuple(f"shipping_{part}" for part in _PARTS)
_NAMES = {"company_name": "CompanyName", "given_name": "GivenName", "family_name": "FamilyName"}
# Fields as field_owners.csv and conflict_fields name them, and the columns that each consists of.
OWNED = {
    "company_name": ("company_name",),
    "billing_contact": ("given_name", "family_name"),
    "email": ("email",),
    "phone": ("phone",),
    "website": ("website",),
    "billing_address": BILLING,
    "shipping_address": SHIPPING,
    "term": ("term_id",),
}
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
    shipping_line1: str | None
    shipping_city: str | None
    shipping_state: str | None
    shipping_postal_code: str | None
    shipping_country: str | None
    term_id: str | None
    currency_code: str | None
    parent_customer_id: str | None
    parent_change_key: str | None
    current_company_name: str | None
    current_given_name: str | None
    current_family_name: str | None
    current_email: str | None
    current_phone: str | None
    current_website: str | None
    current_billing_line1: str | None
    current_billing_city: str | None
    current_billing_state: str | None
    current_billing_postal_code: str | None
    current_billing_country: str | None
    current_shipping_line1: str | None
    current_shipping_city: str | None
    current_shipping_state: str | None
    current_shipping_postal_code: str | None
    current_shipping_country: str | None
    current_term_id: str | None
    conflict_fields: str | None
    blocked_reason: str | None
    blocked_detail: str | None


def changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """Every row of the mart as changes or as blocked, by company and account."""
    rows = read_rows(CustomerRow, MART, marts[MART])
    for row in _parents_first(sorted(rows, key=_place)):
        yield from to_changes(row, facts)


def _place(row: CustomerRow) -> tuple[str, str, str]:
    return row.company_id, row.account_id, row.customer_id or ""


def _parents_first(rows: Sequence[CustomerRow]) -> Iterator[CustomerRow]:
    """A customer after the one that it is to be a part of, however deep."""
    left = list(rows)
    while left:
        waiting = {row.change_key for row in left if row.action == "create"}
        ready = [row for row in left if row.parent_change_key not in waiting]
        # Accounts that are each other's parents: the order is no matter, the plan blocks them.
        yield from ready or left
        left = [row for row in left if ready and row.parent_change_key in waiting]


def to_changes(row: CustomerRow, facts: Facts) -> Iterator[Change | Blocked]:
    """One row as what it asks for: a change, a conflict, or both. Pure."""
    key = ChangeKey.parse(row.change_key)
    if row.blocked_reason:
        yield _blocked(row, row.blocked_reason, row.blocked_detail or "")
    elif (key.flow, key.company_id, key.record_id) != (NAME, row.company_id, row.account_id):
        yield _blocked(row, "key_mismatch", f"{row.change_key} is the key of another record")
    elif row.action == "create":
        yield _create(row)
    else:
        held = () if facts.overrules(CHANGED_BY_HAND, key.base) else _conflicts(row)
        if held:
            yield _blocked(row, CHANGED_BY_HAND, "; ".join(_told(row, name) for name in held))
        if not held or _differing(row, held):
            yield _update(row, facts.key_of(key), held)


def _conflicts(row: CustomerRow) -> tuple[str, ...]:
    return tuple(name for name in (row.conflict_fields or "").split(",") if name)


def _told(row: CustomerRow, name: str) -> str:
    """`a person set email to x, Salesforce says y`."""
    theirs = ", ".join(getattr(row, f"current_{part}") or "" for part in OWNED[name])
    ours = ", ".join(getattr(row, part) or "" for part in OWNED[name])
    return f"a person set {name} to {theirs.strip(', ') or '(empty)'}, Salesforce says {ours}"


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
    shown = ("email", "phone", *BILLING, *SHIPPING, "term_id", "currency_code")
    fields = [difference("display_name", None, name)]
    fields += [difference(n, None, getattr(row, n)) for n in shown if getattr(row, n)]
    if row.parent_customer_id or row.parent_change_key:
        parent = row.parent_customer_id or "the new customer of the parent account"
        fields.append(difference("parent", None, parent))
    key = ChangeKey.parse(row.change_key)
    needs = (row.parent_change_key,) if row.parent_change_key else ()
    title = f"new customer {name}"
    return _change(row, key, "create", title, tuple(fields), _create_body(row, name), needs)


def _create_body(row: CustomerRow, name: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "DisplayName": name,
        "CompanyName": row.company_name and row.company_name[:100],
        "GivenName": row.given_name and row.given_name[:100],
        "FamilyName": row.family_name and row.family_name[:100],
        "PrimaryEmailAddr": row.email and {"Address": row.email},
        "PrimaryPhone": row.phone and {"FreeFormNumber": row.phone[:30]},
        "WebAddr": row.website and {"URI": row.website},
        "BillAddr": _address(row, "billing"),
        "ShipAddr": _address(row, "shipping"),
        "SalesTermRef": row.term_id and {"value": row.term_id},
        "CurrencyRef": row.currency_code and {"value": row.currency_code},
        "Notes": mark(row.account_id, row.generation),
    }
    parent = row.parent_customer_id or (
        row.parent_change_key and {REFERENCE: row.parent_change_key}
    )
    if parent:
        body |= {"Job": True, "ParentRef": {"value": parent}}
    return {name: value for name, value in body.items() if value}


def _address(row: CustomerRow, kind: str) -> dict[str, str]:
    """The whole address of a kind; where Salesforce is silent, what QuickBooks has now."""
    parts = {
        theirs: getattr(row, f"{kind}_{ours}") or getattr(row, f"current_{kind}_{ours}")
        for ours, theirs in _PARTS.items()
    }
    return {name: value for name, value in parts.items() if value}


def _update(row: CustomerRow, key: ChangeKey, held: Sequence[str]) -> Change | Blocked:
    """A sparse update of the owned fields that differ, bound to the token they were read with."""
    if row.customer_id is None or row.sync_token is None:
        return _blocked(row, "customer_unknown", "the row names no customer or no sync token")
    differing = _differing(row, held)
    if not differing:
        return _blocked(row, "no_difference", "the mart asks for a change that changes nothing")
    fields = tuple(difference(n, getattr(row, f"current_{n}"), getattr(row, n)) for n in differing)
    body: dict[str, Any] = {
        "Id": row.customer_id, "SyncToken": str(row.sync_token), "sparse": True,
    }  # fmt: skip
    body |= _changed_members(row, set(differing))
    return _change(row, key, "update", f"customer {row.account_name}", fields, body)


def _changed_members(row: CustomerRow, changed: set[str]) -> dict[str, Any]:
    members: dict[str, Any] = {
        theirs: getattr(row, ours) for ours, theirs in _NAMES.items() if ours in changed
    }
    if "email" in changed:
        members["PrimaryEmailAddr"] = {"Address": row.email}
    if "phone" in changed:
        members["PrimaryPhone"] = {"FreeFormNumber": row.phone}
    if "website" in changed:
        members["WebAddr"] = {"URI": row.website}
    if changed & set(BILLING):
        members["BillAddr"] = _address(row, "billing")
    if changed & set(SHIPPING):
        members["ShipAddr"] = _address(row, "shipping")
    if "term_id" in changed:
        members["SalesTermRef"] = {"value": row.term_id}
    return members


def _differing(row: CustomerRow, held: Sequence[str]) -> list[str]:
    """Owned columns that Salesforce fills and QuickBooks has otherwise, ways of writing aside,
    without those of the fields that are held back."""
    return [
        column
        for name, columns in OWNED.items()
        for column in columns
        if name not in held
        and getattr(row, column)
        and _essence(column, getattr(row, column))
        != _essence(column, getattr(row, f"current_{column}"))
    ]


def _essence(name: str, value: str | None) -> str:
    if name == "phone":
        return "".join(c for c in value or "" if c.isdigit())
    return _BLANKS.sub(" ", value or "").strip().casefold()


def _change(
    row: CustomerRow,
    key: ChangeKey,
    action: str,
    title: str,
    fields: tuple[FieldDifference, ...],
    body: dict[str, Any],
    needs: tuple[str, ...] = (),
) -> Change:
    creates = action == "create"
    return Change(
        key=str(key),
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
        needs=needs,
    )


def _blocked(row: CustomerRow, reason: str, detail: str) -> Blocked:
    title = f"customer for {row.account_name}"
    return Blocked(NAME, row.company_id, row.account_id, 0, title, reason, detail, None, None)


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


FLOW = Flow(
    NAME, "quickbooks", (MART,), quickbooks_writes.BATCH, changes, quickbooks_writes.send, find
)
