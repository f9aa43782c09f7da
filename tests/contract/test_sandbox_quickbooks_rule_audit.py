"""Rules of the books one by one, each in a test that fails when the rule is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from quickbooks_company import GB, Company, invoice, line, payment, quickbooks_sandbox

from pipelines.sandbox.server import RunningSandbox

DEAR = {"DisplayName": "Audit"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with quickbooks_sandbox(tmp_path_factory.mktemp("audit")) as running:
        yield running


@pytest.fixture(scope="module")
def us(sandbox: RunningSandbox) -> Company:
    return Company(sandbox)


@pytest.fixture
def closed(us: Company) -> Iterator[Company]:
    """A company whose books are closed up to a day while the test runs."""
    yield us
    us.save("Preferences", {"SyncToken": us.read("Preferences", "")["SyncToken"], **_closing(None)})


def _closing(day: str | None) -> dict[str, Any]:
    return {"AccountingInfoPrefs": {"BookCloseDate": day or "2000-01-01"}}


def close(us: Company, day: str) -> None:
    us.save("Preferences", {"SyncToken": us.read("Preferences", "")["SyncToken"], **_closing(day)})


def named(name: str) -> dict[str, Any]:
    return {**DEAR, "DisplayName": f"Audit {name}"}


def pointed(record: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Id": record["Id"], "SyncToken": record["SyncToken"], **more}


def expense(amount: Any = 10) -> dict[str, Any]:
    return {
        "Amount": amount,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": {"value": "15"}},
    }


# ---- requestid


def test_a_requestid_answers_for_any_body_entity_and_operation(us: Company) -> None:
    first = us.save("Customer", named("once"), requestid="audit-1")
    for entity, body in (
        ("invoice", invoice()),
        ("customer", pointed(first, sparse=True, Notes="x")),
    ):
        again = us.post(f"/{entity}", body, requestid="audit-1")
        assert again.body["Customer"] == first
    assert us.read("Customer", first["Id"])["SyncToken"] == "0"


def test_an_update_and_a_deletion_are_done_once(us: Company) -> None:
    made = us.save("Invoice", invoice())
    change = pointed(made, sparse=True, PrivateNote="once")
    changed = us.save("Invoice", change, requestid="audit-2")
    assert us.save("Invoice", change, requestid="audit-2") == changed
    gone = us.save("Invoice", pointed(changed), operation="delete", requestid="audit-3")
    assert us.save("Invoice", pointed(changed), operation="delete", requestid="audit-3") == gone
    assert us.post("/invoice", pointed(changed), operation="delete").code == "610"
    assert us.save("Invoice", change, requestid="audit-2") == changed  # since deleted


def test_queries_of_a_batch_are_asked_anew_and_long_ids_fail_item_by_item(us: Company) -> None:
    count = {"bId": "q", "Query": "select count(*) from Customer"}
    body = {"BatchItemRequest": [count]}
    one = us.post("/batch", body, requestid="audit-4").body["BatchItemResponse"][0]
    us.save("Customer", named("between"))
    two = us.post("/batch", body, requestid="audit-4").body["BatchItemResponse"][0]
    assert two["QueryResponse"]["totalCount"] == one["QueryResponse"]["totalCount"] + 1
    long = {"bId": "b" * 20, "operation": "create", "Customer": named("too long")}
    items = [long, {**long, "bId": "b", "Customer": named("short enough")}]
    answers = us.post("/batch", {"BatchItemRequest": items}, requestid="r" * 40)
    refused, made = answers.body["BatchItemResponse"]
    assert refused["Fault"]["Error"][0]["code"] == "6000"
    assert "which is 60 characters" in refused["Fault"]["Error"][0]["Detail"]
    assert made["Customer"]["DisplayName"] == "Audit short enough"


def test_a_tax_code_is_made_once_for_one_requestid(us: Company) -> None:
    rate = {"TaxRateName": "Audit", "RateValue": "3", "TaxAgencyId": "1",
            "TaxApplicableOn": "Sales"}  # fmt: skip
    body = {"TaxCode": "Audit", "TaxRateDetails": [rate]}
    one = us.post("/taxservice/taxcode", body, requestid="audit-5").body
    two = us.post("/taxservice/taxcode", body, requestid="audit-5").body
    assert (one["TaxCodeId"], one["TaxCode"]) == (two["TaxCodeId"], "Audit")


# ---- updates


def test_a_full_update_needs_what_is_required_and_a_sparse_one_cannot_clear_it(us: Company) -> None:
    made = us.save("Invoice", invoice())
    assert us.post("/invoice", pointed(made, PrivateNote="x")).fault["element"] == "Line"
    half = pointed(made, Line=made["Line"])
    assert us.post("/invoice", half).fault["element"] == "CustomerRef"
    for name in ("CustomerRef", "Line"):
        cleared = pointed(made, sparse=True, **{name: None})
        answer = us.post("/invoice", cleared)
        assert (answer.code, answer.fault["element"]) == ("2020", name)


def test_a_write_to_what_exists_names_the_version_it_saw(us: Company) -> None:
    made = us.save("Invoice", invoice())
    for operation in ("update", "delete", "void"):
        answer = us.post("/invoice", {"Id": made["Id"], "sparse": True}, operation=operation)
        assert (answer.code, answer.fault["element"]) == ("2020", "SyncToken")
        late = us.post("/invoice", {**pointed(made), "SyncToken": "7"}, operation=operation)
        assert late.code == "5010"


def test_preferences_and_company_info_name_their_version_too(us: Company) -> None:
    for entity in ("preferences", "companyinfo"):
        assert us.post(f"/{entity}", {"SyncToken": "77"}).code == "5010"
        assert us.post(f"/{entity}", {}).code == "2020"


def test_a_full_update_of_a_paid_invoice_keeps_its_payment(us: Company) -> None:
    made = us.save("Invoice", invoice(line(50)))
    us.save("Payment", payment(20, ("Invoice", made["Id"], 20)))
    now = us.read("Invoice", made["Id"])
    body = {k: v for k, v in now.items() if k != "LinkedTxn"}
    after = us.save("Invoice", {**body, "PrivateNote": "full"})
    assert (after["LinkedTxn"], after["Balance"]) == (now["LinkedTxn"], 30)


# ---- void and delete


def test_a_void_clears_tax_deposit_and_the_estimate(us: Company) -> None:
    offer = us.save("Estimate", invoice(line(40)))
    taxed = line(100, "5", TaxCodeRef={"value": "TAX"})
    link = [{"TxnId": offer["Id"], "TxnType": "Estimate"}]
    body = invoice(taxed, TxnTaxDetail={"TxnTaxCodeRef": {"value": "2"}}, LinkedTxn=link)
    made = us.save("Invoice", {**body, "Deposit": 8})
    assert (made["TxnTaxDetail"]["TotalTax"], made["Deposit"], made["Balance"]) == (8, 8, 100)
    assert us.read("Estimate", offer["Id"])["TxnStatus"] == "Closed"
    gone = us.save("Invoice", pointed(made), operation="void")
    assert (gone["TxnTaxDetail"], gone.get("Deposit")) == ({"TotalTax": 0}, None)
    assert (gone["TotalAmt"], gone["Balance"], gone["LinkedTxn"]) == (0, 0, [])
    assert us.read("Estimate", offer["Id"])["TxnStatus"] == "Pending"


def test_a_deleted_invoice_opens_its_estimate_again(us: Company) -> None:
    offer = us.save("Estimate", invoice(line(40)))
    link = [{"TxnId": offer["Id"], "TxnType": "Estimate"}]
    made = us.save("Invoice", {**invoice(line(40)), "LinkedTxn": link})
    us.save("Invoice", pointed(made), operation="delete")
    assert us.read("Estimate", offer["Id"])["TxnStatus"] == "Pending"


@pytest.mark.parametrize("entity", ["CreditMemo", "Estimate"])
def test_only_some_kinds_can_be_voided(us: Company, entity: str) -> None:
    made = us.save(entity, invoice())
    answer = us.post(f"/{entity.lower()}", pointed(made), operation="void")
    assert (answer.code, "void" in answer.fault["Detail"]) == ("500", True)


@pytest.mark.parametrize("entity", ["Customer", "Item", "Account", "Term"])
def test_lists_are_not_deleted(us: Company, entity: str) -> None:
    answer = us.post(f"/{entity.lower()}", {"Id": "1", "SyncToken": "0"}, operation="delete")
    assert answer.code == "500"
    assert us.read(entity, "1")


@pytest.mark.parametrize("entity", ["TaxCode", "TaxRate", "CustomerType"])
def test_lists_that_are_only_read(us: Company, entity: str) -> None:
    assert us.post(f"/{entity.lower()}", {"Name": "x"}).code == "500"


# ---- closed books


def test_closed_books_refuse_every_kind_of_write(closed: Company) -> None:
    us, old = closed, "2026-03-10"
    vendor = us.save("Vendor", named("closing"))["Id"]
    documents = {
        "Invoice": invoice(TxnDate=old),
        "SalesReceipt": invoice(TxnDate=old),
        "Estimate": invoice(TxnDate=old),
        "Payment": {**payment(5), "TxnDate": old},
        "Bill": {"VendorRef": {"value": vendor}, "Line": [expense()], "TxnDate": old},
        "Purchase": {"AccountRef": {"value": "35"}, "PaymentType": "Cash", "Line": [expense()],
                     "TxnDate": old},
    }  # fmt: skip
    made = {entity: us.save(entity, body) for entity, body in documents.items()}
    close(us, old)
    for entity, body in documents.items():
        path = f"/{entity.lower()}"
        assert us.post(path, body).code == "6210", entity
        moved = {**made[entity], "TxnDate": "2026-05-01"}
        assert us.post(path, moved).code == "6210", entity
        assert us.post(path, pointed(made[entity]), operation="delete").code == "6210", entity
    for entity in ("Invoice", "SalesReceipt", "Payment"):
        voided = us.post(f"/{entity.lower()}", pointed(made[entity]), include="void")
        assert voided.code == "6210", entity
    assert us.post("/invoice", invoice(TxnDate="2026-03-11")).status == 200


# ---- changes


def test_a_thousand_objects_over_all_entities_of_one_question(us: Company) -> None:
    kinds = ("Term", "PaymentMethod")
    for kind in kinds:
        for batch in range(17):
            items = [
                {"bId": str(n), "operation": "create", kind: {"Name": f"{kind[:2]}{batch}.{n}"}}
                for n in range(30)
            ]
            assert us.post("/batch", {"BatchItemRequest": items}).status == 200
    asked = {"entities": ",".join(kinds), "changedSince": "2026-11-20T00:00:00-08:00"}
    parts = us.get("/cdc", **asked).body["CDCResponse"][0]["QueryResponse"]
    assert [len(part[kind]) for kind, part in zip(kinds, parts, strict=True)] == [510, 490]
    assert parts[1]["totalCount"] == 490


@pytest.mark.parametrize(
    "entity", ["TaxCode", "TaxRate", "TaxAgency", "JournalCode", "Preferences"]
)
def test_changes_of_some_lists_are_not_told(us: Company, entity: str) -> None:
    answer = us.get("/cdc", entities=entity, changedSince="2026-11-20T00:00:00-08:00")
    assert answer.code == "500"


# ---- batch


def test_a_thousand_objects_are_the_most_of_a_batch(us: Company) -> None:
    queries = [{"bId": str(n), "Query": "select * from Term maxresults 510"} for n in range(3)]
    parts = us.post("/batch", {"BatchItemRequest": queries}).body["BatchItemResponse"]
    assert [len(part["QueryResponse"].get("Term", ())) for part in parts] == [510, 490, 0]


def test_an_item_that_creates_has_no_id_and_a_refused_one_leaves_nothing(us: Company) -> None:
    before = us.query("select count(*) from Invoice").body["QueryResponse"]["totalCount"]
    items = [
        {"bId": "1", "operation": "create", "Customer": {**named("with id"), "Id": "1"}},
        {"bId": "2", "operation": "create", "Invoice": invoice(line(1), line(1, "77"))},
        {"bId": "3", "operation": "create", "Invoice": invoice()},
    ]
    parts = us.post("/batch", {"BatchItemRequest": items}).body["BatchItemResponse"]
    assert [p["Fault"]["Error"][0]["code"] if "Fault" in p else "" for p in parts] == [
        "6000", "2500", "",
    ]  # fmt: skip
    after = us.query("select count(*) from Invoice").body["QueryResponse"]["totalCount"]
    assert after == before + 1


def test_a_refused_item_takes_no_number_with_it(us: Company) -> None:
    too_much = {**invoice(line(5)), "Deposit": 9}  # found out after its number was chosen
    items = [
        {"bId": "1", "operation": "create", "Invoice": invoice(line(1))},
        {"bId": "2", "operation": "create", "Invoice": too_much},
        {"bId": "3", "operation": "create", "Invoice": invoice(line(2))},
    ]
    one, refused, two = us.post("/batch", {"BatchItemRequest": items}).body["BatchItemResponse"]
    assert refused["Fault"]["Error"][0]["code"] == "6000"
    assert int(two["Invoice"]["DocNumber"]) == int(one["Invoice"]["DocNumber"]) + 1


# ---- names, inactive records, currencies


def test_customers_vendors_and_employees_share_their_names(us: Company) -> None:
    us.save("Employee", {**named("shared"), "GivenName": "A", "FamilyName": "B"})
    for entity in ("customer", "vendor"):
        answer = us.post(f"/{entity}", {"DisplayName": "AUDIT SHARED"})
        assert answer.code == "6240"
        assert "Another customer, vendor or employee is already using this" in answer.text
    own = us.save("Customer", named("own name"))
    assert us.save("Customer", pointed(own, sparse=True, DisplayName="AUDIT OWN NAME"))
    us.save("Department", {"Name": "Shared"})
    assert us.post("/department", {"Name": "sHARED"}).code == "6240"
    assert us.post("/class", {"Name": "Shared"}).status == 200


def test_a_name_comes_back_without_its_suffix(us: Company) -> None:
    made = us.save("Vendor", named("gone"))
    gone = us.save("Vendor", pointed(made, sparse=True, Active=False))
    assert gone["DisplayName"] == "Audit gone (deleted)"
    back = us.save("Vendor", pointed(gone, sparse=True, Active=True))
    assert back["DisplayName"] == "Audit gone"


def test_an_old_document_keeps_its_inactive_customer_and_a_new_one_has_none(us: Company) -> None:
    made = us.save("Customer", named("sleeping"))
    sold = us.save("Invoice", invoice(customer_id=made["Id"]))
    now = us.read("Customer", made["Id"])
    us.save("Customer", pointed(now, sparse=True, Active=False))
    answer = us.post("/invoice", invoice(customer_id=made["Id"]))
    assert (answer.code, "made inactive" in answer.fault["Detail"]) == ("2500", True)
    assert us.save("Invoice", pointed(sold, sparse=True, PrivateNote="still"))["SyncToken"] == "1"


def test_a_currency_is_chosen_once(sandbox: RunningSandbox) -> None:
    gb = Company(sandbox, GB)
    for entity in ("Customer", "Vendor"):
        made = gb.save(entity, {**named("in euro"), "DisplayName": f"{entity} in euro",
                                "CurrencyRef": {"value": "EUR"}})  # fmt: skip
        answer = gb.post(f"/{entity.lower()}", {**made, "CurrencyRef": {"value": "GBP"}})
        assert (answer.code, answer.fault["element"]) == ("6000", "CurrencyRef")
        unknown = {"DisplayName": f"{entity} elsewhere", "CurrencyRef": {"value": "JPY"}}
        assert gb.post(f"/{entity.lower()}", unknown).code == "2500"
    vat = line(1, TaxCodeRef={"value": "20"})
    mixed = invoice(vat, customer_id="2", CurrencyRef={"value": "GBP"})
    assert gb.post("/invoice", mixed).code == "6000"


# ---- other rules of lists and documents


def test_nesting_numbers_and_stock(us: Company) -> None:
    above = us.save("Class", {"Name": "1"})
    for name in ("2", "3", "4", "5"):
        above = us.save("Class", {"Name": name, "ParentRef": {"value": above["Id"]}})
    assert us.post("/class", {"Name": "6", "ParentRef": {"value": above["Id"]}}).code == "6180"
    us.save("Account", {"Name": "Nr", "AccountType": "Bank", "AcctNum": "4711"})
    twice = {"Name": "Nr 2", "AccountType": "Bank", "AcctNum": "4711"}
    assert us.post("/account", twice).code == "6000"
    stock = us.save("Item", {
        "Name": "Audit pump", "Type": "Inventory", "TrackQtyOnHand": True, "QtyOnHand": 3,
        "InvStartDate": "2026-01-01", "IncomeAccountRef": {"value": "79"},
        "ExpenseAccountRef": {"value": "80"}, "AssetAccountRef": {"value": "81"},
    })  # fmt: skip
    assert us.post("/item", {**stock, "Type": "Service"}).code == "6000"


def test_an_estimate_of_another_customer_is_not_taken_over(us: Company) -> None:
    offer = us.save("Estimate", invoice(line(5), customer_id="2"))
    link = [{"TxnId": offer["Id"], "TxnType": "Estimate"}]
    assert us.post("/invoice", {**invoice(), "LinkedTxn": link}).code == "620"


def test_a_journal_entry_balances(us: Company) -> None:
    sides = [
        {"Amount": amount, "DetailType": "JournalEntryLineDetail",
         "JournalEntryLineDetail": {"PostingType": side, "AccountRef": {"value": account}}}
        for side, amount, account in (("Debit", 10, "35"), ("Credit", 9, "34"))
    ]  # fmt: skip
    assert us.post("/journalentry", {"Line": sides}).code == "2300"


@pytest.mark.parametrize("version", ["1", "4", "74", "75"])
def test_every_minor_version_is_the_present_one(us: Company, version: str) -> None:
    answer = us.get("/customer/1", minorversion=version)
    assert answer.body["Customer"] == us.read("Customer", "1")
