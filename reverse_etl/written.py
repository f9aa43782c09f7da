"""What was written to either system under a link, so that taking the link back can say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from reverse_etl.changes import from_json
from reverse_etl.decisions import MatchDecision
from reverse_etl.state import State


@dataclass(frozen=True)
class Document:
    """A record that we wrote; `decision_number` is the link it rests on."""

    decision_number: int
    entity: str
    company_id: str
    remote_id: str
    title: str
    amount: Decimal | None
    currency_code: str | None
    written_at: datetime | None


def under(state: State, taken: Iterable[MatchDecision]) -> tuple[Document, ...]:
    """Invoices that were written to the customer, with the item, or for the deal of these links,
    and accounts that we made name the customer.

    Only confirmed links carry anything. Each record is listed once, under the first of them.
    """
    links = [decision for decision in taken if decision.decision == "confirmed"]
    if not links:
        return ()
    with state.reading() as work:
        rows = work.all(
            "ledger_entry", order="finished_at", flow=["invoices", "account_status"], status="done"
        )
    found = []
    for row in rows:
        link = next((one for one in links if _rests_on(row, one)), None)
        if link is not None:
            found.append(_document(row, link))
    return tuple(found)


def _rests_on(row: dict[str, Any], link: MatchDecision) -> bool:
    if row["flow"] == "account_status":
        named = from_json(row["payload"]).get("QBO_Customer_Id__c")
        return bool(
            link.subject == "customer"
            and row["record_id"] == link.left_id
            and named == f"{link.company_id}:{link.right_id}"
        )
    if row["company_id"] != link.company_id or row["action"] != "create":
        return False
    if link.subject == "invoice":
        return bool(row["remote_id"] == link.right_id)
    body = from_json(row["payload"])
    if link.subject == "customer":
        return bool(body.get("CustomerRef", {}).get("value") == link.right_id)
    return link.right_id in _items(body)


def _items(body: dict[str, Any]) -> set[str]:
    details = (line.get("SalesItemLineDetail", {}) for line in body.get("Line", ()))
    return {detail.get("ItemRef", {}).get("value", "") for detail in details}


def _document(row: dict[str, Any], link: MatchDecision) -> Document:
    return Document(
        decision_number=link.number,
        entity=row["entity"],
        company_id=row["company_id"],
        remote_id=row["remote_id"] or "",
        title=row["title"],
        amount=row["amount"],
        currency_code=row["currency_code"],
        written_at=row["finished_at"],
    )
