"""What a check says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pipelines.errors import CrossfootError

# bad: something that is needed cannot work. look: it works, and somebody should know.
Verdict = Literal["good", "look", "bad"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `code` is the same in every run, such as quickbooks.terms."""

    code: str
    subject: str
    verdict: Verdict
    told: str
    next_step: str = ""


def good(code: str, subject: str, told: str) -> Finding:
    """It is as it should be."""
    return Finding(code, subject, "good", told)


def look(code: str, subject: str, told: str, next_step: str) -> Finding:
    """It works, and somebody should know."""
    return Finding(code, subject, "look", told, next_step)


def bad(code: str, subject: str, told: str, next_step: str) -> Finding:
    """It cannot work so."""
    return Finding(code, subject, "bad", told, next_step)


def failed(code: str, subject: str, problem: CrossfootError) -> Finding:
    """What an error says, as a finding."""
    told = f"{problem.record}: {problem.problem}" if problem.record else problem.problem
    return bad(code, subject, told, problem.next_step)


def worst(findings: Iterable[Finding]) -> Verdict:
    """The gravest verdict of all."""
    order: tuple[Verdict, ...] = ("good", "look", "bad")
    return max((f.verdict for f in findings), key=order.index, default="good")
