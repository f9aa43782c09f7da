"""The commands `crossfoot connect …`: a person's consent, kept under a seal. Thin doors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipelines.clients.oauth import Answered, App, Asked

app = typer.Typer(help="Connect Salesforce or a QuickBooks company.", no_args_is_help=True)
Port = Annotated[
    int,
    typer.Option(
        min=0, max=65535, help="The browser comes back to http://localhost:PORT/callback."
    ),
]
Paste = Annotated[
    str,
    typer.Option(
        metavar="CALLBACK",
        help="Without a browser here: a callback address of the app; paste what the browser "
        "ends at.",
    ),
]


@app.command()
def salesforce(port: Port = 8787, paste: Paste = "") -> None:
    """Log in to the org in a browser, once; the token is kept, sealed, and renewed by itself.

    On servers a log-in by JWT or client credentials needs no person.
    """
    from orchestration.connections import keep_org, salesforce_door
    from pipelines.settings import load_settings

    settings = load_settings()
    door = salesforce_door(settings)
    kept = keep_org(settings, door, *_ask(door.app, port, paste))
    for line in kept:
        typer.echo(line)


@app.command()
def quickbooks(port: Port = 8787, paste: Paste = "") -> None:
    """Let Crossfoot into one company, chosen in the browser; again for each further one."""
    from orchestration.connections import keep_company, quickbooks_door
    from pipelines.settings import load_settings

    settings = load_settings()
    door = quickbooks_door(settings)
    if settings.profile == "live" and not paste:
        # "The Intuit OAuth 2.0 Server can only redirect to URIs beginning with https": production
        # keys; the vendor's sandbox takes localhost too (Intuit, "Set app redirect URIs").
        typer.echo("Production keys of QuickBooks go back to an https address only: --paste it.")
    for line in keep_company(settings, door, *_ask(door, port, paste)):
        typer.echo(line)


@app.command()
def key() -> None:
    """Print a fresh key for CROSSFOOT_SECRETS_KEY, which seals the tokens on a server."""
    from pipelines.clients.sealing import new_key

    typer.echo(new_key().reveal())


def _ask(door: App, port: int, paste: str) -> tuple[Asked, Answered]:
    from orchestration.connecting import ask_here, ask_pasted

    if paste:
        return ask_pasted(door, paste, typer.echo, sys.stdin.readline)
    return ask_here(door, port, typer.echo)
