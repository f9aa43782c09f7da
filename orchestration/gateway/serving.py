"""The gateway's server over both transports, and who is calling."""

from __future__ import annotations

from typing import Any

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AnyHttpUrl, ValidationError

from orchestration.gateway.audit import AuditLog
from orchestration.gateway.gate import NOBODY, Gate
from orchestration.gateway.rules import Caller, Rules, read_rules
from orchestration.gateway.tools import Desk, add_tools
from pipelines.errors import CredentialsRefused
from pipelines.settings import Secret, Settings

_ABOUT = (
    "Crossfoot reconciles Salesforce and QuickBooks Online. Read its figures, ask why they are so, "
    "and propose plans; people approve. Amounts are exact decimal text with a currency. Look at "
    "read_freshness before relying on a figure."
)


def stdio_server(settings: Settings) -> MCPServer[Any]:
    """A server for one assistant on this machine, which shows its token in
    CROSSFOOT_GATEWAY_TOKEN. Raises `ConfigurationError`, `CredentialsRefused`."""
    rules = read_rules(settings.gateway_file)
    gate = Gate(rules, AuditLog(settings.gateway_log), "stdio")
    caller = rules.caller(settings.gateway_token)
    if caller is None:
        gate.turned_away("unknown token")
        raise CredentialsRefused(
            "gateway", "token", "nobody was given this token, or none is shown",
            "Set CROSSFOOT_GATEWAY_TOKEN where the assistant starts the gateway.",
        )  # fmt: skip
    return gateway(Desk(settings, gate, lambda: caller))


def gateway(desk: Desk, **options: Any) -> MCPServer[Any]:
    """A server with every tool, behind one desk."""
    server = Gateway(desk, **options)
    add_tools(server, desk)
    return server


class Gateway(MCPServer[Any]):
    """The SDK's server, which also keeps the calls that reach no tool."""

    def __init__(self, desk: Desk, **options: Any) -> None:
        super().__init__("crossfoot", instructions=_ABOUT, log_level="WARNING", **options)
        self._desk = desk

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any] | None = None
    ) -> Any:
        """As the SDK calls a tool."""
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as problem:
            cause = problem.__cause__
            if isinstance(cause, ValidationError):
                places = sorted({".".join(map(str, e["loc"])) for e in cause.errors()})
                self._desk.turned_away(name, {}, f"arguments: {', '.join(places)}")
            elif cause is None and str(problem).startswith("Unknown tool"):
                self._desk.turned_away(name, {}, "there is no such tool")
            raise


def http_server(settings: Settings, url: str) -> MCPServer[Any]:
    """A server for several assistants, each with a bearer token; `url` is where it is reached.

    Raises `ConfigurationError`.
    """
    rules = read_rules(settings.gateway_file)
    gate = Gate(rules, AuditLog(settings.gateway_log), "http")
    desk = Desk(settings, gate, lambda: _present(rules))
    return gateway(
        desk,
        token_verifier=_Tokens(rules, gate),
        auth=AuthSettings(
            issuer_url=AnyHttpUrl(url),
            resource_server_url=AnyHttpUrl(url),
            validate_token_resource=False,
        ),
    )


class _Tokens:
    """Tells the SDK who holds a bearer token."""

    def __init__(self, rules: Rules, gate: Gate) -> None:
        self._rules = rules
        self._gate = gate

    async def verify_token(self, token: str) -> AccessToken | None:
        """The holder, or None, which is kept in the log."""
        caller = self._rules.caller(Secret(token))
        if caller is None:
            self._gate.turned_away("unknown token")
            return None
        return AccessToken(token=token, client_id=caller.name, scopes=sorted(caller.scopes))


def _present(rules: Rules) -> Caller:
    """Who makes the call that is being answered."""
    shown = get_access_token()
    found = rules.caller(Secret(shown.token)) if shown else None
    return found or NOBODY
