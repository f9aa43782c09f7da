"""The company's QuickBooks books: items, customers, invoices and payments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from pipelines.sandbox.company.quickbooks_parts import CUSTOM_FIELDS
from pipelines.sandbox.company.scale import wording
from pipelines.sandbox.company.scale.moments import DAY, day_of, text_of
from pipelines.sandbox.company.scale.numbered import Numbered, Serials, one
from pipelines.sandbox.company.scale.plan import OPENED, Plan
from pipelines.sandbox.company.scale.salesforce import product_code, product_name
from pipelines.sandbox.store import AnyWrite, Computed, MetaWrite, Record, Write

REALM = "9341455512000019"
OFFSET = "-08:00"
_WEST = -8 * 3600
_CENT, _TENTH = Decimal("0.01"), Decimal("0.1")
INVOICES, PAYMENTS = Serials(1001, 2), Serials(1002, 2)
NUMBERS = Serials(1001)
CUSTOMERS, ITEMS = Serials(1), Serials(1)
RECEIVABLE, UNDEPOSITED = "84", "4"  # as the vendor numbers them in every new company
BILLED_AFTER, PAID_AFTER = 3600, 5 * 3600
DUE = 30 * DAY
_LISTED = frozenset({"Id", "MetaData.CreateTime", "MetaData.LastUpdatedTime"})
_DATED = _LISTED | {"TxnDate"}
_USD = {"value": "USD", "name": "United States Dollar"}
_NET_30 = {"value": "3", "name": "Net 30"}
_UNTAXED = {"value": "NON"}


def amount(cents: int) -> Decimal:
    """Cents as QuickBooks writes an amount: no more digits than needed."""
    if cents % 10:
        return Decimal(cents) * _CENT
    whole, rest = divmod(cents, 100)
    return Decimal(cents // 10) * _TENTH if rest else Decimal(whole)


def _time(local: int) -> str:
    return f"{text_of(local)}{OFFSET}"


def _system(record_id: str, created: str, updated: str, changes: int = 0) -> Record:
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": record_id,
        "SyncToken": str(changes),
        "MetaData": {"CreateTime": created, "LastUpdatedTime": updated},
    }


class PaymentIds:
    """A payment's id follows that of the invoice it pays."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def of(self, number: int) -> str:
        """The id of a number."""
        return PAYMENTS.of(self._plan.paid_by(number))

    def number(self, record_id: str) -> int | None:
        """The number of an id."""
        invoice = PAYMENTS.number(record_id)
        return None if invoice is None else self._plan.payment_of(invoice)


class Ledger:
    """The books of a plan; `deal_id` gives the Salesforce id of a deal's number."""

    def __init__(self, plan: Plan, deal_id: Callable[[int], str]) -> None:
        self._plan = plan
        self._deal_id = deal_id
        self._lines: dict[tuple[int, int, int], Record] = {}

    def tables(self) -> dict[str, Computed]:
        """The computed entities by name."""
        plan = self._plan
        own = {"CustomerRef": self._invoices_of, "DocNumber": self._numbered}
        names = dict.fromkeys(("name", "DisplayName", "FullyQualifiedName"), self._named)
        return {
            "Item": Numbered(plan.items, ITEMS, cache(self._item), _LISTED),
            "Customer": Numbered(plan.accounts, CUSTOMERS, self._customer, _LISTED, {}, names),
            "Invoice": Numbered(
                plan.invoices, INVOICES, self._invoice, _DATED, {}, own, self._billed
            ),
            "Payment": Numbered(
                plan.payments, PaymentIds(plan), self._payment, _DATED, {},
                {"CustomerRef": self._payments_of}, self._received,
            ),
        }  # fmt: skip

    # ---- what is found by a field

    def _account(self, customer_id: Any) -> Iterable[int]:
        number = CUSTOMERS.number(str(customer_id))
        return () if number is None or number >= self._plan.accounts else (number,)

    def _invoices_of(self, customer_id: Any) -> Iterator[int]:
        return (i for a in self._account(customer_id) for i in self._plan.invoices_of(a))

    def _payments_of(self, customer_id: Any) -> Iterator[int]:
        payments = map(self._plan.payment_of, self._invoices_of(customer_id))
        return (payment for payment in payments if payment is not None)

    def _numbered(self, number: Any) -> Iterable[int]:
        return one(NUMBERS.number(str(number)))

    def _named(self, name: Any) -> Iterable[int]:
        return one(wording.account_named(str(name)))

    # ---- records

    def _item(self, number: int) -> Record:
        opened = _time(OPENED + _WEST)
        return {
            "Name": product_name(number),
            "Description": product_name(number),
            "Active": True,
            "FullyQualifiedName": product_name(number),
            "Taxable": False,
            "UnitPrice": amount(self._plan.prices[number]),
            "Type": "NonInventory",
            "IncomeAccountRef": {"value": "79", "name": "Sales of Product Income"},
            "PurchaseCost": Decimal(0),
            "TrackQtyOnHand": False,
            "Sku": product_code(number),
            **_system(ITEMS.of(number), opened, opened),
        }

    def _customer(self, number: int) -> Record:
        opened = _time(self._plan.opened_at(number) + _WEST)
        name = wording.firm_name(number)
        person = wording.person(number, 0)
        balance = amount(self._plan.balance_of(number))
        return {
            "Taxable": False,
            "BillAddr": {"Id": str(2 + 2 * number), **_address(number)},
            "ShipAddr": {"Id": str(3 + 2 * number), **_address(number)},
            "Job": False,
            "BillWithParent": False,
            "Balance": balance,
            "BalanceWithJobs": balance,
            "CurrencyRef": dict(_USD),
            "PreferredDeliveryMethod": "Email",
            "IsProject": False,
            "SalesTermRef": dict(_NET_30),
            **_system(CUSTOMERS.of(number), opened, opened),
            "GivenName": person.given,
            "FamilyName": person.family,
            "FullyQualifiedName": name,
            "CompanyName": name,
            "DisplayName": name,
            "PrintOnCheckName": name,
            "Active": True,
            "PrimaryPhone": {"FreeFormNumber": wording.phone(2 * number)},
            "PrimaryEmailAddr": {"Address": person.email},
            "WebAddr": {"URI": f"http://www.{wording.domain(number)}"},
        }

    def _invoice(self, number: int) -> Record:
        plan = self._plan
        deal = plan.deal_of(number)
        account = plan.account_of(deal)
        billed = plan.closed_at(deal) + BILLED_AFTER + _WEST
        touched = plan.closed_at(deal) + PAID_AFTER + _WEST
        sales = list(map(plan.sale_of, plan.lines_of(number)))
        cents = sum(plan.prices[item] * quantity for item, quantity in sales)
        total = amount(cents)
        lines = [self._line(at, *sale) for at, sale in enumerate(sales, 1)]
        lines.append({"Amount": total, "DetailType": "SubTotalLineDetail",
                      "SubTotalLineDetail": {}})  # fmt: skip
        payment = plan.payment_of(number)
        links = [{"TxnId": PAYMENTS.of(number), "TxnType": "Payment"}]
        return {
            "AllowIPNPayment": False,
            "AllowOnlinePayment": False,
            "AllowOnlineCreditCardPayment": False,
            "AllowOnlineACHPayment": False,
            **_system(INVOICES.of(number), _time(billed), _time(touched), 1),
            "CustomField": [
                {"DefinitionId": definition, "Name": name, "Type": "StringType",
                 "StringValue": value}
                for (definition, name), value in zip(
                    CUSTOM_FIELDS, (self._deal_id(deal), f"PO-{deal + 1}"), strict=True
                )
            ],
            "DocNumber": NUMBERS.of(number),
            "TxnDate": day_of(billed),
            "CurrencyRef": dict(_USD),
            "LinkedTxn": links if payment is not None else [],
            "Line": lines,
            "TxnTaxDetail": {"TotalTax": Decimal(0)},
            "CustomerRef": {"value": CUSTOMERS.of(account), "name": wording.firm_name(account)},
            "BillAddr": {"Id": str(2 * plan.accounts + 2 + number), **_address(account)},
            "SalesTermRef": dict(_NET_30),
            "DueDate": day_of(billed + DUE),
            "TotalAmt": total,
            "ApplyTaxAfterDiscount": False,
            "PrintStatus": "NotSet",
            "EmailStatus": "EmailSent",
            "BillEmail": {"Address": wording.person(account, 0).email},
            "Balance": amount(cents - plan.paid_of(number, cents)),
        }  # fmt: skip

    def _billed(self, number: int) -> Record:
        """What the books read of an invoice."""
        plan = self._plan
        deal = plan.deal_of(number)
        billed = plan.closed_at(deal) + BILLED_AFTER + _WEST
        sales = list(map(plan.sale_of, plan.lines_of(number)))
        cents = sum(plan.prices[item] * quantity for item, quantity in sales)
        paid = plan.payment_of(number) is not None
        return {
            "Id": INVOICES.of(number),
            "DocNumber": NUMBERS.of(number),
            "TxnDate": day_of(billed),
            "LinkedTxn": [{"TxnId": PAYMENTS.of(number), "TxnType": "Payment"}] if paid else [],
            "Line": [self._line(at, *sale) for at, sale in enumerate(sales, 1)],
            "CustomerRef": {"value": CUSTOMERS.of(plan.account_of(deal))},
            "DueDate": day_of(billed + DUE),
            "TotalAmt": amount(cents),
            "Balance": amount(cents - plan.paid_of(number, cents)),
        }

    def _received(self, number: int) -> Record:
        """What the books read of a payment."""
        plan = self._plan
        invoice = plan.paid_by(number)
        deal = plan.deal_of(invoice)
        total = amount(plan.paid_of(invoice, plan.total_of(invoice)))
        link = {"TxnId": INVOICES.of(invoice), "TxnType": "Invoice"}
        return {
            "Id": PAYMENTS.of(invoice),
            "TxnDate": day_of(plan.closed_at(deal) + PAID_AFTER + _WEST),
            "Line": [{"Amount": total, "LinkedTxn": [link]}],
            "CustomerRef": {"value": CUSTOMERS.of(plan.account_of(deal))},
            "TotalAmt": total,
            "UnappliedAmt": Decimal(0),
            "PaymentRefNum": f"{100000 + invoice}",
            "DepositToAccountRef": {"value": "4"},
        }

    def _line(self, at: int, item: int, quantity: int) -> Record:
        """Line `at` of an invoice. Lines that say the same are the same: records never change."""
        found = self._lines.get((at, item, quantity))
        if found is None:
            found = self._new_line(at, item, quantity)
            self._lines[at, item, quantity] = found
        return found

    def _new_line(self, at: int, item: int, quantity: int) -> Record:
        price = self._plan.prices[item]
        return {
            "Id": str(at),
            "LineNum": at,
            "Description": product_name(item),
            "Amount": amount(price * quantity),
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {
                "ItemRef": {"value": ITEMS.of(item), "name": product_name(item)},
                "UnitPrice": amount(price),
                "Qty": quantity,
                "TaxCodeRef": _UNTAXED,
            },
        }

    def _payment(self, number: int) -> Record:
        plan = self._plan
        invoice = plan.paid_by(number)
        deal = plan.deal_of(invoice)
        account = plan.account_of(deal)
        paid = plan.closed_at(deal) + PAID_AFTER + _WEST
        total = amount(plan.paid_of(invoice, plan.total_of(invoice)))
        link = {"TxnId": INVOICES.of(invoice), "TxnType": "Invoice"}
        return {
            **_system(PAYMENTS.of(invoice), _time(paid), _time(paid)),
            "TxnDate": day_of(paid),
            "CurrencyRef": dict(_USD),
            "LinkedTxn": [],
            "Line": [{"Amount": total, "LinkedTxn": [link]}],
            "CustomerRef": {"value": CUSTOMERS.of(account), "name": wording.firm_name(account)},
            "TotalAmt": total,
            "UnappliedAmt": Decimal(0),
            "ProcessPayment": False,
            "PaymentMethodRef": {"value": "2", "name": "Check"},
            "PaymentRefNum": f"{100000 + invoice}",
            "DepositToAccountRef": {"value": "4", "name": "Undeposited Funds"},
        }

    # ---- what there is one of

    def settings(self) -> Iterator[AnyWrite]:
        """Preferences, and where the numbering goes on."""
        plan = self._plan
        last = {
            "last_id/Transaction": int(PAYMENTS.of(plan.invoices)),
            "last_id/Name": plan.accounts,
            "last_id/Item": plan.items,
            "last_id/Address": 2 * plan.accounts + 2 + plan.invoices,
            "last_number/Invoice": int(NUMBERS.of(plan.invoices - 1)),
        }
        for key, value in last.items():
            yield MetaWrite(REALM, key, value)
        billed, paid = plan.billed_and_paid()
        balances = {RECEIVABLE: amount(billed - paid), UNDEPOSITED: amount(paid)}
        yield MetaWrite(REALM, "account_balances", balances)
        yield Write(REALM, "Preferences", "1", _preferences())


def _address(account: int) -> Record:
    place = wording.place(account)
    return {
        "Line1": place.street,
        "City": place.city,
        "CountrySubDivisionCode": place.state,
        "PostalCode": place.postal_code,
        "Country": "USA",
    }


def _preferences() -> Record:
    opened = _time(OPENED + _WEST)
    use = [
        {"Name": f"SalesFormsPrefs.UseSalesCustom{at}", "Type": "BooleanType",
         "BooleanValue": at <= len(CUSTOM_FIELDS)}
        for at in (1, 2, 3)
    ]  # fmt: skip
    names = [
        {"Name": f"SalesFormsPrefs.SalesCustomName{at}", "Type": "StringType", "StringValue": name}
        for at, name in CUSTOM_FIELDS
    ]
    return {
        "AccountingInfoPrefs": {
            "TrackDepartments": False, "ClassTrackingPerTxn": False,
            "ClassTrackingPerTxnLine": False, "CustomerTerminology": "Customers",
        },
        "ProductAndServicesPrefs": {
            "ForSales": True, "ForPurchase": True, "QuantityWithPriceAndRate": True,
            "QuantityOnHand": False,
        },
        "SalesFormsPrefs": {
            "CustomField": [{"CustomField": use}, {"CustomField": names}],
            "CustomTxnNumbers": False, "AllowDeposit": True, "AllowDiscount": True,
            "DefaultDiscountAccount": "86", "AllowEstimates": True, "AllowServiceDate": True,
            "AllowShipping": False, "AutoApplyPayments": False, "DefaultTerms": {"value": "3"},
        },
        "VendorAndPurchasesPrefs": {"TrackingByCustomer": False, "BillableExpenseTracking": False},
        "TimeTrackingPrefs": {"UseServices": False, "BillCustomers": False},
        "TaxPrefs": {"UsingSalesTax": False, "PartnerTaxEnabled": False},
        "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}},
        "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
        "OtherPrefs": {"NameValue": []},
        **_system("1", opened, opened),
    }  # fmt: skip
