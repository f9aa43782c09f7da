"""One QuickBooks Online company through python-quickbooks' own request code.

The library builds addresses and parses answers; session, tokens, bodies and errors are ours: its
session has no timeout and no refresh, its objects write Decimals as text, and its batch carries no
request id (quickbooks_api 6.1). Amounts arrive as Decimal and leave as exact number literals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import simplejson

from pipelines.clients import quickbooks_answers as answers
from pipelines.clients import quickbooks_faults as faults
from pipelines.clients.quickbooks_answers import RawChanges, RawPage
from pipelines.clients.quickbooks_batch import BatchWrite, batch_answers, batch_text
from pipelines.clients.quickbooks_connection import QuickBooksConnection
from pipelines.clients.quickbooks_faults import SYSTEM
from pipelines.clients.quickbooks_shapes import (
    Changed,
    Page,
    Record,
    changed,
    has,
    is_changes,
    is_count,
)
from pipelines.clients.quickbooks_statements import (
    body_text,
    carries_mark,
    checked_request_id,
    entity_name,
    identifier,
    quoted,
    select,
    vendor_time,
)
from pipelines.clients.recording import Recorder, unrecorded
from pipelines.clients.tokens import token_file
from pipelines.clients.transport import Patience, lost_reply
from pipelines.errors import CrossfootError, Incomplete, Refused
from pipelines.settings import Settings

__all__ = [
    "CDC_LIMIT", "PAGE", "SYSTEM", "Changed", "Page", "QuickBooksClient", "Record",
    "carries_mark", "quickbooks_client", "quoted", "vendor_time",
]  # fmt: skip

PAGE = 1000
# More objects than this are cut off without a word (quickbooks_api 2.6).
CDC_LIMIT = 1000


def quickbooks_client(
    settings: Settings, realm_id: str, record: Recorder = unrecorded
) -> QuickBooksClient:
    """The client of a configured company, which tells `record` of its calls.

    Raises `ConfigurationError` for an unknown one.
    """
    company = settings.quickbooks.company(realm_id)
    return QuickBooksClient(
        settings.quickbooks,
        company,
        token_file(settings, f"quickbooks-{realm_id}"),
        read_seconds=settings.timeout_seconds,
        patience=Patience(throttle_wait=60.0 if settings.profile == "live" else 1.0),
        record=record,
    )


class QuickBooksClient(QuickBooksConnection):
    """Reads and writes of one company. Reads are repeated when that is safe, writes never are."""

    # Reads -----------------------------------------------------------------------------------

    def query(self, entity: str, where: str = "") -> list[Record]:
        """All records that satisfy `where` (literals by `quoted`), inactive ones only on request.

        Raises `Incomplete` when the pages do not fit together, and the call errors.
        """
        return [record for records in self.query_pages(entity, where) for record in records]

    def query_pages(self, entity: str, where: str = "") -> Iterator[list[Record]]:
        """The records of `pages`, page by page."""
        return (list(page.records) for page in self.pages(entity, where))

    def pages(self, entity: str, where: str = "") -> Iterator[Page]:
        """Pages of up to 1000 records in the order of Id, each record once.

        Each page begins with the last record of the one before: when it is missing there, rows
        have moved under the walk and one could have been skipped, so `Incomplete` is raised.
        """
        start, last = 1, None
        while True:
            page = self._page(entity, where, start)
            if last is not None and (not page.records or page.records[0].get("Id") != last):
                raise self._moved(entity)
            fresh = page.records if last is None else page.records[1:]
            yield Page(fresh, page.server_time)
            if len(page.records) < PAGE:
                return
            start, last = start + PAGE - 1, page.records[-1]["Id"]

    def count(self, entity: str, where: str = "") -> int:
        """How many records satisfy `where`, by the service's own count."""
        statement = select("count(*)", entity, where)
        answer = self._read(lambda: self._library.query(statement), is_count)
        return int(answer["QueryResponse"]["totalCount"])

    def counts(self, conditions: Mapping[str, str]) -> dict[str, int]:
        """The service's counts of several entities in one batch; `conditions` by entity."""
        answers: dict[str, int] = {}
        names = list(conditions)
        for first in range(0, len(names), 30):
            answers.update(self._counted(names[first : first + 30], conditions))
        return answers

    def cdc(self, entities: Sequence[str], since: datetime) -> Changed:
        """Everything that changed in these entities since a time at most 30 days back.

        At 1000 objects the answer may be cut off: compare `objects` with `CDC_LIMIT`.
        """
        names = ",".join(entity_name(e) for e in entities)
        moment = vendor_time(since)
        answer = self._read(lambda: self._library.change_data_capture(names, moment), is_changes)
        return changed(answer, self._time(answer))

    def fetch_page(self, entity: str, where: str = "", window: str = "") -> RawPage:
        """One page of a query in the vendor's own bytes; `window` orders and cuts it.

        Raises the call errors, also when the page holds less than it says.
        """
        statement = select("*", entity, where, window)
        return self._fetched("query", lambda body: self._whole(entity, body), statement=statement)

    def fetch_changes(self, entities: Sequence[str], since: datetime) -> RawChanges:
        """Like `cdc`, in the vendor's own bytes."""
        params = {
            "entities": ",".join(map(entity_name, entities)),
            "changedSince": vendor_time(since),
        }
        return self._fetched("cdc", answers.changes, params)

    def report(self, name: str, **params: str) -> Record:
        """A report as the service lays it out: every cell is text (quickbooks_api 2.9)."""
        return self._fetched(f"reports/{entity_name(name)}", answers.report, params)

    def read(self, entity: str, record_id: str) -> Record | None:
        """One record, or None when the service does not know the id (deleted or never there)."""
        path = f"{entity_name(entity).lower()}/{identifier(record_id)}"
        try:
            return dict(self._read(lambda: self._get(path), has(entity))[entity])
        except Refused as refusal:
            if refusal.code == faults.NOT_FOUND:
                return None
            raise

    def find_invoices_by_marks(self, since: datetime, marks: Collection[str]) -> list[Record]:
        """The invoices created since then whose private note carries one of the marks, voided ones
        too.

        The note cannot be filtered by the service, so all invoices of the time are read and looked
        through here.
        """
        where = f"MetaData.CreateTime >= {quoted(vendor_time(since))}"
        seen = self.query("Invoice", where)
        return [i for i in seen if any(carries_mark(i, mark) for mark in marks)]

    # Writes ----------------------------------------------------------------------------------

    def create(self, entity: str, body: Mapping[str, Any] | str, request_id: str) -> Record:
        """Create one record and return it as stored. `body` may be the stored JSON text.

        The same request id returns the first answer and creates nothing (quickbooks_api 2.8).
        Raises `Refused` with the vendor's code, `ReplyLost` when the outcome is unknown.
        """
        text = body_text(body)
        key = checked_request_id(request_id)
        return self._write(
            entity,
            lambda: self._library.create_object(entity_name(entity), text, request_id=key),
        )

    def update(self, entity: str, body: Mapping[str, Any] | str, request_id: str) -> Record:
        """Change one record: `body` holds Id, SyncToken and, unless all is meant, sparse true.

        Raises `Stale` when the record has moved on, else like `create`.
        """
        text = body_text(body)
        given = simplejson.loads(text)
        if not given.get("Id") or given.get("SyncToken") is None:
            raise ValueError("an update needs Id and SyncToken")
        key = checked_request_id(request_id)
        return self._write(
            entity,
            lambda: self._library.update_object(entity_name(entity), text, request_id=key),
        )

    def void(self, entity: str, body: Mapping[str, Any] | str, request_id: str) -> Record:
        """Void one document: its amounts become zero, it stays in the books and its note begins
        with "Voided" (quickbooks_api 2.7). `body` holds Id and SyncToken; raises like `update`."""
        text = body_text(body)
        key = checked_request_id(request_id)
        return self._write(
            entity,
            lambda: self._library.update_object(
                entity_name(entity), text, request_id=key, params={"operation": "void"}
            ),
        )

    def mail(self, entity: str, record_id: str, address: str, request_id: str) -> Record:
        """Have the service e-mail one document and return it as it is then (quickbooks_api 2.7).

        A second call may send a second mail. Raises `Refused` without a usable address, and
        `ReplyLost` when nobody can say whether it was sent.
        """
        path = f"{entity_name(entity).lower()}/{identifier(record_id)}/send"
        url = f"{self._library.api_url}/company/{self.realm_id}/{path}"
        key = checked_request_id(request_id)
        return self._write(
            entity,
            lambda: self._library.make_request(
                "POST", url, content_type="application/octet-stream",
                params={"sendTo": address}, request_id=key,
            ),
        )  # fmt: skip

    def write_many(
        self, writes: Sequence[BatchWrite], request_id: str
    ) -> list[Record | CrossfootError]:
        """Up to 30 writes in one call: the record, or why there is none, for each, in order.

        Each part is remembered under the request id followed by its own id. Raises `ReplyLost`
        when the outcome of all is unknown, and `Throttled` when nothing was done.
        """
        key = checked_request_id(request_id)
        url = f"{self._library.api_url}/company/{self.realm_id}/batch"
        text = batch_text(writes)
        self._patience.insist(self._tokens.access)

        def once() -> Any:
            if self._batches is not None:
                self._batches.wait()
            return self._library.make_request("POST", url, text, request_id=key)

        return batch_answers(self._signed(once, "write"), writes, self._where)

    # How calls are made ----------------------------------------------------------------------

    def _page(self, entity: str, where: str, start: int) -> Page:
        window = f"orderby Id startposition {start} maxresults {PAGE}"
        answer = self._query(select("*", entity, where, window))
        records = answer["QueryResponse"].get(entity, [])
        self._check_page(entity, answer["QueryResponse"], len(records))
        return Page(tuple(records), self._time(answer))

    def _check_page(self, entity: str, response: Mapping[str, Any], held: int) -> None:
        said = response.get("maxResults", held)
        if int(said) != held:
            raise Incomplete(
                SYSTEM,
                f"{entity} of company {self.realm_id}",
                f"a page says it has {said} records and holds {held}",
                "Nothing of it was kept; run the sync again.",
            )

    def _whole(self, entity: str, body: bytes) -> RawPage:
        page = answers.page(entity, body)
        if page.said != len(page.records):
            raise ValueError(
                f"a page says it has {page.said} records and holds {len(page.records)}"
            )
        return page

    def _moved(self, entity: str) -> Incomplete:
        return Incomplete(
            SYSTEM,
            f"{entity} of company {self.realm_id}",
            "records moved between two pages, so that one could have been skipped",
            "Nothing of it was kept; run the sync again.",
        )

    def _query(self, statement: str) -> Any:
        return self._read(lambda: self._library.query(statement), has("QueryResponse"))

    def _counted(self, names: list[str], conditions: Mapping[str, str]) -> dict[str, int]:
        items = [
            {"bId": name, "Query": select("count(*)", name, conditions[name])} for name in names
        ]
        body = simplejson.dumps({"BatchItemRequest": items})
        answer = self._read(
            lambda: self._batch_read(body, len(items)),
            lambda found: has("BatchItemResponse")(found) and self._counts_all(found, names),
        )
        return {
            item["bId"]: int(item["QueryResponse"]["totalCount"])
            for item in answer["BatchItemResponse"]
        }

    def _counts_all(self, answer: Mapping[str, Any], names: list[str]) -> bool:
        """Does a batch's answer hold a count for each name? Raises the first refusal in it."""
        items = answer["BatchItemResponse"]
        for item in items:
            if "Fault" in item:
                raise faults.refusal(item["Fault"], self._where, 400, "read")
        return {i.get("bId") for i in items} == set(names) and all(map(is_count, items))

    def _batch_read(self, body: str, items: int) -> Any:
        url = f"{self._library.api_url}/company/{self.realm_id}/batch"
        with self.session.calling("read", metered=items):
            return self._library.make_request("POST", url, body)

    def _write(self, entity: str, call: Callable[[], Any]) -> Record:
        self._patience.insist(self._tokens.access)
        answer = self._signed(call, "write")
        if not has(entity)(answer):
            raise lost_reply(SYSTEM, self._where, "the answer was not the written record")
        return dict(answer[entity])

    def _time(self, answer: Mapping[str, Any]) -> datetime:
        try:
            return datetime.fromisoformat(answer["time"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            return self.session.server_time or datetime.now(UTC)
