"""The command `crossfoot mcp`: the gateway for assistants. Thin doors."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="The gateway for assistants (Model Context Protocol); off until set up.")


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    http: Annotated[
        bool, typer.Option("--http", help="Streamable HTTP with bearer tokens, not stdio.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of --http.")] = 8790,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve the tools over stdio, for one assistant that starts this command, or over HTTP.

    Put a proxy with TLS before --http where others than this machine are to reach it.
    """
    if context.invoked_subcommand is not None:
        return
    from orchestration.gateway import serving
    from pipelines.settings import load_settings

    settings = load_settings()
    if not http:
        serving.stdio_server(settings).run("stdio")
        return
    url = f"http://{host}:{port}"
    server = serving.http_server(settings, url)
    typer.echo(f"Assistants reach the gateway at {url}/mcp. Ctrl-C ends it.", err=True)
    server.run("streamable-http", host=host, port=port)


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="Who gets it.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, explain, sql, propose, apply or personal; read alone, if none."),
    ] = None,
    company: Annotated[
        list[str] | None, typer.Option(help="A realm id; all companies, if none is given.")
    ] = None,
) -> None:
    """Make a token and print what belongs into the file that CROSSFOOT_GATEWAY names."""
    from orchestration.gateway.rules import SCOPES, digest, new_token
    from pipelines.errors import ConfigurationError

    scopes = list(dict.fromkeys(scope or ["read"]))
    strange = [one for one in scopes if one not in SCOPES]
    if strange or not name.isidentifier():
        what = f"scope {strange[0]}" if strange else f"name {name}"
        raise ConfigurationError(
            "gateway", what, "it cannot be used",
            f"Scopes are {', '.join(SCOPES)}; a name has letters, digits and underscores.",
        )  # fmt: skip
    made = new_token()
    lines = [f"[tokens.{name}]", f'sha256 = "{digest(made)}"', f"scopes = {_listed(scopes)}"]
    if company:
        lines.append(f"companies = {_listed(company)}")
    typer.echo("# Into the file that CROSSFOOT_GATEWAY names:")
    for line in lines:
        typer.echo(line)
    typer.echo("")
    typer.echo("# For the assistant, shown once (CROSSFOOT_GATEWAY_TOKEN, or a bearer token):")
    typer.echo(made.reveal())


@app.command()
def log(
    refused: Annotated[bool, typer.Option("--refused", help="Only what was refused.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
) -> None:
    """Show this month's calls: who, what, with which result, how long."""
    from orchestration.gateway.audit import AuditLog
    from orchestration.gateway.gate import utc_now
    from orchestration.words import table
    from pipelines.settings import load_settings

    entries = AuditLog(load_settings().gateway_log).read(utc_now())
    chosen = [one for one in entries if not refused or one["result"] == "refused"][-limit:]
    shown = [
        {
            "at": one["at"][:19], "caller": one["caller"], "tool": one["tool"] or "(none)",
            "result": one["result"], "rows": one["rows"], "ms": one["milliseconds"],
            "told": one["told"][:60],
        }
        for one in chosen
    ]  # fmt: skip
    for line in table(shown, indent=0):
        typer.echo(line)


def _listed(names: list[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in names) + "]"
