"""What the state keeps of a close: runs once, words only when they are complete, two signers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration import replay
from pipelines.errors import AskAPerson, Stop
from pipelines.past import Moment
from pipelines.settings import load_settings
from reverse_etl import cycle
from reverse_etl.closing import exceptions, runs, signing
from reverse_etl.closing.exceptions import Word
from reverse_etl.closing.runs import Run
from reverse_etl.closing.signing import SignOff
from reverse_etl.state import State, open_state

NOW = datetime(2026, 11, 20, 17, tzinfo=UTC)
WEEK = "2026-W47"
FOUND = {
    "exception_id": "a" * 32, "mismatch_class": "UNDER_BILLED", "company_id": "1",
    "currency_code": "EUR", "value_at_stake": Decimal("10.10"), "is_material": True,
    **dict.fromkeys(runs._DETAILS), "occurred_on": date(2026, 11, 3), "plan_step": 2,
}  # fmt: skip
RUN = Run(WEEK, NOW, NOW, runs.figures_hash([FOUND], []), True, (FOUND,))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(f"sqlite:///{tmp_path / 'state.sqlite'}")
    yield opened
    opened.close()


def test_the_same_run_is_kept_once(state: State) -> None:
    first = runs.record(state, RUN, "rules", "page", NOW)
    again = runs.record(
        state, replace(RUN, as_of_at=NOW + timedelta(hours=1)), "rules", "page", NOW
    )
    assert (first.is_new, again.is_new, again.run_number) == (True, False, first.run_number)
    assert len(runs.export_exceptions(state)) == 1


def test_a_week_is_judged_again_from_what_was_said_when_its_marts_were_built(
    state: State, tmp_path: Path
) -> None:
    """Not from what was said until its report was drawn, which may be hours later."""
    settings = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path / "data")})
    cycle.copy_state(settings, lambda: NOW)
    assert runs._copied_at(settings.warehouse_path) == NOW
    run, later = replace(RUN, copied_at=NOW), NOW + timedelta(hours=2)
    kept = runs.stored(state, runs.record(state, run, "rules", "page", later).run_number)
    assert replay._moment(kept, kept) == Moment(NOW, NOW, kept["run_number"])
    older = {**kept, "copied_at": None}  # as runs of before this was kept
    assert replay._moment(older, older) == Moment(NOW, later, kept["run_number"])
    with pytest.raises(Stop, match="has no such run"):
        runs.stored(state, 99)


def test_an_older_state_gets_the_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    open_state(url).close()
    with sqlite3.connect(tmp_path / "state.sqlite") as connection:  # as version 3 left it
        connection.executescript("""
            DROP TABLE recorded_run; DROP TABLE recorded_exception; DROP TABLE exception_event;
            DROP TABLE sign_off; DELETE FROM schema_version WHERE version > 3;
        """)
    state = open_state(url)
    assert runs.record(state, RUN, "rules", "page", NOW).is_new
    sign(state, "prepare", "ann")
    exceptions.say(state, [Word("a" * 32, "assign", "ann", NOW, owner="bob")])
    state.close()


def test_runs_of_an_older_state_are_kept_and_do_not_know_what_they_knew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    before = open_state(url)
    number = runs.record(before, replace(RUN, copied_at=NOW), "rules", "page", NOW).run_number
    before.close()
    with sqlite3.connect(tmp_path / "state.sqlite") as connection:  # as version 6 left it
        connection.executescript("""
            ALTER TABLE recorded_run DROP COLUMN copied_at;
            DELETE FROM schema_version WHERE version > 6;
        """)
    after = open_state(url)
    assert runs.stored(after, number)["copied_at"] is None
    after.close()


@pytest.mark.parametrize("other", [{"figures_hash": "x"}, {"is_concluded": False}, {}])
def test_other_figures_or_rules_are_another_run(state: State, other: dict[str, Any]) -> None:
    first = runs.record(state, RUN, "rules", "page", NOW)
    second = runs.record(state, replace(RUN, **other), "rules" if other else "others", "page", NOW)
    assert (second.is_new, second.run_number) == (True, first.run_number + 1)


def test_what_a_run_found_is_kept_to_the_cent(state: State) -> None:
    runs.record(state, RUN, "rules", "page", NOW)
    (kept,) = runs.export_exceptions(state)
    assert kept["value_at_stake"] == Decimal("10.10")
    assert kept["details"] == '{"occurred_on":"2026-11-03","plan_step":2}'


@pytest.mark.parametrize("change", [{"value_at_stake": Decimal("10.11")}, {"currency_code": "USD"}])
def test_the_hash_sees_every_figure(change: dict[str, Any]) -> None:
    assert runs.figures_hash([{**FOUND, **change}], []) != RUN.figures_hash


def test_the_hash_does_not_see_age() -> None:
    assert runs.figures_hash([{**FOUND, "reason": "older by a day"}], []) == RUN.figures_hash


@pytest.mark.parametrize(
    ("word", "lacking"),
    [
        (Word("a" * 32, "explain", "ann", NOW, "because"), "a root cause"),
        (Word("a" * 32, "explain", "ann", NOW, " ", root_cause="timing only"), "a reason"),
        (Word("a" * 32, "explain", " ", NOW, "because", root_cause="timing only"), "a name"),
        (Word("a" * 32, "assign", "ann", NOW), "an owner"),
        (Word("a" * 32, "accept", "ann", NOW, "ok", root_cause="timing only"), "a day until"),
        (Word("a" * 32, "close", "ann", NOW, "done"), "one of assign"),  # type: ignore[arg-type]
    ],
)
def test_a_word_that_lacks_something_is_not_kept(state: State, word: Word, lacking: str) -> None:
    whole = Word("b" * 32, "assign", "ann", NOW, owner="bob")
    with pytest.raises(Stop, match=lacking):
        exceptions.say(state, [whole, word])
    assert exceptions.export_rows(state) == []


def test_words_come_back_as_they_were_said(state: State) -> None:
    said = Word(
        "a" * 32, "accept", " ann ", NOW, "ok", None, "timing only", Decimal("1.10"),
        date(2026, 12, 1),
    )  # fmt: skip
    exceptions.say(state, [said])
    (row,) = exceptions.export_rows(state)
    assert row == {**vars(said), "decided_by": "ann", "event_number": 1}


def sign(state: State, step: signing.Step, who: str, number: int = 1) -> None:
    signing.sign(state, SignOff(WEEK, number, step, who, NOW), [])


def test_nothing_is_signed_that_was_not_recorded(state: State) -> None:
    with pytest.raises(Stop, match="no run of this week"):
        sign(state, "prepare", "ann")


def test_a_signature_is_about_the_last_run(state: State) -> None:
    runs.record(state, RUN, "rules", "page", NOW)
    runs.record(state, RUN, "other rules", "page", NOW)
    with pytest.raises(Stop, match="recorded anew"):
        sign(state, "prepare", "ann", 1)


def test_a_review_needs_somebody_elses_preparation_of_the_same_figures(state: State) -> None:
    runs.record(state, RUN, "rules", "page", NOW)
    with pytest.raises(Stop, match="nobody has prepared"):
        sign(state, "review", "carol")
    sign(state, "prepare", "ann")
    with pytest.raises(Stop, match="cannot review it as well"):
        sign(state, "review", "ANN")
    runs.record(state, RUN, "other rules", "page", NOW)
    with pytest.raises(Stop, match="nobody has prepared its present"):
        sign(state, "review", "carol", 2)


def test_after_a_withdrawal_all_begins_anew(state: State) -> None:
    runs.record(state, RUN, "rules", "page", NOW)
    sign(state, "prepare", "ann")
    sign(state, "withdraw", "ann")
    with pytest.raises(Stop, match="nobody has prepared"):
        sign(state, "review", "carol")


def test_blockers_are_named(state: State) -> None:
    runs.record(state, RUN, "rules", "page", NOW)
    blocker = {**FOUND, "reason": "Material and not explained"}
    with pytest.raises(AskAPerson, match=r"UNDER_BILLED 10\.10 EUR \(aaaaaaaa\), and 1 more"):
        signing.sign(state, SignOff(WEEK, 1, "prepare", "ann", NOW), [blocker, blocker])
    assert signing.export_rows(state) == []
