"""What the gateway's reading tools ask the published copy. Every value is a parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from orchestration.gateway.rules import Caller
from pipelines import warehouse
from pipelines.errors import Refused

Kind = Literal["account", "customer", "product", "item", "deal", "invoice", "payment", "match"]
Row = dict[str, Any]
# Marts that are asked as of a day.
MISMATCHED, AGED = (
    f"reconciliation.{name}_as_of([CAST(? AS DATE)])" for name in ("mismatches", "receivables")
)


@dataclass(frozen=True)
class _Place:
    """Where records of a kind stand: their id, what a search looks through, and whose they are."""

    table: str
    record_id: str
    searched: tuple[str, ...]
    owner: str
    shown: tuple[str, ...]


_PLACES: Mapping[str, _Place] = {
    "account": _Place(
        "staging.stg_salesforce__accounts", "account_id", ("account_name", "website"), "org_id",
        ("org_id", "account_id", "account_name", "website", "billing_city", "currency_code",
         "open_balance", "overdue_balance", "is_overdue"),
    ),
    "customer": _Place(
        "staging.stg_quickbooks__customers", "customer_id",
        ("display_name", "company_name", "email"), "company_id",
        ("company_id", "customer_id", "display_name", "email", "currency_code", "balance",
         "is_active"),
    ),
    "product": _Place(
        "staging.stg_salesforce__products", "product_id", ("product_name", "product_code", "sku"),
        "org_id", ("org_id", "product_id", "product_name", "product_code", "family", "is_active"),
    ),
    "item": _Place(
        "staging.stg_quickbooks__items", "item_id", ("item_name", "sku"), "company_id",
        ("company_id", "item_id", "item_name", "sku", "item_type", "unit_price", "is_active"),
    ),
    "deal": _Place(
        "reconciliation.deal_coverage", "deal_id", ("deal_name", "account_name"), "company_id",
        ("company_id", "deal_id", "deal_name", "account_name", "plan_step", "due_on", "amount",
         "currency_code", "coverage_state", "invoiced_amount", "blocked_reason"),
    ),
    "invoice": _Place(
        "reconciliation.invoice_status", "invoice_id", ("document_number", "customer_name"),
        "company_id",
        ("company_id", "invoice_id", "document_number", "customer_name", "invoice_on", "due_on",
         "invoice_status", "gross_amount", "balance", "currency_code"),
    ),
    "payment": _Place(
        "staging.stg_quickbooks__payments", "payment_id", ("payment_reference", "customer_name"),
        "company_id",
        ("company_id", "payment_id", "customer_name", "paid_on", "total_amount",
         "unapplied_amount", "currency_code"),
    ),
    "match": _Place(
        "matched.matched_customers", "account_id", ("account_name", "customer_name"),
        "company_id",
        ("company_id", "account_id", "account_name", "customer_id", "customer_name",
         "match_state", "method", "confidence"),
    ),
}  # fmt: skip
_SYNCS = {
    "sync_customers": ("account_id", "account_name"),
    "sync_products": ("product_id", "product_name"),
    "sync_invoices": ("deal_id", "deal_name"),
    "sync_estimates": ("estimate_id", "document_number"),
}


def search(path: Path, kind: Kind, text: str, caller: Caller, rows: int) -> list[Row]:
    """Records of a kind whose names or numbers contain the text, best first by name.

    Raises `Refused` for records of the whole org where the caller may see some companies only.
    """
    place = _place(kind, caller)
    looked = " OR ".join(f"{column} ILIKE ? ESCAPE '\\'" for column in place.searched)
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    wanted = [f"%{escaped}%"] * len(place.searched)
    own, companies = _own(place, caller)
    sql = (
        f"SELECT {', '.join(place.shown)} FROM {place.table} WHERE ({looked}){own} "  # noqa: S608
        f"ORDER BY {place.searched[0]}, {place.record_id} LIMIT {rows + 1}"
    )
    return warehouse.read(path, sql, [*wanted, *companies])


def record(path: Path, kind: Kind, record_id: str, caller: Caller, rows: int) -> list[Row]:
    """All that is held of one record; several rows where it has several, as a deal has steps."""
    place = _place(kind, caller)
    own, companies = _own(place, caller)
    is_number = place.searched[0] if kind == "invoice" else place.record_id
    sql = (
        f"SELECT * FROM {place.table} WHERE (CAST({place.record_id} AS VARCHAR) = ? "  # noqa: S608
        f"OR CAST({is_number} AS VARCHAR) = ?){own} LIMIT {rows + 1}"
    )
    return warehouse.read(path, sql, [record_id, record_id, *companies])


def mart(
    path: Path,
    table: str,
    caller: Caller,
    rows: int,
    where: Mapping[str, Any],
    order: str,
    day: date | None = None,
) -> list[Row]:
    """Rows of a mart that has a company in each, where the given columns have the given values;
    with a day of a mart that is asked as of days."""
    given = {column: value for column, value in where.items() if value is not None}
    conditions = "".join(f" AND {warehouse.identifier(column)} = ?" for column in given)
    own, companies = _companies("company_id", caller)
    sql = (
        f"SELECT * FROM {table} WHERE true{conditions}{own} ORDER BY {order} "  # noqa: S608
        f"LIMIT {rows + 1}"
    )
    return warehouse.read(path, sql, [*([day] if day else []), *given.values(), *companies])


def ageing(
    path: Path, day: date, caller: Caller, company_id: str | None, currency: str | None
) -> list[Row]:
    """What customers owed at the end of a day, by how long it was past due then."""
    own, companies = _companies("company_id", caller)
    given = {"company_id": company_id, "currency_code": currency}
    asked = {column: value for column, value in given.items() if value is not None}
    more = "".join(f" AND {column} = ?" for column in asked)
    sql = f"""
        SELECT
            company_id, currency_code,
            CASE WHEN coalesce(days_overdue, 0) = 0 THEN 'current'
                WHEN days_overdue <= 30 THEN '1-30' WHEN days_overdue <= 60 THEN '31-60'
                WHEN days_overdue <= 90 THEN '61-90' ELSE '90+' END AS bucket,
            sum(balance) AS amount, count(*) AS invoices, max(days_overdue) AS oldest_days
        FROM {AGED}
        WHERE balance > 0{more}{own}
        GROUP BY ALL ORDER BY company_id, currency_code, max(coalesce(days_overdue, 0))
    """  # noqa: S608 - names of columns only
    return warehouse.read(path, sql, [day, *asked.values(), *companies])


def kpis(path: Path, day: date, caller: Caller) -> list[Row]:
    """The key figures of a day by company and currency."""
    own, companies = _companies("company_id", caller)
    sql = f"SELECT * FROM reconciliation.kpis_as_of(?) WHERE true{own} ORDER BY ALL"  # noqa: S608
    return warehouse.read(path, sql, [day, *companies])


def blocks(path: Path, record_id: str, caller: Caller, rows: int) -> list[Row]:
    """Why nothing is written of a deal, an account, a product or an estimate."""
    own, companies = _companies("company_id", caller)
    each = " UNION ALL BY NAME ".join(
        f"SELECT '{table}' AS mart, {key} AS record_id, {name} AS record_name, company_id, "  # noqa: S608
        f"blocked_reason, blocked_detail FROM sync.{table} "
        f"WHERE blocked_reason IS NOT NULL AND {key} = ?{own}"
        for table, (key, name) in _SYNCS.items()
    )
    return warehouse.read(path, f"{each} LIMIT {rows + 1}", [record_id, *companies] * len(_SYNCS))


def pair(path: Path, account_id: str, caller: Caller, rows: int) -> list[Row]:
    """Every ground that speaks for or against the customers of an account, in bits."""
    own, companies = _companies("company_id", caller)
    sql = (
        "SELECT * FROM matched.match_explanations "  # noqa: S608
        f"WHERE account_id = ?{own} ORDER BY company_id, customer_id, ground_number "
        f"LIMIT {rows + 1}"
    )
    return warehouse.read(path, sql, [account_id, *companies])


def verdict(path: Path) -> list[Row]:
    """Whether what is held is fresh and whole, by source."""
    return warehouse.read(path, "SELECT * FROM reconciliation.data_verdict ORDER BY ALL")


def _place(kind: Kind, caller: Caller) -> _Place:
    if kind not in get_args(Kind):
        raise Refused("gateway", kind, f"it is none of {', '.join(get_args(Kind))}", "", "KIND", "")
    place = _PLACES[kind]
    if place.owner == "org_id" and caller.companies is not None:
        raise Refused(
            "gateway", kind, "it belongs to the whole org, and this token sees some companies only",
            "Ask for deals, invoices or matches.", "SCOPE", "",
        )  # fmt: skip
    return place


def _own(place: _Place, caller: Caller) -> tuple[str, Sequence[str]]:
    return ("", ()) if place.owner == "org_id" else _companies(place.owner, caller)


def _companies(column: str, caller: Caller) -> tuple[str, Sequence[str]]:
    """The condition that leaves only the caller's companies, with its values."""
    if caller.companies is None:
        return "", ()
    listed = sorted(caller.companies)
    return f" AND {column} IN ({', '.join('?' * len(listed)) or 'NULL'})", listed
