"""Words that cannot rot: what the README says exists, and what exists is in the README."""

from __future__ import annotations

import re
from pathlib import Path

from typer.main import get_command

from orchestration.cli import app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def commands() -> set[str]:
    return set(get_command(app).commands)  # type: ignore[attr-defined]


def test_every_command_is_in_the_readme() -> None:
    missing = {name for name in commands() if f"`crossfoot {name}" not in README}
    assert not missing


def test_the_readme_names_no_command_that_is_not_there() -> None:
    named = set(re.findall(r"`crossfoot ([\w-]+)", README))
    assert named <= commands()


def test_every_path_in_the_readme_exists() -> None:
    paths = re.findall(
        r"`((?:pipelines|dbt_project|reverse_etl|orchestration|tests)/[\w./]*)`", README
    )
    paths += re.findall(r"\]\(([\w./]+)\)", README)
    assert paths
    gone = [p for p in paths if not ((ROOT / p).exists() or (ROOT / f"{p}.sql").exists())]
    assert not gone


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", README)) <= targets


def test_every_mismatch_class_that_can_be_found_is_decided_and_documented() -> None:
    decisions = (ROOT / "dbt_project" / "DECISIONS.md").read_text()
    marts = "".join(p.read_text() for p in (ROOT / "dbt_project" / "models").rglob("*.sql"))
    taxonomy = (ROOT / "dbt_project" / "seeds" / "mismatch_classes.csv").read_text()
    classes = [line.split(",")[0] for line in taxonomy.splitlines()[1:]]
    used = [name for name in classes if re.search(rf"'{name}'", marts)]
    assert used
    assert [name for name in used if name not in decisions] == []
