"""What becomes of the pairs whose scores or evidence have changed, and of all that hang on them.

A decision looks at the other claims and proposals of both records, and those at others again. Only
pairs that may be linked, proposed or listed speak in it; over these the changed pairs reach a few
records, and all decisions among these are taken again, by the SQL that takes all.
"""

from __future__ import annotations

import re

from pipelines.matching.narrowed import Narrowed
from pipelines.matching.neighbourhood import end_in, in_pairs

DECIDED = "int_customers__decided"
DECISIONS = "int_decisions__customers"
_LIMIT = re.compile(r"match_probability\s*>=\s*(0?\.\d+)")
_IDS = "org_id, account_id, company_id, customer_id"


def redecide(step: Narrowed) -> int:
    """Bring `int_customers__decided` up to date; returns how many pairs were decided again."""
    step.run(f"DELETE FROM intermediate.{DECISIONS}")
    step.run(f"INSERT INTO intermediate.{DECISIONS} {step.sql[DECISIONS]}")
    step.note(
        "alone_decisions",
        f"""
        SELECT accounts.record_no AS account_no, customers.record_no AS customer_no, {_IDS}
        FROM intermediate.{DECISIONS} AS decisions
        INNER JOIN intermediate.int_customers__numbered AS accounts
            ON accounts.side = 'account' AND decisions.org_id = accounts.scope_id
            AND decisions.account_id = accounts.record_id
        INNER JOIN intermediate.int_customers__numbered AS customers
            ON customers.side = 'customer' AND decisions.company_id = customers.scope_id
            AND decisions.customer_id = customers.record_id
        """,
    )
    step.note("alone_told", "FROM alone_pairs UNION FROM alone_moved UNION FROM alone_told_scores")
    _find_reached(step)
    reached = end_in("alone_reached")
    step.note("alone_live", f"SELECT * FROM ({_live(step)}) WHERE {reached}")
    step.note("alone_people", f"SELECT {_IDS} FROM alone_decisions WHERE {reached}")
    ends = f"""
        (org_id, account_id) IN (
            SELECT (scope_id, record_id) FROM intermediate.int_customers__numbered
            WHERE side = 'account' AND record_no IN (FROM alone_reached))
        OR (company_id, customer_id) IN (
            SELECT (scope_id, record_id) FROM intermediate.int_customers__numbered
            WHERE side = 'customer' AND record_no IN (FROM alone_reached))
        OR ({_IDS}) IN (SELECT ({_IDS}) FROM alone_gone_ids)
    """
    came = step.replace(
        DECIDED,
        ends,
        step.model(
            DECIDED,
            int_customers__candidates=in_pairs("alone_live"),
            int_decisions__customers=f"({_IDS}) IN (SELECT ({_IDS}) FROM alone_people)",
            customer_scores=(
                f"({_IDS}) IN (SELECT ({_IDS}) FROM intermediate.int_customers__compared "
                f"WHERE {in_pairs('alone_live')})"
            ),
        ),
    )
    return step.count(came)


def _find_reached(step: Narrowed) -> None:
    """Every record that the changed pairs reach over pairs that are live."""
    step.note(
        "alone_reached",
        f"""
        WITH RECURSIVE live AS MATERIALIZED ({_live(step)}),
        beside AS MATERIALIZED (
            SELECT account_no AS record_no, customer_no AS other_no FROM live
            UNION ALL SELECT customer_no, account_no FROM live
        ),
        reached AS (
            SELECT record_no FROM (
                SELECT account_no AS record_no FROM alone_told
                UNION SELECT customer_no FROM alone_told
            )
            UNION
            SELECT beside.other_no FROM reached
            INNER JOIN beside ON reached.record_no = beside.record_no
        )
        FROM reached
        """,
    )


def _live(step: Narrowed) -> str:
    """The pairs that a decision is taken about or that speak in one."""
    # The least probability that any rule or band asks for.
    limit = min(float(found) for found in _LIMIT.findall(step.sql[DECIDED]))
    return f"""
        SELECT compared.account_no, compared.customer_no
        FROM intermediate.int_customers__compared AS compared
        INNER JOIN matching.kept_odds AS kept USING (account_no, customer_no)
        WHERE kept.probability >= {limit}
            OR compared.has_external_id
            OR compared.name_relation IN ('same', 'close')
        UNION
        SELECT account_no, customer_no FROM alone_decisions
    """
