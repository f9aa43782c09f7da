"""What speaks for two records being one organisation: the model's comparisons, as data.

Each comparison reads one column of `int_customers__candidates`. A level's `same` and `other` are
what people who reconcile books expect before any counting: how often the level is seen among
pairs that are one organisation, and among candidate pairs that are not. Training weighs them as
`PRIOR_PAIRS` counted pairs, so that a level that no history shows still has a sound weight.
"""

from __future__ import annotations

from dataclasses import dataclass

PRIOR_PAIRS = 40

# Share of candidate pairs that are one organisation. Not counted: labelled pairs are those that
# somebody already linked, and say nothing about how many of the others are right.
MATCH_SHARE = 0.25


@dataclass(frozen=True)
class Level:
    """One value of a comparison's column and how often it is expected."""

    value: str
    label: str
    same: float
    other: float


@dataclass(frozen=True)
class Comparison:
    """One question about a pair; a value of `unknown` says nothing either way.

    Where `only_against` is set no level counts in favour: being without a rival proves nothing,
    having a better one counts against.
    """

    name: str
    column: str
    levels: tuple[Level, ...]
    only_against: bool = False


COMPARISONS = (
    Comparison(
        "name",
        "name_relation",
        (
            Level("same", "the same name", 0.72, 0.06),
            Level("close", "nearly the same name", 0.18, 0.03),
            Level("other_form", "legal form of another country", 0.01, 0.03),
            Level("contained", "one name has more words", 0.05, 0.25),
            Level("partly", "some words differ", 0.02, 0.43),
            Level("different", "no word in common", 0.02, 0.20),
        ),
    ),
    Comparison(
        "mail",
        "mail_relation",
        (
            Level("same", "the same mailbox, held by no other", 0.55, 0.002),
            Level("domain", "the same domain, held by no other", 0.15, 0.008),
            Level("shared", "a mailbox that several hold", 0.06, 0.06),
            Level("shared_domain", "a domain that several hold", 0.12, 0.33),
            Level("other_domain", "another domain", 0.07, 0.50),
            Level("other_mailbox", "another mailbox", 0.05, 0.10),
        ),
    ),
    Comparison(
        "phone",
        "phone_relation",
        (
            Level("same", "the same telephone, held by no other", 0.62, 0.01),
            Level("shared", "a telephone that several hold", 0.13, 0.29),
            Level("different", "another telephone", 0.25, 0.70),
        ),
    ),
    Comparison(
        "address",
        "address_relation",
        (
            Level("same", "the same house", 0.72, 0.05),
            Level("postcode", "the same postal code", 0.12, 0.06),
            Level("city", "the same city", 0.06, 0.14),
            Level("different", "another place", 0.10, 0.75),
        ),
    ),
    Comparison(
        "standing",
        "standing",
        (
            Level("best", "nothing fits either side better", 0.90, 0.15),
            Level("tied", "another record fits as well", 0.06, 0.15),
            Level("beaten", "another record fits better", 0.04, 0.70),
        ),
        only_against=True,
    ),
    Comparison(
        "currency",
        "currency_relation",
        (
            Level("same", "the same currency", 0.99, 0.85),
            Level("other", "another currency", 0.01, 0.15),
        ),
        only_against=True,
    ),
)

PAIR_KEY = ("org_id", "account_id", "company_id", "customer_id")
RELATIONS = tuple(one.column for one in COMPARISONS)
