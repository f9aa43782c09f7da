"""Matching against the sample company's answer key, with and without the keys it starts with."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from built_company import Company, build_and_score

from pipelines import warehouse
from pipelines.matching import score

Link = tuple[str, str, str]
USABLE = "match_state in ('confirmed', 'manual')"


def customer_links(path: Path) -> dict[Link, str]:
    """Usable links and the rule that made each."""
    rows = warehouse.read(path, f"select * from matched.matched_customers where {USABLE}")
    return {(r["account_id"], r["company_id"], r["customer_id"]): r["method"] for r in rows}


def triples(entries: list[dict[str, Any]], *names: str) -> set[tuple[str, ...]]:
    return {tuple(entry[name] for name in names) for entry in entries}


@pytest.fixture(scope="module")
def truth(company: Company) -> set[tuple[str, ...]]:
    return triples(company.key["customer_links"], "account_id", "company_id", "customer_id")


@pytest.fixture(scope="module")
def unlinked(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same company on the day before anybody entered a customer's key."""
    accounts = [a | {"QBO_Customer_Id__c": None} for a in company.world.salesforce["Account"]]
    world = replace(company.world, salesforce={**company.world.salesforce, "Account": accounts})
    path = tmp_path_factory.mktemp("unlinked") / "warehouse.duckdb"
    return build_and_score(world, path, ["+matched_customers"])


def test_no_link_is_false(company: Company, truth: set[Link]) -> None:
    assert set(customer_links(company.path)) - truth == set()


def test_nine_in_ten_are_linked(company: Company, truth: set[Link]) -> None:
    found = set(customer_links(company.path)) & truth
    assert len(found) >= 0.9 * len(truth)


def test_what_is_not_linked_is_in_the_queue(company: Company, truth: set[Link]) -> None:
    waiting = company.rows("select * from intermediate.int_review__customers")
    queue = {(row["left_id"], row["company_id"], row["right_id"]) for row in waiting}
    assert truth - set(customer_links(company.path)) <= queue


def test_traps_are_not_linked(company: Company, unlinked: Path) -> None:
    traps = triples(company.key["customer_traps"], "account_id", "company_id", "customer_id")
    assert len(traps) >= 20
    assert traps & set(customer_links(company.path)) == set()
    assert traps & set(customer_links(unlinked)) == set()


def test_the_rules_alone_are_right_and_find_nine_in_ten(unlinked: Path, truth: set[Link]) -> None:
    links = customer_links(unlinked)
    wrong = Counter(links[link] for link in set(links) - truth)
    assert wrong == Counter()
    assert len(links) >= 0.9 * len(truth)
    assert "external_id" not in links.values()


def test_the_score_tells_right_from_wrong(
    company: Company, unlinked: Path, truth: set[Link]
) -> None:
    rows = warehouse.read(unlinked, "select * from matching.customer_scores")
    scores = {(r["account_id"], r["company_id"], r["customer_id"]): r for r in rows}
    assert scores.keys() - truth
    # Both records of a doubled customer are one organisation; which of them bills a person says.
    doubled = {
        (one["account_id"], customer)
        for one in company.key["customer_reviews"]
        for customer in one["customer_ids"]
    }
    likely = [key for key, row in scores.items() if row["match_probability"] >= 0.99]
    true = [key for key in likely if key in truth]
    same = [key for key in likely if key in truth or (key[0], key[2]) in doubled]
    assert len(same) >= 0.98 * len(likely)
    assert len(true) >= 0.9 * len(truth)


def test_one_customer_has_one_account_and_each_account_one_customer(company: Company) -> None:
    links = list(customer_links(company.path))
    assert len({(org, realm) for org, realm, _ in links}) == len(links)
    assert len({(realm, customer) for _, realm, customer in links}) == len(links)


def test_products_are_linked_exactly(company: Company) -> None:
    expected = triples(company.key["product_links"], "product_id", "company_id", "item_id")
    rows = company.rows(f"select * from matched.matched_products where {USABLE}")
    assert {(r["product_id"], r["company_id"], r["item_id"]) for r in rows} == expected


def test_scoring_twice_gives_the_same(company: Company) -> None:
    sql = "select * from matching.customer_scores order by all"
    before = company.rows(sql)
    summary = score(company.path)
    assert summary.pairs == len(before)
    assert company.rows(sql) == before
