"""Random conditions and orders, each built twice: as SOQL, and as SQL that spells out its rules.

The vendor's rules: text without case, conditions that are never unknown (`!=`, NOT IN and NOT find
nulls, the orders do not), the empty text is null, nulls first, picklists in their own order.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from soql_world import ACCOUNT_ROWS, AMOUNTS, DAYS, MOMENTS, NAMES, TODAY


@dataclass(frozen=True)
class Pair:
    """The same thing in both languages."""

    soql: str
    sql: str


def quoted(text: str) -> Pair:
    """A text literal; compared without case, and null when empty."""
    soql = text.replace("\\", "\\\\").replace("'", "\\'")
    return Pair(f"'{soql}'", f"nullif(lower('{text.replace(chr(39), chr(39) * 2)}'), '')")


JOINED = (
    "account c LEFT JOIN account p ON p.id = c.parent_id "
    "LEFT JOIN account g ON g.id = p.parent_id LEFT JOIN places o ON o.industry = c.industry"
)
# field in SOQL -> (the same in SQL, its literals in both languages)
FIELDS: dict[str, tuple[str, list[Pair]]] = {
    "Name": ("lower(c.name)", [quoted(n) for n in (*NAMES, "", "zzz")]),
    "BillingCity": ("lower(c.city)", [quoted(n) for n in ("BONN", "köln", "x", "")]),
    "Industry__c": ("lower(c.industry)", [quoted(n) for n in ("ZINC", "Media", "Unlisted")]),
    "Balance__c": ("c.balance", [Pair(a, a) for a in AMOUNTS if a] + [Pair("1.05e1", "10.5")]),
    "Due__c": ("c.due", [Pair(f"{d}", f"DATE '{d}'") for d in DAYS if d]),
    "NumberOfEmployees": ("c.employees", [Pair(str(n), str(n)) for n in range(-1, 5)]),
    "SystemModstamp": (
        "c.modified",
        [Pair(f"{m:%Y-%m-%dT%H:%M:%S}Z", f"TIMESTAMP '{m}'") for m in MOMENTS]
        + [Pair("2026-03-01T14:00:00.000+02:00", "TIMESTAMP '2026-03-01 12:00:00'")],
    ),
    "Parent.Name": ("lower(p.name)", [quoted(n) for n in (*NAMES, "")]),
    "Parent.NumberOfEmployees": ("p.employees", [Pair(str(n), str(n)) for n in range(4)]),
    "parent.PARENT.name": ("lower(g.name)", [quoted(n) for n in NAMES]),
    "CALENDAR_YEAR(Due__c)": ("year(c.due)", [Pair(str(n), str(n)) for n in (2024, 2026, 2027)]),
    "CALENDAR_MONTH(Due__c)": ("month(c.due)", [Pair(str(n), str(n)) for n in (1, 9, 11, 12)]),
    "CALENDAR_QUARTER(Due__c)": ("quarter(c.due)", [Pair(str(n), str(n)) for n in range(1, 5)]),
    "DAY_IN_MONTH(Due__c)": ("day(c.due)", [Pair(str(n), str(n)) for n in (1, 20, 29, 31)]),
    "DAY_IN_WEEK(Due__c)": ("dayofweek(c.due) + 1", [Pair(str(n), str(n)) for n in range(1, 8)]),
    "DAY_IN_YEAR(Due__c)": ("dayofyear(c.due)", [Pair(str(n), str(n)) for n in (1, 60, 365)]),
    "HOUR_IN_DAY(SystemModstamp)": (
        "hour(c.modified)", [Pair(str(n), str(n)) for n in (0, 11, 12, 23)],
    ),
    "DAY_ONLY(SystemModstamp)": (
        "c.modified::DATE", [Pair(f"{m:%Y-%m-%d}", f"DATE '{m:%Y-%m-%d}'") for m in MOMENTS],
    ),
}  # fmt: skip
DAY_FIELDS = {"Due__c": "c.due", "SystemModstamp": "c.modified::DATE",
              "DAY_ONLY(SystemModstamp)": "c.modified::DATE"}  # fmt: skip
EQUALITY = {"=": "IS NOT DISTINCT FROM", "!=": "IS DISTINCT FROM", "<>": "IS DISTINCT FROM"}
ORDERS = ("<", "<=", ">", ">=")
PATTERNS = (
    "a%", "%E", "_cme%", "%", "b_c", "%ü%", "zz%", r"x\_y", r"100\%", r"x\_%", "100_", "x_y",
    r"back\\slash", r"%\\%", r"%\\\_%",
)  # fmt: skip


@st.composite
def comparison(draw: st.DrawFn) -> Pair:
    """A field against a value of its type."""
    field = draw(st.sampled_from(sorted(FIELDS)))
    column, literals = FIELDS[field]
    operator = draw(st.sampled_from([*EQUALITY, *ORDERS]))
    literal = draw(st.sampled_from(literals))
    soql = f"{field} {operator} {literal.soql}"
    if operator in EQUALITY:
        return Pair(soql, f"({column} {EQUALITY[operator]} {literal.sql})")
    return Pair(soql, f"coalesce({column} {operator} {literal.sql}, false)")


@st.composite
def null_check(draw: st.DrawFn) -> Pair:
    """A field against null."""
    field = draw(st.sampled_from(sorted(FIELDS)))
    is_null = draw(st.booleans())
    return Pair(
        f"{field} {'=' if is_null else '!='} null",
        f"({FIELDS[field][0]} IS {'' if is_null else 'NOT '}NULL)",
    )


@st.composite
def membership(draw: st.DrawFn) -> Pair:
    """IN and NOT IN a list, null among it or not."""
    field = draw(st.sampled_from(sorted(FIELDS)))
    column, literals = FIELDS[field]
    chosen = draw(st.lists(st.sampled_from(literals), min_size=1, max_size=4))
    chosen += [Pair("NULL", "NULL")] * draw(st.integers(0, 1))
    soql = f"({', '.join(c.soql for c in chosen)})"
    one_of = " OR ".join(f"{column} IS NOT DISTINCT FROM {c.sql}" for c in chosen)
    if draw(st.booleans()):
        return Pair(f"{field} IN {soql}", f"({one_of})")
    return Pair(f"{field} not in {soql}", f"(NOT ({one_of}))")


@st.composite
def like(draw: st.DrawFn) -> Pair:
    """LIKE with wild cards and with their escapes."""
    pattern = draw(st.sampled_from(PATTERNS))
    field, column = draw(st.sampled_from([("Name", "c.name"), ("Parent.Name", "p.name")]))
    sql = f"coalesce({column} ILIKE '{pattern}' ESCAPE '\\', false)"
    return Pair(f"{field} LIKE '{pattern}'", sql)


@st.composite
def flag(draw: st.DrawFn) -> Pair:
    """A boolean, which is never null; through a missing parent it is neither true nor false."""
    value = draw(st.sampled_from(["true", "FALSE"]))
    field, column = draw(st.sampled_from([("Vip__c", "c.vip"), ("Parent.Vip__c", "p.vip")]))
    operator = draw(st.sampled_from(["=", "!="]))
    return Pair(f"{field} {operator} {value}", f"({column} {EQUALITY[operator]} {value})")


@st.composite
def identity(draw: st.DrawFn) -> Pair:
    """An id in 15 or 18 characters."""
    full = draw(st.sampled_from(_IDS))
    text = full[:15] if draw(st.booleans()) else full
    field, column = draw(st.sampled_from([("Id", "c.id"), ("ParentId", "c.parent_id")]))
    operator = draw(st.sampled_from(["=", "!="]))
    return Pair(f"{field} {operator} '{text}'", f"({column} {EQUALITY[operator]} '{full}')")


_IDS = [row["Id"] for row in ACCOUNT_ROWS[::9]]
_NOW = f"DATE '{TODAY}'"
_WEEK = f"({_NOW} - CAST(dayofweek({_NOW}) AS INT))"


def _starts(unit: str) -> str:
    """Where the present week, month, quarter or year begins; weeks begin on Sunday."""
    return _WEEK if unit == "week" else f"date_trunc('{unit}', {_NOW})::DATE"


def _moved(unit: str, count: int) -> str:
    step = {"week": f"INTERVAL ({count * 7}) DAY", "quarter": f"INTERVAL ({count * 3}) MONTH"}.get(
        unit, f"INTERVAL ({count}) {unit.upper()}"
    )
    return f"({_starts(unit)} + {step})::DATE"


def _spans() -> dict[str, tuple[str, str]]:
    """Each date literal as the first day and the day after the last, in SQL."""
    found = {
        "YESTERDAY": (f"({_NOW} - 1)", _NOW),
        "TODAY": (_NOW, f"({_NOW} + 1)"),
        "TOMORROW": (f"({_NOW} + 1)", f"({_NOW} + 2)"),
        "LAST_90_DAYS": (f"({_NOW} - 90)", f"({_NOW} + 1)"),
        "NEXT_90_DAYS": (f"({_NOW} + 1)", f"({_NOW} + 91)"),
        "LAST_N_DAYS:31": (f"({_NOW} - 31)", f"({_NOW} + 1)"),
        "next_n_days:2": (f"({_NOW} + 1)", f"({_NOW} + 3)"),
        "N_DAYS_AGO:7": (f"({_NOW} - 7)", f"({_NOW} - 6)"),
    }
    for unit in ("week", "month", "quarter", "year"):
        word = unit.upper()
        names = [word] if unit in ("week", "month") else [word, f"FISCAL_{word}"]
        for name in names:
            found |= {
                f"THIS_{name}": (_moved(unit, 0), _moved(unit, 1)),
                f"LAST_{name}": (_moved(unit, -1), _moved(unit, 0)),
                f"NEXT_{name}": (_moved(unit, 1), _moved(unit, 2)),
                f"LAST_N_{name}S:3": (_moved(unit, -3), _moved(unit, 0)),
                f"NEXT_N_{name}S:2": (_moved(unit, 1), _moved(unit, 3)),
                f"N_{name}S_AGO:2": (_moved(unit, -2), _moved(unit, -1)),
            }
    return found


SPANS = _spans()


@st.composite
def period(draw: st.DrawFn) -> Pair:
    """A date field against a date literal."""
    field = draw(st.sampled_from(sorted(DAY_FIELDS)))
    column = DAY_FIELDS[field]
    word = draw(st.sampled_from(sorted(SPANS)))
    first, after = SPANS[word]
    operator = draw(st.sampled_from(["=", "!=", *ORDERS]))
    within = f"coalesce({column} >= {first} AND {column} < {after}, false)"
    sql = {
        "=": within,
        "!=": f"(NOT {within})",
        "<": f"coalesce({column} < {first}, false)",
        "<=": f"coalesce({column} < {after}, false)",
        ">": f"coalesce({column} >= {after}, false)",
        ">=": f"coalesce({column} >= {first}, false)",
    }[operator]
    return Pair(f"{field} {operator} {word}", sql)


def negated(inner: Pair) -> Pair:
    """NOT."""
    return Pair(f"NOT ({inner.soql})", f"(NOT {inner.sql})")


def joined(parts: list[Pair], word: str) -> Pair:
    """AND or OR, in brackets."""
    return Pair(
        "(" + f" {word} ".join(p.soql for p in parts) + ")",
        "(" + f" {word} ".join(p.sql for p in parts) + ")",
    )


CONDITIONS = st.recursive(
    st.one_of(
        comparison(), null_check(), membership(), like(), flag(), identity(), period(), period()
    ),
    lambda inner: st.one_of(
        inner.map(negated),
        st.builds(joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "or"])),
    ),
    max_leaves=6,
)


@st.composite
def semi_join(draw: st.DrawFn) -> Pair:
    """Accounts with contacts, or contacts' accounts by their parents."""
    soql, sql = draw(
        st.sampled_from([
            ("Title = 'bonn'", "lower(s.title) = 'bonn'"),
            ("LastName LIKE 'a%'", "s.last_name ILIKE 'a%'"),
            ("Account.NumberOfEmployees > 1", "a.employees > 1"),
        ])
    )  # fmt: skip
    field, column = draw(st.sampled_from([("Id", "c.id"), ("ParentId", "c.parent_id")]))
    word = draw(st.sampled_from(["IN", "NOT IN"]))
    found = (
        "(SELECT s.account_id FROM contact s LEFT JOIN account a ON a.id = s.account_id "
        f"WHERE NOT s.is_deleted AND s.account_id IS NOT NULL AND {sql})"
    )
    within = f"coalesce({column} IN {found}, false)"
    return Pair(
        f"{field} {word} (SELECT AccountId FROM Contact WHERE {soql})",
        within if word == "IN" else f"(NOT {within})",
    )


@st.composite
def where(draw: st.DrawFn) -> Pair:
    """A whole WHERE: conditions of any shape, semi-joins only at the top and at most two."""
    parts = [draw(CONDITIONS), *draw(st.lists(semi_join(), max_size=2))]
    return Pair(" AND ".join(p.soql for p in parts), " AND ".join(p.sql for p in parts))


SORTS = {
    **{field: column for field, (column, _) in FIELDS.items()},
    # By place in the picklist, not by the alphabet.
    "Industry__c": "o.place",
}


@st.composite
def order(draw: st.DrawFn) -> Pair:
    """Up to three keys, and the id so that the order is whole."""
    fields = draw(st.lists(st.sampled_from(sorted(SORTS)), max_size=3, unique=True))
    soql, sql = [], []
    for field in fields:
        direction = draw(st.sampled_from(["", " ASC", " DESC"]))
        nulls = draw(st.sampled_from(["", " NULLS FIRST", " nulls last"]))
        soql.append(f"{field}{direction}{nulls}")
        sql.append(f"{SORTS[field]}{direction}{nulls or ' NULLS FIRST'}")
    last = draw(st.sampled_from(["", " DESC"]))
    return Pair(", ".join([*soql, f"Id{last}"]), ", ".join([*sql, f"c.id{last}"]))
