"""Log-in to the Salesforce sandbox, in every way a client does it."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest
import requests
from salesforce_org import ACME, ORG, USER, Org, running_org, write_seed
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession


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


def assertion(org: Org, **changes: object) -> str:
    """An unsigned JWT: without a certificate the sandbox has nothing to verify one with."""
    claims = {
        "iss": org.connection["client_id"],
        "sub": org.connection["username"],
        "aud": "https://login.salesforce.com",
        "exp": str(int(time.time()) + 180),
        **changes,
    }
    parts = [{"alg": "RS256"}, claims]
    text = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
    return ".".join([*text, "c2lnbmF0dXJl"])


def jwt_grant(org: Org, **changes: object) -> requests.Response:
    return token_call(
        org,
        grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion=assertion(org, **changes),
    )


def test_jwt_bearer(org: Org) -> None:
    assert works(org, jwt_grant(org).json()["access_token"]) == 200


@pytest.mark.parametrize("changes", [{"iss": "someone"}, {"sub": "someone@else.example"}])
def test_jwt_of_another_app_or_user_is_refused(org: Org, changes: dict[str, object]) -> None:
    answer = jwt_grant(org, **changes)
    assert answer.status_code == 400
    assert "access_token" not in answer.json()


def test_userinfo_and_identity(org: Org) -> None:
    info = org.get("/services/oauth2/userinfo")
    assert (info["organization_id"], info["user_id"]) == (ORG, USER)
    assert org.get(f"/id/{ORG}/{USER}")["username"] == org.connection["username"]


def test_revoked_tokens_are_worthless(org: Org) -> None:
    token = password_grant(org).json()["access_token"]
    url = f"{org.sandbox.salesforce_url}/services/oauth2/revoke"
    assert requests.post(url, data={"token": token}, timeout=20).status_code == 200
    assert works(org, token) == 401


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
        f"{org.sandbox.salesforce_url}/services/Soap/u/65.0", data="<x/>", timeout=20
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
