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
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

USER = "crossfoot"


@dataclass(frozen=True)
class Catalogue:
    """A running server, by its port on this machine; whoever is on it is let in."""

    port: int
    programs: Path

    def url(self, database: str) -> str:
        return f"postgres://{USER}@127.0.0.1:{self.port}/{database}"

    def settings(self, schema: str, folder: Path) -> dict[str, str]:
        """The settings of a warehouse in this catalogue, with its files below `folder`.

        Its state is in a database of its own, which is made if there is none.
        """
        state = f"state_{schema}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [state])
            if not known.fetchall():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(state)))
        return {
            "CROSSFOOT_DATA_DIR": str(folder / schema),
            "CROSSFOOT_WAREHOUSE": f"ducklake:{self.url('lake')}",
            "CROSSFOOT_WAREHOUSE_DATA": str(folder / "files"),
            "CROSSFOOT_WAREHOUSE_SCHEMA": schema,
            "CROSSFOOT_STATE_URL": self.url(state).replace("postgres:", "postgresql+psycopg:"),
        }


@contextmanager
def running() -> Iterator[Catalogue]:
    """Start a server with its data in a folder of its own; both end with the block.

    Not in pytest's folder for temporary files: another session of pytest removes the older ones of
    these, and the data of a server that still runs with them.
    """
    programs = _programs()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with TemporaryDirectory(prefix="crossfoot-catalogue-") as made:
        folder = Path(made)
        if os.getuid() == 0:
            # PostgreSQL refuses to be run by root.
            shutil.chown(folder, "nobody")
        yield from _serving(programs, folder, port)


def _serving(programs: Path, folder: Path, port: int) -> Iterator[Catalogue]:
    data, log = folder / "data", folder / "log"
    _run(programs, "initdb", "-D", data, "-A", "trust", "-U", USER, "--locale=C", "-E", "UTF8")
    # DuckLake knows what may be tried again by the server's words, in English.
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c lc_messages=C"
    _run(programs, "pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
    try:
        _run(programs, "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", USER, "lake")
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
