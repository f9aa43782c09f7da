"""Replays rules and model against confirmed history: what was linked by key or by people is hidden,
matched again, and compared.

Only what history speaks of is judged. A pair is known to be wrong when a person rejected it, or
when the account has another customer in that company, or the customer another account in that org.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.matching.measures import Judged, Key, Measures, measure

# How an account and a customer are named here: scope and id in one.
_LEFT, _RIGHT = "org_id || '|' || account_id", "company_id || '|' || customer_id"

_BY_KEY = f"""
    SELECT {_LEFT} AS left_id, customers.{_RIGHT} AS right_id
    FROM staging.stg_salesforce__accounts AS accounts
    INNER JOIN staging.stg_quickbooks__customers AS customers
        ON accounts.linked_customer_key = customers.company_id || ':' || customers.customer_id
    WHERE NOT accounts.is_deleted AND NOT customers.is_deleted
"""  # noqa: S608 - the names of columns above
_BY_PEOPLE = """
    SELECT
        org_id || '|' || left_id AS left_id,
        company_id || '|' || right_id AS right_id,
        decision
    FROM raw_state.match_decision
    WHERE subject = 'customer'
    QUALIFY row_number() OVER (
        PARTITION BY org_id, left_id, company_id, right_id ORDER BY decided_at DESC, decision
    ) = 1
"""
_DECIDED = f"""
    SELECT
        {_LEFT} AS left_id,
        {_RIGHT} AS right_id,
        coalesce(scores.match_probability, decided.confidence) AS probability,
        CASE
            WHEN decided.match_state IN ('confirmed', 'manual') THEN 'link'
            WHEN decided.match_state IN ('suggested', 'ambiguous') THEN 'review'
            ELSE 'no'
        END AS decision,
        coalesce(decided.method, 'score') AS rule,
        scores.evidence
    FROM intermediate.int_customers__decided AS decided
    FULL OUTER JOIN matching.customer_scores AS scores
        USING (org_id, account_id, company_id, customer_id)
    ORDER BY left_id, right_id
"""  # noqa: S608 - the names of columns above
_NAMES = """
    SELECT org_id || '|' || account_id AS record, account_name AS name
    FROM staging.stg_salesforce__accounts
    UNION ALL
    SELECT company_id || '|' || customer_id, display_name FROM staging.stg_quickbooks__customers
"""
_INVOICED = """
    SELECT
        company_id || '|' || customer_id AS right_id,
        currency_code,
        sum(total_amount) AS amount
    FROM staging.stg_quickbooks__invoices
    WHERE NOT is_voided AND NOT is_deleted
    GROUP BY ALL
"""


@dataclass(frozen=True)
class History:
    """What is known: pairs linked by a key or a person, and pairs a person kept apart."""

    by_key: frozenset[Key]
    by_people: frozenset[Key]
    kept_apart: frozenset[Key]
    # Whether every right pair is named, so that any other is known to be wrong.
    is_complete: bool = False

    @cached_property
    def links(self) -> frozenset[Key]:
        return (self.by_key | self.by_people) - self.kept_apart

    @cached_property
    def _taken(self) -> frozenset[tuple[str, str]]:
        """Each linked record with the scope of its partner."""
        return frozenset(
            known
            for left, right in self.links
            for known in ((left, _scope(right)), (right, _scope(left)))
        )

    def knows(self, pair: Key) -> bool:
        """Whether history says what this pair is."""
        left, right = pair
        return (
            self.is_complete
            or pair in self.links
            or pair in self.kept_apart
            or (left, _scope(right)) in self._taken
            or (right, _scope(left)) in self._taken
        )


@dataclass(frozen=True)
class Replayed:
    """One pair of a replay: the rule that decided it, and what adds up to its score."""

    judged: Judged
    rule: str
    evidence: str = "{}"


@dataclass(frozen=True)
class JudgedPair:
    """A pair that history knows: its probability, the parts of its score, and what it is."""

    probability: float
    is_right: bool
    evidence: Mapping[str, float]


@dataclass(frozen=True)
class RuleRow:
    """What one rule linked, or what waits for a person: known pairs only."""

    rule: str
    pairs: int
    right: int

    @property
    def wrong(self) -> int:
        return self.pairs - self.right


@dataclass(frozen=True)
class WrongLink:
    """A link that history contradicts, with what was invoiced on that customer by currency."""

    left_id: str
    left_name: str
    right_id: str
    right_name: str
    rule: str
    invoiced: Mapping[str, Decimal]


@dataclass(frozen=True)
class Evaluation:
    """A replay, judged. `unknown_links` are links that history says nothing about."""

    model_version: str
    measures: Measures
    rules: tuple[RuleRow, ...]
    reviews: RuleRow
    links: frozenset[Key]
    unknown_links: int
    wrong_links: tuple[WrongLink, ...]
    judged: tuple[JudgedPair, ...] = ()

    @property
    def wrong_amounts(self) -> dict[str, Decimal]:
        """Invoiced on wrong customers, by currency; each customer once."""
        by_customer = {one.right_id: one.invoiced for one in self.wrong_links}
        total: dict[str, Decimal] = {}
        for invoiced in by_customer.values():
            for currency, amount in invoiced.items():
                total[currency] = total.get(currency, Decimal(0)) + amount
        return dict(sorted(total.items()))


@dataclass(frozen=True)
class Difference:
    """Links of one model that the other does not make; those that history knows to be right."""

    gained: int
    gained_right: int
    lost: int
    lost_right: int


def history(path: Path) -> History:
    """Everything that the warehouse knows to be right or wrong.

    Raises `Stop` when it knows of no link, and what `warehouse.read` raises.
    """
    decided = warehouse.read(path, _BY_PEOPLE)
    known = History(
        by_key=frozenset(map(_key, warehouse.read(path, _BY_KEY))),
        by_people=frozenset(_key(row) for row in decided if row["decision"] == "confirmed"),
        kept_apart=frozenset(_key(row) for row in decided if row["decision"] == "rejected"),
    )
    if not known.links:
        raise Stop(
            "matching",
            "evaluation",
            "no account carries its customer's key and nobody has confirmed a pair, so nothing is "
            "known to be right",
            "Link some accounts first, or name labelled files with --files.",
        )
    return known


def hide(path: Path) -> None:
    """Take keys and people's decisions out of a copy of the warehouse, so that matching must find
    them itself. Never done to the warehouse of a profile."""
    with warehouse.writer(path) as connection:
        connection.execute("UPDATE raw_salesforce.account SET qbo_customer_id__c = NULL")
        connection.execute("DELETE FROM raw_state.match_decision WHERE subject = 'customer'")


def replayed(path: Path) -> list[Replayed]:
    """What the cascade made of every pair it looked at."""
    return [
        Replayed(
            Judged(row["left_id"], row["right_id"], row["probability"], row["decision"]),
            row["rule"],
            row["evidence"] or "{}",
        )
        for row in warehouse.read(path, _DECIDED)
    ]


def judge(
    version: str,
    pairs: Iterable[Replayed],
    known: History,
    names: Mapping[str, str],
    invoiced: Mapping[str, Mapping[str, Decimal]],
) -> Evaluation:
    """Compare a replay with history."""
    everything = list(pairs)
    seen = [one for one in everything if known.knows(one.judged.key)]
    links = [one for one in seen if one.judged.decision == "link"]
    reviews = [one for one in seen if one.judged.decision == "review"]
    all_links = frozenset(one.judged.key for one in everything if one.judged.decision == "link")
    return Evaluation(
        model_version=version,
        measures=measure((one.judged for one in seen), known.links, known.kept_apart),
        rules=tuple(_rule_rows(links, known.links)),
        reviews=_rule_row("to review", reviews, known.links),
        links=all_links,
        unknown_links=len(all_links) - len(links),
        wrong_links=tuple(
            WrongLink(
                one.judged.left_id,
                names.get(one.judged.left_id, ""),
                one.judged.right_id,
                names.get(one.judged.right_id, ""),
                one.rule,
                invoiced.get(one.judged.right_id, {}),
            )
            for one in links
            if one.judged.key not in known.links
        ),
        judged=tuple(
            JudgedPair(
                one.judged.probability, one.judged.key in known.links, json.loads(one.evidence)
            )
            for one in seen
        ),
    )


def difference(candidate: Evaluation, committed: Evaluation, known: History) -> Difference:
    """Links gained and lost by using `candidate` in place of `committed`."""
    gained, lost = candidate.links - committed.links, committed.links - candidate.links
    return Difference(len(gained), len(gained & known.links), len(lost), len(lost & known.links))


def names(path: Path) -> dict[str, str]:
    """Names of accounts and customers, by scope and id."""
    return {row["record"]: row["name"] or "" for row in warehouse.read(path, _NAMES)}


def invoiced(path: Path) -> dict[str, dict[str, Decimal]]:
    """Gross amounts of live invoices by customer and currency; empty where none were read."""
    if "stg_quickbooks__invoices" not in warehouse.tables(path, warehouse.STAGING):
        return {}
    found: dict[str, dict[str, Decimal]] = {}
    for row in warehouse.read(path, _INVOICED):
        found.setdefault(row["right_id"], {})[row["currency_code"] or ""] = row["amount"]
    return found


def labelled(truth: Iterable[Key], org: str, company: str) -> History:
    """Pairs of labelled files as history."""
    links = frozenset((f"{org}|{left}", f"{company}|{right}") for left, right in truth)
    return History(links, frozenset(), frozenset(), is_complete=True)


def _rule_rows(links: Iterable[Replayed], right: frozenset[Key]) -> Iterable[RuleRow]:
    by_rule: dict[str, list[Replayed]] = {}
    for one in links:
        by_rule.setdefault(one.rule, []).append(one)
    for rule, those in sorted(by_rule.items(), key=lambda item: (-len(item[1]), item[0])):
        yield _rule_row(rule, those, right)


def _rule_row(rule: str, pairs: Iterable[Replayed], right: frozenset[Key]) -> RuleRow:
    keys = [one.judged.key for one in pairs]
    return RuleRow(rule, len(keys), sum(key in right for key in keys))


def _key(row: Mapping[str, Any]) -> Key:
    return row["left_id"], row["right_id"]


def _scope(record: str) -> str:
    return record.partition("|")[0]
