"""The truth in one file: what a correct reconciliation must find. Read by tests only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sandbox.company.billing import Biller, Finding
from pipelines.sandbox.company.books import Document
from pipelines.sandbox.company.casting import Cast
from pipelines.sandbox.company.customers import REALMS
from pipelines.sandbox.company.dates import (
    AS_OF,
    GO_LIVE,
    GRACE_BUSINESS_DAYS,
    add_business_days,
)
from pipelines.sandbox.company.deals import WON, Deal, Step, steps_of
from pipelines.sandbox.company.people import UK, US, Firm
from pipelines.sandbox.company.status import Statuses

Record = dict[str, Any]

# Treatments whose due steps may not be sent, and the reason.
_BLOCKED = {
    "unmapped": "product_not_mapped",
    "without_lines": "deal_without_lines",
    "ambiguous_customer": "customer_in_review",
    "other_currency": "wrong_customer_currency",
    "ambiguous": "invoice_in_review",
    "voided": "previous_invoice_voided",
    "deleted": "previous_invoice_deleted",
}
_DOCUMENT_TYPES = {"Invoice": "invoice", "CreditMemo": "credit_memo"}


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def routed(deal: Deal) -> str:
    """The realm that the routing rule gives: dollars to the US, pounds and euros to the UK."""
    return REALMS[US if deal.currency == "USD" else UK]


class _Key:
    """Collects the parts of the answer key."""

    def __init__(self, biller: Biller, cast: Cast, statuses: Statuses) -> None:
        self._truth = biller.truth
        self._clientele = biller.clientele
        self._statuses = statuses
        self._deals = cast.deals
        self._realm_of: dict[object, str] = {
            entry: books.realm_id
            for books in biller.clientele.books.values()
            for entry in (*books.documents, *books.payments)
        }
        self._billed = {
            (step.deal.deal_id, step.number)
            for document, step in self._truth.links
            if document.is_live
        }

    def due_unbilled(self) -> list[Step]:
        """Steps of billable won deals that fell due and have no living invoice."""
        return [
            step
            for deal in self._deals
            if deal.stage == WON and not deal.is_deleted and deal.treatment != "excluded"
            for step in steps_of(deal)
            if step.due_on <= AS_OF and (deal.deal_id, step.number) not in self._billed
        ]

    def mismatches(self) -> list[Record]:
        found = [self._finding(finding) for finding in self._truth.findings]
        found += [self._unbilled(step) for step in self.due_unbilled() if _is_leaking(step)]
        found += [self._other_period(document, step) for document, step in self._truth.links
                  if _crosses_a_month(document.txn_on, step) and document.is_live]  # fmt: skip
        found += [self._stale(deal) for deal in self._statuses.stale_deals]
        found += [self._bare_link(firm) for firm in self._firms("weak")]
        order = ("mismatch_class", "company_id", "deal_id", "plan_step", "document_id")
        return sorted(found, key=lambda row: [str(row[column] or "") for column in order])

    def _finding(self, finding: Finding) -> Record:
        document = finding.document
        entry: Record = {
            "mismatch_class": finding.mismatch_class,
            "company_id": self._company_of(finding),
            "deal_id": finding.deal.deal_id if finding.deal else None,
            "plan_step": finding.step.number if finding.step else None,
            "document_type": _DOCUMENT_TYPES[document.kind] if document else None,
            "document_id": document.doc_id if document else None,
            "currency_code": finding.currency,
            "amount": _money(finding.amount),
            "note": finding.note,
        }
        if finding.payment:
            entry |= {"document_type": "payment", "document_id": finding.payment.payment_id}
        return entry if finding.is_core else entry | {"also": True}

    def _company_of(self, finding: Finding) -> str:
        if finding.document or finding.payment:
            return self._realm_of[finding.document or finding.payment]
        assert finding.deal is not None
        return routed(finding.deal)

    def _about(self, mismatch_class: str, step: Step, amount: Decimal, note: str) -> Record:
        return {
            "mismatch_class": mismatch_class,
            "company_id": routed(step.deal),
            "deal_id": step.deal.deal_id,
            "plan_step": step.number,
            "document_type": None,
            "document_id": None,
            "currency_code": step.deal.currency,
            "amount": _money(amount),
            "note": note,
        }

    def _unbilled(self, step: Step) -> Record:
        return self._about("UNBILLED_CLOSED_WON", step, step.amount, f"due {step.due_on}")

    def _other_period(self, document: Document, step: Step) -> Record:
        note = f"due {step.due_on}, invoiced {document.txn_on}"
        entry = self._about("CUT_OFF", step, document.net, note)
        return entry | {
            "company_id": self._realm_of[document],
            "document_type": "invoice",
            "document_id": document.doc_id,
            "currency_code": document.currency,
            "also": True,
        }

    def _stale(self, deal: Deal) -> Record:
        entry = self._about("STATUS_DRIFT", steps_of(deal)[0], Decimal(0), "fields lag behind")
        return entry | {"plan_step": None, "also": True}

    def _bare_link(self, firm: Firm) -> Record:
        customer = self._clientele.customer(firm)
        return {
            "mismatch_class": "LOW_CONFIDENCE_MATCH",
            "company_id": REALMS[firm.company],
            "deal_id": None,
            "plan_step": None,
            "document_type": "customer",
            "document_id": customer.customer_id,
            "currency_code": firm.currency,
            "amount": "0.00",
            "note": f"only the name speaks for account {firm.account_id}",
            "also": True,
        }

    def _firms(self, role: str) -> list[Firm]:
        customers = self._clientele.of_account.values()
        return [one.firm for one in customers if one.firm and one.firm.role == role]

    def customer_links(self) -> list[Record]:
        return [
            {"account_id": account_id, "company_id": REALMS[company],
             "customer_id": customer.customer_id}
            for (account_id, company), customer in sorted(
                self._clientele.of_account.items(), key=lambda pair: pair[0])
        ]  # fmt: skip

    def product_links(self) -> list[Record]:
        return [
            {"product_id": item.product.product_id, "company_id": books.realm_id,
             "item_id": item.item_id}
            for books in self._clientele.books.values()
            for item in books.items if item.product
        ]  # fmt: skip

    def invoice_links(self) -> list[Record]:
        return [
            {"company_id": self._realm_of[document], "invoice_id": document.doc_id,
             "deal_id": step.deal.deal_id, "plan_step": step.number}
            for document, step in self._truth.links if document.is_live
        ]  # fmt: skip

    def traps(self, firms: Sequence[Firm]) -> list[Record]:
        """Accounts and customers that look alike and are not the same."""
        owners = [(firm, other) for firm in firms for other in firm.resembles]
        return [
            {"account_id": firm.account_id, "company_id": REALMS[company],
             "customer_id": self._clientele.of_account[other, company].customer_id}
            for firm, other in owners for company in (US, UK)
            if (other, company) in self._clientele.of_account
        ]  # fmt: skip

    def reviews(self) -> list[Record]:
        """Accounts with two equally good customers: no link may be made by a program."""
        return [
            {"account_id": account_id, "customer_ids": [one.customer_id for one in pair]}
            for account_id, pair in sorted(self._clientele.doubles.items())
        ]

    def to_invoice(self) -> list[Record]:
        return [
            {"deal_id": step.deal.deal_id, "plan_step": step.number,
             "company_id": routed(step.deal), "currency_code": step.deal.currency,
             "amount": _money(step.amount)}
            for step in self.due_unbilled() if _blocked_reason(step) is None
        ]  # fmt: skip

    def blocked(self) -> list[Record]:
        return [
            {"deal_id": step.deal.deal_id, "plan_step": step.number,
             "reason": _blocked_reason(step)}
            for step in self.due_unbilled() if _blocked_reason(step)
        ]  # fmt: skip


def _blocked_reason(step: Step) -> str | None:
    reason = _BLOCKED.get(step.deal.treatment)
    return reason or ("before_go_live" if step.due_on < GO_LIVE else None)


def _is_leaking(step: Step) -> bool:
    """Past grace, and neither voided, deleted nor perhaps billed by an undecided invoice."""
    past_grace = add_business_days(step.due_on, GRACE_BUSINESS_DAYS) < AS_OF
    return past_grace and step.deal.treatment not in ("voided", "deleted", "ambiguous")


def _crosses_a_month(day: date, step: Step) -> bool:
    return (day.year, day.month) != (step.due_on.year, step.due_on.month)


def build_answer_key(
    biller: Biller, cast: Cast, statuses: Statuses, firms: Sequence[Firm]
) -> dict[str, list[Record]]:
    """The answer key; entries with `also` are findings outside the twelve complete classes."""
    key = _Key(biller, cast, statuses)
    return {
        "mismatches": key.mismatches(),
        "customer_links": key.customer_links(),
        "product_links": key.product_links(),
        "invoice_links": key.invoice_links(),
        "customer_traps": key.traps(firms),
        "customer_reviews": key.reviews(),
        "to_invoice": key.to_invoice(),
        "blocked": key.blocked(),
    }
