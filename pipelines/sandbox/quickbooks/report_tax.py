"""TaxSummary: the boxes of a VAT return. Served for companies of the United Kingdom.

Source: Intuit, "TaxSummary" ("for non-US locale companies only": one row a box, its number as the
row's group, and a total); what belongs in which box: HMRC, VAT Notice 700/12. Other countries'
returns have other boxes, which the sandbox does not know.
"""

from __future__ import annotations

from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger import dated
from pipelines.sandbox.quickbooks.ledger_chart import ONE
from pipelines.sandbox.quickbooks.refusals import unsupported
from pipelines.sandbox.quickbooks.report_layout import Query, answer, cells, header, period
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents

SOLD = {"Invoice": 1, "SalesReceipt": 1, "CreditMemo": -1, "RefundReceipt": -1}
BOUGHT = {"Bill": 1, "Purchase": 1, "VendorCredit": -1}
MONTH = "last month"
TITLES = (
    "VAT due on sales and other outputs",
    "VAT due on acquisitions from the European Union",
    "Total VAT due",
    "VAT reclaimed on purchases and other inputs",
    "Net VAT to be paid or reclaimed",
    "Total value of sales, excluding VAT",
    "Total value of purchases, excluding VAT",
    "Total value of supplies to the European Union",
    "Total value of acquisitions from the European Union",
)


def tax_summary(books: Books, query: Query) -> Record:
    """The VAT return of a period, in the home currency.

    Raises:
        Refusal: 500, a company of a country whose return the sandbox does not know.
    """
    if books.country.upper() not in ("GB", "UK"):
        raise unsupported(f"report TaxSummary for a company in {books.country}")
    span = period(books, query, MONTH)
    due, sold = _tax_and_net(books, SOLD, span.first, span.last)
    back, bought = _tax_and_net(books, BOUGHT, span.first, span.last)
    boxes = (due, ZERO, due, back, due - back, sold, bought, ZERO, ZERO)
    rows = [
        {**cells(f"Box {n} {title}", [amount]), "group": f"Box {n}"}
        for n, (title, amount) in enumerate(zip(TITLES, boxes, strict=True), 1)
    ]
    heads = [{"ColTitle": "", "ColType": "String"}, {"ColTitle": "Total", "ColType": "Money"}]
    empty = not any(boxes)
    return answer(header(books, "TaxSummary", query, empty, span, "", "Total"), heads, rows)


def _tax_and_net(
    books: Books, signs: dict[str, int], first: str, last: str
) -> tuple[Decimal, Decimal]:
    tax, net = ZERO, ZERO
    for entity, record in dated(books, signs, first, last):
        rate = amount_of(record, "ExchangeRate") or ONE
        own = amount_of(record.get("TxnTaxDetail") or {}, "TotalTax")
        tax += signs[entity] * cents(own * rate)
        net += signs[entity] * cents((amount_of(record, "TotalAmt") - own) * rate)
    return tax, net
