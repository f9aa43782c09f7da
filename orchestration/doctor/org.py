"""The org: who answers, what the integration user may do, and whether the org fits the mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from orchestration.doctor.finding import Finding, bad, failed, good, look
from orchestration.doctor.mapping import Mapping as Tables
from orchestration.doctor.skew import skew
from pipelines.clients.recording import Recorder
from pipelines.clients.salesforce import salesforce_client
from pipelines.clients.salesforce_replies import Part, PartReply
from pipelines.errors import CrossfootError, Refused
from pipelines.setting_salesforce import INVOICE_OBJECT
from pipelines.settings import SalesforceSettings, Settings
from reverse_etl.furnishing.wanted import RIGHTS, WantedField, wanted_fields

SYSTEM = "Salesforce"
# What is read of each, and what the flows do with it beside that.
_LINES = "OpportunityLineItem"
_READ = (*(right.object_name for right in RIGHTS), _LINES, "PricebookEntry", "Task")
_DONE = {
    "Account": "updateable", "Opportunity": "updateable", _LINES: "createable",
    "PricebookEntry": "updateable", "Task": "createable", INVOICE_OBJECT: "createable",
}  # fmt: skip
# What the mapping calls an object; users, whom it calls owner, are not described here.
_MAPPED = {
    "deal": "Opportunity", "account": "Account", "line": _LINES, "product": "Product2",
}  # fmt: skip
# Of every wanted field its type here as describe has it.
_TYPES = {
    "Text": {"string", "textarea"}, "Currency": {"currency"}, "Date": {"date"},
    "Checkbox": {"boolean"}, "Picklist": {"picklist", "string"}, "Number": {"double"},
    "Lookup": {"reference"},
}  # fmt: skip


@dataclass(frozen=True)
class OrgFacts:
    """What an org says of itself. Without `described` for an object the user does not see it."""

    name: str
    is_sandbox: bool
    described: Mapping[str, Mapping[str, Any]]
    stages: Mapping[str, tuple[bool, bool]]
    currencies: frozenset[str] | None
    corporate: str | None
    calls_left: int
    calls_allowed: int
    server_time: datetime | None = None
    problems: tuple[Finding, ...] = field(default=())
    # Whether a record of each invoice is to be kept in the org.
    has_invoices: bool = False

    @property
    def read(self) -> tuple[str, ...]:
        """The objects that have to be seen."""
        return (*_READ, *([INVOICE_OBJECT] if self.has_invoices else []))


def findings(
    settings: Settings, tables: Tables, record: Recorder, now: datetime
) -> Iterator[Finding]:
    """All of the org that is written to: three calls."""
    try:
        given = settings.salesforce
        facts = ask(settings, given, record)
    except CrossfootError as problem:
        yield failed("salesforce.login", SYSTEM, problem)
        return
    yield good("salesforce.login", facts.name, f"logged in by {given.login}, org {given.org_id}")
    yield from judge(facts, tables, settings.profile, now)


def ask(settings: Settings, given: SalesforceSettings, record: Recorder) -> OrgFacts:
    """What the checks need. Raises the errors of a log-in, and of an org that cannot be read."""
    client = salesforce_client(settings, record, given)
    names = (*_READ, *([INVOICE_OBJECT] if settings.invoice_object else []))
    with client.session.purpose("doctor"):
        described = {
            reply.reference: reply.body
            for reply in client.composite_parts(
                [Part(name, f"sobjects/{name}/describe") for name in names]
            )
            if reply.problem is None
        }
        own = client.composite_parts(
            [
                Part("org", _query("SELECT Name, IsSandbox FROM Organization")),
                Part("stages", _query(
                    "SELECT ApiName, IsWon, IsClosed FROM OpportunityStage WHERE IsActive = true"
                )),
                Part("currencies", _query(
                    "SELECT IsoCode, IsCorporate FROM CurrencyType WHERE IsActive = true"
                )),
            ]
        )  # fmt: skip
        daily = client.limits().get("DailyApiRequests") or {}
    rows = {reply.reference: _rows(reply) for reply in own}
    org = (rows["org"] or [{}])[0]
    currencies = rows["currencies"]
    return OrgFacts(
        name=str(org.get("Name") or given.name),
        is_sandbox=bool(org.get("IsSandbox")),
        described=described,
        stages={str(r["ApiName"]): (r["IsWon"], r["IsClosed"]) for r in rows["stages"] or ()},
        currencies=None if currencies is None else frozenset(r["IsoCode"] for r in currencies),
        corporate=next((r["IsoCode"] for r in currencies or () if r["IsCorporate"]), None),
        calls_left=int(daily.get("Remaining", 0)),
        calls_allowed=int(daily.get("Max", 0)),
        server_time=client.server_time,
        has_invoices=settings.invoice_object,
    )


def judge(facts: OrgFacts, tables: Tables, profile: str, now: datetime) -> Iterator[Finding]:
    """What is to be said of an org. Pure."""
    if facts.is_sandbox and profile == "live":
        yield look(
            "salesforce.org", facts.name, "this is a sandbox org",
            "Nothing, if that is meant: its deals are billed like those of a production org.",
        )  # fmt: skip
    yield from _rights(facts)
    yield from _fields(facts)
    yield from _mapped(facts, tables)
    yield from _stages(facts, tables)
    yield from _currencies(facts, tables)
    yield _calls(facts)
    yield from skew("salesforce.clock", facts.name, facts.server_time, now)


def _rights(facts: OrgFacts) -> Iterator[Finding]:
    code, step = "salesforce.rights", "Run `crossfoot setup salesforce`, or grant it in Setup."
    lacking = False
    for name in facts.read:
        described = facts.described.get(name)
        wanted = _DONE.get(name)
        if described is None or not described.get("queryable", True):
            lacking = True
            yield bad(code, name, "the integration user does not see this object", step)
        elif wanted and not described.get(wanted):
            lacking = True
            verb = "change" if wanted == "updateable" else "create"
            yield bad(code, name, f"the integration user may not {verb} it", step)
    if not lacking:
        yield good(code, facts.name, _seen(facts))


def _seen(facts: OrgFacts) -> str:
    written = sum(name in _DONE for name in facts.read)
    return f"{len(facts.read)} objects can be read, {written} written"


def _fields(facts: OrgFacts) -> Iterator[Finding]:
    code = "salesforce.fields"
    every = wanted_fields(told=False, invoices=facts.has_invoices)
    wanted = [one for one in every if one.object_name in facts.described]
    problems = [(one, told) for one in wanted if (told := _field_problem(one, facts))]
    for one, told in problems:
        yield bad(code, one.full_name, told, "Run `crossfoot setup salesforce`.")
    if wanted and not problems:
        yield good(code, facts.name, f"{len(wanted)} custom fields can be written")


def _field_problem(wanted: WantedField, facts: OrgFacts) -> str:
    described = facts.described[wanted.object_name]
    found = {f["name"].lower(): f for f in described.get("fields", ())}.get(wanted.name.lower())
    if found is None:
        return "there is no such field, or the integration user does not see it"
    if found["type"] not in _TYPES[str(wanted.metadata["type"])]:
        return f"it is of type {found['type']}, wanted is {wanted.metadata['type']}"
    if not found.get("updateable"):
        return "the integration user may not edit it"
    if wanted.metadata.get("externalId") and not found.get("externalId"):
        return "it is not an external id"
    if wanted.metadata.get("unique") and not found.get("unique"):
        return "it is not unique"
    return ""


def _mapped(facts: OrgFacts, tables: Tables) -> Iterator[Finding]:
    """A field that the mapping asks for and nobody can read keeps back what asks for it."""
    code, problems = "salesforce.mapped", 0
    for kind, name, table in tables.asked:
        described = facts.described.get(_MAPPED.get(kind, ""))
        known = {str(f["name"]).lower() for f in (described or {}).get("fields", ())}
        if described is not None and name.lower() not in known:
            problems += 1
            yield bad(
                code, f"{_MAPPED[kind]}.{name}",
                f"{table} asks for it; there is no such field, or the integration user does not "
                "see it, so that invoices which need it are blocked",
                "Correct the mapping, or let the integration user read the field in Setup.",
            )  # fmt: skip
    if tables.asked and not problems:
        told = f"the mapping asks for {len(tables.asked)} fields, each can be read"
        yield good(code, facts.name, told)


def _stages(facts: OrgFacts, tables: Tables) -> Iterator[Finding]:
    """A won stage that the mapping does not know is a deal that nobody bills."""
    code, step = "salesforce.stages", "Add or correct it in dbt_project/seeds/stages.csv."
    known = {r["stage_name"]: (r["is_won"], r["is_closed"])
             for r in tables.stages}  # fmt: skip
    problems = 0
    for name, kind in sorted(facts.stages.items()):
        if name not in known:
            problems += 1
            say = bad if kind[0] else look
            told = "stages.csv does not know it" + (", and it counts as won" if kind[0] else "")
            yield say(code, f"stage {name}", told, step)
        elif known[name] != kind:
            problems += 1
            yield bad(code, f"stage {name}", "won or closed is said otherwise in stages.csv", step)
    if not problems:
        yield good(code, facts.name, f"all {len(facts.stages)} stages are mapped")


def _currencies(facts: OrgFacts, tables: Tables) -> Iterator[Finding]:
    """A currency without a company is a deal that is blocked."""
    code = "salesforce.currencies"
    if facts.currencies is None:
        yield good(code, facts.name, "one currency")
        return
    homeless = sorted(facts.currencies - tables.currencies())
    for currency in homeless:
        yield look(
            code, currency, "deals in it have no company to be billed in and will be blocked",
            "Add it to dbt_project/seeds/company_routing.csv, or retire it in Salesforce.",
        )  # fmt: skip
    if not homeless:
        yield good(code, facts.name, f"{len(facts.currencies)} currencies, each has its company")


def _calls(facts: OrgFacts) -> Finding:
    told = f"{facts.calls_left:,} of {facts.calls_allowed:,} calls of 24 hours are left"
    if facts.calls_left * 10 < facts.calls_allowed:
        step = "Find what else uses the org's calls (Setup, System Overview), or buy more."
        return look("salesforce.calls", facts.name, told, step)
    return good("salesforce.calls", facts.name, told)


def _query(soql: str) -> str:
    return f"query?{urlencode({'q': soql})}"


def _rows(reply: PartReply) -> list[Mapping[str, Any]] | None:
    """The records of a part; None where the object is not there, such as currencies of an org with
    one."""
    if reply.problem is None:
        return list(reply.body["records"])
    if isinstance(reply.problem, Refused):
        return None
    raise reply.problem
