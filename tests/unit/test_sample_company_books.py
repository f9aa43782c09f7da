"""The sample company's books are what QuickBooks would compute, and deals what Salesforce would."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.sandbox.company import generate
from pipelines.sandbox.quickbooks.accounting import Rate, TaxRules, total_up

Record = dict[str, Any]
REALMS = ("9341450000000001", "9341450000000002")
DOCUMENTS = ("Invoice", "CreditMemo", "Estimate", "SalesReceipt", "RefundReceipt")
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("books")
    generate(base / "company", base / "key.json")
    return base / "company"


def load(folder: Path, name: str) -> list[Record]:
    loaded: list[Record] = json.loads((folder / f"{name}.json").read_text(), parse_float=Decimal)
    return loaded


def dec(value: Any) -> Decimal:
    return Decimal(value or 0)


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def each(folder: Path, *entities: str) -> Iterator[tuple[str, str, Record]]:
    for realm in REALMS:
        for entity in entities:
            for record in load(folder, f"quickbooks/{realm}/{entity}"):
                yield realm, entity, record


def is_void(document: Record) -> bool:
    return str(document.get("PrivateNote", "")).startswith("Voided")


def test_no_number_has_lost_digits(folder: Path) -> None:
    for path in folder.rglob("*.json"):
        floats: list[str] = []
        json.loads(path.read_text(), parse_float=lambda text, seen=floats: seen.append(text))
        assert not [text for text in floats if len(text.partition(".")[2]) > 7], path
        assert not [text for text in floats if "e" in text.lower()], path


def test_lines_are_quantity_times_price(folder: Path) -> None:
    for _, _, document in each(folder, *DOCUMENTS):
        for line in document["Line"]:
            detail = line.get("SalesItemLineDetail", {})
            if "UnitPrice" in detail and not is_void(document):
                product = cents(dec(detail["UnitPrice"]) * dec(detail["Qty"]))
                assert dec(line["Amount"]) == product, document["Id"]


def test_totals_are_those_the_sandbox_computes(folder: Path) -> None:
    for realm in REALMS:
        rates = {
            code["Id"]: [
                Rate(rate["TaxRateRef"]["value"], percent[rate["TaxRateRef"]["value"]])
                for rate in code["SalesTaxRateList"]["TaxRateDetail"]
            ]
            for percent in [
                {r["Id"]: dec(r["RateValue"]) for r in load(folder, f"quickbooks/{realm}/TaxRate")}
            ]
            for code in load(folder, f"quickbooks/{realm}/TaxCode")
            if "SalesTaxRateList" in code
        }
        for entity in DOCUMENTS:
            for document in load(folder, f"quickbooks/{realm}/{entity}"):
                if is_void(document):
                    continue
                lines = [
                    line for line in document["Line"] if line["DetailType"] != "SubTotalLineDetail"
                ]
                code = document["TxnTaxDetail"].get("TxnTaxCodeRef", {}).get("value")
                rules = TaxRules(
                    realm == REALMS[0],
                    True,
                    document.get("GlobalTaxCalculation", ""),
                    document["ApplyTaxAfterDiscount"],
                    code,
                    lambda key: rates.get(key, []),  # noqa: B023
                )
                computed = total_up(lines, rules)
                assert computed.total == dec(document["TotalAmt"]), (entity, document["Id"])
                tax = dec(computed.tax["TotalTax"])
                assert tax == dec(document["TxnTaxDetail"]["TotalTax"]), (entity, document["Id"])
                assert [line["DetailType"] for line in computed.lines] == [
                    line["DetailType"] for line in document["Line"]
                ]


def test_balances_are_totals_less_what_was_applied(folder: Path) -> None:
    for realm in REALMS:
        applied: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        links: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for payment in load(folder, f"quickbooks/{realm}/Payment"):
            for line in payment["Line"]:
                (link,) = line["LinkedTxn"]
                applied[link["TxnType"], link["TxnId"]] += dec(line["Amount"])
                links[link["TxnType"], link["TxnId"]].append(payment["Id"])
        for entity in ("Invoice", "CreditMemo"):
            for document in load(folder, f"quickbooks/{realm}/{entity}"):
                key = (entity, document["Id"])
                left = dec(document["TotalAmt"]) - applied.pop(key, Decimal(0))
                assert dec(document["Balance"]) == left >= 0, key
                named = [
                    link["TxnId"] for link in document["LinkedTxn"] if link["TxnType"] == "Payment"
                ]
                assert sorted(named) == sorted(links[key]), key
                if entity == "CreditMemo":
                    assert dec(document["RemainingCredit"]) == left
        assert not applied, "payments applied to documents that are not there"


def test_payments_keep_what_is_not_applied(folder: Path) -> None:
    spare = 0
    for _, _, payment in each(folder, "Payment"):
        parts = [(line["LinkedTxn"][0]["TxnType"], dec(line["Amount"])) for line in payment["Line"]]
        credit = sum((part for kind, part in parts if kind == "CreditMemo"), Decimal(0))
        paid = sum((part for kind, part in parts if kind == "Invoice"), Decimal(0))
        left = dec(payment["TotalAmt"]) + credit - paid
        assert dec(payment["UnappliedAmt"]) == left >= 0
        spare += left > 0
    assert spare >= 3


def test_customer_balances_are_open_invoices_less_spare_credit(folder: Path) -> None:
    for realm in REALMS:
        owed: defaultdict[str, Decimal] = defaultdict(Decimal)
        for entity, field, sign in (
            ("Invoice", "Balance", 1),
            ("CreditMemo", "Balance", -1),
            ("Payment", "UnappliedAmt", -1),
        ):
            for document in load(folder, f"quickbooks/{realm}/{entity}"):
                owed[document["CustomerRef"]["value"]] += sign * dec(document[field])
        customers = load(folder, f"quickbooks/{realm}/Customer")
        for customer in customers:
            assert dec(customer["Balance"]) == owed[customer["Id"]]
            family = [
                customer,
                *(
                    one
                    for one in customers
                    if one.get("ParentRef", {}).get("value") == customer["Id"]
                ),
            ]
            whole = sum((owed[one["Id"]] for one in family), Decimal(0))
            assert dec(customer["BalanceWithJobs"]) == whole


def test_a_payment_concerns_one_customer_and_currency(folder: Path) -> None:
    for realm in REALMS:
        owners = {
            (entity, document["Id"]): document
            for entity in ("Invoice", "CreditMemo")
            for document in load(folder, f"quickbooks/{realm}/{entity}")
        }
        currency = {
            one["Id"]: one["CurrencyRef"]["value"]
            for one in load(folder, f"quickbooks/{realm}/Customer")
        }
        for payment in load(folder, f"quickbooks/{realm}/Payment"):
            for line in payment["Line"]:
                link = line["LinkedTxn"][0]
                document = owners[link["TxnType"], link["TxnId"]]
                assert document["CustomerRef"] == payment["CustomerRef"]
                assert document["TxnDate"] <= payment["TxnDate"]
        for document in owners.values():
            customer = document["CustomerRef"]["value"]
            assert document["CurrencyRef"]["value"] == currency[customer]


def test_voided_documents_are_empty_and_say_so(folder: Path) -> None:
    voided = [invoice for _, _, invoice in each(folder, "Invoice") if is_void(invoice)]
    assert len(voided) >= 5
    for invoice in voided:
        assert invoice["TotalAmt"] == 0 == invoice["Balance"]
        assert all(line["Amount"] == 0 for line in invoice["Line"])
        assert invoice["LinkedTxn"] == []


def test_deleted_documents_are_gone_and_lately(folder: Path) -> None:
    stubs = 0
    for realm in REALMS:
        living = {invoice["Id"] for invoice in load(folder, f"quickbooks/{realm}/Invoice")}
        for stub in load(folder, f"quickbooks/{realm}/_deleted"):
            stubs += 1
            assert stub["Id"] not in living
            assert stub["MetaData"]["LastUpdatedTime"] > "2026-10-22"
    assert stubs >= 2


def test_names_are_unique_as_quickbooks_demands(folder: Path) -> None:
    for realm in REALMS:
        names = [
            record["DisplayName"].casefold()
            for entity in ("Customer", "Vendor", "Employee")
            for record in load(folder, f"quickbooks/{realm}/{entity}")
        ]
        assert len(names) == len(set(names))
        assert not [name for name in names if any(char in name for char in ":\t\n")]
        items = [item["Name"].casefold() for item in load(folder, f"quickbooks/{realm}/Item")]
        assert len(items) == len(set(items))


def test_numbers_are_unique_and_rise_with_time(folder: Path) -> None:
    for realm in REALMS:
        ids: list[str] = []
        numbers: list[str] = []
        for entity in (*DOCUMENTS, "Payment"):
            documents = load(folder, f"quickbooks/{realm}/{entity}")
            ids += [document["Id"] for document in documents]
            if entity not in ("Estimate", "Payment"):
                numbers += [document["DocNumber"] for document in documents]
            dates = [document["TxnDate"] for document in documents]
            assert dates == sorted(dates)
        assert len(ids) == len(set(ids))
        assert len(numbers) == len(set(numbers))


def test_foreign_documents_have_home_amounts(folder: Path) -> None:
    rates = {
        (row["SourceCurrencyCode"], row["AsOfDate"][:7]): dec(row["Rate"])
        for row in load(folder, f"quickbooks/{REALMS[1]}/ExchangeRate")
    }
    odd = 0
    for invoice in load(folder, f"quickbooks/{REALMS[1]}/Invoice"):
        rate, currency = dec(invoice["ExchangeRate"]), invoice["CurrencyRef"]["value"]
        assert dec(invoice["HomeTotalAmt"]) == cents(dec(invoice["TotalAmt"]) * rate)
        assert dec(invoice["HomeBalance"]) == cents(dec(invoice["Balance"]) * rate)
        usual = Decimal(1) if currency == "GBP" else rates[currency, invoice["TxnDate"][:7]]
        odd += rate != usual
    assert odd == 3


def test_documents_come_in_every_state(folder: Path) -> None:
    states: defaultdict[str, int] = defaultdict(int)
    for _, _, invoice in each(folder, "Invoice"):
        total, balance = dec(invoice["TotalAmt"]), dec(invoice["Balance"])
        state = "void" if is_void(invoice) else "paid" if not balance else "owed"
        if state == "owed":
            late = invoice["DueDate"] < "2026-11-20"
            state = "overdue" if late else "partial" if balance < total else "open"
        states[state] += 1
        states["taxed"] += bool(invoice["TxnTaxDetail"]["TotalTax"])
        kinds = {line["DetailType"] for line in invoice["Line"]}
        states["discounted"] += "DiscountLineDetail" in kinds
    for _, _, estimate in each(folder, "Estimate"):
        states[estimate["TxnStatus"]] += 1
    for _, _, payment in each(folder, "Payment"):
        states["several"] += len(payment["Line"]) > 1
    wanted = "void paid overdue partial open taxed discounted Closed Pending Accepted several"
    assert {state: count for state in wanted.split() if (count := states[state]) < 2} == {}


def test_line_totals_are_what_salesforce_computes(folder: Path) -> None:
    for line in load(folder, "salesforce/OpportunityLineItem"):
        kept = (100 - dec(line["Discount"])) / 100
        assert dec(line["TotalPrice"]) == cents(
            dec(line["Quantity"]) * dec(line["UnitPrice"]) * kept
        )
        assert dec(line["Subtotal"]) == cents(dec(line["Quantity"]) * dec(line["UnitPrice"]))


def test_amounts_are_the_sum_of_lines_but_for_three(folder: Path) -> None:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in load(folder, "salesforce/OpportunityLineItem"):
        sums[line["OpportunityId"]] += dec(line["TotalPrice"])
    deals = load(folder, "salesforce/Opportunity")
    assert all(deal["HasOpportunityLineItem"] == (deal["Id"] in sums) for deal in deals)
    odd = [deal for deal in deals if deal["Id"] in sums and dec(deal["Amount"]) != sums[deal["Id"]]]
    assert len(odd) == 3


def test_lines_use_the_deals_book_and_currency(folder: Path) -> None:
    entries = {entry["Id"]: entry for entry in load(folder, "salesforce/PricebookEntry")}
    deals = {deal["Id"]: deal for deal in load(folder, "salesforce/Opportunity")}
    for line in load(folder, "salesforce/OpportunityLineItem"):
        entry, deal = entries[line["PricebookEntryId"]], deals[line["OpportunityId"]]
        assert entry["Pricebook2Id"] == deal["Pricebook2Id"]
        assert entry["CurrencyIsoCode"] == deal["CurrencyIsoCode"] == line["CurrencyIsoCode"]
        assert entry["Product2Id"] == line["Product2Id"]


def test_history_ends_where_the_deal_stands(folder: Path) -> None:
    last: dict[str, Record] = {}
    for row in load(folder, "salesforce/OpportunityHistory"):
        last[row["OpportunityId"]] = row
    for deal in load(folder, "salesforce/Opportunity"):
        assert last[deal["Id"]]["StageName"] == deal["StageName"]
        assert dec(last[deal["Id"]]["Amount"]) == dec(deal["Amount"])
