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


_Page = Annotated[Path | None, typer.Option("--out", help="Write a page with pictures, HTML.")]


@app.command()
def evaluate(files: _Given = None, model: _Model = None, page: _Page = None) -> None:
    """Replay rules and model on confirmed history: how many links are right, by rule.

    Keys and decisions are hidden from a copy of the warehouse, and matched again. Ends with code 1
    when fewer links are right than CROSSFOOT_MATCH_PRECISION wants (0.995 without it).
    """
    from orchestration import match_evaluation, match_pages
    from orchestration.cli import note
    from pipelines.matching.model import COMMITTED_MODEL
    from pipelines.settings import load_settings

    settings = load_settings()
    outcome = (
        match_evaluation.evaluate_files(settings, files, model, note)
        if files
        else match_evaluation.evaluate_history(settings, model, note)
    )
    for line in match_evaluation.lines(outcome):
        typer.echo(line)
    if page:
        match_pages.write(
            page,
            match_pages.model_page(outcome.evaluation, outcome.known, model or COMMITTED_MODEL),
        )
        typer.echo(f"Page: {page}")
    match_evaluation.refuse_below(outcome, settings.match_precision)


@app.command()
def explain(
    pair: Annotated[
        list[str],
        typer.Argument(
            metavar="REVIEW_ID | ACCOUNT CUSTOMER",
            help="The review_id of a row in review_queue, or an account's and a customer's id.",
        ),
    ],
    page: _Page = None,
) -> None:
    """Tell why a pair has its score: both records, what adds up to it, who else it could be."""
    from orchestration import match_pages
    from pipelines.matching import explain as explaining
    from pipelines.settings import load_settings

    if len(pair) > 2:
        raise typer.BadParameter("a review_id, or an account's and a customer's id")
    path = load_settings().warehouse_path
    why = explaining.explain(path, explaining.find(path, pair))
    for line in explaining.lines(why):
        typer.echo(line)
    if page:
        match_pages.write(page, match_pages.pair_page(why))
        typer.echo(f"Page: {page}")
