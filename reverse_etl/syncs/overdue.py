"""Overdue invoice → Task for the account's owner, and a reminder to the customer if that is set.

One task for each invoice: the first line of its description is our mark, `Crossfoot overdue
<company>-<invoice>`. One mail for each step of the escalation: its key in the ledger holds the
step, and its subject is looked for in Salesforce's record of mails before anything in doubt is sent
again. Mails leave through Salesforce's action emailSimple, which logs each as an activity of the
account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pipelines.clients.salesforce_soql import record_id, soql_time
from pipelines.clients.salesforce_writes import COLLECTION_LIMIT
from pipelines.errors import Conflict, FixTheRow, Incomplete
from reverse_etl.changes import Blocked, Change, ChangeKey, FieldDifference, from_json, to_json
from reverse_etl.ledger import Entry
from reverse_etl.syncs import status
from reverse_etl.syncs.flow import Answer, Clients, Facts, Flow, Rows, difference, read_rows

NAME = "overdue"
MART = "sync_overdue"
TASK, MAIL = "Task", "EmailMessage"
COLUMNS = {"status": "Status", "priority": "Priority"}
CLOCK_SLACK = timedelta(days=1)
_ACTS = ("open_task", "move_task", "close_task", "send_mail")


@dataclass(frozen=True)
class OverdueRow:
    """A row of sync_overdue: one act about one invoice. `balance` is in `currency_code`."""

    org_id: str | None
    company_id: str
    invoice_id: str
    document_number: str | None
    act: str
    plan_step: int
    account_id: str | None
    owner_id: str | None
    email: str | None
    balance: Decimal
    currency_code: str
    days_overdue: int
    task_id: str | None
    current_task_status: str | None
    current_priority: str | None
    wanted_task_status: str | None
    wanted_priority: str | None
    task_due_on: date | None
    subject: str | None
    body: str | None
    blocked_reason: str | None
    data_as_of: datetime


def changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """Every act as a change or as blocked: all tasks before the mails, like acts together."""
    rows = read_rows(OverdueRow, MART, marts[MART])
    for row in sorted(rows, key=lambda r: (_ACTS.index(r.act), r.company_id, r.invoice_id)):
        yield to_change(row)


def to_change(row: OverdueRow) -> Change | Blocked:
    """One act as a change, or blocked with its reason. Pure; the plan sets the generation."""
    number = row.document_number or row.invoice_id
    subject_id, org_id = f"{row.company_id}-{row.invoice_id}", row.org_id or ""
    title = f"{'reminder' if row.act == 'send_mail' else 'task'} about overdue invoice {number}"
    reason = row.blocked_reason or _lacking(row)
    if reason:
        return Blocked(
            NAME, org_id, subject_id, row.plan_step, title, reason, f"{row.balance} are open",
            row.balance, row.currency_code,
        )  # fmt: skip
    is_new = row.act in ("open_task", "send_mail")
    return Change(
        key=str(ChangeKey(NAME, org_id, subject_id, row.plan_step, 1)),
        flow=NAME,
        system="salesforce",
        company_id=org_id,
        record_id=subject_id,
        plan_step=row.plan_step,
        generation=1,
        action="create" if is_new else "update",
        entity=MAIL if row.act == "send_mail" else TASK,
        remote_id=None if is_new else row.task_id,
        title=title,
        reason=_reason(row),
        # A task moves no money; what is open stands among the fields.
        amount=None,
        currency_code=None,
        fields=tuple(_shown(row)),
        payload=to_json(_payload(row)),
    )


def _lacking(row: OverdueRow) -> str | None:
    if not row.org_id or not row.account_id:
        return "account_not_matched"
    if row.act == "send_mail" and not row.email:
        return "mail_address_missing"
    if row.act in ("move_task", "close_task") and not row.task_id:
        return "task_unknown"
    return None


def _reason(row: OverdueRow) -> str:
    if row.act == "close_task":
        return "nothing of it is overdue any more"
    return f"{row.balance} {row.currency_code} are open, {row.days_overdue} days past the due date"


def _shown(row: OverdueRow) -> Iterator[FieldDifference]:
    if row.act == "send_mail":
        yield difference("to", None, row.email)
        yield difference("subject", None, row.subject)
        return
    is_new = row.act == "open_task"
    if is_new:
        yield difference("subject", None, row.subject)
        yield difference("due", None, row.task_due_on)
    if row.wanted_task_status:
        before = None if is_new else row.current_task_status
        yield difference("status", before, row.wanted_task_status)
    if row.wanted_priority:
        before = None if is_new else row.current_priority
        yield difference("priority", before, row.wanted_priority)


def _payload(row: OverdueRow) -> dict[str, Any]:
    if row.act == "send_mail":
        return {
            "emailAddresses": row.email,
            "emailSubject": row.subject,
            "emailBody": row.body,
            "relatedRecordId": row.account_id,
            "logEmailOnSend": True,
        }
    values: dict[str, Any] = {"Status": row.wanted_task_status, "Priority": row.wanted_priority}
    if row.act == "open_task":
        values |= {
            "Subject": row.subject,
            "WhatId": row.account_id,
            "OwnerId": row.owner_id,
            "ActivityDate": row.task_due_on,
            "Description": row.body,
        }
    else:
        values["Id"] = row.task_id
    return {name: value for name, value in values.items() if value is not None}


def send(clients: Clients, entries: Sequence[Entry]) -> Sequence[Answer]:
    """New tasks, or changed ones, in one call; a mail in its own. An answer for each.

    Raises `Incomplete` when the number of answers is not the number of records.
    """
    records = [from_json(entry.payload) for entry in entries]
    if entries[0].entity == MAIL:
        return [_mailed(clients, record) for record in records]
    is_new = entries[0].action == "create"
    write = clients.salesforce.create_many if is_new else clients.salesforce.update_many
    replies = write(TASK, records)
    if len(replies) != len(records):
        raise Incomplete(
            "Salesforce", TASK,
            f"{len(records)} records were sent and {len(replies)} answers came back",
            "The changes stay open; the next run looks at each of them.",
        )  # fmt: skip
    return [
        Answer(r.ok, (e.remote_id or r.remote_id) if r.ok else None, r.code, r.message)
        for e, r in zip(entries, replies, strict=True)
    ]


def _mailed(clients: Clients, mail: Mapping[str, Any]) -> Answer:
    try:
        clients.salesforce.send_mail(mail)
    except FixTheRow as problem:
        return Answer(False, None, problem.code, problem.vendor_message or problem.problem)
    return Answer(True, mail["relatedRecordId"], "", "sent")


def _places(change: Change) -> float:
    """A mail goes alone: of several in one call nobody could say which have left."""
    return COLLECTION_LIMIT if change.entity == MAIL else 1


def find(clients: Clients, entry: Entry) -> str | None:
    """The task with the entry's mark, or as the entry wanted it; for a mail its record. Or None.

    Raises `Conflict` when several tasks carry the mark.
    """
    if entry.entity == MAIL:
        return _find_mail(clients, entry)
    if entry.action == "update":
        return status.find(clients, entry)
    body = from_json(entry.payload)
    mark = str(body["Description"]).splitlines()[0]
    rows = _recent(clients, entry, TASK, "Description", f"WhatId = '{record_id(body['WhatId'])}'")
    ours = sorted(
        {str(r["Id"]) for r in rows if str(r.get("Description") or "").splitlines()[:1] == [mark]}
    )
    if len(ours) > 1:
        raise Conflict(
            "Salesforce", TASK, f"tasks {', '.join(ours)} all carry the mark '{mark}'",
            "Delete all but one in Salesforce; nothing was sent.",
        )  # fmt: skip
    return ours[0] if ours else None


def _find_mail(clients: Clients, entry: Entry) -> str | None:
    """Salesforce logs a mail as EmailMessage, or as a task where enhanced email is off."""
    body = from_json(entry.payload)
    account, subject = record_id(body["relatedRecordId"]), body["emailSubject"]
    for entity, parent in ((MAIL, "RelatedToId"), (TASK, "WhatId")):
        rows = _recent(clients, entry, entity, "Subject", f"{parent} = '{account}'")
        if any(str(r.get("Subject") or "").endswith(subject) for r in rows):
            return account
    return None


def _recent(
    clients: Clients, entry: Entry, entity: str, column: str, where: str
) -> Iterator[Mapping[str, Any]]:
    """Records of an account made since shortly before the entry was planned. Long text cannot be
    a condition (SOQL), so it is looked through here."""
    since = soql_time(entry.look_since - CLOCK_SLACK)
    # Names are constants; ids and times were checked by their forms.
    soql = f"SELECT Id, {column} FROM {entity} WHERE {where} AND CreatedDate >= {since}"  # noqa: S608
    yield from clients.salesforce.query_all(soql)


# Salesforce knows no request ids, and tasks and mails have no key of their own.
FLOW = Flow(
    NAME, "salesforce", (MART,), COLLECTION_LIMIT, changes, send, find, recognised=False,
    weigh=_places, columns={TASK: COLUMNS},
)  # fmt: skip
