"""How each object of an org is read in this run, and what comes after its rows: what a sweep finds
beside them, and the second proof for what seems to be gone."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.clients.salesforce import SalesforceClient
from pipelines.extract.results import SWEEP, ControlTotal
from pipelines.extract.salesforce_sweep import Held, absent, deletions, differing, reread
from pipelines.extract.salesforce_walks import Walk, Walker

G = TypeVar("G")
T = TypeVar("T")


@dataclass
class Prepared:
    """How each object is read in this run. Walks that were begun before and are `left` for another
    reading stand with their tokens."""

    client: SalesforceClient
    walker: Walker
    held: Held
    at: datetime
    walks: dict[str, Walk] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    gone: dict[str, frozenset[str]] = field(default_factory=dict)
    controls: dict[str, list[ControlTotal]] = field(default_factory=dict)
    sweeps: dict[str, Walk] = field(default_factory=dict)
    quiet: dict[str, datetime] = field(default_factory=dict)
    purged: dict[str, list[str]] = field(default_factory=dict)
    swept: bool = False
    left: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    unmet: dict[str, list[str]] = field(default_factory=dict)

    def until(self, walk: Walk) -> datetime:
        """The org's clock up to which everything of the object is known."""
        return min(walk.began, self.quiet.get(walk.name, walk.began))

    def afterwards(self, walk: Walk) -> Iterator[pa.Table]:
        """What a sweep finds beside the increment, whole records, and those asked for by id."""
        candidates = [i for i in self.purged.get(walk.name, ()) if not _met(walk, i)]
        sweep = self.sweeps.get(walk.name)
        if sweep is not None:
            candidates += yield from self._swept(walk, sweep)
        elif walk.is_whole:
            candidates += self._unmet(walk.name, walk.ids())
        yield from self._ask_again(walk, candidates)

    def _swept(self, walk: Walk, sweep: Walk) -> Generator[pa.Table, None, list[str]]:
        """Reads what differs; returns the ids that were not met."""
        met: list[pa.Array] = []
        changed: list[str] = []
        gone = self.gone.get(walk.name, frozenset())
        held = self.held(walk.name, [f for f in sweep.shape.schema.names if f != "org_id"])
        for table in _each(self.client.session.purpose, SWEEP, self.walker.tables(sweep)):
            if table is None:
                continue
            met += table["Id"].chunks
            if held is not None:
                changed += differing(table, held).to_pylist()
                changed += sorted(gone & set(table["Id"].to_pylist())) if gone else []
        walk.calls += sweep.calls
        known = set(walk.ids().to_pylist())
        # What a job of an earlier reading has told may be gone since.
        gone_since = sorted(known - set(_ids(met)) - gone) if walk.is_old else []
        if held is None:
            return gone_since
        wanted = [i for i in dict.fromkeys(changed) if i not in known]
        for rows in self._again(walk, wanted):
            walk.rows += rows.num_rows
            walk.total = (walk.total or 0) + rows.num_rows
            yield rows
        met += [] if walk.is_old else walk.met
        missing = absent(held, pa.chunked_array(met, pa.string()), gone)
        return [*missing, *(i for i in gone_since if i not in set(missing))]

    def _unmet(self, name: str, met: pa.ChunkedArray) -> list[str]:
        held = self.held(name, ["Id"])
        return [] if held is None else absent(held, met, self.gone.get(name, frozenset()))

    def _ask_again(self, walk: Walk, candidates: Sequence[str]) -> Iterator[pa.Table]:
        """The second proof: what the org does not know by its id is gone; the rest is not."""
        if not candidates:
            return
        found: set[str] = set()
        for rows in self._again(walk, candidates):
            found.update(rows["Id"].to_pylist())
            if rows.num_rows:
                walk.rows += rows.num_rows
                walk.total = (walk.total or 0) + rows.num_rows
                yield rows
        self.unmet[walk.name] = [i for i in candidates if i not in found]

    def _again(self, walk: Walk, ids: Sequence[str]) -> Iterator[pa.Table]:
        """These records as a whole; what that costs is the object's, and the round's."""
        rows = _each(self.walker.charged_to, walk, reread(self.client, walk.shape, ids))
        yield from _each(self.client.session.purpose, SWEEP, rows)

    def proved_gone(self, walk: Walk) -> pa.Table:
        """The records of an object that are gone for good, found in this run."""
        told = set(self.purged.get(walk.name, ()))
        ids = self.unmet.get(walk.name, [])
        org = self.client.org_id
        parts = [
            deletions(org, walk.name, [i for i in ids if (i in told) == by_log], self.at, proof)
            for by_log, proof in ((True, "getDeleted"), (False, "sweep"))
        ]
        return pa.concat_tables(parts)


def _each(
    within: Callable[[G], AbstractContextManager[None]], given: G, steps: Iterator[T]
) -> Iterator[T]:
    """Each step within a context, and not what others do between two steps."""
    while True:
        with within(given):
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step


def _ids(met: Sequence[pa.Array]) -> list[str]:
    return [key for chunk in met for key in chunk.to_pylist()]


def _met(walk: Walk, record_id: str) -> bool:
    return bool(walk.met) and pc.index(walk.ids(), record_id).as_py() >= 0
