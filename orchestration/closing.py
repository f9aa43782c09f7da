"""The close of a week, from the command line and from Dagster: record, look, explain, sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from orchestration import steps
from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.settings import Settings
from reverse_etl.closing import exceptions, runs, signing
from reverse_etl.closing.exceptions import Event, Word
from reverse_etl.closing.signing import SignOff, Step
from reverse_etl.opening import opened

Rows = list[dict[str, Any]]

_CLOSING = "tag:closing"
_SHORTEST = 6

_WEEKS = "SELECT * FROM reconciliation.sign_offs ORDER BY week DESC"
_BLOCKERS = """
    SELECT * FROM reconciliation.sign_off_blockers WHERE week = ?
    ORDER BY value_at_stake DESC NULLS FIRST, exception_id
"""
_CHANGES = """
    SELECT * FROM reconciliation.changes_after_sign_off WHERE week = ?
    ORDER BY abs(difference) DESC, record_type, record_id
"""
_JUDGED = """
    SELECT
        (SELECT count(*) FROM raw_state.recorded_run) AS runs,
        (SELECT count(*) FROM raw_state.exception_event) AS words,
        (SELECT count(*) FROM raw_state.sign_off) AS signatures
"""
_CARRIED = "SELECT * FROM reconciliation.exceptions_carried_forward ORDER BY ALL"
_EXCEPTIONS = """
    SELECT * FROM reconciliation.exceptions
    ORDER BY
        needs_explanation DESC, precedence, currency_code, value_at_stake DESC, exception_id
"""


@dataclass(frozen=True)
class Week:
    """A recorded week: its row of `sign_offs`, what bars its signature, what changed under it."""

    row: dict[str, Any]
    blockers: Rows
    changes: Rows


def weeks(settings: Settings) -> Rows:
    """All recorded weeks, the newest first."""
    _caught_up(settings)
    return _read(settings, _WEEKS)


def week(settings: Settings, label: str) -> Week:
    """One recorded week. Raises `Stop` for one that no report was written of."""
    _caught_up(settings)
    for row in _read(settings, _WEEKS):
        if row["week"] == label:
            return Week(
                row, _read(settings, _BLOCKERS, [label]), _read(settings, _CHANGES, [label])
            )
    raise Stop(
        "close", label, "no run of this week is recorded",
        "`crossfoot close weeks` lists those that are; `crossfoot report` records the present one.",
    )  # fmt: skip


def carried_forward(settings: Settings) -> Rows:
    """Opening + new − closed ± revalued = closing, per company and currency."""
    _caught_up(settings)
    return _read(settings, _CARRIED)


def found(settings: Settings) -> Rows:
    """The exceptions of the week, what bars a signature first."""
    _caught_up(settings)
    return _read(settings, _EXCEPTIONS)


def say(
    settings: Settings,
    subject: str,
    event: Event,
    who: str,
    *,
    reason: str = "",
    owner: str | None = None,
    root_cause: str | None = None,
    until: date | None = None,
) -> Rows:
    """Keep a person's word about an exception, or about all of a class; returns their rows as they
    stand now. `subject` is the id (or the start of it) or the class.

    Raises `Stop` for an exception that is not listed, a root cause that is none, a day that is
    past, and like `exceptions.say`.
    """
    rows = _meant(settings, subject)
    if root_cause is not None:
        _refuse_unknown_cause(settings, root_cause)
    if until is not None:
        _refuse_past_day(settings, subject, until)
    now = datetime.now(UTC)
    said = [
        Word(
            exception_id=row["exception_id"],
            event=event,
            decided_by=who,
            decided_at=now,
            reason=reason,
            owner=owner,
            root_cause=root_cause,
            accepted_amount=row["value_at_stake"] if event == "accept" else None,
            accepted_until=until,
        )
        for row in rows
    ]
    with opened(settings) as state:
        exceptions.say(state, said)
    refresh(settings)
    ids = {row["exception_id"] for row in rows}
    return [row for row in found(settings) if row["exception_id"] in ids]


def sign(settings: Settings, label: str, step: Step, who: str, note: str = "") -> Week:
    """Sign a recorded week, or withdraw; returns it as it stands now.

    Raises `AskAPerson` while something bars the signature, `Stop` like `signing.sign`.
    """
    found = week(settings, label)
    sign_off = SignOff(label, found.row["run_number"], step, who, datetime.now(UTC), note)
    with opened(settings) as state:
        signing.sign(state, sign_off, found.blockers)
    refresh(settings)
    return week(settings, label)


def refresh(settings: Settings) -> None:
    """Judge anew what hangs on people's words, and publish it; nothing is read from the vendors."""
    steps.copy_state(settings)
    steps.judge(settings, only=[_CLOSING])
    steps.publish(settings)


def root_causes(settings: Settings) -> list[str]:
    """The root causes that may be given."""
    rows = _read(settings, "SELECT root_cause FROM staging.root_causes")
    return [row["root_cause"] for row in rows]


def _caught_up(settings: Settings) -> None:
    """What was said or recorded since the last build is judged first; else nothing is built."""
    if "sign_offs" not in warehouse.tables(settings.published_path, warehouse.RECONCILIATION):
        raise Stop(
            "warehouse",
            settings.published_path.name,
            "nothing has been reconciled in it yet",
            "Run `crossfoot sync`.",
        )
    (judged,) = warehouse.read(settings.published_path, _JUDGED)
    with opened(settings) as state:
        kept = {
            "runs": len(runs.export_runs(state)),
            "words": len(exceptions.export_rows(state)),
            "signatures": len(signing.export_rows(state)),
        }
    if kept != judged:
        refresh(settings)


def _meant(settings: Settings, subject: str) -> Rows:
    """The exceptions that an id, the start of one or a class stands for."""
    listed = found(settings)
    of_class = [row for row in listed if row["mismatch_class"] == subject]
    if of_class:
        return of_class
    if len(subject) < _SHORTEST:
        raise Stop("exception", subject, f"give at least {_SHORTEST} characters of its id")
    rows = [row for row in listed if row["exception_id"].startswith(subject)]
    if len(rows) != 1:
        problem = "no such exception is listed" if not rows else "several exceptions begin so"
        raise Stop("exception", subject, problem, "`crossfoot exceptions list` shows them.")
    return rows


def _refuse_unknown_cause(settings: Settings, root_cause: str) -> None:
    known = root_causes(settings)
    if root_cause not in known:
        raise Stop("exception", root_cause, "is no root cause", f"Say one of: {', '.join(known)}.")


def _refuse_past_day(settings: Settings, subject: str, until: date) -> None:
    """An acceptance that is over before it begins would leave the exception as it was."""
    (clock,) = _read(settings, "SELECT as_of_on FROM intermediate.int_clock")
    if until < clock["as_of_on"]:
        raise Stop(
            "exception",
            subject,
            f"{until} is before the day of the data, {clock['as_of_on']}",
            "Give the last day on which it shall hold.",
        )


def _read(settings: Settings, sql: str, params: Sequence[Any] = ()) -> Rows:
    return warehouse.read(settings.published_path, sql, params)
