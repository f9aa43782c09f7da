"""Asks the vendors, in one cheap call each, whether anything has changed that was not read yet.

Salesforce is asked for won deals that changed since ten minutes before the newest one known: a
commit becomes visible late, with an earlier stamp. QuickBooks is asked by change data capture since
the last reading; what the warehouse holds in that version has been read. One call of an org, one
metered read of a company.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines import warehouse
from pipelines.clients.quickbooks import CDC_LIMIT, Changed, quickbooks_client
from pipelines.clients.recording import Recorder
from pipelines.clients.salesforce import salesforce_client
from pipelines.settings import Settings
from reverse_etl import ledger
from reverse_etl.opening import opened

# As long as the readings themselves look back.
OVERLAP = timedelta(minutes=10)
# Two clocks of one vendor may differ by so much.
SLACK = timedelta(seconds=30)
# What a company's invoices depend on, or settles them; lists that a person keeps are read by the
# scheduled runs.
_ENTITIES = ("Customer", "Item", "Invoice", "Estimate", "Payment", "CreditMemo", "SalesReceipt")
_TABLES = {
    "Customer": "customer", "Item": "item", "Invoice": "invoice", "Estimate": "estimate",
    "Payment": "payment", "CreditMemo": "credit_memo", "SalesReceipt": "sales_receipt",
}  # fmt: skip
Version = tuple[str, str]
# The version of a record that nobody has changed since it was made.
_MADE = "0"


@dataclass
class WonDeals:
    """Which versions of won deals are known: those that one of our readings has brought."""

    known: set[Version] = field(default_factory=set)
    newest: str = ""

    def unread(self, settings: Settings, record: Recorder) -> tuple[Version, ...]:
        """Won deals that changed and were not read yet, by one call. Raises the clients' errors."""
        client = salesforce_client(settings, record)
        found = [
            (str(deal["Id"]), str(deal["SystemModstamp"]))
            for deal in client.query_all(won_since(self.newest))
        ]
        return tuple(one for one in found if one not in self.known)

    def read(self, path: Path) -> None:
        """Take note of what the warehouse holds now. Raises like `warehouse.read`."""
        rows = warehouse.read(
            path,
            "SELECT id, system_modstamp FROM raw_salesforce.opportunity WHERE is_won AND "
            "system_modstamp >= (SELECT max(system_modstamp) FROM raw_salesforce.opportunity "
            "WHERE is_won) - to_minutes(?)",
            [int(2 * OVERLAP.total_seconds() // 60)],
        )
        self.known = {(row["id"], salesforce_text(row["system_modstamp"])) for row in rows}
        self.newest = max((stamp for _, stamp in self.known), default="")


def won_since(newest: str) -> str:
    """The question for won deals; without a known one only the latest is asked for."""
    select = "SELECT Id, SystemModstamp FROM Opportunity WHERE IsWon = true"
    if not newest:
        return f"{select} ORDER BY SystemModstamp DESC LIMIT 1"
    since = datetime.fromisoformat(newest) - OVERLAP
    return f"{select} AND SystemModstamp > {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def salesforce_text(moment: datetime) -> str:
    """A moment as Salesforce writes it: `2026-11-20T17:00:00.000+0000`."""
    at = moment.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def changed_companies(settings: Settings, record: Recorder) -> tuple[str, ...]:
    """The companies in which something has changed that neither the warehouse holds nor the ledger
    says that we made, by one metered read of each. Raises the clients' errors and like
    `warehouse.read`."""
    path = settings.warehouse_path
    changed = []
    for company in settings.quickbooks.companies:
        since = _read_at(path, company.realm_id)
        if since is None:
            changed.append(company.realm_id)
            continue
        told = quickbooks_client(settings, company.realm_id, record).cdc(_ENTITIES, since - SLACK)
        if told.objects >= CDC_LIMIT or not _is_known(settings, company.realm_id, told):
            changed.append(company.realm_id)
    return tuple(changed)


def _read_at(path: Path, realm_id: str) -> datetime | None:
    """The vendor's time of the company's last reading; None when it was never read."""
    (found,) = warehouse.read(
        path,
        "SELECT max(server_time) AS at FROM raw_quickbooks.extract_run WHERE source_id = ? "
        "AND mode = 'cdc'",
        [realm_id],
    )
    return found["at"]


def _is_known(settings: Settings, realm_id: str, told: Changed) -> bool:
    """Is every record that is told held in that version, or as the ledger says that we have made
    it, and is it known what is gone?"""
    path = settings.warehouse_path
    news = [
        (entity, record)
        for entity, version in _told(told).items()
        for record in version.items() - _versions(path, realm_id, entity).items()
    ]
    gone = {(entity, str(r["Id"])) for entity, records in told.deleted.items() for r in records}
    if not gone <= _gone(path, realm_id) or any(token != _MADE for _, (_, token) in news):
        return False
    with opened(settings) as state:
        made = ledger.made(state, realm_id, [key for _, (key, _) in news])
    return {(entity, key) for entity, (key, _) in news} <= made


def _told(told: Changed) -> dict[str, dict[str, str]]:
    """The living records that are told: by entity the version of each id."""
    return {
        entity: {str(r["Id"]): str(r["SyncToken"]) for r in records}
        for entity, records in told.living.items()
        if records
    }


def _versions(path: Path, realm_id: str, entity: str) -> dict[str, str]:
    table = warehouse.identifier(_TABLES[entity])
    rows = warehouse.read(
        path,
        f"SELECT id, CAST(sync_token AS VARCHAR) AS version FROM raw_quickbooks.{table} "  # noqa: S608
        "WHERE company_id = ?",
        [realm_id],
    )
    return {row["id"]: row["version"] for row in rows}


def _gone(path: Path, realm_id: str) -> set[tuple[str, str]]:
    sql = "SELECT entity, id FROM raw_quickbooks.deletion WHERE company_id = ?"
    return {(row["entity"], row["id"]) for row in warehouse.read(path, sql, [realm_id])}
