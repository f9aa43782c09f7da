"""The deployment page: its services start what exists, under the rules of the UI's Dagster."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from orchestration.ui import _DAGSTER_YAML

DEPLOY = Path(__file__).resolve().parents[2] / "orchestration" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
PAGE = (DEPLOY / "DEPLOY.md").read_text()


def test_each_service_starts_a_command_that_is_installed() -> None:
    assert len(UNITS) == 4
    for unit in UNITS:
        for line in re.findall(r"^Exec\w+=(.*)$", unit.read_text(), re.MULTILINE):
            program = Path(line.split()[0])
            assert program.parent.as_posix() == "/opt/crossfoot/.venv/bin"
            assert (Path(sys.executable).parent / program.name).exists(), line
        assert f"`{unit.stem}`" in PAGE


def test_only_what_decides_and_writes_reads_the_secrets() -> None:
    told = {u.stem for u in UNITS if "crossfoot.env" in u.read_text()}
    assert told == {"crossfoot-code", "crossfoot-watch"}


def test_dagster_has_the_same_rules_as_in_the_ui() -> None:
    deployed = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    for name, rule in yaml.safe_load(_DAGSTER_YAML).items():
        assert deployed[name] == rule, name
    (place,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    started = (DEPLOY / "crossfoot-code.service").read_text()
    assert f"-p {place['grpc_server']['port']} " in started
    assert f"--location-name {place['grpc_server']['location_name']}" in started


def test_dagster_takes_the_workspace_with_another_teams_location(tmp_path: Path) -> None:
    """As it is, and with the lines that the page names taken out of their comment."""
    from dagster._core.workspace.load_target import WorkspaceFileTarget

    told = (DEPLOY / "workspace.yaml").read_text()
    both = re.sub(r"^  # (- grpc_server:|    \w+: )", r"  \1", told, flags=re.MULTILINE)
    named = []
    for number, text in enumerate((told, both)):
        place = tmp_path / f"{number}.yaml"
        place.write_text(text)
        named.append(
            {
                one.location_name: one.port
                for one in WorkspaceFileTarget([str(place)]).create_origins()
            }
        )
    assert named == [{"crossfoot": 4266}, {"crossfoot": 4266, "finance": 4267}]
    assert "-p 4267 -m finance.definitions --location-name finance" in PAGE


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """With the paths and the user of this machine: it looks whether the programs are there."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze here")
    for unit in UNITS:
        text = unit.read_text().replace(
            "/opt/crossfoot/.venv/bin", str(Path(sys.executable).parent)
        )
        (tmp_path / unit.name).write_text(text.replace("User=crossfoot", "User=root"))
    units = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run([program, "verify", *units], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
