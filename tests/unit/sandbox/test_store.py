"""The books of the sandbox: whole commits, savepoints, indexes, and the log."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sandbox.errors import LogUnusable
from pipelines.sandbox.store import MetaWrite, Store, Write


def put(record_id: str, **values: Any) -> Write:
    return Write("org", "Account", record_id, {"Id": record_id, **values})


def books(store: Store) -> dict[str, Any]:
    return {r["Id"]: r for r in store.table("org", "Account")} | dict(store.meta("org"))


def test_commit_and_read() -> None:
    store = Store()
    store.commit([put("1", n=1), MetaWrite("org", "next", 2)])
    assert books(store) == {"1": {"Id": "1", "n": 1}, "next": 2}
    store.commit([Write("org", "Account", "1", None), MetaWrite("org", "next", None)])
    assert books(store) == {}


def test_a_transaction_that_raises_leaves_nothing() -> None:
    store = Store()
    store.commit([put("1", n=1)])
    with pytest.raises(ValueError, match="no"), store.transaction():
        store.commit([put("1", n=2), put("2")])
        store.put_meta("org", "next", 1)
        raise ValueError("no")
    assert books(store) == {"1": {"Id": "1", "n": 1}}


def test_a_savepoint_gives_up_only_its_own() -> None:
    store = Store()
    with store.transaction():
        store.commit([put("1")])
        with pytest.raises(ValueError, match="no"), store.transaction():
            store.commit([put("2"), Write("org", "Account", "1", None)])
            raise ValueError("no")
        store.commit([put("3")])
        assert [(w.id, existed) for w, existed in store.pending()] == [("1", False), ("3", False)]
    assert set(books(store)) == {"1", "3"}
    assert store.pending() == []


def test_an_index_follows_the_records() -> None:
    store = Store()
    table = store.table("org", "Account")
    store.commit([put("1", city="Köln"), put("2", city="Bonn"), put("3", city=None)])

    def ids(city: str) -> list[str]:
        return [r["Id"] for r in table.find("city", city)]

    assert ids("Köln") == ["1"]
    store.commit([put("2", city="Köln"), put("4", city="Köln")])
    assert ids("Köln") == ["1", "2", "4"]
    with pytest.raises(ValueError, match="no"), store.transaction():
        store.commit([Write("org", "Account", "1", None)])
        raise ValueError("no")
    assert sorted(ids("Köln")) == ["1", "2", "4"]
    assert ids("Bonn") == []


def test_an_index_by_a_computed_value() -> None:
    store = Store()
    store.commit([put("1", key="AbC")])
    table = store.table("org", "Account")
    assert table.find("folded", "abc", lambda r: str(r["key"]).lower()) == [
        {"Id": "1", "key": "AbC"}
    ]


def test_the_log_is_replayed_over_the_seed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    first = Store()
    first.preset([put("seeded", amount=Decimal("0.10"))])
    assert first.open_log(path, "seed-1") is None
    first.stamp = lambda: "2026-11-20T17:00:01Z"
    first.commit([put("1", amount=Decimal("1234567890123456.70")), MetaWrite("org", "n", 7)])
    with pytest.raises(ValueError, match="no"), first.transaction():
        first.commit([put("2")])
        raise ValueError("no")
    first.close()

    second = Store()
    second.preset([put("seeded", amount=Decimal("0.10"))])
    assert second.open_log(path, "seed-1") == "2026-11-20T17:00:01Z"
    assert books(second) == books(first)
    assert str(books(second)["1"]["amount"]) == "1234567890123456.70"


def test_one_line_for_one_transaction(tmp_path: Path) -> None:
    store = Store()
    store.open_log(tmp_path / "log", "seed")
    with store.transaction():
        store.commit([put("1")])
        store.commit([put("2")])
    assert (tmp_path / "log").read_bytes().count(b"\n") == 2


@given(cut=st.integers(min_value=1, max_value=60))
def test_a_kill_in_mid_line_loses_that_commit_alone(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    store = Store()
    store.open_log(path, "seed")
    store.commit([put("1")])
    whole = path.stat().st_size
    store.commit([put("2", text="x" * 80)])
    store.close()
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size - cut)
    again = Store()
    again.open_log(path, "seed")
    assert set(books(again)) == {"1"}
    assert path.stat().st_size == whole
    again.commit([put("3")])
    again.close()
    last = Store()
    last.open_log(path, "seed")
    assert set(books(last)) == {"1", "3"}


def test_a_full_disk_undoes_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    store.open_log(tmp_path / "log", "seed")
    store.commit([put("1")])
    size = (tmp_path / "log").stat().st_size

    class Full:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def tell(self) -> int:
            return int(self.inner.tell())

        def write(self, line: bytes) -> None:
            self.inner.write(line[:5])

        def flush(self) -> None:
            self.inner.flush()
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            self.inner.close()

    monkeypatch.setattr(store, "_log", Full(store._log))
    with pytest.raises(LogUnusable, match="No space left on device"):
        store.commit([put("2")])
    assert set(books(store)) == {"1"}
    assert (tmp_path / "log").stat().st_size == size
    store.commit([put("3")])
    store.close()
    again = Store()
    again.open_log(tmp_path / "log", "seed")
    assert set(books(again)) == {"1", "3"}


def test_the_log_is_private(tmp_path: Path) -> None:
    store = Store()
    store.open_log(tmp_path / "log", "seed")
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


def test_clear_begins_the_log_anew(tmp_path: Path) -> None:
    store = Store()
    store.open_log(tmp_path / "log", "old")
    store.commit([put("1")])
    store.clear("new")
    store.commit([put("2")])
    store.close()
    again = Store()
    again.open_log(tmp_path / "log", "new")
    assert set(books(again)) == {"2"}
