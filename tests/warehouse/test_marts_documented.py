"""What analysts are given: each mart and column described, under a contract, as it is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from built_company import Company

from pipelines.transform import write_docs

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models"
PUBLIC = ("matched", "reconciliation", "sync")


def described() -> dict[str, dict[str, Any]]:
    """The description of each public mart by `schema.name`."""
    found: dict[str, dict[str, Any]] = {}
    for schema in PUBLIC:
        for path in sorted((MODELS / schema).glob("*.yml")):
            for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ()):
                found[f"{schema}.{model['name']}"] = model
    return found


DESCRIBED = described()
MARTS = sorted(f"{s}.{path.stem}" for s in PUBLIC for path in (MODELS / s).glob("*.sql"))


def test_every_mart_is_described_and_every_description_is_of_a_mart() -> None:
    assert sorted(DESCRIBED) == MARTS
    assert len(MARTS) > 30


@pytest.mark.parametrize("mart", MARTS)
def test_every_column_is_described(mart: str) -> None:
    model = DESCRIBED[mart]
    assert model.get("description", "").strip()
    assert [
        column["name"] for column in model["columns"] if not column.get("description", "").strip()
    ] == []


@pytest.mark.parametrize("mart", MARTS)
def test_every_mart_has_a_contract(mart: str) -> None:
    """What is described cannot differ from what is built: dbt holds names and types."""
    schema, name = mart.split(".")
    sql = (MODELS / schema / f"{name}.sql").read_text(encoding="utf-8")
    in_file = DESCRIBED[mart].get("config", {}).get("contract", {}).get("enforced", False)
    assert in_file or "contract={'enforced': true}" in sql
    assert all(column.get("data_type") for column in DESCRIBED[mart]["columns"])


def test_what_is_described_is_what_is_there(company: Company) -> None:
    rows = company.rows(
        "select table_schema || '.' || table_name as mart, column_name from"
        " information_schema.columns where table_schema in ('matched', 'reconciliation', 'sync')"
    )
    there: dict[str, set[str]] = {}
    for row in rows:
        there.setdefault(row["mart"], set()).add(row["column_name"])
    assert there == {
        mart: {column["name"] for column in model["columns"]} for mart, model in DESCRIBED.items()
    }


def test_the_documentation_is_one_page_with_every_column(company: Company, tmp_path: Path) -> None:
    page = write_docs(MODELS.parent, company.path, tmp_path).read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    for model in DESCRIBED.values():
        assert f'"name": "{model["name"]}"' in page
    assert "Stable identity, that of the mismatch." in page
    assert '"send_anonymous_usage_stats": false' in page
