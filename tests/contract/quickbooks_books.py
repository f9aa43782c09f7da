"""What a QuickBooks company's books hold, as its own query answers it, for comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.clients.quickbooks import QuickBooksClient
from pipelines.extract.quickbooks_entities import condition


def key_of(record: Mapping[str, Any]) -> str:
    """The id by which the raw tables know a record."""
    if "SourceCurrencyCode" in record:
        return f"{record['SourceCurrencyCode']} {record['AsOfDate']}"
    return str(record.get("Id") or "1")


def books_of(client: QuickBooksClient, entity: str) -> list[dict[str, Any]]:
    """Every living record, inactive ones too."""
    if entity == "ExchangeRate":
        statement = "select * from ExchangeRate maxresults 1000"
        answer = client._read(lambda: client._library.query(statement), bool)
        return list(answer["QueryResponse"].get(entity, ()))
    return client.query(entity, condition(entity))
