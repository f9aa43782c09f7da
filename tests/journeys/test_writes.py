"""The write path over real HTTP: the vendors' own journal says what was written, and how often."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from small_company import (
    AS_OF,
    GB,
    ORG,
    US,
    SmallCompany,
    account_id,
    deal_id,
    rows,
    running_company,
)
from writing import (
    account_status_row,
    customer_row,
    deal_status_row,
    invoice_lines,
    invoice_row,
    marts,
)

from pipelines import warehouse
from pipelines.errors import (
    ApprovalMissing,
    Conflict,
    Incomplete,
    LimitExceeded,
    ReplyLost,
    Stop,
    WrongCompany,
)
from reverse_etl import cycle, review
from reverse_etl.changes import Plan
from reverse_etl.lease import holder
from reverse_etl.opening import opened
from reverse_etl.syncs import registry

KEY = f"customers:{US}:{account_id(1)}:0:g1"
NEEDY = invoice_row(1, customer_id=None, customer_change_key=KEY)
EVERYTHING = rows(
    customers=[customer_row(1)],
    invoices=[NEEDY, invoice_row(2)],
    deals=[deal_status_row(n) for n in (1, 2)],
    accounts=[account_status_row(n) for n in (1, 2)],
)
LATER = AS_OF + timedelta(hours=1)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[SmallCompany]:
    """A company whose warehouse is opened only while it is used, as it is in life."""
    with running_company(tmp_path) as running:
        yield running


@pytest.fixture
def company(closed: SmallCompany) -> Iterator[SmallCompany]:
    """The same with its warehouse kept open: cheaper, and no other for the one process that uses
    it."""
    with warehouse.kept_open(closed.settings.warehouse_path):
        yield closed


def planned(company: SmallCompany, marts_given: dict[str, Any], **more: Any) -> Plan:
    company.judge(marts_given, **more)
    return company.plan()


def marks(company: SmallCompany) -> Counter[str]:
    return Counter(str(i["PrivateNote"]).splitlines()[0] for i in company.invoices())


def mark(deal: int, generation: int = 1) -> str:
    return f"Crossfoot {deal_id(deal)}/1/g{generation}"


class TestHappyPath:
    def test_every_flow_writes_and_a_second_run_writes_nothing(self, company: SmallCompany) -> None:
        plan = planned(company, EVERYTHING)
        result = company.apply(plan)
        assert result.counts()["done"] == 7
        assert marks(company) == {mark(1): 1, mark(2): 1}
        (customer,) = company.customers()
        assert customer["Notes"] == f"Crossfoot {account_id(1)}/g1"
        first = next(i for i in company.invoices() if i["PrivateNote"].startswith(mark(1)))
        assert first["CustomerRef"]["value"] == customer["Id"]
        assert (first["TotalAmt"], first["TxnDate"]) == (Decimal("150.00"), "2026-11-20")
        table = company.sandbox.kernel.store.table(ORG, "Opportunity")
        assert {
            r["QBO_Invoice_Status__c"] for r in table if r["Id"] in (deal_id(1), deal_id(2))
        } == {"Open"}

        before = company.write_calls()
        assert not company.apply(plan).progressed
        again = company.plan()
        assert (again.changes, again.done_before) == ((), 7)
        assert not company.apply(again).progressed
        assert company.write_calls() == before

    def test_no_more_calls_than_needed(self, company: SmallCompany) -> None:
        """A customer, a batch of two invoices, two collections: four calls, nothing read."""
        plan = planned(company, EVERYTHING)
        company.apply(plan)
        calls = company.sandbox.kernel.journal.entries(0, None)
        assert company.write_calls() == 4
        assert not [
            c.path for c in calls if c.method == "GET" and c.metered and "quickbooks" in c.system
        ]

    def test_a_customer_is_corrected_where_salesforce_owns_the_field(
        self, company: SmallCompany
    ) -> None:
        row = customer_row(
            1, action="update", customer_id="101", sync_token=0, phone=None, billing_line1=None,
            billing_city=None, billing_state=None, billing_postal_code=None, billing_country=None,
            current_email="old101@example.com",
        )  # fmt: skip
        assert company.apply(planned(company, rows(customers=[row]))).counts()["done"] == 1
        table = company.sandbox.kernel.store.table(US, "Customer")
        after = table.get("101")
        assert after is not None
        assert after["PrimaryEmailAddr"] == {"Address": "ap1@example.com"}
        assert (after["DisplayName"], after["SyncToken"]) == ("Customer 1", "1")


class TestFaults:
    @pytest.mark.parametrize("kind", ["drop_after", "drop_before", "truncate", "malformed"])
    @pytest.mark.parametrize("count", [1, 2])
    def test_a_lost_reply_never_becomes_a_second_invoice(
        self, company: SmallCompany, kind: str, count: int
    ) -> None:
        """Alone, and in a batch, of which nothing is known then."""
        numbers = range(1, count + 1)
        plan = planned(company, rows(invoices=[invoice_row(n) for n in numbers]))
        company.fault(kind, r"/batch\b" if count > 1 else r"/invoice\b")
        assert [o.status for o in company.apply(plan).outcomes] == ["unknown"] * count
        assert company.apply(plan).counts()["done"] == count
        assert marks(company) == {mark(n): 1 for n in numbers}
        assert len(company.writes("Invoice", "create")) == count

    def test_a_refused_part_of_a_batch_takes_no_neighbour_with_it(
        self, company: SmallCompany
    ) -> None:
        given = rows(invoices=[invoice_row(n) for n in (1, 2, 3)])
        given["sync_invoice_lines"][1]["item_id"] = "99999"
        before = company.write_calls()
        result = company.apply(planned(company, given))
        assert company.write_calls() - before == 1
        statuses = {o.change_key.split(":")[2]: o.status for o in result.outcomes}
        assert list(statuses.values()).count("refused") == 1
        assert set(marks(company).values()) == {1}
        assert len(company.invoices()) == 2
        (held,) = company.plan().held
        assert held.code == "2500"

    def test_a_lost_reply_is_found_by_its_mark_when_the_request_is_forgotten(
        self, company: SmallCompany
    ) -> None:
        plan = planned(company, rows(invoices=[invoice_row(1)]))
        company.fault("drop_after", r"/invoice\b")
        company.apply(plan)
        company.forget()
        sent = company.write_calls()
        (outcome,) = company.apply(plan).outcomes
        assert (outcome.status, outcome.message) == ("done", "found by its mark")
        assert company.write_calls() == sent

    def test_a_voided_one_is_found_too(self, company: SmallCompany) -> None:
        plan = planned(company, rows(invoices=[invoice_row(1)]))
        company.fault("drop_after", r"/invoice\b")
        company.apply(plan)
        from pipelines.clients.quickbooks import quickbooks_client

        (made,) = company.invoices()
        client = quickbooks_client(company.settings, US)
        url = f"{company.sandbox.quickbooks_url}/v3/company/{US}/invoice?operation=void"
        token = company.sandbox.connection["quickbooks"]["companies"][0]["access_token"]
        import requests

        reply = requests.post(
            url, json={"Id": made["Id"], "SyncToken": made["SyncToken"]}, timeout=10,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )  # fmt: skip
        assert reply.status_code == 200, reply.text
        assert client.realm_id == US
        (outcome,) = company.apply(plan).outcomes
        assert (outcome.status, outcome.remote_id) == ("done", made["Id"])
        assert len(company.writes("Invoice", "create")) == 1

    @pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
    def test_a_lost_customer_is_found_and_its_invoice_follows(
        self, company: SmallCompany, kind: str
    ) -> None:
        plan = planned(company, rows(customers=[customer_row(1)], invoices=[NEEDY]))
        company.fault(kind, r"/customer\b")
        assert [o.status for o in company.apply(plan).outcomes] == ["unknown", "waiting"]
        assert company.apply(plan).counts()["done"] == 2
        assert len(company.customers()) == 1

    @pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
    def test_a_lost_collection_is_repeated_whole(self, company: SmallCompany, kind: str) -> None:
        plan = planned(company, rows(deals=[deal_status_row(n) for n in (1, 2, 3)]))
        company.fault(kind, "composite/sobjects", method="PATCH")
        assert [o.status for o in company.apply(plan).outcomes] == ["unknown"] * 3
        assert company.apply(plan).counts()["done"] == 3

    def test_a_throttle_is_waited_for(self, company: SmallCompany) -> None:
        plan = planned(company, rows(customers=[customer_row(1)], invoices=[NEEDY]))
        company.fault("throttle", r"/customer\b", times=2)
        company.fault("throttle", r"/invoice\b", times=2)
        assert company.apply(plan).counts()["done"] == 2
        assert len(company.writes("Customer", "create")) == 1
        assert len(company.writes("Invoice", "create")) == 1

    def test_an_expired_token_is_renewed_and_nothing_doubled(self, company: SmallCompany) -> None:
        plan = planned(company, rows(invoices=[invoice_row(n) for n in (1, 2)]))
        company.fault("expire_token", r"/batch\b")
        assert company.apply(plan).counts()["done"] == 2
        assert len(company.writes("Invoice", "create")) == 2

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_server_error_says_nothing_about_the_write(
        self, company: SmallCompany, status: int
    ) -> None:
        plan = planned(company, rows(invoices=[invoice_row(1)]))
        company.fault("refuse", r"/invoice\b", status=status, body="<html>trouble</html>")
        assert [o.status for o in company.apply(plan).outcomes] == ["unknown"]
        assert company.apply(plan).counts()["done"] == 1

    def test_a_dead_line_stops_the_run_and_the_next_one_finishes(
        self, company: SmallCompany, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alone = tuple(replace(flow, batch=1) for flow in registry.FLOWS)
        monkeypatch.setattr(registry, "FLOWS", alone)
        plan = planned(company, rows(invoices=[invoice_row(n) for n in range(1, 7)]))
        company.fault("drop_after", r"/invoice\b", times=None, skip=1)
        with pytest.raises(ReplyLost):
            company.apply(plan)
        assert len(company.writes("Invoice", "create")) == 4
        with company.sandbox.kernel.lock:
            company.sandbox.kernel.faults.clear(None)
        assert company.apply(plan).counts()["done"] == 6
        assert set(marks(company).values()) == {1}
        assert len(company.writes("Invoice", "create")) == 6


class TestRefusals:
    def test_a_name_that_is_taken_is_told_in_the_vendor_s_words(
        self, company: SmallCompany
    ) -> None:
        plan = planned(
            company,
            rows(
                customers=[customer_row(1, display_name="customer 3")],
                invoices=[NEEDY, invoice_row(2)],
            ),
        )
        outcomes = company.apply(plan).outcomes
        assert [o.status for o in outcomes] == ["refused", "waiting", "done"]
        assert outcomes[0].message.startswith("6240: ")
        company.judge(rows(customers=[customer_row(1, display_name="customer 3")]))
        (held,) = company.plan().held
        assert (held.code, held.tries) == ("6240", 1)
        company.judge(
            rows(customers=[customer_row(1, display_name="Account 1 (2)")], invoices=[NEEDY])
        )
        assert company.apply(company.plan()).counts()["done"] == 2

    def test_a_blocked_row_is_told_and_what_needs_it_waits(self, company: SmallCompany) -> None:
        held = {"blocked_reason": "customer_in_review", "blocked_detail": "Customer 3 may be it"}
        plan = planned(company, rows(customers=[customer_row(1, **held)], invoices=[NEEDY]))
        assert [(b.flow, b.reason) for b in plan.blocked] == [
            ("customers", "customer_in_review"), ("invoices", "needs_another_change"),
        ]  # fmt: skip
        assert plan.changes == ()
        assert not company.apply(plan).progressed
        assert company.write_calls() == 0

    def test_an_item_that_is_gone_refuses_its_invoice_alone(self, company: SmallCompany) -> None:
        invoices = [invoice_row(n) for n in (1, 2)]
        made = rows(invoices=invoices)
        for line in made["sync_invoice_lines"]:
            line["item_id"] = "404" if line["deal_id"] == deal_id(1) else "1"
        outcomes = company.apply(planned(company, made)).outcomes
        assert [o.status for o in outcomes] == ["refused", "done"]
        assert outcomes[0].message.startswith("2500: ")

    def test_a_bad_value_in_salesforce_refuses_its_record_alone(
        self, company: SmallCompany
    ) -> None:
        deals = [deal_status_row(1, invoice_status="Nonsense"), deal_status_row(2)]
        outcomes = company.apply(planned(company, rows(deals=deals))).outcomes
        assert [o.status for o in outcomes] == ["refused", "done"]
        assert "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" in outcomes[0].message

    def test_a_customer_changed_by_a_person_is_not_overwritten(self, company: SmallCompany) -> None:
        update = {"action": "update", "customer_id": "101", "sync_token": 0}
        first = customer_row(1, **update, current_email="old101@example.com")
        company.apply(planned(company, rows(customers=[first])))
        stale = customer_row(1, **update, email="else@example.com")
        plan = planned(company, rows(customers=[stale]), as_of=LATER)
        assert plan.changes[0].generation == 2
        (outcome,) = company.apply(plan).outcomes
        assert (outcome.status, outcome.message[:5]) == ("refused", "5010:")
        fresh = customer_row(1, **{**update, "sync_token": 1}, email="else@example.com")
        assert (
            company.apply(planned(company, rows(customers=[fresh]), as_of=LATER)).counts()["done"]
            == 1
        )


class TestDoors:
    def test_nothing_is_sent_without_an_approval(self, company: SmallCompany) -> None:
        plan = planned(company, EVERYTHING)
        with pytest.raises(ApprovalMissing):
            cycle.apply(company.settings, plan.checksum)
        assert company.write_calls() == 0

    @pytest.mark.parametrize(
        ("now", "words"),
        [
            ('mode = "shadow"', "in mode shadow now"),
            ('mode = "approve"\napprovers = ["Grace"]', "Ada is none of who may approve"),
        ],
    )
    def test_what_the_policy_forbids_since_is_not_sent(
        self, company: SmallCompany, now: str, words: str
    ) -> None:
        plan = planned(company, rows(invoices=[invoice_row(1)]))
        cycle.approve(company.settings, plan.checksum, "Ada")
        policy = company.folder / "policy.toml"
        policy.write_text(f"[invoices]\n{now}\n")
        company.environment["CROSSFOOT_POLICY"] = str(policy)
        with pytest.raises(ApprovalMissing, match=words):
            cycle.apply(company.settings, plan.checksum)
        assert company.write_calls() == 0

    def test_a_plan_the_data_no_longer_want_is_refused(self, company: SmallCompany) -> None:
        plan = planned(company, EVERYTHING)
        cycle.approve(company.settings, plan.checksum, "Ada")
        blocked = invoice_row(2, blocked_reason="invoice_in_review")
        company.judge({**EVERYTHING, "sync_invoices": [NEEDY, blocked]}, as_of=LATER)
        with pytest.raises(Conflict, match=r"no longer fit the data of 2026-11-20 18:00.*Deal 2"):
            cycle.apply(company.settings, plan.checksum)
        assert company.write_calls() == 0

    def test_the_same_rows_of_newer_data_may_be_applied(self, company: SmallCompany) -> None:
        plan = planned(company, EVERYTHING)
        company.judge(EVERYTHING, as_of=LATER)
        assert company.apply(plan).counts()["done"] == 7

    def test_limits_and_strange_companies_stop_everything(self, company: SmallCompany) -> None:
        company.environment["CROSSFOOT_MAX_AMOUNT"] = "USD=299.99"
        plan = planned(company, EVERYTHING)
        with pytest.raises(LimitExceeded, match=r"300\.00 USD, at most 299\.99 USD"):
            company.apply(plan)
        stranger = planned(company, rows(invoices=[invoice_row(1, company_id="9999")]))
        with pytest.raises(WrongCompany, match="9999"):
            company.apply(stranger)
        assert company.write_calls() == 0

    def test_a_day_has_its_limit_by_itself_and_approved(self, company: SmallCompany) -> None:
        policy = company.folder / "policy.toml"
        policy.write_text(
            '[invoices]\nmode = "automatic"\nmax_changes = 9\nmax_amount = { USD = 999 }\n'
            "day_max_amount = { USD = 300 }\n"
        )
        company.environment["CROSSFOOT_POLICY"] = str(policy)
        company.judge(rows(invoices=[invoice_row(1), invoice_row(2)]))
        first, beyond = cycle.plan_automatic(company.settings)
        assert beyond == ()
        assert cycle.apply(company.settings, first.checksum).counts()["done"] == 2
        company.judge(rows(invoices=[invoice_row(3)]), as_of=LATER)
        third, beyond = cycle.plan_automatic(company.settings)
        assert [words[:41] for words in beyond] == ["450.00 USD in invoices within 24 hours (3"]
        with pytest.raises(LimitExceeded, match=r"300\.00 of it earlier\), at most 300 USD"):
            company.apply(third)
        assert len(company.invoices()) == 2

    def test_nothing_is_sent_on_books_that_were_not_read_whole(self, company: SmallCompany) -> None:
        """An invoice may be there already that yesterday's books do not show."""
        plan = planned(company, EVERYTHING)
        verdict = {
            "system": "quickbooks",
            "source_id": US,
            "verdict": "not_concluded",
            "reason": "Last read completely at 2026-11-17 09:00 UTC",
        }
        company.judge(EVERYTHING, verdicts=[verdict])
        assert company.plan().checksum == plan.checksum
        assert cycle.doubts(company.settings) == (f"quickbooks {US}: {verdict['reason']}",)
        with pytest.raises(Incomplete, match=rf"{US}: Last read completely.*Nothing was sent"):
            company.apply(plan)
        assert not company.invoices()
        # Receivables that differ from the vendor's report are told, and bar nothing.
        company.judge(EVERYTHING, verdicts=[{**verdict, "verdict": "differs"}])
        assert cycle.doubts(company.settings) == ()
        assert company.apply(plan).counts()["done"] == 7

    def test_books_closed_after_the_plan_refuse_it(self, company: SmallCompany) -> None:
        plan = planned(company, rows(invoices=[invoice_row(1)]))
        path = company.settings.warehouse_path
        closed = '{"AccountingInfoPrefs":{"BookCloseDate":"2026-11-30"}}'
        columns = {"company_id": "VARCHAR", "payload": "VARCHAR"}
        row = {"company_id": US, "payload": closed}
        warehouse.replace_table(path, "raw_quickbooks", "preferences", columns, [row])
        with pytest.raises(LimitExceeded, match="closed its books"):
            company.apply(plan)
        assert [b.reason for b in company.plan().blocked] == ["closed_period"]

    def test_the_state_is_copied_for_analysts(self, company: SmallCompany) -> None:
        cycle.copy_state(company.settings)
        path = company.settings.warehouse_path
        for table in ("ledger", "match_decision"):
            assert warehouse.read(path, f"SELECT * FROM raw_state.{table}") == []
        company.apply(planned(company, EVERYTHING))
        cycle.copy_state(company.settings)
        found = warehouse.read(
            path, "SELECT * FROM raw_state.ledger WHERE flow = 'invoices' ORDER BY ALL"
        )
        assert [(r["status"], r["amount"], r["plan_step"]) for r in found] == [
            ("done", Decimal("150.00"), 1)
        ] * 2
        assert found[0]["finished_at"].tzinfo is not None

    def test_a_decision_of_the_review_queue_outlives_the_warehouse(
        self, closed: SmallCompany
    ) -> None:
        names = ("review_id", "subject", "org_id", "left_id", "company_id", "right_id", "evidence")
        row = {
            "review_id": "r1-of-three",
            "subject": "customer",
            "org_id": ORG,
            "left_id": account_id(1),
            "company_id": US,
            "evidence": '{"name": "same"}',
        }
        queue = [{**row, "right_id": "101"}, {**row, "review_id": "r2-of-three", "right_id": None}]
        path = closed.settings.warehouse_path
        columns = dict.fromkeys(names, "VARCHAR")
        warehouse.replace_table(path, "reconciliation", "review_queue", columns, queue)
        kept = review.decide(closed.settings, "reject", "r1-of-", "Ada", "another firm")
        assert (kept.left_id, kept.decision) == (account_id(1), "rejected")
        for wrong in ("r2-of-three", "r-of-n", "r"):
            with pytest.raises(Stop):
                review.decide(closed.settings, "confirm", wrong, "Ada")
        path.unlink()
        cycle.copy_state(closed.settings)
        for table in ("match_decision", "match_decision_period"):
            (copied,) = warehouse.read(path, f"SELECT * FROM raw_state.{table}")
            assert (copied["right_id"], copied["decided_by"], copied["evidence"]) == (
                "101", "Ada", '{"name": "same"}',
            )  # fmt: skip
        assert (copied["valid_from"], copied["valid_to"]) == (copied["decided_at"], None)

    def test_a_lost_state_is_rebuilt_from_the_marks(self, company: SmallCompany) -> None:
        """The file is gone after the writes and before the next extract: nothing is doubled."""
        company.apply(planned(company, EVERYTHING))
        company.forget()
        for file in company.folder.glob("state.sqlite*"):
            file.unlink()
        plan = company.plan()
        assert len(plan.changes) == 7
        outcomes = company.apply(plan).outcomes
        assert {o.status for o in outcomes} == {"done"}
        assert len(company.writes("Invoice", "create")) == 2
        assert len(company.writes("Customer", "create")) == 1

    def test_a_state_set_back_to_an_older_copy_looks_first(self, company: SmallCompany) -> None:
        company.judge(EVERYTHING)
        state = company.folder / "state.sqlite"
        company.plan()
        before = state.read_bytes()
        company.apply(company.plan())
        cycle.copy_state(company.settings)
        for file in company.folder.glob("state.sqlite*"):
            file.unlink()
        state.write_bytes(before)
        company.forget()
        company.apply(company.plan())
        assert len(company.writes("Invoice", "create")) == 2
        assert len(company.writes("Customer", "create")) == 1

    def test_a_voided_invoice_is_written_again_only_when_a_person_says_so(
        self, company: SmallCompany
    ) -> None:
        company.apply(planned(company, rows(invoices=[invoice_row(1)])))
        gone = rows(invoices=[invoice_row(1, blocked_reason="previous_invoice_voided")])
        assert planned(company, gone, as_of=LATER).changes == ()
        key = f"invoices:{US}:{deal_id(1)}:1:g1"
        cycle.reopen(company.settings, key, "Ada", "voided by mistake")
        assert company.apply(company.plan()).counts()["done"] == 1
        assert marks(company) == {mark(1): 1, mark(1, 2): 1}

    def test_a_second_company_gets_its_own_documents(self, company: SmallCompany) -> None:
        key = f"customers:{GB}:{account_id(1)}:0:g1"
        made = rows(
            customers=[customer_row(1, company_id=GB, change_key=key, currency_code="GBP")],
            invoices=[
                invoice_row(
                    1, company_id=GB, currency_code="GBP", customer_id=None, customer_change_key=key
                )
            ],
        )
        for line in made["sync_invoice_lines"]:
            line["tax_code_id"] = None
        assert company.apply(planned(company, made)).counts()["done"] == 2
        assert [i["CurrencyRef"]["value"] for i in company.invoices()] == ["GBP"]


class TestTwoAtOnce:
    def test_the_second_apply_is_told_who_is_at_work(self, closed: SmallCompany) -> None:
        plan = planned(closed, rows(invoices=[invoice_row(n) for n in (1, 2)]))
        cycle.approve(closed.settings, plan.checksum, "Ada")
        with ThreadPoolExecutor(1) as pool:
            with closed.held_up(r"/batch\b"):
                first = pool.submit(closed.in_a_process, "apply", checksum=plan.checksum)
                until = time.monotonic() + 60
                while time.monotonic() < until:
                    with opened(closed.settings) as state:
                        if holder(state):
                            break
                    time.sleep(0.02)
                with pytest.raises(Stop, match=r"an apply is under way: apply, process \d+"):
                    cycle.apply(closed.settings, plan.checksum)
            answer = first.result(timeout=60)
        assert [status for _, status, _ in answer["result"]] == ["done", "done"]
        assert len(closed.writes("Invoice", "create")) == 2


def test_amounts_arrive_to_the_last_digit(company: SmallCompany) -> None:
    row = invoice_row(1, amount=Decimal("333.34"), line_count=1)
    (line,) = invoice_lines(row, "333.34")
    line |= {"item_id": "1", "quantity": Decimal("3.000001"), "unit_price": Decimal("111.1132963")}
    assert (
        company.apply(planned(company, marts(invoices=[row], lines=[line]))).counts()["done"] == 1
    )
    (made,) = company.invoices()
    detail = made["Line"][0]["SalesItemLineDetail"]
    assert made["TotalAmt"] == Decimal("333.34")
    assert (detail["Qty"], detail["UnitPrice"]) == (Decimal("3.000001"), Decimal("111.1132963"))
