"""Reading the rows of one object, by pages of a query or by a bulk job, to their proven end.

A walk hands on tables, and between pages a `None`: there it may rest, and its `token` says how to
go on from there, in this process or in the next. Rows are complete when they are as many as the
org itself counted, each once.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.clients.salesforce import SalesforceClient, locator_path
from pipelines.clients.salesforce_bulk import JobPage, QueryJob
from pipelines.clients.salesforce_replies import Part, PartReply, incomplete
from pipelines.errors import Incomplete, Refused, Retry, Unavailable
from pipelines.extract.salesforce_calls import Transport, rest_calls
from pipelines.extract.salesforce_objects import Shape
from pipelines.extract.salesforce_pages import Page, PageReader, csv_tables

# How the org says that a cursor, a job or its results are not there any more.
_VANISHED = frozenset({"INVALID_QUERY_LOCATOR", "NOT_FOUND", "INVALIDJOBSTATE", "HTTP 404"})
# A request's first line may hold 16,384 bytes; a longer query travels in a composite's body.
_LONGEST_URL = 14_000


@dataclass(frozen=True)
class Polling:
    """How long to wait between looks at a job's state, in seconds: each look is a call."""

    first: float = 1.0
    growth: float = 1.6
    longest: float = 30.0
    most: float = 7200.0
    sleep: Callable[[float], None] = time.sleep

    def waits(self) -> Iterator[float]:
        """One wait before each look, until the job has taken too long."""
        wait, waited = self.first, 0.0
        while waited < self.most:
            yield wait
            waited += wait
            wait = min(wait * self.growth, self.longest)


@dataclass
class Walk:
    """One object as it is read in this run; `since` is None when everything is read.

    `rows` have been handed on since the walk began, in this process or before; `total` is the
    org's own count of them. A job that `is_old` was made by an earlier reading, and tells of the
    records as they were then.
    """

    shape: Shape
    since: datetime | None
    began: datetime
    transport: Transport = "REST"
    first: Page | None = None
    after: tuple[str, ...] = ()
    job: str = ""
    locator: str | None = None
    rows: int = 0
    total: int | None = None
    calls: int = 0
    resumed: bool = False
    is_old: bool = False
    met: list[pa.Array] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.shape.name

    @property
    def is_whole(self) -> bool:
        """Whether every id of the object has been met in this process."""
        return self.since is None and not self.resumed

    def token(self) -> dict[str, Any]:
        """How to go on from here in another process."""
        return {
            "began": self.began.isoformat(),
            "since": self.since.isoformat() if self.since else None,
            "transport": self.transport,
            "after": list(self.after),
            "job": self.job,
            "locator": self.locator,
            "rows": self.rows,
            "fields": self.shape.signature,
        }

    def ids(self) -> pa.ChunkedArray:
        """The ids met in this process."""
        return pa.chunked_array(self.met, pa.string())


def resumed(shape: Shape, token: Mapping[str, Any]) -> Walk | None:
    """The walk that a token tells of; None when the object has other fields by now."""
    if token.get("fields") != shape.signature:
        return None
    since = token["since"]
    return Walk(
        shape,
        datetime.fromisoformat(since) if since else None,
        datetime.fromisoformat(token["began"]),
        token["transport"],
        after=tuple(token["after"]),
        job=token["job"],
        locator=token["locator"],
        rows=token["rows"],
        resumed=bool(token["rows"]),
        is_old=bool(token["job"]),
    )


class Walker:
    """Walks over the objects of one org."""

    def __init__(
        self,
        client: SalesforceClient,
        polling: Polling,
        progress: Callable[[str], None],
    ) -> None:
        self._client = client
        self._polling = polling
        self._progress = progress

    @contextmanager
    def charged_to(self, walk: Walk) -> Iterator[None]:
        """The calls of this block are this object's; dlt reads the objects in turns."""
        before = self._client.calls.metered
        try:
            yield
        finally:
            walk.calls += self._client.calls.metered - before

    def reader(self, walk: Walk) -> PageReader:
        """What reads the pages of this walk."""
        return PageReader(self._client.org_id, walk.shape)

    def query_part(self, walk: Walk, reference: str) -> Part:
        """The walk's query as a part of a composite call."""
        return Part(reference, _path(walk.shape.soql(walk.since, walk.after)))

    def take_first(self, walk: Walk, reply: PartReply) -> None:
        """The first page as it came in a composite call; asked alone when that failed in passing.

        Raises `Refused` when the org does not take the query.
        """
        if reply.problem is None:
            walk.first = self.reader(walk).read(reply.raw)
        elif isinstance(reply.problem, Retry):
            with self.charged_to(walk):
                walk.first = self._first_page(walk)
        else:
            raise reply.problem
        walk.total = walk.first.total

    def start_job(self, walk: Walk) -> None:
        """Have the rows gathered by a bulk job, unless the org refuses that for this object."""
        try:
            with self.charged_to(walk):
                walk.job = self._client.jobs.start(walk.shape.bulk_soql(walk.since)).id
        except Refused as refusal:
            self._progress(
                f"Salesforce {walk.name}: no bulk query ({refusal.code}), reading page by page"
            )
            walk.job = ""
        walk.transport, walk.is_old = "Bulk" if walk.job else "REST", False
        if walk.job:
            walk.first = None

    def tables(self, walk: Walk) -> Iterator[pa.Table | None]:
        """The rows from where the walk stands. Raises `Incomplete` when they are not all."""
        if walk.transport == "Bulk":
            done = yield from self._bulk(walk)
            if not done:
                walk.transport, walk.job, walk.locator = "REST", "", None
                walk.rows, walk.met, walk.after = 0, [], ()
        if walk.transport == "REST":
            yield from self._rest(walk)
        if walk.met and pc.count_distinct(walk.ids()).as_py() != len(walk.ids()):
            raise incomplete(walk.name, len(walk.ids()), pc.count_distinct(walk.ids()).as_py())

    def said(self, walk: Walk) -> str:
        """The way it was read and what that cost, for people."""
        if walk.since is not None and walk.transport == "REST":
            return "incremental"
        mode = "full" if walk.since is None else "incremental"
        if walk.transport == "Bulk":
            return f"{mode}, by a bulk job: {walk.calls} calls, {rest_calls(walk.rows)} by pages"
        return f"{mode}, by pages: {rest_calls(walk.rows)} of them"

    # Pages ---------------------------------------------------------------------------------

    def _rest(self, walk: Walk) -> Iterator[pa.Table | None]:
        seen = 0
        with self.charged_to(walk):
            page = walk.first or self._first_page(walk)
        walk.first, promised = None, page.total
        walk.total = walk.rows + promised
        while True:
            seen += page.rows.num_rows
            if page.rows.num_rows or walk.since is None:
                self._meet(walk, page.rows)
                yield page.rows
            walk.after = page.last or walk.after
            if page.next_path is None:
                break
            yield None
            with self.charged_to(walk):
                following = self._following(walk, page.next_path)
            if following is None:  # the cursor has expired: go on behind the last row
                with self.charged_to(walk):
                    following = self._first_page(walk)
                seen, promised, walk.met = 0, following.total, []
                walk.total = walk.rows + promised
                walk.resumed = True
            page = following
        if seen != promised:
            raise incomplete(walk.name, promised, seen)

    def _first_page(self, walk: Walk) -> Page:
        path = _path(walk.shape.soql(walk.since, walk.after))
        reader = self.reader(walk)
        if len(path) <= _LONGEST_URL:
            return self._client.fetch(path, lambda answer: reader.read(answer.content))
        (reply,) = self._client.composite([Part("query", path)])
        return reader.read(reply.raw)

    def _following(self, walk: Walk, next_path: str) -> Page | None:
        reader = self.reader(walk)
        try:
            path = locator_path(next_path)
            return self._client.fetch(path, lambda answer: reader.read(answer.content))
        except Refused as refusal:
            if refusal.code not in _VANISHED:
                raise
            return None

    # Bulk ----------------------------------------------------------------------------------

    def _bulk(self, walk: Walk) -> Generator[pa.Table | None, None, bool]:
        """The rows of the job; False when it has none to give, so that pages must do."""
        with tempfile.TemporaryDirectory(prefix="crossfoot-") as folder:
            file = Path(folder) / "page.csv"
            for attempt in (1, 2):
                job = self._ended(walk)
                if job is not None and job.state == "JobComplete":
                    try:
                        yield from self._results(walk, job, file)
                        return True
                    except Refused as refusal:
                        if refusal.code not in _VANISHED:
                            raise
                        why = "its results are not there any more"
                elif job is None:
                    why = "the job is not there any more"
                else:
                    why = f"the job has {_state_words(job)}"
                self._progress(f"Salesforce {walk.name}: {why}")
                if attempt == 1 and (job is None or job.state == "JobComplete"):
                    walk.locator, walk.rows, walk.met = None, 0, []
                    self.start_job(walk)
                    if walk.job:
                        continue
                return False
        return False

    def _ended(self, walk: Walk) -> QueryJob | None:
        """The job when its state will not change any more; None when it has vanished."""
        for wait in self._polling.waits():
            self._polling.sleep(wait)
            try:
                with self.charged_to(walk):
                    job = self._client.jobs.state(walk.job)
            except Refused as refusal:
                if refusal.code not in _VANISHED:
                    raise
                return None
            if job.is_ended:
                return job
        raise Unavailable(
            "Salesforce", walk.name, "a bulk job did not end in time", "Run the sync again later."
        )

    def _results(self, walk: Walk, job: QueryJob, file: Path) -> Iterator[pa.Table | None]:
        walk.total = job.records
        while True:
            page = yield from self._job_page(walk, job, file)
            if page.locator is not None and page.locator == walk.locator:
                raise Unavailable("Salesforce", walk.name, "a page of a bulk job follows itself")
            walk.locator = page.locator
            if walk.locator is None:
                break
            yield None
        if walk.rows != job.records:
            raise incomplete(walk.name, job.records, walk.rows)
        if not walk.rows and walk.since is None:
            yield walk.shape.schema.empty_table()

    def _job_page(
        self, walk: Walk, job: QueryJob, file: Path
    ) -> Generator[pa.Table | None, None, JobPage]:
        """One page of a job's results; fetched a second time when it is not whole."""
        rows, met = walk.rows, len(walk.met)
        for is_last in (False, True):
            with self.charged_to(walk):
                page: JobPage = self._client.jobs.page(job.id, walk.locator, file)
            try:
                for table in csv_tables(file, self._client.org_id, walk.shape, page.records):
                    self._meet(walk, table)
                    yield table
                break
            except Incomplete:
                if is_last:
                    raise
                walk.rows, walk.met = rows, walk.met[:met]
        return page

    def _meet(self, walk: Walk, rows: pa.Table) -> None:
        walk.rows += rows.num_rows
        walk.met += rows["Id"].chunks


def _path(soql: str) -> str:
    return f"queryAll?{urlencode({'q': soql})}"


def _state_words(job: QueryJob) -> str:
    words = "failed" if job.state == "Failed" else "been aborted"
    return f"{words} ({job.message})" if job.message else words
