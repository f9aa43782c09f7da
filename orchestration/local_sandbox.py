"""Starts the sandbox beside us and stops it again; it never outlives its parent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.errors import Stop
from pipelines.folders import make_private

_STOP_SECONDS = 10
# How the sandbox ends when its books were begun with other records than it is given.
_OTHER_SEED = 3
# In the data folder of the sandbox profile: the way to the sandbox that is running.
CONNECTION = "connection.json"


class OtherBooks(Stop):
    """The kept changes belong to other records, or were written by another version."""


@contextmanager
def local_sandbox(
    seed: Path,
    log_file: Path,
    connection_file: Path,
    *,
    salesforce_port: int = 0,
    quickbooks_port: int = 0,
) -> Iterator[Mapping[str, Any]]:
    """Serve the company in `seed` with the changes kept in `log_file`; yield the connection.

    The connection is also written to `connection_file` (readable by the owner only) for as long
    as the sandbox runs. Port 0 takes any free one. Raises `Stop` when it cannot start, `OtherBooks`
    when what is in `log_file` does not continue `seed`.
    """
    options = ["--seed", str(seed), "--log", str(log_file)]
    ports = (salesforce_port, quickbooks_port)
    errors_file = log_file.with_name("sandbox.errors")
    with _serving(options, ports, errors_file, connection_file) as connection:
        yield connection


@contextmanager
def _serving(
    options: Sequence[str], ports: tuple[int, int], errors_file: Path, connection_file: Path
) -> Iterator[Mapping[str, Any]]:
    process = _start(options, ports, errors_file)
    try:
        connection = _connection(process, errors_file)
        write_private(connection_file, json.dumps(connection))
        yield connection
    finally:
        connection_file.unlink(missing_ok=True)
        _stop(process)


def _start(
    options: Sequence[str], ports: tuple[int, int], errors_file: Path
) -> subprocess.Popen[str]:
    make_private(errors_file.parent)
    command = [sys.executable, "-m", "pipelines.sandbox", "--json", "--stop-with-stdin", *options]
    command += ["--salesforce-port", str(ports[0]), "--quickbooks-port", str(ports[1])]
    # A group of its own: Ctrl-C reaches only us, and we stop the sandbox by closing its stdin.
    with errors_file.open("w") as errors:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )


def _connection(process: subprocess.Popen[str], errors_file: Path) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if line:
        found: dict[str, Any] = json.loads(line)
        return found
    code = process.wait(_STOP_SECONDS)
    said = errors_file.read_text().strip().splitlines()
    raise (OtherBooks if code == _OTHER_SEED else Stop)(
        system="sandbox",
        record="",
        problem=said[-1].rstrip(".") if said else "it ended before it was ready",
        next_step="Mend that and try again.",
    )


def _stop(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; it is there whole or not at all."""
    make_private(path.parent)
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(path)
