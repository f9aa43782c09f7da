"""What an incremental reading asks, in as few composite calls as will do.

Deals, lines, accounts, contacts, products and prices are queried in every reading. Other objects
are queried as well while there is room; the rest is asked only for the ids of changed and deleted
records (`sobjects/X/updated` and `/deleted`, which a composite takes in any number: REST API guide,
"Composite", supported resources), and queried when there are any. Those ids are told up to the last
full minute, so that a change of such an object may come one reading, and little more than a minute
of the org's time, later than it would by query. Describes ride along, so that a new field, a lost
one and a changed type are seen in the same call. Where there are too many for that, the org is
asked whether anything about any object has changed (REST API guide, "Get a List of Objects If
Metadata Has Changed"), and each object only if so.

So three calls hold 44 objects with nothing new: 15 queries, 29 objects with two questions each, and
that one question. Nothing else of the vendor holds more in a call. A composite graph takes 500
parts, each of them one record by its id (REST API guide, "Using Composite Graphs"); a GraphQL query
takes ten subqueries, each of which counts as a call, of the objects of the user interface alone
(GraphQL API guide, "Query Limitations").
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.salesforce_replies import Part, PartReply
from pipelines.clients.salesforce_soql import http_time, object_id
from pipelines.errors import Retry, Unavailable
from pipelines.extract.salesforce_calls import PARTS, QUERIES, incremental_calls
from pipelines.extract.salesforce_objects import CORE, Shape

CHANGED = "objects_changed"
OVERLAP = timedelta(minutes=10)
Replies = Mapping[str, "PartReply"]


@dataclass(frozen=True)
class Asked:
    """What was answered, and the org's clock when the first question was put. Changed ids were
    asked for up to `watched_to`."""

    replies: Mapping[str, PartReply]
    at: datetime
    watched_to: datetime


def bundles(parts: Sequence[Part]) -> list[list[Part]]:
    """The parts in as few composite calls as their limits allow, queries spread from the first."""
    queries = [part for part in parts if part.is_query]
    others = [part for part in parts if not part.is_query]
    made: list[list[Part]] = []
    while queries or others:
        taken, queries = queries[:QUERIES], queries[QUERIES:]
        room = PARTS - len(taken)
        made.append(taken + others[:room])
        others = others[room:]
    return made


def ask(client: SalesforceClient, parts: Sequence[Part]) -> dict[str, PartReply]:
    """The answers by reference, refusals among them."""
    replies = [r for bundle in bundles(parts) for r in client.composite_parts(bundle)]
    return {reply.reference: reply for reply in replies}


def ask_if_possible(client: SalesforceClient, parts: Sequence[Part]) -> dict[str, PartReply]:
    """The same for figures that one can do without: a call that is not answered in time, or not
    at all, is a refusal of its parts."""
    replies: dict[str, PartReply] = {}
    for bundle in bundles(parts):
        try:
            found = client.composite_parts(bundle)
        except Retry as problem:
            found = [PartReply(part.reference, 0, problem=problem) for part in bundle]
        replies |= {reply.reference: reply for reply in found}
    return replies


def ask_timed(client: SalesforceClient, parts: Sequence[Part]) -> Asked:
    """The answers of one composite call, and the org's clock when it began.

    An answer's Date may be that of its end; what was committed while the call went on must not
    count as seen, so the call's own duration is taken off.
    """
    started = time.monotonic()
    replies = {reply.reference: reply for reply in client.composite_parts(parts)}
    took = timedelta(seconds=time.monotonic() - started)
    at = server_time(client) - took
    return Asked(replies, at, at)


def server_time(client: SalesforceClient) -> datetime:
    """The org's clock at its last answer. Raises `Unavailable` when it tells none."""
    found = client.server_time
    if found is None:
        raise Unavailable("Salesforce", "org", "its answers carry no Date header")
    return found


def chosen(
    shapes: Sequence[Shape], describes: int, is_clock_known: bool = False
) -> tuple[list[Shape], list[Shape]]:
    """Which of the known objects to query and which to watch by their changed ids, so that the
    calls are as few as possible, and as many are queried as these calls hold."""
    must = [s for s in shapes if s.name in CORE or not s.replicateable or not s.cursor]
    may = [s for s in shapes if s not in must]

    def calls(queried: int) -> int:
        watched = len(may) - queried
        return incremental_calls(
            len(must) + queried, watched, describes, is_clock_known=is_clock_known
        )

    best = min(range(len(may) + 1), key=lambda queried: (calls(queried), -queried))
    return [*must, *may[:best]], may[best:]


def describes_each(shapes: Sequence[Shape], others: int, is_clock_known: bool) -> bool:
    """Whether to ask for the describe of each known object, `others` being those that have to be
    described anyway; not where it saves a call to ask first if any has changed."""
    calls = []
    for describes in (len(shapes) + others, 1 + others):
        queried, watched = chosen(shapes, describes, is_clock_known)
        sizes = len(queried), len(watched), describes
        calls.append(incremental_calls(*sizes, is_clock_known=is_clock_known))
    return calls[0] <= calls[1]


def describe_parts(
    objects: Sequence[str],
    known: Mapping[str, Shape],
    before: Sequence[Shape],
    until: datetime,
    is_clock_known: bool,
) -> list[Part]:
    """The describes, each only if changed since the known one; of the objects read `before` and
    until then one question for all, where that saves a call."""
    each = describes_each(before, len(objects) - len(before), is_clock_known)
    together = frozenset() if each else {shape.name for shape in before}
    parts = [describe_part(name, known.get(name)) for name in objects if name not in together]
    if together:
        headers = {"If-Modified-Since": http_time(until - OVERLAP)}
        parts.insert(0, Part(CHANGED, "sobjects", headers))
    return parts


def undescribed(
    objects: Sequence[str], known: Mapping[str, Shape], asked: Sequence[Part], replies: Replies
) -> tuple[dict[str, PartReply], list[Part]]:
    """Of the objects that were asked for together: the answers, if nothing about any of them has
    changed, or else the describes that are now to be asked."""
    there = {part.reference for part in asked}
    names = [name for name in objects if f"describe_{name}" not in there]
    if names and replies[CHANGED].status != 304:
        return {}, [describe_part(name, known[name]) for name in names]
    return {r: PartReply(r, 304) for name in names for r in [f"describe_{name}"]}, []


def describe_part(name: str, known: Shape | None) -> Part:
    """A describe, only if changed since the known one."""
    headers = {"If-Modified-Since": known.changed} if known and known.changed else None
    return Part(f"describe_{name}", f"sobjects/{object_id(name)}/describe", headers)


def watch_parts(since: Iterable[tuple[Shape, datetime]], end: datetime) -> list[Part]:
    """The ids changed and deleted of each object since its moment. The vendor counts in whole
    minutes."""
    parts = []
    for shape, start in since:
        window = urlencode({"start": _minute(start), "end": _minute(end)})
        path = f"sobjects/{object_id(shape.name)}"
        parts.append(Part(f"updated_{shape.name}", f"{path}/updated?{window}"))
        if shape.keeps_deleted:
            parts.append(Part(f"deleted_{shape.name}", f"{path}/deleted?{window}"))
    return parts


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00+00:00")


def quiet_until(replies: Mapping[str, PartReply], shape: Shape, at: datetime) -> datetime | None:
    """Until when a watched object has surely not changed, `at` at the latest; None when it has,
    or when the questions were refused, which proves nothing."""
    wanted = [(f"updated_{shape.name}", "ids")]
    if shape.keeps_deleted:
        wanted.append((f"deleted_{shape.name}", "deletedRecords"))
    until = at
    for reference, key in wanted:
        reply = replies[reference]
        if reply.problem is not None or not isinstance(reply.body, dict):
            return None
        if reply.body.get(key) != []:
            return None
        until = min(until, _covered(reply.body, at))
    return until


def _covered(answer: Mapping[str, Any], at: datetime) -> datetime:
    """Changes of transactions that are still running are told later (SOAP guide, getUpdated)."""
    told = answer.get("latestDateCovered")
    try:
        # Up to the minute before `at`, which is all that was asked for, is as good as all.
        return at if told is None else datetime.fromisoformat(str(told)) + timedelta(minutes=1)
    except ValueError:
        return at
