"""Settings are read once; what is missing is named together with who needs it."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines import setting_names
from pipelines import settings as module
from pipelines.errors import ConfigurationError
from pipelines.settings import Secret, Settings, is_vendor, load_settings, read_dotenv

CANARY = "canary-7f3a91"
CONNECTION: dict[str, Any] = {
    "salesforce": {
        "base_url": "http://127.0.0.1:8001",
        "login_url": "http://127.0.0.1:8001",
        "org_id": "00DHs0000000001EAA",
        "api_version": "68.0",
        "username": "sync@example.com",
        "password": CANARY,
        "security_token": CANARY,
        "client_id": "app",
        "client_secret": CANARY,
        "access_token": f"00DHs0000000001!{CANARY}",
        "refresh_token": CANARY,
    },
    "quickbooks": {
        "base_url": "http://127.0.0.1:8002",
        "discovery_url": "http://127.0.0.1:8002/.well-known/openid_sandbox_configuration/",
        "client_id": "app",
        "client_secret": CANARY,
        "redirect_uri": "http://localhost/",
        "verifier_token": CANARY,
        "companies": [
            {"realm_id": "9341450000000001", "name": "Inc", "refresh_token": CANARY},
        ],
    },
    "control_url": "http://127.0.0.1:8001/_sandbox",
}
LIVE = {
    "CROSSFOOT_PROFILE": "live",
    "CROSSFOOT_SALESFORCE_ORG_ID": "00DHs0000000001EAA",
    "CROSSFOOT_SALESFORCE_DOMAIN": "acme.my",
    "CROSSFOOT_SALESFORCE_CLIENT_ID": "app",
    "CROSSFOOT_SALESFORCE_CLIENT_SECRET": CANARY,
    "CROSSFOOT_QUICKBOOKS_CLIENT_ID": "app",
    "CROSSFOOT_QUICKBOOKS_CLIENT_SECRET": CANARY,
    "CROSSFOOT_QUICKBOOKS_COMPANIES": "9341450000000001:Acme Inc, 9341450000000002",
    "CROSSFOOT_QUICKBOOKS_REFRESH_TOKEN_9341450000000001": CANARY,
    "CROSSFOOT_QUICKBOOKS_REFRESH_TOKEN_9341450000000002": CANARY,
}


def sandbox(tmp_path: Path, connection: object = CONNECTION, **env: str) -> Settings:
    path = tmp_path / "connection.json"
    path.write_text(connection if isinstance(connection, str) else json.dumps(connection))
    return load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path), **env})


def changed(system: str, **values: object) -> dict[str, Any]:
    return CONNECTION | {system: CONNECTION[system] | values}


def test_the_sandbox_is_the_default_and_comes_from_its_connection_file(tmp_path: Path) -> None:
    settings = sandbox(tmp_path).check()
    assert settings.profile == "sandbox"
    assert settings.salesforce.base_url == "http://127.0.0.1:8001"
    assert settings.quickbooks.companies[0].realm_id == "9341450000000001"
    assert settings.warehouse_path == tmp_path / "warehouse.duckdb"
    assert settings.state_url == f"sqlite:///{tmp_path}/state.sqlite"


def test_without_a_sandbox_only_the_vendors_are_missing(tmp_path: Path) -> None:
    settings = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path)})
    assert settings.report_dir == tmp_path / "reports"
    for ask in (lambda: settings.salesforce, lambda: settings.quickbooks, settings.check):
        with pytest.raises(ConfigurationError, match=r"no sandbox is running.*crossfoot sandbox"):
            ask()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"salesforce": {}}', "null"])
def test_a_broken_connection_file_says_so(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read.*start the sandbox again"):
        sandbox(tmp_path, text).check()


@pytest.mark.parametrize(
    "url", ["https://login.salesforce.com", "http://10.0.0.8:80", "http://localhost.evil.test"]
)
def test_the_sandbox_profile_accepts_this_machine_only(tmp_path: Path, url: str) -> None:
    for system in ("salesforce", "quickbooks"):
        with pytest.raises(ConfigurationError, match="this machine only"):
            sandbox(tmp_path, changed(system, base_url=url)).check()


def test_live_settings_are_complete(tmp_path: Path) -> None:
    settings = load_settings(LIVE | {"CROSSFOOT_GO_LIVE_ON": "2026-10-01"}).check()
    assert settings.salesforce.base_url is None
    assert settings.salesforce.login == "client_credentials"
    assert [c.name for c in settings.quickbooks.companies] == ["Acme Inc", "9341450000000002"]
    assert settings.quickbooks.pace
    assert settings.go_live_on == date(2026, 10, 1)


@pytest.mark.parametrize("absent", [name for name in LIVE if name != "CROSSFOOT_PROFILE"])
def test_each_missing_variable_is_named_with_its_use(absent: str) -> None:
    env = {name: value for name, value in LIVE.items() if name != absent}
    with pytest.raises(ConfigurationError, match=rf"{absent} \(for [^)]+") as caught:
        load_settings(env).check()
    assert CANARY not in str(caught.value)


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"CROSSFOOT_PROFILE": "live"}).check()
    for name in ("SALESFORCE_ORG_ID", "SALESFORCE_CLIENT_SECRET", "QUICKBOOKS_CLIENT_ID"):
        assert f"CROSSFOOT_{name}" in str(caught.value)


def test_the_login_kind_follows_what_is_given() -> None:
    by_password = {
        "CROSSFOOT_SALESFORCE_USERNAME": "u",
        "CROSSFOOT_SALESFORCE_PASSWORD": "p",
        "CROSSFOOT_SALESFORCE_SECURITY_TOKEN": "t",
    }
    env = {k: v for k, v in LIVE.items() if "SALESFORCE_CLIENT" not in k} | by_password
    assert load_settings(env).salesforce.login == "password"
    chosen = LIVE | by_password | {"CROSSFOOT_SALESFORCE_LOGIN": "password"}
    assert load_settings(chosen).salesforce.login == "password"


def test_of_a_log_in_that_is_half_given_the_missing_half_is_asked_for() -> None:
    given = {"CROSSFOOT_SALESFORCE_USERNAME": "u", "CROSSFOOT_SALESFORCE_PASSWORD": "p"}
    env = {k: v for k, v in LIVE.items() if "SALESFORCE_CLIENT" not in k} | given
    with pytest.raises(ConfigurationError, match="SALESFORCE_SECURITY_TOKEN") as caught:
        _ = load_settings(env).salesforce
    assert "CLIENT_ID" not in str(caught.value)


def test_a_company_named_twice_is_refused() -> None:
    twice = "9341450000000001:Acme Inc, 9341450000000001:Acme Ltd"
    with pytest.raises(ConfigurationError, match="each company once"):
        _ = load_settings(LIVE | {"CROSSFOOT_QUICKBOOKS_COMPANIES": twice}).quickbooks


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://quickbooks.api.intuit.com", True),
        ("http://quickbooks.api.intuit.com", False),
        ("https://intuit.com.evil.test", False),
        ("https://evilintuit.com", False),
        ("https://user@quickbooks.api.intuit.com", False),
        ("https://quickbooks.api.intuit.com:8443", False),
        ("http://127.0.0.1:9", False),
    ],
)
def test_live_accepts_only_the_vendors_https_hosts(url: str, good: bool) -> None:
    settings = load_settings(LIVE | {"CROSSFOOT_QUICKBOOKS_BASE_URL": url})
    assert is_vendor(url, module.QUICKBOOKS_HOSTS) is good
    if good:
        assert settings.quickbooks.base_url == url
    else:
        with pytest.raises(ConfigurationError, match=r"https address ending in .intuit.com"):
            _ = settings.quickbooks


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CROSSFOOT_PROFILE", "production"),
        ("CROSSFOOT_MAX_CHANGES", "many"),
        ("CROSSFOOT_MAX_CHANGES", "-1"),
        ("CROSSFOOT_TIMEOUT_SECONDS", "0"),
        ("CROSSFOOT_MAX_AMOUNT", "100"),
        ("CROSSFOOT_MAX_AMOUNT", "USD=1e400"),
        ("CROSSFOOT_GO_LIVE_ON", "1.10.2026"),
    ],
)
def test_a_senseless_value_names_its_variable(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}.*makes no sense"):
        load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path), name: value})


def test_dotenv_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert read_dotenv(path) == {}
    path.write_bytes(b"\xef\xbb\xbf# ours\r\nexport A='b c'\r\nPASSWORD=p$${HOME}s\r\nEMPTY=\r\n")
    assert read_dotenv(path) == {"A": "b c", "PASSWORD": "p$${HOME}s", "EMPTY": ""}


@pytest.mark.parametrize(
    "content", [b'A=1\nCROSSFOOT_PROFILE="live\nB=2\n', b"not a setting\n", b"A=\xba\xff\n"]
)
def test_a_dotenv_with_nonsense_is_refused_without_showing_it(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / ".env"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"\.env.*(NAME=value|cannot be read)") as caught:
        read_dotenv(path)
    assert "live" not in str(caught.value)


def test_limits_are_exact_amounts_per_currency(tmp_path: Path) -> None:
    settings = sandbox(tmp_path, CROSSFOOT_MAX_AMOUNT="USD=1000.10, EUR=5")
    assert settings.limits.max_amount == {"USD": Decimal("1000.10"), "EUR": Decimal("5")}


def test_an_unknown_company_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"company 5.*configured: 9341450000000001"):
        sandbox(tmp_path).quickbooks.company("5")


def test_no_secret_shows_itself(tmp_path: Path) -> None:
    for settings in (sandbox(tmp_path), load_settings(LIVE)):
        shown = f"{settings!r} {settings.salesforce!r} {settings.quickbooks!r} {settings!s}"
        assert CANARY not in shown
    secret = Secret(CANARY)
    assert CANARY not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == CANARY
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_a_mistyped_setting_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    for wrong, meant in {
        "CROSSFOOT_MAX_AMOUNTS": "CROSSFOOT_MAX_AMOUNT",
        "CROSSFOOT_PROFIL": "CROSSFOOT_PROFILE",
        "CROSSFOOT_QUICKBOOKS_REFRESH_TOKEN_": "CROSSFOOT_QUICKBOOKS_REFRESH_TOKEN_<realm id>",
    }.items():
        with pytest.raises(ConfigurationError) as told:
            sandbox(tmp_path, **{wrong: CANARY})
        assert f"{wrong}: there is no such setting" in str(told.value)
        assert f"Did you mean {meant}?" in str(told.value)
        assert CANARY not in str(told.value)


def test_a_name_like_nothing_of_ours_is_told_without_a_guess(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as told:
        sandbox(tmp_path, CROSSFOOT_ZZZ="1")
    assert "Did you mean" not in str(told.value)


def test_every_name_that_the_settings_read_is_a_known_one_and_no_other() -> None:
    rooms = Path(module.__file__).parent.glob("setting*.py")
    texts = [path.read_text() for path in rooms if path.stem != "setting_names"]
    read = {name for text in texts for name in re.findall(r'"(CROSSFOOT_[A-Z0-9_]+)"', text)}
    assert read == set(setting_names.NAMES)
