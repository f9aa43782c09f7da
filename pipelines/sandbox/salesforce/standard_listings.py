"""What the vendor's pages list below a record: past and open activities. They are read-only and
can be queried only as children of what they are about (Object Reference, ActivityHistory,
OpenActivity)."""

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
    moment,
    pick,
    text,
    whole,
)
from pipelines.sandbox.salesforce.sobject import SObject, define

HISTORY, OPEN = "ActivityHistory", "OpenActivity"
RELATIONSHIPS = {HISTORY: "ActivityHistories", OPEN: "OpenActivities"}


def listing_objects(parents: str) -> Iterable[SObject]:
    """Both; `parents` are the objects an activity may be about besides people."""
    yield define(HISTORY, "Activity History", "Activity History", "", _fields(HISTORY, parents),
                 writable=False, queryable=False)  # fmt: skip
    yield define(OPEN, "Open Activity", "Open Activities", "", _fields(OPEN, parents),
                 writable=False, queryable=False)  # fmt: skip


def _fields(name: str, parents: str) -> Iterable[Field]:
    children = RELATIONSHIPS[name]

    def listed(one: str, label: str, kinds: str) -> Field:
        return link(one, label, kinds, children=children, cascade=True)

    yield listed("AccountId", "Account ID", "Account")
    yield listed("WhoId", "Name ID", "Contact Lead")
    yield listed("WhatId", "Related To ID", parents)
    yield text("Subject", "Subject", 255, type="combobox", name_field=True)
    yield flag("IsTask", "Task")
    yield day("ActivityDate", "Date")
    yield moment("ActivityDateTime", "Due Date Time")
    yield owner("Group", "User")
    yield pick("Status", "Status", (), 255)
    yield pick("Priority", "Priority", (), 255)
    yield flag("IsHighPriority", "High Priority")
    yield pick("ActivityType", "Type", (), 40)
    yield pick("ActivitySubtype", "Activity Subtype", ("Task", "Email", "List Email", "Cadence",
               "Call", "LinkedIn", "Event"), 40, restricted=True)  # fmt: skip
    yield flag("IsClosed", "Closed")
    yield flag("IsAllDayEvent", "All-Day Event")
    yield whole("DurationInMinutes", "Duration", 9)
    yield text("Location", "Location", 255)
    yield area("Description", "Comments", 32000)
    yield whole("CallDurationInSeconds", "Call Duration", 8)
    yield pick("CallType", "Call Type", ("Internal", "Inbound", "Outbound"), 40, restricted=True)
    yield text("CallDisposition", "Call Result", 255)
    yield text("CallObject", "Call Object Identifier", 255)
    yield moment("ReminderDateTime", "Reminder Date/Time")
    yield flag("IsReminderSet", "Reminder Set")
    yield moment("StartDateTime", "Start")
    yield moment("EndDateTime", "End")
    yield moment("CompletedDateTime", "Completed Date")
    yield fixed(currency_code())
