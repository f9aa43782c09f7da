"""The rules of linking and of the mismatch classes, each on a deal of its own.

All scenes are played in one world and judged by one build, dbt's own tests included: the bridge
therefore ties over everything that is mixed here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from worlds import ORG, PROJECT, UK, US, Builder, Sold, build, read, sold

from pipelines import transform, warehouse
from reverse_etl.changes import Change, from_json
from reverse_etl.syncs import deal_status, invoice_records, registry
from reverse_etl.syncs.flow import Facts

Row = dict[str, Any]
PRICE = "WRONG_PRICE_OR_DISCOUNT"
PLAYED: dict[str, Callable[[Builder], dict[str, str]]] = {}


def scene(play: Callable[[Builder], dict[str, str]]) -> Callable[[Builder], dict[str, str]]:
    """Register a scene; it returns the ids that its test asks about."""
    PLAYED[play.__name__.lstrip("_")] = play
    return play


@dataclass
class Judged:
    """The built world, asked by scene."""

    path: Path
    ids: dict[str, dict[str, str]] = field(default_factory=dict)

    def links(self, invoice_id: str, company: str = US) -> list[tuple[str, int, str, str, Decimal]]:
        rows = read(
            self.path,
            f"""select * from matched.matched_invoices
            where invoice_id = '{invoice_id}' and company_id = '{company}'
            order by deal_id, plan_step""",
        )
        return [
            (r["deal_id"], r["plan_step"], r["match_state"], r["method"], r["allocated_amount"])
            for r in rows
        ]

    def mismatches(self, *, deal: str = "", document: str = "") -> list[tuple[str, str, list[str]]]:
        rows = read(
            self.path,
            f"""select * from reconciliation.mismatches
            where (deal_id = '{deal}' or document_id = '{document}')
              and mismatch_class not in ('STATUS_DRIFT', 'CUT_OFF', 'LATE_BILLED',
                'TERMS_OR_DUE_DATE')
            order by precedence, document_id""",
        )
        return [(r["mismatch_class"], str(r["value_at_stake"]), r["flags"]) for r in rows]

    def planned(self, deal: str) -> list[Row]:
        return read(
            self.path,
            f"select * from sync.sync_invoices where deal_id = '{deal}' order by plan_step",
        )

    def why_blocked(self, deal: str) -> list[str | None]:
        return [row["blocked_reason"] for row in self.planned(deal)]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    builder = Builder()
    ids = {name: play(builder) for name, play in PLAYED.items()}
    builder.report_receivables(US, wrong={ids["statuses"]["customer"]: "0.01"})
    builder.report_receivables(UK)
    builder.list_invoices(US, wrong={ids["cascade"]["mark"]: "0.01"})
    builder.list_invoices(UK)
    return Judged(build(builder.world(), tmp_path_factory.mktemp("rules")), ids)


# --- linking ----------------------------------------------------------------------------------


@scene
def _cascade(b: Builder) -> dict[str, str]:
    account, customer = b.known("Cascade")
    deals = [b.deal(account, [sold(f"{n}00")], PO_Number__c=f"PO {n}") for n in range(1, 7)]
    quote = b.estimate(customer, "400", deal=deals[3])
    last = b.invoice(customer, "500", balance="0")
    b.salesforce["Opportunity"][-2]["QBO_Invoice_Id__c"] = f"{US}:{last}"  # type: ignore[index]
    return {
        "mark": b.invoice(customer, "100", note=f"Crossfoot {deals[0]}/1/g1\nDeal: x"),
        "custom_field": b.invoice(customer, "200", deal=deals[1][:15]),
        "po_number": b.invoice(customer, "300", po="po-3"),
        "estimate": b.invoice(customer, "400", estimate=quote),
        "deal_field": last,
        "inferred": b.invoice(customer, "600"),
    } | {f"deal{at}": deal for at, deal in enumerate(deals)}


def test_each_kind_of_evidence_links(judged: Judged) -> None:
    ids = judged.ids["cascade"]
    methods = ("mark", "custom_field", "po_number", "estimate", "deal_field", "inferred")
    for at, method in enumerate(methods):
        amount = Decimal(f"{at + 1}00.00")
        assert judged.links(ids[method]) == [(ids[f"deal{at}"], 1, "confirmed", method, amount)]
        assert judged.mismatches(deal=ids[f"deal{at}"]) == []


@scene
def _stronger_evidence(b: Builder) -> dict[str, str]:
    account, customer = b.known("Stronger")
    named = b.deal(account, [sold("70")])
    other = b.deal(account, [sold("70")], PO_Number__c="STR-1")
    invoice = b.invoice(customer, "70", deal=f"{named}/1", po="STR-1")
    return {"named": named, "other": other, "invoice": invoice}


def test_the_stronger_evidence_speaks_alone(judged: Judged) -> None:
    ids = judged.ids["stronger_evidence"]
    assert [link[:4] for link in judged.links(ids["invoice"])] == [
        (ids["named"], 1, "confirmed", "custom_field")
    ]
    assert judged.mismatches(deal=ids["other"])[0][0] == "UNBILLED_CLOSED_WON"


@scene
def _unnamed_steps(b: Builder) -> dict[str, str]:
    account, customer = b.known("Steps")
    deal = b.deal(account, [sold("1000")], "2026-08-20", Billing_Plan__c="Three milestones")
    # Written in another order than they fall due; only amounts and dates tell the steps.
    third = b.invoice(customer, "300", "2026-10-21", deal=deal)
    first = b.invoice(customer, "400", "2026-10-30", deal=deal)
    second = b.invoice(customer, "300", "2026-09-24", deal=deal)
    return {"deal": deal, "first": first, "second": second, "third": third}


def test_a_deal_named_without_a_step_takes_amount_then_date(judged: Judged) -> None:
    ids = judged.ids["unnamed_steps"]
    steps = [judged.links(ids[name])[0][1] for name in ("first", "second", "third")]
    assert steps == [1, 2, 3]
    assert judged.mismatches(deal=ids["deal"]) == []


@scene
def _shared_po(b: Builder) -> dict[str, str]:
    mine, customer = b.known("Po mine")
    theirs, _ = b.known("Po theirs")
    own = b.deal(mine, [sold("81")], PO_Number__c="SHARED 1")
    b.deal(theirs, [sold("81")], PO_Number__c="SHARED 1")
    twice = [b.deal(mine, [sold("82")], PO_Number__c="BLANKET") for _ in range(2)]
    return {
        "own": own,
        "invoice": b.invoice(customer, "81", po="shared-1"),
        "blanket": b.invoice(customer, "82", po="BLANKET"),
        "blanket_deal": twice[0],
    }


def test_a_po_number_is_the_customers_own_word(judged: Judged) -> None:
    ids = judged.ids["shared_po"]
    assert judged.links(ids["invoice"])[0][:3] == (ids["own"], 1, "confirmed")
    assert {link[2] for link in judged.links(ids["blanket"])} == {"ambiguous"}
    assert judged.mismatches(document=ids["blanket"])[0][:2] == ("AMBIGUOUS_MATCH", "82.00")
    assert judged.why_blocked(ids["blanket_deal"]) == ["invoice_in_review"]


@scene
def _ambiguous(b: Builder) -> dict[str, str]:
    account, customer = b.known("Ambiguous")
    first, second = (b.deal(account, [sold("55.55")]) for _ in range(2))
    return {"first": first, "second": second, "invoice": b.invoice(customer, "55.55")}


def test_equal_candidates_are_left_to_a_person(judged: Judged) -> None:
    ids = judged.ids["ambiguous"]
    assert judged.mismatches(document=ids["invoice"]) == [("AMBIGUOUS_MATCH", "55.55", [])]
    for deal in (ids["first"], ids["second"]):
        assert judged.mismatches(deal=deal) == []
        assert judged.why_blocked(deal) == ["invoice_in_review"]
    queue = read(
        judged.path,
        f"select * from reconciliation.review_queue where right_id = '{ids['invoice']}'",
    )
    assert {row["left_id"] for row in queue} == {f"{ids['first']}/1", f"{ids['second']}/1"}
    assert {row["candidates"] for row in queue} == {2}


@scene
def _decided(b: Builder) -> dict[str, str]:
    account, customer = b.known("Decided")
    first, second = (b.deal(account, [sold("44.44")]) for _ in range(2))
    invoice = b.invoice(customer, "44.44")
    b.decide(f"{second}/1", invoice, "confirmed")
    refused = b.deal(account, [sold("33.33")])
    other = b.invoice(customer, "33.33", deal=refused)
    b.decide(refused, other, "rejected")
    return {"first": first, "second": second, "invoice": invoice, "refused": refused,
            "other": other}  # fmt: skip


def test_a_persons_decision_beats_everything(judged: Judged) -> None:
    ids = judged.ids["decided"]
    assert judged.links(ids["invoice"]) == [
        (ids["second"], 1, "manual", "manual", Decimal("44.44"))
    ]
    assert judged.mismatches(deal=ids["first"])[0][0] == "UNBILLED_CLOSED_WON"
    assert judged.links(ids["other"])[0][2] == "rejected"
    assert judged.mismatches(document=ids["other"])[0][0] == "ORPHAN_INVOICE"
    assert judged.mismatches(deal=ids["refused"])[0][0] == "UNBILLED_CLOSED_WON"


@scene
def _one_for_two(b: Builder) -> dict[str, str]:
    account, customer = b.known("One for two")
    first = b.deal(account, [sold("100")], "2026-10-01")
    second = b.deal(account, [sold("250")], "2026-10-05")
    invoice = b.invoice(customer, "350")
    b.decide(first, invoice, "confirmed")
    b.decide(second, invoice, "confirmed")
    return {"first": first, "second": second, "invoice": invoice}


def test_an_invoice_for_two_deals_is_shared_out(judged: Judged) -> None:
    ids = judged.ids["one_for_two"]
    parts = {link[0]: link[4] for link in judged.links(ids["invoice"])}
    assert parts == {ids["first"]: Decimal("100.00"), ids["second"]: Decimal("250.00")}
    assert judged.mismatches(deal=ids["first"]) == judged.mismatches(deal=ids["second"]) == []


@scene
def _date_window(b: Builder) -> dict[str, str]:
    account, customer = b.known("Window")
    deal = b.deal(account, [sold("61")], "2026-10-01")
    return {"deal": deal, "invoice": b.invoice(customer, "61", "2026-11-16")}


def test_outside_the_window_nothing_is_inferred(judged: Judged) -> None:
    ids = judged.ids["date_window"]
    assert judged.links(ids["invoice"]) == []
    assert judged.mismatches(document=ids["invoice"]) == [("ORPHAN_INVOICE", "61.00", [])]


# --- amounts ----------------------------------------------------------------------------------


@scene
def _differences(b: Builder) -> dict[str, str]:
    account, customer = b.known("Differences")
    deals = [b.deal(account, [sold("100")]) for _ in range(4)]
    b.invoice(customer, "80", deal=deals[0])
    b.invoice(customer, "130", deal=deals[1], discount="10")
    b.invoice(customer, "100.01", deal=deals[2])
    b.invoice(customer, "100", deal=deals[3], shipping="12", tax="8")
    return dict(zip(("under", "over", "rounded", "extras"), deals, strict=True))


def test_net_amounts_are_compared(judged: Judged) -> None:
    ids = judged.ids["differences"]
    assert judged.mismatches(deal=ids["under"]) == [("UNDER_BILLED", "20.00", [PRICE])]
    assert judged.mismatches(deal=ids["over"]) == [("OVER_BILLED", "20.00", [PRICE])]
    assert judged.mismatches(deal=ids["rounded"]) == [("SHIPPING_OR_ROUNDING", "0.01", [])]
    assert judged.mismatches(deal=ids["extras"]) == [("SHIPPING_OR_ROUNDING", "12.00", [])]


@scene
def _duplicates(b: Builder) -> dict[str, str]:
    account, customer = b.known("Duplicates")
    split, twice, lesser, settled, twin = (b.deal(account, [sold("100")]) for _ in range(5))
    b.invoice(customer, "60", deal=split)
    b.invoice(customer, "40", "2026-10-26", deal=split)
    b.invoice(customer, "100", deal=twice)
    second = b.invoice(customer, "100", "2026-10-29", deal=twice)
    small = b.invoice(customer, "70", "2026-10-21", deal=lesser)
    b.invoice(customer, "100", "2026-10-27", deal=lesser)
    b.invoice(customer, "100", deal=settled)
    taken_back = b.invoice(customer, "100", "2026-10-28", deal=settled)
    memo = b.credit(customer, "100")
    b.payment(customer, "0", [("Invoice", taken_back, "100"), ("CreditMemo", memo, "100")])
    b.invoice(customer, "100", deal=twin, item="12")
    copy = b.invoice(customer, "100", "2026-10-25", item="12")
    return {"split": split, "twice": twice, "second": second, "lesser": lesser, "small": small,
            "settled": settled, "twin": twin, "copy": copy}  # fmt: skip


def test_duplicates(judged: Judged) -> None:
    ids = judged.ids["duplicates"]
    assert judged.mismatches(deal=ids["split"]) == []
    assert judged.mismatches(deal=ids["twice"]) == [("DUPLICATE_INVOICE", "100.00", [])]
    assert judged.mismatches(document=ids["second"]) == [("DUPLICATE_INVOICE", "100.00", [])]
    assert judged.mismatches(document=ids["small"]) == [("DUPLICATE_INVOICE", "70.00", [])]
    assert judged.mismatches(deal=ids["lesser"]) == [("DUPLICATE_INVOICE", "70.00", [])]
    assert judged.mismatches(deal=ids["settled"]) == []
    assert judged.mismatches(document=ids["copy"]) == [("DUPLICATE_INVOICE", "100.00", [])]
    assert judged.links(ids["copy"])[0][:4] == (ids["twin"], 1, "confirmed", "twin")


@scene
def _credits(b: Builder) -> dict[str, str]:
    account, customer = b.known("Credits")
    named, applied, righted, refunded = (b.deal(account, [sold("100")]) for _ in range(4))
    b.invoice(customer, "100", deal=named)
    b.credit(customer, "25", deal=named)
    invoice = b.invoice(customer, "100", deal=applied)
    memo = b.credit(customer, "30")
    b.payment(customer, "0", [("Invoice", invoice, "30"), ("CreditMemo", memo, "30")])
    b.invoice(customer, "120", deal=righted)
    b.credit(customer, "20", deal=righted)
    b.invoice(customer, "100", deal=refunded)
    b.credit(customer, "10", deal=refunded, kind="RefundReceipt")
    return {"named": named, "applied": applied, "righted": righted, "refunded": refunded}


def test_credits_after_billing(judged: Judged) -> None:
    ids = judged.ids["credits"]
    assert judged.mismatches(deal=ids["named"]) == [("CREDITED_AFTER_BILLING", "25.00", [])]
    assert judged.mismatches(deal=ids["applied"]) == [("CREDITED_AFTER_BILLING", "30.00", [])]
    assert judged.mismatches(deal=ids["righted"]) == []
    assert judged.mismatches(deal=ids["refunded"]) == [("CREDITED_AFTER_BILLING", "10.00", [])]


# --- place ------------------------------------------------------------------------------------


@scene
def _misplaced(b: Builder) -> dict[str, str]:
    account, customer = b.known("Misplaced")
    _, stranger = b.known("Stranger")
    abroad = b.customer("Misplaced", UK, "USD")
    entity, person, money, both = (b.deal(account, [sold("100")]) for _ in range(4))
    branch = b.customer("Misplaced branch", ParentRef={"value": customer}, Job=True)
    at_branch = b.deal(account, [sold("100")])
    b.invoice(abroad, "100", company=UK, deal=entity)
    b.invoice(stranger, "100", deal=person)
    b.invoice(customer, "92", deal=money, currency="EUR")
    b.invoice(stranger, "90", deal=both)
    b.invoice(branch, "100", deal=at_branch)
    return {"entity": entity, "person": person, "money": money, "both": both,
            "at_branch": at_branch}  # fmt: skip


def test_wrong_places_by_precedence(judged: Judged) -> None:
    ids = judged.ids["misplaced"]
    assert judged.mismatches(deal=ids["entity"])[0][:2] == ("WRONG_ENTITY", "100.00")
    assert judged.mismatches(deal=ids["person"]) == [("WRONG_CUSTOMER", "100.00", [])]
    assert judged.mismatches(deal=ids["money"])[0][:2] == ("CURRENCY_MISMATCH", "92.00")
    assert judged.mismatches(deal=ids["both"]) == [
        ("WRONG_CUSTOMER", "90.00", ["UNDER_BILLED", PRICE])
    ]
    assert judged.mismatches(deal=ids["at_branch"]) == []


@scene
def _unlinked_customer(b: Builder) -> dict[str, str]:
    account = b.account("Nobody's customer")
    customer = b.customer("Other name altogether")
    deal = b.deal(account, [sold("100")])
    b.invoice(customer, "100", deal=deal)
    counter_sale = b.invoice(b.customer("Counter sales"), "15")
    return {"deal": deal, "counter_sale": counter_sale}


def test_what_nobody_knows_contradicts_nothing(judged: Judged) -> None:
    ids = judged.ids["unlinked_customer"]
    assert judged.mismatches(deal=ids["deal"]) == []
    assert judged.mismatches(document=ids["counter_sale"]) == [("EXCLUDED", "0.00", [])]


# --- life after the invoice --------------------------------------------------------------------


@scene
def _afterwards(b: Builder) -> dict[str, str]:
    account, customer = b.known("Afterwards")
    lost = b.deal(account, [sold("100")], StageName="Closed Lost")
    offset = b.deal(account, [sold("100")], StageName="Negotiation/Review")
    voided, replaced, deleted, unread, reopened = (b.deal(account, [sold("100")]) for _ in range(5))
    b.invoice(customer, "100", deal=lost)
    b.invoice(customer, "100", deal=offset)
    b.credit(customer, "100", deal=offset)
    b.invoice(customer, "100", note=f"Crossfoot {voided}/1/g1", voided=True)
    b.invoice(customer, "100", deal=replaced, voided=True)
    b.invoice(customer, "100", deal=replaced)
    b.delete(b.invoice(customer, "100", deal=deleted))
    gone = b.invoice(customer, "100")
    b.delete(gone, was_read=False)
    for record in b.salesforce["Opportunity"]:
        if record["Id"] == unread:
            record["QBO_Invoice_Id__c"] = f"{US}:{gone}"  # type: ignore[index]
    first = b.invoice(customer, "100", note=f"Crossfoot {reopened}/1/g1", voided=True)
    b.wrote("invoices", reopened, first, step=1)
    b.wrote("invoices", reopened, "99999", step=1, generation=2)
    return {"lost": lost, "offset": offset, "voided": voided, "replaced": replaced,
            "deleted": deleted, "unread": unread, "reopened": reopened}  # fmt: skip


def test_what_happens_to_an_invoice_afterwards(judged: Judged) -> None:
    ids = judged.ids["afterwards"]
    assert judged.mismatches(deal=ids["lost"]) == [("REOPENED_OR_LOST", "100.00", [])]
    assert judged.mismatches(deal=ids["offset"]) == []
    assert judged.mismatches(deal=ids["replaced"]) == []
    for name, reason in (
        ("voided", "previous_invoice_voided"),
        ("deleted", "previous_invoice_deleted"),
        ("unread", "previous_invoice_deleted"),
    ):
        assert judged.mismatches(deal=ids[name]) == [("VOIDED_AFTER_BILLING", "100.00", [])]
        assert judged.why_blocked(ids[name]) == [reason]


def test_what_was_written_and_not_read_back_is_not_sent_again(judged: Judged) -> None:
    (row,) = judged.planned(judged.ids["afterwards"]["reopened"])
    assert (row["blocked_reason"], row["generation"]) == ("written_not_yet_read", 2)


# --- what is to be written ----------------------------------------------------------------------


@scene
def _blocked(b: Builder) -> dict[str, str]:
    account, _ = b.known("Blocked")
    pounds, _ = b.known("Pounds", UK, "GBP")
    yen = b.account("Yen", CurrencyIsoCode="JPY")
    deals = {
        "before": b.deal(account, [sold("10")], "2026-09-30"),
        "no_lines": b.deal(account, [], Amount=Decimal("77.00")),
        "unmapped": b.deal(account, [sold("10", "UNMAPPED")]),
        "negative": b.deal(account, [sold("-10")]),
        "unknown_plan": b.deal(account, [sold("10")], Billing_Plan__c="Whenever"),
        "euros": b.deal(pounds, [sold("10")], CurrencyIsoCode="EUR"),
        "not_routed": b.deal(yen, [sold("10")], CurrencyIsoCode="JPY"),
    }
    b.account("Reseller", Type="Partner - Reseller")
    return deals


def test_every_reason_not_to_send(judged: Judged) -> None:
    ids = judged.ids["blocked"]
    reasons = {name: judged.why_blocked(deal)[0] for name, deal in ids.items()}
    assert reasons == {
        "before": "before_go_live",
        "no_lines": "deal_without_lines",
        "unmapped": "product_not_mapped",
        "negative": "negative_amount",
        "unknown_plan": "billing_plan_unknown",
        "euros": "wrong_customer_currency",
        "not_routed": "company_not_routed",
    }
    assert all(judged.planned(deal)[0]["blocked_detail"] for deal in ids.values())


@scene
def _roles(b: Builder) -> dict[str, str]:
    def also(account: str, name: str, role: str = "", applies_to: str = "", **known: Any) -> str:
        customer = b.customer(name, **known)
        b.link(account, customer, role=role, applies_to=applies_to)
        return customer

    ids = {}
    two, _ = b.known("Two Customers")
    also(two, "Two Customers West")
    ids["unclear"] = b.deal(two, [sold("10")])
    declared, _ = b.known("Declared")
    ids["declared to"] = also(declared, "Declared Payments", "billing")
    ids["declared"] = b.deal(declared, [sold("10")])
    shipped = b.account("Shipped To")
    also(shipped, "Shipped To Warehouse", "shipping")
    ids["missing"] = b.deal(shipped, [sold("10")])
    jobs, ids["account's own"] = b.known("Jobs")
    ids["project"], ids["other"] = (b.deal(jobs, [sold("10")]) for _ in range(2))
    ids["project to"] = also(jobs, "Jobs: Bridge", "project", ids["project"])
    ids["twice"] = b.deal(jobs, [sold("10")])
    for name in ("Jobs: Tunnel A", "Jobs: Tunnel B"):
        also(jobs, name, "project", ids["twice"])
    ids["closed"] = b.deal(jobs, [sold("10")])
    also(jobs, "Jobs: Closed", "project", ids["closed"], Active=False)
    regions, ids["regions' own"] = b.known("Regions")
    ids["north to"] = also(regions, "Regions North", "region", "North")
    ids["north"] = b.deal(regions, [sold("10")], Billing_Region__c="north")
    ids["elsewhere"] = b.deal(regions, [sold("10")], Billing_Region__c="South")
    return ids


def test_an_invoice_goes_to_the_one_customer_of_its_role(judged: Judged) -> None:
    ids = judged.ids["roles"]
    routed = {
        name: (row["customer_id"], row["blocked_reason"])
        for name, deal in ids.items()
        if deal.startswith("006")
        for row in judged.planned(deal)
    }
    assert {name: to for name, (to, reason) in routed.items() if reason is None} == {
        "declared": ids["declared to"],
        "project": ids["project to"],
        "other": ids["account's own"],
        "north": ids["north to"],
        "elsewhere": ids["regions' own"],
    }
    assert {name: reason for name, (_, reason) in routed.items() if reason} == {
        "unclear": "customer_role_unclear",
        "missing": "customer_role_missing",
        "twice": "customer_role_unclear",
        "closed": "customer_inactive",
    }
    (row,) = judged.planned(ids["unclear"])
    assert row["blocked_detail"] == (
        "The account has 2 customers (Two Customers; Two Customers West); "
        "declare one of them for billing"
    )


def test_a_role_alone_makes_no_new_customer(judged: Judged) -> None:
    made = read(judged.path, "select display_name from sync.sync_customers where action='create'")
    assert not {"Shipped To", "Jobs", "Two Customers"} & {row["display_name"] for row in made}


@scene
def _new_customers(b: Builder) -> dict[str, str]:
    b.customer("Taken: by a customer (not really)")
    b._list(US, "Vendor", Id="900", DisplayName="NEW FIRM LTD", Active=False)
    b._list(US, "Employee", Id="901", DisplayName="New Firm Ltd (2)", Active=True)
    first = b.account("New Firm Ltd")
    second = b.account("new firm ltd")
    colon = b.account("North: West\tLab")
    for account in (first, second, colon):
        b.deal(account, [sold("10")])
    waiting = b.account("Nothing to send")
    b.deal(waiting, [sold("10", "UNMAPPED")])
    made = b.account("Made by us")
    b.deal(made, [sold("10")])
    b.wrote("customers", made, "777")
    taken_back = b.account("Taken back")
    b.wrote("customers", taken_back, b.customer("Nobody else (deleted)", Active=False))
    return {
        "first": first, "second": second, "colon": colon, "waiting": waiting, "made": made,
        "taken back": taken_back, "its deal": b.deal(taken_back, [sold("10")]),
    }  # fmt: skip


def test_new_customers_get_free_names(judged: Judged) -> None:
    ids = judged.ids["new_customers"]
    rows = read(judged.path, "select * from sync.sync_customers where action = 'create'")
    names = {row["account_id"]: row["display_name"] for row in rows}
    assert names[ids["first"]] == "New Firm Ltd (3)"
    assert names[ids["second"]].lower() == "new firm ltd (4)"
    assert names[ids["colon"]] == "North - West Lab"
    assert ids["waiting"] not in names
    assert ids["made"] not in names
    by_account = {row["account_id"]: row for row in rows}
    (invoice,) = read(
        judged.path, f"select * from sync.sync_invoices where account_id = '{ids['first']}'"
    )
    assert invoice["customer_change_key"] == by_account[ids["first"]]["change_key"]
    assert invoice["blocked_reason"] is None
    (written,) = read(
        judged.path, f"select * from sync.sync_invoices where account_id = '{ids['made']}'"
    )
    assert (written["customer_id"], written["blocked_reason"]) == ("777", None)


def test_a_customer_of_ours_that_was_taken_back_is_billed_no_more(judged: Judged) -> None:
    ids = judged.ids["new_customers"]
    made = read(judged.path, "select account_id from sync.sync_customers where action = 'create'")
    assert {"account_id": ids["taken back"]} not in made
    (row,) = judged.planned(ids["its deal"])
    assert row["blocked_reason"] == "customer_inactive"
    assert row["blocked_detail"] == "Nobody else (deleted) is not active any more"


@scene
def _owned_fields(b: Builder) -> dict[str, str]:
    def pair(name: str, phone: str, theirs: str, mail: str) -> str:
        customer = b.customer(
            name,
            PrimaryPhone={"FreeFormNumber": theirs},
            PrimaryEmailAddr={"Address": "bills@firm.example"},
        )
        account = b.account(name, (US, customer), Phone=phone)
        b.salesforce["Contact"].append(
            {
                "Id": f"003{account[3:]}",
                "AccountId": account,
                "LastName": "Payable",
                "Email": mail,
                "Billing_Contact__c": True,
            }
        )
        return account

    return {
        "same": pair("Same", "(503) 555-0101", "+1 503.555.0101", "Bills@Firm.example"),
        "phone": pair("Phone", "(503) 555-0102", "503-555-0199", "bills@firm.example"),
        "mail": pair("Mail", "", "503-555-0103", "accounts@firm.example"),
    }


def test_owned_fields_are_corrected_and_ways_of_writing_are_not(judged: Judged) -> None:
    ids = judged.ids["owned_fields"]
    rows = read(judged.path, "select * from sync.sync_customers where action = 'update'")
    by_account = {row["account_id"]: row for row in rows}
    assert ids["same"] not in by_account
    assert by_account[ids["phone"]]["current_phone"] == "503-555-0199"
    mail = by_account[ids["mail"]]
    assert (mail["email"], mail["current_email"]) == ("accounts@firm.example", "bills@firm.example")
    assert (mail["sync_token"], mail["blocked_reason"]) == (0, None)


@scene
def _marks(b: Builder) -> dict[str, str]:
    account, _ = b.known("Marks")
    deal = b.deal(account, [Sold(Decimal(3), Decimal("33.333333"))], "2026-10-02",
                  Billing_Plan__c="Deposit 30/70", PO_Number__c="PO-77")  # fmt: skip
    return {"deal": deal}


def test_each_step_carries_its_own_mark(judged: Judged) -> None:
    deal = judged.ids["marks"]["deal"]
    first, second = judged.planned(deal)
    assert (first["amount"], second["amount"]) == (Decimal("30.00"), Decimal("70.00"))
    assert first["mark"] == f"Crossfoot {deal}/1/g1"
    assert second["private_note"].splitlines()[0] == f"Crossfoot {deal}/2/g1"
    assert (first["po_number"], first["term_id"], first["blocked_reason"]) == ("PO-77", "3", None)


@scene
def _statuses(b: Builder) -> dict[str, str]:
    account, customer = b.known("Statuses")
    deal = b.deal(account, [sold("100")], "2026-09-01", Billing_Plan__c="Deposit 30/70")
    first = b.invoice(customer, "30", "2026-09-02", deal=f"{deal}/1", balance="0")
    b.payment(customer, "30", [("Invoice", first, "30")], "2026-09-20")
    second = b.invoice(customer, "70", "2026-10-02", deal=f"{deal}/2", balance="20")
    b.credit(customer, "9.50", remaining="4.25")
    b.payment(customer, "3.00", [], "2026-09-19", unapplied="1.50")
    return {"account": account, "customer": customer, "deal": deal, "second": second}


def test_the_deal_shows_the_latest_invoice_and_the_worst_status(judged: Judged) -> None:
    ids = judged.ids["statuses"]
    (row,) = read(
        judged.path, f"select * from sync.sync_deal_status where deal_id = '{ids['deal']}'"
    )
    assert row["invoice_key"] == f"{US}:{ids['second']}"
    assert (row["invoice_status"], row["amount_paid"], row["amount_due"]) == (
        "Overdue", Decimal("80.00"), Decimal("20.00"),
    )  # fmt: skip
    assert (row["paid_on"], row["is_changed"], row["blocked_reason"]) == (None, True, None)


@scene
def _settled(b: Builder) -> dict[str, str]:
    account, customer = b.known("Settled")
    b.bad_debt_item("19")
    deal = b.deal(account, [sold("100")], "2026-09-01")
    off = b.invoice(customer, "100", "2026-09-02", deal=f"{deal}/1", balance="0")
    memo = b.credit(customer, "60", item="19")
    b.payment(customer, "40", [("Invoice", off, "40")], "2026-10-01")
    b.payment(customer, "0", [("Invoice", off, "60"), ("CreditMemo", memo, "60")], "2026-10-20")
    _, customer = b.known("Settled in one")
    mixed = b.invoice(customer, "100", "2026-09-02", balance="0")
    late = b.invoice(customer, "50", "2026-09-02", balance="0")
    given, bad = b.credit(customer, "70"), b.credit(customer, "40", item="19")
    b.payment(
        customer, "40",
        [("Invoice", mixed, "100"), ("Invoice", late, "50"), ("CreditMemo", given, "70"),
         ("CreditMemo", bad, "40")],
    )  # fmt: skip
    return {"deal": deal, "off": off, "mixed": mixed, "late": late}


def test_what_settled_an_invoice_is_told_from_linked_transactions(judged: Judged) -> None:
    """Of 150.00 in one payment 70.00 are credit, then 40.00 written off, then 40.00 money."""
    ids = judged.ids["settled"]
    found = {
        r["invoice_id"]: (
            r["invoice_status"], r["paid_amount"], r["credited_amount"], r["written_off_amount"],
            r["settled_otherwise"],
        )
        for r in read(judged.path, "select * from reconciliation.invoice_status")
    }  # fmt: skip
    amounts = {name: tuple(map(str, found[ids[name]])) for name in ("off", "mixed", "late")}
    assert amounts == {
        "off": ("Written Off", "40.00", "0.00", "60.00", "0.00"),
        "mixed": ("Written Off", "0.00", "70.00", "30.00", "0.00"),
        "late": ("Written Off", "40.00", "0.00", "10.00", "0.00"),
    }
    (row,) = read(
        judged.path, f"select * from sync.sync_deal_status where deal_id = '{ids['deal']}'"
    )
    assert (row["invoice_status"], row["amount_paid"]) == ("Written Off", Decimal("40.00"))


def test_each_flow_that_updates_knows_how_many_records_it_looks_after(judged: Judged) -> None:
    """Each is at least what the flow's own mart names, and nobody's records are none."""
    rows = read(judged.path, "select * from sync.sync_flow_records")
    found = {r["flow"]: r["record_count"] for r in rows}
    assert found.keys() == set(registry.NAMES) - {"invoices", "invoice_mails", "undo"}
    (deal,) = read(judged.path, "select count(*) as n from sync.sync_deal_status")
    assert found["deal_status"] == deal["n"] > 0
    assert min(found["customers"], found["products"], found["estimates"], found["overdue"]) > 0


def test_the_account_shows_what_is_open(judged: Judged) -> None:
    ids = judged.ids["statuses"]
    (row,) = read(
        judged.path, f"select * from sync.sync_account_status where account_id = '{ids['account']}'"
    )
    assert (row["open_balance"], row["overdue_balance"]) == (Decimal("20.00"), Decimal("20.00"))
    # 4.25 of a credit memo and 1.50 of a payment are left, and are not taken off what is open.
    assert row["open_credit"] == Decimal("5.75")
    assert (str(row["oldest_due_on"]), str(row["last_payment_on"])) == ("2026-10-02", "2026-09-20")


def test_each_invoice_has_a_record_where_the_org_keeps_them(judged: Judged, tmp_path: Path) -> None:
    """One that is not there is made, one that is there is corrected; empty where it is off."""
    ids = judged.ids["statuses"]
    assert read(judged.path, "select * from sync.sync_invoice_records") == []
    path = tmp_path / "warehouse.duckdb"
    copyfile(judged.path, path)
    with warehouse.writer(path) as connection:
        connection.execute(
            "create table raw_salesforce.qbo_invoice__c as select org_id, 'a01' as id,"
            " 'As before' as name, ? as qbo_key__c, 70.00::decimal(18, 2) as qbo_total__c,"
            " 'Overdue' as qbo_status__c, false as is_deleted"
            " from raw_salesforce.opportunity where id = ?",
            [f"{US}:{ids['second']}", ids["deal"]],
        )
    transform.require_passed(
        transform.build(
            PROJECT, path, command="run", variables={"invoice_object": "on"},
            select=["stg_salesforce__invoice_records", "sync_invoice_records"],
        )
    )  # fmt: skip
    rows = {r["invoice_id"]: r for r in read(path, "select * from sync.sync_invoice_records")}
    there = rows[ids["second"]]
    assert (there["record_id"], there["current_invoice_number"]) == ("a01", "As before")
    assert (there["total_amount"], there["balance"], there["current_balance"]) == (
        Decimal("70.00"), Decimal("20.00"), None,
    )  # fmt: skip
    assert (there["deal_id"], there["account_id"]) == (ids["deal"], ids["account"])
    assert (there["invoice_status"], there["conflict_fields"]) == ("Overdue", None)
    marts = {"sync_deal_status": [], invoice_records.MART: list(rows.values())}
    planned = {c.record_id: c for c in deal_status.FLOW.changes(marts, Facts())}
    assert len(planned) == len(rows) > 20
    change = planned[f"{US}-{ids['second']}"]
    assert isinstance(change, Change) and change.action == "update"
    assert "total_amount" not in {f.name for f in change.fields}
    made = next(c for c in planned.values() if isinstance(c, Change) and c.action == "create")
    assert made.remote_id is None and '"QBO_Key__c"' in made.payload
    # Written, and read again as the extraction loads them: nothing is asked for any more.
    with warehouse.writer(path) as connection:
        _load_records(connection, [c for c in planned.values() if isinstance(c, Change)])
    transform.require_passed(
        transform.build(
            PROJECT, path, command="run", variables={"invoice_object": "on"},
            select=["stg_salesforce__invoice_records", "sync_invoice_records"],
        )
    )  # fmt: skip
    again = read(path, "select * from sync.sync_invoice_records")
    assert len(again) == len(rows)
    marts = {"sync_deal_status": [], invoice_records.MART: again}
    assert list(deal_status.FLOW.changes(marts, Facts())) == []


def _load_records(connection: Any, written: list[Change]) -> None:
    """The records as Salesforce has them after these writes, in the columns of a real load."""
    columns = dict.fromkeys(
        ("Name", "QBO_Key__c", "QBO_Currency__c", "QBO_Status__c", "QBO_Deal__c", "QBO_Account__c"),
        "varchar",
    )
    columns |= dict.fromkeys(("QBO_Total__c", "QBO_Balance__c"), "decimal(18, 2)")
    columns |= dict.fromkeys(
        ("QBO_Invoice_Date__c", "QBO_Due_Date__c", "QBO_Last_Payment_Date__c"), "date"
    )
    held = connection.execute("select * from raw_salesforce.qbo_invoice__c").fetchone()
    connection.execute(
        "create or replace table raw_salesforce.qbo_invoice__c (org_id varchar, id varchar, "
        f"is_deleted boolean, {', '.join(f'{n.lower()} {t}' for n, t in columns.items())})"
    )
    for number, change in enumerate(written):
        body = from_json(change.payload)
        # What was there and is as it should be is not sent.
        old = {"Name": held[2], "QBO_Total__c": held[4], "QBO_Status__c": held[5]}
        values = {**(old if change.action == "update" else {}), **body}
        row = [ORG, change.remote_id or f"a0{number + 2}", False, *(values.get(n) for n in columns)]
        marks = ", ".join("?" for _ in row)
        connection.execute(f"insert into raw_salesforce.qbo_invoice__c values ({marks})", row)


# --- estimates --------------------------------------------------------------------------------


def value_print(amount: str, *lines: str) -> str:
    """What an opportunity's version says of its value: `product|quantity|amount` for each line."""
    printed = md5("/".join(sorted(lines)).encode()).hexdigest()
    return md5(f"{amount}|USD|{printed}".encode()).hexdigest()[:16]


@scene
def _offers(b: Builder) -> dict[str, str]:
    account, customer = b.known("Offers")
    b.price()
    product = f"01t{'P1':0>12}AAA"
    offer: dict[str, Any] = {"state": "Pending", "on": "2026-11-02"}
    ids = {
        "new": b.estimate(customer, "101", discount="10.50", **offer),
        "old": b.estimate(customer, "102", state="Pending", on="2026-09-30"),
        "unpriced": b.estimate(customer, "103", item="12", **offer),
        "named": b.estimate(customer, "104", deal=b.deal(account, [sold("104")]), **offer),
        "alike": b.estimate(customer, "105", **offer),
        "accepted": b.estimate(customer, "106", state="Accepted", on="2026-11-02"),
        "refused": b.estimate(customer, "107", state="Rejected", on="2026-11-02"),
        "invoiced": b.estimate(customer, "108", on="2026-11-02"),
        "stranger": b.estimate(b.customer("Nobody's"), "109", **offer),
    }
    ids["invoice"] = b.invoice(customer, "108", "2026-11-05", estimate=ids["invoiced"])
    b.deal(account, [sold("105")], "2026-11-10", StageName="Prospecting")
    made = {"still": "110", "dearer": "111", "edited": "112", "both": "113", "lost": "114"}
    for name, amount in made.items():
        ids[name] = b.estimate(customer, amount, **offer)
        shown = {"dearer": "100", "edited": "100", "both": "99"}.get(name, amount)
        written = {"dearer": "100", "both": "100"}.get(name, amount)
        printed = value_print(f"{written}.00", f"{product}|1.00|{written}.00")
        b.deal(
            account, [sold(shown)], "2026-12-31", QBO_Estimate_Id__c=f"{US}:{ids[name]}",
            QBO_Estimate_Version__c=f"{printed}-earlier",
            StageName="Closed Lost" if name == "lost" else "Prospecting",
        )  # fmt: skip
    return ids


def test_what_becomes_of_each_estimate(judged: Judged) -> None:
    ids = judged.ids["offers"]
    found = {r["estimate_id"]: r for r in read(judged.path, "select * from sync.sync_estimates")}

    def said(name: str) -> tuple[str, str | None]:
        row = found[ids[name]]
        return row["action"], row["blocked_reason"] or row["none_because"]

    assert {name: said(name) for name in ids if name != "invoice"} == {
        "new": ("create", None),
        "old": ("create", "before_go_live"),
        "unpriced": ("create", "no_price_book"),
        "named": ("none", "deal_named"),
        "alike": ("create", "deal_may_exist"),
        "accepted": ("create", None),
        "refused": ("create", None),
        "invoiced": ("create", None),
        "stranger": ("create", "account_not_matched"),
        "still": ("update", None),
        "dearer": ("update", None),
        "edited": ("update", "edited_in_salesforce"),
        "both": ("update", "edited_in_both"),
        "lost": ("update", "stage_decided_in_salesforce"),
    }
    stages = ("new", "accepted", "refused", "invoiced")
    assert [found[ids[name]]["stage_name"] for name in stages] == [
        "Proposal/Price Quote", "Closed Won", "Closed Lost", "Closed Won",
    ]  # fmt: skip
    assert [str(found[ids[n]]["closes_on"]) for n in ("new", "invoiced")] == [
        "2026-12-31", "2026-11-05",
    ]  # fmt: skip
    assert found[ids["new"]]["amount"] == Decimal("90.50")
    written = read(judged.path, "select estimate_id, amount from sync.sync_estimate_lines")
    assert {r["estimate_id"] for r in written} & {ids["still"], ids["dearer"]} == {ids["dearer"]}
    assert [r["amount"] for r in written if r["estimate_id"] == ids["new"]] == [Decimal("90.50")]


@scene
def _estimate_to_invoice(b: Builder) -> dict[str, str]:
    account, customer = b.known("Estimate to invoice")
    ids = {}
    for name, amount in {"open": "201", "billed": "202", "elsewhere": "203"}.items():
        state = "Accepted" if name == "open" else "Closed"
        ids[name] = b.estimate(customer, amount, state=state, on="2026-11-02")
        ids[f"{name}_deal"] = b.deal(
            account, [sold(amount)], "2026-11-10", QBO_Estimate_Id__c=f"{US}:{ids[name]}"
        )
    ids["invoice"] = b.invoice(customer, "202", "2026-11-12", estimate=ids["billed"])
    other = b.deal(account, [sold("203")], "2026-11-10")
    b.invoice(customer, "203", "2026-11-12", deal=f"{other}/1", estimate=ids["elsewhere"])
    return ids


def test_a_deal_made_from_an_estimate_is_billed_once(judged: Judged) -> None:
    ids = judged.ids["estimate_to_invoice"]
    assert judged.links(ids["invoice"]) == [
        (ids["billed_deal"], 1, "confirmed", "estimate", Decimal("202.00"))
    ]
    assert judged.planned(ids["billed_deal"]) == []
    # What Crossfoot bills closes the estimate; a person's invoice under another deal's name waits.
    (due,) = judged.planned(ids["open_deal"])
    assert (due["blocked_reason"], due["estimate_id"]) == (None, ids["open"])
    assert judged.why_blocked(ids["elsewhere_deal"]) == ["estimate_already_invoiced"]


# --- overdue ----------------------------------------------------------------------------------


@scene
def _overdue(b: Builder) -> dict[str, str]:
    account, customer = b.known("Overdue", email="ap@overdue.example")
    # A task as Salesforce holds it, and what its owner says of it.
    said: dict[str, dict[str, Any]] = {
        "new": {},
        "late": {"Priority": "Normal"},
        "high": {"Priority": "High"},
        "disputed": {"Status": "Waiting on someone else"},
        "promised": {"Status": "Deferred", "ActivityDate": "2026-11-20"},
        "broken": {"Status": "Deferred", "ActivityDate": "2026-11-19"},
        "handled": {"Status": "Completed", "IsClosed": True},
        "deleted": {"IsDeleted": True},
        "paid": {},
        "paid_and_done": {"Status": "Completed", "IsClosed": True},
        "small": {},
        "fresh": {},
    }
    ids = {"account": account}
    for name, task in said.items():
        balance = {"paid": "0", "paid_and_done": "0", "small": "0.99"}.get(name, "150")
        on = {"new": "2026-11-19", "fresh": "2026-11-20"}.get(name, "2026-10-11")
        ids[name] = b.invoice(customer, "150", on, balance=balance)
        if task or name == "paid":
            b.task(account, f"Crossfoot overdue {US}-{ids[name]}\nwords", **task)
    ids["unknown"] = b.invoice(b.customer("Overdue stranger"), "150", "2026-10-11")
    return ids


def test_each_overdue_invoice_is_in_one_state(judged: Judged) -> None:
    ids = judged.ids["overdue"]
    states = {
        r["invoice_id"]: (r["state"], r["step"])
        for r in read(judged.path, "select * from intermediate.int_overdue__states")
    }
    assert {name: states.get(ids[name]) for name in ids if name != "account"} == {
        "new": ("chased", 1),
        "late": ("chased", 3),
        "high": ("chased", 3),
        "disputed": ("disputed", 3),
        "promised": ("promised", 3),
        "broken": ("chased", 3),
        "handled": ("handled", 3),
        "deleted": ("handled", 3),
        "paid": ("settled", None),
        "paid_and_done": ("settled", None),
        "small": ("small", 3),
        "fresh": None,
        "unknown": ("chased", 3),
    }
    (flag,) = read(
        judged.path, f"select * from sync.sync_account_status where account_id = '{ids['account']}'"
    )
    assert flag["is_overdue"]


def test_what_is_done_about_each_overdue_invoice(judged: Judged) -> None:
    ids = judged.ids["overdue"]
    acts = {
        r["invoice_id"]: (r["act"], r["wanted_task_status"], r["wanted_priority"])
        for r in read(judged.path, "select * from sync.sync_overdue")
    }
    assert {name: acts[ids[name]] for name in ids if ids[name] in acts} == {
        "new": ("open_task", "Not Started", "Normal"),
        "late": ("move_task", None, "High"),
        "broken": ("move_task", "In Progress", "High"),
        "paid": ("close_task", "Completed", None),
        "unknown": ("open_task", "Not Started", "High"),
    }
    (unknown,) = read(
        judged.path, f"select * from sync.sync_overdue where invoice_id = '{ids['unknown']}'"
    )
    assert unknown["blocked_reason"] == "account_not_matched"
    (new,) = read(judged.path, f"select * from sync.sync_overdue where invoice_id = '{ids['new']}'")
    assert new["body"].splitlines()[0] == f"Crossfoot overdue {US}-{ids['new']}"
    # A Friday and two working days: the Tuesday after.
    assert str(new["task_due_on"]) == "2026-11-24"


@pytest.mark.parametrize(
    ("variables", "mailed"),
    [
        ({}, {"late": (3, None), "high": (2, None), "unknown": (2, "account_not_matched")}),
        ({"overdue_time_zone": "Asia/Tokyo"}, {"high": (2, "quiet_hours")}),
        ({"overdue_mail_every_days": "30"}, {"late": None}),
    ],
)
def test_reminders_one_a_step_in_working_hours(
    judged: Judged, tmp_path: Path, variables: dict[str, str], mailed: dict[str, Any]
) -> None:
    """Step 2 of one invoice was mailed nine days ago; the ledger says so."""
    ids = judged.ids["overdue"]
    path = tmp_path / "warehouse.duckdb"
    copyfile(judged.path, path)
    with warehouse.writer(path) as connection:
        connection.execute(
            "insert into raw_state.ledger by name select 'overdue' as flow, 'EmailMessage' as"
            " entity, 'done' as status, 'create' as action, ? as record_id, 2 as plan_step,"
            " timestamptz '2026-11-11 10:00:00Z' as intended_at",
            [f"{US}-{ids['late']}"],
        )
    transform.require_passed(
        transform.build(
            PROJECT, path, command="run", select=["int_overdue__states", "sync_overdue"],
            variables={"overdue_mail": "salesforce", **variables},
        )
    )  # fmt: skip
    rows = read(path, "select * from sync.sync_overdue where act = 'send_mail'")
    found = {r["invoice_id"]: (r["plan_step"], r["blocked_reason"]) for r in rows}
    assert {name: found.get(ids[name]) for name in mailed} == mailed
    assert not {ids[n] for n in ("disputed", "promised", "handled", "paid", "new")} & found.keys()


# --- receivables ------------------------------------------------------------------------------


def test_receivables_are_those_of_the_report_or_the_verdict_says_who_differs(
    judged: Judged,
) -> None:
    customer = judged.ids["statuses"]["customer"]
    rows = read(
        judged.path,
        "select * from reconciliation.ar_reconciliation order by company_id, bucket_number",
    )
    us, uk = rows[:5], rows[5:]
    assert [r["difference"] for r in us] == [Decimal("-0.01"), *[Decimal(0)] * 4]
    assert [r["difference"] for r in uk] == [Decimal(0)] * 5
    assert sum(r["reported_amount"] for r in us) > 0 < sum(r["reported_amount"] for r in uk)
    assert {r["is_reconciled"] for r in us} == {False} and {r["is_reconciled"] for r in uk} == {
        True
    }
    verdicts = {
        r["source_id"]: (r["verdict"], r["reason"])
        for r in read(judged.path, "select * from reconciliation.data_verdict")
    }
    assert verdicts[UK][0] == "concluded"
    assert verdicts[US][0] == "differs"
    assert (
        "Receivables differ from QuickBooks' own report of 2026-11-20: "
        f"customer {customer}. See reconciliation.ar_reconciliation"
    ) in verdicts[US][1]


def test_invoices_are_those_of_the_list_or_the_verdict_says_which_differ(judged: Judged) -> None:
    rows = read(judged.path, "select * from reconciliation.invoiced_reconciliation")
    wrong = [r for r in rows if not r["is_reconciled"]]
    assert {r["company_id"] for r in rows} == {US, UK}
    assert {r["company_id"] for r in wrong} == {US}
    assert sum(r["difference"] for r in wrong) == Decimal("-0.01")
    assert sum(r["reported_amount"] for r in rows if r["company_id"] == UK) > 0
    (reason,) = read(
        judged.path, f"select reason from reconciliation.data_verdict where source_id = '{US}'"
    )
    assert (
        "Invoices differ from QuickBooks' own list of 2026-06-01 to 2026-11-20: invoice D"
    ) in reason["reason"]
    assert "See reconciliation.invoiced_reconciliation" in reason["reason"]


# --- what is written: products, prices, customers ---------------------------------------------


@scene
def _products(b: Builder) -> dict[str, str]:
    standard = b.price_book("Standard Price Book", is_standard=True)
    named = b.price_book("Research and Education 2025")
    b._list(US, "Account", Id="80", Name="Services", AccountType="Income", Active=True)
    ids = {
        "priced": b.product("PRICED", {standard: "90", named: "80"}),
        "rounded": b.product("ROUNDED", {standard: "6.665"}),
        "unpriced": b.product("UNPRICED", {}),
        "bundled": b.product("BUNDLED", {standard: "150"}),
        "typed over": b.product("TYPEDOVER", {standard: "45"}),
        "typed over first": b.product("TYPEDFIRST", {standard: "75"}),
        "behind": b.product("BEHIND", {standard: "70"}),
        "new": b.product("NEW", {standard: "30"}, "Services"),
        "new of no rule": b.product("NEWSOFT", {standard: "30"}, "Software"),
        "named like another": b.product("TAKEN", {standard: "30"}, "Services"),
        "named like a likely one": b.product("Pump Blue", {standard: "30"}, "Services"),
        "without account": b.product("NOACCOUNT", {standard: "30"}, "Sensors"),
    }
    part = b.item("PRICED", "100")
    components = [{"ItemRef": {"value": part}, "Qty": Decimal(2)}]
    b.item("ROUNDED", "6.67")
    b.item("UNPRICED", "20")
    b.item("BUNDLED", Type="Group", ItemGroupDetail={"ItemGroupLine": components})
    b.item("TYPEDOVER", "50")
    b.item("TYPEDFIRST", "80")
    behind = b.item("BEHIND", "85")
    b.item("TAKEN", Active=False)
    b.item("Blue Pump")
    b.sent("prices", ORG, f"{ids['typed over']}{standard}USD", '{"UnitPrice":50}')
    entry = {e["Product2Id"]: e["Id"] for e in b.salesforce["PricebookEntry"]}
    for name, first in (("typed over first", "70"), ("behind", "65")):
        version = {"id": entry[ids[name]], "unit_price": Decimal(first)}
        known = {"known_from": "2026-10-01T00:00:00Z"}
        b.versions["history_salesforce", "pricebook_entry"].append(version | known)
    b.versions["history_quickbooks", "item"].append(
        {"company_id": US, "id": behind, "payload": '{"UnitPrice":70}', **known}
    )
    return ids | {"standard": standard, "named": named}


def test_prices_follow_quickbooks_into_the_books_that_a_rule_names(judged: Judged) -> None:
    ids = judged.ids["products"]
    found = {
        (r["product_id"], r["pricebook_id"]): (r["action"], r["unit_price"])
        for r in read(
            judged.path,
            "select * from sync.sync_prices where blocked_reason is null and currency_code = 'USD'",
        )
    }
    standard, named = ids["standard"], ids["named"]
    assert found == {
        (ids["priced"], standard): ("update", Decimal(100)),
        (ids["priced"], named): ("update", Decimal(90)),
        (ids["unpriced"], standard): ("create", Decimal(20)),
        (ids["bundled"], standard): ("update", Decimal(200)),
        (ids["behind"], standard): ("update", Decimal(85)),
    }


def test_a_price_that_a_person_set_is_a_conflict(judged: Judged) -> None:
    ids = judged.ids["products"]
    blocked = {
        r["product_id"]: (r["blocked_reason"], r["blocked_detail"])
        for r in read(judged.path, "select * from sync.sync_prices where product_id != ''")
        if r["blocked_reason"]
    }
    assert blocked == {
        ids["typed over"]: (
            "changed_by_hand",
            "a person set unit_price to 45.0000000, QuickBooks says 50.0000000",
        ),
        ids["typed over first"]: (
            "changed_by_hand",
            "a person set unit_price to 75.0000000, QuickBooks says 80.0000000",
        ),
    }


def test_a_rule_for_a_price_book_that_is_not_there_says_so(judged: Judged) -> None:
    (row,) = read(judged.path, "select * from sync.sync_prices where product_id = ''")
    assert (row["price_book_name"], row["blocked_reason"]) == (
        "Distribution 2025", "price_book_missing",
    )  # fmt: skip


def test_new_products_become_items_or_say_why_not(judged: Judged) -> None:
    ids = judged.ids["products"]
    found = {
        r["product_id"]: r["blocked_reason"] or (r["item_name"], r["sku"], r["income_account_id"])
        for r in read(judged.path, "select * from sync.sync_products where action = 'create'")
    }
    assert found == {
        ids["new"]: ("NEW", "NEW", "80"),
        ids["new of no rule"]: "item_rule_missing",
        ids["named like another"]: "item_name_taken",
        ids["named like a likely one"]: "product_in_review",
        ids["without account"]: "income_account_missing",
    }


@scene
def _customers_to_write(b: Builder) -> dict[str, str]:
    parent, parent_customer = b.known("Mother Works")
    child = b.account("Daughter Works", ParentId=parent, Payment_Terms__c="Net 30")
    b.deal(child, [sold("10.00")])
    grandchild = b.account("Granddaughter Works", ParentId=child)
    b.deal(grandchild, [sold("10.00")])
    slow = b.account("Slow Payers", Payment_Terms__c="Net 99")
    b.deal(slow, [sold("10.00")])
    typed = b.customer(
        "Typed Over", PrimaryEmailAddr={"Address": "typed@example.com"},
        ShipAddr={"Line1": "1 Old Dock"},
    )  # fmt: skip
    account = b.account("Typed Over", (US, typed), ShippingStreet="2 New Dock")
    b.salesforce["Contact"].append(
        {
            "Id": b._id("003"), "AccountId": account, "Email": "bills@example.com",
            "Billing_Contact__c": True, "IsDeleted": False,
        }
    )  # fmt: skip
    b.sent("customers", US, account, '{"PrimaryEmailAddr":{"Address":"before@example.com"}}')
    return {
        "parent": parent_customer, "child": child, "grandchild": grandchild, "slow": slow,
        "typed": account,
    }  # fmt: skip


def test_a_new_customer_gets_parent_and_terms(judged: Judged) -> None:
    ids = judged.ids["customers_to_write"]
    found = {r["account_id"]: r for r in read(judged.path, "select * from sync.sync_customers")}
    child, grandchild = found[ids["child"]], found[ids["grandchild"]]
    assert (child["parent_customer_id"], child["term_id"]) == (ids["parent"], "3")
    assert (grandchild["parent_customer_id"], grandchild["parent_change_key"]) == (
        None, child["change_key"],
    )  # fmt: skip
    assert found[ids["slow"]]["blocked_reason"] == "term_unknown"
    assert "seeds/terms.csv" in found[ids["slow"]]["blocked_detail"]


def test_a_field_of_a_customer_that_a_person_changed_is_a_conflict(judged: Judged) -> None:
    account = judged.ids["customers_to_write"]["typed"]
    (row,) = read(judged.path, f"select * from sync.sync_customers where account_id = '{account}'")
    assert (row["conflict_fields"], row["email"], row["current_email"]) == (
        "email", "bills@example.com", "typed@example.com",
    )  # fmt: skip
    assert (row["shipping_line1"], row["current_shipping_line1"]) == ("2 New Dock", "1 Old Dock")
