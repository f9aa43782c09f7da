"""The vendors' own counts and totals against what is held, without reading a row.

An org is asked for the count of every object that is held and for sums of money, five figures to a
call; a company for the count of every entity that changes are followed of, and for its report of
aged receivables, a read each. People work meanwhile: what happened since the last reading differs,
too, until it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any

import pyarrow as pa
from dlt.common.normalizers.naming.snake_case import NamingConvention

from pipelines import warehouse
from pipelines.clients.quickbooks import QuickBooksClient, quickbooks_client
from pipelines.clients.recording import Recorder
from pipelines.clients.salesforce import SalesforceClient, salesforce_client
from pipelines.errors import Stop
from pipelines.extract import controls
from pipelines.extract import quickbooks_receivables as receivables
from pipelines.extract.objects import salesforce_objects
from pipelines.extract.quickbooks_entities import (
    AGED_RECEIVABLES,
    CAPTURED,
    RECEIVABLES,
    condition,
)
from pipelines.extract.results import ROWS, VERIFY, ControlTotal
from pipelines.extract.salesforce_asking import ask, server_time
from pipelines.extract.salesforce_calls import QUERIES
from pipelines.extract.salesforce_controls import SUMS, control_parts
from pipelines.extract.salesforce_controls import controls as figures
from pipelines.extract.salesforce_objects import Shape, table_name
from pipelines.settings import Settings
from pipelines.warehouse import Connection, identifier

Columns = Mapping[str, frozenset[str]]
# What is left of a document, by member of the payload and sign; the rule is that of the model
# int_receivables__documents.
_OPEN = (("invoice", "Balance", 1), ("credit_memo", "RemainingCredit", -1),
         ("payment", "UnappliedAmt", -1))  # fmt: skip
_NUMBER = "DECIMAL(18,2)"


@dataclass(frozen=True)
class Place:
    """The raw tables of one system."""

    dataset: str
    naming: Any


def verified(settings: Settings, record: Recorder) -> tuple[ControlTotal, ...]:
    """Every figure of every org and company, beside what is held. `record` is told of each call.

    Raises `Stop` when nothing was read yet, and what the clients raise.
    """
    there = {schema: _columns(settings.warehouse_path, schema) for schema in _SCHEMAS}
    if not all(there.values()):
        raise Stop(
            "warehouse", str(settings.warehouse_path), "nothing was read yet",
            "Run `crossfoot extract` first.",
        )  # fmt: skip
    told: list[ControlTotal] = []
    for org in settings.salesforce_orgs:
        client = salesforce_client(settings, record, org)
        shapes = _shapes(salesforce_objects(settings), there[warehouse.RAW_SALESFORCE])
        told += _of_org(client, shapes)
    for company in settings.quickbooks.companies:
        held = _entities(there[warehouse.RAW_QUICKBOOKS])
        told += _of_company(quickbooks_client(settings, company.realm_id, record), held)
    with warehouse.reader(settings.warehouse_path) as connection:
        return tuple(_beside(connection, told))


def verify_calls(settings: Settings) -> dict[str, int]:
    """The calls that this takes at most, by org and company."""
    names = salesforce_objects(settings)
    sums = sum(name in SUMS for name in names)
    # With several currencies the org is asked which one its sums are in.
    of_org = ceil((len(names) + sums + 1) / QUERIES)
    of_company = len(CAPTURED) + 1
    return {
        **{org.org_id: of_org for org in settings.salesforce_orgs},
        **{company.realm_id: of_company for company in settings.quickbooks.companies},
    }


_SCHEMAS = (warehouse.RAW_SALESFORCE, warehouse.RAW_QUICKBOOKS)


def _columns(path: Path, schema: str) -> Columns:
    if not warehouse.exists(path):
        return {}
    rows = warehouse.read(
        path,
        "SELECT table_name, list(column_name) AS names FROM information_schema.columns"
        " WHERE table_schema = ? GROUP BY table_name",
        [schema],
    )
    return {row["table_name"]: frozenset(row["names"]) for row in rows}


def _shapes(objects: Iterable[str], there: Columns) -> list[Shape]:
    """The objects that are held, with those of their fields that a figure needs."""
    plain = NamingConvention().normalize_identifier
    return [
        Shape(
            name,
            pa.schema(
                pa.field(f, pa.string())
                for f in ("Id", "IsArchived", "CurrencyIsoCode", SUMS.get(name, "Id"))
                if plain(f) in there[table_name(name)]
            ),
        )
        for name in objects
        if table_name(name) in there
    ]


def _entities(there: Columns) -> list[str]:
    return [entity for entity in CAPTURED if table_name(entity) in there]


def _of_org(client: SalesforceClient, shapes: Sequence[Shape]) -> list[ControlTotal]:
    with client.session.purpose(VERIFY):
        replies = ask(client, control_parts(shapes))
    refused = [reply.problem for reply in replies.values() if reply.problem is not None]
    if refused:
        raise refused[0]
    at = server_time(client)
    return [t for shape in shapes for t in figures(replies, shape, client.org_id, at)]


def _of_company(client: QuickBooksClient, entities: Sequence[str]) -> list[ControlTotal]:
    company = client.realm_id
    with client.session.purpose(VERIFY):
        counts = client.counts({entity: condition(entity) for entity in entities})
        answer = client.report(RECEIVABLES, **receivables.ASKED)
    at = client.server_time
    assert at is not None  # every answer tells it, and one has come
    report = receivables.read(answer, company, at.date())
    counted = [
        ControlTotal("QuickBooks", company, entity, ROWS, Decimal(count), None, None, at)
        for entity, count in counts.items()
    ]
    return [*counted, receivables.control(report, company, at)]


def _beside(connection: Connection, told: Sequence[ControlTotal]) -> Iterable[ControlTotal]:
    """The figures with what the warehouse holds."""
    naming = NamingConvention()
    places = {
        "Salesforce": Place(warehouse.RAW_SALESFORCE, naming),
        "QuickBooks": Place(warehouse.RAW_QUICKBOOKS, naming),
    }
    for system, place in places.items():
        mine = [total for total in told if total.system == system]
        for total in controls.compared(connection, place, mine):
            owed = total.object == AGED_RECEIVABLES
            held = _owed(connection, total.source) if owed else total.held
            yield replace(total, held=held)


def _owed(connection: Connection, company: str) -> Decimal:
    """What customers owe, in the home currency, each document at its own rate to the cent."""
    each = " UNION ALL ".join(_open(*of) for of in _OPEN)
    sql = f"SELECT coalesce(sum(owed), 0) FROM ({each})"  # noqa: S608
    ((found,),) = connection.execute(sql, [company] * len(_OPEN)).fetchall()
    return Decimal(found)


def _open(table: str, member: str, sign: int) -> str:
    def part(path: str, kind: str) -> str:
        return f"CAST(json_extract_string(payload, '$.{path}') AS {kind})"

    rate = f"coalesce(nullif({part('ExchangeRate', 'DECIMAL(18,9)')}, 0), 1)"
    home = f"round({part(member, _NUMBER)} * {rate}, 2)"
    if table == "invoice":
        home = f"coalesce({part('HomeBalance', _NUMBER)}, {home})"
    entity = next(e for e in CAPTURED if table_name(e) == table)
    return (
        f"SELECT {sign} * coalesce({home}, 0) AS owed FROM raw_quickbooks.{identifier(table)}"  # noqa: S608
        " AS held WHERE company_id = ? AND NOT EXISTS (SELECT 1 FROM raw_quickbooks.deletion AS"
        f" gone WHERE gone.company_id = held.company_id AND gone.entity = '{entity}'"
        " AND gone.id = held.id"
        " AND gone.deleted_at >= coalesce(held.last_updated_at, gone.deleted_at))"
    )
