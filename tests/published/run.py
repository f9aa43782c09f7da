"""Published suites and taps, as installed and unmodified, each against a sandbox of its own.

`make suites` runs them. Prints each failure with its reason and ends with one line of JSON; exits
non-zero when a case fails that is not known to, or passes although it is known to fail.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import django_salesforce
import node_quickbooks
import tap_salesforce

ROOT = Path(__file__).resolve().parents[2]
SUITES: tuple[ModuleType, ...] = (tap_salesforce, django_salesforce, node_quickbooks)


@contextmanager
def served(options: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    """The connection of a sandbox that ends with the block and keeps nothing."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "orchestration", "sandbox", "--json", *options],
            cwd=ROOT,
            env={**_plain_environment(), "CROSSFOOT_DATA_DIR": folder},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.terminate()
            server.wait(30)


def _plain_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("CROSSFOOT_")}


def judge(suite: ModuleType) -> dict[str, Any]:
    """Run one suite and tell of it."""
    print(f"{suite.NAME}: installing and running ...", flush=True)
    suite.install()
    with served(suite.SERVE) as connection:
        found = suite.run(connection)
    failed = {case: wrong for case, wrong in found.items() if wrong}
    for case, wrong in failed.items():
        reason = suite.KNOWN.get(case)
        print(f"  failed  {case}\n          {reason or f'not known to fail: {wrong}'}")
    for case in suite.KNOWN.keys() - failed.keys():
        print(f"  passes, although it is known to fail: {case}")
    print(f"  {len(found) - len(failed)} passed, {len(failed)} failed")
    return {
        "suite": suite.NAME,
        "passed": len(found) - len(failed),
        "failed": len(failed),
        "as_known": failed.keys() == suite.KNOWN.keys(),
    }


def main() -> int:
    """Every suite in turn."""
    results = [judge(suite) for suite in SUITES]
    print(json.dumps({"suites": results}))
    return int(not all(result["as_known"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
