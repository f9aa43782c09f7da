"""The companies: who answers, how the books are kept, and whether the mapping's names are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from orchestration.doctor.finding import Finding, bad, failed, good, look
from orchestration.doctor.mapping import Mapping as Tables
from orchestration.doctor.skew import skew
from pipelines.clients.quickbooks import quickbooks_client
from pipelines.clients.recording import Recorder
from pipelines.clients.tokens import LAPSES_WITHIN, token_file
from pipelines.errors import ConfigurationError, CrossfootError, StateCorrupt
from pipelines.settings import CompanySettings, Settings

_INCOME = "AccountType = 'Income'"


@dataclass(frozen=True)
class BooksFacts:
    """What a company says of itself. Names of terms, codes and accounts are those in use."""

    name: str
    country: str
    preferences: Mapping[str, Any]
    terms: frozenset[str]
    tax_codes: frozenset[str]
    income_accounts: frozenset[str]
    server_time: datetime | None = None
    token_until: datetime | None = None


def findings(
    settings: Settings, tables: Tables, record: Recorder, now: datetime
) -> Iterator[Finding]:
    """All of every company: five metered reads of each."""
    try:
        companies = settings.quickbooks.companies
    except ConfigurationError as problem:
        yield failed("quickbooks.login", "QuickBooks", problem)
        return
    for company in companies:
        try:
            facts = ask(settings, company, record)
        except CrossfootError as problem:
            yield failed("quickbooks.login", company.name, problem)
            continue
        yield good("quickbooks.login", company.name, f"logged in, company {company.realm_id}")
        yield from judge(facts, company, tables, settings.go_live_on, now)


def ask(settings: Settings, company: CompanySettings, record: Recorder) -> BooksFacts:
    """What the checks need. Raises the errors of the log-in and of reading."""
    client = quickbooks_client(settings, company.realm_id, record)
    with client.session.purpose("doctor"):
        (info,) = client.query("CompanyInfo")
        (preferences,) = client.query("Preferences")
        terms = client.query("Term", "Active = true")
        codes = client.query("TaxCode", "Active = true")
        accounts = client.query("Account", f"{_INCOME} AND Active = true")
    return BooksFacts(
        name=str(info.get("CompanyName", "")),
        country=str(info.get("Country", "")),
        preferences=preferences,
        terms=frozenset(str(t["Name"]) for t in terms),
        tax_codes=frozenset(str(c["Id"]) for c in codes),
        income_accounts=frozenset(str(a["Name"]) for a in accounts),
        server_time=client.server_time,
        token_until=_token_until(settings, company.realm_id),
    )


def _token_until(settings: Settings, realm_id: str) -> datetime | None:
    try:
        kept = token_file(settings, f"quickbooks-{realm_id}").load()
    except StateCorrupt:
        return None
    return kept.refresh_until if kept else None


def judge(
    facts: BooksFacts,
    company: CompanySettings,
    tables: Tables,
    go_live_on: date | None,
    now: datetime,
) -> Iterator[Finding]:
    """What is to be said of a company. Pure."""
    name = company.name
    yield _identity(facts, company)
    yield _token(facts, name, now)
    yield _currency(facts, company, tables)
    yield _numbers(facts, name)
    yield _closing(facts, name, go_live_on, now)
    yield _tax(facts, company, tables)
    yield from _named(
        "quickbooks.tax_codes", name, "tax code", facts.tax_codes, "tax_codes.csv",
        (r["tax_code_id"] for r in tables.of(tables.tax_codes, company.realm_id)),
    )  # fmt: skip
    yield from _named(
        "quickbooks.terms", name, "term", facts.terms, "terms.csv",
        (r["term_name"] for r in tables.of(tables.terms, company.realm_id)),
    )  # fmt: skip
    yield from _named(
        "quickbooks.accounts", name, "income account", facts.income_accounts, "item_rules.csv",
        (r["income_account_name"] for r in tables.of(tables.item_rules, company.realm_id)),
    )  # fmt: skip
    yield from skew("quickbooks.clock", name, facts.server_time, now)


def _identity(facts: BooksFacts, company: CompanySettings) -> Finding:
    code = "quickbooks.company"
    named = company.name != company.realm_id
    if named and facts.name.casefold() != company.name.casefold():
        told = f"company {company.realm_id} calls itself {facts.name}"
        step = "Compare it with CROSSFOOT_QUICKBOOKS_COMPANIES: is the realm id the right one?"
        return look(code, company.name, told, step)
    return good(code, company.name, f"company {company.realm_id}, {facts.country}")


def _token(facts: BooksFacts, name: str, now: datetime) -> Finding:
    code = "quickbooks.token"
    if facts.token_until is None:
        return good(code, name, "the vendor does not say how long the connection holds")
    told = f"the connection holds until {facts.token_until:%Y-%m-%d}"
    if facts.token_until - now < LAPSES_WITHIN:
        return look(code, name, told, "Connect the company again before that day.")
    return good(code, name, told)


def _currency(facts: BooksFacts, company: CompanySettings, tables: Tables) -> Finding:
    code = "quickbooks.currencies"
    given = facts.preferences.get("CurrencyPrefs") or {}
    home = str((given.get("HomeCurrency") or {}).get("value", ""))
    foreign = sorted(tables.currencies(company.realm_id) - {home})
    if foreign and not given.get("MultiCurrencyEnabled"):
        told = f"{', '.join(foreign)} are to be billed here and multi-currency is off"
        step = "Switch it on in QuickBooks (it cannot be undone), or correct company_routing.csv."
        return bad(code, company.name, told, step)
    more = f", and {', '.join(foreign)}" if foreign else ""
    return good(code, company.name, f"billed in {home}{more}")


def _numbers(facts: BooksFacts, name: str) -> Finding:
    code = "quickbooks.numbers"
    if (facts.preferences.get("SalesFormsPrefs") or {}).get("CustomTxnNumbers"):
        return look(
            code, name, "custom transaction numbers are on: QuickBooks gives invoices no number",
            "Switch them off in Account and settings, Sales, unless Crossfoot gives the numbers.",
        )  # fmt: skip
    return good(code, name, "QuickBooks numbers the invoices")


def _closing(facts: BooksFacts, name: str, go_live_on: date | None, now: datetime) -> Finding:
    code = "quickbooks.closing"
    text = (facts.preferences.get("AccountingInfoPrefs") or {}).get("BookCloseDate")
    if not text:
        return good(code, name, "the books are not closed")
    closed = date.fromisoformat(str(text)[:10])
    if closed >= now.date():
        told = f"the books are closed until {closed}, so nothing can be invoiced today"
        return bad(code, name, told, "Correct the closing date in QuickBooks.")
    if go_live_on is not None and closed >= go_live_on:
        told = f"the books are closed until {closed}; deals from {go_live_on} on are to be billed"
        return look(code, name, told, "Deals in between are blocked: bill them by hand.")
    return good(code, name, f"the books are closed until {closed}")


def _tax(facts: BooksFacts, company: CompanySettings, tables: Tables) -> Finding:
    code = "quickbooks.tax"
    taxes = bool((facts.preferences.get("TaxPrefs") or {}).get("UsingSalesTax"))
    mapped = tables.of(tables.tax_codes, company.realm_id)
    if not mapped:
        step = "Say the codes of taxable and exempt customers in dbt_project/seeds/tax_codes.csv."
        return bad(code, company.name, "no tax code is mapped", step)
    if not taxes and any(r["tax_code_id"] == "TAX" for r in mapped):
        step = "Set sales tax up in QuickBooks (Taxes, Sales tax), or map NON."
        return bad(code, company.name, "taxable codes are mapped and sales tax is not set up", step)
    return good(code, company.name, "sales tax is on" if taxes else "sales tax is off")


def _named(
    code: str, name: str, what: str, held: frozenset[str], table: str, wanted: Iterable[str]
) -> Iterator[Finding]:
    """Each name of a mapping has to be there, and in use."""
    names = sorted(set(wanted))
    lacking = [one for one in names if one not in held]
    for one in lacking:
        told = f"{table} names the {what} {one}, which is not there or not in use"
        step = f"Make it in QuickBooks, or correct dbt_project/seeds/{table}."
        yield bad(code, name, told, step)
    if not lacking:
        yield good(code, name, f"{len(names)} {what}s of {table} are there")
