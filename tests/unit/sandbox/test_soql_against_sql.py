"""Random SOQL against a plain reference: the same question put to DuckDB in SQL.

Every condition is built twice from one tree: as SOQL for the sandbox, and as SQL that spells out
the vendor's rules (text without case, conditions that are never unknown, nulls first).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import pytest
import simplejson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sandbox import codec
from pipelines.sandbox.company.ids import with_checksum
from pipelines.sandbox.kernel import Options, Request, Sandbox
from pipelines.sandbox.salesforce import Salesforce

ORG = with_checksum("00DHs0000000001")
NAMES = ("Acme", "acme", "ACME Ltd", "Zürich", "O'Neil", "back\\slash", "x_y", "100%", "b c")
CITIES = ("Bonn", "bonn", "Köln", None)
AMOUNTS = ("0", "-1.50", "0.05", "10", "10.5", "99999999999999.99", None)
DAYS = (date(2026, 1, 31), date(2026, 2, 28), date(2026, 12, 31), None)
MOMENTS = tuple(datetime(2026, 3, 1, 12) + timedelta(seconds=n) for n in (-1, 0, 1, 86400))
ROWS = 60


def account(n: int) -> dict[str, Any]:
    """Every combination of values somewhere, in an order that tells nothing."""
    amount = AMOUNTS[n * 5 % len(AMOUNTS)]
    day = DAYS[n * 3 % len(DAYS)]
    return {
        "Id": with_checksum(f"001Hs{n:010d}"),
        "Name": NAMES[n * 7 % len(NAMES)],
        "BillingCity": CITIES[n * 11 % len(CITIES)],
        "Balance__c": None if amount is None else Decimal(amount),
        "Due__c": None if day is None else day.isoformat(),
        "NumberOfEmployees": None if n % 6 == 0 else n % 4,
        "Vip__c": n % 5 < 2,
        "ParentId": None if n % 3 == 0 else with_checksum(f"001Hs{n * 13 % ROWS:010d}"),
        "SystemModstamp": f"{MOMENTS[n % len(MOMENTS)]:%Y-%m-%dT%H:%M:%S}.000+0000",
        "IsDeleted": n % 10 == 9,
    }


ACCOUNTS = [account(n) for n in range(ROWS)]
CUSTOM = [
    {
        "FullName": "Account.Balance__c",
        "Metadata": {"type": "Currency", "label": "Balance", "precision": 18, "scale": 2},
    },
    {"FullName": "Account.Due__c", "Metadata": {"type": "Date", "label": "Due"}},
    {"FullName": "Account.Vip__c", "Metadata": {"type": "Checkbox", "label": "VIP"}},
]
MANIFEST = {
    "as_of": "2026-11-20T17:00:00Z",
    "salesforce": {"org_id": ORG, "org_name": "T", "user": {}, "currencies": []},
    "quickbooks": [],
}


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder: Path = tmp_path_factory.mktemp("seed")
    (folder / "salesforce").mkdir()
    for name, value in {
        "manifest": MANIFEST,
        "salesforce/Account": ACCOUNTS,
        "salesforce/_custom_fields": CUSTOM,
    }.items():
        (folder / f"{name}.json").write_text(simplejson.dumps(value, use_decimal=True))
    sandbox = Sandbox(Options(folder), {"salesforce": Salesforce})
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def sql() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE account (id TEXT, name TEXT, city TEXT, balance DECIMAL(18,2), due DATE, "
            "employees INT, vip BOOLEAN, parent_id TEXT, modified TIMESTAMP, is_deleted BOOLEAN)"
        )
        connection.executemany(
            "INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [[v[:19] if k == "SystemModstamp" else v for k, v in r.items()] for r in ACCOUNTS],
        )
        yield connection


@dataclass(frozen=True)
class Both:
    """One condition in both languages."""

    soql: str
    sql: str


def quoted(text: str) -> Both:
    soql = text.replace("\\", "\\\\").replace("'", "\\'")
    sql = text.replace("'", "''")
    return Both(f"'{soql}'", f"lower('{sql}')")


# field in SOQL -> (the same in SQL, its literals in both languages)
FIELDS: dict[str, tuple[str, list[Both]]] = {
    "Name": ("lower(c.name)", [quoted(n) for n in (*NAMES, "", "zzz")]),
    "BillingCity": ("lower(c.city)", [quoted(n) for n in ("BONN", "köln", "x")]),
    "Balance__c": ("c.balance", [Both(a, a) for a in AMOUNTS if a] + [Both("1.05e1", "10.5")]),
    "Due__c": ("c.due", [Both(f"{d}", f"DATE '{d}'") for d in DAYS if d]),
    "NumberOfEmployees": ("c.employees", [Both(str(n), str(n)) for n in range(-1, 5)]),
    "SystemModstamp": (
        "c.modified",
        [Both(f"{m:%Y-%m-%dT%H:%M:%S}Z", f"TIMESTAMP '{m}'") for m in MOMENTS]
        + [Both("2026-03-01T14:00:00.000+02:00", "TIMESTAMP '2026-03-01 12:00:00'")],
    ),
    "Parent.Name": ("lower(p.name)", [quoted(n) for n in NAMES]),
    "Parent.NumberOfEmployees": ("p.employees", [Both(str(n), str(n)) for n in range(4)]),
}
EQUALITY = {"=": "IS NOT DISTINCT FROM", "!=": "IS DISTINCT FROM", "<>": "IS DISTINCT FROM"}
PATTERNS = ("a%", "%E", "_cme%", "%", "b_c", "%ü%", "zz%")


@st.composite
def comparison(draw: st.DrawFn) -> Both:
    field = draw(st.sampled_from(sorted(FIELDS)))
    column, literals = FIELDS[field]
    operator = draw(st.sampled_from(["=", "!=", "<>", "<", "<=", ">", ">="]))
    literal = draw(st.sampled_from(literals))
    if operator in EQUALITY:
        return Both(
            f"{field} {operator} {literal.soql}",
            f"({column} {EQUALITY[operator]} nullif({literal.sql}, ''))"
            if field in ("Name", "BillingCity", "Parent.Name")
            else f"({column} {EQUALITY[operator]} {literal.sql})",
        )
    return Both(
        f"{field} {operator} {literal.soql}",
        f"coalesce({column} {operator} {literal.sql}, false)",
    )


@st.composite
def null_check(draw: st.DrawFn) -> Both:
    field = draw(st.sampled_from(sorted(FIELDS)))
    is_null = draw(st.booleans())
    return Both(
        f"{field} {'=' if is_null else '!='} null",
        f"({FIELDS[field][0]} IS {'' if is_null else 'NOT '}NULL)",
    )


@st.composite
def membership(draw: st.DrawFn) -> Both:
    field = draw(st.sampled_from(sorted(FIELDS)))
    column, literals = FIELDS[field]
    chosen = draw(st.lists(st.sampled_from(literals), min_size=1, max_size=4))
    soql = f"({', '.join(c.soql for c in chosen)})"
    sql = f"({', '.join(c.sql for c in chosen)})"
    if draw(st.booleans()):
        return Both(f"{field} IN {soql}", f"coalesce({column} IN {sql}, false)")
    return Both(f"{field} NOT IN {soql}", f"coalesce({column} NOT IN {sql}, true)")


@st.composite
def like(draw: st.DrawFn) -> Both:
    pattern = draw(st.sampled_from(PATTERNS))
    return Both(f"Name LIKE '{pattern}'", f"coalesce(c.name ILIKE '{pattern}', false)")


@st.composite
def flag(draw: st.DrawFn) -> Both:
    value = draw(st.sampled_from(["true", "FALSE"]))
    return Both(f"Vip__c = {value}", f"(c.vip = {value})")


@st.composite
def semi_join(draw: st.DrawFn) -> Both:
    inner = draw(st.sampled_from(["Vip__c = true", "NumberOfEmployees > 1"]))
    sql = {"Vip__c = true": "s.vip", "NumberOfEmployees > 1": "s.employees > 1"}[inner]
    word = draw(st.sampled_from(["IN", "NOT IN"]))
    found = (
        "(SELECT s.parent_id FROM account s WHERE NOT s.is_deleted AND "
        f"s.parent_id IS NOT NULL AND {sql})"
    )
    return Both(f"Id {word} (SELECT ParentId FROM Account WHERE {inner})", f"(c.id {word} {found})")


def negated(inner: Both) -> Both:
    return Both(f"NOT ({inner.soql})", f"(NOT {inner.sql})")


def joined(parts: list[Both], word: str) -> Both:
    return Both(
        "(" + f" {word} ".join(p.soql for p in parts) + ")",
        "(" + f" {word} ".join(p.sql for p in parts) + ")",
    )


CONDITIONS = st.recursive(
    st.one_of(comparison(), null_check(), membership(), like(), flag(), semi_join()),
    lambda inner: st.one_of(
        inner.map(negated),
        st.builds(joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "or"])),
    ),
    max_leaves=6,
)
SORTABLE = sorted(f for f in FIELDS if f != "Parent.NumberOfEmployees")


@st.composite
def order(draw: st.DrawFn) -> Both:
    fields = draw(st.lists(st.sampled_from(SORTABLE), max_size=2, unique=True))
    soql, sql = [], []
    for field in fields:
        direction = draw(st.sampled_from(["", " ASC", " DESC"]))
        nulls = draw(st.sampled_from(["", " NULLS FIRST", " NULLS LAST"]))
        soql.append(f"{field}{direction}{nulls}")
        sql.append(f"{FIELDS[field][0]}{direction}{nulls or ' NULLS FIRST'}")
    return Both(", ".join([*soql, "Id"]), ", ".join([*sql, "c.id"]))


def asked(org: Sandbox, soql: str, resource: str = "query") -> dict[str, Any]:
    token = org.vendors["salesforce"].connection("")["access_token"]
    raw = urlencode({"q": soql})
    reply = org.dispatch(
        Request(
            "salesforce",
            "GET",
            f"/services/data/v68.0/{resource}",
            {"q": soql},
            raw,
            {"authorization": f"Bearer {token}"},
            b"",
        ),
        None,
    )
    assert reply.status == 200, reply.body.decode()
    return dict(codec.loads(reply.body))


JOINED = "account c LEFT JOIN account p ON p.id = c.parent_id"


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    condition=CONDITIONS,
    by=order(),
    limit=st.one_of(st.none(), st.integers(min_value=0, max_value=70)),
    offset=st.integers(min_value=0, max_value=5),
    deleted=st.booleans(),
)
def test_where_order_limit(
    org: Sandbox,
    sql: duckdb.DuckDBPyConnection,
    condition: Both,
    by: Both,
    limit: int | None,
    offset: int,
    deleted: bool,
) -> None:
    window = (f" LIMIT {limit}" if limit is not None else "") + f" OFFSET {offset}"
    soql = f"SELECT Id FROM Account WHERE {condition.soql} ORDER BY {by.soql}{window}"
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


@settings(max_examples=60, deadline=None)
@given(condition=CONDITIONS)
def test_aggregates(org: Sandbox, sql: duckdb.DuckDBPyConnection, condition: Both) -> None:
    soql = (
        "SELECT Vip__c, COUNT(Id) n, COUNT(Balance__c) b, SUM(Balance__c) s, MIN(Due__c) lo, "
        f"MAX(Due__c) hi, COUNT_DISTINCT(BillingCity) c FROM Account WHERE {condition.soql} "
        "GROUP BY Vip__c HAVING COUNT(Id) > 1 ORDER BY Vip__c"
    )
    expected = sql.execute(
        "SELECT c.vip, count(*), count(c.balance), sum(c.balance), min(c.due)::TEXT, "
        f"max(c.due)::TEXT, count(DISTINCT lower(c.city)) FROM {JOINED} WHERE NOT c.is_deleted "
        f"AND {condition.sql} GROUP BY c.vip HAVING count(*) > 1 ORDER BY c.vip"
    ).fetchall()
    found = [
        tuple(r[k] for k in ("Vip__c", "n", "b", "s", "lo", "hi", "c"))
        for r in asked(org, soql)["records"]
    ]
    assert found == expected, soql
