"""What is done before rows are handed on: deciding for each object how it is to be read.

In this order: what has changed and how the objects look (in one go, `salesforce_asking`); for what
must be read in full its approximate size, then its first page or its bulk job; last the org's own
figures. Everything is asked for all objects together, because together it costs a few calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.salesforce_replies import PartReply, incomplete
from pipelines.errors import CrossfootError, Refused, Retry
from pipelines.extract.results import SWEEP, VERIFY, Progress
from pipelines.extract.salesforce_asking import (
    OVERLAP,
    Asked,
    ask,
    ask_if_possible,
    ask_timed,
    bundles,
    chosen,
    describe_part,
    describe_parts,
    quiet_until,
    undescribed,
    watch_parts,
)
from pipelines.extract.salesforce_calls import bulk_calls, rest_calls, transport
from pipelines.extract.salesforce_controls import alive, control_parts, controls
from pipelines.extract.salesforce_objects import (
    OBJECTS,
    OPTIONAL,
    Shape,
    agreed,
    kept_shape,
    missing,
    shape_of,
)
from pipelines.extract.salesforce_pages import Page
from pipelines.extract.salesforce_prepared import Prepared
from pipelines.extract.salesforce_sweep import DELETION, Held, nothing_held, swept_shape
from pipelines.extract.salesforce_walks import Walk, Walker, resumed

# Deleted rows stay in the bin, and so in queryAll, for 15 days; for 30 days getDeleted tells what
# left it. After that everything is read anew.
BIN_DAYS = timedelta(days=14)
DELETED_DAYS = timedelta(days=29)
_ABSENT_CODES = frozenset({"NOT_FOUND", "INVALID_TYPE", "INVALIDTYPE", "HTTP 404"})
_LOST_FIELD = "INVALID_FIELD"
IsDue = Callable[[datetime], bool]
State = Mapping[str, Any]


class Preparing:
    """Makes a `Prepared` out of the state of the last readings and the org's answers."""

    def __init__(
        self,
        client: SalesforceClient,
        walker: Walker,
        objects: Sequence[str],
        held: Held,
        progress: Progress,
        full: bool,
        is_sweep_due: IsDue,
        passing_by: bool = False,
    ) -> None:
        self._client = client
        self._walker = walker
        self._objects = objects
        self._held = held
        self._progress = progress
        self._full = full
        self._is_sweep_due = is_sweep_due
        self._passing_by = passing_by
        self._lost: list[str] = []

    def prepared(self, state: State) -> Prepared:
        """Everything asked that is to be known before the first row is handed on.

        Raises `Stop` when an object that must be there is not seen, or a field has another type.
        """
        before = self._client.calls.metered
        left = self._left(state)
        known = {n: s for n in self._objects if (s := kept_shape(n, state.get(n))) is not None}
        asked, queried, watched = self._ask_first(known, state)
        made = Prepared(self._client, self._walker, self._held, asked.at)
        made.swept, made.left = self._is_sweep_due(asked.at), left
        shapes = self._shapes(known, self._described(asked.replies, made.swept and bool(known)))
        made.absent.update(self._absent(shapes, known))
        still = [s for s in queried + watched if self._is_unchanged(shapes.get(s.name), s)]
        self._take_queried([s for s in still if s in queried], state, asked, made)
        self._take_watched([s for s in still if s in watched], state, asked, made)
        self._look_again(shapes)
        self._resume(shapes, state, made)
        rest = [s for s in shapes.values() if s.name not in {*made.walks, *made.left}]
        self._read_whole([Walk(s, None, asked.at) for s in rest], made.walks)
        if made.swept:
            with self._client.session.purpose(SWEEP):
                self._begin_sweeps(made)
        self._find_gone(made)
        with self._client.session.purpose(VERIFY):
            self._ask_controls(made)
        charged = sum(walk.calls for walk in (*made.walks.values(), *made.sweeps.values()))
        if made.walks:
            first = next(iter(made.walks.values()))
            first.calls += self._client.calls.metered - before - charged
        return made

    # What has changed ----------------------------------------------------------------------

    def _ask_first(
        self, known: Mapping[str, Shape], state: State
    ) -> tuple[Asked, list[Shape], list[Shape]]:
        """The describes, and what is new of all objects that were read before."""
        before = [s for n, s in known.items() if self._is_followed(state.get(n))]
        before = [] if self._full else [s for s in before if s.cursor]
        clock = self._client.log_in()
        until = min((_until_of(state, s) for s in before), default=datetime.max)
        known_now = {} if self._full else known
        describes = describe_parts(self._objects, known_now, before, until, clock is not None)
        queried, watched = chosen(before, len(describes), clock is not None)
        queries = [self._increment(s, state) for s in queried]
        parts = [self._walker.query_part(walk, f"query_{walk.name}") for walk in queries]
        since = [(shape, _until_of(state, shape) - OVERLAP) for shape in watched]
        parts += describes + (watch_parts(since, clock) if clock else [])
        first, *others = bundles(parts)
        asked = ask_timed(self._client, first)
        unchanged, more = undescribed(self._objects, known, describes, asked.replies)
        rest = [part for bundle in others for part in bundle] + more
        rest += [] if clock else watch_parts(since, asked.at)
        # More calls only for what the first did not hold.
        told = ask(self._client, rest) if rest else {}
        replies = {**asked.replies, **unchanged, **told}
        return Asked(replies, asked.at, clock or asked.at), queried, watched

    def _left(self, state: State) -> dict[str, Mapping[str, Any]]:
        """The walks that another reading has begun, and others go on with."""
        if not self._passing_by:
            return {}
        kept = {name: (state.get(name) or {}).get("resume") for name in self._objects}
        return {name: token for name, token in kept.items() if token}

    def _is_followed(self, entry: Mapping[str, Any] | None) -> bool:
        """Whether what has changed of an object is asked for: it was read to its end, and if it is
        being read once more, others do that."""
        token = (entry or {}).get("resume")
        if _until(entry) is None:
            return False
        return token is None or (self._passing_by and token["since"] is None)

    def _increment(self, shape: Shape, state: State) -> Walk:
        until = _until_of(state, shape)
        return Walk(shape, until - OVERLAP, until)

    def _described(
        self, replies: Mapping[str, PartReply], is_again: bool
    ) -> Mapping[str, PartReply]:
        """The describes. Once a day they are asked without the condition, because a permission
        that was given or taken may not count as a change of the object."""
        if not is_again:
            return replies
        unchanged = [n for n in self._objects if replies[f"describe_{n}"].status == 304]
        with self._client.session.purpose(SWEEP):
            return {**replies, **ask(self._client, [describe_part(n, None) for n in unchanged])}

    def _shapes(
        self, known: Mapping[str, Shape], replies: Mapping[str, PartReply]
    ) -> dict[str, Shape]:
        """How the objects look now; one that is not seen has none."""
        shapes: dict[str, Shape] = {}
        for name in self._objects:
            reply = replies[f"describe_{name}"]
            if reply.status == 304 and name in known:
                shapes[name] = known[name]
                continue
            found = self._shape(name, reply)
            if found is not None:
                shapes[name] = agreed(known.get(name), found)
                self._tell_fields(known.get(name), shapes[name])
        return shapes

    def _shape(self, name: str, reply: PartReply) -> Shape | None:
        if isinstance(reply.problem, Refused) and reply.problem.code in _ABSENT_CODES:
            return None
        if isinstance(reply.problem, Retry) or reply.status == 304:
            return shape_of(name, self._client.describe(name))
        if reply.problem is not None:
            raise reply.problem
        headers = {key.lower(): str(value) for key, value in reply.headers.items()}
        return shape_of(name, reply.body, headers.get("last-modified", ""))

    def _look_again(self, shapes: dict[str, Shape]) -> None:
        """A field was refused although the object counts as unchanged: it has been hidden."""
        for name in self._lost:
            found = agreed(shapes[name], shape_of(name, self._client.describe(name)))
            self._tell_fields(shapes[name], found)
            shapes[name] = found

    def _tell_fields(self, known: Shape | None, found: Shape) -> None:
        if known is None:
            return
        new = [f for f in found.fields if f not in known.fields]
        lost = [f for f in known.fields if f not in found.fields]
        if new:
            self._progress(f"Salesforce {found.name}: new fields {', '.join(new)}, reading all")
        if lost:
            self._progress(
                f"Salesforce {found.name}: {', '.join(lost)} cannot be seen any more (deleted, or "
                "hidden from the integration user); the columns stay, and are empty from now on"
            )

    def _absent(self, shapes: Mapping[str, Shape], known: Mapping[str, Shape]) -> dict[str, str]:
        """The objects that this org does without. Raises `Stop` for one that must be there, that
        the caller named, or that was there before."""
        lacking = [name for name in self._objects if name not in shapes]
        needed = [name for name in lacking if name not in OPTIONAL or name in known]
        if needed:
            extra = [n for n in needed if n not in OBJECTS]
            raise missing(needed, extra, self._all_names() if extra else ())
        told = {}
        for name in lacking:
            told[name] = (
                f"this org does not use {OPTIONAL[name]}, or the integration user may not see them"
            )
            self._progress(f"Salesforce {name}: not read: {told[name]}")
        return told

    def _all_names(self) -> list[str]:
        """Every object that the org shows the user, so that a mistyped one can be told."""
        try:
            return [str(o["name"]) for o in self._client.get("sobjects/")["sobjects"]]
        except (CrossfootError, KeyError, TypeError) as problem:
            self._progress(f"Salesforce: which objects there are is not told ({problem})")
            return []

    def _is_unchanged(self, found: Shape | None, known: Shape) -> bool:
        return found is not None and found.signature == known.signature

    # Increments ----------------------------------------------------------------------------

    def _take_queried(
        self, shapes: Sequence[Shape], state: State, asked: Asked, made: Prepared
    ) -> None:
        late = [s for s in shapes if _is_late(_until_of(state, s), asked.at)]
        covered = self._purged(late, state, asked, made)
        for shape in shapes:
            until = _until_of(state, shape)
            if not _is_fresh(until, asked.at) and shape.name not in covered:
                continue
            walk = Walk(shape, until - OVERLAP, asked.at)
            reply = asked.replies[f"query_{shape.name}"]
            if isinstance(reply.problem, Refused) and reply.problem.code == _LOST_FIELD:
                self._lost.append(shape.name)
                continue
            self._walker.take_first(walk, reply)
            made.walks[shape.name] = walk
        self._use_jobs(made.walks.values())

    def _take_watched(
        self, shapes: Sequence[Shape], state: State, asked: Asked, made: Prepared
    ) -> None:
        """A watched object without changed ids is done; the others are queried together."""
        loud: list[Shape] = []
        for shape in shapes:
            until = _until_of(state, shape)
            quiet = quiet_until(asked.replies, shape, min(asked.watched_to, asked.at))
            if not _is_fresh(until, asked.at) and not _is_late(until, asked.at):
                continue
            if quiet is None or not _is_fresh(until, asked.at):
                loud.append(shape)
                continue
            walk = Walk(shape, until - OVERLAP, asked.at, total=0)
            walk.first = Page(shape.schema.empty_table(), 0, None)
            made.walks[shape.name], made.quiet[shape.name] = walk, quiet
        walks = [self._increment(shape, state) for shape in loud]
        parts = [self._walker.query_part(walk, f"query_{walk.name}") for walk in walks]
        if parts:
            more = replace(asked, replies={**asked.replies, **ask(self._client, parts)})
            self._take_queried(loud, state, more, made)

    def _purged(
        self, shapes: Sequence[Shape], state: State, asked: Asked, made: Prepared
    ) -> frozenset[str]:
        """The objects whose deletions since the last reading are told by getDeleted, although
        the bin does not reach back so far; what it tells may have left the bin."""
        since = [(shape, _until_of(state, shape) - OVERLAP) for shape in shapes]
        asking = watch_parts(since, asked.at)
        parts = [part for part in asking if part.reference.startswith("deleted_")]
        replies = ask(self._client, parts) if parts else {}
        covered = {s.name for s in shapes if not s.keeps_deleted}
        for shape in shapes:
            reply = replies.get(f"deleted_{shape.name}")
            if reply is None or reply.problem is not None:
                continue
            earliest = datetime.fromisoformat(str(reply.body["earliestDateAvailable"]))
            if earliest <= _until_of(state, shape):
                covered.add(shape.name)
                made.purged[shape.name] = [str(d["id"]) for d in reply.body["deletedRecords"]]
        return frozenset(covered)

    # Whole objects -------------------------------------------------------------------------

    def _resume(self, shapes: Mapping[str, Shape], state: State, made: Prepared) -> None:
        """Walks that an earlier process left unfinished, if they are not too old."""
        if self._passing_by:
            return
        for name, shape in shapes.items():
            token = None if self._full else (state.get(name) or {}).get("resume")
            walk = resumed(shape, token) if token else None
            if walk is not None and _is_fresh(walk.began, made.at):
                self._progress(f"Salesforce {name}: going on after {walk.rows:,} rows")
                made.walks[name] = walk

    def _read_whole(self, walks: Sequence[Walk], into: dict[str, Walk]) -> None:
        """First pages or bulk jobs of objects that are read in full."""
        sizes = self._sizes([walk.name for walk in walks])
        for walk in walks:
            into[walk.name] = walk
            if transport(sizes.get(walk.name, 0)) == "Bulk":
                self._start_job(walk, sizes[walk.name])
        paged = [walk for walk in walks if walk.transport == "REST"]
        parts = [self._walker.query_part(walk, f"page_{walk.name}") for walk in paged]
        replies = ask(self._client, parts) if parts else {}
        for walk in paged:
            self._walker.take_first(walk, replies[f"page_{walk.name}"])
        self._use_jobs(paged)

    def _sizes(self, names: Sequence[str]) -> dict[str, int]:
        """About how many records the objects have. The org counts them now and then, and tells
        only users who may see its set-up; without it the first pages tell."""
        if not names:
            return {}
        try:
            told = self._client.get(f"limits/recordCount?sObjects={','.join(names)}")
            return {str(o["name"]): int(o["count"]) for o in told["sObjects"]}
        except (Refused, KeyError, TypeError):
            self._progress("Salesforce: how many records there are is not told, asking for pages")
            return {}

    def _use_jobs(self, walks: Iterable[Walk]) -> None:
        """By a bulk job what turned out to be large."""
        for walk in walks:
            if walk.transport == "REST" and transport(walk.total or 0) == "Bulk":
                self._start_job(walk, walk.total or 0)

    def _start_job(self, walk: Walk, rows: int) -> None:
        self._progress(
            f"Salesforce {walk.name}: about {rows:,} rows, by a bulk job "
            f"({bulk_calls(rows)} calls or so; by pages {rest_calls(rows)})"
        )
        self._walker.start_job(walk)

    # Sweeps and figures --------------------------------------------------------------------

    def _begin_sweeps(self, made: Prepared) -> None:
        if self._held is nothing_held:
            return
        walks = [walk for name, walk in made.walks.items() if name not in made.left]
        partial = [walk for walk in walks if walk.is_old or not walk.is_whole]
        sweeps = [Walk(swept_shape(walk.shape), None, made.at) for walk in partial]
        self._read_whole(sweeps, made.sweeps)

    def _find_gone(self, made: Prepared) -> None:
        """The records that the warehouse knows to be gone, so that it sees when one is back."""
        held = self._held(DELETION, ["object", "id"])
        found: dict[str, set[str]] = {}
        for row in held.to_pylist() if held is not None else ():
            found.setdefault(row["object"], set()).add(row["id"])
        made.gone.update({name: frozenset(ids) for name, ids in found.items()})

    def _ask_controls(self, made: Prepared) -> None:
        """The org's own figures of what is read in full, and of everything once a day.

        Raises `Incomplete` when an object seems to be empty and the org counts records.
        """
        walks = [w for w in made.walks.values() if made.swept or w.since is None]
        parts = control_parts([walk.shape for walk in walks])
        replies = ask_if_possible(self._client, parts)
        silent = [r.reference for r in replies.values() if isinstance(r.problem, Retry)]
        if silent:
            self._progress(f"Salesforce: no figures of its own in time ({', '.join(silent)})")
        for walk in walks:
            found = list(controls(replies, walk.shape, self._client.org_id, made.at))
            made.controls[walk.name] = found
            if walk.since is None and walk.transport == "REST" and walk.total == 0:
                self._refuse_false_emptiness(walk, replies[f"rows_{walk.name}"])

    def _refuse_false_emptiness(self, walk: Walk, reply: PartReply) -> None:
        if isinstance(reply.problem, Retry):
            (reply,) = self._client.composite([control_parts([walk.shape])[0]])
        if reply.problem is not None:
            raise reply.problem
        counted = alive({reply.reference: reply}, walk.shape)
        if counted:
            raise incomplete(walk.name, counted, 0)


def _until(entry: Mapping[str, Any] | None) -> datetime | None:
    told = (entry or {}).get("until")
    return datetime.fromisoformat(told) if told else None


def _until_of(state: State, shape: Shape) -> datetime:
    """From when on changes of an object are to be asked for. Rows of a walk that is under way may
    have been handed on as they were when it began."""
    entry = state[shape.name]
    until, token = datetime.fromisoformat(entry["until"]), entry.get("resume")
    return min(until, datetime.fromisoformat(token["began"])) if token else until


def _is_fresh(until: datetime, at: datetime) -> bool:
    """Whether everything deleted since then is still in the bin, and no clock went back by more
    than is asked for twice anyway: the org tells whole seconds, less what a call took."""
    return until - OVERLAP <= at < until + BIN_DAYS


def _is_late(until: datetime, at: datetime) -> bool:
    return until + BIN_DAYS <= at < until + DELETED_DAYS
