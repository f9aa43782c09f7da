"""What the vendor sets when a record is written: fields that follow from others, sums, history."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject
from pipelines.sandbox.salesforce.files import derive_version, file_version
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.stages import FORECASTS, stage_of
from pipelines.sandbox.salesforce.values import cents
from pipelines.sandbox.store import MetaWrite, Record, Store, Write

NextId = Callable[[SObject], tuple[str, MetaWrite]]
Stamps = Callable[[str, bool], Record]


class Consequences:
    """What follows from a write, in one org."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        org_id: str,
        user_id: str,
        next_id: NextId,
        stamps: Stamps,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._org = org_id
        self._user = user_id
        self._next_id = next_id
        self._stamps = stamps

    def act_as(self, user_id: str) -> None:
        """Write as this user."""
        self._user = user_id

    def derived(
        self, sobject: SObject, record: Record, before: Record, given: Mapping[str, Any]
    ) -> Record:
        """The record with what follows from its fields."""
        if sobject.name in ("Contact", "Lead", "User"):
            names = (record.get("FirstName"), record.get("LastName"))
            record["Name"] = " ".join(n for n in names if n)
        elif sobject.name == "Opportunity":
            self._derive_deal(record, before, given)
        elif sobject.name == "OpportunityLineItem":
            self._derive_line(record, before, given)
        elif sobject.name == "PricebookEntry":
            self._derive_entry(record, new=not before)
        elif sobject.name in ("Task", "Event"):
            self._derive_activity(sobject, record)
        elif sobject.name == "Attachment":
            record["BodyLength"] = len(base64.b64decode(record.get("Body") or ""))
        elif sobject.name == "ContentVersion":
            derive_version(record)
        elif sobject.name == "Case":
            record["IsClosed"] = record.get("Status") == "Closed"
            since = before.get("ClosedDate") or record["SystemModstamp"]
            record["ClosedDate"] = since if record["IsClosed"] else None
        return record

    def follow(self, sobject: SObject, record: Record, before: Record) -> None:
        """What else a committed write changes."""
        if sobject.name == "Opportunity":
            self.log_deal(record, before)
        elif sobject.name == "OpportunityLineItem":
            self.sum_up(record["OpportunityId"])
        elif sobject.name == "OpportunityContactRole" and record.get("IsPrimary"):
            self.only_primary(record)
        elif sobject.name == "ContentVersion" and not before:
            file_version(
                self._catalogue, self._store, self._org, record, self._next_id, self._stamps
            )

    def _derive_activity(self, sobject: SObject, record: Record) -> None:
        record["AccountId"] = self._account_of(record.get("WhatId")) or self._account_of(
            record.get("WhoId")
        )
        if sobject.name == "Task":
            closed = record.get("Status") == "Completed"
            done = record.get("CompletedDateTime") or record["SystemModstamp"]
            record["IsClosed"], record["CompletedDateTime"] = closed, done if closed else None
            record["IsHighPriority"] = record.get("Priority") == "High"

    def _account_of(self, record_id: str | None) -> str | None:
        """The account of what an activity is about; an account's is itself."""
        sobject = self._catalogue.of_id(record_id) if record_id else None
        if sobject is None or record_id is None:
            return None
        if sobject.name == "Account":
            return record_id
        record = self._store.table(self._org, sobject.name).get(record_id) or {}
        account = record.get("AccountId")
        return str(account) if account else None

    def _derive_deal(self, record: Record, before: Record, given: Mapping[str, Any]) -> None:
        stage = stage_of(self._store, self._org, record["StageName"])
        moved = record["StageName"] != before.get("StageName")
        if moved:
            record["LastStageChangeDate"] = record["LastModifiedDate"]
            record["ForecastCategory"] = stage.category
            record["ForecastCategoryName"] = stage.category_name
            if "Probability" not in given:
                record["Probability"] = stage.probability
        told = str(given.get("ForecastCategoryName"))
        if told in FORECASTS:  # the deal's own word overrides its stage's
            record["ForecastCategoryName"], record["ForecastCategory"] = told, FORECASTS[told]
        record["IsClosed"], record["IsWon"] = stage.closed, stage.won
        if before.get("HasOpportunityLineItem") and "Amount" in given:
            record["Amount"] = before.get("Amount")  # the lines decide once there are any
        amount = record.get("Amount")
        share = Decimal(record.get("Probability") or 0) / 100
        record["ExpectedRevenue"] = None if amount is None else cents(Decimal(amount) * share)
        closes = date.fromisoformat(record["CloseDate"])
        quarter = (closes.month - 1) // 3 + 1
        record["FiscalYear"], record["FiscalQuarter"] = closes.year, quarter
        record["Fiscal"] = f"{closes.year} {quarter}"

    def _derive_line(self, record: Record, before: Record, given: Mapping[str, Any]) -> None:
        entry = self._entry_of(record)
        quantity = Decimal(record["Quantity"])
        discount = Decimal(record.get("Discount") or 0)
        if "UnitPrice" in given and "TotalPrice" in given and given["TotalPrice"] is not None:
            raise refusals.integrity(
                "field integrity exception: unknown (only one of unit price and total price may "
                "be specified)"
            )
        if given.get("TotalPrice") is not None and quantity:
            gross = Decimal(given["TotalPrice"]) / (1 - discount / 100)
            record["UnitPrice"] = cents(gross / quantity)
            record["TotalPrice"] = cents(Decimal(given["TotalPrice"]))
        else:
            if record.get("UnitPrice") is None:
                record["UnitPrice"] = entry["UnitPrice"] if entry else Decimal(0)
            price = quantity * Decimal(record["UnitPrice"])
            record["TotalPrice"] = cents(price * (100 - discount) / 100)
        record["Subtotal"] = cents(quantity * Decimal(record["UnitPrice"]))
        if entry and not before:
            self._describe_line(record, entry)

    def _entry_of(self, record: Record) -> Record | None:
        entry_id = record.get("PricebookEntryId")
        return self._store.table(self._org, "PricebookEntry").get(entry_id) if entry_id else None

    def _describe_line(self, record: Record, entry: Record) -> None:
        product = self._store.table(self._org, "Product2").get(entry["Product2Id"]) or {}
        deal = self._store.table(self._org, "Opportunity").get(record["OpportunityId"]) or {}
        if deal.get("Pricebook2Id") not in (None, entry["Pricebook2Id"]):
            raise refusals.integrity(
                "field integrity exception: PricebookEntryId (pricebook entry is in a different "
                "pricebook than the one assigned to the opportunity)", ("PricebookEntryId",),
            )  # fmt: skip
        if entry.get("IsActive") is False:
            raise refusals.integrity(
                "field integrity exception: PricebookEntryId (pricebook entry is inactive)",
                ("PricebookEntryId",),
            )
        if deal.get("CurrencyIsoCode") != entry.get("CurrencyIsoCode"):
            raise refusals.integrity(
                "field integrity exception: PricebookEntryId (pricebook entry currency code does "
                "not match opportunity currency code)", ("PricebookEntryId",),
            )  # fmt: skip
        record |= {
            "Product2Id": entry["Product2Id"],
            "ProductCode": product.get("ProductCode"),
            "ListPrice": entry["UnitPrice"],
            "Name": f"{deal.get('Name', '')} {product.get('Name', '')}".strip(),
            "CurrencyIsoCode": deal.get("CurrencyIsoCode"),
        }

    def _derive_entry(self, record: Record, new: bool) -> None:
        product = self._store.table(self._org, "Product2").get(record["Product2Id"]) or {}
        record["Name"], record["ProductCode"] = product.get("Name"), product.get("ProductCode")
        if not new:
            return
        same = [
            e
            for e in self._store.table(self._org, "PricebookEntry").find(
                "Product2Id", record["Product2Id"]
            )
            if e["CurrencyIsoCode"] == record["CurrencyIsoCode"] and not e.get("IsDeleted")
        ]
        if any(e["Pricebook2Id"] == record["Pricebook2Id"] for e in same):
            raise Refusal(
                "DUPLICATE_VALUE", "This price definition already exists in this price book", ()
            )
        books = self._store.table(self._org, "Pricebook2")
        book = books.get(record["Pricebook2Id"]) or {}
        standard = [e for e in same if (books.get(e["Pricebook2Id"]) or {}).get("IsStandard")]
        if not book.get("IsStandard") and not standard:
            raise Refusal(
                "STANDARD_PRICE_NOT_DEFINED",
                "Before creating a custom price, create a standard price.",
                (),
            )

    def log_deal(self, record: Record, before: Record) -> None:
        """A row of OpportunityHistory for each change of stage, amount, close date and so on."""
        watched = ("StageName", "Amount", "CloseDate", "Probability", "ForecastCategory")
        if before and all(record.get(n) == before.get(n) for n in watched):
            return
        history = self._catalogue.get("OpportunityHistory")
        assert history is not None
        record_id, counter = self._next_id(history)
        row = {name: record.get(name) for name in (*watched, "ExpectedRevenue", "CurrencyIsoCode")}
        row |= {
            "Id": record_id,
            "OpportunityId": record["Id"],
            "IsDeleted": False,
            "CreatedDate": record["SystemModstamp"],
            "CreatedById": self._user,
            "SystemModstamp": record["SystemModstamp"],
        }
        self._store.commit([Write(self._org, history.name, record_id, row), counter])

    def sum_up(self, deal_id: str) -> None:
        """The deal's amount and quantity are the sums over its lines."""
        deal = self._store.table(self._org, "Opportunity").get(deal_id)
        if deal is None or deal.get("IsDeleted"):
            return
        lines = [
            line
            for line in self._store.table(self._org, "OpportunityLineItem").find(
                "OpportunityId", deal_id
            )
            if not line.get("IsDeleted")
        ]
        # A sum is the system's doing: the stamp moves, the last modification does not.
        moved = self._stamps(deal_id, False)["SystemModstamp"]
        after = {**deal, "SystemModstamp": moved, "HasOpportunityLineItem": bool(lines)}
        if lines:
            after["Pricebook2Id"] = deal.get("Pricebook2Id") or self._book_of(lines[0])
            after["Amount"] = sum((Decimal(x["TotalPrice"]) for x in lines), Decimal(0))
            after["TotalOpportunityQuantity"] = sum(
                (Decimal(x["Quantity"]) for x in lines), Decimal(0)
            )
        sobject = self._catalogue.get("Opportunity")
        assert sobject is not None
        self._derive_deal(after, {**deal, "HasOpportunityLineItem": False}, {"Probability": None})
        self._store.commit([Write(self._org, "Opportunity", deal_id, after)])
        self.log_deal(after, deal)

    def _book_of(self, line: Record) -> str | None:
        """The first line decides the deal's price book."""
        entry = self._entry_of(line)
        return entry["Pricebook2Id"] if entry else None

    def only_primary(self, record: Record) -> None:
        """One contact of a deal is primary."""
        table = self._store.table(self._org, "OpportunityContactRole")
        others = [
            r
            for r in table.find("OpportunityId", record["OpportunityId"])
            if r["Id"] != record["Id"] and r.get("IsPrimary")
        ]
        self._store.commit(
            [
                Write(self._org, "OpportunityContactRole", r["Id"],
                      {**r, **self._stamps(r["Id"], False), "IsPrimary": False})
                for r in others
            ]
        )  # fmt: skip
