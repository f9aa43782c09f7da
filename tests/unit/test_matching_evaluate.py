"""A replay is judged by what history knows, and by nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestration import match_evaluation
from orchestration.match_evaluation import Outcome
from pipelines.errors import Stop
from pipelines.matching import evaluate
from pipelines.matching.evaluate import Evaluation, History, Replayed
from pipelines.matching.measures import Judged, Key

KNOWN = History(
    by_key=frozenset({("o|a", "c|1"), ("o|b", "c|2")}),
    by_people=frozenset({("o|d", "c|4")}),
    kept_apart=frozenset({("o|e", "c|5")}),
)
NAMES = {"o|a": "Acme", "c|2": "Bolt"}
INVOICED = {"c|2": {"USD": Decimal("10.50"), "EUR": Decimal("3.00")}, "c|5": {"USD": Decimal(1)}}


def pair(left: str, right: str, decision: str = "link", rule: str = "email") -> Replayed:
    return Replayed(Judged(f"o|{left}", f"c|{right}", 0.9, decision), rule)


REPLAY = [
    pair("a", "2"),
    pair("z", "2", rule="score"),
    pair("e", "5", rule="score"),
    pair("b", "2", "review", "score"),
    pair("d", "4"),
    pair("x", "8"),
]


def judged(pairs: list[Replayed] = REPLAY, version: str = "new") -> Evaluation:
    return evaluate.judge(version, pairs, KNOWN, NAMES, INVOICED)


def known(left: str, right: str) -> bool:
    return KNOWN.knows((left, right))


def test_a_pair_is_known_when_either_side_has_a_partner_there_or_a_person_kept_it_apart() -> None:
    assert known("o|a", "c|1")
    assert known("o|a", "c|9")
    assert known("o|z", "c|1")
    assert known("o|e", "c|5")
    # Nothing is known of others, nor of another company or org.
    assert not known("o|e", "c|6")
    assert not known("o|a", "other|1")
    assert not known("other|z", "c|1")


def test_a_rejection_takes_a_key_out_of_what_is_right() -> None:
    pair_of_key: Key = ("o|a", "c|1")
    both = History(frozenset({pair_of_key}), frozenset(), frozenset({pair_of_key}))
    assert both.links == frozenset()


def test_rules_are_counted_apart_and_unknown_links_are_not_judged() -> None:
    found = judged()
    assert [(row.rule, row.pairs, row.right, row.wrong) for row in found.rules] == [
        ("email", 2, 1, 1),
        ("score", 2, 0, 2),
    ]
    assert (found.reviews.pairs, found.reviews.right) == (1, 1)
    assert found.unknown_links == 1
    assert found.measures.link_precision == 0.25
    assert found.measures.true_pairs == 3


def test_what_was_invoiced_on_a_wrong_customer_counts_once() -> None:
    found = judged()
    assert [link.right_id for link in found.wrong_links] == ["c|2", "c|2", "c|5"]
    assert found.wrong_amounts == {"EUR": Decimal("3.00"), "USD": Decimal("11.50")}


def test_gained_and_lost_links_are_those_of_one_model_alone() -> None:
    other = judged([pair("a", "1"), pair("x", "8"), pair("d", "4")], "old")
    changed = evaluate.difference(judged(), other, KNOWN)
    assert (changed.gained, changed.gained_right) == (3, 0)
    assert (changed.lost, changed.lost_right) == (1, 1)


def test_labelled_files_know_every_pair() -> None:
    labels = evaluate.labelled([("a", "1")], "o", "c")
    assert labels.knows(("o|x", "c|8"))
    assert labels.links == {("o|a", "c|1")}


def test_labelled_files_are_called_so() -> None:
    labels = evaluate.labelled([("a", "1")], "o", "c")
    outcome = Outcome(labels, evaluate.judge("v", [], labels, {}, {}), None, None)
    assert next(iter(match_evaluation.lines(outcome))) == "Named as right: 1 pairs. Model v."


def test_a_stranger_reads_the_table() -> None:
    found = judged()
    outcome = Outcome(KNOWN, found, found, evaluate.difference(found, found, KNOWN))
    text = "\n".join(match_evaluation.lines(outcome))
    assert "3 links (2 by key, 1 by people); kept apart by people: 1" in text
    assert "email                    2       1       1     50.00 %       33.33 %" in text
    assert "all links                4       1       3     25.00 %       33.33 %" in text
    assert "0 links gained" in text
    assert "1 links between records without history" in text
    assert "invoiced on these: 3.00 EUR, 11.50 USD" in text
    assert "Acme (a) with Bolt (2), by email" in text


def test_too_many_wrong_links_are_refused_in_one_sentence() -> None:
    outcome = Outcome(KNOWN, judged(), None, None)
    with pytest.raises(Stop, match=r"25\.00 % of its links are right.*99\.50 %"):
        match_evaluation.refuse_below(outcome, 0.995)
    match_evaluation.refuse_below(outcome, 0.25)
    without = Outcome(KNOWN, judged([]), None, None)
    match_evaluation.refuse_below(without, 1.0)
