"""Brings models up to date in a process that has built them before: those whose inputs have other
rows, by the SQL that dbt compiled, as `pipelines.keeping` does it.

dbt makes what the models are, whenever the project, the mapping or a column that is read is another
one; in between a process that goes on does not pay for dbt's work anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from orchestration import matched_alone, steps
from orchestration.steps import Judged, Progress, silent
from pipelines import lineage, transform, warehouse
from pipelines.keeping import KeptModels, Pass, columns_of, require_found_nothing
from pipelines.matching import ScoreSummary
from pipelines.settings import Settings
from pipelines.transform import Build, Node

_SCORED_FROM = (
    "int_customers__candidates",
    "int_accounts__normalised",
    "int_customers__normalised",
)
# What the models depend on beside rows: the project's files with the mapping's, and all columns.
# Those of the models are among them, so that a warehouse that lost them counts as another one.
Rules = tuple[int, str]
Timed = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Renewed:
    """The tables that were built again, by name, and what was scored if anything was."""

    built: tuple[str, ...]
    scored: ScoreSummary | None


def untimed(_: str) -> AbstractContextManager[None]:
    """For who does not want to know how long a part takes."""
    return nullcontext()


@dataclass
class Renewing:
    """The models behind some marts, or all where none is named, as this process built them last.

    `tested` are the marts whose tests are run after each renewal. `by` are the rules by which dbt
    has built everything in this process, if it has.
    """

    settings: Settings
    marts: tuple[str, ...] = ()
    tested: tuple[str, ...] = ()
    by: Rules | None = None
    _kept: KeptModels | None = None

    def rules(self) -> Rules:
        """What holds now."""
        mapping = self.settings.mapping_path
        return (
            transform.newest_change(self.settings.dbt_dir)
            + (mapping.stat().st_mtime_ns if mapping and mapping.exists() else 0),
            columns_of(self.settings.warehouse_path, warehouse.SCHEMAS),
        )

    def built_by_dbt(self) -> None:
        """Note that everything was built with dbt just now."""
        self.by, self._kept = self.rules(), None

    def is_possible(self) -> bool:
        """Has this process built everything, by the rules that hold now?"""
        return self.by is not None and self.by == self.rules()

    def renew(self, progress: Progress = silent, timed: Timed = untimed) -> Renewed:
        """Build what is out of date and test it. Raises what the warehouse raises, and `Stop` when
        a test finds rows; what was built before stands then.

        To be called where `is_possible`; the state was copied before.
        """
        with timed("build"):
            kept = self._kept = self._kept or self._keep()
            under_way = kept.begin()
            scored = self._score(kept, under_way, progress)
            kept.build(under_way, {m.name for m in kept.models})
        with timed("test"):
            require_found_nothing(kept.failed())
        return Renewed(tuple(under_way.built), scored)

    def decide(self, progress: Progress = silent, *, tests: bool) -> Judged:
        """What `steps.decide` does; after the first time, unless `tests` are wanted, with no more
        building than there is reason for."""
        if tests or not self.is_possible():
            judged = steps.decide(self.settings, progress, tests=tests)
            self.built_by_dbt()
            return judged
        steps.copy_state(self.settings)
        done = self.renew(progress)
        steps.publish(self.settings)
        return Judged(Build(()), done.scored, Build(tuple(map(_node, done.built))))

    def _score(self, kept: KeptModels, under_way: Pass, progress: Progress) -> ScoreSummary | None:
        """Match what has changed, if anything that the matching reads has."""
        first, rest = self._parts(kept)
        if not kept.needing(under_way, _SCORED_FROM):
            return None
        kept.build(under_way, first)
        # What was read again may say what it said; what is matched alone shows that only later.
        if not rest and under_way.changed.isdisjoint(_relations(kept, _SCORED_FROM)):
            return None
        scored = steps.score(self.settings)
        progress(steps.told_scored(scored))
        kept.look(under_way, [f"{warehouse.MATCHING}.customer_scores", *_relations(kept, rest)])
        return scored

    def _parts(self, kept: KeptModels) -> tuple[set[str], set[str]]:
        """The models that the scoring reads, and those of them that it changes itself where it
        matches only what has changed."""
        before = {m.name for m in kept.models if "before_scores" in m.tags}
        alone = {m.name for m in kept.models if "matched_alone" in m.tags}
        if matched_alone.is_possible(self.settings, steps.variables(self.settings)):
            return before - alone, alone
        return before, set()

    def _keep(self) -> KeptModels:
        told = self.settings.dbt_dir, self.settings.warehouse_path
        models = lineage.models(*told, self.marts or None)
        tests = lineage.tests_of(*told, self.tested, models)
        # Of a view nothing is run; but dbt finds a test by what it is of.
        wanted = [m.name for m in models if tests or m.kind == "table"]
        sql = transform.compiled(
            *told, wanted, steps.variables(self.settings), with_tests=bool(tests), anew=True
        )
        return KeptModels(self.settings.warehouse_path, models, tests, sql)


def _relations(kept: KeptModels, names: Collection[str]) -> list[str]:
    return [m.relation for m in kept.models if m.name in names and m.kind == "table"]


def _node(name: str) -> Node:
    return Node(f"model.crossfoot.{name}", name, "model", "success", 0.0, 0, "renewed")
