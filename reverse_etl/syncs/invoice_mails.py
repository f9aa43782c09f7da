"""Invoice that we wrote → mail to the customer, sent by QuickBooks, where that is configured.

A mail cannot be taken back, and nothing says that QuickBooks keeps a request id of it. It is sent
once: a try without an answer is looked for on the invoice (EmailStatus), and if that says nothing
it is not tried again; a person decides. Just before the call the invoice is read by its id, so that
what a person has sent, voided or deleted meanwhile is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.errors import FixTheRow
from reverse_etl.changes import Blocked, Change, ChangeKey, from_json, to_json
from reverse_etl.ledger import Entry
from reverse_etl.syncs.flow import Answer, Clients, Facts, Flow, Rows, difference, read_rows

NAME = "invoice_mails"
MART = "sync_invoice_mails"
# What the ledger calls it; the record behind it is the invoice.
ENTITY, RECORD = "InvoiceMail", "Invoice"
SENT = "EmailSent"
SENT_ALREADY, GONE = "sent_already", "invoice_gone"


@dataclass(frozen=True)
class InvoiceMailRow:
    """A row of sync_invoice_mails."""

    company_id: str
    invoice_id: str
    deal_id: str
    document_number: str | None
    customer_name: str | None
    bill_email: str | None
    currency_code: str | None
    blocked_reason: str | None
    blocked_detail: str | None
    data_as_of: datetime


def changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """Every row of the mart as a change or as blocked, by company and invoice."""
    rows = read_rows(InvoiceMailRow, MART, marts[MART])
    for row in sorted(rows, key=lambda r: (r.company_id, r.invoice_id)):
        yield to_change(row)


def to_change(row: InvoiceMailRow) -> Change | Blocked:
    """One invoice as a mail to send, or blocked with its reason. Pure; it moves no money."""
    title = f"mail of invoice {row.document_number or row.invoice_id}"
    if row.blocked_reason or not row.bill_email:
        reason = row.blocked_reason or "mail_address_missing"
        return Blocked(
            NAME, row.company_id, row.invoice_id, 0, title, reason, row.blocked_detail or "",
            None, None,
        )  # fmt: skip
    return Change(
        key=str(ChangeKey(NAME, row.company_id, row.invoice_id, 0, 1)),
        flow=NAME,
        system="quickbooks",
        company_id=row.company_id,
        record_id=row.invoice_id,
        plan_step=0,
        generation=1,
        action="create",
        entity=ENTITY,
        remote_id=None,
        title=title,
        reason="it was written and is not sent yet",
        amount=None,
        currency_code=None,
        fields=(
            difference("customer", None, row.customer_name),
            difference("to", None, row.bill_email),
        ),
        payload=to_json({"Id": row.invoice_id, "sendTo": row.bill_email}),
    )


def send(clients: Clients, entries: Sequence[Entry]) -> Sequence[Answer]:
    """Have each invoice mailed: an answer for each. Silence is raised as `ReplyLost`."""
    return [_mailed(clients, entry) for entry in entries]


def _mailed(clients: Clients, entry: Entry) -> Answer:
    mail = from_json(entry.payload)
    try:
        clients.company(entry.company_id).mail(RECORD, mail["Id"], mail["sendTo"], entry.request_id)
    except FixTheRow as problem:
        return Answer(False, None, problem.code, problem.vendor_message or problem.problem)
    return Answer(True, str(mail["Id"]), "", f"sent to {mail['sendTo']}")


def find(clients: Clients, entry: Entry) -> str | None:
    """The invoice's id if it says that it was sent, by whomever; else None."""
    invoice = _read(clients, entry)
    return str(invoice["Id"]) if invoice and invoice.get("EmailStatus") == SENT else None


def barred(clients: Clients, entries: Sequence[Entry]) -> Mapping[str, Answer]:
    """The refusal of each mail whose invoice was sent, voided or deleted meanwhile."""
    found = {}
    for entry in entries:
        code, words = _problem(_read(clients, entry))
        if code:
            found[entry.change_key] = Answer(False, None, code, f"{words}; nothing was sent")
    return found


def _read(clients: Clients, entry: Entry) -> dict[str, Any] | None:
    return clients.company(entry.company_id).read(RECORD, from_json(entry.payload)["Id"])


def _problem(invoice: Mapping[str, Any] | None) -> tuple[str, str]:
    if invoice is None:
        return GONE, "the invoice was deleted"
    if str(invoice.get("PrivateNote") or "").startswith("Voided"):
        return GONE, "the invoice was voided"
    if invoice.get("EmailStatus") == SENT:
        return SENT_ALREADY, "somebody has sent it already"
    return "", ""


FLOW = Flow(NAME, "quickbooks", (MART,), 1, changes, send, find, barred=barred, sent_once=True)
