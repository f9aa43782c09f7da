"""Two at once: whatever runs beside an apply, each thing is written once, or somebody is told why
not. The overlap is certain: the vendor holds the first one's request up until the other has been
answered."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from dagster import DagsterInstance
from small_company import AS_OF, SmallCompany, rows, running_company
from typer.testing import CliRunner
from writing import invoice_row

from orchestration import cli, launching
from orchestration.resources import SettingsResource
from pipelines import warehouse
from pipelines.errors import WarehouseBusy
from reverse_etl import cycle, lease
from reverse_etl.opening import opened

UNDER_WAY = "under way"
LATER = AS_OF + timedelta(hours=1)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCompany]:
    with running_company(tmp_path_factory.mktemp("at_once"), deals=12) as running:
        yield running


@dataclass(frozen=True)
class Wanted:
    """Two invoices that the books lack, and how many they had before."""

    company: SmallCompany
    first: int
    before: int

    def judge(self, as_of: datetime = AS_OF) -> None:
        both = [invoice_row(self.first), invoice_row(self.first + 1)]
        self.company.judge(rows(invoices=both), as_of=as_of)

    def approved(self) -> str:
        """The checksum of an approved plan for them."""
        checksum = self.company.plan().checksum
        cycle.approve(self.company.settings, checksum, "Ada")
        return checksum

    def written_once(self) -> None:
        """Each is there once, and a further run of everything writes nothing."""
        company = self.company
        assert len(company.writes("Invoice", "create")) == self.before + 2
        assert len(company.invoices()) == self.before + 2
        calls = company.write_calls()
        self.judge(as_of=LATER)
        assert not company.plan().changes
        assert company.write_calls() == calls


_numbers = count(1, 2)


@pytest.fixture
def wanted(company: SmallCompany) -> Wanted:
    made = Wanted(company, next(_numbers), len(company.invoices()))
    made.judge()
    return made


@pytest.fixture(scope="module")
def other(company: SmallCompany) -> Iterator[SmallCompany]:
    """A second process for the same company, ready to begin at once."""
    beside = replace(company, forks=[])
    assert "error" not in beside.in_a_process("copy")
    yield beside
    for process in beside.forks:
        assert process.stdin
        process.stdin.close()
        process.wait(timeout=20)


@contextmanager
def applying(company: SmallCompany, checksum: str, do: str = "apply") -> Iterator[None]:
    """A process that is in the middle of its write during the block, and has succeeded after it."""
    assert "error" not in company.in_a_process("copy")
    job = {"do": do, "environment": company.environment, "checksum": checksum}
    try:
        with company.held_up(r"/batch\b"):
            company.start_in_a_process(job)
            _wait_for_a_request(company)
            yield
    finally:
        told = company.answer()
    assert told.get("result"), told
    assert {status for _, status, _ in told["result"]} == {"done"}, told


def _wait_for_a_request(company: SmallCompany) -> None:
    """Until the lease is held: the write follows at once, and waits at the vendor."""
    for _ in range(1200):
        with opened(company.settings) as state:
            if lease.holder(state):
                return
        time.sleep(0.05)
    raise AssertionError("the process did not begin to apply")


def test_of_two_that_apply_one_plan_the_second_is_told(
    company: SmallCompany, other: SmallCompany, wanted: Wanted
) -> None:
    checksum = wanted.approved()
    with applying(company, checksum):
        told = other.in_a_process("apply", checksum=checksum)
        assert UNDER_WAY in told["text"]
    again = other.in_a_process("apply", checksum=checksum)
    assert not any(fresh for _, _, fresh in again["result"])
    wanted.written_once()


def test_two_schedules_write_what_one_would(
    company: SmallCompany, other: SmallCompany, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = company.folder / "policy.toml"
    policy.write_text(
        '[invoices]\nmode = "automatic"\nmax_changes = 9\nmax_amount = { USD = 999 }\n'
    )
    for one in (company, other):
        monkeypatch.setitem(one.environment, "CROSSFOOT_POLICY", str(policy))
    with applying(company, "", do="run"):
        told = other.in_a_process("run")
        assert UNDER_WAY in told["text"]
    wanted.written_once()


def test_a_person_beside_dagster_is_told_and_so_is_dagster_beside_a_person(
    company: SmallCompany,
    wanted: Wanted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in company.environment.items():
        monkeypatch.setenv(name, value)
    checksum = wanted.approved()
    with applying(company, checksum):
        refused = CliRunner().invoke(cli.app, ["apply", checksum])
        assert UNDER_WAY in str(refused.exception)
        assert UNDER_WAY in run_in_dagster(checksum)
    assert run_in_dagster(checksum) == ""
    assert CliRunner().invoke(cli.app, ["apply", checksum]).exit_code == 0
    wanted.written_once()


def run_in_dagster(checksum: str) -> str:
    """Apply a plan by the form of the user interface; the reason why it failed, or nothing."""
    (job,) = (one for one in launching.JOBS if one.name == "apply_plan")
    with DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(
            run_config={"ops": {"apply_one_plan": {"config": {"checksum": checksum}}}},
            resources={"settings": SettingsResource()},
            instance=instance, raise_on_error=False,
        )  # fmt: skip
        if done.success:
            return ""
        (failed,) = (e for e in done.all_events if e.is_step_failure)
        return str(failed.event_specific_data.error.to_string())


def test_marts_built_while_invoices_are_sent_do_not_ask_for_them_again(
    company: SmallCompany, wanted: Wanted
) -> None:
    """An extract read before the invoices left, and its build ends while they are being sent."""
    checksum = wanted.approved()
    with applying(company, checksum):
        wanted.judge(as_of=AS_OF + timedelta(minutes=1))
        planned_meanwhile = company.plan()
    assert cycle.approve(company.settings, checksum, "Ada")
    if planned_meanwhile.changes:
        company.apply(planned_meanwhile)
    wanted.written_once()


HOLD = """
import sys
from pathlib import Path
from pipelines import warehouse
with warehouse.writer(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def extracting(company: SmallCompany) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the warehouse, as a load does."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(company.settings.warehouse_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).resolve().parents[2],
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        yield process
        process.stdin.close()


def test_an_apply_while_a_load_holds_the_warehouse_sends_nothing(
    company: SmallCompany, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksum, calls = wanted.approved(), company.write_calls()
    connect = warehouse._connect
    with extracting(company), monkeypatch.context() as patch:
        patch.setattr(
            warehouse,
            "_connect",
            lambda path, read_only, wait_seconds: connect(path, read_only, 0.2),
        )
        with pytest.raises(WarehouseBusy, match="is using it"):
            cycle.apply(company.settings, checksum)
        assert company.write_calls() == calls
    assert cycle.apply(company.settings, checksum).counts()["done"] == 2
    wanted.written_once()
