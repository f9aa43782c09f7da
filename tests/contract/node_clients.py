"""The vendors' JavaScript clients as installed, unmodified: scripts of ./javascript run with Node.

`npm ci` in tests/contract/javascript installs them; without it their tests say why they are left
out.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "javascript"


def needs(package: str) -> pytest.MarkDecorator:
    """The mark of tests that cannot run without Node and this package."""
    missing = (
        "node is not installed"
        if shutil.which("node") is None
        else "run `npm ci` in tests/contract/javascript first"
        if not (HERE / "node_modules" / package).is_dir()
        else ""
    )
    return pytest.mark.skipif(bool(missing), reason=missing)


def run_script(script: str, scenario: str, given: Any) -> Any:
    """What a scenario of a script found; `given` is what it reads as JSON."""
    done = subprocess.run(
        ["node", script, scenario],
        cwd=HERE,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
