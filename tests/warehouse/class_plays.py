"""One small world for each class of mismatch, with random amounts: nothing else is wrong in it.

A play writes records into a shared builder and returns what has to be found about them: the class,
the value at stake, and what it adds to billed less expected in the books of the record.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from worlds import CENT, UK, US, Builder, sold

NOTHING = Decimal("0.00")
# Written when they are dated and last touched an hour ago: Salesforce need not know it yet.
TOUCHED = "2026-11-20T16:00:00Z"
LONG_AGO = "2026-11-01T09:00:00Z"
VAT, SALES_TAX = Decimal(20), Decimal("8.25")
EURO_RATE, DOLLAR_RATE, EURO_IN_DOLLARS = Decimal("0.852"), Decimal("0.781"), Decimal("1.09")
SIGNED_WEEK, SIGNED_AT = "2026-W46", "2026-11-16T09:00:00Z"


@dataclass(frozen=True)
class Finding:
    """What a play must lead to; `ids` are the numbers of its own records."""

    mismatch_class: str
    value: Decimal
    variance: Decimal
    ids: range
    flags: list[str]


@dataclass
class Play:
    """A company of its own: an account, its customer, and random money."""

    b: Builder
    rng: random.Random
    versions: list[dict[str, Any]]

    def money(self) -> Decimal:
        return Decimal(self.rng.randrange(1000, 900000)) * CENT

    def known(self, company: str = US, currency: str = "USD", **known: Any) -> tuple[str, str]:
        customer = self.b.customer(f"Firm {self.b._serial}", company, currency, **known)
        account = self.b.account(f"Firm {self.b._serial}", (company, customer),
                                 CurrencyIsoCode=currency)  # fmt: skip
        return account, customer

    def invoice(self, customer: str, amount: Decimal, on: str = "2026-10-22", **known: Any) -> str:
        stamps = {"CreateTime": f"{on}T09:00:00Z", "LastUpdatedTime": TOUCHED}
        return self.b.invoice(customer, str(amount), on, **({"MetaData": stamps} | known))

    def shown(self, deal: str, invoice: str, status: str) -> None:
        """Salesforce shows a settled invoice as it is."""
        for record in self.b.salesforce["Opportunity"]:
            if record["Id"] == deal:
                record |= {  # type: ignore[operator]
                    "QBO_Invoice_Id__c": f"{US}:{invoice}", "QBO_Invoice_Number__c": f"D{invoice}",
                    "QBO_Invoice_Status__c": status, "QBO_Amount_Paid__c": NOTHING,
                    "QBO_Amount_Due__c": NOTHING, "QBO_Due_Date__c": "2026-10-22",
                }  # fmt: skip


Told = tuple[Decimal, Decimal]
# Where one thing cannot be without another, that is told beside it.
FLAGS = {
    "DEAL_CHANGED_AFTER_INVOICE ledger": ["INVOICE_EDITED_AFTER_PUSH"],
    "INVOICE_EDITED_AFTER_PUSH shipping": ["SHIPPING_OR_ROUNDING"],
}
PLAYS: dict[str, Callable[[Play], Told]] = {}


def plays(name: str) -> Callable[[Callable[[Play], Told]], Callable[[Play], Told]]:
    """Register the play of a class; several of one class have a note behind their name."""

    def register(play: Callable[[Play], Told]) -> Callable[[Play], Told]:
        PLAYS[name] = play
        return play

    return register


def perform(b: Builder, seed: int, rounds: int) -> tuple[list[Finding], list[dict[str, Any]]]:
    """Every play so many times; also the versions of records that were kept of the past."""
    rng, versions = random.Random(seed), []  # type: ignore[var-annotated]
    _set_up(b)
    return list(_performed(b, rng, versions, rounds)), versions


def _performed(
    b: Builder, rng: random.Random, versions: list[dict[str, Any]], rounds: int
) -> Iterator[Finding]:
    for _ in range(rounds):
        for name, play in PLAYS.items():
            begun = b._serial
            value, variance = play(Play(b, rng, versions))
            yield Finding(name.partition(" ")[0], value, variance,
                          range(1001 + begun, 1001 + b._serial), FLAGS.get(name, []))  # fmt: skip


def _set_up(b: Builder) -> None:
    """Taxes, rates and a term by the day of the month, as the two companies would have them."""
    for company, percent in ((US, SALES_TAX), (UK, VAT)):
        b.quickbooks[company, "Preferences"][0] |= {  # type: ignore[operator]
            "TaxPrefs": {"UsingSalesTax": True, "PartnerTaxEnabled": False}
        }
        detail = {"TaxRateDetail": [{"TaxRateRef": {"value": "7"}}]}
        for code in ("2", "4"):
            b._list(company, "TaxCode", Id=code, Name="Full rate", Taxable=True,
                    SalesTaxRateList=detail)  # fmt: skip
        b._list(company, "TaxRate", Id="7", Name="Full rate", RateValue=percent)
    rates = (("EUR", EURO_RATE, UK), ("USD", DOLLAR_RATE, UK), ("EUR", EURO_IN_DOLLARS, US))
    for at, (currency, rate, company) in enumerate(rates, 1):
        home = "GBP" if company == UK else "USD"
        b._list(company, "ExchangeRate", Id=str(at), SourceCurrencyCode=currency,
                TargetCurrencyCode=home, AsOfDate="2026-10-01", Rate=rate)  # fmt: skip
    b._list(US, "Term", Id="9", Name="On the 15th", Type="DATE_DRIVEN", DayOfMonthDue=15,
            DueNextMonthDays=5)  # fmt: skip


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _british(amount: Decimal, currency: str, rate: Decimal) -> Mapping[str, Any]:
    """An invoice of the British company with its VAT, by the codes of the seed."""
    code = {"EUR": "4"}.get(currency, "2")
    tax = _cents(amount * VAT / 100) if currency != "USD" else NOTHING
    return {"company": UK, "currency": currency, "tax": str(tax), "line_tax": code,
            "ExchangeRate": rate}  # fmt: skip


@plays("EXCLUDED deal")
def _excluded(p: Play) -> Told:
    account = p.b.account(f"Reseller {p.b._serial}", Type="Partner - Reseller")
    p.b.deal(account, [sold(str(p.money()))])
    return NOTHING, NOTHING


@plays("EXCLUDED invoice")
def _counter_sale(p: Play) -> Told:
    amount = p.money()
    p.invoice(p.b.customer(f"Counter sales {p.b._serial}"), amount)
    return NOTHING, amount


@plays("DUPLICATE_INVOICE step")
def _duplicate(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))])
    p.invoice(customer, amount, deal=deal)
    p.invoice(customer, amount, "2026-10-29", deal=deal)
    return amount, amount


@plays("WRONG_ENTITY")
def _entity(p: Play) -> Told:
    account, _ = p.known()
    abroad = p.b.customer(f"Abroad {p.b._serial}", UK, "USD")
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))])
    p.invoice(abroad, amount, deal=deal, **_british(amount, "USD", DOLLAR_RATE))
    return amount, amount


@plays("WRONG_CUSTOMER")
def _customer(p: Play) -> Told:
    account, _ = p.known()
    _, stranger = p.known()
    amount = p.money()
    p.invoice(stranger, amount, deal=p.b.deal(account, [sold(str(amount))]))
    return amount, NOTHING


@plays("CURRENCY_MISMATCH")
def _currency(p: Play) -> Told:
    account, customer = p.known()
    amount, billed = p.money(), p.money()
    deal = p.b.deal(account, [sold(str(amount))])
    p.invoice(customer, billed, deal=deal, currency="EUR", ExchangeRate=EURO_IN_DOLLARS)
    return billed, billed


@plays("FX_ANOMALY rate 1")
def _rate_one(p: Play) -> Told:
    return _rate(p, Decimal(1))


@plays("FX_ANOMALY off")
def _rate_off(p: Play) -> Told:
    return _rate(p, EURO_RATE * Decimal("1.06"))


def _rate(p: Play, rate: Decimal) -> Told:
    account, customer = p.known(UK, "EUR")
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))], CurrencyIsoCode="EUR")
    billed = _british(amount, "EUR", rate)
    p.invoice(customer, amount, deal=deal, **billed)
    gross = amount + Decimal(billed["tax"])
    return abs(_cents(gross * rate) - _cents(gross * EURO_RATE)), NOTHING


@plays("REOPENED_OR_LOST")
def _lost(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))], StageName="Closed Lost")
    p.invoice(customer, amount, deal=deal)
    part = _cents(amount / 4)
    p.b.credit(customer, str(part), deal=deal)
    return amount - part, amount - part


@plays("REOPENED_OR_LOST twice")
def _lost_twice(p: Play) -> Told:
    """Of two invoices the credit takes back the first in full; the second stands."""
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))], StageName="Negotiation/Review")
    p.invoice(customer, amount, deal=deal)
    p.invoice(customer, amount, "2026-10-24", deal=deal)
    p.b.credit(customer, str(amount), deal=deal)
    return amount, amount


@plays("VOIDED_AFTER_BILLING")
def _voided(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))])
    stamps = {"CreateTime": LONG_AGO, "LastUpdatedTime": LONG_AGO}
    p.shown(deal, p.invoice(customer, amount, deal=deal, voided=True, MetaData=stamps), "Voided")
    return amount, -amount


@plays("CREDITED_AFTER_BILLING")
def _credited(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))])
    p.invoice(customer, amount, deal=deal)
    part = _cents(amount / 3)
    p.b.credit(customer, str(part), deal=deal)
    return part, -part


@plays("UNBILLED_CLOSED_WON")
def _unbilled(p: Play) -> Told:
    amount = p.money()
    p.b.deal(p.known()[0], [sold(str(amount))])
    return amount, -amount


@plays("UNDER_BILLED")
def _under(p: Play) -> Told:
    account, customer = p.known()
    amount, left_out = p.money(), p.money()
    deal = p.b.deal(account, [sold(str(amount)), sold(str(left_out), "P2")])
    p.invoice(customer, amount, deal=deal)
    return left_out, -left_out


@plays("OVER_BILLED")
def _over(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))])
    p.invoice(customer, amount, deal=deal, more=[(str(amount), "11")])
    return amount, amount


@plays("WRONG_PRODUCT")
def _product(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    p.invoice(customer, amount, deal=p.b.deal(account, [sold(str(amount))]), item="12")
    return NOTHING, NOTHING


@plays("WRONG_PRICE_OR_DISCOUNT")
def _price(p: Play) -> Told:
    account, customer = p.known()
    one, other = p.money() + 10, p.money()
    deal = p.b.deal(account, [sold(str(one)), sold(str(other), "P2")])
    p.invoice(customer, one - 4, deal=deal, more=[(str(other + 4), "12")])
    return Decimal("8.00"), NOTHING


@plays("ORPHAN_INVOICE")
def _orphan(p: Play) -> Told:
    amount = p.money()
    p.invoice(p.known()[1], amount)
    return amount, amount


@plays("CUT_OFF")
def _cut_off(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    p.invoice(customer, amount, "2026-11-03",
              deal=p.b.deal(account, [sold(str(amount))], "2026-10-28"))  # fmt: skip
    return amount, NOTHING


@plays("CUT_OFF early")
def _early(p: Play) -> Told:
    """Ten days before the month ends, for the next one; nothing is expected yet."""
    account, customer = p.known()
    amount = p.money()
    p.invoice(customer, amount, "2026-11-19",
              deal=p.b.deal(account, [sold(str(amount))], "2026-12-02"))  # fmt: skip
    return amount, amount


@plays("LATE_BILLED")
def _late(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))], "2026-10-01")
    p.invoice(customer, amount, "2026-10-27", deal=deal)
    return NOTHING, NOTHING


@plays("DEAL_CHANGED_AFTER_INVOICE history")
def _changed(p: Play) -> Told:
    """Billed too much, and the deal was raised to what was billed."""
    account, customer = p.known()
    before, more = p.money(), p.money()
    deal = p.b.deal(account, [sold(str(before + more))])
    p.invoice(customer, before + more, deal=deal)
    p.b.history(deal, ("2026-10-20T09:00:00Z", str(before)),
                ("2026-10-30T09:00:00Z", str(before + more)))  # fmt: skip
    return more, NOTHING


def _sent(customer: str, amount: Decimal, **other: Any) -> dict[str, Any]:
    """What Crossfoot would have sent for an invoice of one line."""
    detail = {"ItemRef": {"value": "11"}, "Qty": Decimal(1), "UnitPrice": amount}
    return {
        "CustomerRef": {"value": customer}, "CurrencyRef": {"value": "USD"},
        "TxnDate": "2026-10-22",
        "Line": [{"DetailType": "SalesItemLineDetail", "Amount": amount,
                  "SalesItemLineDetail": detail}],
    } | other  # fmt: skip


@plays("DEAL_CHANGED_AFTER_INVOICE ledger")
def _changed_since_written(p: Play) -> Told:
    account, customer = p.known()
    before, more = p.money(), p.money()
    deal = p.b.deal(account, [sold(str(before + more))])
    invoice = p.invoice(customer, before, deal=deal, more=[(str(more), "11")],
                        note=f"Crossfoot {deal}/1/g1")  # fmt: skip
    p.b.quickbooks[US, "Invoice"][-1]["Line"] = [  # type: ignore[index]
        line | ({"Amount": before + more} if "SalesItemLineDetail" in line else {})
        for line in p.b.quickbooks[US, "Invoice"][-1]["Line"][1:]
    ]
    p.b.wrote("invoices", deal, invoice, step=1, payload=_sent(customer, before))
    return more, NOTHING


@plays("INVOICE_EDITED_AFTER_PUSH")
def _edited(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))])
    invoice = p.invoice(customer, amount, deal=deal, note=f"Crossfoot {deal}/1/g1")
    p.b.wrote("invoices", deal, invoice, step=1,
              payload=_sent(customer, amount, TxnDate="2026-10-21"))  # fmt: skip
    return NOTHING, NOTHING


@plays("INVOICE_EDITED_AFTER_PUSH shipping")
def _shipping_added(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))])
    invoice = p.invoice(customer, amount, deal=deal, note=f"Crossfoot {deal}/1/g1", shipping="17.5")
    p.b.wrote("invoices", deal, invoice, step=1, payload=_sent(customer, amount))
    return Decimal("17.50"), NOTHING


@plays("HEADER_LINE_MISMATCH")
def _header(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))], Amount=amount + Decimal("250.25"))
    p.invoice(customer, amount, deal=deal)
    return Decimal("250.25"), NOTHING


@plays("TERMS_OR_DUE_DATE days")
def _terms(p: Play) -> Told:
    return _due(p, "3", "2026-11-20")


@plays("TERMS_OR_DUE_DATE day of month")
def _day_of_month(p: Play) -> Told:
    return _due(p, "9", "2026-11-16")


def _due(p: Play, term: str, due_on: str) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))])
    p.invoice(customer, amount, deal=deal, SalesTermRef={"value": term}, DueDate=due_on)
    return NOTHING, NOTHING


@plays("TAX_DIFFERENCE code")
def _other_code(p: Play) -> Told:
    account, customer = p.known(Taxable=True, DefaultTaxCodeRef={"value": "2"})
    amount = p.money()
    p.invoice(customer, amount, deal=p.b.deal(account, [sold(str(amount))]), line_tax="NON")
    return _cents(amount * SALES_TAX / 100), NOTHING


@plays("TAX_DIFFERENCE amount")
def _other_amount(p: Play) -> Told:
    account, customer = p.known(UK, "GBP")
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))], CurrencyIsoCode="GBP")
    billed = dict(_british(amount, "GBP", Decimal(1)))
    billed["tax"] = str(Decimal(billed["tax"]) + Decimal("3.30"))
    p.invoice(customer, amount, deal=deal, **billed)
    return Decimal("3.30"), NOTHING


@plays("SHIPPING_OR_ROUNDING shipping")
def _shipping(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    deal = p.b.deal(account, [sold(str(amount))])
    p.invoice(customer, amount, deal=deal, shipping="12.34")
    return Decimal("12.34"), NOTHING


@plays("SHIPPING_OR_ROUNDING rounding")
def _rounding(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    p.invoice(customer, amount - CENT, deal=p.b.deal(account, [sold(str(amount))]))
    return CENT, -CENT


@plays("SHIPPING_OR_ROUNDING lines")
def _rounding_of_lines(p: Play) -> Told:
    """Two lines may be a cent off each; with one line that would be under-billed."""
    account, customer = p.known()
    one, other = p.money(), p.money()
    deal = p.b.deal(account, [sold(str(one)), sold(str(other), "P2")])
    p.invoice(customer, one - CENT, deal=deal, more=[(str(other - CENT), "12")])
    return 2 * CENT, -2 * CENT


@plays("UNAPPLIED_PAYMENT")
def _payment(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    p.invoice(customer, amount, deal=p.b.deal(account, [sold(str(amount))]))
    p.b.payment(customer, str(amount), [], unapplied=str(amount))
    return amount, NOTHING


@plays("UNAPPLIED_CREDIT")
def _credit(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    p.invoice(customer, amount, deal=p.b.deal(account, [sold(str(amount))]))
    part = _cents(amount / 5)
    p.b.credit(customer, str(part), remaining=str(part))
    return part, -part


@plays("STATUS_DRIFT")
def _drift(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    stamps = {"CreateTime": LONG_AGO, "LastUpdatedTime": LONG_AGO}
    p.invoice(customer, amount, deal=p.b.deal(account, [sold(str(amount))]), MetaData=stamps,
              DueDate="2026-12-01")  # fmt: skip
    return NOTHING, NOTHING


@plays("AMBIGUOUS_MATCH")
def _ambiguous(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    for _ in range(2):
        p.b.deal(account, [sold(str(amount))])
    p.invoice(customer, amount)
    return amount, -amount


@plays("LOW_CONFIDENCE_MATCH")
def _low(p: Play) -> Told:
    account, customer = p.known()
    amount = p.money()
    p.b.deal(account, [sold(str(amount))], "2026-10-01")
    p.invoice(customer, amount, "2026-10-19")
    return amount, NOTHING


@plays("CHANGED_AFTER_SIGNOFF")
def _signed(p: Play) -> Told:
    account, customer = p.known()
    amount, more = p.money(), p.money()
    invoice = p.invoice(customer, amount + more,
                        deal=p.b.deal(account, [sold(str(amount + more))]))  # fmt: skip
    for total, known_from, known_to in (
        (amount, "2026-11-01T09:00:00Z", "2026-11-18T09:00:00Z"),
        (amount + more, "2026-11-18T09:00:00Z", None),
    ):
        payload = (
            f'{{"DocNumber": "D{invoice}", "TxnDate": "2026-10-22", "TotalAmt": {total},'
            ' "CurrencyRef": {"value": "USD"}}'
        )
        p.versions.append({"company_id": US, "id": invoice, "payload": payload,
                           "known_from": known_from, "known_to": known_to})  # fmt: skip
    return more, NOTHING
