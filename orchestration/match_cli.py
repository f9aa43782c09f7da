"""The commands `crossfoot match ...`: people's decisions, and matching of two files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.matching.files import ACCOUNT_FIELDS, CUSTOMER_FIELDS, described

app = typer.Typer(
    help="Decide pairs that wait in the review queue, or match two files of your own.",
    no_args_is_help=True,
)

ReviewId = Annotated[str, typer.Argument(help="The review_id of a row in review_queue.")]
By = Annotated[str, typer.Option(help="Your name; it is kept with the decision.")]
Reason = Annotated[str, typer.Option(help="Why.")]


@app.command()
def confirm(review_id: ReviewId, by: By, reason: Reason = "") -> None:
    """Link a pair of the review queue. People's decisions beat every score."""
    _decide("confirm", review_id, by, reason)


@app.command()
def reject(review_id: ReviewId, by: By, reason: Reason = "") -> None:
    """Keep a pair of the review queue apart. People's decisions beat every score."""
    _decide("reject", review_id, by, reason)


def _decide(verdict: str, review_id: str, by: str, reason: str) -> None:
    from pipelines.settings import load_settings
    from reverse_etl import cycle

    kept = cycle.decide_match(load_settings(), verdict, review_id, by, reason)
    typer.echo(f"{kept.subject} {kept.left_id} and {kept.right_id}: {kept.decision} by {by}.")


@app.command(
    epilog=f"Columns of ACCOUNTS: {described(ACCOUNT_FIELDS)}. "
    f"Columns of CUSTOMERS: {described(CUSTOMER_FIELDS)}. "
    "Only the id and a name must be there; order and case do not matter, and several phones or "
    "e-mail addresses stand in one cell, separated by semicolons."
)
def files(
    accounts: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, UTF-8.")],
    customers: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, UTF-8.")],
    out: Annotated[Path, typer.Option(help="Where the pairs go, as CSV.")],
) -> None:
    """Match two files with the rules and the model of the warehouse; nothing is connected.

    Writes left_id,right_id,probability,decision: `link` would be linked without asking, `review`
    would wait for a person, `no` was looked at and dropped.
    """
    from orchestration.cli import note
    from orchestration.file_matching import match_files
    from pipelines.settings import load_settings

    done = match_files(load_settings(), accounts, customers, out, note)
    if done.unread:
        note(f"Columns that say nothing here: {', '.join(done.unread)}")
    typer.echo(
        f"{done.accounts:,} accounts, {done.customers:,} customers: "
        f"{done.decisions['link']:,} links, {done.decisions['review']:,} to review, "
        f"{done.decisions['no']:,} dropped. Pairs: {out}"
    )
