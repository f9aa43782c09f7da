"""One extraction at a time, dlt configured by us alone, and every problem in our own words."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


@contextmanager
def undisturbed(path: Path) -> Iterator[None]:
    """One extraction at a time, with our configuration of dlt, and every problem told plainly.

    Raises `WarehouseBusy` at once when another extraction into this warehouse is running.
    """
    with (
        _only_one(path.parent),
        warehouse.alone(path, "extraction"),
        _plain_problems(path),
        own_configuration(),
    ):
        yield


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    make_private(folder)
    with (folder / "extract.lock").open("a") as lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusy(
                "extraction", "", "another extraction is running", "Wait until it has ended."
            ) from None
        yield


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
