"""Products and prices over real HTTP: one small company, both flows, every fault once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from small_company import AS_OF, NAMED_BOOK, ORG, PRODUCT, US, SmallCompany, rows, running_company
from writing import STANDARD_BOOK, price_row, product_id, product_row

from pipelines import warehouse
from reverse_etl import cycle
from reverse_etl.changes import Plan

STANDARD = price_row(
    2, action="create", pricebook_entry_id=None, current_unit_price=None,
    record_id=f"{product_id(2)}{STANDARD_BOOK}USD",
)  # fmt: skip
NAMED = price_row(
    2, action="create", pricebook_entry_id=None, current_unit_price=None,
    pricebook_id=NAMED_BOOK, price_book_name="Resellers", unit_price=Decimal("10.6300000"),
    record_id=f"{product_id(2)}{NAMED_BOOK}USD",
    standard_change_key=f"prices:{ORG}:{product_id(2)}{STANDARD_BOOK}USD:0:g1",
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCompany]:
    with (
        running_company(tmp_path_factory.mktemp("products"), deals=1) as running,
        warehouse.kept_open(running.settings.warehouse_path),
    ):
        yield running


@pytest.fixture
def company(shared: SmallCompany) -> Iterator[SmallCompany]:
    """The one company of these tests, as each of them leaves it to the next."""
    yield shared


def planned(company: SmallCompany, **given: Any) -> Plan:
    as_of = given.pop("as_of", AS_OF)
    company.judge(rows(**given), as_of)
    return company.plan()


def items(company: SmallCompany, name: str) -> list[Mapping[str, Any]]:
    table = company.sandbox.kernel.store.table(US, "Item")
    return [dict(item) for item in table if item["Name"] == name]


def entries(company: SmallCompany) -> dict[tuple[str, str], Decimal]:
    table = company.sandbox.kernel.store.table(ORG, "PricebookEntry")
    return {
        (r["Product2Id"], r["Pricebook2Id"]): Decimal(str(r["UnitPrice"]))
        for r in table
        if r["Product2Id"] != PRODUCT
    }


def test_items_are_made_and_prices_written_the_standard_one_first(company: SmallCompany) -> None:
    income = income_account(company)
    plan = planned(
        company,
        products=[product_row(1, income_account_id=income)],
        prices=[NAMED, price_row(1), STANDARD],
    )
    assert company.apply(plan).counts()["done"] == 4
    (made,) = items(company, "Product 1")
    assert (made["Sku"], made["Type"], made["UnitPrice"]) == ("P-1", "Service", Decimal("12.5"))
    assert entries(company) == {
        (product_id(1), STANDARD_BOOK): Decimal("12.5"),
        (product_id(2), STANDARD_BOOK): Decimal("12.5"),
        (product_id(2), NAMED_BOOK): Decimal("10.63"),
    }
    before = company.write_calls()
    again = company.plan()
    assert (again.changes, again.done_before) == ((), 4)
    assert not company.apply(again).progressed
    assert company.write_calls() == before


def test_a_refused_record_is_told_and_its_neighbours_are_written(company: SmallCompany) -> None:
    income = income_account(company)
    bad = product_row(3, income_account_id="999")
    good = product_row(4, income_account_id=income)
    result = company.apply(planned(company, products=[bad, good]))
    assert [o.status for o in result.outcomes] == ["refused", "done"]
    assert "2500" in result.outcomes[0].message
    (held,) = company.plan().held
    assert held.record_id == product_id(3)


@pytest.mark.parametrize(
    "kind, method, price",
    [
        (
            "drop_after",
            "POST",
            price_row(
                1,
                action="create",
                pricebook_entry_id=None,
                current_unit_price=None,
                pricebook_id=NAMED_BOOK,
                record_id=f"{product_id(1)}{NAMED_BOOK}USD",
                unit_price=Decimal(5),
            ),
        ),
        ("drop_before", "PATCH", price_row(1, unit_price=Decimal(6))),
    ],
)
def test_a_lost_reply_makes_no_second_item_and_no_second_entry(
    company: SmallCompany, kind: str, method: str, price: dict[str, Any]
) -> None:
    number = int(price["unit_price"])
    product = product_row(number, income_account_id=income_account(company))
    later = AS_OF + timedelta(hours=number)
    plan = planned(company, products=[product], prices=[price], as_of=later)
    company.fault(kind, r"/item\b")
    company.fault(kind, r"/composite/sobjects", method=method)
    assert [o.status for o in company.apply(plan).outcomes] == ["unknown", "unknown"]
    company.forget()
    assert company.apply(plan).counts()["done"] == 2
    assert len(items(company, f"Product {number}")) == 1
    assert entries(company)[product_id(1), price["pricebook_id"]] == Decimal(number)


def test_a_throttled_call_is_made_again(company: SmallCompany) -> None:
    product = product_row(7, income_account_id=income_account(company))
    plan = planned(company, products=[product])
    company.fault("throttle", r"/item\b", retry_after=0)
    assert company.apply(plan).counts()["done"] == 1
    assert len(items(company, "Product 7")) == 1


def test_a_price_changed_by_hand_is_shown_until_somebody_lets_the_owner_win(
    company: SmallCompany,
) -> None:
    row = price_row(
        1, unit_price=Decimal("14"), current_unit_price=Decimal("9"),
        blocked_reason="changed_by_hand", blocked_detail="a person set unit_price to 9",
    )  # fmt: skip
    as_of = AS_OF + timedelta(hours=20)
    plan = planned(company, prices=[row], as_of=as_of)
    (blocked,) = plan.blocked
    assert (plan.changes, blocked.reason) == ((), "changed_by_hand")
    key = f"prices:{ORG}:{row['record_id']}:0:g1"
    cycle.reopen(company.settings, key, "Ada", "QuickBooks' list is right")
    plan = company.plan()
    (change,) = plan.changes
    assert (plan.blocked, change.fields[0].before, change.fields[0].after) == ((), "9", "14")
    assert company.apply(plan).counts()["done"] == 1
    assert entries(company)[product_id(1), STANDARD_BOOK] == Decimal("14")
    # The permission is used up: the next change by hand is shown again.
    once_more = planned(company, prices=[row], as_of=as_of + timedelta(hours=1))
    assert (once_more.changes, len(once_more.blocked)) == ((), 1)


def test_a_blocked_product_keeps_its_reason(company: SmallCompany) -> None:
    row = product_row(8, blocked_reason="item_rule_missing", blocked_detail="no rule fits")
    (blocked,) = planned(company, products=[row]).blocked
    assert (blocked.flow, blocked.reason, blocked.detail) == (
        "products", "item_rule_missing", "no rule fits",
    )  # fmt: skip


def income_account(company: SmallCompany) -> str:
    table = company.sandbox.kernel.store.table(US, "Account")
    return next(str(a["Id"]) for a in table if a["AccountType"] == "Income")
