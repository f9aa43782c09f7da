"""The repository's fixed shape, and what must never be written into it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {
    "pyproject.toml", "pipelines", "dbt_project", "orchestration", "reverse_etl", "tests", "data",
    "README.md", "Makefile", "constraints.txt", "LICENSE",
}  # fmt: skip
FORBIDDEN_NAMES = {"manager", "helper", "util", "utils", "handler", "processor", "common", "misc"}


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def test_top_level_is_exactly_the_agreed_one() -> None:
    seen = {p.relative_to(ROOT).parts[0] for p in tracked()}
    assert {name for name in seen if not name.startswith(".")} == TOP_LEVEL


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [
        p.relative_to(ROOT).as_posix()
        for p in tracked()
        if p.suffix in (".py", ".sql") and FORBIDDEN_NAMES & set(re.split(r"[_/.]", p.stem))
    ]
    assert not vague


def test_no_registry_host_and_no_machine_path() -> None:
    marks = re.compile(
        r"/work/|/root/|/home/\w+/|index-url\s*=|pypi\.org|files\.pythonhosted|npmjs"
    )
    found = [
        f"{p.relative_to(ROOT)}:{number}"
        for p in tracked()
        if p.suffix not in (".png", ".gz") and p != Path(__file__).resolve()
        for number, line in enumerate(p.read_text(errors="ignore").splitlines(), 1)
        if marks.search(line)
    ]
    assert not found


def test_constraints_pin_exactly_and_name_no_index() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert all(re.match(r"^[A-Za-z0-9._\[\]-]+==[^\s;]+", line) for line in pins)


def test_money_never_becomes_a_binary_fraction() -> None:
    """No float( and no DOUBLE cast on a line that speaks of money in what we run or query."""
    money = re.compile(r"amount|price|total|balance|money|tax|discount", re.IGNORECASE)
    binary = re.compile(r"\bfloat\(|::\s*(double|float|real)\b|\bas\s+(double|float|real)\b", re.I)
    rooms = ("pipelines", "reverse_etl", "orchestration", "dbt_project")
    found = [
        f"{p.relative_to(ROOT)}:{number}: {line.strip()}"
        for p in tracked()
        if p.relative_to(ROOT).parts[0] in rooms and p.suffix in (".py", ".sql")
        for number, line in enumerate(p.read_text().splitlines(), 1)
        if money.search(line) and binary.search(line)
    ]
    assert not found, "\n".join(found)
