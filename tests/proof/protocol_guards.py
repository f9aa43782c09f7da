"""What each precaution is for: the shortest way in which its absence does harm.

    python tests/proof/protocol_guards.py    looks for those ways and writes counterexamples.json

The test replays the stored ways, which costs nothing; looking for them takes a minute or two.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

from explore import broken, canonical, explore, forgotten, is_quiet
from protocol import ALL, HONEST, NAMES, Guards, Vendor, World, start, steps

STORED = Path(__file__).with_name("counterexamples.json")
FORGETFUL = Vendor(forgetful=True, assumed_forgetful=True)
# The world in which the harm is seen: deals, writers, faults, acts of people; and the vendor.
NEEDS: dict[str, tuple[tuple[int, int, int, int], Vendor]] = {
    "intent_first": ((1, 1, 1, 0), HONEST),
    "request_id": ((1, 1, 1, 0), HONEST),
    "look": ((1, 1, 1, 0), HONEST),
    "wait": ((1, 1, 1, 0), FORGETFUL),
    "lease": ((1, 2, 0, 0), FORGETFUL),
    "prompt": ((1, 1, 2, 0), HONEST),
    "hold": ((1, 1, 1, 0), FORGETFUL),
    "margin": ((1, 1, 2, 0), HONEST),
    "by_mark_alone": ((1, 1, 1, 1), HONEST),
    "stored_bytes": ((1, 1, 1, 1), HONEST),
    "generation": ((1, 1, 0, 2), HONEST),
    "doubt_refusals": ((1, 1, 2, 0), HONEST),
    "judged_reopening": ((1, 1, 2, 2), FORGETFUL),
}


def without(name: str) -> Guards:
    """All precautions but this one."""
    return replace(ALL, **{name: False})


def replay(path: list[str], guards: Guards, world: World, vendor: Vendor) -> World:
    """The state at the end of a way. Raises `LookupError` where a step cannot be taken."""
    world = canonical(world)
    for name in path:
        following = dict(reversed(list(steps(world, guards, vendor))))
        if name not in following:
            raise LookupError(name)
        world = canonical(following[name])
    return world


def harm(world: World, guards: Guards, vendor: Vendor) -> str:
    """The promise that is broken here, at once or once all is calm."""
    return broken(world) or (forgotten(world, guards, vendor) if is_quiet(world) else "")


def walk(
    seed: int, guards: Guards, deals: int = 6, length: int = 120, vendor: Vendor = HONEST
) -> str:
    """One seeded history of many deals and two writers; the promise that it breaks, if any.

    Writers act more often than anything goes wrong, as in life.
    """
    dice = random.Random(seed)
    world = start(deals, 2, faults=8, events=4)
    for _ in range(length):
        choices = list(steps(world, guards, vendor))
        own = [step for step in choices if step[0].startswith("writer")]
        _, world = dice.choice(own if own and dice.random() < 0.75 else choices)
        bad = broken(world)
        if bad:
            return bad
    for number, writer in enumerate(world.writers):
        if writer.at != "idle":
            killed = [w for n, w in steps(world._replace(faults=1), guards, vendor)
                      if n == f"writer {number + 1} is killed"]  # fmt: skip
            world = killed[0]
    return forgotten(world, guards, vendor)


def main() -> None:
    found = {}
    for name in NAMES:
        size, vendor = NEEDS[name]
        seen = explore(start(*size), without(name), vendor)
        print(f"{name}: {seen.bad or 'NOTHING FOUND'} ({seen.states} states)", flush=True)
        found[name] = {"harm": seen.bad, "path": seen.path}
    STORED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
