"""The query language: grammar, and the same answers as SQL for random statements."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sandbox.quickbooks.query import Condition, Ordering, parse
from pipelines.sandbox.quickbooks.refusals import Refusal
from pipelines.sandbox.quickbooks.selection import Day, page, select
from pipelines.sandbox.quickbooks.vocabulary import ENTITIES
from pipelines.sandbox.store import Table

TODAY = Day(datetime(2026, 11, 20, 9, tzinfo=UTC))


def test_a_statement_is_read_in_all_its_parts() -> None:
    statement = parse(
        "SELECT *, Sku FROM Item WHERE  Name LIKE '%a%' And Active IN ( true,false )"
        " ORDERBY Name desc, Id MAXRESULTS 7 STARTPOSITION 3"
    )
    assert (statement.entity, statement.columns, statement.count) == ("Item", ("*", "Sku"), False)
    assert statement.conditions == (
        Condition("Name", "like", ("%a%",)),
        Condition("Active", "in", ("true", "false")),
    )
    assert statement.order == (Ordering("Name", True), Ordering("Id", False))
    assert (statement.start, statement.limit) == (3, 7)


@pytest.mark.parametrize(
    ("literal", "value"),
    [("'Amy\\'s'", "Amy's"), ("'a\\\\b'", "a\\b"), ("''", ""), ("3.5", "3.5"), ("-2", "-2")],
)
def test_literals(literal: str, value: str) -> None:
    condition = parse(f"select * from Invoice where DocNumber = {literal}").conditions[0]
    assert condition.values == (value,)


def test_count_orderings_and_both_spellings() -> None:
    assert parse("select count(*) from Invoice").count
    assert parse("select * from Invoice order by Id").order == (Ordering("Id", False),)
    assert parse("select * from Invoice where DocNumber <> '1'").conditions[0].operator == "!="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select",
        "select * Invoice",
        "select * from",
        "select * from Invoice where",
        "select * from Invoice where Id",
        "select * from Invoice where Id = ",
        "select * from Invoice where Id = 5x",
        "select * from Invoice where (Id = '5')",
        "select * from Invoice where not Id = '5'",
        "select * from Invoice where Id in '5'",
        "select * from Invoice where Id in ('5'",
        "select * from Invoice order Id",
        "select * from Invoice maxresults",
        "select * from Invoice maxresults 1.5",
        "select * from Invoice; select 1",
        'select * from Invoice where DocNumber = "5"',
        "select * from Invoice where DocNumber = 'it''s'",
    ],
)
def test_what_leaves_the_grammar_is_a_4000(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(text)
    assert refused.value.code == "4000"


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("MetaData.LastUpdatedTime >= '2026-11-20T00:00:00-08:00'", ["2"]),
        ("metadata.lastupdatedtime < '2026-11-20T08:00:00Z'", ["1"]),
        ("MetaData.CreateTime = '2026-11-19T16:00:00-08:00'", ["1"]),
        ("MetaData.LastUpdatedTime >= '2026-11-20'", ["1", "2"]),
        ("TxnDate = CURRENT_DATE", ["2"]),
        ("TxnDate < '2026-11-20T10:00:00'", ["1"]),
        ("TotalAmt = 10", ["1"]),
        ("TotalAmt in ('10.0', '20')", ["1", "2"]),
        ("CustomerRef = '7'", ["1"]),
        ("CustomerRef in ('8','7')", ["1", "2"]),
        ("DocNumber = 'A-1'", ["1"]),
        ("DocNumber != 'a-1'", []),
        ("Id in ('2','9','1')", ["1", "2"]),
    ],
)
def test_values_are_compared_by_their_kind(condition: str, found: list[str]) -> None:
    table = Table()
    early = {
        "CreateTime": "2026-11-19T16:00:00-08:00",
        "LastUpdatedTime": "2026-11-19T16:00:00-08:00",
    }
    late = {
        "CreateTime": "2026-11-20T08:00:00Z",
        "LastUpdatedTime": "2026-11-20T08:00:00+00:00",
    }
    table.put("1", invoice("1", early, "2026-11-19", Decimal("10.00"), "7", DocNumber="a-1"))
    table.put("2", invoice("2", late, "2026-11-20", Decimal("20.00"), "8"))
    statement = parse(f"select * from Invoice where {condition} orderby Id")
    assert [r["Id"] for r in select(statement, ENTITIES["Invoice"], table, TODAY)] == found


def invoice(
    record_id: str, meta: dict[str, str], day: str, total: Decimal, customer: str, **more: Any
) -> dict[str, Any]:
    return {
        "Id": record_id,
        "MetaData": meta,
        "TxnDate": day,
        "TotalAmt": total,
        "CustomerRef": {"value": customer},
        **more,
    }


# ---- against SQL

LETTERS = st.text(alphabet="aAbB ", min_size=0, max_size=3)
DAYS = st.dates(datetime(2026, 1, 1).date(), datetime(2026, 1, 9).date()).map(str)
MONEY = st.integers(0, 6).map(lambda n: Decimal(n) / 2)
MOMENTS = st.integers(0, 5).map(lambda n: f"2026-01-0{n + 1}T0{n}:00:00-08:00")
ROWS = st.lists(
    st.tuples(st.none() | LETTERS.filter(bool), DAYS, MONEY, MOMENTS, st.sampled_from("123")),
    max_size=12,
)
FIELDS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "DocNumber": ("lower(doc)", LETTERS),
    "TxnDate": ("day", DAYS),
    "TotalAmt": ("total", MONEY),
    "MetaData.LastUpdatedTime": ("moment", MOMENTS),
    "CustomerRef": ("customer", st.sampled_from("123")),
}
OPERATORS = st.sampled_from(["=", "!=", "<", ">", "<=", ">=", "in"])


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, str]:
    """One condition, in the vendor's language and in SQL."""
    name = draw(st.sampled_from(list(FIELDS)))
    column, values = FIELDS[name]
    if name == "DocNumber" and draw(st.booleans()):
        pattern = draw(st.text(alphabet="aAbB %", max_size=4))
        return f"{name} like '{pattern}'", f"{column} like {_sql(name, pattern)}"
    operator = draw(OPERATORS)
    if operator != "in":
        value = draw(values)
        return f"{name} {operator} '{value}'", f"{column} {operator} {_sql(name, value)}"
    some = draw(st.lists(values, min_size=1, max_size=3))
    listed = ", ".join(f"'{value}'" for value in some)
    return f"{name} IN ({listed})", f"{column} in ({', '.join(_sql(name, v) for v in some)})"


def _sql(name: str, value: Any) -> str:
    if name == "MetaData.LastUpdatedTime":
        return f"timestamptz '{value}'"
    if name == "TotalAmt":
        return f"{value}::decimal(18,2)"
    text = str(value).lower()
    return f"date '{text}'" if name == "TxnDate" else f"'{text}'"


@st.composite
def orders(draw: st.DrawFn) -> tuple[str, str]:
    """An ordering, in the vendor's language and in SQL; ids break ties."""
    names = draw(st.lists(st.sampled_from(list(FIELDS)), min_size=1, max_size=2, unique=True))
    ways = [draw(st.booleans()) for _ in names]
    said = [f"{n}{' DESC' if down else ''}" for n, down in zip(names, ways, strict=True)]
    sql = [
        f"{FIELDS[n][0]} {'desc nulls last' if down else 'asc nulls first'}"
        for n, down in zip(names, ways, strict=True)
    ]
    return ", ".join(said), ", ".join([*sql, "id"])


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    return connection


@settings(max_examples=150, deadline=None)
@given(
    rows=ROWS,
    wanted=st.lists(conditions(), max_size=3),
    order=orders(),
    start=st.integers(1, 5),
    limit=st.integers(1, 8),
)
def test_a_statement_selects_what_sql_selects(
    database: duckdb.DuckDBPyConnection,
    rows: list[tuple[Any, ...]],
    wanted: list[tuple[str, str]],
    order: tuple[str, str],
    start: int,
    limit: int,
) -> None:
    where = " and ".join(said for said, _ in wanted)
    text = f"select * from Invoice {'where ' + where if where else ''} orderby {order[0]} "
    statement = parse(f"{text} startposition {start} maxresults {limit}")
    found = page(statement, select(statement, ENTITIES["Invoice"], _table(rows), TODAY))
    assert [int(r["Id"]) for r in found] == _by_sql(database, rows, wanted, order, start, limit)


def _table(rows: list[tuple[Any, ...]]) -> Table:
    table = Table()
    for number, (doc, day, total, moment, customer) in enumerate(rows, 1):
        meta = {"CreateTime": moment, "LastUpdatedTime": moment}
        more = {"DocNumber": doc} if doc is not None else {}
        table.put(str(number), invoice(str(number), meta, day, total, customer, **more))
    return table


def _by_sql(
    database: duckdb.DuckDBPyConnection,
    rows: list[tuple[Any, ...]],
    wanted: list[tuple[str, str]],
    order: tuple[str, str],
    start: int,
    limit: int,
) -> list[int]:
    database.execute(
        "create or replace table invoice (id int, doc varchar, day date, total decimal(18,2),"
        " moment timestamptz, customer varchar)"
    )
    for number, row in enumerate(rows, 1):
        database.execute("insert into invoice values (?, ?, ?, ?, ?, ?)", [number, *row])
    where = " and ".join(sql for _, sql in wanted) or "true"
    statement = f"select id from invoice where {where} order by {order[1]} "
    statement += f"limit {limit} offset {start - 1}"
    return [row[0] for row in database.execute(statement).fetchall()]
