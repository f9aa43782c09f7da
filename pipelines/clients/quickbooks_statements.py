"""What QuickBooks is told: names, literals, times and statements, each checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import simplejson

from pipelines.clients.recording import Kind

_REQUEST_ID_LENGTH = 50
_ENTITY = re.compile(r"[A-Z][A-Za-z]{2,30}")


def quoted(text: str) -> str:
    """A string literal of QuickBooks' query language, with apostrophe and backslash escaped."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def vendor_time(moment: datetime) -> str:
    """A moment as the query language and CDC take it: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def carries_mark(invoice: Mapping[str, Any], mark: str) -> bool:
    """Does the private note hold this very mark (and not one that only begins like it)?"""
    note = str(invoice.get("PrivateNote") or "")
    return re.search(rf"(?<!\S){re.escape(mark)}(?!\S)", note) is not None


def kind_of(method: str, url: str) -> Kind:
    """Read, write or token call, from the address. Queries are POSTs and yet reads."""
    path = url.partition("?")[0].rstrip("/")
    if "/oauth2/" in path or "/.well-known/" in path:
        return "token"
    return "read" if method == "GET" or path.endswith("/query") else "write"


def body_text(body: Mapping[str, Any] | str) -> str:
    """What is sent of a record: stored text as it is, amounts as exact number literals."""
    return body if isinstance(body, str) else simplejson.dumps(body, use_decimal=True)


def entity_name(name: str) -> str:
    """The name itself. Raises `ValueError` when it cannot be that of an entity."""
    if not _ENTITY.fullmatch(name):
        raise ValueError(f"not the name of a QuickBooks entity: {name!r}")
    return name


def identifier(record_id: str) -> str:
    """The id itself. Raises `ValueError` when it cannot be one."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,40}", record_id):
        raise ValueError(f"not the id of a QuickBooks record: {record_id!r}")
    return record_id


def checked_request_id(request_id: str) -> str:
    """The request id itself. Raises `ValueError` when the service would refuse it."""
    if not re.fullmatch(rf"[\w-]{{1,{_REQUEST_ID_LENGTH}}}", request_id):
        raise ValueError("a request id is 1 to 50 letters, digits, hyphens or underscores")
    return request_id


def select(what: str, entity: str, where: str = "", window: str = "") -> str:
    """A statement of QuickBooks' query language; literals in `where` come from `quoted`."""
    condition = f"where {where}" if where else ""
    parts = (f"select {what} from {entity_name(entity)}", condition, window)  # noqa: S608
    return " ".join(part for part in parts if part)
