"""The commands `crossfoot state …`: back up, put back, rebuild. Thin doors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The state: ledger, approvals, decisions.", no_args_is_help=True)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file; it is readable for you alone.")],
) -> None:
    """Copy one moment of the state into a file, also while runs go on."""
    from pipelines.settings import load_settings
    from reverse_etl import state_backup
    from reverse_etl.opening import opened

    with opened(load_settings()) as state:
        made = state_backup.backup(state, file)
    typer.echo(f"{made.total} records of the state are in {made.path}.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` made.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Yes, give up what the state holds now.")
    ] = False,
) -> None:
    """Put a backup in place of the state. Writes since then are looked for before any other."""
    from datetime import UTC, datetime

    from pipelines.settings import load_settings
    from reverse_etl import state_backup
    from reverse_etl.opening import note_birth, opened

    settings = load_settings()
    with opened(settings) as state:
        if not replace and not state_backup.is_empty(state):
            typer.echo("The state is not empty: add --replace to give up what it holds.", err=True)
            raise typer.Exit(1)
        made = state_backup.restore(state, file)
        note_birth(state, settings, datetime.now(UTC))
    typer.echo(f"{made.total} records are back. Read both systems (`crossfoot extract`), judge,")
    typer.echo("and run `crossfoot state rebuild` for what was written since the backup.")


@app.command()
def rebuild(
    by: Annotated[str, typer.Option(help="Your name; it is kept with what is added.")],
) -> None:
    """Add to the ledger what the books show of our marks; list what stays uncertain."""
    from pipelines.settings import load_settings
    from reverse_etl import rebuilding
    from reverse_etl.lease import utc_now

    done = rebuilding.rebuild(load_settings(), by, utc_now)
    typer.echo(f"{done.added} lines were added to the ledger, which had {done.known}.")
    for line in done.uncertain:
        typer.echo(f"uncertain: {line}")
    if done.uncertain:
        raise typer.Exit(1)
