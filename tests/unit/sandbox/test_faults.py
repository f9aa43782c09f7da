"""Which calls a fault rule means, and when it fires."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.sandbox.faults import FaultRuleRefused, Faults, Occasion
from pipelines.sandbox.journal import without_secrets


def fired(faults: Faults, *calls: Occasion) -> list[bool]:
    return [faults.verdict(call) is not None for call in calls]


CALL = Occasion(
    "salesforce", "POST", "/services/data/v68.0/sobjects/Account?x=1", b'{"Name":"A"}',
    "create", "Account", datetime(2026, 11, 20, 17, tzinfo=UTC),
)  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ({}, True),
        ({"system": "salesforce"}, True),
        ({"system": "quickbooks"}, False),
        ({"method": "post"}, True),
        ({"method": "GET"}, False),
        ({"path": r"sobjects/Account\?x"}, True),
        ({"path": "^/sobjects"}, False),
        ({"body": '"Name":"A"'}, True),
        ({"body": "Contact"}, False),
        ({"operation": "create", "entity": "account"}, True),
        ({"operation": "update"}, False),
        ({"entity": "Contact"}, False),
        ({"from": "2026-11-20T17:00:00Z", "until": "2026-11-20T17:00:00Z"}, True),
        ({"from": "2026-11-20T17:00:01Z"}, False),
        ({"until": "2026-11-20T16:59:59Z"}, False),
    ],
)
def test_which_calls_a_rule_means(rule: dict[str, Any], meant: bool) -> None:
    faults = Faults()
    faults.arm({**rule, "action": {"kind": "drop_before"}})
    assert fired(faults, CALL) == [meant]


def test_paths_match_as_sent_and_as_meant() -> None:
    faults = Faults()
    faults.arm({"path": "FROM Account", "times": None, "action": {"kind": "delay"}})
    sent = Occasion("salesforce", "GET", "/query?q=SELECT+Id+FROM%20Account", b"")
    assert fired(faults, sent) == [True]


def test_skip_and_times() -> None:
    faults = Faults()
    rule = faults.arm({"skip": 2, "times": 2, "action": {"kind": "throttle"}})
    assert fired(faults, *[CALL] * 6) == [False, False, True, True, False, False]
    assert (rule.matched, rule.fired) == (6, 2)


def test_the_first_rule_that_fires_decides() -> None:
    faults = Faults()
    first = faults.arm({"action": {"kind": "delay", "seconds": 1}})
    faults.arm({"action": {"kind": "hang", "seconds": 2}})
    verdicts = [faults.verdict(CALL) for _ in range(3)]
    assert [v.kind if v else None for v in verdicts] == ["delay", "hang", None]
    faults.clear(first.id)
    assert len(faults.rules()) == 1
    faults.clear()
    assert faults.rules() == ()


def test_chance_follows_the_seed() -> None:
    def outcomes(seed: int) -> list[bool]:
        faults = Faults()
        faults.arm(
            {"probability": 0.3, "seed": seed, "times": None, "action": {"kind": "truncate"}}
        )
        return fired(faults, *[CALL] * 200)

    assert outcomes(1) == outcomes(1) != outcomes(2)
    assert 30 < sum(outcomes(1)) < 90


def test_never_and_always() -> None:
    faults = Faults()
    faults.arm({"probability": 0, "times": None, "action": {"kind": "truncate"}})
    assert not any(fired(faults, *[CALL] * 20))


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"action": None},
        {"action": {"kind": "burn"}},
        {"action": {"kind": "delay", "second": 1}},
        {"tmies": 1, "action": {"kind": "delay"}},
        {"body": "[", "action": {"kind": "delay"}},
        {"from": "soon", "action": {"kind": "delay"}},
        {"action": {"kind": "delay", "code": "6240"}},
        {"action": {"kind": "partial_failure"}},
        {"action": {"kind": "stale_read"}},
        {"action": {"kind": "throttle", "format": "yaml"}},
    ],
)
def test_rules_nobody_could_mean(rule: dict[str, Any]) -> None:
    with pytest.raises(FaultRuleRefused):
        Faults().arm(rule)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("q=SELECT+Id&token=abc", "q=SELECT+Id&token=***"),
        ("access_token=a%20b&x=1", "access_token=***&x=1"),
        ("broken=1", "broken=1"),
    ],
)
def test_the_journal_keeps_no_secrets(query: str, kept: str) -> None:
    assert without_secrets(query) == kept


def test_jitter_follows_the_seed() -> None:
    def waits(seed: int) -> list[float]:
        faults = Faults()
        faults.arm({"seed": seed, "times": None, "action": {"kind": "delay", "seconds": 1,
                                                            "jitter": 2}})  # fmt: skip
        return [v.seconds for v in (faults.verdict(CALL) for _ in range(20)) if v]

    assert waits(1) == waits(1) != waits(2)
    assert all(1 <= wait <= 3 for wait in waits(1)) and len(set(waits(1))) == 20
