"""What the mapping says of invoices, decided in SQL: one world, one build, a case each."""

from __future__ import annotations

import random
import shutil
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
import simplejson
from raw_loader import load_world
from worlds import CENT, PROJECT, UK, US, Builder, Sold, read, sold

from pipelines import mapping, transform
from reverse_etl.changes import Change, from_json
from reverse_etl.syncs import invoices
from reverse_etl.syncs.flow import Facts

Row = dict[str, Any]
Judged = tuple[Path, dict[str, str], Builder]
MAPPING = f"""
[[invoice_fields]]
priority = 5
company_id = "{US}"
target = "class"
source_object = "deal"
source_field = "Billing_Region__c"
source_value = "Old"
value = "Retired"
is_required = false

[[invoice_fields]]
priority = 6
target = "class"
source_object = "deal"
source_field = "Billing_Region__c"
source_value = "Nowhere"
value = "Missing"
is_required = false

[[invoice_fields]]
priority = 20
target = "class"
source_object = "product"
source_field = "Family"
source_value = "Services"
value = "Work"
is_required = false

[[invoice_fields]]
priority = 30
target = "class"
source_object = "product"
source_field = "Family"
is_required = true

[[invoice_fields]]
priority = 10
target = "location"
source_object = "account"
source_field = "Industry"
is_required = false

[[invoice_fields]]
priority = 10
company_id = "{US}"
target = "custom_field"
field_name = "Sales Rep"
source_object = "owner"
source_field = "Name"
is_required = false

[[invoice_fields]]
priority = 10
company_id = "{US}"
target = "custom_field"
field_name = "Discount Code"
source_object = "deal"
source_field = "Discount_Code__c"
is_required = false

[[invoice_fields]]
priority = 10
company_id = "{US}"
target = "custom_field"
field_name = "Cost Centre"
source_object = "deal"
source_field = "Type"
is_required = false

[[product_rules]]
priority = 10
product_code = "P2"
source_object = "deal"
source_field = "Billing_Region__c"
source_value = "North"
item_sku = "P2-NORTH"

[[product_rules]]
priority = 20
product_code = "P2"
source_object = "account"
source_field = "Name"
source_value = "Acme"
item_name = "P2 of Acme"

[[product_rules]]
priority = 30
source_object = "deal"
source_field = "Billing_Region__c"
source_value = "Ghost"
item_sku = "GHOST"

[[product_rules]]
priority = 31
source_object = "deal"
source_field = "Billing_Region__c"
source_value = "Asleep"
item_sku = "ASLEEP"

[[document_numbers]]
company_id = "{US}"
numbered_by = "deal"
prefix = "SF-"
source_field = "Deal_Number__c"

[[invoice_discounts]]
company_id = "{US}"
shown_as = "line"
item_sku = "LESS"

[[invoice_discounts]]
company_id = "{UK}"
shown_as = "total"
account_name = "Discounts given"

[[deal_discounts]]
priority = 10
source_field = "Discount_Percent__c"
kind = "percent"

[[deal_discounts]]
priority = 20
source_field = "Discount_Amount__c"
kind = "amount"
"""
NAMED = ("Salesforce Deal", "Sales Rep", "Discount Code", "PO Number")
# Products that a deal sells, with the item's parts as (item, pieces).
PARTS = {"50": (("11", "1"), ("12", "3")), "51": (("60", "2"), ("61", "1"))}
PRICES = ("0.333", "19.99", "6895", "0.01", "142.857143", "99999.99")
QUANTITIES = ("1", "3", "7.33", "0.5", "250")


def _preferences(builder: Builder, company: str, **more: Any) -> None:
    (record,) = builder.quickbooks[company, "Preferences"]
    builder.quickbooks[company, "Preferences"] = [{**record, **more}]


def _companies(builder: Builder) -> None:
    names = [{"Name": f"SalesFormsPrefs.SalesCustomName{n}", "Type": "StringType",
              "StringValue": name} for n, name in enumerate(NAMED, 1)]  # fmt: skip
    used = [{"Name": "SalesFormsPrefs.UseSalesCustom4", "BooleanValue": True}]
    fields = [{"CustomField": used}, {"CustomField": names}]
    _preferences(
        builder, US,
        AccountingInfoPrefs={"ClassTrackingPerTxnLine": True, "TrackDepartments": True},
        SalesFormsPrefs={"CustomTxnNumbers": True, "CustomField": fields},
    )  # fmt: skip
    _preferences(
        builder, UK, AccountingInfoPrefs={"ClassTrackingPerTxn": True},
        SalesFormsPrefs={"CustomTxnNumbers": True},
    )  # fmt: skip
    for company in (US, UK):
        for number, (name, active) in enumerate((("Work", True), ("Tools", True),
                                                 ("Retired", False)), 1):  # fmt: skip
            builder._list(company, "Class", Id=f"10{number}", Name=name, Active=active)
    builder._list(US, "Department", Id="201", Name="Mining", FullyQualifiedName="West:Mining")
    builder._list(US, "Department", Id="202", Name="Steel")


def _products(builder: Builder) -> None:
    families = {"P1": "Services", "P2": "Tools", "UNMAPPED": "Tools"}
    products = builder.salesforce["Product2"]
    products[:] = [{**row, "Family": families[row["Name"]]} for row in products]
    for product in ("KIT", "CHEAP", "EMPTY"):
        products.append({**products[0], "Id": f"01t{product:0>12}AAA", "Name": product,
                         "ProductCode": product, "Family": "Tools"})  # fmt: skip
    priced = (("60", "Bolt", "0"), ("61", "Nut", "0"))
    for item_id, name, price in priced:
        builder._list(US, "Item", Id=item_id, Name=name, Type="Service", UnitPrice=Decimal(price))
    prices = {"11": Decimal("10.00"), "12": Decimal("0.3333")}
    items = builder.quickbooks[US, "Item"]
    items[:] = [{**row, "UnitPrice": prices.get(row["Id"], 0)} for row in items]
    for item_id, name, sku in (("50", "Kit", "KIT"), ("51", "Cheap kit", "CHEAP"),
                               ("52", "Empty kit", "EMPTY")):  # fmt: skip
        lines = [{"ItemRef": {"value": part}, "Qty": Decimal(qty)}
                 for part, qty in PARTS.get(item_id, ())]  # fmt: skip
        builder._list(US, "Item", Id=item_id, Name=name, Sku=sku, Type="Group",
                      ItemGroupDetail={"ItemGroupLine": lines})  # fmt: skip
    builder._list(US, "Item", Id="90", Name="Discount", Sku="LESS", Type="Service")
    builder._list(UK, "Account", Id="86", Name="Discounts given", AccountType="Income")
    for item_id, name, sku, active in (
        ("70", "P2 North", "P2-NORTH", True), ("71", "P2 of Acme", None, True),
        ("72", "Asleep", "ASLEEP", False),
    ):  # fmt: skip
        builder._list(US, "Item", Id=item_id, Name=name, FullyQualifiedName=name, Sku=sku,
                      Type="Service", Active=active)  # fmt: skip


def _own_discount(rng: random.Random, lines: list[Sold]) -> Row:
    """A discount on the whole deal, of every kind and size that is one, or none."""
    worth = sum((line.total for line in lines), Decimal(0))
    return rng.choice((
        {}, {"Discount_Percent__c": Decimal(rng.choice(("7", "33.33", "0.01", "99.99")))},
        {"Discount_Amount__c": (worth * Decimal(rng.random()) / 2).quantize(CENT)},
    ))  # fmt: skip


def _in_parts(builder: Builder, rng: random.Random, deal: str, total: Decimal) -> None:
    """The deal's first line in three parts."""
    first = (total * Decimal(rng.random()) / 2).quantize(CENT)
    second = (total * Decimal(rng.random()) / 2).quantize(CENT)
    parts = (("2026-10-25", first), ("2026-11-05", second), ("2026-11-15", total - first - second))
    builder.schedule(deal, 0, *parts)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The warehouse, each case's deal, and the world."""
    builder = Builder()
    _companies(builder)
    _products(builder)
    builder.salesforce["User"].append(
        {"Id": "005000000000001AAA", "Name": "Jo Rep", "IsActive": True, "IsDeleted": False}
    )
    plain = builder.account("Plain", (US, builder.customer("Plain")))
    acme = builder.account("Acme", (US, builder.customer("Acme")), Industry="West:Mining")
    odd = builder.account("Odd", (US, builder.customer("Odd")), Industry="Fishing")
    pounds = builder.account("Pounds", (UK, builder.customer("Pounds", UK, "GBP")))
    euros = builder.account("Euros", (UK, builder.customer("Euros", UK, "EUR")), Industry="Steel")
    taken = builder.customer("Somebody")
    builder.invoice(taken, "5.00", DocNumber="sf-TAKEN")
    number = iter(range(1, 1000))

    def deal(account: str, *lines: Sold, **known: Any) -> str:
        own = {"Deal_Number__c": f"{next(number):04}"} | known
        return builder.deal(account, lines or (sold("30"), sold("70", "P2")), **own)

    cases = {
        "plain": deal(plain),
        "named": deal(acme, OwnerId="005000000000001AAA", Discount_Code__c="SPRING",
                      PO_Number__c="PO-1"),
        "inactive": deal(plain, Billing_Region__c="Old"),
        "unknown": deal(plain, Billing_Region__c="Nowhere"),
        "no_location": deal(odd),
        "no_field": deal(plain, Type="New Business"),
        "long": deal(plain, Discount_Code__c="9" * 32),
        "long_po": deal(plain, PO_Number__c="8" * 32),
        "steps": deal(plain, sold("100"), Billing_Plan__c="Deposit 30/70"),
        "no_number": deal(plain, Deal_Number__c=None),
        "taken": deal(plain, Deal_Number__c="TAKEN"),
        "twice": deal(plain, Deal_Number__c="SAME"),
        "twice_too": deal(plain, Deal_Number__c="same"),
        "too_long": deal(plain, Deal_Number__c="1" * 19),
        "north": deal(acme, sold("70", "P2"), Billing_Region__c="north"),
        "of_acme": deal(acme, sold("30"), sold("70", "P2")),
        "ghost": deal(plain, sold("30"), Billing_Region__c="Ghost"),
        "asleep": deal(plain, sold("30"), Billing_Region__c="Asleep"),
        "kit": deal(plain, Sold(Decimal(3), Decimal("33.33"), product="KIT"), sold("1")),
        "cheap": deal(plain, Sold(Decimal(1), Decimal("0.01"), product="CHEAP")),
        "empty": deal(plain, sold("30", "EMPTY")),
        "less": deal(plain, Sold(Decimal("7.33"), Decimal(100), Decimal("33.33")), sold("1"),
                     Billing_Plan__c="Deposit 30/70"),
        "kit_less": deal(plain, Sold(Decimal(3), Decimal("33.33"), Decimal(10), "KIT")),
        "less_whole": deal(pounds, Sold(Decimal("7.33"), Decimal(100), Decimal("33.33")),
                           Sold(Decimal(3), Decimal("0.333"), Decimal("12.5")), sold("1"),
                           CurrencyIsoCode="GBP"),
        "whole_less": deal(plain, sold("30"), Sold(Decimal(2), Decimal(50), Decimal(10), "P2"),
                           Discount_Percent__c=Decimal("12.5"), Discount_Amount__c=Decimal(1)),
        "amount_less": deal(plain, sold("30"), sold("70", "P2"), Discount_Percent__c=Decimal(0),
                            Discount_Amount__c=Decimal("33.34")),
        "pounds_less": deal(pounds, sold("30"), Sold(Decimal(2), Decimal(50), Decimal(10)),
                            CurrencyIsoCode="GBP", Discount_Percent__c=Decimal("12.5")),
        "below": deal(plain, Discount_Percent__c=Decimal(-5)),
        "above": deal(plain, Discount_Percent__c=Decimal("100.01")),
        "words": deal(plain, Discount_Amount__c="a third"),
        "too_much": deal(plain, Discount_Amount__c=Decimal("100.01")),
        "one_class": deal(pounds, sold("30"), CurrencyIsoCode="GBP"),
        "two_classes": deal(pounds, CurrencyIsoCode="GBP"),
        "euros": deal(euros, sold("30"), CurrencyIsoCode="EUR"),
    }  # fmt: skip
    rng = random.Random(20261126)
    for n in range(80):
        lines = [
            Sold(Decimal(rng.choice(QUANTITIES)), Decimal(rng.choice(PRICES)),
                 Decimal(rng.choice(("0", "12.5", "99.99"))),
                 rng.choice(("P1", "P2", "KIT", "CHEAP")))
            for _ in range(rng.randrange(1, 4))
        ]  # fmt: skip
        plan = rng.choice(("Monthly 12", "Deposit 30/70", None))
        less = _own_discount(rng, lines)
        cases[f"random {n}"] = deal(plain, *lines, Billing_Plan__c=plan, **less)
        if n % 4 == 0:
            cases[f"random parts {n}"] = deal(plain, *lines, Billing_Plan__c=None, **less)
            _in_parts(builder, rng, cases[f"random parts {n}"], lines[0].total)
        if n % 3 == 0:
            # The British company takes one class an invoice: products of one family.
            services = [replace(line, product="P1") for line in lines]
            cases[f"random whole {n}"] = deal(
                pounds, *services, Billing_Plan__c=plan, CurrencyIsoCode="GBP", **less
            )
    rates = (("USD", "1"), ("GBP", "0.8"), ("EUR", "0.9"))
    builder.salesforce["DatedConversionRate"] = [
        {"Id": f"04w00000000000{n}AAA", "IsoCode": code, "ConversionRate": Decimal(rate),
         "StartDate": "2026-11-01", "NextStartDate": "2026-12-01"}
        for n, (code, rate) in enumerate(rates)
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("mapped")
    return _built(builder, folder / "warehouse.duckdb", "+sync_invoice_lines"), cases, builder


def _built(builder: Builder, path: Path, *models: str) -> Path:
    """These models of the world under the mapping, without their tests."""
    load_world(builder.world(), path)
    return _judged_by(MAPPING, path, *models)


def _judged_by(text: str, path: Path, *models: str) -> Path:
    given = path.with_suffix(".toml")
    given.write_text(text)
    mapped = mapping.read_mapping(PROJECT / "seeds", given)
    mapping.fill(path, mapped, sorted(mapped.replaced))
    seeds = [f"{name},resource_type:seed" for name in mapped.replaced]
    transform.require_passed(
        transform.build(
            PROJECT, path, select=models,
            exclude=["resource_type:test", "resource_type:unit_test", *seeds],
            variables={"invoice_exchange_rate": "salesforce", "invoice_mail": "queue"},
        )
    )  # fmt: skip
    return path


def _invoices(judged: Judged) -> dict[str, Row]:
    path, cases, _ = judged
    rows = {r["deal_id"]: r for r in read(path, "select * from sync.sync_invoices "
                                                "order by plan_step desc")}  # fmt: skip
    # A random deal over nothing is out of scope.
    return {name: rows[deal] for name, deal in cases.items() if deal in rows}


def _lines(judged: Judged, name: str) -> list[Row]:
    path, cases, _ = judged
    return read(
        path,
        "select * from sync.sync_invoice_lines "
        f"where deal_id = '{cases[name]}' order by plan_step, line_number, part_number",
    )


def test_a_line_has_the_class_of_the_first_row_that_fits(judged: Judged) -> None:
    assert [line["class_name"] for line in _lines(judged, "plain")] == ["Work", "Tools"]
    assert [line["class_id"] for line in _lines(judged, "plain")] == ["101", "102"]
    assert _invoices(judged)["plain"]["class_id"] is None


def test_one_class_for_the_whole_invoice_where_the_company_wants_that(judged: Judged) -> None:
    rows = _invoices(judged)
    one = rows["one_class"]
    assert (one["class_id"], one["class_name"], one["blocked_reason"]) == ("101", "Work", None)
    assert [line["class_id"] for line in _lines(judged, "one_class")] == [None]
    two = rows["two_classes"]
    assert two["blocked_reason"] == "class_unclear"
    assert "Tools, Work" in two["blocked_detail"]


@pytest.mark.parametrize(
    "name, reason, words",
    [
        ("inactive", "class_inactive", "The class Retired is not active"),
        ("unknown", "class_unknown", "The company has no class Missing"),
        ("no_location", "location_unknown", "The company has no location Fishing"),
        ("euros", "location_not_tracked",
         "The company does not track locations; the mapping wants Steel"),
        ("no_field", "custom_field_unknown",
         "The company has no custom field Cost Centre on its sales forms"),
        ("long", "custom_field_too_long",
         f"Discount Code holds 31 characters and not {'9' * 32}"),
        ("long_po", "custom_field_too_long", f"PO Number holds 31 characters and not {'8' * 32}"),
        ("no_number", "document_number_missing", "The deal's Deal_Number__c is empty"),
        ("twice", "document_number_twice",
         "2 invoices that are due would have the number SF-SAME"),
        ("too_long", "document_number_too_long",
         f"SF-{'1' * 19} is longer than the 21 characters of a document number"),
        ("ghost", "product_not_mapped",
         "Product rule 30 names item GHOST, which the company does not have"),
        ("asleep", "product_not_mapped",
         "Product rule 31 names item ASLEEP, which is not active"),
        ("empty", "product_not_mapped", "The bundle Empty kit has no parts"),
    ],
)  # fmt: skip
def test_what_the_company_cannot_keep_blocks_with_its_reason(
    judged: Judged, name: str, reason: str, words: str
) -> None:
    row = _invoices(judged)[name]
    assert (row["blocked_reason"], row["blocked_detail"]) == (reason, words)


def test_a_number_that_an_invoice_has_is_never_given_again(judged: Judged) -> None:
    row = _invoices(judged)["taken"]
    assert row["blocked_reason"] == "document_number_taken"
    assert row["blocked_detail"].endswith("has the number SF-TAKEN")


def test_location_and_custom_fields_come_from_their_fields(judged: Judged) -> None:
    rows = _invoices(judged)
    named = rows["named"]
    assert (named["location_id"], named["location_name"]) == ("201", "West:Mining")
    fields = {f["Name"]: f for f in simplejson.loads(named["custom_fields"])}
    assert {name: f["StringValue"] for name, f in fields.items()} == {
        "Salesforce Deal": f"{named['deal_id']}/1", "Sales Rep": "Jo Rep",
        "Discount Code": "SPRING", "PO Number": "PO-1",
    }  # fmt: skip
    assert fields["Sales Rep"]["DefinitionId"] == "2"
    plain = simplejson.loads(rows["plain"]["custom_fields"])
    assert [f["Name"] for f in plain] == ["Salesforce Deal"]
    assert named["blocked_reason"] is None


def test_a_number_is_the_deal_s_or_is_asked_for(judged: Judged) -> None:
    rows = _invoices(judged)
    path, cases, _ = judged
    assert rows["plain"]["document_number"] == "SF-0001"
    steps = read(
        path,
        "select plan_step, document_number from sync.sync_invoices "
        f"where deal_id = '{cases['steps']}' order by plan_step",
    )
    assert [r["document_number"][-2:] for r in steps] == [f"-{r['plan_step']}" for r in steps]
    # People number the British company's by hand: without asking there would be no number.
    assert rows["one_class"]["document_number"] == "AUTO_GENERATE"


def test_the_org_s_rate_of_the_day_where_the_currency_is_foreign(judged: Judged) -> None:
    rows = _invoices(judged)
    assert rows["euros"]["exchange_rate"] == Decimal("0.888889")
    assert rows["one_class"]["exchange_rate"] is None
    assert rows["plain"]["exchange_rate"] is None


def test_nothing_waits_to_be_sent_without_an_address(judged: Judged) -> None:
    rows = _invoices(judged)
    assert {r["email_status"] is None for r in rows.values() if r["bill_email"] is None} == {True}


def test_the_first_product_rule_that_fits_chooses_the_item(judged: Judged) -> None:
    assert [line["item_id"] for line in _lines(judged, "north")] == ["70"]
    assert [line["item_id"] for line in _lines(judged, "of_acme")] == ["11", "71"]
    assert [line["item_id"] for line in _lines(judged, "plain")] == ["11", "12"]


def test_a_bundle_s_parts_share_its_amount_by_their_prices(judged: Judged) -> None:
    parts = _lines(judged, "kit")
    # 99.99 by 10.00 and 3 × 0.3333 (1.00), largest remainder.
    assert [(p["item_id"], p["amount"]) for p in parts] == [
        ("11", Decimal("90.90")), ("12", Decimal("9.09")), ("11", Decimal("1.00")),
    ]  # fmt: skip
    assert {(p["bundle_item_id"], p["bundle_quantity"]) for p in parts[:2]} == {("50", 3)}
    assert [p["quantity"] for p in parts[:2]] == [3, 9]
    # Parts without a price share alike; one cent goes to the first.
    assert [p["amount"] for p in _lines(judged, "cheap")] == [Decimal("0.01"), Decimal("0.00")]


def test_a_discount_stands_behind_its_line_and_takes_it_down_to_what_was_sold(
    judged: Judged,
) -> None:
    # 733.00 less 33.33 % is 488.69; of 489.69 the steps are 146.91 and 342.78.
    lines = [line for line in _lines(judged, "less") if line["source_line_id"]]
    first = [(p["line_kind"], p["item_id"], p["amount"]) for p in lines if p["plan_step"] == 1]
    assert first == [
        ("item", "11", Decimal("219.90")), ("line_discount", "90", Decimal("-73.29")),
        ("item", "11", Decimal("0.30")),
    ]  # fmt: skip
    assert lines[1]["description"] == "Discount 33.33 %: P1 (step 1 of 2)"
    assert lines[1]["tax_code_id"] == lines[0]["tax_code_id"]
    kit = _lines(judged, "kit_less")
    assert [(p["line_kind"], p["amount"]) for p in kit] == [
        ("item", Decimal("90.90")), ("item", Decimal("9.09")),
        ("line_discount", Decimal("-10.00")),
    ]  # fmt: skip


def test_a_discount_of_the_whole_is_one_and_stands_last(judged: Judged) -> None:
    # 733.00, 1.00 and 1.00, less 244.31 and 0.13.
    lines = _lines(judged, "less_whole")
    assert [(p["line_kind"], p["amount"], p["discount_account_id"]) for p in lines] == [
        ("item", Decimal("733.00"), None), ("item", Decimal("1.00"), None),
        ("item", Decimal("1.00"), None), ("discount", Decimal("-244.44"), "86"),
    ]  # fmt: skip
    assert (lines[1]["quantity"], lines[1]["unit_price"]) == (3, Decimal("0.333"))
    assert _invoices(judged)["less_whole"]["blocked_reason"] is None


def test_a_deal_s_own_discount_is_borne_by_its_lines(judged: Judged) -> None:
    rows = _invoices(judged)
    # 12.5 % of 120.00 is 15.00: 3.75 and 11.25 of it; the second line had 10.00 off before.
    assert rows["whole_less"]["amount"] == Decimal("105.00")
    lines = _lines(judged, "whole_less")
    assert [(p["line_kind"], p["amount"]) for p in lines] == [
        ("item", Decimal("30.00")), ("line_discount", Decimal("-3.75")),
        ("item", Decimal("100.00")), ("line_discount", Decimal("-21.25")),
    ]  # fmt: skip
    assert [p["description"] for p in lines if p["line_kind"] != "item"] == [
        "Discount on the whole order 12.5 %: P1",
        "Discount 10 % and on the whole order 12.5 %: P2",
    ]
    # Nought per cent is none: the next field speaks. 33.34 of 30.00 and 70.00: 10.002 and 23.338.
    lines = _lines(judged, "amount_less")
    assert [p["amount"] for p in lines if p["line_kind"] != "item"] == [
        Decimal("-10.00"), Decimal("-23.34"),
    ]  # fmt: skip
    # All discounts of the whole in one: 10.00 of the second line and 15.00 of the deal.
    assert [(p["line_kind"], p["amount"]) for p in _lines(judged, "pounds_less")] == [
        ("item", Decimal("30.00")), ("item", Decimal("100.00")), ("discount", Decimal("-25.00")),
    ]  # fmt: skip
    assert {rows[name]["blocked_reason"] for name in ("whole_less", "pounds_less")} == {None}


@pytest.mark.parametrize(
    "case, says",
    [
        ("below", "Discount_Percent__c says -5"), ("above", "Discount_Percent__c says 100.01"),
        ("words", "Discount_Amount__c says a third"),
        ("too_much", "Discount_Amount__c says 100.01"),
    ],
)  # fmt: skip
def test_a_discount_that_is_none_blocks_and_takes_nothing_off(
    judged: Judged, case: str, says: str
) -> None:
    row = _invoices(judged)[case]
    assert row["blocked_reason"] == "deal_discount_unclear"
    assert row["blocked_detail"].startswith(says)
    assert row["amount"] == Decimal("100.00")


def test_whatever_is_sold_lines_and_parts_add_up_to_the_step(judged: Judged) -> None:
    kinds, discounted = _added_up(judged)
    assert min(kinds["line_discount"], kinds["discount"]) > 30
    assert discounted > 60


def test_the_deal_s_own_discount_may_stand_alone_behind_the_lines(
    judged: Judged, tmp_path: Path
) -> None:
    path, cases, builder = judged
    text = MAPPING.replace('shown_as = "total"', 'shown_as = "deal"')
    text = text.replace('shown_as = "line"\nitem_sku = "LESS"', 'shown_as = "unit_price"')
    other = _judged_by(
        text, Path(shutil.copy(path, tmp_path / "warehouse.duckdb")), "int_discounts__ruled",
        "int_invoices__described", "sync_invoices", "sync_invoice_lines",
    )  # fmt: skip
    again = (other, cases, builder)
    kinds, discounted = _added_up(again)
    assert (kinds["line_discount"], kinds["discount"] > 20, discounted > 60) == (0, True, True)
    # 10 % of the second line stand in its price, the deal's 12.5 % of 120.00 behind all lines.
    assert [(p["line_kind"], p["amount"]) for p in _lines(again, "pounds_less")] == [
        ("item", Decimal("30.00")), ("item", Decimal("90.00")), ("discount", Decimal("-15.00")),
    ]  # fmt: skip
    assert [p["amount"] for p in _lines(again, "amount_less")] == [
        Decimal("20.00"), Decimal("46.66"),
    ]  # fmt: skip


def _added_up(judged: Judged) -> tuple[Counter[str], int]:
    """That the lines of every random deal's steps add up to them, and its steps to its lines less
    its discount: how many lines of each kind, and how many deals with a discount of their own."""
    path, cases, builder = judged
    kinds = Counter[str]()
    own = {deal for name, deal in cases.items() if name.startswith("random")}
    sums: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    bundles = 0
    for line in read(path, "select * from sync.sync_invoice_lines"):
        if line["deal_id"] in own:
            product = (line["quantity"] * line["unit_price"]).quantize(CENT, ROUND_HALF_UP)
            assert product == line["amount"]
            kinds[line["line_kind"]] += 1
            assert line["item_id"] is None or line["item_id"] != line["bundle_item_id"]
            assert (line["amount"] < 0) == (line["line_kind"] != "item")
            sums[line["deal_id"], line["plan_step"]] += line["amount"]
            bundles += line["bundle_item_id"] is not None
    rows = [r for r in read(path, "select * from sync.sync_invoices") if r["deal_id"] in own]
    assert len(rows) > 80
    assert bundles > 100
    assert {(r["deal_id"], r["plan_step"]): r["amount"] for r in rows} == sums
    steps = read(path, "select deal_id, sum(amount) as amount "
                       "from intermediate.int_billing_plan__steps group by deal_id")  # fmt: skip
    billed = {row["deal_id"]: row["amount"] for row in steps}
    worth: dict[str, Decimal] = defaultdict(Decimal)
    for line in builder.salesforce["OpportunityLineItem"]:
        worth[line["OpportunityId"]] += line["TotalPrice"]
    deals = {row["Id"]: row for row in builder.salesforce["Opportunity"] if row["Id"] in own}
    for deal_id, record in deals.items():
        percent = record.get("Discount_Percent__c") or 0
        less = (worth[deal_id] * percent / 100).quantize(CENT, ROUND_HALF_UP)
        less = less or record.get("Discount_Amount__c") or Decimal(0)
        assert billed[deal_id] == worth[deal_id] - less
    return kinds, sum(1 for r in deals.values() if _has_discount(r))


def _has_discount(record: Row) -> bool:
    return bool(record.get("Discount_Percent__c") or record.get("Discount_Amount__c"))


def test_what_is_written_and_read_again_is_asked_for_no_more(
    judged: Judged, tmp_path: Path
) -> None:
    """Every invoice that may be sent stands in the books as it was sent: nothing is due of it, it
    was not edited, and its lines, bundles too, are those that the deal sold."""
    path, _, builder = judged
    marts = {
        name: read(path, f"select * from sync.{name}")
        for name in (invoices.MART, invoices.LINES_MART)
    }
    sent = [c for c in invoices.changes(marts, Facts()) if isinstance(c, Change)]
    assert len(sent) > 80
    for shape in ("GroupLineDetail", "DiscountLineDetail", "Discount 12.5 %"):
        assert any(shape in change.payload for change in sent), shape
    for number, change in enumerate(sent, 5001):
        document = _as_read(from_json(change.payload), str(number))
        builder._list(change.company_id, "Invoice", **document)
        builder.wrote(
            "invoices", change.record_id, str(number), step=change.plan_step,
            company=change.company_id, payload=from_json(change.payload),
        )  # fmt: skip
    again = _built(
        builder, tmp_path / "warehouse.duckdb", "+sync_invoice_lines",
        "+int_reconciliation__line_findings", "+int_invoices__edited",
    )  # fmt: skip
    left = read(again, "select * from sync.sync_invoices where blocked_reason is null")
    assert left == []
    written = {(change.record_id, change.plan_step) for change in sent}
    due = read(again, "select deal_id, plan_step from sync.sync_invoices")
    assert not written & {(row["deal_id"], row["plan_step"]) for row in due}
    assert read(again, "select * from intermediate.int_invoices__edited") == []
    assert read(again, "select * from intermediate.int_reconciliation__line_findings") == []


def _as_read(body: Row, number: str) -> Row:
    """A document as QuickBooks would give it back: numbered, added up, with its subtotal."""
    lines = [_line_as_read(line) for line in body["Line"]]
    less = [line for line in lines if line["DetailType"] == "DiscountLineDetail"]
    sold = [line for line in lines if line not in less]
    subtotal = sum((line["Amount"] for line in sold), Decimal(0))
    total = subtotal - sum((line["Amount"] for line in less), Decimal(0))
    added = {"Amount": subtotal, "DetailType": "SubTotalLineDetail"}
    return {
        **body, "Id": number, "DocNumber": f"N{number}", "TotalAmt": total, "Balance": total,
        "DueDate": body["TxnDate"], "Line": [*sold, added, *less], "LinkedTxn": [],
    }  # fmt: skip


def _line_as_read(line: Row) -> Row:
    parts = line.get("GroupLineDetail", {}).get("Line", ())
    amount = sum((part["Amount"] for part in parts), Decimal(0))
    return {**line, "Amount": amount} if parts else line
