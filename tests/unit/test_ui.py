"""The UI ends whole: what Dagster has started must not outlive it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from orchestration.ui import _stop

_LEAVES_A_CHILD = """\
import subprocess, sys, time
child = subprocess.Popen(
    [sys.executable, "-c",
     "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); "
     "print('up', flush=True); time.sleep(300)"],
    stdout=subprocess.PIPE,
)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(300)
"""


def test_a_child_that_does_not_listen_ends_with_the_ui() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _LEAVES_A_CHILD],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    _stop(process, patience=1)
    assert process.returncode is not None
    assert ended(child)


def ended(pid: int) -> bool:
    """Gone, or dead and only waiting for the machine's first process to notice."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if not state.strip() or state.strip().startswith("Z"):
            return True
        time.sleep(0.05)
    return False
