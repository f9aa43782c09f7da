"""The commands `crossfoot match ...`: people's decisions, and matching of two files."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.matching.files import ACCOUNT_FIELDS, CUSTOMER_FIELDS, described

if TYPE_CHECKING:
    from reverse_etl.review import Choice

app = typer.Typer(
    help="Decide pairs that wait in the review queue, or match two files of your own.",
    no_args_is_help=True,
)

Pair = Annotated[
    str,
    typer.Argument(
        help="An id that `match queue` shows, or its beginning; or any pair as "
        "subject:left:company:right, such as customer:0015g00000AbCdEAAV:9341450000000001:58."
    ),
]
By = Annotated[str, typer.Option(help="Your name; it is kept with the decision.")]
Reason = Annotated[str, typer.Option(help="Why.")]
Subject = Annotated[str, typer.Option(help="customer, product or invoice; all without it.")]
Band = Annotated[str, typer.Option(help="strong, likely or weak, as `match queue` shows.")]
Rule = Annotated[str, typer.Option(help="The rule, as `match queue` shows.")]
Confidence = Annotated[str, typer.Option("--min-confidence", help="From 0 to 1, such as 0.9.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and do nothing.")]


@app.command()
def queue(
    subject: Subject = "",
    band: Annotated[
        str, typer.Option(help="strong, likely, weak, ambiguous or returned; all without it.")
    ] = "",
    rule: Rule = "",
    min_confidence: Confidence = "0",
    limit: Annotated[int, typer.Option(min=1, help="Show so many.")] = 20,
) -> None:
    """Show the proposals that wait for a person: why, and what being wrong costs."""
    from orchestration.match_words import queue_lines
    from pipelines.settings import load_settings
    from reverse_etl import review

    rows = review.queue(load_settings(), _choice(subject, band, rule, min_confidence, 0))
    for line in queue_lines(rows, limit):
        typer.echo(line)


@app.command()
def confirm(
    pair: Pair,
    by: By,
    reason: Reason = "",
    role: Annotated[
        str,
        typer.Option(help="What the customer is for: billing, shipping, project or region."),
    ] = "",
    applies_to: Annotated[
        str, typer.Option("--for", help="The deal's id of a project, or the region's name.")
    ] = "",
) -> None:
    """Link a pair. People's decisions beat every score."""
    _decide("confirm", pair, by, reason, role, applies_to)


@app.command()
def reject(pair: Pair, by: By, reason: Reason = "") -> None:
    """Keep a pair apart, until what speaks for or against it changes."""
    _decide("reject", pair, by, reason)


def _decide(
    verdict: str, pair: str, by: str, reason: str, role: str = "", applies_to: str = ""
) -> None:
    from pipelines.settings import load_settings
    from reverse_etl import review

    kept = review.decide(
        load_settings(), verdict, pair, by, reason, role=role, applies_to=applies_to
    )
    purpose = f" for {' '.join(filter(None, (role, applies_to)))}" if role else ""
    typer.echo(
        f"{kept.subject} {kept.left_id} and {kept.right_id}: {kept.decision}{purpose} by {by}. "
        "The next `crossfoot judge` obeys."
    )


@app.command()
def accept(
    by: By,
    band: Band = "",
    rule: Rule = "",
    min_confidence: Confidence = "0",
    subject: Subject = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 0,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Confirm many proposals at once, after showing them. What competes is left out."""
    from orchestration.match_words import bulk_lines
    from pipelines.settings import load_settings
    from reverse_etl import review

    settings, choice = load_settings(), _choice(subject, band, rule, min_confidence, limit)
    shown = review.accept(settings, choice, by, dry_run=True)
    for line in bulk_lines(shown, done=False):
        typer.echo(line)
    if dry_run or not shown.taken:
        return
    if not yes:
        typer.confirm("Confirm them?", abort=True)
    ids = [row["review_id"] for row in shown.taken]
    for line in bulk_lines(review.accept(settings, choice, by, reason, only=ids), done=True):
        typer.echo(line)


@app.command()
def undo(
    which: Annotated[str, typer.Argument(help="A decision's number, or a bulk's id.")],
    by: By,
    reason: Reason = "taken back",
    dry_run: DryRun = False,
) -> None:
    """Take back one decision or a whole bulk, and list what was written under it."""
    from orchestration.match_words import undone_lines
    from pipelines.settings import load_settings
    from reverse_etl import review

    done = review.undo(load_settings(), which, by, reason, dry_run=dry_run)
    for line in undone_lines(done, not dry_run):
        typer.echo(line)


@app.command()
def history(
    subject: Subject = "",
    record: Annotated[str, typer.Option(help="Only of this record, by its id.")] = "",
    bulk: Annotated[str, typer.Option(help="Only of this bulk.")] = "",
) -> None:
    """Show every decision, newest first, with what took it back."""
    from orchestration.match_words import history_lines
    from pipelines.settings import load_settings
    from reverse_etl import review

    told = review.history(load_settings(), subject=subject, record=record, bulk_id=bulk)
    for line in history_lines(told):
        typer.echo(line)


def _choice(subject: str, band: str, rule: str, min_confidence: str, limit: int) -> Choice:
    from reverse_etl.review import Choice

    try:
        least = Decimal(min_confidence)
    except ArithmeticError:
        raise typer.BadParameter("it is no number", param_hint="--min-confidence") from None
    return Choice(subject, band, rule, least, limit)


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
