"""What a person sees of a plan and of its outcome."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from writing import (
    AS_OF,
    World,
    account_id,
    account_status_row,
    customer_row,
    deal_status_row,
    invoice_row,
    marts,
    price_row,
)

from pipelines.errors import ConfigurationError
from reverse_etl.changes import from_json, plan_from_json
from reverse_etl.plan_page import calls_needed
from reverse_etl.plan_words import REASON_WORDS
from reverse_etl.render import (
    outcome_json,
    outcome_lines,
    plan_as,
    plan_json,
    plan_lines,
    plan_markdown,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models"
_CASE = re.compile(r"\bcase\b((?:(?!\bcase\b).)*?)\bend\s+as\s+\w*blocked_reason", re.DOTALL)


def test_every_reason_a_mart_can_give_is_told_in_words() -> None:
    codes = {
        code
        for path in MODELS.rglob("*.sql")
        for block in _CASE.findall(path.read_text())
        for code in re.findall(r"(?:then|else)\s+'([a-z_]+)'", block)
    }
    assert len(codes) > 10
    assert not codes - REASON_WORDS.keys()


def text(lines: list[str]) -> str:
    return "\n".join(lines)


def test_a_plan_says_what_how_much_why_not_and_how_to_go_on(world: World) -> None:
    plan = world.plan(
        marts(
            invoices=[
                invoice_row(1),
                invoice_row(2, company_id="9341450000000002", currency_code="EUR"),
                invoice_row(3, blocked_reason="before_go_live", blocked_detail="closed 2026-09-01"),
                invoice_row(4, blocked_reason="before_go_live"),
            ],
            customers=[customer_row(5, action="update", customer_id="9", sync_token=1)],
        )
    )
    shown = text(plan_lines(plan))
    assert f"Plan {plan.plan_id}: 3 changes. (data as of 2026-11-20 17:00 UTC)" in shown
    assert "Invoices in QuickBooks" in shown
    assert "150.00 EUR, 150.00 USD" in shown
    assert "2  the deal was closed before the go-live date  [300.00 USD]" in shown
    assert "e.g. invoice for Deal 3: closed 2026-09-01" in shown
    assert "+ invoice for Deal 1, 150.00 USD" in shown
    assert "line 1: Probe: 1 × 100 = 100.00" in shown
    assert "~ customer Account 5" in shown
    assert "email: (empty) → ap5@example.com" in shown
    assert f"crossfoot approve {plan.plan_id}" in shown
    assert plan.checksum in shown


def test_an_empty_plan_is_one_line(world: World) -> None:
    assert plan_lines(world.plan(marts())) == [
        "Plan: nothing to write. (data as of 2026-11-20 17:00 UTC)"
    ]


def test_what_is_cut_off_is_stated(world: World) -> None:
    plan = world.plan(marts(accounts=[account_status_row(n) for n in range(1, 31)]))
    shown = plan_lines(plan)
    assert sum(1 for line in shown if line.startswith("    ~ ")) == 20
    assert "    … and 10 more (all of them with --format json)" in shown
    assert "and 10 more" in plan_markdown(plan)


def test_doubts_refusals_and_what_is_done_are_told(world: World) -> None:
    world.us.faults = ["refused", "lost_reply"]
    rows = marts(invoices=[invoice_row(n) for n in (1, 2, 3)])
    world.apply(world.plan(rows))
    shown = text(plan_lines(world.plan(rows)))
    assert "Plan: nothing to write." in shown
    assert "1 row left out: written already, not yet read back." in shown
    assert "invoice for Deal 1: 6240 Duplicate (1 try, 2026-11-20)" in shown
    assert "invoice for Deal 2 (1 try, 2026-11-20 17:00 UTC)" in shown


def test_json_holds_the_whole_plan_exactly(world: World) -> None:
    plan = world.plan(marts(invoices=[invoice_row(n) for n in range(1, 40)]))
    assert plan_from_json(plan_json(plan)) == plan
    assert '"amount": 150.00' in plan_json(plan)
    assert plan_as(plan, "json") == plan_json(plan)


def test_an_unknown_form_is_refused(world: World) -> None:
    with pytest.raises(ConfigurationError, match=r"text, markdown, json or html"):
        plan_as(world.plan(marts()), "pdf")


@pytest.mark.parametrize("name", ["<script>x</script>", "a | b", "[x](javascript:y)", "*b* `c`"])
def test_record_text_cannot_become_markup(world: World, name: str) -> None:
    shown = plan_markdown(world.plan(marts(invoices=[invoice_row(deal_name=name)])))
    row = next(line for line in shown.splitlines() if "invoice for" in line)
    assert "<script" not in shown
    assert row.replace("\\|", "").count("|") == 5
    assert name not in shown


def test_markdown_tells_the_same_as_text(world: World) -> None:
    world.us.faults = ["refused", "lost_reply"]
    rows = marts(invoices=[invoice_row(n) for n in (1, 2, 3)])
    world.apply(world.plan(rows))
    more = [*rows["sync_invoices"], invoice_row(4), invoice_row(5, blocked_reason="before_go_live")]
    shown = plan_as(world.plan(marts(invoices=more)), "markdown")
    for words in (
        "| Invoices in QuickBooks | 1 | 0 | 1 | 150.00 USD |",
        "1 change refused before",
        "1 earlier write without an answer",
        "1 row written already",
        "the deal was closed before the go",
    ):
        assert words.replace("-", "\\-") in shown or words in shown, words


def test_outcomes_are_counted_and_everything_odd_is_named(world: World) -> None:
    world.us.faults = [None, "refused", "lost_reply"]
    plan = world.plan(marts(invoices=[invoice_row(n) for n in (1, 2, 3)]))
    result = world.apply(plan)
    shown = text(outcome_lines(result))
    assert f"Applied plan {plan.plan_id}:" in shown
    for words in ("1  done", "1  refused by the vendor", "1  no answer: the next run looks"):
        assert words in shown
    assert "6240: Duplicate" in shown
    assert result.summary() == f"Plan {plan.plan_id}: 1 done, 1 refused, 1 unknown, 0 waiting."
    assert from_json(outcome_json(result))["outcomes"][1]["status"] == "refused"
    again = text(outcome_lines(world.apply(plan)))
    assert "(1 change of them by an earlier run)" in again or "by an earlier run" in again


def test_settled_ones_are_told_apart(world: World) -> None:
    world.us.faults = ["lost_reply"]
    rows = marts(invoices=[invoice_row()])
    world.apply(world.plan(rows))
    shown = text(outcome_lines(world.apply(world.plan(rows))))
    assert "(1 left open by an earlier run)" in shown
    assert "There was nothing to do." in text(outcome_lines(world.apply(world.plan(marts()))))


def test_waiting_is_explained(world: World) -> None:
    key = f"customers:9341450000000001:{account_id(1)}:0:g1"
    needy = invoice_row(customer_id=None, customer_change_key=key)
    world.us.faults = ["refused"]
    result = world.apply(world.plan(marts(invoices=[needy], customers=[customer_row()])))
    assert "not sent: a change it needs is not done" in text(outcome_lines(result))


def test_amounts_have_thousands_and_cents(world: World) -> None:
    from writing import invoice_lines

    row = invoice_row(amount=Decimal("1234567.80"), line_count=1)
    plan = world.plan(marts(invoices=[row], lines=invoice_lines(row, "1234567.80")), as_of=AS_OF)
    assert "1,234,567.80 USD" in text(plan_lines(plan))


def test_status_of_deals_shows_before_and_after(world: World) -> None:
    row = deal_status_row(current_invoice_status="Open", invoice_status="Paid")
    assert "invoice_status: Open → Paid" in text(plan_lines(world.plan(marts(deals=[row]))))


def test_a_plan_says_what_it_costs_and_a_page_shows_all_of_it(tmp_path: Path) -> None:
    """Two invoices together; three status updates together; new and changed prices apart; and a
    look before each of the two objects that are changed."""
    new = price_row(
        2, action="create", pricebook_entry_id=None, current_unit_price=None,
        record_id="newprice", product_name="<b>Probe</b>",
    )  # fmt: skip
    rows = marts(
        invoices=[invoice_row(n) for n in (1, 2)],
        deals=[deal_status_row(n) for n in (1, 2, 3)],
        prices=[price_row(1), new],
        customers=[customer_row(9, blocked_reason="term_unknown", blocked_detail="Net 99")],
    )
    made = World(tmp_path).plan(rows)
    assert calls_needed(made) == {"quickbooks": 1, "salesforce": 5}
    assert from_json(plan_as(made, "json"))["calls"] == {"quickbooks": 1, "salesforce": 5}
    text = plan_as(made, "text")
    assert "Calls to send it: QuickBooks 1 (writes are not charged), Salesforce 5." in text
    page = plan_as(made, "html")
    assert all(f"<td>{change.reason}</td>" in page for change in made.changes)
    assert "Net 99" in page
    assert "&lt;b&gt;Probe" in page
    assert "<b>Probe" not in page
