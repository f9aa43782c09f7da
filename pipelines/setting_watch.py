"""How often the vendors are asked while Crossfoot watches, and what proves their messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.errors import ConfigurationError
from pipelines.setting_values import Secret, Values

SALESFORCE_TOKEN = "CROSSFOOT_SALESFORCE_EVENT_TOKEN"  # noqa: S105 - the name of a setting
VERIFIER_TOKEN = "CROSSFOOT_QUICKBOOKS_VERIFIER_TOKEN"  # noqa: S105
# Shorter ones can be guessed.
_LEAST_LETTERS = 24


@dataclass(frozen=True)
class WatchSettings:
    """Seconds between two questions to a vendor, and the secrets of events. Without its secret
    nothing of that vendor is taken."""

    salesforce_seconds: int
    quickbooks_seconds: int
    verifier_token: Secret
    salesforce_token: Secret


def watching(values: Values, sandbox: Mapping[str, Any] | None) -> WatchSettings:
    """The settings; the sandbox's own verifier token comes with its connection.

    Raises `ConfigurationError` for a token that can be guessed.
    """
    token = values.secret(SALESFORCE_TOKEN)
    if token and len(token.reveal()) < _LEAST_LETTERS:
        raise ConfigurationError(
            "settings", SALESFORCE_TOKEN, f"it has fewer than {_LEAST_LETTERS} letters",
            "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )  # fmt: skip
    given = values.secret(VERIFIER_TOKEN)
    if not given and sandbox is not None:
        given = Secret(str(sandbox.get("verifier_token", "")))
    return WatchSettings(
        values.number("CROSSFOOT_SALESFORCE_ASK_SECONDS", 10, least=1),
        values.number("CROSSFOOT_QUICKBOOKS_ASK_SECONDS", 60, least=1),
        given,
        token,
    )
