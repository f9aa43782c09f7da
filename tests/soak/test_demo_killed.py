"""A demonstration that is killed, on books that it had begun anew: it goes on.

One story: books of an earlier version are there; the first run is killed with its sandbox while it
writes, the second ends. It costs more than a minute of two cores, so that `make soak` plays it.
Every single moment to die at is played elsewhere.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from demonstration import COMMAND, ROOT, demo, environment, marks, to_invoice

# Begins the text of each invoice that the sandbox writes into its log.
_WRITTEN = b"Crossfoot 006"


@dataclass(frozen=True)
class Story:
    """How the first run ended, what it had said and how many invoices it had written; what the
    second one said, and the marks in the books after it."""

    folder: Path
    first: int
    said: str
    written: int
    second: subprocess.CompletedProcess[str]
    marks: Counter[str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("killed")
    old = folder / "sandbox"
    old.mkdir()
    (old / "books.log").write_text('{"format": 1, "seed": "of an earlier version"}\n')
    (old / "state.sqlite").write_text("what was noted about those books")
    (old / "demo.json").write_text('{"finished": false}')
    first = killed_while_writing(folder)
    said, written = (folder / "said").read_text(), written_in(folder)
    return Story(folder, first, said, written, demo(folder), marks(folder))


def killed_while_writing(folder: Path) -> int:
    """Kill the whole process group, sandbox and all, while invoices are being written."""
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(
            COMMAND,
            cwd=ROOT,
            env=environment(folder, PYTHONUNBUFFERED="1"),
            stdout=said,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    wait_until(lambda: written_in(folder) > 0, process)
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def written_in(folder: Path) -> int:
    """How often an invoice was written since the books were begun anew."""
    log = folder / "sandbox" / "books.log"
    return log.read_bytes().count(_WRITTEN) if log.exists() else 0


@pytest.mark.slow
def test_books_of_another_version_are_discarded_and_it_starts_anew(story: Story) -> None:
    assert "discarded" in story.said
    assert story.second.returncode == 0, story.second.stdout[-3000:] + story.second.stderr[-3000:]
    assert set(story.marks) == to_invoice(story.folder)


@pytest.mark.slow
def test_killed_while_writing_it_goes_on_without_a_second_invoice(story: Story) -> None:
    assert story.first == -signal.SIGKILL
    assert story.written > 0
    assert story.second.returncode == 0, story.second.stdout[-3000:] + story.second.stderr[-3000:]
    assert "interrupted" in story.second.stdout
    assert set(story.marks) == to_invoice(story.folder)
    assert set(story.marks.values()) == {1}


def wait_until(reached: Any, process: subprocess.Popen[bytes]) -> None:
    """Ends at once when it is reached; a busy machine gets eight minutes."""
    gives_up = time.monotonic() + 480
    while time.monotonic() < gives_up:
        if reached():
            return
        assert process.poll() is None, "the demonstration ended before it wrote an invoice"
        time.sleep(0.02)
    raise AssertionError("no invoice was written in eight minutes")
