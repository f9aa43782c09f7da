"""How a document is taxed: the company's settings, tax codes and the rates of a day."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from pipelines.sandbox.quickbooks.accounting import Rate, TaxRules
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.intake import Draft
from pipelines.sandbox.quickbooks.refusals import business, invalid_reference
from pipelines.sandbox.quickbooks.values import Record, amount_of, ref_value


def tax_rules(books: Books, record: Record, draft: Draft) -> TaxRules:
    """The rules for one document.

    Raises:
        Refusal: 2500, a TxnTaxCodeRef the company does not have.
    """
    day = str(record["TxnDate"])
    detail = draft.given.get("TxnTaxDetail") or record.get("TxnTaxDetail") or {}
    given = draft.given.get("TxnTaxDetail")
    override = given if given and _overrides(books, given) else None
    return TaxRules(
        is_us=books.is_us,
        is_used=books.uses_sales_tax,
        mode=str(record.get("GlobalTaxCalculation", "TaxExcluded")),
        after_discount=bool(record.get("ApplyTaxAfterDiscount", False)) or not books.is_us,
        code=_document_tax_code(books, detail),
        rates_of=lambda code: sales_rates(books, code, day),
        given=override,
    )


def _overrides(books: Books, detail: Record) -> bool:
    """Whether a TxnTaxDetail is taken as it is: outside the US, or with automated sales tax."""
    if books.is_us:
        automated = books.preference("TaxPrefs", "PartnerTaxEnabled", False)
        return bool(automated) and "TotalTax" in detail and "TxnTaxCodeRef" not in detail
    return bool(detail.get("TaxLine"))


def _document_tax_code(books: Books, detail: Record) -> str | None:
    code = ref_value(detail, "TxnTaxCodeRef")
    if code is not None and books.is_us and books.get("TaxCode", code) is None:
        raise invalid_reference("TxnTaxDetail.TxnTaxCodeRef")
    return code


def sales_rates(books: Books, code: str, day: str) -> list[Rate]:
    """The sales tax rates of a tax code as they are on a day."""
    tax_code = books.get("TaxCode", code) or {}
    details = (tax_code.get("SalesTaxRateList") or {}).get("TaxRateDetail", ())
    ids = (ref_value(detail, "TaxRateRef") or "" for detail in details)
    rates = ((rate_id, books.get("TaxRate", rate_id)) for rate_id in ids)
    return [Rate(rate_id, _percent_on(rate, day)) for rate_id, rate in rates if rate is not None]


def _percent_on(rate: Record, day: str) -> Decimal:
    """A rate has a history; the entry in force on the day counts."""
    started = [
        (str(entry.get("EffectiveDate", ""))[:10], amount_of(entry, "RateValue"))
        for entry in rate.get("EffectiveTaxRate", ())
        if str(entry.get("EffectiveDate", ""))[:10] <= day
        and day <= (str(entry.get("EndDate") or "")[:10] or "9999-12-31")
    ]
    return max(started)[1] if started else amount_of(rate, "RateValue")


def refuse_untaxed(lines: Iterable[Record], rules: TaxRules) -> None:
    """Outside the US every line needs a tax code unless tax does not apply.

    Raises:
        Refusal: 6000.
    """
    if rules.is_us or not rules.is_used or rules.mode == "NotApplicable":
        return
    for line in lines:
        detail = line.get("SalesItemLineDetail")
        if detail is not None and ref_value(detail, "TaxCodeRef") is None:
            raise business("Make sure all your transactions have a VAT rate before you save.")
