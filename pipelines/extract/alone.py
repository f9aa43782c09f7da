"""One extraction at a time, dlt configured by us alone, and every problem in our own words."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

from dlt.common import validation
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.dictionary import DictionaryProvider
from dlt.common.configuration.specs.config_providers_context import ConfigProvidersContainer
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from pipelines import warehouse
from pipelines.errors import CrossfootError, DiskFull, StateCorrupt, Stop, WarehouseBusy
from pipelines.folders import make_private

# All that dlt is told from outside of our calls.
_CONFIGURATION = {
    "runtime": {"dlthub_telemetry": False, "log_level": "CRITICAL"},
    # Files that live between two steps of one load need no packing.
    "data_writer": {"compression": "none"},
    # What the warehouse has taken in needs no second copy beside it.
    "load": {"delete_completed_jobs": True, "workers": 1},
}


def _kept_types(read: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """What reads the types of a dictionary's members, once for each class: they do not change."""
    known: dict[type, dict[str, Any]] = {}

    def types(of: type, *given: Any, **named: Any) -> dict[str, Any]:
        if of not in known:
            known[of] = read(of, *given, **named)
        return known[of]

    return types


# dlt holds every schema that it has stored against its own types, some twenty times in a reading,
# and works them out of their annotations each time, which takes a tenth of a small reading.
validation.get_type_hints = _kept_types(validation.get_type_hints)


# A turn at extracting: a block that gives whether somebody waits for the next one.
Turn = Callable[[], AbstractContextManager[Callable[[], bool]]]
# How long one waits for an extraction that gives way, which it does after every load.
_PATIENCE = 1800.0
_LOOK_AGAIN = 0.2
_GIVES_WAY = "gives way"


@contextmanager
def undisturbed(path: Path, is_giving_way: bool = False) -> Iterator[bool]:
    """One extraction at a time, with our configuration of dlt, and every problem told plainly.

    Whoever `is_giving_way` says so to others, who then wait for its next load to end; they come one
    after the other, and it waits in their row. Gives whether this one came in between so.
    Raises `WarehouseBusy` when another extraction into this warehouse is running that does not give
    way, or does not do so in half an hour.
    """
    with (
        _only_one(path.parent, is_giving_way) as came_between,
        warehouse.alone(path, "extraction"),
        _plain_problems(path),
        own_configuration(),
    ):
        yield came_between


def is_waited_for(path: Path) -> bool:
    """Whether somebody waits for the extraction into this warehouse that is running."""
    with (path.parent / "extract.next").open("a") as row:
        return not _taken(row)


@contextmanager
def in_turn(path: Path) -> Iterator[Callable[[], bool]]:
    """A turn among the processes that extract into this warehouse."""
    yield lambda: is_waited_for(path)


@contextmanager
def _only_one(folder: Path, is_giving_way: bool) -> Iterator[bool]:
    make_private(folder)
    with (folder / "extract.lock").open("a+") as lock:
        with (folder / "extract.next").open("a") as row:
            waits = [_wait(row, lock), _wait(lock, lock)]
        if _gives_way(lock) != is_giving_way:
            lock.truncate(0)
            lock.write(_GIVES_WAY if is_giving_way else "")
            lock.flush()
        yield any(waits)


def _wait(wanted: IO[str], lock: IO[str]) -> bool:
    """Wait for a lock as long as whoever is extracting gives way; returns whether one had to."""
    until, looks = time.monotonic() + _PATIENCE, 0
    while not _taken(wanted):
        # One who has just begun may not have said so yet.
        if (not _gives_way(lock) and looks > 1) or time.monotonic() > until:
            raise WarehouseBusy(
                "extraction", "", "another extraction is running", "Wait until it has ended."
            )
        looks += 1
        time.sleep(_LOOK_AGAIN)
    return looks > 0


def _gives_way(lock: IO[str]) -> bool:
    lock.seek(0)
    return lock.read() == _GIVES_WAY


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def own_configuration() -> Iterator[None]:
    """dlt without environment, stray config files and telemetry, for the length of the block."""
    context = Container()[PluggableRunContext]
    before = context.providers
    provider = DictionaryProvider()
    with provider.values(_CONFIGURATION):
        context.providers = ConfigProvidersContainer([provider])
        try:
            context.context.initialize_runtime()
            yield
        finally:
            context.providers = before


@contextmanager
def _plain_problems(path: Path) -> Iterator[None]:
    """Our own errors out of dlt's wrapping, and the warehouse's lock told as what it is."""
    try:
        yield
    except CrossfootError:
        raise
    except Exception as problem:  # noqa: BLE001 - whatever dlt raises, told in our words
        raise _plain(problem, path) from None


def _plain(problem: BaseException, path: Path) -> CrossfootError:
    chain = list(_causes(problem))
    ours = next((e for e in chain if isinstance(e, CrossfootError)), None)
    if ours is not None:
        return ours
    known = (warehouse.explained(path, e) for e in chain)
    told = next((e for e in known if isinstance(e, DiskFull | StateCorrupt | WarehouseBusy)), None)
    if told is not None:
        return told
    last = " ".join(str(chain[-1]).split())[:300]
    return Stop(
        "extraction",
        path.name,
        f"loading failed: {last}",
        "Nothing of it counts as read; run again, and report it if it stays.",
    )


def _causes(problem: BaseException) -> Iterator[BaseException]:
    seen: Sequence[BaseException] = ()
    current: BaseException | None = problem
    while current is not None and current not in seen:
        seen = (*seen, current)
        yield current
        current = current.__cause__ or current.__context__
