"""`/query` and `/queryAll`: results in pages, locators that continue them, columns and plans."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, is_true, only
from pipelines.sandbox.salesforce.org import PAGE, Org
from pipelines.sandbox.salesforce.plans import explain
from pipelines.sandbox.salesforce.query_columns import query_columns
from pipelines.sandbox.salesforce.setup import definitions
from pipelines.sandbox.store import Record

LEAST_PAGE = 200
_VIEWED = re.compile(r"\bFOR\s+VIEW\s*$", re.IGNORECASE)


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
    asked = page_size(call)
    if definitions.asks(statement):
        selection = definitions.selection(org, call, asked)
    else:
        selection = org.selection(call, asked)
    if is_true(call.query.get("columns")):
        return Answer(200, query_columns(selection.scope(statement, deleted)))
    found = selection.run(statement, deleted)
    size = min(asked, LEAST_PAGE) if found.is_wide else asked
    most = LEAST_PAGE if found.is_wide else PAGE
    locator = ""
    if len(found.rows) > size:
        locator = org.cursors.keep(found.rows, most, org.user_id, call.version)
    page = _page(call, locator, found.rows, 0, size)
    if _VIEWED.search(statement):
        _note_views(org, page["records"])
    return Answer(200, {"totalSize": found.total} | page)


def _note_views(org: Org, rows: Sequence[Record]) -> None:
    """FOR VIEW: the first row is the last to be looked at, so it comes first among the recent."""
    for row in reversed(rows):
        told = row.get("attributes") or {}
        if "url" in told:
            org.note_view(org.object(told["type"]), str(told["url"]).rpartition("/")[2])


def _next_page(org: Org, call: Call, name: str) -> Answer:
    locator, cursor, offset = org.cursors.at(name)
    size = min(page_size(call), cursor.page)
    page = _page(call, locator, cursor.rows, offset, size)
    return Answer(200, {"totalSize": len(cursor.rows)} | page)


def _page(
    call: Call, locator: str, rows: Sequence[Record], start: int, size: int
) -> dict[str, Any]:
    end = start + size
    if end >= len(rows):
        return {"done": True, "records": list(rows[start:])}
    url = f"{call.root}/query/{locator}-{end}"
    return {"done": False, "nextRecordsUrl": url, "records": list(rows[start:end])}


def page_size(call: Call) -> int:
    """The rows of a page: 200 to 2,000 as asked for, a hint that wide rows override."""
    options = call.headers.get("sforce-query-options", "")
    found = re.search(r"batchSize\s*=\s*(\d+)", options, re.IGNORECASE)
    return min(PAGE, max(LEAST_PAGE, int(found[1]))) if found else PAGE
