"""Random SOQL against a plain reference: the same question put to DuckDB in SQL.

The cases are the same in every run. `SOQL_SEED=<number>` in the environment asks others; the seed
is printed with a failing case.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st
from soql_conditions import JOINED, Pair, order, where
from soql_world import asked, fill, sandbox_in

from pipelines.sandbox.kernel import Sandbox

SEED = int(os.environ.get("SOQL_SEED", "20261125"))
Property = Callable[[Callable[..., None]], Callable[..., None]]


def settled(examples: int) -> Property:
    """The same cases every time."""

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        rules = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        )
        return seed(SEED)(rules(test))

    return decorated


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = sandbox_in(tmp_path_factory.mktemp("seed"))
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def sql() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        fill(connection)
        yield connection


@settled(300)
@given(
    condition=where(),
    by=order(),
    limit=st.one_of(st.none(), st.integers(min_value=0, max_value=100)),
    offset=st.integers(min_value=0, max_value=5),
    deleted=st.booleans(),
)
def test_where_order_limit(
    org: Sandbox,
    sql: duckdb.DuckDBPyConnection,
    condition: Pair,
    by: Pair,
    limit: int | None,
    offset: int,
    deleted: bool,
) -> None:
    window = (f" LIMIT {limit}" if limit is not None else "") + f" OFFSET {offset}"
    soql = f"SELECT Id FROM Account WHERE {condition.soql} ORDER BY {by.soql}{window}"
    note(f"SOQL_SEED={SEED}")
    kept = "true" if deleted else "NOT c.is_deleted"
    expected = [
        r[0]
        for r in sql.execute(
            f"SELECT c.id FROM {JOINED} WHERE {kept} AND {condition.sql} ORDER BY {by.sql}{window}"
        ).fetchall()
    ]
    answer = asked(org, soql, "queryAll" if deleted else "query")
    assert [r["Id"] for r in answer["records"]] == expected, soql
    assert answer["totalSize"] == len(expected)


@settled(60)
@given(condition=where(), limit=st.one_of(st.none(), st.integers(0, 50)))
def test_count(
    org: Sandbox, sql: duckdb.DuckDBPyConnection, condition: Pair, limit: int | None
) -> None:
    note(f"SOQL_SEED={SEED}")
    window = f" LIMIT {limit}" if limit is not None else ""
    counted = sql.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM {JOINED} WHERE NOT c.is_deleted AND "
        f"{condition.sql}{window})"
    ).fetchall()
    answer = asked(org, f"SELECT COUNT() FROM Account WHERE {condition.soql}{window}")
    assert (answer["totalSize"], answer["records"]) == (counted[0][0], [])


@settled(60)
@given(condition=where(), direction=st.sampled_from(["", " DESC NULLS LAST"]),
       limit=st.integers(1, 3))  # fmt: skip
def test_parents_and_children(
    org: Sandbox, sql: duckdb.DuckDBPyConnection, condition: Pair, direction: str, limit: int
) -> None:
    note(f"SOQL_SEED={SEED}")
    soql = (
        "SELECT Id, Parent.Name, Parent.Parent.Name, (SELECT LastName, Account.Name FROM Contacts "
        f"WHERE Title != 'Köln' ORDER BY Title{direction}, Id LIMIT {limit}) FROM Account "
        f"WHERE {condition.soql} ORDER BY Id"
    )
    nulls = direction or " NULLS FIRST"
    rows = sql.execute(
        f"SELECT c.id, c.name, p.id IS NULL, p.name, g.name FROM {JOINED} WHERE NOT c.is_deleted "
        f"AND {condition.sql} ORDER BY c.id"
    ).fetchall()
    children_of: dict[str | None, list[str]] = {}
    for last_name, account_id in sql.execute(
        "SELECT s.last_name, s.account_id FROM contact s WHERE NOT s.is_deleted AND lower(s.title) "
        f"IS DISTINCT FROM 'köln' QUALIFY row_number() OVER (PARTITION BY s.account_id ORDER BY "
        f"lower(s.title){nulls}, s.id) <= {limit} ORDER BY lower(s.title){nulls}, s.id"
    ).fetchall():
        children_of.setdefault(account_id, []).append(last_name)
    found = asked(org, soql)["records"]
    assert [r["Id"] for r in found] == [r[0] for r in rows], soql
    for row, (account_id, name, orphan, parent, grandparent) in zip(found, rows, strict=True):
        assert (row["Parent"] is None) == orphan
        if not orphan:
            assert row["Parent"]["Name"] == parent
            assert (row["Parent"]["Parent"] or {}).get("Name") == grandparent
        names = children_of.get(account_id, [])
        children = row["Contacts"]
        assert (children is None) == (not names)
        if children is not None:
            assert [c["LastName"] for c in children["records"]] == names
            assert children["totalSize"] == len(names)
            assert {c["Account"]["Name"] for c in children["records"]} == {name}


# ---- groups

KEYS = {
    "Vip__c": ("c.vip", "c.vip"),
    "BillingCity": ("lower(c.city)", "lower(c.city)"),
    "Industry__c": ("lower(c.industry)", "o.place"),
    "Parent.Name": ("lower(p.name)", "lower(p.name)"),
    "NumberOfEmployees": ("c.employees", "c.employees"),
    "CALENDAR_YEAR(Due__c)": ("year(c.due)", "year(c.due)"),
    "DAY_IN_WEEK(SystemModstamp)": ("dayofweek(c.modified) + 1", "dayofweek(c.modified) + 1"),
    "DAY_ONLY(SystemModstamp)": ("c.modified::DATE::TEXT", "c.modified::DATE"),
}
# Amounts are summed in the corporate currency: 0.8 EUR are one dollar.
WORTH = "(c.balance * CASE c.iso WHEN 'EUR' THEN 1.25 ELSE 1 END)"
TOTALS = {
    "COUNT(Id)": "count(*)",
    "COUNT(Balance__c)": "count(c.balance)",
    "COUNT_DISTINCT(Name)": "count(DISTINCT lower(c.name))",
    "SUM(Balance__c)": f"round(sum({WORTH}), 2)",
    "MIN(Balance__c)": f"min({WORTH})",
    "MAX(Due__c)": "max(c.due)::TEXT",
    "MIN(SystemModstamp)": "strftime(min(c.modified), '%Y-%m-%dT%H:%M:%S.000+0000')",
    "MAX(Name)": "max(lower(c.name))",
}
HAVINGS = {
    "COUNT(Id) > 1": "count(*) > 1",
    "COUNT(Id) >= 2 AND NOT (MAX(Due__c) = null)": "count(*) >= 2 AND max(c.due) IS NOT NULL",
    "SUM(Balance__c) != 0": f"round(sum({WORTH}), 2) IS DISTINCT FROM 0",
    "MAX(Due__c) < TODAY OR COUNT(Id) = 1":
        "(coalesce(max(c.due) < DATE '2026-11-20', false) OR count(*) = 1)",
    "MIN(Name) LIKE 'a%'": "coalesce(min(lower(c.name)) LIKE 'a%', false)",
}  # fmt: skip


def plain(value: Any) -> Any:
    """Texts that are one group have one case here; numbers have no trailing zeros."""
    if isinstance(value, str):
        return value.lower()
    is_number = isinstance(value, Decimal | int) and not isinstance(value, bool)
    return Decimal(value).normalize() if is_number else value


def values(row: dict[str, Any]) -> tuple[Any, ...]:
    """A row without what it says of itself."""
    return tuple(plain(v) for k, v in row.items() if k != "attributes")


@settled(150)
@given(
    condition=where(),
    keys=st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=2, unique=True),
    totals=st.lists(st.sampled_from(sorted(TOTALS)), min_size=1, max_size=4, unique=True),
    having=st.one_of(st.none(), st.sampled_from(sorted(HAVINGS))),
    direction=st.sampled_from(["", " DESC", " DESC NULLS LAST", " NULLS LAST"]),
    limit=st.one_of(st.none(), st.integers(1, 5)),
)
def test_groups(
    org: Sandbox,
    sql: duckdb.DuckDBPyConnection,
    condition: Pair,
    keys: list[str],
    totals: list[str],
    having: str | None,
    direction: str,
    limit: int | None,
) -> None:
    note(f"SOQL_SEED={SEED}")
    window = f" LIMIT {limit}" if limit is not None else ""
    selected = [f"{t} t{n}" for n, t in enumerate(totals)]
    soql = (
        f"SELECT {', '.join([*keys, *selected])} FROM Account WHERE {condition.soql} GROUP BY "
        f"{', '.join(keys)}{f' HAVING {having}' if having else ''} ORDER BY "
        f"COUNT(Id){direction}, {', '.join(keys)}{window}"
    )
    grouped = list(dict.fromkeys(part for k in keys for part in KEYS[k]))
    shown = [KEYS[k][0] for k in keys] + [TOTALS[t] for t in totals]
    by = ", ".join(f"{KEYS[k][1]} NULLS FIRST" for k in keys)
    expected = sql.execute(
        f"SELECT {', '.join(shown)} FROM {JOINED} WHERE NOT c.is_deleted AND {condition.sql} "
        f"GROUP BY {', '.join(grouped)} HAVING {HAVINGS[having] if having else 'true'} ORDER BY "
        f"count(*) {'DESC' if 'DESC' in direction else ''}, {by}{window}"
    ).fetchall()
    found = [values(r) for r in asked(org, soql)["records"]]
    assert found == [tuple(map(plain, r)) for r in expected], soql


@settled(30)
@given(
    condition=where(),
    word=st.sampled_from(["ROLLUP", "CUBE"]),
    keys=st.lists(st.sampled_from(["Vip__c", "BillingCity", "NumberOfEmployees"]), min_size=1,
                  max_size=3, unique=True),
)  # fmt: skip
def test_subtotals(
    org: Sandbox, sql: duckdb.DuckDBPyConnection, condition: Pair, word: str, keys: list[str]
) -> None:
    note(f"SOQL_SEED={SEED}")
    soql = (
        f"SELECT {', '.join(keys)}, {', '.join(f'GROUPING({k}) g{k}' for k in keys)}, COUNT(Id) n "
        f"FROM Account WHERE {condition.soql} GROUP BY {word}({', '.join(keys)})"
    )
    columns = [KEYS[k][0] for k in keys]
    expected = sql.execute(
        f"SELECT {', '.join(columns)}, {', '.join(f'grouping({c})' for c in columns)}, count(*) "
        f"FROM {JOINED} WHERE NOT c.is_deleted AND {condition.sql} "
        f"GROUP BY {word}({', '.join(columns)})"
    ).fetchall()
    found = [values(r) for r in asked(org, soql)["records"]]
    assert sorted(map(repr, found)) == sorted(repr(tuple(map(plain, r))) for r in expected), soql


@settled(30)
@given(condition=where())
def test_aggregates_without_groups(
    org: Sandbox, sql: duckdb.DuckDBPyConnection, condition: Pair
) -> None:
    note(f"SOQL_SEED={SEED}")
    names = sorted(TOTALS)
    soql = f"SELECT {', '.join(names)}, AVG(NumberOfEmployees) a FROM Account WHERE "
    (expected,) = sql.execute(
        f"SELECT {', '.join(TOTALS[n] for n in names)}, sum(c.employees), count(c.employees) "
        f"FROM {JOINED} WHERE NOT c.is_deleted AND {condition.sql}"
    ).fetchall()
    (row,) = asked(org, soql + condition.soql)["records"]
    *totals, average = values(row)
    assert totals == [plain(v) for v in expected[:-2]], condition.soql
    if expected[-1]:
        assert abs(average - Decimal(expected[-2]) / expected[-1]) < Decimal("1e-12")
    else:
        assert average is None
