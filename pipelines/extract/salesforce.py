"""Salesforce as a dlt source: one resource per object, merged on (org_id, Id).

Usable by itself, with any dlt pipeline and destination:

    import dlt

    from pipelines.clients.salesforce import salesforce_client
    from pipelines.extract.salesforce import SalesforceReading, salesforce_source
    from pipelines.settings import load_settings

    reading = SalesforceReading(salesforce_client(load_settings()))
    pipeline = dlt.pipeline("sales", destination="duckdb", dataset_name="salesforce")
    pipeline.run(salesforce_source(reading), loader_file_format="parquet")
    while reading.unfinished:  # a large first load is kept slice by slice
        pipeline.run(salesforce_source(reading), loader_file_format="parquet")

An incremental run with nothing new costs two or three calls (see `salesforce_asking`). It asks for
what has changed since the org's clock when the last reading began, less ten minutes, because
commits become visible late; the merge takes the repeats away. Objects are read in full by whichever
of REST and Bulk API 2.0 costs fewer calls (`salesforce_calls`), and proved complete by the org's
own counts. Once a day a sweep finds what increments cannot tell (`salesforce_sweep`).

Fields: a new one evolves the table and the object is read in full, so that old rows have its
values. A custom field that is not seen any more is told, and the object is read in full as well:
its column stays and is NULL from then on (older values are in the history). A changed type, and a
standard field that is hidden, stop the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dlt
import pyarrow as pa

from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.salesforce_replies import SYSTEM
from pipelines.extract.results import (
    SLICE_ROWS,
    ControlTotal,
    ExtractResult,
    KeptWalk,
    Mode,
    Progress,
    silent,
)
from pipelines.extract.salesforce_asking import server_time
from pipelines.extract.salesforce_objects import OBJECTS, table_name
from pipelines.extract.salesforce_prepared import Prepared
from pipelines.extract.salesforce_preparing import IsDue, Preparing
from pipelines.extract.salesforce_sweep import (
    DELETION,
    DELETION_COLUMNS,
    DELETION_KEY,
    Held,
    deletions,
    nothing_held,
)
from pipelines.extract.salesforce_walks import Polling, Walk, Walker

__all__ = ["OBJECTS", "SalesforceReading", "salesforce_source", "table_name"]

State = MutableMapping[str, Any]
SWEPT = "_swept"
SWEEP_AGAIN = timedelta(days=1)


class SalesforceReading:
    """One reading of one org: `results` and `controls` tell of the objects read to their end.

    With `full`, everything is read again. A `sweep` is made once a day, at once with True, and
    never with False; it needs `held`, which tells what the warehouse holds. After about
    `slice_rows` rows a load ends early and `unfinished` says so: load the same reading again, and
    it goes on where it stopped. So does another reading, from the state; one that is `passing_by`
    leaves it there, and asks for what has changed of the objects that were read before. `absent`
    names the objects that this org does not have, with the reason in plain words.
    """

    def __init__(
        self,
        client: SalesforceClient,
        objects: Sequence[str] = OBJECTS,
        full: bool = False,
        progress: Progress = silent,
        held: Held = nothing_held,
        sweep: bool | None = None,
        slice_rows: int = SLICE_ROWS,
        polling: Polling | None = None,
        passing_by: bool = False,
    ) -> None:
        self.client = client
        self.objects = tuple(dict.fromkeys(objects))
        self.results: list[ExtractResult] = []
        self.controls: list[ControlTotal] = []
        self._full = full
        self._progress = progress
        self._held = held
        self._sweep = sweep
        self._slice_rows = slice_rows
        self._passing_by = passing_by
        self._walker = Walker(client, polling or Polling(), progress)
        self._prepared: Prepared | None = None
        self._streams: dict[str, Iterator[pa.Table | None]] = {}
        self._asked: set[str] = set()
        self._open: set[str] = set()
        self._done: set[str] = set()
        self._before: set[str] = set()
        self._handed = 0
        self.unfinished = False
        self.is_behind = False

    @property
    def absent(self) -> Mapping[str, str]:
        """The objects that the org does not have, each with the reason."""
        return self._prepared.absent if self._prepared else {}

    def tables(self, name: str, state: State) -> Iterator[Any]:
        """The new rows of one object, page by page; `state` moves on when all have come, or holds
        the token from which to go on.

        Raises `Incomplete` when they are not the rows that the org itself counted, `Stop` when the
        object must be there and is not seen, or a field has another type than before.
        """
        self._note_load(name)
        prepared = self._prepare(state)
        if name in self._done or name in prepared.absent:
            return
        if name not in prepared.walks:
            return
        walk = prepared.walks[name]
        stream = self._streams.setdefault(name, self._stream(walk, prepared))
        self._open.add(name)
        self.unfinished = True
        if self._is_full():
            if walk.since is None:
                self._keep(walk, prepared, state)
                if name not in self._before:
                    # The table is there, whoever reads it meanwhile.
                    yield walk.shape.schema.empty_table()
            return
        self.is_behind = self.is_behind or walk.is_old
        for found in stream:
            if found is not None:
                self._handed += getattr(found, "num_rows", 0)
                yield found
                continue
            if self._is_full():
                self._keep(walk, prepared, state)
                return
        self._finish(walk, prepared, state)

    @property
    def kept(self) -> list[KeptWalk]:
        """The objects that are not at their end."""
        if self._prepared is None:
            return []
        ours = [(w.name, w.rows, w.total) for w in self._prepared.walks.values()]
        ours = [one for one in ours if one[0] not in {*self._done, *self._prepared.left}]
        left = [(name, int(t["rows"]), None) for name, t in self._prepared.left.items()]
        org, at = self.client.org_id, server_time(self.client)
        return [
            KeptWalk(SYSTEM, org, name, rows, total, self._is_followed(name), at)
            for name, rows, total in [*ours, *left]
        ]

    def _is_followed(self, name: str) -> bool:
        """Whether the changes of an object that is read once more are brought meanwhile."""
        assert self._prepared is not None
        if name in self._prepared.left:
            return name in self._prepared.walks
        return name in self._before and self._prepared.walks[name].since is None

    def _keep(self, walk: Walk, prepared: Prepared, state: State) -> None:
        """Have the state say where to go on. Of an object that others walk over, its changes are
        asked for again."""
        if walk.name not in prepared.left:
            state[walk.name] = {**state.get(walk.name, {}), "resume": walk.token()}

    def _is_full(self) -> bool:
        return self._handed >= self._slice_rows

    def _note_load(self, name: str) -> None:
        """An object that is asked for a second time begins another load."""
        if name in self._asked:
            self._asked.clear()
            self._open.clear()
            self._handed = 0
        self._asked.add(name)

    def _prepare(self, state: State) -> Prepared:
        if self._prepared is None:
            preparing = Preparing(
                self.client,
                self._walker,
                self.objects,
                self._held,
                self._progress,
                full=self._full,
                is_sweep_due=self._sweep_due(state),
                passing_by=self._passing_by,
            )
            self._prepared = preparing.prepared(state)
            walks = self._prepared.walks.values()
            self._before = {w.name for w in walks if _is_held(state.get(w.name), w)}
        return self._prepared

    def _sweep_due(self, state: Mapping[str, Any]) -> IsDue:
        """By the org's clock, which is known only once it has answered."""
        if self._sweep is not None:
            wanted = self._sweep
            return lambda _: wanted
        last = state.get(SWEPT)
        if last is None:
            return lambda _: True
        before = datetime.fromisoformat(last)
        return lambda at: not before <= at < before + SWEEP_AGAIN

    def _stream(self, walk: Walk, prepared: Prepared) -> Iterator[Any]:
        """The object's rows, what the sweep adds to them, and what is gone or back."""
        gone = prepared.gone.get(walk.name, frozenset())
        for table in self._walker.tables(walk):
            yield table
            yield from self._back(walk, table, gone)
        for table in prepared.afterwards(walk):
            yield table
            yield from self._back(walk, table, gone)
        proved = prepared.proved_gone(walk)
        if proved.num_rows:
            self._progress(f"Salesforce {walk.name}: {proved.num_rows:,} records are gone for good")
            yield _marked(proved)

    def _back(self, walk: Walk, table: pa.Table | None, gone: frozenset[str]) -> Iterator[Any]:
        """What was gone and is here again leaves the table of deletions."""
        if table is None or not gone:
            return
        back = sorted(gone & set(table["Id"].to_pylist()))
        if back:
            yield _marked(deletions(self.client.org_id, walk.name, back, None, ""))

    def _finish(self, walk: Walk, prepared: Prepared, state: State) -> None:
        self._done.add(walk.name)
        self._open.discard(walk.name)
        self.unfinished = bool(self._open)
        state[walk.name] = {**walk.shape.as_state(), "until": prepared.until(walk).isoformat()}
        if walk.name in prepared.left:
            state[walk.name]["resume"] = prepared.left[walk.name]
        mode: Mode = "full" if walk.since is None else "incremental"
        org, at = self.client.org_id, server_time(self.client)
        self.results.append(
            ExtractResult(
                SYSTEM,
                org,
                walk.name,
                mode,
                walk.rows,
                walk.total,
                walk.calls,
                at,
                walk.transport,
            )
        )
        self.controls += prepared.controls.get(walk.name, [])
        self._progress(f"Salesforce {walk.name}: {walk.rows:,} rows ({self._walker.said(walk)})")
        if prepared.swept and not self._open:
            state[SWEPT] = prepared.at.isoformat()


def _is_held(entry: Mapping[str, Any] | None, walk: Walk) -> bool:
    """Whether an object was read to its end before, with the fields that it has now."""
    return bool(entry and "until" in entry and entry["fields"] == walk.shape.signature)


@dlt.source(name="salesforce", max_table_nesting=0)
def salesforce_source(
    readings: SalesforceReading | Sequence[SalesforceReading] = (),
    objects: Sequence[str] = OBJECTS,
) -> Any:
    """The objects of one org or of several, and the table of deletions. Without a reading it can
    be looked at, but not run."""
    each = (readings,) if isinstance(readings, SalesforceReading) else tuple(readings)
    names = dict.fromkeys(name for reading in each for name in reading.objects)
    return [*(_resource(each, name) for name in names or objects), _deletion_resource()]


def _resource(readings: Sequence[SalesforceReading], name: str) -> Any:
    def rows() -> Iterator[Any]:
        if not readings:
            raise ValueError("a Salesforce source needs a reading to be run")
        orgs = dlt.current.source_state().setdefault("orgs", {})
        for reading in readings:
            if name in reading.objects:
                yield from reading.tables(name, orgs.setdefault(reading.client.org_id, {}))

    return dlt.resource(
        rows,
        name=table_name(name),
        primary_key=("org_id", "Id"),
        write_disposition="merge",
    )


_DELETION_HINTS: Mapping[str, Any] = {
    "primary_key": DELETION_KEY,
    "write_disposition": "merge",
    "columns": {"undeleted": {"data_type": "bool", "hard_delete": True}},
}


def _deletion_resource() -> Any:
    """The table of deletions. Its rows come from the objects' own resources, so that an object
    read by itself brings its deletions along."""

    def nothing() -> Iterator[pa.Table]:
        yield DELETION_COLUMNS.empty_table()

    return dlt.resource(nothing, name=DELETION, **_DELETION_HINTS)


def _marked(rows: pa.Table) -> Any:
    """Rows bound for the table of deletions, whichever resource hands them on."""
    hints = dlt.mark.make_hints(table_name=DELETION, **_DELETION_HINTS)
    return dlt.mark.with_hints(rows, hints, create_table_variant=True)
