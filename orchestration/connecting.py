"""Asks a person for consent in a browser, and waits for the answer on this machine or pasted."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

from pipelines.clients.oauth import Answered, App, Asked, answered, consent_url, is_local
from pipelines.errors import ConfigurationError, CredentialsRefused, from_disk

PATH = "/callback"
WAIT_SECONDS = 300
_PAGE = "<!doctype html><meta charset=utf-8><title>Crossfoot</title><p>{text}</p>"
_DONE = "The answer is here. You can close this window and go back to the terminal."


def ask_here(
    app: App,
    port: int,
    say: Callable[[str], None],
    open_page: Callable[[str], bool] = webbrowser.open,
    seconds: float = WAIT_SECONDS,
) -> tuple[Asked, Answered]:
    """Show the vendor's page and wait until the browser comes back to this machine.

    Raises `CredentialsRefused` for a no, an answer to another question, or none in time.
    """
    with _listening(app, port) as (server, arrived):
        asked = Asked(f"http://localhost:{server.server_port}{PATH}")
        url = consent_url(app, asked)
        say(f"Say yes to {app.system} in the browser. If none opens, visit:")
        say(f"  {url}")
        open_page(url)
        address = arrived(seconds)
    if address is None:
        raise CredentialsRefused(
            app.system, "connection", f"nobody came back within {seconds:.0f} seconds",
            "Begin again; on a machine without a browser add --paste with a callback of the app.",
        )  # fmt: skip
    return asked, answered(app, asked, address)


def ask_pasted(
    app: App, redirect_uri: str, say: Callable[[str], None], read: Callable[[], str]
) -> tuple[Asked, Answered]:
    """Show the address of the vendor's page, and read the one that the browser ended at.

    Raises `ConfigurationError` for a callback address that is none, else like `ask_here`.
    """
    if urlsplit(redirect_uri).scheme != "https" and not is_local(redirect_uri):
        raise ConfigurationError(
            app.system, "callback address", f"{redirect_uri!r} is not an https address",
            "Give one that stands among the callback addresses of the app.",
        )  # fmt: skip
    asked = Asked(redirect_uri)
    say(f"Visit this address in any browser, say yes to {app.system}, and copy the address that")
    say("the browser ends at, even if the page there cannot be shown:")
    say(f"  {consent_url(app, asked)}")
    return asked, answered(app, asked, read())


@contextmanager
def _listening(app: App, port: int) -> Iterator[tuple[HTTPServer, Callable[[float], str | None]]]:
    """A server on this machine alone, and a way to wait for the first answer that it gets."""
    found: list[str] = []
    came = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_answer = urlsplit(self.path).path == PATH
            text = _PAGE.format(text=_DONE if is_answer else "There is nothing here.").encode()
            self.send_response(200 if is_answer else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(text)
            if is_answer and not came.is_set():
                found.append(self.path)
                came.set()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the address holds the code."""

    try:
        server = HTTPServer(("127.0.0.1", port), Handler)
    except OSError as problem:
        stop = from_disk(problem)
        raise ConfigurationError(
            app.system, f"port {port}", f"it cannot be listened on ({stop.problem})",
            "Choose another with --port; it has to be in the callback address of the app.",
        ) from None  # fmt: skip
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server, lambda seconds: found[0] if came.wait(seconds) else None
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
