"""The mapping: what of one system is what in the other, checked before anything is built of it.

Its tables are the seeds of the dbt project. The file that CROSSFOOT_MAPPING names (TOML) replaces
those that it has, each as a whole:

    [[terms]]
    salesforce_terms = "Net 45"
    company_id = "9341450000000001"
    term_name = "Net 45"

    [[product_rules]]                 # which item a line is billed with: the first that fits
    priority = 10
    source_object = "deal"            # deal, account, owner, line or product
    source_field = "Billing_Region__c"
    source_value = "North"
    product_code = "SUPPORT"          # empty: every product
    item_sku = "SUPPORT-N"

Every table and column stands in `mapping_schema`. What is wrong is told with file, row and column;
nothing is built of a mapping that has a mistake.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.errors import ConfigurationError
from pipelines.mapping_schema import TABLES, Column, Table

_TOLD_AT_ONCE = 5
_WANTED = {
    "whole": "a whole number",
    "amount": "a number",
    "flag": "true or false",
    "day": "a day such as 2026-01-31",
    "text": "a text",
}


@dataclass(frozen=True)
class Given:
    """The rows of one table, where they stand, and the place of each: a line or a number."""

    source: str
    places: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Mapped:
    """The whole mapping by table; `replaced` are those that the file of CROSSFOOT_MAPPING gives."""

    tables: Mapping[str, Given]
    replaced: frozenset[str]


def read_mapping(seeds: Path, path: Path | None = None) -> Mapped:
    """The mapping of the seeds, with the tables of the file in place of theirs.

    Raises `ConfigurationError` naming file, row and column of each of the first mistakes.
    """
    problems: list[str] = []
    given = _file_tables(path) if path else {}
    tables = {}
    for name, table in TABLES.items():
        raw = given[name] if name in given else _seed(seeds / f"{name}.csv")
        tables[name] = _typed(raw, table, problems)
    for name, table in TABLES.items():
        problems += _broken(tables, name, table)
    if problems:
        more = len(problems) - _TOLD_AT_ONCE
        told = "; ".join(problems[:_TOLD_AT_ONCE]) + (f"; and {more} more" if more > 0 else "")
        raise ConfigurationError("mapping", "", told, "Correct the rows; nothing was built.")
    return Mapped(tables, frozenset(given))


def fill(warehouse_path: Path, mapped: Mapped, names: Sequence[str]) -> None:
    """Put these tables of the mapping where the models read the seeds."""
    with warehouse.writer(warehouse_path) as connection:
        for name in names:
            columns = {n: column.stored for n, column in TABLES[name].columns.items()}
            warehouse.fill_table(connection, "staging", name, columns, mapped.tables[name].rows)


def content(path: Path | None) -> str:
    """The text of the file, for the hash of the rules; empty without one."""
    return path.read_text(encoding="utf-8") if path else ""


def _seed(path: Path) -> Given:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = []
            places = []
            for row in reader:
                rows.append({k: v for k, v in row.items() if v not in (None, "")})
                places.append(f"line {reader.line_num}")
            header = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise _unreadable(path, problem) from None
    missing = [name for name in TABLES[path.stem].columns if name not in header]
    if missing:
        raise ConfigurationError(
            "mapping", f"{path.name}, line 1, column {missing[0]}", "the column is missing",
            "Correct the file; nothing was built.",
        )  # fmt: skip
    return Given(path.name, tuple(places), tuple(rows))


def _file_tables(path: Path) -> dict[str, Given]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise _unreadable(path, problem) from None
    for name, rows in found.items():
        if name not in TABLES:
            raise ConfigurationError(
                "mapping", f"{path}, {name}", "there is no such table",
                f"The tables are: {', '.join(TABLES)}.",
            )  # fmt: skip
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ConfigurationError(
                "mapping", f"{path}, {name}", f"its rows stand below [[{name}]] each",
                "Correct the file; nothing was built.",
            )  # fmt: skip
    return {
        name: Given(
            f"{path.name}, [[{name}]]",
            tuple(f"row {number}" for number in range(1, len(rows) + 1)),
            tuple({k: v for k, v in row.items() if v != ""} for row in rows),
        )
        for name, rows in found.items()
    }


def _unreadable(path: Path, problem: Exception) -> ConfigurationError:
    return ConfigurationError(
        "mapping", str(path), f"it cannot be read: {problem}", "Correct the file."
    )


def _typed(given: Given, table: Table, problems: list[str]) -> Given:
    """The same rows with every value as its column keeps it; mistakes are added to `problems`."""
    rows = []
    for place, row in zip(given.places, given.rows, strict=True):
        typed: dict[str, Any] = {}
        for name in row:
            if name not in table.columns:
                problems.append(f"{given.source}, {place}, column {name}: there is no such column")
        for name, column in table.columns.items():
            try:
                typed[name] = _value(row.get(name), column)
            except ValueError as problem:
                typed[name] = None
                problems.append(f"{given.source}, {place}, column {name}: {problem}")
        rows.append(typed)
    return Given(given.source, given.places, tuple(rows))


def _value(given: Any, column: Column) -> Any:
    """One value as its kind; raises ValueError in words for one that is not."""
    if given is None:
        if column.is_required:
            raise ValueError("it is empty")
        return None
    try:
        value = _KINDS[column.kind](given)
    except (ValueError, TypeError, InvalidOperation):
        raise ValueError(f"{given!r} is not {_WANTED[column.kind]}") from None
    if column.allowed and value not in column.allowed:
        raise ValueError(f"{given!r} is none of {', '.join(column.allowed)}")
    return value


def _whole(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise ValueError
    return int(given)


def _amount(given: Any) -> Decimal:
    if isinstance(given, bool):
        raise ValueError
    value = Decimal(given)
    if not value.is_finite():
        raise ValueError
    return value


def _flag(given: Any) -> bool:
    word = str(given).lower()
    if word not in ("true", "false"):
        raise ValueError
    return word == "true"


def _day(given: Any) -> date:
    return given if type(given) is date else date.fromisoformat(given)


def _text(given: Any) -> str:
    if not isinstance(given, str) or given != given.strip():
        raise ValueError
    return given


_KINDS = {"text": _text, "whole": _whole, "amount": _amount, "flag": _flag, "day": _day}


def _broken(tables: Mapping[str, Given], name: str, table: Table) -> Iterator[str]:
    """What is wrong between the values of a row, between rows, and between tables."""
    given = tables[name]
    seen: dict[tuple[Any, ...], str] = {}
    for place, row in zip(given.places, given.rows, strict=True):
        where = f"{given.source}, {place}"
        for column, problem in table.rule(row) if table.rule else ():
            yield f"{where}, column {column}: {problem}"
        key = tuple(row[column] for column in table.key)
        if key in seen:
            yield f"{where}, column {table.key[0]}: it repeats {seen[key]}"
        seen[key] = place
        for column, (other, other_column) in table.refers.items():
            known = {one[other_column] for one in tables[other].rows}
            if row[column] is not None and row[column] not in known:
                yield f"{where}, column {column}: {row[column]!r} is not in {other}"
