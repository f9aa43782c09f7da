"""What the mapping asks of a company, as steps: made from here, a person's, or there already."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.setup_cli import told
from pipelines.errors import Refused
from reverse_etl.furnishing import books
from reverse_etl.furnishing.books import Held
from reverse_etl.furnishing.planning import due, for_people

US = "934"
NOTHING: dict[str, list[dict[str, Any]]] = {
    "terms": [], "item_rules": [], "invoice_discounts": [], "invoice_fields": [],
    "document_numbers": [], "company_routing": [{"company_id": US, "currency_code": "USD"}],
}  # fmt: skip
NAMES = [
    {"Name": "SalesFormsPrefs.SalesCustomName1", "StringValue": "Salesforce Deal"},
    {"Name": "SalesFormsPrefs.SalesCustomName2", "StringValue": "PO Number"},
    {"Name": "SalesFormsPrefs.SalesCustomName3", "StringValue": "Sales Rep"},
    {"Name": "SalesFormsPrefs.UseSalesCustom3", "BooleanValue": False},
]
HOME = {"CurrencyPrefs": {"HomeCurrency": {"value": "USD"}}}
FORMS = {"CustomField": [{"CustomField": NAMES}], "AllowDiscount": True}


def held(**more: Any) -> Held:
    preferences = {
        "SalesFormsPrefs": FORMS | more.pop("sales", {}), **HOME, **more.pop("preferences", {}),
    }  # fmt: skip
    return Held(preferences, **more)


def notes(company: Held, **rows: list[dict[str, Any]]) -> dict[str, tuple[str | None, str, bool]]:
    plan = books.steps(US, NOTHING | rows, company)
    return {step.name: (step.verb, step.note, step.needs_person) for step in plan}


def term(name: str, company: str = US) -> dict[str, Any]:
    return {"company_id": company, "term_name": name, "salesforce_terms": name}


def test_terms_are_made_where_their_name_says_when() -> None:
    rows = [term("Net 45"), term("Net 45"), term("Due on receipt"), term("End of month"),
            term("Net 30"), term("Net 60"), term("Net 90", "935")]  # fmt: skip
    found = notes(held(terms={"net 30": True, "net 60": False}), terms=rows)
    assert found["Net 45"] == ("create", "due in 45 days", False)
    assert found["Due on receipt"] == ("create", "due in 0 days", False)
    assert found["Net 30"] == (None, "", False)
    assert found["End of month"][2] and "New: give it this name" in found["End of month"][1]
    assert found["Net 60"][2] and "make it active" in found["Net 60"][1]
    assert "Net 90" not in found


def test_accounts_are_made_and_those_of_another_kind_are_told() -> None:
    rules = [{"company_id": US, "income_account_name": n} for n in ("Work", "Bank", "Old", None)]
    accounts = {"bank": ("Bank", True), "old": ("Income", False)}
    found = notes(held(accounts=accounts), item_rules=rules)
    assert found["Work"] == ("create", "Income, for income", False)
    assert "of type Bank" in found["Bank"][1] and "make it active" in found["Old"][1]


@pytest.mark.parametrize(
    "row, company, name, words",
    [
        ({"shown_as": "total", "account_name": "Given"}, held(), "Given", "Income, for discounts"),
        ({"shown_as": "total"}, held(sales={"AllowDiscount": False}), "discounts",
         "switch Discount on"),
        ({"shown_as": "total"}, held(), "account for discounts", "choose a discount account"),
        ({"shown_as": "deal"}, held(), "account for discounts", "choose a discount account"),
        ({"shown_as": "line", "item_sku": "LESS"}, held(), "LESS", "New, Service"),
        ({"shown_as": "line", "item_name": "Less"}, held(items={"less": "Group"}), "Less",
         "it is a group"),
    ],
)  # fmt: skip
def test_what_showing_discounts_needs_is_told(
    row: dict[str, Any], company: Held, name: str, words: str
) -> None:
    rule = {"company_id": US, "item_sku": None, "item_name": None, "account_name": None} | row
    assert words in notes(company, invoice_discounts=[rule])[name][1]


def test_nothing_is_told_of_what_is_there() -> None:
    rules = [
        {"company_id": US, "shown_as": "line", "item_sku": "LESS", "item_name": None},
        {"company_id": US, "shown_as": "unit_price", "item_sku": None, "item_name": None},
    ]
    plan = books.steps(US, NOTHING | {"invoice_discounts": rules}, held(items={"less": "Service"}))
    assert [(step.name, step.verb, step.note) for step in plan] == [("LESS", None, "")]


def test_custom_fields_are_a_person_s_with_the_exact_steps() -> None:
    field = {"company_id": None, "target": "custom_field", "source_object": "owner"}
    rows = [field | {"field_name": "Sales Rep"}, field | {"field_name": "PO Number"}]
    found = notes(held(), invoice_fields=rows)
    assert (
        found["Sales Rep"][2]
        and "Lists, Custom fields, Add custom field" in (found["Sales Rep"][1])
    )
    assert found["PO Number"] == (None, "", False)
    bare = notes(Held(HOME), invoice_fields=[])
    assert {name: one[2] for name, one in bare.items()} == {
        "Salesforce Deal": False, "PO Number": False,
    }  # fmt: skip
    assert "welcome, not needed" in bare["PO Number"][1]


def test_switches_that_have_to_stand_otherwise_are_told() -> None:
    rows = {
        "invoice_fields": [{"company_id": US, "target": t, "field_name": None}
                           for t in ("class", "location")],
        "document_numbers": [{"company_id": US, "numbered_by": "deal"}],
        "company_routing": [{"company_id": US, "currency_code": c} for c in ("USD", "EUR")],
    }  # fmt: skip
    found = notes(held(), **rows)
    assert {name for name, one in found.items() if one[2]} == {
        "classes", "locations", "custom transaction numbers", "several currencies",
    }  # fmt: skip
    assert found["several currencies"][1].startswith("EUR are routed here")
    (nowhere,) = books.steps(US, NOTHING | {"company_routing": []}, held())
    assert nowhere.needs_person and "no currency is billed" in nowhere.note
    by_hand = notes(held(sales={"CustomTxnNumbers": True}))["custom transaction numbers"]
    assert by_hand[2] is False and "as Crossfoot does" in by_hand[1]


class FakeCompany:
    """Keeps what is made; refuses names that it is told to."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.made: list[tuple[str, str, str]] = []

    def query(self, entity: str, where: str = "") -> list[dict[str, Any]]:
        return [{}]

    def create(self, entity: str, body: str, request_id: str) -> dict[str, Any]:
        if any(name in body for name in self.refused):
            raise Refused("QuickBooks", "", "duplicate name", "Name another.", "6240")
        self.made.append((entity, body, request_id))
        return {}


def test_what_is_made_says_so_and_a_repeat_has_the_same_request_id() -> None:
    rows = NOTHING | {
        "terms": [term("Net 45")],
        "invoice_discounts": [{"company_id": US, "shown_as": "total", "account_name": "Given",
                               "item_sku": None, "item_name": None}],
    }  # fmt: skip
    plan = books.steps(US, rows, held())
    company, again, said = FakeCompany(), FakeCompany(), []
    books.do(company, US, plan, said.append)
    books.do(again, US, plan, said.append)
    assert company.made == again.made and len(said) == 4
    (entity, body, request_id), (kind, account, _) = company.made
    assert (entity, body) == ("Term", '{"DueDays":45,"Name":"Net 45"}')
    assert kind == "Account" and '"AccountSubType":"DiscountsRefundsGiven"' in account
    assert len(request_id) <= 50
    with pytest.raises(Refused, match="create account Given"):
        books.do(FakeCompany("Given"), US, plan, said.append)
    lines = told(plan, "QuickBooks, Acme (934)", is_done=False)
    assert "  + create term Net 45: due in 45 days" in lines
    assert len(due(plan)) == 2 and not for_people(plan)
