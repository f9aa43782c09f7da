"""Serving both vendors over real HTTP on this machine, and misbehaving at the socket when told."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import ipaddress
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pipelines.sandbox.compression import packed, unpacked
from pipelines.sandbox.control import PREFIX, control
from pipelines.sandbox.errors import LogUnusable, PortTaken, SandboxError
from pipelines.sandbox.faults import Action
from pipelines.sandbox.header_names import spelled
from pipelines.sandbox.kernel import (
    SYSTEMS,
    Options,
    Reply,
    Request,
    Sandbox,
    VendorFactory,
)
from pipelines.sandbox.weather import changed_reply

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Any]
Receive = Callable[[], Any]
_IDLE_SECONDS = 300
# What was computed may be out of date when it is done; after so many times the call waits no more.
_MOST_PREPARATIONS = 3
_LONG = 2**20  # of such an answer others do not wait until it is packed
# On every answer, so that nobody takes the sandbox for the vendor.
MARK = (spelled("X-Crossfoot-Sandbox"), b"1")


class Transports:
    """The open connections by the caller's address, so that a fault can cut one."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def add(self, client: tuple[str, int] | None, transport: asyncio.Transport) -> None:
        """Remember a connection just made."""
        if client is not None:
            self._open[client] = transport

    def remove(self, client: tuple[str, int] | None) -> None:
        """Forget a connection that is gone."""
        if client is not None:
            self._open.pop(client, None)

    async def cut(self, scope: Scope) -> None:
        """Close the caller's socket: what was written is flushed, then the connection ends."""
        transport = self._open.get(tuple(scope["client"] or ()))
        if transport is None:
            return
        transport.close()
        while tuple(scope["client"]) in self._open:
            await asyncio.sleep(0.001)

    def close_all(self) -> None:
        """End every connection at once."""
        for transport in list(self._open.values()):
            transport.abort()


def _protocol(transports: Transports) -> type[HttpToolsProtocol]:
    class Protocol(HttpToolsProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            transports.add(self.client, transport)

        def connection_lost(self, exc: Exception | None) -> None:
            transports.remove(self.client)
            super().connection_lost(exc)

    return Protocol


class App:
    """One vendor as an ASGI application: body in, faults, vendor, journal, answer out."""

    def __init__(self, sandbox: Sandbox, system: str, transports: Transports) -> None:
        self._sandbox = sandbox
        self._system = system
        self._transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            request = await _read(scope, receive, self._system)
        except (OSError, EOFError, zlib.error):
            await self._send(send, Reply(400, b"The request body is not compressed as announced."))
            return
        if request.path == PREFIX or request.path.startswith(PREFIX + "/"):
            if not _from_here(scope):
                await self._send(
                    send, Reply(403, b"The control area answers to this machine only.")
                )
                return
            await self._send(send, control(self._sandbox, request))
            return
        with self._sandbox.under_way(request) as refusal:
            if refusal is None:
                await self._answer(request, scope, send)
            else:
                await self._send(send, refusal)

    async def _answer(self, request: Request, scope: Scope, send: Send) -> None:
        for _ in range(_MOST_PREPARATIONS):
            work = self._sandbox.preparation(request)
            if work is None:
                break
            await asyncio.to_thread(work)
        action = self._sandbox.verdict(request)
        if action is None:
            reply = self._dispatch(request, None)
            if len(reply.body) < _LONG:
                await self._send(send, packed(request, reply))
            else:
                await self._send(send, await asyncio.to_thread(packed, request, reply))
        else:
            await self._misbehave(request, action, scope, send)

    def _dispatch(self, request: Request, fault: str | None, answered: bool = True) -> Reply:
        try:
            return self._sandbox.dispatch(request, fault, answered)
        except LogUnusable as error:
            return _unkept(error)

    async def _misbehave(self, request: Request, action: Action, scope: Scope, send: Send) -> None:
        if action.kind in ("hang", "drop_before"):
            self._sandbox.note_undone(request, 0, action.kind)
            if action.kind == "hang":
                await self._hold_up(action)
            await self._transports.cut(scope)
        elif action.kind == "lose_rotated_token":
            with self._sandbox.lock, self._sandbox.vendors[request.system].weather.rotating():
                self._dispatch(request, action.kind, answered=False)
            await self._transports.cut(scope)
        elif action.kind == "drop_after":
            self._dispatch(request, action.kind, answered=False)
            await self._transports.cut(scope)
        elif action.kind == "truncate":
            reply = packed(request, self._dispatch(request, action.kind))
            await self._send(send, reply, len(reply.body) // 2)
            await self._transports.cut(scope)
        else:
            await self._send(send, packed(request, await self._changed_reply(request, action)))

    async def _hold_up(self, action: Action) -> None:
        """Wait the action's seconds out, or until its rule is taken away."""
        until = time.monotonic() + action.seconds
        while (left := until - time.monotonic()) > 0 and self._sandbox.faults.is_armed(action.rule):
            await asyncio.sleep(min(left, 0.02))

    async def _changed_reply(self, request: Request, action: Action) -> Reply:
        if action.kind == "delay":
            await self._hold_up(action)
        try:
            return changed_reply(self._sandbox, request, action)
        except LogUnusable as error:
            return _unkept(error)

    async def _send(self, send: Send, reply: Reply, bytes_sent: int | None = None) -> None:
        """Answer; with `bytes_sent` only so many bytes of the announced length."""
        body = b"" if reply.status in (204, 304) else reply.body
        headers = [(spelled(k), v.encode("latin-1")) for k, v in reply.headers.items()]
        headers.append(MARK)
        if "Date" not in reply.headers:
            headers.append((spelled("Date"), self._sandbox.clock.http_date().encode()))
        if reply.status not in (204, 304):
            headers.append((spelled("Content-Length"), str(len(body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        part = body if bytes_sent is None else body[:bytes_sent]
        await send(
            {"type": "http.response.body", "body": part, "more_body": bytes_sent is not None}
        )


def _from_here(scope: Scope) -> bool:
    """Whether the caller is on this machine."""
    return ipaddress.ip_address((scope["client"] or ("127.0.0.1", 0))[0]).is_loopback


def _unkept(error: LogUnusable) -> Reply:
    return Reply(507, str(error).encode(), {"Content-Type": "text/plain; charset=utf-8"})


async def _read(scope: Scope, receive: Receive, system: str) -> Request:
    """Raises: OSError, EOFError, zlib.error when a body is not what it is announced as."""
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = b"".join(parts)
    body = unpacked(headers.get("content-encoding", ""), body)
    raw_query = scope["query_string"].decode("latin-1")
    return Request(
        system=system,
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=dict(parse_qsl(raw_query, keep_blank_values=True)) if raw_query else {},
        raw_query=raw_query,
        headers=headers,
        body=body,
    )


def listen(host: str, port: int, system: str) -> socket.socket:
    """A listening socket on this machine.

    Raises:
        PortTaken: someone else listens there.
        SandboxError: the address is none of this machine's.
    """
    listener = socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Named TCP above, so that asyncio sends small writes at once: without it each answer waits
    # 40 ms for the caller's delayed acknowledgement of its header.
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortTaken(
                f"The sandbox cannot serve {system} on port {port} of {host}: "
                f"{error.strerror}. Name another port, or 0 for any free one."
            ) from error
        raise SandboxError(
            f"The sandbox cannot listen on {host}: {error.strerror or error}. "
            "Name an address of this machine, such as 127.0.0.1."
        ) from error
    listener.setblocking(False)
    return listener


def _named(host: str) -> str:
    """The address as a caller on this machine writes it."""
    if ":" in host:
        return "[::1]" if host == "::" else f"[{host}]"
    return "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104


class Service:
    """Both vendors being served in one event loop; made by `running_sandbox` and `run_sandbox`."""

    def __init__(self, sandbox: Sandbox, host: str, ports: Mapping[str, int]) -> None:
        self.sandbox = sandbox
        self._transports = Transports()
        self._sockets: dict[str, socket.socket] = {}
        try:
            for system in SYSTEMS:
                self._sockets[system] = listen(host, ports.get(system, 0), system)
        except SandboxError:
            self._close_sockets()
            raise
        for system, listener in self._sockets.items():
            sandbox.base_urls[system] = f"http://{_named(host)}:{listener.getsockname()[1]}"

    def _close_sockets(self) -> None:
        for listener in self._sockets.values():
            listener.close()

    async def serve(self, until: asyncio.Event, ready: Callable[[], None]) -> None:
        """Serve until the event is set; `ready` is called once both ports answer."""
        servers = [await self._serve_one(system) for system in self.sandbox.vendors]
        ready()
        await until.wait()
        for server in servers:
            server.close()
        self._transports.close_all()
        self._close_sockets()

    async def _serve_one(self, system: str) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        app = App(self.sandbox, system, self._transports)
        config = Config(
            app=app,
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_SECONDS,
        )
        config.load()
        state = ServerState()
        protocol = _protocol(self._transports)

        def connect() -> asyncio.Protocol:
            return protocol(config=config, server_state=state, app_state={}, _loop=loop)

        return await loop.create_server(connect, sock=self._sockets[system])


@dataclass
class RunningSandbox:
    """A sandbox served from a thread of this process."""

    kernel: Sandbox
    connection: dict[str, Any] = field(default_factory=dict)

    @property
    def salesforce_url(self) -> str:
        """Where Salesforce is served."""
        return self.kernel.base_urls["salesforce"]

    @property
    def quickbooks_url(self) -> str:
        """Where QuickBooks is served."""
        return self.kernel.base_urls["quickbooks"]


@contextlib.contextmanager
def running_sandbox(
    seed: Path | None = None,
    log_file: Path | None = None,
    limits: bool = False,
    salesforce_port: int = 0,
    quickbooks_port: int = 0,
    factories: Mapping[str, VendorFactory] | None = None,
    scale: int | None = None,
) -> Iterator[RunningSandbox]:
    """Serve both vendors from a thread while the block runs.

    Raises:
        SandboxError: seed, log or port cannot be used.
    """
    kernel = Sandbox(Options(seed, log_file, limits, scale), factories)
    ports = {"salesforce": salesforce_port, "quickbooks": quickbooks_port}
    try:
        service = Service(kernel, "127.0.0.1", ports)
    except SandboxError:
        kernel.close()
        raise
    loop = asyncio.new_event_loop()
    until = asyncio.Event()
    ready = threading.Event()
    thread = threading.Thread(
        target=_run_loop, args=(loop, service, until, ready.set), daemon=True, name="sandbox"
    )
    thread.start()
    ready.wait()
    try:
        yield RunningSandbox(kernel, kernel.connection())
    finally:
        loop.call_soon_threadsafe(until.set)
        thread.join()
        kernel.close()


def _run_loop(
    loop: asyncio.AbstractEventLoop,
    service: Service,
    until: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(service.serve(until, ready))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()


def _spare_the_collector() -> None:
    """Let the garbage collector pass over what stays for good, and come less often.

    A page of a thousand invoices is a hundred thousand objects that are gone with the answer;
    looking for cycles among them takes as long as making them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def run_sandbox(
    options: Options,
    ports: Mapping[str, int],
    ready: Callable[[dict[str, Any]], None],
    stop_when: Callable[[Callable[[], None]], None],
    host: str = "127.0.0.1",
) -> None:
    """Serve both vendors in this process until told to stop.

    `ready` gets the connection once both ports answer; `stop_when` gets a function that ends the
    service from any thread or signal.

    Raises:
        SandboxError: seed, log or port cannot be used.
    """
    sandbox = Sandbox(options)
    _spare_the_collector()

    async def main() -> None:
        service = Service(sandbox, host, ports)
        loop = asyncio.get_running_loop()
        until = asyncio.Event()

        def stop() -> None:
            loop.call_soon_threadsafe(until.set)

        stop_when(stop)
        await service.serve(until, lambda: ready(sandbox.connection()))

    try:
        asyncio.run(main())
    finally:
        sandbox.close()
