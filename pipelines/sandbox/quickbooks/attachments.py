"""Attachables: notes, and files of which only name, type and size are kept."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.intake import Draft, read_body
from pipelines.sandbox.quickbooks.refusals import Refusal, business, invalid_property, missing
from pipelines.sandbox.quickbooks.values import Record
from pipelines.sandbox.quickbooks.vocabulary import ENTITIES

FIRST_ID = 5_000_000_000_000_000_001
RETAINED = ("FileName", "FileAccessUri", "TempDownloadUri", "Size", "ContentType")
PART = re.compile(rb'name="?(file_(?:metadata|content)_\d+)"?(.*?)\r?\n\r?\n(.*)', re.DOTALL)


def build_attachable(books: Books, draft: Draft) -> Record:
    """A note or the description of a file.

    Raises:
        Refusal: 2020 neither a note nor a file, 6000 a link to what does not exist.
    """
    record = draft.base(RETAINED)
    if not record.get("Note") and not record.get("FileName"):
        raise missing("Note")
    links = [_link(books, link) for link in _listed(record.get("AttachableRef"))]
    return {**record, "AttachableRef": links} if links else record


def _listed(value: Any) -> list[Record]:
    return value if isinstance(value, list) else [value] if value else []


def _link(books: Books, link: Record) -> Record:
    target = link.get("EntityRef")
    if not isinstance(target, dict):
        return link
    kind, record_id = str(target.get("type", "")), str(target.get("value", ""))
    entity = next((name for name in ENTITIES if name.lower() == kind.lower()), None)
    if entity is None or books.get(entity, record_id) is None:
        raise business(
            f"The entity {kind} {record_id} that you are trying to link does not exist. "
            f"{kind} {record_id}"
        )
    whole = {"value": record_id, "type": entity}
    return {"IncludeOnSend": False, **link, "EntityRef": whole}


def upload(books: Books, body: bytes) -> Record:
    """POST /upload: one Attachable per file; a refused one is a Fault in the list (recorded).

    Raises:
        Refusal: 2010, no part of the body can be read.
    """
    parts = _parts(body)
    numbers = sorted({name.rpartition("_")[2] for name in parts})
    if not numbers:
        raise invalid_property("multipart body without file_content_01")
    return {"AttachableResponse": [_uploaded(books, parts, number) for number in numbers]}


def _uploaded(books: Books, parts: dict[str, tuple[bytes, bytes]], number: str) -> Record:
    try:
        with books.store.transaction():
            return {"Attachable": _stored(books, parts, number)}
    except Refusal as refusal:
        return {"Fault": refusal.fault()}


def _stored(books: Books, parts: dict[str, tuple[bytes, bytes]], number: str) -> Record:
    headers, content = parts.get(f"file_content_{number}", (b"", b""))
    _, described = parts.get(f"file_metadata_{number}", (b"", b"{}"))
    try:
        body = codec.loads(described)
    except ValueError as error:
        raise invalid_property(f"Invalid JSON: {error}\n") from None
    given, cleared, _ = read_body(ENTITIES["Attachable"], body)
    given.setdefault("FileName", _file_name(headers) or "file")
    given.setdefault("ContentType", _content_type(headers))
    record = build_attachable(books, Draft(given, cleared))
    return _put(books, record, len(_decoded(headers, content)))


def _put(books: Books, record: Record, size: int) -> Record:
    key = str(books.number_after("Attachable", FIRST_ID - 1))
    now = books.stamp()
    whole = {
        **{k: v for k, v in record.items() if k not in ("Id", "SyncToken")},
        "FileAccessUri": f"/v3/company/{books.realm}/download/{key}",
        "Size": size,
        "domain": "QBO",
        "sparse": False,
        "Id": key,
        "SyncToken": "0",
        "MetaData": {"CreateTime": now, "LastUpdatedTime": now},
    }
    return books.put("Attachable", whole)


def _parts(body: bytes) -> dict[str, tuple[bytes, bytes]]:
    """Name to headers and content. Line ends may be bare: python-quickbooks writes them so."""
    lines = body.lstrip().split(b"\n", 1)
    boundary = lines[0].strip()
    found = {}
    for part in body.split(boundary) if boundary.startswith(b"--") else ():
        match = PART.search(part)
        if match is not None:
            content = re.sub(rb"\r?\n$", b"", match.group(3))
            found[match.group(1).decode()] = (match.group(2), content)
    return found


def _file_name(headers: bytes) -> str | None:
    match = re.search(rb'filename="?([^"\r\n;]+)', headers)
    return match.group(1).decode("utf-8", "replace") if match else None


def _content_type(headers: bytes) -> str:
    match = re.search(rb"content-type:\s*([^\r\n]+)", headers, re.IGNORECASE)
    return match.group(1).decode("latin-1").strip() if match else "application/octet-stream"


def _decoded(headers: bytes, content: bytes) -> bytes:
    if b"base64" not in headers.lower():
        return content
    try:
        return base64.b64decode(content)
    except binascii.Error:
        return content
