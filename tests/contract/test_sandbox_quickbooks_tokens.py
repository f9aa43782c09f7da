"""OAuth: discovery, rotation by age, grace, revocation, user info."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from intuitlib.utils import validate_id_token
from quickbooks_company import GB, US, Company, quickbooks_sandbox

from pipelines.sandbox.server import RunningSandbox

DAY = 24 * 3600


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    with quickbooks_sandbox(tmp_path) as running:
        yield running


@pytest.fixture
def us(sandbox: RunningSandbox) -> Company:
    return Company(sandbox)


def client(sandbox: RunningSandbox, **options: Any) -> AuthClient:
    connection = sandbox.connection["quickbooks"]
    return AuthClient(
        connection["client_id"],
        options.pop("secret", connection["client_secret"]),
        connection["redirect_uri"],
        environment=connection["discovery_url"],
        **options,
    )


def refresh_token(sandbox: RunningSandbox) -> str:
    return str(sandbox.connection["quickbooks"]["companies"][0]["refresh_token"])


@pytest.mark.parametrize("name", ["openid_sandbox_configuration", "openid_configuration"])
def test_discovery_names_the_origin_it_was_asked_at(us: Company, name: str) -> None:
    port = urlsplit(us.base).port
    url = f"http://localhost:{port}/.well-known/{name}/"
    document = requests.get(url, timeout=10).json()
    wanted = ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint")
    for member in (*wanted, "revocation_endpoint", "jwks_uri"):
        assert document[member].startswith(f"http://localhost:{port}/")


def test_a_refresh_within_a_day_keeps_the_value(sandbox: RunningSandbox) -> None:
    auth = client(sandbox)
    first = refresh_token(sandbox)
    auth.refresh(refresh_token=first)
    assert (auth.refresh_token, auth.expires_in) == (first, 3600)
    assert auth.x_refresh_token_expires_in == 8_640_000


def test_the_value_changes_after_a_day_and_the_old_one_dies_after_its_grace(
    sandbox: RunningSandbox, us: Company
) -> None:
    first = refresh_token(sandbox)
    us.control("POST", "/clock", {"advance_seconds": DAY})
    auth = client(sandbox)
    auth.refresh(refresh_token=first)
    second = auth.refresh_token
    assert second != first
    late = client(sandbox)
    late.refresh(refresh_token=first)
    assert late.refresh_token == second
    us.control("POST", "/clock", {"advance_seconds": 301})
    with pytest.raises(AuthClientError) as refused:
        client(sandbox).refresh(refresh_token=first)
    assert refused.value.status_code == 400
    assert b'"error":"invalid_grant"' in refused.value.content
    client(sandbox).refresh(refresh_token=second)


def test_rotation_at_every_refresh_can_be_asked_for(tmp_path: Path) -> None:
    settings = {"quickbooks_tokens": {"rotate_every_time": True, "grace_seconds": 0}}
    with quickbooks_sandbox(tmp_path, manifest=settings) as sandbox:
        auth = client(sandbox)
        values = [refresh_token(sandbox)]
        for _ in range(3):
            auth.refresh(refresh_token=values[-1])
            values.append(auth.refresh_token)
        assert len(set(values)) == 4
        Company(sandbox).control("POST", "/clock", {"advance_seconds": 1})
        with pytest.raises(AuthClientError):
            auth.refresh(refresh_token=values[-2])


def test_refresh_tokens_end_after_a_hundred_days_of_silence(
    sandbox: RunningSandbox, us: Company
) -> None:
    us.control("POST", "/clock", {"advance_seconds": 100 * DAY})
    with pytest.raises(AuthClientError):
        client(sandbox).refresh(refresh_token=refresh_token(sandbox))


def test_access_tokens_end_after_an_hour(us: Company) -> None:
    us.control("POST", "/clock", {"advance_seconds": 3599})
    assert us.get("/customer/1").status == 200
    us.control("POST", "/clock", {"advance_seconds": 1})
    assert us.get("/customer/1").status == 401
    us.renew()
    assert us.get("/customer/1").status == 200


def test_the_hard_limit_is_told_on_request(sandbox: RunningSandbox, us: Company) -> None:
    connection = sandbox.connection["quickbooks"]
    reply = requests.post(
        f"{us.base}/oauth2/v1/tokens/bearer",
        data={"grant_type": "refresh_token", "refresh_token": refresh_token(sandbox)},
        auth=(connection["client_id"], connection["client_secret"]),
        headers={"x-include-refresh-token-hard-expires-in": "true"},
        timeout=10,
    )
    assert reply.json()["x_refresh_token_hard_expires_in"] == 157_680_000


def test_a_wrong_client_and_a_wrong_token_are_told_apart(sandbox: RunningSandbox) -> None:
    with pytest.raises(AuthClientError) as refused:
        client(sandbox, secret="wrong").refresh(refresh_token=refresh_token(sandbox))
    assert (refused.value.status_code, refused.value.content) == (
        401,
        b'{"error":"invalid_client"}',
    )
    with pytest.raises(AuthClientError) as refused:
        client(sandbox).refresh(refresh_token="AB11nothing")
    assert refused.value.status_code == 400
    assert b"Incorrect or invalid refresh token" in refused.value.content


def test_a_code_from_the_consent_page_buys_tokens_once(sandbox: RunningSandbox) -> None:
    auth = client(sandbox)
    url = auth.get_authorization_url([Scopes.ACCOUNTING], state_token="s1")
    reply = requests.get(url + f"&realmId={GB}", allow_redirects=False, timeout=10)
    back = parse_qs(urlsplit(reply.headers["Location"]).query)
    assert (back["state"], back["realmId"]) == (["s1"], [GB])
    auth.get_bearer_token(back["code"][0], realm_id=GB)
    british = Company(sandbox, GB)
    british.headers["Authorization"] = f"Bearer {auth.access_token}"
    assert british.get("/customer/1").status == 200
    with pytest.raises(AuthClientError):
        auth.get_bearer_token(back["code"][0], realm_id=GB)


def test_a_user_who_asks_for_openid_gets_a_token_that_the_key_set_proves(
    sandbox: RunningSandbox, us: Company
) -> None:
    us.control("POST", "/clock", {"at": datetime.now(UTC).isoformat()})
    auth = client(sandbox)
    url = auth.get_authorization_url([Scopes.ACCOUNTING, Scopes.OPENID])
    reply = requests.get(url, allow_redirects=False, timeout=10)
    back = parse_qs(urlsplit(reply.headers["Location"]).query)
    auth.get_bearer_token(back["code"][0], realm_id=US)
    assert auth.id_token is not None  # set only once intuit-oauth has checked its signature
    head, said, signature = auth.id_token.split(".")
    forged = ".".join([head, said, ("B" if signature[0] == "A" else "A") + signature[1:]])
    checked = (auth.client_id, auth.issuer_uri, auth.jwks_uri)
    assert validate_id_token(auth.id_token, *checked) is True
    assert validate_id_token(forged, *checked) is False


def test_without_openid_there_is_no_id_token(sandbox: RunningSandbox) -> None:
    auth = client(sandbox)
    reply = requests.get(
        auth.get_authorization_url([Scopes.ACCOUNTING]), allow_redirects=False, timeout=10
    )
    back = parse_qs(urlsplit(reply.headers["Location"]).query)
    auth.get_bearer_token(back["code"][0], realm_id=US)
    assert auth.id_token is None


def test_revoking_disconnects_the_company(sandbox: RunningSandbox, us: Company) -> None:
    auth = client(sandbox)
    auth.refresh(refresh_token=refresh_token(sandbox))
    assert auth.get_user_info().json()["emailVerified"] is True
    assert auth.revoke(token=auth.refresh_token) is True
    assert us.get("/customer/1").status == 401
    assert Company(sandbox, GB).get("/customer/1").status == 200
    with pytest.raises(AuthClientError):
        auth.refresh()


def test_both_companies_stay_apart(sandbox: RunningSandbox, us: Company) -> None:
    us.save("Term", {"Name": "Only here"})
    other = Company(sandbox, GB)
    assert [t["Name"] for t in other.rows("Term", "where Name = 'Only here'")] == []
    assert us.realm == US
