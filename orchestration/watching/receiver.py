"""Receives the vendors' messages that something has changed, and rings the bell.

QuickBooks sends CloudEvents, an array of them to one address for all companies of an app, signed:
header `intuit-signature` is the base64 of the HMAC-SHA256 of the raw body under the app's verifier
token. It wants an answer within three seconds and asks again for hours otherwise.

Salesforce sends an outbound message of a flow: a SOAP body with the org's id and the ids of the
records, repeated for a day until it is acknowledged. It is not signed, so its address ends in a
token of our own. Whoever guessed that could make us read and no more: nothing in it is believed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from orchestration.watching.signals import Bell
from pipelines.errors import Stop
from pipelines.setting_values import Secret

QUICKBOOKS_PATH = "/events/quickbooks"
SALESFORCE_PATH = "/events/salesforce/"
HEALTH_PATH = "/health"
# A delivery holds a few hundred events at most, some hundred bytes each; an outbound message holds
# up to a hundred notifications.
MOST_BYTES = 1_000_000
# A sender that stops in the middle keeps a thread for so long.
PATIENCE_SECONDS = 10
_ORG = re.compile(rb"<OrganizationId>(00D[A-Za-z0-9]{12,15})</OrganizationId>")
_REALM = re.compile(r"\d{1,20}")
_ACKNOWLEDGED = (
    b'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv='
    b'"http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><notificationsResponse xmlns='
    b'"http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)


@dataclass(frozen=True)
class Known:
    """Whose messages are taken: companies by realm id and the org by its id, with the secrets that
    messages are proved by. Without a secret nothing of that vendor is taken."""

    realms: frozenset[str]
    org_id: str
    verifier_token: Secret
    salesforce_token: Secret


@dataclass(frozen=True)
class Reply:
    """What a sender is answered."""

    status: int
    body: bytes = b""
    kind: str = "text/plain"


def signature(body: bytes, token: Secret) -> str:
    """The `intuit-signature` of a body (quickbooks_api 2.11)."""
    made = hmac.new(token.reveal().encode(), body, hashlib.sha256).digest()
    return base64.b64encode(made).decode()


def take_quickbooks(known: Known, body: bytes, signed: str, bell: Bell) -> Reply:
    """Take one delivery. The signature is checked before anything of the body is looked at."""
    if not known.verifier_token:
        return Reply(404)
    if not hmac.compare_digest(signature(body, known.verifier_token).encode(), signed.encode()):
        return Reply(401)
    realms = _realms(body)
    if realms is None:
        return Reply(400)
    ours = sum(count for realm, count in realms.items() if realm in known.realms)
    if ours:
        bell.ring("quickbooks", "event", ours)
    return Reply(200)


def take_salesforce(known: Known, body: bytes, token: str, bell: Bell) -> Reply:
    """Take one outbound message, and acknowledge it: also one of an org that is not ours."""
    expected = known.salesforce_token.reveal().encode()
    if not expected or not hmac.compare_digest(expected, token.encode()):
        return Reply(404)
    found = _ORG.search(body)
    if found is None:
        return Reply(400)
    # The id comes with 15 or with 18 characters.
    if found[1][:15].decode() == known.org_id[:15]:
        bell.ring("salesforce", "event")
    return Reply(200, _ACKNOWLEDGED, "text/xml; charset=utf-8")


def _realms(body: bytes) -> dict[str, int] | None:
    """How many events there are of each company; None for what is no array of CloudEvents."""
    try:
        events = json.loads(body)
    except ValueError:
        return None
    if not isinstance(events, list) or not all(map(_is_event, events)):
        return None
    realms: dict[str, int] = {}
    for event in events:
        realm = str(event["intuitaccountid"])
        realms[realm] = realms.get(realm, 0) + 1
    return realms


def _is_event(given: Any) -> bool:
    return (
        isinstance(given, dict)
        and str(given.get("specversion")) == "1.0"
        and str(given.get("type", "")).startswith("qbo.")
        and _REALM.fullmatch(str(given.get("intuitaccountid", ""))) is not None
    )


@contextmanager
def receiving(host: str, port: int, known: Known, bell: Bell) -> Iterator[str]:
    """Serve for a block; yields the address. Port 0 takes any free one.

    Raises `Stop` when the port is taken.
    """

    def answer(method: str, path: str, body: bytes, signed: str) -> Reply:
        if method == "GET":
            return Reply(200, b"ok") if path == HEALTH_PATH else Reply(404)
        if path == QUICKBOOKS_PATH:
            return take_quickbooks(known, body, signed, bell)
        if path.startswith(SALESFORCE_PATH):
            return take_salesforce(known, body, path.removeprefix(SALESFORCE_PATH), bell)
        return Reply(404)

    try:
        server = _Server((host, port), _answering(answer))
    except OSError as problem:
        raise Stop(
            "watch", f"port {port}", f"events cannot be received there ({problem.strerror})",
            "Choose another: crossfoot watch --port 8789",
        ) from None  # fmt: skip
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # As many as may knock at once while a thread is being made.
    request_queue_size = 128


def _answering(
    answer: Callable[[str, str, bytes, str], Reply],
) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        timeout = PATIENCE_SECONDS
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "Crossfoot", ""

        def do_GET(self) -> None:
            self._send(answer("GET", self.path, b"", ""))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MOST_BYTES:
                self.close_connection = True
                self._send(Reply(413 if length.isdecimal() else 411))
                return
            body = self.rfile.read(int(length))
            self._send(answer("POST", self.path, body, self.headers.get("intuit-signature", "")))

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: Any) -> None:
            """The path may hold our token: nothing of a request is logged."""

    return Answering
