"""What it is to take a guard out of the code once."""

from __future__ import annotations

from dataclasses import dataclass

UNIT = (
    "tests/unit/test_ledger.py", "tests/unit/test_apply.py", "tests/unit/test_apply_late.py",
    "tests/unit/test_plan.py", "tests/proof/test_protocol.py",
)  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """One guard: where its text is, what stands there without it, and the tests to ask."""

    name: str
    file: str
    text: str
    instead: str
    tests: tuple[str, ...] = UNIT
