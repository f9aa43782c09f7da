"""Starts the sandbox beside us and stops it again; it never outlives its parent."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from orchestration.folder import alone
from pipelines.errors import ConfigurationError, Stop
from pipelines.settings import load_settings

_STOP_SECONDS = 10
# Files in the data folder of the sandbox profile: every change to the books, and the way to them.
BOOKS = "books.log"
CONNECTION = "connection.json"


def sample_company(folder: Path, *, anew: bool = False) -> Path:
    """The sample company's seed folder below `folder`; generated if not there yet, or if `anew`.

    It is generated beside and renamed, so that a half-written one is never taken for whole.
    """
    seed = folder / "sample_company"
    if anew or not (seed / "manifest.json").exists():
        from pipelines.sandbox.company import generate

        beside = folder / "sample_company.new"
        shutil.rmtree(beside, ignore_errors=True)
        generate(beside, folder / "answer_key.json")
        shutil.rmtree(seed, ignore_errors=True)
        beside.rename(seed)
    return seed


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
    as the sandbox runs. Port 0 takes any free one. Raises `Stop` when it cannot start.
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
        _write_private(connection_file, json.dumps(connection))
        yield connection
    finally:
        connection_file.unlink(missing_ok=True)
        _stop(process)


def _start(
    options: Sequence[str], ports: tuple[int, int], errors_file: Path
) -> subprocess.Popen[str]:
    errors_file.parent.mkdir(parents=True, exist_ok=True)
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
    process.wait(_STOP_SECONDS)
    said = errors_file.read_text().strip().splitlines()
    raise Stop(
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


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(path)


def serve(
    say: Callable[[str], None],
    *,
    salesforce_port: int,
    quickbooks_port: int,
    seed: Path | None,
    empty: bool,
    scale: int | None,
    limits: bool,
    as_json: bool,
) -> None:
    """Serve in the foreground until stopped; the sandbox profile finds the connection meanwhile.

    Without a seed, not empty and not generated to scale, the sample company is served and its
    books are kept in the data folder, so that they survive a restart. Raises `Stop` when it cannot
    start.
    """
    settings = load_settings()
    if settings.profile != "sandbox":
        raise ConfigurationError(
            "settings",
            "CROSSFOOT_PROFILE",
            "a sandbox is served in the sandbox profile only",
            "Unset CROSSFOOT_PROFILE and run it again.",
        )
    folder = settings.data_dir
    own = seed is None and not empty and scale is None
    ports = (salesforce_port, quickbooks_port)
    # Only the sample company keeps books there, which two servers would spoil for each other.
    with alone(folder) if own else nullcontext():
        options = ["--limits", "on" if limits else "off"]
        options += ["--empty"] if empty else []
        options += ["--scale", str(scale)] if scale is not None else []
        options += ["--seed", str(seed)] if seed is not None else []
        if own:
            options += ["--seed", str(sample_company(folder.parent)), "--log", str(folder / BOOKS)]
        _serve(options, ports, folder, say, as_json)


def _serve(
    options: Sequence[str],
    ports: tuple[int, int],
    folder: Path,
    say: Callable[[str], None],
    as_json: bool,
) -> None:
    with _serving(options, ports, folder / "sandbox.errors", folder / CONNECTION) as connection:
        if as_json:
            say(json.dumps(connection))
        else:
            say(f"Salesforce  {connection['salesforce']['base_url']}")
            say(f"QuickBooks  {connection['quickbooks']['base_url']}")
            say(f"Connection  {folder / CONNECTION}  (ids, users and tokens; Ctrl-C stops)")
        with suppress(KeyboardInterrupt):
            signal.pause()
