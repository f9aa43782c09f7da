"""Nothing is written to an org or company other than the configured ones, by whichever door.

Every flow of the registry, taking back included, is planned for the company that was configured;
then another one is. The same for what earlier runs left in doubt.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from every_flow import everything
from small_company import SmallCompany, rows, running_company
from typer.testing import CliRunner
from writing import mail_row

from orchestration.assets.writes import ApplyConfig
from orchestration.assets.writes import apply as apply_asset
from orchestration.cli import app
from orchestration.resources import SettingsResource
from pipelines import warehouse
from pipelines.errors import ReplyLost, WrongCompany
from reverse_etl import cycle
from reverse_etl.changes import Plan
from reverse_etl.syncs import registry

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = count(1, 2)
OTHER_ORG, OTHER_REALM = "00DHs0000009999MAA", "9341450000009999"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCompany]:
    with (
        running_company(tmp_path_factory.mktemp("strangers"), 50, 50) as running,
        warehouse.kept_open(running.settings.warehouse_path),
    ):
        yield running


def planned(company: SmallCompany, flow: str) -> Plan:
    """A plan of new records of one flow, with those that it needs written before."""
    company.judge(everything(company, next(NUMBERS)))
    if flow == "invoices":
        company.apply(company.plan("customers"))
    if flow == "invoice_mails":
        company.apply(company.plan("customers"))
        company.apply(company.plan("invoices"))
        company.judge(rows(mails=[mail_row(str(company.invoices()[-1]["Id"]))]))
    if flow == "undo":
        done = company.plan("products", "prices")
        company.apply(done)
        return cycle.plan_undo(company.settings, of_plan=done.checksum)
    return company.plan(flow)


@pytest.fixture
def elsewhere(company: SmallCompany, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Configures another org and other companies, whose servers are the same."""

    def now() -> None:
        told = json.loads(Path(company.environment["CROSSFOOT_SANDBOX_CONNECTION"]).read_text())
        told["salesforce"]["org_id"] = OTHER_ORG
        for number, one in enumerate(told["quickbooks"]["companies"]):
            one["realm_id"] = f"{OTHER_REALM[:-1]}{number}"
        other = company.folder / "other.json"
        other.write_text(json.dumps(told))
        monkeypatch.setitem(company.environment, "CROSSFOOT_SANDBOX_CONNECTION", str(other))
        for name, value in company.environment.items():
            monkeypatch.setenv(name, value)
        assert company.settings.salesforce.org_id == OTHER_ORG

    return now


@pytest.mark.parametrize("flow", registry.NAMES)
def test_no_flow_writes_elsewhere(company: SmallCompany, elsewhere: Any, flow: str) -> None:
    plan = planned(company, flow)
    assert plan.changes
    cycle.approve(company.settings, plan.checksum, "Ada")
    elsewhere()
    calls = company.write_calls()
    with pytest.raises(WrongCompany, match="which this installation does not serve"):
        cycle.apply(company.settings, plan.checksum)
    assert company.write_calls() == calls


@pytest.mark.parametrize("flow", registry.NAMES)
def test_what_is_in_doubt_is_not_repeated_elsewhere(
    company: SmallCompany, elsewhere: Any, flow: str
) -> None:
    """A sandbox that was copied from production has the same ids."""
    plan = planned(company, flow)
    for method in ("POST", "PATCH"):
        company.fault(
            "drop_before", "/(customer|item|invoice|batch)|composite|emailSimple", method=method,
            times=None,
        )  # fmt: skip
    with suppress(ReplyLost):
        company.apply(plan)
    with company.sandbox.kernel.lock:
        company.sandbox.kernel.faults.clear()
    elsewhere()
    company.judge({})
    empty = cycle.make_plan(company.settings, [flow])
    assert not empty.changes
    assert empty.unsettled
    calls = company.write_calls()
    with pytest.raises(WrongCompany, match="which this installation does not serve"):
        cycle.apply(company.settings, empty.checksum)
    assert company.write_calls() == calls


def test_neither_door_writes_elsewhere(company: SmallCompany, elsewhere: Any) -> None:
    plan = planned(company, "customers")
    cycle.approve(company.settings, plan.checksum, "Ada")
    elsewhere()
    calls = company.write_calls()
    told = CliRunner().invoke(app, ["apply", plan.checksum])
    assert isinstance(told.exception, WrongCompany)
    with pytest.raises(WrongCompany):
        list(
            apply_asset(
                dg.build_asset_context(), plan.checksum, ApplyConfig(approved_by="Ada"),
                SettingsResource(),
            )
        )  # fmt: skip
    assert company.write_calls() == calls


def test_there_is_one_way_out() -> None:
    """Every door goes through `cycle.apply`, which looks where a plan would go."""
    users = {
        str(path.relative_to(ROOT))
        for folder in ("pipelines", "reverse_etl", "orchestration")
        for path in (ROOT / folder).rglob("*.py")
        if "flow.send(" in path.read_text() or imports_delivery(ast.parse(path.read_text()))
    }
    assert users == {"reverse_etl/apply.py", "reverse_etl/cycle.py"}


def imports_delivery(tree: ast.AST) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "reverse_etl.apply"
        and "apply_plan" in {name.name for name in node.names}
        for node in ast.walk(tree)
    )
