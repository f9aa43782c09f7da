"""Why the model says of a pair what it says: both records, the parts of the score, the rivals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.errors import Stop

_RIVALS_SHOWN = 6

_ACCOUNT = """
    SELECT
        account_name AS name,
        website,
        concat_ws('; ', phone, (
            SELECT string_agg(DISTINCT phone, '; ' ORDER BY phone)
            FROM staging.stg_salesforce__contacts AS contacts
            WHERE contacts.org_id = accounts.org_id AND contacts.account_id = accounts.account_id
        )) AS phones,
        (
            SELECT string_agg(DISTINCT email, '; ' ORDER BY email)
            FROM staging.stg_salesforce__contacts AS contacts
            WHERE contacts.org_id = accounts.org_id AND contacts.account_id = accounts.account_id
        ) AS mail,
        concat_ws(', ', billing_street, billing_postal_code, billing_city, billing_state,
            billing_country) AS address,
        parent_account_id AS parent,
        currency_code AS currency
    FROM staging.stg_salesforce__accounts AS accounts
    WHERE org_id = ? AND account_id = ?
"""
_CUSTOMER = """
    SELECT
        CASE WHEN is_sub_customer THEN fully_qualified_name ELSE display_name END AS name,
        company_name AS company,
        concat_ws(' ', given_name, family_name) AS person,
        website,
        concat_ws('; ', phone, alternate_phone, mobile_phone) AS phones,
        email AS mail,
        concat_ws(', ', billing_line1, billing_line2, billing_postal_code, billing_city,
            billing_state, billing_country) AS address,
        parent_customer_id AS parent,
        currency_code AS currency
    FROM staging.stg_quickbooks__customers
    WHERE company_id = ? AND customer_id = ?
"""
_FACTS = {
    "name": "Name", "company": "Company", "person": "Person", "website": "Website",
    "phones": "Telephones", "mail": "Mailboxes", "address": "Address", "parent": "Belongs to",
    "currency": "Currency",
}  # fmt: skip
_PAIRS = """
    SELECT org_id, account_id, company_id, customer_id FROM matching.customer_scores
    WHERE account_id = ? AND customer_id = ?
    UNION
    SELECT org_id, account_id, company_id, customer_id FROM intermediate.int_customers__decided
    WHERE account_id = ? AND customer_id = ?
"""
_SCORED = """
    SELECT
        scores.match_weight AS weight,
        scores.match_probability AS probability,
        scores.evidence,
        scores.model_version,
        decided.match_state,
        decided.method
    FROM matching.customer_scores AS scores
    LEFT JOIN intermediate.int_customers__decided AS decided
        USING (org_id, account_id, company_id, customer_id)
    WHERE org_id = ? AND account_id = ? AND company_id = ? AND customer_id = ?
"""
_RELATIONS = """
    SELECT * FROM intermediate.int_customers__decided
    WHERE org_id = ? AND account_id = ? AND company_id = ? AND customer_id = ?
"""
_RIVALS = """
    SELECT
        scores.account_id = ? AS is_same_account,
        accounts.account_name,
        customers.display_name,
        scores.account_id,
        scores.customer_id,
        scores.match_probability AS probability
    FROM matching.customer_scores AS scores
    LEFT JOIN staging.stg_salesforce__accounts AS accounts USING (org_id, account_id)
    LEFT JOIN staging.stg_quickbooks__customers AS customers USING (company_id, customer_id)
    WHERE
        scores.org_id = ? AND scores.company_id = ?
        AND (scores.account_id = ?) != (scores.customer_id = ?)
    ORDER BY probability DESC, scores.account_id, scores.customer_id
    LIMIT ?
"""
_QUEUED = """
    SELECT org_id, left_id, company_id, right_id FROM reconciliation.review_queue
    WHERE subject = 'customer' AND starts_with(review_id, ?)
"""


@dataclass(frozen=True)
class Pair:
    """An account and a customer, each in its place."""

    org_id: str
    account_id: str
    company_id: str
    customer_id: str

    def __iter__(self) -> Any:
        return iter((self.org_id, self.account_id, self.company_id, self.customer_id))


@dataclass(frozen=True)
class Fact:
    """One thing that both records may tell, as each of them writes it."""

    what: str
    account: str
    customer: str


@dataclass(frozen=True)
class Rival:
    """Another pair that one of the two records could belong to."""

    side: str
    name: str
    record_id: str
    probability: float


@dataclass(frozen=True)
class Explanation:
    """A pair and its score in bits: `start` and all `parts` sum up to `weight`.

    One bit more doubles the odds that the two are one organisation. Parts that are nothing are
    left out; the largest come first. A pair that is far from any match has no parts.
    """

    pair: Pair
    facts: tuple[Fact, ...]
    relations: tuple[tuple[str, str], ...]
    start: float
    parts: tuple[tuple[str, float], ...]
    weight: float
    probability: float
    model_version: str
    state: str
    rule: str
    rivals: tuple[Rival, ...]


def find(path: Path, given: Sequence[str]) -> Pair:
    """The pair that a review_id (or its beginning), or an account's and a customer's id name.

    Raises `Stop` when there is none or more than one.
    """
    if len(given) == 1:
        wanted = given[0].strip().lower()
        rows = warehouse.read(path, _QUEUED, [wanted]) if len(wanted) >= 6 else []
        told, more = (
            f"review {given[0]}",
            "Look into reconciliation.review_queue, or name both ids.",
        )
    else:
        rows = warehouse.read(path, _PAIRS, [*given[:2], *given[:2]])
        told = f"account {given[0]} and customer {given[1]}"
        more = "They share no name, mailbox, domain, telephone or address that is rare enough."
    if len(rows) != 1:
        problem = f"{len(rows)} pairs are called so" if rows else "no such pair was looked at"
        raise Stop("matching", told, problem, "Give more of the id." if rows else more)
    return Pair(*rows[0].values())


def explain(path: Path, pair: Pair) -> Explanation:
    """Everything that speaks for and against a pair. Raises `Stop` for one without a score."""
    scored = warehouse.read(path, _SCORED, list(pair))
    if not scored:
        raise Stop(
            "matching",
            f"account {pair.account_id} and customer {pair.customer_id}",
            "a person linked the two, and no score was made of them",
            "`crossfoot match history` tells who did.",
        )
    row = scored[0]
    evidence: Mapping[str, float] = json.loads(row["evidence"] or "{}")
    parts = sorted(evidence.items(), key=lambda item: (-abs(item[1]), item[0]))
    return Explanation(
        pair=pair,
        facts=tuple(_facts(path, pair)),
        relations=tuple(_relations(path, pair)),
        start=row["weight"] - sum(evidence.values()),
        parts=tuple((name, value) for name, value in parts if value),
        weight=row["weight"],
        probability=row["probability"],
        model_version=row["model_version"],
        state=row["match_state"] or "dropped",
        rule=row["method"] or "score",
        rivals=tuple(_rivals(path, pair)),
    )


def lines(why: Explanation) -> Iterator[str]:
    """An explanation as text."""
    decided = f"{why.state}, by {why.rule}; model {why.model_version}"
    yield f"Probability {why.probability:.4f}: {decided}."
    yield ""
    width = max(20, *(len(name) + 2 for name, _ in (*why.relations, *why.parts)))
    for fact in why.facts:
        yield f"{fact.what:<{width}}{fact.account or '-'}  |  {fact.customer or '-'}"
    for name, told in why.relations:
        yield f"{name:<{width}}{told}"
    yield ""
    yield f"{'start':<{width}}{why.start:>+9.2f} bits"
    for name, value in why.parts:
        yield f"{name:<{width}}{value:>+9.2f}"
    yield f"{'sum':<{width}}{why.weight:>+9.2f}"
    for rival in why.rivals:
        yield f"Another {rival.side}: {rival.name} ({rival.record_id}), {rival.probability:.4f}"


def _facts(path: Path, pair: Pair) -> list[Fact]:
    account = _first(path, _ACCOUNT, [pair.org_id, pair.account_id])
    customer = _first(path, _CUSTOMER, [pair.company_id, pair.customer_id])
    found = [
        Fact(told, str(account.get(name) or ""), str(customer.get(name) or ""))
        for name, told in _FACTS.items()
    ]
    return [fact for fact in found if fact.account or fact.customer]


def _relations(path: Path, pair: Pair) -> list[tuple[str, str]]:
    """What the comparison of the two made of them, in the warehouse's own words."""
    row = _first(path, _RELATIONS, list(pair))
    found = [
        (name.removesuffix("_relation"), str(value).replace("_", " "))
        for name, value in row.items()
        if name.endswith("_relation") and value is not None
    ]
    words = row.get("telling_words")
    if words:
        found.append(("words that only one name has", ", ".join(words)))
    return found


def _rivals(path: Path, pair: Pair) -> list[Rival]:
    given = [
        pair.account_id, pair.org_id, pair.company_id, pair.account_id, pair.customer_id,
        _RIVALS_SHOWN,
    ]  # fmt: skip
    return [
        Rival("customer", row["display_name"] or "", row["customer_id"], row["probability"])
        if row["is_same_account"]
        else Rival("account", row["account_name"] or "", row["account_id"], row["probability"])
        for row in warehouse.read(path, _RIVALS, given)
    ]


def _first(path: Path, sql: str, given: list[Any]) -> dict[str, Any]:
    rows = warehouse.read(path, sql, given)
    return rows[0] if rows else {}
