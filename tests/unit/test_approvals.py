"""An approval is for one checksum, by one person, until a moment."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from writing import AS_OF, World, deal_id, invoice_lines, invoice_row, marts

from pipelines.errors import ApprovalMissing, StateCorrupt, Stop
from reverse_etl import approvals, decisions, store
from reverse_etl.changes import Plan
from reverse_etl.decisions import MatchDecision

HOUR = timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def plan(world: World) -> Plan:
    made = world.plan(marts(invoices=[invoice_row()]))
    store.keep(world.state, made)
    return made


def test_approved_is_approved_until_it_lapses(world: World, plan: Plan) -> None:
    given = approvals.approve(world.state, plan.checksum, " Ada ", AS_OF)
    assert (given.who, given.valid_until) == ("Ada", AS_OF + timedelta(hours=24))
    found = approvals.find(world.state, plan.checksum, AS_OF + 23 * HOUR)
    assert found == given
    approvals.require(plan, found, AS_OF + 23 * HOUR)
    lapsed = AS_OF + 24 * HOUR
    with pytest.raises(ApprovalMissing, match="Ada was valid until 2026-11-21 17:00"):
        approvals.require(plan, approvals.find(world.state, plan.checksum, lapsed), lapsed)


def test_a_plan_nobody_approved_is_not_applied(world: World, plan: Plan) -> None:
    with pytest.raises(ApprovalMissing, match="nobody has approved"):
        approvals.require(plan, approvals.find(world.state, plan.checksum, AS_OF), AS_OF)


def test_a_changed_plan_has_no_approval(world: World, plan: Plan) -> None:
    given = approvals.approve(world.state, plan.checksum, "Ada", AS_OF)
    row = invoice_row(amount=Decimal("150.01"), line_count=1)
    other = world.plan(marts(invoices=[row], lines=invoice_lines(row, "150.01")))
    assert approvals.find(world.state, other.checksum, AS_OF) is None
    with pytest.raises(ApprovalMissing, match="different plan"):
        approvals.require(other, given, AS_OF)


def test_an_approval_does_not_work_backwards(world: World, plan: Plan) -> None:
    given = approvals.approve(world.state, plan.checksum, "Ada", AS_OF)
    with pytest.raises(ApprovalMissing):
        approvals.require(plan, given, AS_OF - HOUR)


def test_a_withdrawn_approval_is_none(world: World, plan: Plan) -> None:
    approvals.approve(world.state, plan.checksum, "Ada", AS_OF)
    assert approvals.withdraw(world.state, plan.checksum, "Bob", AS_OF) == 1
    assert approvals.find(world.state, plan.checksum, AS_OF) is None


def test_a_valid_one_counts_before_a_later_one_that_lapsed(world: World, plan: Plan) -> None:
    approvals.approve(world.state, plan.checksum, "Ada", AS_OF)
    approvals.approve(world.state, plan.checksum, "Bob", AS_OF, valid_for=HOUR)
    found = approvals.find(world.state, plan.checksum, AS_OF + 2 * HOUR)
    assert found is not None
    assert found.who == "Ada"


def test_a_plan_without_changes_needs_nobody(world: World) -> None:
    approvals.require(world.plan(marts()), None, AS_OF)


def test_only_a_stored_plan_can_be_approved(world: World) -> None:
    with pytest.raises(Stop, match="no such plan"):
        approvals.approve(world.state, "0" * 64, "Ada", AS_OF)


@pytest.mark.parametrize("who, hours", [("  ", 1), ("Ada", 0), ("Ada", -1)])
def test_an_approval_needs_a_name_and_an_end(
    world: World, plan: Plan, who: str, hours: int
) -> None:
    with pytest.raises(Stop, match="needs a name and an end"):
        approvals.approve(world.state, plan.checksum, who, AS_OF, hours * HOUR)


class TestStoredPlans:
    def test_found_by_checksum_and_by_its_beginning(self, world: World, plan: Plan) -> None:
        for name in (plan.checksum, plan.plan_id, plan.checksum[:8]):
            assert store.load(world.state, name) == plan
        with pytest.raises(Stop, match="no such plan"):
            store.load(world.state, plan.checksum[:7])

    def test_an_altered_body_is_noticed(self, world: World, plan: Plan) -> None:
        with world.state.writing() as work:
            row = work.one("plan_store", checksum=plan.checksum)
            assert row
            body = row["body"].replace("150.00", "950.00")
            work.change("plan_store", {"body": body}, checksum=plan.checksum)
        with pytest.raises(StateCorrupt):
            store.load(world.state, plan.checksum)

    def test_making_it_again_keeps_one(self, world: World, plan: Plan) -> None:
        store.keep(world.state, plan)
        with world.state.reading() as work:
            assert len(work.all("plan_store")) == 1


class TestDecisions:
    def decision(self, verdict: str = "confirmed", reason: str = "same") -> MatchDecision:
        return MatchDecision("customer", "org", "a1", "c1", "7", verdict, "Ada", AS_OF, reason)  # type: ignore[arg-type]

    def test_the_newest_about_a_pair_counts_and_the_history_stays(self, world: World) -> None:
        decisions.decide(world.state, self.decision())
        decisions.decide(world.state, self.decision("rejected"))
        (kept,) = decisions.decisions(world.state)
        assert kept.decision == "rejected"
        with world.state.reading() as work:
            assert len(work.all("match_decision")) == 2

    def test_exported_with_exactly_the_agreed_columns(self, world: World) -> None:
        decisions.decide(world.state, self.decision())
        (row,) = decisions.export_rows(world.state)
        assert list(row) == list(decisions.EXPORT_COLUMNS)

    @pytest.mark.parametrize("verdict, reason", [("perhaps", "same"), ("confirmed", " ")])
    def test_needs_a_verdict_and_a_reason(self, world: World, verdict: str, reason: str) -> None:
        with pytest.raises(Stop):
            decisions.decide(world.state, self.decision(verdict, reason))

    def test_reopening_counts_on_and_only_what_is_done(self, world: World, plan: Plan) -> None:
        key = plan.changes[0].key
        world.us.faults = ["lost_reply"]
        world.apply(plan)
        with pytest.raises(Stop, match="newest attempt is unknown"):
            decisions.reopen(world.state, key, "Ada", AS_OF, "why")
        world.apply(plan)
        assert decisions.reopen(world.state, key, "Ada", AS_OF, "voided").generation == 2
        assert list(decisions.reopenings(world.state)) == [key.removesuffix(":g1")]

    @pytest.mark.parametrize("text", ["", "nonsense", "invoices:1:2:1", "invoices:1:2:x:g1"])
    def test_what_is_no_key_is_told_in_a_sentence(self, world: World, text: str) -> None:
        with pytest.raises(Stop, match=r"no key of a change\. Take it"):
            decisions.reopen(world.state, text, "Ada", AS_OF, "why")

    def test_what_we_never_wrote_can_be_reopened_too(self, world: World) -> None:
        key = f"invoices:1:{deal_id(1)}:1:g1"
        assert decisions.reopen(world.state, key, "Ada", AS_OF, "deleted by hand").generation == 2
