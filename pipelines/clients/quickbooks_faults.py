"""QuickBooks' refusals in all their shapes, as our errors.

The accounting service answers `Fault`, its gateway lower-case `fault`, a throttle may be XML, and
the network edge HTML (quickbooks_api 4.1). The gateway's 401 body repeats the access token, so
texts of 401 answers are never shown.
"""

from __future__ import annotations

import re
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
    Refused,
    Stale,
    Stop,
    Throttled,
    Unavailable,
)

SYSTEM = "QuickBooks"
NOT_FOUND = "610"
STALE = "5010"
_WRONG_COMPANY = {"120", "3100"}
_COMPANY_CLOSED = {"6190"}
_THROTTLED = re.compile(r"ThrottleExceeded|errorCode=00?3001|\b3001\b.*limit", re.IGNORECASE)
# Refusals that are the service's own trouble and pass (quickbooks_api 4.2).
_PASSING = re.compile(r"unexpected error occurred while (?:accessing|saving).*please wait", re.I)
_NEXT_STEPS = {
    "610": "The record or something it names was deleted or made inactive; correct the link.",
    "2010": "This is a fault in the payload; report it.",
    "2500": "Map it to a living record of this company.",
    "6070": "This is a rounding fault; report it.",
    "6140": "Look at the document that has this number already.",
    "6210": "The accounting period is closed; a person decides.",
    "6240": "Link to the record that has this name already, or rename one of them.",
}


class TokenRefused(Exception):
    """The access token is expired or unknown; nothing was done."""


def examine(
    response: requests.Response, kind: Kind, where: str, redact: Callable[[str], str]
) -> None:
    """Raise our error when the answer is a refusal; return when it should be read."""
    if kind == "token" and response.status_code < 500 and response.status_code != 429:
        return
    if response.status_code == 401:
        raise TokenRefused
    if response.status_code == 429 or _is_throttle(response):
        raise Throttled(SYSTEM, where, "too many calls", retry_after=retry_after(response))
    if response.status_code >= 500:
        raise _own_trouble(kind, where, f"the service answered {response.status_code}")
    if response.status_code != 200:
        raise refusal(_fault(response), where, response.status_code, kind, redact)


def refusal(
    fault: Mapping[str, Any],
    where: str,
    status: int,
    kind: Kind,
    redact: Callable[[str], str] = str,
) -> CrossfootError:
    """A fault body (either spelling) as our error, with the vendor's code and redacted words."""
    code, words = _first(fault, redact)
    if code in _WRONG_COMPANY or status == 403:
        return _not_allowed(where, code)
    if code == "10000":
        return _own_trouble(kind, where, f"the service failed: {words}")
    if code == "4002" or _PASSING.search(words):
        return Unavailable(SYSTEM, where, f"the service is busy: {words}")
    if code in _COMPANY_CLOSED:
        return Stop(
            SYSTEM, where, f"the company cannot be used ({code}: {words})",
            "Renew its QuickBooks subscription or remove the company from the settings.",
        )  # fmt: skip
    if code == STALE:
        return Stale(
            SYSTEM, where, "somebody changed the record meanwhile",
            "Run the sync again and make a new plan.", code, words,
        )  # fmt: skip
    return _refused(where, status, code, words)


def from_library(
    problem: Any, where: str, kind: Kind, redact: Callable[[str], str]
) -> CrossfootError:
    """python-quickbooks' exception about an answer with status 200, as ours."""
    if problem.error_code == 10000 and "json response" in problem.message:
        return _own_trouble(kind, where, "the answer was cut off or is not JSON")
    fault = {
        "Error": [
            {
                "code": problem.error_code or "",
                "Message": problem.message,
                "Detail": problem.detail or "",
            }
        ]
    }
    return refusal(fault, where, 400, kind, redact)


def _refused(where: str, status: int, code: str, words: str) -> Refused:
    known = code or f"HTTP {status}"
    return Refused(
        SYSTEM,
        where,
        f"refused with {known}: {words or 'no reason given'}",
        _NEXT_STEPS.get(code, "Correct the record, then plan again."),
        known,
        words,
    )


def _not_allowed(where: str, code: str) -> CredentialsRefused:
    return CredentialsRefused(
        SYSTEM,
        where,
        f"the app may not open this company ({code or 'HTTP 403'})",
        "Check the realm id and the environment, then connect the company again.",
    )


def _own_trouble(kind: Kind, where: str, manner: str) -> CrossfootError:
    if kind == "write":
        return lost_reply(SYSTEM, where, manner)
    return Unavailable(SYSTEM, where, manner, "Try again later.")


def _is_throttle(response: requests.Response) -> bool:
    return response.status_code != 200 and _THROTTLED.search(response.text) is not None


def _fault(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = simplejson.loads(response.text)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    fault = body.get("Fault") or body.get("fault")
    return fault if isinstance(fault, dict) else {}


def _first(fault: Mapping[str, Any], redact: Callable[[str], str]) -> tuple[str, str]:
    """Code and words of the first error; the words say both message and detail."""
    errors = fault.get("Error") or fault.get("error") or [{}]
    error = errors[0]
    message = str(error.get("Message") or error.get("message") or "")
    detail = str(error.get("Detail") or error.get("detail") or "")
    words = detail if detail.startswith(message) else f"{message}: {detail}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return str(error.get("code") or ""), excerpt(redact(words)).strip(": ") + more
