"""Any history of both systems, read in earnest at any moments, ends in their books.

`make soak` tries many more histories than `make test` does. Each run prints its seed; SOAK_SEED
plays it again.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import real_loads
from both_systems import QUICK, World, running_world, write_seed
from hypothesis import HealthCheck, Phase, example, given, seed
from hypothesis import settings as examples
from hypothesis import strategies as st
from real_loads import ACTS

from pipelines.errors import CrossfootError
from pipelines.extract import history, results
from pipelines.sandbox.salesforce import queries

HISTORIES = int(os.environ.get("SOAK_HISTORIES", "0"))
# `make test` plays one and the same history; a soak another one each time.
ANOTHER = random.SystemRandom().randrange(10**9) if HISTORIES else 482123473
SEED = int(os.environ.get("SOAK_SEED") or ANOTHER)
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("drop_before", {}), ("drop_after", {}), ("truncate", {}), ("malformed", {}),
    ("refuse", {"status": 503, "body": "<html>"}), ("throttle", {"retry_after": 0}),
    ("empty_page", {}), ("repeat_page", {}), ("stale_read", {"commits": 3}),
)  # fmt: skip
MANNERS = ("whole", "whole", "killed", "in slices", "in turns")
Fault = tuple[tuple[str, dict[str, Any]], int, int]


class Round(NamedTuple):
    """What is done, then a reading: what is done meanwhile, which calls fail (kind, how many,
    after how many), and whether it is killed, cut into slices, or gives way to others after each
    of them."""

    before: list[str]
    meanwhile: list[str]
    fault: Fault | None
    manner: str


acts = st.lists(st.sampled_from(sorted(ACTS)), min_size=2, max_size=6)
faults = st.tuples(st.sampled_from(FAULTS), st.integers(1, 4), st.integers(0, 20))
rounds = st.builds(Round, acts, acts, st.one_of(st.none(), faults), st.sampled_from(MANNERS))


def drawn(chance: random.Random) -> list[Round]:
    """A short history by a seed of its own: hypothesis would begin with its simplest one."""
    names = sorted(ACTS)
    fault = (chance.choice(FAULTS), chance.randint(1, 4), chance.randint(0, 20))
    return [Round(chance.sample(names, 5), chance.sample(names, 4), fault, chance.choice(MANNERS))]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_seed(tmp_path_factory.mktemp("both") / "seed")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.clients.quickbooks.Patience", lambda **_: QUICK)
    monkeypatch.setattr("pipelines.clients.salesforce.Patience", lambda **_: QUICK)


class Killed(BaseException):
    """What a process does not live to see."""


@seed(SEED)
@examples(
    max_examples=max(HISTORIES, 1),
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink] if HISTORIES else [Phase.explicit],
)
@given(st.lists(rounds, min_size=1, max_size=5), acts)
@example(drawn(random.Random(SEED)), ["bill", "deposit", "rename", "delete", "pay"])
def test_any_history_read_in_earnest_ends_in_the_books(
    books: Path, tmp_path_factory: pytest.TempPathFactory, told: list[Round], last: list[str]
) -> None:
    print(f"seed {SEED}: {told}, {last}")
    with running_world(books, tmp_path_factory.mktemp("any") / "data") as world:
        numbers, known = itertools.count(), []
        for one in told:
            _do(world, one.before, numbers)
            if _read(world, one, numbers):
                known.append((datetime.now(UTC), real_loads.known(world)))
        _do(world, last, numbers)
        # Changes of quiet objects are told by whole minutes.
        world.move_clock(days=2 / 1440)
        everything = [*last, *(name for one in told for name in (*one.before, *one.meanwhile))]
        # What left the recycle bin without a trace, only a sweep can find.
        real_loads.extract(world, iter(()), sweep="purge" in everything)
        real_loads.compare(world)
        known.append((datetime.now(UTC), real_loads.known(world)))
        for moment, then in known:
            now = real_loads.known(world, moment)
            assert {name: now[name] for name in then} == then, moment


def _do(world: World, names: list[str], numbers: Iterator[int]) -> None:
    for name in names:
        ACTS[name](world, next(numbers))


def _read(world: World, one: Round, numbers: Iterator[int]) -> bool:
    """One reading, which may fail or be killed; whether it came to its end."""
    is_whole = False

    def act(name: str) -> Callable[[], None]:
        def acted() -> None:
            # People meet the faults as well.
            with suppress(CrossfootError):
                ACTS[name](world, next(numbers))

        return acted

    with pytest.MonkeyPatch.context() as patched, suppress(CrossfootError, Killed):
        if one.manner in ("in slices", "in turns"):
            patched.setattr(results, "SLICE_ROWS", 8)
            patched.setattr("pipelines.clients.quickbooks.PAGE", 4)
            patched.setattr(queries, "page_size", lambda _: 4)
        if one.manner == "killed":
            patched.setattr(history, "record", _dying(history.record))
        if one.fault is not None:
            (kind, given_), times, skip = one.fault
            action = {"kind": kind, **given_}
            world.control("POST", "faults", json={"times": times, "skip": skip, "action": action})
        read = real_loads.extract_in_turns if one.manner == "in turns" else real_loads.extract
        read(world, map(act, one.meanwhile))
        is_whole = True
    world.calm()
    return is_whole


def _dying(record: Callable[..., None]) -> Callable[..., None]:
    """The process dies between a load and what is written down of it."""
    calls = itertools.count()

    def dying(*given_: Any) -> None:
        if next(calls):
            raise Killed
        record(*given_)

    return dying
