"""`/search` and `/parameterizedSearch`: SOSL over the org's text fields.

Sources: SOSL reference ("SOSL Syntax", "FIND {SearchQuery}", "IN SearchGroup", "RETURNING
FieldSpec"); REST API guide, "Search" and "Parameterized Search". Search works on whole words, with
`*` and `?` as wildcards; the real service also finds other forms of a word, this one does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, object_body, only
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

MOST_ROWS = 2000
_WRAPPED_SINCE = 37.0  # before that version the answer is a bare list
_SEARCHED = frozenset(
    {"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox"}
)
# The objects that FIND without RETURNING looks through.
_USUAL = ("Account", "Contact", "Opportunity", "Lead", "Product2", "User")
_IN_GROUP: Mapping[str, Callable[[Field], bool]] = {
    "ALL": lambda f: f.type in _SEARCHED,
    "NAME": lambda f: f.name_field or f.name in ("FirstName", "LastName", "Name"),
    "EMAIL": lambda f: f.type == "email",
    "PHONE": lambda f: f.type == "phone",
    "SIDEBAR": lambda f: f.name_field or f.type in ("email", "phone") or f.name == "Name",
}
Test = Callable[[str], bool]


@dataclass(frozen=True)
class Wanted:
    """What is to be found of one object: the SOQL that shows it, in parts."""

    sobject: str
    fields: tuple[str, ...] = ("Id",)
    where: str = ""
    tail: str = ""
    limit: int = MOST_ROWS
    offset: int = 0


@dataclass(frozen=True)
class Search:
    """One search: the test of a record's text, where to look, and what to show."""

    matches: Test
    group: str = "ALL"
    wanted: tuple[Wanted, ...] = ()
    limit: int = MOST_ROWS


# ---- the two addresses


def search(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """GET /search?q=FIND {...}."""
    if rest:
        raise refusals.not_found()
    only(call, "GET", "HEAD")
    return _answer(org, call, parse(call.query.get("q", "")))


def parameterized_search(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """GET or POST /parameterizedSearch: a search without SOSL."""
    if rest:
        raise refusals.not_found()
    only(call, "GET", "HEAD", "POST")
    given = object_body(call) if call.method == "POST" else _from_query(call.query)
    return _answer(org, call, _parameterized(given))


def _answer(org: Org, call: Call, asked: Search) -> Answer:
    found: list[Record] = []
    for wanted in asked.wanted or [Wanted(name) for name in _USUAL if org.catalogue.get(name)]:
        room = asked.limit - len(found)
        if room <= 0:
            break
        found += _of_object(org, call, asked, wanted)[:room]
    if float(call.version) < _WRAPPED_SINCE:
        return Answer(200, found)
    return Answer(200, {"searchRecords": found})


def _of_object(org: Org, call: Call, asked: Search, wanted: Wanted) -> list[Record]:
    sobject = org.catalogue.get(wanted.sobject)
    if sobject is None:
        raise Refusal("INVALID_TYPE", f"sObject type '{wanted.sobject}' is not supported.")
    ids = list(_matching(org, sobject, asked))[:MOST_ROWS]
    if not ids:
        return []
    chosen = ", ".join(f"'{i}'" for i in ids)
    condition = f" AND ({wanted.where})" if wanted.where else ""
    statement = (
        f"SELECT {', '.join(wanted.fields)} FROM {sobject.name} "  # noqa: S608 - SOQL, our own
        f"WHERE Id IN ({chosen}){condition} {wanted.tail}"
    )
    rows = list(org.selection(call).run(statement.strip()).rows)
    return rows[wanted.offset : wanted.offset + wanted.limit]


def _matching(org: Org, sobject: SObject, asked: Search) -> Iterator[str]:
    names = [f.name for f in sobject.fields.values() if _IN_GROUP[asked.group](f)]
    for record in org.kernel.store.table(org.org_id, sobject.name):
        if record.get("IsDeleted"):
            continue
        text = "\n".join(str(record[n]) for n in names if record.get(n) is not None)
        if asked.matches(text):
            yield str(record["Id"])


# ---- SOSL

_FIND = re.compile(r"\s*FIND\s*\{((?:\\.|[^\\}])*)\}\s*(.*)", re.IGNORECASE | re.DOTALL)
_IN = re.compile(r"IN\s+(ALL|NAME|EMAIL|PHONE|SIDEBAR)\s+FIELDS\b\s*(.*)", re.I | re.DOTALL)
_LIMIT = re.compile(r"(.*?)\s*\bLIMIT\s+(\d+)\s*$", re.IGNORECASE | re.DOTALL)
_SPEC = re.compile(
    r"(?P<fields>.*?)(?:\s+WHERE\s+(?P<where>.*?))?(?P<tail>(?:\s+ORDER\s+BY\s+.*?)?)"
    r"(?:\s+LIMIT\s+(?P<limit>\d+))?(?:\s+OFFSET\s+(?P<offset>\d+))?\s*$",
    re.IGNORECASE | re.DOTALL,
)


def parse(statement: str) -> Search:
    """A SOSL statement.

    Raises:
        Refusal: MALFORMED_SEARCH for anything else.
    """
    found = _FIND.match(statement)
    if found is None:
        raise _malformed("No search term found. The search term must be enclosed in braces.")
    matches, rest = term(found[1]), found[2].strip()
    group = "ALL"
    inside = _IN.match(rest)
    if inside:
        group, rest = inside[1].upper(), inside[2].strip()
    if not rest:
        return Search(matches, group)
    if not re.match(r"RETURNING\b", rest, re.IGNORECASE):
        limited = _LIMIT.fullmatch(rest)
        if limited is None or limited[1]:
            raise _malformed(f"unexpected token: {rest.split()[0]}")
        return Search(matches, group, (), min(int(limited[2]), MOST_ROWS))
    specs, limit = _returning(rest[len("RETURNING") :])
    return Search(matches, group, specs, limit)


def _returning(text: str) -> tuple[tuple[Wanted, ...], int]:
    limit = MOST_ROWS
    limited = _LIMIT.fullmatch(text)
    if limited and limited[1].count("(") == limited[1].count(")"):
        text, limit = limited[1], min(int(limited[2]), MOST_ROWS)
    specs = tuple(_spec(one.strip()) for one in _outer_split(text))
    if not specs:
        raise _malformed("unexpected token: <EOF>")
    return specs, limit


def _spec(text: str) -> Wanted:
    """`Account(Id, Name WHERE ... ORDER BY ... LIMIT n)`."""
    found = re.fullmatch(r"(\w+)\s*(?:\((.*)\))?", text, re.DOTALL)
    if found is None:
        raise _malformed(f"unexpected token: {text}")
    if found[2] is None:
        return Wanted(found[1])
    inner = _SPEC.fullmatch(found[2].strip())
    if inner is None or not inner["fields"].strip():
        raise _malformed(f"unexpected token: {found[2]}")
    return Wanted(
        found[1],
        tuple(name.strip() for name in inner["fields"].split(",")),
        inner["where"] or "",
        (inner["tail"] or "").strip(),
        min(int(inner["limit"] or MOST_ROWS), MOST_ROWS),
        int(inner["offset"] or 0),
    )


def _outer_split(text: str) -> Iterator[str]:
    """Parts at commas that stand in no brackets and no quotes."""
    depth, quoted, start = 0, False, 0
    for position, letter in enumerate(text):
        if letter == "'" and text[position - 1 : position] != "\\":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "," and depth == 0 and not quoted:
            yield text[start:position]
            start = position + 1
    if text[start:].strip():
        yield text[start:]


# ---- search terms

_TOKENS = re.compile(r'"((?:\\.|[^"\\])*)"|([()])|((?:\\.|[^\s()"\\])+)')


def term(text: str) -> Test:
    """The test of a record's text that a search query stands for: words are all wanted; AND, OR,
    AND NOT and brackets as usual; a phrase in quotes; `*` and `?`.

    Raises:
        Refusal: MALFORMED_SEARCH, nothing to look for or brackets that do not close.
    """
    tokens = [(_kind(m), m[1] if m[1] is not None else m[0]) for m in _TOKENS.finditer(text)]
    if not tokens:
        raise _malformed(f"search term must be longer than one character: {text}")
    test, rest = _alternatives(tokens)
    if rest:
        raise _malformed(f"unexpected token: {rest[0][1]}")
    return test


Tokens = Sequence[tuple[str, str]]


def _kind(match: re.Match[str]) -> str:
    if match[1] is not None:
        return "phrase"
    if match[2]:
        return match[2]
    return match[3].lower() if match[3].upper() in ("AND", "OR", "NOT") else "word"


def _alternatives(tokens: Tokens) -> tuple[Test, Tokens]:
    first, rest = _together(tokens)
    tests = [first]
    while rest and rest[0][0] == "or":
        other, rest = _together(rest[1:])
        tests.append(other)
    return _any(tests), rest


def _together(tokens: Tokens) -> tuple[Test, Tokens]:
    first, rest = _single(tokens)
    tests = [first]
    while rest and rest[0][0] not in ("or", ")"):
        rest = rest[1:] if rest[0][0] == "and" else rest
        negated = bool(rest) and rest[0][0] == "not"
        other, rest = _single(rest[1:] if negated else rest)
        tests.append(_not(other) if negated else other)
    return _all(tests), rest


def _single(tokens: Tokens) -> tuple[Test, Tokens]:
    if not tokens or tokens[0][0] in ("and", "or", "not", ")"):
        raise _malformed(f"unexpected token: {tokens[0][1] if tokens else '<EOF>'}")
    (kind, text), rest = tokens[0], tokens[1:]
    if kind != "(":
        return _words(text), rest
    test, rest = _alternatives(rest)
    if not rest or rest[0][0] != ")":
        raise _malformed("unexpected token: <EOF>")
    return test, rest[1:]


def _words(text: str) -> Test:
    """The words of a term, one after the other."""
    plain = re.sub(r"\\(.)", r"\1", text)
    if len(plain.strip("*?")) < 2:
        raise _malformed(f"search term must be longer than one character: {plain}")
    wild = re.findall(r"[\w*?]+", plain, re.UNICODE)
    patterns = [
        "".join({"*": r"\w*", "?": r"\w"}.get(c, re.escape(c)) for c in word) for word in wild
    ]
    whole = re.compile(r"\b" + r"\W+".join(patterns) + r"\b", re.IGNORECASE)
    return lambda held: bool(whole.search(held))


def _any(tests: Sequence[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda held: any(test(held) for test in tests)


def _all(tests: Sequence[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda held: all(test(held) for test in tests)


def _not(test: Test) -> Test:
    return lambda held: not test(held)


# ---- the parameterized form


def _from_query(query: Mapping[str, str]) -> Record:
    """The GET form's parameters as the POST form's body."""
    body: Record = {"sobjects": []}
    for name in ("q", "in", "overallLimit", "defaultLimit"):
        if name in query:
            body[name] = query[name]
    if "fields" in query:
        body["fields"] = query["fields"].split(",")
    for name in filter(None, query.get("sobject", "").split(",")):
        one: Record = {"name": name}
        for part in ("fields", "where", "limit", "orderBy"):
            if f"{name}.{part}" in query:
                value = query[f"{name}.{part}"]
                one[part] = value.split(",") if part == "fields" else value
        body["sobjects"].append(one)
    return body


def _parameterized(given: Mapping[str, Any]) -> Search:
    text = str(given.get("q") or "")
    if not text:
        raise _malformed("search term must be longer than one character: ")
    group = str(given.get("in") or "ALL").upper().removesuffix(" FIELDS")
    if group not in _IN_GROUP:
        raise _malformed(f"unexpected token: {group}")
    wanted = tuple(_of_body(one, given) for one in _listed(given.get("sobjects")))
    # A plain text: reserved words and signs in it are looked for as words.
    plain = re.sub(r'[()"\\{}\[\]]', " ", text).strip()
    return Search(term(plain), group, wanted, _whole(given.get("overallLimit"), MOST_ROWS))


def _of_body(one: Mapping[str, Any], given: Mapping[str, Any]) -> Wanted:
    order = str(one.get("orderBy") or "")
    return Wanted(
        str(one.get("name", "")),
        tuple(one.get("fields") or given.get("fields") or ("Id",)),
        str(one.get("where") or ""),
        f"ORDER BY {order}" if order else "",
        _whole(one.get("limit") or given.get("defaultLimit"), MOST_ROWS),
    )


def _listed(value: Any) -> Iterable[Mapping[str, Any]]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise refusals.unreadable("list", value)
    return value


def _whole(value: Any, otherwise: int) -> int:
    try:
        return min(int(value), MOST_ROWS) if value not in (None, "") else otherwise
    except (TypeError, ValueError):
        raise refusals.unreadable("int", value) from None


def _malformed(message: str) -> Refusal:
    return Refusal("MALFORMED_SEARCH", message)
