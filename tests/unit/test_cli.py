"""The command line: bad input ends in one sentence with the next step, and never in a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from orchestration.cli import app, end, exit_code
from orchestration.folder import alone
from pipelines.errors import ApprovalMissing, Refused, ReplyLost, Stop, Throttled

ROOT = Path(__file__).resolve().parents[2]


def crossfoot(tmp_path: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CROSSFOOT_")}
    return subprocess.run(
        [sys.executable, "-m", "orchestration", *arguments],
        cwd=ROOT,
        env={**kept, "CROSSFOOT_DATA_DIR": str(tmp_path), **env},
        capture_output=True,
        text=True,
        timeout=120,
    )


def told_in_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def test_no_sandbox_running(tmp_path: Path) -> None:
    told_in_one_sentence(
        crossfoot(tmp_path, "extract"), "no sandbox is running", "crossfoot sandbox"
    )


def test_live_without_settings_names_every_missing_one(tmp_path: Path) -> None:
    done = crossfoot(tmp_path, "extract", CROSSFOOT_PROFILE="live")
    told_in_one_sentence(done, "CROSSFOOT_SALESFORCE_DOMAIN", "CROSSFOOT_QUICKBOOKS_CLIENT_SECRET")


def test_a_plan_without_a_warehouse_says_what_to_run_first(tmp_path: Path) -> None:
    told_in_one_sentence(crossfoot(tmp_path, "plan"), "crossfoot")
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_a_corrupt_state_file(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"this is not a database" * 100)
    told_in_one_sentence(crossfoot(tmp_path, "approve", "abc", "--by", "me"), "state")


@pytest.mark.parametrize(
    "arguments", [("judge",), ("match", "confirm", "x", "--by", "me"), ("report",)]
)
def test_before_anything_was_read_it_says_what_to_run_first(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    told_in_one_sentence(crossfoot(tmp_path, *arguments), "Run `crossfoot")
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_pairs_that_can_be_written_nowhere_are_refused_before_the_work(tmp_path: Path) -> None:
    records = tmp_path / "records.csv"
    records.write_text("Id,Name\n1,Acme\n")
    out = str(tmp_path / "none" / "pairs.csv")
    done = crossfoot(tmp_path, "match", "files", str(records), str(records), "--out", out)
    told_in_one_sentence(done, out, "--out")


def test_a_data_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    below = str(tmp_path / "file" / "data")
    for command in ("demo", "sandbox"):
        told_in_one_sentence(crossfoot(tmp_path, command, CROSSFOOT_DATA_DIR=below), "directory")


def test_a_demonstration_empties_no_folder_of_somebody_else(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("three years of work")
    told_in_one_sentence(crossfoot(tmp_path, "demo"), "thesis.txt", "CROSSFOOT_DATA_DIR")
    assert thesis.read_text() == "three years of work"


def test_one_folder_serves_one_sandbox(tmp_path: Path) -> None:
    with alone(tmp_path):
        for arguments in (("demo",), ("sandbox",), ("ui", "--port", free_port())):
            told_in_one_sentence(crossfoot(tmp_path, *arguments), "is using it", str(tmp_path))


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_what_was_done_before_it_ended_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    problem = Stop("QuickBooks", "org", "the line is dead", "Run again.")
    problem.add_note("Before that, 12 of 41 changes were finished.")
    with pytest.raises(SystemExit):
        end(problem)
    assert capsys.readouterr().err == (
        "QuickBooks, org: the line is dead. Run again. "
        "Before that, 12 of 41 changes were finished.\n"
    )


@pytest.mark.parametrize("port", ["99999", "-1", "0", "many"])
def test_a_senseless_port(tmp_path: Path, port: str) -> None:
    done = crossfoot(tmp_path, "ui", "--port", port)
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_help_of_every_argument_is_shown() -> None:
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        silent = [p.name for p in command.params if not getattr(p, "help", None)]
        assert not silent, f"crossfoot {name}: {silent}"
        shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).output
        for parameter in command.params:
            assert parameter.help.split("\n")[0][:40] in shown, f"crossfoot {name}"


def test_a_mistyped_setting(tmp_path: Path) -> None:
    done = crossfoot(tmp_path, "extract", CROSSFOOT_MAX_AMUONT="USD=1")
    told_in_one_sentence(done, "CROSSFOOT_MAX_AMUONT", "Did you mean CROSSFOOT_MAX_AMOUNT?")


def test_an_unknown_profile(tmp_path: Path) -> None:
    done = crossfoot(tmp_path, "extract", CROSSFOOT_PROFILE="prodution")
    told_in_one_sentence(done, "CROSSFOOT_PROFILE", "'sandbox' or 'rehearsal' or 'live'")


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told_in_one_sentence(
            crossfoot(tmp_path, "sandbox", "--empty", "--salesforce-port", port), port
        )
        told_in_one_sentence(crossfoot(tmp_path, "ui", "--port", port), "port", "--port 3001")


def test_a_sandbox_starts_from_one_thing_only(tmp_path: Path) -> None:
    done = crossfoot(tmp_path, "sandbox", "--scale", "10", "--empty")
    told_in_one_sentence(done, "--scale", "--empty")
    told_in_one_sentence(crossfoot(tmp_path, "sandbox", "--scale", "0"), "--scale")
    done = crossfoot(tmp_path, "sandbox", "--company", "sample", "--empty")
    told_in_one_sentence(done, "--company", "--empty")


def test_an_unknown_company_is_told_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "companies" / "mine").mkdir(parents=True)
    done = crossfoot(tmp_path / "sandbox", "sandbox", "--company", "yours")
    told_in_one_sentence(done, "yours", "sample, landscaping, blank, mine")


def test_only_who_asks_for_it_opens_the_sandbox_to_the_network(tmp_path: Path) -> None:
    done = crossfoot(tmp_path, "sandbox", "--empty", "--host", "0.0.0.0")
    told_in_one_sentence(done, "0.0.0.0", "--open-to-network")


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (ApprovalMissing("plan", "p", "no"), 3),
        (Refused("QuickBooks", "r", "no"), 4),
        (Throttled("QuickBooks", "r", "no"), 5),
        (ReplyLost("QuickBooks", "r", "no"), 5),
        (Stop("warehouse", "w", "no"), 1),
    ],
)
def test_the_exit_code_says_what_kind_of_end_it_was(problem: Stop, code: int) -> None:
    assert exit_code(problem) == code
