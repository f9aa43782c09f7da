"""Conditional reads of one record (REST guide, "Conditional Request Headers"): only what has
changed since, and for accounts only what has another ETag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from pipelines.sandbox.salesforce.calls import Answer, Call
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.store import Record


def unmet() -> Refusal:
    """The record is not as the caller says it must be."""
    return Refusal(
        "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE",
        "Entity has been modified since the given time",
        status=412,
    )


def marks(sobject: SObject, record: Record) -> dict[str, str]:
    """The headers by which a caller knows this state of a record again."""
    changed = _changed(record)
    found = {"Last-Modified": format_datetime(changed, usegmt=True)} if changed else {}
    if sobject.name == "Account":
        state = f"{record['Id']} {record.get('SystemModstamp')}"
        found["ETag"] = f'"{hashlib.sha256(state.encode()).hexdigest()[:40]}"'
    return found


def unchanged(call: Call, told: Mapping[str, str], record: Record) -> Answer | None:
    """304 where the caller has this state already.

    Raises:
        Refusal: 412, the record is in another state than the caller asks for.
    """
    headers, etag = call.headers, told.get("ETag")
    if etag and "if-match" in headers and etag not in _tags(headers["if-match"]):
        raise unmet()
    if etag and etag in _tags(headers.get("if-none-match", "")):
        return Answer(304, None, told)
    changed = _changed(record)
    if changed and _after(changed, headers.get("if-unmodified-since")) is True:
        raise unmet()
    if changed and _after(changed, headers.get("if-modified-since")) is False:
        return Answer(304, None, told)
    return None


def _tags(header: str) -> list[str]:
    return [part.strip().replace("--gzip", "") for part in header.split(",")]


def _changed(record: Record) -> datetime | None:
    at = record.get("LastModifiedDate")
    return datetime.fromisoformat(at) if at else None


def _after(changed: datetime, given: str | None) -> bool | None:
    """Whether the change came after a header's moment; None where it gives none."""
    try:
        return changed > parsedate_to_datetime(given) if given else None
    except (TypeError, ValueError):
        return None
