"""The arithmetic of QuickBooks calls, ids in little memory, and records kept as they came."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clients import quickbooks as client
from pipelines.clients import quickbooks_answers as answers
from pipelines.errors import Stop
from pipelines.extract.quickbooks_calls import (
    daily_calls,
    incremental_calls,
    least_calls,
    pages,
    planned_calls,
)
from pipelines.extract.quickbooks_rows import Ids, entity_table
from pipelines.extract.quickbooks_walk import Place, Walk

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@given(st.lists(st.one_of(st.integers(0, 20000).map(str), st.sampled_from(["TAX", "007", "-1"]))))
def test_ids_are_a_set(ids: list[str]) -> None:
    found, known = Ids(), set()
    for one in ids:
        assert found.add(one) == (one not in known)
        known.add(one)
    assert len(found) == len(known)
    assert all(one in found for one in known)
    assert all((one in found) == (one in known) for one in ("7", "TAX", "8", "none"))


@given(
    st.lists(
        st.lists(
            st.one_of(st.integers(0, 20000).map(str), st.sampled_from(["TAX", "007", "", "٣"])),
            unique=True,
        )
    )
)
def test_pages_of_ids_are_taken_in_like_single_ones(pages: list[list[str]]) -> None:
    found, known = Ids(), Ids()
    for page in pages:
        new = [n for n, one in enumerate(page) if known.add(one)]
        assert found.take(tuple(page)) == new
    assert len(found) == len(known)


@pytest.mark.parametrize(
    ("rows", "calls"), [(0, 1), (1, 1), (999, 1), (1000, 2), (1999, 3), (1_000_000, 1002)]
)
def test_pages_repeat_one_record(rows: int, calls: int) -> None:
    assert pages(rows) == calls


def test_a_million_rows_cost_hardly_more_than_the_least() -> None:
    rows = {"Invoice": 500_000, "Payment": 430_000, "Customer": 60_000, "Item": 10_000, "Term": 5}
    assert least_calls(rows) == 1001
    assert planned_calls(rows) <= 1.02 * least_calls(rows)


@pytest.mark.parametrize(
    ("entity", "rows", "calls"),
    [
        ("Customer", 0, 2), ("Customer", 5, 1), ("Customer", 1000, 3),
        # Counted first or last: by what the change call tells of the company.
        ("Vendor", 0, 2), ("Vendor", 5, 2), ("Vendor", 1000, 3),
        # Not counted first where the company says that it uses them.
        ("Class", 0, 2), ("Class", 5, 1), ("CompanyInfo", 1, 1),
    ],
)  # fmt: skip
def test_an_entity_is_paged_and_counted_where_its_pages_prove_nothing(
    entity: str, rows: int, calls: int
) -> None:
    # The last day's changes are asked besides where a month's may be too many for an answer.
    changes, reports = (2 if rows >= 1000 else 1), 2
    assert planned_calls({entity: rows}) == calls + changes + reports


def test_a_quiet_run_costs_one_call_and_the_round_of_a_day_is_known() -> None:
    assert incremental_calls({}) == 1
    assert incremental_calls({"Invoice": 999}) == 1
    assert incremental_calls({"Invoice": 5000}) == 1 + 1 + 6 + 1
    assert incremental_calls({"Invoice": 5000, "Payment": 10}) == 1 + 2 + 1 + 6 + 1
    assert (daily_calls(), daily_calls(several_currencies=False)) == (23, 21)


def test_payloads_are_the_vendors_own_text() -> None:
    text = '{"Id":"7","SyncToken":"3","TotalAmt":12345678901234567.10,"Note":"\u00e4\\u00e4"}'
    body = '{"QueryResponse":{"Invoice":[' + text + '],"maxResults":1}}'
    page = answers.page("Invoice", body.encode())
    (row,) = entity_table("1", "Invoice", page.records, NOW).to_pylist()
    assert row["payload"] == text
    assert (row["id"], row["sync_token"], row["created_at"]) == ("7", 3, None)
    exact = simplejson.loads(row["payload"], use_decimal=True)["TotalAmt"]
    assert exact == Decimal("12345678901234567.10")


def test_a_time_that_is_none_names_entity_and_field() -> None:
    body = '{"QueryResponse":{"Term":[{"Id":"1","MetaData":{"CreateTime":"soon"}}]}}'
    page = answers.page("Term", body.encode())
    with pytest.raises(Stop, match=r"Term\.created_at"):
        entity_table("1", "Term", page.records, NOW)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"QueryResponse":[]}'])
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        answers.page("Term", body)


def test_records_that_go_from_before_a_walk_hide_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE", 3)
    books, asked = list(range(1, 9)), []

    def ask(place: Place) -> Future[answers.RawPage]:
        asked.append(place)
        if len(asked) == 2:
            del books[:2]
        at = [n for n in books if f"2026-01-0{n}" >= place.since][place.position - 1 :][:3]
        rows = ",".join(f'{{"Id":"{n}","MetaData":{{"CreateTime":"2026-01-0{n}"}}}}' for n in at)
        body = f'{{"QueryResponse":{{"Term":[{rows}]}}}}'
        found: Future[answers.RawPage] = Future()
        found.set_result(answers.page("Term", body.encode()))
        return found

    met = [key for page in Walk("Term", ask).pages() for key in page.keys]
    assert met == [str(n) for n in range(1, 9)]
