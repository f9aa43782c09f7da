"""The command `crossfoot what-if`."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration import words

_COLUMNS = (
    "week", "as_of_on", "mismatch_class", "company_id", "currency_code", "count_in_force",
    "count_tried", "amount_in_force", "amount_tried", "material_in_force", "material_tried",
    "appearing", "vanishing",
)  # fmt: skip


def what_if(
    tolerance: Annotated[
        str | None, typer.Option(help="Amounts that differ by so much are the same, such as 1.00.")
    ] = None,
    tolerance_pct: Annotated[
        str | None, typer.Option(help="The same in per cent; the larger one counts.")
    ] = None,
    rounding: Annotated[
        str | None, typer.Option(help="What each line of an invoice may be rounded by.")
    ] = None,
    grace: Annotated[
        int | None, typer.Option(min=0, help="Working days a step may be late.")
    ] = None,
    materiality: Annotated[
        str | None, typer.Option(help="Amount from which somebody must act.")
    ] = None,
    materiality_pct: Annotated[
        str | None, typer.Option(help="The same in per cent of what fell due in 31 days.")
    ] = None,
    company: Annotated[
        str | None, typer.Option(help="Only for the books of this company (realm id).")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="Only for the books in this currency, such as GBP.")
    ] = None,
    weeks: Annotated[int, typer.Option(min=1, max=520, help="So many weeks back.")] = 52,
    out: Annotated[Path | None, typer.Option(help="Write the weeks as CSV, here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Say what other settings would have changed, week by week; nothing real is touched."""
    from orchestration import what_if as trial
    from pipelines.settings import load_settings

    dials = trial.dials_of(
        {
            "tolerance_abs": tolerance,
            "matching_tolerance_pct": tolerance_pct,
            "rounding_per_line": rounding,
            "grace_business_days": str(grace) if grace is not None else None,
            "materiality_abs": materiality,
            "materiality_pct": materiality_pct,
        }
    )
    books = trial.Books(company, currency.upper() if currency else None)
    done = trial.try_out(load_settings(), dials, weeks, books)
    if out is not None:
        _write(out, done.weeks)
    for line in [_as_json(done)] if as_json else _lines(done, trial.totals(done)):
        typer.echo(line)


def _lines(done: Any, totals: list[dict[str, Any]]) -> Iterator[str]:
    for name, (before, after) in done.dials.items():
        yield f"{name}: {before} in force, {after} tried"
    yield f"As each of {words.plural(len(done.days), 'week')} ended, with what is known now."
    if not done.weeks:
        yield "Nothing would have been listed otherwise."
        return
    yield ""
    yield from words.table([_week(row) for row in done.weeks], indent=0)
    yield ""
    yield "In all; appear and vanish are those of the week in which they are most"
    yield from words.table(totals, indent=0)


def _week(row: dict[str, Any]) -> dict[str, Any]:
    currency = row["currency_code"]
    return {
        "week": row["week"],
        "class": row["mismatch_class"],
        "company": row["company_id"],
        "count": row["count_in_force"],
        "tried": row["count_tried"],
        "amount": words.amount(row["amount_in_force"], currency),
        "amount tried": words.amount(row["amount_tried"], currency),
        "difference": words.amount(row["amount_tried"] - row["amount_in_force"], currency),
        "material": row["material_in_force"],
        "material tried": row["material_tried"],
    }


def _as_json(done: Any) -> str:
    told = {
        "dials": {n: {"in_force": b, "tried": a} for n, (b, a) in done.dials.items()},
        "days": [str(day) for day in done.days],
        "weeks": done.weeks,
    }
    return json.dumps(told, default=str, indent=2)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
