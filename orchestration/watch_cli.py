"""The command `crossfoot watch`."""

from __future__ import annotations

from typing import Annotated

import typer


def watch(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port for the vendors' events; 0 takes any.")
    ] = 8788,
    host: Annotated[
        str, typer.Option(help="Address to listen on; a proxy with TLS stands before it.")
    ] = "127.0.0.1",
) -> None:
    """Stay and invoice won deals in seconds: on a vendor's event, or when a poll finds something.

    What the policy lets run by itself is written, the rest waits as a plan. Each round is a run in
    Dagster.
    """
    from orchestration.watching.process import run_watch

    run_watch(host, port, lambda line: typer.echo(line))
