"""`/query?explain=`: how the sandbox would look for the rows, in the vendor's form.

Of a statement or of a list view.

The plan is the sandbox's own: an index where it has one for a condition, all records otherwise.
Costs below 1 are cheaper than looking at all of them.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.access import is_indexed
from pipelines.sandbox.salesforce.calls import Answer, Call
from pipelines.sandbox.salesforce.listviews import soql_of
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.soql.names import Scope
from pipelines.sandbox.salesforce.soql.search import candidate_rows, compiled

_SCAN_COST = Decimal("1.75")


def explain(org: Org, call: Call, wanted: str) -> Answer:
    """The plans of a statement or of a list view, the cheapest first.

    Raises:
        Refusal: there is no such list view, or the statement could not be run.
    """
    statement = soql_of(org, wanted) if re.fullmatch(r"\w{15}(?:\w{3})?", wanted) else wanted
    if statement is None:
        raise refusals.not_found()
    selection = org.selection(call)
    selection.run(statement)
    return Answer(200, _plans(selection.scope(statement)))


def _plans(scope: Scope) -> dict[str, Any]:
    whole = compiled(scope)
    every = len(scope.books.table(scope.source.name))
    leading = [w.field.name for w in whole.wanted if is_indexed(w)] if whole else []
    found = [_plan(scope, "TableScan", every, every, _SCAN_COST, [])]
    if leading:
        rows = len(candidate_rows(scope, whole))
        cost = Decimal(rows) / max(every, 1)
        found.insert(0, _plan(scope, "Index", rows, every, cost, leading[:1]))
    return {"plans": found, "sourceQuery": scope.statement}


def _plan(
    scope: Scope, kind: str, rows: int, every: int, cost: Decimal, fields: list[str]
) -> dict[str, Any]:
    note = {
        "description": "Not considering filter for optimization because unindexed",
        "fields": ["IsDeleted"],
        "tableEnumOrId": scope.source.name,
    }
    return {
        "cardinality": rows,
        "fields": fields,
        "leadingOperationType": kind,
        "notes": [note] if scope.source.keeps_deleted and not scope.include_deleted else [],
        "relativeCost": cost.quantize(Decimal("0.0001")),
        "sobjectCardinality": every,
        "sobjectType": scope.source.name,
    }
