"""Log-in to the Salesforce sandbox, in every way a client does it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
import requests
from salesforce_org import ACME, MANIFEST, ORG, RECORDS, USER, Org, running_org, write_seed
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from pipelines.sandbox.salesforce import app_key

OTHER_KEY = app_key.new_key.__wrapped__()


def token_call(org: Org, **form: str) -> requests.Response:
    return requests.post(
        f"{org.sandbox.salesforce_url}/services/oauth2/token", data=form, timeout=20
    )


def password_grant(org: Org, **changes: str) -> requests.Response:
    known = org.connection
    form = {
        "grant_type": "password",
        "client_id": known["client_id"],
        "client_secret": known["client_secret"],
        "username": known["username"],
        "password": known["password"] + known["security_token"],
    }
    return token_call(org, **{**form, **changes})


def works(org: Org, token: str) -> int:
    return org.call("GET", "limits", headers={"Authorization": f"Bearer {token}"}).status_code


def test_the_connection_carries_an_org_id_and_a_token_of_the_vendors_shape(org: Org) -> None:
    known = org.connection
    assert known["org_id"] == ORG
    assert known["access_token"].startswith(f"{ORG[:15]}!")
    assert works(org, known["access_token"]) == 200


def test_password_grant(org: Org) -> None:
    answer = password_grant(org)
    body = answer.json()
    assert answer.status_code == 200
    assert body["token_type"] == "Bearer"
    assert body["instance_url"] == org.sandbox.salesforce_url
    assert body["id"].endswith(f"/id/{ORG}/{USER}")
    assert isinstance(body["issued_at"], str) and body["issued_at"].isdigit()
    assert works(org, body["access_token"]) == 200


def test_the_signature_proves_who_gave_the_token(org: Org) -> None:
    told = password_grant(org).json()
    key, signed = org.connection["client_secret"], told["id"] + told["issued_at"]
    made = hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()
    assert told["signature"] == base64.b64encode(made).decode()


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"password": "wrong"}, "invalid_grant", "authentication failure"),
        ({"username": "nobody@acme.example"}, "invalid_grant", "authentication failure"),
        ({"client_id": "x"}, "invalid_client_id", "client identifier invalid"),
        ({"client_secret": "x"}, "invalid_client", "invalid client credentials"),
        ({"grant_type": "magic"}, "unsupported_grant_type", "grant type not supported"),
        (
            {"grant_type": "refresh_token", "refresh_token": "x"},
            "invalid_grant",
            "expired access/refresh token",
        ),
    ],
)
def test_refused_grants(org: Org, changes: dict[str, str], error: str, description: str) -> None:
    answer = password_grant(org, **changes)
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}


def test_refresh_and_client_credentials(org: Org) -> None:
    known = org.connection
    app = {"client_id": known["client_id"], "client_secret": known["client_secret"]}
    refreshed = token_call(
        org, grant_type="refresh_token", refresh_token=known["refresh_token"], **app
    )
    assert works(org, refreshed.json()["access_token"]) == 200
    basic = requests.post(
        f"{org.sandbox.salesforce_url}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(known["client_id"], known["client_secret"]),
        timeout=20,
    )
    assert works(org, basic.json()["access_token"]) == 200


def assertion(org: Org, key: str = "", **changes: object) -> str:
    """A JWT signed with the app's key, or with another."""
    claims = {
        "iss": org.connection["client_id"],
        "sub": org.connection["username"],
        "aud": "https://login.salesforce.com",
        "exp": str(int(time.time()) + 180),
        **changes,
    }
    return jwt.encode(claims, key or org.connection["private_key"], algorithm="RS256")


def jwt_grant(org: Org, key: str = "", **changes: object) -> requests.Response:
    return token_call(
        org,
        grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion=assertion(org, key, **changes),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"exp": int(time.time() * 1000) + 300},  # as `sf` writes it
        {"aud": "https://test.salesforce.com"},
        {"aud": "https://acme.my.salesforce.com"},
        {"sub": "INTEGRATION@ACME.EXAMPLE"},
    ],
)
def test_jwt_bearer(org: Org, changes: dict[str, object]) -> None:
    assert works(org, jwt_grant(org, **changes).json()["access_token"]) == 200


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"iss": "someone"}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "someone@else.example"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"aud": "https://example.com"}, "invalid_grant", "audience is invalid"),
        ({"exp": 1000}, "invalid_grant", "expired authorization code"),
        ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
        ({"key": OTHER_KEY}, "invalid_grant", "invalid assertion"),
        ({"sub": "gone@acme.example"}, "inactive_user", "user is inactive"),
    ],
)
def test_jwt_refused(org: Org, changes: dict[str, Any], error: str, description: str) -> None:
    answer = jwt_grant(org, **changes)
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}


def test_jwt_by_simple_salesforce(org: Org) -> None:
    known = org.connection
    client = Salesforce(
        username=known["username"],
        consumer_key=known["client_id"],
        privatekey=known["private_key"],
        session=org.led_here(),
    )
    assert client.query("SELECT COUNT() FROM Account")["totalSize"] == 2


# ---- the web server flow, devices, and what can be asked about tokens


def authorized(org: Org, **more: str) -> dict[str, str]:
    """What the authorize page sends the browser back with."""
    asked = {
        "response_type": "code",
        "client_id": org.connection["client_id"],
        "redirect_uri": "http://localhost:1/cb",
        "state": "s",
        **more,
    }
    answer = requests.get(
        f"{org.sandbox.salesforce_url}/services/oauth2/authorize",
        params=asked,
        allow_redirects=False,
        timeout=20,
    )
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("http://localhost:1/cb")
    return dict(parse_qsl(urlsplit(answer.headers["Location"].replace("#", "?")).query))


def code_grant(org: Org, code: str, **more: str) -> requests.Response:
    known = org.connection
    form = {
        "grant_type": "authorization_code", "code": code, "client_id": known["client_id"],
        "client_secret": known["client_secret"], "redirect_uri": "http://localhost:1/cb",
    }  # fmt: skip
    return token_call(org, **{**form, **more})


def test_authorization_code_once(org: Org) -> None:
    back = authorized(org)
    assert back["state"] == "s"
    first = code_grant(org, back["code"]).json()
    assert works(org, first["access_token"]) == 200
    again = token_call(
        org,
        grant_type="refresh_token",
        refresh_token=first["refresh_token"],
        client_id=org.connection["client_id"],
    )
    assert works(org, again.json()["access_token"]) == 200
    assert code_grant(org, back["code"]).json()["error"] == "invalid_grant"


def test_proof_key_for_code_exchange(org: Org) -> None:
    verifier = "v" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    wrong = authorized(org, code_challenge=challenge)["code"]
    refused = code_grant(org, wrong, code_verifier="other").json()
    assert refused["error_description"] == "invalid code verifier"
    right = authorized(org, code_challenge=challenge)["code"]
    assert code_grant(org, right, code_verifier=verifier).status_code == 200


def test_authorize_errors_go_back_to_the_app(org: Org) -> None:
    assert authorized(org, client_id="x")["error"] == "invalid_client_id"
    assert authorized(org, response_type="x")["error"] == "unsupported_response_type"
    assert "access_token" in authorized(org, response_type="token")


def test_device_login_waits_for_the_person(org: Org) -> None:
    known = org.connection
    asked = token_call(org, response_type="device_code", client_id=known["client_id"]).json()
    form = {"grant_type": "device", "client_id": known["client_id"], "code": asked["device_code"]}
    assert token_call(org, **form).json()["error"] == "authorization_pending"
    typed = requests.get(
        asked["verification_uri"], params={"user_code": asked["user_code"]}, timeout=20
    )
    assert typed.status_code == 200
    assert works(org, token_call(org, **form).json()["access_token"]) == 200


def introspected(org: Org, token: str) -> dict[str, Any]:
    known = org.connection
    answer = requests.post(
        f"{org.sandbox.salesforce_url}/services/oauth2/introspect",
        data={"token": token},
        auth=(known["client_id"], known["client_secret"]),
        timeout=20,
    )
    return dict(answer.json())


def test_introspection(org: Org) -> None:
    token = password_grant(org).json()["access_token"]
    found = introspected(org, token)
    assert (found["active"], found["username"]) == (True, org.connection["username"])
    assert found["exp"] - found["iat"] == 7200
    assert introspected(org, org.connection["refresh_token"])["token_type"] == "refresh_token"
    assert introspected(org, "nonsense") == {"active": False}


def test_discovery(org: Org) -> None:
    base = org.sandbox.salesforce_url
    found = requests.get(f"{base}/.well-known/openid-configuration", timeout=20).json()
    assert found["token_endpoint"] == f"{base}/services/oauth2/token"


def test_userinfo_and_identity(org: Org) -> None:
    info = org.get("/services/oauth2/userinfo")
    assert (info["organization_id"], info["user_id"]) == (ORG, USER)
    who = org.get(f"/id/{ORG}/{USER}?version=62.0")
    assert who["username"] == org.connection["username"]
    assert who["urls"]["rest"] == f"{org.sandbox.salesforce_url}/services/data/v62.0/"
    assert who["urls"]["partner"].endswith(f"/services/Soap/u/62.0/{ORG[:15]}")


def test_revoked_tokens_are_worthless(org: Org) -> None:
    token = password_grant(org).json()["access_token"]
    url = f"{org.sandbox.salesforce_url}/services/oauth2/revoke"
    assert requests.post(url, data={"token": token}, timeout=20).status_code == 200
    assert works(org, token) == 401
    unknown = requests.get(url, params={"token": token}, timeout=20)
    assert (unknown.status_code, unknown.json()["error"]) == (400, "unsupported_token_type")


# ---- simple-salesforce's own ways in


def test_soap_login_by_simple_salesforce(org: Org) -> None:
    known = org.connection
    client = Salesforce(
        username=known["username"],
        password=known["password"],
        security_token=known["security_token"],
        session=org.led_here(),
    )
    assert client.query(f"SELECT Name FROM Account WHERE Id = '{ACME}'")["totalSize"] == 1


def test_soap_login_with_organization_id(org: Org) -> None:
    known = org.connection
    client = Salesforce(
        username=known["username"],
        password=known["password"],
        organizationId=ORG,
        session=org.led_here(),
    )
    assert client.query("SELECT COUNT() FROM Account")["totalSize"] == 2


def test_soap_login_refused(org: Org) -> None:
    with pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        Salesforce(
            username=org.connection["username"],
            password="wrong",
            security_token="wrong",
            session=org.led_here(),
        )


def test_soap_login_is_gone_from_version_65(org: Org) -> None:
    answer = requests.post(
        f"{org.sandbox.salesforce_url}/services/Soap/u/65.0",
        data='<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        '<login xmlns="urn:partner.soap.sforce.com"/></e:Body></e:Envelope>',
        timeout=20,
    )
    assert answer.status_code == 500
    assert "UNSUPPORTED_API_VERSION" in answer.text


def test_oauth_password_by_simple_salesforce(org: Org) -> None:
    known = org.connection
    client = Salesforce(
        username=known["username"],
        password=known["password"] + known["security_token"],
        consumer_key=known["client_id"],
        consumer_secret=known["client_secret"],
        session=org.led_here(),
    )
    assert client.describe()["maxBatchSize"] == 200


def test_client_credentials_by_simple_salesforce(org: Org) -> None:
    known = org.connection
    client = Salesforce(
        consumer_key=known["client_id"],
        consumer_secret=known["client_secret"],
        domain="acme.my",
        session=org.led_here(),
    )
    assert client.limits()["DailyApiRequests"]["Max"] > 0


# ---- sessions


def test_without_a_good_token(org: Org) -> None:
    for header in ({"Authorization": "Bearer nonsense"}, {"Authorization": ""}):
        error = org.refused("GET", "limits", 401, headers=header)
        assert error == {
            "message": "Session expired or invalid",
            "errorCode": "INVALID_SESSION_ID",
        }


def test_older_clients_say_oauth(org: Org) -> None:
    token = org.connection["access_token"]
    assert org.call("GET", "limits", headers={"Authorization": f"OAuth {token}"}).ok


def test_expire_token_fault(org: Org) -> None:
    org.arm("/limits", action={"kind": "expire_token"})
    with pytest.raises(SalesforceExpiredSession) as refused:
        org.client.limits()
    assert refused.value.content[0]["errorCode"] == "INVALID_SESSION_ID"
    assert works(org, password_grant(org).json()["access_token"]) == 200


def test_another_orgs_token_opens_nothing(tmp_path: Path, org: Org) -> None:
    other = {"org_id": "00DHs0000000002MAA", "org_name": "Other", "user": {}, "currencies": []}
    manifest = {"name": "Other", "salesforce": other, "quickbooks": []}
    with running_org(write_seed(tmp_path / "other", {}, manifest, [])) as elsewhere:
        assert works(elsewhere, org.connection["access_token"]) == 401
        assert works(elsewhere, elsewhere.connection["access_token"]) == 200


def test_a_session_lives_two_hours_after_its_last_use(org: Org) -> None:
    clock = f"{org.sandbox.connection['control_url']}/clock"
    used, idle = (password_grant(org).json()["access_token"] for _ in range(2))
    for _ in range(2):
        requests.post(clock, json={"advance_seconds": 4000}, timeout=20)
        assert works(org, used) == 200
    assert works(org, idle) == 401


def test_several_users_each_with_a_password(tmp_path: Path) -> None:
    users = [{"username": "second@acme.example", "password": "pw2"}]
    manifest = {**MANIFEST, "salesforce": {**MANIFEST["salesforce"], "users": users,
                                           "rotate_refresh_tokens": True}}  # fmt: skip
    second = {**RECORDS["User"][0], "Id": "005Hs0000000009IAA", "Username": "second@acme.example"}
    records = {**RECORDS, "User": [*RECORDS["User"], second]}
    with running_org(write_seed(tmp_path / "seed", records, manifest, [])) as org:
        token = password_grant(org, username="Second@acme.example", password="pw2").json()
        assert token["id"].endswith("/005Hs0000000009IAA")
        as_second = {"Authorization": f"Bearer {token['access_token']}"}
        made = org.call("POST", "sobjects/Account", json={"Name": "Theirs"}, headers=as_second)
        assert org.get(f"sobjects/Account/{made.json()['id']}")["OwnerId"] == second["Id"]
        assert org.call("PATCH", f"sobjects/User/{second['Id']}", json={"IsActive": False}).ok
        assert works(org, token["access_token"]) == 401
        refused = password_grant(org, username="second@acme.example", password="pw2").json()
        assert refused["error_description"] == "authentication failure"
        app = {"client_id": org.connection["client_id"]}
        spent = org.connection["refresh_token"]
        first = token_call(org, grant_type="refresh_token", refresh_token=spent, **app).json()
        assert first["refresh_token"] != spent
        again = token_call(org, grant_type="refresh_token", refresh_token=spent, **app).json()
        assert again["error_description"] == "expired access/refresh token"


def test_an_address_may_begin_with_two_slashes(org: Org) -> None:
    token = {"Authorization": f"Bearer {password_grant(org).json()['access_token']}"}
    url = f"{org.sandbox.salesforce_url}//services/data/v68.0/limits"
    answer = requests.get(url, headers=token, timeout=20)
    assert (answer.status_code, "Sforce-Limit-Info" in answer.headers) == (200, True)
