"""Salesforce's refusals in all their shapes, as our errors (salesforce_api 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import requests
import simplejson

from pipelines.clients.recording import Kind
from pipelines.clients.redaction import excerpt
from pipelines.clients.transport import lost_reply, retry_after
from pipelines.errors import (
    CredentialsRefused,
    CrossfootError,
    LimitExceeded,
    Refused,
    Throttled,
    Unavailable,
)

SYSTEM = "Salesforce"
_PASSING = {"SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG", "UNABLE_TO_LOCK_ROW"}
_TOO_MANY = "REQUEST_LIMIT_EXCEEDED"
_NOT_ALLOWED = {"API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED", "INVALID_AUTH_HEADER"}
_NEXT_STEPS = {
    "INVALID_FIELD": "Check that the field exists and that the integration user may see it "
    "(field-level security), then run again.",
    "NOT_FOUND": "Check that the record or object exists and may be seen by the user.",
    "INSUFFICIENT_ACCESS_OR_READONLY": "Give the integration user the right, then run again.",
}


class SessionExpired(Exception):
    """The session is not valid (any more); nothing was done."""


class Unchanged(Exception):
    """304: what was asked for has not changed since the time given."""


def examine(response: requests.Response, kind: Kind, redact: Callable[[str], str]) -> None:
    """Raise our error when the answer is a refusal; return when it should be read."""
    status = response.status_code
    if status < 300:
        return
    if status == 304:
        raise Unchanged
    if status == 401 and kind != "token":
        raise SessionExpired
    code, words = _first(response, redact)
    if status == 429 or code == _TOO_MANY:
        usage = response.headers.get("Sforce-Limit-Info", "")
        raise _too_many(words, usage, retry_after(response))
    if kind == "token" and status < 500 and code == "" and not words.startswith("<html"):
        return
    if kind == "token" and "sf:exceptionCode" in response.text:
        return
    raise _refusal(status, code, words, kind)


def log_in_refused(problem: Any, redact: Callable[[str], str]) -> CrossfootError:
    """The library's log-in failure as ours; 5xx without a vendor's word may pass."""
    code, words = str(problem.code or ""), excerpt(redact(str(problem.auth_message or "")))
    if code.isdecimal() and int(code) >= 500:
        return Unavailable(SYSTEM, "log-in", f"it answered {code}", "Try again later.")
    return CredentialsRefused(
        SYSTEM,
        "log-in",
        f"refused with {code or 'no code'}: {words or 'no reason given'}",
        "Check domain, user or client id, password and security token or client secret.",
    )


def locked_out(login: str) -> CredentialsRefused:
    """A session was refused and a new log-in did not help, or is not possible."""
    given = login == "access_token"
    return CredentialsRefused(
        SYSTEM,
        "log-in",
        "the given access token is not accepted" if given else "a new session was refused at once",
        "Give a fresh access token, or configure another kind of log-in."
        if given
        else "Check that the user may use the API and from this address.",
    )


def not_connected(org_id: str) -> CredentialsRefused:
    """A log-in by browser, and nobody has connected the org here."""
    return CredentialsRefused(
        SYSTEM, f"org {org_id}", "it is not connected on this machine",
        "Run `crossfoot connect salesforce`.",
    )  # fmt: skip


def part_refused(reference: str, status: int, body: Any) -> CrossfootError:
    """An error inside a composite call, which itself is 200."""
    code, words = _from_body(body)
    if code == "INVALID_SESSION_ID":
        return locked_out("session")
    problem = _too_many(words) if code == _TOO_MANY else _refusal(status, code, words, "read")
    problem.record = reference
    return problem


def _refusal(status: int, code: str, words: str, kind: Kind) -> CrossfootError:
    if code in _NOT_ALLOWED:
        return CredentialsRefused(
            SYSTEM, "org", f"the API is not open to this user ({code})",
            "Enable the API for the org and the integration user.",
        )  # fmt: skip
    if code in _PASSING and kind != "write":
        return Unavailable(SYSTEM, "org", f"it is busy ({code})", "Try again later.")
    if status >= 500:
        return _own_trouble(kind, f"the org answered {status} {code}".rstrip())
    known = code or f"HTTP {status}"
    return Refused(
        SYSTEM,
        "org",
        f"refused with {known}: {words or 'no reason given'}",
        _NEXT_STEPS.get(code, "Correct the record, then plan again."),
        known,
        words,
    )


def _own_trouble(kind: Kind, manner: str) -> CrossfootError:
    if kind == "write":
        return lost_reply(SYSTEM, "org", manner)
    return Unavailable(SYSTEM, "org", manner, "Try again later.")


def _too_many(words: str, usage: str = "", wait: float | None = None) -> CrossfootError:
    """What is meant by 403 REQUEST_LIMIT_EXCEEDED, which only its words tell.

    `TotalRequests Limit exceeded` is the allowance of 24 hours, which does not pass soon;
    `ConcurrentRequests ...` and `ConcurrentPerOrgLongTxn Limit exceeded` are too many long calls at
    once, which do ("API Request Limits and Allocations"). Salesforce sends no Retry-After: an
    answer that has one, say of a gateway before the org, says itself that it passes.
    """
    if "TotalRequests" in words and wait is None:
        return LimitExceeded(
            SYSTEM,
            "org",
            f"the day's API calls are used up ({usage or 'no figures given'})",
            "Wait until the rolling 24 hours free some, or buy more calls.",
        )
    return Throttled(SYSTEM, "org", "too many calls at once", retry_after=wait)


def _first(response: requests.Response, redact: Callable[[str], str]) -> tuple[str, str]:
    try:
        code, words = _from_body(simplejson.loads(response.text))
    except ValueError:
        return "", excerpt(redact(response.text))
    return code, excerpt(redact(words))


def _from_body(body: Any) -> tuple[str, str]:
    """Code and words of the first error in a REST list, or of a Bulk-style object."""
    error = body[0] if isinstance(body, list) and body else body
    if isinstance(error, Mapping) and isinstance(error.get("errors"), list) and error["errors"]:
        # A result of an action holds its errors in a list of its own.
        error = error["errors"][0]
    if not isinstance(error, Mapping):
        return "", ""
    code = error.get("errorCode") or error.get("statusCode") or error.get("exceptionCode") or ""
    words = error.get("message") or error.get("exceptionMessage") or ""
    return str(code), str(words)
