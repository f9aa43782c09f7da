"""`/query?explain=`: how the vendor would find the rows of a query, a report or a list view."""

from __future__ import annotations

import re

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call
from pipelines.sandbox.salesforce.listviews import soql_of
from pipelines.sandbox.salesforce.org import Org

_INDEXED = ("Id", "Name", "OwnerId", "CreatedDate", "SystemModstamp")
_FROM = re.compile(r"\bFROM\s+(\w+)(?![^(]*\))", re.IGNORECASE)
_WHERE = re.compile(r"\bWHERE\b(.*)", re.IGNORECASE | re.DOTALL)


def explain(org: Org, call: Call, wanted: str) -> Answer:
    """The plans of a statement or of a list view, the cheapest first.

    Costs follow from the counts: below one, an index is worth it.
    """
    statement = soql_of(org, wanted) if re.fullmatch(r"\w{15}(?:\w{3})?", wanted) else wanted
    if statement is None:
        raise refusals.not_found()
    found = org.selection(call).run(statement, False)
    named = _FROM.search(statement)
    sobject = org.object(named[1] if named else "")
    size = len(org.kernel.store.table(org.org_id, sobject.name))
    where = _WHERE.search(statement)
    fields = [n for n in _INDEXED if where and re.search(rf"\b{n}\b", where[1])]
    table_scan = {
        "cardinality": found.total,
        "fields": [],
        "leadingOperationType": "TableScan",
        "notes": [],
        "relativeCost": 1.0 + size / 1_000_000,
        "sobjectCardinality": size,
        "sobjectType": sobject.name,
    }
    by_index = {
        **table_scan,
        "fields": fields,
        "leadingOperationType": "Index",
        "relativeCost": round(found.total / max(size, 1), 3),
    }
    plans = [by_index, table_scan] if fields else [table_scan]
    return Answer(200, {"plans": plans, "sourceQuery": statement})
