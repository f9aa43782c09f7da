"""Modes of flows, who may approve what, and shadow plans scored against what people did."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from writing import (
    AS_OF,
    ORG,
    US,
    World,
    account_id,
    customer_row,
    deal_id,
    deal_status_row,
    invoice_row,
    marts,
    price_row,
)

from pipelines.errors import ApprovalMissing, ConfigurationError
from pipelines.setting_flows import FlowPolicies, FlowPolicy, read_policies
from pipelines.settings import load_settings
from reverse_etl import policies, render, shadows, store
from reverse_etl.changes import plan_from_json, to_json
from reverse_etl.plan import build_plan
from reverse_etl.syncs import registry
from reverse_etl.syncs.flow import Facts

KEY = f"customers:{US}:{account_id(1)}:0:g1"
FIRST_TIME = marts(
    customers=[customer_row()],
    invoices=[invoice_row(customer_id=None, customer_change_key=KEY)],
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def policy_file(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def of(**flows: FlowPolicy) -> FlowPolicies:
    return FlowPolicies(FlowPolicy(), flows)


class TestFile:
    def test_each_profile_has_its_usual_mode(self) -> None:
        sandbox = load_settings({"CROSSFOOT_PROFILE": "sandbox"})
        live = load_settings({"CROSSFOOT_PROFILE": "live"})
        assert {sandbox.policies.of(n).mode for n in registry.NAMES} == {"approve"}
        assert {live.policies.of(n).mode for n in registry.NAMES} == {"shadow"}

    def test_a_flow_has_its_own_table_over_the_default(self, tmp_path: Path) -> None:
        path = policy_file(
            tmp_path,
            '[default]\napprovers = ["ann"]\n[invoices]\nmode = "automatic"\nmax_changes = 3\n'
            "max_amount = { USD = 1000.50 }\n",
        )
        found = load_settings({"CROSSFOOT_POLICY": str(path)}).policies
        assert found.of("invoices") == FlowPolicy(
            "automatic", 3, {"USD": Decimal("1000.50")}, approvers=("ann",)
        )
        assert found.of("prices") == FlowPolicy("approve", approvers=("ann",))

    @pytest.mark.parametrize(
        "text, words",
        [
            ('[invoices]\nmode = "auto"', r"\[invoices\] mode: 'auto' is none of off, shadow"),
            ("[invoices]\nmax_change = 3", r"\[invoices\] max_change: there is no such key"),
            ("[invoices]\nmax_changes = -1", r"max_changes: it wants a whole number"),
            ("[invoices]\nday_max_changes = 1.5", r"day_max_changes: it wants a whole number"),
            ("[invoices]\nday_max_amount = 5", r"day_max_amount: it wants amounts per currency"),
            ("[invoices]\nmax_amount = 5", r"max_amount: it wants amounts per currency"),
            ('[invoices]\napprovers = "ann"', r"approvers: it wants a list of names"),
            ("[invoices]\nsecond_person = 1", r"second_person: it wants true or false"),
            ('mode = "off"', r"mode: it stands outside of a table"),
            ("[invoices", r"file: it cannot be read"),
        ],
    )
    def test_a_mistake_names_file_table_and_key(
        self, tmp_path: Path, text: str, words: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=rf"policy\.toml, .*{words}"):
            read_policies(policy_file(tmp_path, text), "approve")

    def test_a_table_for_no_flow_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match=r"policy \[bills\]: no such flow"):
            policies.planned_flows(of(bills=FlowPolicy()), ())


class TestModes:
    def test_off_makes_no_plan_and_says_so_when_named(self) -> None:
        rules = of(prices=FlowPolicy("off"))
        assert "prices" not in [f.name for f in policies.planned_flows(rules, ())]
        with pytest.raises(ConfigurationError, match="prices: the flow is off"):
            policies.planned_flows(rules, ["prices"])

    def test_shadow_is_shown_and_no_part_of_what_is_approved(self, world: World) -> None:
        rows = marts(prices=[price_row()], deals=[deal_status_row()])
        shadowed = policies.shadowed(of(prices=FlowPolicy("shadow")), registry.FLOWS)
        plan = build_plan(registry.FLOWS, rows, Facts(), (), AS_OF, AS_OF, shadowed)
        only = build_plan(
            registry.FLOWS, marts(deals=[deal_status_row()]), Facts(), (), AS_OF, AS_OF
        )
        assert ([c.flow for c in plan.changes], [c.flow for c in plan.shadow]) == (
            ["deal_status"], ["prices"],
        )  # fmt: skip
        assert plan.checksum == only.checksum
        assert plan_from_json(to_json(plan)) == plan
        assert "In shadow" in render.plan_as(plan, "text")

    def test_what_needs_a_shadowed_change_is_blocked(self) -> None:
        shadowed = frozenset({"customers"})
        plan = build_plan(registry.FLOWS, FIRST_TIME, Facts(), (), AS_OF, AS_OF, shadowed)
        assert ([b.reason for b in plan.blocked], plan.changes) == (["needs_another_change"], ())

    def test_a_flow_that_went_into_shadow_is_not_sent(self, world: World) -> None:
        plan = world.plan(marts(prices=[price_row()]))
        with pytest.raises(ApprovalMissing, match="the flow prices is in mode shadow now"):
            policies.refuse_unsent(plan, of(prices=FlowPolicy("shadow")))

    @pytest.mark.parametrize(
        "policy, words",
        [
            (FlowPolicy("automatic", 2, {"USD": Decimal(300)}), ()),
            (FlowPolicy(), ("invoices is in mode approve",)),
            (
                FlowPolicy("automatic", 1, {"USD": Decimal(300)}),
                ("2 changes in invoices, automatic are at most 1",),
            ),
            (
                FlowPolicy("automatic", 2, {"USD": Decimal("299.99")}),
                ("300.00 USD in invoices, automatic is at most 299.99",),
            ),
            (
                FlowPolicy("automatic", 2, {"EUR": Decimal(999)}),
                ("300.00 USD in invoices, automatic is none",),
            ),
        ],
    )
    def test_automatic_ends_at_its_limits(
        self, world: World, policy: FlowPolicy, words: tuple[str, ...]
    ) -> None:
        plan = world.plan(marts(invoices=[invoice_row(1), invoice_row(2)]))
        assert policies.over_automatic(plan, of(invoices=policy), {}) == words

    def test_a_first_time_customer_is_not_automatic_unless_told(self, world: World) -> None:
        plan = world.plan(FIRST_TIME)
        wide = FlowPolicy("automatic", 9, {"USD": Decimal(999)})
        told = FlowPolicy("automatic", 9, {"USD": Decimal(999)}, first_time_customers=True)
        assert len(policies.over_automatic(plan, of(customers=wide, invoices=wide), {})) == 2
        assert policies.over_automatic(plan, of(customers=told, invoices=told), {}) == ()

    @pytest.mark.parametrize(
        "limits, records, words",
        [
            ({"max_share": 30, "share_floor": 2}, 10, ()),
            ({"max_share": 29, "share_floor": 3}, 10, ()),
            (
                {"max_share": 29, "share_floor": 2}, 10,
                ("3 of 10 records in deal_status would be updated, automatic is up to 29 %",),
            ),
            (
                {"share_floor": 0}, 0,
                ("3 of 0 records in deal_status would be updated, automatic is up to 20 %",),
            ),
            ({}, 0, ()),
        ],
    )  # fmt: skip
    def test_a_large_share_of_a_flow_s_records_is_not_automatic(
        self, world: World, limits: dict[str, Any], records: int, words: tuple[str, ...]
    ) -> None:
        plan = world.plan(marts(deals=[deal_status_row(n) for n in (1, 2, 3)]))
        rules = of(deal_status=FlowPolicy("automatic", 9, **limits))
        assert policies.over_automatic(plan, rules, {"deal_status": records}) == words

    def test_what_is_made_new_is_no_share(self, world: World) -> None:
        plan = world.plan(marts(invoices=[invoice_row(1), invoice_row(2)]))
        rules = of(invoices=FlowPolicy("automatic", 9, {"USD": Decimal(999)}, share_floor=0))
        assert policies.over_automatic(plan, rules, {}) == ()


class TestApprovers:
    @pytest.mark.parametrize(
        "policy, who, authors, words",
        [
            (FlowPolicy(approvers=("ann",)), "bob", (), "bob is none of who may approve invoices"),
            (FlowPolicy(second_person=True), "ann", ("ann",), "its author, and ann made the plan"),
            (FlowPolicy(second_person=True), "ann", (), "nobody knows who made the plan"),
            (FlowPolicy(second_person_over=0), "ann", ("ann",), "over 0 changes"),
            (
                FlowPolicy(second_person_from={"USD": Decimal(150)}),
                "ann", ("bob", "ann"), "from 150 USD",
            ),
            (FlowPolicy(second_person_first_time=True), "ann", ("ann",), "a first-time customer"),
        ],
    )  # fmt: skip
    def test_who_may_not_approve(
        self, world: World, policy: FlowPolicy, who: str, authors: tuple[str, ...], words: str
    ) -> None:
        with pytest.raises(ApprovalMissing, match=words):
            policies.refuse_approver(world.plan(FIRST_TIME), of(invoices=policy), who, authors)

    @pytest.mark.parametrize(
        "policy",
        [
            FlowPolicy(approvers=("ann",), second_person=True),
            FlowPolicy(second_person_over=1, second_person_from={"USD": Decimal("150.01")}),
        ],
    )
    def test_who_may(self, world: World, policy: FlowPolicy) -> None:
        policies.refuse_approver(world.plan(FIRST_TIME), of(invoices=policy), "ann", ("bob",))

    def test_everybody_who_made_a_plan_is_its_author(self, world: World) -> None:
        plan = world.plan(FIRST_TIME)
        for who in ("ann", "bob", "ann", ""):
            store.keep(world.state, plan, who)
        assert store.authors(world.state, plan.checksum) == {"ann", "bob"}

    def test_an_approval_holds_as_long_as_the_strictest_flow_says(self, world: World) -> None:
        rules = of(invoices=FlowPolicy(approval_hours=8), customers=FlowPolicy(approval_hours=12))
        assert policies.valid_for(world.plan(FIRST_TIME), rules) == timedelta(hours=8)


class TestShadow:
    def test_plans_are_scored_against_what_people_did(self, world: World) -> None:
        names = frozenset(registry.NAMES)

        def shown(by_hand: dict[tuple[str, int], Decimal], **given: Any) -> None:
            plan = build_plan(registry.FLOWS, marts(**given), Facts(), (), AS_OF, AS_OF, names)
            shadows.record(world.state, plan, names, by_hand, AS_OF)

        shown({}, invoices=[invoice_row(n) for n in (1, 2, 3, 4)], prices=[price_row()])
        late = invoice_row(4, blocked_reason="customer_in_review")
        made = {(deal_id(1), 1): Decimal("150.00"), (deal_id(2), 1): Decimal("140.00")}
        shown(made, invoices=[late])
        assert shadows.scores(world.state) == (
            shadows.Score("invoices", same=1, other=1, withdrawn=1, waiting=1),
            shadows.Score("prices", same=1, other=0, withdrawn=0, waiting=0),
        )
        (other,) = shadows.differing(world.state)
        assert other["detail"] == "planned 150.00, invoiced by hand 140.00"
        lines = render.shadow_lines(shadows.scores(world.state), [other])
        assert lines[-1] == "  invoice for Deal 2: planned 150.00, invoiced by hand 140.00"

    def test_what_is_asked_for_again_waits_again(self, world: World) -> None:
        names = frozenset({"prices"})
        for rows in ([price_row()], [], [price_row()]):
            plan = build_plan(registry.FLOWS, marts(prices=rows), Facts(), (), AS_OF, AS_OF, names)
            shadows.record(world.state, plan, names, {}, AS_OF)
        assert shadows.scores(world.state) == (shadows.Score("prices", 0, 0, 0, 1),)

    def test_a_conflict_shows_how_the_owner_may_win(self, world: World) -> None:
        plan = world.plan(marts(prices=[price_row(blocked_reason="changed_by_hand")]))
        key = f"prices:{ORG}:{price_row()['record_id']}:0:g1"
        assert f"crossfoot overwrite {key}" in render.plan_as(plan, "text")
