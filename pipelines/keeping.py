"""Builds models of a warehouse again whose inputs have changed, and leaves the others alone.

dbt pays about 50 ms of computing for a model, whatever it holds. Here the SQL that dbt has
compiled runs in one transaction, into the tables that dbt has made: of models whose inputs have
other rows than when they were built last, and no further than rows differ. What a model is, its
tests, and every build of the whole remain dbt's.

Who builds otherwise in between, with dbt, takes the mark away that is left here with each build
(`create_missing_inputs` does): then every model is built again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.lineage import DataTest, Model
from pipelines.warehouse import Connection, identifier

MARK = "kept_build"
_MARK_TABLE = f"{warehouse.RAW_STATE}.{MARK}"
_LOADED_AT = "loaded_at"
# Count and sum of hashes: other rows give the same with a chance of one in 2^64, and the next
# build of the whole mends that.
_CONTENT = "SELECT '{relation}' AS relation, count(*) AS rows, sum(hash(t)::HUGEINT)::VARCHAR AS told FROM {relation} AS t"  # noqa: E501
# Rows that were loaded again count as changed, whatever they say: what is made of them tells.
_LOADED = "SELECT '{relation}' AS relation, count(*) AS rows, max(loaded_at)::VARCHAR AS told FROM {relation} AS t"  # noqa: E501
Content = tuple[int, str | None]
# All tables and views, and the raw tables whose rows say when they were loaded.
Held = tuple[frozenset[str], frozenset[str]]


@dataclass(frozen=True)
class Found:
    """A test that found rows it must not find."""

    name: str
    rows: int


@dataclass
class Pass:
    """One building under way: the relations with other rows than before, the models built."""

    changed: set[str] = field(default_factory=set)
    built: list[str] = field(default_factory=list)
    seconds: float = 0.0


class KeptModels:
    """Some models of a warehouse, with what their inputs held when they were built last.

    `sql` is what dbt compiled of each table and each test, by name.
    """

    def __init__(
        self,
        path: Path,
        models: Sequence[Model],
        tests: Sequence[DataTest],
        sql: Mapping[str, str],
    ) -> None:
        self.path = path
        self.models = tuple(models)
        self.tests = tuple(tests)
        self._sql = sql
        self._content: dict[str, Content] = {}
        self._mark = ""
        # A seed is an input: its rows may come from a file of the installation.
        made = {model.relation for model in models if model.kind != "seed"}
        self._inputs = tuple(
            sorted({need for model in models for need in model.needs if need not in made})
        )

    def begin(self) -> Pass:
        """Look which inputs have changed since the last pass. Raises like `warehouse.session`."""
        with warehouse.session(self.path) as connection, warehouse.transaction(
            self.path, connection
        ):  # fmt: skip
            if not self._is_ours(connection):
                self._content.clear()
            under_way = Pass()
            self._look(connection, under_way, self._inputs, _relations(connection))
            return under_way

    def look(self, under_way: Pass, relations: Iterable[str]) -> None:
        """Look whether others have changed these relations in the meantime."""
        with warehouse.session(self.path) as connection, warehouse.transaction(
            self.path, connection
        ):  # fmt: skip
            self._look(connection, under_way, list(relations), _relations(connection))

    def needing(self, under_way: Pass, names: Collection[str]) -> bool:
        """Is one of these models, or anything that they are made of, out of date?"""
        stale = set(under_way.changed)
        for model in self.models:
            if not stale.isdisjoint(model.needs):
                stale.add(model.relation)
        return any(model.relation in stale for model in self.models if model.name in names)

    def build(self, under_way: Pass, names: Collection[str]) -> Pass:
        """Build those of these models that are out of date, all of them or none.

        Raises what the warehouse raises; nothing counts as built then.
        """
        began = time.perf_counter()
        mark = uuid.uuid4().hex
        try:
            with warehouse.session(self.path) as connection, warehouse.transaction(
                self.path, connection
            ):  # fmt: skip
                # Asked once: building fills tables, and makes none.
                held = _relations(connection)
                for model in self.models:
                    if model.name in names and not under_way.changed.isdisjoint(model.needs):
                        self._renew(connection, under_way, model, held)
                self._leave_mark(connection, mark)
        except BaseException:
            self._content.clear()
            self._mark = ""
            raise
        self._mark = mark
        under_way.seconds += time.perf_counter() - began
        return under_way

    def failed(self) -> tuple[Found, ...]:
        """The tests that find rows now."""
        if not self.tests:
            return ()
        every = " UNION ALL ".join(
            f"SELECT {_text(test.name)} AS name, count(*) AS rows FROM ({self._sql[test.name]})"  # noqa: S608
            for test in self.tests
        )
        found = warehouse.read(self.path, every)
        return tuple(Found(row["name"], row["rows"]) for row in found if row["rows"])

    def _renew(self, connection: Connection, under_way: Pass, model: Model, held: Held) -> None:
        """Build one model, and note whether its rows are others than before."""
        if model.kind == "view":
            under_way.changed.add(model.relation)
            return
        relation = _quoted(model.relation)
        connection.execute(f"TRUNCATE {relation}")
        connection.execute(
            f"INSERT INTO {relation} BY NAME (SELECT * FROM ({self._sql[model.name]}))"  # noqa: S608
        )
        under_way.built.append(model.name)
        self._look(connection, under_way, [model.relation], held)

    def _look(
        self, connection: Connection, under_way: Pass, relations: Sequence[str], held: Held
    ) -> None:
        """Compare what these hold with what they held, and remember it. What is not there, as a
        history before the first reading, holds nothing."""
        there, loaded = held
        every = " UNION ALL ".join(
            (_LOADED if relation in loaded else _CONTENT).format(relation=relation)
            for relation in relations
            if relation in there
        )
        if not every:
            return
        for relation, rows, told in connection.execute(every).fetchall():
            if self._content.get(relation) != (rows, told):
                self._content[relation] = (rows, told)
                under_way.changed.add(relation)

    def _is_ours(self, connection: Connection) -> bool:
        """Has nobody else built since?"""
        ((is_there,),) = connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?",
            [warehouse.RAW_STATE, MARK],
        ).fetchall()
        if not is_there:
            return False
        return connection.execute(f"SELECT mark FROM {_MARK_TABLE}").fetchall() == [(self._mark,)]  # noqa: S608

    def _leave_mark(self, connection: Connection, mark: str) -> None:
        warehouse.fill_table(
            connection, warehouse.RAW_STATE, MARK, {"mark": "VARCHAR"}, [{"mark": mark}]
        )


def columns_of(path: Path, schemas: Sequence[str]) -> str:
    """A text that is another one when a table of these schemas has other columns: the compiled SQL
    may then be another one too."""
    (found,) = warehouse.read(
        path,
        "SELECT md5(string_agg(table_name || '.' || column_name || ' ' || data_type, ';' "
        "ORDER BY schema_name, table_name, column_index)) AS told FROM duckdb_columns() "
        "WHERE list_contains(?, schema_name) AND table_name != ?",
        [list(schemas), MARK],
    )
    return str(found["told"])


def require_found_nothing(found: Sequence[Found]) -> None:
    """Return when no test found a row. Raises `Stop` naming the first that did."""
    if found:
        named = ", ".join(f"{one.name} ({one.rows} rows)" for one in found[:3])
        raise Stop(
            "warehouse",
            found[0].name,
            f"{len(found)} tests of what would be written found rows: {named}",
            "Nothing was sent. Mend the data or the model; `crossfoot judge` builds all of it.",
        )


def _relations(connection: Connection) -> Held:
    rows: list[Any] = connection.execute(
        "SELECT schema_name || '.' || table_name, bool_or(column_name = ?) "
        "AND bool_or(list_contains(?, schema_name)) FROM duckdb_columns() GROUP BY 1",
        [_LOADED_AT, [warehouse.RAW_SALESFORCE, warehouse.RAW_QUICKBOOKS]],
    ).fetchall()
    return frozenset(name for name, _ in rows), frozenset(name for name, is_raw in rows if is_raw)


def _quoted(relation: str) -> str:
    schema, _, name = relation.partition(".")
    return f"{identifier(schema)}.{identifier(name)}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
