"""Jobs for people who decide in the Dagster UI: accept many proposals, take a decision back.

Both show what they would do, and do it only when the run's configuration says `dry_run: false`.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

import dagster as dg
from pydantic import Field

from orchestration.match_words import bulk_lines, undone_lines
from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from pipelines.errors import Stop
from reverse_etl import review
from reverse_etl.review import Choice


class AcceptConfig(dg.Config):
    """Which proposals of the review queue, by whom; at least a band, a rule or a confidence."""

    by: str = Field(description="Your name; it is kept.", min_length=1)
    band: str = Field("", description="Only of this band, such as strong.")
    rule: str = Field("", description="Only what this rule has found.")
    minimum_confidence: str = Field("0", description="Only from this confidence on, such as 0.9.")
    subject: str = Field("", description="Only customer, product or invoice.")
    limit: int = Field(0, description="No more than so many; 0 for all.")
    reason: str = Field("", description="Why, in a sentence; it is kept.")
    dry_run: bool = Field(True, description="Show what would be done, and do nothing.")


class UndoConfig(dg.Config):
    """A decision's number or a bulk's id, by whom and why."""

    which: str = Field(description="A decision's number, or a bulk's id; its run shows it.")
    by: str = Field(description="Your name; it is kept.", min_length=1)
    reason: str = Field(description="Why, in a sentence; it is kept.", min_length=1)
    dry_run: bool = Field(True, description="Show what would be done, and do nothing.")


@dg.op(pool=WAREHOUSE_POOL)
def accept_proposals_of_the_queue(
    context: dg.OpExecutionContext, config: AcceptConfig, settings: SettingsResource
) -> None:
    """Confirm what nothing competes with, one decision per pair."""
    choice = Choice(config.subject, config.band, config.rule, _confidence(config), config.limit)
    done = review.accept(settings.read(), choice, config.by, config.reason, dry_run=config.dry_run)
    rows = "".join(
        f"| {r['review_id'][:10]} | {r['subject']} | {r['left_name']} | {r['right_name']} | "
        f"{r['confidence']:.2f} | {r['amount_at_stake'] or ''} {r['currency_code'] or ''} | "
        f"{r['reason']} |\n"
        for r in done.taken
    )
    head = "| id | subject | Salesforce | QuickBooks | confidence | at stake | why |\n" + "|---" * 7
    _tell(
        context,
        bulk_lines(done, not config.dry_run),
        {
            "bulk_id": done.bulk_id or "none: dry run",
            "pairs": len(done.taken),
            "left_out": dg.MetadataValue.json(dict(done.left_out)),
            "proposals": dg.MetadataValue.md(f"{head}|\n{rows}"),
        },
    )


@dg.op
def undo_decisions_of_people(
    context: dg.OpExecutionContext, config: UndoConfig, settings: SettingsResource
) -> None:
    """Take back a decision or a bulk, and list what was written under it."""
    done = review.undo(
        settings.read(), config.which, config.by, config.reason, dry_run=config.dry_run
    )
    lines = undone_lines(done, not config.dry_run)
    _tell(
        context,
        lines,
        {
            "decisions": len(done.decisions),
            "documents": len(done.documents),
            "told": dg.MetadataValue.md("\n".join(f"- {line.strip()}" for line in lines)),
        },
    )


@dg.job(
    description="Confirm proposals of the review queue by band, rule or confidence. Shows what it "
    "would do unless `dry_run` is false.",
)
def accept_proposals() -> None:
    """One op; its configuration is the choice."""
    accept_proposals_of_the_queue()


@dg.job(
    description="Take back a decision or a whole bulk; nothing is deleted and nothing is voided. "
    "Shows what it would do unless `dry_run` is false.",
)
def undo_decisions() -> None:
    """One op; its configuration names what is taken back."""
    undo_decisions_of_people()


def _confidence(config: AcceptConfig) -> Decimal:
    try:
        return Decimal(config.minimum_confidence)
    except InvalidOperation:
        raise Stop(
            "review", config.minimum_confidence, "the confidence is no number", "Say 0.9."
        ) from None


def _tell(context: dg.OpExecutionContext, lines: list[str], metadata: dict[str, Any]) -> None:
    for line in lines:
        context.log.info(line)
    context.add_output_metadata(metadata)
