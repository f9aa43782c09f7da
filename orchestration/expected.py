"""What the extracted tables must be like: types, ranges, uniqueness, and which columns are filled.

Only what the vendors themselves guarantee stands here: a row that breaks it is a fault of the
reading, not a customer's odd way of working, and no figure may be computed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines import warehouse

# How a value comes out of the warehouse, in the words of Great Expectations: amounts stay exact.
TEXT, AMOUNT, DAY, FLAG, MOMENT, NUMBER = "str", "Decimal", "date", "bool", "moment", "number"
CODE = "^[A-Z]{3}$"


@dataclass(frozen=True)
class Column:
    """One column that is looked at: what it is read as, and what each of its values keeps to.

    `sql` reads it where it is not a column of its own. `at_least` and `like` hold for values that
    are there.
    """

    name: str
    kind: str
    sql: str = ""
    filled: bool = True
    at_least: int | None = None
    like: str = ""


@dataclass(frozen=True)
class Expected:
    """One table: its key, the columns that are looked at, and pairs of which the first is never
    less than the second."""

    schema: str
    table: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    at_most: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """`raw_quickbooks.invoice`."""
        return f"{self.schema}.{self.table}"

    @property
    def query(self) -> str:
        """Everything that is looked at, as one statement."""
        asked = [warehouse.identifier(name) for name in self.key]
        asked += [
            f"{column.sql or warehouse.identifier(column.name)} AS "
            f"{warehouse.identifier(column.name)}"
            for column in self.columns
        ]
        table = f"{warehouse.identifier(self.schema)}.{warehouse.identifier(self.table)}"
        return f"SELECT {', '.join(asked)} FROM {table}"  # noqa: S608 - names that stand here


def _salesforce(table: str, *columns: Column) -> Expected:
    stamped = Column("system_modstamp", MOMENT)
    return Expected(warehouse.RAW_SALESFORCE, table, ("org_id", "id"), (*columns, stamped))


def _quickbooks(
    table: str, *columns: Column, at_most: tuple[tuple[str, str], ...] = ()
) -> Expected:
    version = Column("sync_token", NUMBER, at_least=0)
    key = ("company_id", "id")
    return Expected(warehouse.RAW_QUICKBOOKS, table, key, (*columns, version), at_most)


def _told(name: str, kind: str, path: str, **more: object) -> Column:
    """A value out of the record as QuickBooks gave it; one that is malformed counts as missing."""
    found = "payload" + "".join(f"->'{part}'" for part in path.split(".")[:-1])
    found = f"({found}->>'{path.split('.')[-1]}')"
    types: Mapping[str, str] = {AMOUNT: "DECIMAL(18, 2)", DAY: "DATE"}
    sql = f"TRY_CAST({found} AS {types[kind]})" if kind in types else found
    return Column(name, kind, sql, **more)  # type: ignore[arg-type]


def _document(table: str, *columns: Column, **more: object) -> Expected:
    """A transaction: whose, when, in which currency, how much; never less than nothing."""
    return _quickbooks(
        table,
        _told("customer_id", TEXT, "CustomerRef.value"),
        _told("transaction_date", DAY, "TxnDate"),
        # A company with one currency may say nothing of it.
        _told("currency_code", TEXT, "CurrencyRef.value", filled=False, like=CODE),
        _told("total_amount", AMOUNT, "TotalAmt", at_least=0),
        *columns,
        **more,  # type: ignore[arg-type]
    )


_BALANCE = _told("balance", AMOUNT, "Balance", filled=False, at_least=0)
EXPECTED = (
    _salesforce("account", Column("name", TEXT), Column("is_deleted", FLAG)),
    _salesforce(
        "opportunity",
        Column("stage_name", TEXT),
        Column("close_date", DAY),
        Column("amount", AMOUNT, filled=False),
        Column("is_won", FLAG),
        Column("is_deleted", FLAG),
    ),
    _salesforce(
        "opportunity_line_item",
        Column("opportunity_id", TEXT),
        Column("quantity", AMOUNT),
        Column("total_price", AMOUNT, filled=False),
    ),
    _salesforce("product2", Column("name", TEXT), Column("is_active", FLAG)),
    _salesforce(
        "pricebook_entry",
        Column("pricebook2_id", TEXT),
        Column("product2_id", TEXT),
        Column("unit_price", AMOUNT),
    ),
    _quickbooks("customer", _told("name", TEXT, "DisplayName")),
    _quickbooks("item", _told("name", TEXT, "Name"), _told("kind", TEXT, "Type", filled=False)),
    _document("invoice", _BALANCE, at_most=(("total_amount", "balance"),)),
    _document(
        "payment",
        _told("unapplied_amount", AMOUNT, "UnappliedAmt", filled=False, at_least=0),
        at_most=(("total_amount", "unapplied_amount"),),
    ),
    _document("credit_memo"),
    _document("estimate"),
)
