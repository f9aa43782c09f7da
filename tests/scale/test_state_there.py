"""The tests of the state in PostgreSQL, on the server that is here for the catalogue."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from catalogue_server import Catalogue

ROOT = Path(__file__).resolve().parents[2]


def test_the_state_gives_the_same_answers_in_postgresql(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    url = catalogue.settings("scratch", tmp_path)["CROSSFOOT_STATE_URL"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider",
         "tests/unit/test_state_postgres.py"],
        cwd=ROOT, env={**os.environ, "CROSSFOOT_TEST_POSTGRES_URL": url},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
