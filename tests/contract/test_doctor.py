"""`crossfoot doctor`: an installation with a score of faults hears of each, a sound one of none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import quickbooks_company as company
import salesforce_org
from both_systems import GB, QUICK, US, running_world, write_seed
from typer.testing import CliRunner

from orchestration import cli
from orchestration.doctor import machine, org
from orchestration.doctor.examination import examine
from orchestration.doctor.finding import Finding
from orchestration.doctor.mapping import read_mapping
from pipelines import mapping
from pipelines.clients.quickbooks import quickbooks_client
from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.salesforce_components import OrgComponents
from pipelines.settings import ROOT, Settings, load_settings
from reverse_etl.furnishing import books, furnishing, planning
from reverse_etl.furnishing.wanted import wanted_fields

SEEDS = {
    "company_routing": "priority,currency_code,company_id\n1,USD,{us}\n2,GBP,{gb}\n3,EUR,{gb}\n",
    "terms": "salesforce_terms,company_id,term_name\nNet 30,{us},Net 30\nNet 30,{gb},Net 30\n",
    "tax_codes": "company_id,currency_code,is_customer_taxable,tax_code_id\n"
    "{us},USD,true,TAX\n{us},USD,false,NON\n{gb},GBP,true,20\n",
    "item_rules": "priority,company_id,family,code_pattern,item_type,income_account_name,"
    "is_taxable\n10,{us},,,Service,Services,false\n",
}


# Every misconfiguration that is planted below, as it has to be told.
PLANTED = {
    "machine.disk": "GB free",
    "machine.private state.sqlite": "others may read it (mode 0644)",
    "machine.schedules reading Salesforce": "last read 2026-01-01",
    "rules.go_live go-live": "2099-01-01, which is still to come",
    "rules.policy invoices": "a second person is needed and only ann may approve",
    "rules.policy customers": "within no limits",
    "rules.policy overdue": "shadow: nothing is sent",
    "rules.routing company 9341450000000009": "it is not configured",
    "rules.routing Test Ltd": "no deal is billed in this company",
    "rules.budget Salesforce": "calls of 2 left",
    "rules.mail 127.0.0.1": "no answer",
    "rules.slack Slack": "no connection could be made",
    "salesforce.fields Opportunity.QBO_Invoice_Id__c": "no such field",
    "salesforce.currencies JPY": "no company to be billed in",
    "salesforce.clock Test org": "differ by",
    "quickbooks.clock Test Inc": "differ by",
    "quickbooks.currencies Test Inc": "multi-currency is off",
    "quickbooks.numbers Test Inc": "custom transaction numbers are on",
    "quickbooks.closing Test Inc": "closed until 2099-12-31",
    "quickbooks.tax Test Inc": "sales tax is not set up",
    "quickbooks.tax Test Ltd": "no tax code is mapped",
    "quickbooks.tax_codes Test Inc": "the tax code EXEMPT",
    "quickbooks.terms Test Inc": "the term Net 45",
    "quickbooks.accounts Test Inc": "the income account Sales of Sand",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.clients.quickbooks.Patience", lambda **_: QUICK)
    monkeypatch.setattr("pipelines.clients.salesforce.Patience", lambda **_: QUICK)


def seeds(folder: Path, **changed: str) -> Path:
    """A project folder whose mapping fits the small companies, but for what is changed."""
    target = folder / "dbt" / "seeds"
    shutil.copytree(ROOT / "dbt_project" / "seeds", target)
    for name, text in {**SEEDS, **changed}.items():
        (target / f"{name}.csv").write_text(text.format(us=US, gb=GB))
    return target.parent


def preferences(realm: str, **changed: Any) -> dict[str, Any]:
    (held,) = company.RECORDS[realm]["Preferences"]
    return {**held, **{part: {**held[part], **more} for part, more in changed.items()}}


@contextmanager
def served(
    folder: Path,
    env: Mapping[str, str],
    salesforce: Mapping[str, Any] | None = None,
    quickbooks: Mapping[str, Any] | None = None,
) -> Iterator[tuple[Settings, Any]]:
    with running_world(write_seed(folder / "seed", salesforce, quickbooks), folder / "d") as world:
        world.settings.check()
        given = {"CROSSFOOT_DATA_DIR": str(world.folder), "CROSSFOOT_TIMEOUT_SECONDS": "3", **env}
        yield load_settings(given), world


def verdicts(findings: list[Finding], verdict: str) -> dict[str, str]:
    return {f"{f.code} {f.subject}": f.told for f in findings if f.verdict == verdict}


def test_a_sound_installation_is_told_that_it_is(tmp_path: Path) -> None:
    with served(tmp_path, {"CROSSFOOT_DBT_DIR": str(seeds(tmp_path))}) as (settings, world):
        world.sandbox.kernel.clock.set(datetime.now(UTC))
        org_ = OrgComponents(SalesforceClient(settings.salesforce, patience=QUICK))
        wanted, user = wanted_fields(told=False), org_.own_user()
        # What stands there in another form is taken away by hand, as the plan says.
        in_the_way = planning.for_people(
            planning.steps(wanted, furnishing.look(org_, wanted, user))
        )
        for held in org_.fields([step.name for step in in_the_way]):
            org_.remove_field(held.id)
        plan = planning.steps(wanted, furnishing.look(org_, wanted, user))
        furnishing.do(org_, plan, wanted, user, lambda _: None)
        found = list(examine(settings))
    assert verdicts(found, "bad") == {}
    assert set(verdicts(found, "look")) == {
        "machine.schedules reading Salesforce", "machine.schedules reading QuickBooks",
        "rules.delivery delivery",
    }  # fmt: skip
    assert all(f.next_step for f in found if f.verdict != "good")


def test_each_of_a_score_of_faults_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[invoices]\nmode = "approve"\napprovers = ["ann"]\nsecond_person = true\n'
                      '[customers]\nmode = "automatic"\n[overdue]\nmode = "shadow"\n')  # fmt: skip
    project = seeds(
        tmp_path,
        company_routing="priority,currency_code,company_id\n1,USD,{us}\n2,EUR,{us}\n"
        "3,GBP,9341450000000009\n",
        terms="salesforce_terms,company_id,term_name\nNet 45,{us},Net 45\n",
        tax_codes="company_id,currency_code,is_customer_taxable,tax_code_id\n{us},USD,true,TAX\n"
        "{us},USD,false,EXEMPT\n",
        item_rules="priority,company_id,family,code_pattern,item_type,income_account_name,"
        "is_taxable\n10,{us},,,Service,Sales of Sand,false\n",
    )
    env = {
        "CROSSFOOT_DBT_DIR": str(project),
        "CROSSFOOT_POLICY": str(policy),
        "CROSSFOOT_GO_LIVE_ON": "2099-01-01",
        "CROSSFOOT_SALESFORCE_CALLS_A_DAY": "8",
        "CROSSFOOT_SMTP_HOST": "127.0.0.1", "CROSSFOOT_SMTP_PORT": "9",
        "CROSSFOOT_SMTP_SECURITY": "none",
        "CROSSFOOT_REPORT_FROM": "a@b.example", "CROSSFOOT_REPORT_TO": "c@b.example",
        "CROSSFOOT_SLACK_WEBHOOK": "http://127.0.0.1:9/services/T0/B0/s3cret",
    }  # fmt: skip
    closed = {"BookCloseDate": "2099-12-31"}
    kept_badly = preferences(
        US, AccountingInfoPrefs=closed, SalesFormsPrefs={"CustomTxnNumbers": True},
        TaxPrefs={"UsingSalesTax": False},
    )  # fmt: skip
    currencies = [
        *salesforce_org.RECORDS["CurrencyType"],
        {**salesforce_org.RECORDS["CurrencyType"][0], "Id": "01LHs0000000009MAA",
         "IsoCode": "JPY", "IsCorporate": False},
    ]  # fmt: skip
    with ExitStack() as running:
        settings, world = running.enter_context(
            served(tmp_path, env, {"CurrencyType": currencies}, {US: {"Preferences": [kept_badly]}})
        )
        with duckdb.connect(str(settings.warehouse_path)) as held:
            held.execute("CREATE SCHEMA raw_salesforce")
            held.execute(
                "CREATE TABLE raw_salesforce.extract_run AS SELECT 'x' AS source_id, "
                "'y' AS object, 'full' AS mode, 0 AS rows, "
                "TIMESTAMPTZ '2026-01-01 00:00+00' AS finished_at"
            )
        monkeypatch.setattr(machine, "_LEAST_FREE", 10**18)
        Path(settings.state_url.removeprefix("sqlite:///")).touch(mode=0o644)
        world.move_clock(2)
        found = list(examine(settings))
        set_up = made_in_books(settings)
    assert set_up == [["create term Net 45", "create account Sales of Sand"], []]
    faults = verdicts(found, "bad") | verdicts(found, "look")
    # Each by the finding that names it: who is at fault, and what of it.
    for subject, words in PLANTED.items():
        told = [text for key, text in faults.items() if f"{key} ".startswith(f"{subject} ")]
        assert len(told) == 1 and words in told[0], (subject, told)
    assert "s3cret" not in json.dumps(faults)
    assert all(f.next_step for f in found if f.verdict != "good")


def made_in_books(settings: Settings) -> list[list[str]]:
    """What `crossfoot setup quickbooks --apply` makes in the first company, twice over."""
    client = quickbooks_client(settings, US)
    tables = {n: t.rows for n, t in mapping.read_mapping(settings.dbt_dir / "seeds").tables.items()}
    made: list[list[str]] = []
    for _ in range(2):
        done: list[planning.Step] = []
        books.do(client, US, books.steps(US, tables, books.look(client)), done.append)
        made.append([f"{step.verb} {step.kind} {step.name}" for step in done])
    return made


def test_what_an_org_says_is_held_against_the_mapping() -> None:
    tables = read_mapping(ROOT / "dbt_project")
    now = datetime(2026, 11, 26, tzinfo=UTC)
    every = {name: {"queryable": True, "updateable": True, "createable": True, "fields": []}
             for name in org._READ}  # fmt: skip
    every["Product2"] = {**every["Product2"], "fields": [{"name": "Family"}]}
    tables = replace(tables, asked=(*tables.asked, ("deal", "Discount__c", "deal_discounts")))
    facts = org.OrgFacts(
        "Acme", True, {**every, "Task": {"queryable": True, "createable": False}},
        {"Closed Won": (True, True), "Signed": (True, True), "Prospecting": (True, True)},
        frozenset({"USD", "CHF"}), "USD", 5, 100, now + timedelta(minutes=3),
    )  # fmt: skip
    found = {f"{f.code} {f.subject}": f for f in org.judge(facts, tables, "live", now)}
    kept = [f for f in org.judge(replace(facts, has_invoices=True), tables, "live", now)
            if f.subject == "QBO_Invoice__c"]  # fmt: skip
    assert [f.told for f in kept] == ["the integration user does not see this object"]
    wrong = {key for key, f in found.items() if f.verdict != "good" and ".fields" not in key}
    assert wrong == {
        "salesforce.org Acme", "salesforce.mapped Opportunity.Discount__c",
        "salesforce.rights Task", "salesforce.stages stage Signed",
        "salesforce.stages stage Prospecting", "salesforce.currencies CHF",
        "salesforce.calls Acme", "salesforce.clock Acme",
    }  # fmt: skip


def test_a_log_in_that_is_refused_is_one_finding_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path, {"CROSSFOOT_DBT_DIR": str(seeds(tmp_path))}) as (settings, world):
        world.arm("refuse", "/oauth2/v1/tokens", times=None, system="quickbooks", status=400,
                  body={"error": "invalid_grant"})  # fmt: skip
        world.arm("refuse", "/services/oauth2/token", times=None, system="salesforce", status=400,
                  body={"error": "invalid_client", "error_description": "invalid"})  # fmt: skip
        monkeypatch.setattr("pipelines.settings._environment", lambda: {
            "CROSSFOOT_DATA_DIR": str(world.folder), "CROSSFOOT_DBT_DIR": str(settings.dbt_dir)
        })  # fmt: skip
        ended = CliRunner().invoke(cli.app, ["doctor", "--json"])
    assert ended.exit_code == 1, ended.output
    found = {f["subject"]: f for f in json.loads(ended.output) if f["code"].endswith(".login")}
    assert set(found) == {"Salesforce", "Test Inc", "Test Ltd"}
    assert {f["verdict"] for f in found.values()} == {"bad"}
