"""Every state of the protocol that can be reached, breadth first, and what must hold in each."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import permutations

from protocol import (
    ALL,
    HONEST,
    IN_DOUBT,
    MOVED,
    Deal,
    Guards,
    Vendor,
    World,
    entry_of,
    minutes_pass,
    place,
    planned,
    read,
    steps,
)

# Calm rounds until everything is written: read, wait, apply; a settled write is seen by the next.
ROUNDS = 6


@dataclass
class Explored:
    """What an exploration saw: `bad` is the first broken promise, `path` the way to it."""

    states: int = 0
    steps: int = 0
    calmed: int = 0
    bad: str = ""
    path: list[str] = field(default_factory=list)


def explore(
    first: World,
    guards: Guards = ALL,
    vendor: Vendor = HONEST,
    most: int | None = None,
    calm: bool = True,
) -> Explored:
    """Visit every state that `first` leads to, or until a promise is broken.

    Deals are alike and so are writers: states that differ only in who is who are one.
    """
    found = Explored()
    first = canonical(first)
    came_from: dict[World, tuple[World | None, str]] = {first: (None, "")}
    queue = deque([first])
    while queue:
        world = queue.popleft()
        found.states += 1
        found.bad = broken(world)
        if not found.bad and calm and is_quiet(world):
            found.calmed += 1
            found.bad = forgotten(world, guards, vendor)
        if found.bad:
            found.path = _path(came_from, world)
            return found
        if most and found.states >= most:
            return found
        for name, after in steps(world, guards, vendor):
            found.steps += 1
            after = canonical(after)
            if after not in came_from:
                came_from[after] = (world, name)
                queue.append(after)
    return found


def canonical(world: World) -> World:
    """The same state with deals and writers in a fixed order."""
    best: World | None = None
    for order in permutations(range(len(world.deals))):
        for line in permutations(range(len(world.writers))):
            other = _reordered(world, order, line)
            if best is None or other < best:
                best = other
    assert best is not None
    return best


def _reordered(world: World, order: tuple[int, ...], line: tuple[int, ...]) -> World:
    place_of = {old: new for new, old in enumerate(order)}
    seat_of = {old: new for new, old in enumerate(line)}
    writers = tuple(
        world.writers[old]._replace(
            plan=tuple((place_of[i], g, t) for i, g, t in world.writers[old].plan),
            to_settle=tuple((place_of[i], g) for i, g in world.writers[old].to_settle),
            wanted=tuple(sorted(place_of[i] for i in world.writers[old].wanted)),
            deal=place_of.get(world.writers[old].deal, -1),
        )
        for old in line
    )
    return world._replace(
        deals=tuple(world.deals[old] for old in order),
        writers=writers,
        lease=seat_of.get(world.lease, -1),
        flying=tuple(sorted((place_of[i], g, t) for i, g, t in world.flying)),
    )


def is_quiet(world: World) -> bool:
    """Is nobody at work?"""
    return all(writer.at == "idle" for writer in world.writers)


def broken(world: World) -> str:
    """The promise that this very state breaks, or nothing."""
    for deal in world.deals:
        if sum(doc.live for doc in deal.docs) > 1:
            return "two live documents for one plan step"
        for doc in deal.docs:
            entry = entry_of(deal, doc.generation)
            known = entry is not None and (entry.status in (*IN_DOUBT, "done") or not doc.live)
            if not doc.orphan and not known:
                return "a document that the ledger does not explain"
        for entry in deal.entries:
            if entry.status == "done":
                made = deal.docs[entry.made]
                if made.generation != entry.generation:
                    return "the ledger calls done what is not there"
                said = made.text in (entry.text, MOVED) or made.orphan or not made.live
                if not said:
                    return "a document says other than the ledger"
    return ""


def forgotten(world: World, guards: Guards, vendor: Vendor) -> str:
    """What calm days do not bring home from here, or nothing. Without faults and without people,
    every deal has its document, or a reason that a person is shown."""
    world = world._replace(faults=0, events=0)
    for _ in range(ROUNDS):
        world = _applied(read(minutes_pass(world)), guards, vendor)
    world = read(minutes_pass(world))
    bad = broken(world)
    if bad:
        return f"{bad}, once all is calm"
    for deal in world.deals:
        if any(entry.status in IN_DOUBT for entry in deal.entries):
            return "a write stays in doubt for ever"
        if not any(doc.live for doc in deal.docs) and not _is_told(deal):
            return "a planned document is forgotten"
    return ""


def _is_told(deal: Deal) -> bool:
    """Does a person see why there is no document: refused, or gone and not reopened?"""
    if any(entry.status == "refused" for entry in deal.entries):
        return True
    asked = planned(deal, forgot=False)
    if asked is None:
        return deal.seen < 0 or deal.copied[0] > 0
    return place(deal.entries, asked[0]) == "unseen" and deal.reopened == 1


def _applied(world: World, guards: Guards, vendor: Vendor) -> World:
    """One writer works to its end; what time alone does not do is not done."""
    first = next((n for n, w in enumerate(world.writers) if w.at != "idle"), 0)
    while True:
        moves = [
            after
            for name, after in steps(world, guards, vendor)
            if name.startswith(f"writer {first + 1} ")
        ]
        if not moves:
            return world
        world = moves[0]
        if is_quiet(world):
            return world


def _path(came_from: dict[World, tuple[World | None, str]], world: World) -> list[str]:
    names = []
    step: World | None = world
    while step is not None:
        step, name = came_from[step]
        names.append(name)
    return [name for name in reversed(names) if name]
