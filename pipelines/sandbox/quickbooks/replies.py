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
CACHED = 50_000


class Texts:
    """The JSON text of records, so that a page that is asked for again is only put together.

    Records are never changed in place: as long as it is the same object, its text holds.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Record, str]] = {}

    def of(self, record: Record) -> str:
        """The JSON of one record."""
        known = self._known.get(id(record))
        if known is not None and known[0] is record:
            return known[1]
        if len(self._known) >= CACHED:
            self._known.clear()
        text = codec.dumps(record)
        self._known[id(record)] = (record, text)
        return text


def trace_headers(now: datetime) -> dict[str, str]:
    """What stands on every answer: the id that Intuit's support asks for (form recorded)."""
    tid = f"1-{int(now.timestamp()):08x}-{secrets.token_hex(12)}"
    return {"intuit_tid": tid, "X-Amzn-Trace-Id": f"Root={tid}", "Server": "nginx"}


def success(books: Books, answer: Record, texts: Texts) -> Reply:
    """An answer in its envelope."""
    headers = {
        "Content-Type": "application/json;charset=utf-8",
        **trace_headers(books.now()),
        "QBO-Version": QBO_VERSION,
        "Service-Time": "total=12, db=5",
        "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private",
        "Expires": "0",
    }
    return Reply(200, _body(answer, books.envelope_time(), texts), headers)


def _body(answer: Record, time: str, texts: Texts) -> bytes:
    """The envelope; rows of a query are joined from texts already written."""
    page: Record = answer.get("QueryResponse") or {}
    rows = next((v for v in page.values() if isinstance(v, list)), None)
    if rows is None:
        timed = answer if "time" in answer or "Header" in answer else {**answer, "time": time}
        return codec.dump_bytes(timed)
    entity = next(iter(page))
    counters = codec.dumps({k: v for k, v in page.items() if k != entity})
    joined = ",".join(map(texts.of, rows))
    head = f'{{"QueryResponse":{{"{entity}":[{joined}],{counters[1:]}'
    return f'{head},"time":"{time}"}}'.encode()


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
