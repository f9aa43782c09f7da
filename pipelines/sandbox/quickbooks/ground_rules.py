"""Rules that hold for every transaction: open period, currency, accounts, notes."""

from __future__ import annotations

from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.intake import Draft
from pipelines.sandbox.quickbooks.references import display_name
from pipelines.sandbox.quickbooks.refusals import (
    Refusal,
    business,
    invalid_reference,
    period_closed,
)
from pipelines.sandbox.quickbooks.values import Record, amount_of, plain, ref_value, reference

ONE = Decimal(1)
UNDEPOSITED = "UndepositedFunds"


def refuse_closed_period(books: Books, record: Record, before: Record | None) -> None:
    """Refuse a document dated, before or after the change, within closed books.

    Raises:
        Refusal: 6210.
    """
    closed = books.preference("AccountingInfoPrefs", "BookCloseDate")
    dates = [record.get("TxnDate"), (before or {}).get("TxnDate")]
    if closed and any(day and str(day) <= str(closed) for day in dates):
        raise period_closed()


def with_currency(books: Books, record: Record, draft: Draft) -> Record:
    """A transaction in its customer's currency, with the rate of its day.

    Raises:
        Refusal: 6000, another currency than the customer's.
    """
    customer = books.get("Customer", ref_value(record, "CustomerRef") or "") or {}
    expected = books.currency_of(customer)
    code = ref_value(draft.given, "CurrencyRef") or expected
    if code not in books.allowed_currencies() and code != expected:
        raise invalid_currency(books, code)
    if code != expected:
        raise business("You can only use one foreign currency per transaction.", "CurrencyRef")
    rate = exchange_rate(books, code, record)
    found = {k: v for k, v in record.items() if k != "ExchangeRate"}
    found["CurrencyRef"] = books.currency_ref(code)
    return found if rate is None else {**found, "ExchangeRate": rate}


def invalid_currency(books: Books, code: str) -> Refusal:
    """The refusal for a currency the company does not use."""
    if not books.multi_currency:
        return business("Multi Currency should be enabled to perform this operation.")
    return invalid_reference("CurrencyRef")


def exchange_rate(books: Books, code: str, record: Record) -> Decimal | None:
    """The rate of a document: 1 at home, as given, else the list's latest up to its date."""
    if not books.multi_currency:
        return None
    if code == books.home_currency:
        return ONE
    given = amount_of(record, "ExchangeRate")
    return plain(given) if given else listed_rate(books, code, str(record["TxnDate"]))


def listed_rate(books: Books, code: str, day: str) -> Decimal:
    """The ExchangeRate of a currency that holds on a day; 1 where none is known."""
    rates = books.table("ExchangeRate").find("SourceCurrencyCode", code)
    known = [(str(r.get("AsOfDate", "")), amount_of(r, "Rate")) for r in rates]
    earlier = [pair for pair in known if pair[0] <= day]
    return plain(max(earlier)[1]) if earlier else ONE


def with_deposit_account(books: Books, record: Record, draft: Draft) -> Record:
    """New money goes to the account of what is not yet banked unless another one is named."""
    lost = draft.before is not None and "DepositToAccountRef" not in draft.before
    found = books.table("Account").find("AccountSubType", UNDEPOSITED)
    if lost or "DepositToAccountRef" in record or not found:
        return record
    account = reference(found[0]["Id"], display_name("Account", found[0]))
    return {**record, "DepositToAccountRef": account}


def voided_note(record: Record) -> str:
    """The note of a voided document: the word, before what was there."""
    note = str(record.get("PrivateNote", ""))
    return f"Voided - {note}" if note and not note.startswith("Voided") else "Voided"
