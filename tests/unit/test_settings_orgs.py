"""Several Salesforce orgs, what is read of them, and how many calls may be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import ConfigurationError
from pipelines.setting_salesforce import long_id
from pipelines.settings import Settings, load_settings

FIRST, SECOND = "00D5g000004AbcdEAC", "00D8c000000XyzAEAS"
CANARY = "canary-0d5b"
QUICKBOOKS = {
    "CROSSFOOT_QUICKBOOKS_CLIENT_ID": "app",
    "CROSSFOOT_QUICKBOOKS_CLIENT_SECRET": CANARY,
    "CROSSFOOT_QUICKBOOKS_COMPANIES": "9341450000000001:Acme Inc",
    "CROSSFOOT_QUICKBOOKS_REFRESH_TOKEN_9341450000000001": CANARY,
}
PLAIN = {
    "CROSSFOOT_SALESFORCE_DOMAIN": "acme.my",
    "CROSSFOOT_SALESFORCE_CLIENT_ID": "first",
    "CROSSFOOT_SALESFORCE_CLIENT_SECRET": CANARY,
}
OWN = {
    f"CROSSFOOT_SALESFORCE_DOMAIN_{SECOND}": "acme-eu.my.salesforce.com",
    f"CROSSFOOT_SALESFORCE_USERNAME_{SECOND}": "sync@acme.example",
    f"CROSSFOOT_SALESFORCE_PASSWORD_{SECOND}": CANARY,
    f"CROSSFOOT_SALESFORCE_SECURITY_TOKEN_{SECOND}": CANARY,
}
TWO = {"CROSSFOOT_SALESFORCE_ORGS": f"{FIRST}:Acme, {SECOND}:Acme Europe"}


def live(*parts: dict[str, str], **more: str) -> Settings:
    env = {"CROSSFOOT_PROFILE": "live", **QUICKBOOKS}
    for part in parts:
        env |= part
    return load_settings(env | more)


def test_each_org_has_its_own_log_in_and_the_first_is_the_one_written_to() -> None:
    settings = live(TWO, PLAIN, OWN).check()
    first, second = settings.salesforce_orgs
    assert settings.salesforce is first
    assert (first.org_id, first.name, first.domain) == (FIRST, "Acme", "acme.my")
    assert (second.org_id, second.name, second.domain) == (SECOND, "Acme Europe", "acme-eu.my")
    assert (first.login, second.login) == ("client_credentials", "password")
    assert (first.client_id, second.client_id) == ("first", "")
    assert second.password.reveal() == CANARY


def test_the_first_org_s_own_variables_come_before_the_plain_ones() -> None:
    own = {f"CROSSFOOT_SALESFORCE_CLIENT_ID_{FIRST}": "own"}
    assert live(TWO, PLAIN, OWN, own).salesforce.client_id == "own"


def test_a_second_org_never_gets_the_first_one_s_credentials() -> None:
    with pytest.raises(ConfigurationError) as told:
        live(TWO, PLAIN).check()
    for name in ("DOMAIN", "CLIENT_ID", "CLIENT_SECRET"):
        assert f"CROSSFOOT_SALESFORCE_{name}_{SECOND} (for " in str(told.value)
    assert CANARY not in str(told.value)


def test_the_api_version_is_one_for_all_unless_an_org_says_otherwise() -> None:
    versions = {"CROSSFOOT_SALESFORCE_API_VERSION": "67.0"}
    same = live(TWO, PLAIN, OWN, versions).salesforce_orgs
    assert [org.api_version for org in same] == ["67.0", "67.0"]
    own = {f"CROSSFOOT_SALESFORCE_API_VERSION_{SECOND}": "66.0"}
    other = live(TWO, PLAIN, OWN, versions, own).salesforce_orgs
    assert [org.api_version for org in other] == ["67.0", "66.0"]


@pytest.mark.parametrize("again", [FIRST, FIRST[:15]])
def test_two_orgs_with_one_id_are_refused_in_either_form(again: str) -> None:
    given = {"CROSSFOOT_SALESFORCE_ORGS": f"{FIRST}:A,{again}:B"}
    own = {
        name.replace(SECOND, again): value
        for name, value in (OWN | {f"CROSSFOOT_SALESFORCE_DOMAIN_{SECOND}": "b.my"}).items()
    }
    with pytest.raises(ConfigurationError, match=rf"org {FIRST}: it is named twice"):
        live(given, PLAIN, own).check()


def test_one_org_may_be_named_by_a_short_id() -> None:
    settings = live(PLAIN, {"CROSSFOOT_SALESFORCE_ORG_ID": FIRST[:15]})
    assert settings.salesforce.org_id == FIRST
    assert len(settings.salesforce_orgs) == 1


@pytest.mark.parametrize("text", ["Acme", "001000000000001:Acme", f"{FIRST};{SECOND}", f"{FIRST},"])
def test_what_is_no_list_of_orgs_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"makes no sense here.*org id:name"):
        live({"CROSSFOOT_SALESFORCE_ORGS": text}, PLAIN).check()


def test_two_settings_may_not_disagree_about_the_org_that_is_written_to() -> None:
    other = {"CROSSFOOT_SALESFORCE_ORG_ID": SECOND}
    with pytest.raises(ConfigurationError, match="unset CROSSFOOT_SALESFORCE_ORG_ID"):
        live(TWO, PLAIN, OWN, other).check()
    same = {"CROSSFOOT_SALESFORCE_ORG_ID": FIRST[:15]}
    assert live(TWO, PLAIN, OWN, same).salesforce.org_id == FIRST


def test_a_mistyped_variable_of_an_org_is_told() -> None:
    wrong = {f"CROSSFOOT_SALESFORCE_DOMAINE_{SECOND}": "x"}
    with pytest.raises(ConfigurationError, match="CROSSFOOT_SALESFORCE_DOMAIN_<org id>"):
        live(TWO, PLAIN, OWN, wrong)


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=12,
               max_size=12))  # fmt: skip
def test_a_long_id_tells_capitals_apart_and_is_the_same_from_either_form(text: str) -> None:
    full = long_id(f"00D{text}")
    assert long_id(full) == full
    other = long_id(f"00D{text.swapcase()}")
    assert (other == full) == (text.swapcase() == text)
    assert (other.casefold() == full.casefold()) == (other == full)


def test_known_long_ids() -> None:
    # Ids that stand in Salesforce's own documents.
    assert long_id("001R0000005hDFY") == "001R0000005hDFYIA2"
    assert long_id("00D300000000VBX") == "00D300000000VBXEA2"


def connection(folder: Path, name: str, org_id: str) -> Path:
    org = {
        "base_url": "http://127.0.0.1:8001", "org_id": org_id, "api_version": "68.0",
        "username": "u", "password": "p", "security_token": "t", "client_id": "a",
        "client_secret": "s", "access_token": "t",
    }  # fmt: skip
    companies = [{"realm_id": "9341450000000001", "name": "Inc", "refresh_token": "r"}]
    books = {
        "base_url": "http://127.0.0.1:8002", "discovery_url": "http://127.0.0.1:8002/x/",
        "client_id": "a", "client_secret": "s", "companies": companies,
    }  # fmt: skip
    path = folder / name
    path.write_text(json.dumps({"salesforce": org, "quickbooks": books}))
    return path


def test_a_second_sandbox_is_a_second_org(tmp_path: Path) -> None:
    files = [connection(tmp_path, f"{n}.json", org) for n, org in enumerate((FIRST, SECOND))]
    given = {"CROSSFOOT_SANDBOX_CONNECTION": ",".join(map(str, files))}
    settings = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path), **given}).check()
    assert [org.org_id for org in settings.salesforce_orgs] == [FIRST, SECOND]
    assert settings.salesforce.org_id == FIRST
    assert len(settings.quickbooks.companies) == 1


def test_two_sandboxes_with_one_org_id_are_refused(tmp_path: Path) -> None:
    files = [connection(tmp_path, f"{n}.json", FIRST) for n in range(2)]
    given = {"CROSSFOOT_SANDBOX_CONNECTION": ",".join(map(str, files))}
    with pytest.raises(ConfigurationError, match="named twice"):
        load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path), **given}).check()


def test_allowances_are_the_vendors_and_may_be_changed(tmp_path: Path) -> None:
    usual = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path)}).allowances
    assert (usual.quickbooks_reads_a_month, usual.quickbooks_share) == (500_000, 80)
    assert (usual.salesforce_calls_a_day, usual.salesforce_share) == (None, 25)
    given = {
        "CROSSFOOT_QUICKBOOKS_READS_A_MONTH": "1000000",
        "CROSSFOOT_QUICKBOOKS_SHARE": "50",
        "CROSSFOOT_SALESFORCE_CALLS_A_DAY": "15000",
        "CROSSFOOT_SALESFORCE_SHARE": "10",
    }
    own = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path), **given}).allowances
    assert (own.quickbooks_reads_a_month, own.quickbooks_share) == (1_000_000, 50)
    assert (own.salesforce_calls_a_day, own.salesforce_share) == (15_000, 10)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CROSSFOOT_QUICKBOOKS_SHARE", "0"),
        ("CROSSFOOT_QUICKBOOKS_SHARE", "101"),
        ("CROSSFOOT_SALESFORCE_SHARE", "a third"),
        ("CROSSFOOT_SALESFORCE_CALLS_A_DAY", "0"),
        ("CROSSFOOT_READ_EVERY_MINUTES", "7"),
        ("CROSSFOOT_READ_EVERY_MINUTES", "90"),
        ("CROSSFOOT_READ_EVERY_MINUTES", "2880"),
    ],
)
def test_a_senseless_allowance_names_its_variable(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}.*makes no sense"):
        load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path), name: value})


@pytest.mark.parametrize("minutes", ["1", "5", "15", "60", "120", "1440"])
def test_readings_come_at_times_that_a_schedule_can_say(tmp_path: Path, minutes: str) -> None:
    given = {"CROSSFOOT_DATA_DIR": str(tmp_path), "CROSSFOOT_READ_EVERY_MINUTES": minutes}
    assert load_settings(given).read_every_minutes == int(minutes)


def test_objects_are_named_by_comma_each_once(tmp_path: Path) -> None:
    given = {
        "CROSSFOOT_SALESFORCE_OBJECTS": "Contract, Foo__c,Contract",
        "CROSSFOOT_SALESFORCE_WITHOUT": "Task",
    }
    settings = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path), **given})
    assert settings.salesforce_more == ("Contract", "Foo__c")
    assert settings.salesforce_without == ("Task",)
