"""What an invoice says beside its amounts, and its mail, against the sandbox's own rules."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from small_company import US, SmallCompany, rows, running_company
from writing import AS_OF, invoice_lines, invoice_row, mail_row

from pipelines import warehouse
from pipelines.clients.quickbooks import quickbooks_client
from pipelines.sandbox.store import Write
from reverse_etl import cycle
from reverse_etl.changes import to_json


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCompany]:
    """One company for all; each test bills deals of its own."""
    with running_company(tmp_path_factory.mktemp("described"), 16) as running:
        yield running


@pytest.fixture
def company(closed: SmallCompany) -> Iterator[SmallCompany]:
    with warehouse.kept_open(closed.settings.warehouse_path):
        yield closed


def put(company: SmallCompany, entity: str, record: dict[str, Any]) -> None:
    """A list record, or the preferences, as a person has set them up."""
    with company.sandbox.kernel.lock:
        company.sandbox.kernel.store.commit([Write(US, entity, record["Id"], record)])


def prefer(company: SmallCompany, **groups: dict[str, Any]) -> None:
    (current,) = company.sandbox.kernel.store.table(US, "Preferences")
    merged = {name: {**current[name], **values} for name, values in groups.items()}
    put(company, "Preferences", {**current, **merged})


def written(company: SmallCompany, number: int, *, lines: Any = None, **row: Any) -> dict[str, Any]:
    """The invoice of one deal, as the books hold it after its plan."""
    one = invoice_row(number, **row)
    given = rows(invoices=[one])
    if lines is not None:
        given["sync_invoice_lines"] = lines(one)
    company.judge(given)
    (outcome,) = company.apply(company.plan()).outcomes
    assert outcome.status == "done", outcome.message
    found = company.sandbox.kernel.store.table(US, "Invoice").get(str(outcome.remote_id))
    assert found is not None
    return dict(found)


def test_class_location_fields_and_number_arrive_where_the_company_has_them(
    company: SmallCompany,
) -> None:
    for entity, number, name in (("Class", "101", "Work"), ("Department", "201", "Austin")):
        put(company, entity, {"Id": number, "Name": name, "FullyQualifiedName": name,
                              "Active": True, "SyncToken": "0"})  # fmt: skip
    names = [{"Name": "SalesFormsPrefs.SalesCustomName1", "Type": "StringType",
              "StringValue": "Sales Rep"}]  # fmt: skip
    tracked = {"ClassTrackingPerTxnLine": True, "TrackDepartments": True}
    prefer(company, AccountingInfoPrefs=tracked,
           SalesFormsPrefs={"CustomField": [{"CustomField": names}]})  # fmt: skip
    field = {"DefinitionId": "1", "Name": "Sales Rep", "Type": "StringType", "StringValue": "Jo"}
    said = {"location_id": "201", "custom_fields": to_json([field]), "document_number": "SF-7"}

    def with_class(one: dict[str, Any]) -> list[dict[str, Any]]:
        return [{**line, "item_id": "1", "class_id": "101"} for line in invoice_lines(one)]

    made = written(company, 1, lines=with_class, class_id="101", **said)
    assert made["DepartmentRef"] == {"value": "201", "name": "Austin"}
    assert (made["CustomField"], made["DocNumber"]) == ([field], "SF-7")
    details = [line["SalesItemLineDetail"] for line in made["Line"] if "LineNum" in line]
    assert [d["ClassRef"]["name"] for d in details] == ["Work", "Work"]
    # Of a company that has one class for each line, the document's own is not kept.
    assert "ClassRef" not in made

    company.judge(rows(invoices=[invoice_row(2, document_number="SF-7")]))
    (outcome,) = company.apply(company.plan()).outcomes
    assert (outcome.status, outcome.message[:5]) == ("refused", "6140:")
    assert sum(i.get("DocNumber") == "SF-7" for i in company.invoices()) == 1


def test_a_class_where_nobody_tracks_one_is_ignored_without_a_word(company: SmallCompany) -> None:
    off = {"ClassTrackingPerTxnLine": False, "TrackDepartments": False}
    prefer(company, AccountingInfoPrefs=off)
    made = written(company, 3, class_id="101", location_id="201")
    assert not {"ClassRef", "DepartmentRef"} & made.keys()


def test_a_number_is_asked_for_where_people_number_by_hand(company: SmallCompany) -> None:
    prefer(company, SalesFormsPrefs={"CustomTxnNumbers": True})
    assert "DocNumber" not in written(company, 4)
    assert written(company, 5, document_number="AUTO_GENERATE")["DocNumber"].isdigit()
    prefer(company, SalesFormsPrefs={"CustomTxnNumbers": False})


def test_a_bundle_is_billed_to_the_cent_at_the_price_it_was_sold_for(
    company: SmallCompany,
) -> None:
    parts = [{"ItemRef": {"value": "1"}, "Qty": 1}]
    put(company, "Item", {"Id": "50", "Name": "Kit", "FullyQualifiedName": "Kit", "Type": "Group",
                          "Active": True, "SyncToken": "0",
                          "ItemGroupDetail": {"ItemGroupLine": parts}})  # fmt: skip

    def bundle(one: dict[str, Any]) -> list[dict[str, Any]]:
        shared = {"line_number": 1, "item_id": "1", "bundle_item_id": "50",
                  "bundle_quantity": Decimal("3.000000"), "part_description": "Part"}  # fmt: skip
        amounts = invoice_lines(one, "90.90", "9.09")
        return [{**line, **shared, "part_number": n} for n, line in enumerate(amounts, 1)]

    made = written(company, 6, lines=bundle, amount=Decimal("99.99"), line_count=1)
    (group,) = [line for line in made["Line"] if line["DetailType"] == "GroupLineDetail"]
    assert (made["TotalAmt"], group["Amount"]) == (Decimal("99.99"), Decimal("99.99"))
    detail = group["GroupLineDetail"]
    assert (detail["GroupItemRef"]["name"], detail["Quantity"]) == ("Kit", 3)
    assert [p["Amount"] for p in detail["Line"]] == [Decimal("90.90"), Decimal("9.09")]
    client = quickbooks_client(company.settings, US)
    voided = client.void(
        "Invoice", {"Id": made["Id"], "SyncToken": made["SyncToken"]}, "by-hand-void"
    )
    (gone,) = [line for line in voided["Line"] if line["DetailType"] == "GroupLineDetail"]
    assert {p["Amount"] for p in gone["GroupLineDetail"]["Line"]} == {0}


@pytest.mark.parametrize("kind, number", [("line_discount", 15), ("discount", 16)])
def test_a_discount_is_billed_to_the_cent_however_it_is_shown(
    company: SmallCompany, kind: str, number: int
) -> None:
    def less(one: dict[str, Any]) -> list[dict[str, Any]]:
        full, off = invoice_lines(one, "733.00", "-244.31")
        more = {"line_kind": kind, "part_number": 1000, "item_id": "1"}
        place = 1 if kind == "line_discount" else 2
        return [{**full, "item_id": "1"}, {**off, **more, "line_number": place}]

    made = written(company, number, lines=less, amount=Decimal("488.69"), line_count=1)
    assert made["TotalAmt"] == Decimal("488.69")
    amounts = {line["DetailType"]: line["Amount"] for line in made["Line"]}
    if kind == "discount":
        assert amounts["DiscountLineDetail"] == Decimal("244.31")
    else:
        assert [line["Amount"] for line in made["Line"][:2]] == [
            Decimal("733.00"), Decimal("-244.31"),
        ]  # fmt: skip


def test_an_invoice_that_waits_to_be_sent_says_so(company: SmallCompany) -> None:
    made = written(company, 7, email_status="NeedToSend")
    assert (made["EmailStatus"], made["BillEmail"]) == (
        "NeedToSend", {"Address": "ap@example.com"},
    )  # fmt: skip


def mailed(company: SmallCompany) -> list[str]:
    return company.writes("Invoice", "email")


def test_a_mail_is_a_change_of_its_own_and_leaves_once(company: SmallCompany) -> None:
    made = written(company, 8)
    company.judge(rows(mails=[mail_row(made["Id"], bill_email="else@example.com")]))
    plan = company.plan()
    assert company.apply(plan).counts()["done"] == 1
    assert mailed(company) == [made["Id"]]
    after = company.sandbox.kernel.store.table(US, "Invoice").get(made["Id"])
    assert after is not None
    assert (after["EmailStatus"], after["BillEmail"]["Address"]) == (
        "EmailSent", "else@example.com",
    )  # fmt: skip
    assert not company.apply(plan).progressed
    assert company.plan().changes == ()
    assert mailed(company) == [made["Id"]]


@pytest.mark.parametrize("kind, status, ends", [("drop_after", 1, "done"),
                                                ("drop_before", 0, "unknown")])  # fmt: skip
def test_a_lost_reply_never_becomes_a_second_mail(
    company: SmallCompany, kind: str, status: int, ends: str
) -> None:
    made = written(company, 9 + status)
    company.judge(rows(mails=[mail_row(made["Id"])]))
    plan = company.plan()
    company.fault(kind, r"/send\b")
    assert [o.status for o in company.apply(plan).outcomes] == ["unknown"]
    company.forget()
    for _ in range(2):
        assert [o.status for o in company.apply(plan).outcomes] == [ends]
    assert mailed(company).count(made["Id"]) == status


def test_a_busy_vendor_is_asked_again_and_a_refusal_is_told(company: SmallCompany) -> None:
    busy, bad = written(company, 13), written(company, 14)
    nothing = mail_row("999999", blocked_reason="nothing_open", blocked_detail="paid")
    given = [mail_row(busy["Id"]), mail_row(bad["Id"], bill_email="nobody"), nothing]
    company.judge(rows(mails=given))
    plan = company.plan()
    assert [b.reason for b in plan.blocked] == ["nothing_open"]
    company.fault("throttle", rf"/invoice/{busy['Id']}/send\b", times=2)
    outcomes = {o.change_key.split(":")[2]: o for o in company.apply(plan).outcomes}
    assert outcomes[busy["Id"]].status == "done"
    assert mailed(company).count(busy["Id"]) == 1
    refused = outcomes[bad["Id"]]
    assert (refused.status, refused.message[:5]) == ("refused", "2210:")
    assert bad["Id"] not in mailed(company)
    company.judge(rows(mails=given))
    assert [h.code for h in company.plan().held] == ["2210"]


@pytest.mark.parametrize("point, number", [("after_intent", 11), ("after_send", 12)])
def test_a_process_killed_around_its_mail_never_sends_a_second(
    closed: SmallCompany, point: str, number: int
) -> None:
    made = written(closed, number)
    closed.judge(rows(mails=[mail_row(made["Id"])]), as_of=AS_OF)
    plan = closed.plan()
    cycle.approve(closed.settings, plan.checksum, "Ada")
    killed = closed.in_a_process("apply", kill=f"invoice_mails.{point}", checksum=plan.checksum)
    assert killed == {"killed_by": signal.SIGKILL}
    closed.forget()
    answer = closed.in_a_process("apply", checksum=plan.checksum)
    sent = point == "after_send"
    assert [s for key, s, _ in answer["result"] if key == plan.changes[0].key] == [
        "done" if sent else "unknown"
    ]
    assert mailed(closed).count(made["Id"]) == int(sent)
