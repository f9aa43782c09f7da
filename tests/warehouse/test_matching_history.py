"""Confirmed history of a company: found in its warehouse, and hidden in a copy of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from built_company import Company

from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.matching import evaluate, explain

KEYS = "SELECT count(qbo_customer_id__c) AS keys FROM raw_salesforce.account"


@pytest.fixture(scope="module")
def hidden(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hidden") / "warehouse.duckdb"
    warehouse.publish(company.path, path)
    evaluate.hide(path)
    return path


def test_history_is_every_key_that_names_a_living_customer(company: Company) -> None:
    known = evaluate.history(company.path)
    linked = company.rows(
        "SELECT count(*) AS links FROM intermediate.int_customers__decided "
        "WHERE method = 'external_id' AND match_state = 'confirmed'"
    )
    assert len(known.by_key) == linked[0]["links"] > 50


def test_nothing_of_it_is_left_in_the_copy_and_all_of_it_in_the_warehouse(
    company: Company, hidden: Path
) -> None:
    assert warehouse.read(hidden, KEYS) == [{"keys": 0}]
    assert warehouse.read(company.path, KEYS)[0]["keys"] > 50
    left = "SELECT count(*) AS n FROM raw_state.match_decision WHERE subject = 'customer'"
    assert warehouse.read(hidden, left) == [{"n": 0}]


def test_without_history_nothing_can_be_evaluated(hidden: Path, tmp_path: Path) -> None:
    # Staging is a view of what was read, so that the copy knows of no key.
    with pytest.raises(Stop, match="nothing is known to be right"):
        evaluate.history(hidden)


def test_what_people_decided_counts_and_a_rejection_beats_a_key(
    company: Company, tmp_path: Path
) -> None:
    path = tmp_path / "warehouse.duckdb"
    warehouse.publish(company.path, path)
    before = evaluate.history(path)
    (org, left), (realm, right) = (side.split("|") for side in sorted(before.by_key)[0])
    said = [(left, right, "rejected"), (left, "new", "rejected"), (left, "new", "confirmed")]
    with warehouse.writer(path) as connection:
        for day, (account, customer, decision) in enumerate(said, 1):
            connection.execute(
                "INSERT INTO raw_state.match_decision "
                "(subject, org_id, left_id, company_id, right_id, decision, decided_at) "
                "VALUES ('customer', ?, ?, ?, ?, ?, make_timestamptz(2026, 1, ?, 0, 0, 0))",
                [org, account, realm, customer, decision, day],
            )
    after = evaluate.history(path)
    key = (f"{org}|{left}", f"{realm}|{right}")
    assert key in before.links - after.links
    assert after.kept_apart - before.kept_apart == {key}
    assert after.by_people - before.by_people == {(f"{org}|{left}", f"{realm}|new")}


def test_a_replay_has_a_rule_and_a_probability_for_every_pair(company: Company) -> None:
    replay = evaluate.replayed(company.path)
    found = evaluate.judge(
        "built", replay, evaluate.history(company.path), evaluate.names(company.path),
        evaluate.invoiced(company.path),
    )  # fmt: skip
    # Nothing was hidden: keys decide, and they are right by definition.
    assert found.measures.link_precision == 1.0
    assert {row.rule for row in found.rules} >= {"external_id"}
    assert all(0 <= one.judged.probability <= 1 for one in replay)


def test_amounts_are_those_of_living_invoices(company: Company) -> None:
    amounts = evaluate.invoiced(company.path)
    total = sum(sum(by_currency.values()) for by_currency in amounts.values())
    told = company.rows(
        "SELECT sum(total_amount) AS total FROM staging.stg_quickbooks__invoices "
        "WHERE NOT is_voided AND NOT is_deleted"
    )
    assert total == told[0]["total"]


def test_a_pair_is_explained_by_its_ids_or_its_place_in_the_queue(company: Company) -> None:
    (row,) = company.rows(
        "SELECT review_id, left_id, right_id FROM reconciliation.review_queue "
        "WHERE subject = 'customer' ORDER BY candidate_rank DESC, review_id LIMIT 1"
    )
    by_ids = explain.find(company.path, [row["left_id"], row["right_id"]])
    assert by_ids == explain.find(company.path, [row["review_id"][:12]])
    why = explain.explain(company.path, by_ids)
    assert why.start + sum(value for _, value in why.parts) == pytest.approx(why.weight)
    assert {fact.what for fact in why.facts} >= {"Name"}
    assert all(one.record_id not in (row["left_id"], row["right_id"]) for one in why.rivals)
    assert why.state in ("suggested", "ambiguous")


def test_a_pair_that_nobody_looked_at_has_no_explanation(company: Company) -> None:
    with pytest.raises(Stop, match="no such pair was looked at"):
        explain.find(company.path, ["001000000000000AAA", "1"])
    with pytest.raises(Stop, match="review abc"):
        explain.find(company.path, ["abc"])
