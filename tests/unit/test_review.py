"""The review queue: what is shown, what many at once accepts, and what it leaves alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_sample import INC, ORG, contracts
from typer.testing import CliRunner

from orchestration.cli import app
from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.settings import Settings, load_settings
from reverse_etl import review
from reverse_etl.review import Choice

STRONG = Choice(band="strong")


def proposal(number: int, **columns: Any) -> dict[str, Any]:
    return {
        "review_id": f"{number:032x}"[::-1], "subject": "customer", "org_id": ORG,
        "left_id": f"a{number}", "left_name": f"Acme {number}", "company_id": INC,
        "right_id": str(number), "right_name": f"ACME {number}", "match_state": "suggested",
        "confidence": "0.95", "reason": "nearly the same name, same telephone",
        "candidate_rank": 1, "candidates": 1, "amount_at_stake": 100 * number,
        "currency_code": "USD", "rule": "score", "band": "strong",
        "if_wrongly_confirmed": "billed to the wrong company",
        "if_wrongly_rejected": "billed twice", "evidence": '{"telephone": "same"}',
        "queue_rank": number,
    } | columns  # fmt: skip


QUEUE = [
    proposal(1),
    proposal(2, rule="name"),
    proposal(3, confidence="0.60", band="likely"),
    proposal(4, band="ambiguous", match_state="ambiguous", candidates=2),
    proposal(5, band="returned"),
    proposal(6, candidates=2),
    proposal(7, left_id="a6", candidates=2, candidate_rank=2, confidence="0.91"),
    proposal(8, right_id="wanted"),
    proposal(9, right_id="wanted"),
    proposal(10, subject="product"),
]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CROSSFOOT_DATA_DIR", str(tmp_path))
    made = load_settings()
    with warehouse.writer(made.warehouse_path) as connection:
        columns = contracts()["review_queue"]
        warehouse.fill_table(connection, "reconciliation", "review_queue", columns, QUEUE)
        for table, names in (
            ("stg_salesforce__accounts", ("org_id", "account_id")),
            ("stg_quickbooks__customers", ("company_id", "customer_id")),
        ):
            rows = [dict(zip(names, ids, strict=True)) for ids in _RECORDS[table]]
            kinds = dict.fromkeys(names, "VARCHAR")
            warehouse.fill_table(connection, "staging", table, kinds, rows)
    return made


_RECORDS = {
    "stg_salesforce__accounts": [(ORG, "a1"), (ORG, "a99")],
    "stg_quickbooks__customers": [(INC, "1"), (INC, "99")],
}


def kept(settings: Settings) -> list[tuple[str, str]]:
    return [(d.left_id, d.right_id) for d, undone in review.history(settings) if not undone]


def test_many_at_once_takes_what_nothing_competes_with(settings: Settings) -> None:
    bulk = review.accept(settings, STRONG, "Ada")
    assert [row["left_id"] for row in bulk.taken] == ["a1", "a2", "a6", "a10"]
    assert bulk.left_out == {
        "another candidate fits better": 1,
        "wanted by another record as well": 2,
    }
    told = review.history(settings, bulk_id=bulk.bulk_id)
    assert len(told) == 4
    assert {d.decided_by for d, _ in told} == {"Ada"}
    assert {d.evidence for d, _ in told} == {'{"telephone": "same"}'}


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(rule="score", minimum_confidence=Decimal("0.9")), ["a1", "a6", "a10"]),
        (Choice(minimum_confidence=Decimal("0.6"), subject="product"), ["a10"]),
        (Choice(band="likely"), ["a3"]),
        (Choice(band="strong", limit=2), ["a1", "a2"]),
        (Choice(band="weak"), []),
    ],
)
def test_conditions_hold_together(settings: Settings, choice: Choice, taken: list[str]) -> None:
    assert [r["left_id"] for r in review.accept(settings, choice, "Ada", dry_run=True).taken] == (
        taken
    )
    assert kept(settings) == []


@pytest.mark.parametrize("band", ["ambiguous", "returned", "certain"])
def test_what_must_be_decided_one_by_one_is_refused(settings: Settings, band: str) -> None:
    with pytest.raises(Stop, match="one by one"):
        review.accept(settings, Choice(band=band), "Ada")


def test_everything_is_no_choice(settings: Settings) -> None:
    with pytest.raises(Stop, match="nothing says which"):
        review.accept(settings, Choice(subject="customer"), "Ada")


def test_only_what_was_shown_is_accepted(settings: Settings) -> None:
    shown = [QUEUE[0]["review_id"]]
    assert [r["left_id"] for r in review.accept(settings, STRONG, "Ada", only=shown).taken] == [
        "a1"
    ]


def test_a_pair_is_named_by_the_start_of_its_id_or_by_both_records(settings: Settings) -> None:
    first = review.decide(settings, "reject", QUEUE[0]["review_id"][:6], "Ada", "another firm")
    assert (first.left_id, first.evidence) == ("a1", '{"telephone": "same"}')
    other = review.decide(
        settings, "confirm", f"customer:a99:{INC}:99", "Ada", role="project", applies_to="006x"
    )
    assert (other.org_id, other.role, other.applies_to) == (ORG, "project", "006x")


@pytest.mark.parametrize(
    ("verdict", "pair", "words"),
    [
        ("perhaps", "1000000", "no such decision"),
        ("confirm", "000000", r"10 pairs begin so|has no such pair"),
        ("confirm", "zzzzzz", "no such pair"),
        ("confirm", "10", "no such pair"),
        ("confirm", f"customer:a98:{INC}:99", "no such account"),
        ("confirm", f"customer:a99:{INC}:98", "no such customer"),
        ("confirm", "customer:a99", "does not name a pair"),
    ],
)
def test_what_names_no_pair_is_refused(
    settings: Settings, verdict: str, pair: str, words: str
) -> None:
    with pytest.raises(Stop, match=words):
        review.decide(settings, verdict, pair, "Ada")
    assert kept(settings) == []


@pytest.mark.parametrize(
    ("verdict", "role", "applies_to"),
    [
        ("confirm", "payer", ""), ("reject", "billing", ""), ("confirm", "project", ""),
        ("confirm", "region", " "), ("confirm", "billing", "006x"), ("confirm", "", "006x"),
    ],
)  # fmt: skip
def test_a_role_that_says_too_little_or_too_much_is_refused(
    settings: Settings, verdict: str, role: str, applies_to: str
) -> None:
    with pytest.raises(Stop, match=r"no role that|which deal or region"):
        review.decide(
            settings, verdict, f"customer:a1:{INC}:1", "Ada", role=role, applies_to=applies_to
        )


def run(*arguments: str, answer: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(app, ["match", *arguments], input=answer)
    return done.exit_code, done.output


def test_from_the_command_line_shown_asked_done_and_taken_back(settings: Settings) -> None:
    code, shown = run("queue", "--limit", "2")
    assert code == 0
    told = "10 proposals about 9 records wait, 8 entries to read; 4,800.00 USD at stake."
    assert told in shown
    assert "2 proposals that share a record:" in run("queue", "--limit", "8")[1]
    assert "6 more: --limit 8 shows all." in shown
    assert "why: nearly the same name, same telephone" in shown
    assert "wrongly confirmed: billed to the wrong company" in shown
    code, shown = run("accept", "--band", "strong", "--by", "Ada", "--limit", "1", answer="n\n")
    assert (code, kept(settings)) == (1, [])
    assert "Would confirm 1 pair, 100.00 USD at stake." in shown
    assert "left out, beyond the limit: 3" in shown
    code, shown = run("accept", "--band", "strong", "--by", "Ada", "--yes")
    assert code == 0 and "Confirmed 4 pairs" in shown
    (bulk_id,) = {d.bulk_id for d, _ in review.history(settings)}
    assert f"crossfoot match undo {bulk_id}" in shown
    code, shown = run("undo", bulk_id, "--by", "Bob", "--dry-run")
    assert "Would take back: 4 decisions." in shown and len(kept(settings)) == 4
    code, shown = run("undo", bulk_id, "--by", "Bob", "--reason", "wrong list")
    assert "Taken back: 4 decisions." in shown and kept(settings) == []
    code, shown = run("history")
    assert shown.count("by Bob: wrong list") == 4
    assert shown.index("4  20") < shown.index("1  20")


def test_a_confidence_that_is_no_number_is_refused(settings: Settings) -> None:
    code, shown = run("queue", "--min-confidence", "high")
    assert code == 2 and "it is no number" in shown


def test_from_dagster_a_dry_run_unless_told_otherwise(settings: Settings) -> None:
    from orchestration.deciding import accept_proposals, undo_decisions
    from orchestration.resources import SettingsResource

    def job(made: Any, op: str, **config: Any) -> dict[str, Any]:
        ops = {"ops": {op: {"config": config}}}
        done = made.execute_in_process(run_config=ops, resources={"settings": SettingsResource()})
        (event,) = done.filter_events(lambda e: e.is_successful_output)
        return {k: v.value for k, v in event.step_output_data.metadata.items()}

    accepting = "accept_proposals_of_the_queue"
    told = job(accept_proposals, accepting, by="Ada", band="strong")
    assert (told["pairs"], told["bulk_id"], kept(settings)) == (4, "none: dry run", [])
    assert "| Acme 1 | ACME 1 | 0.95 | 100.00 USD |" in told["proposals"]
    told = job(accept_proposals, accepting, by="Ada", band="strong", dry_run=False)
    assert len(kept(settings)) == 4
    undoing = {"which": told["bulk_id"], "by": "Bob", "reason": "wrong list"}
    told = job(undo_decisions, "undo_decisions_of_people", **undoing, dry_run=False)
    assert (told["decisions"], told["documents"], kept(settings)) == (4, 0, [])
