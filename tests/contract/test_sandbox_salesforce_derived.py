"""Rows and sums the vendor computes: lines, schedules, quotes, orders, contracts, history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest

from tests.contract.salesforce_org import (
    ACME,
    CABLE,
    CABLE_USD,
    DEAL,
    EURO_DEAL,
    PARTNER,
    PROBE,
    PROBE_USD,
    STANDARD,
    USER,
    Org,
    running_org,
    write_seed,
)


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    folder: Path = tmp_path_factory.mktemp("derived") / "seed"
    with running_org(write_seed(folder)) as running:
        yield running


def _create(org: Org, name: str, **values: Any) -> str:
    answer = org.call("POST", f"sobjects/{name}", json=values)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _change(org: Org, name: str, record_id: str, **values: Any) -> None:
    answer = org.call("PATCH", f"sobjects/{name}/{record_id}", json=values)
    assert answer.status_code == 204, answer.text


def _read(org: Org, name: str, record_id: str) -> Mapping[str, Any]:
    return dict(org.get(f"sobjects/{name}/{record_id}"))


def _deal(org: Org, **values: Any) -> str:
    given = {"Name": "Dunlin", "StageName": "Prospecting", "CloseDate": "2026-12-31"}
    return _create(org, "Opportunity", **given, AccountId=ACME, **values)


def _line(org: Org, deal: str, quantity: float = 10, price: float = 100, **values: Any) -> str:
    return _create(
        org, "OpportunityLineItem", OpportunityId=deal, PricebookEntryId=PROBE_USD,
        Quantity=quantity, UnitPrice=price, **values,
    )  # fmt: skip


@pytest.fixture
def scheduled(org: Org) -> Iterator[str]:
    """A line whose product allows schedules of both kinds."""
    flags = {"CanUseRevenueSchedule": True, "CanUseQuantitySchedule": True}
    _change(org, "Product2", PROBE, **flags)
    yield _line(org, _deal(org))
    _change(org, "Product2", PROBE, **dict.fromkeys(flags, False))


# ---- schedules of a line


def _schedule(org: Org, line: str, **values: Any) -> str:
    given = {"ScheduleDate": "2027-01-31", "Type": "Revenue"}
    return _create(
        org, "OpportunityLineItemSchedule", OpportunityLineItemId=line, **{**given, **values}
    )


def test_revenue_schedules_decide_a_lines_total_and_a_deals_amount(
    org: Org, scheduled: str
) -> None:
    first = _schedule(org, scheduled, Revenue=300)
    line = _read(org, "OpportunityLineItem", scheduled)
    assert (line["TotalPrice"], line["UnitPrice"]) == (Decimal(300), Decimal(30))
    assert [line[f"Has{k}Schedule"] for k in ("", "Revenue", "Quantity")] == [True, True, False]
    second = _schedule(org, scheduled, Revenue=200.5)
    deal = _read(org, "Opportunity", line["OpportunityId"])
    assert deal["Amount"] == Decimal("500.5")
    assert deal["ExpectedRevenue"] == Decimal("50.05")
    _change(org, "OpportunityLineItemSchedule", second, Revenue=100)
    assert _read(org, "OpportunityLineItem", scheduled)["TotalPrice"] == Decimal(400)
    for one in (first, second):
        assert org.call("DELETE", f"sobjects/OpportunityLineItemSchedule/{one}").status_code == 204
    line = _read(org, "OpportunityLineItem", scheduled)
    assert (line["HasSchedule"], line["HasRevenueSchedule"]) == (False, False)
    found = org.rows(
        f"SELECT Id FROM OpportunityLineItemSchedule WHERE Id = '{second}'", "queryAll"
    )
    assert found == [{"Id": second}]


def test_quantity_schedules_decide_a_lines_quantity(org: Org, scheduled: str) -> None:
    for quantity in (4, 5):
        _schedule(org, scheduled, Type="Quantity", Quantity=quantity)
    line = _read(org, "OpportunityLineItem", scheduled)
    assert (line["Quantity"], line["TotalPrice"]) == (Decimal(9), Decimal(900))
    assert org.get(f"sobjects/Opportunity/{line['OpportunityId']}")["Amount"] == Decimal(900)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"Revenue": None}, "Revenue"),
        ({"Revenue": 1, "Quantity": 1}, "Quantity"),
        ({"Type": "Both", "Revenue": 1, "Quantity": 1}, "Type"),
    ],
)
def test_a_schedule_must_go_with_its_type_and_with_the_others(
    org: Org, scheduled: str, values: Mapping[str, Any], field: str
) -> None:
    _schedule(org, scheduled, Revenue=5)
    given = {"OpportunityLineItemId": scheduled, "ScheduleDate": "2027-01-31", "Type": "Revenue"}
    error = org.refused(
        "POST", "sobjects/OpportunityLineItemSchedule", 400, json={**given, **values}
    )
    assert (error["errorCode"], error["fields"]) == ("FIELD_INTEGRITY_EXCEPTION", [field])


def test_what_schedules_sum_up_to_is_not_given_and_a_product_must_allow_them(
    org: Org, scheduled: str
) -> None:
    _schedule(org, scheduled, Revenue=5)
    for field, words in (("TotalPrice", "total price"), ("Quantity", "quantity")):
        error = org.refused(
            "PATCH", f"sobjects/OpportunityLineItem/{scheduled}", 400, json={field: 77}
        )
        assert error["message"] == (
            f"field integrity exception: {field} (invalid {words} change on opportunity line item)"
        )
    _change(org, "OpportunityLineItem", scheduled, Description="all the same")
    plain = _create(org, "OpportunityLineItem", OpportunityId=_deal(org), Quantity=1,
                    PricebookEntryId=CABLE_USD)  # fmt: skip
    given = {"OpportunityLineItemId": plain, "ScheduleDate": "2027-01-31", "Type": "Revenue"}
    error = org.refused(
        "POST", "sobjects/OpportunityLineItemSchedule", 400, json={**given, "Revenue": 5}
    )
    assert error["fields"] == ["Type"]


def test_schedules_are_established_and_established_anew(org: Org, scheduled: str) -> None:
    path = f"sobjects/OpportunityLineItem/{scheduled}/OpportunityLineItemSchedules"
    asked = {
        "type": "Both",
        "quantity": 10,
        "quantityScheduleType": "Repeat",
        "quantityScheduleInstallmentPeriod": "Monthly",
        "quantityScheduleInstallmentsNumber": 3,
        "quantityScheduleStartDate": "2026-11-30",
        "revenue": 1000,
        "revenueScheduleType": "Divide",
        "revenueScheduleInstallmentPeriod": "Monthly",
        "revenueScheduleInstallmentsNumber": 3,
        "revenueScheduleStartDate": "2026-11-30",
    }
    rows = org.call("PUT", path, json=asked)
    assert rows.status_code == 200, rows.text
    shares = [(r["ScheduleDate"], r["Revenue"]) for r in org.get(path)["records"]]
    assert shares == [
        ("2026-11-30", Decimal("333.33")),
        ("2026-12-30", Decimal("333.33")),
        ("2027-01-30", Decimal("333.34")),
    ]
    line = _read(org, "OpportunityLineItem", scheduled)
    assert (line["Quantity"], line["TotalPrice"]) == (Decimal(30), Decimal(1000))
    weekly = {
        "type": "Revenue",
        "revenue": 7,
        "revenueScheduleType": "Repeat",
        "revenueScheduleInstallmentPeriod": "Weekly",
        "revenueScheduleInstallmentsNumber": 2,
        "revenueScheduleStartDate": "2026-12-28",
    }
    org.call("PUT", path, json=weekly)
    days = [r["ScheduleDate"] for r in org.get(path)["records"]]
    assert days == ["2026-12-28", "2027-01-04"]
    assert _read(org, "OpportunityLineItem", scheduled)["TotalPrice"] == Decimal(14)
    bad = org.refused("PUT", path, 400, json={**weekly, "revenueScheduleInstallmentsNumber": 151})
    assert bad["fields"] == ["revenueScheduleInstallmentsNumber"]
    bad = org.refused("PUT", path, 400, json={**weekly, "revenueScheduleStartDate": "soon"})
    assert bad["errorCode"] == "JSON_PARSER_ERROR"
    assert len(org.get(path)["records"]) == 2
    assert org.call("DELETE", path).status_code == 204
    assert org.get(path)["records"] == []


def test_a_products_own_schedule_comes_with_its_line(org: Org) -> None:
    _change(
        org, "Product2", CABLE, CanUseRevenueSchedule=True, RevenueScheduleType="Divide",
        RevenueInstallmentPeriod="Quarterly", NumberOfRevenueInstallments=4,
    )  # fmt: skip
    line = _create(
        org, "OpportunityLineItem", OpportunityId=_deal(org), PricebookEntryId=CABLE_USD,
        Quantity=10, UnitPrice=1.01, ServiceDate="2026-11-30",
    )  # fmt: skip
    rows = org.rows(
        "SELECT ScheduleDate, Revenue FROM OpportunityLineItemSchedule WHERE "
        f"OpportunityLineItemId = '{line}' ORDER BY ScheduleDate"
    )
    assert [r["ScheduleDate"] for r in rows] == [
        "2026-11-30", "2027-02-28", "2027-05-30", "2027-08-30",
    ]  # fmt: skip
    assert sum(r["Revenue"] for r in rows) == Decimal("10.10")
    _change(org, "Product2", CABLE, CanUseRevenueSchedule=False)


def test_a_line_out_of_the_recycle_bin_counts_again(org: Org) -> None:
    deal = _deal(org)
    _line(org, deal, 1, 70)
    second = _line(org, deal, 1, 30)
    assert org.call("DELETE", f"sobjects/OpportunityLineItem/{second}").status_code == 204
    assert _read(org, "Opportunity", deal)["Amount"] == Decimal(70)
    envelope = (
        '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:p="urn:partner.soap.sforce.com"><env:Header><p:SessionHeader><p:sessionId>'
        f"{org.connection['access_token']}</p:sessionId></p:SessionHeader></env:Header>"
        f"<env:Body><p:undelete><p:ids>{second}</p:ids></p:undelete></env:Body></env:Envelope>"
    )
    told = org.call(
        "POST", "/services/Soap/u/60.0", data=envelope,
        headers={"Content-Type": "text/xml", "SOAPAction": '""'},
    )  # fmt: skip
    assert "<success>true</success>" in told.text
    assert _read(org, "Opportunity", deal)["Amount"] == Decimal(100)


# ---- quotes


def _quote(org: Org, deal: str, **values: Any) -> str:
    given = {"Name": "Offer", "OpportunityId": deal, "Pricebook2Id": STANDARD}
    return _create(org, "Quote", **{**given, **values})


def _quote_line(org: Org, quote: str, quantity: float, price: float, discount: float = 0) -> str:
    return _create(
        org, "QuoteLineItem", QuoteId=quote, PricebookEntryId=PROBE_USD, Quantity=quantity,
        UnitPrice=price, Discount=discount,
    )  # fmt: skip


def test_a_quotes_totals_are_sums_over_its_lines(org: Org) -> None:
    quote = _quote(org, _deal(org), Tax=5, ShippingHandling=7.5)
    blank = _read(org, "Quote", quote)
    assert (blank["AccountId"], blank["GrandTotal"]) == (ACME, Decimal("12.5"))
    assert (blank["LineItemCount"], blank["IsSyncing"]) == (0, False)
    assert blank["QuoteNumber"].isdigit() and len(blank["QuoteNumber"]) == 8
    _quote_line(org, quote, 2, 50)
    second = _quote_line(org, quote, 1, 300, 50)
    told = _read(org, "Quote", quote)
    totals = ("Subtotal", "Discount", "TotalPrice", "GrandTotal", "LineItemCount")
    assert [told[n] for n in totals] == [
        Decimal(400), Decimal("37.5"), Decimal(250), Decimal("262.5"), 2,
    ]  # fmt: skip
    assert org.call("DELETE", f"sobjects/QuoteLineItem/{second}").status_code == 204
    _change(org, "Quote", quote, Tax=0)
    assert _read(org, "Quote", quote)["GrandTotal"] == Decimal("107.5")
    numbers = [r["QuoteNumber"] for r in org.rows("SELECT QuoteNumber FROM Quote")]
    assert len(set(numbers)) == len(numbers)
    with pytest.raises(SalesforceMalformedRequest) as refused:
        org.client.Quote.update(quote, {"GrandTotal": 1})
    assert refused.value.content[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_quotes_line_must_be_of_its_price_book(org: Org) -> None:
    deal = _deal(org)
    for book in (None, PARTNER):
        line = {"QuoteId": _quote(org, deal, Pricebook2Id=book), "PricebookEntryId": PROBE_USD}
        error = org.refused("POST", "sobjects/QuoteLineItem", 400, json={**line, "Quantity": 1})
        assert (error["errorCode"], error["fields"]) == (
            "FIELD_INTEGRITY_EXCEPTION", ["PricebookEntryId"],
        )  # fmt: skip


def _lines_of(org: Org, name: str, parent: str, record_id: str) -> list[tuple[Any, ...]]:
    rows = org.rows(
        f"SELECT Quantity, UnitPrice, TotalPrice FROM {name} WHERE {parent} = '{record_id}' "
        "ORDER BY Quantity"
    )
    return [(r["Quantity"], r["UnitPrice"], r["TotalPrice"]) for r in rows]


def test_a_synced_quote_and_its_deal_have_the_same_lines(org: Org) -> None:
    deal = _deal(org)
    _line(org, deal, 9, 9)
    quote = _quote(org, deal)
    first = _quote_line(org, quote, 2, 50)
    _change(org, "Opportunity", deal, SyncedQuoteId=quote)
    assert _read(org, "Quote", quote)["IsSyncing"] is True
    assert _read(org, "Opportunity", deal)["Amount"] == Decimal(100)
    _quote_line(org, quote, 3, 10)
    _change(org, "QuoteLineItem", first, Quantity=4)
    both = [(Decimal(3), Decimal(10), Decimal(30)), (Decimal(4), Decimal(50), Decimal(200))]
    assert _lines_of(org, "OpportunityLineItem", "OpportunityId", deal) == both
    assert _read(org, "Opportunity", deal)["Amount"] == Decimal(230)
    (held,) = org.rows(
        f"SELECT Id FROM OpportunityLineItem WHERE OpportunityId = '{deal}' AND Quantity = 3"
    )
    _change(org, "OpportunityLineItem", held["Id"], UnitPrice=11)
    assert _lines_of(org, "QuoteLineItem", "QuoteId", quote)[0][2] == Decimal(33)
    assert _read(org, "Quote", quote)["TotalPrice"] == Decimal(233)
    org.call("DELETE", f"sobjects/OpportunityLineItem/{held['Id']}")
    assert _read(org, "Quote", quote)["LineItemCount"] == 1
    _change(org, "Opportunity", deal, SyncedQuoteId=None)
    assert _read(org, "Quote", quote)["IsSyncing"] is False
    _quote_line(org, quote, 1, 1)
    assert len(_lines_of(org, "OpportunityLineItem", "OpportunityId", deal)) == 1
    error = org.refused(
        "PATCH", f"sobjects/Opportunity/{EURO_DEAL}", 400, json={"SyncedQuoteId": quote}
    )
    assert error["fields"] == ["SyncedQuoteId"]


# ---- orders and contracts


def _order(org: Org, **values: Any) -> str:
    given = {"EffectiveDate": "2026-12-01", "Status": "Draft", "Pricebook2Id": STANDARD}
    return _create(org, "Order", AccountId=ACME, **{**given, **values})


def _item(order: str, quantity: float = 3, price: float = 19.99) -> dict[str, Any]:
    return {"OrderId": order, "PricebookEntryId": PROBE_USD, "Quantity": quantity,
            "UnitPrice": price}  # fmt: skip


def test_an_orders_total_is_the_sum_of_its_products(org: Org) -> None:
    order = _order(org)
    assert _read(org, "Order", order)["TotalAmount"] == 0
    item = _create(org, "OrderItem", **_item(order))
    _create(org, "OrderItem", **_item(order, 1, 0.03))
    told = _read(org, "Order", order)
    assert (told["TotalAmount"], told["StatusCode"]) == (Decimal("60.00"), "Draft")
    assert told["OrderNumber"].isdigit()
    _change(org, "OrderItem", item, Quantity=1)
    assert _read(org, "Order", order)["TotalAmount"] == Decimal("20.02")
    line = _read(org, "OrderItem", item)
    assert (line["TotalPrice"], line["AvailableQuantity"]) == (Decimal("19.99"), 1)
    assert line["ListPrice"] == Decimal(100)


def test_an_order_is_activated_by_its_status_alone_and_then_keeps_its_products(org: Org) -> None:
    early = {"EffectiveDate": "2026-12-01", "AccountId": ACME, "Status": "Activated"}
    error = org.refused("POST", "sobjects/Order", 400, json=early)
    assert (error["errorCode"], error["fields"]) == ("FAILED_ACTIVATION", ["Status"])
    order = _order(org)
    activate = {"Status": "Activated"}
    error = org.refused("PATCH", f"sobjects/Order/{order}", 400, json=activate)
    assert error["message"] == "An order must have at least one product."
    item = _create(org, "OrderItem", **_item(order))
    both = {**activate, "Description": "now"}
    error = org.refused("PATCH", f"sobjects/Order/{order}", 400, json=both)
    assert error["fields"] == ["Description"]
    _change(org, "Order", order, **activate)
    told = _read(org, "Order", order)
    assert (told["StatusCode"], told["ActivatedById"]) == ("Activated", USER)
    assert told["ActivatedDate"] == told["LastModifiedDate"]
    for method, path, body in (
        ("POST", "sobjects/OrderItem", _item(order)),
        ("DELETE", f"sobjects/OrderItem/{item}", None),
        ("DELETE", f"sobjects/Order/{order}", None),
    ):
        assert org.refused(method, path, 400, json=body)["errorCode"] == "ENTITY_IS_LOCKED"
    _change(org, "Order", order, Status="Draft")
    assert _read(org, "Order", order)["ActivatedDate"] is None
    assert org.call("DELETE", f"sobjects/Order/{order}").status_code == 204


def test_a_contract_ends_with_its_term_and_stays_once_activated(org: Org) -> None:
    given = {"AccountId": ACME, "StartDate": "2026-12-01", "ContractTerm": 14}
    error = org.refused("POST", "sobjects/Contract", 400, json={**given, "Status": "Activated"})
    assert error["errorCode"] == "FAILED_ACTIVATION"
    contract = _create(org, "Contract", **given)
    told = _read(org, "Contract", contract)
    assert (told["EndDate"], told["Status"], told["StatusCode"]) == ("2028-01-31", "Draft", "Draft")
    assert told["ContractNumber"].isdigit()
    _change(org, "Contract", contract, Status="In Approval Process")
    assert _read(org, "Contract", contract)["StatusCode"] == "InApproval"
    _change(org, "Contract", contract, Status="Activated")
    assert _read(org, "Contract", contract)["ActivatedById"] == USER
    path = f"sobjects/Contract/{contract}"
    assert org.refused("PATCH", path, 400, json={"Status": "Draft"})["errorCode"] == (
        "INVALID_STATUS"
    )
    assert org.refused("DELETE", path, 400)["errorCode"] == "DELETE_FAILED"


# ---- history of a deal


def test_each_change_of_a_deal_leaves_rows_in_both_histories(org: Org) -> None:
    deal = _deal(org, Amount=500)
    _change(org, "Opportunity", deal, StageName="Closed Won", Amount=600)
    _change(org, "Opportunity", deal, CloseDate="2027-01-15")
    _change(org, "Opportunity", deal, OwnerId=USER, Description="not tracked")
    rows = org.rows(
        "SELECT StageName, Amount, PrevAmount, CloseDate, PrevCloseDate, Probability FROM "
        f"OpportunityHistory WHERE OpportunityId = '{deal}' ORDER BY Id"
    )
    assert [(r["StageName"], r["Amount"], r["PrevAmount"], r["PrevCloseDate"]) for r in rows] == [
        ("Prospecting", 500, None, None),
        ("Closed Won", 600, 500, "2026-12-31"),
        ("Closed Won", 600, 600, "2026-12-31"),
    ]
    changes = org.rows(
        "SELECT Field, DataType, OldValue, NewValue FROM OpportunityFieldHistory WHERE "
        f"OpportunityId = '{deal}' ORDER BY Id"
    )
    assert [(r["Field"], r["OldValue"], r["NewValue"]) for r in changes] == [
        ("created", None, None),
        ("StageName", "Prospecting", "Closed Won"),
        ("Amount", 500, 600),
        ("Probability", 10, 100),
        ("CloseDate", "2026-12-31", "2027-01-15"),
    ]
    error = org.refused("POST", "sobjects/OpportunityHistory", 400, json={"OpportunityId": deal})
    assert error["errorCode"] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"


def test_a_changed_lookup_has_a_row_with_names_and_one_with_ids(org: Org) -> None:
    deal = _deal(org)
    other = _create(org, "Account", Name="Ruff AG")
    _change(org, "Opportunity", deal, AccountId=other)
    rows = org.rows(
        "SELECT DataType, OldValue, NewValue FROM OpportunityFieldHistory WHERE "
        f"OpportunityId = '{deal}' AND Field = 'Account' ORDER BY Id"
    )
    assert [tuple(r.values()) for r in rows] == [
        ("Text", "Acme GmbH", "Ruff AG"), ("EntityId", ACME, other),
    ]  # fmt: skip


def test_a_lines_sum_is_a_change_of_its_deals_history(org: Org) -> None:
    deal = _deal(org, Amount=1)
    _line(org, deal, 2, 21)
    rows = org.rows(
        "SELECT OldValue, NewValue FROM OpportunityFieldHistory WHERE "
        f"OpportunityId = '{deal}' AND Field = 'Amount'"
    )
    assert rows == [{"OldValue": Decimal(1), "NewValue": Decimal(42)}]


DERIVED = (
    "OpportunityLineItemSchedule", "Quote", "QuoteLineItem", "Order", "OrderItem", "Contract",
    "OpportunityHistory", "OpportunityFieldHistory",
)  # fmt: skip


@pytest.mark.parametrize("name", DERIVED)
def test_extraction_reads_what_is_derived_by_every_door(org: Org, name: str) -> None:
    _change(org, "Product2", PROBE, CanUseRevenueSchedule=True)
    deal = _deal(org)
    _schedule(org, _line(org, deal), Revenue=1)
    quote, order = _quote(org, deal), _order(org)
    _quote_line(org, quote, 1, 1)
    _create(org, "OrderItem", **_item(order))
    _create(org, "Contract", AccountId=ACME)
    described = org.get(f"sobjects/{name}/describe")
    columns = [f["name"] for f in described["fields"] if f["type"] not in ("address", "location")]
    rows = org.rows(f"SELECT {', '.join(columns)} FROM {name}")
    assert rows
    window = {"start": "2026-11-20T00:00:00+00:00", "end": "2026-11-21T00:00:00+00:00"}
    ids = org.get(f"sobjects/{name}/updated", params=window)["ids"]
    assert set(ids) == {r["Id"] for r in rows}
    (csv,) = getattr(org.client.bulk2, name).query(f"SELECT Id FROM {name}", wait=0)
    assert len(csv.split()) == len(rows) + 1
    assert org.call("DELETE", f"sobjects/Opportunity/{deal}").status_code == 204
    gone = org.get(f"sobjects/{name}/deleted", params=window)["deletedRecords"]
    binned = org.rows(f"SELECT Id FROM {name} WHERE IsDeleted = true", "queryAll")
    assert {r["id"] for r in gone} == {r["Id"] for r in binned}
    assert bool(gone) or name in ("Order", "OrderItem", "Contract")


def test_the_seeded_deal_still_has_its_own_amount(org: Org) -> None:
    assert _read(org, "Opportunity", DEAL)["Amount"] == Decimal(1000)
