"""Builds the project's tables on Spark: dbt says which and by what SQL, Spark computes them from
copies of the warehouse's tables, and the warehouse takes the results.

Views, seeds and tests stay where the warehouse is. So whatever reads it, and what it promises of
writing once, is the same as without Spark.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlglot.errors import SqlglotError

from pipelines import lineage, transform, warehouse
from pipelines.spark.functions import ALWAYS, register
from pipelines.spark.place import Place
from pipelines.spark.session import session
from pipelines.spark.translating import Columns, tables_of, translated
from pipelines.transform import Build, BuildFailed, Node

# Tables, and what is made of them: dbt itself makes the seeds, and the views of what was read.
_TABLES = "config.materialized:table+"
_TESTS = "resource_type:test"


def build(
    project_dir: Path,
    warehouse_path: Path,
    *,
    place: Place,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    command: str = "build",
    progress: Callable[[str], None] | None = None,
) -> Build:
    """What `transform.build` does, with the tables computed on Spark. Tests are run when all is
    built.

    Raises `BuildFailed` like it, and for a model that Spark cannot compute; `ConfigurationError`
    when Spark does not answer. Tables that were not reached stand as they were.
    """
    given: dict[str, Any] = {"variables": variables, "progress": progress}
    left_out = [*exclude, _TABLES]
    first = transform.build(
        project_dir,
        warehouse_path,
        select=select,
        exclude=[*left_out, _TESTS],
        command=command,
        **given,
    )
    if first.failed:
        return first
    sql = transform.compiled(
        project_dir, warehouse_path, select, variables, exclude=exclude, anew=True
    )
    models = [
        m
        for m in lineage.models(project_dir, warehouse_path, None)
        if m.name in sql and m.kind != "seed"
    ]
    there = {m.relation for m in models if m.name in {node.name for node in first.nodes}}
    done = tuple(_built(warehouse_path, place, models, sql, there, progress))
    nodes = (*first.nodes, *done)
    if command != "build" or _TESTS in exclude:
        return Build(nodes)
    tested = transform.build(
        project_dir, warehouse_path, select=select, exclude=exclude, command="test", **given
    )
    return Build((*nodes, *tested.nodes))


def _built(
    path: Path,
    place: Place,
    models: Sequence[lineage.Model],
    sql: Mapping[str, str],
    there: Collection[str],
    progress: Callable[[str], None] | None,
) -> Iterator[Node]:
    """The models one after the other; Spark needs those that are `there` too."""
    spark = session(place)
    register(spark, ALWAYS)
    with _folder(place) as folder, closing(_Run(spark, path, folder)) as run:
        made = {m.relation for m in models}
        read = frozenset().union(*(tables_of(sql[m.name]) for m in models))
        run.take(sorted(read - made))
        for model in models:
            if progress:
                progress(model.name)
            began = time.perf_counter()
            run.make(model, sql[model.name])
            if model.relation in there:
                continue
            run.give(model, sql[model.name])
            yield Node(
                f"model.crossfoot.{model.name}", model.name, "model", "success",
                time.perf_counter() - began, 0, "built on Spark",
            )  # fmt: skip


class _Run:
    """One build's tables in Spark, each a folder of Parquet files."""

    def __init__(self, spark: Any, path: Path, folder: Path) -> None:
        self._spark, self._path, self._folder = spark, path, folder
        self._columns: dict[str, Columns] = {}

    def close(self) -> None:
        """Have Spark forget the tables of this build; their files are the folder's."""
        for relation in self._columns:
            self._spark.sql(f"drop table {_in_spark(relation)}")

    def take(self, relations: Sequence[str]) -> None:
        """Copy these tables and views of the warehouse for Spark."""
        with warehouse.reader(self._path) as connection:
            for relation in relations:
                target = self._folder / relation
                target.mkdir()
                told = connection.execute(f"describe {_quoted(relation)}").fetchall()
                columns = ", ".join(_readable(name, kind) for name, kind, *_ in told)
                connection.execute(
                    f"copy (select {columns} from {_quoted(relation)})"
                    f" to '{target / 'part.parquet'}' (format parquet)"
                )
                self._add(relation, target)

    def make(self, model: lineage.Model, sql: str) -> None:
        """Compute a model. A view is a table here: a function that is lent may be in it."""
        target = self._folder / model.relation
        try:
            told = translated(sql, lambda schema, name: self._columns[f"{schema}.{name}"])
            register(self._spark, told.lent)
            self._spark.sql(told.sql).write.parquet(str(target))
        except (SqlglotError, ValueError) as problem:
            raise _failed(model, f"its SQL is not translated: {problem}") from problem
        except Exception as problem:
            if not type(problem).__module__.startswith(("pyspark", "py4j")):
                raise
            raise _failed(model, str(problem)) from problem
        self._add(model.relation, target)

    def give(self, model: lineage.Model, sql: str) -> None:
        """Put what was computed into the warehouse, with the types that DuckDB gives it; a view as
        the question that it is."""
        with warehouse.writer(self._path) as connection:
            schema = model.relation.split(".", 1)[0]
            connection.execute(f'create schema if not exists "{schema}"')
            if model.kind == "view":
                connection.execute(f"create or replace view {_quoted(model.relation)} as ({sql})")
                return
            kinds = connection.execute(f"describe {sql}").fetchall()
            columns = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind, *_ in kinds)
            connection.execute(
                f"create or replace table {_quoted(model.relation)} as select {columns}"
                f" from read_parquet('{self._folder / model.relation}/*.parquet')"
            )

    def _add(self, relation: str, place: Path) -> None:
        import pyarrow.parquet as pq
        from pyspark.sql.pandas.types import from_arrow_schema

        first = next(iter(sorted(place.glob("*.parquet"))))
        fields = from_arrow_schema(pq.read_schema(first))
        columns = {f.name: f.dataType.simpleString() for f in fields}
        told = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
        self._spark.sql(f"create database if not exists `{relation.split('.', 1)[0]}`")
        self._spark.sql(
            f"create table {_in_spark(relation)} ({told}) using parquet location '{place}'"
        )
        self._columns[relation] = columns


@contextmanager
def _folder(place: Place) -> Iterator[Path]:
    """A folder for one build, which is gone afterwards."""
    place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(prefix="build-", dir=place.folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _readable(name: str, kind: str) -> str:
    """Spark's Parquet has no whole numbers without a sign or of more than 64 bits."""
    if kind in ("UBIGINT", "HUGEINT", "UHUGEINT"):
        return f'cast("{name}" as decimal(38, 0)) as "{name}"'
    return f'"{name}"'


def _in_spark(relation: str) -> str:
    schema, name = relation.split(".", 1)
    return f"`{schema}`.`{name}`"


def _quoted(relation: str) -> str:
    schema, name = relation.split(".", 1)
    return f'"{schema}"."{name}"'


def _failed(model: lineage.Model, problem: str) -> BuildFailed:
    return BuildFailed(
        "Spark",
        model.name,
        " ".join(problem.split())[:400],
        "Build without Spark (unset CROSSFOOT_SPARK), and tell us the model and this sentence; "
        "nothing was written to Salesforce or QuickBooks.",
    )
