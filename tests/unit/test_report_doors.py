"""The doors by which the report leaves: the command line and Dagster's weekly job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from post_offices import CUT, Webhook, webhook
from report_sample import write_marts
from typer.testing import CliRunner

from orchestration import steps
from orchestration.assets.report import ReportConfig, weekly_mismatch_report
from orchestration.cli import app
from orchestration.resources import SettingsResource
from pipelines.errors import AskAPerson, Stop
from pipelines.settings import Settings
from reverse_etl.report import ReportPaths, write_report


@pytest.fixture
def slack() -> Iterator[Webhook]:
    with webhook() as hook:
        yield hook


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_marts(tmp_path_factory.mktemp("marts") / "warehouse.duckdb")


@pytest.fixture(autouse=True)
def told(tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of this test only; the run itself is recorded elsewhere."""
    for name in [name for name in os.environ if name.startswith("CROSSFOOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CROSSFOOT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CROSSFOOT_PUBLISHED_PATH", str(published))

    def unrecorded(settings: Settings, week: str | None = None) -> ReportPaths:
        return write_report(settings, week)

    monkeypatch.setattr(steps, "report", unrecorded)


# The week that the sample's data close.
MONDAY = "2026-11-16"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["report", *arguments])


def test_a_report_is_not_sent_unless_told(slack: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSFOOT_SLACK_WEBHOOK", slack.url)
    assert run().exit_code == 0
    assert not slack.got


def test_the_command_sends_once_and_says_so(
    slack: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSFOOT_SLACK_WEBHOOK", slack.url)
    first, second = run("--send"), run("--send")
    assert first.exit_code == second.exit_code == 0
    assert ": sent." in first.stdout and "not sent again" in second.stdout
    assert len(slack.got) == 1
    assert slack.url not in first.stdout


def test_the_command_ends_red_when_it_is_uncertain(
    slack: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSFOOT_SLACK_WEBHOOK", slack.url)
    slack.answers = [CUT]
    done = run("--send")
    assert isinstance(done.exception, AskAPerson)
    assert "uncertain" in done.stdout
    assert run("--send", "--again").exit_code == 0
    assert len(slack.got) == 2


def test_again_alone_says_nothing() -> None:
    assert run("--again").exit_code == 2


def test_sending_to_nobody_is_told() -> None:
    assert isinstance(run("--send").exception, Stop)


def asset(**config: Any) -> dg.MaterializeResult[Any]:
    week = dg.build_asset_context(partition_key=MONDAY)
    made: dg.MaterializeResult[Any] = weekly_mismatch_report(
        week, ReportConfig(**config), SettingsResource()
    )
    return made


def test_the_weekly_job_sends_where_a_channel_is_set(
    slack: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "deliveries" not in (asset().metadata or {})
    monkeypatch.setenv("CROSSFOOT_SLACK_WEBHOOK", slack.url)
    asset(send=False)
    assert not slack.got
    metadata = asset().metadata or {}
    assert len(slack.got) == 1
    assert ": sent." in str(metadata["deliveries"])


def test_a_page_is_linked_where_it_is_served_and_shown_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No browser follows a link to a file from a page of the network."""
    told = asset().metadata or {}
    assert "report" not in told and "file:" not in str(told)
    assert told["path"].path.endswith("2026-W47/index.html")  # type: ignore[union-attr]
    assert "Leakage: due, past grace" in str(told["first_screen"])
    monkeypatch.setenv("CROSSFOOT_REPORT_URL", "https://reports.example.com/weekly")
    told = asset().metadata or {}
    assert str(told["report"].value).startswith("https://reports.example.com/weekly/2026-W47/")  # type: ignore[union-attr]


def test_the_weekly_job_ends_red_when_somebody_did_not_get_it(
    slack: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSFOOT_SLACK_WEBHOOK", slack.url)
    slack.answers = [(410, "channel_is_archived", {})]
    with pytest.raises(Stop, match="channel_is_archived"):
        asset()
