"""Standard objects of activities (Object Reference)."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.salesforce.field_sets import currency_code, owner
from pipelines.sandbox.salesforce.fields import (
    Field,
    area,
    day,
    fixed,
    flag,
    link,
    pick,
    text,
)
from pipelines.sandbox.salesforce.sobject import SObject, define


def activity_objects() -> Iterable[SObject]:
    """What people do: tasks."""
    yield define("Task", "Task", "Tasks", "00T", _task())


def _task() -> Iterable[Field]:
    yield link("WhoId", "Name ID", "Contact", relationship="Who", children="Tasks")
    yield link("WhatId", "Related To ID", "Account Opportunity", relationship="What",
               children="Tasks")  # fmt: skip
    yield text("Subject", "Subject", 255, type="combobox", name_field=True)
    yield day("ActivityDate", "Due Date Only")
    yield pick("Status", "Status", ("Not Started", "In Progress", "Completed"), 255,
               "Not Started", nillable=False)  # fmt: skip
    yield pick("Priority", "Priority", ("High", "Normal", "Low"), 255, "Normal",
               nillable=False)  # fmt: skip
    yield owner()
    yield area("Description", "Description", 32000)
    yield fixed(link("AccountId", "Account ID", "Account"))
    yield fixed(flag("IsClosed", "Closed"))
    yield currency_code()
