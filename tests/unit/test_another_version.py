"""A warehouse that another version has built: named by doctor, refused by the plan, built anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.doctor import built
from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.settings import ROOT, Settings, load_settings
from reverse_etl import cycle


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CROSSFOOT_DATA_DIR", str(tmp_path))
    return load_settings()


def older(settings: Settings, *lacking: str) -> None:
    """A warehouse with every mart but some; what is in them does not matter here."""
    with warehouse.writer(settings.warehouse_path) as connection:
        for name in sorted(built.marts(ROOT / "dbt_project") - set(lacking)):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
            connection.execute(f"CREATE TABLE {name} (n INTEGER)")


def test_doctor_names_what_the_warehouse_of_another_version_lacks(settings: Settings) -> None:
    assert list(built.findings(settings)) == []
    lacking = ("sync.sync_invoice_records", "sync.sync_invoice_mails", "matched.matched_invoices",
               "reconciliation.kpi_definitions")  # fmt: skip
    older(settings, *lacking)
    (found,) = built.findings(settings)
    assert (found.verdict, found.subject) == ("bad", "warehouse")
    assert found.told == (
        "it was built by another version, without matched.matched_invoices, "
        "reconciliation.kpi_definitions, sync.sync_invoice_mails and 1 more"
    )
    assert "crossfoot judge" in found.next_step


def test_a_whole_warehouse_is_this_version_s(settings: Settings) -> None:
    older(settings)
    (found,) = built.findings(settings)
    assert found.verdict == "good" and "marts of this version" in found.told


def test_a_plan_says_that_another_version_built_it_and_what_helps(settings: Settings) -> None:
    older(settings, "sync.sync_invoice_records")
    with pytest.raises(Stop) as told:
        cycle.make_plan(settings)
    assert "built by another version, which did not know sync_invoice_records" in str(told.value)
    assert "crossfoot judge" in str(told.value)


def test_a_question_about_a_column_that_an_older_version_lacks_says_what_helps(
    settings: Settings,
) -> None:
    older(settings)
    with pytest.raises(Stop, match="crossfoot judge") as told:
        warehouse.read(settings.warehouse_path, "SELECT of_no_version FROM sync.sync_invoices")
    assert "move the file away" not in str(told.value)


def test_a_plan_before_anything_was_judged_says_that(settings: Settings) -> None:
    with warehouse.writer(settings.warehouse_path) as connection:
        connection.execute("CREATE SCHEMA sync")
    with pytest.raises(Stop, match="nothing was read and judged yet"):
        cycle.make_plan(settings)
