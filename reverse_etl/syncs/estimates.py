"""Estimate → Opportunity with its lines, and what became of the estimate → its stage.

The mark is the field QBO_Estimate_Id__c, `<company>:<estimate>`, which is unique in the org: a
second opportunity for one estimate would be refused there. Each opportunity is written with its
lines in one graph, whole or not at all, so that QBO_Estimate_Version__c, which is written with it,
says what of the estimate the opportunity shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipelines.clients.salesforce_soql import object_id, soql_text
from pipelines.clients.salesforce_writes import GRAPH_LIMIT, NODE_LIMIT, Node
from pipelines.errors import Conflict, Incomplete
from reverse_etl.changes import Blocked, Change, ChangeKey, FieldDifference, from_json, to_json
from reverse_etl.ledger import Entry
from reverse_etl.syncs.flow import Answer, Clients, Facts, Flow, Rows, difference, read_rows

NAME = "estimates"
MART = "sync_estimates"
LINES_MART = "sync_estimate_lines"
ENTITY = "Opportunity"
# What of a deal may be seen to have changed before it is written.
COLUMNS = {"stage": "StageName", "close date": "CloseDate", "value": "Amount"}
KEY_FIELD = "QBO_Estimate_Id__c"
VERSION_FIELD = "QBO_Estimate_Version__c"
_LINE = "OpportunityLineItem"


@dataclass(frozen=True)
class EstimateRow:
    """A row of sync_estimates, column for column. `amount` is net, in `currency_code`."""

    org_id: str | None
    company_id: str
    estimate_id: str
    estimate_key: str
    document_number: str | None
    action: str
    deal_id: str | None
    account_id: str | None
    owner_id: str | None
    deal_name: str
    estimate_state: str | None
    stage_name: str | None
    amount: Decimal
    currency_code: str
    closes_on: date | None
    pricebook_id: str | None
    po_number: str | None
    line_count: int
    is_value_different: bool
    version: str | None
    current_stage_name: str | None
    current_amount: Decimal | None
    current_closes_on: date | None
    current_line_ids: str | None
    is_changed: bool
    blocked_reason: str | None
    blocked_detail: str | None
    data_as_of: datetime


@dataclass(frozen=True)
class EstimateLineRow:
    """A row of sync_estimate_lines. `amount` is quantity × unit price."""

    company_id: str
    estimate_id: str
    line_number: int
    product_id: str | None
    pricebook_entry_id: str | None
    description: str | None
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    service_on: date | None


def changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """Every estimate that asks for a write, as a change or as blocked, by company and number."""
    lines: dict[tuple[str, str], list[EstimateLineRow]] = defaultdict(list)
    for line in read_rows(EstimateLineRow, LINES_MART, marts[LINES_MART]):
        lines[line.company_id, line.estimate_id].append(line)
    rows = read_rows(EstimateRow, MART, marts[MART])
    for row in sorted(rows, key=lambda r: (r.company_id, r.estimate_id)):
        if row.is_changed:
            own = sorted(lines[row.company_id, row.estimate_id], key=lambda one: one.line_number)
            yield to_change(row, own, facts)


def to_change(row: EstimateRow, lines: Sequence[EstimateLineRow], facts: Facts) -> Change | Blocked:
    """One estimate as an opportunity to create or to bring up to date, or blocked. Pure."""
    problem = _problem(row, lines)
    org_id, record_id = row.org_id or "", f"{row.company_id}-{row.estimate_id}"
    title = f"opportunity for estimate {row.document_number or row.estimate_id}"
    if problem:
        return Blocked(NAME, org_id, record_id, 0, title, *problem, row.amount, row.currency_code)
    is_new = row.action == "create"
    return Change(
        key=str(ChangeKey(NAME, org_id, record_id, 0, 1)),
        flow=NAME,
        system="salesforce",
        company_id=org_id,
        record_id=record_id,
        plan_step=0,
        generation=1,
        action="create" if is_new else "update",
        entity=ENTITY,
        remote_id=row.deal_id,
        title=title,
        reason=f"the estimate is {(row.estimate_state or '').lower()}"
        + (" and has no opportunity" if is_new else ", the opportunity shows an earlier state"),
        # What is offered moves no money: the limit on amounts is for what is billed.
        amount=None,
        currency_code=None,
        fields=tuple(_shown(row, lines)),
        payload=to_json(_payload(row, lines, facts)),
    )


def _problem(row: EstimateRow, lines: Sequence[EstimateLineRow]) -> tuple[str, str] | None:
    if row.blocked_reason:
        return row.blocked_reason, row.blocked_detail or ""
    if not row.org_id or (row.action == "create" and not row.account_id):
        return "account_not_matched", "the row names no account"
    if not row.stage_name or not row.version or not row.closes_on:
        return "stage_unknown", "the row names no stage, date or version"
    if _writes_lines(row):
        if len(lines) != row.line_count:
            return "lines_missing", f"{len(lines)} of {row.line_count} lines are there"
        total = sum((line.amount for line in lines), Decimal(0))
        if total != row.amount:
            return "lines_do_not_add_up", f"the lines add up to {total}, not to {row.amount}"
        lacking = [line.line_number for line in lines if not line.pricebook_entry_id]
        if lacking:
            return "no_price_book", f"line {lacking[0]} has no entry in the price book"
    return None


def _writes_lines(row: EstimateRow) -> bool:
    return row.action == "create" or row.is_value_different


def _shown(row: EstimateRow, lines: Sequence[EstimateLineRow]) -> Iterator[FieldDifference]:
    if row.action == "create":
        yield difference("name", None, row.deal_name)
    if row.stage_name != row.current_stage_name:
        yield difference("stage", row.current_stage_name, row.stage_name)
    if row.closes_on != row.current_closes_on:
        yield difference("close date", row.current_closes_on, row.closes_on)
    if _writes_lines(row):
        before = row.current_amount if row.action == "update" else None
        yield difference(f"value in {row.currency_code}", before, row.amount)
    for line in lines if _writes_lines(row) else ():
        text = f"{line.quantity:f} × {line.unit_price:f} = {line.amount}"
        words = f"{line.description}: {text}" if line.description else text
        yield difference(f"line {line.line_number}", None, words)


def _payload(row: EstimateRow, lines: Sequence[EstimateLineRow], facts: Facts) -> dict[str, Any]:
    deal = {
        "StageName": row.stage_name,
        "CloseDate": row.closes_on,
        VERSION_FIELD: row.version,
    }
    if row.action == "create":
        deal |= {
            "Name": row.deal_name,
            "AccountId": row.account_id,
            "OwnerId": row.owner_id,
            "CurrencyIsoCode": row.currency_code if facts.has_currencies else None,
            "Pricebook2Id": row.pricebook_id,
            "PO_Number__c": row.po_number,
            KEY_FIELD: row.estimate_key,
        }
    body: dict[str, Any] = {"deal": {name: v for name, v in deal.items() if v is not None}}
    if row.action == "update":
        body["Id"] = row.deal_id
    if _writes_lines(row):
        body["lines"] = [_line(line) for line in lines]
        if row.action == "update" and row.current_line_ids:
            body["gone"] = row.current_line_ids.split(",")
    return body


def _line(line: EstimateLineRow) -> dict[str, Any]:
    values = {
        "PricebookEntryId": line.pricebook_entry_id,
        "Quantity": line.quantity,
        "UnitPrice": line.unit_price,
        "Description": line.description,
        "ServiceDate": line.service_on,
    }
    return {name: value for name, value in values.items() if value is not None}


def nodes(entry: Entry) -> tuple[Node, ...]:
    """The writes of one opportunity: itself, the lines that go, the lines that come."""
    body = from_json(entry.payload)
    known = body.get("Id", "")
    deal = Node("deal", "PATCH" if known else "POST", ENTITY, body["deal"], known)
    gone = [
        Node(f"gone{n}", "DELETE", _LINE, record_id=i) for n, i in enumerate(body.get("gone", ()))
    ]
    parent = {"OpportunityId": known or "@{deal.id}"}
    made = [
        Node(f"line{n}", "POST", _LINE, {**parent, **v})
        for n, v in enumerate(body.get("lines", ()))
    ]
    return (deal, *gone, *made)


def send(clients: Clients, entries: Sequence[Entry]) -> Sequence[Answer]:
    """One graph for each opportunity, all in one call; an answer for each.

    Raises `Incomplete` when the number of answers is not the number of graphs.
    """
    replies = clients.salesforce.write_graphs([nodes(entry) for entry in entries])
    if len(replies) != len(entries):
        raise Incomplete(
            "Salesforce", ENTITY,
            f"{len(entries)} graphs were sent and {len(replies)} answers came back",
            "The changes stay open; the next run looks at each of them.",
        )  # fmt: skip
    return [
        Answer(r.ok, (entry.remote_id or r.remote_id) if r.ok else None, r.code, r.message)
        for entry, r in zip(entries, replies, strict=True)
    ]


def _nodes_of(change: Change) -> float:
    """The nodes that an opportunity takes of a call's; at least so many that 75 graphs fill it."""
    body = from_json(change.payload)
    count = 1 + len(body.get("lines", ())) + len(body.get("gone", ()))
    return max(count, NODE_LIMIT / GRAPH_LIMIT)


def find(clients: Clients, entry: Entry) -> str | None:
    """The opportunity that carries the estimate's key and shows it as the entry wanted, or None.

    A new one is found by its key alone. Raises `Conflict` when several carry it.
    """
    body = from_json(entry.payload)
    key = entry.record_id.replace("-", ":", 1)
    conditions = [f"{object_id(KEY_FIELD)} = {soql_text(key)}"]
    if entry.action == "update":
        version = soql_text(body["deal"][VERSION_FIELD])
        conditions.append(f"{object_id(VERSION_FIELD)} = {version}")
    # Names and literals were made here, from constants and by soql_text.
    soql = f"SELECT Id FROM {ENTITY} WHERE {' AND '.join(conditions)}"  # noqa: S608
    found = sorted({str(record["Id"]) for record in clients.salesforce.query_all(soql)})
    if len(found) > 1:
        raise Conflict(
            "Salesforce", ENTITY, f"opportunities {', '.join(found)} all carry the key {key}",
            "Clear the field on all but one; nothing was sent.",
        )  # fmt: skip
    return found[0] if found else None


FLOW = Flow(
    NAME, "salesforce", (MART, LINES_MART), NODE_LIMIT, changes, send, find, weigh=_nodes_of,
    columns={ENTITY: COLUMNS},
)  # fmt: skip
