"""Who may import whom, and which library has which home. The house stands or falls with this."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("pipelines", "reverse_etl", "orchestration")
FLOOR = {"settings", "errors", "money", "folders", "warehouse", "clients"}

HOMES = {
    "dagster": ("orchestration/",),
    "dagster_dbt": ("orchestration/",),
    "dagster_dlt": ("orchestration/",),
    "great_expectations": ("orchestration/",),
    "typer": ("orchestration/",),
    "dlt": ("pipelines/extract/",),
    "splink": ("pipelines/matching/",),
    # In Spark's room it computes, and opens no warehouse.
    "duckdb": ("pipelines/warehouse_opening.py", "pipelines/questions.py", "pipelines/spark/"),
    "pyspark": ("pipelines/spark/",),
    "sqlglot": ("pipelines/spark/",),
    "mcp": ("orchestration/gateway/",),
    "dbt": ("pipelines/transform.py",),
    "sqlalchemy": ("reverse_etl/state",),
    "sqlite3": ("reverse_etl/state",),
    "xlsxwriter": ("reverse_etl/report/workbook.py",),
    "smtplib": ("pipelines/clients/",),
    "starlette": ("pipelines/sandbox/",),
    "uvicorn": ("pipelines/sandbox/",),
    "simple_salesforce": ("pipelines/clients/",),
    "quickbooks": ("pipelines/clients/",),
    "intuitlib": ("pipelines/clients/",),
    "requests": ("pipelines/clients/",),
}


def modules() -> list[Path]:
    return sorted(p for room in OURS for p in (ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            pytest.fail(f"{path}: relative imports hide the arrows; write the full name")


def may_import(importer: str, imported: str) -> bool:
    """Is an import of one of our modules along the arrows?"""
    if imported in OURS:  # `from pipelines import money` also yields pipelines.money, judged below
        return True
    if importer.startswith("pipelines.sandbox"):
        return imported.startswith("pipelines.sandbox")
    if importer.startswith("pipelines"):
        return imported.startswith("pipelines") and not imported.startswith("pipelines.sandbox")
    if importer.startswith("reverse_etl"):
        return imported.startswith("reverse_etl") or imported.split(".")[1] in FLOOR
    return True


def test_arrows_go_one_way() -> None:
    wrong = []
    for path in modules():
        importer = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name in imports(path):
            if name.split(".")[0] in OURS and not may_import(importer, name):
                wrong.append(f"{importer} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_each_library_has_one_home() -> None:
    wrong = []
    for path in modules():
        place = path.relative_to(ROOT).as_posix()
        for name in imports(path):
            homes = HOMES.get(name.split(".")[0])
            if homes and not place.startswith(homes):
                wrong.append(f"{place} imports {name}; its home is {' or '.join(homes)}")
    assert not wrong, "\n".join(wrong)


def test_only_settings_reads_the_environment() -> None:
    # transform sets (not reads) what dbt expects; failpoints are armed by crash tests from outside.
    allowed = {
        "pipelines/settings.py",
        "pipelines/transform.py",
        # Sets the password of the catalogue for PostgreSQL's client.
        "pipelines/lake/attaching.py",
        # Says which Python Spark's workers run.
        "pipelines/spark/session.py",
        "reverse_etl/failpoints.py",
        "orchestration/telemetry.py",
    }
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in modules()
        if any(n in ("os.environ", "os.getenv") for n in attribute_uses(path))
        and not path.relative_to(ROOT).as_posix().startswith("pipelines/sandbox/")
    }
    assert readers <= allowed, sorted(readers - allowed)


def attribute_uses(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("pipelines.extract.salesforce", "reverse_etl.plan"),
        ("pipelines.clients.quickbooks", "pipelines.sandbox.kernel"),
        ("pipelines.sandbox.kernel", "pipelines.money"),
        ("reverse_etl.apply", "orchestration.cli"),
        ("reverse_etl.plan", "pipelines.extract.salesforce"),
    ],
)
def test_the_rule_itself_refuses(importer: str, imported: str) -> None:
    assert not may_import(importer, imported)
