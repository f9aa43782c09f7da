"""Small worlds for the reconciliation's tests: a few lines say what both systems hold.

Records are written as the two APIs give them. Nothing is derived that a vendor would not derive,
so that a test says in one place what it expects the warehouse to make of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import simplejson
from raw_loader import Row, World, load_world

from pipelines import transform, warehouse

PROJECT = Path(__file__).parents[2] / "dbt_project"
ORG = "00D000000000001AAA"
US, UK = "9341450000000001", "9341450000000002"
AS_OF = "2026-11-20T17:00:00Z"
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Sold:
    """A line of a deal: quantity × price less a percentage; the total as Salesforce rounds it."""

    quantity: Decimal
    price: Decimal
    discount: Decimal = Decimal(0)
    product: str = "P1"

    @property
    def total(self) -> Decimal:
        amount = self.quantity * self.price * (100 - self.discount) / 100
        return amount.quantize(CENT, ROUND_HALF_UP)


def sold(amount: str, product: str = "P1") -> Sold:
    """One piece for an amount."""
    return Sold(Decimal(1), Decimal(amount), product=product)


@dataclass
class Builder:
    """Collects records; ids are given in order."""

    salesforce: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    quickbooks: dict[tuple[str, str], list[Row]] = field(default_factory=lambda: defaultdict(list))
    deleted: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    ledger: list[Row] = field(default_factory=list)
    decisions: list[Row] = field(default_factory=list)
    periods: list[Row] = field(default_factory=list)
    receivables: list[Row] = field(default_factory=list)
    versions: dict[tuple[str, str], list[Row]] = field(default_factory=lambda: defaultdict(list))
    listed: list[Row] = field(default_factory=list)
    as_of: str = AS_OF
    _serial: int = 0

    def __post_init__(self) -> None:
        for company, country, currency in ((US, "US", "USD"), (UK, "GB", "GBP")):
            self._list(company, "CompanyInfo", Id="1", CompanyName=company, Country=country)
            self._list(
                company,
                "Preferences",
                Id="1",
                CurrencyPrefs={"HomeCurrency": {"value": currency}, "MultiCurrencyEnabled": True},
            )
            self._list(company, "Term", Id="3", Name="Net 30", Type="STANDARD", DueDays=30)
            for product in ("P1", "P2"):
                self._list(
                    company, "Item", Id=f"1{product[1]}", Name=product, Sku=product, Type="Service"
                )
        for product in ("P1", "P2", "UNMAPPED"):
            self.salesforce["Product2"].append(
                _stamped(
                    Id=f"01t{product:0>12}AAA", Name=product, ProductCode=product, IsActive=True
                )
            )

    def account(self, name: str, customer: tuple[str, str] | None = None, **known: Any) -> str:
        """An account, linked to a customer by its external id when one is given."""
        account_id = self._id("001")
        record = {
            "Name": name,
            "CurrencyIsoCode": "USD",
            "QBO_Customer_Id__c": ":".join(customer) if customer else None,
        }
        self.salesforce["Account"].append(_stamped(Id=account_id, **(record | known)))
        return account_id

    def customer(self, name: str, company: str = US, currency: str = "USD", **known: Any) -> str:
        """A customer with no more than a name."""
        customer_id = self._number()
        record = {"DisplayName": name, "Active": True, "CurrencyRef": {"value": currency}}
        record |= {"SalesTermRef": {"value": "3"}}
        self._list(company, "Customer", Id=customer_id, **(record | known))
        return customer_id

    def known(
        self, name: str, company: str = US, currency: str = "USD", email: str = ""
    ) -> tuple[str, str]:
        """An account and its customer, linked."""
        mail: dict[str, Any] = {"PrimaryEmailAddr": {"Address": email}} if email else {}
        customer_id = self.customer(name, company, currency, **mail)
        account_id = self.account(name, (company, customer_id), CurrencyIsoCode=currency)
        return account_id, customer_id

    def deal(
        self, account_id: str | None, lines: Sequence[Sold], closed_on: str = "2026-10-20",
        **known: Any,
    ) -> str:  # fmt: skip
        """A won deal in dollars, billed on close, unless told otherwise."""
        deal_id = self._id("006")
        amount = sum((line.total for line in lines), Decimal(0))
        record = {
            "Name": f"Deal {deal_id[3:15].lstrip('0')}",
            "AccountId": account_id,
            "StageName": "Closed Won",
            "CloseDate": closed_on,
            "Amount": amount,
            "CurrencyIsoCode": "USD",
        }
        self.salesforce["Opportunity"].append(_stamped(Id=deal_id, **(record | known)))
        for at, line in enumerate(lines, 1):
            self._deal_line(deal_id, at, line)
        return deal_id

    def _deal_line(self, deal_id: str, at: int, line: Sold) -> None:
        self.salesforce["OpportunityLineItem"].append(
            _stamped(
                Id=self._id("00k"),
                OpportunityId=deal_id,
                Product2Id=f"01t{line.product:0>12}AAA",
                ProductCode=line.product,
                Quantity=line.quantity,
                UnitPrice=line.price,
                Discount=line.discount or None,
                TotalPrice=line.total,
                SortOrder=at,
            )
        )

    def invoice(
        self, customer_id: str, amount: str, on: str = "2026-10-22", *, company: str = US,
        deal: str = "", po: str = "", note: str = "", currency: str = "USD",
        discount: str = "0", shipping: str = "0", tax: str = "0", balance: str | None = None,
        voided: bool = False, estimate: str = "", item: str = "11",
        more: Sequence[tuple[str, str]] = (), line_tax: str = "", **known: Any,
    ) -> str:  # fmt: skip
        """An invoice with one line, and `more` as (amount, item); its total follows from lines,
        discount, shipping and tax. `known` are further members as the API gives them."""
        parts = [Decimal(part) for part in (amount, discount, shipping, tax)]
        others = [(Decimal(part), other) for part, other in more]
        if voided:
            parts, note = [Decimal(0)] * 4, f"Voided - {note}" if note else "Voided"
        total = parts[0] - parts[1] + parts[2] + parts[3] + sum(part for part, _ in others)
        document = self._document(customer_id, on, currency, parts, deal=deal, po=po, item=item)
        document["Line"] = [*(_line(part, other) for part, other in others), *document["Line"]]
        for line in document["Line"]:
            if line_tax and "SalesItemLineDetail" in line:
                line["SalesItemLineDetail"]["TaxCodeRef"] = {"value": line_tax}
        document |= {
            "TotalAmt": total,
            "Balance": Decimal(balance) if balance is not None else total,
            "PrivateNote": note or None,
            "DueDate": on,
            "LinkedTxn": [{"TxnId": estimate, "TxnType": "Estimate"}] if estimate else [],
        }
        self._list(company, "Invoice", **(document | known))
        return str(document["Id"])

    def credit(
        self, customer_id: str, amount: str, on: str = "2026-11-02", *, company: str = US,
        deal: str = "", currency: str = "USD", remaining: str = "0", kind: str = "CreditMemo",
        item: str = "11",
    ) -> str:  # fmt: skip
        """A credit memo, or a refund receipt."""
        parts = [Decimal(amount), Decimal(0), Decimal(0), Decimal(0)]
        document = self._document(customer_id, on, currency, parts, deal=deal, po="", item=item)
        document |= {"TotalAmt": parts[0], "RemainingCredit": Decimal(remaining)}
        self._list(company, kind, **document)
        return str(document["Id"])

    def estimate(
        self, customer_id: str, amount: str, *, deal: str = "", state: str = "Closed",
        on: str = "2026-10-01", discount: str = "0", item: str = "11",
    ) -> str:  # fmt: skip
        """An estimate, which names its deal or none."""
        parts = [Decimal(amount), Decimal(discount), Decimal(0), Decimal(0)]
        document = self._document(customer_id, on, "USD", parts, deal=deal, po="", item=item)
        document |= {"TotalAmt": parts[0] - parts[1], "TxnStatus": state}
        document |= {"ExpirationDate": "2026-12-31"}
        self._list(US, "Estimate", **document)
        return str(document["Id"])

    def bad_debt_item(self, item_id: str) -> None:
        """An item that posts to an account for bad debts, and that account."""
        self._list(US, "Account", Id="90", Name="Bad debts", AccountSubType="BadDebts")
        self._list(
            US, "Item", Id=item_id, Name="Bad debts", Type="NonInventory",
            IncomeAccountRef={"value": "90"},
        )  # fmt: skip

    def task(self, account_id: str, description: str, **known: Any) -> str:
        """A task about an account."""
        task_id = self._id("00T")
        record = {"WhatId": account_id, "Status": "Not Started", "Description": description}
        self.salesforce["Task"].append(_stamped(Id=task_id, **(record | known)))
        return task_id

    def price(self, product: str = "P1", currency: str = "USD") -> None:
        """The standard price book, with an entry for one product."""
        book = "01s000000000001AAA"
        if not self.salesforce["Pricebook2"]:
            self.salesforce["Pricebook2"].append(
                _stamped(Id=book, Name="Standard", IsActive=True, IsStandard=True)
            )
        self.salesforce["PricebookEntry"].append(
            _stamped(
                Id=self._id("01u"), Pricebook2Id=book, Product2Id=f"01t{product:0>12}AAA",
                CurrencyIsoCode=currency, UnitPrice=Decimal(1), IsActive=True,
            )
        )  # fmt: skip

    def payment(
        self, customer_id: str, amount: str, applied: Sequence[tuple[str, str, str]],
        on: str = "2026-11-05", company: str = US, unapplied: str = "0",
    ) -> str:  # fmt: skip
        """Money or, with an amount of 0, a credit carried over: (type, id, amount) per line."""
        payment_id = self._number()
        self._list(
            company,
            "Payment",
            Id=payment_id,
            CustomerRef={"value": customer_id},
            TxnDate=on,
            CurrencyRef={"value": "USD"},
            TotalAmt=Decimal(amount),
            UnappliedAmt=Decimal(unapplied),
            Line=[
                {"Amount": Decimal(part), "LinkedTxn": [{"TxnId": record, "TxnType": kind}]}
                for kind, record, part in applied
            ],
        )
        return payment_id

    def delete(self, invoice_id: str, company: str = US, *, was_read: bool = True) -> None:
        """Delete an invoice, before or after anybody has read it."""
        self.deleted[company].append(
            {
                "entity": "Invoice",
                "Id": invoice_id,
                "MetaData": {"LastUpdatedTime": "2026-11-10T10:00:00Z"},
            }
        )
        if not was_read:
            rows = self.quickbooks[company, "Invoice"]
            rows[:] = [row for row in rows if row["Id"] != invoice_id]

    def decide(self, deal: str, invoice_id: str, decision: str, company: str = US) -> None:
        """A person's word about an invoice and a deal (or `deal/step`)."""
        self.decisions.append(
            {
                "subject": "invoice",
                "org_id": ORG,
                "left_id": deal,
                "company_id": company,
                "right_id": invoice_id,
                "decision": decision,
                "decided_by": "controller",
                "decided_at": f"2026-11-1{len(self.decisions) % 10}T09:00:00Z",
                "reason": "looked at both",
            }
        )

    def link(self, account: str, customer: str, role: str = "", applies_to: str = "") -> None:
        """A person's word that a customer is the account's, and what for."""
        self.decisions.append(
            {
                "subject": "customer",
                "org_id": ORG,
                "left_id": account,
                "company_id": US,
                "right_id": customer,
                "decision": "confirmed",
                "decided_by": "controller",
                "decided_at": "2026-11-10T09:00:00Z",
                "reason": "asked the customer",
                "role": role,
                "applies_to": applies_to,
            }
        )

    def wrote(
        self, flow: str, record_id: str, remote_id: str, *, step: int = 0, generation: int = 1,
        company: str = US, status: str = "done", payload: Row | None = None,
    ) -> None:  # fmt: skip
        """A line of the ledger: we created this, and `payload` is what we sent."""
        self.ledger.append(
            {
                "change_key": f"{flow}:{company}:{record_id}:{step}:g{generation}",
                "flow": flow,
                "company_id": company,
                "record_id": record_id,
                "plan_step": step,
                "generation": generation,
                "status": status,
                "action": "create",
                "entity": flow.removesuffix("s").capitalize(),
                "remote_id": remote_id,
                "finished_at": self.as_of,
                "payload": payload and simplejson.dumps(payload, use_decimal=True),
            }
        )

    def sent(self, flow: str, place: str, record_id: str, payload: str) -> None:
        """A line of the ledger: we changed this, from data of an hour ago."""
        self.wrote(flow, record_id, "1", company=place)
        self.ledger[-1] = {
            **self.ledger[-1],
            "action": "update",
            "payload": payload,
            "finished_at": "2026-11-20T16:00:00Z",
            "known_as_of": "2026-11-20T16:00:00Z",
        }

    def price_book(self, name: str, *, is_standard: bool = False) -> str:
        """A price book in use."""
        book_id = self._id("01s")
        self.salesforce["Pricebook2"].append(
            _stamped(Id=book_id, Name=name, IsActive=True, IsStandard=is_standard)
        )
        return book_id

    def product(self, name: str, prices: Mapping[str, str], family: str | None = None) -> str:
        """A product with its prices in dollars by price book."""
        product_id = self._id("01t")
        self.salesforce["Product2"].append(
            _stamped(Id=product_id, Name=name, ProductCode=name, Family=family, IsActive=True)
        )
        for book_id, price in prices.items():
            self.salesforce["PricebookEntry"].append(
                _stamped(
                    Id=self._id("01u"), Pricebook2Id=book_id, Product2Id=product_id,
                    UnitPrice=Decimal(price), CurrencyIsoCode="USD", IsActive=True,
                )
            )  # fmt: skip
        return product_id

    def item(self, name: str, price: str = "0", company: str = US, **known: Any) -> str:
        """An item with the name as its code."""
        item_id = self._number()
        record = {"Name": name, "FullyQualifiedName": name, "Sku": name, "Type": "Service"}
        self._list(company, "Item", Id=item_id, **(record | {"UnitPrice": Decimal(price)} | known))
        return item_id

    def schedule(self, deal: str, line: int, *parts: tuple[str, Decimal]) -> None:
        """Revenue of the deal's line (from 0) by day, as product schedules keep it."""
        lines = [r for r in self.salesforce["OpportunityLineItem"] if r["OpportunityId"] == deal]
        for day, revenue in parts:
            self.salesforce["OpportunityLineItemSchedule"].append(
                _stamped(
                    Id=self._id("00o"),
                    OpportunityLineItemId=lines[line]["Id"],
                    ScheduleDate=day,
                    Type="Revenue",
                    Revenue=revenue,
                )
            )

    def history(self, deal: str, *amounts: tuple[str, str]) -> None:
        """Salesforce's own history of the deal: (since when, its amount)."""
        for since, amount in amounts:
            self.salesforce["OpportunityHistory"].append(
                _stamped(
                    Id=self._id("008"),
                    OpportunityId=deal,
                    StageName="Closed Won",
                    Amount=Decimal(amount),
                    CreatedDate=since,
                )
            )

    def world(self, short: Mapping[str, str] | None = None) -> World:
        """Everything collected so far; `short` names the entity of a company of which the vendor
        has one record more than was read."""
        return World(
            org_id=ORG,
            as_of=self.as_of,
            companies=(US, UK),
            salesforce=self.salesforce,
            quickbooks=self.quickbooks,
            deleted=self.deleted,
            ledger=self.ledger,
            decisions=self.decisions,
            periods=self.periods,
            receivables=self.receivables,
            versions=self.versions,
            short=short or {},
            listed=self.listed,
        )

    def report_receivables(self, company: str, wrong: Mapping[str, str] | None = None) -> None:
        """QuickBooks' own report of what is open now, by customer and days past due; `wrong` is
        added to what a customer owes in the first column."""
        day = date.fromisoformat(self.as_of[:10])
        owed: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 5)
        gone = {stub["Id"] for stub in self.deleted[company]}
        for record in self.quickbooks[company, "Invoice"]:
            late = max((day - date.fromisoformat(record["DueDate"])).days, 0)
            if record["Id"] not in gone:
                owed[record["CustomerRef"]["value"]][min(-(-late // 30), 4)] += record["Balance"]
        for record in self.quickbooks[company, "CreditMemo"]:
            owed[record["CustomerRef"]["value"]][0] -= record["RemainingCredit"]
        for record in self.quickbooks[company, "Payment"]:
            owed[record["CustomerRef"]["value"]][0] -= record["UnappliedAmt"]
        for customer, amount in (wrong or {}).items():
            owed[customer][0] += Decimal(amount)
        names = ("current_amount", "days_1_to_30", "days_31_to_60", "days_61_to_90",
                 "days_91_and_over", "total")  # fmt: skip
        for customer, amounts in owed.items():
            self.receivables.append(
                {
                    "company_id": company,
                    "as_of_date": day.isoformat(),
                    "customer_id": customer,
                    "customer_name": f"customer {customer}",
                    **dict(zip(names, [*amounts, sum(amounts)], strict=True)),
                    "currency_code": "USD" if company == US else "GBP",
                    "asked_at": self.as_of,
                }
            )

    def list_invoices(self, company: str, wrong: Mapping[str, str] | None = None) -> None:
        """QuickBooks' own list of the invoices of six months, with its total; `wrong` is added to
        an invoice's amount."""
        days = {"from_date": "2026-06-01", "to_date": self.as_of[:10]}
        own = {
            "company_id": company,
            "currency_code": "USD" if company == US else "GBP",
            "asked_at": self.as_of,
        }
        gone = {stub["Id"] for stub in self.deleted[company]}
        listed = [
            {
                **own,
                "invoice_id": one["Id"],
                "invoice_date": one["TxnDate"],
                "document_number": one["DocNumber"],
                "amount": one["TotalAmt"] + Decimal((wrong or {}).get(one["Id"], 0)),
            }
            for one in self.quickbooks[company, "Invoice"]
            if one["Id"] not in gone and days["from_date"] <= one["TxnDate"] <= days["to_date"]
        ]
        self.listed += [*listed, {**own, **days, "invoice_id": "TOTAL"}]

    def _document(
        self, customer_id: str, on: str, currency: str, parts: Sequence[Decimal], *,
        deal: str, po: str, item: str,
    ) -> dict[str, Any]:  # fmt: skip
        amount, discount, shipping, tax = parts
        number = self._number()
        return {
            "Id": number,
            "DocNumber": f"D{number}",
            "CustomerRef": {"value": customer_id, "name": f"customer {customer_id}"},
            "TxnDate": on,
            "CurrencyRef": {"value": currency},
            "ExchangeRate": Decimal(1),
            "TxnTaxDetail": {"TotalTax": tax},
            "CustomField": [
                {"Name": name, "StringValue": value}
                for name, value in (("Salesforce Deal", deal), ("PO Number", po))
                if value
            ],
            "Line": [
                _line(amount, item),
                {"Amount": amount, "DetailType": "SubTotalLineDetail"},
                *([_line(shipping, "SHIPPING_ITEM_ID")] if shipping else []),
                *(
                    [{"Amount": discount, "DetailType": "DiscountLineDetail"}]
                    if discount
                    else []
                ),
            ],
        }  # fmt: skip

    def _list(self, company: str, entity: str, **record: Any) -> None:
        stamps = {"CreateTime": "2026-01-02T10:00:00Z", "LastUpdatedTime": "2026-01-02T10:00:00Z"}
        self.quickbooks[company, entity].append({"SyncToken": "0", "MetaData": stamps} | record)

    def _number(self) -> str:
        self._serial += 1
        return str(1000 + self._serial)

    def _id(self, prefix: str) -> str:
        return f"{prefix}{self._number():0>12}AAA"


def build(world: World, folder: Path) -> Path:
    """Load a world, build everything with all dbt tests, and return the warehouse's path."""
    path = folder / "warehouse.duckdb"
    load_world(world, path)
    transform.require_passed(transform.build(PROJECT, path, exclude=("test_type:unit",)))
    return path


def read(path: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of a query."""
    return warehouse.read(path, sql)


def _line(amount: Decimal, item: str) -> Row:
    detail = {"ItemRef": {"value": item}, "Qty": Decimal(1), "UnitPrice": amount}
    return {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
    }


def _stamped(**record: Any) -> Row:
    stamp = "2026-01-02T10:00:00Z"
    return {"IsDeleted": False, "CreatedDate": stamp, "SystemModstamp": stamp} | record
