"""The commands `crossfoot alerts`: thin doors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="What somebody has to know: tell it, or silence it.")


@app.command()
def look() -> None:
    """Tell by mail and Slack what is new, to each recipient once."""
    from orchestration import alarms
    from pipelines.settings import load_settings

    for told in alarms.look(load_settings()):
        what = f"{told.alerts} alerts" if told.alerts != 1 else "1 alert"
        typer.echo(f"{told.channel} to {told.recipient}: {what}, {told.status} {told.message}")


@app.command()
def silence(
    subject: Annotated[str, typer.Argument(help="A class such as CUT_OFF, or one alert's key.")],
    hours: Annotated[int, typer.Option(min=1, help="For how long.")],
    by: Annotated[str, typer.Option(help="Your name; it is kept.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept too.")],
) -> None:
    """Say nothing of it for a while."""
    from pipelines.settings import load_settings
    from reverse_etl import alerts

    until = datetime.now(UTC) + timedelta(hours=hours)
    alerts.silence(load_settings(), subject, until, by, reason)
    typer.echo(f"Nothing is said of {subject} until {until:%Y-%m-%d %H:%M} UTC.")
