"""Scores of the pairs whose evidence has changed, and of everybody they compete with.

The odds of a pair by itself are kept under the hash of its evidence: where that is the same, they
are not worked out again. What rivals and parents make of a pair is, for all pairs of the records
that have such a pair.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipelines.matching import features
from pipelines.matching.fitting import is_worth_a_look
from pipelines.matching.model import Model
from pipelines.matching.narrowed import Narrowed
from pipelines.matching.neighbourhood import end_in, in_pairs
from pipelines.matching.scoring import (
    CANDIDATE_COLUMNS,
    SCORES,
    columns_of,
    evidence_of,
    judged_among_rivals,
    pairs_of,
    table_of,
)
from pipelines.matching.trees import log_odds

_PAIR = "account_no, customer_no"
_COMPARED = "intermediate.int_customers__compared"


def rescore(step: Narrowed, model: Model) -> int:
    """Bring `matching.customer_scores` up to date; returns how many pairs were scored again.

    Parents speak about their children's pairs: those of the children are judged with theirs.
    """
    step.note(
        "alone_judged",
        """
        SELECT record_no FROM alone_ends
        UNION
        SELECT children.record_no FROM intermediate.int_customers__records AS children
        SEMI JOIN alone_ends ON children.parent_no = alone_ends.record_no
        """,
    )
    step.note(
        "alone_judged_pairs", f"SELECT {_PAIR} FROM {_COMPARED} WHERE {end_in('alone_judged')}"
    )
    judged = step.arrow(f"""
        SELECT {CANDIDATE_COLUMNS} FROM intermediate.int_customers__candidates
        WHERE {in_pairs("alone_judged_pairs")} ORDER BY account_no, customer_no
    """)
    _judge_alone(step, judged, model)
    return _judge_among_rivals(step, judged, model)


def _judge_alone(step: Narrowed, judged: Any, model: Model) -> None:
    """The odds of the pairs that have no kept ones for their evidence."""
    step.fill("alone_evidence", judged.select(("account_no", "customer_no", "evidence")))
    known = step.arrow("""
        SELECT kept.evidence IS NOT NULL AS is_known
        FROM alone_evidence AS evidence
        LEFT JOIN matching.kept_odds AS kept USING (account_no, customer_no, evidence)
        ORDER BY account_no, customer_no
    """)
    asked = judged.filter(np.logical_not(features.numbers(known, "is_known", 0)))
    odds = log_odds(model.by_itself, columns_of(asked, model)) if asked.num_rows else np.zeros(0)
    own = asked.select(("account_no", "customer_no", "evidence"))
    step.fill("alone_odds", own.append_column("log_odds", [odds]))
    step.note("alone_moved", f"SELECT {_PAIR} FROM alone_odds UNION ALL FROM alone_gone")
    step.run(f"DELETE FROM matching.kept_odds WHERE {in_pairs('alone_moved')}")
    # What rivals make of it is not known yet.
    step.run("INSERT INTO matching.kept_odds SELECT *, NULL FROM alone_odds")


def _judge_among_rivals(step: Narrowed, judged: Any, model: Model) -> int:
    """All judged pairs among their rivals: the other pairs of their records and parents."""
    step.note(
        "alone_around",
        """
        WITH around AS (
            SELECT account_no AS record_no FROM alone_judged_pairs
            UNION SELECT customer_no FROM alone_judged_pairs
        )
        FROM around
        UNION
        SELECT records.parent_no FROM intermediate.int_customers__records AS records
        SEMI JOIN around ON records.record_no = around.record_no
        WHERE records.parent_no IS NOT NULL
        """,
    )
    step.note(
        "alone_around_pairs", f"SELECT {_PAIR} FROM {_COMPARED} WHERE {end_in('alone_around')}"
    )
    columns = ", ".join((*features.RECORD_COLUMNS, "pair_order"))
    around = step.arrow(f"""
        SELECT {columns}, kept.evidence, kept.log_odds, {end_in("alone_judged")} AS is_judged
        FROM (
            SELECT * FROM intermediate.int_customers__candidates
            WHERE {in_pairs("alone_around_pairs")}
        ) AS candidates
        INNER JOIN matching.kept_odds AS kept USING (account_no, customer_no)
        ORDER BY account_no, customer_no
    """)
    pairs, odds = pairs_of(around), around.column("log_odds").to_numpy()
    is_judged = np.asarray(features.numbers(around, "is_judged", 0), dtype=bool)
    worth = is_worth_a_look(odds) & is_judged
    figures = columns_of(judged.filter(is_worth_a_look(odds[is_judged])), model)
    found = judged_among_rivals(step.arrow, model, pairs, evidence_of(around), odds, worth, figures)
    _write(step, table_of(found).filter(is_judged), model)
    return int(is_judged.sum())


def _write(step: Narrowed, scored: Any, model: Model) -> None:
    step.fill("scored", scored)
    step.note(
        "alone_told_scores",
        """
        SELECT scored.account_no, scored.customer_no
        FROM scored
        INNER JOIN matching.kept_odds AS kept USING (account_no, customer_no)
        WHERE scored.match_probability IS DISTINCT FROM kept.probability
        """,
    )
    step.run("""
        UPDATE matching.kept_odds AS kept SET probability = scored.match_probability
        FROM scored
        WHERE kept.account_no = scored.account_no AND kept.customer_no = scored.customer_no
            AND kept.probability IS DISTINCT FROM scored.match_probability
    """)
    step.note("alone_scores", SCORES.replace("?", f"'{model.version}'"))
    step.note(
        "alone_scored",
        "SELECT org_id, account_id, company_id, customer_id FROM alone_scores "
        "UNION ALL FROM alone_gone_ids",
    )
    step.run("""
        DELETE FROM matching.customer_scores
        WHERE (org_id, account_id, company_id, customer_id) IN (
            SELECT (org_id, account_id, company_id, customer_id) FROM alone_scored)
    """)
    step.run("INSERT INTO matching.customer_scores FROM alone_scores")
