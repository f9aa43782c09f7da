"""The commands `crossfoot exceptions ...` and `crossfoot close ...`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from orchestration import words
from orchestration.replay_words import changed, hindsight_lines, named

exceptions_app = typer.Typer(
    help="What has to be dealt with before a week can be signed: list, explain, accept.",
    no_args_is_help=True,
)
close_app = typer.Typer(
    help="The close of a week: what was recorded, who signed, what changed since.",
    no_args_is_help=True,
)

State = Literal[
    "open", "assigned", "explained", "fix_planned", "fix_applied", "accepted", "false_positive",
    "reopened", "verified_closed",
]  # fmt: skip
ExceptionId = Annotated[
    str,
    typer.Argument(
        help="The exception's id as `list` shows it, or a class such as CUT_OFF for all of it."
    ),
]
By = Annotated[str, typer.Option(help="Your name; it is kept.")]
Because = Annotated[str, typer.Option("--reason", help="Why, in a sentence.")]
Cause = Annotated[str, typer.Option("--cause", help="Root cause; `crossfoot exceptions causes`.")]
WeekLabel = Annotated[str, typer.Argument(help="ISO week such as 2026-W47.")]


@exceptions_app.command("list")
def list_exceptions(
    blocking: Annotated[
        bool, typer.Option("--blocking", help="Only those that bar the week's signature.")
    ] = False,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
) -> None:
    """The exceptions of the week, with state, owner, age and amount."""
    from orchestration import closing
    from pipelines.settings import load_settings

    rows = [
        row
        for row in closing.found(load_settings())
        if (not blocking or row["needs_explanation"])
        and (state is None or row["exception_state"] == state)
    ]
    _table([_shown(row) for row in rows])
    typer.echo(f"{words.plural(len(rows), 'exception')}.")


@exceptions_app.command()
def causes() -> None:
    """The root causes that may be given."""
    from orchestration import closing
    from pipelines.settings import load_settings

    for cause in closing.root_causes(load_settings()):
        typer.echo(cause)


@exceptions_app.command()
def assign(
    exception: ExceptionId, owner: Annotated[str, typer.Option("--to", help="Who.")], by: By
) -> None:
    """Give an exception an owner."""
    _say(exception, "assign", by, owner=owner)


@exceptions_app.command()
def explain(exception: ExceptionId, cause: Cause, reason: Because, by: By) -> None:
    """Say why it is so. Also for one that is gone: every material one needs a root cause."""
    _say(exception, "explain", by, root_cause=cause, reason=reason)


@exceptions_app.command("plan-fix")
def plan_fix(exception: ExceptionId, reason: Because, by: By) -> None:
    """Say what will be done about it."""
    _say(exception, "plan_fix", by, reason=reason)


@exceptions_app.command("fixed")
def fixed(exception: ExceptionId, reason: Because, by: By) -> None:
    """Say that it was mended; the next run that does not find it closes it."""
    _say(exception, "apply_fix", by, reason=reason)


@exceptions_app.command()
def accept(
    exception: ExceptionId,
    cause: Cause,
    reason: Because,
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day it holds.")],
    by: By,
) -> None:
    """Accept it until a day. For a larger amount, or after that day, it is open again."""
    _say(exception, "accept", by, root_cause=cause, reason=reason, until=until.date())


@exceptions_app.command("false-positive")
def false_positive(exception: ExceptionId, reason: Because, by: By) -> None:
    """Say that the rule is wrong about it."""
    _say(exception, "false_positive", by, root_cause="rule false positive", reason=reason)


@exceptions_app.command()
def reopen(exception: ExceptionId, reason: Because, by: By) -> None:
    """Take back what was said about it."""
    _say(exception, "reopen", by, reason=reason)


@close_app.command("weeks")
def list_weeks() -> None:
    """The recorded weeks and who signed them."""
    from orchestration import closing
    from pipelines.settings import load_settings

    _table([_week(row) for row in closing.weeks(load_settings())])


@close_app.command()
def show(week: WeekLabel) -> None:
    """One recorded week: its figures' hash, what bars its signature, what changed since."""
    from orchestration import closing
    from pipelines.settings import load_settings

    _show(closing.week(load_settings(), week))


@close_app.command()
def replay(
    week: WeekLabel,
    today: Annotated[
        bool, typer.Option("--today", help="Beside it the same week with what is known today.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the page as it was, here.")] = None,
) -> None:
    """Judge a recorded week once more, as it was known then; it must come out the same."""
    from orchestration import replay as past
    from pipelines.settings import load_settings

    settings = load_settings()
    if today:
        for line in hindsight_lines(past.with_hindsight(settings, week)):
            typer.echo(line)
        return
    done = past.as_known(settings, week)
    if out is not None:
        out.write_text(done.page, encoding="utf-8")
    typer.echo(_same_or_not(done))
    if not done.is_same and not done.rules_changed:
        raise typer.Exit(1)


@close_app.command()
def prepare(
    week: WeekLabel, by: By, note: Annotated[str, typer.Option(help="For the reviewer.")] = ""
) -> None:
    """Sign a week as its preparer. Every material exception must be explained."""
    _sign(week, "prepare", by, note)


@close_app.command()
def review(
    week: WeekLabel, by: By, note: Annotated[str, typer.Option(help="Kept with it.")] = ""
) -> None:
    """Sign a week as its reviewer, who is not its preparer."""
    _sign(week, "review", by, note)


@close_app.command()
def withdraw(week: WeekLabel, by: By, note: Annotated[str, typer.Option(help="Why.")]) -> None:
    """Take the signatures under a week back."""
    _sign(week, "withdraw", by, note)


def _say(exception: str, event: Any, by: str, **more: Any) -> None:
    from orchestration import closing
    from pipelines.settings import load_settings

    for row in closing.say(load_settings(), exception, event, by, **more):
        typer.echo(f"{row['mismatch_class']} {row['exception_id'][:8]}: {row['exception_state']}.")


def _sign(week: str, step: Any, by: str, note: str) -> None:
    from orchestration import closing
    from pipelines.settings import load_settings

    done = closing.sign(load_settings(), week, step, by, note)
    typer.echo(f"Week {week}: {done.row['sign_off_state']}.")


def _show(week: Any) -> None:
    row = week.row
    for name, value in (
        ("Week", row["week"]),
        ("State", row["sign_off_state"]),
        ("Data as of", f"{row['as_of_at']:%Y-%m-%d %H:%M} UTC"),
        ("Figures", row["figures_hash"]),
        ("Rules", row["rules_hash"]),
        ("Exceptions", f"{row['exceptions']:,}, {row['material_exceptions']:,} material"),
        ("Prepared", _signed(row["prepared_by"], row["prepared_at"])),
        ("Reviewed", _signed(row["reviewed_by"], row["reviewed_at"])),
    ):
        typer.echo(f"{name:<12}{value}")
    if week.blockers:
        typer.echo("")
        typer.echo("Bars the signature")
        _table([_blocker(one) for one in week.blockers])
    if week.changes:
        typer.echo("")
        typer.echo("Changed under the signature")
        _table([changed(one) for one in week.changes])


def _same_or_not(done: Any) -> str:
    if done.is_same:
        return f"Week {done.week}: the same, byte for byte ({done.page_hash})."
    if done.rules_changed:
        return (
            f"Week {done.week}: judged by other rules than then, so it may differ. Figures "
            f"{'are the same' if done.run['figures_hash'] == done.figures_hash else 'differ'}."
        )
    figures = "same" if done.run["figures_hash"] == done.figures_hash else "other"
    return f"Week {done.week}: not the same; {figures} figures, another page or spreadsheet."


def _signed(who: str | None, at: datetime | None) -> str:
    return f"{who}, {at:%Y-%m-%d %H:%M} UTC" if who and at else "not yet"


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "exception": row["exception_id"][:8],
        "class": row["mismatch_class"],
        "state": row["exception_state"],
        "moved": row["movement"],
        "owner": row["owner"] or row["owner_role"],
        "amount": words.amount(row["value_at_stake"], row["currency_code"]),
        "age": _days(row["age_days"]),
        "record": named(row),
        "material": "yes" if row["is_material"] else "",
    }


def _week(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "week": row["week"],
        "state": row["sign_off_state"],
        "exceptions": row["exceptions"],
        "material": row["material_exceptions"],
        "blocking": row["blockers"],
        "changed since": row["changes"],
        "prepared by": row["prepared_by"] or "",
        "reviewed by": row["reviewed_by"] or "",
    }


def _blocker(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "exception": (row["exception_id"] or "")[:8],
        "class": row["mismatch_class"] or "",
        "amount": words.amount(row["value_at_stake"], row["currency_code"]),
        "reason": row["reason"],
    }


def _days(days: int | None) -> str:
    return words.plural(days, "day") if days is not None else ""


def _table(rows: list[dict[str, Any]]) -> None:
    for line in words.table(rows, indent=0):
        typer.echo(line)
