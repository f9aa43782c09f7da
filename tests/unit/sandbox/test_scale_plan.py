"""The arithmetic of the generated company runs both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sandbox.company.ids import with_checksum
from pipelines.sandbox.company.scale import MOST_LINES, scaled_seed, wording
from pipelines.sandbox.company.scale.numbered import Ids, Serials
from pipelines.sandbox.company.scale.plan import Plan
from pipelines.sandbox.errors import SeedUnreadable

MILLION = Plan(1_000_000)


@given(st.integers(1, 3000))
def test_lines_belong_to_one_invoice_each(lines: int) -> None:
    plan = Plan(lines)
    found = [
        (invoice, at, line)
        for invoice in range(plan.invoices)
        for at, line in enumerate(plan.lines_of(invoice))
    ]
    assert [line for _, _, line in found] == list(range(lines))
    assert all(plan.place_of(line) == (invoice, at) for invoice, at, line in found)
    assert all(plan.lines_of(invoice) for invoice in range(plan.invoices))
    billed = [plan.deal_of(invoice) for invoice in range(plan.invoices)]
    assert billed == [d for d in range(plan.deals) if plan.invoice_of(d) is not None]
    assert plan.payments == sum(
        plan.payment_of(invoice) is not None for invoice in range(plan.invoices)
    )


@given(st.integers(0, MILLION.invoices - 1))
def test_ways_back_at_a_million(invoice: int) -> None:
    deal = MILLION.deal_of(invoice)
    assert MILLION.invoice_of(deal) == invoice
    assert invoice in MILLION.invoices_of(MILLION.account_of(deal))
    payment = MILLION.payment_of(invoice)
    assert payment is None or MILLION.paid_by(payment) == invoice
    assert MILLION.closed_at(deal) <= MILLION.closed_at(min(deal + 1, MILLION.deals - 1))
    assert MILLION.opened_at(MILLION.account_of(deal)) < MILLION.closed_at(deal)


@given(st.integers(0, 62**4 * 60))
def test_ids_are_the_vendors(number: int) -> None:
    ids = Ids("00k")
    assert ids.of(number) == with_checksum(ids.of(number)[:15])
    assert ids.number(ids.of(number)) == number
    assert ids.of(number) < ids.of(number + 1)


@given(st.text(max_size=18))
def test_what_is_no_id_has_no_number(text: str) -> None:
    assert Ids("001").number(text) is None
    number = Serials(1001, 2).number(text)
    assert number is None or Serials(1001, 2).of(number) == text


@given(st.integers(0, 400_000), st.integers(0, 1))
def test_names_are_read_back(account: int, which: int) -> None:
    name = wording.firm_name(account)
    assert wording.account_named(name) == wording.account_named(name.upper()) == account
    assert wording.account_of_email(wording.person(account, which).email.upper()) == account


def test_no_two_names_are_the_same() -> None:
    assert len({wording.firm_name(account) for account in range(40_000)}) == 40_000


@pytest.mark.parametrize("lines", [0, -1, MOST_LINES + 1])
def test_a_number_that_is_no_size(lines: int) -> None:
    with pytest.raises(SeedUnreadable, match="--scale"):
        scaled_seed(lines)


def test_every_number_of_lines_has_a_fingerprint_of_its_own() -> None:
    assert scaled_seed(10).fingerprint != scaled_seed(11).fingerprint
