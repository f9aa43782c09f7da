"""The arithmetic of documents, terms and allowances, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sandbox import codec
from pipelines.sandbox.quickbooks.accounting import Rate, TaxRules, line_amount, total_up
from pipelines.sandbox.quickbooks.document_details import due_date
from pipelines.sandbox.quickbooks.limits import Allowance, Limits
from pipelines.sandbox.quickbooks.refusals import Refusal
from pipelines.sandbox.quickbooks.values import cents, plain

D = Decimal
RATES = {"20": [Rate("20", D(20))], "5": [Rate("5", D(5))], "0": [Rate("0", D(0))]}


def rules(**changes: Any) -> TaxRules:
    settings: dict[str, Any] = {
        "is_us": False,
        "is_used": True,
        "mode": "TaxExcluded",
        "after_discount": True,
        "code": None,
        "rates_of": lambda code: RATES[code],
    }
    return TaxRules(**{**settings, **changes})


def sale(amount: Any, code: str = "20", **detail: Any) -> dict[str, Any]:
    return {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"TaxCodeRef": {"value": code}, **detail},
    }


def discount(**detail: Any) -> dict[str, Any]:
    amount = {"Amount": detail.pop("Amount")} if "Amount" in detail else {}
    return {**amount, "DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}


@pytest.mark.parametrize(
    ("number", "text"),
    [("100", "100.00"), ("0.005", "0.01"), ("0.004", "0"), ("-0.005", "-0.01"), ("1e3", "1000.00")],
)
def test_money_is_written_with_cents_and_zero_without(number: str, text: str) -> None:
    assert codec.dumps(cents(D(number))) == text


@pytest.mark.parametrize(
    ("number", "text"), [("22.50", "22.5"), ("75.00", "75"), ("1E+2", "100"), ("0.000", "0")]
)
def test_other_numbers_are_written_short_and_without_exponent(number: str, text: str) -> None:
    assert codec.dumps(plain(D(number))) == text


PRICES = st.decimals(D("0.0001"), D("9999"), places=4)
QUANTITIES = st.decimals(D("0.001"), D("999"), places=3)


@given(price=PRICES, quantity=QUANTITIES)
def test_only_the_product_rounded_half_up_is_accepted(price: D, quantity: D) -> None:
    right = (price * quantity).quantize(D("0.01"), rounding=ROUND_HALF_UP)
    assert line_amount(sale(right, Qty=quantity, UnitPrice=price)) == right
    with pytest.raises(Refusal) as refused:
        line_amount(sale(right + D("0.01"), Qty=quantity, UnitPrice=price))
    assert refused.value.code == "6070"


LINES = st.lists(
    st.tuples(st.decimals(D(0), D(5000), places=2), st.sampled_from(sorted(RATES))),
    min_size=1,
    max_size=6,
)


@given(entries=LINES, percent=st.integers(0, 100))
def test_the_total_is_lines_less_discount_plus_tax(
    entries: list[tuple[D, str]], percent: int
) -> None:
    cut = discount(PercentBased=True, DiscountPercent=D(percent))
    totals = total_up([*(sale(a, c) for a, c in entries), cut], rules())
    net = sum(a for a, _ in entries)
    subtotal, reduction = totals.lines[-2]["Amount"], totals.lines[-1]["Amount"]
    assert subtotal == net
    assert reduction == cents(net * percent / 100)
    assert totals.total == net - reduction + totals.tax["TotalTax"]
    assert totals.tax["TotalTax"] == sum(n["Amount"] for n in totals.tax["TaxLine"])


@given(entries=LINES)
def test_inclusive_prices_add_up_to_what_was_asked(entries: list[tuple[D, str]]) -> None:
    totals = total_up([sale(a, c) for a, c in entries], rules(mode="TaxInclusive"))
    asked = sum(a for a, _ in entries)
    net = sum(n["Amount"] for n in totals.lines if n["DetailType"] == "SalesItemLineDetail")
    assert totals.total == asked
    assert net + totals.tax["TotalTax"] == asked
    again = total_up(
        [n for n in totals.lines if "SalesItemLineDetail" in n], rules(mode="TaxInclusive")
    )
    assert again == totals


def test_the_recorded_two_rate_invoice() -> None:
    """Invoice 93 of the vendor's sandbox company: 422 at 7.1 % and 2 %."""
    rates = [Rate("1", D("7.1")), Rate("2", D(2))]
    us = rules(is_us=True, after_discount=False, code="3", rates_of=lambda code: rates)
    totals = total_up([sale(D(422), "TAX")], us)
    assert [n["Amount"] for n in totals.tax["TaxLine"]] == [D("29.96"), D("8.44")]
    assert (totals.tax["TotalTax"], totals.total) == (D("38.40"), D("460.40"))


def test_tax_falls_before_or_after_the_discount() -> None:
    us = {"is_us": True, "code": "8", "rates_of": lambda code: [Rate("3", D(8))]}
    lines = [sale(D(100), "TAX"), sale(D(100), "NON"), discount(Amount=D(50))]
    before = total_up(lines, rules(**us, after_discount=False))
    after = total_up(lines, rules(**us, after_discount=True))
    assert (before.tax["TotalTax"], after.tax["TotalTax"]) == (D(8), D(6))


def test_no_tax_when_it_is_switched_off_or_does_not_apply() -> None:
    for changes in ({"is_used": False}, {"mode": "NotApplicable"}):
        assert total_up([sale(D(10))], rules(**changes)).tax == {"TotalTax": 0}


def test_a_discount_needs_a_percent_or_an_amount() -> None:
    with pytest.raises(Refusal) as refused:
        total_up([sale(D(10)), discount(PercentBased=False)], rules())
    assert refused.value.code == "6090"


@pytest.mark.parametrize(
    ("day", "term", "due"),
    [
        ("2026-01-31", {"DueDays": 30}, "2026-03-02"),
        ("2026-01-31", {"DueDays": 0}, "2026-01-31"),
        ("2026-01-10", {"DayOfMonthDue": 31}, "2026-01-31"),
        ("2026-02-10", {"DayOfMonthDue": 31}, "2026-02-28"),
        ("2026-01-28", {"DayOfMonthDue": 31, "DueNextMonthDays": 5}, "2026-02-28"),
        ("2026-12-20", {"DayOfMonthDue": 15}, "2027-01-15"),
        ("2026-12-20", None, "2026-12-20"),
    ],
)
def test_due_dates(day: str, term: dict[str, int] | None, due: str) -> None:
    assert due_date(day, term) == due


def test_allowances_slide_with_the_clock() -> None:
    start = datetime(2026, 11, 20, tzinfo=UTC)
    allowance = Allowance(2, timedelta(seconds=1))
    allowance.count(start)
    allowance.count(start + timedelta(milliseconds=500))
    assert not allowance.allows(start + timedelta(milliseconds=999))
    assert allowance.allows(start + timedelta(seconds=1))
    assert allowance.allows(start - timedelta(days=1))


def test_batches_have_an_allowance_of_their_own() -> None:
    limits = Limits()
    moments = [datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=n) for n in range(41)]
    assert [limits.admit("batch", moment) for moment in moments] == [True] * 40 + [False]
    assert limits.admit("invoice", moments[-1])


def test_a_company_has_five_hundred_calls_a_minute_however_slow() -> None:
    limits = Limits()
    start = datetime(2026, 11, 20, tzinfo=UTC)
    calls = [limits.admit("invoice", start + n * timedelta(milliseconds=110)) for n in range(501)]
    assert calls == [True] * 500 + [False]
    assert limits.admit("invoice", start + timedelta(minutes=1))


def test_reports_have_an_allowance_of_their_own() -> None:
    limits = Limits()
    moments = [datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=n / 5) for n in range(201)]
    assert [limits.admit("reports", moment) for moment in moments] == [True] * 200 + [False]
    assert limits.admit("invoice", moments[-1])
