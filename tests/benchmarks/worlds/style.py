"""How often things happen in one world. Every seed and part has rates of its own."""

from __future__ import annotations

import random
from dataclasses import dataclass

# From where to where each rate may lie.
RANGES: dict[str, tuple[float, float]] = {
    # What the world consists of: shares of entities.
    "people": (0.03, 0.14),
    "groups": (0.05, 0.22),
    "twins": (0.02, 0.08),
    "prospects": (0.24, 0.34),
    "strangers": (0.10, 0.17),
    "us_share": (0.35, 0.75),
    "doubled_accounts": (0.03, 0.08),
    "doubled_customers": (0.03, 0.08),
    # What happened to a company that both sides know.
    "renamed": (0.01, 0.03),
    "merged": (0.005, 0.02),
    "trading": (0.03, 0.08),
    "acronym": (0.01, 0.035),
    "owner": (0.005, 0.02),
    "second_domain": (0.01, 0.04),
    "managed": (0.003, 0.02),
    "moved": (0.04, 0.12),
    "lost": (0.010, 0.018),
    # What is written how.
    "drift_account": (0.25, 0.75),
    "drift_customer": (0.35, 0.9),
    "second_drift": (0.15, 0.45),
    "legal_form": (0.5, 2.0),
    "abbreviation": (0.4, 1.6),
    "punctuation": (0.4, 1.6),
    "letter_case": (0.2, 1.2),
    "accents": (0.5, 1.5),
    "typo": (0.2, 1.0),
    "word_order": (0.1, 0.5),
    "truncation": (0.1, 0.6),
    "note": (0.3, 1.4),
    "alias": (0.1, 0.6),
    "spacing": (0.1, 0.4),
    "dropped_word": (0.1, 0.5),
    # What is filled in.
    "account_website": (0.45, 0.8),
    "account_phone": (0.5, 0.85),
    "account_mail": (0.5, 0.8),
    "account_contact_phone": (0.1, 0.35),
    "account_address": (0.6, 0.9),
    "account_street": (0.75, 0.97),
    "customer_website": (0.05, 0.3),
    "customer_phone": (0.35, 0.65),
    "customer_mail": (0.5, 0.8),
    "customer_address": (0.55, 0.85),
    "customer_street": (0.8, 0.98),
    "customer_company": (0.4, 0.8),
    "customer_person": (0.15, 0.45),
    "namesakes_placed": (0.93, 0.99),
    "parents": (0.3, 0.9),
    "currency": (0.0, 1.0),
    # What agrees where both sides have it.
    "same_person": (0.35, 0.65),
    "billing_mailbox": (0.15, 0.4),
    "same_phone": (0.6, 0.85),
    "country_as_code": (0.2, 0.8),
    "state_as_name": (0.02, 0.25),
    "post_box": (0.02, 0.08),
    "free_mail": (0.02, 0.06),
    "small_free_mail": (0.3, 0.7),
    "bookkeeper": (0.01, 0.05),
    "central_phone": (0.3, 0.7),
    "sub_customers": (0.2, 0.6),
    "projects": (0.01, 0.04),
}


@dataclass(frozen=True)
class Style:
    """The rates of one world, by name."""

    rates: dict[str, float]

    def __getattr__(self, name: str) -> float:
        try:
            return self.rates[name]
        except KeyError:
            raise AttributeError(name) from None


def style(seed: int, part: str) -> Style:
    """The rates of a world; the same for the same seed and part."""
    rng = random.Random(f"style {part} {seed}")
    return Style({name: rng.uniform(*bounds) for name, bounds in RANGES.items()})
