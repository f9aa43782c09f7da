"""All checks in order, as findings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from orchestration.doctor import books, machine, org, rules
from orchestration.doctor.finding import Finding, failed
from orchestration.doctor.mapping import Mapping, read_mapping
from pipelines.errors import CrossfootError
from pipelines.settings import Settings
from reverse_etl.calls import CallBook, recording, utc_now


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything that a go-live needs, one finding after the other. Nothing is written but the
    record of the calls: three to the org, five reads of each company."""
    now = utc_now()
    yield from machine.findings(settings, now)
    try:
        tables = read_mapping(settings.dbt_dir, settings.mapping_path)
    except CrossfootError as problem:
        yield failed("rules.mapping", "mapping", problem)
        return
    yield from rules.findings(settings, tables, now)
    try:
        with recording(settings, "doctor") as book:
            yield from _vendors(settings, tables, book, now)
    except CrossfootError as problem:
        yield failed("machine.state", "record of calls", problem)


def _vendors(
    settings: Settings, tables: Mapping, book: CallBook, now: datetime
) -> Iterator[Finding]:
    yield from org.findings(settings, tables, book, now)
    yield from books.findings(settings, tables, book, now)
