"""The tools that an assistant sees: typed, each with what it is for and what it never does."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from orchestration.gateway import acting, reading
from orchestration.gateway.gate import DATA_NOTE, Answer, Gate
from orchestration.gateway.reading import Kind
from orchestration.gateway.rules import Caller
from pipelines.errors import CrossfootError, Refused
from pipelines.questions import ask
from pipelines.settings import Settings
from reverse_etl import why

Who = Callable[[], Caller]
Company = Annotated[str | None, Field(description="A QuickBooks realm id; all, if not given.")]
Currency = Annotated[
    str | None, Field(description="An ISO code such as USD.", pattern=r"^[A-Z]{3}$")
]
Day = Annotated[
    date | None, Field(description="As of the end of this day; as of now, if not given.")
]
RecordId = Annotated[str, Field(min_length=1, max_length=80)]
Checksum = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
_READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_PLANS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_WRITES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)


class Records(BaseModel):
    """Rows that were found. Amounts are exact decimal text; their currency stands beside them."""

    about: str = Field(description="What the rows are.")
    note: str = Field(default=DATA_NOTE, description="How values have to be taken.")
    records: list[dict[str, Any]] = Field(description="One object a row.")
    is_cut: bool = Field(description="Whether there are more rows than are shown.")
    value: Any = Field(default=None, description="What is not a row, such as a plan's checksum.")


class Desk:
    """Brings together who calls, what is asked and the gate."""

    def __init__(self, settings: Settings, gate: Gate, who: Who) -> None:
        self.settings = settings
        self._gate = gate
        self._who = who

    def turned_away(self, tool: str, arguments: Mapping[str, Any], told: str) -> None:
        """Keep a call that got no further than its name or its arguments."""
        self._gate.turned_away(told, self._who(), tool, arguments)

    async def serve(
        self,
        tool: str,
        scope: str,
        about: str,
        arguments: Mapping[str, Any],
        work: Callable[[Caller], Answer],
    ) -> Records:
        """Run what a tool does, in a thread. Raises `ToolError` with a sentence for a refusal."""
        caller = self._who()
        asked = {name: value for name, value in arguments.items() if value is not None}
        try:
            rows, value, is_cut = await anyio.to_thread.run_sync(
                lambda: self._gate.run(caller, tool, scope, asked, lambda: work(caller))
            )
        except CrossfootError as problem:
            raise ToolError(str(problem)) from None
        return Records(about=about, records=rows, is_cut=is_cut, value=value)

    @property
    def rows(self) -> int:
        """The most rows of one answer."""
        return self._gate.rules.limits.rows

    @property
    def seconds(self) -> int:
        """The most that one query may take."""
        return self._gate.rules.limits.seconds


def _tool(
    server: MCPServer[Any], hints: ToolAnnotations
) -> Callable[[Callable[..., Awaitable[Records]]], None]:
    """Makes a function a tool, with its docstring, on one line, as what it is for."""

    def add(function: Callable[..., Awaitable[Records]]) -> None:
        said = " ".join((function.__doc__ or "").split())
        server.add_tool(function, description=said, annotations=hints)

    return add


def add_tools(server: MCPServer[Any], desk: Desk) -> None:
    """All tools, onto a server."""
    _add_reading(server, desk)
    _add_explaining(server, desk)
    _add_acting(server, desk)


def _add_reading(server: MCPServer[Any], desk: Desk) -> None:
    path = desk.settings.published_path

    @_tool(server, _READS)
    async def search_records(kind: Kind, text: Annotated[str, Field(max_length=200)]) -> Records:
        """Find accounts, customers, products, items, deals, invoices, payments or matches by name
        or number. Reads the published copy; never the two systems."""
        return await desk.serve(
            "search_records", "read", f"{kind}s whose name contains the text",
            {"kind": kind, "text": text},
            lambda caller: Answer(reading.search(path, kind, text, caller, desk.rows)),
        )  # fmt: skip

    @_tool(server, _READS)
    async def read_record(kind: Kind, record_id: RecordId) -> Records:
        """Everything that is held of one record, by its id (an invoice also by its number); a deal
        has a row for each step of its billing plan."""
        return await desk.serve(
            "read_record", "read", f"{kind} {record_id}", {"kind": kind, "record_id": record_id},
            lambda caller: Answer(reading.record(path, kind, record_id, caller, desk.rows)),
        )  # fmt: skip

    @_tool(server, _READS)
    async def list_mismatches(
        mismatch_class: Annotated[str | None, Field(max_length=60)] = None,
        company_id: Company = None,
        currency: Currency = None,
        deal_id: RecordId | None = None,
        day: Day = None,
    ) -> Records:
        """Where closed revenue and invoices disagree: class, both amounts, reason, what to do. The
        largest value at stake first. With a day, such as a week's last, as it stood then: class,
        value, age and whether it was material."""
        asked = {"mismatch_class": mismatch_class, "company_id": company_id,
                 "currency_code": currency, "deal_id": deal_id}  # fmt: skip
        return await desk.serve(
            "list_mismatches", "read", f"mismatches as of {day}" if day else "mismatches",
            asked | {"day": day},
            lambda caller: Answer(reading.mart(
                path, reading.MISMATCHED if day else "reconciliation.mismatches", caller,
                desk.rows, asked, "value_at_stake DESC, mismatch_id", day,
            )),
        )  # fmt: skip

    @_tool(server, _READS)
    async def read_bridge(
        period_kind: Literal["to_date", "year", "month", "week"] = "to_date",
        period: Annotated[
            str | None, Field(description="Such as 2026, 2026-09 or 2026-W40.", max_length=10)
        ] = None,
        company_id: Company = None,
        currency: Currency = None,
    ) -> Records:
        """From what was sold to what was invoiced, line by line, tying to 0.00, for any period."""
        asked = {"period_kind": period_kind, "period": period, "company_id": company_id,
                 "currency_code": currency}  # fmt: skip
        return await desk.serve(
            "read_bridge", "read", "lines of the bridge", asked,
            lambda caller: Answer(reading.mart(
                path, "reconciliation.reconciliation_bridge", caller, desk.rows, asked,
                "period_starts_on DESC, company_id, currency_code, line_number",
            )),
        )  # fmt: skip

    @_tool(server, _READS)
    async def read_ageing(
        company_id: Company = None, currency: Currency = None, day: Day = None
    ) -> Records:
        """What customers owe by how long it is overdue; with a day, what they owed at its end."""
        asked = {"company_id": company_id, "currency_code": currency}
        told = f"receivables by age as of {day}" if day else "receivables by age"
        return await desk.serve(
            "read_ageing", "read", told, asked | {"day": day},
            lambda caller: Answer(
                reading.ageing(path, day, caller, company_id, currency) if day
                else reading.mart(
                    path, "reconciliation.ar_ageing", caller, desk.rows, asked,
                    "company_id, currency_code, bucket_number",
                )
            ),
        )  # fmt: skip

    @_tool(server, _READS)
    async def read_kpis(
        day: Annotated[date, Field(description="As of this day, such as 2026-09-30.")],
    ) -> Records:
        """Leakage, match rates, time to invoice, DSO, unapplied cash and the rest as of any day, by
        company and currency."""
        return await desk.serve(
            "read_kpis", "read", f"key figures as of {day}", {"day": day},
            lambda caller: Answer(reading.kpis(path, day, caller)),
        )  # fmt: skip

    @_tool(server, _READS)
    async def read_review_queue(
        subject: Literal["customer", "product", "invoice"] | None = None,
        company_id: Company = None,
    ) -> Records:
        """Proposed matches that wait for a person, with their reasons and what being wrong costs.
        Deciding them is for people: `crossfoot match confirm` or `reject`."""
        asked = {"subject": subject, "company_id": company_id}
        return await desk.serve(
            "read_review_queue", "read", "proposals that wait for a person", asked,
            lambda caller: Answer(reading.mart(
                path, "reconciliation.review_queue", caller, desk.rows, asked, "queue_rank",
            )),
        )  # fmt: skip

    @_tool(server, _READS)
    async def read_freshness() -> Records:
        """Whether what is held of each source is fresh and whole. Figures of a source that is not
        concluded must not be relied upon."""
        return await desk.serve(
            "read_freshness", "read", "sources and their verdict", {},
            lambda _: Answer(reading.verdict(path)),
        )  # fmt: skip

    @_tool(server, _READS)
    async def query_marts(
        sql: Annotated[str, Field(min_length=1, max_length=20_000)],
    ) -> Records:
        """One SELECT in DuckDB's SQL over the schemas reconciliation, matched and sync. DESCRIBE
        works; nothing can be changed, no file and no other schema can be reached."""

        def work(caller: Caller) -> Answer:
            if caller.companies is not None:
                raise Refused(
                    "gateway", caller.name, "SQL sees every company, and this token some only",
                    "Use the other tools.", "SCOPE", "",
                )  # fmt: skip
            found = ask(path, sql, rows=desk.rows, seconds=desk.seconds,
                        personal="personal" in caller.scopes)  # fmt: skip
            return Answer(
                [dict(zip(found.columns, row, strict=True)) for row in found.rows],
                is_cut=found.is_cut,
            )

        return await desk.serve("query_marts", "sql", "the answer's rows", {"sql": sql}, work)


def _add_explaining(server: MCPServer[Any], desk: Desk) -> None:
    path = desk.settings.published_path

    @_tool(server, _READS)
    async def explain_amount(
        subject: Annotated[str, Field(
            min_length=1, max_length=200,
            description="A figure such as leakage or bridge U, a class, the id of a deal or an "
            "exception, an invoice's number, or an amount such as 12.34 EUR.",
        )],
        company_id: Company = None,
        currency: Currency = None,
    ) -> Records:  # fmt: skip
        """Why an amount is what it is: from the report's figure down to vendors' records, rules,
        decisions and what was written."""

        def work(caller: Caller) -> Answer:
            found = why.ask(path, subject, company_id, currency, 5)
            told = json.loads(why.answer_as_json(found))
            seen = caller.companies
            for part in ("chains", "hits"):
                told[part] = [
                    one for one in told[part] if seen is None or one["company_id"] in seen
                ]
            return Answer(value=told)

        asked = {"subject": subject, "company_id": company_id, "currency": currency}
        return await desk.serve("explain_amount", "explain", subject, asked, work)

    @_tool(server, _READS)
    async def explain_match(account_id: RecordId) -> Records:
        """Why an account is, or is not, linked to its customers: every ground with its weight in
        bits."""
        return await desk.serve(
            "explain_match", "explain", f"grounds of account {account_id}",
            {"account_id": account_id},
            lambda caller: Answer(reading.pair(path, account_id, caller, desk.rows)),
        )  # fmt: skip

    @_tool(server, _READS)
    async def explain_block(record_id: RecordId) -> Records:
        """Why nothing is written of a deal, an account, a product or an estimate."""
        return await desk.serve(
            "explain_block", "explain", f"what blocks {record_id}", {"record_id": record_id},
            lambda caller: Answer(reading.blocks(path, record_id, caller, desk.rows)),
        )  # fmt: skip


def _add_acting(server: MCPServer[Any], desk: Desk) -> None:
    @_tool(server, _PLANS)
    async def propose_plan(
        flows: Annotated[
            list[str], Field(max_length=20, description="Such as invoices; empty for all.")
        ],
    ) -> Records:
        """Make a plan of what would be written, with its checksum. Sends nothing: a person has to
        approve it."""
        return await desk.serve(
            "propose_plan", "propose", "changes of the plan", {"flows": flows},
            lambda caller: acting.propose(desk.settings, caller, flows),
        )  # fmt: skip

    @_tool(server, _PLANS)
    async def request_approval(
        checksum: Checksum, note: Annotated[str, Field(max_length=500)] = ""
    ) -> Records:
        """Ask people to look at a plan. Approving it is theirs: no tool can."""
        return await desk.serve(
            "request_approval", "propose", "the request", {"checksum": checksum, "note": note},
            lambda caller: acting.request(desk.settings, caller, checksum, note),
        )  # fmt: skip

    @_tool(server, _WRITES)
    async def apply_plan(checksum: Checksum) -> Records:
        """Apply a plan that a person has approved; refused for any other. Writes to QuickBooks and
        Salesforce. A second time it changes nothing."""
        return await desk.serve(
            "apply_plan", "apply", "outcomes", {"checksum": checksum},
            lambda caller: acting.apply(desk.settings, caller, checksum),
        )  # fmt: skip
