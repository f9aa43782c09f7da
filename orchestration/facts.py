"""The few questions the command line asks of the marts; each answer is rows for a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines import warehouse

Rows = list[dict[str, Any]]

_MATCHES = """
    select method as "by", match_state as state, count(*) as {what}
    from matched.{mart}
    where match_state in ('confirmed', 'manual')
    group by all
    order by 3 desc, 1
"""
_MISMATCHES = """
    select
        m.mismatch_class as "mismatch",
        count(*) as records,
        m.currency_code as currency,
        sum(m.value_at_stake) as "value at stake"
    from reconciliation.mismatches as m
    group by m.mismatch_class, m.currency_code, m.precedence
    order by m.precedence, m.currency_code
"""
_BRIDGE = """
    select
        company_id as company,
        currency_code as currency,
        max(amount) filter (where line_code = 'E') as "expected billing",
        max(amount) filter (where line_code = 'I1') as "invoiced, net",
        max(amount) filter (where line_code = 'N') as "net billed",
        max(amount) filter (where line_code = 'RESIDUAL') as "unexplained"
    from reconciliation.reconciliation_bridge
    where period_kind = 'to_date'
    group by all
    order by 1, 2
"""
_REVIEW = """
    select subject, match_state as state, count(distinct left_id) as records
    from reconciliation.review_queue
    group by all
    order by 1, 2
"""


def customer_matches(path: Path) -> Rows:
    """How many accounts are linked to a customer, by the rule that linked them."""
    return warehouse.read(path, _MATCHES.format(mart="matched_customers", what="customers"))


def product_matches(path: Path) -> Rows:
    """How many products are linked to an item, by rule."""
    return warehouse.read(path, _MATCHES.format(mart="matched_products", what="products"))


def invoice_matches(path: Path) -> Rows:
    """How many invoices are linked to a deal's plan step, by rule."""
    return warehouse.read(path, _MATCHES.format(mart="matched_invoices", what="invoices"))


def mismatches(path: Path) -> Rows:
    """Mismatches by class and currency, in the order of the taxonomy."""
    return warehouse.read(path, _MISMATCHES)


def bridge(path: Path) -> Rows:
    """Booked to billed in one line per company and currency, with what is left unexplained."""
    return warehouse.read(path, _BRIDGE)


def waiting_for_review(path: Path) -> Rows:
    """What waits for a person's eye."""
    return warehouse.read(path, _REVIEW)
