"""A PostgreSQL of the system's own packages, for the length of a test run."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER = "crossfoot"


@dataclass(frozen=True)
class Catalogue:
    """A running server, by its port on this machine; whoever is on it is let in."""

    port: int
    programs: Path

    def url(self, database: str) -> str:
        return f"postgres://{USER}@127.0.0.1:{self.port}/{database}"

    def settings(self, schema: str, folder: Path) -> dict[str, str]:
        """The settings of a warehouse in this catalogue, with its files below `folder`."""
        return {
            "CROSSFOOT_DATA_DIR": str(folder / schema),
            "CROSSFOOT_WAREHOUSE": f"ducklake:{self.url('lake')}",
            "CROSSFOOT_WAREHOUSE_DATA": str(folder / "files"),
            "CROSSFOOT_WAREHOUSE_SCHEMA": schema,
            "CROSSFOOT_STATE_URL": self.url("state").replace("postgres:", "postgresql+psycopg:"),
        }


@contextmanager
def running(folder: Path) -> Iterator[Catalogue]:
    """Start a server with its data in `folder`; it ends with the block."""
    programs = _programs()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    folder.mkdir()
    if os.getuid() == 0:
        # PostgreSQL refuses to be run by root.
        shutil.chown(folder, "nobody")
        for parent in folder.parents:
            if parent.owner() == "root" and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    data, log = folder / "data", folder / "log"
    _run(programs, "initdb", "-D", data, "-A", "trust", "-U", USER, "--locale=C", "-E", "UTF8")
    # DuckLake knows what may be tried again by the server's words, in English.
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c lc_messages=C"
    _run(programs, "pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
    try:
        for name in ("lake", "state"):
            _run(programs, "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", USER, name)
        yield Catalogue(port, programs)
    finally:
        _run(programs, "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def _programs() -> Path:
    """Where PostgreSQL's programs are; installed from the system's packages if root may do that."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and os.getuid() == 0 and shutil.which("apt-get"):
        for words in (("update", "-qq"), ("install", "-y", "-qq", "postgresql")):
            subprocess.run(["apt-get", *words], check=True, capture_output=True)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    elsewhere = shutil.which("initdb")
    if not found and elsewhere is None:
        raise RuntimeError("There is no PostgreSQL here: apt-get install postgresql, then again.")
    return found[-1].parent if found else Path(str(elsewhere)).parent


def _run(programs: Path, program: str, *words: object) -> None:
    as_other = ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []
    command = [*as_other, str(programs / program), *map(str, words)]
    # A server inherits the outputs, and a pipe would not end before it.
    done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{program} ended with {done.returncode}: {' '.join(command)}")
