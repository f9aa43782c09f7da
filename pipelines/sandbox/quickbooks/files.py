"""The contents of attached files, and the signed addresses under which they are handed out.

An address works without a token for fifteen minutes (Intuit, "Attachable", download) and is refused
from then on as the vendor's storage refuses it: in that storage's XML, not in a Fault.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.values import Record

LIFE = timedelta(minutes=15)
PLACE = "/attachments/"
ACCESS_KEY = "CROSSFOOTSANDBOX"
_PATH = re.compile(rf"{PLACE}([^/]+)/(\d+)/[^/]*$")


# ---- contents


def keep(books: Books, record_id: str, content: bytes) -> None:
    """Keep a file's bytes beside the books; they go through the log like any write."""
    books.store.put_meta(books.realm, _key(record_id), base64.b64encode(content).decode())


def forget(books: Books, record_id: str) -> None:
    """The file is gone."""
    if holds(books, record_id):
        books.store.put_meta(books.realm, _key(record_id), None)


def holds(books: Books, record_id: str) -> bool:
    """Whether there are bytes for a record."""
    return _key(record_id) in books.store.meta(books.realm)


def _key(record_id: str) -> str:
    return f"file/{record_id}"


# ---- addresses


class FileAddresses:
    """Makes and honours the addresses of one run of the sandbox."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def address(self, origin: str, books: Books, record: Record) -> str:
        """Where a file can be fetched until fifteen minutes from now."""
        name = quote(str(record.get("FileName", "file")), safe="")
        path = f"{PLACE}{books.realm}/{record['Id']}/{name}"
        expires = str(int((books.clock.now() + LIFE).timestamp()))
        signature = quote(self._signature(path, expires), safe="")
        query = f"Expires={expires}&AWSAccessKeyId={ACCESS_KEY}&Signature={signature}"
        return f"{origin}{path}?{query}"

    def addressed(self, origin: str, books: Books, answer: Record) -> Record:
        """The answer; every attached file in it with its TempDownloadUri."""
        for holder in _holders(answer):
            shown = holder["Attachable"]
            several = isinstance(shown, list)
            found = [self._shown(origin, books, r) for r in (shown if several else [shown])]
            holder["Attachable"] = found if several else found[0]
        return answer

    def _shown(self, origin: str, books: Books, record: Record) -> Record:
        if not holds(books, str(record.get("Id"))):
            return record
        address = self.address(origin, books, record)
        shown: Record = {}
        for name, value in record.items():
            shown[name] = value
            if name == "FileAccessUri":
                shown["TempDownloadUri"] = address
        return shown

    def _signature(self, path: str, expires: str) -> str:
        text = f"GET\n\n\n{expires}\n{path}".encode()
        return base64.b64encode(hmac.digest(self._secret, text, hashlib.sha256)).decode()

    def fetch(self, request: Request, companies: Mapping[str, Books], now: datetime) -> Reply:
        """The file an address names, or the storage's refusal."""
        match = _PATH.match(request.path)
        given = {name: values[0] for name, values in parse_qs(request.raw_query).items()}
        expires = given.get("Expires", "")
        wanted = self._signature(request.path, expires)
        if not hmac.compare_digest(given.get("Signature", "").encode(), wanted.encode()):
            return _storage_refusal(403, "SignatureDoesNotMatch", "The signature does not match.")
        if now.timestamp() >= int(expires):
            return _storage_refusal(403, "AccessDenied", "Request has expired")
        books = companies.get(unquote(match.group(1))) if match else None
        if match is None or books is None or not holds(books, match.group(2)):
            return _storage_refusal(404, "NoSuchKey", "The specified key does not exist.")
        content = books.store.meta(books.realm)[_key(match.group(2))]
        record = books.get("Attachable", match.group(2)) or {}
        kind = str(record.get("ContentType") or "application/octet-stream")
        return Reply(200, base64.b64decode(content), {"Content-Type": kind})


def is_file(request: Request) -> bool:
    """Whether a call is for an address of a file."""
    return request.method == "GET" and request.path.startswith(PLACE)


def _holders(answer: Record) -> Iterator[dict[str, Any]]:
    """The objects of an answer that have attachables right below them."""
    inner = [answer, answer.get("QueryResponse")]
    inner += answer.get("AttachableResponse", ())
    for item in answer.get("BatchItemResponse", ()):
        inner += [item, item.get("QueryResponse")]
    for part in answer.get("CDCResponse", ()):
        inner += part.get("QueryResponse", ())
    return (holder for holder in inner if isinstance(holder, dict) and "Attachable" in holder)


def _storage_refusal(status: int, code: str, message: str) -> Reply:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return Reply(status, body.encode(), {"Content-Type": "application/xml"})
