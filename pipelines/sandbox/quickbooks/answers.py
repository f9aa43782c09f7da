"""The answers of reads that return more than one object."""

from __future__ import annotations

from pipelines.sandbox.quickbooks import recurring
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.query import parse
from pipelines.sandbox.quickbooks.refusals import query_invalid
from pipelines.sandbox.quickbooks.selection import Day, page, select
from pipelines.sandbox.quickbooks.values import Record
from pipelines.sandbox.quickbooks.vocabulary import BY_SEGMENT

TAX_CODES_AT_LEAST = 4


def query_answer(books: Books, text: str, room: int | None = None) -> Record:
    """The QueryResponse member of an answer; `room` is what a batch still allows.

    Raises:
        Refusal: 4000, 4001.
    """
    statement = parse(text.strip().rstrip(";"))
    entity = BY_SEGMENT.get(statement.entity.lower())
    if entity is None:
        raise query_invalid(f"invalid context declaration: {statement.entity}")
    rows = select(statement, entity, books.table(entity.name), Day(books.now()))
    if statement.count:
        return {"QueryResponse": {"totalCount": len(rows)}}
    if (
        entity.name == "TaxCode"
        and statement.limit < TAX_CODES_AT_LEAST
        and not statement.conditions
    ):
        # The real service answers four tax codes to MAXRESULTS 1; client suites assert it.
        found = rows[statement.start - 1 : statement.start - 1 + TAX_CODES_AT_LEAST]
    else:
        found = page(statement, rows)
    found = found if room is None else found[:room]
    if not found:
        return {"QueryResponse": {}}
    shown = list(map(recurring.shown, found)) if entity.name == recurring.NAME else list(found)
    counters = {"startPosition": statement.start, "maxResults": len(found)}
    return {"QueryResponse": {entity.answer: shown, **counters}}
