"""Which SOAP API an address is, who may enter, and log-in itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sessions import base_url
from pipelines.sandbox.salesforce.soap import metadata, partner
from pipelines.sandbox.salesforce.soap.envelope import (
    ENTERPRISE,
    OF_APEX,
    OF_METADATA,
    PARTNER,
    Dialect,
    Fault,
    Message,
    NotSoap,
    answer,
    fault,
    read,
)

ADDRESS = re.compile(
    r"/services/Soap/(?P<door>[ucmTs])/(?P<version>\d+(?:\.\d)?)(?:/.*)?", re.IGNORECASE
)
_DIALECTS: Mapping[str, Dialect] = {"u": PARTNER, "c": ENTERPRISE, "m": OF_METADATA, "s": OF_APEX}
_NO_APEX = "Apex is not served by this sandbox"
_REST_ONLY = {"t": "The Tooling API is served through REST only.", "s": f"{_NO_APEX}."}
_NO_LOGIN_FROM = 65.0  # `login()` is missing from version 65 on
_RETIRED_BELOW, _NEWEST = 31.0, 68.0


def enter(org: Org, request: Request, found: Mapping[str, str]) -> Reply:
    """Answer one SOAP call; whatever is wrong with it is a fault. Nothing of a failed one stays."""
    letter, version = found["door"].lower(), float(found["version"])
    dialect = _DIALECTS.get(letter, PARTNER)
    try:
        if letter not in _DIALECTS:
            raise Fault("INVALID_OPERATION", _REST_ONLY[letter])
        with org.kernel.store.transaction():
            return _respond(org, request, dialect, letter, version)
    except Fault as refused:
        return fault(dialect, refused)
    except Refusal as refusal:
        return fault(dialect, partner.fault_of(refusal))


def refused_soap(request: Request, refusal: Refusal) -> Reply:
    """A refusal of the whole call, as a fault of the API that was called."""
    found = ADDRESS.fullmatch(request.path.rstrip("/"))
    dialect = _DIALECTS.get(found["door"].lower() if found else "", PARTNER)
    return fault(dialect, partner.fault_of(refusal))


def _respond(org: Org, request: Request, dialect: Dialect, letter: str, version: float) -> Reply:
    if request.method != "POST":
        raise Fault("INVALID_OPERATION", "SOAP calls are POSTs.")
    if not _RETIRED_BELOW <= version <= _NEWEST:
        raise Fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    message = _message(request)
    if message.operation == "login" and dialect in (PARTNER, ENTERPRISE):
        return _login(org, request, dialect, letter, version, message)
    session = org.sessions.use(message.session_id)
    if session is None:
        raise Fault(
            "INVALID_SESSION_ID",
            "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, "
            "missing session hash",
        )
    org.count_call()
    org.enter(session.user_id)
    door = partner.Door(org, message, dialect, f"{version:.1f}", base_url(request))
    if dialect is OF_APEX:
        return _uncompiled(message)
    return metadata.respond(door) if dialect is OF_METADATA else partner.respond(door)


def _uncompiled(message: Message) -> Reply:
    """Apex does not run here: what is sent to be run is answered as what does not compile."""
    if message.operation != "executeAnonymous":
        raise Fault("INVALID_OPERATION", _REST_ONLY["s"])
    result = {
        "column": 1, "compileProblem": _NO_APEX, "compiled": False, "exceptionMessage": None,
        "exceptionStackTrace": None, "line": 1, "success": False,
    }  # fmt: skip
    return answer(OF_APEX, message.operation, result)


def _message(request: Request) -> Message:
    try:
        return read(request.body)
    except NotSoap as error:
        raise Fault("UNKNOWN_EXCEPTION", f"Failed to parse the SOAP envelope: {error}") from None


def _login(
    org: Org, request: Request, dialect: Dialect, letter: str, version: float, message: Message
) -> Reply:
    if version >= _NO_LOGIN_FROM:
        raise Fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    user_id = org.sessions.with_password(message.text("username"), message.text("password"))
    if user_id is None:
        raise Fault(
            "INVALID_LOGIN",
            "Invalid username, password, security token; or user locked out.",
            "LoginFault",
        )
    facts = partner.session_facts(org, base_url(request), f"{version:.1f}", letter, user_id)
    return answer(dialect, "login", facts)
