"""`/services/oauth2`: tokens by every grant, the authorize page, device log-in, introspection.

Sources: OAuth help pages ("OAuth 2.0 … Flow", "OAuth Error Codes", "OpenID Connect Token
Introspection"), and what clients read of the answers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.salesforce import app_key
from pipelines.sandbox.salesforce.sessions import LIFETIME, Code, Sessions, base_url

Form = Mapping[str, str]
_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_PLATFORM_APP = "PlatformCLI"  # the app every org has for `sf`: public, without a secret
_DEVICE = "device"


class LoginRefused(Exception):
    """An OAuth error: `error` and `description` are the vendor's."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def answer(sessions: Sessions, request: Request, path: str) -> Reply | None:
    """Answer a call below /services/oauth2 that needs no session; None for any other."""
    made = _PATHS.get(path)
    if made is None:
        return None
    methods, respond = made
    if request.method not in methods:
        return _json(
            405, {"error": "invalid_request", "error_description": "HTTP method not allowed"}
        )
    try:
        return respond(sessions, request, _form(request))
    except LoginRefused as refused:
        return _json(400, {"error": refused.error, "error_description": refused.description})


def _form(request: Request) -> Form:
    """What the body and the address say, and the app in HTTP Basic."""
    text = request.body.decode(errors="replace")
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        try:
            found = json.loads(text or "{}")
        except ValueError:
            found = None
        body = {k: str(v) for k, v in found.items()} if isinstance(found, dict) else {}
    else:
        body = dict(parse_qsl(text, keep_blank_values=True))
    return {**request.query, **body, **_basic(request)}


def _basic(request: Request) -> dict[str, str]:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(text).decode().partition(":")
    except (ValueError, binascii.Error):
        return {}
    return {"client_id": name, "client_secret": secret}


# ---- POST /services/oauth2/token


def _token(sessions: Sessions, request: Request, form: Form) -> Reply:
    grant = _GRANTS.get(form.get("grant_type", ""))
    if form.get("response_type") == "device_code":
        return _device(sessions, request, form)
    if grant is None:
        raise LoginRefused("unsupported_grant_type", "grant type not supported")
    user_id, more = grant(sessions, request, form)
    if not sessions.is_active(user_id):
        raise LoginRefused("inactive_user", "user is inactive")
    return _json(200, _given(sessions, base_url(request), user_id, more))


def _given(sessions: Sessions, base: str, user_id: str, more: Mapping[str, Any]) -> dict[str, Any]:
    issued = str(int(sessions.now().timestamp() * 1000))
    identity = f"{base}/id/{sessions.org_id}/{user_id}"
    # OAuth help, "the signature": HMAC-SHA256 over id and issued_at, with the consumer's secret.
    key, signed = sessions.client_secret.encode(), f"{identity}{issued}".encode()
    signature = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "access_token": sessions.issue(user_id),
        "signature": base64.b64encode(signature).decode(),
        "scope": "api refresh_token",
        "instance_url": base,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued,
        **more,
    }


Granted = tuple[str, Mapping[str, Any]]


def _password(sessions: Sessions, _request: Request, form: Form) -> Granted:
    _check_app(sessions, form)
    user_id = sessions.with_password(form.get("username"), form.get("password"))
    if user_id is None:
        raise LoginRefused("invalid_grant", "authentication failure")
    return user_id, {}


def _client_credentials(sessions: Sessions, _request: Request, form: Form) -> Granted:
    _check_app(sessions, form)
    return sessions.user_id, {"token_format": "opaque"}


def _refresh(sessions: Sessions, _request: Request, form: Form) -> Granted:
    _check_app(sessions, form, secret=False)
    token = form.get("refresh_token", "")
    user_id = sessions.refreshes(token)
    if user_id is None:
        raise LoginRefused("invalid_grant", "expired access/refresh token")
    return user_id, {"refresh_token": sessions.rotated(token)} if sessions.rotates else {}


def _assertion(sessions: Sessions, request: Request, form: Form) -> Granted:
    host = request.headers.get("host", "")
    try:
        claims = app_key.claims_of(form.get("assertion", ""), sessions.private_key, host)
    except app_key.AssertionRefused as refused:
        raise LoginRefused("invalid_grant", str(refused)) from None
    if claims.get("iss") != sessions.client_id:
        raise LoginRefused("invalid_client_id", "client identifier invalid")
    user_id = sessions.named(str(claims.get("sub") or claims.get("prn") or ""))
    if user_id is None:
        raise LoginRefused("invalid_grant", "user hasn't approved this consumer")
    return user_id, {}


def _code(sessions: Sessions, _request: Request, form: Form) -> Granted:
    _check_app(sessions, form, secret=False)
    code = sessions.take_code(form.get("code"))
    if code is None or code.client_id != form.get("client_id"):
        raise LoginRefused("invalid_grant", "invalid authorization code")
    if code.redirect_uri != form.get("redirect_uri", ""):
        raise LoginRefused("invalid_grant", "redirect_uri must match configuration")
    if code.challenge and code.challenge != _challenge(form.get("code_verifier", "")):
        raise LoginRefused("invalid_grant", "invalid code verifier")
    if not code.challenge and form.get("code_verifier"):
        raise LoginRefused("invalid_grant", "invalid code verifier")
    more = {"refresh_token": sessions.new_refresh_token(code.user_id)}
    return code.user_id, more | ({"scope": code.scope} if code.scope else {})


def _device_code(sessions: Sessions, _request: Request, form: Form) -> Granted:
    _check_app(sessions, form, secret=False)
    code = sessions.codes.get(form.get("code", ""))
    if code is None or code.client_id != form.get("client_id"):
        raise LoginRefused("invalid_grant", "invalid device code")
    if not code.user_id:
        raise LoginRefused("authorization_pending", "pending user verification")
    sessions.codes.pop(form["code"])
    return code.user_id, {"refresh_token": sessions.new_refresh_token(code.user_id)}


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _check_app(sessions: Sessions, form: Form, *, secret: bool = True) -> None:
    """The app's id, and its secret where one must be shown or is shown."""
    name, shown = form.get("client_id"), form.get("client_secret")
    if name == _PLATFORM_APP and not secret:
        return
    if name != sessions.client_id:
        raise LoginRefused("invalid_client_id", "client identifier invalid")
    if shown != sessions.client_secret and (secret or shown):
        raise LoginRefused("invalid_client", "invalid client credentials")


_GRANTS: Mapping[str, Callable[[Sessions, Request, Form], Granted]] = {
    "password": _password,
    "client_credentials": _client_credentials,
    "refresh_token": _refresh,
    "authorization_code": _code,
    _JWT: _assertion,
    _DEVICE: _device_code,
}


# ---- the pages a person would see


def _authorize(sessions: Sessions, request: Request, form: Form) -> Reply:
    """GET /services/oauth2/authorize. The person behind it is the integration user, or the one
    that `login_hint` names; he says yes at once, and the browser is sent back with a code."""
    redirect = form.get("redirect_uri", "")
    if not urlsplit(redirect).scheme:
        raise LoginRefused("redirect_uri_missing", "redirect_uri not provided")
    try:
        _check_app(sessions, form, secret=False)
        user_id = sessions.named(form.get("login_hint")) or sessions.user_id
        given = _authorized(sessions, request, form, user_id)
    except LoginRefused as refused:
        given = "?" + urlencode({"error": refused.error, "error_description": refused.description})
    state = f"&{urlencode({'state': form['state']})}" if "state" in form else ""
    return Reply(302, b"", {"Location": f"{redirect}{given}{state}"})


def _authorized(sessions: Sessions, request: Request, form: Form, user_id: str) -> str:
    kind = form.get("response_type")
    if kind == "token":
        more = {"refresh_token": sessions.new_refresh_token(user_id)}
        return "#" + urlencode(_given(sessions, base_url(request), user_id, more))
    if kind != "code":
        raise LoginRefused("unsupported_response_type", "response type not supported")
    code = Code(
        user_id,
        sessions.now(),
        form["client_id"],
        form["redirect_uri"],
        form.get("code_challenge", ""),
        form.get("scope", ""),
    )
    return "?" + urlencode({"code": sessions.new_code(code)})


def _device(sessions: Sessions, request: Request, form: Form) -> Reply:
    """The start of device log-in: a code for the device, and one for the person to type."""
    _check_app(sessions, form, secret=False)
    name = sessions.new_code(Code("", sessions.now(), form["client_id"]))
    base = base_url(request)
    return _json(
        200,
        {
            "device_code": name,
            "user_code": name[-8:].upper(),
            "verification_uri": f"{base}/setup/connect",
            "interval": 5,
        },
    )


def _connect(sessions: Sessions, request: Request, form: Form) -> Reply:
    """GET /setup/connect?user_code=…: the person types the code, and says yes."""
    for name, code in sessions.codes.items():
        if not code.redirect_uri and name[-8:].upper() == form.get("user_code", "").upper():
            allowed = Code(sessions.user_id, code.issued, code.client_id)
            sessions.codes[name] = allowed
            return Reply(200, b"<p>Connected.</p>", {"Content-Type": "text/html;charset=UTF-8"})
    text = b"<p>Add ?user_code= with the code that the device shows.</p>"
    return Reply(400, text, {"Content-Type": "text/html;charset=UTF-8"})


# ---- about tokens


def _introspect(sessions: Sessions, _request: Request, form: Form) -> Reply:
    _check_app(sessions, form)
    token = form.get("token", "")
    session, owner = sessions.session(token), sessions.refreshes(token)
    user_id = session.user_id if session else owner
    if user_id is None:
        return _json(200, {"active": False})
    known: dict[str, Any] = {
        "active": True,
        "scope": "api refresh_token",
        "client_id": sessions.client_id,
        "username": sessions.user(user_id).get("Username"),
        "sub": f"https://login.salesforce.com/id/{sessions.org_id}/{user_id}",
        "token_type": "access_token" if session else "refresh_token",
    }
    if session:
        ends = int((session.since + LIFETIME).timestamp())
        begins = int(session.issued.timestamp())
        known |= {"exp": ends, "iat": begins, "nbf": begins}
    return _json(200, known)


def _revoke(sessions: Sessions, _request: Request, form: Form) -> Reply:
    if not sessions.revoke(form.get("token", "")):
        raise LoginRefused("unsupported_token_type", "this token type is not supported")
    return Reply(200)


def _discovery(_sessions: Sessions, request: Request, _form_: Form) -> Reply:
    base = base_url(request)
    root = f"{base}/services/oauth2"
    return _json(
        200,
        {
            "issuer": base,
            "authorization_endpoint": f"{root}/authorize",
            "token_endpoint": f"{root}/token",
            "revocation_endpoint": f"{root}/revoke",
            "userinfo_endpoint": f"{root}/userinfo",
            "introspection_endpoint": f"{root}/introspect",
            "scopes_supported": ["api", "full", "id", "profile", "email", "refresh_token", "web"],
            "response_types_supported": ["code", "token"],
            "subject_types_supported": ["public"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_post", "client_secret_basic", "private_key_jwt",
            ],
            "code_challenge_methods_supported": ["S256"],
        },
    )  # fmt: skip


_PATHS: Mapping[str, tuple[tuple[str, ...], Callable[[Sessions, Request, Form], Reply]]] = {
    "/services/oauth2/token": (("POST", "GET"), _token),
    "/services/oauth2/authorize": (("GET", "POST"), _authorize),
    "/services/oauth2/introspect": (("POST",), _introspect),
    "/services/oauth2/revoke": (("GET", "POST"), _revoke),
    "/setup/connect": (("GET", "POST"), _connect),
    "/.well-known/openid-configuration": (("GET",), _discovery),
}


def _json(status: int, body: Mapping[str, Any]) -> Reply:
    return Reply(
        status,
        json.dumps(body).encode(),
        {"Content-Type": "application/json;charset=UTF-8", "Cache-Control": "no-store"},
    )
