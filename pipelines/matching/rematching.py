"""Matches changed records alone, with the answer that matching everything would give.

After a scoring of everything `keep` notes what was read and by which rules. `rematch` compares:
under other rules, another model or after a change of very much it says so, and everything is
matched; else only what has changed is, with the pairs that it touches. `Rematching` does the same
for records that are told to it, one after the other, and decides about them as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines import warehouse
from pipelines.matching import neighbourhood, splink_weights
from pipelines.matching.model import COMMITTED_MODEL, Model, load
from pipelines.matching.narrowed import Narrowed
from pipelines.matching.redeciding import DECIDED, DECISIONS, redecide
from pipelines.matching.rescoring import rescore
from pipelines.matching.scoring import ScoreSummary
from pipelines.warehouse import Connection

FINGERPRINTS, LINKED = "int_customers__fingerprints", "int_accounts__linked"
CUSTOMERS = "stg_quickbooks__customers"
# The models that are built again for the changed records alone, and those that are read beside.
_READ = (CUSTOMERS, LINKED, FINGERPRINTS, DECISIONS, DECIDED)
MODELS = ("tag:matched_alone", *_READ)

# What is kept of a scoring, in the schema `matching`.
_KEPT = ("customer_scores", "kept_odds", "kept_records", "kept_links")
# Beyond this share of the records matching everything takes less.
_MOST_CHANGED = 0.1
_CHANGED_RAW = (
    "(company_id, id) IN (SELECT (scope_id, record_id) FROM alone_changed WHERE side = 'customer')"
)


@dataclass(frozen=True)
class Record:
    """An account or a customer: its side, its org or company, and its id there."""

    side: str
    scope_id: str
    record_id: str


def keep(path: Path, sql: Mapping[str, str], rules: str, model_version: str) -> None:
    """Note that everything was just matched and scored by these rules and this model.

    Every table gets a seal, which it loses when it is built again by whomever.
    """
    seal = _seal(rules, model_version)
    with warehouse.writer(path) as connection:
        run = connection.execute
        run(f"CREATE OR REPLACE TABLE matching.kept_records AS FROM intermediate.{FINGERPRINTS}")
        run(f"CREATE OR REPLACE TABLE matching.kept_links AS FROM intermediate.{LINKED}")
        for name in sealed(sql):
            run(f"COMMENT ON TABLE intermediate.{name} IS '{seal}'")
        for name in _KEPT:
            run(f"COMMENT ON TABLE matching.{name} IS '{seal}'")


def is_kept(
    path: Path, sql: Mapping[str, str], rules: str, model_path: Path = COMMITTED_MODEL
) -> bool:
    """Does the warehouse hold a matching of everything by these rules and this model?"""
    model = load(model_path)
    with warehouse.reader(path) as connection:
        return _is_kept(connection, sql, _seal(rules, model.version))


def is_little(path: Path) -> bool:
    """Has little enough changed since then, by the fingerprints as they are now?"""
    with warehouse.reader(path) as connection:
        step = Narrowed(connection, {})
        _find_changed(step)
        return _is_little(step)


def rematch(
    path: Path, sql: Mapping[str, str], rules: str, model_path: Path = COMMITTED_MODEL
) -> ScoreSummary | None:
    """Match what has changed since the last scoring; `None` where everything has to be matched.

    `sql` is that of `MODELS` as dbt compiled it, `rules` what `keep` was told. The staging models,
    the links by key and the fingerprints are read as they stand; nothing is decided. Raises
    `ConfigurationError` for a model that may not be used, and like `pipelines.warehouse.writer`.
    """
    model = load(model_path)
    with warehouse.writer(path) as connection:
        if not _is_kept(connection, sql, _seal(rules, model.version)):
            return None
        step = Narrowed(connection, sql)
        _find_changed(step)
        return _rematched(step, model) if _is_little(step) else None


class Rematching:
    """A warm matching, made by `warm`: of records that are told to it, at once."""

    def __init__(
        self, path: Path, connection: Connection, sql: Mapping[str, str], rules: str, model: Model
    ) -> None:
        self._path, self._connection, self._sql = path, connection, sql
        self._seal, self._model = _seal(rules, model.version), model
        self._step = Narrowed(connection, sql)

    def match(self, records: Sequence[Record]) -> ScoreSummary | None:
        """Match records that came, went or changed in the raw tables, and decide about them.

        What has changed is read from the raw tables for these records alone. `None`, and nothing
        done, where everything has to be matched. Raises like `pipelines.warehouse.writer`.
        """
        import pyarrow as pa

        told = pa.Table.from_pylist(
            [vars(one) for one in records],
            pa.schema([(name, pa.string()) for name in ("side", "scope_id", "record_id")]),
        )
        with warehouse.transaction(self._path, self._connection):
            if not _is_kept(self._connection, self._sql, self._seal):
                return None
            self._step.fill("alone_changed", told)
            _read_changed(self._step)
            done = None
            if _is_one_size(self._step):
                done = _rematched(self._step, self._model)
                redecide(self._step)
            return done


@contextmanager
def warm(
    path: Path, sql: Mapping[str, str], rules: str, model_path: Path = COMMITTED_MODEL
) -> Iterator[Rematching]:
    """A warm matching for the length of a block, which holds the warehouse.

    Splink has answered for all pairs before the first record comes. Raises like `rematch`.
    """
    model = load(model_path)
    splink_weights.ask_ahead(model)
    with warehouse.session(path) as connection:
        yield Rematching(path, connection, sql, rules, model)


def sealed(sql: Mapping[str, str]) -> list[str]:
    """The models that are built again for the changed records alone."""
    return [name for name in sql if name not in _READ]


def _seal(rules: str, model_version: str) -> str:
    return f"matched by the rules {rules} and the model {model_version}"


def _is_kept(connection: Connection, sql: Mapping[str, str], seal: str) -> bool:
    """Is every table still the one that was sealed? One that was built again has no seal."""
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE comment = ?", [seal]
    ).fetchall()
    return {*sealed(sql), *_KEPT} == {name for (name,) in tables}


def _find_changed(step: Narrowed) -> None:
    step.note("alone_fingerprints", f"FROM intermediate.{FINGERPRINTS}")
    step.note(
        "alone_changed",
        """
        SELECT DISTINCT side, scope_id, record_id FROM (
            (FROM alone_fingerprints EXCEPT FROM matching.kept_records)
            UNION ALL (FROM matching.kept_records EXCEPT FROM alone_fingerprints)
        )
        """,
    )
    _find_links(step)


def _find_links(step: Narrowed) -> None:
    step.note(
        "alone_links",
        f"""
        (FROM intermediate.{LINKED} EXCEPT FROM matching.kept_links)
        UNION ALL (FROM matching.kept_links EXCEPT FROM intermediate.{LINKED})
        """,
    )


def _is_little(step: Narrowed) -> bool:
    """Little enough has changed for it to be worth while."""
    changed = step.count("alone_changed") + step.count("alone_links")
    return changed <= _MOST_CHANGED * step.count("alone_fingerprints") and _is_one_size(step)


def _is_one_size(step: Narrowed) -> bool:
    """Is the number of records still one by which all words weigh the same?"""
    before = step.count("matching.kept_records")
    changed = neighbourhood.CHANGED
    after = (
        before
        - step.count(f"matching.kept_records WHERE {changed}")
        + step.count(f"alone_fingerprints WHERE {changed}")
    )
    return _size_bits(before) == _size_bits(after)


def _size_bits(records: int) -> int:
    """As `int_names__words` has it."""
    return max(math.ceil(math.log2(max(records, 2))), 15)


def _read_changed(step: Narrowed) -> None:
    """Staging, links by key and fingerprints of the records that were told."""
    accounts, customers = neighbourhood.CHANGED_ACCOUNTS, neighbourhood.CHANGED_CUSTOMERS
    step.note("alone_customers", step.model(CUSTOMERS, customer=_CHANGED_RAW))
    step.run(f"DELETE FROM staging.{CUSTOMERS} WHERE {customers}")
    step.run(f"INSERT INTO staging.{CUSTOMERS} FROM alone_customers")
    step.note(
        "alone_fingerprints",
        step.model(
            FINGERPRINTS,
            stg_salesforce__accounts=accounts,
            stg_salesforce__contacts=accounts,
            stg_quickbooks__customers=customers,
        ),
    )
    step.note("alone_linked_now", step.sql[LINKED])
    step.run(f"DELETE FROM intermediate.{LINKED}")
    step.run(f"INSERT INTO intermediate.{LINKED} FROM alone_linked_now")
    _find_links(step)


def _rematched(step: Narrowed, model: Model) -> ScoreSummary:
    neighbourhood.with_children(step)
    changed = step.count("alone_changed")
    scored = 0
    if changed or step.count("alone_links"):
        neighbourhood.records(step)
        neighbourhood.names(step)
        neighbourhood.keys(step)
        neighbourhood.linked(step)
        neighbourhood.pairs(step)
        neighbourhood.evidence(step)
        scored = rescore(step, model)
        _keep_changed(step)
    return ScoreSummary(step.count("matching.customer_scores"), scored, model.version, changed)


def _keep_changed(step: Narrowed) -> None:
    changed = neighbourhood.CHANGED
    step.run(f"DELETE FROM matching.kept_records WHERE {changed}")
    step.run(f"INSERT INTO matching.kept_records FROM alone_fingerprints WHERE {changed}")
    step.run("DELETE FROM matching.kept_links")
    step.run(f"INSERT INTO matching.kept_links FROM intermediate.{LINKED}")
