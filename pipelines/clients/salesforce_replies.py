"""Salesforce's answers as values: pages of queries, parts of composite calls, rows of collections.

Bodies are decoded once and only as far as they are used. A part of a composite call keeps its body
as the bytes that came, so that thousands of rows are not first made into dicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import simplejson

from pipelines.clients import salesforce_faults as faults
from pipelines.errors import CrossfootError, Incomplete, Unavailable

SYSTEM = "Salesforce"
Record = dict[str, Any]


@dataclass(frozen=True)
class RowReply:
    """Salesforce's answer about one record of a collection call, in request order."""

    ok: bool
    remote_id: str | None
    code: str = ""
    message: str = ""


@dataclass(frozen=True)
class QueryPage:
    """One page of a query. `total` is the vendor's count of the whole result."""

    records: tuple[Record, ...]
    total: int
    next_path: str | None


@dataclass(frozen=True)
class Part:
    """One part of a composite call: a path below the version root, asked with GET."""

    reference: str
    path: str
    headers: Mapping[str, str] | None = None

    @property
    def is_query(self) -> bool:
        """Whether it is one of the five queries or collections that a composite may hold."""
        return self.path.startswith(("query", "composite/sobjects"))


@dataclass(frozen=True)
class PartReply:
    """The answer to one part, with its own status. `raw` is the body as it came; `problem` is
    what a refused part means, None for an accepted one."""

    reference: str
    status: int
    raw: bytes = b"null"
    headers: Mapping[str, Any] = field(default_factory=dict)
    problem: CrossfootError | None = None

    @cached_property
    def body(self) -> Any:
        """The body with amounts as Decimal; None for a 304."""
        return None if self.status == 304 else simplejson.loads(self.raw, use_decimal=True)


class _Part(msgspec.Struct):
    referenceId: str
    httpStatusCode: int
    body: msgspec.Raw = msgspec.Raw(b"null")
    httpHeaders: dict[str, Any] | None = None


class _Composite(msgspec.Struct):
    compositeResponse: list[_Part]


_COMPOSITE = msgspec.json.Decoder(_Composite)


def composite_replies(content: bytes, parts: Sequence[Part]) -> list[PartReply]:
    """The answers of a composite call in the order asked.

    Raises `Unavailable` when the body is not one, or a part is not answered.
    """
    try:
        found = {p.referenceId: p for p in _COMPOSITE.decode(content).compositeResponse}
    except msgspec.DecodeError:
        raise Unavailable(SYSTEM, "org", "the answer was cut off or is no composite") from None
    return [_part_reply(part.reference, found) for part in parts]


def _part_reply(reference: str, found: Mapping[str, _Part]) -> PartReply:
    part = found.get(reference)
    if part is None:
        raise Unavailable(SYSTEM, f"composite part {reference}", "it was not answered")
    raw, status = bytes(part.body), part.httpStatusCode
    problem = None
    if status >= 400:
        problem = faults.part_refused(reference, status, simplejson.loads(raw))
    return PartReply(reference, status, raw, part.httpHeaders or {}, problem)


def query_page(answer: Any) -> QueryPage:
    """A query's answer as a page. Raises `Unavailable` when it is not one."""
    try:
        records = tuple(_plain(r) for r in answer["records"])
        path = None if answer["done"] else str(answer["nextRecordsUrl"])
        return QueryPage(records, int(answer["totalSize"]), path)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unavailable(SYSTEM, "query", "the answer is not a page of a query") from None


def _plain(record: Mapping[str, Any]) -> Record:
    return {name: value for name, value in record.items() if name != "attributes"}


def row_reply(row: Mapping[str, Any]) -> RowReply:
    """One record's answer of a collection call."""
    if row.get("success"):
        return RowReply(True, row.get("id"))
    error = (row.get("errors") or [{}])[0]
    return RowReply(
        False, row.get("id"), str(error.get("statusCode", "")), str(error.get("message", ""))
    )


def graph_reply(graph: Mapping[str, Any], known_id: str = "") -> RowReply:
    """One graph's answer: the id of its first node's record, or the refusal of the failed node.

    The nodes of a failed graph that were not at fault say PROCESSING_HALTED.
    """
    nodes = graph.get("graphResponse", {}).get("compositeResponse", ())
    if graph.get("isSuccessful"):
        body = nodes[0].get("body") if nodes else None
        made = body.get("id") if isinstance(body, Mapping) else None
        return RowReply(True, str(made or known_id))
    errors = [error for node in nodes for error in _node_errors(node)]
    at_fault = [e for e in errors if e.get("errorCode") != "PROCESSING_HALTED"] or errors or [{}]
    first = at_fault[0]
    return RowReply(False, None, str(first.get("errorCode", "")), str(first.get("message", "")))


def _node_errors(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if int(node.get("httpStatusCode", 500)) < 400 or not isinstance(node.get("body"), list):
        return []
    return [error for error in node["body"] if isinstance(error, Mapping)]


def incomplete(object_name: str, promised: int, held: int) -> Incomplete:
    """The error for a result that is not what the org itself counted."""
    return Incomplete(
        SYSTEM,
        object_name,
        f"the org counted {promised} rows and {held} arrived",
        "Nothing of it was kept; run the sync again.",
    )
