"""Several writes to one QuickBooks company in one call: up to 30, each accepted or refused alone.

The answer is 200 whatever became of the parts, and their order is not promised (quickbooks_api
2.5). With a request id each part is remembered under it followed by the part's own id (2.8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import simplejson

from pipelines.clients import quickbooks_faults as faults
from pipelines.clients.quickbooks_faults import SYSTEM
from pipelines.clients.transport import lost_reply
from pipelines.errors import CrossfootError

MOST_PARTS = 30
_PART_ID = re.compile(r"[\w-]{1,10}")


@dataclass(frozen=True)
class BatchWrite:
    """One part: `part_id` has at most 10 characters; `body` is the record as JSON text."""

    part_id: str
    operation: str
    entity: str
    body: str


def batch_text(writes: Sequence[BatchWrite]) -> str:
    """What is sent. The bodies are stored text and go as they are, every digit kept.

    Raises ValueError for more than 30 parts, or ids that are too long or not all different.
    """
    ids = [write.part_id for write in writes]
    if len(ids) > MOST_PARTS or len(set(ids)) < len(ids):
        raise ValueError(f"a batch has at most {MOST_PARTS} parts, each with an id of its own")
    if not all(_PART_ID.fullmatch(part_id) for part_id in ids):
        raise ValueError("the id of a part is 1 to 10 letters, digits, hyphens or underscores")
    parts = ",".join(
        f'{{"bId":{simplejson.dumps(w.part_id)},"operation":{simplejson.dumps(w.operation)},'
        f"{simplejson.dumps(w.entity)}:{w.body}}}"
        for w in writes
    )
    return f'{{"BatchItemRequest":[{parts}]}}'


def batch_answers(
    answer: Any, writes: Sequence[BatchWrite], where: str
) -> list[dict[str, Any] | CrossfootError]:
    """The written record, or why there is none, for each part in the order asked.

    Raises `ReplyLost` when the answer is about other parts: then nothing of it can be believed.
    """
    items = answer.get("BatchItemResponse") if isinstance(answer, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise lost_reply(SYSTEM, where, "the answer is not that of a batch")
    found: Mapping[str, Any] = {str(item.get("bId")): item for item in items}
    if not found.keys() <= {write.part_id for write in writes}:
        raise lost_reply(SYSTEM, where, "the answer is about other parts than were sent")
    return [_part(found.get(write.part_id), write, where) for write in writes]


def _part(
    item: Mapping[str, Any] | None, write: BatchWrite, where: str
) -> dict[str, Any] | CrossfootError:
    if item is None:
        return lost_reply(SYSTEM, where, "the answer leaves this part out")
    if isinstance(item.get("Fault"), dict):
        return faults.refusal(item["Fault"], where, 400, "write")
    record = item.get(write.entity)
    if not isinstance(record, dict):
        return lost_reply(SYSTEM, where, "the answer was not the written record")
    return record
