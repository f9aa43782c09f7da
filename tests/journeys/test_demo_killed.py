"""A demonstration that is killed, twice over, on books that it had begun anew: it goes on.

One story, as it costs minutes: books of an earlier version are there; the first run is killed
between a request and its record, the second one with its sandbox while it writes, the third ends.
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
    """What the runs said, how often the sandbox had written an invoice after the first two, and
    the marks in its books after the third."""

    folder: Path
    first: subprocess.CompletedProcess[str]
    second: int
    third: subprocess.CompletedProcess[str]
    written: tuple[int, int]
    marks: Counter[str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("killed")
    old = folder / "sandbox"
    old.mkdir()
    (old / "books.log").write_text('{"format": 1, "seed": "of an earlier version"}\n')
    (old / "state.sqlite").write_text("what was noted about those books")
    (old / "demo.json").write_text('{"finished": false}')
    first = demo(folder, CROSSFOOT_KILL_AT="invoices.after_send:3")
    after_first = written_in(folder)
    second = killed_while_writing(folder)
    after_second = written_in(folder)
    third = demo(folder)
    return Story(folder, first, second, third, (after_first, after_second), marks(folder))


def written_in(folder: Path) -> int:
    return (folder / "sandbox" / "books.log").read_bytes().count(_WRITTEN)


def killed_while_writing(folder: Path) -> int:
    """Kill the whole process group, sandbox and all, while invoices are being written."""
    before = written_in(folder)
    process = subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(lambda: written_in(folder) > before, process)
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


@pytest.mark.slow
def test_books_of_another_version_are_discarded_and_it_starts_anew(story: Story) -> None:
    assert "discarded" in story.first.stdout
    assert story.third.returncode == 0, story.third.stdout[-3000:] + story.third.stderr[-3000:]
    assert set(story.marks) == to_invoice(story.folder)


@pytest.mark.slow
def test_killed_between_request_and_record_it_goes_on_without_a_second_invoice(
    story: Story,
) -> None:
    assert story.first.returncode == -signal.SIGKILL
    assert story.written[0] > 0
    assert story.third.returncode == 0, story.third.stdout[-3000:] + story.third.stderr[-3000:]
    assert "interrupted" in story.third.stdout
    assert set(story.marks) == to_invoice(story.folder)
    assert set(story.marks.values()) == {1}


@pytest.mark.slow
def test_killed_at_any_moment_while_writing_it_goes_on(story: Story) -> None:
    assert story.second == -signal.SIGKILL
    assert story.written[0] < story.written[1]
    assert story.third.returncode == 0, story.third.stdout[-3000:] + story.third.stderr[-3000:]
    assert set(story.marks.values()) == {1}
    assert set(story.marks) == to_invoice(story.folder)


def wait_until(reached: Any, process: subprocess.Popen[bytes]) -> None:
    """Ends at once when it is reached; a busy machine gets eight minutes."""
    gives_up = time.monotonic() + 480
    while time.monotonic() < gives_up:
        if reached():
            return
        assert process.poll() is None, "the demonstration ended before it wrote an invoice"
        time.sleep(0.02)
    raise AssertionError("no invoice was written in eight minutes")
