"""The commands `crossfoot match ...` about the model: how good it is, and why it says what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

_Given = Annotated[
    tuple[Path, Path, Path] | None,
    typer.Option(
        "--files",
        metavar="ACCOUNTS CUSTOMERS TRUTH",
        help="Two files as `match files` takes them, and all their true pairs: left_id,right_id.",
    ),
]
_Model = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="Another model, beside the committed one."),
]


@app.command()
def evaluate(files: _Given = None, model: _Model = None) -> None:
    """Replay rules and model on confirmed history: how many links are right, by rule.

    Keys and decisions are hidden from a copy of the warehouse, and matched again. Ends with code 1
    when fewer links are right than CROSSFOOT_MATCH_PRECISION wants (0.995 without it).
    """
    from orchestration import match_evaluation
    from orchestration.cli import note
    from pipelines.settings import load_settings

    settings = load_settings()
    outcome = (
        match_evaluation.evaluate_files(settings, files, model, note)
        if files
        else match_evaluation.evaluate_history(settings, model, note)
    )
    for line in match_evaluation.lines(outcome):
        typer.echo(line)
    match_evaluation.refuse_below(outcome, settings.match_precision)
