"""`crossfoot sandbox` as a stranger starts it: one line, served until stopped, nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


def start(data: Path, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    """The command from a folder that is not ours, in a home that is new."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CROSSFOOT_")}
    home = data / "home"
    home.mkdir(parents=True, exist_ok=True)
    path = f"{ROOT}{os.pathsep}{kept.get('PYTHONPATH', '')}"
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration", "sandbox", "--json", *arguments],
        cwd=cwd or home,
        env={
            **kept,
            "HOME": str(home),
            "CROSSFOOT_DATA_DIR": str(data / "box"),
            "PYTHONPATH": path,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def connection(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    if not line:
        pytest.fail(process.stderr.read())
    found: dict[str, Any] = json.loads(line)
    return found


@contextmanager
def serving(data: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    with start(data, *arguments) as process:
        try:
            yield process, connection(process)
        finally:
            if process.poll() is None:
                process.kill()


def accounts(known: Mapping[str, Any]) -> str:
    return f"{known['salesforce']['base_url']}/services/data/v59.0/sobjects/Account"


def signed(known: Mapping[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {known['salesforce']['access_token']}"}


def create(known: Mapping[str, Any], name: str) -> str:
    answer = requests.post(accounts(known), json={"Name": name}, headers=signed(known), timeout=20)
    answer.raise_for_status()
    return str(answer.json()["id"])


def count(known: Mapping[str, Any], name: str) -> int:
    answer = requests.get(
        f"{known['salesforce']['base_url']}/services/data/v59.0/query",
        params={"q": f"SELECT COUNT() FROM Account WHERE Name = '{name}'"},
        headers=signed(known),
        timeout=20,
    )
    return int(answer.json()["totalSize"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_line_with_all_a_client_needs_and_an_end_without_trace(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path, "--empty", "--limits", "on") as (process, known):
        needed = {"base_url", "org_id", "client_id", "client_secret", "access_token",
                  "refresh_token", "username", "password", "security_token"}  # fmt: skip
        assert needed <= set(known["salesforce"])
        assert {"base_url", "discovery_url", "client_id", "client_secret"} <= set(
            known["quickbooks"]
        )
        (company,) = known["quickbooks"]["companies"]
        assert {"realm_id", "access_token", "refresh_token"} <= set(company)
        assert requests.get(known["control_url"], timeout=20).json()["limits"] is True
        assert json.loads((tmp_path / "box" / "connection.json").read_text()) == known
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")
        with pytest.raises(requests.ConnectionError):
            requests.get(known["control_url"], timeout=2)
    assert not (tmp_path / "box" / "connection.json").exists()


def test_several_at_once_do_not_step_on_each_other(tmp_path: Path) -> None:
    box = tmp_path / "box"
    with serving(tmp_path, "--empty") as (first, one), serving(tmp_path, "--empty") as (_, two):
        create(one, "Only here")
        assert (count(one, "Only here"), count(two, "Only here")) == (1, 0)
        assert json.loads((box / "connection.json").read_text()) == one
        (beside,) = box.glob("connection.*.json")
        assert json.loads(beside.read_text()) == two
        first.kill()
        first.wait(20)
        with serving(tmp_path, "--empty") as (third, three):
            assert json.loads((box / "connection.json").read_text()) == three
            third.terminate()
            assert third.wait(20) == 0
        assert not (box / "connection.json").exists()


def test_the_books_of_a_company_are_served_once_and_kept(tmp_path: Path) -> None:
    with serving(tmp_path, "--company", "blank") as (process, known):
        create(known, "Kept")
        with start(tmp_path, "--company", "blank") as second:
            _, said = second.communicate(timeout=20)
        assert second.returncode == 1 and "Another sandbox" in said and "Traceback" not in said
        process.terminate()
        process.wait(20)
    with serving(tmp_path, "--company", "blank") as (_, known):
        assert count(known, "Kept") == 1
    with serving(tmp_path, "--empty") as (_, known):
        assert count(known, "Kept") == 0


@pytest.mark.parametrize("clock", ["now", "seed"])
def test_the_clock_is_the_machines_unless_the_records_own_moment_is_wanted(
    tmp_path: Path, clock: str
) -> None:
    manifest = {
        "format": "crossfoot-seed/1",
        "name": "Old",
        "as_of": "2020-01-06T12:00:00Z",
        "salesforce": {"org_id": "00D000000000001AAA"},
        "quickbooks": [{"realm_id": "1", "name": "Old"}],
    }
    folder = tmp_path / "seed"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with serving(tmp_path, "--seed", str(folder), "--clock", clock) as (_, known):
        told = requests.get(f"{known['control_url']}/clock", timeout=10).json()["now"]
    year = datetime.fromisoformat(told).year
    assert year == (2020 if clock == "seed" else datetime.now(UTC).year)


def test_a_company_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "companies" / "mine"
    folder.mkdir(parents=True)
    (folder / "Account.json").write_text('[{"Id": "001Hs0000000001IAA", "Name": "Own"}]')
    with serving(tmp_path, "--company", "mine") as (_, known):
        assert count(known, "Own") == 1


def test_what_was_answered_survives_a_kill_in_the_midst_of_writing(tmp_path: Path) -> None:
    state = tmp_path / "state.log"
    made: list[str] = []
    with serving(tmp_path, "--empty", "--state", str(state)) as (process, known):

        def write(writer: int) -> None:
            with suppress(requests.RequestException):
                for n in range(1000):
                    made.append(create(known, f"W{writer} {n}"))
                    if len(made) >= 120:
                        process.kill()

        writers = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join(60)
    assert len(made) == len(set(made)) >= 120
    with serving(tmp_path, "--empty", "--state", str(state)) as (_, known):
        query = {"q": "SELECT Id FROM Account"}
        url = accounts(known).replace("sobjects/Account", "query")
        found = requests.get(url, params=query, headers=signed(known), timeout=20).json()["records"]
        kept = [row["Id"] for row in found]
        assert set(made) <= set(kept)
        # At most what each writer had under way besides.
        assert len(kept) == len(set(kept)) <= len(made) + 8


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[{"Name": "Without"}]', ["Account.json", "record 1", "Id"]),
        ("[1, 2]", ["Account.json", "record 1"]),
        ('{"Name"', ["Account.json", "JSON"]),
        ('"text"', ["Account.json"]),
    ],
)
def test_a_seed_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, content: str, words: list[str]
) -> None:
    seed = tmp_path / "seed" / "salesforce"
    seed.mkdir(parents=True)
    (seed / "Account.json").write_text(content)
    with start(tmp_path, "--seed", str(seed.parent)) as process:
        out, said = process.communicate(timeout=20)
    assert process.returncode != 0 and out == ""
    assert len(said.strip().splitlines()) == 1 and "Traceback" not in said
    assert all(word in said for word in words), said


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with start(tmp_path, "--seed", str(tmp_path / "nowhere")) as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode != 0 and "nowhere" in said and len(said.strip().splitlines()) == 1
