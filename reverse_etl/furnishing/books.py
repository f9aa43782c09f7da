"""What a QuickBooks company lacks for what the mapping asks of it: terms and accounts, which are
made, and what only a person can set up, with the exact steps.

The definitions of custom fields are made by Intuit's GraphQL API alone, which is for partners of a
paid tier and wants a scope beyond accounting (Intuit, "Get started with the Custom Fields API"); so
they are a person's. So are switches of the preferences: some cannot be undone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

from pipelines.errors import Refused
from reverse_etl.changes import to_json
from reverse_etl.furnishing.planning import Step, due

SYSTEM = "QuickBooks"
TABLE, TERM, ACCOUNT, ITEM, FIELD, SWITCH = (
    "mapping", "term", "account", "item", "custom field", "setting",
)  # fmt: skip
# Written wherever they are there (int_invoices__described); nothing fails without them.
WELCOME = ("Salesforce Deal", "PO Number")
_DAYS = re.compile(r"(?i)net (\d{1,3})")
_AT_ONCE = re.compile(r"(?i)due (up)?on receipt")
_FIELD_STEPS = (
    "Gear, Lists, Custom fields, Add custom field: name it so, type Text and number, category "
    "Transaction, forms Invoice, and switch it on"
)
_SALES = "Gear, Account and settings, Sales"
_ADVANCED = "Gear, Account and settings, Advanced"
Rows = Sequence[Mapping[str, Any]]


class Company(Protocol):
    """One company, as far as setting it up needs it."""

    def query(self, entity: str, where: str = "") -> list[dict[str, Any]]: ...

    def create(self, entity: str, body: str, request_id: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Held:
    """What a company has: preferences; terms and accounts by name in lower case, with whether they
    are in use and, of accounts, their type; items in use by name and SKU in lower case."""

    preferences: Mapping[str, Any]
    terms: Mapping[str, bool] = field(default_factory=dict)
    accounts: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)

    @property
    def custom_fields(self) -> frozenset[str]:
        """The custom fields of sales forms that are switched on, in lower case."""
        sales = self.preferences.get("SalesFormsPrefs") or {}
        told = {
            str(one.get("Name")): one
            for part in sales.get("CustomField") or ()
            for one in part.get("CustomField") or ()
        }
        names = set()
        for name, one in told.items():
            number = name.removeprefix("SalesFormsPrefs.SalesCustomName")
            used = told.get(f"SalesFormsPrefs.UseSalesCustom{number}")
            if name != number and (used is None or used.get("BooleanValue")):
                names.add(str(one.get("StringValue") or "").lower())
        return frozenset(names - {""})


def look(company: Company) -> Held:
    """Four reads of one company."""
    (preferences,) = company.query("Preferences")
    whole = "Active IN (true, false)"
    terms = {str(t["Name"]).lower(): bool(t.get("Active", True))
             for t in company.query("Term", whole)}  # fmt: skip
    accounts = {
        str(a["Name"]).lower(): (str(a.get("AccountType")), bool(a.get("Active", True)))
        for a in company.query("Account", whole)
    }
    items = {
        str(name).lower(): str(item.get("Type"))
        for item in company.query("Item")
        for name in (item.get("Sku"), item.get("Name"))
        if name
    }
    return Held(preferences, terms, accounts, items)


def steps(company_id: str, tables: Mapping[str, Rows], held: Held) -> list[Step]:
    """What the mapping asks of this company, in the order in which it is done: made from here, for
    a person, or there already. Pure."""
    own = {name: [r for r in rows if r.get("company_id") in (None, company_id)]
           for name, rows in tables.items()}  # fmt: skip
    return [
        *_routing(own["company_routing"]),
        *(_term(name, held) for name in _names(own["terms"], "term_name")),
        *(_account(n, "income", held) for n in _names(own["item_rules"], "income_account_name")),
        *_discount(own["invoice_discounts"], held),
        *_custom_fields(own["invoice_fields"], held),
        *_switches(own, held),
    ]


def do(
    company: Company, company_id: str, plan: Sequence[Step], said: Callable[[Step], None]
) -> None:
    """Make what can be made and say each. The request id follows from company and name, so that a
    repeat is recognised. Raises `Refused` with the vendor's words."""
    for step in due(plan):
        entity = "Term" if step.kind == TERM else "Account"
        told = f"setup {company_id} {entity} {step.name}"
        try:
            company.create(entity, to_json(_body(step)), sha256(told.encode()).hexdigest()[:50])
        except Refused as refusal:
            refusal.record = f"{step.verb} {step.kind} {step.name}"
            raise
        said(step)


def _routing(rows: Rows) -> Iterator[Step]:
    if not rows:
        told = (
            "no currency is billed in this company: name it there, or leave it out of the settings"
        )
        yield Step(TABLE, "company_routing", None, told, needs_person=True)


def _body(step: Step) -> dict[str, Any]:
    if step.kind == TERM:
        return {"Name": step.name, "DueDays": _days(step.name)}
    kinds = {"AccountType": "Income"}
    if "discounts" in step.note:
        kinds["AccountSubType"] = "DiscountsRefundsGiven"
    return {"Name": step.name, **kinds}


def _names(rows: Rows, column: str) -> list[str]:
    """The names in a column, each once, as they come."""
    return list(dict.fromkeys(str(row[column]) for row in rows if row.get(column)))


def _days(name: str) -> int | None:
    """Days of a standard term by its name: Net 30, Due on receipt; None where it does not say."""
    if _AT_ONCE.fullmatch(name):
        return 0
    found = _DAYS.fullmatch(name)
    return int(found[1]) if found else None


def _term(name: str, held: Held) -> Step:
    used = held.terms.get(name.lower())
    if used:
        return Step(TERM, name)
    if used is False:
        told = "it is not in use. Gear, All lists, Terms: make it active"
        return Step(TERM, name, None, told, needs_person=True)
    days = _days(name)
    if days is None:
        told = (
            "its name does not say when it is due. Gear, All lists, Terms, New: give it this name"
        )
        return Step(TERM, name, None, told, needs_person=True)
    return Step(TERM, name, "create", f"due in {days} days")


def _account(name: str, use: str, held: Held) -> Step:
    there = held.accounts.get(name.lower())
    if there is None:
        return Step(ACCOUNT, name, "create", f"Income, for {use}")
    kind, is_used = there
    if not is_used:
        told = "it is not in use. Gear, Chart of accounts, filter Inactive: make it active"
        return Step(ACCOUNT, name, None, told, needs_person=True)
    if use == "income" and kind not in ("Income", "Other Income"):
        told = f"it is an account of type {kind}. Name an income account in item_rules"
        return Step(ACCOUNT, name, None, told, needs_person=True)
    return Step(ACCOUNT, name)


def _discount(rows: Rows, held: Held) -> Iterator[Step]:
    sales = held.preferences.get("SalesFormsPrefs") or {}
    for row in rows:
        if row["shown_as"] == "line":
            yield _discount_item(str(row["item_sku"] or row["item_name"]), held)
        if row["shown_as"] not in ("total", "deal"):
            continue
        if not sales.get("AllowDiscount", True):
            told = f"discounts are off. {_SALES}, Sales form content: switch Discount on"
            yield Step(SWITCH, "discounts", None, told, needs_person=True)
        elif row.get("account_name"):
            yield _account(str(row["account_name"]), "discounts", held)
        elif not sales.get("DefaultDiscountAccount"):
            told = (
                "there is no account for discounts. Gear, Account and settings, Advanced, Chart of "
                "accounts: choose a discount account, or name one in invoice_discounts"
            )
            yield Step(SWITCH, "account for discounts", None, told, needs_person=True)


def _discount_item(name: str, held: Held) -> Step:
    kind = held.items.get(name.lower())
    if kind is None:
        told = (
            "it is not there or not in use. Gear, Products and services, New, Service: this name "
            "or SKU, and an income account for discounts"
        )
        return Step(ITEM, name, None, told, needs_person=True)
    if kind in ("Group", "Category"):
        told = f"it is a {kind.lower()}. A discount line needs a service: name another item"
        return Step(ITEM, name, None, told, needs_person=True)
    return Step(ITEM, name)


def _custom_fields(rows: Rows, held: Held) -> Iterator[Step]:
    mapped = _names([r for r in rows if r["target"] == "custom_field"], "field_name")
    for name in mapped:
        there = name.lower() in held.custom_fields
        told = "" if there else f"invoice_fields names it. {_FIELD_STEPS}"
        yield Step(FIELD, name, None, told, needs_person=not there)
    for name in WELCOME:
        if name not in mapped and name.lower() not in held.custom_fields:
            yield Step(FIELD, name, None, f"welcome, not needed: {_FIELD_STEPS}")


def _switches(own: Mapping[str, Rows], held: Held) -> Iterator[Step]:
    """Switches of the preferences that have to stand otherwise."""
    books, sales = (held.preferences.get(n) or {} for n in ("AccountingInfoPrefs",
                                                            "SalesFormsPrefs"))  # fmt: skip
    targets = {row["target"] for row in own["invoice_fields"]}
    by_deal = any(row["numbered_by"] == "deal" for row in own["document_numbers"])
    tracks = books.get("ClassTrackingPerTxn") or books.get("ClassTrackingPerTxnLine")
    numbered = bool(sales.get("CustomTxnNumbers"))
    currencies = {row["currency_code"] for row in own["company_routing"]}
    money = held.preferences.get("CurrencyPrefs") or {}
    foreign = sorted(currencies - {str((money.get("HomeCurrency") or {}).get("value"))})
    wanted = (
        ("classes", "class" in targets and not tracks,
         f"the mapping sets classes and none are tracked. {_ADVANCED}, Categories: track classes"),
        ("locations", "location" in targets and not books.get("TrackDepartments"),
         f"the mapping sets locations and none are tracked. {_ADVANCED}, Categories: track "
         "locations"),
        ("custom transaction numbers", by_deal and not numbered,
         f"document_numbers says deal and they are off. {_SALES}, Sales form content: switch "
         "custom transaction numbers on"),
        ("custom transaction numbers", not by_deal and numbered,
         "they are on, so that QuickBooks gives no number unless it is asked, as Crossfoot does. "
         f"{_SALES}, Sales form content: switch them off, or say deal in document_numbers"),
        ("several currencies", bool(foreign) and not money.get("MultiCurrencyEnabled"),
         f"{', '.join(foreign)} are routed here and one currency is on. {_ADVANCED}, Currency: "
         "switch multi-currency on, which cannot be undone, or correct company_routing"),
    )  # fmt: skip
    for name, is_wrong, told in wanted:
        if is_wrong:
            # Numbers that are asked for work as well: that one is said, not demanded.
            needs = not told.startswith("they are on")
            yield Step(SWITCH, name, None, told, needs_person=needs)
