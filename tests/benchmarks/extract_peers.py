"""What published tools need to load the same Salesforce rows into DuckDB, in the same run.

Each is installed by exact version from the package registry into an environment of its own and runs
unmodified; `tests/published/python/sitecustomize.py` leads the vendor's fixed host to the sandbox.
Processor seconds and memory are those of the tool's processes alone, without the sandbox.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import requests

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE / "peers"
HOOK = HERE.parent / "published" / "python"
OBJECTS = (
    "Account", "Contact", "Opportunity", "OpportunityLineItem", "Product2", "PricebookEntry",
)  # fmt: skip
# dlt's source names its resources, and so its tables, by itself.
DLT_RESOURCES = (
    "account", "contact", "opportunity", "opportunity_line_item", "product", "pricebook_entry",
)  # fmt: skip
SECONDS = 3600
Org = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """One published tool: what to install, by environment, and how it loads a file."""

    name: str
    packages: Mapping[str, str]
    load: Callable[[Org, Path], list[Sequence[str]]]


@dataclass(frozen=True)
class PeerLoad:
    """What one load cost. `held` rows arrived of `expected`; `kib` is the most memory at once."""

    name: str
    held: int
    expected: int
    seconds: float
    work: float
    calls: int
    kib: int
    problem: str = ""

    @property
    def rows_per_work_second(self) -> int:
        return round(self.held / self.work) if self.work else 0

    def told(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "rows": self.held,
            "lost": self.expected - self.held,
            "rows_per_second": round(self.held / self.seconds) if self.seconds else 0,
            "rows_per_cpu_second": self.rows_per_work_second,
            "calls": self.calls,
            "peak_mib": self.kib // 1024,
            "problem": self.problem,
        }

    def line(self) -> str:
        if self.problem:
            return f"{self.name:<44} failed: {self.problem}"
        lost = "" if self.held == self.expected else f"  LOST {self.expected - self.held:,} rows"
        return (
            f"{self.name:<44}{self.held:>10,} rows {self.seconds:>8.1f} s {self.work:>8.1f} CPU s"
            f"{self.rows_per_work_second:>9,} rows/CPU s {self.calls:>6,} calls"
            f"{self.kib // 1024:>7,} MiB{lost}"
        )


def measured(connection: Mapping[str, Any]) -> Iterator[PeerLoad]:
    """Every peer in turn against the sandbox that serves this connection."""
    org = connection["salesforce"]
    expected = sum(_counted(org, name) for name in OBJECTS)
    for peer in PEERS:
        yield _measure(peer, org, expected)


def _measure(peer: Peer, org: Org, expected: int) -> PeerLoad:
    for environment, package in peer.packages.items():
        _install(environment, package)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        calls, began = _calls(org), time.perf_counter()
        try:
            work, kib = _run(peer.load(org, folder), org, folder)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return PeerLoad(peer.name, 0, expected, 0, 0, 0, 0, " ".join(str(error).split())[-300:])
        seconds = time.perf_counter() - began
        held = _held(folder / "loaded.duckdb")
        return PeerLoad(peer.name, held, expected, seconds, work, _calls(org) - calls, kib)


def _run(pipe: list[Sequence[str]], org: Org, folder: Path) -> tuple[float, int]:
    """The programs of a pipe, one feeding the next; processor seconds and memory of all."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(HOOK),
        "SUITE_LOGIN_URL": org["login_url"],
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DLT_DATA_DIR": str(folder / "dlt"),
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    running: list[subprocess.Popen[bytes]] = []
    with (folder / "complaints").open("wb") as complaints:
        for number, command in enumerate(pipe):
            running.append(
                subprocess.Popen(
                    command,
                    cwd=folder,
                    env=environment,
                    stdin=running[-1].stdout if running else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if number + 1 < len(pipe) else subprocess.DEVNULL,
                    stderr=complaints,
                )
            )
        for program in running[:-1]:
            assert program.stdout is not None
            program.stdout.close()
        kib = sum(_most_memory(program) for program in running)
    if any(program.returncode for program in running):
        raise RuntimeError((folder / "complaints").read_text(errors="replace")[-600:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime), kib


def _most_memory(program: subprocess.Popen[bytes]) -> int:
    """Waits for a program; the most memory it ever held, in KiB."""
    _, status, used = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    return int(used.ru_maxrss)


def _install(environment: str, package: str) -> None:
    """By uv, which is among our own tools: pip needs ten minutes to resolve one of them."""
    folder = ENVIRONMENTS / f".venv-{environment}"
    marker = folder / package
    if marker.exists():
        return
    uv = str(Path(sys.executable).parent / "uv")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run([uv, "venv", "-q", "--clear", "--python", version, folder], check=True)
    pip = [uv, "pip", "install", "-q", "--python", _bin(environment, "python"), package]
    subprocess.run(pip, check=True, timeout=SECONDS)
    marker.touch()


def _bin(environment: str, program: str) -> str:
    return str(ENVIRONMENTS / f".venv-{environment}" / "bin" / program)


def _singer(api: str) -> Callable[[Org, Path], list[Sequence[str]]]:
    """The tap, every field of the objects, piped into the DuckDB target."""

    def load(org: Org, folder: Path) -> list[Sequence[str]]:
        config = {
            **{key: org[key] for key in ("client_id", "client_secret", "refresh_token")},
            "start_date": "2000-01-01T00:00:00Z",
            "api_type": api,
            "select_fields_by_default": "true",
        }
        (folder / "tap.json").write_text(json.dumps(config))
        target = {"filepath": str(folder / "loaded.duckdb"), "default_target_schema": "peer"}
        (folder / "target.json").write_text(json.dumps(target))
        tap = [_bin("tap", "tap-salesforce"), "--config", "tap.json"]
        (folder / "catalog.json").write_text(json.dumps(_catalog(tap, org, folder)))
        return [
            [*tap, "--properties", "catalog.json"],
            [_bin("target", "target-duckdb"), "--config", "target.json"],
        ]

    return load


def _catalog(tap: Sequence[str], org: Org, folder: Path) -> dict[str, Any]:
    """What the tap discovers, with the objects of interest chosen."""
    done = subprocess.run(
        [*tap, "--discover"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HOOK), "SUITE_LOGIN_URL": org["login_url"]},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-600:])
    catalog: dict[str, Any] = json.loads(done.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in OBJECTS
    return catalog


def _dlt(org: Org, folder: Path) -> list[Sequence[str]]:
    script = str(ENVIRONMENTS / "dlt_salesforce.py")
    secrets = [org["username"], org["password"], org["security_token"]]
    file = str(folder / "loaded.duckdb")
    return [[_bin("dlt", "python"), script, *secrets, file, *DLT_RESOURCES]]


PEERS = (
    Peer(
        "tap-salesforce 2.8.1 (REST) | target-duckdb",
        {"tap": "tap-salesforce==2.8.1", "target": "target-duckdb==0.8.0"},
        _singer("REST"),
    ),
    Peer(
        "tap-salesforce 2.8.1 (Bulk) | target-duckdb",
        {"tap": "tap-salesforce==2.8.1", "target": "target-duckdb==0.8.0"},
        _singer("BULK"),
    ),
    Peer("dlt's Salesforce source (ingestr 0.14.155)", {"dlt": "ingestr==0.14.155"}, _dlt),
)


def _held(path: Path) -> int:
    """Rows in the tables of the objects, whatever the peer named them."""
    wanted = {name.lower() for name in OBJECTS} | {name.replace("_", "") for name in DLT_RESOURCES}
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'peer'"
        ).fetchall()
        found = [t for (t,) in tables if t.replace("_", "").lower() in wanted]
        counts = [connection.execute(f'SELECT count(*) FROM peer."{t}"').fetchone() for t in found]
    return sum(int(row[0]) for row in counts if row)


def _calls(org: Org) -> int:
    """The calls Salesforce has answered so far, as the sandbox counts them."""
    counts = requests.get(f"{org['base_url']}/_sandbox", timeout=60).json()["calls"]
    return sum(int(n) for name, n in counts.items() if name.startswith("salesforce"))


def _counted(org: Org, name: str) -> int:
    reply = requests.get(
        f"{org['base_url']}/services/data/v{org['api_version']}/query",
        params={"q": f"SELECT COUNT() FROM {name}"},
        headers={"Authorization": f"Bearer {org['access_token']}"},
        timeout=600,
    )
    reply.raise_for_status()
    return int(reply.json()["totalSize"])


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    from bench_sandbox import served

    with served(int(os.environ.get("CROSSFOOT_BENCH_LINES", "20000"))) as (_, started):
        for one in measured(started):
            print(one.line(), flush=True)
