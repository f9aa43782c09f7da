"""Tables of the state database and the steps that bring an older one up to date.

Instants and amounts are kept as text: SQLite has neither a time zone nor an exact decimal, and the
same text means the same on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    select,
)
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator

# "CFST": written into the SQLite file header, so that a foreign file is known as one.
APPLICATION_ID = 0x43465354


class Instant(TypeDecorator[datetime]):
    """An aware datetime as ISO text in UTC; sorts as time."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Exact(TypeDecorator[Decimal]):
    """A Decimal as text, digit for digit."""

    impl = String(60)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


metadata = MetaData()

schema_version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", Instant, nullable=False),
)

# Single values that outlive a run, such as what the warehouse knew when this state was born.
fact = Table(
    "fact",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("value", Text, nullable=False),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("change_key", String(200), primary_key=True),
    Column("base_key", String(200), nullable=False, index=True),
    Column("flow", String(40), nullable=False),
    Column("system", String(20), nullable=False),
    Column("company_id", String(40), nullable=False),
    Column("record_id", String(40), nullable=False),
    Column("plan_step", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("request_id", String(50), nullable=False, unique=True),
    Column("status", String(10), nullable=False, index=True),
    Column("action", String(10), nullable=False),
    Column("entity", String(40), nullable=False),
    Column("remote_id", String(40)),
    Column("title", Text, nullable=False),
    Column("amount", Exact),
    Column("currency_code", String(3)),
    Column("payload", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("plan_checksum", String(64), nullable=False),
    Column("look_since", Instant, nullable=False),
    Column("known_as_of", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("code", String(80), nullable=False),
    Column("vendor_message", Text, nullable=False),
    Column("intended_at", Instant, nullable=False),
    Column("last_tried_at", Instant, nullable=False),
    Column("finished_at", Instant),
)

ledger_event = Table(
    "ledger_event",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("change_key", String(200), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("event", String(20), nullable=False),
    Column("run", String(40), nullable=False),
    Column("remote_id", String(40)),
    Column("code", String(80), nullable=False),
    Column("message", Text, nullable=False),
    Column("payload", Text),
)

plan_store = Table(
    "plan_store",
    metadata,
    Column("checksum", String(64), primary_key=True),
    Column("plan_id", String(20), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("body", Text, nullable=False),
)

approval = Table(
    "approval",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("checksum", String(64), nullable=False, index=True),
    Column("who", String(200), nullable=False),
    Column("approved_at", Instant, nullable=False),
    Column("valid_until", Instant, nullable=False),
    Column("note", Text, nullable=False),
    Column("withdrawn_at", Instant),
    Column("withdrawn_by", String(200)),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("token", String(40), nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_start", String(40), nullable=False),
    Column("taken_at", Instant, nullable=False),
    Column("renewed_at", Instant, nullable=False),
)

match_decision = Table(
    "match_decision",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("subject", String(20), nullable=False),
    Column("org_id", String(40), nullable=False),
    Column("left_id", String(40), nullable=False),
    Column("company_id", String(40), nullable=False),
    Column("right_id", String(40), nullable=False),
    Column("decision", String(20), nullable=False),
    Column("decided_by", String(200), nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    # One act of accepting many; what the customer is for; what the person saw.
    Column("bulk_id", String(40), nullable=False, index=True, server_default=""),
    Column("role", String(20), nullable=False, server_default=""),
    Column("applies_to", String(200), nullable=False, server_default=""),
    Column("evidence", Text, nullable=False, server_default=""),
)

# A decision that was taken back. The decision itself stays for ever.
decision_undo = Table(
    "decision_undo",
    metadata,
    Column("decision_number", Integer, primary_key=True, autoincrement=False),
    Column("undone_by", String(200), nullable=False),
    Column("undone_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
)

reopening = Table(
    "reopening",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("base_key", String(200), nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("decided_by", String(200), nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
)

# Calls to the vendors by the hour in which they were made. Never fewer than were made: a run that
# is killed leaves what it had set aside.
call_count = Table(
    "call_count",
    metadata,
    Column("system", String(20), primary_key=True),
    Column("source_id", String(40), primary_key=True),
    Column("purpose", String(40), primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("reads", Integer, nullable=False),
    Column("writes", Integer, nullable=False),
    Column("metered", Integer, nullable=False),
)

# Reconciliations that a report was made of, and what each of them found: what the next week opens
# with, and what a signature is about.
recorded_run = Table(
    "recorded_run",
    metadata,
    Column("run_number", Integer, primary_key=True, autoincrement=True),
    Column("week", String(8), nullable=False, index=True),
    Column("as_of_at", Instant, nullable=False),
    Column("known_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("figures_hash", String(64), nullable=False),
    Column("rules_hash", String(64), nullable=False),
    Column("page_hash", String(64), nullable=False),
    Column("is_concluded", Boolean, nullable=False),
    # Empty where the report was drawn before there was a spreadsheet.
    Column("workbook_hash", String(64), nullable=False, server_default=""),
    # Until when words and writes were known to it; not known of the oldest.
    Column("copied_at", Instant),
)

recorded_exception = Table(
    "recorded_exception",
    metadata,
    Column("run_number", Integer, primary_key=True, autoincrement=False),
    Column("exception_id", String(40), primary_key=True),
    Column("mismatch_class", String(40), nullable=False),
    Column("company_id", String(40)),
    Column("currency_code", String(3)),
    Column("value_at_stake", Exact),
    Column("is_material", Boolean, nullable=False),
    Column("details", Text, nullable=False),
)

exception_event = Table(
    "exception_event",
    metadata,
    Column("event_number", Integer, primary_key=True, autoincrement=True),
    Column("exception_id", String(40), nullable=False, index=True),
    Column("event", String(20), nullable=False),
    Column("decided_by", String(200), nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("owner", String(200)),
    Column("root_cause", String(60)),
    Column("reason", Text, nullable=False),
    Column("accepted_amount", Exact),
    Column("accepted_until", String(10)),
)

sign_off = Table(
    "sign_off",
    metadata,
    Column("sign_off_number", Integer, primary_key=True, autoincrement=True),
    Column("week", String(8), nullable=False, index=True),
    Column("run_number", Integer, nullable=False),
    Column("step", String(10), nullable=False),
    Column("signed_by", String(200), nullable=False),
    Column("signed_at", Instant, nullable=False),
    Column("note", Text, nullable=False),
)

# Reports on their way to people: noted before each is sent, so that none is sent twice.
delivery = Table(
    "delivery",
    metadata,
    Column("week", String(8), primary_key=True),
    Column("page_hash", String(64), primary_key=True),
    Column("channel", String(10), primary_key=True),
    # An address, or a digest where the address itself is a secret.
    Column("recipient", String(320), primary_key=True),
    Column("status", String(10), nullable=False),
    Column("message_id", String(200), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("intended_at", Instant, nullable=False),
    Column("last_tried_at", Instant, nullable=False),
    Column("finished_at", Instant),
)


# Who made a plan: where the policy says so, somebody else approves it.
plan_author = Table(
    "plan_author",
    metadata,
    Column("checksum", String(64), primary_key=True),
    Column("who", String(200), primary_key=True),
    Column("made_at", Instant, nullable=False),
)

# What a flow in mode shadow would have written, and what people did instead.
shadow_change = Table(
    "shadow_change",
    metadata,
    Column("base_key", String(200), primary_key=True),
    Column("flow", String(40), nullable=False, index=True),
    Column("company_id", String(40), nullable=False),
    Column("record_id", String(40), nullable=False),
    Column("plan_step", Integer, nullable=False),
    Column("action", String(10), nullable=False),
    Column("title", Text, nullable=False),
    Column("amount", Exact),
    Column("currency_code", String(3)),
    Column("fields", Text, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("detail", Text, nullable=False),
    Column("settled_at", Instant),
)


def _create_all(connection: Connection) -> None:
    metadata.create_all(connection)


def _add_call_count(connection: Connection) -> None:
    call_count.create(connection, checkfirst=True)


def _add_undo(connection: Connection) -> None:
    """Decisions get what they lacked. A database that is born now has it from the first step."""
    decision_undo.create(connection, checkfirst=True)
    there = {column["name"] for column in inspect(connection).get_columns(match_decision.name)}
    for column in match_decision.columns:
        if column.name not in there:
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(
                f"ALTER TABLE {match_decision.name} ADD COLUMN {column.name} {kind}"
                " NOT NULL DEFAULT ''"
            )
    for index in match_decision.indexes:
        index.create(connection, checkfirst=True)


def _add_closing(connection: Connection) -> None:
    for table in (recorded_run, recorded_exception, exception_event, sign_off):
        table.create(connection, checkfirst=True)


def _add_delivery(connection: Connection) -> None:
    """Deliveries, and the hash of the spreadsheet beside that of the page."""
    delivery.create(connection, checkfirst=True)
    there = {column["name"] for column in inspect(connection).get_columns(recorded_run.name)}
    if "workbook_hash" not in there:
        connection.exec_driver_sql(
            f"ALTER TABLE {recorded_run.name} ADD COLUMN workbook_hash VARCHAR(64)"
            " NOT NULL DEFAULT ''"
        )


def _add_shadow(connection: Connection) -> None:
    for table in (plan_author, shadow_change):
        table.create(connection, checkfirst=True)


def _add_copied_at(connection: Connection) -> None:
    column = recorded_run.c.copied_at
    if column.name not in {c["name"] for c in inspect(connection).get_columns(recorded_run.name)}:
        kind = column.type.compile(connection.dialect)
        connection.exec_driver_sql(
            f"ALTER TABLE {recorded_run.name} ADD COLUMN {column.name} {kind}"
        )


# Step n brings version n - 1 to n. A released step is never edited; a new one is appended.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    _create_all,
    _add_call_count,
    _add_undo,
    _add_closing,
    _add_delivery,
    _add_shadow,
    _add_copied_at,
)
VERSION = len(MIGRATIONS)


def current_version(connection: Connection) -> int:
    """The newest migration applied, 0 for an empty database."""
    if not connection.dialect.has_table(connection, schema_version.name):
        return 0
    versions = connection.execute(select(schema_version.c.version)).scalars().all()
    return max(versions, default=0)


def migrate(connection: Connection, now: datetime) -> None:
    """Apply what is missing, inside the caller's transaction: all of it or nothing."""
    for version in range(current_version(connection) + 1, VERSION + 1):
        MIGRATIONS[version - 1](connection)
        connection.execute(schema_version.insert().values(version=version, applied_at=now))
