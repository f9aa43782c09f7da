"""Our QuickBooks client against the sandbox: tokens, reading, writing, and bad weather."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from both_systems import GB, US, World, running_world, write_seed
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from quickbooks_company import customer

from pipelines.clients import quickbooks as module
from pipelines.clients.quickbooks import QuickBooksClient, carries_mark, quickbooks_client, quoted
from pipelines.clients.tokens import TokenFile
from pipelines.errors import (
    ConfigurationError,
    CredentialsRefused,
    Incomplete,
    Refused,
    ReplyLost,
    Stale,
    StateCorrupt,
    Throttled,
    Unavailable,
)
from pipelines.settings import CompanySettings, Secret

MARK = "Crossfoot 006Hs0000000001IAA/1/g1"
MANY = 25


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    many = [customer(str(n), f"Customer {n:02}", "USD") for n in range(1, MANY + 1)]
    gone = customer("90", "Sleeper (deleted)", "USD", Active=False)
    return write_seed(
        tmp_path_factory.mktemp("both") / "seed", quickbooks={US: {"Customer": [*many, gone]}}
    )


@pytest.fixture
def world(seed: Path, tmp_path: Path) -> Iterator[World]:
    with running_world(seed, tmp_path / "data") as running:
        yield running


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 10)


def invoice(mark: str = MARK, amount: str = "100.10", customer_id: str = "1") -> dict[str, Any]:
    line = {
        "Amount": Decimal(amount),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}, "Qty": Decimal(1),
                                "UnitPrice": Decimal(amount)},
    }  # fmt: skip
    return {"CustomerRef": {"value": customer_id}, "Line": [line], "PrivateNote": mark}


def names(client: QuickBooksClient) -> list[str]:
    return [c["DisplayName"] for c in client.query("Customer")]


# Reading


def test_pages_hold_every_record_once(world: World, small_pages: None) -> None:
    client = world.quickbooks()
    pages = list(client.pages("Customer"))
    ids = [r["Id"] for page in pages for r in page.records]
    assert sorted(map(int, ids)) == list(range(1, MANY + 1))
    assert [len(page.records) for page in pages] == [10, 9, 6]
    assert client.calls.reads == client.calls.metered == 3
    assert all(page.server_time.year == 2026 for page in pages)


def test_inactive_records_come_on_request_and_are_counted(world: World) -> None:
    client = world.quickbooks()
    every = "Active in (true, false)"
    assert len(client.query("Customer")) == MANY
    assert len(client.query("Customer", every)) == client.count("Customer", every) == MANY + 1


def test_many_counts_are_one_call_of_which_each_is_metered(world: World) -> None:
    client = world.quickbooks()
    found = client.counts({"Customer": "", "Item": "", "Invoice": ""})
    assert found["Customer"] == MANY
    assert found["Invoice"] == 0
    assert (client.calls.reads, client.calls.metered) == (1, 3)


def test_a_row_that_moves_between_pages_is_noticed(world: World, small_pages: None) -> None:
    pages = world.quickbooks().pages("Customer")
    first = next(pages).records[0]
    body = {"Id": first["Id"], "SyncToken": first["SyncToken"], "sparse": True, "Active": False}
    world.quickbooks().update("Customer", body, "deactivate-1")
    with pytest.raises(Incomplete, match="records moved between two pages"):
        next(pages)


def test_a_missing_record_is_none_and_a_bad_id_is_not_sent(world: World) -> None:
    client = world.quickbooks()
    assert client.read("Customer", "1")["DisplayName"] == "Customer 01"  # type: ignore[index]
    assert client.read("Customer", "4711") is None
    calls = client.calls.total
    for bad in ("1/../2", "", "1?x=y", "1 2"):
        with pytest.raises(ValueError, match="not the id"):
            client.read("Customer", bad)
    with pytest.raises(ValueError, match="not the name"):
        client.query("Customer where Id = '1'")
    assert client.calls.total == calls


def test_changes_come_with_deletions_and_the_companys_clock(world: World) -> None:
    client = world.quickbooks()
    made = client.create("Invoice", invoice(), "r-1")
    kept = client.create("Invoice", invoice("other"), "r-2")
    since = client.server_time
    assert since is not None
    client._library.delete_object(
        "Invoice", f'{{"Id": "{made["Id"]}", "SyncToken": "{made["SyncToken"]}"}}'
    )
    found = client.cdc(["Customer", "Invoice"], since - timedelta(minutes=1))
    assert [r["Id"] for r in found.living["Invoice"]] == [kept["Id"]]
    assert [r["Id"] for r in found.deleted["Invoice"]] == [made["Id"]]
    # The invoices moved their customer's balance, so the customer has changed as well.
    assert found.objects == sum(map(len, found.living.values())) + 1
    assert found.server_time >= since


def test_changes_of_too_long_ago_are_refused_with_the_vendors_code(world: World) -> None:
    client = world.quickbooks()
    client.query("Item")
    now = client.server_time
    assert now is not None
    with pytest.raises(Refused) as caught:
        client.cdc(["Invoice"], now - timedelta(days=31))
    assert caught.value.code == "500"
    assert "older than fixed days" in caught.value.vendor_message


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("refuse", {"status": 503, "body": "<html>busy</html>"}),
        ("refuse", {"status": 500, "body": {"Fault": {"Error": [{"Message": "An application error "
         "has occurred", "code": "10000"}], "type": "SystemFault"}}}),
        ("throttle", {}),
        ("throttle", {"retry_after": 2}),
        ("drop_before", {}),
        ("drop_after", {}),
        ("truncate", {}),
        ("malformed", {}),
    ],
)  # fmt: skip
def test_bad_weather_on_reads_passes(world: World, kind: str, given: dict[str, Any]) -> None:
    client = world.quickbooks()
    world.arm(kind, "/query", times=2, system="quickbooks", **given)
    assert len(names(client)) == MANY
    assert client.calls.reads == 3


def test_bad_weather_that_stays_is_an_error(world: World) -> None:
    client = world.quickbooks()
    for kind, expected in (("drop_before", Unavailable), ("throttle", Throttled)):
        world.arm(kind, "/query", times=None, system="quickbooks")
        with pytest.raises(expected):
            names(client)
        world.calm()
    assert client.calls.reads == 8


# Writing


def test_amounts_travel_as_exact_numbers(world: World) -> None:
    client = world.quickbooks()
    made = client.create("Invoice", invoice(amount="1234567.89"), "exact-1")
    assert made["TotalAmt"] == Decimal("1234567.89")
    stored = client.read("Invoice", made["Id"])
    assert stored is not None
    assert stored["Line"][0]["SalesItemLineDetail"]["UnitPrice"] == Decimal("1234567.89")


def test_one_request_id_makes_one_record_whatever_the_body(world: World) -> None:
    client = world.quickbooks()
    first = client.create("Invoice", invoice(amount="10.00"), "same-1")
    again = client.create("Invoice", invoice(amount="99.00"), "same-1")
    stored_text = '{"CustomerRef": {"value": "1"}, "Line": []}'
    third = client.create("Invoice", stored_text, "same-1")
    assert first["Id"] == again["Id"] == third["Id"]
    assert client.count("Invoice") == 1


def test_refusals_keep_the_vendors_code_and_words(world: World) -> None:
    client = world.quickbooks()
    with pytest.raises(Refused) as caught:
        client.create("Customer", {"DisplayName": "Customer 01"}, "twice-1")
    assert caught.value.code == "6240"
    assert "already exists" in caught.value.vendor_message
    assert "Link to the record" in str(caught.value)


def test_a_record_that_moved_on_is_not_overwritten(world: World) -> None:
    client = world.quickbooks()
    read = client.read("Customer", "1")
    assert read is not None
    body = {"Id": "1", "SyncToken": read["SyncToken"], "sparse": True}
    client.update("Customer", {**body, "CompanyName": "By a person"}, "u-1")
    with pytest.raises(Stale) as caught:
        client.update("Customer", {**body, "CompanyName": "By us"}, "u-2")
    assert caught.value.code == "5010"
    after = client.read("Customer", "1")
    assert after is not None
    assert after["CompanyName"] == "By a person"


def test_senseless_writes_are_not_sent(world: World) -> None:
    client = world.quickbooks()
    with pytest.raises(ValueError, match="Id and SyncToken"):
        client.update("Customer", {"Id": "1"}, "x")
    for request_id in ("", "x" * 51, "a b", "a&operation=delete"):
        with pytest.raises(ValueError, match="request id"):
            client.create("Customer", {"DisplayName": "x"}, request_id)
    assert client.calls.total == 0


@pytest.mark.parametrize("kind", ["drop_after", "truncate", "malformed"])
def test_a_lost_answer_is_told_and_the_mark_finds_what_was_done(world: World, kind: str) -> None:
    client = world.quickbooks()
    client.query("Item")
    began = client.server_time
    assert began is not None
    world.arm(kind, "/invoice", times=None)
    with pytest.raises(ReplyLost, match="looks in the other system"):
        client.create("Invoice", invoice(), "lost-1")
    world.calm()
    assert len(world.writes("Invoice")) == 1
    since = began - timedelta(minutes=5)
    (found,) = client.find_invoices_by_marks(since, [MARK])
    assert client.find_invoices_by_marks(since, [MARK + "0"]) == []
    assert client.create("Invoice", invoice(), "lost-1")["Id"] == found["Id"]
    assert client.count("Invoice") == 1


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("drop_before", {}, ReplyLost),
        ("refuse", {"status": 504, "body": "<html></html>"}, ReplyLost),
        ("hang", {"seconds": 4}, ReplyLost),
        ("throttle", {}, Throttled),
    ],
)
def test_a_write_is_sent_once_and_its_failure_told(
    world: World, kind: str, given: dict[str, Any], expected: type[Exception]
) -> None:
    client = world.quickbooks()
    world.arm(kind, "/invoice", **given)
    with pytest.raises(expected):
        client.create("Invoice", invoice(), "once-1")
    assert client.calls.writes == 1
    assert client.count("Invoice") == 0


@pytest.mark.parametrize(
    ("note", "found"),
    [
        (MARK, True),
        (f"{MARK}\nThank you", True),
        (f"Voided - {MARK}", True),
        (f"Voided\n{MARK}", True),
        (f"{MARK}1", False),
        (f"x{MARK}", False),
        ("", False),
        (None, False),
    ],
)
def test_a_mark_is_found_whole_or_not_at_all(note: str | None, found: bool) -> None:
    assert carries_mark({"PrivateNote": note}, MARK) is found


# Tokens


def test_the_first_call_refreshes_and_the_next_process_does_not(world: World) -> None:
    first, second = world.quickbooks(), world.quickbooks()
    names(first)
    names(second)
    assert (first.calls.tokens, second.calls.tokens) == (2, 0)
    assert first.calls.metered == 1


@pytest.mark.parametrize("write", [False, True])
def test_an_expired_token_is_renewed_once(world: World, write: bool) -> None:
    client = world.quickbooks()
    names(client)
    world.arm("expire_token", "/invoice|/query")
    if write:
        client.create("Invoice", invoice(), "renewed-1")
        assert client.count("Invoice") == 1
    else:
        assert len(names(client)) == MANY
    assert client.calls.tokens == 4


def test_a_connection_that_dies_at_once_ends_in_a_sentence(world: World) -> None:
    client = world.quickbooks()
    world.arm("expire_token", "/query", times=None)
    with pytest.raises(CredentialsRefused, match="refreshed just now was refused"):
        names(client)
    assert client.calls.tokens <= 4


def test_the_token_rotates_and_the_connection_lives(world: World) -> None:
    client = world.quickbooks()
    names(client)
    file = TokenFile(world.settings.token_dir / f"quickbooks-{US}.json")
    before = file.load()
    world.move_clock(days=2)
    assert len(names(client)) == MANY
    after = file.load()
    assert before is not None
    assert after is not None
    assert after.refresh != before.refresh
    assert after.previous_refresh == before.refresh
    assert len(names(world.quickbooks())) == MANY


def test_a_lost_answer_to_a_refresh_is_asked_for_again(world: World) -> None:
    world.arm("drop_after", "/tokens/bearer")
    assert len(names(world.quickbooks())) == MANY


def test_a_lost_rotation_is_recovered_or_told_while_a_person_can_still_act(world: World) -> None:
    """The new refresh token is known to the vendor alone. For a while the one before it works: in
    the sandbox for a day."""
    names(world.quickbooks())
    world.move_clock(days=2)
    world.arm("lose_rotated_token", "/tokens/bearer")
    assert len(names(world.quickbooks())) == MANY

    world.move_clock(days=2)
    world.arm("lose_rotated_token", "/tokens/bearer", times=None)
    file = TokenFile(world.settings.token_dir / f"quickbooks-{US}.json")
    before = file.load()
    with pytest.raises(Unavailable, match=rf"token of company {US}: no answer.*Run again soon"):
        names(world.quickbooks())
    assert file.load() == before
    world.calm()
    assert len(names(world.quickbooks())) == MANY
    assert file.load() != before

    world.move_clock(days=2)
    world.arm("lose_rotated_token", "/tokens/bearer", times=None)
    with pytest.raises(Unavailable):
        names(world.quickbooks())
    world.calm()
    world.move_clock(days=2)
    with pytest.raises(CredentialsRefused, match="connect it again"):
        names(world.quickbooks())


@pytest.mark.parametrize("changed", [{"client_secret": Secret("canary-wrong")},
                                     {"client_id": "nobody"}])  # fmt: skip
def test_a_wrong_app_is_one_clear_sentence(world: World, changed: dict[str, Any]) -> None:
    with pytest.raises(CredentialsRefused, match=r"client id and client secret") as caught:
        names(world.quickbooks(**changed))
    assert "canary" not in str(caught.value)


def test_a_dead_refresh_token_asks_for_a_person(world: World) -> None:
    dead = CompanySettings(US, "Test Inc", Secret("canary-dead-token"))
    with pytest.raises(CredentialsRefused, match="to connect it again") as caught:
        names(world.quickbooks(companies=(dead,)))
    assert "canary" not in str(caught.value)


def test_a_token_of_another_company_does_not_open_this_one(world: World) -> None:
    mixed = CompanySettings(US, "Mixed up", world.settings.quickbooks.company(GB).refresh_token)
    with pytest.raises(CredentialsRefused, match=rf"company {US}"):
        names(world.quickbooks(companies=(mixed,)))


def test_an_unknown_company_is_a_configuration_error(world: World) -> None:
    with pytest.raises(ConfigurationError, match=r"company 1: it is not configured"):
        quickbooks_client(world.settings, "1")


def test_a_corrupt_token_file_stops_before_any_call(world: World) -> None:
    client = world.quickbooks()
    path = world.settings.token_dir / f"quickbooks-{US}.json"
    path.parent.mkdir(parents=True)
    path.write_text("{half")
    with pytest.raises(StateCorrupt, match="token file"):
        names(client)
    assert client.calls.total == client.calls.tokens == 0


def test_an_unreachable_company_says_so(world: World) -> None:
    names(world.quickbooks())
    with pytest.raises(Unavailable, match="no connection could be made"):
        names(world.quickbooks(base_url="http://127.0.0.1:9"))


# Literals and secrets


@pytest.fixture(scope="module")
def shared(seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuickBooksClient]:
    with running_world(seed, tmp_path_factory.mktemp("shared")) as running:
        yield running.quickbooks()


kept = (
    st.text(
        st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters=':"'),
        min_size=1,
        max_size=40,
    )
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kept)
def test_any_text_finds_its_own_record_and_no_other(shared: QuickBooksClient, text: str) -> None:
    found = shared.query("Customer", f"DisplayName = {quoted(text)}")
    if not found:
        made = shared.create("Customer", {"DisplayName": text}, f"n-{abs(hash(text))}")
        found = shared.query("Customer", f"DisplayName = {quoted(text)}")
        assert [r["Id"] for r in found] == [made["Id"]]
    assert len(found) == 1


def test_no_secret_reaches_a_log_or_an_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = world.quickbooks()
    world.arm("expire_token", "/query", times=None)
    with pytest.raises(CredentialsRefused) as caught:
        names(client)
    stored = TokenFile(world.settings.token_dir / f"quickbooks-{US}.json").load()
    assert stored is not None
    told = caplog.text + str(caught.value) + repr(caught.value)
    app = world.settings.quickbooks
    for secret in (stored.access, stored.refresh, stored.previous_refresh, app.client_secret):
        assert secret.reveal() not in told
    assert "/v3/company" in told
