"""Standard objects of activities and papers: tasks, events, mails, notes, files (Object
Reference)."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.salesforce.field_sets import currency_code, owner
from pipelines.sandbox.salesforce.fields import (
    Field,
    area,
    day,
    fixed,
    flag,
    granted,
    link,
    moment,
    on_create,
    pick,
    searched,
    text,
    ungranted,
    whole,
)
from pipelines.sandbox.salesforce.sobject import SObject, define
from pipelines.sandbox.salesforce.standard_values import PRIORITIES, TASK_STATES

_SUBJECTS = ("Call", "Email", "Meeting", "Send Letter/Quote", "Other")
PARENTS = "Account Campaign Case Contract Opportunity Order Product2 Quote"
_PAPERS = "Account Campaign Case Contact Contract Event Lead Opportunity Order Product2 Quote Task"


def activity_objects() -> Iterable[SObject]:
    """Tasks, events, mails, notes, files."""
    yield define("Task", "Task", "Tasks", "00T", _task())
    yield define("Event", "Event", "Events", "00U", _event())
    yield define("EmailMessage", "Email Message", "Email Messages", "02s", _mail())
    yield define("Note", "Note", "Notes", "002", _note())
    yield define("Attachment", "Attachment", "Attachments", "00P", _attachment())
    yield define("Folder", "Folder", "Folders", "00l", _folder(), keeps_deleted=False)
    yield define("Document", "Document", "Documents", "015", _old_document(), keeps_deleted=False)
    yield define("ContentVersion", "Content Version", "Content Versions", "068", _version())
    yield define("ContentDocument", "Content Document", "Content Documents", "069", _document())
    yield define("ContentDocumentLink", "Content Document Link", "Content Document Link", "06A",
                 _document_link(), audit=("SystemModstamp",))  # fmt: skip


def _about() -> Iterable[Field]:
    """Whom and what an activity is about; its object lists it under its plural."""
    yield searched(link("WhoId", "Name ID", "Contact Lead", relationship="Who"))
    yield searched(link("WhatId", "Related To ID", PARENTS, relationship="What"))


def _child(one: Field, children: str) -> Field:
    return link(one.name, one.label, " ".join(one.refers_to), relationship=one.relationship,
                children=children, cascade=True, search_filter=True)  # fmt: skip


def _task() -> Iterable[Field]:
    yield from (_child(one, "Tasks") for one in _about())
    yield ungranted(pick("Subject", "Subject", _SUBJECTS, 255, type="combobox", name_field=True))
    yield ungranted(day("ActivityDate", "Due Date Only"))
    yield pick("Status", "Status", TASK_STATES, 255, TASK_STATES[0], nillable=False)
    yield pick("Priority", "Priority", PRIORITIES, 255, "Normal", nillable=False)
    yield fixed(flag("IsHighPriority", "High Priority"))
    yield owner("Group", "User")
    yield area("Description", "Description", 32000)
    yield searched(fixed(link("AccountId", "Account ID", "Account")))
    yield fixed(flag("IsClosed", "Closed"))
    yield fixed(flag("IsArchived", "Archived"))
    yield whole("CallDurationInSeconds", "Call Duration", 8)
    yield pick("CallType", "Call Type", ("Internal", "Inbound", "Outbound"), 40, restricted=True)
    yield text("CallDisposition", "Call Result", 255)
    yield text("CallObject", "Call Object Identifier", 255)
    yield moment("ReminderDateTime", "Reminder Date/Time")
    yield flag("IsReminderSet", "Reminder Set")
    yield fixed(link("RecurrenceActivityId", "Recurrence Activity ID", "Task", relationship=None))
    yield on_create(flag("IsRecurrence", "Create Recurring Series of Tasks"))
    yield on_create(pick("TaskSubtype", "Task Subtype", ("Task", "Email", "List Email", "Cadence",
                    "Call", "LinkedIn"), 40, "Task", restricted=True))  # fmt: skip
    yield fixed(moment("CompletedDateTime", "Completed Date/Time"))
    yield currency_code()


def _event() -> Iterable[Field]:
    yield from (_child(one, "Events") for one in _about())
    yield ungranted(pick("Subject", "Subject", _SUBJECTS, 255, type="combobox", name_field=True))
    yield text("Location", "Location", 255)
    yield granted(flag("IsAllDayEvent", "All-Day Event"))
    yield moment("ActivityDateTime", "Due Date Time")
    yield ungranted(day("ActivityDate", "Due Date Only"))
    yield ungranted(whole("DurationInMinutes", "Duration", 8))
    yield moment("StartDateTime", "Start Date Time")
    yield moment("EndDateTime", "End Date Time")
    yield fixed(day("EndDate", "End Date"))
    yield area("Description", "Description", 32000)
    yield searched(fixed(link("AccountId", "Account ID", "Account")))
    yield link("OwnerId", "Assigned To ID", "Calendar User", nillable=False, defaulted=True)
    yield flag("IsPrivate", "Private")
    yield pick("ShowAs", "Show Time As", ("Busy", "OutOfOffice", "Free"), 40, "Busy",
               restricted=True)  # fmt: skip
    yield fixed(flag("IsChild", "Is Child"))
    yield fixed(flag("IsGroupEvent", "Is Group Event"))
    yield fixed(pick("GroupEventType", "Group Event Type", ("0", "1", "2", "3"), 40, "0",
                     restricted=True))  # fmt: skip
    yield fixed(flag("IsArchived", "Archived"))
    yield fixed(link("RecurrenceActivityId", "Recurrence Activity ID", "Event", relationship=None))
    yield on_create(flag("IsRecurrence", "Create Recurring Series of Events"))
    yield moment("ReminderDateTime", "Reminder Date/Time")
    yield flag("IsReminderSet", "Reminder Set")
    yield currency_code()


def _mail() -> Iterable[Field]:
    yield on_create(link("ParentId", "Case ID", "Case", relationship="Parent",
                         children="EmailMessages", cascade=True))  # fmt: skip
    yield fixed(link("ActivityId", "Activity ID", "Task", relationship="Activity"))
    yield area("TextBody", "Text Body", 131072)
    yield area("HtmlBody", "HTML Body", 131072, html=True)
    yield area("Headers", "Headers", 32000)
    yield text("Subject", "Subject", 3000, name_field=True)
    yield text("FromName", "From Name", 1000)
    yield text("FromAddress", "From Address", 1000, type="email")
    yield text("ToAddress", "To Address", 4000)
    yield text("CcAddress", "CC Address", 4000)
    yield text("BccAddress", "BCC Address", 4000)
    yield flag("Incoming", "Is Incoming")
    yield fixed(flag("HasAttachment", "Has Attachment"))
    yield pick("Status", "Status", ("0", "1", "2", "3", "4", "5"), 40, "0", nillable=False,
               restricted=True)  # fmt: skip
    yield moment("MessageDate", "Message Date")
    yield link("RelatedToId", "Related To ID", PARENTS, relationship="RelatedTo",
               children="Emails")  # fmt: skip
    yield text("MessageIdentifier", "Message ID", 765)
    yield text("ThreadIdentifier", "Thread ID", 765)


def _note() -> Iterable[Field]:
    yield on_create(link("ParentId", "Parent ID", _PAPERS, relationship="Parent", nillable=False,
                         children="Notes", cascade=True))  # fmt: skip
    yield text("Title", "Title", 80, nillable=False, name_field=True)
    yield flag("IsPrivate", "Private")
    yield area("Body", "Body", 32000)
    yield owner()


def _attachment() -> Iterable[Field]:
    yield on_create(link("ParentId", "Parent ID", _PAPERS + " EmailMessage", relationship="Parent",
                         nillable=False, children="Attachments", cascade=True))  # fmt: skip
    yield text("Name", "File Name", 255, nillable=False, name_field=True)
    yield flag("IsPrivate", "Private")
    yield text("ContentType", "Content Type", 120)
    yield fixed(whole("BodyLength", "Body Length", 9))
    yield Field("Body", "Body", "base64", nillable=False)
    yield owner()
    yield text("Description", "Description", 500)


def _folder() -> Iterable[Field]:
    yield text("Name", "Name", 40, name_field=True)
    yield text("DeveloperName", "Folder Unique Name", 80, id_lookup=False)
    yield pick("AccessType", "Access Type", ("Hidden", "Public", "Shared"), 40, nillable=False,
               restricted=True)  # fmt: skip
    yield on_create(pick("Type", "Type", ("Document", "Email", "Report", "Dashboard"), 40,
                         nillable=False, restricted=True))  # fmt: skip
    yield flag("IsReadonly", "Read Only")


def _old_document() -> Iterable[Field]:
    yield link("FolderId", "Folder ID", "Folder User", nillable=False)
    yield text("Name", "Document Name", 255, nillable=False, name_field=True)
    yield text("DeveloperName", "Document Unique Name", 80)
    yield text("ContentType", "Mime Type", 120)
    yield text("Type", "File Extension", 40)
    yield flag("IsPublic", "Externally Available")
    yield flag("IsInternalUseOnly", "Internal Use Only")
    yield fixed(whole("BodyLength", "Body Length", 9))
    yield Field("Body", "Body", "base64")
    yield text("Url", "Url", 1000)
    yield area("Description", "Description", 255)
    yield text("Keywords", "Keywords", 255)
    yield link("AuthorId", "Author ID", "User", relationship="Author", defaulted=True)


def _version() -> Iterable[Field]:
    yield on_create(link("ContentDocumentId", "ContentDocument ID", "ContentDocument",
                         children="ContentVersions", cascade=True, defaulted=True))  # fmt: skip
    yield fixed(flag("IsLatest", "Is Latest", True))
    yield text("ContentUrl", "Content URL", 1300, type="url")
    yield fixed(text("VersionNumber", "Version Number", 20))
    yield text("Title", "Title", 255, name_field=True, defaulted=True)
    yield area("Description", "Description", 1000)
    yield on_create(text("PathOnClient", "Path On Client", 500, nillable=False))
    yield on_create(pick("Origin", "Content Origin", ("C", "H"), default="C", restricted=True,
                         nillable=False))  # fmt: skip
    yield on_create(pick("ContentLocation", "Content Location", ("S", "E", "L"), default="S",
                         restricted=True, nillable=False))  # fmt: skip
    yield fixed(text("FileType", "File Type", 20))
    yield fixed(text("FileExtension", "File Extension", 40))
    yield fixed(whole("ContentSize", "Size", 9))
    yield Field("VersionData", "Version Data", "base64")
    yield on_create(link("FirstPublishLocationId", "First Publish Location ID", _PAPERS + " User",
                         relationship="FirstPublishLocation"))  # fmt: skip
    yield owner()


def _document() -> Iterable[Field]:
    yield text("Title", "Title", 255, nillable=False, name_field=True)
    yield fixed(text("FileType", "File Type", 20))
    yield fixed(text("FileExtension", "File Extension", 40))
    yield fixed(whole("ContentSize", "Size", 9))
    yield fixed(link("LatestPublishedVersionId", "Latest Published Version ID", "ContentVersion",
                     relationship="LatestPublishedVersion"))  # fmt: skip
    yield link("ParentId", "Parent ID", "Account", relationship="Parent")
    yield area("Description", "Description", 1000)
    yield owner()


def _document_link() -> Iterable[Field]:
    yield on_create(link("LinkedEntityId", "Linked Entity ID", _PAPERS + " User",
                         relationship="LinkedEntity", nillable=False, cascade=True,
                         children="ContentDocumentLinks"))  # fmt: skip
    yield on_create(link("ContentDocumentId", "ContentDocument ID", "ContentDocument",
                         nillable=False, cascade=True,
                         children="ContentDocumentLinks"))  # fmt: skip
    yield pick("ShareType", "Share Type", ("V", "C", "I"), 40, "V", restricted=True)
    yield pick("Visibility", "Visibility", ("AllUsers", "InternalUsers", "SharedUsers"), 40,
               "AllUsers", restricted=True)  # fmt: skip
