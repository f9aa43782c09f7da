"""What the warehouse, its history files and the gateway's log hold on one person, found by the
e-mail address, and its removal. Amounts, days, ids and keys of records stay as they are.

Texts are looked through as they stand, payloads too. An address counts where it stands alone: not
as the end of a longer one. Of records about the person itself (contacts and leads by their id,
customers, vendors and employees by their address) names and telephones go with it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simplejson

from pipelines import warehouse
from pipelines.errors import ConfigurationError, from_disk
from pipelines.warehouse import Connection, identifier

_ADDRESS = re.compile(r"[^@\s'\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
# Names a person may have in a contact or lead; what is not there is passed over.
_PERSONAL = (
    "first_name", "middle_name", "last_name", "name", "salutation", "suffix", "title", "department",
    "phone", "mobile_phone", "home_phone", "other_phone", "assistant_phone", "fax",
    "assistant_name",
    "mailing_street", "mailing_city", "mailing_postal_code", "mailing_state", "mailing_country",
    "other_street", "other_city", "other_postal_code", "other_state", "other_country",
    "street", "city", "postal_code", "description", "photo_url", "birthdate",
)  # fmt: skip
_NEVER_EMPTY = frozenset({"name", "last_name"})
_PEOPLE = ("contact", "lead")
# Members of a QuickBooks name record that are about a person. What is printed on documents stays.
_MEMBERS = ("GivenName", "MiddleName", "FamilyName", "Title", "Suffix", "PrimaryPhone",
            "AlternatePhone", "Mobile", "Fax", "Notes")  # fmt: skip
_NAMED = ("customer", "vendor", "employee")
_READ = (warehouse.RAW_SALESFORCE, warehouse.RAW_QUICKBOOKS, warehouse.VERSIONS_SALESFORCE,
         warehouse.VERSIONS_QUICKBOOKS)  # fmt: skip
REMOVED = "Removed"


@dataclass(frozen=True)
class Person:
    """Whom it is about: the address in lower case, and what stands in its place afterwards."""

    address: str
    pseudonym: str

    @property
    def pattern(self) -> str:
        """The address where it stands alone, in the syntax of RE2 and of Python: what stands
        before and behind it is kept as \\1 and \\2."""
        own = re.escape(self.address)
        return rf"(?i)(^|[^A-Za-z0-9._%+\-]){own}(\.?(?:$|[^A-Za-z0-9.\-]))"

    def told_in(self, text: str) -> bool:
        """Does a text name the address?"""
        return self.address in text.lower() and bool(re.search(self.pattern, text))

    def gone_from(self, text: str) -> str:
        """The text with the pseudonym in its place. Twice, for two that share what parts them."""
        for _ in range(2):
            text = re.sub(self.pattern, rf"\g<1>{self.pseudonym}\g<2>", text)
        return text


def person(address: str) -> Person:
    """The person of an address, under a new pseudonym that says nothing of it.

    Raises `ConfigurationError` for what is no address.
    """
    if not _ADDRESS.fullmatch(address.strip()):
        raise ConfigurationError(
            "person", address, "it is no e-mail address", "Give one such as jo@example.com."
        )
    return Person(address.strip().lower(), f"removed-{secrets.token_hex(4)}@removed.invalid")


def held_rows(path: Path, who: Person) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row of what was read from the vendors, and of its history, with its table."""
    if not warehouse.exists(path):
        return
    with warehouse.reader(path) as connection:
        people = _contacts(connection, who)
        for schema, table, columns in _tables(connection):
            if schema in _READ:
                condition, given = _condition(table, columns, who, people)
                cursor = connection.execute(
                    f"SELECT * FROM {identifier(schema)}.{identifier(table)} WHERE {condition}",  # noqa: S608
                    given,
                )
                names = [column[0] for column in cursor.description or ()]
                for row in cursor.fetchall():
                    yield f"{schema}.{table}", dict(zip(names, row, strict=True))


def counts(path: Path, who: Person) -> dict[str, int]:
    """How many rows of each table of the warehouse hold something of the person."""
    if not warehouse.exists(path):
        return {}
    found = {}
    with warehouse.reader(path) as connection:
        people = _contacts(connection, who)
        for schema, table, columns in _tables(connection):
            condition, given = _condition(table, columns, who, people)
            ((count,),) = connection.execute(
                f"SELECT count(*) FROM {identifier(schema)}.{identifier(table)} WHERE {condition}",  # noqa: S608
                given,
            ).fetchall()
            if count:
                found[f"{schema}.{table}"] = int(count)
    return found


def remove(connection: Connection, who: Person) -> dict[str, int]:
    """Put the pseudonym in place of the person in every table; how many rows of each were changed.

    Inside the caller's transaction: all of it or nothing.
    """
    people = _contacts(connection, who)
    changed = {}
    for schema, table, columns in _tables(connection):
        condition, given = _condition(table, columns, who, people)
        place = f"{identifier(schema)}.{identifier(table)}"
        ((count,),) = connection.execute(
            f"SELECT count(*) FROM {place} WHERE {condition}",  # noqa: S608
            given,
        ).fetchall()
        if not count:
            continue
        if table in _PEOPLE and "id" in columns and people:
            _empty(connection, schema, table, people)
        if table in _NAMED and "payload" in columns:
            _empty_members(connection, place, who)
        sets = ", ".join(f"{n} = {_replaced(_replaced(n))}" for n in map(identifier, columns))
        pattern, standing = who.pattern, rf"\1{who.pseudonym}\2"
        connection.execute(
            f"UPDATE {place} SET {sets} WHERE {_named(columns)}",  # noqa: S608
            {"pattern": pattern, "standing": standing, "address": who.address},
        )
        changed[f"{schema}.{table}"] = int(count)
    return changed


def log_lines(folder: Path, who: Person) -> list[dict[str, Any]]:
    """The calls in the gateway's log that name the person."""
    return [
        simplejson.loads(line, use_decimal=True)
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if who.told_in(line)
    ]


def remove_from_log(folder: Path, who: Person) -> int:
    """The same lines with the pseudonym; who called, when and what stays. Each file is put in its
    place whole. Raises `DiskFull` or `Stop`."""
    changed = 0
    for file in sorted(folder.glob("*.jsonl")):
        lines = file.read_text(encoding="utf-8").splitlines()
        told = sum(who.told_in(line) for line in lines)
        if told:
            text = "".join(f"{who.gone_from(line)}\n" for line in lines)
            _replace_file(file, text)
            changed += told
    return changed


def _replace_file(file: Path, text: str) -> None:
    beside = file.with_name(file.name + ".new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
            os.fsync(written.fileno())
        beside.replace(file)
    except OSError as problem:
        raise from_disk(problem) from None


def _contacts(connection: Connection, who: Person) -> tuple[str, ...]:
    """The ids of contacts and leads that have the address, now or in any version of theirs."""
    found: set[str] = set()
    for schema, table, columns in _tables(connection):
        if table in _PEOPLE and schema in _READ and {"id", "email"} <= set(columns):
            rows = connection.execute(
                f"SELECT DISTINCT id FROM {identifier(schema)}.{identifier(table)}"  # noqa: S608
                " WHERE lower(trim(email)) = ?",
                [who.address],
            ).fetchall()
            found |= {str(key) for (key,) in rows}
    return tuple(sorted(found))


def _tables(connection: Connection) -> list[tuple[str, str, tuple[str, ...]]]:
    """Every table with its columns of text."""
    rows = connection.execute(
        "SELECT t.schema_name, t.table_name, list(c.column_name ORDER BY c.column_index)"
        " FROM duckdb_tables() AS t JOIN duckdb_columns() AS c"
        " ON c.schema_name = t.schema_name AND c.table_name = t.table_name"
        " AND c.database_name = t.database_name"
        " WHERE c.data_type = 'VARCHAR' AND NOT t.internal AND NOT t.temporary"
        " AND t.database_name = current_database() GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return [(schema, table, tuple(columns)) for schema, table, columns in rows]


def _named(columns: Sequence[str]) -> str:
    """Rows that name the address; the cheap question first."""
    return " OR ".join(
        f"(contains(lower({n}), $address) AND regexp_matches({n}, $pattern))"
        for n in map(identifier, columns)
    )


def _condition(
    table: str, columns: Sequence[str], who: Person, people: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    given: dict[str, Any] = {"address": who.address, "pattern": who.pattern}
    if table in _PEOPLE and "id" in columns and people:
        return f"{_named(columns)} OR id IN (SELECT unnest($people))", {
            **given, "people": list(people),
        }  # fmt: skip
    return _named(columns), given


def _replaced(name: str) -> str:
    return f"regexp_replace({name}, $pattern, $standing, 'g')"


def _empty(connection: Connection, schema: str, table: str, people: Sequence[str]) -> None:
    place = f"{identifier(schema)}.{identifier(table)}"
    rows = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?"
        " AND database_name = current_database()",
        [schema, table],
    ).fetchall()
    there = [name for (name,) in rows if name in _PERSONAL]
    if there:
        left = {n: f"'{REMOVED}'" if n in _NEVER_EMPTY else "NULL" for n in there}
        sets = ", ".join(f"{identifier(n)} = {value}" for n, value in left.items())
        connection.execute(
            f"UPDATE {place} SET {sets} WHERE id IN (SELECT unnest($people))",  # noqa: S608
            {"people": list(people)},
        )


def _empty_members(connection: Connection, place: str, who: Person) -> None:
    """Names and telephones out of the payloads that have the address as the record's own."""
    rows = connection.execute(
        f"SELECT DISTINCT payload FROM {place} WHERE {_named(['payload'])}",  # noqa: S608
        {"address": who.address, "pattern": who.pattern},
    ).fetchall()
    for (payload,) in rows:
        whole = simplejson.loads(payload, use_decimal=True)
        kept = {name: value for name, value in whole.items() if name not in _MEMBERS}
        if kept != whole:
            text = simplejson.dumps(kept, use_decimal=True, ensure_ascii=False)
            connection.execute(
                f"UPDATE {place} SET payload = ? WHERE payload = ?",  # noqa: S608
                [text, payload],
            )
