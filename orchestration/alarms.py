"""What somebody has to know, gathered: mismatches that need an explanation, rows that were refused
or are owed, allowances that do not last, connections about to lapse.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from orchestration.budget.gather import Run, budget
from pipelines import warehouse
from pipelines.clients.tokens import LAPSES_WITHIN, token_file
from pipelines.settings import Settings
from reverse_etl import alerts, ledger
from reverse_etl.alerts import Alert, Told
from reverse_etl.opening import opened
from reverse_etl.syncs import registry

# No run of ours sends one plan for so long; what is open then was left behind.
LEFT_AFTER = timedelta(hours=1)
_MISMATCHES = """
    SELECT
        exception_id, mismatch_class, coalesce(owner, owner_role, '') AS owner, deal_name,
        value_at_stake, currency_code
    FROM reconciliation.exceptions
    WHERE needs_explanation AND is_material AND movement <> 'closed'
"""

_CHASED = """
    SELECT
        company_id, invoice_id, document_number, customer_name, balance, currency_code,
        days_overdue, step
    FROM intermediate.int_overdue__states
    WHERE state = 'chased' AND step IS NOT NULL
    ORDER BY company_id, balance DESC, invoice_id
"""


def look(settings: Settings) -> tuple[Told, ...]:
    """Tell everybody what is new of all that has to be known."""
    return alerts.send(settings, list(found(settings, datetime.now(UTC))))


def found(settings: Settings, now: datetime) -> Iterator[Alert]:
    """All that has to be known now, told or not."""
    if warehouse.exists(settings.published_path):
        yield from mismatches(settings)
        if settings.overdue_alert:
            yield from overdue(settings)
    yield from unfinished(settings, now)
    yield from allowances(settings, now)
    yield from connections(settings, now)


def mismatches(settings: Settings) -> Iterator[Alert]:
    """Material mismatches that nobody has explained, by class and owner."""
    for row in warehouse.read(settings.published_path, _MISMATCHES):
        yield Alert(
            kind=row["mismatch_class"],
            key=row["exception_id"],
            owner=row["owner"],
            sentence=f"{row['deal_name'] or row['exception_id']}: "
            f"{row['value_at_stake']:,.2f} {row['currency_code']}",
            next_step="`crossfoot exceptions list` shows them; say what each is about.",
            amount=row["value_at_stake"],
            currency=row["currency_code"],
        )


def overdue(settings: Settings) -> Iterator[Alert]:
    """Invoices that are chased, once for each step of their escalation; disputed, promised and
    settled ones never."""
    if "int_overdue__states" not in warehouse.tables(settings.published_path, "intermediate"):
        return
    for row in warehouse.read(settings.published_path, _CHASED):
        days, balance = row["days_overdue"], f"{row['balance']:,.2f} {row['currency_code']}"
        yield Alert(
            kind="overdue",
            key=f"{row['company_id']} {row['invoice_id']} {row['step']}",
            owner="",
            sentence=f"Invoice {row['document_number'] or row['invoice_id']} of "
            f"{row['customer_name']}: {balance}, {days} days overdue",
            next_step="The account's owner has a task; what is said on it in Salesforce counts.",
            amount=row["balance"],
            currency=row["currency_code"],
            pressing=False,
        )


def unfinished(settings: Settings, now: datetime) -> Iterator[Alert]:
    """Writes that were refused, and such of which nobody knows whether they were made: their answer
    was lost, or what sent them ended on the way."""
    with opened(settings) as state:
        entries = ledger.snapshot(state, registry.NAMES)
    for one in entries:
        left = one.status == "open" and now - one.last_tried_at > LEFT_AFTER
        if one.status in ("refused", "unknown") or left:
            yield Alert(
                kind="write left open" if left else f"write {one.status}",
                key=f"{one.change_key} {one.code}",
                owner="",
                sentence=f"{one.title}: {one.vendor_message or 'no answer came'}",
                next_step="`crossfoot plan` says what each waits for.",
                amount=one.amount,
                currency=one.currency_code or "",
            )


def allowances(settings: Settings, now: datetime) -> Iterator[Alert]:
    """Allowances that do not suffice for the next run, or not to the end of their window."""
    with opened(settings) as state:
        planned = budget(settings, state, now, Run())
    for one in planned.pools:
        if not (one.fits and one.lasts):
            when = "the next run" if not one.fits else f"the {one.pool.window}"
            yield Alert(
                kind="budget",
                key=f"{one.pool.system} {one.pool.source or ''} {when} {now:%Y-%m}",
                owner="",
                sentence=f"{one.pool.system}: {one.pool.left:,} {one.pool.what} are left, which do "
                f"not suffice for {when}.",
                next_step="`crossfoot budget` says what would be cheaper.",
            )


def connections(settings: Settings, now: datetime) -> Iterator[Alert]:
    """Companies whose connection lapses soon unless a person connects again."""
    for company in settings.quickbooks.companies:
        kept = token_file(settings, f"quickbooks-{company.realm_id}").load()
        until = kept.refresh_until if kept else None
        if until is not None and until - now < LAPSES_WITHIN:
            yield Alert(
                kind="connection",
                key=f"quickbooks {company.realm_id} {until:%Y-%m-%d}",
                owner="",
                sentence=f"{company.name} in QuickBooks can be read and written until "
                f"{until:%Y-%m-%d %H:%M} UTC.",
                next_step="Connect it anew: `crossfoot connect quickbooks`.",
            )
