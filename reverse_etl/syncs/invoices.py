"""Closed-won deal → Invoice: one invoice for each step of the deal's billing plan that is due.

The first line of the invoice's private note is our mark, `Crossfoot <18-character opportunity
id>/<plan step>/g<generation>`. The next extract reads it back and links the invoice to its deal,
with or without a ledger; `find` looks for it before anything in doubt is sent again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pipelines.errors import Conflict
from reverse_etl.changes import Blocked, Change, ChangeKey, from_json, to_json
from reverse_etl.ledger import Entry
from reverse_etl.syncs import quickbooks_writes
from reverse_etl.syncs.flow import Answer, Clients, Facts, Flow, Rows, read_rows
from reverse_etl.syncs.invoice_body import (
    ESTIMATE,
    ON_INVOICE,
    InvoiceLineRow,
    InvoiceRow,
    body,
    shown,
)

NAME = "invoices"
MART = "sync_invoices"
LINES_MART = "sync_invoice_lines"
ENTITY = "Invoice"
ALREADY_INVOICED, GONE = "estimate_already_invoiced", "estimate_gone"
# What QuickBooks calls an estimate that an invoice was made of (quickbooks_api 3.5).
_CONVERTED = frozenset({"Closed", "Converted"})
# Only a person may replace what a person voided or deleted; with a reopening these give way.
REOPENABLE = frozenset({"previous_invoice_voided", "previous_invoice_deleted"})
CLOCK_SLACK = timedelta(days=1)
_CENT = Decimal("0.01")
_MARK = re.compile(r"Crossfoot (\w{18})/(\d+)/g(\d+)")


def changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """Every row of the mart as a change or as blocked, by company, deal and step."""
    lines: dict[tuple[str, str | None, int], list[InvoiceLineRow]] = defaultdict(list)
    for line in read_rows(InvoiceLineRow, LINES_MART, marts[LINES_MART]):
        lines[line.deal_id, line.company_id, line.plan_step].append(line)
    rows = read_rows(InvoiceRow, MART, marts[MART])
    for row in sorted(rows, key=lambda r: (r.company_id or "", r.deal_id, r.plan_step)):
        own = sorted(
            lines[row.deal_id, row.company_id, row.plan_step],
            key=lambda line: (line.line_number, line.part_number),
        )
        yield to_change(_reopened(row, facts), own, facts)


def to_change(row: InvoiceRow, lines: Sequence[InvoiceLineRow], facts: Facts) -> Change | Blocked:
    """One row with its lines as an invoice to create, or blocked with the reason. Pure."""
    problem = _problem(row, lines, facts)
    if problem:
        return _blocked(row, *problem)
    company_id = row.company_id or ""
    return Change(
        key=str(ChangeKey(NAME, company_id, row.deal_id, row.plan_step, row.generation)),
        flow=NAME,
        system="quickbooks",
        company_id=company_id,
        record_id=row.deal_id,
        plan_step=row.plan_step,
        generation=row.generation,
        action="create",
        entity=ENTITY,
        remote_id=None,
        title=_title(row),
        reason=f"step {row.plan_step} of {row.step_count} was due and has no invoice",
        amount=row.amount,
        currency_code=row.currency_code,
        fields=tuple(shown(row, lines)),
        payload=to_json(body(row, lines)),
        needs=() if row.customer_id else (row.customer_change_key or "",),
    )


def _reopened(row: InvoiceRow, facts: Facts) -> InvoiceRow:
    """The row as the next generation, where a person allowed to replace a gone invoice; what else
    keeps it back still does."""
    base = ChangeKey(NAME, row.company_id or "", row.deal_id, row.plan_step, 1).base
    generation = facts.reopened.get(base, 0)
    if row.blocked_reason not in REOPENABLE or generation <= row.generation:
        return row
    mark = f"{row.mark.rpartition('/g')[0]}/g{generation}"
    note = row.private_note.replace(row.mark, mark, 1)
    return replace(
        row, generation=generation, mark=mark, private_note=note,
        blocked_reason=row.other_blocked_reason, blocked_detail=row.other_blocked_detail,
    )  # fmt: skip


def _problem(
    row: InvoiceRow, lines: Sequence[InvoiceLineRow], facts: Facts
) -> tuple[str, str] | None:
    """The first reason not to send this invoice, as code and words."""
    if row.blocked_reason:
        return row.blocked_reason, row.blocked_detail or ""
    if not row.company_id:
        return "company_not_routed", "no company is to bill this deal"
    if not (row.customer_id or row.customer_change_key):
        return "customer_not_matched", "the row names neither a customer nor the change to make one"
    if not _is_our_mark(row):
        return "mark_wrong", "the private note does not begin with this step's mark"
    closed = facts.company(row.company_id).book_close_on
    if closed and row.invoice_on <= closed:
        return "closed_period", f"dated {row.invoice_on}; the books are closed through {closed}"
    return _amount_problem(row, lines)


def _is_our_mark(row: InvoiceRow) -> bool:
    match = _MARK.fullmatch(row.mark)
    wanted = (row.deal_id, str(row.plan_step), str(row.generation))
    first_line = row.private_note.partition("\n")[0]
    return bool(match and match.groups() == wanted and first_line == row.mark)


def _amount_problem(row: InvoiceRow, lines: Sequence[InvoiceLineRow]) -> tuple[str, str] | None:
    """QuickBooks recomputes each line and refuses a difference (6070); we look first."""
    places = {line.line_number for line in lines if line.line_kind == "item"}
    if not lines or len(places) != row.line_count:
        return "lines_missing", f"{len(places)} of {row.line_count} lines are there"
    total = sum((line.amount for line in lines), Decimal(0))
    if total != row.amount:
        return "lines_do_not_add_up", f"the lines add up to {total}, the step is {row.amount}"
    if row.amount <= 0:
        return "negative_amount", f"an invoice over {row.amount} is not written"
    for line in lines:
        if not line.item_id and line.line_kind != ON_INVOICE:
            return "product_not_mapped", f"line {line.line_number} has no item"
        if (line.quantity * line.unit_price).quantize(_CENT, ROUND_HALF_UP) != line.amount:
            return "line_amount_wrong", f"line {line.line_number}: quantity × price ≠ amount"
    return None


def _title(row: InvoiceRow) -> str:
    step = f", step {row.plan_step} of {row.step_count}" if row.step_count > 1 else ""
    return f"invoice for {row.deal_name}{step}"


def _blocked(row: InvoiceRow, reason: str, detail: str) -> Blocked:
    return Blocked(
        NAME, row.company_id or "", row.deal_id, row.plan_step, _title(row), reason, detail,
        row.amount, row.currency_code,
    )  # fmt: skip


def find(clients: Clients, entry: Entry) -> str | None:
    """The id of the invoice that carries the entry's mark, or None; raises as `find_all`."""
    return find_all(clients, [entry]).get(entry.change_key)


def find_all(clients: Clients, entries: Sequence[Entry]) -> Mapping[str, str]:
    """By change key the ids of the invoices that carry these entries' marks, of one company.

    One reading of the invoices since the oldest intent serves them all: each is metered.
    Raises `Conflict` when several carry one mark: a person has to look at them before anything is
    sent.
    """
    marks = {entry.change_key: _mark_of(entry) for entry in entries}
    company = clients.company(entries[0].company_id)
    since = min(entry.look_since for entry in entries) - CLOCK_SLACK
    # By the mark alone: a person may have given the invoice, or the deal, to another customer.
    seen = company.find_invoices_by_marks(since, frozenset(marks.values()))
    notes = {str(invoice["Id"]): str(invoice.get("PrivateNote") or "") for invoice in seen}
    found: dict[str, str] = {}
    for key, mark in marks.items():
        ours = sorted(number for number, note in notes.items() if _carries(note, mark))
        if len(ours) > 1:
            raise Conflict(
                "QuickBooks", ENTITY, f"invoices {', '.join(ours)} all carry the mark '{mark}'",
                "Void all but one in QuickBooks; nothing was sent.",
            )  # fmt: skip
        if ours:
            found[key] = ours[0]
    return found


def _mark_of(entry: Entry) -> str:
    return str(from_json(entry.payload)["PrivateNote"]).splitlines()[0]


def _carries(note: str, mark: str) -> bool:
    """Is the whole mark in the note? The one of generation 1 is not found in that of 10. A void
    puts its own word before the note, so the mark may stand anywhere in it."""
    return bool(re.search(re.escape(mark) + r"(?!\d)", note))


def barred(clients: Clients, entries: Sequence[Entry]) -> Mapping[str, Answer]:
    """The refusal of each invoice whose estimate a person has converted, or deleted, meanwhile.

    Each estimate is read by its id, because a query may show late what was done a moment ago.
    """
    found: dict[str, Answer] = {}
    for entry in entries:
        links = from_json(entry.payload).get("LinkedTxn", ())
        for number in (str(link["TxnId"]) for link in links if link["TxnType"] == ESTIMATE):
            estimate = clients.company(entry.company_id).read(ESTIMATE, number)
            code, problem = _estimate_problem(number, estimate)
            if code:
                words = f"{problem} since the books were read; nothing was sent, read them again"
                found[entry.change_key] = Answer(False, None, code, words)
    return found


def _estimate_problem(number: str, estimate: Mapping[str, Any] | None) -> tuple[str, str]:
    """Why no invoice may be made of an estimate, as code and words; empty when one may."""
    if estimate is None:
        return GONE, f"estimate {number} was deleted"
    name = f"estimate {estimate.get('DocNumber') or number}"
    links = estimate.get("LinkedTxn", ())
    made = sorted(str(link["TxnId"]) for link in links if link.get("TxnType") == ENTITY)
    if made:
        return ALREADY_INVOICED, f"{name} became invoice {', '.join(made)} (id)"
    if estimate.get("TxnStatus") in _CONVERTED:
        return ALREADY_INVOICED, f"{name} was closed"
    return "", ""


FLOW = Flow(
    NAME, "quickbooks", (MART, LINES_MART), quickbooks_writes.BATCH, changes,
    quickbooks_writes.send, find, barred=barred, find_all=find_all,
)  # fmt: skip
