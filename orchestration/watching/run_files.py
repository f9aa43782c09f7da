"""The file that Dagster keeps each run's events in, made at once as an empty one is.

With records in SQLite every run has a file of its own. Dagster makes it by creating eight tables
and reading its ninety migrations twice, 100 ms of computing and some waiting for the disk, before
the run begins: here one such file is made and copied. With PostgreSQL there is none.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.utils import make_new_run_id

_EMPTY = "empty"


def new_run(instance: dg.DagsterInstance) -> str:
    """The id of a run that is about to begin, whose file is there if it will have one."""
    run_id = make_new_run_id()
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        Path(storage.path_for_shard(run_id)).write_bytes(empty())
        storage._initialized_dbs.add(run_id)
    return run_id


@cache
def empty() -> bytes:
    """A file of events without any, as this version of Dagster makes it."""
    with tempfile.TemporaryDirectory() as folder:
        storage = SqliteEventLogStorage(folder)
        with storage.run_connection(_EMPTY):
            pass
        storage.dispose()
        return Path(storage.path_for_shard(_EMPTY)).read_bytes()
