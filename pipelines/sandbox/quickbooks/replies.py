"""Writing answers: envelope, fault bodies, headers."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Reply
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.refusals import GatewayRefusal, Refusal
from pipelines.sandbox.quickbooks.values import Record

QBO_VERSION = "1990.412"


def trace_headers(now: datetime) -> dict[str, str]:
    """What stands on every answer: the id that Intuit's support asks for (form recorded)."""
    tid = f"1-{int(now.timestamp()):08x}-{secrets.token_hex(12)}"
    return {"intuit_tid": tid, "X-Amzn-Trace-Id": f"Root={tid}", "Server": "nginx"}


def success(books: Books, answer: Record) -> Reply:
    """An answer in its envelope."""
    headers = {
        "Content-Type": "application/json;charset=utf-8",
        **trace_headers(books.now()),
        "QBO-Version": QBO_VERSION,
        "Service-Time": "total=12, db=5",
        "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private",
        "Expires": "0",
    }
    return Reply(200, _body(answer, books.envelope_time()), headers)


def _body(answer: Record, time: str) -> bytes:
    return codec.dump_bytes(
        answer if "time" in answer or "Header" in answer else {**answer, "time": time}
    )


def refused(books: Books, refusal: Refusal) -> Reply:
    """A fault of the accounting service; the one for a bad id carries no time (recorded)."""
    body: dict[str, Any] = {"Fault": refusal.fault()}
    if refusal.code != "2030":
        body["time"] = books.envelope_time()
    headers = {"Content-Type": "application/json", **trace_headers(books.now())}
    return Reply(refusal.status, codec.dump_bytes(body), headers)


def turned_away(now: datetime, refusal: GatewayRefusal) -> Reply:
    """A fault of the gateway."""
    headers = {"Content-Type": "application/json", **trace_headers(now)}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="Intuit", error="invalid_token"'
    body = refusal.body(int(now.timestamp() * 1000))
    return Reply(refusal.status, codec.dump_bytes(body), headers)


def too_large(now: datetime) -> Reply:
    """A request that the web server in front of the service does not let in (quickbooks-ruby)."""
    head = "<head><title>413 Request Entity Too Large</title></head>"
    inner = "<center><h1>413 Request Entity Too Large</h1></center><hr><center>nginx</center>"
    body = f"<html>{head}<body>{inner}</body></html>"
    return Reply(413, body.encode(), {"Content-Type": "text/html", **trace_headers(now)})
