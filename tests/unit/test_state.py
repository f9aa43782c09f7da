"""The state file: private, durable, known from a foreign one; and the lease on it."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from writing import AS_OF, Clock

from pipelines.errors import ConfigurationError, StateCorrupt, Stop
from reverse_etl import lease as leases
from reverse_etl import state_schema, store
from reverse_etl.lease import Lease, hold, holder
from reverse_etl.state import State, open_state


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "state.sqlite"


@pytest.fixture
def state(path: Path) -> State:
    return open_state(f"sqlite:///{path}")


def test_the_file_is_private_with_its_companions(state: State, path: Path) -> None:
    store.note_once(state, "a", "b")
    modes = {p.name: oct(p.stat().st_mode & 0o777) for p in path.parent.iterdir()}
    assert modes == {
        "state.sqlite": "0o600",
        "state.sqlite-wal": "0o600",
        "state.sqlite-shm": "0o600",
    }


def test_a_file_that_others_could_read_is_made_private(path: Path) -> None:
    open_state(f"sqlite:///{path}").close()
    path.chmod(0o644)
    open_state(f"sqlite:///{path}").close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_commit_is_flushed_to_the_disk(state: State) -> None:
    with state.reading() as work:
        connection = work._connection
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_block_that_raises_leaves_nothing(state: State) -> None:
    with pytest.raises(RuntimeError), state.writing() as work:
        work.add("fact", [{"name": "a", "value": "b"}])
        raise RuntimeError
    assert store.fact(state, "a") is None


def test_what_was_written_is_there_after_reopening(state: State, path: Path) -> None:
    store.note_once(state, "a", "b")
    store.note_once(state, "a", "c")
    state.close()
    assert store.fact(open_state(f"sqlite:///{path}"), "a") == "b"


@pytest.mark.parametrize("content", [b"not a database at all, but long enough", b"PK\x03\x04"])
def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StateCorrupt, match=r"not a SQLite database.*Restore"):
        open_state(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE lease (x)")
    with pytest.raises(StateCorrupt, match="another program"):
        open_state(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_a_damaged_file_is_refused(state: State, path: Path) -> None:
    with state.writing() as work:
        rows = [{"name": str(n), "value": "x" * 400} for n in range(200)]
        work.add("fact", rows)
    state.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 6] = os.urandom(4096 * 3)
    path.write_bytes(content)
    with pytest.raises(StateCorrupt, match="damaged"):
        open_state(f"sqlite:///{path}")


def test_a_newer_version_is_refused(state: State, path: Path) -> None:
    with state.writing() as work:
        version = {"version": state_schema.VERSION + 1, "applied_at": AS_OF}
        work.add("schema_version", [version])
    state.close()
    with pytest.raises(StateCorrupt, match="newer Crossfoot"):
        open_state(f"sqlite:///{path}")


def test_an_upgrade_that_fails_leaves_the_older_version(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(connection: object) -> None:
        raise RuntimeError("half way")

    open_state(f"sqlite:///{path}").close()
    steps = (*state_schema.MIGRATIONS, broken)
    monkeypatch.setattr(state_schema, "MIGRATIONS", steps)
    monkeypatch.setattr(state_schema, "VERSION", len(steps))
    with pytest.raises(RuntimeError):
        open_state(f"sqlite:///{path}")
    monkeypatch.undo()
    state = open_state(f"sqlite:///{path}")
    with state.reading() as work:
        versions = [row["version"] for row in work.all("schema_version")]
    assert versions == list(range(1, state_schema.VERSION + 1))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "nonsense"])
def test_an_address_that_cannot_keep_a_ledger_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"CROSSFOOT_STATE_URL.*sqlite:///"):
        open_state(url)


def test_a_driver_that_is_missing_is_named_and_no_password_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_state("postgresql+pg8000://user:hunter2@localhost/x")
    assert "not installed" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_full_disk_is_told_as_such(state: State) -> None:
    with pytest.raises(Stop, match="no room left"), state.writing() as work:
        work._connection.exec_driver_sql("PRAGMA max_page_count = 40")
        work.add("fact", [{"name": str(n), "value": "x" * 4000} for n in range(200)])


def test_a_copy_taken_while_open_can_be_restored(state: State, path: Path, tmp_path: Path) -> None:
    store.note_once(state, "a", "b")
    for file in path.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    assert store.fact(open_state(f"sqlite:///{tmp_path / path.name}"), "a") == "b"


def test_two_processes_may_make_the_same_file_at_once(path: Path) -> None:
    code = f"from reverse_etl.state import open_state; open_state('sqlite:///{path}').close()"
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [one.wait(timeout=60) for one in both] == [0, 0]


class TestLease:
    def test_a_second_one_is_told_who_holds_it(self, state: State) -> None:
        with hold(state, "first apply"):
            assert holder(state)
            with pytest.raises(Stop) as caught, hold(state, "second apply"):
                pytest.fail("two at once")
            text = str(caught.value)
        assert "first apply" in text
        assert f"process {os.getpid()} on {socket.gethostname()}" in text
        assert holder(state) is None

    def test_it_is_given_back_after_an_error(self, state: State) -> None:
        with pytest.raises(RuntimeError), hold(state, "first"):
            raise RuntimeError
        with hold(state, "second"):
            pass

    def test_that_of_a_dead_process_is_taken_over_at_once(self, state: State, path: Path) -> None:
        code = (
            "import os, signal; from reverse_etl.state import open_state\n"
            "from reverse_etl.lease import hold\n"
            f"with hold(open_state('sqlite:///{path}'), 'doomed'):\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        child = subprocess.Popen([sys.executable, "-c", code])
        assert child.wait(timeout=60) == -9
        assert "doomed" in (holder(state) or "")
        with hold(state, "next"):
            assert "next" in (holder(state) or "")

    def test_a_process_number_given_to_somebody_else_does_not_count(self, state: State) -> None:
        self._put(state, host=socket.gethostname(), pid=1, process_start="1")
        with hold(state, "next"):
            pass

    @pytest.mark.parametrize(
        "silent, free", [(timedelta(minutes=29), False), (timedelta(minutes=31), True)]
    )
    def test_another_machine_keeps_it_until_it_was_silent_for_long(
        self, state: State, silent: timedelta, free: bool
    ) -> None:
        clock = Clock()
        self._put(state, host="elsewhere", pid=1, process_start="1", renewed_at=clock() - silent)
        if free:
            with hold(state, "next", clock):
                pass
        else:
            with pytest.raises(Stop, match="elsewhere"), hold(state, "next", clock):
                pytest.fail("two at once")

    def test_whoever_lost_it_cannot_write_any_more(self, state: State) -> None:
        lost = Lease("gone", leases.utc_now)
        with (
            hold(state, "the other"),
            pytest.raises(Stop, match="taken over"),
            state.writing() as work,
        ):
            lost.renew(work)

    def test_each_renewal_shows_life(self, state: State) -> None:
        clock = Clock()
        with hold(state, "first", clock) as lease:
            clock.advance(600)
            with state.writing() as work:
                lease.renew(work)
                row = work.one("lease", name="apply")
        assert row
        assert row["renewed_at"] == AS_OF + timedelta(seconds=600)

    def _put(self, state: State, **values: object) -> None:
        row = {
            "name": "apply", "token": "t", "purpose": "old", "taken_at": AS_OF,
            "renewed_at": datetime.now(UTC), **values,
        }  # fmt: skip
        with state.writing() as work:
            work.add("lease", [row])
