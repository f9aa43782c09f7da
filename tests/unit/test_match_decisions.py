"""Decisions as state: which one counts, since when, and what taking one back does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import AS_OF, US, World, account_status_row, deal_id, invoice_row, marts

from pipelines.errors import Stop
from reverse_etl import decisions, written
from reverse_etl.decisions import MatchDecision, Undo
from reverse_etl.state import State, open_state

HOUR = timedelta(hours=1)
SAME = MatchDecision("customer", "org", "a1", US, "7", "confirmed", "Ada", AS_OF, "same firm")
APART = replace(SAME, decision="rejected", decided_by="Bob", decided_at=AS_OF + HOUR)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = open_state(f"sqlite:///{tmp_path / 'state.sqlite'}")
    yield made
    made.close()


def test_taking_back_the_newest_makes_the_one_before_count_again(state: State) -> None:
    decisions.decide_all(state, [SAME, APART])
    (taken,) = decisions.undo(state, "2", "Cy", AS_OF + 2 * HOUR, "wrong file")
    assert (taken.number, taken.decision) == (2, "rejected")
    (counts,) = decisions.decisions(state)
    assert (counts.number, counts.decision) == (1, "confirmed")
    told = [(d.number, u.undone_by if u else None) for d, u in decisions.history(state)]
    assert told == [(1, None), (2, "Cy")]


def test_taking_back_an_older_one_leaves_the_newest(state: State) -> None:
    decisions.decide_all(state, [SAME, APART])
    decisions.undo(state, "1", "Cy", AS_OF + 2 * HOUR, "wrong file")
    assert [d.number for d in decisions.decisions(state)] == [2]


def test_a_bulk_is_taken_back_as_far_as_it_stands(state: State) -> None:
    many = [replace(SAME, left_id=f"a{n}", right_id=str(n), bulk_id="bulk-1") for n in range(3)]
    decisions.decide_all(state, [*many, replace(SAME, left_id="other")])
    decisions.undo(state, "2", "Cy", AS_OF, "that one only")
    assert [d.number for d in decisions.to_undo(state, "bulk-1")] == [1, 3]
    decisions.undo(state, "bulk-1", "Cy", AS_OF, "all of them")
    assert [d.left_id for d in decisions.decisions(state)] == ["other"]


@pytest.mark.parametrize("which", ["9", "bulk-none", "", " "])
def test_what_is_not_there_cannot_be_taken_back(state: State, which: str) -> None:
    decisions.decide(state, SAME)
    with pytest.raises(Stop, match="no such decision"):
        decisions.undo(state, which, "Cy", AS_OF, "why")


def test_nothing_is_taken_back_twice_or_without_a_name(state: State) -> None:
    decisions.decide(state, SAME)
    with pytest.raises(Stop, match="name and a reason"):
        decisions.undo(state, "1", " ", AS_OF, "why")
    decisions.undo(state, "1", "Cy", AS_OF, "why")
    with pytest.raises(Stop, match="already"):
        decisions.undo(state, "1", "Cy", AS_OF, "why")


def test_one_incomplete_decision_keeps_all_of_a_bulk_away(state: State) -> None:
    with pytest.raises(Stop):
        decisions.decide_all(state, [SAME, replace(SAME, left_id="a2", reason=" ")])
    assert decisions.decisions(state) == ()


def test_periods_tell_what_counted_when_and_why_it_ended() -> None:
    first, second = replace(SAME, number=1), replace(APART, number=2)
    undone = Undo(2, "Cy", AS_OF + 2 * HOUR, "wrong file")
    told = decisions.periods([(first, None), (second, undone)])
    assert [(p["number"], p["valid_from"], p["valid_to"], p["ended_how"]) for p in told] == [
        (1, AS_OF, AS_OF + HOUR, "overruled"),
        (2, AS_OF + HOUR, AS_OF + 2 * HOUR, "undone"),
        (1, AS_OF + 2 * HOUR, None, None),
    ]
    assert (told[0]["ended_by"], told[1]["ended_by"]) == ("Bob", "Cy")


ACTS = st.lists(st.tuples(st.sampled_from("cru"), st.integers(0, 3)), max_size=12)


@given(acts=ACTS)
@settings(max_examples=60, deadline=None)
def test_at_every_moment_one_decision_counts_or_none(acts: list[tuple[str, int]]) -> None:
    """Periods of a pair never overlap, and the open one is what counts now."""
    told: list[tuple[MatchDecision, Undo | None]] = []
    for at, (act, which) in enumerate(acts):
        moment = AS_OF + at * HOUR
        if act == "u":
            if which < len(told) and told[which][1] is None:
                told[which] = (told[which][0], Undo(which + 1, "Cy", moment, "why"))
            continue
        base = SAME if act == "c" else APART
        told.append((replace(base, decided_at=moment, number=len(told) + 1), None))
    periods = decisions.periods(told)
    for before, after in pairwise(periods):
        assert before["valid_to"] is not None
        assert before["valid_from"] < before["valid_to"] <= after["valid_from"]
    now = [p["number"] for p in periods if p["valid_to"] is None]
    assert now == [d.number for d in decisions.standing(told)]


def test_an_older_state_gets_what_it_lacks_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    open_state(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:  # as version 2 left it
        connection.executescript("""
            DROP TABLE decision_undo; DROP TABLE match_decision;
            DELETE FROM schema_version WHERE version > 2;
            CREATE TABLE match_decision (
                number INTEGER PRIMARY KEY, subject VARCHAR(20) NOT NULL,
                org_id VARCHAR(40) NOT NULL, left_id VARCHAR(40) NOT NULL,
                company_id VARCHAR(40) NOT NULL, right_id VARCHAR(40) NOT NULL,
                decision VARCHAR(20) NOT NULL, decided_by VARCHAR(200) NOT NULL,
                decided_at VARCHAR(40) NOT NULL, reason TEXT NOT NULL);
            INSERT INTO match_decision VALUES (1, 'customer', 'org', 'a1', '1', '7', 'rejected',
                'Ada', '2026-11-20T17:00:00.000000+00:00', 'not the same');
        """)
    state = open_state(f"sqlite:///{path}")
    (kept,) = decisions.decisions(state)
    assert (kept.decision, kept.reason, kept.role, kept.evidence) == (
        "rejected", "not the same", "", "",
    )  # fmt: skip
    decisions.decide(state, replace(SAME, bulk_id="bulk-1", role="shipping"))
    decisions.undo(state, "bulk-1", "Cy", AS_OF, "why")
    assert [d.number for d in decisions.decisions(state)] == [1]
    state.close()


def test_taking_back_a_link_lists_what_was_written_under_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    rows = marts(invoices=[invoice_row(1), invoice_row(2)], accounts=[account_status_row(1)])
    world.apply(world.plan(rows))
    account = account_status_row(1)["account_id"]
    link = replace(SAME, left_id=account, right_id="101")
    decisions.decide_all(
        world.state, [link, replace(link, right_id="999"), replace(link, decision="rejected")]
    )
    told = written.under(world.state, [d for d, _ in decisions.history(world.state)])
    assert sorted((d.entity, d.decision_number) for d in told) == [("Account", 1), ("Invoice", 1)]
    (invoice,) = [d for d in told if d.entity == "Invoice"]
    assert (invoice.amount, invoice.currency_code) == (invoice_row(1)["amount"], "USD")
    assert deal_id(1) in world.us.invoices[invoice.remote_id]["PrivateNote"]
    assert len(world.us.invoices) == 2
    world.state.close()
