"""The command `crossfoot doctor`: everything a go-live needs, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from orchestration.doctor.finding import Finding

_SIGNS = {"good": "ok  ", "look": "look", "bad": "BAD "}
_HEADS = {
    "machine": "This machine",
    "rules": "What was decided",
    "salesforce": "Salesforce",
    "quickbooks": "QuickBooks",
}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check everything that a go-live needs, and say what to do about each; sends nothing.

    Ends with 1 where something cannot work as it is.
    """
    from orchestration.doctor.examination import examine
    from orchestration.doctor.finding import worst
    from pipelines.settings import load_settings

    found = list(examine(load_settings()))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False))
    else:
        for line in told(found):
            typer.echo(line)
    if worst(found) == "bad":
        raise typer.Exit(1)


def told(findings: Iterable[Finding]) -> list[str]:
    """The findings as lines under a head for each part, and a sentence at the end."""
    lines: list[str] = []
    part = ""
    found = list(findings)
    for one in found:
        begin = one.code.partition(".")[0]
        if begin != part:
            part = begin
            lines += ["", _HEADS[part]] if lines else [_HEADS[part]]
        lines.append(f"  {_SIGNS[one.verdict]}  {one.code.partition('.')[2]:<11} "
                     f"{one.subject}: {one.told}")  # fmt: skip
        if one.next_step:
            lines.append(f"        {'':<11} {one.next_step}")
    counts = {v: sum(f.verdict == v for f in found) for v in _SIGNS}
    return [*lines, "", f"{counts['bad']} must be mended, {counts['look']} are to be looked at, "
            f"{counts['good']} are as they should be."]  # fmt: skip
