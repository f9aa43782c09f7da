"""How entries are sent to a QuickBooks company: one by itself, several in a batch.

Either way each has its own request id, its own answer, and no neighbour suffers from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.clients.quickbooks_batch import MOST_PARTS, BatchWrite
from pipelines.errors import CrossfootError, FixTheRow, ReplyLost, Retry
from reverse_etl.changes import REQUEST_PREFIX
from reverse_etl.ledger import Entry
from reverse_etl.syncs.flow import Answer, Clients, QuickBooksPort

BATCH = MOST_PARTS
# A part that the service was too busy for was surely not done: it may be sent again as it is.
_BUSY = "SERVER_UNAVAILABLE"


def send(clients: Clients, entries: Sequence[Entry]) -> Sequence[Answer]:
    """Create or update the entries' records: an answer for each, in order.

    A refusal is an answer, and so is silence about one part of a batch; everything else is raised.
    """
    company = clients.company(entries[0].company_id)
    if len(entries) == 1 or not all(e.request_id.startswith(REQUEST_PREFIX) for e in entries):
        return [_alone(company, entry) for entry in entries]
    writes = [
        BatchWrite(e.request_id.removeprefix(REQUEST_PREFIX), e.action, e.entity, e.payload)
        for e in entries
    ]
    return [_answer(found) for found in company.write_many(writes, REQUEST_PREFIX)]


def _alone(company: QuickBooksPort, entry: Entry) -> Answer:
    write = company.create if entry.action == "create" else company.update
    try:
        return _answer(write(entry.entity, entry.payload, entry.request_id))
    except FixTheRow as problem:
        return _answer(problem)


def _answer(found: dict[str, Any] | CrossfootError) -> Answer:
    if isinstance(found, FixTheRow):
        return Answer(False, None, found.code, found.vendor_message or found.problem)
    if isinstance(found, ReplyLost):
        return Answer(False, None, "", found.problem, lost=True)
    if isinstance(found, Retry):
        return Answer(False, None, _BUSY, found.problem)
    if isinstance(found, CrossfootError):
        raise found
    number = found.get("DocNumber")
    return Answer(True, str(found["Id"]), "", f"invoice number {number}" if number else "")
