"""Addresses below a record: its parents, its children and its binary fields."""

from __future__ import annotations

import base64

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, object_body, only
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.derived import schedules
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.store import Record


def parent_of(
    org: Org, sobject: SObject, record: Record, name: str
) -> tuple[SObject, Record] | None:
    """The record a relationship leads up to; None when the object has none of that name.

    Raises:
        Refusal: 404, the record has no such parent.
    """
    field = next(
        (f for f in sobject.fields.values() if (f.relationship or "").lower() == name.lower()),
        None,
    )
    if field is None:
        return None
    parent_id = record.get(field.name)
    target = org.catalogue.of_id(str(parent_id)) if parent_id else None
    if target is None:
        raise refusals.not_found(
            f"The requested resource does not exist: {field.relationship} is empty"
        )
    return target, org.records.living(target, str(parent_id))


def children_of(org: Org, call: Call, sobject: SObject, record: Record, name: str) -> Answer | None:
    """The records a relationship leads down to, as a query gives them; None for no such one."""
    found = next(
        (
            (child, field)
            for child, field in org.catalogue.children(sobject)
            if (field.children or "").lower() == name.lower()
        ),
        None,
    )
    if found is None:
        return None
    child, field = found
    if child.name == schedules.KIND and call.method in ("PUT", "DELETE"):
        _established(org, call, record)
        if call.method == "DELETE":
            return Answer(204)
    else:
        only(call, "GET", "HEAD")
    wanted = call.query.get("fields") or ", ".join(
        f.name for f in child.fields.values() if f.type not in ("address", "location")
    )
    if not child.queryable:
        return Answer(200, _listed(org, call, sobject, record, field, wanted))
    statement = " ".join(
        ("SELECT", wanted, "FROM", child.name, "WHERE", field.name, f"= '{record['Id']}'")
    )
    rows = list(org.selection(call).run(statement, False).rows)
    return Answer(200, {"totalSize": len(rows), "done": True, "records": rows})


def _listed(
    org: Org, call: Call, sobject: SObject, record: Record, field: Field, wanted: str
) -> Record:
    """What can be asked for as children alone."""
    name = str(field.children)
    statement = " ".join(
        ("SELECT (SELECT", wanted, "FROM", name, ") FROM", sobject.name,
         f"WHERE Id = '{record['Id']}'")
    )  # fmt: skip
    (row,) = org.selection(call).run(statement, False).rows
    return row[name] or {"totalSize": 0, "done": True, "records": []}


def _established(org: Org, call: Call, line: Record) -> None:
    """Take away a line's schedules; a PUT puts those in their place that its body asks for."""
    sobject = org.object(schedules.KIND)
    rows = schedules.established(line["Id"], object_body(call)) if call.method == "PUT" else []
    held = org.kernel.store.table(org.org_id, sobject.name)
    for one in held.find("OpportunityLineItemId", line["Id"]):
        if not one.get("IsDeleted"):
            org.records.delete(sobject, one["Id"])
    for row in rows:
        org.records.create(sobject, row)


def bytes_of(call: Call, sobject: SObject, record: Record, name: str) -> Answer | None:
    """The content of a binary field; None when the object has none of that name."""
    field = sobject.field(name)
    if field is None or field.type != "base64":
        return None
    only(call, "GET", "HEAD")
    content = base64.b64decode(record.get(field.name) or "")
    kind = str(record.get("ContentType") or "application/octetstream")
    return Answer(200, None, {"Content-Type": kind}, content)


def address_of(call: Call, sobject: SObject, record: Record, field: Field) -> str | None:
    """Where the content of a binary field is to be had; None when there is none."""
    if record.get(field.name) is None:
        return None
    return f"{call.root}/sobjects/{sobject.name}/{record['Id']}/{field.name}"
