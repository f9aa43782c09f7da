"""`crossfoot connect`: a person says yes in a browser, and the clients work with what was kept."""

from __future__ import annotations

import html
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest
import requests
from both_systems import GB, ORG, QUICK, US, World, running_world, write_seed

from orchestration import connections
from orchestration.connecting import ask_here, ask_pasted
from pipelines.clients.oauth import Asked, consent_url
from pipelines.clients.quickbooks import QuickBooksClient
from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.sealing import KeySeal, new_key, seal_of
from pipelines.clients.tokens import TokenFile, token_file
from pipelines.errors import (
    ConfigurationError,
    CredentialsRefused,
    StateCorrupt,
    WrongCompany,
)
from pipelines.settings import Secret, Settings, load_settings


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_seed(tmp_path_factory.mktemp("both") / "seed")


@pytest.fixture
def world(seed: Path, tmp_path: Path) -> Iterator[World]:
    with running_world(seed, tmp_path / "data") as served:
        yield served


def browser(changed: Callable[[str], str] = lambda url: url) -> Callable[[str], bool]:
    """A person who says yes at once; `changed` is what becomes of the address they are sent to."""

    def visit(url: str) -> bool:
        back = requests.get(url, allow_redirects=False, timeout=5).headers["Location"]
        threading.Thread(target=requests.get, args=(changed(back),), kwargs={"timeout": 5}).start()
        return True

    return visit


def org_client(settings: Settings, tokens: TokenFile) -> SalesforceClient:
    given = replace(settings.salesforce, login="browser", client_secret=Secret(""))
    return SalesforceClient(given, read_seconds=3, patience=QUICK, tokens=tokens)


def test_an_org_is_let_in_and_its_token_renewed(world: World) -> None:
    said: list[str] = []
    door = connections.salesforce_door(world.settings)
    told = connections.keep_org(
        world.settings, door, *ask_here(door.app, 0, said.append, browser())
    )
    assert f"Connected: Salesforce org {ORG}" in told[0]
    file = token_file(world.settings, f"salesforce-{ORG[:15]}")
    kept = file.load()
    assert kept is not None
    assert "code_challenge_method=S256" in said[-1] and "state=" in said[-1]
    client = org_client(world.settings, file)
    assert len(list(client.query_all("SELECT Id FROM Account"))) == 2
    world.control("POST", "faults", json={
        "system": "salesforce", "path": "query", "action": {"kind": "expire_token"}
    })  # fmt: skip
    assert len(list(client.query_all("SELECT Id FROM Account"))) == 2
    renewed = file.load()
    assert renewed is not None and renewed.access != kept.access


def test_a_company_is_let_in_without_a_token_in_the_settings(world: World) -> None:
    app = connections.quickbooks_door(world.settings)
    told = connections.keep_company(
        world.settings, app, *ask_here(app, 0, lambda _: None, browser())
    )
    assert told[0].startswith(f"Connected: QuickBooks company {US}")
    given = world.settings.quickbooks
    company = replace(given.company(US), refresh_token=given.company(US).refresh_token)
    file = token_file(world.settings, f"quickbooks-{US}")
    client = QuickBooksClient(given, company, file, read_seconds=3, patience=QUICK)
    assert client.query("CompanyInfo")[0]["CompanyName"] == "Test Inc"
    assert client.calls.tokens == 0


def test_an_answer_to_another_question_or_a_no_keeps_nothing(world: World) -> None:
    door = connections.salesforce_door(world.settings)

    def forged(url: str) -> str:
        return url.replace("state=", "state=x")

    with pytest.raises(CredentialsRefused, match="does not belong"):
        ask_here(door.app, 0, lambda _: None, browser(forged))

    def refused(url: str) -> str:
        parts = urlsplit(url)
        state = parse_qs(parts.query)["state"][0]
        no = {"error": "access_denied", "error_description": "end-user denied", "state": state}
        return parts._replace(query=urlencode(no)).geturl()

    with pytest.raises(CredentialsRefused, match="end-user denied"):
        ask_here(door.app, 0, lambda _: None, browser(refused))
    with pytest.raises(CredentialsRefused, match="nobody came back"):
        ask_here(door.app, 0, lambda _: None, lambda _: True, seconds=0.1)
    assert not world.settings.token_dir.exists()


def test_another_org_than_the_configured_one_is_not_kept(world: World) -> None:
    door = connections.salesforce_door(world.settings)
    other = replace(door, org_id="00DHs0000000009MAA")
    with pytest.raises(WrongCompany):
        connections.keep_org(
            world.settings, other, *ask_here(door.app, 0, lambda _: None, browser())
        )
    assert not world.settings.token_dir.exists()


def test_without_a_browser_here_the_address_is_pasted(world: World) -> None:
    app = connections.quickbooks_door(world.settings)
    said: list[str] = []

    def ended_at() -> str:
        back = requests.get(said[-1].strip(), allow_redirects=False, timeout=5)
        return back.headers["Location"] + "\n"

    asked, answer = ask_pasted(app, "https://example.com/cb", said.append, ended_at)
    assert connections.keep_company(world.settings, app, asked, answer)
    with pytest.raises(CredentialsRefused, match="it was used"):
        connections.keep_company(world.settings, app, asked, answer)
    with pytest.raises(ConfigurationError, match="not an https address"):
        ask_pasted(app, "http://example.com/cb", said.append, ended_at)


def test_a_server_logs_in_by_jwt(world: World, tmp_path: Path) -> None:
    key = tmp_path / "app.pem"
    key.write_text(world.sandbox.connection["salesforce"]["private_key"])
    client = world.salesforce(login="jwt", private_key_file=key)
    assert len(list(client.query_all("SELECT Id FROM Account"))) == 2


LIVE = {
    "CROSSFOOT_PROFILE": "live",
    "CROSSFOOT_QUICKBOOKS_CLIENT_ID": "id",
    "CROSSFOOT_QUICKBOOKS_CLIENT_SECRET": "secret",
    "CROSSFOOT_QUICKBOOKS_COMPANIES": f"{US}:Test Inc",
}


def test_tokens_are_sealed_on_disk_and_the_key_lies_elsewhere(tmp_path: Path) -> None:
    given = {**LIVE, "CROSSFOOT_DATA_DIR": str(tmp_path / "data"),
             "CROSSFOOT_SECRETS_KEY_FILE": str(tmp_path / "conf" / "key")}  # fmt: skip
    settings = load_settings(given)
    with pytest.raises(ConfigurationError, match="crossfoot connect quickbooks"):
        _ = settings.quickbooks
    file = token_file(settings, f"quickbooks-{US}")
    found = {"refresh_token": "r3fresh", "access_token": "acc3ss"}
    file.save(connections._tokens(found, settings.refresh_token_of(US)))
    text = file.path.read_text()
    assert "r3fresh" not in text and "acc3ss" not in text
    assert (tmp_path / "conf" / "key").stat().st_mode & 0o077 == 0
    kept = token_file(load_settings(given), f"quickbooks-{US}").load()
    assert kept is not None and kept.refresh.reveal() == "r3fresh"
    assert load_settings(given).quickbooks.company(US).name == "Test Inc"
    other = {**given, "CROSSFOOT_SECRETS_KEY": new_key().reveal()}
    with pytest.raises(StateCorrupt, match="sealed with another key"):
        token_file(load_settings(other), f"quickbooks-{US}").load()
    with pytest.raises(ConfigurationError, match="SECRETS_KEY") as told:
        seal_of(load_settings({**given, "CROSSFOOT_SECRETS_KEY": "s3cret"}))
    assert "s3cret" not in str(told.value)


def test_a_file_from_before_the_seal_is_read_and_sealed_at_the_next_change(tmp_path: Path) -> None:
    path = tmp_path / "quickbooks-1.json"
    found = {"refresh_token": "r3fresh", "access_token": "acc3ss"}
    TokenFile(path).save(connections._tokens(found, Secret("")))
    sealed = TokenFile(path, KeySeal(new_key()))
    kept = sealed.load()
    assert kept is not None
    sealed.save(kept)
    assert "r3fresh" not in path.read_text() and sealed.load() == kept


class Ring(ModuleType):
    """The package `keyring` as its documentation has it, over a dictionary; or one that is locked.

    Source: keyring 25, "API interface": `get_password`, `set_password`, `errors.KeyringError`.
    """

    def __init__(self, locked: bool = False) -> None:
        super().__init__("keyring")
        self.held: dict[tuple[str, str], str] = {}
        self._locked = locked
        self.errors = ModuleType("keyring.errors")
        self.errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]

    def get_password(self, service: str, username: str) -> str | None:
        if self._locked:
            raise self.errors.KeyringError("locked, and s3cret")
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password


@pytest.fixture
def ring(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ring:
    made = Ring(**getattr(request, "param", {}))
    monkeypatch.setitem(sys.modules, "keyring", made)
    monkeypatch.setitem(sys.modules, "keyring.errors", made.errors)
    return made


def ringed(tmp_path: Path) -> Settings:
    return load_settings({**LIVE, "CROSSFOOT_DATA_DIR": str(tmp_path / "data"),
                          "CROSSFOOT_SECRETS_KEY_FILE": str(tmp_path / "conf" / "key"),
                          "CROSSFOOT_SECRETS_KEYRING": "on"})  # fmt: skip


def test_the_systems_keyring_may_have_the_key(ring: Ring, tmp_path: Path) -> None:
    file = token_file(ringed(tmp_path), f"quickbooks-{US}")
    file.save(connections._tokens({"refresh_token": "r3fresh", "access_token": "a"}, Secret("")))
    assert "r3fresh" not in file.path.read_text()
    assert not (tmp_path / "conf").exists() and list(ring.held) == [("crossfoot", "live")]
    kept = token_file(ringed(tmp_path), f"quickbooks-{US}").load()
    assert kept is not None and kept.refresh.reveal() == "r3fresh"
    ring.held.clear()
    with pytest.raises(StateCorrupt, match="sealed with another key"):
        token_file(ringed(tmp_path), f"quickbooks-{US}").load()


@pytest.mark.parametrize("ring", [{"locked": True}], indirect=True)
def test_a_keyring_that_is_locked_or_not_there_is_told(
    ring: Ring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used") as told:
        seal_of(ringed(tmp_path))
    assert "s3cret" not in str(told.value)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError, match="not installed"):
        seal_of(ringed(tmp_path))


def test_each_company_that_was_let_in_is_in_the_setting_that_is_told(world: World) -> None:
    app = connections.quickbooks_door(world.settings)
    for realm in (GB, US):
        asked = browser(lambda url, realm=realm: url.replace(US, realm))
        told = connections.keep_company(
            world.settings, app, *ask_here(app, 0, lambda _: None, asked)
        )
    assert told[-1] == f"  CROSSFOOT_QUICKBOOKS_COMPANIES={US}:Test Inc,{GB}:Test Ltd"


def test_a_person_with_several_companies_is_asked_which(world: World) -> None:
    app = connections.quickbooks_door(world.settings)
    url = consent_url(app, Asked("http://localhost:1/callback"))
    page = requests.get(url, headers={"Accept": "text/html,*/*"}, timeout=5)
    links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page.text)]
    assert len(links) == 2 and "Test Ltd" in page.text
    back = requests.get(urljoin(url, links[1]), headers={"Accept": "text/html"}, timeout=5,
                        allow_redirects=False)  # fmt: skip
    assert f"realmId={GB}" in back.headers["Location"]
