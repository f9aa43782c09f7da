"""The record of calls: never fewer than were made, exact when a run ends, apart by purpose."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from pipelines.clients.recording import Kind, MeteredCall
from pipelines.errors import Stop
from reverse_etl.calls import AHEAD, CallBook, HourOfCalls, recording_in, since
from reverse_etl.state import State, open_state

NOON = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
HOUR = NOON.replace(minute=0)
ORG, US = "00DHs0000000001MAA", "9341450000000001"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(f"sqlite:///{tmp_path / 'state.sqlite'}")
    yield opened
    opened.close()


def call(kind: Kind = "read", metered: int = 1, purpose: str = "", source: str = US) -> MeteredCall:
    system = "Salesforce" if source == ORG else "QuickBooks"
    return MeteredCall(system, source, kind, metered, purpose)


def noon() -> datetime:
    return NOON


def kept(state: State) -> dict[tuple[str, str], tuple[int, int, int]]:
    rows = since(state, NOON - timedelta(days=40))
    return {(r.source_id, r.purpose): (r.reads, r.writes, r.metered) for r in rows}


def test_reads_writes_sources_and_purposes_are_counted_apart(state: State) -> None:
    with recording_in(state, "extract", noon) as record:
        for _ in range(3):
            record(call())
        record(call(metered=18))
        record(call("write", 0))
        record(call(purpose="sweep"))
        record(call(source=ORG))
    assert kept(state) == {
        (US, "extract"): (4, 1, 21),
        (US, "sweep"): (1, 0, 1),
        (ORG, "extract"): (1, 0, 1),
    }


def test_a_run_that_fails_is_counted_to_the_call(state: State) -> None:
    with pytest.raises(Stop, match="midway"), recording_in(state, "extract", noon) as record:
        for _ in range(37):
            record(call())
        raise Stop("x", "y", "midway")
    assert kept(state) == {(US, "extract"): (37, 0, 37)}


def test_two_runs_in_one_hour_add_up(state: State) -> None:
    first, second = CallBook(state, "extract", noon), CallBook(state, "extract", noon)
    for _ in range(5):
        first(call())
        second(call())
    second.settle()
    first.settle()
    first.settle()
    assert kept(state) == {(US, "extract"): (10, 0, 10)}


def test_each_hour_is_apart_and_only_those_since_then_are_told(state: State) -> None:
    moments = iter([HOUR - timedelta(minutes=1), NOON, NOON + timedelta(hours=1)])
    with recording_in(state, "extract", lambda: next(moments)) as record:
        for _ in range(3):
            record(call())
    hours = [row.hour for row in since(state, HOUR - timedelta(hours=5))]
    assert hours == [HOUR - timedelta(hours=1), HOUR, HOUR + timedelta(hours=1)]
    later = since(state, NOON)
    assert later[0] == HourOfCalls("QuickBooks", US, "extract", HOUR, 1, 0, 1)
    assert len(later) == 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["read", "write"]), st.integers(0, 30)), max_size=60))
def test_at_any_moment_the_state_says_no_fewer_and_little_more(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[Kind, int]]
) -> None:
    opened = open_state(f"sqlite:///{tmp_path_factory.mktemp('calls') / 'state.sqlite'}")
    book, made = CallBook(opened, "extract", noon), [0, 0, 0]
    for kind, metered in calls:
        book(call(kind, metered))
        made = [made[0] + (kind == "read"), made[1] + (kind == "write"), made[2] + metered]
        held = kept(opened).get((US, "extract"), (0, 0, 0))
        assert all(m <= h <= 2 * m and h - m <= AHEAD for m, h in zip(made, held, strict=True))
    book.settle()
    assert list(kept(opened).get((US, "extract"), (0, 0, 0))) == made
    opened.close()


def test_few_commits_are_needed_for_many_calls(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits, writing = [0], State.writing

    def counted(self: State) -> object:
        commits[0] += 1
        return writing(self)

    monkeypatch.setattr(State, "writing", counted)
    with recording_in(state, "extract", noon) as record:
        for _ in range(2000):
            record(call())
    assert commits[0] <= 2000 // AHEAD + 10


def test_a_killed_run_leaves_no_fewer_than_it_made(tmp_path: Path) -> None:
    """SIGKILL, so that nothing can be settled: the real thing, in a process of its own."""
    url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    open_state(url).close()
    pid = os.fork()
    if pid == 0:
        book = CallBook(open_state(url), "extract", noon)
        for _ in range(333):
            book(call())
        os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    after = open_state(url)
    ((reads, _, metered),) = kept(after).values()
    assert 333 <= reads == metered <= 333 + AHEAD
    after.close()


def test_a_call_that_cannot_be_recorded_is_not_counted_as_made(
    state: State, tmp_path: Path
) -> None:
    book = CallBook(state, "extract", noon)
    book(call())
    state.close()
    (tmp_path / "state.sqlite").write_bytes(b"broken" * 4096)
    for companion in tmp_path.glob("state.sqlite-*"):
        companion.unlink()
    book(call())  # set aside with the first
    with pytest.raises(Stop, match="state"):
        book(call())


def test_a_state_of_the_first_version_gets_the_table(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    old = open_state(url)
    with old.writing() as work:
        work.add("fact", [{"name": "a", "value": "b"}])
        work._connection.execute(text("DROP TABLE call_count"))
        work._connection.execute(text("DELETE FROM schema_version WHERE version > 1"))
    old.close()
    upgraded = open_state(url)
    with recording_in(upgraded, "extract", noon) as record:
        record(call())
    assert kept(upgraded) == {(US, "extract"): (1, 0, 1)}
    with upgraded.reading() as work:
        assert work.one("fact", name="a") == {"name": "a", "value": "b"}
    upgraded.close()
