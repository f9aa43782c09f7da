"""Values of picklists that mean something to the vendor, which are records too: the states of
tasks, leads, cases, contracts and orders (Object Reference)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.sandbox.salesforce import ids
from pipelines.sandbox.salesforce.fields import Field, flag, pick, text, whole
from pipelines.sandbox.salesforce.sobject import SObject, define
from pipelines.sandbox.store import Record

TASK_STATES = ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")
PRIORITIES = ("High", "Normal", "Low")
LEAD_STATES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted",
               "Closed - Not Converted")  # fmt: skip
CASE_STATES = ("New", "Working", "Escalated", "Closed")
CONTRACT_STATES: Mapping[str, str] = {
    "In Approval Process": "InApproval", "Activated": "Activated", "Draft": "Draft",
}  # fmt: skip
ORDER_STATES: Mapping[str, str] = {"Draft": "Draft", "Activated": "Activated"}
_CODES = ("Draft", "InApproval", "Activated", "Canceled", "Expired")


def value_objects() -> Iterable[SObject]:
    """One object for each such picklist."""
    yield _object("TaskStatus", "Task Status Value", "01U", flag("IsClosed", "Is Closed"))
    yield _object("TaskPriority", "Task Priority Value", "01V",
                  flag("IsHighPriority", "Is High Priority"))  # fmt: skip
    yield _object("LeadStatus", "Lead Status Value", "01K", flag("IsConverted", "Is Converted"))
    yield _object("CaseStatus", "Case Status Value", "01S", flag("IsClosed", "Is Closed"))
    code = pick("StatusCode", "Status Category", _CODES, 40, restricted=True)
    yield _object("ContractStatus", "Contract Status Value", "811", code)
    yield _object("OrderStatus", "Order Status Value", "8OS", code)


def _object(name: str, label: str, prefix: str, meaning: Field) -> SObject:
    return define(name, label, label, prefix, _value(meaning), writable=False, keeps_deleted=False)


def _value(meaning: Field) -> Iterable[Field]:
    yield text("MasterLabel", "Master Label", 255, name_field=True)
    yield text("ApiName", "API Name", 255, nillable=False, id_lookup=True)
    yield whole("SortOrder", "Sort Order", 9)
    yield flag("IsDefault", "Is Default")
    yield meaning


def first_values() -> Mapping[str, Iterable[Record]]:
    """The values an org starts with."""
    return {
        "TaskStatus": _rows("01U", {n: {"IsClosed": n == "Completed"} for n in TASK_STATES}),
        "TaskPriority": _rows(
            "01V", {n: {"IsHighPriority": n == "High"} for n in PRIORITIES}, "Normal"
        ),
        "LeadStatus": _rows(
            "01K", {n: {"IsConverted": n == "Closed - Converted"} for n in LEAD_STATES}
        ),
        "CaseStatus": _rows("01S", {n: {"IsClosed": n == "Closed"} for n in CASE_STATES}),
        "ContractStatus": _rows(
            "811", {n: {"StatusCode": code} for n, code in CONTRACT_STATES.items()}, "Draft"
        ),
        "OrderStatus": _rows("8OS", {n: {"StatusCode": c} for n, c in ORDER_STATES.items()}),
    }


def _rows(
    prefix: str, values: Mapping[str, Mapping[str, Any]], default: str = ""
) -> Iterable[Record]:
    first = default or next(iter(values))
    return [
        {"Id": ids.numbered(prefix, n), "MasterLabel": name, "ApiName": name, "SortOrder": n,
         "IsDefault": name == first, **more}
        for n, (name, more) in enumerate(values.items(), 1)
    ]  # fmt: skip
