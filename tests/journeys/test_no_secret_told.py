"""Every secret setting is a canary, calls fail and repeat what they were sent, logging is at its
most talkative; then everything that was produced is searched."""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_dlt import DagsterDltResource
from small_company import SmallCompany, rows, running_company
from told_texts import texts_below
from typer.testing import CliRunner

# Of the unit tests, whose folder small_company opens.
from post_offices import certificate, mail_server, webhook  # isort: skip
from report_sample import write_marts  # isort: skip
from writing import account_status_row, customer_row, deal_status_row, invoice_row

from orchestration import steps
from orchestration.assets.extract import extract_assets
from orchestration.assets.writes import apply as apply_asset
from orchestration.assets.writes import plan as plan_asset
from orchestration.cli import app
from orchestration.resources import SettingsResource
from pipelines.clients.transport import Patience
from pipelines.errors import CrossfootError
from pipelines.sandbox.quickbooks.oauth import HOME
from pipelines.settings import Settings

MARTS = rows(
    customers=[customer_row(1)],
    invoices=[invoice_row(2)],
    deals=[deal_status_row(n) for n in (1, 2)],
    accounts=[account_status_row(1)],
)
MAIL_PASSWORD = "canary-mail-8c41f7"
QUICK = Patience(sleep=lambda _: None)
# The only places where secrets may stand: what we are told, and the tokens we keep.
HOMES = frozenset({"connection.json", "tokens", "seed"})


@dataclass
class Told:
    """What was said so far, by where it was said."""

    texts: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        self.texts.append((name, text))

    def raised(self, name: str, problem: BaseException) -> None:
        self.add(name, "".join(traceback.format_exception(problem)))
        self.add(name, f"{problem!s}{problem!r}{vars(problem)!r}")

    def command(self, *words: str) -> Any:
        """One command of the command line; what it said and how it failed is kept."""
        done = CliRunner().invoke(app, list(words))
        self.add(" ".join(words), done.output)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            assert isinstance(done.exception, CrossfootError), done.exception
            self.raised(" ".join(words), done.exception)
        return done


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallCompany]:
    with running_company(tmp_path, deals=2) as served:
        for name in [name for name in os.environ if name.startswith("CROSSFOOT_")]:
            monkeypatch.delenv(name)
        yield served


def secrets_of(company: SmallCompany, settings: Settings) -> dict[str, str]:
    """Every secret of the connection, of the settings, and every token ever given out."""
    given = company.sandbox.connection
    names = ("password", "security_token", "client_secret", "access_token", "refresh_token")
    found = {f"salesforce {name}": given["salesforce"][name] for name in names}
    found["quickbooks client_secret"] = given["quickbooks"]["client_secret"]
    key = given["salesforce"]["private_key"].splitlines()
    found |= {f"key line {number}": line for number, line in enumerate(key[1:-1])}
    org: Any = company.sandbox.kernel.vendors["salesforce"]
    found |= {f"session {number}": one for number, one in enumerate(org._sessions._given)}
    tokens = company.sandbox.kernel.store.meta(HOME)
    found |= {name: name.partition("/")[2] for name in tokens if name.startswith(("acc", "refr"))}
    kept = [json.loads(file.read_text()) for file in settings.token_dir.glob("*.json")]
    for number, file in enumerate(kept):
        found |= {f"{name} {number}": value for name, value in file.items() if "token" in name}
    found |= {"mail": MAIL_PASSWORD, "slack": os.environ["CROSSFOOT_SLACK_WEBHOOK"]}
    return {name: value for name, value in found.items() if len(value) > 7}


def leaks(company: SmallCompany, told: Told, folder: Path) -> list[str]:
    """Which secret stands where, without the secret."""
    secrets = secrets_of(company, company.settings)
    assert len(secrets) > 40, sorted(secrets)
    texts = [*told.texts, *texts_below(folder, HOMES)]
    return [f"{s} in {name}" for name, text in texts for s, one in secrets.items() if one in text]


def echo(company: SmallCompany, status: int, path: str, **more: Any) -> None:
    """The next call is refused with all it could have been sent, as a careless proxy would."""
    org, app = company.settings.salesforce, company.settings.quickbooks
    books = path.startswith("/v3")
    own = [app.client_secret] if books else [org.password, org.security_token, org.client_secret]
    sent = {secret.reveal() for secret in own}
    begun = "access/" if books else "session"
    sent |= {s for n, s in secrets_of(company, company.settings).items() if n.startswith(begun)}
    words = " ".join(sorted(sent))
    company.fault("refuse", path, status=status, body=f"<p>you sent {words}</p>", **more)


def materialize(told: Told, instance: dg.DagsterInstance, *assets: Any, **config: Any) -> bool:
    """Run assets; all events and what ended a step are kept."""
    done = dg.materialize(
        assets,
        resources={"dlt": DagsterDltResource(), "settings": SettingsResource()},
        selection=list(assets),
        run_config={"ops": config},
        raise_on_error=False,
        instance=instance,
    )
    told.add("events of Dagster", "\n".join(map(str, instance.all_logs(done.run_id))))
    return done.success


def test_no_secret_is_told_anywhere(
    company: SmallCompany, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    for client in ("quickbooks", "salesforce"):
        monkeypatch.setattr(f"pipelines.clients.{client}.Patience", lambda **_: QUICK)
    told, folder = Told(), tmp_path / "data"
    (tmp_path / "mail").mkdir()
    trusted = certificate(tmp_path / "mail")
    instance = dg.DagsterInstance.ephemeral()
    with mail_server(trusted) as mail, webhook() as slack:
        company.environment |= {
            "CROSSFOOT_SMTP_HOST": "127.0.0.1", "CROSSFOOT_SMTP_PORT": str(mail.port),
            "CROSSFOOT_SMTP_USERNAME": "me", "CROSSFOOT_SMTP_PASSWORD": MAIL_PASSWORD,
            "CROSSFOOT_REPORT_FROM": "me@example.com", "CROSSFOOT_REPORT_TO": "you@example.com",
            "CROSSFOOT_SLACK_WEBHOOK": slack.url,
        }  # fmt: skip
        for name, value in {**company.environment, "SSL_CERT_FILE": str(trusted)}.items():
            monkeypatch.setenv(name, value)
        slack.answers = [(400, f"bad {slack.url}", {})]

        plan_and_apply(company, told, instance)
        refused_log_ins(company, told)
        report(told, folder, monkeypatch)
        extract(company, told, instance, monkeypatch)
        told.add("settings", repr(company.settings) + str(company.settings))
        instance.dispose()
        captured = capfd.readouterr()
        told.add("output", captured.out + captured.err)
        told.add("log", caplog.text)
        assert "/v3/company" in caplog.text and "refuses the log-in" in str(told.texts)
        assert leaks(company, told, folder) == []


def plan_and_apply(company: SmallCompany, told: Told, instance: dg.DagsterInstance) -> None:
    """A plan in every form, and an apply in which each system refuses, echoes and forgets."""
    company.judge(MARTS)
    for form in ("text", "markdown", "json", "html"):
        assert told.command("plan", "--format", form).exit_code == 0
    company.fault("expire_token", "composite")
    company.fault("expire_token", "/v3/company")
    echo(company, 400, "/v3/company", skip=1)
    echo(company, 400, "composite", skip=1)
    approved = {"config": {"approved_by": "Ada"}}
    materialize(told, instance, plan_asset, apply_asset, apply=approved)
    plan = company.plan()
    told.command("approve", plan.checksum, "--by", "Ada")
    assert told.command("apply", plan.checksum).exit_code in (0, 1)


def refused_log_ins(company: SmallCompany, told: Told) -> None:
    """Wrong secrets, and the token services echoing what they were sent."""
    echo(company, 400, "services/oauth2", times=None)
    echo(company, 500, "services/Soap", times=None)
    for login in ("client_credentials", "password"):
        for path in company.settings.token_dir.glob("*.json"):
            path.unlink()
        company.environment["CROSSFOOT_SALESFORCE_LOGIN"] = login
        os.environ["CROSSFOOT_SALESFORCE_LOGIN"] = login
        assert told.command("extract").exception
    os.environ.pop("CROSSFOOT_SALESFORCE_LOGIN")
    company.environment.pop("CROSSFOOT_SALESFORCE_LOGIN")
    with company.sandbox.kernel.lock:
        company.sandbox.kernel.faults.clear()


def report(told: Told, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report whose mail and message are both refused."""
    published = write_marts(folder / "published.duckdb")
    monkeypatch.setenv("CROSSFOOT_PUBLISHED_PATH", str(published))
    monkeypatch.setattr(steps, "record_run", lambda *_: None)
    assert told.command("report", "--send").exception


def extract(
    company: SmallCompany, told: Told, instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Dagster reads: the org refuses and echoes, the companies are read whole."""
    monkeypatch.setenv("CROSSFOOT_WAREHOUSE_PATH", str(company.folder / "read.duckdb"))
    salesforce, quickbooks = extract_assets(SettingsResource().read())
    echo(company, 400, "composite")
    assert not materialize(told, instance, salesforce)
    assert materialize(told, instance, quickbooks)
