"""Faults as values: which call misbehaves, how, when and how often."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

KINDS = frozenset(
    {
        "refuse",
        "throttle",
        "delay",
        "hang",
        "drop_before",
        "drop_after",
        "truncate",
        "malformed",
        "expire_token",
        "empty_page",
    }
)
_KEYS = frozenset(
    {"system", "method", "path", "body", "skip", "times", "probability", "seed", "action", "id"}
)


class FaultRuleRefused(ValueError):
    """A fault rule that says nothing the sandbox can do; the text says what to mend."""


@dataclass(frozen=True)
class Action:
    """What happens to the call; the parts a kind does not use keep their defaults.

    refuse: `status`, `body` (JSON value or text) and `headers` instead of an answer, nothing done.
    throttle: the vendor's own answer to too many calls; `retry_after` seconds when it has such.
    delay: `seconds` before the call is done. hang: nothing done, the socket closed after `seconds`.
    drop_before: the socket is closed, nothing done. drop_after: done and stored, then the socket is
    closed without a byte. truncate: done, half of the body sent, then closed. malformed: done, the
    body is not JSON. expire_token: the call's token is worthless from now on. empty_page: the
    answer's rows left out.
    """

    kind: str
    status: int = 503
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    seconds: float = 3600.0


@dataclass
class Rule:
    """One armed rule with the memory of how often it matched and fired."""

    id: int
    action: Action
    system: str | None = None
    method: str | None = None
    path: re.Pattern[str] | None = None
    body: re.Pattern[str] | None = None
    skip: int = 0
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    matched: int = 0
    fired: int = 0
    dice: random.Random = field(default_factory=random.Random)

    def matches(self, system: str, method: str, target: str, body: bytes) -> bool:
        """Whether the rule speaks of this call."""
        if self.system not in (None, system) or self.method not in (None, method):
            return False
        if self.path is not None and not (
            self.path.search(target) or self.path.search(unquote_plus(target))
        ):
            return False
        return self.body is None or bool(self.body.search(body.decode("utf-8", "replace")))

    def fires(self) -> bool:
        """Count one match; whether it is this one's turn to misbehave."""
        self.matched += 1
        if self.matched <= self.skip or (self.times is not None and self.fired >= self.times):
            return False
        if self.probability < 1 and self.dice.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """The rule as it was armed, with its counts."""
        action = self.action
        return {
            "id": self.id,
            "system": self.system,
            "method": self.method,
            "path": self.path.pattern if self.path else None,
            "body": self.body.pattern if self.body else None,
            "skip": self.skip,
            "times": self.times,
            "probability": self.probability,
            "seed": self.seed,
            "matched": self.matched,
            "fired": self.fired,
            "action": {
                "kind": action.kind,
                "status": action.status,
                "body": action.body,
                "headers": dict(action.headers),
                "retry_after": action.retry_after,
                "seconds": action.seconds,
            },
        }


class Faults:
    """The armed rules; the first one that fires decides."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._next = 1

    def arm(self, description: Mapping[str, Any]) -> Rule:
        """Add a rule as the control area takes it.

        Raises:
            FaultRuleRefused: an unknown kind or key, or a value that cannot be used.
        """
        rule = _read_rule(self._next, description)
        self._next += 1
        self._rules.append(rule)
        return rule

    def clear(self, rule_id: int | None = None) -> None:
        """Disarm one rule, or all."""
        self._rules = [r for r in self._rules if rule_id is not None and r.id != rule_id]

    def rules(self) -> Sequence[Rule]:
        """All armed rules in the order of arming, spent ones included."""
        return tuple(self._rules)

    def verdict(self, system: str, method: str, target: str, body: bytes) -> Action | None:
        """What is to happen to this call; None: nothing unusual."""
        for rule in self._rules:
            if rule.matches(system, method, target, body) and rule.fires():
                return rule.action
        return None


def _read_rule(rule_id: int, given: Mapping[str, Any]) -> Rule:
    unknown = set(given) - _KEYS
    if unknown:
        raise FaultRuleRefused(
            f"A fault rule has no {', '.join(sorted(unknown))}; "
            f"it knows {', '.join(sorted(_KEYS))}."
        )
    seed = int(given.get("seed") or 0)
    times = given.get("times", 1)
    return Rule(
        id=rule_id,
        action=_read_action(given.get("action")),
        system=given.get("system") or None,
        method=str(given["method"]).upper() if given.get("method") else None,
        path=_pattern("path", given.get("path")),
        body=_pattern("body", given.get("body")),
        skip=int(given.get("skip") or 0),
        times=None if times is None else int(times),
        probability=float(given.get("probability", 1)),
        seed=seed,
        dice=random.Random(seed),
    )


def _read_action(given: Any) -> Action:
    if not isinstance(given, Mapping) or given.get("kind") not in KINDS:
        raise FaultRuleRefused(
            f"A fault rule needs an action whose kind is one of {', '.join(sorted(KINDS))}."
        )
    known = set(Action.__dataclass_fields__)
    unknown = set(given) - known
    if unknown:
        raise FaultRuleRefused(f"A fault's action has no {', '.join(sorted(unknown))}.")
    retry_after = given.get("retry_after")
    return Action(
        kind=str(given["kind"]),
        status=int(given.get("status", 503)),
        body=given.get("body", ""),
        headers={str(k): str(v) for k, v in (given.get("headers") or {}).items()},
        retry_after=None if retry_after is None else float(retry_after),
        seconds=float(given.get("seconds", 3600)),
    )


def _pattern(name: str, text: Any) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        return re.compile(str(text))
    except re.error as error:
        raise FaultRuleRefused(
            f"The fault rule's {name} is no regular expression: {error}."
        ) from error
