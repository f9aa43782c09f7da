"""Every amount of the report followed down to the vendors' records: nothing is left over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from built_company import Company

from pipelines import warehouse
from pipelines.errors import Stop
from reverse_etl.report import Report, build_report
from reverse_etl.report.value import Figures
from reverse_etl.why import Answer, answer_as_json, answer_lines, ask, figure_lines, figures
from reverse_etl.why.chain import figure_named

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
UK = "9341450000000002"

# The report's names of the key figures where they are not those of `why`.
NAMES = {
    "duplicate": "duplicates",
    "unapplied_payment": "unapplied_payments",
    "unapplied_credit": "unapplied_credits",
}


@pytest.fixture(scope="module")
def report(company: Company) -> Report:
    return build_report(company.path)


@pytest.fixture(scope="module")
def parts(company: Company) -> list[dict[str, Any]]:
    """Each part of each figure: its amount, what the facts behind it come to, and how many of these
    are vendor records with a version and a time of reading."""
    return company.rows(
        """
        select
            figure, company_id, currency_code, part_number,
            max(amount) filter (where place = 1) as amount,
            sum(counts) as total,
            count(*) filter (where system in ('salesforce', 'quickbooks')) as records,
            count(version) as versions,
            count(read_at) as readings,
            list(distinct object) filter (where system in ('salesforce', 'quickbooks')) as objects
        from reconciliation.why(null)
        where part_number > 0
        group by figure, company_id, currency_code, part_number
        """
    )


def summed(rows: list[dict[str, Any]], *by: str) -> dict[tuple[str, ...], Decimal]:
    sums: dict[tuple[str, ...], Decimal] = {}
    for row in rows:
        key = tuple(row[name] for name in by)
        sums[key] = sums.get(key, Decimal(0)) + row["total"]
    return sums


def amounts(report: Report) -> Iterator[tuple[str, str, Decimal]]:
    """Every amount that the report shows: figure, currency, amount."""
    for book in report.figures:
        for name in (field.name for field in fields(Figures) if field.name.endswith("_amount")):
            short = name.removesuffix("_amount")
            yield NAMES.get(short, short), book.currency, getattr(book, name)
    for bridge in report.bridges:
        for line in bridge.lines:
            yield f"bridge {line.code}", bridge.currency, line.amount
    for aged in report.ageing:
        for bucket in aged.buckets:
            yield f"ageing {bucket.days}", aged.currency, bucket.amount
    for week in report.leakage_by_week:
        money = week.amount
        yield f"leakage of the week of {week.week.first_on}", money.currency, money.amount
    for group in report.classes:
        for stake in group.totals:
            yield f"class {group.code}", stake.amount.currency, stake.amount.amount
    for covered in report.coverage:
        for state in covered.states:
            yield f"steps {state.state}", covered.currency, state.amount
    for stake in report.ready:
        yield "invoices ready", stake.amount.currency, stake.amount.amount
    for blocked in report.blocked:
        if blocked.amount:
            yield "invoices blocked", blocked.amount.currency, blocked.amount.amount
    for compared in report.comparisons:
        yield "receivables reported", compared.currency, compared.reported
        yield "receivables held", compared.currency, compared.held


def test_every_amount_of_the_report_is_the_sum_of_its_chain(
    report: Report, parts: list[dict[str, Any]]
) -> None:
    shown: dict[tuple[str, ...], Decimal] = {}
    for figure, currency, amount in amounts(report):
        shown[figure, currency] = shown.get((figure, currency), Decimal(0)) + amount
    chains = summed(parts, "figure", "currency_code")
    assert len(shown) > 200
    assert {key: chains.get(key, Decimal(0)) for key in shown} == shown


def test_every_figure_of_every_book_is_the_sum_of_its_chain(
    company: Company, parts: list[dict[str, Any]]
) -> None:
    rows = company.rows("select * from reconciliation.figures")
    stated = {(r["figure"], r["company_id"], r["currency_code"]): r["amount"] for r in rows}
    chains = summed(parts, "figure", "company_id", "currency_code")
    assert len(stated) == len(rows) > 300
    assert {key: chains.get(key, Decimal(0)) for key in stated} == stated
    assert chains.keys() <= stated.keys()


def test_every_amount_of_the_report_can_be_asked_about(report: Report, company: Company) -> None:
    known = {row["figure"] for row in figures(company.path)}
    assert {figure for figure, _, _ in amounts(report)} <= known


def test_every_part_is_the_sum_of_the_facts_behind_it(parts: list[dict[str, Any]]) -> None:
    """Deal lines make a deal, plan step less invoices what is missing, lines an invoice."""
    assert len(parts) > 1000
    assert [part for part in parts if part["amount"] != part["total"]] == []


def test_what_comes_from_the_vendors_says_which_version_and_when_it_was_read(
    parts: list[dict[str, Any]],
) -> None:
    assert sum(part["records"] for part in parts) > 10000
    assert [
        part for part in parts if not part["records"] == part["versions"] == part["readings"]
    ] == []
    assert {one for part in parts for one in part["objects"] or ()} == {
        "Account", "CreditMemo", "Customer", "Invoice", "Opportunity", "OpportunityLineItem",
        "Payment", "RefundReceipt",
    }  # fmt: skip


@pytest.fixture(scope="module")
def decided(company: Company, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy in which people have spoken about an under-billed invoice that we wrote; its id."""
    path = warehouse.publish(company.path, tmp_path_factory.mktemp("decided") / "copy.duckdb")
    (found,) = warehouse.read(
        path,
        "select * from reconciliation.mismatches where mismatch_class = 'UNDER_BILLED'"
        " order by mismatch_id limit 1",
    )
    step = [found["org_id"], f"{found['deal_id']}/{found['plan_step']}", found["company_id"]]
    with warehouse.writer(path) as connection:
        connection.execute(
            "insert into raw_state.match_decision (subject, org_id, left_id, company_id, right_id,"
            " decision, decided_by, decided_at, reason, number) values ('invoice', ?, ?, ?, ?,"
            " 'confirmed', 'ann', '2026-11-02 09:00+00', 'the customer said so', 7)",
            [*step, found["document_id"]],
        )
        connection.execute(
            "insert into raw_state.ledger (change_key, flow, company_id, record_id, plan_step,"
            " status, action, entity, remote_id, amount, currency_code, finished_at) values"
            " ('key-1', 'invoices', ?, ?, ?, 'done', 'create', 'Invoice', ?, 10, ?,"
            " '2026-11-01 08:00+00')",
            [
                found["company_id"], found["deal_id"], found["plan_step"], found["document_id"],
                found["currency_code"],
            ],
        )  # fmt: skip
        connection.execute(
            "insert into raw_state.exception_event (event_number, exception_id, event, decided_by,"
            " decided_at, root_cause, reason) values (3, ?, 'explain', 'bob',"
            " '2026-11-03 09:00+00', 'pricing error', 'old price list')",
            [found["mismatch_id"]],
        )
    return path, found["mismatch_id"]


def test_the_chain_of_an_exception_names_rule_dial_decision_and_what_we_wrote(
    decided: tuple[Path, str],
) -> None:
    path, mismatch = decided
    (chain,) = ask(path, mismatch[:8]).chains
    (part,) = chain.parts
    said = {fact.layer: fact.said for fact in part.facts}
    assert part.total == part.amount == chain.amount
    assert said["rule"] == "Plan On close, step 1: weight 1 of 1, 0 month(s) after the close"
    assert any(fact.said.startswith("tolerance_abs = 0.01") for fact in part.facts)
    words = [fact.said for fact in part.facts if fact.layer == "decision"]
    assert "explain by bob on 2026-11-03: old price list (root cause: pricing error)" in words
    assert any("confirmed by ann on 2026-11-02: the customer said so" in word for word in words)
    assert "done on 2026-11-01" in said["written by us"]
    lines = "\n".join(answer_lines(Answer(chains=(chain,))))
    assert re.search(r"-[\d,]+\.\d\d  invoice +Invoice .* \(QuickBooks Invoice \d+, version", lines)


def test_a_figure_is_asked_for_by_its_name_and_limited_to_its_largest_parts(
    company: Company,
) -> None:
    (chain,) = ask(company.path, "Leakage", "Brightwater Instruments L", "eur", parts=2).chains
    assert (chain.company_id, chain.currency) == (UK, "EUR")
    assert [part.number for part in chain.parts] == [1, 2]
    assert chain.parts[0].amount >= chain.parts[1].amount > 0
    assert chain.amount == chain.stated == chain.rest + sum(part.amount for part in chain.parts)
    told = list(answer_lines(Answer(chains=(chain,))))
    assert told[-1] == "The report says the same, to the cent."
    assert any(line.startswith("And others over") for line in told)


def test_figures_are_found_by_the_names_that_people_use(company: Company) -> None:
    known = figures(company.path)
    names = {
        "V_UNDER": "bridge V_UNDER",
        "under billed": "under_billed",
        "leakage_amount": "leakage",
        "cut_off": "class CUT_OFF",
        "bridge residual": "bridge RESIDUAL",
        "nothing of the kind": None,
    }
    assert {asked: figure_named(known, asked) for asked in names} == names


def test_a_rate_is_explained_by_the_figures_it_is_made_of(company: Company) -> None:
    answer = ask(company.path, "dso", UK, "EUR", parts=1)
    assert [chain.figure for chain in answer.chains] == ["receivable", "sales"]
    assert next(answer_lines(answer)).startswith("dso_days: Receivables ÷ sales")


def test_a_deal_a_document_and_an_amount_are_found(company: Company) -> None:
    (invoice,) = company.rows(
        "select * from matched.matched_invoices where method = 'custom_field' and"
        " match_state = 'confirmed' order by invoice_id limit 1"
    )
    (deal,) = ask(company.path, invoice["deal_id"]).chains
    assert any(f.record_id == invoice["invoice_id"] for p in deal.parts for f in p.facts)
    number = ask(company.path, f"invoice {invoice['document_number']}", invoice["company_id"])
    assert [f.record_id for f in number.chains[0].parts[0].facts if f.layer == "invoice"] == [
        invoice["invoice_id"]
    ]
    amount = ask(company.path, f"{deal.parts[0].amount:,} {deal.currency}")
    assert invoice["deal_id"] in {hit.name for hit in amount.hits}
    assert all(abs(hit.amount) == deal.parts[0].amount for hit in amount.hits)
    assert any(f"crossfoot why {invoice['deal_id']}" in line for line in answer_lines(amount))


def test_an_answer_is_json_with_exact_amounts(company: Company) -> None:
    answer = ask(company.path, "leakage", UK, "EUR", parts=1)
    (chain,) = json.loads(answer_as_json(answer))["chains"]
    assert Decimal(chain["amount"]) == answer.chains[0].amount
    assert chain["parts"][0]["facts"][0]["said"]


def test_what_is_not_there_is_refused_with_the_next_step(company: Company, tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"no figure, deal, .* lists the figures"):
        ask(company.path, "0.07 CHF")
    with pytest.raises(Stop, match=r"several companies begin so.* Say one of: .*Ltd"):
        ask(company.path, "leakage", "Brightwater")
    warehouse.replace_table(
        tmp_path / "old.duckdb", "reconciliation", "mismatches", {"a": "INT"}, []
    )
    with pytest.raises(Stop, match="by an older version"):
        figures(tmp_path / "old.duckdb")


def test_without_a_question_every_figure_is_listed(company: Company) -> None:
    lines = list(figure_lines(figures(company.path)))
    assert any(re.match(r"  leakage +40,073.86 EUR, .* GBP, .* USD$", line) for line in lines)


def test_each_dial_has_the_setting_that_is_used(company: Company) -> None:
    """A default is written where a variable is used; the list of dials must say the same."""
    dials: dict[str, Any] = {
        row["dial"]: row["setting"]
        for row in company.rows("select * from reconciliation.dials where currency_code is null")
    }
    project = (PROJECT / "dbt_project.yml").read_text(encoding="utf-8")
    told = dict(re.findall(r"^  (\w+): \"?([^\"\n]*?)\"?$", project, re.MULTILINE))
    used = re.compile(r"""var\(\s*['"](\w+)['"],\s*['"]?([^'")]*)['"]?\s*\)""")
    found = [
        (name, told.get(name, default))
        for folder in ("models", "macros")
        for path in sorted((PROJECT / folder).rglob("*.sql"))
        if path.stem != "dials"
        for name, default in used.findall(path.read_text(encoding="utf-8"))
        if name in dials
    ]
    assert len(found) > 10
    assert [pair for pair in found if dials[pair[0]] != pair[1]] == []
