"""The command `crossfoot why`."""

from __future__ import annotations

from typing import Annotated

import typer


def why(
    subject: Annotated[
        list[str] | None,
        typer.Argument(
            help="A figure such as leakage, dso or bridge U, a class, the id of a deal or an"
            " exception, the number or id of an invoice, or an amount such as 12.34 EUR."
            " Nothing: the figures."
        ),
    ] = None,
    company: Annotated[
        str | None, typer.Option(help="Only this company: realm id or the beginning of its name.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Only this currency, such as USD.")] = None,
    parts: Annotated[
        int, typer.Option(min=1, help="Follow so many parts of each figure, the largest first.")
    ] = 5,
    every: Annotated[bool, typer.Option("--all", help="Follow every part.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Say why an amount is what it is: from the report's figure down to the vendors' records."""
    from pipelines.settings import load_settings
    from reverse_etl.why import (
        answer_as_json,
        answer_lines,
        ask,
        figure_lines,
        figures,
        figures_as_json,
    )  # fmt: skip

    path = load_settings().published_path
    if not subject:
        known = figures(path)
        lines = [figures_as_json(known)] if as_json else figure_lines(known)
    else:
        answer = ask(path, " ".join(subject), company, currency, None if every else parts)
        lines = [answer_as_json(answer)] if as_json else answer_lines(answer)
    for line in lines:
        typer.echo(line)
