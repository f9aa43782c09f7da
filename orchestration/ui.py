"""The sandbox and the Dagster UI together, for looking and trying."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from orchestration import telemetry
from orchestration.companies import BOOKS, sample_company
from orchestration.folder import alone
from orchestration.local_sandbox import CONNECTION, local_sandbox
from pipelines.errors import Stop
from pipelines.folders import make_private
from pipelines.settings import ROOT, Settings, load_settings

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DAGSTER_YAML = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    granularity: op
    default_limit: 1
# A run whose process was killed is failed by the code server; its place in the pool is given back.
run_monitoring:
  enabled: true
  poll_interval_seconds: 30
  free_slots_after_run_end_seconds: 30
  start_timeout_seconds: 900
# A busy machine may need minutes to import and parse everything; Dagster itself gives up after 3.
code_servers:
  local_startup_timeout: 900
"""


def run_ui(port: int, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C, or until told to end in another way. In the profiles live and rehearsal
    only Dagster is started.

    Raises `Stop` when the port is taken or a part cannot start.
    """
    _require_free(port)
    settings = load_settings()
    # Also where a shell that starts it in the background has SIGINT ignored.
    for number in _ENDINGS:
        signal.signal(number, _interrupt)
    if settings.profile != "sandbox":
        _dagster(settings.check(), port, say)
        return
    folder = settings.data_dir
    with alone(folder):
        seed = sample_company(folder.parent)
        with local_sandbox(seed, folder / BOOKS, folder / CONNECTION) as connection:
            say(f"Sandbox Salesforce   {connection['salesforce']['base_url']}")
            say(f"Sandbox QuickBooks   {connection['quickbooks']['base_url']}")
            _dagster(settings, port, say)


def _interrupt(number: int, frame: object) -> NoReturn:
    """Told to stop: everything is ended on the way out, once, however often it is told."""
    for again in _ENDINGS:
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt


def _dagster(settings: Settings, port: int, say: Callable[[str], None]) -> None:
    home = dagster_home(settings)
    with _only_ui(home):
        _end_abandoned(home, say)
        _serve(home, port, say)


@contextmanager
def _only_ui(home: Path) -> Iterator[None]:
    """Hold the place of the one UI of a Dagster home: what is unfinished there is abandoned."""
    with (home / "ui").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Stop("Dagster", str(home), "another UI has it", "Stop that one.") from None
        yield


def _end_abandoned(home: Path, say: Callable[[str], None]) -> None:
    if not (home / "history").exists():
        return
    import dagster as dg

    from orchestration.abandoned import end_abandoned_runs

    with dg.DagsterInstance.from_config(str(home)) as instance:
        if ended := end_abandoned_runs(instance):
            say(f"{ended} runs were ended in the middle; Dagster shows them as failed now.")


def _serve(home: Path, port: int, say: Callable[[str], None]) -> None:
    say(f"Dagster UI           http://127.0.0.1:{port}  (Ctrl-C stops everything)")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "dagster", "dev", "-m", "orchestration.definitions"),
            *("-h", "127.0.0.1", "-p", str(port)),
        ],
        cwd=ROOT,
        # Advice of the library to its developers is none of the reader's business.
        env=telemetry.child_environment(DAGSTER_HOME=str(home), PYTHONWARNINGS="ignore"),
        # A group of its own, so that all of it can be told to end, and none of it outlives us.
        start_new_session=True,
    )
    try:
        code = process.wait()
    except KeyboardInterrupt:
        _stop(process)
        return
    if code:
        raise Stop(
            system="Dagster",
            record="",
            problem=f"the UI ended with code {code}",
            next_step="Its own words are above.",
        )


def _stop(process: subprocess.Popen[bytes], patience: float = 30) -> None:
    """End Dagster and what it started; what has not ended by itself after so many seconds is
    killed."""
    os.killpg(process.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=patience)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def dagster_home(settings: Settings) -> Path:
    """Dagster's own folder, with telemetry off and one writer at a time for the warehouse."""
    home = settings.data_dir / "dagster"
    make_private(home)
    (home / "dagster.yaml").write_text(_DAGSTER_YAML)
    return home


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Stop(
                system="Dagster",
                record=f"port {port}",
                problem="the port is taken",
                next_step="Stop what uses it, or choose another: crossfoot ui --port 3001",
            ) from None
