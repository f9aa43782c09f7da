"""Faults as values: which call misbehaves, how, when and how often."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from pipelines.sandbox.clock import instant_text, parse_instant


@dataclass(frozen=True)
class Kind:
    """One kind of misbehaviour: what it does, and which parts of an action it uses."""

    meaning: str
    parts: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "refuse": Kind(
        "Nothing is done. With `code`, the vendor's own answer of that documented error (`message` "
        "replaces its words); else `status`, `body` (JSON value or text) and `headers`.",
        ("code", "message", "status", "body", "headers"),
    ),
    "throttle": Kind(
        "Nothing is done; the vendor's own answer to too many calls: QuickBooks' of a minute, "
        "Salesforce's of a day. With `retry_after` seconds it has a Retry-After, and Salesforce "
        "speaks of too many at once. `format` xml: QuickBooks' in XML.",
        ("retry_after", "format"),
    ),
    "delay": Kind(
        "The call is done after `seconds`, and up to `jitter` more by the rule's seed; at once "
        "when the rule is taken away.",
        ("seconds", "jitter"),
    ),
    "hang": Kind(
        "Nothing is done; the connection is closed after `seconds`, or when the rule is taken "
        "away.",
        ("seconds",),
    ),
    "drop_before": Kind("Nothing is done; the connection is closed."),
    "drop_after": Kind("The call is done and kept; the connection is closed without a byte."),
    "truncate": Kind("The call is done; half of the body is sent, then the connection closed."),
    "malformed": Kind("The call is done; the body is not what its type says."),
    "empty_page": Kind("The rows of the answer are left out, totals stay."),
    "repeat_page": Kind(
        "The answer holds the rows of the page before it (of the last answer about the same "
        "object); without one before, the rule waits."
    ),
    "stale_read": Kind(
        "A read is answered from the books as they were `commits` changes ago, or `seconds` ago. "
        "The last thousand changes are known.",
        ("commits", "seconds"),
    ),
    "expire_token": Kind("The call's access token is worthless from now on, for this call too."),
    "lose_rotated_token": Kind(
        "A refresh rotates the refresh token (QuickBooks), and the answer that holds the new one "
        "is lost with the connection."
    ),
    "partial_failure": Kind(
        "Some items of a batch are refused with `code` and not done: those at the positions "
        "`items` (from 0), or each with chance `share`. Items are those of a QuickBooks batch; of "
        "Salesforce the records of collections and trees, the parts of composites, graphs and "
        "batches, the rows of an upload to either Bulk API.",
        ("code", "items", "share"),
    ),
    "clock_skew": Kind(
        "The vendor's clock is off by `seconds` for this call: Date header and the times it "
        "writes.",
        ("seconds",),
    ),
}
CONDITIONS: Mapping[str, str] = {
    "system": "salesforce or quickbooks",
    "method": "the HTTP method",
    "path": "a regular expression found in path and query, as sent or decoded",
    "body": "a regular expression found in the body",
    "operation": "query, read, create, update, delete, token, batch, bulk_upload, bulk_results "
    "... of the call",
    "entity": "the object the call speaks of",
    "skip": "so many matching calls pass first (0)",
    "times": "so many calls are hit (1); null: all",
    "from": "not before this sandbox time",
    "until": "not after this sandbox time",
    "probability": "the chance of a matching call to be hit (1)",
    "seed": "of that chance, and of jitter and shares (0)",
}
_KEYS = frozenset({*CONDITIONS, "action", "id"})
_SECONDS = {"delay": 3600.0, "hang": 3600.0}


class FaultRuleRefused(ValueError):
    """A fault rule that says nothing the sandbox can do; the text says what to mend."""


@dataclass(frozen=True)
class Action:
    """What happens to the call; `KINDS` says which parts a kind uses. The others keep their
    defaults. `rule` is the id of the one that fired, and `luck` is drawn then."""

    kind: str
    status: int = 503
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    format: str = "json"
    seconds: float = 0.0
    jitter: float = 0.0
    commits: int = 0
    items: tuple[int, ...] | None = None
    share: float = 0.5
    luck: int = 0
    rule: int = 0


@dataclass
class Rule:
    """One armed rule with the memory of how often it matched and fired."""

    id: int
    action: Action
    system: str | None = None
    method: str | None = None
    path: re.Pattern[str] | None = None
    body: re.Pattern[str] | None = None
    operation: str | None = None
    entity: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    skip: int = 0
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    matched: int = 0
    fired: int = 0
    dice: random.Random = field(default_factory=random.Random)

    def matches(self, call: Occasion) -> bool:
        """Whether the rule speaks of this call."""
        if self.action.kind in call.out_of_place:
            return False
        if self.system not in (None, call.system) or self.method not in (None, call.method):
            return False
        if self.operation not in (None, call.operation):
            return False
        if self.entity is not None and self.entity.lower() != call.entity.lower():
            return False
        if call.now is not None and not self._lasts(call.now):
            return False
        if self.path is not None and not (
            self.path.search(call.target) or self.path.search(unquote_plus(call.target))
        ):
            return False
        return self.body is None or bool(self.body.search(call.body.decode("utf-8", "replace")))

    def _lasts(self, now: datetime) -> bool:
        return (self.since is None or now >= self.since) and (
            self.until is None or now <= self.until
        )

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
            "operation": self.operation,
            "entity": self.entity,
            "from": instant_text(self.since) if self.since else None,
            "until": instant_text(self.until) if self.until else None,
            "skip": self.skip,
            "times": self.times,
            "probability": self.probability,
            "seed": self.seed,
            "matched": self.matched,
            "fired": self.fired,
            "action": {"kind": action.kind}
            | {part: _shown(getattr(action, part)) for part in KINDS[action.kind].parts},
        }

    def drawn(self) -> Action:
        """The action of one hit, with what chance decides."""
        action = replace(self.action, rule=self.id)
        if action.jitter:
            action = replace(action, seconds=action.seconds + self.dice.uniform(0, action.jitter))
        if action.kind == "partial_failure":
            action = replace(action, luck=self.dice.getrandbits(32))
        return action


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Occasion:
    """A call as rules see it."""

    system: str
    method: str
    target: str
    body: bytes
    operation: str = ""
    entity: str = ""
    now: datetime | None = None
    out_of_place: Collection[str] = ()


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

    def is_armed(self, rule_id: int) -> bool:
        """Whether the rule still stands, spent or not."""
        return any(r.id == rule_id for r in self._rules)

    def rules(self) -> Sequence[Rule]:
        """All armed rules in the order of arming, spent ones included."""
        return tuple(self._rules)

    def verdict(self, call: Occasion) -> Action | None:
        """What is to happen to this call; None: nothing unusual."""
        for rule in self._rules:
            if rule.matches(call) and rule.fires():
                return rule.drawn()
        return None

    def watches(self, kind: str) -> bool:
        """Whether a rule of that kind may still fire."""
        return any(
            r.action.kind == kind and (r.times is None or r.fired < r.times) for r in self._rules
        )


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
        operation=given.get("operation") or None,
        entity=given.get("entity") or None,
        since=_moment("from", given.get("from")),
        until=_moment("until", given.get("until")),
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
    kind = str(given["kind"])
    unknown = set(given) - {"kind", *KINDS[kind].parts}
    if unknown:
        parts = ", ".join(KINDS[kind].parts) or "no parts"
        raise FaultRuleRefused(
            f"An action of kind {kind} has no {', '.join(sorted(unknown))}; it has {parts}."
        )
    if kind == "partial_failure" and not given.get("code"):
        raise FaultRuleRefused("A partial failure needs the code its items are refused with.")
    if kind == "stale_read" and not (given.get("commits") or given.get("seconds")):
        raise FaultRuleRefused("A stale read needs the commits or the seconds it lags behind.")
    if given.get("format", "json") not in ("json", "xml"):
        raise FaultRuleRefused("The format of a throttle is json or xml.")
    items, retry_after = given.get("items"), given.get("retry_after")
    return Action(
        kind=kind,
        status=int(given.get("status", 503)),
        body=given.get("body", ""),
        headers={str(k): str(v) for k, v in (given.get("headers") or {}).items()},
        code=str(given["code"]) if given.get("code") else None,
        message=str(given["message"]) if given.get("message") else None,
        retry_after=None if retry_after is None else float(retry_after),
        format=str(given.get("format", "json")),
        seconds=float(given.get("seconds", _SECONDS.get(kind, 0))),
        jitter=float(given.get("jitter", 0)),
        commits=int(given.get("commits", 0)),
        items=None if items is None else tuple(int(n) for n in items),
        share=float(given.get("share", 0.5)),
    )


def _moment(name: str, text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(str(text))
    except ValueError as error:
        raise FaultRuleRefused(f"The fault rule's {name} is no moment: {error}") from error


def _pattern(name: str, text: Any) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        return re.compile(str(text))
    except re.error as error:
        raise FaultRuleRefused(
            f"The fault rule's {name} is no regular expression: {error}."
        ) from error
