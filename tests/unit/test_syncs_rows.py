"""Rows of the marts: contracts checked, and every row becomes a change or says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import (
    GB,
    ORG,
    US,
    World,
    account_status_row,
    customer_row,
    deal_id,
    deal_status_row,
    estimate_row,
    invoice_lines,
    invoice_row,
    marts,
    price_row,
)

from pipelines.errors import ConfigurationError, Stop
from reverse_etl.changes import Blocked, Change, FieldDifference, from_json, to_json
from reverse_etl.syncs import customers, invoices, registry
from reverse_etl.syncs.deal_status import COLUMNS as DEAL_COLUMNS
from reverse_etl.syncs.flow import CompanyFacts, Facts, read_rows

FACTS = Facts()


def invoice(lines: list[dict[str, Any]] | None = None, facts: Facts = FACTS, **row: Any) -> Any:
    rows = marts(invoices=[invoice_row(**row)], lines=lines)
    (one,) = invoices.changes(rows, facts)
    return one


def customer(**row: Any) -> Any:
    (one,) = customers.changes(marts(customers=[customer_row(**row)]), FACTS)
    return one


UPDATE: dict[str, Any] = {
    "action": "update",
    "customer_id": "58",
    "sync_token": 4,
    **{
        f"current_{n}": customer_row()[n]
        for n in customer_row()
        if f"current_{n}" in customer_row()
    },
}


def update(**row: Any) -> Any:
    return customer(**{**UPDATE, **row})


def status(flow: str, **row: Any) -> list[Change | Blocked]:
    key, make = {
        "deal_status": ("deals", deal_status_row),
        "account_status": ("accounts", account_status_row),
    }[flow]
    return list(registry.flow(flow).changes(marts(**{key: [make(**row)]}), FACTS))


class TestContract:
    def test_a_missing_column_names_mart_and_column(self) -> None:
        row = invoice_row()
        del row["term_id"]
        with pytest.raises(Stop, match=r"sync_invoices\.term_id.*column is missing.*Build"):
            list(invoices.changes(marts(invoices=[row]), FACTS))

    @pytest.mark.parametrize(
        "column, wrong, words",
        [
            ("amount", 1.5, "holds float, not Decimal"),
            ("amount", Decimal("NaN"), "holds Decimal"),
            ("plan_step", "1", "holds str, not int"),
            ("plan_step", True, "holds bool, not int"),
            ("invoice_on", datetime(2026, 1, 1), "holds datetime, not date"),
            ("deal_id", None, "holds NoneType, not str"),
        ],
    )
    def test_a_wrong_type_names_mart_and_column(self, column: str, wrong: Any, words: str) -> None:
        with pytest.raises(Stop, match=rf"sync_invoices\.{column}.*{words}"):
            invoice(**{column: wrong}, lines=[])

    def test_columns_nobody_asked_for_do_no_harm(self) -> None:
        rows = [{**account_status_row(), "novelty": 1}]
        from reverse_etl.syncs.account_status import AccountStatusRow

        assert len(read_rows(AccountStatusRow, "m", rows)) == 1

    def test_an_unknown_flow_is_named_with_the_known_ones(self) -> None:
        with pytest.raises(ConfigurationError, match=r"bills.*customers, products"):
            registry.chosen(["bills"])

    def test_flows_come_in_the_order_money_needs(self) -> None:
        names = [f.name for f in registry.chosen(["deal_status", "invoices", "customers"])]
        assert names == ["customers", "invoices", "deal_status"]


class TestInvoice:
    def test_the_payload_is_what_quickbooks_takes(self) -> None:
        one = invoice()
        deal = deal_id(1)
        assert one.key == f"invoices:{US}:{deal}:1:g1"
        assert (one.action, one.amount, one.currency_code) == ("create", Decimal("150.00"), "USD")
        line = {
            "ItemRef": {"value": "7"},
            "Qty": 1,
            "UnitPrice": 100,
            "TaxCodeRef": {"value": "NON"},
        }
        assert from_json(one.payload) == {
            "CustomerRef": {"value": "101"},
            "CurrencyRef": {"value": "USD"},
            "TxnDate": "2026-11-20",
            "PrivateNote": f"Crossfoot {deal}/1/g1\nDeal 1",
            "SalesTermRef": {"value": "3"},
            "BillEmail": {"Address": "ap@example.com"},
            "Line": [
                {
                    "DetailType": "SalesItemLineDetail",
                    "Amount": Decimal("100.00"),
                    "Description": "Probe",
                    "SalesItemLineDetail": line,
                },
                {
                    "DetailType": "SalesItemLineDetail",
                    "Amount": Decimal("50.00"),
                    "Description": "Probe",
                    "SalesItemLineDetail": {**line, "UnitPrice": 50},
                },
            ],
        }

    def test_outside_the_us_prices_are_said_to_be_without_tax(self) -> None:
        row = invoice_row(company_id=GB, currency_code="GBP")
        lines = [{**line, "tax_code_id": "5"} for line in invoice_lines(row)]
        one = invoice(lines, company_id=GB, currency_code="GBP")
        assert from_json(one.payload)["GlobalTaxCalculation"] == "TaxExcluded"
        assert "GlobalTaxCalculation" not in from_json(invoice().payload)

    def test_in_the_us_the_document_names_the_code_by_which_its_lines_are_taxed(self) -> None:
        row = invoice_row(tax_code_id="2")
        taxed = [{**line, "tax_code_id": "TAX"} for line in invoice_lines(row)]
        one = invoice(taxed, tax_code_id="2")
        assert from_json(one.payload)["TxnTaxDetail"] == {"TxnTaxCodeRef": {"value": "2"}}
        assert "TxnTaxDetail" not in from_json(invoice(taxed).payload)
        assert "TxnTaxDetail" not in from_json(invoice(tax_code_id="2").payload)

    def test_a_customer_of_the_same_plan_is_referred_to(self) -> None:
        key = f"customers:{US}:001:0:g1"
        one = invoice(customer_id=None, customer_change_key=key)
        assert one.needs == (key,)
        assert from_json(one.payload)["CustomerRef"] == {"value": {"$remote_id": key}}

    def test_what_the_mapping_says_stands_where_quickbooks_reads_it(self) -> None:
        field = {"DefinitionId": "3", "Name": "Sales Rep", "Type": "StringType", "StringValue": "J"}
        row = {
            "class_id": "101", "class_name": "Instruments", "location_id": "2",
            "location_name": "Austin", "custom_fields": to_json([field]),
            "document_number": "SF-17", "exchange_rate": Decimal("1.085000"),
            "email_status": "NeedToSend",
        }  # fmt: skip
        lines = [{**invoice_lines(invoice_row())[0], "class_id": "102", "class_name": "Services"},
                 invoice_lines(invoice_row())[1]]  # fmt: skip
        one = invoice(lines, **row)
        body = from_json(one.payload)
        assert (body["ClassRef"], body["DepartmentRef"]) == ({"value": "101"}, {"value": "2"})
        assert (body["CustomField"], body["DocNumber"]) == ([field], "SF-17")
        assert (body["ExchangeRate"], body["EmailStatus"]) == (Decimal("1.085"), "NeedToSend")
        details = [line["SalesItemLineDetail"] for line in body["Line"]]
        assert [d.get("ClassRef") for d in details] == [{"value": "102"}, None]
        shown = {f.name: f.after for f in one.fields}
        assert shown["line 1"] == "Probe: 1 × 100 = 100.00 [Services]"
        assert (shown["number"], shown["class"], shown["location"]) == (
            "SF-17", "Instruments", "Austin",
        )  # fmt: skip
        assert (shown["Sales Rep"], shown["exchange rate"]) == ("J", "1.085000")
        assert shown["to be sent to"] == "ap@example.com"
        asked = invoice(document_number="AUTO_GENERATE")
        assert from_json(asked.payload)["DocNumber"] == "AUTO_GENERATE"
        assert "number" not in {f.name for f in asked.fields}

    def test_none_of_it_is_part_of_what_makes_an_invoice_the_same(self) -> None:
        other = invoice(class_id="101", document_number="SF-17", exchange_rate=Decimal("1.1"))
        assert other.key == invoice().key
        assert other.fingerprint != invoice().fingerprint

    def test_a_bundle_is_one_line_with_its_parts(self) -> None:
        one, two = invoice_lines(invoice_row(), "33.34", "66.66")
        bundle = {"line_number": 1, "bundle_item_id": "50", "bundle_quantity": Decimal("2.000000")}
        parts = [
            {**one, **bundle, "description": "Kit", "part_description": "Probe"},
            {**two, **bundle, "description": "Kit", "part_description": "Cable", "part_number": 2},
        ]
        last = {**invoice_lines(invoice_row(), "50.00")[0], "line_number": 2}
        made = invoice([*parts, last])
        group, plain_line = from_json(made.payload)["Line"]
        assert (group["DetailType"], group["Description"]) == ("GroupLineDetail", "Kit")
        assert "Amount" not in group
        detail = group["GroupLineDetail"]
        assert (detail["GroupItemRef"], detail["Quantity"]) == ({"value": "50"}, 2)
        assert [(p["Description"], p["Amount"]) for p in detail["Line"]] == [
            ("Probe", Decimal("33.34")), ("Cable", Decimal("66.66")),
        ]  # fmt: skip
        assert plain_line["Amount"] == Decimal("50.00")
        assert [f.name for f in made.fields if f.name.startswith("line")] == [
            "line 1.1", "line 1.2", "line 2",
        ]  # fmt: skip
        assert invoice([parts[0], last]).reason == "lines_do_not_add_up"

    def test_a_discount_is_a_line_behind_its_line_or_one_of_the_whole(self) -> None:
        one, two = invoice_lines(invoice_row(), "120.00", "50.00")
        less = {"amount": Decimal("-20.00"), "unit_price": Decimal("-20.0000000")}
        behind = {**one, **less, "line_kind": "line_discount", "part_number": 1000, "item_id": "9",
                  "description": "Discount 10 %: Probe"}  # fmt: skip
        made = invoice([one, two, behind])
        body = from_json(made.payload)
        assert [(at["SalesItemLineDetail"]["ItemRef"]["value"], at["Amount"])
                for at in body["Line"]] == [
            ("7", Decimal("120.00")), ("9", Decimal("-20.00")), ("7", Decimal("50.00")),
        ]  # fmt: skip
        assert "ApplyTaxAfterDiscount" not in body
        assert {f.name: f.after for f in made.fields}["line 1 discount"] == (
            "Discount 10 %: Probe: 1 × -20 = -20.00"
        )
        whole = {**one, **less, "line_kind": "discount", "line_number": 3, "item_id": None,
                 "discount_account_id": "86"}  # fmt: skip
        made = invoice([one, two, whole])
        body = from_json(made.payload)
        assert body["Line"][-1] == {
            "DetailType": "DiscountLineDetail", "Amount": Decimal("20.00"),
            "DiscountLineDetail": {
                "PercentBased": False, "DiscountAccountRef": {"value": "86"},
            },
        }  # fmt: skip
        assert body["ApplyTaxAfterDiscount"] is True
        assert {f.name: f.after for f in made.fields}["discount"] == "-20.00"
        assert invoice([one, two]).reason == "lines_do_not_add_up"
        assert invoice([one, two, {**behind, "item_id": None}]).reason == "product_not_mapped"

    @pytest.mark.parametrize(
        "row, reason",
        [
            ({"blocked_reason": "before_go_live"}, "before_go_live"),
            ({"company_id": None}, "company_not_routed"),
            ({"customer_id": None}, "customer_not_matched"),
            ({"mark": "Crossfoot x/1/g1"}, "mark_wrong"),
            ({"private_note": "Deal 1"}, "mark_wrong"),
            ({"private_note": f"Crossfoot {deal_id(1)}/1/g10\nDeal"}, "mark_wrong"),
            ({"plan_step": 2, "mark": f"Crossfoot {deal_id(1)}/1/g1"}, "mark_wrong"),
            ({"line_count": 3}, "lines_missing"),
            ({"amount": Decimal("150.01")}, "lines_do_not_add_up"),
        ],
    )
    def test_what_may_not_be_sent_is_blocked_with_its_reason(
        self, row: dict[str, Any], reason: str
    ) -> None:
        one = invoice(**row)
        assert isinstance(one, Blocked)
        assert one.reason == reason
        assert one.amount == row.get("amount", Decimal("150.00"))

    def test_a_blocked_row_needs_no_lines(self) -> None:
        assert invoice([], blocked_reason="deal_without_lines").reason == "deal_without_lines"

    def test_nothing_is_dated_into_closed_books(self) -> None:
        for closed, expected in ((date(2026, 11, 20), Blocked), (date(2026, 11, 19), Change)):
            facts = Facts({US: CompanyFacts(closed)})
            assert type(invoice(facts=facts)) is expected

    @pytest.mark.parametrize(
        "amounts, reason",
        [(("-150.00",), "negative_amount"), (("0.00",), "negative_amount")],
    )
    def test_an_invoice_over_nothing_is_not_written(
        self, amounts: tuple[str, ...], reason: str
    ) -> None:
        total = Decimal(amounts[0])
        lines = invoice_lines(invoice_row(), *amounts)
        assert invoice(lines, amount=total, line_count=1).reason == reason

    def test_a_line_without_item_or_with_a_wrong_amount_blocks(self) -> None:
        lines = invoice_lines(invoice_row())
        assert invoice([{**lines[0], "item_id": None}, lines[1]]).reason == "product_not_mapped"
        lines[0]["quantity"] = Decimal("1.000100")
        assert invoice(lines).reason == "line_amount_wrong"

    def test_lines_of_another_company_or_step_are_not_taken(self) -> None:
        lines = [{**line, "company_id": GB} for line in invoice_lines(invoice_row())]
        assert invoice(lines).reason == "lines_missing"

    def test_a_gone_invoice_stays_gone_until_a_person_reopens_it(self) -> None:
        row = {"blocked_reason": "previous_invoice_voided"}
        assert invoice(**row).reason == "previous_invoice_voided"
        facts = Facts(reopened={f"invoices:{US}:{deal_id(1)}:1": 2})
        one = invoice(facts=facts, **row)
        assert one.key.endswith(":1:g2")
        assert from_json(one.payload)["PrivateNote"].startswith(f"Crossfoot {deal_id(1)}/1/g2\n")

    def test_reopening_leaves_what_else_keeps_it_back(self) -> None:
        facts = Facts(reopened={f"invoices:{US}:{deal_id(1)}:1": 2})
        row = {"blocked_reason": "previous_invoice_voided", "other_blocked_reason": "class_unknown"}
        one = invoice(facts=facts, other_blocked_detail="no class X", **row)
        assert (one.reason, one.detail) == ("class_unknown", "no class X")

    @pytest.mark.parametrize("reason", ["customer_in_review", "before_go_live"])
    def test_reopening_lifts_no_other_block(self, reason: str) -> None:
        facts = Facts(reopened={f"invoices:{US}:{deal_id(1)}:1": 2})
        assert invoice(facts=facts, blocked_reason=reason).reason == reason

    def test_a_reopening_that_was_used_does_not_count_twice(self) -> None:
        facts = Facts(reopened={f"invoices:{US}:{deal_id(1)}:1": 2})
        one = invoice(facts=facts, generation=2, blocked_reason="previous_invoice_deleted")
        assert one.reason == "previous_invoice_deleted"

    @given(
        st.lists(
            st.tuples(
                st.decimals("0.000001", "9999", places=6), st.decimals("0", "9999", places=7)
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_every_digit_of_quantity_price_and_amount_is_sent(
        self, pairs: list[tuple[Decimal, Decimal]]
    ) -> None:
        lines = invoice_lines(invoice_row(), *("1.00" for _ in pairs))
        for line, (quantity, price) in zip(lines, pairs, strict=True):
            amount = (quantity * price).quantize(Decimal("0.01"), "ROUND_HALF_UP")
            line |= {"quantity": quantity, "unit_price": price, "amount": amount}
        total = sum((line["amount"] for line in lines), Decimal(0))
        one = invoice(lines, amount=total, line_count=len(lines))
        if total <= 0:
            assert one.reason == "negative_amount"
            return
        sent = from_json(one.payload)["Line"]
        details = [
            (s["SalesItemLineDetail"]["Qty"], s["SalesItemLineDetail"]["UnitPrice"]) for s in sent
        ]
        assert details == pairs
        assert sum((s["Amount"] for s in sent), Decimal(0)) == total
        assert "E" not in one.payload.split('"Qty":')[1].split(",")[0]


class TestCustomer:
    def test_a_new_one_carries_our_mark(self) -> None:
        one = customer()
        body = from_json(one.payload)
        assert body["Notes"] == f"Crossfoot {customer_row()['account_id']}/g1"
        assert body["DisplayName"] == "Account 1"
        assert body["BillAddr"]["CountrySubDivisionCode"] == "CA"
        assert body["CurrencyRef"] == {"value": "USD"}
        assert (one.action, one.remote_id, one.amount) == ("create", None, None)

    @pytest.mark.parametrize(
        "name, sent",
        [("A: B\tC", "A - B C"), ("  Two\n lines ", "Two lines"), ("x" * 600, "x" * 500)],
    )
    def test_the_name_is_one_quickbooks_takes(self, name: str, sent: str) -> None:
        assert from_json(customer(display_name=name).payload)["DisplayName"] == sent

    def test_one_without_a_name_is_blocked(self) -> None:
        assert customer(display_name=" \t").reason == "name_missing"

    def test_a_parent_makes_it_a_sub_customer(self) -> None:
        body = from_json(customer(parent_customer_id="9").payload)
        assert (body["Job"], body["ParentRef"]) == (True, {"value": "9"})

    def test_an_update_sends_what_differs_and_nothing_else(self) -> None:
        one = update(email="new@example.com")
        assert one.fields == (FieldDifference("email", "ap1@example.com", "new@example.com"),)
        assert from_json(one.payload) == {
            "Id": "58",
            "SyncToken": "4",
            "sparse": True,
            "PrimaryEmailAddr": {"Address": "new@example.com"},
        }

    def test_an_address_goes_as_a_whole(self) -> None:
        body = from_json(update(billing_city="Shelbyville", billing_state=None).payload)
        assert body["BillAddr"] == {
            "Line1": "1 Main Street",
            "City": "Shelbyville",
            "CountrySubDivisionCode": "CA",
            "PostalCode": "94000",
            "Country": "USA",
        }

    def test_an_empty_value_in_salesforce_clears_nothing(self) -> None:
        assert update(email=None, phone="").reason == "no_difference"

    def test_another_way_of_writing_is_no_difference(self) -> None:
        row = {
            "email": "AP1@Example.com",
            "phone": "+1 (415) 555-0100",
            "billing_city": "springfield ",
        }
        assert update(**row).reason == "no_difference"

    def test_names_are_never_overwritten(self) -> None:
        assert update(display_name="Other", company_name=None).reason == "no_difference"

    def test_every_owned_field_can_be_corrected(self) -> None:
        given = {
            "company_name": "New", "given_name": "Ann", "family_name": "Lee",
            "website": "https://new.example", "shipping_line1": "2 Dock Road", "term_id": "3",
        }  # fmt: skip
        one = update(**given, current_shipping_city="Ghent")
        assert from_json(one.payload) == {
            "Id": "58", "SyncToken": "4", "sparse": True, "CompanyName": "New",
            "GivenName": "Ann", "FamilyName": "Lee", "WebAddr": {"URI": "https://new.example"},
            "ShipAddr": {"Line1": "2 Dock Road", "City": "Ghent"}, "SalesTermRef": {"value": "3"},
        }  # fmt: skip

    def test_what_a_person_changed_is_shown_and_the_rest_is_written(self) -> None:
        row = UPDATE | {
            "email": "new@example.com", "phone": "+1 415 555 0199", "conflict_fields": "email",
        }  # fmt: skip
        conflict, change = customers.changes(marts(customers=[customer_row(**row)]), FACTS)
        assert isinstance(conflict, Blocked)
        assert isinstance(change, Change)
        assert (conflict.reason, conflict.detail) == (
            "changed_by_hand",
            "a person set email to ap1@example.com, Salesforce says new@example.com",
        )
        assert [f.name for f in change.fields] == ["phone"]

    def test_a_person_may_let_the_owner_win(self) -> None:
        row = UPDATE | {"email": "new@example.com", "conflict_fields": "email"}
        base = f"customers:{US}:{customer_row()['account_id']}:0"
        (one,) = customers.changes(marts(customers=[customer_row(**row)]), Facts(unused={base: 4}))
        assert isinstance(one, Change)
        assert (one.generation, one.fields[0].after) == (4, "new@example.com")

    def test_ordering_many_compares_no_row_with_another(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """10,000 rows compared with each other took a quarter of an hour."""

        def compared(one: object, other: object) -> bool:
            raise AssertionError("two rows were compared")

        monkeypatch.setattr(customers.CustomerRow, "__eq__", compared)
        rows = [customer_row(n) for n in (1, 2, 3)]
        rows[0]["parent_change_key"] = rows[1]["change_key"]
        found = [c.record_id for c in customers.changes(marts(customers=rows), FACTS)]
        assert found == [rows[1]["account_id"], rows[2]["account_id"], rows[0]["account_id"]]

    def test_a_new_parent_comes_first_and_gives_its_id(self) -> None:
        parent = customer_row(2)
        child = customer_row(1, parent_change_key=parent["change_key"])
        first, second = customers.changes(marts(customers=[child, parent]), FACTS)
        assert isinstance(second, Change)
        assert (first.record_id, second.needs) == (parent["account_id"], (parent["change_key"],))
        body = from_json(second.payload)
        assert body["ParentRef"] == {"value": {"$remote_id": parent["change_key"]}}

    def test_an_update_without_token_is_blocked(self) -> None:
        assert update(email="n@example.com", sync_token=None).reason == "customer_unknown"

    def test_the_key_of_another_record_is_refused(self) -> None:
        assert customer(change_key=f"customers:{US}:other:0:g1").reason == "key_mismatch"


class TestStatus:
    def test_only_the_fields_that_differ_are_sent(self) -> None:
        (one,) = status(
            "deal_status", current_due_on=date(2026, 12, 20), current_amount_paid=Decimal(0)
        )
        assert isinstance(one, Change)
        assert from_json(one.payload) == {
            "Id": deal_id(1),
            "QBO_Invoice_Id__c": f"{US}:42",
            "QBO_Invoice_Number__c": "1042",
            "QBO_Invoice_Status__c": "Open",
            "QBO_Amount_Due__c": Decimal("150.00"),
        }
        assert (one.system, one.company_id, one.remote_id) == ("salesforce", ORG, deal_id(1))

    def test_an_empty_value_clears_the_field(self) -> None:
        unset = ("linked_customer_key", "open_balance", "overdue_balance", "open_credit")
        row = dict.fromkeys(unset)
        (one,) = status("account_status", **row, current_oldest_due_on=date(2026, 1, 1))
        assert isinstance(one, Change)
        assert from_json(one.payload)["QBO_Oldest_Due_Date__c"] is None
        assert one.fields == (FieldDifference("oldest_due_on", "2026-01-01", None),)

    def test_what_a_person_changed_is_told_and_the_rest_is_written(self) -> None:
        told, written = status(
            "deal_status", current_amount_due=Decimal("5.00"), conflict_fields="amount_due"
        )
        assert isinstance(told, Blocked)
        assert (told.reason, told.detail) == (
            "changed_by_hand", "a person set amount_due to 5.00, QuickBooks says 150.00",
        )  # fmt: skip
        assert isinstance(written, Change)
        assert "QBO_Amount_Due__c" not in from_json(written.payload)
        assert from_json(written.payload)["QBO_Invoice_Status__c"] == "Open"

    def test_where_nothing_else_differs_nothing_is_written(self) -> None:
        same = {f"current_{n}": v for n, v in deal_status_row().items() if n in DEAL_COLUMNS}
        row = same | {"current_invoice_number": "mine", "kept_fields": "invoice_number"}
        (told,) = status("deal_status", **row)
        assert isinstance(told, Blocked)
        assert (told.reason, told.detail) == (
            "owned_by_salesforce", "it has invoice_number mine, QuickBooks says 1042",
        )  # fmt: skip

    def test_a_person_may_let_quickbooks_win(self) -> None:
        row = deal_status_row(current_amount_due=Decimal("5.00"), conflict_fields="amount_due")
        facts = Facts(unused={f"deal_status:{ORG}:{deal_id(1)}:0": 3})
        (one,) = registry.flow("deal_status").changes(marts(deals=[row]), facts)
        assert isinstance(one, Change)
        assert (one.generation, one.key[-2:]) == (3, "g3")
        assert from_json(one.payload)["QBO_Amount_Due__c"] == Decimal("150.00")

    @pytest.mark.parametrize("flow", ["deal_status", "account_status"])
    def test_unchanged_rows_are_nothing_and_blocked_ones_stay_visible(self, flow: str) -> None:
        assert status(flow, is_changed=False) == []
        (one,) = status(flow, is_changed=False, blocked_reason="customer_linked_twice")
        assert isinstance(one, Blocked)


class TestFind:
    """Looking for our mark: the right record or none, never a neighbour."""

    @pytest.fixture
    def world(self, tmp_path: Any) -> World:
        return World(tmp_path)

    def entry(self, world: World, rows: dict[str, Any]) -> Any:
        world.us.faults = ["lost_reply"]
        world.apply(world.plan(rows))
        return world.plan(rows).unsettled[0]

    def look(self, world: World, flow: str) -> Callable[[], str | None]:
        from reverse_etl.ledger import snapshot

        (entry,) = snapshot(world.state, [flow])
        return lambda: registry.flow(flow).find(world.clients, entry)

    def test_the_mark_of_another_generation_or_step_is_not_ours(self, world: World) -> None:
        self.entry(world, marts(invoices=[invoice_row()]))
        look = self.look(world, "invoices")
        (invoice_id,) = world.us.invoices
        assert look() == invoice_id
        mark = f"Crossfoot {deal_id(1)}/1/g1"
        for note, found in (
            (f"Voided - {mark}", True),
            (f"Voided\n{mark}\nmore", True),
            (mark + "0", False),
            (mark.replace("/1/", "/11/"), False),
            ("", False),
        ):
            world.us.invoices[invoice_id]["PrivateNote"] = note
            assert (look() == invoice_id) is found, note

    def test_two_invoices_with_one_mark_stop_everything(self, world: World) -> None:
        self.entry(world, marts(invoices=[invoice_row()]))
        (one,) = world.us.invoices.values()
        world.us.invoices["77"] = {**one, "Id": "77"}
        with pytest.raises(Exception, match=r"77.*carry the mark.*nothing was sent"):
            self.look(world, "invoices")()

    def test_a_customer_of_the_same_name_is_not_ours(self, world: World) -> None:
        self.entry(world, marts(customers=[customer_row()]))
        look = self.look(world, "customers")
        (customer_id,) = world.us.customers
        assert look() == customer_id
        world.us.customers[customer_id]["DisplayName"] = "Renamed by a person"
        assert look() == customer_id
        world.us.customers[customer_id]["Notes"] = f"Crossfoot {customer_row()['account_id']}/g11"
        assert look() is None

    def test_an_update_is_found_by_how_the_record_looks(self, world: World) -> None:
        world.us.customers["58"] = {
            "Id": "58", "SyncToken": "4", "DisplayName": "Account 1",
            "PrimaryEmailAddr": {"Address": "old@example.com"},
        }  # fmt: skip
        row = customer_row(
            action="update", customer_id="58", sync_token=4, phone=None, billing_line1=None,
            billing_city=None, billing_state=None, billing_postal_code=None, billing_country=None,
        )  # fmt: skip
        self.entry(world, marts(customers=[row]))
        look = self.look(world, "customers")
        assert look() == "58"
        world.us.customers["58"]["PrimaryEmailAddr"] = {"Address": "else@example.com"}
        assert look() is None
        del world.us.customers["58"]
        assert look() is None

    def test_a_salesforce_record_is_found_by_how_it_looks(self, world: World) -> None:
        world.org.faults = ["lost_reply"]
        world.apply(world.plan(marts(deals=[deal_status_row()])))
        look = self.look(world, "deal_status")
        assert look() == deal_id(1)
        world.org.records[deal_id(1)]["QBO_Amount_Due__c"] = Decimal("150.000")
        assert look() == deal_id(1)
        world.org.records[deal_id(1)]["QBO_Invoice_Status__c"] = "Paid"
        assert look() is None


def test_a_reopened_row_differs_in_nothing_but_its_generation() -> None:
    (row,) = read_rows(
        invoices.InvoiceRow, "m", [invoice_row(blocked_reason="previous_invoice_voided")]
    )
    facts = Facts(reopened={f"invoices:{US}:{deal_id(1)}:1": 3})
    opened = invoices._reopened(row, facts)
    back = replace(
        opened, generation=1, mark=row.mark, private_note=row.private_note,
        blocked_reason=row.blocked_reason,
    )  # fmt: skip
    assert back == row


def test_in_an_org_of_one_currency_no_record_has_one() -> None:
    """There Salesforce knows no field CurrencyIsoCode and refuses a record that names it."""
    entry = price_row(action="create", pricebook_entry_id=None, current_unit_price=None)
    given = marts(estimates=[estimate_row()], prices=[entry])
    for facts, named in ((Facts(), True), (Facts(has_currencies=False), False)):
        flows = (registry.flow("estimates"), registry.flow("prices"))
        planned = [change for flow in flows for change in flow.changes(given, facts)]
        assert len(planned) == 2
        for change in planned:
            assert isinstance(change, Change)
            assert ("CurrencyIsoCode" in change.payload) == named
