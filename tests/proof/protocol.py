"""The protocol of ledger, request id, mark and look-up, as a small state machine.

Pure: a state is a value, `steps` gives every state that may follow with its name. What is kept
through a crash stands in `Deal.entries`, `Deal.reopened` and `World.lease` (the state database) and
in `Deal.docs` and `Deal.known_ids` (the vendor); what a `Writer` holds is gone with its process.
One deal has one plan step; the second deal and the second writer are there to meet the first.

`Guards` switches one precaution off at a time; with all of them on, no reachable state is bad.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

Status = Literal["open", "unknown", "done", "refused", "withdrawn"]
IN_DOUBT = ("open", "unknown")


@dataclass(frozen=True)
class Guards:
    """The precautions, each of which can be taken away."""

    intent_first: bool = True  # the intent is durable before the request leaves
    request_id: bool = True  # the vendor gets an id that follows from the key
    look: bool = True  # a write in doubt is looked for before it is sent again
    wait: bool = True  # not found proves nothing while what was made may still be hidden
    lease: bool = True  # one writer at a time
    prompt: bool = True  # a request leaves soon after look and intent, or not at all
    hold: bool = True  # a ledger that may have forgotten adopts what it finds, sends nothing new
    margin: bool = True  # it may have forgotten until data are newer than all that it could miss
    by_mark_alone: bool = True  # a look asks for the mark, whoever the customer is by now
    stored_bytes: bool = True  # a write in doubt is repeated as it was sent
    generation: bool = True  # a second document that a person allowed has an id of its own
    doubt_refusals: bool = True  # a refused repeat settles nothing while the first may be hidden
    judged_reopening: bool = True  # a second one waits until the warehouse knows the first


ALL = Guards()
# What a document says once a person has given it to another customer.
MOVED = 3
NAMES = tuple(field.name for field in fields(Guards))


@dataclass(frozen=True)
class Vendor:
    """What is true of the vendor, and what is assumed of it. `forgetful`: a request id may be
    forgotten before a query shows what it made; `assumed_forgetful` is what `wait` believes."""

    forgetful: bool = False
    assumed_forgetful: bool = False


HONEST = Vendor()


class Doc(NamedTuple):
    """A document in the vendor's books. `text` stands for what the deal said (its customer,
    too), `shown` for whether queries show it yet, `orphan` for a ledger lost since."""

    generation: int
    text: int
    live: bool = True
    shown: bool = False
    orphan: bool = False


class Entry(NamedTuple):
    """A line of the ledger. `made` is the number of its document, as far as known; `fresh`: tried
    so lately that what it made may be hidden; `behind`:
    data have been read since what was known when it was written."""

    generation: int
    text: int
    status: Status
    made: int = -1
    fresh: bool = True
    behind: bool = False


class Deal(NamedTuple):
    """One due plan step: what Salesforce says, what the books hold, what we keep, what we read.

    `known_ids` are the requests that the vendor remembers: (id, number of the document).
    `seen` is what the warehouse shows: 0 nothing, n + 1 the live document n, -n - 1 document n
    that is gone. `copied` is the newest that its copy of the ledger calls done: generation,
    document, and whether it was read that the document is gone.
    """

    text: int = 1
    docs: tuple[Doc, ...] = ()
    known_ids: tuple[tuple[int, int], ...] = ()
    entries: tuple[Entry, ...] = ()
    reopened: int = 1
    seen: int = 0
    read_text: int = 1
    copied: tuple[int, int, bool] = (0, -1, False)


class Writer(NamedTuple):
    """A process that applies a plan. `at` is where it stands: idle, choosing, looked, intended,
    silent, answered. `plan` is what it means to write, (deal, generation, text); `again` says
    that it is settling an older entry, `doubtful` that what that one made may be
    hidden still; `late` that time went by since its last commit."""

    at: str = "idle"
    plan: tuple[tuple[int, int, int], ...] = ()
    to_settle: tuple[tuple[int, int], ...] = ()
    wanted: tuple[int, ...] = ()
    deal: int = -1
    generation: int = 0
    text: int = 0
    again: bool = False
    doubtful: bool = False
    found: int = -1
    late: bool = False
    old_data: bool = False
    looks_first: bool = False


class World(NamedTuple):
    """Everything. `flying` are requests under way to the vendor: (deal, generation, text)."""

    deals: tuple[Deal, ...]
    writers: tuple[Writer, ...]
    lease: int = -1
    forgot: int = 0  # 2: lost and nothing read since; 1: read while something may have been hidden
    flying: tuple[tuple[int, int, int], ...] = ()
    read: bool = False
    faults: int = 0
    events: int = 0


IDLE = Writer()


def start(deals: int, writers: int, faults: int, events: int) -> World:
    """Nothing read, nothing written; at most so many faults and so many acts of people follow."""
    return World((Deal(),) * deals, (IDLE,) * writers, faults=faults, events=events)


# What the product decides, one small question each; a test holds them against its own code. -------


def planned(deal: Deal, forgot: bool, guards: Guards = ALL) -> tuple[int, int] | None:
    """The generation and text that the warehouse asks for, or None where it asks for nothing."""
    written, number, is_gone = deal.copied
    if deal.seen > 0 or (written and not is_gone and number != abs(deal.seen) - 1):
        return None
    if deal.seen < 0 or is_gone:
        opened = reopened(deal, forgot) if guards.judged_reopening else deal.reopened
        return (opened, deal.read_text) if opened > max(written, 1) else None
    return 1, deal.read_text


def reopened(deal: Deal, forgot: bool) -> int:
    """The generation that a person allowed, once the warehouse has judged what it replaces."""
    done = [(e.generation, e.made) for e in deal.entries if e.status == "done"]
    judged = not done or max(done) == deal.copied[:2]
    return deal.reopened if judged and not forgot else 1


def place(entries: tuple[Entry, ...], generation: int) -> str:
    """What the plan does with a create, by the ledger: change, settle, held, done or unseen.
    Entries come by generation."""
    if any(entry.status in IN_DOUBT for entry in entries):
        return "settle"
    newest = entries[-1] if entries else None
    if newest is None or newest.status == "withdrawn":
        return "change"
    if newest.generation < generation:
        return "change"
    if newest.status == "refused":
        return "held"
    return "unseen" if newest.behind else "done"


def may_send_again(entry: Entry, vendor: Vendor) -> bool:
    """After a look that found nothing: may the same bytes leave again?"""
    return not (vendor.assumed_forgetful and entry.fresh)


def verdict(found: bool, wanted: bool, may_send: bool, fresh: bool) -> str:
    """What becomes of a write in doubt after the look for it."""
    if found:
        return "done"
    if wanted and may_send:
        return "send"
    return "unknown" if wanted or fresh else "withdrawn"


# The vendor ---------------------------------------------------------------------------------------


def serve(deal: Deal, generation: int, text: int, guards: Guards) -> tuple[Deal, int]:
    """The books after a request arrived, and the number of the document that the answer names."""
    request = (generation if guards.generation else 1) * 10
    if guards.request_id:
        for known, number in deal.known_ids:
            if known == request:
                return deal, number
    number = len(deal.docs)
    ids = deal.known_ids
    if guards.request_id:
        ids = tuple(sorted({**dict(ids), request: number}.items()))
    return deal._replace(docs=(*deal.docs, Doc(generation, text)), known_ids=ids), number


def look(deal: Deal, generation: int, text: int | None) -> int:
    """The number of the document that a query by mark shows, -1 for none; by text too if given."""
    for number, doc in enumerate(deal.docs):
        if doc.live and doc.shown and doc.generation == generation and text in (None, doc.text):
            return number
    return -1


# What may happen ----------------------------------------------------------------------------------


def steps(
    world: World, guards: Guards = ALL, vendor: Vendor = Vendor()
) -> Iterator[tuple[str, World]]:
    """Every single step from here: of the writers, of what goes wrong, of people and of time."""
    for number, writer in enumerate(world.writers):
        for name, after in _writer_steps(world, number, writer, guards, vendor):
            yield f"writer {number + 1} {name}", after
    for message in dict.fromkeys(world.flying):
        yield f"a request for deal {message[0] + 1} arrives late", _arrives(world, message, guards)
    yield "both systems are read", read(world, guards)
    yield "a few minutes pass", minutes_pass(world)
    if any(deal.known_ids for deal in world.deals):
        yield "the vendor forgets request ids", _forgets(world, vendor)
    if world.faults:
        less = world._replace(faults=world.faults - 1)
        yield "the ledger is lost", _lose_ledger(less)
        yield "the warehouse is lost", _lose_warehouse(less)
    if world.events:
        yield from _people(world._replace(events=world.events - 1))


def _writer_steps(
    world: World, number: int, writer: Writer, guards: Guards, vendor: Vendor
) -> Iterator[tuple[str, World]]:
    if writer.at == "idle":
        yield from _begin(world, number, guards)
        return
    if world.faults:
        dead = world._replace(faults=world.faults - 1)
        yield "is killed", _ends(dead, number)
    commits = writer.at in ("choosing", "looked", "silent", "answered")
    if guards.lease and world.lease != number and commits:
        # Somebody took the lease over while this one slept: its next commit is refused.
        yield "finds its lease taken", _ends(world, number)
        return
    if writer.at == "choosing":
        yield from _choose(world, number, writer, guards)
    elif writer.at == "looked":
        yield from _after_look(world, number, writer, guards, vendor)
    elif writer.at == "intended":
        yield from _send(world, number, writer, guards, vendor)
    elif writer.at == "silent":
        yield "notes that no answer came", _finish(world, number, writer, "unknown")
    elif writer.found == -2:
        yield "notes the refusal", _finish(world, number, writer, "refused")
    else:
        yield "notes what was made", _finish(world, number, writer, "done")


def _begin(world: World, number: int, guards: Guards) -> Iterator[tuple[str, World]]:
    """Take the lease, if it is free or its holder slept too long, and plan."""
    if not world.read:
        return
    holder = world.writers[world.lease] if world.lease >= 0 else IDLE
    if guards.lease and holder.at != "idle" and not holder.late:
        return
    plan, doubtful, wanted = [], [], []
    for index, deal in enumerate(world.deals):
        doubtful += [(index, e.generation) for e in deal.entries if e.status in IN_DOUBT]
        asked = planned(deal, bool(world.forgot), guards)
        if asked:
            wanted.append(index)
        if asked and place(deal.entries, asked[0]) == "change":
            plan.append((index, *asked))
    if plan or doubtful:
        writer = Writer(
            "choosing", tuple(plan), tuple(doubtful), tuple(wanted), looks_first=bool(world.forgot)
        )
        yield "takes the lease and plans", _put(world._replace(lease=number), number, writer)


def _choose(
    world: World, number: int, writer: Writer, guards: Guards
) -> Iterator[tuple[str, World]]:
    if writer.to_settle:
        index, generation = writer.to_settle[0]
        entry = entry_of(world.deals[index], generation)
        rest = writer._replace(to_settle=writer.to_settle[1:], late=False)
        if entry is None or entry.status not in IN_DOUBT:
            yield "finds it settled", _put(world, number, rest)
            return
        text = entry.text if guards.stored_bytes else world.deals[index].read_text
        by = None if guards.by_mark_alone else text
        found = look(world.deals[index], generation, by) if guards.look else -1
        looked = rest._replace(
            at="looked", deal=index, generation=generation, text=text, again=True, found=found
        )
        yield f"looks for deal {index + 1}, left open", _put(world, number, looked)
        return
    if not writer.plan:
        yield "is through", _ends(world, number)
        return
    index, generation, text = writer.plan[0]
    rest = writer._replace(plan=writer.plan[1:], late=False)
    entry = entry_of(world.deals[index], generation)
    if entry is not None and entry.status != "withdrawn":
        yield f"leaves deal {index + 1} as the ledger has it", _put(world, number, rest)
        return
    found = -1
    if writer.looks_first and guards.hold:
        found = look(world.deals[index], generation, None if guards.by_mark_alone else text)
        if found < 0:
            yield f"lets deal {index + 1} wait until the data are newer", _put(world, number, rest)
            return
    looked = rest._replace(
        at="looked", deal=index, generation=generation, text=text, again=False, found=found
    )
    yield f"comes to deal {index + 1}", _put(world, number, looked)


def _after_look(
    world: World, number: int, writer: Writer, guards: Guards, vendor: Vendor
) -> Iterator[tuple[str, World]]:
    """The commit after a look: adopt, intend, or leave it."""
    if writer.late and guards.prompt and (writer.again or writer.looks_first):
        yield "stops, as time went by since its look", _ends(world, number)
        return
    if not writer.again:
        if writer.found >= 0:
            yield "adopts what it found", _finish(world, number, writer, "done")
        else:
            yield "makes its intent durable", _intend(world, number, writer, guards)
        return
    entry = entry_of(world.deals[writer.deal], writer.generation)
    assert entry is not None
    wanted = writer.deal in writer.wanted
    may_send = may_send_again(entry, vendor) or not guards.wait
    word = verdict(writer.found >= 0, wanted, may_send, entry.fresh)
    if word == "send":
        unsure = writer._replace(doubtful=entry.fresh)
        yield "intends it again", _intend(world, number, unsure, guards)
    else:
        yield f"notes: {word}", _finish(world, number, writer, word)  # type: ignore[arg-type]


def _intend(world: World, number: int, writer: Writer, guards: Guards) -> World:
    after = writer._replace(at="intended", late=False)
    if guards.intent_first or writer.again:
        entry = Entry(writer.generation, writer.text, "open", behind=writer.old_data)
        world = _write(world, writer.deal, entry)
    return _put(world, number, after)


def _send(
    world: World, number: int, writer: Writer, guards: Guards, vendor: Vendor
) -> Iterator[tuple[str, World]]:
    if writer.late and guards.prompt:
        yield "stops, as time went by since its intent", _ends(world, number)
        return
    message = (writer.deal, writer.generation, writer.text)
    deal, made = serve(world.deals[writer.deal], writer.generation, writer.text, guards)
    served = _with_deal(world, writer.deal, deal)
    silent = writer._replace(at="silent", found=-1, late=False)
    answered = writer._replace(at="answered", found=made, late=False)
    yield "sends and is answered", _put(served, number, answered)
    if not world.faults:
        return
    less, served = (w._replace(faults=w.faults - 1) for w in (world, served))
    flying = (*less.flying, message)
    trusted = guards.doubt_refusals is False or not writer.doubtful
    refused = writer._replace(at="answered", found=-2, late=False) if trusted else silent
    yield "is refused", _put(less, number, refused)
    yield "sends, the request is lost", _put(less, number, silent)
    yield "sends, the reply is lost", _put(served, number, silent)
    yield (
        "sends, the request is under way for long",
        _put(less._replace(flying=flying), number, silent),
    )
    if not vendor.forgetful:
        # No protocol survives a network that doubles requests to a vendor that remembers none.
        yield (
            "sends, the request is delivered twice",
            _put(served._replace(flying=(*served.flying, message)), number, answered),
        )


def _finish(world: World, number: int, writer: Writer, status: Status) -> World:
    known = entry_of(world.deals[writer.deal], writer.generation)
    fresh = known.fresh if known else True
    behind = writer.old_data or bool(known and known.behind)
    made = writer.found if status == "done" else -1
    entry = Entry(writer.generation, writer.text, status, made, fresh, behind)
    after = writer._replace(at="choosing", deal=-1, generation=0, text=0, found=-1, late=False)
    return _put(
        _write(world, writer.deal, entry), number, after._replace(again=False, doubtful=False)
    )


def _ends(world: World, number: int) -> World:
    lease = -1 if world.lease == number else world.lease
    return _put(world._replace(lease=lease), number, IDLE)


def _arrives(world: World, message: tuple[int, int, int], guards: Guards) -> World:
    index, generation, text = message
    before = world.deals[index]
    deal, _ = serve(before, generation, text, guards)
    if world.forgot and len(deal.docs) > len(before.docs):
        deal = deal._replace(docs=(*deal.docs[:-1], deal.docs[-1]._replace(orphan=True)))
    flying = list(world.flying)
    flying.remove(message)
    return _with_deal(world, index, deal)._replace(flying=tuple(flying))


def read(world: World, guards: Guards = ALL) -> World:
    """The state is copied, both systems are read and judged."""
    writers = tuple(w if w.at == "idle" else w._replace(old_data=True) for w in world.writers)
    deals = tuple(_read_deal(deal) for deal in world.deals)
    hidden = any(not doc.shown for deal in world.deals for doc in deal.docs) or world.flying
    return world._replace(
        deals=deals,
        writers=writers,
        read=True,
        forgot=1 if world.forgot and hidden and guards.margin else 0,
    )


def _read_deal(deal: Deal) -> Deal:
    done = [(e.generation, e.made) for e in deal.entries if e.status == "done"]
    generation, made = max(done, default=(0, -1))
    is_gone = made >= 0 and not deal.docs[made].live
    shown = [n for n, doc in enumerate(deal.docs) if doc.live and doc.shown]
    seen = max(shown, default=-1) + 1
    if not seen and deal.seen and not deal.docs[abs(deal.seen) - 1].live:
        seen = -abs(deal.seen)
    entries = tuple(e._replace(behind=True) for e in deal.entries)
    copied = (generation, made, is_gone)
    return deal._replace(seen=seen, read_text=deal.text, copied=copied, entries=entries)


def minutes_pass(world: World) -> World:
    """Longer than any request is under way and than anything stays hidden."""
    deals = tuple(
        d._replace(
            docs=tuple(doc._replace(shown=True) for doc in d.docs),
            entries=tuple(e._replace(fresh=False) for e in d.entries),
        )
        for d in world.deals
    )
    writers = tuple(w if w.at == "idle" else _overtaken(w) for w in world.writers)
    return world._replace(deals=deals, writers=writers, flying=())


def _overtaken(writer: Writer) -> Writer:
    """A call ends within that time, one way or the other; a process may sleep through it."""
    return writer._replace(late=True)


def _forgets(world: World, vendor: Vendor) -> World:
    """An honest vendor forgets no request before queries show what it made."""
    world = world if vendor.forgetful else minutes_pass(world)
    return world._replace(deals=tuple(d._replace(known_ids=()) for d in world.deals))


def _lose_ledger(world: World) -> World:
    deals = tuple(
        d._replace(entries=(), reopened=1, docs=tuple(doc._replace(orphan=True) for doc in d.docs))
        for d in world.deals
    )
    return world._replace(deals=deals, writers=(IDLE,) * len(world.writers), lease=-1, forgot=2)


def _lose_warehouse(world: World) -> World:
    deals = tuple(d._replace(seen=0, copied=(0, -1, False)) for d in world.deals)
    return world._replace(deals=deals, read=False)


def _people(world: World) -> Iterator[tuple[str, World]]:
    for index, deal in enumerate(world.deals):
        if deal.text == 1:
            yield f"deal {index + 1} is edited", _with_deal(world, index, deal._replace(text=2))
        for number, doc in enumerate(deal.docs):
            if doc.live:
                acts = {"deletes": doc._replace(live=False), "moves": doc._replace(text=MOVED)}
                for act, other in acts.items():
                    docs = (*deal.docs[:number], other, *deal.docs[number + 1 :])
                    yield (
                        f"a person {act} the document of deal {index + 1}",
                        _with_deal(world, index, deal._replace(docs=docs)),
                    )
        newest = max((e.generation for e in deal.entries), default=1)
        settled = all(
            e.status in ("done", "withdrawn") for e in deal.entries if e.generation == newest
        )
        if (deal.seen < 0 or deal.copied[2]) and settled and deal.reopened <= newest:
            opened = deal._replace(reopened=newest + 1)
            yield f"a person reopens deal {index + 1}", _with_deal(world, index, opened)


def entry_of(deal: Deal, generation: int) -> Entry | None:
    """The ledger's line of that generation."""
    return next((e for e in deal.entries if e.generation == generation), None)


def _write(world: World, index: int, entry: Entry) -> World:
    deal = world.deals[index]
    others = [e for e in deal.entries if e.generation != entry.generation]
    return _with_deal(world, index, deal._replace(entries=tuple(sorted([*others, entry]))))


def _with_deal(world: World, index: int, deal: Deal) -> World:
    deals = list(world.deals)
    deals[index] = deal
    return world._replace(deals=tuple(deals))


def _put(world: World, number: int, writer: Writer) -> World:
    writers = list(world.writers)
    writers[number] = writer
    return world._replace(writers=tuple(writers))
