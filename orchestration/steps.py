"""The steps of a cycle, in order. Dagster's assets and the command line both call these.

    extract ─► copy_state ─► prepare ─► score ─► judge ─► publish ─► plan ─► apply ─► report

Each takes the settings and returns a value; none prints.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipelines import mapping, warehouse
from pipelines.errors import Stop
from pipelines.settings import Settings
from pipelines.transform import Build, build, require_passed, rules_hash

if TYPE_CHECKING:
    from orchestration.budget.reading import Extraction
    from pipelines.extract import ExtractResult
    from pipelines.extract.alone import Turn
    from pipelines.matching import ScoreSummary
    from reverse_etl.closing.runs import RecordedRun
    from reverse_etl.delivery import Delivery
    from reverse_etl.report import ReportPaths

Progress = Callable[[str], None]

# Models that must exist before pairs can be scored; everything else is built after the scores.
BEFORE_SCORES = "tag:before_scores"


@dataclass(frozen=True)
class Judged:
    """What one pass through the warehouse did; nothing was scored where nothing was to be matched
    anew."""

    prepared: Build
    scored: ScoreSummary | None
    judged: Build


def silent(_: str) -> None:
    """A progress that says nothing."""


def extract(settings: Settings, progress: Progress = silent) -> tuple[ExtractResult, ...]:
    """Read what is new in both systems into the raw tables. Raises `LimitExceeded` before the
    first call when the vendors' allowances do not suffice."""
    return extraction(settings, progress).results


def extraction(
    settings: Settings,
    progress: Progress = silent,
    *,
    full: bool = False,
    sweep: bool = False,
    turn: Turn | None = None,
) -> Extraction:
    """The same, with the calls that it took and what is left. With `full` everything is read
    again; with `sweep` the round that is made once a day is made now. Between two loads it gives
    way to other extractions, or to whom `turn` says."""
    from orchestration.budget.gate import within_budget
    from orchestration.budget.reading import Extraction
    from pipelines.extract import extract_all

    with within_budget(settings, full, progress, sweep=sweep) as meter:
        done = extract_all(settings, progress, full, meter, sweep or None, turn)
        return Extraction(done, meter)


def extract_one(
    settings: Settings, system: Literal["salesforce", "quickbooks"], progress: Progress = silent
) -> tuple[ExtractResult, ...]:
    """Read what is new in one of the systems, in one load. A walk that an earlier reading has left
    unfinished is passed by."""
    from orchestration.budget.gate import within_budget
    from pipelines import extract as extracting

    number, name = (0, "Salesforce") if system == "salesforce" else (1, "QuickBooks")
    with (
        within_budget(settings, progress=progress, system=name) as meter,
        extracting.undisturbed(settings.warehouse_path, is_giving_way=True),
    ):
        one = extracting.sources(settings, progress, record=meter, passing_by=True)[number]
        done = extracting.read(one, extracting.by_dlt, extracting.at_once)
    for walk in done.kept:
        progress(f"{name}: not at its end: {walk.told}; `crossfoot extract` goes on with it")
    return done.results


def copy_state(settings: Settings) -> None:
    """Bring ledger and people's decisions into the warehouse, so that SQL can see them."""
    from reverse_etl.cycle import copy_state as copy

    copy(settings)


def prepare(
    settings: Settings,
    progress: Progress = silent,
    *,
    tests: bool = True,
    raising: bool = True,
    only: Sequence[str] = (),
    as_of: datetime | None = None,
) -> Build:
    """Build what the scoring reads, or `only` these of it; a failure raises `BuildFailed`.

    With `as_of` the books are judged at that moment, not at that of the newest data. Where little
    has changed since the last scoring, the models of the pairs stay, and the scoring changes them.
    """
    from orchestration import matched_alone

    given = variables(settings)
    if only or as_of is not None or not matched_alone.is_possible(settings, given):
        result = _build(settings, progress, as_of, tests=tests, select=only or [BEFORE_SCORES])
        return require_passed(result) if raising else result
    left_out = [matched_alone.LEFT_OUT]
    first = _build(settings, progress, None, tests=tests, select=[BEFORE_SCORES], exclude=left_out)
    if first.failed or matched_alone.is_little(settings):
        rest = matched_alone.kept(settings, given)
    else:
        rest = _build(settings, progress, None, tests=tests, select=left_out)
    result = Build((*first.nodes, *rest.nodes))
    return require_passed(result) if raising else result


def score(settings: Settings) -> ScoreSummary:
    """Score the candidate pairs that have changed, or all, with the reviewed model."""
    from orchestration import matched_alone

    return matched_alone.scored(settings, variables(settings))


def told_scored(done: ScoreSummary | None) -> str:
    """What a scoring did, in a sentence."""
    if done is None:
        return "nothing to match anew"
    kept = done.pairs - done.scored
    if done.changed is None:
        return f"matched everything: {done.pairs} pairs scored"
    return f"matched {done.changed} changed records: {done.scored} pairs scored, {kept} kept"


def judge(
    settings: Settings,
    progress: Progress = silent,
    *,
    tests: bool = True,
    raising: bool = True,
    only: Sequence[str] = (),
    as_of: datetime | None = None,
    dials: Mapping[str, str] | None = None,
    mapped_before: bool = False,
) -> Build:
    """Build what needs the scores (links, reconciliation, intended writes), or `only` these.

    `dials` are settings of the project to be tried out instead of those in force. With
    `mapped_before` the tables of the mapping stay as the warehouse has them.
    """
    result = _build(
        settings,
        progress,
        as_of,
        dials,
        tests=tests,
        select=only,
        exclude=[BEFORE_SCORES],
        mapped_before=mapped_before,
    )
    return require_passed(result) if raising else result


def publish(settings: Settings) -> Path:
    """Swap in a fresh copy for analysts and assistants, without disturbing who reads the old."""
    from pipelines.warehouse import publish as swap_in

    return swap_in(settings.warehouse_path, settings.published_path)


def decide(settings: Settings, progress: Progress = silent, *, tests: bool = True) -> Judged:
    """State, models, scores and marts in one go, ending with the published copy.

    Raises `Stop` when one of the systems was never read: there is nothing to judge.
    """
    _refuse_unread(settings)
    copy_state(settings)
    prepared = prepare(settings, progress, tests=tests)
    scored = score(settings)
    progress(told_scored(scored))
    judged = judge(settings, progress, tests=tests)
    publish(settings)
    return Judged(prepared, scored, judged)


def _refuse_unread(settings: Settings) -> None:
    """Building from nothing would fail on the first model, and leave an empty warehouse behind."""
    read = {"Salesforce": warehouse.RAW_SALESFORCE, "QuickBooks": warehouse.RAW_QUICKBOOKS}
    for system, schema in read.items():
        if not warehouse.tables(settings.warehouse_path, schema):
            raise Stop(
                "warehouse",
                str(settings.warehouse_path),
                f"nothing was read from {system} yet",
                "Run `crossfoot extract` first, or `crossfoot sync` for everything.",
            )


def report(settings: Settings, week: str | None = None) -> ReportPaths:
    """Write the weekly mismatch report from the published copy."""
    from reverse_etl.report import write_report

    paths = write_report(settings, week)
    record_run(settings, paths.week, paths.page_hash, paths.workbook_hash)
    return paths


def docs(settings: Settings) -> Path:
    """dbt's documentation of the warehouse as one page in the data folder; needs a built one."""
    from pipelines.transform import write_docs

    _refuse_unread(settings)
    return write_docs(settings.dbt_dir, settings.warehouse_path, settings.data_dir / "docs")


def send(settings: Settings, paths: ReportPaths, again: bool = False) -> tuple[Delivery, ...]:
    """Send a report that was written to whoever has not got it, over the configured channels."""
    from reverse_etl.delivery import deliver

    return deliver(settings, paths, again=again)


def record_run(
    settings: Settings, week: str, page_hash: str, workbook_hash: str = ""
) -> RecordedRun:
    """Keep what the published copy holds as the run of a week, with the hashes of its files.

    Recording twice the same figures by the same rules keeps one run.
    """
    from reverse_etl.closing import runs
    from reverse_etl.opening import opened

    now = datetime.now(UTC)
    run = runs.read_run(settings.published_path, week, now)
    with opened(settings) as state:
        return runs.record(state, run, rules_in_force(settings), page_hash, now, workbook_hash)


def rules_in_force(settings: Settings) -> str:
    """SHA-256 of what the figures depend on beside the data: models, settings, match model."""
    from pipelines.matching.model import COMMITTED_MODEL

    told = "\n".join(
        [
            rules_hash(settings.dbt_dir),
            *(f"{name}={value}" for name, value in sorted(variables(settings).items())),
            COMMITTED_MODEL.read_text(encoding="utf-8"),
            mapping.content(settings.mapping_path),
        ]
    )
    return hashlib.sha256(told.encode()).hexdigest()


def variables(settings: Settings) -> dict[str, str]:
    """The settings that the project knows as variables."""
    go_live_on = settings.go_live_on.isoformat() if settings.go_live_on else ""
    given = {
        "go_live_on": go_live_on,
        "judged_org_id": settings.judged_org_id or "",
        "overdue_mail": settings.overdue_mail if settings.overdue_mail != "off" else "",
        "invoice_mail": settings.invoice_mail if settings.invoice_mail != "off" else "",
        "invoice_object": "on" if settings.invoice_object else "",
        "invoice_exchange_rate": settings.invoice_exchange_rate
        if settings.invoice_exchange_rate != "quickbooks"
        else "",
    }
    return {name: value for name, value in given.items() if value}


def _build(
    settings: Settings,
    progress: Progress,
    as_of: datetime | None,
    dials: Mapping[str, str] | None = None,
    *,
    tests: bool,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    mapped_before: bool = False,
) -> Build:
    given = {**variables(settings), **(dials or {})}
    if as_of is not None:
        given["as_of"] = as_of.isoformat()
    mapped = mapping.read_mapping(settings.dbt_dir / "seeds", settings.mapping_path)
    # A warehouse of a past moment is new, so it needs the seeds as well.
    command = "build" if tests or as_of else "run"
    # A run loads no seeds, so that all of the mapping is put there; else what the file replaces.
    replaced = sorted(mapped.replaced if command == "build" else mapped.tables)
    if replaced and not mapped_before:
        mapping.fill(settings.warehouse_path, mapped, replaced)
    return _engine(settings)(
        settings.dbt_dir,
        settings.warehouse_path,
        select=select,
        # Unit tests hold the rules; they do not depend on the data, so a run leaves them out.
        exclude=[
            *exclude,
            *(f"{name},resource_type:seed" for name in sorted(mapped.replaced)),
            "test_type:unit",
            *([] if tests else ["resource_type:test"]),
        ],
        variables=given or None,
        command=command,
        progress=progress,
    )


def _engine(settings: Settings) -> Callable[..., Build]:
    """What computes the models: the warehouse's own engine, or Spark where it is named."""
    if settings.spark is None:
        return build
    from pipelines.spark import engine

    return partial(engine.build, place=settings.spark)
