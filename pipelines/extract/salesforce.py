"""Salesforce as a dlt source: one resource per object, merged on (org_id, Id).

An incremental run asks for everything in three calls: the describes in one composite, the queries
in composites of five. Rows are asked for from ten minutes before the newest time stamp that is
held, because commits become visible late; the merge takes the repeats away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dlt
import pyarrow as pa

from pipelines.clients.salesforce import (
    COMPOSITE_QUERIES,
    SYSTEM,
    Part,
    QueryPage,
    SalesforceClient,
    incomplete,
    query_page,
    soql_time,
)
from pipelines.errors import Unavailable
from pipelines.extract import columns
from pipelines.extract.results import ExtractResult, Mode

OBJECTS = (
    "Account",
    "Contact",
    "Opportunity",
    "OpportunityLineItem",
    "OpportunityHistory",
    "Product2",
    "Pricebook2",
    "PricebookEntry",
    "User",
    "CurrencyType",
)
OVERLAP = timedelta(minutes=10)
_CURSOR = "SystemModstamp"
Reading = Iterator[tuple[pa.Table, int]]


class SalesforceReading:
    """One reading of one org. Results of the objects read so far are in `results`."""

    def __init__(self, client: SalesforceClient, objects: Sequence[str] = OBJECTS) -> None:
        self.client = client
        self.objects = tuple(objects)
        self.results: list[ExtractResult] = []
        self._schemas: dict[str, pa.Schema] = {}
        self._first_pages: dict[str, QueryPage] = {}
        self._counted = 0

    def tables(self, name: str, cursors: MutableMapping[str, str]) -> Iterator[pa.Table]:
        """The new rows of one object, page by page; its cursor moves on when all have come."""
        self._prepare(cursors)
        schema = self._schemas[name]
        first = self._first_pages.pop(name, None) or self._ask(name, cursors)
        mode: Mode = "incremental" if cursors.get(name) else "full"
        total, seen, newest = first.total, 0, cursors.get(name, "")
        page: QueryPage | None = first
        while page is not None:
            seen += len(page.records)
            newest = max([newest, *(str(r[_CURSOR]) for r in page.records)])
            rows = [{"org_id": self.client.org_id, **r} for r in page.records]
            yield columns.table(rows, schema, name)
            page = self.client.next_page(page.next_path) if page.next_path else None
        if seen != total:
            raise incomplete(name, total, seen)
        cursors[name] = newest
        self._note(name, mode, seen, total)

    def _prepare(self, cursors: Mapping[str, str]) -> None:
        """Field types, and the first pages of all objects that are read incrementally."""
        if self._schemas:
            return
        parts = [Part(f"describe{i}", f"sobjects/{n}/describe") for i, n in enumerate(self.objects)]
        answers = self.client.composite(parts)
        for name, answer in zip(self.objects, answers, strict=True):
            self._schemas[name] = columns.salesforce_schema(answer.body)
        known = [n for n in self.objects if cursors.get(n)]
        for start in range(0, len(known), COMPOSITE_QUERIES):
            self._ask_together(known[start : start + COMPOSITE_QUERIES], cursors)

    def _ask_together(self, names: Sequence[str], cursors: Mapping[str, str]) -> None:
        from urllib.parse import urlencode

        parts = [
            Part(f"query{i}", f"queryAll?{urlencode({'q': self._soql(n, cursors)})}")
            for i, n in enumerate(names)
        ]
        for name, answer in zip(names, self.client.composite(parts), strict=True):
            self._first_pages[name] = query_page(answer.body)

    def _ask(self, name: str, cursors: Mapping[str, str]) -> QueryPage:
        return self.client.first_page(self._soql(name, cursors), include_deleted=True)

    def _soql(self, name: str, cursors: Mapping[str, str]) -> str:
        fields = ", ".join(columns.names(self._schemas[name]))
        since = cursors.get(name)
        where = f" WHERE {_CURSOR} >= {soql_time(columns.moment(since) - OVERLAP)}" if since else ""
        return f"SELECT {fields} FROM {name}{where} ORDER BY {_CURSOR}, Id"  # noqa: S608

    def _note(self, name: str, mode: Mode, rows: int, total: int) -> None:
        calls = self.client.calls.metered - self._counted
        self._counted += calls
        self.results.append(
            ExtractResult(
                SYSTEM, self.client.org_id, name, mode, rows, total, calls, self._server_time()
            )
        )

    def _server_time(self) -> datetime:
        found = self.client.server_time
        if found is None:
            raise Unavailable(SYSTEM, "org", "its answers carry no Date header")
        return found


def table_name(api_name: str) -> str:
    """The raw table of an object: `OpportunityLineItem` is `opportunity_line_item`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", api_name).lower()


@dlt.source(name="salesforce", max_table_nesting=0)
def salesforce_source(
    reading: SalesforceReading | None = None, objects: Sequence[str] = OBJECTS
) -> Any:
    """The objects of one org. Without a reading it can be looked at, but not run."""
    return [_resource(reading, name) for name in (reading.objects if reading else objects)]


def _resource(reading: SalesforceReading | None, name: str) -> Any:
    def rows() -> Iterator[pa.Table]:
        if reading is None:
            raise ValueError("a Salesforce source needs a reading to be run")
        cursors = (
            dlt.current.source_state()
            .setdefault("cursors", {})
            .setdefault(reading.client.org_id, {})
        )
        yield from reading.tables(name, cursors)

    return dlt.resource(
        rows,
        name=table_name(name),
        primary_key=("org_id", "Id"),
        write_disposition="merge",
    )
