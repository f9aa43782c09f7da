"""Dagster's pages in a real browser, over a run that was started as a person starts one: the graph,
the run, an asset with what it tells and its checks, a form. The pictures lie in the test's folder;
WRITE_PICTURES=1 puts the graph's where the README shows it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "contract"))

from both_systems import running_world, write_seed  # noqa: E402
from chromium_pages import Page, browsing, chromium  # noqa: E402

from orchestration import steps, telemetry  # noqa: E402
from orchestration.ui import dagster_home  # noqa: E402
from pipelines.settings import Settings  # noqa: E402
from reverse_etl.closing import signing  # noqa: E402
from reverse_etl.opening import opened  # noqa: E402

PICTURES = ROOT / "data" / "pictures"
PLACE = "orchestration.definitions"
LONGEST = 600.0
# The run is a child of the code server at once: no daemon that takes it out of the queue.
_AT_ONCE = """\
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
"""
_LAUNCH = """
mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
} }
"""
_RUN = """
query($id: ID!) { runOrError(runId: $id) { ... on Run {
  status stepStats { stepKey status }
} } }
"""
_CAN_LAUNCH = """[...document.querySelectorAll('button')].some(
  (one) => one.innerText.trim() === 'Launch Run' && !one.disabled)"""
_LAST = """
query($job: String!) { runsOrError(filter: {pipelineName: $job}, limit: 1) { ... on Runs {
  results { runId }
} } }
"""
_TOLD = """
query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on ExecutionStepOutputEvent { metadataEntries { label
    ... on MarkdownMetadataEntry { mdStr } } }
} } } }
"""
_LOGS = """
query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on ExecutionStepFailureEvent { stepKey error { message cause { message } } }
  ... on RunFailureEvent { message }
} } } }
"""


@dataclass(frozen=True)
class Served:
    """A webserver over the small company, of which one run has been made."""

    address: str
    run: str
    steps: dict[str, str]
    settings: Settings

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of one question to the server."""
        told = {"query": query, "variables": variables}
        answer = requests.post(f"{self.address}/graphql", json=told, timeout=120).json()
        assert "errors" not in answer, answer
        return dict(answer["data"])

    def launched(self, job: str) -> str:
        """Start a run of a job as its form does; returns the run's id."""
        where = {
            "repositoryName": "__repository__", "repositoryLocationName": PLACE, "jobName": job,
        }  # fmt: skip
        params = {"selector": where, "runConfigData": {}, "mode": "default"}
        done = self.ask(_LAUNCH, params=params)["launchRun"]
        assert done["__typename"] == "LaunchRunSuccess", done
        return str(done["run"]["runId"])

    def last(self, job: str) -> str:
        """The id of the newest run of a job, or nothing."""
        found = self.ask(_LAST, job=job)["runsOrError"]["results"]
        return str(found[0]["runId"]) if found else ""

    def ended(self, run: str) -> dict[str, Any]:
        """The run once it has ended."""
        until = time.monotonic() + LONGEST
        while True:
            found = dict(self.ask(_RUN, id=run)["runOrError"])
            if found["status"] in ("SUCCESS", "FAILURE", "CANCELED"):
                return found
            assert time.monotonic() < until, found
            time.sleep(0.5)


@pytest.fixture(scope="module")
def program() -> str:
    found = chromium()
    if not found:
        pytest.skip("no Chromium here: install the package chromium to look at Dagster's pages")
    return found


@pytest.fixture(scope="module")
def served(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small org and its two companies, read, judged and planned by a run of `sync`."""
    seed = write_seed(tmp_path_factory.mktemp("pages") / "seed")
    with running_world(seed, tmp_path_factory.mktemp("pages") / "data") as world:
        home = dagster_home(world.settings)
        rules = home / "dagster.yaml"
        rules.write_text(rules.read_text() + _AT_ONCE)
        with serving(world.folder, home) as address:
            begun = Served(address, "", {}, world.settings)
            run = begun.launched("sync")
            found = begun.ended(run)
            assert found["status"] == "SUCCESS", begun.ask(_LOGS, id=run)
            steps = {one["stepKey"]: one["status"] for one in found["stepStats"]}
            yield Served(address, run, steps, world.settings)


def serving(folder: Path, home: Path) -> Any:
    """The webserver alone, over this data folder, until the end of the block."""
    return _Serving(folder, home)


@dataclass
class _Serving:
    folder: Path
    home: Path
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dagster_webserver", "-m", PLACE, "-h", "127.0.0.1",
             "-p", str(port)],
            cwd=ROOT,
            env=telemetry.child_environment(
                DAGSTER_HOME=str(self.home), PYTHONPATH=str(ROOT), PYTHONWARNINGS="ignore",
                CROSSFOOT_DATA_DIR=str(self.folder), CROSSFOOT_TIMEOUT_SECONDS="30",
            ),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + LONGEST
        while not _answers(address):
            assert self.process.poll() is None and time.monotonic() < until, "no server"
            time.sleep(0.3)
        return address

    def __exit__(self, *_: object) -> None:
        assert self.process
        self.process.terminate()
        self.process.wait(timeout=60)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/server_info", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def page(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(program, tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


def drawn(page: Page, pictures: Path, name: str) -> None:
    """The picture is kept; an empty page would compress to less."""
    kept = os.environ.get("WRITE_PICTURES") and name == "graph"
    picture = page.draw((PICTURES if kept else pictures) / f"{name}.png")
    assert picture.startswith(b"\x89PNG") and len(picture) > 40_000
    assert not page.complaints


@pytest.mark.slow
@pytest.mark.browser
def test_the_graph_shows_every_room(served: Served, page: Page, pictures: Path) -> None:
    rooms = ("vendors", "extract", "staging", "billing", "matching", "reconciliation", "writes")
    page.open(f"{served.address}/asset-groups", *rooms)
    # Laid out by the page itself, which takes it a while: the rooms are drawn twice then.
    page.wait_until(lambda: page.text().count("reconciliation") > 1, 60, "the graph")
    drawn(page, pictures, "graph")


@pytest.mark.slow
@pytest.mark.browser
def test_the_run_tells_of_its_steps(served: Served, page: Page, pictures: Path) -> None:
    assert served.steps.keys() >= {"extract_salesforce", "prepare", "judge", "plan__plan", "apply"}
    assert set(served.steps.values()) == {"SUCCESS"}
    page.open(f"{served.address}/runs/{served.run}", "Success", "extract_salesforce", "judge")
    drawn(page, pictures, "run")


@pytest.mark.slow
@pytest.mark.browser
def test_an_asset_tells_what_it_holds_and_what_was_checked(
    served: Served, page: Page, pictures: Path
) -> None:
    told = ("rows_read", "calls", "budget_left", "budget_forecast", "run_calls", "vendor_time")
    page.open(
        f"{served.address}/assets/raw_quickbooks/customer", "Row count", "as the vendor", *told
    )
    page.show("rows_read")
    drawn(page, pictures, "asset")
    page.open(
        f"{served.address}/assets/raw_quickbooks/customer?view=checks&checkDetail=expectations",
        "expectations", "complete", "Great Expectations", "not_met",
    )  # fmt: skip
    drawn(page, pictures, "checks")


@pytest.mark.slow
@pytest.mark.browser
def test_the_plan_tells_money_and_a_mart_its_first_rows(
    served: Served, page: Page, pictures: Path
) -> None:
    page.open(f"{served.address}/assets/plan/plan", "Every write that is due", "amounts_blocked")
    drawn(page, pictures, "plan")
    # Its columns, which the page describes below each other, as the heads of a table.
    page.open(
        f"{served.address}/assets/reconciliation/data_verdict", "preview",
        "source_id\tis_fresh\tis_complete\tobjects\trows_read\trows_vendor",
    )  # fmt: skip
    page.show("preview")
    drawn(page, pictures, "preview")


@pytest.mark.slow
@pytest.mark.browser
def test_a_form_says_what_it_wants(served: Served, page: Page, pictures: Path) -> None:
    page.open(
        f"{served.address}/locations/{PLACE}/jobs/approve_plan/playground",
        "Launchpad", "Missing required config entries",
    )  # fmt: skip
    page.click("Scaffold missing config")
    page.click("Confirm")
    page.wait_for("checksum:", "by:", "note:")
    drawn(page, pictures, "form")


@pytest.mark.slow
@pytest.mark.browser
def test_what_a_form_is_told_is_kept_and_shown(served: Served, page: Page, pictures: Path) -> None:
    """A person signs a week in the launchpad: the state has the signature, the run tells it."""
    week = steps.report(served.settings).week
    told = {"week": week, "step": "PREPARE", "by": "Ada", "note": "Seen in the books"}
    config = yaml.safe_dump({"ops": {"sign_one_week": {"config": told}}})
    form = f"{served.address}/locations/{PLACE}/jobs/sign_week/playground/setup"
    page.open(f"{form}?config={quote(config)}", "Launchpad", "Seen in the books", "Launch Run")
    # Until the server has looked at what was filled in, the button does nothing.
    page.wait_until(lambda: bool(page.run(_CAN_LAUNCH)), 120, "a form that may be launched")
    page.click("Launch Run")
    page.wait_until(lambda: bool(served.last("sign_week")), 120, "a run")
    run = served.last("sign_week")
    assert served.ended(run)["status"] == "SUCCESS", served.ask(_LOGS, id=run)
    with opened(served.settings) as state:
        (signed,) = signing.export_rows(state)
    assert (signed["week"], signed["step"], signed["signed_by"], signed["note"]) == (
        week, "prepare", "Ada", "Seen in the books",
    )  # fmt: skip
    events = served.ask(_TOLD, id=run)["logsForRun"]["events"]
    shown = {m["label"]: m for event in events for m in event.get("metadataEntries", ())}
    assert f"{week}: prepare by Ada" in shown["told"]["mdStr"]
    page.open(f"{served.address}/runs/{run}", "Success", "sign_one_week")
    drawn(page, pictures, "signed")
