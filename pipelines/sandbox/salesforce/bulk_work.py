"""The work of bulk jobs, done in slices between calls, as a queue behind the vendor's API would."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.sandbox.salesforce import bulk_jobs
from pipelines.sandbox.salesforce.async_rows import records_of
from pipelines.sandbox.salesforce.bulk_rows import Given, reader
from pipelines.sandbox.salesforce.bulk_writes import CHUNK, Writing, key_of, write_chunk
from pipelines.sandbox.salesforce.csv_rows import Style, Unreadable, read
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

# So long may jobs hold up the call during which they are worked on.
_SECONDS_A_CALL = 1.0

Row = Given | Refusal


def advance(org: Org) -> None:
    """Work on what is due, for a second at most; the rest is done during later calls."""
    if not bulk_jobs.waiting(org):
        return
    deadline = time.monotonic() + _SECONDS_A_CALL
    for job_id in list(bulk_jobs.waiting(org)):
        job = bulk_jobs.find(org, job_id, bulk_jobs.V2_INGEST, bulk_jobs.PART)
        if job is not None and job["state"] in ("UploadComplete", "InProgress", "Queued"):
            if not bulk_jobs.is_due(org, job):
                continue
            job = _worked_as_its_maker(org, job, deadline)
            if job["state"] == "InProgress":
                return
        bulk_jobs.waiting(org).remove(job_id)


def _worked_as_its_maker(org: Org, job: Record, deadline: float) -> Record:
    """Rows are written by whoever made the job, whoever's call it is that lets them be written."""
    caller = org.user_id
    org.enter(str(job["createdById"]))
    try:
        return _worked(org, job, deadline)
    finally:
        org.enter(caller)


def _worked(org: Org, job: Record, deadline: float) -> Record:
    complete = "JobComplete" if job["kind"] == bulk_jobs.V2_INGEST else "Completed"
    try:
        if org.bulk.conduct.fail_with:
            raise Unreadable(org.bulk.conduct.fail_with)
        writing = _writing(org, job)
        rows, make = _rows(org, job, writing)
        _refuse_too_many(org, job, len(rows))
    except Unreadable as fault:
        return bulk_jobs.keep(org, job, state="Failed", error=str(fault))
    done = _slice(org, job, writing, rows, make, deadline)
    if done["processed"] < len(rows):
        return bulk_jobs.keep(org, done, state="InProgress")
    org.bulk.uploads.pop(job["id"], None)
    return bulk_jobs.keep(org, done, state=complete)


def _refuse_too_many(org: Org, job: Mapping[str, Any], rows: int) -> None:
    most = bulk_jobs.ROWS_IN_BATCH
    if org.kernel.options.limits and job["kind"] == bulk_jobs.PART and rows > most:
        raise Unreadable(f"InvalidBatch : Exceeded the limit of {most} records in a batch")


def _writing(org: Org, job: Mapping[str, Any]) -> Writing:
    sobject = org.catalogue.get(job["object"])
    if sobject is None:
        raise Unreadable(f"InvalidEntity : {job['object']} is gone")
    try:
        return Writing(sobject, job["operation"], key_of(org, job, sobject))
    except Refusal as refusal:  # the key was there when the job was made
        raise Unreadable(refusal.message) from None


def _rows(
    org: Org, job: Mapping[str, Any], writing: Writing
) -> tuple[Sequence[Any], Callable[[Any], Row]]:
    """The rows as sent, and how one becomes a record."""
    if job["form"] != "CSV":
        rows = _held(org, job, lambda text: records_of(org, job, writing.sobject, text))
        return rows, lambda row: row
    style = style_of(job)
    lines = _held(org, job, lambda text: _lines(text, style, job["kind"] == bulk_jobs.PART))
    header = lines[0] if lines else ()
    only_ids = [name.strip().lower() for name in header] in ([], ["id"])
    if job["operation"] in ("delete", "hardDelete") and not only_ids:
        raise Unreadable("InvalidBatch : Delete batch must contain only ids")
    return _Tail(lines), reader(org.catalogue, writing.sobject, header)


class _Tail(Sequence[Any]):
    """All lines but the first, without a copy of them."""

    def __init__(self, lines: Sequence[Any]) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return max(0, len(self._lines) - 1)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            start, stop, _ = at.indices(len(self))
            return self._lines[start + 1 : stop + 1]
        return self._lines[at + 1]


def _lines(text: str, style: Style, any_ending: bool) -> list[Sequence[str]]:
    found = read(text, style, any_ending)
    return [found.header, *found.rows] if found.header else []


def _held(org: Org, job: Mapping[str, Any], parse: Callable[[str], Sequence[Any]]) -> Sequence[Any]:
    found = org.bulk.uploads.get(job["id"])
    if found is None:
        found = org.bulk.uploads[job["id"]] = parse(bulk_jobs.data(org, job))
    return found


def style_of(job: Mapping[str, Any]) -> Style:
    """How the job's files are written."""
    return Style(job.get("columnDelimiter", "COMMA"), job.get("lineEnding", "LF"))


def _slice(
    org: Org,
    job: Record,
    writing: Writing,
    rows: Sequence[Any],
    make: Callable[[Any], Row],
    deadline: float,
) -> Record:
    """As many chunks as there is time for, at least one."""
    start = done = int(job["processed"])
    packed: list[list[Any]] = []
    doomed = bulk_jobs.doomed(org, job)
    while done < len(rows) and (done == start or time.monotonic() < deadline):
        chunk = [
            doomed.get(place) or make(row)
            for place, row in enumerate(rows[done : done + CHUNK], done)
        ]
        every = int(org.bulk.conduct.lock_every)
        locked = bool(every) and (done // CHUNK + 1) % every == 0
        packed += [o.packed() for o in write_chunk(org, writing, chunk, locked)]
        done += len(chunk)
    if not packed:
        return job
    bulk_jobs.put_slice(org, job, start, packed)
    failed = int(job["failed"]) + sum(len(outcome) > 2 for outcome in packed)
    slices = [*job["slices"], start]
    return {**job, "processed": done, "failed": failed, "slices": slices}
