"""What each write flow may do, and who must allow it: the file that CROSSFOOT_POLICY names.

[default]                       # every flow that has no table of its own
mode = "approve"                # off, shadow, approve or automatic

[invoices]
mode = "automatic"
max_changes = 20                # automatic within these limits, by plan
max_amount = { USD = 1000 }
first_time_customers = false
max_share = 20                  # automatic up to this percentage of the flow's records updated
share_floor = 20                # however few there are, this many updates are no question of share
day_max_changes = 200           # of any plans, approved or not, in 24 hours; without it no limit
day_max_amount = { USD = 50000 }
approval_hours = 8
approvers = ["ann", "bob"]      # nobody else may approve this flow
second_person = false           # always somebody else than who made the plan
second_person_from = { USD = 10000 }
second_person_over = 50         # changes
second_person_first_time = true
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from pipelines.errors import ConfigurationError

Mode = Literal["off", "shadow", "approve", "automatic"]
_NONE: Mapping[str, Decimal] = MappingProxyType({})
_WHOLE_NUMBERS = frozenset(
    {
        "max_changes", "max_share", "share_floor", "day_max_changes", "approval_hours",
        "second_person_over",
    }
)  # fmt: skip


@dataclass(frozen=True)
class FlowPolicy:
    """The rules of one flow. Amounts are net per currency; a currency that is not named in
    `max_amount` is never automatic. The limits of 24 hours hold for approved plans too; once
    `day_max_amount` names a currency, all others are barred."""

    mode: Mode = "approve"
    max_changes: int = 0
    max_amount: Mapping[str, Decimal] = field(default_factory=lambda: _NONE)
    first_time_customers: bool = False
    max_share: int = 20
    share_floor: int = 20
    day_max_changes: int | None = None
    day_max_amount: Mapping[str, Decimal] = field(default_factory=lambda: _NONE)
    approval_hours: int = 24
    approvers: tuple[str, ...] = ()
    second_person: bool = False
    second_person_from: Mapping[str, Decimal] = field(default_factory=lambda: _NONE)
    second_person_over: int | None = None
    second_person_first_time: bool = False


@dataclass(frozen=True)
class FlowPolicies:
    """The policy of each flow that has one, and of all others."""

    default: FlowPolicy
    by_flow: Mapping[str, FlowPolicy] = field(default_factory=dict)

    def of(self, flow: str) -> FlowPolicy:
        return self.by_flow.get(flow, self.default)


def read_policies(path: Path | None, usual: Mode) -> FlowPolicies:
    """The policies of a file; without one every flow has the usual mode.

    Raises `ConfigurationError` naming file, table and key for what cannot be read.
    """
    if path is None:
        return FlowPolicies(FlowPolicy(mode=usual))
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise _bad(path, "file", f"it cannot be read: {problem}") from None
    strays = [name for name, table in tables.items() if not isinstance(table, dict)]
    if strays:
        raise _bad(path, strays[0], "it stands outside of a table such as [invoices]")
    given = tables.pop("default", {})
    default = _policy(path, "default", {"mode": usual, **given})
    flows = {name: _policy(path, name, {"mode": usual, **given, **own})
             for name, own in tables.items()}  # fmt: skip
    return FlowPolicies(default, flows)


def _policy(path: Path, table: str, given: Mapping[str, Any]) -> FlowPolicy:
    unknown = sorted(set(given) - set(FlowPolicy.__dataclass_fields__))
    if unknown:
        raise _bad(path, f"[{table}] {unknown[0]}", "there is no such key")
    return FlowPolicy(**{key: _value(path, table, key, value) for key, value in given.items()})


def _value(path: Path, table: str, key: str, value: Any) -> Any:
    place = f"[{table}] {key}"
    if key == "mode":
        if value not in get_args(Mode):
            raise _bad(path, place, f"{value!r} is none of {', '.join(get_args(Mode))}")
        return value
    if key in ("max_amount", "day_max_amount", "second_person_from"):
        return _amounts(path, place, value)
    if key == "approvers":
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise _bad(path, place, "it wants a list of names")
        return tuple(name.strip() for name in value)
    if key in _WHOLE_NUMBERS:
        if type(value) is not int or value < 0:
            raise _bad(path, place, "it wants a whole number from 0 on")
        return value
    if not isinstance(value, bool):
        raise _bad(path, place, "it wants true or false")
    return value


def _amounts(path: Path, place: str, value: Any) -> dict[str, Decimal]:
    wanted = "it wants amounts per currency, such as { USD = 1000 }"
    if not isinstance(value, dict):
        raise _bad(path, place, wanted)
    for currency, amount in value.items():
        if len(currency) != 3 or isinstance(amount, bool) or not isinstance(amount, int | Decimal):
            raise _bad(path, place, wanted)
    return {currency: Decimal(amount) for currency, amount in value.items()}


def _bad(path: Path, place: str, problem: str) -> ConfigurationError:
    return ConfigurationError("settings", f"{path}, {place}", problem, "Correct the file.")
