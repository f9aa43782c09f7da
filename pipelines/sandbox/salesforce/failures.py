"""Items of a call that fail because a fault says so: records of a collection or tree, parts of a
composite or batch, rows of an upload to either Bulk API. What depends on them fails as it would
for any other reason."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Request
from pipelines.sandbox.salesforce.refusals import Refusal

Doomed = Mapping[int, Refusal]
_ADDRESS = re.compile(
    r"/services/(?:data/(?:v[\d.]+|latest)/(?P<rest>.+?)|async/[\d.]+/(?P<classic>.+?))/?"
)
_UPLOAD = re.compile(r"jobs/ingest/\w+/batches", re.IGNORECASE)
_CLASSIC_UPLOAD = re.compile(r"job/\w+/batch")


class Failures:
    """What fails of the call being answered; the outermost of its loops takes it."""

    def __init__(self) -> None:
        self._doomed: Doomed = {}

    @contextmanager
    def armed(self, chosen: Collection[int], refusal: Refusal) -> Iterator[None]:
        """While it lasts, the items at these places are refused."""
        self._doomed = dict.fromkeys(chosen, refusal)
        try:
            yield
        finally:
            self._doomed = {}

    def taken(self) -> Doomed:
        """What fails, by its place from 0. A loop inside the one that asked gets nothing."""
        taken, self._doomed = self._doomed, {}
        return taken


def refuse_doomed(doomed: Doomed, place: int) -> None:
    """Raises: Refusal, the item at this place is to fail."""
    if place in doomed:
        raise doomed[place]


def items(request: Request) -> int:
    """How many items a call has; 0 for one that has none of its own."""
    found = _ADDRESS.fullmatch(request.path)
    if found is None:
        return 0
    if found["classic"]:
        is_upload = request.method == "POST" and _CLASSIC_UPLOAD.fullmatch(found["classic"])
        return _rows(request) if is_upload else 0
    rest = found["rest"]
    if request.method == "PUT" and _UPLOAD.fullmatch(rest):
        return max(0, request.body.count(b"\n") - 1)
    if not rest.startswith("composite"):
        return 0
    if request.method == "DELETE":
        return len([i for i in request.query.get("ids", "").split(",") if i])
    return _parts(request, rest) if request.method in ("POST", "PATCH") else 0


def _rows(request: Request) -> int:
    """The rows of a batch of Bulk API 1.0; a query has none."""
    body = request.body.lstrip()
    if body.startswith(b"["):
        listed = _json(request)
        return len(listed) if isinstance(listed, list) else 0
    if body.startswith(b"<"):
        return len(re.findall(rb"<sObject[\s>]", body))
    return max(0, len(body.strip().splitlines()) - 1)


def _json(request: Request) -> Any:
    try:
        return codec.loads(request.body)
    except ValueError:
        return None


def _parts(request: Request, rest: str) -> int:
    body = _json(request)
    if not isinstance(body, dict):
        return 0
    word = rest.split("/")[1] if "/" in rest else ""
    if word == "sobjects":
        return len(_listed(body, "records"))
    if word == "batch":
        return len(_listed(body, "batchRequests"))
    if word == "graph":
        return sum(len(_listed(g, "compositeRequest")) for g in _listed(body, "graphs"))
    if word == "tree":
        return len(list(planted(_listed(body, "records"))))
    return len(_listed(body, "compositeRequest"))


def _listed(value: Any, key: str) -> Sequence[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else ()


def planted(records: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """The records of a tree, each before its children."""
    for record in records:
        if isinstance(record, dict):
            yield record
            for value in record.values():
                yield from planted(_listed(value, "records"))
