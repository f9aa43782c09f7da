"""`/query` and `/queryAll`: results in pages, and the locators that continue them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, only
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.plans import explain
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

PAGE = 2000
KEPT_CURSORS = 200


def query(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """GET /query: living records only."""
    return _query(org, call, rest, deleted=False)


def query_all(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """GET /queryAll: deleted and archived ones too."""
    return _query(org, call, rest, deleted=True)


def _query(org: Org, call: Call, rest: tuple[str, ...], deleted: bool) -> Answer:
    only(call, "GET", "HEAD")
    if rest:
        return _next_page(org, call, rest[0])
    if call.query.get("explain"):
        return explain(org, call, call.query["explain"])
    statement = call.query.get("q")
    if not statement:
        raise refusals.malformed_query("unexpected token: '<EOF>'")
    found = org.selection(call).run(statement, deleted)
    size = _page_size(call)
    locator = _keep(org, found.rows) if len(found.rows) > size else ""
    body = {"totalSize": found.total} | _page(org, call, locator, found.rows, 0, size)
    return Answer(200, body)


def _next_page(org: Org, call: Call, name: str) -> Answer:
    locator, _, offset = name.partition("-")
    cursor = org.cursors.get(locator)
    if cursor is None or not offset.isdigit() or int(offset) >= len(cursor):
        raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
    rows = cursor
    body = {"totalSize": len(rows)} | _page(org, call, locator, rows, int(offset), _page_size(call))
    return Answer(200, body)


def _page(
    org: Org, call: Call, locator: str, rows: Sequence[Record], start: int, size: int
) -> dict[str, Any]:
    end = start + size
    if end >= len(rows):
        return {"done": True, "records": list(rows[start:])}
    url = f"{call.root}/query/{locator}-{end}"
    return {"done": False, "nextRecordsUrl": url, "records": list(rows[start:end])}


def _keep(org: Org, rows: Sequence[Record]) -> str:
    locator = org.next_locator()
    org.cursors[locator] = rows
    while len(org.cursors) > KEPT_CURSORS:
        org.cursors.pop(next(iter(org.cursors)))
    return locator


def _page_size(call: Call) -> int:
    found = re.search(r"batchSize\s*=\s*(\d+)", call.headers.get("sforce-query-options", ""))
    return min(PAGE, max(200, int(found[1]))) if found else PAGE
