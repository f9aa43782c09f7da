"""`/sobjects/User/ID/password` (REST guide, "sObject User Password"): whether it has expired, a new
one, and one that the org makes up."""

from __future__ import annotations

import secrets

from pipelines.sandbox.salesforce.calls import Answer, Call, object_body, only
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

SHORTEST = 8


def password_of(org: Org, call: Call, user: Record) -> Answer:
    """A user's password: GET tells of it, POST sets it, DELETE sets one that is told once."""
    only(call, "GET", "HEAD", "POST", "DELETE")
    if call.method == "POST":
        give(org, user["Id"], str(object_body(call).get("NewPassword") or ""))
        return Answer(204)
    if call.method == "DELETE":
        made = secrets.token_urlsafe(9)
        give(org, user["Id"], made)
        return Answer(200, {"NewPassword": made})
    return Answer(200, {"isExpired": False})


def give(org: Org, user_id: str, password: str) -> None:
    """Set a password.

    Raises:
        Refusal: it is shorter than the org's policy allows.
    """
    if len(password) < SHORTEST:
        raise Refusal(
            "INVALID_NEW_PASSWORD", f"Your password must be at least {SHORTEST} characters long"
        )
    org.sessions.set_password(user_id, password)
