"""Who may call the gateway, and how much: the file that CROSSFOOT_GATEWAY names.

[limits]
calls_a_minute = 60             # of each token
rows = 200                      # of one answer
seconds = 10                    # of one query

[tokens.claude]                 # what `crossfoot mcp token claude` prints
sha256 = "…"                    # of the token, which itself is kept nowhere
scopes = ["read", "explain"]    # read alone, if not given
companies = ["9341450000000001"]   # all, if not given
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from pipelines.errors import ConfigurationError
from pipelines.settings import Secret

# read: look up records and figures. explain: why they are so. sql: free reading of the marts.
# propose: make a plan, ask for its approval. apply: apply a plan that a person has approved.
# personal: e-mail addresses and telephone numbers unmasked.
Scope = Literal["read", "explain", "sql", "propose", "apply", "personal"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True)
class Caller:
    """Whoever holds a token. Without `companies` it sees all of them."""

    name: str
    scopes: frozenset[str] = frozenset({"read"})
    companies: frozenset[str] | None = None


@dataclass(frozen=True)
class Limits:
    """The most that one token, one answer and one query may take."""

    calls_a_minute: int = 60
    rows: int = 200
    seconds: int = 10


@dataclass(frozen=True)
class Rules:
    """The file, read."""

    limits: Limits = Limits()
    callers: Mapping[str, Caller] = field(default_factory=dict)

    def caller(self, token: Secret) -> Caller | None:
        """Who holds this token; None for a token that nobody was given."""
        given = digest(token)
        found = None
        for kept, caller in self.callers.items():
            # Every one is compared, so that the time tells nothing.
            if hmac.compare_digest(kept, given):
                found = caller
        return found


def digest(token: Secret) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.reveal().encode()).hexdigest()


def new_token() -> Secret:
    """A fresh token."""
    return Secret(f"cfg_{secrets.token_urlsafe(32)}")


def read_rules(path: Path | None) -> Rules:
    """Raises `ConfigurationError` naming file, table and key; and where there is no file: the
    gateway is off then."""
    if path is None:
        raise ConfigurationError(
            "gateway", "CROSSFOOT_GATEWAY", "the gateway is off: no file of rules is named",
            "Write one (`crossfoot mcp token NAME` prints its first lines) and name it there.",
        )  # fmt: skip
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise _bad(path, "file", f"it cannot be read: {problem}") from None
    unknown = sorted(set(given) - {"limits", "tokens"})
    if unknown:
        raise _bad(path, f"[{unknown[0]}]", "there is no such table")
    tokens = given.get("tokens", {})
    if not isinstance(tokens, dict) or not tokens:
        raise _bad(path, "[tokens]", "nobody has a token, so nobody may call")
    callers: dict[str, Caller] = {}
    for name, table in tokens.items():
        kept, caller = _caller(path, name, table)
        if kept in callers:
            raise _bad(path, f"[tokens.{name}] sha256", f"{callers[kept].name} has the same token")
        callers[kept] = caller
    return Rules(_limits(path, given.get("limits", {})), callers)


def _limits(path: Path, table: Any) -> Limits:
    known = Limits.__dataclass_fields__
    for key, value in table.items():
        if key not in known:
            raise _bad(path, f"[limits] {key}", "there is no such limit")
        if type(value) is not int or value < 1:
            raise _bad(path, f"[limits] {key}", "it wants a whole number from 1 on")
    return Limits(**table)


def _caller(path: Path, name: str, table: Any) -> tuple[str, Caller]:
    place = f"[tokens.{name}]"
    if not isinstance(table, dict):
        raise _bad(path, place, "it wants a table with sha256")
    unknown = sorted(set(table) - {"sha256", "scopes", "companies"})
    if unknown:
        raise _bad(path, f"{place} {unknown[0]}", "there is no such key")
    kept = table.get("sha256")
    if not isinstance(kept, str) or len(kept) != 64 or set(kept) - set("0123456789abcdef"):
        raise _bad(path, f"{place} sha256", "it wants 64 hexadecimal digits")
    scopes = _names(path, f"{place} scopes", table.get("scopes", ["read"]))
    strange = sorted(scopes - set(SCOPES))
    if strange:
        raise _bad(path, f"{place} scopes", f"{strange[0]!r} is none of {', '.join(SCOPES)}")
    companies = table.get("companies")
    allowed = None if companies is None else _names(path, f"{place} companies", companies)
    return kept, Caller(name, scopes, allowed)


def _names(path: Path, place: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _bad(path, place, "it wants a list of names")
    return frozenset(value)


def _bad(path: Path, place: str, problem: str) -> ConfigurationError:
    return ConfigurationError("gateway", f"{path}, {place}", problem, "Correct the file.")
