"""What Dagster shows of a plan and of what became of it: counts, money per currency, reasons."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from writing import World, invoice_row, marts

from orchestration.assets.writes import described, written
from reverse_etl.apply import ApplyResult
from reverse_etl.changes import Outcome


def test_a_plan_and_its_outcome_tell_counts_money_and_reasons(tmp_path: Path) -> None:
    blocked = invoice_row(3, blocked_reason="customer_not_linked")
    plan = World(tmp_path).plan(marts(invoices=[invoice_row(1), invoice_row(2), blocked]))
    told = described(plan)
    assert (told["changes"], told["blocked"], told["amounts"]) == (2, 1, "300.00 USD")
    assert told["amounts_blocked"] == "150.00 USD"
    first, second = (change.key for change in plan.changes)
    outcomes = (
        Outcome(first, "done", "7", "", 1),
        Outcome(second, "refused", None, "The name is taken", 1),
    )
    done = ApplyResult(plan.plan_id, plan.checksum, outcomes, ())
    facts = written(plan, done, "invoices")
    assert (facts["done"], facts["refused"], facts["amounts"]) == (1, 1, "150.00 USD")
    assert isinstance(facts["not_done"], dg.MarkdownMetadataValue)
    assert facts["not_done"].value == f"- refused {second}: The name is taken"
    assert written(plan, done, "prices")["not_done"] == "none"
    assert facts["plan_checksum"] == plan.checksum
