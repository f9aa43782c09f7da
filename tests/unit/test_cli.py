"""The command line: bad input ends in one sentence with the next step, and never in a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.cli import exit_code
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


def test_an_unknown_profile(tmp_path: Path) -> None:
    done = crossfoot(tmp_path, "extract", CROSSFOOT_PROFILE="prodution")
    told_in_one_sentence(done, "CROSSFOOT_PROFILE", "'sandbox' or 'live'")


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
