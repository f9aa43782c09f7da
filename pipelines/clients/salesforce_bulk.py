"""Query jobs of Bulk API 2.0: made, watched, and read page by page into files.

A job costs one call to make, one for each time its state is asked, and one for each page of its
results, however many rows it has (Bulk API 2.0 guide, "Query Jobs"). All of them are reads: a job
that was made twice because an answer was lost changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlencode

import requests
import simplejson

from pipelines.clients.salesforce_replies import SYSTEM
from pipelines.errors import Unavailable

T = TypeVar("T")
ENDED = ("JobComplete", "Failed", "Aborted")
_CHUNK = 1 << 20


class Sender(Protocol):
    """The part of a client that query jobs need."""

    def fetch(
        self,
        path: str,
        decode: Callable[[requests.Response], T],
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        data: str | None = None,
        stream: bool = False,
    ) -> T:
        """One read below the version root, repeated while it fails in passing."""
        ...


@dataclass(frozen=True)
class QueryJob:
    """A query job as the org tells it; `records` is its own count once it is complete."""

    id: str
    state: str
    records: int = 0
    message: str = ""

    @property
    def is_ended(self) -> bool:
        """Whether its state will not change any more."""
        return self.state in ENDED


@dataclass(frozen=True)
class JobPage:
    """One page of a job's results, in a file. `locator` leads to the next; None: it was the last.
    `records` is what the org says the page holds."""

    file: Path
    records: int
    locator: str | None


class QueryJobs:
    """The query jobs of one org."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def start(self, soql: str, include_deleted: bool = True) -> QueryJob:
        """Make a job. Raises `Refused` for an object or field that bulk queries do not take."""
        body = {
            "operation": "queryAll" if include_deleted else "query",
            "query": soql,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        return self._client.fetch("jobs/query", _job, method="POST", data=simplejson.dumps(body))

    def state(self, job_id: str) -> QueryJob:
        """What has become of a job. Raises `Refused` (NOT_FOUND) for one that is not there."""
        return self._client.fetch(f"jobs/query/{_safe(job_id)}", _job)

    def page(self, job_id: str, locator: str | None, into: Path) -> JobPage:
        """One page of the results of a finished job, written to `into` as it comes.

        Raises `Refused` when job or locator are not there any more, `Unavailable` when the file
        was cut off or does not say how many rows it has.
        """
        query = f"?{urlencode({'locator': locator})}" if locator else ""
        return self._client.fetch(
            f"jobs/query/{_safe(job_id)}/results{query}",
            lambda response: _saved(response, into),
            headers={"Accept": "text/csv"},
            stream=True,
        )


def _safe(job_id: str) -> str:
    if not job_id.isalnum():
        raise ValueError(f"not the id of a job: {job_id!r}")
    return job_id


def _job(response: requests.Response) -> QueryJob:
    try:
        told = response.json()
        return QueryJob(
            str(told["id"]),
            str(told["state"]),
            int(told.get("numberRecordsProcessed") or 0),
            str(told.get("errorMessage") or ""),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Unavailable(SYSTEM, "query job", "the answer does not describe a job") from None


def _saved(response: requests.Response, into: Path) -> JobPage:
    try:
        with into.open("wb") as file:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
    except requests.RequestException:
        raise Unavailable(SYSTEM, "query job", "a page of its results was cut off") from None
    told, locator = (response.headers.get(f"Sforce-{n}") for n in ("NumberOfRecords", "Locator"))
    if told is None or not told.isdecimal():
        raise Unavailable(SYSTEM, "query job", "a page does not say how many rows it has")
    if not locator:
        raise Unavailable(SYSTEM, "query job", "a page does not say what follows it")
    return JobPage(into, int(told), None if locator == "null" else locator)
