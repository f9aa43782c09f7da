"""What the books allow and refuse, by code, body and balance, over plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path

import pytest
from quickbooks_company import (
    GB,
    Company,
    invoice,
    line,
    payment,
    quickbooks_sandbox,
)


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as sandbox:
        yield Company(sandbox)


@pytest.fixture
def gb(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as sandbox:
        yield Company(sandbox, GB)


# ---- refusals: code, sentence, element


@pytest.mark.parametrize(
    ("entity", "body", "code", "detail", "element"),
    [
        ("invoice", {"BadJson": True}, "2010", 'Unrecognized field "BadJson" (class com.int', None),
        (
            "invoice",
            {"Line": [{"Amout": 1}], "CustomerRef": {"value": "1"}},
            "2010",
            'Unrecognized field "Amout" (class com.intuit.schema.finance.v3.Line)',
            None,
        ),
        (
            "invoice",
            {"Line": [line(1)]},
            "2020",
            "Required parameter CustomerRef is missing",
            "CustomerRef",
        ),
        (
            "invoice",
            {"CustomerRef": {"value": "1"}},
            "2020",
            "Required parameter Line is missing",
            "Line",
        ),
        (
            "invoice",
            invoice({"Amount": 1}),
            "2020",
            "Required parameter Line.DetailType is missing",
            "Line.DetailType",
        ),
        (
            "invoice",
            invoice(line("1861.07", Qty="128.350", UnitPrice="14.50")),
            "6070",
            "Amount is not equal to UnitPrice * Qty. Supplied value:1,861.07",
            None,
        ),
        (
            "invoice",
            invoice(line(1, item_id="77")),
            "2500",
            "Line.SalesItemLineDetail.ItemRef",
            "Line.SalesItemLineDetail.ItemRef",
        ),
        ("invoice", invoice(customer_id="99"), "2500", "CustomerRef", "CustomerRef"),
        ("invoice", invoice(line(-5)), "6000", "Transaction amount must be 0 or greater", None),
        ("invoice", invoice(TxnDate="2026-02-30"), "2070", "2026-02-30", "TxnDate"),
        ("invoice", invoice(DocNumber="x" * 22), "2050", "Max:21 supplied:22", "DocNumber"),
        ("invoice", invoice(line(1, TaxCodeRef={"value": "9"})), "6100", "TAX or NON", None),
        ("invoice", invoice(EmailStatus="NeedToSend"), "2020", "BillEmail", "BillEmail"),
        ("invoice", invoice(EmailStatus="Soon"), "2170", "Soon", "EmailStatus"),
        ("invoice", invoice(line("ten")), "2090", "ten", "Amount"),
        ("invoice", invoice(line(1, Qty="1e30")), "2090", "1e30", "Qty"),
        (
            "invoice",
            invoice(CustomField=[{"DefinitionId": "7", "StringValue": "x"}]),
            "3000",
            "DefinitionId=7",
            None,
        ),
        (
            "invoice",
            invoice(CurrencyRef={"value": "EUR"}),
            "6000",
            "Multi Currency should be enabled",
            None,
        ),
        ("customer", {"DisplayName": "amy's bird SANCTUARY"}, "6240", "exists. : null", None),
        (
            "vendor",
            {"DisplayName": "Cool Cars"},
            "6240",
            "Another customer, vendor or employee is already",
            None,
        ),
        ("customer", {"DisplayName": "a:b"}, "2040", "a:b", "DisplayName"),
        ("customer", {"CompanyName": "Only"}, "6080", "At least one of", None),
        (
            "customer",
            {"DisplayName": "x", "PrimaryEmailAddr": {"Address": "nobody"}},
            "2210",
            "nobody",
            "PrimaryEmailAddr",
        ),
        ("customer", {"DisplayName": "x", "GivenName": "y" * 101}, "2050", "Max:100", "GivenName"),
        ("customer", {"DisplayName": "x", "Job": True}, "6150", "ParentRef is required", None),
        ("item", {"Name": "x", "Type": "Service"}, "2020", "IncomeAccountRef", None),
        (
            "item",
            {"Name": "x", "IncomeAccountRef": {"value": "35"}},
            "6430",
            "Invalid account type",
            None,
        ),
        ("payment", {"CustomerRef": {"value": "1"}}, "2020", "TotalAmt", "TotalAmt"),
        ("taxcode", {"Name": "x"}, "500", "not supported", None),
    ],
)
def test_a_bad_object_is_refused_as_the_vendor_does(
    us: Company, entity: str, body: object, code: str, detail: str, element: str | None
) -> None:
    before = us.query("select count(*) from Invoice").body["QueryResponse"]["totalCount"]
    answer = us.post(f"/{entity}", body)
    assert (answer.status, answer.code) == (400, code)
    assert detail in answer.fault["Detail"]
    assert answer.body["Fault"]["type"] == "ValidationFault"
    assert element is None or answer.fault["element"] == element
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["intuit_tid"].startswith("1-")
    assert "QBO-Version" not in answer.headers
    assert us.query("select count(*) from Invoice").body["QueryResponse"]["totalCount"] == before


def test_a_refused_write_leaves_nothing_behind_not_even_a_number(us: Company) -> None:
    assert us.post("/invoice", invoice(line(1), line(2, item_id="77"))).code == "2500"
    first = us.save("Invoice", invoice())
    assert (first["Id"], first["DocNumber"]) == ("1", "1001")


# ---- totals and balances


def test_product_is_rounded_half_up_to_the_cent(us: Company) -> None:
    saved = us.save("Invoice", invoice(line("1861.08", Qty="128.350", UnitPrice="14.50")))
    assert (saved["TotalAmt"], saved["Balance"]) == (D("1861.08"), D("1861.08"))
    third = us.save("Invoice", invoice(line("0.33", Qty=1, UnitPrice="0.333")))
    assert third["Line"][0]["SalesItemLineDetail"]["UnitPrice"] == D("0.333")
    assert us.balance() == D("1861.41")


def test_us_tax_falls_on_marked_lines_before_the_discount(us: Company) -> None:
    percent = {"PercentBased": True, "DiscountPercent": 10}
    discount = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": percent}
    body = invoice(
        line(100, item_id="5"),
        line(50),
        discount,
        TxnTaxDetail={"TxnTaxCodeRef": {"value": "2"}},
    )
    saved = us.save("Invoice", body)
    kinds = [entry["DetailType"] for entry in saved["Line"]]
    assert kinds == [
        *("SalesItemLineDetail", "SalesItemLineDetail"),
        *("SubTotalLineDetail", "DiscountLineDetail"),
    ]
    assert [entry["Amount"] for entry in saved["Line"]] == [100, 50, 150, 15]
    assert saved["TxnTaxDetail"]["TotalTax"] == 8
    assert saved["TotalAmt"] == D("143.00")
    after = us.save("Invoice", {**body, "ApplyTaxAfterDiscount": True})
    assert (after["TxnTaxDetail"]["TotalTax"], after["TotalAmt"]) == (D("7.20"), D("142.20"))


def test_two_rates_are_rounded_one_by_one(us: Company) -> None:
    body = invoice(line(422, item_id="5"), TxnTaxDetail={"TxnTaxCodeRef": {"value": "3"}})
    saved = us.save("Invoice", body)
    assert [t["Amount"] for t in saved["TxnTaxDetail"]["TaxLine"]] == [D("29.96"), D("8.44")]
    assert saved["TotalAmt"] == D("460.40")


def test_shipping_and_a_deposit(us: Company) -> None:
    shipping = line(12, item_id="SHIPPING_ITEM_ID")
    saved = us.save("Invoice", invoice(line(100), shipping, Deposit=30))
    assert saved["TotalAmt"] == 112
    assert saved["Balance"] == 82
    assert us.balance() == 82


def test_vat_is_added_per_code_outside_the_us(gb: Company) -> None:
    body = invoice(
        line(100, TaxCodeRef={"value": "20"}),
        line("33.33", TaxCodeRef={"value": "5"}),
        line(10, TaxCodeRef={"value": "10"}),
    )
    saved = gb.save("Invoice", body)
    assert saved["GlobalTaxCalculation"] == "TaxExcluded"
    assert [t["Amount"] for t in saved["TxnTaxDetail"]["TaxLine"]] == [20, D("1.67"), 0]
    assert saved["TotalAmt"] == D("165.00")


def test_vat_inside_the_prices_never_changes_what_is_paid(gb: Company) -> None:
    body = invoice(
        line("9.99", TaxCodeRef={"value": "20"}, Qty=3, UnitPrice="3.33"),
        line("0.07", TaxCodeRef={"value": "5"}),
        GlobalTaxCalculation="TaxInclusive",
    )
    saved = gb.save("Invoice", body)
    assert saved["TotalAmt"] == D("10.06")
    first = saved["Line"][0]
    assert (first["Amount"], first["SalesItemLineDetail"]["TaxInclusiveAmt"]) == (
        D("8.33"),
        D("9.99"),
    )
    assert sum(entry["Amount"] for entry in saved["Line"][:2]) + saved["TxnTaxDetail"][
        "TotalTax"
    ] == D("10.06")
    again = gb.save("Invoice", saved)
    assert again["SyncToken"] == "0"


def test_a_line_without_vat_is_refused_unless_tax_does_not_apply(gb: Company) -> None:
    assert gb.post("/invoice", invoice(line(10))).code == "6000"
    saved = gb.save("Invoice", invoice(line(10), GlobalTaxCalculation="NotApplicable"))
    assert (saved["TotalAmt"], saved["TxnTaxDetail"]["TotalTax"]) == (10, 0)


def test_a_foreign_invoice_uses_the_customers_currency_and_the_days_rate(gb: Company) -> None:
    taxed = line(200, TaxCodeRef={"value": "10"})
    saved = gb.save("Invoice", invoice(taxed, customer_id="2", CurrencyRef={"value": "EUR"}))
    assert saved["ExchangeRate"] == D("0.85")
    assert (saved["TotalAmt"], saved["HomeTotalAmt"]) == (200, 170)
    wrong = gb.post("/invoice", invoice(taxed, customer_id="2", CurrencyRef={"value": "GBP"}))
    assert wrong.code == "6000"
    assert "one foreign currency" in wrong.fault["Detail"]
    changed = {**gb.read("Customer", "2"), "CurrencyRef": {"value": "GBP"}}
    assert gb.post("/customer", changed).code == "6000"


def test_the_due_date_follows_the_term_and_the_companys_default(us: Company) -> None:
    dated = {"TxnDate": "2026-11-01"}
    default = us.save("Invoice", invoice(**dated))
    assert default["DueDate"] == "2026-12-01"
    assert "SalesTermRef" not in default
    assert us.save("Invoice", invoice(SalesTermRef={"value": "2"}, **dated))["DueDate"] == (
        "2026-11-16"
    )


def test_today_is_the_companys_day(us: Company) -> None:
    us.control("POST", "/clock", {"at": "2026-12-01T05:00:00Z", "frozen": True})
    us.renew()
    assert us.save("Invoice", invoice())["TxnDate"] == "2026-11-30"


def test_document_numbers_go_on_by_one_and_are_not_used_twice(us: Company) -> None:
    assert us.save("Invoice", invoice())["DocNumber"] == "1001"
    assert us.save("Invoice", invoice(DocNumber="A-7"))["DocNumber"] == "A-7"
    taken = us.post("/invoice", invoice(DocNumber="A-7"))
    assert taken.code == "6140"
    assert "DocNumber=A-7 is assigned to TxnType=Invoice with TxnId=2" in taken.fault["Detail"]
    allowed = us.save("Invoice", invoice(DocNumber="A-7"), include="allowduplicatedocnum")
    assert allowed["Id"] == "3"
    assert us.save("Invoice", invoice())["DocNumber"] == "1002"


def test_own_numbering_leaves_the_number_empty(us: Company) -> None:
    prefs = us.get("/preferences").body["Preferences"]
    body = {"SyncToken": prefs["SyncToken"], "SalesFormsPrefs": {"CustomTxnNumbers": True}}
    us.save("Preferences", body)
    assert "DocNumber" not in us.save("Invoice", invoice())
    assert us.save("Invoice", invoice(DocNumber="AUTO_GENERATE"))["DocNumber"] == "1001"


def test_closed_books_refuse_writes_before_the_closing_date(us: Company) -> None:
    early = us.save("Invoice", invoice(TxnDate="2026-09-30"))
    us.save(
        "Preferences", {"SyncToken": "0", "AccountingInfoPrefs": {"BookCloseDate": "2026-09-30"}}
    )
    assert us.post("/invoice", invoice(TxnDate="2026-09-30")).code == "6210"
    moved = {**early, "TxnDate": "2026-10-01"}
    assert us.post("/invoice", moved).code == "6210"
    assert us.post("/invoice", early, operation="delete").code == "6210"
    assert us.save("Invoice", invoice(TxnDate="2026-10-01"))["TxnDate"] == "2026-10-01"


def test_a_category_and_an_inactive_item_cannot_be_sold(us: Company) -> None:
    us.save("Item", {"Name": "Group of things", "Type": "Category"})
    category = us.post("/invoice", invoice(line(1, item_id="6")))
    assert (category.code, "Categories cannot" in category.fault["Detail"]) == ("2500", True)
    us.save("Item", {"Id": "5", "SyncToken": "0", "sparse": True, "Active": False})
    inactive = us.post("/invoice", invoice(line(1, item_id="5")))
    assert (inactive.code, "made inactive" in inactive.fault["Detail"]) == ("2500", True)


# ---- payments


def test_a_payment_moves_balances_and_the_invoices_token(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    paid = us.save("Payment", payment(150, ("Invoice", saved["Id"], 60)))
    after = us.read("Invoice", saved["Id"])
    assert (after["Balance"], after["SyncToken"]) == (40, "1")
    assert after["LinkedTxn"] == [{"TxnId": paid["Id"], "TxnType": "Payment"}]
    assert (paid["UnappliedAmt"], us.balance()) == (90, -50)
    stale = us.post("/invoice", {**saved, "PrivateNote": "late"})
    assert stale.code == "5010"
    assert stale.fault["Detail"].startswith("Stale Object Error : You and ")


def test_more_than_is_open_or_another_customers_invoice_cannot_be_paid(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    link = ("Invoice", saved["Id"], 101)
    assert us.post("/payment", payment(200, link)).code == "6000"
    link = ("Invoice", saved["Id"], 100)
    assert us.post("/payment", payment(50, link)).code == "6000"
    assert us.post("/payment", payment(100, link, customer_id="2")).code == "620"
    assert us.post("/payment", payment(100, ("Invoice", "99", 1))).code == "610"
    assert us.read("Invoice", saved["Id"])["SyncToken"] == "0"


def test_a_paid_invoice_keeps_its_customer(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    us.save("Payment", payment(100, ("Invoice", saved["Id"], 100)))
    moved = {**us.read("Invoice", saved["Id"]), "CustomerRef": {"value": "2"}}
    assert us.post("/invoice", moved).code == "6000"


def test_an_unpaid_invoice_takes_its_balance_along_to_another_customer(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    us.save("Invoice", {**saved, "CustomerRef": {"value": "2"}})
    assert (us.balance("1"), us.balance("2")) == (0, 100)


def test_a_payment_without_its_line_frees_the_invoice(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    paid = us.save("Payment", payment(100, ("Invoice", saved["Id"], 100)))
    assert us.balance() == 0
    us.save("Payment", {**paid, "Line": []})
    after = us.read("Invoice", saved["Id"])
    assert (after["Balance"], after["LinkedTxn"], after["SyncToken"]) == (100, [], "2")
    assert us.balance() == 0


def test_a_credit_memo_settles_an_invoice_through_a_payment_of_zero(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    memo = us.save("CreditMemo", invoice(line(30)))
    assert (memo["RemainingCredit"], us.balance()) == (30, 70)
    settled = payment(0, ("Invoice", saved["Id"], 30), ("CreditMemo", memo["Id"], 30))
    us.save("Payment", settled)
    assert us.read("Invoice", saved["Id"])["Balance"] == 70
    assert us.read("CreditMemo", memo["Id"])["RemainingCredit"] == 0
    assert us.balance() == 70
    current = us.read("CreditMemo", memo["Id"])
    us.post("/creditmemo", current, operation="delete")
    assert us.read("Invoice", saved["Id"])["Balance"] == 100
    assert us.balance() == 100


def test_an_invoice_made_smaller_gives_back_what_was_paid_too_much(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    paid = us.save("Payment", payment(100, ("Invoice", saved["Id"], 100)))
    current = us.read("Invoice", saved["Id"])
    smaller = us.save("Invoice", {**current, "Line": [line(60)]})
    assert (smaller["TotalAmt"], smaller["Balance"]) == (60, 0)
    assert us.read("Payment", paid["Id"])["UnappliedAmt"] == 40
    assert us.balance() == -40


def test_a_payment_that_gave_back_everything_is_linked_no_longer(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    first = us.save("Payment", payment(50, ("Invoice", saved["Id"], 50)))
    second = us.save("Payment", payment(50, ("Invoice", saved["Id"], 50)))
    smaller = us.save("Invoice", {**us.read("Invoice", saved["Id"]), "Line": [line(50)]})
    assert smaller["LinkedTxn"] == [{"TxnId": first["Id"], "TxnType": "Payment"}]
    assert us.read("Payment", second["Id"])["Line"] == []


def test_voiding_a_paid_invoice(us: Company) -> None:
    saved = us.save("Invoice", invoice(line(100, Qty=2, UnitPrice=50), PrivateNote="first"))
    paid = us.save("Payment", payment(100, ("Invoice", saved["Id"], 100)))
    token = us.read("Invoice", saved["Id"])["SyncToken"]
    body = {"Id": saved["Id"], "SyncToken": token}
    void = us.save("Invoice", body, operation="void")
    assert (void["TotalAmt"], void["Balance"], void["LinkedTxn"]) == (0, 0, [])
    assert void["PrivateNote"].startswith("Voided")
    assert void["PrivateNote"].endswith("first")
    assert void["TxnTaxDetail"] == {"TotalTax": 0}
    assert "UnitPrice" not in void["Line"][0]["SalesItemLineDetail"]
    assert int(void["SyncToken"]) > int(token)
    assert us.read("Payment", paid["Id"])["UnappliedAmt"] == 100
    assert us.balance() == -100


def test_voiding_and_deleting_a_payment_open_the_invoice_again(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    link = ("Invoice", saved["Id"], 100)
    first = us.save("Payment", payment(100, link))
    body = {"Id": first["Id"], "SyncToken": "0", "sparse": True}
    void = us.save("Payment", body, operation="update", include="void")
    assert (void["TotalAmt"], void["PrivateNote"]) == (0, "Voided")
    assert us.balance() == 100
    second = us.save("Payment", payment(100, link))
    assert us.balance() == 0
    us.post("/payment", {"Id": second["Id"], "SyncToken": "0"}, operation="delete")
    assert (us.balance(), us.read("Invoice", saved["Id"])["Balance"]) == (100, 100)


def test_deleting_an_invoice_leaves_its_payment_unapplied(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    paid = us.save("Payment", payment(100, ("Invoice", saved["Id"], 100)))
    body = {"Id": saved["Id"], "SyncToken": "1"}
    gone = us.save("Invoice", body, operation="delete")
    assert gone == {"domain": "QBO", "status": "Deleted", "Id": saved["Id"]}
    assert us.get(f"/invoice/{saved['Id']}").code == "610"
    assert us.rows("Invoice") == []
    assert us.read("Payment", paid["Id"])["UnappliedAmt"] == 100
    assert us.save("Invoice", invoice())["Id"] == "3"


def test_a_sub_customers_invoice_counts_for_its_parent(us: Company) -> None:
    sub = us.save("Customer", {"DisplayName": "Roof", "Job": True, "ParentRef": {"value": "1"}})
    assert sub["FullyQualifiedName"] == "Amy's Bird Sanctuary:Roof"
    us.save("Invoice", invoice(customer_id=sub["Id"]))
    parent = us.read("Customer", "1")
    assert (parent["Balance"], parent["BalanceWithJobs"]) == (0, 100)
    assert us.read("Customer", sub["Id"])["Balance"] == 100
    assert parent["SyncToken"] == "0"


def test_an_estimate_closes_when_it_is_invoiced_and_opens_again(us: Company) -> None:
    estimate = us.save("Estimate", invoice())
    assert estimate["TxnStatus"] == "Pending"
    link = [{"TxnId": estimate["Id"], "TxnType": "Estimate"}]
    saved = us.save("Invoice", invoice(LinkedTxn=link))
    closed = us.read("Estimate", estimate["Id"])
    assert (closed["TxnStatus"], closed["SyncToken"]) == ("Closed", "0")
    assert closed["LinkedTxn"] == [{"TxnId": saved["Id"], "TxnType": "Invoice"}]
    us.post("/invoice", saved, operation="delete")
    assert us.read("Estimate", estimate["Id"])["TxnStatus"] == "Pending"
    other = invoice(customer_id="2", LinkedTxn=link)
    assert us.post("/invoice", other).code == "620"


# ---- updates


def test_a_sparse_update_keeps_and_a_full_one_clears(us: Company) -> None:
    saved = us.save("Invoice", invoice(PrivateNote="note", PONumber="77"))
    key = {"Id": saved["Id"]}
    sparse = {**key, "SyncToken": "0", "sparse": True, "CustomerMemo": {"value": "hello"}}
    kept = us.save("Invoice", sparse)
    assert (kept["PrivateNote"], kept["PONumber"], kept["SyncToken"]) == ("note", "77", "1")
    full = {**key, "SyncToken": "1", **invoice()}
    cleared = us.save("Invoice", full)
    assert not {"PrivateNote", "PONumber", "CustomerMemo"} & set(cleared)
    assert cleared["DocNumber"] == saved["DocNumber"]
    assert us.post("/invoice", {**key, "SyncToken": "2", "PrivateNote": "x"}).code == "2020"
    nulled = us.save("Customer", {"Id": "1", "SyncToken": "0", "sparse": True, "BillAddr": None})
    assert "BillAddr" not in nulled


def test_a_write_that_changes_nothing_keeps_token_and_time(us: Company) -> None:
    saved = us.save("Invoice", invoice(PrivateNote="note"))
    us.control("POST", "/clock", {"advance_seconds": 60})
    sparse = {"Id": saved["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "note"}
    assert us.save("Invoice", sparse) == saved
    assert us.save("Invoice", saved) == saved
    us.save("Account", {"Id": "42", "SyncToken": "0", "sparse": True, "Active": False})
    body = {"Id": "42", "SyncToken": "1", "sparse": True, "Active": False}
    assert us.save("Account", body)["SyncToken"] == "1"


def test_lines_keep_their_ids_when_sent_with_them(us: Company) -> None:
    saved = us.save("Invoice", invoice(line(10), line(20)))
    changed = [{**saved["Line"][1], "Description": "kept"}, line(5)]
    after = us.save("Invoice", {**saved, "Line": changed})
    assert [(n["Id"], n["Amount"]) for n in after["Line"][:-1]] == [("2", 20), ("3", 5)]


def test_deactivating_renames_and_frees_the_name(us: Company) -> None:
    body = {"Id": "2", "SyncToken": "0", "sparse": True, "Active": False}
    gone = us.save("Customer", body)
    assert (gone["DisplayName"], gone["FullyQualifiedName"]) == ("Cool Cars (deleted)",) * 2
    assert gone["PrintOnCheckName"] == "Cool Cars"
    assert [c["Id"] for c in us.rows("Customer")] == ["1"]
    assert len(us.rows("Customer", "where Active in (true, false)")) == 2
    assert us.save("Customer", {"DisplayName": "Cool Cars"})["Id"] == "3"
    back = us.post("/customer", {"Id": "2", "SyncToken": "1", "sparse": True, "Active": True})
    assert back.code == "6240"
    assert us.post("/customer", {"Id": "2", "SyncToken": "1"}, operation="delete").code == "500"


def test_custom_fields_come_back_with_name_and_value(us: Company) -> None:
    field = [{"DefinitionId": "1", "StringValue": "PO-9"}]
    saved = us.save("Invoice", invoice(CustomField=field))
    whole_field = {"DefinitionId": "1", "Name": "PO Number", "Type": "StringType"}
    assert saved["CustomField"] == [{**whole_field, "StringValue": "PO-9"}]
    assert us.save("Invoice", invoice())["CustomField"] == [whole_field]


def test_sending_and_printing(us: Company) -> None:
    saved = us.save("Invoice", invoice())
    assert us.post(f"/invoice/{saved['Id']}/send", None).code == "6000"
    sent = us.post(f"/invoice/{saved['Id']}/send", None, sendTo="a@b.example").body["Invoice"]
    assert (sent["EmailStatus"], sent["BillEmail"]["Address"]) == ("EmailSent", "a@b.example")
    paper = us.get(f"/invoice/{saved['Id']}/pdf")
    assert paper.headers["Content-Type"] == "application/pdf"
    assert paper.text.startswith("%PDF-1.4")


# ---- addresses of the API


@pytest.mark.parametrize(
    ("path", "code", "detail"),
    [
        ("/customer/1/5", "500", "Could not find resource for relative : /v3/company/"),
        ("/customer/1.5", "2030", "Id should be a valid number. Supplied value:1.5"),
        ("/customer/99", "610", "Object Not Found : Something you're trying to use has been made"),
        ("/custmoer/1", "500", "is not supported."),
        ("/reports/Nothing", "500", "Operation report Nothing is not supported."),
    ],
)
def test_unknown_addresses(us: Company, path: str, code: str, detail: str) -> None:
    answer = us.get(path)
    assert (answer.status, answer.code) == (400, code)
    assert detail in answer.fault["Detail"]
    assert ("time" in answer.body) is (code != "2030")


def test_company_info_preferences_and_rates(gb: Company) -> None:
    info = gb.get(f"/companyinfo/{gb.realm}").body["CompanyInfo"]
    assert (info["CompanyName"], info["Country"]) == ("Test Ltd", "GB")
    assert gb.get("/preferences/").body["Preferences"]["CurrencyPrefs"]["MultiCurrencyEnabled"]
    rate = gb.get("/exchangerate", sourcecurrencycode="EUR", asofdate="2026-11-01")
    assert rate.body["ExchangeRate"]["Rate"] == D("0.85")
    gb.save("ExchangeRate", {"SourceCurrencyCode": "EUR", "AsOfDate": "2026-11-02", "Rate": "0.9"})
    later = gb.get("/exchangerate", sourcecurrencycode="EUR", asofdate="2026-11-03")
    assert later.body["ExchangeRate"]["Rate"] == D("0.9")


def test_aged_receivables_sort_open_amounts_by_age(us: Company) -> None:
    us.save("Invoice", invoice(line(10), TxnDate="2026-11-19"))
    us.save("Invoice", invoice(line(20), TxnDate="2026-10-01", DueDate="2026-10-31"))
    us.save("Invoice", invoice(line(40), TxnDate="2026-01-01", DueDate="2026-01-31"))
    report = us.get("/reports/AgedReceivables").body
    titles = [column["ColTitle"] for column in report["Columns"]["Column"]]
    assert titles == ["", "Current", "1 - 30", "31 - 60", "61 - 90", "91 and over", "Total"]
    cells = [cell["value"] for cell in report["Rows"]["Row"][0]["ColData"]]
    assert cells == ["Amy's Bird Sanctuary", "10.00", "20.00", "", "", "40.00", "70.00"]
    assert report["Rows"]["Row"][-1]["group"] == "GrandTotal"


def test_the_transaction_list_has_one_row_per_document(us: Company) -> None:
    us.save("Invoice", invoice(line(10), TxnDate="2026-11-05"))
    us.save("CreditMemo", invoice(line(4), TxnDate="2026-11-06"))
    report = us.get("/reports/TransactionList", start_date="2026-11-01", end_date="2026-11-30")
    rows = [[cell["value"] for cell in row["ColData"]] for row in report.body["Rows"]["Row"]]
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("2026-11-05", "Invoice", "10.00"),
        ("2026-11-06", "Credit Memo", "-4.00"),
    ]
