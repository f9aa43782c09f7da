"""The shortest honest way from a won deal to its invoice, in a process that stays warm.

    ask QuickBooks ─► read what has changed ─► copy the state ─► build what is out of date ─► test
    ─► plan what the policy lets run by itself ─► apply

The steps are those of every run, over what they need to: a system is read when it signalled or when
it says that something has changed; of the models behind the invoices those are built whose inputs
have other rows; records are matched when one of them has changed. Guards, limits, lease and ledger
are the same. What is left out here (the report's models, the published copy, the other flows) is
made by the scheduled runs.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestration import steps
from orchestration.renewing import Renewing
from orchestration.steps import Progress, silent
from orchestration.watching.asking import changed_companies
from orchestration.watching.signals import System
from pipelines import warehouse
from pipelines.extract import ExtractResult
from pipelines.settings import Settings
from reverse_etl import cycle, opening
from reverse_etl.apply import ApplyResult
from reverse_etl.calls import recording
from reverse_etl.changes import Plan

# What an invoice waits for, and the invoice.
FLOWS = ("customers", "products", "invoices")
# Not among them is sync_flow_records, which only says of how many records a plan's share is taken:
# for the flows of no invoice it wants a sixth of all models. It is as of the last whole build.
MARTS = (
    "sync_customers",
    "sync_products",
    "sync_invoices",
    "sync_invoice_lines",
    "data_verdict",
    "deal_coverage",
)
# Tested is what is written, and that no billable deal is lost on the way.
_TESTED = tuple(mart for mart in MARTS if mart != "data_verdict")


class Seconds(NamedTuple):
    """How long a step took on the clock, and how much of it this process was computing."""

    wall: float
    computing: float


@dataclass(frozen=True)
class PromptRound:
    """What one round did. `waiting` says why a plan was not applied: its reasons for a person, or
    that no flow runs by itself. `seconds` are by step."""

    read: tuple[System, ...]
    extracted: tuple[ExtractResult, ...]
    built: tuple[str, ...]
    plan: Plan
    applied: ApplyResult | None
    waiting: tuple[str, ...]
    seconds: dict[str, Seconds]

    @property
    def wrote(self) -> bool:
        return self.applied is not None and self.applied.progressed

    @property
    def failed(self) -> bool:
        return self.applied is not None and self.applied.failed


@dataclass
class Prompt:
    """The warm part: the models as they were built last, and by which rules."""

    settings: Settings
    _renewing: Renewing = field(init=False)
    _seconds: dict[str, Seconds] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._renewing = Renewing(self.settings, MARTS, _TESTED)

    def round(self, systems: Collection[System], progress: Progress = silent) -> PromptRound:
        """One round after signals of these systems.

        Raises what the steps raise. Nothing is half done then: the next round begins with what is.
        """
        self._seconds = {}
        with opening.kept_open(self.settings):
            return self._round(systems, progress)

    def _round(self, systems: Collection[System], progress: Progress) -> PromptRound:
        # Opened twice: each opening reads the catalogue of some hundred tables, and whoever loads
        # sets the one thread and the little memory of loading for all that have it open. Not open
        # while invoices are sent, so that nobody waits for a vendor to look at the warehouse.
        with self._opened():
            with self._timed("ask"):
                read = self._to_read(systems)
            with self._timed("read"):
                extracted = tuple(r for system in read for r in self._read(system, progress))
        with self._opened():
            with self._timed("state"):
                cycle.copy_state(self.settings)
            built = self._build(progress)
            with self._timed("plan"):
                plan, waiting = self._plan()
        with self._timed("apply"):
            applied = None
            if plan.changes and not waiting:
                applied = cycle.apply(self.settings, plan.checksum, progress)
        return PromptRound(
            read, extracted, built, plan, applied, waiting, dict(self._seconds)
        )  # fmt: skip

    def _opened(self) -> AbstractContextManager[None]:
        """The warehouse, open for this process; nothing where there is none yet."""
        path = self.settings.warehouse_path
        return warehouse.kept_open(path) if warehouse.exists(path) else nullcontext()

    def _to_read(self, systems: Collection[System]) -> tuple[System, ...]:
        """Salesforce when it signalled; QuickBooks also when it says that something has changed:
        no invoice is decided on books that are known to be old."""
        read: list[System] = ["salesforce"] if "salesforce" in systems else []
        if "quickbooks" in systems:
            return (*read, "quickbooks")
        with recording(self.settings, "watch") as record:
            return (*read, "quickbooks") if changed_companies(self.settings, record) else (*read,)

    def _read(self, system: System, progress: Progress) -> tuple[ExtractResult, ...]:
        return steps.extract_one(self.settings, system, progress)

    def _build(self, progress: Progress) -> tuple[str, ...]:
        """Bring the models behind the invoices up to date and test them; names what was built."""
        if not self._renewing.is_possible():
            with self._timed("build everything"):
                steps.decide(self.settings, progress, tests=True)
                self._renewing.built_by_dbt()
        return self._renewing.renew(progress, self._timed).built

    def _plan(self) -> tuple[Plan, tuple[str, ...]]:
        """The plan, approved by the policy, or the reasons why a person has to look at it."""
        plan, beyond = cycle.plan_automatic(self.settings, flows=FLOWS)
        if plan.changes:
            return plan, beyond
        manual = cycle.make_plan(self.settings, _not_off(self.settings))
        if not manual.changes:
            return manual, ()
        return manual, (
            "a person approves these flows: the policy lets none of them run by itself",
        )

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began, computing = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self._seconds[step] = Seconds(
                round(time.perf_counter() - began, 3), round(time.process_time() - computing, 3)
            )


def _not_off(settings: Settings) -> list[str]:
    return [flow for flow in FLOWS if settings.policies.of(flow).mode != "off"]
