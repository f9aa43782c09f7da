"""Closed-won deal → Invoice: one invoice for each step of the deal's billing plan that is due.

The first line of the invoice's private note is our mark, `Crossfoot <18-character opportunity
id>/<plan step>/g<generation>`. The next extract reads it back and links the invoice to its deal,
with or without a ledger; `find` looks for it before anything in doubt is sent again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pipelines.errors import Conflict
from reverse_etl.changes import (
    REFERENCE,
    Blocked,
    Change,
    ChangeKey,
    FieldDifference,
    from_json,
    to_json,
)
from reverse_etl.ledger import Entry
from reverse_etl.syncs import quickbooks_writes
from reverse_etl.syncs.flow import (
    Answer,
    Clients,
    CompanyFacts,
    Facts,
    Flow,
    Rows,
    difference,
    plain,
    read_rows,
)

NAME = "invoices"
MART = "sync_invoices"
LINES_MART = "sync_invoice_lines"
ENTITY = "Invoice"
ESTIMATE = "Estimate"
ALREADY_INVOICED, GONE = "estimate_already_invoiced", "estimate_gone"
# What QuickBooks calls an estimate that an invoice was made of (quickbooks_api 3.5).
_CONVERTED = frozenset({"Closed", "Converted"})
# The codes of a US company; every other id belongs to a company with its own tax codes.
US_TAX_CODES = frozenset({"TAX", "NON"})
# Only a person may replace what a person voided or deleted; with a reopening these give way.
REOPENABLE = frozenset({"previous_invoice_voided", "previous_invoice_deleted"})
DEAL_FIELD = "Salesforce Deal"
PO_FIELD = "PO Number"
CLOCK_SLACK = timedelta(days=1)
_CENT = Decimal("0.01")
_CUSTOM_FIELD_LENGTH = 31
_MARK = re.compile(r"Crossfoot (\w{18})/(\d+)/g(\d+)")


@dataclass(frozen=True)
class InvoiceRow:
    """A row of sync_invoices, column for column. `amount` is net, in `currency_code`."""

    org_id: str
    deal_id: str
    deal_name: str
    company_id: str | None
    plan_step: int
    step_count: int
    generation: int
    account_id: str | None
    account_name: str | None
    customer_id: str | None
    customer_change_key: str | None
    currency_code: str
    amount: Decimal
    line_count: int
    invoice_on: date
    term_id: str | None
    bill_email: str | None
    po_number: str | None
    estimate_id: str | None
    tax_code_id: str | None
    mark: str
    private_note: str
    blocked_reason: str | None
    blocked_detail: str | None
    data_as_of: datetime


@dataclass(frozen=True)
class InvoiceLineRow:
    """A row of sync_invoice_lines. `amount` is quantity × unit price, rounded half up."""

    org_id: str
    deal_id: str
    company_id: str | None
    plan_step: int
    line_number: int
    source_line_id: str | None
    item_id: str | None
    description: str | None
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    tax_code_id: str | None
    service_on: date | None


def changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """Every row of the mart as a change or as blocked, by company, deal and step."""
    lines: dict[tuple[str, str | None, int], list[InvoiceLineRow]] = defaultdict(list)
    for line in read_rows(InvoiceLineRow, LINES_MART, marts[LINES_MART]):
        lines[line.deal_id, line.company_id, line.plan_step].append(line)
    rows = read_rows(InvoiceRow, MART, marts[MART])
    for row in sorted(rows, key=lambda r: (r.company_id or "", r.deal_id, r.plan_step)):
        own = sorted(
            lines[row.deal_id, row.company_id, row.plan_step], key=lambda line: line.line_number
        )
        yield to_change(_reopened(row, facts), own, facts)


def to_change(row: InvoiceRow, lines: Sequence[InvoiceLineRow], facts: Facts) -> Change | Blocked:
    """One row with its lines as an invoice to create, or blocked with the reason. Pure."""
    problem = _problem(row, lines, facts)
    if problem:
        return _blocked(row, *problem)
    company_id = row.company_id or ""
    company = facts.company(company_id)
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
        fields=tuple(_shown(row, lines)),
        payload=to_json(_body(row, lines, company)),
        needs=() if row.customer_id else (row.customer_change_key or "",),
    )


def _reopened(row: InvoiceRow, facts: Facts) -> InvoiceRow:
    """The row as the next generation, where a person allowed to replace a gone invoice."""
    base = ChangeKey(NAME, row.company_id or "", row.deal_id, row.plan_step, 1).base
    generation = facts.reopened.get(base, 0)
    if row.blocked_reason not in REOPENABLE or generation <= row.generation:
        return row
    mark = f"{row.mark.rpartition('/g')[0]}/g{generation}"
    note = row.private_note.replace(row.mark, mark, 1)
    return replace(
        row, generation=generation, mark=mark, private_note=note,
        blocked_reason=None, blocked_detail=None,
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
    if not lines or len(lines) != row.line_count:
        return "lines_missing", f"{len(lines)} of {row.line_count} lines are there"
    total = sum((line.amount for line in lines), Decimal(0))
    if total != row.amount:
        return "lines_do_not_add_up", f"the lines add up to {total}, the step is {row.amount}"
    if row.amount <= 0:
        return "negative_amount", f"an invoice over {row.amount} is not written"
    for line in lines:
        if not line.item_id:
            return "product_not_mapped", f"line {line.line_number} has no item"
        if (line.quantity * line.unit_price).quantize(_CENT, ROUND_HALF_UP) != line.amount:
            return "line_amount_wrong", f"line {line.line_number}: quantity × price ≠ amount"
    return None


def _title(row: InvoiceRow) -> str:
    step = f", step {row.plan_step} of {row.step_count}" if row.step_count > 1 else ""
    return f"invoice for {row.deal_name}{step}"


def _shown(row: InvoiceRow, lines: Sequence[InvoiceLineRow]) -> Iterator[FieldDifference]:
    yield difference("customer", None, row.account_name)
    yield difference("date", None, row.invoice_on)
    for line in lines:
        text = f"{plain(line.quantity)} × {plain(line.unit_price)} = {line.amount}"
        words = f"{line.description}: {text}" if line.description else text
        yield difference(f"line {line.line_number}", None, words)
    if row.po_number:
        yield difference("PO number", None, row.po_number)
    if row.tax_code_id:
        yield difference("tax code", None, row.tax_code_id)
    if row.estimate_id:
        yield difference("closes estimate", None, row.estimate_id)


def _body(
    row: InvoiceRow, lines: Sequence[InvoiceLineRow], company: CompanyFacts
) -> dict[str, Any]:
    """What QuickBooks' POST /invoice takes; members without a value are left out."""
    customer = row.customer_id or {REFERENCE: row.customer_change_key}
    body: dict[str, Any] = {
        "CustomerRef": {"value": customer},
        "CurrencyRef": {"value": row.currency_code},
        "TxnDate": row.invoice_on.isoformat(),
        "Line": [_line(line) for line in lines],
        "PrivateNote": row.private_note[:4000],
        "SalesTermRef": row.term_id and {"value": row.term_id},
        "BillEmail": row.bill_email and {"Address": row.bill_email},
        "GlobalTaxCalculation": _tax_calculation(lines),
        "TxnTaxDetail": _tax_detail(row, lines),
        "CustomField": _custom_fields(row, company),
        # QuickBooks closes the estimate, so that nobody makes a second invoice of it.
        "LinkedTxn": row.estimate_id and [{"TxnId": row.estimate_id, "TxnType": ESTIMATE}],
    }
    return {name: value for name, value in body.items() if value}


def _line(line: InvoiceLineRow) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "ItemRef": {"value": line.item_id},
        "Qty": plain(line.quantity),
        "UnitPrice": plain(line.unit_price),
        "TaxCodeRef": line.tax_code_id and {"value": line.tax_code_id},
        "ServiceDate": line.service_on and line.service_on.isoformat(),
    }
    whole: dict[str, Any] = {
        "DetailType": "SalesItemLineDetail",
        "Amount": line.amount,
        "Description": line.description and line.description[:4000],
        "SalesItemLineDetail": {n: v for n, v in detail.items() if v is not None and v != ""},
    }
    return {name: value for name, value in whole.items() if value is not None and value != ""}


def _tax_calculation(lines: Sequence[InvoiceLineRow]) -> str | None:
    """Outside the US a document says whether its prices include tax; ours never do."""
    codes = {line.tax_code_id for line in lines} - {None}
    return "TaxExcluded" if codes - US_TAX_CODES else None


def _tax_detail(
    row: InvoiceRow, lines: Sequence[InvoiceLineRow]
) -> dict[str, dict[str, str]] | None:
    """In the US TAX on a line only says that it is taxed; the code is the document's
    (quickbooks_api: TxnTaxDetail.TxnTaxCodeRef)."""
    if row.tax_code_id is None or all(line.tax_code_id != "TAX" for line in lines):
        return None
    return {"TxnTaxCodeRef": {"value": row.tax_code_id}}


def _custom_fields(row: InvoiceRow, company: CompanyFacts) -> list[dict[str, str]]:
    """Deal and PO number, in the fields that the company has set up for them.

    One that is too long for the field is left out: half a PO number is a wrong one.
    """
    wanted = {DEAL_FIELD: f"{row.deal_id}/{row.plan_step}", PO_FIELD: row.po_number}
    return [
        {
            "DefinitionId": company.custom_fields[name],
            "Name": name,
            "Type": "StringType",
            "StringValue": value,
        }
        for name, value in wanted.items()
        if value and len(value) <= _CUSTOM_FIELD_LENGTH and name in company.custom_fields
    ]


def _blocked(row: InvoiceRow, reason: str, detail: str) -> Blocked:
    return Blocked(
        NAME, row.company_id or "", row.deal_id, row.plan_step, _title(row), reason, detail,
        row.amount, row.currency_code,
    )  # fmt: skip


def find(clients: Clients, entry: Entry) -> str | None:
    """The id of the invoice that carries the entry's mark, or None.

    Raises `Conflict` when several do: a person has to look at them before anything is sent.
    """
    body = from_json(entry.payload)
    mark = str(body["PrivateNote"]).splitlines()[0]
    company = clients.company(entry.company_id)
    since = entry.look_since - CLOCK_SLACK
    # By the mark alone: a person may have given the invoice, or the deal, to another customer.
    seen = company.find_invoices_by_mark(since, mark)
    ours = sorted({str(i["Id"]) for i in seen if _carries(str(i.get("PrivateNote") or ""), mark)})
    if len(ours) > 1:
        raise Conflict(
            "QuickBooks", ENTITY, f"invoices {', '.join(ours)} all carry the mark '{mark}'",
            "Void all but one in QuickBooks; nothing was sent.",
        )  # fmt: skip
    return ours[0] if ours else None


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
    quickbooks_writes.send, find, barred=barred,
)  # fmt: skip
