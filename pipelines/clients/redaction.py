"""Takes secrets out of any text before a person or a log sees it: by value and by shape."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"

# Salesforce session ids, bearer headers, and the fields in which the vendors carry secrets. The
# 401 body of QuickBooks repeats the access token in its detail ("Token expired: …").
_SHAPES = (
    re.compile(r"00D[A-Za-z0-9]{12,15}![\w.]+"),
    re.compile(r"(?i)(?:bearer|basic|oauth)\s+[\w.\-~+/=]{8,}"),
    re.compile(r"eyJ[\w-]{10,}(?:\.[\w-]*){2,4}"),
    re.compile(
        r"(?i)(?:access_token|refresh_token|client_secret|security_token|password|session_?id|"
        r"assertion|signature)[\"']?\s*[=:>]\s*[\"']?[^\s\"'&<,}]+"
    ),
    re.compile(r"(?i)token (?:expired|invalid|revoked)\s*:\s*\S+"),
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with every known secret, and everything that looks like one, masked."""
    for secret in sorted((s for s in secrets if len(s) >= 4), key=len, reverse=True):
        text = text.replace(secret, MASK)
    for shape in _SHAPES:
        text = shape.sub(MASK, text)
    return text


def excerpt(text: str, secrets: Iterable[str] = (), length: int = 300) -> str:
    """One redacted line of at most `length` characters, for an error's text."""
    line = " ".join(redact(text, secrets).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
