"""This machine: interpreter, disk, folders, state, warehouse, and whether the schedules run."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from orchestration.doctor import built
from orchestration.doctor.finding import Finding, bad, failed, good, look
from pipelines import warehouse
from pipelines.errors import CrossfootError
from pipelines.settings import Settings
from reverse_etl.opening import opened

_GIGABYTE = 1_000_000_000
_LEAST_FREE = 2 * _GIGABYTE
# A reading may be late once; after three that did not come, nobody is reading.
_MISSED = 3


def findings(settings: Settings, now: datetime) -> Iterator[Finding]:
    """All of this machine."""
    yield python()
    yield disk(settings)
    # Before the state is opened, which makes it private again.
    yield from folders(settings)
    yield state(settings)
    yield from built.findings(settings)
    yield from readings(settings, now)


def python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Finding:
    """The interpreter."""
    told = ".".join(map(str, version))
    if version < (3, 11):
        return bad("machine.python", "Python", f"it is {told}", "Install Python 3.11 or later.")
    return good("machine.python", "Python", told)


def disk(settings: Settings) -> Finding:
    """Room for the warehouse, its copy for analysts and the one before, which stand beside each
    other for a moment."""
    place = _existing(settings.data_dir)
    free = shutil.disk_usage(place).free
    held = _size(settings.warehouse_path)
    needed = max(_LEAST_FREE, 3 * held)
    told = f"{free / _GIGABYTE:.1f} GB free, the warehouse has {held / _GIGABYTE:.1f} GB"
    if free < needed:
        step = f"Free some: {needed / _GIGABYTE:.1f} GB are wanted. Or set CROSSFOOT_DATA_DIR."
        return bad("machine.disk", str(place), told, step)
    return good("machine.disk", str(place), told)


def folders(settings: Settings) -> Iterator[Finding]:
    """State and tokens are nobody else's business."""
    sqlite = settings.state_url.removeprefix("sqlite:///")
    state_file = Path(sqlite) if sqlite != settings.state_url else None
    tokens = sorted(settings.token_dir.glob("*.json")) if settings.token_dir.exists() else []
    files = [p for p in (state_file, *tokens) if p is not None and p.exists()]
    open_ones = [p for p in files if stat.S_IMODE(p.stat().st_mode) & 0o077]
    for path in open_ones:
        mode = f"{stat.S_IMODE(path.stat().st_mode):04o}"
        yield bad(
            "machine.private", path.name, f"others may read it (mode {mode})", f"chmod 600 {path}"
        )
    if files and not open_ones:
        yield good("machine.private", "state and tokens", "only their owner may read them")


def state(settings: Settings) -> Finding:
    """Whether the state can be opened and written."""
    try:
        with opened(settings) as held, held.writing():
            pass
    except CrossfootError as problem:
        return failed("machine.state", "state", problem)
    kind = "SQLite" if settings.state_url.startswith("sqlite") else "PostgreSQL"
    return good("machine.state", "state", f"{kind}, can be written")


def readings(settings: Settings, now: datetime) -> Iterator[Finding]:
    """When both systems were read last, against how often they should be."""
    for system, schema in (
        ("Salesforce", warehouse.RAW_SALESFORCE),
        ("QuickBooks", warehouse.RAW_QUICKBOOKS),
    ):
        try:
            yield _reading(settings, system, _read_at(settings.warehouse_path, schema), now)
        except CrossfootError as problem:
            yield failed("machine.schedules", f"reading {system}", problem)


def _reading(settings: Settings, system: str, read_at: datetime | None, now: datetime) -> Finding:
    code, subject = "machine.schedules", f"reading {system}"
    if read_at is None:
        step = "Look at `crossfoot budget --count`, then run `crossfoot extract`."
        return look(code, subject, "it was never read", step)
    every = timedelta(minutes=settings.read_every_minutes)
    told = f"last read {read_at:%Y-%m-%d %H:%M} UTC, wanted every {settings.read_every_minutes} min"
    if now - read_at > _MISSED * every:
        step = "Start Dagster's daemon and switch the schedules on (`dagster dev`, Automation)."
        return bad(code, subject, told, step)
    return good(code, subject, told)


def _read_at(path: Path, schema: str) -> datetime | None:
    if "extract_run" not in warehouse.tables(path, schema):
        return None
    rows = warehouse.read(path, f"SELECT max(finished_at) AS at FROM {schema}.extract_run")  # noqa: S608
    found: datetime | None = rows[0]["at"]
    return found


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
