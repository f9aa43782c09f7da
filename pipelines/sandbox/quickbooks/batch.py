"""Batch: up to 30 independent calls in one, a fault per item, always HTTP 200."""

from __future__ import annotations

from typing import Any

from pipelines.sandbox.quickbooks import objects
from pipelines.sandbox.quickbooks.answers import query_answer
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.memory import remembered
from pipelines.sandbox.quickbooks.refusals import Refusal, business, invalid_property, unsupported
from pipelines.sandbox.quickbooks.values import Record
from pipelines.sandbox.quickbooks.vocabulary import ENTITIES

MOST_ITEMS = 30
MOST_OBJECTS = 1000
NOT_OBJECTS = ("bId", "operation", "optionsData", "Query", "iPReports", "CDCQuery")


def run_batch(books: Books, body: Any, request_id: str) -> Record:
    """The BatchItemResponse member of an answer.

    Raises:
        Refusal: 2010 no items, 1040 more than 30.
    """
    items = body.get("BatchItemRequest") if isinstance(body, dict) else None
    if not isinstance(items, list):
        raise invalid_property("BatchItemRequest")
    if len(items) > MOST_ITEMS:
        raise Refusal(
            "1040",
            "Batch size exceeds allowed limit",
            f"Batch size exceeds the allowed limit. Batch limit : {MOST_ITEMS}",
        )
    answers: list[Record] = []
    room = MOST_OBJECTS
    for item in items:
        answer = _answer_item(books, item, request_id, room)
        room -= sum(len(v) for v in answer.get("QueryResponse", {}).values() if _is_rows(v))
        answers.append(answer)
    return {"BatchItemResponse": answers}


def _is_rows(value: Any) -> bool:
    return isinstance(value, list)


def _answer_item(books: Books, item: Any, request_id: str, room: int) -> Record:
    item = item if isinstance(item, dict) else {}
    b_id = str(item.get("bId", ""))
    try:
        with books.store.transaction():
            key = f"{request_id}{b_id}" if request_id and "Query" not in item else ""
            answer = remembered(books, key, lambda: _run_item(books, item, room))
    except Refusal as refusal:
        answer = {"Fault": refusal.fault()}
    return {**answer, **({"bId": b_id} if "bId" in item else {})}


def _run_item(books: Books, item: Record, room: int) -> Record:
    if "Query" in item:
        return query_answer(books, str(item["Query"]), room)
    names = [name for name in item if name not in NOT_OBJECTS]
    entity = ENTITIES.get(names[0]) if len(names) == 1 else None
    if entity is None:
        raise unsupported(f"batch item {', '.join(names) or 'without an object'}")
    given = item[names[0]] if isinstance(item[names[0]], dict) else {}
    operation = str(item.get("operation") or ("update" if given.get("Id") else "create")).lower()
    if operation not in ("create", "update", "delete", "void"):
        raise unsupported(f"batch operation {operation}")
    if operation == "create" and str(given.get("Id") or "0") != "0":
        raise business("A record with an Id cannot be created.", "Id")
    query = {"operation": operation, "include": str(item.get("optionsData", ""))}
    return {entity.answer: objects.write(books, entity, item[names[0]], query)}
