"""The tables of the mapping: their columns, what may stand in them, and what rows must keep.

A table is a seed of the dbt project, or the table of that name in the file that CROSSFOOT_MAPPING
names. The types are those of the seeds' own description; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "whole", "amount", "flag", "day"]
Row = Mapping[str, Any]
# What is wrong with a row: in which column, and why.
Problems = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Column:
    """One column: its kind, as DuckDB keeps it, whether it may be empty, and the words allowed."""

    kind: Kind = "text"
    stored: str = "VARCHAR"
    is_required: bool = False
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table: columns in their order, the columns that no two rows have alike, and a rule of its
    own. `refers` names the table and column that a column's values must stand in."""

    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    rule: Callable[[Row], Problems] | None = None
    refers: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def _fields_kept(row: Row) -> Problems:
    is_custom = row["target"] == "custom_field"
    if is_custom and not row["field_name"]:
        yield "field_name", "a custom_field needs the name that it has in QuickBooks"
    if not is_custom and row["field_name"]:
        yield "field_name", f"a {row['target']} has no name of its own; leave it empty"
    if row["target"] != "class" and row["source_object"] in ("line", "product"):
        yield "source_object", f"a {row['target']} is the whole invoice's: deal, account or owner"


def _rule_names_item(row: Row) -> Problems:
    if bool(row["item_sku"]) == bool(row["item_name"]):
        yield "item_sku", "name the item by item_sku or by item_name, one of the two"


def _number_has_source(row: Row) -> Problems:
    if row["numbered_by"] == "deal" and not row["source_field"]:
        yield "source_field", "it names the deal's field that holds the number"
    if len(row["prefix"] or "") > 12:
        yield "prefix", "a document number has 21 characters; leave room for the deal's"


def _discount_has_place(row: Row) -> Problems:
    item = row["item_sku"] or row["item_name"]
    if row["shown_as"] == "line" and bool(row["item_sku"]) == bool(row["item_name"]):
        yield "item_sku", "a discount shown as a line needs its item: by item_sku or by item_name"
    if row["shown_as"] != "line" and item:
        yield "item_sku", f"only a line has an item; leave it empty for {row['shown_as']}"
    if row["shown_as"] not in ("total", "deal") and row["account_name"]:
        told = f"only total and deal have an account; leave it empty for {row['shown_as']}"
        yield "account_name", told


def _pattern_is_one(row: Row) -> Problems:
    try:
        re.compile(row["code_pattern"] or "")
    except re.error as problem:
        yield "code_pattern", f"it is no regular expression: {problem}"


def _is_above_zero(name: str) -> Callable[[Row], Problems]:
    def rule(row: Row) -> Problems:
        if row[name] is not None and row[name] <= 0:
            yield name, "it must be above 0"

    return rule


_NEEDED = Column(is_required=True)
_WHOLE = Column("whole", "INTEGER", is_required=True)
_FLAG = Column("flag", "BOOLEAN", is_required=True)
_TEXT = Column()
_DAY = Column("day", "DATE")
_ITEM_TYPE = Column(allowed=("Service", "NonInventory", "Group"), is_required=True)
_OBJECT = Column(allowed=("deal", "account", "owner", "line", "product"), is_required=True)

TABLES: Mapping[str, Table] = {
    "stages": Table({"stage_name": _NEEDED, "is_won": _FLAG, "is_closed": _FLAG}, ("stage_name",)),
    "company_routing": Table(
        {"priority": _WHOLE, "currency_code": _NEEDED, "company_id": _NEEDED},
        ("priority", "currency_code"),
    ),
    "billing_plans": Table(
        {
            "billing_plan": _NEEDED, "plan_step": _WHOLE, "offset_months": _WHOLE,
            "share": _WHOLE,
        },
        ("billing_plan", "plan_step"),
        _is_above_zero("share"),
    ),
    "terms": Table(
        {"salesforce_terms": _NEEDED, "company_id": _NEEDED, "term_name": _NEEDED},
        ("salesforce_terms", "company_id"),
    ),
    "tax_codes": Table(
        {
            "company_id": _NEEDED, "currency_code": _NEEDED, "is_customer_taxable": _FLAG,
            "tax_code_id": _NEEDED,
        },
        ("company_id", "currency_code", "is_customer_taxable"),
    ),
    "exclusions": Table(
        {
            "rule_code": _NEEDED,
            "subject": Column(allowed=("account_type", "basis_amount"), is_required=True),
            "matched_value": _NEEDED, "reason": _TEXT,
        },
        ("rule_code", "subject", "matched_value"),
    ),
    "invoice_fields": Table(
        {
            "priority": _WHOLE, "company_id": _TEXT,
            "target": Column(allowed=("class", "location", "custom_field"), is_required=True),
            "field_name": _TEXT, "source_object": _OBJECT, "source_field": _NEEDED,
            "source_value": _TEXT, "value": _TEXT, "is_required": _FLAG,
        },
        ("priority", "company_id", "target", "field_name", "source_value"),
        _fields_kept,
    ),
    "product_rules": Table(
        {
            "priority": _WHOLE, "company_id": _TEXT, "product_code": _TEXT,
            "source_object": _OBJECT, "source_field": _NEEDED, "source_value": _NEEDED,
            "item_sku": _TEXT, "item_name": _TEXT,
        },
        ("priority", "company_id", "product_code", "source_value"),
        _rule_names_item,
    ),
    "document_numbers": Table(
        {
            "company_id": _NEEDED,
            "numbered_by": Column(allowed=("quickbooks", "deal"), is_required=True),
            "prefix": _TEXT, "source_field": _TEXT,
        },
        ("company_id",),
        _number_has_source,
    ),
    "invoice_discounts": Table(
        {
            "company_id": _NEEDED,
            "shown_as": Column(allowed=("unit_price", "line", "total", "deal"), is_required=True),
            "item_sku": _TEXT, "item_name": _TEXT, "account_name": _TEXT,
        },
        ("company_id",),
        _discount_has_place,
    ),
    "deal_discounts": Table(
        {
            "priority": _WHOLE, "source_field": _NEEDED,
            "kind": Column(allowed=("percent", "amount"), is_required=True),
        },
        ("priority",),
    ),
    "item_rules": Table(
        {
            "priority": _WHOLE, "company_id": _NEEDED, "family": _TEXT, "code_pattern": _TEXT,
            "item_type": _ITEM_TYPE, "income_account_name": _TEXT, "is_taxable": _FLAG,
        },
        ("priority", "company_id", "family", "code_pattern"),
        _pattern_is_one,
    ),
    "price_books": Table(
        {
            "price_book_name": _NEEDED, "currency_code": _NEEDED, "company_id": _NEEDED,
            "percent": Column("amount", "DECIMAL(9,4)", is_required=True), "decimals": _WHOLE,
            "adds_products": _FLAG, "valid_from": _DAY, "valid_until": _DAY,
        },
        ("price_book_name", "currency_code", "company_id", "valid_from"),
        _is_above_zero("percent"),
    ),
    "estimate_stages": Table(
        {"estimate_status": _NEEDED, "is_invoiced": _FLAG, "stage_name": _NEEDED},
        ("estimate_status", "is_invoiced"),
        refers={"stage_name": ("stages", "stage_name")},
    ),
    "overdue_steps": Table(
        {"step": _WHOLE, "after_days": _WHOLE, "priority": _NEEDED, "sends_mail": _FLAG},
        ("step",),
    ),
    "overdue_task_states": Table(
        {
            "task_status": _NEEDED,
            "meaning": Column(
                allowed=("chased", "disputed", "promised", "handled"), is_required=True
            ),
        },
        ("task_status",),
    ),
    "field_owners": Table(
        {
            "flow": _NEEDED, "field": _NEEDED,
            "owner": Column(allowed=("salesforce", "quickbooks"), is_required=True),
            "written": Column(allowed=("always", "on_create", "never"), is_required=True),
            "note": _TEXT,
        },
        ("flow", "field"),
    ),
    "book_dials": Table(
        {
            "dial": Column(allowed=("matching", "rounding", "materiality"), is_required=True),
            "company_id": _TEXT, "currency_code": _TEXT,
            "absolute": Column("amount", "DECIMAL(18,4)"),
            "per_cent": Column("amount", "DECIMAL(9,4)"),
        },
        ("dial", "company_id", "currency_code"),
    ),
}  # fmt: skip
