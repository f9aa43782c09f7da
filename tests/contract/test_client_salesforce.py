"""Our Salesforce client against the sandbox: log-in, reading, writing, and bad weather."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from both_systems import ORG, World, running_world, write_seed
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from salesforce_org import ACME, BOREAL, DEAL, DELETED

from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.salesforce_replies import Part
from pipelines.clients.salesforce_soql import record_id, soql_ids, soql_text, soql_time
from pipelines.errors import (
    CredentialsRefused,
    LimitExceeded,
    Refused,
    ReplyLost,
    Throttled,
    Unavailable,
    WrongCompany,
)
from pipelines.settings import Secret

BUSY = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests Limit exceeded."}]
WRONG = Secret("wrong-canary-9d1e")


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_seed(tmp_path_factory.mktemp("both") / "seed")


@pytest.fixture
def world(seed: Path, tmp_path: Path) -> Iterator[World]:
    with running_world(seed, tmp_path / "data") as running:
        yield running


def names(client: SalesforceClient) -> list[str]:
    return [str(r["Name"]) for r in client.query_all("SELECT Name FROM Account ORDER BY Name")]


def city(client: SalesforceClient, account: str = ACME) -> Any:
    soql = f"SELECT BillingCity FROM Account WHERE Id = {soql_text(account)}"
    return next(client.query_all(soql))["BillingCity"]


# Log-in


@pytest.mark.parametrize("kind", ["client_credentials", "password", "access_token"])
def test_each_kind_of_log_in_reads(world: World, kind: str) -> None:
    client = world.salesforce(login=kind)
    assert names(client) == ["Acme GmbH", "boreal ltd"]
    assert client.calls.tokens == (0 if kind == "access_token" else 1)
    assert client.calls.metered == client.calls.reads == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"login": "client_credentials", "client_secret": WRONG},
        {"login": "client_credentials", "client_id": "nobody"},
        {"login": "password", "password": WRONG},
        {"login": "password", "security_token": WRONG},
        {"login": "access_token", "access_token": Secret(f"{ORG}!wrong.canary.9d1e")},
    ],
)
def test_wrong_credentials_are_one_clear_sentence(world: World, wrong: dict[str, Any]) -> None:
    client = world.salesforce(**wrong)
    with pytest.raises(CredentialsRefused) as caught:
        names(client)
    assert "canary" not in str(caught.value)
    assert caught.value.next_step
    assert "{" not in str(caught.value)
    assert client.calls.tokens <= 1


def test_another_org_is_refused_before_anything_is_read(world: World) -> None:
    client = world.salesforce(org_id="00DHs0000009999MAA")
    with pytest.raises(WrongCompany, match=r"the configured one is 00DHs0000009999MAA"):
        names(client)
    assert client.calls.total == 0


def test_an_unreachable_org_says_so(world: World) -> None:
    with pytest.raises(
        Unavailable, match=r"127.0.0.1:9: .*no connection could be made.*crossfoot sandbox"
    ):
        names(world.salesforce(base_url="http://127.0.0.1:9"))


def test_an_expired_session_is_renewed_once(world: World) -> None:
    client = world.salesforce()
    names(client)
    world.arm("expire_token", "/query")
    assert names(client) == ["Acme GmbH", "boreal ltd"]
    assert client.calls.tokens == 2


@pytest.mark.parametrize("login", ["client_credentials", "access_token"])
def test_a_session_that_dies_at_once_ends_in_a_sentence(world: World, login: str) -> None:
    client = world.salesforce(login=login)
    world.arm("expire_token", "/query", times=None)
    with pytest.raises(CredentialsRefused, match=r"Salesforce, log-in"):
        names(client)
    assert client.calls.tokens <= 2


# Reading


def test_numbers_are_exact_and_attributes_are_left_out(world: World) -> None:
    soql = "SELECT Id, UnitPrice FROM PricebookEntry WHERE Name = 'Cable'"
    (entry,) = world.salesforce().query_all(soql)
    assert entry["UnitPrice"] == Decimal("0.333")
    assert set(entry) == {"Id", "UnitPrice"}


def test_deleted_rows_come_when_asked_for(world: World) -> None:
    found = world.salesforce().query_all("SELECT Id, IsDeleted FROM Account", include_deleted=True)
    assert {r["Id"]: r["IsDeleted"] for r in found}[DELETED] is True


def test_a_describe_names_every_field_and_may_be_unchanged(world: World) -> None:
    client = world.salesforce()
    described = client.describe("Account")
    assert described is not None
    assert {"Name", "QBO_Customer_Id__c"} <= {f["name"] for f in described["fields"]}
    assert client.describe("Account", datetime.now(UTC) + timedelta(days=1)) is None


def test_several_reads_are_one_call(world: World) -> None:
    client = world.salesforce()
    parts = [
        Part("a", "sobjects/Account/describe"),
        Part("b", "query?q=SELECT+Id+FROM+Opportunity"),
    ]
    described, found = client.composite(parts)
    assert described.body["name"] == "Account"
    assert found.body["totalSize"] == 2
    assert client.calls.reads == client.calls.metered == 1
    with pytest.raises(Refused, match=r"Salesforce, bad: refused with"):
        client.composite([Part("bad", "query?q=SELECT+Nothing__c+FROM+Account")])
    with pytest.raises(ValueError, match="at most 25"):
        client.composite([parts[0]] * 26)


def test_limits_and_the_clock_are_told(world: World) -> None:
    client = world.salesforce()
    assert client.limits()["DailyApiRequests"]["Max"] > 0
    assert client.server_time is not None
    assert client.server_time.year == 2026
    usage = client.api_usage
    assert usage is not None
    assert usage[0] > 0


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("refuse", {"status": 503, "body": "<html>maintenance</html>"}),
        ("refuse", {"status": 400, "body": [{"errorCode": "QUERY_TIMEOUT", "message": "slow"}]}),
        ("refuse", {"status": 403, "body": BUSY}),
        ("throttle", {"retry_after": 0}),
        ("drop_before", {}),
        ("drop_after", {}),
        ("truncate", {}),
        ("malformed", {}),
    ],
)
def test_bad_weather_on_reads_passes(world: World, kind: str, given: dict[str, Any]) -> None:
    client = world.salesforce()
    world.arm(kind, "/query", times=2, system="salesforce", **given)
    assert names(client) == ["Acme GmbH", "boreal ltd"]
    assert client.calls.reads == 3


def test_bad_weather_that_stays_is_an_error(world: World) -> None:
    world.arm("drop_before", "/query", times=None, system="salesforce")
    client = world.salesforce()
    with pytest.raises(Unavailable):
        names(client)
    assert client.calls.reads == 4
    world.calm()
    world.arm("throttle", "/query", times=None, system="salesforce")
    with pytest.raises(LimitExceeded, match=r"the day's API calls are used up"):
        names(client)
    assert client.calls.reads == 5


# Writing


def test_each_record_gets_its_own_answer(world: World) -> None:
    client = world.salesforce()
    replies = client.update_many(
        "Account",
        [
            {"Id": ACME, "QBO_Open_Balance__c": Decimal("1234567890123456.78")},
            {"Id": BOREAL, "Name": ""},
            {"Id": "001Hs0000009999IAA", "Name": "Nobody"},
        ],
    )
    assert [r.ok for r in replies] == [True, False, False]
    assert replies[0].remote_id == ACME
    assert all(r.code and r.message for r in replies[1:])
    soql = f"SELECT QBO_Open_Balance__c FROM Account WHERE Id = '{ACME}'"
    assert next(client.query_all(soql))["QBO_Open_Balance__c"] == Decimal("1234567890123456.78")
    assert client.calls.writes == 1


def test_an_upsert_goes_by_the_external_id(world: World) -> None:
    client = world.salesforce()
    key = "QBO_Customer_Id__c"
    first, second = client.upsert_many(
        "Account", key, [{key: "9341450000000001:58", "BillingCity": "Bonn"},
                         {key: "9341450000000001:99", "Name": "Newcomer"}],
    )  # fmt: skip
    assert first.ok
    assert first.remote_id == ACME
    assert second.ok
    assert second.remote_id != ACME
    assert city(client) == "Bonn"


def test_senseless_writes_are_not_sent(world: World) -> None:
    client = world.salesforce()
    with pytest.raises(ValueError, match="at most 1000"):
        client.update_many("Account", [{"Id": ACME}] * 1001)
    with pytest.raises(ValueError, match="at most 200"):
        client.upsert_many("Account", "K__c", [{"K__c": str(n)} for n in range(201)])
    with pytest.raises(ValueError, match="needs the Id"):
        client.update_many("Account", [{"Name": "x"}])
    with pytest.raises(ValueError, match="its own"):
        client.upsert_many("Account", "K__c", [{"K__c": "a"}, {"K__c": "A"}])
    with pytest.raises(ValueError, match="not the name"):
        client.update_many("Account/../x", [{"Id": ACME}])
    assert client.update_many("Account", []) == []
    assert client.calls.total == 0


def test_more_than_a_collection_goes_in_one_call_and_each_record_has_its_own_answer(
    world: World,
) -> None:
    client = world.salesforce()
    nobody = {"Id": "001000000000009AAA", "BillingCity": "Bonn"}
    replies = client.update_many("Account", [nobody] * 200 + [{"Id": ACME, "BillingCity": "Bonn"}])
    assert [reply.ok for reply in replies] == [False] * 200 + [True]
    assert client.calls.total == 1
    assert city(client) == "Bonn"


@pytest.mark.parametrize("kind", ["drop_after", "truncate", "malformed"])
def test_a_lost_answer_to_a_write_is_told_and_never_repeated(world: World, kind: str) -> None:
    client = world.salesforce()
    world.arm(kind, "/composite/sobjects", times=None)
    with pytest.raises(ReplyLost, match="looks in the other system"):
        client.update_many("Account", [{"Id": ACME, "BillingCity": "Bonn"}])
    assert len(world.writes("Account")) == 1
    assert city(client) == "Bonn"


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("drop_before", {}, ReplyLost),
        ("refuse", {"status": 503, "body": "<html></html>"}, ReplyLost),
        ("hang", {"seconds": 4}, ReplyLost),
        ("throttle", {}, LimitExceeded),
        ("refuse", {"status": 403, "body": BUSY}, Throttled),
    ],
)
def test_a_write_that_was_not_done_is_not_repeated_either(
    world: World, kind: str, given: dict[str, Any], expected: type[Exception]
) -> None:
    client = world.salesforce()
    before = city(client)
    world.arm(kind, "/composite/sobjects", **given)
    with pytest.raises(expected):
        client.update_many("Account", [{"Id": ACME, "BillingCity": "Bonn"}])
    assert world.writes("Account") == []
    assert city(client) == before


def test_a_write_goes_through_a_session_that_has_expired(world: World) -> None:
    client = world.salesforce()
    names(client)
    world.arm("expire_token", "/composite/sobjects")
    (reply,) = client.update_many("Account", [{"Id": ACME, "BillingCity": "Bonn"}])
    assert reply.ok
    assert len(world.writes("Account")) == 1


# Literals and secrets


@pytest.fixture(scope="module")
def shared(seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SalesforceClient]:
    with running_world(seed, tmp_path_factory.mktemp("shared")) as running:
        yield running.salesforce()


# What Salesforce keeps as it is: no blanks at the ends, no control characters, in any case.
kept = (
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40)
    .map(str.strip)
    .filter(bool)
)


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kept)
def test_any_text_finds_its_own_row_and_no_other(shared: SalesforceClient, text: str) -> None:
    (reply,) = shared.update_many("Account", [{"Id": ACME, "BillingCity": text}])
    assert reply.ok, reply
    found = shared.query_all(f"SELECT Id FROM Account WHERE BillingCity = {soql_text(text)}")
    assert [r["Id"] for r in found] == [ACME]


def test_ids_and_times_are_checked_literals() -> None:
    assert soql_ids([ACME, DEAL]) == f"('{ACME}', '{DEAL}')"
    assert record_id(ACME) == ACME
    with pytest.raises(ValueError, match="not a Salesforce record id"):
        soql_ids(["' OR Id != '"])
    moment = datetime.fromisoformat("2026-11-20T09:00:00.999-08:00")
    assert soql_time(moment) == "2026-11-20T17:00:00Z"


def test_no_secret_reaches_a_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for login in ("client_credentials", "password"):
        client = world.salesforce(login=login)
        world.arm("drop_before", "/query", system="salesforce")
        names(client)
    given = world.settings.salesforce
    for secret in (given.password, given.security_token, given.client_secret, given.access_token):
        assert secret.reveal() not in caplog.text
    assert "services/data" in caplog.text
    assert "!" not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("cross"))
