"""`/sobjects/X/listviews`: the two lists every org has for an object, all records and one's own."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from pipelines.sandbox.salesforce import ids, refusals
from pipelines.sandbox.salesforce.calls import Answer, Call
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.describing import has_list_views
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.org import Org

_SHOWN_AT_ONCE = 2000
_COLUMNS = ("id", "createddate", "lastmodifieddate", "systemmodstamp")


def list_views(org: Org, call: Call, sobject: SObject, rest: tuple[str, ...]) -> Answer:
    """GET …/listviews, one of them, its describe and its results."""
    if not has_list_views(sobject):
        raise refusals.not_found()
    views = _views(org, sobject)
    if not rest:
        listed = [_told(call, sobject, i, *view[:2]) for i, view in views.items()]
        return Answer(200, {"done": True, "listviews": listed, "nextRecordsUrl": None,
                            "size": len(listed), "sobjectType": sobject.name})  # fmt: skip
    wanted = ids.to18(unquote(rest[0])) or ""
    if wanted not in views or len(rest) > 2:
        raise refusals.not_found()
    name, label, soql = views[wanted]
    if len(rest) == 1:
        return Answer(200, _told(call, sobject, wanted, name, label))
    if rest[1] == "describe":
        return Answer(200, _described(sobject, wanted, soql))
    if rest[1] == "results":
        return Answer(200, _results(org, call, sobject, wanted, (name, label, soql)))
    raise refusals.not_found()


def soql_of(org: Org, view_id: str) -> str | None:
    """The query of a list view; None when there is no such view."""
    full = ids.to18(view_id)
    for sobject in org.catalogue.objects.values():
        view = _views(org, sobject).get(full or "")
        if view is not None:
            return view[2]
    return None


def _views(org: Org, sobject: SObject) -> dict[str, tuple[str, str, str]]:
    """By id: developer name, label, query."""
    number = 2 * list(org.catalogue.objects).index(sobject.name.lower()) + 1
    names = ", ".join(f.name for f in _shown(sobject))
    everything = " ".join(("SELECT", names, "FROM", sobject.name))
    order = " ORDER BY Id"
    mine = f" WHERE OwnerId = '{org.user_id}'" if sobject.field("OwnerId") else ""
    return {
        ids.numbered("00B", number): (
            f"All{sobject.name.removesuffix('__c')}",
            f"All {sobject.plural}",
            everything + order,
        ),
        ids.numbered("00B", number + 1): (
            f"My{sobject.name.removesuffix('__c')}",
            f"My {sobject.plural}",
            everything + mine + order,
        ),
    }


def _shown(sobject: SObject) -> list[Field]:
    name = [f for f in sobject.fields.values() if f.name_field]
    return name + [f for n in _COLUMNS if (f := sobject.field(n)) and f not in name]


def _told(call: Call, sobject: SObject, view_id: str, name: str, label: str) -> dict[str, Any]:
    base = f"{call.root}/sobjects/{sobject.name}/listviews/{view_id}"
    return {
        "describeUrl": f"{base}/describe",
        "developerName": name,
        "id": view_id,
        "label": label,
        "resultsUrl": f"{base}/results",
        "soqlCompatible": True,
        "url": base,
    }


def _column(field: Field) -> dict[str, Any]:
    return {
        "ascendingLabel": None,
        "descendingLabel": None,
        "fieldNameOrPath": field.name,
        "hidden": not field.name_field,
        "label": field.label,
        "searchable": False,
        "selectListItem": field.name,
        "sortDirection": None,
        "sortIndex": None,
        "sortable": field.is_sortable,
        "type": field.type,
    }


def _described(sobject: SObject, view_id: str, soql: str) -> dict[str, Any]:
    ordered = {
        "fieldNameOrPath": "Id",
        "nullsPosition": "first",
        "sortDirection": "ascending",
    }
    return {
        "columns": [_column(f) for f in _shown(sobject)],
        "id": view_id,
        "orderBy": [ordered],
        "query": soql,
        "relatedEntityId": None,
        "scope": None,
        "scopeEntityId": None,
        "sobjectType": sobject.name,
        "whereCondition": None,
    }


def _results(
    org: Org, call: Call, sobject: SObject, view_id: str, view: tuple[str, str, str]
) -> dict[str, Any]:
    found = org.selection(call).run(f"{view[2]} LIMIT {_SHOWN_AT_ONCE}", False)
    columns = [
        [{"fieldNameOrPath": f.name, "value": _text(row.get(f.name))} for f in _shown(sobject)]
        for row in found.rows
    ]
    return {
        "columns": [_column(f) for f in _shown(sobject)],
        "developerName": view[0],
        "done": True,
        "id": view_id,
        "label": view[1],
        "records": [{"columns": one} for one in columns],
        "size": len(columns),
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
