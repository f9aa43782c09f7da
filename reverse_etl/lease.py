"""Only one apply at a time: a row in the state database says who.

A holder renews with each commit to the ledger, inside that commit, so that one who lost the lease
cannot write another intent. A dead process on this machine loses it at once; one on another
machine after `SILENT_FOR` without a sign of life.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.errors import Stop
from reverse_etl.failpoints import reach
from reverse_etl.state import State, Transaction

NAME = "apply"
# Longer than the longest single call to a vendor (120 s) with its retries.
SILENT_FOR = timedelta(minutes=30)
Now = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Lease:
    """The right to apply. `token` names this holding of it, in the ledger's history too."""

    token: str
    now: Now

    def renew(self, work: Transaction) -> None:
        """Show life, inside the caller's transaction. Raises `Stop` if another has taken over."""
        if work.change("lease", {"renewed_at": self.now()}, name=NAME, token=self.token) != 1:
            raise Stop(
                "state",
                "lease",
                "another run has taken over while this one was silent",
                "Nothing more is sent by this one. Look at the outcome of the other run.",
            )


@contextmanager
def hold(state: State, purpose: str, now: Now = utc_now) -> Iterator[Lease]:
    """Hold the lease for a block. Raises `Stop` naming the holder when somebody has it."""
    lease = _take(state, purpose, now)
    reach("lease.taken")
    try:
        yield lease
    finally:
        with state.writing() as work:
            work.remove("lease", name=NAME, token=lease.token)
        reach("lease.released")


def holder(state: State) -> str | None:
    """Who holds the lease, in words; None if nobody does."""
    with state.reading() as work:
        row = work.one("lease", name=NAME)
    return _describe(row) if row else None


def _take(state: State, purpose: str, now: Now) -> Lease:
    mine = _claim(purpose, now())
    with state.writing() as work:
        if work.add_if_absent("lease", mine):
            return Lease(mine["token"], now)
        theirs = work.one("lease", name=NAME)
        if theirs and _is_alive(theirs, now()):
            raise _held(theirs)
        seen = theirs["token"] if theirs else ""
        if work.change("lease", mine, name=NAME, token=seen) != 1:
            raise Stop("state", "lease", "another run took it this very moment", "Run again.")
    return Lease(mine["token"], now)


def _claim(purpose: str, at: datetime) -> dict[str, Any]:
    return {
        "name": NAME,
        "token": uuid.uuid4().hex,
        "purpose": purpose,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_start": _process_start(os.getpid()),
        "taken_at": at,
        "renewed_at": at,
    }


def _is_alive(row: dict[str, Any], at: datetime) -> bool:
    if row["host"] == socket.gethostname():
        return _runs(row["pid"], row["process_start"])
    return bool(at - row["renewed_at"] < SILENT_FOR)


def _runs(pid: int, process_start: str) -> bool:
    """Is this very process alive? A number that was given to a newer process does not count."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _process_start(pid) == process_start


def _process_start(pid: int) -> str:
    """When the process started, as the kernel counts; empty where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The name in parentheses may hold blanks; state and start time are fields 1 and 20 after it.
    after_name = stat.rpartition(")")[2].split()
    return "ended" if after_name[0] in ("Z", "X") else after_name[19]


def _held(row: dict[str, Any]) -> Stop:
    return Stop(
        "state",
        "lease",
        f"an apply is under way: {_describe(row)}",
        "Wait for it to end. If that machine is gone, the lease lapses "
        f"{int(SILENT_FOR.total_seconds() // 60)} minutes after its last sign of life.",
    )


def _describe(row: dict[str, Any]) -> str:
    since = row["taken_at"].strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{row['purpose']}, process {row['pid']} on {row['host']}, since {since}"
