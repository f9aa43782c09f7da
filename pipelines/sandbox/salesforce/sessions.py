"""Log-in: OAuth token grants, the SOAP `login()`, and which access tokens are good.

Sources: OAuth help pages, SOAP API guide (`login`), and what clients read of the answers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from pipelines.sandbox.kernel import Reply, Request, Sandbox

LIFETIME = timedelta(hours=2)
_NO_SOAP_FROM = 65.0  # `login()` is missing from version 65 on
_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class LoginRefused(Exception):
    """An OAuth error: `error` and `description` are the vendor's."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class Sessions:
    """The org's one integration user, its app, and the tokens given out."""

    def __init__(self, kernel: Sandbox, org_id: str, user: Mapping[str, Any]) -> None:
        self._kernel = kernel
        self.org_id = org_id
        self.user = user
        self.username = str(user.get("Username", "integration@crossfoot.example"))
        self.user_id = str(user["Id"])
        self.password = _word(org_id, "password")
        self.security_token = _word(org_id, "security token")
        self.client_id = "3MVG9" + _word(org_id, "client id", 60)
        self.client_secret = _word(org_id, "client secret", 64).upper()
        self.refresh_token = "5Aep861" + _word(org_id, "refresh token", 60)
        self._given: dict[str, datetime] = {}
        self._count = 0
        self.first_token = self.issue()

    # ---- tokens

    def issue(self) -> str:
        """A new access token, good for two hours of sandbox time."""
        self._count += 1
        token = f"{self.org_id[:15]}!AQ{_word(self.org_id, f'token {self._count}', 90)}"
        self._given[token] = self._kernel.clock.now()
        return token

    def is_good(self, request: Request) -> bool:
        """Does the call carry a token that was given out and has not expired?"""
        given = self._given.get(bearer(request))
        return given is not None and self._kernel.clock.now() - given < LIFETIME

    def expire(self, token: str) -> None:
        """Make a token worthless."""
        self._given.pop(token, None)

    # ---- OAuth

    def token(self, request: Request) -> Reply:
        """POST /services/oauth2/token."""
        form = dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
        try:
            self._grant(form | _basic(request))
        except LoginRefused as refused:
            return _json(400, {"error": refused.error, "error_description": refused.description})
        base = base_url(request)
        issued = str(int(self._kernel.clock.now().timestamp() * 1000))
        answer = {
            "access_token": self.issue(),
            "signature": _signature(self.client_secret, issued),
            "scope": "api refresh_token",
            "instance_url": base,
            "id": f"{base}/id/{self.org_id}/{self.user_id}",
            "token_type": "Bearer",
            "issued_at": issued,
        }
        return _json(200, answer)

    def _grant(self, form: Mapping[str, str]) -> None:
        kind = form.get("grant_type", "")
        if kind == _JWT:
            self._check_assertion(form.get("assertion", ""))
            return
        if kind not in ("password", "client_credentials", "refresh_token"):
            raise LoginRefused("unsupported_grant_type", "grant type not supported")
        if form.get("client_id") != self.client_id:
            raise LoginRefused("invalid_client_id", "client identifier invalid")
        if kind != "refresh_token" and form.get("client_secret") != self.client_secret:
            raise LoginRefused("invalid_client", "invalid client credentials")
        if kind == "password" and not self._knows(form.get("username"), form.get("password")):
            raise LoginRefused("invalid_grant", "authentication failure")
        if kind == "refresh_token" and form.get("refresh_token") != self.refresh_token:
            raise LoginRefused("invalid_grant", "expired access/refresh token")

    def _knows(self, username: str | None, password: str | None) -> bool:
        accepted = (self.password + self.security_token, self.password)
        return (username or "").lower() == self.username.lower() and password in accepted

    def _check_assertion(self, assertion: str) -> None:
        """Issuer, user and expiry of a JWT. Its signature is not verified: the sandbox has no
        certificate of the app to verify it with."""
        parts = assertion.split(".")
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
            expires = int(claims["exp"])
            issuer, subject = claims["iss"], claims["sub"]
        except (IndexError, ValueError, KeyError, TypeError, binascii.Error):
            raise LoginRefused("invalid_grant", "invalid assertion") from None
        if issuer != self.client_id:
            raise LoginRefused("invalid_client_id", "client identifier invalid")
        if str(subject).lower() != self.username.lower():
            raise LoginRefused("invalid_grant", "user hasn't approved this consumer")
        if expires <= 0:
            raise LoginRefused("invalid_grant", "invalid assertion")

    def revoke(self, request: Request) -> Reply:
        """POST /services/oauth2/revoke."""
        form = dict(parse_qsl(request.body.decode(errors="replace"))) | dict(request.query)
        self.expire(form.get("token", ""))
        return Reply(200)

    def identity(self, request: Request) -> dict[str, Any]:
        """GET /id/ORG/USER and userinfo: who the token speaks for."""
        base = base_url(request)
        return {
            "id": f"{base}/id/{self.org_id}/{self.user_id}",
            "sub": f"{base}/id/{self.org_id}/{self.user_id}",
            "user_id": self.user_id,
            "organization_id": self.org_id,
            "username": self.username,
            "preferred_username": self.username,
            "display_name": self.user.get("Name"),
            "nickname": self.user.get("Alias"),
            "name": self.user.get("Name"),
            "email": self.user.get("Email"),
            "zoneinfo": self.user.get("TimeZoneSidKey"),
            "user_type": "STANDARD",
            "active": True,
            "urls": {
                "rest": f"{base}/services/data/v{{version}}/",
                "sobjects": f"{base}/services/data/v{{version}}/sobjects/",
                "query": f"{base}/services/data/v{{version}}/query/",
            },
        }

    # ---- SOAP

    def soap(self, request: Request, version: float) -> Reply:
        """POST /services/Soap/u/VERSION with a `login` element."""
        if version >= _NO_SOAP_FROM:
            return _fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
        try:
            given = _login_element(request.body)
        except (ElementTree.ParseError, KeyError):
            return _fault("INVALID_OPERATION", "The request is not a login request")
        if not self._knows(given["username"], given["password"]):
            return _fault(
                "INVALID_LOGIN",
                "INVALID_LOGIN: Invalid username, password, security token; or user locked out.",
            )
        return _xml(200, self._logged_in(base_url(request), version))

    def _logged_in(self, base: str, version: float) -> str:
        server = f"{base}/services/Soap/u/{version:.1f}/{self.org_id[:15]}"
        return (
            '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
            'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns="urn:partner.soap.sforce.com"><soapenv:Body><loginResponse><result>'
            f"<metadataServerUrl>{base}/services/Soap/m/{version:.1f}/{self.org_id[:15]}"
            "</metadataServerUrl><passwordExpired>false</passwordExpired><sandbox>true</sandbox>"
            f"<serverUrl>{server}</serverUrl><sessionId>{self.issue()}</sessionId>"
            f"<userId>{self.user_id}</userId><userInfo><organizationId>{self.org_id}"
            "</organizationId><sessionSecondsValid>7200</sessionSecondsValid>"
            f"<userId>{self.user_id}</userId><userName>{escape(self.username)}</userName>"
            "</userInfo></result></loginResponse></soapenv:Body></soapenv:Envelope>"
        )


def bearer(request: Request) -> str:
    """The access token of a call: `Bearer` or the older `OAuth`; Bulk API 1.0's own header."""
    if request.path.startswith("/services/async/"):
        return request.headers.get("x-sfdc-session", "")
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() in ("bearer", "oauth") else ""


def base_url(request: Request) -> str:
    """Where the client reached us: addresses in answers begin so."""
    return f"http://{request.headers.get('host', '127.0.0.1')}"


def _basic(request: Request) -> dict[str, str]:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(text).decode().partition(":")
    except (ValueError, binascii.Error):
        return {}
    return {"client_id": name, "client_secret": secret}


def _login_element(body: bytes) -> dict[str, str]:
    """User and password of the envelope, whatever its prefixes."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise KeyError("login")
    found = {
        re.sub(r"^\{.*\}", "", element.tag): (element.text or "")
        for element in ElementTree.fromstring(body).iter()  # noqa: S314 - no entities, see above
    }
    return {"username": found["username"], "password": found["password"]}


def _word(org_id: str, use: str, length: int = 24) -> str:
    """A secret of this sandbox, the same at every start: it protects nothing."""
    digest = hashlib.sha512(f"{org_id}:{use}".encode()).hexdigest()
    return digest[:length]


def _signature(secret: str, issued: str) -> str:
    return base64.b64encode(hashlib.sha256(f"{secret}{issued}".encode()).digest()).decode()


def _json(status: int, body: Mapping[str, Any]) -> Reply:
    return Reply(
        status,
        json.dumps(body).encode(),
        {"Content-Type": "application/json;charset=UTF-8", "Cache-Control": "no-store"},
    )


def _xml(status: int, text: str) -> Reply:
    return Reply(status, text.encode(), {"Content-Type": "text/xml;charset=UTF-8"})


def _fault(code: str, message: str) -> Reply:
    return _xml(
        500,
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:sf="urn:fault.partner.soap.sforce.com" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>sf:{code}</faultcode><faultstring>{escape(message)}</faultstring><detail>"
        f'<sf:LoginFault xsi:type="sf:LoginFault"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{escape(message)}</sf:exceptionMessage></sf:LoginFault></detail>"
        "</soapenv:Fault></soapenv:Body></soapenv:Envelope>",
    )
