"""Documents in other currencies: their amounts at home, and what a change of the rate leaves.

A foreign invoice is owed at its own rate until it is settled; the money comes at the rate of the
payment. The difference is realised when the payment is made and stands on the company's account
"Exchange Gain or Loss" (Intuit, "Manage multiple currencies"; subtype ExchangeGainOrLoss). What is
owed at home is always the open amount at the document's rate, to the cent: what a payment settles
is the step from the open amount before it to the one after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from pipelines.sandbox.quickbooks.ledger_chart import ONE, Chart, Posting
from pipelines.sandbox.quickbooks.payments import Target, applications
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents

EXCHANGE = ("ExchangeGainOrLoss", "Other Expense", "Expense")
# What is settled by payments: 1 what they pay, -1 what helps to pay.
SETTLED = {"Invoice": 1, "CreditMemo": -1, "Bill": 1, "VendorCredit": -1}
SETTLED_BY = {
    "Payment": "Payment",
    "BillPaymentCheck": "BillPayment",
    "BillPaymentCreditCard": "BillPayment",
    "BillPayment": "BillPayment",
}
SETTLING = {"Payment": 1, "BillPayment": -1}


def at_home(parts: Iterable[Posting], rate: Decimal, begin: Decimal = ZERO) -> Iterator[Posting]:
    """Parts of a foreign document in the company's currency.

    The sum so far is converted, not each part: whole documents come to their total at the rate, and
    no cent is lost between their lines. `begin` is the sum of what came before the parts.
    """
    total, before = begin, cents(begin * rate)
    for part in parts:
        if part.home:
            yield part
            continue
        total += part.amount
        now = cents(total * rate)
        yield part._replace(amount=now - before, foreign=part.amount)
        before = now


def exchange_difference(chart: Chart, entity: str, payment: Record) -> Decimal:
    """What a foreign payment posts to Exchange Gain or Loss: losses positive, gains negative."""
    if not chart.is_foreign(payment):
        return ZERO
    rate = amount_of(payment, "ExchangeRate") or ONE
    settled = paid = ZERO
    for target, amount in applications(payment).items():
        document = chart.document(*target)
        sign = SETTLED.get(target[0])
        if document is None or sign is None:
            continue
        rest = open_before(chart, target, document, payment)
        own = amount_of(document, "ExchangeRate") or ONE
        settled += sign * (cents(rest * own) - cents((rest - amount) * own))
        paid += sign * amount
    return SETTLING[entity] * (settled - cents(paid * rate))


def open_before(chart: Chart, target: Target, document: Record, payment: Record) -> Decimal:
    """What deposit and earlier payments have left open of a document."""
    own = _moment(payment)
    earlier = (p for _, p in payments_of(chart, document) if _moment(p) < own)
    applied = (applications(other).get(target, ZERO) for other in earlier)
    return amount_of(document, "TotalAmt") - sum(applied, amount_of(document, "Deposit"))


def payments_of(chart: Chart, document: Record) -> Iterator[tuple[str, Record]]:
    """The payments that a document is linked to, each with its kind."""
    for link in document.get("LinkedTxn", ()):
        entity = SETTLED_BY.get(str(link.get("TxnType")))
        found = chart.document(entity, str(link.get("TxnId"))) if entity else None
        if entity is not None and found is not None:
            yield entity, found


def _moment(record: Record) -> tuple[str, int]:
    return str(record.get("TxnDate", "")), int(record["Id"])
