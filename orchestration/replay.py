"""A recorded week judged once more: as it was known then, or with what is known today."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration import closing, steps
from pipelines import past, warehouse
from pipelines.past import Moment
from pipelines.settings import Settings
from reverse_etl.closing import runs, signing
from reverse_etl.opening import opened
from reverse_etl.report import build_report, render_html, workbook_bytes

Rows = list[dict[str, Any]]

_BRIDGE = """
    SELECT company_id, currency_code, line_number, line_code, line_label, amount
    FROM reconciliation.reconciliation_bridge
    WHERE period_kind = 'to_date'
    ORDER BY company_id, currency_code, line_number
"""
_EXCEPTIONS = """
    SELECT exception_id, mismatch_class, currency_code, value_at_stake, deal_name,
        document_number, customer_name
    FROM reconciliation.exceptions
    WHERE movement <> 'closed'
    ORDER BY exception_id
"""
_RECORDS = """
    SELECT record_type, record_number, record_id, change, currency_code, dated_then, dated_now,
        amount_then, amount_now, difference
    FROM reconciliation.changes_after_sign_off
    ORDER BY abs(difference) DESC, record_type, record_id
"""


@dataclass(frozen=True)
class Replay:
    """A week judged once more, beside what was recorded of it.

    `page` and `workbook` are the report's files without links; the recorded ones are known by
    their hashes. No spreadsheet was recorded where its hash is empty.
    """

    week: str
    run: dict[str, Any]
    figures_hash: str
    page: str
    workbook: bytes
    recorded_workbook_hash: str
    rules_changed: bool

    @property
    def page_hash(self) -> str:
        """SHA-256 of the page."""
        return hashlib.sha256(self.page.encode()).hexdigest()

    @property
    def is_same(self) -> bool:
        """Are the figures those that were recorded, page and spreadsheet byte for byte as well?"""
        told = (self.run["figures_hash"], self.run["page_hash"])
        same = told == (self.figures_hash, self.page_hash)
        return same and self.recorded_workbook_hash in ("", self.workbook_hash)

    @property
    def workbook_hash(self) -> str:
        """SHA-256 of the spreadsheet."""
        return hashlib.sha256(self.workbook).hexdigest()


@dataclass(frozen=True)
class Hindsight:
    """A week as it was known and with what is known today: how the bridge's lines and the
    exceptions differ, and the records that were added, removed or changed meanwhile."""

    week: str
    bridge: Rows
    exceptions: Rows
    records: Rows


def as_known(settings: Settings, label: str) -> Replay:
    """The week's last recorded run, judged again from what was known then.

    Raises `Stop` for a week that was not recorded, and like a build.
    """
    run = closing.week(settings, label).row
    with opened(settings) as state:
        stored = runs.stored(state, run["run_number"])
    with tempfile.TemporaryDirectory() as folder:
        then = _judged(settings, Path(folder), run, _moment(run, stored))
        found = runs.read_run(then, label, run["known_at"])
        report = build_report(then, label)
    return Replay(
        week=label,
        run=run,
        figures_hash=found.figures_hash,
        page=render_html(report),
        workbook=workbook_bytes(report),
        recorded_workbook_hash=str(stored["workbook_hash"]),
        rules_changed=run["rules_hash"] != steps.rules_in_force(settings),
    )


def with_hindsight(settings: Settings, label: str) -> Hindsight:
    """The week as it was known then beside the same week with what is known today."""
    run = closing.week(settings, label).row
    with opened(settings) as state:
        moment = _moment(run, runs.stored(state, run["run_number"]))
    today = replace(moment, known_at=datetime.now(UTC), dated_to=run["as_of_at"].date())
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "then", Path(folder) / "today"
        then = _judged(settings, before, run, moment)
        now = _judged(settings, after, run, today, signed=True)
        return Hindsight(
            week=label,
            bridge=_differences(
                warehouse.read(then, _BRIDGE), warehouse.read(now, _BRIDGE),
                ("company_id", "currency_code", "line_code"), "amount",
            ),
            exceptions=_differences(
                warehouse.read(then, _EXCEPTIONS), warehouse.read(now, _EXCEPTIONS),
                ("exception_id",), "value_at_stake",
            ),
            records=warehouse.read(now, _RECORDS),
        )  # fmt: skip


def _moment(run: Mapping[str, Any], stored: Mapping[str, Any]) -> Moment:
    """What the run knew: people's words and our writes as of the copy that it was judged with."""
    said_at = stored["copied_at"] or stored["recorded_at"]
    return Moment(run["known_at"], said_at, run["run_number"])


def _judged(
    settings: Settings, folder: Path, run: dict[str, Any], moment: Moment, *, signed: bool = False
) -> Path:
    """A warehouse of that moment, judged by today's rules; the path of the file.

    With `signed` the run counts as signed, so that what changed under it is listed.
    """
    folder.mkdir(exist_ok=True)
    # The parsed project names the database after its file, and may have been parsed before.
    path = folder / warehouse.copy_name(settings.warehouse_path)
    past.write_as_known(settings.published_path, path, moment)
    if signed:
        _sign(path, run)
    there = replace(settings, warehouse_path=path)
    as_of = run["as_of_at"]
    steps.prepare(there, tests=False, as_of=as_of)
    steps.score(there)
    steps.judge(there, tests=False, as_of=as_of)
    return path


def _sign(path: Path, run: dict[str, Any]) -> None:
    """Both signatures under the run, in the copy only."""
    told = {name: run[name] for name in runs.RUN_COLUMNS}
    words = [
        {"sign_off_number": number, "week": run["week"], "run_number": run["run_number"],
         "step": step, "signed_by": step, "signed_at": run["recorded_at"], "note": ""}
        for number, step in enumerate(("prepare", "review"), start=1)
    ]  # fmt: skip
    with warehouse.writer(path) as connection:
        state = warehouse.RAW_STATE
        warehouse.fill_table(connection, state, "recorded_run", runs.RUN_COLUMNS, [told])
        warehouse.fill_table(connection, state, "sign_off", signing.EXPORT_COLUMNS, words)


def _differences(then: Rows, now: Rows, key: Sequence[str], amount: str) -> Rows:
    """Rows that are in one of the two only, or with another amount."""
    before = {tuple(row[name] for name in key): row for row in then}
    after = {tuple(row[name] for name in key): row for row in now}
    found = []
    for which in dict.fromkeys([*before, *after]):
        was, is_now = before.get(which), after.get(which)
        old = was[amount] if was else None
        new = is_now[amount] if is_now else None
        if old != new or (was is None) != (is_now is None):
            difference = (new or Decimal(0)) - (old or Decimal(0))
            told = {**(was or {}), **(is_now or {})}
            found.append({**told, "then": old, "today": new, "difference": difference})
    return found
