"""Salesforce as a dlt source: one resource per object, merged on (org_id, Id).

An incremental run asks for everything in three calls: the describes in one composite, the queries
in composites of five. It asks for what has changed since the org's clock when the last reading
began, less ten minutes, because commits become visible late; the merge takes the repeats away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import dlt
import pyarrow as pa

from pipelines.clients.salesforce import (
    COMPOSITE_LIMIT,
    COMPOSITE_QUERIES,
    SYSTEM,
    Part,
    PartReply,
    QueryPage,
    SalesforceClient,
    incomplete,
    object_id,
    query_page,
    soql_time,
)
from pipelines.errors import Unavailable
from pipelines.extract import columns
from pipelines.extract.results import ControlTotal, ExtractResult, Mode, Progress, silent

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
# Deleted rows stay in the bin, and so in queryAll, for 15 days; older changes are read anew.
BIN_DAYS = timedelta(days=14)
# What tells of a change, best first: history objects have a creation date only.
_CURSORS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
# A request's first line may hold 16,384 bytes; a longer query travels in a composite's body.
_LONGEST_URL = 14_000
State = MutableMapping[str, Any]


@dataclass
class _Object:
    """One object as it is read in this run; `since` is None when everything is read."""

    name: str
    schema: pa.Schema
    since: datetime | None
    first: QueryPage | None = None
    calls: int = 0

    @property
    def cursor(self) -> str | None:
        return next((name for name in _CURSORS if name in self.schema.names), None)

    @property
    def soql(self) -> str:
        """Every field of the object, in the order of its cursor."""
        fields = ", ".join(columns.names(self.schema))
        where = f" WHERE {self.cursor} >= {soql_time(self.since)}" if self.since else ""
        order = f" ORDER BY {self.cursor}, Id" if self.cursor else " ORDER BY Id"
        return f"SELECT {fields} FROM {object_id(self.name)}{where}{order}"  # noqa: S608


class SalesforceReading:
    """One reading of one org. Results of the objects read so far are in `results`.

    With `full`, everything is read again.
    """

    def __init__(
        self,
        client: SalesforceClient,
        objects: Sequence[str] = OBJECTS,
        full: bool = False,
        progress: Progress = silent,
    ) -> None:
        self.client = client
        self.objects = tuple(objects)
        self.results: list[ExtractResult] = []
        self.controls: list[ControlTotal] = []
        self.unfinished = False
        self._full = full
        self._progress = progress
        self._found: dict[str, _Object] = {}
        self._began: datetime | None = None

    def tables(self, name: str, state: State) -> Iterator[pa.Table]:
        """The new rows of one object, page by page; `state` moves on when all have come.

        Raises `Incomplete` when they are not the rows that the org itself counted.
        """
        self._prepare(state)
        one = self._found[name]
        with self._charged_to(one):
            page: QueryPage | None = one.first or self._first_page(one)
        total, ids = page.total if page else 0, set[str]()
        while page is not None:
            ids.update(str(record["Id"]) for record in page.records)
            if page.records or one.since is None:  # an empty table still has all its columns
                yield self._table(one, page)
            with self._charged_to(one):
                page = self.client.next_page(page.next_path) if page.next_path else None
        with self._charged_to(one):
            self._check(one, total, len(ids))
        state[name] = {
            "until": self._beginning().isoformat(),
            "fields": columns.signature(one.schema),
        }
        self._note(one, len(ids), total)

    def _table(self, one: _Object, page: QueryPage) -> pa.Table:
        rows = [{"org_id": self.client.org_id, **record} for record in page.records]
        return columns.table(rows, one.schema, one.name)

    def _prepare(self, state: Mapping[str, Any]) -> None:
        """Field types, and the first pages of all objects that are read incrementally."""
        if self._found:
            return
        before = self.client.calls.metered
        replies = self._describes()
        self._began = self._server_time()
        for name, reply in zip(self.objects, replies, strict=True):
            schema = columns.salesforce_schema(_described(name, reply))
            self._found[name] = _Object(name, schema, self._since(schema, state.get(name)))
        changed = [one for one in self._found.values() if one.since is not None]
        for start in range(0, len(changed), COMPOSITE_QUERIES):
            self._ask_together(changed[start : start + COMPOSITE_QUERIES])
        self._found[self.objects[0]].calls = self.client.calls.metered - before

    @contextmanager
    def _charged_to(self, one: _Object) -> Iterator[None]:
        """The calls of this block are this object's; dlt reads the objects in turns."""
        before = self.client.calls.metered
        yield
        one.calls += self.client.calls.metered - before

    def _describes(self) -> list[PartReply]:
        parts = [
            Part(f"describe{i}", f"sobjects/{object_id(n)}/describe")
            for i, n in enumerate(self.objects)
        ]
        replies: list[PartReply] = []
        for start in range(0, len(parts), COMPOSITE_LIMIT):
            replies += self.client.composite(parts[start : start + COMPOSITE_LIMIT])
        return replies

    def _since(self, schema: pa.Schema, known: Mapping[str, Any] | None) -> datetime | None:
        """From when to ask, or None for everything: at first, after a field was added or changed
        (older rows have values in it too), after too long, and when the clock went back."""
        cursor = _Object("", schema, None).cursor
        if self._full or known is None or cursor is None:
            return None
        fields = columns.signature(schema)
        if not fields.items() <= known["fields"].items():
            return None
        until, now = datetime.fromisoformat(known["until"]), self._beginning()
        return until - OVERLAP if until <= now < until + BIN_DAYS else None

    def _ask_together(self, objects: Sequence[_Object]) -> None:
        parts = [
            Part(f"query{i}", f"queryAll?{urlencode({'q': one.soql})}")
            for i, one in enumerate(objects)
        ]
        for one, reply in zip(objects, self.client.composite(parts), strict=True):
            one.first = query_page(reply.body)

    def _first_page(self, one: _Object) -> QueryPage:
        if len(urlencode({"q": one.soql})) <= _LONGEST_URL:
            return self.client.first_page(one.soql, include_deleted=True)
        self._ask_together([one])
        if one.first is None:
            raise Unavailable(SYSTEM, one.name, "the query was not answered")
        return one.first

    def _check(self, one: _Object, total: int, held: int) -> None:
        """All rows that were promised, each once. An object that seems empty is counted too."""
        if held != total:
            raise incomplete(one.name, total, held)
        if one.since is None and total == 0:
            count = f"SELECT COUNT() FROM {object_id(one.name)}"  # noqa: S608
            counted = self.client.first_page(count, include_deleted=True).total
            if counted:
                raise incomplete(one.name, counted, 0)

    def _note(self, one: _Object, rows: int, total: int) -> None:
        mode: Mode = "full" if one.since is None else "incremental"
        org, at = self.client.org_id, self._server_time()
        self.results.append(ExtractResult(SYSTEM, org, one.name, mode, rows, total, one.calls, at))
        self._progress(f"Salesforce {one.name}: {rows:,} rows ({mode})")

    def _beginning(self) -> datetime:
        return self._began or self._server_time()

    def _server_time(self) -> datetime:
        found = self.client.server_time
        if found is None:
            raise Unavailable(SYSTEM, "org", "its answers carry no Date header")
        return found


def _described(name: str, reply: PartReply) -> Mapping[str, Any]:
    """The describe in a composite's part. Raises `Unavailable` when it is none."""
    body = reply.body
    if not isinstance(body, Mapping) or not isinstance(body.get("fields"), list):
        raise Unavailable(SYSTEM, name, "the answer does not describe its fields")
    return body


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
        orgs = dlt.current.source_state().setdefault("orgs", {})
        yield from reading.tables(name, orgs.setdefault(reading.client.org_id, {}))

    return dlt.resource(
        rows,
        name=table_name(name),
        primary_key=("org_id", "Id"),
        write_disposition="merge",
    )
