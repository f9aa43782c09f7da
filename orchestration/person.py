"""What Crossfoot holds on one person, as a value that is shown, exported or removed.

Removed is what says who it is: the address everywhere, and names and telephones of the person's own
records. What books and ledger prove stays: amounts, days, ids, keys, and who was billed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from pipelines import persons, warehouse
from pipelines.errors import Stop
from pipelines.extract import history_files
from pipelines.extract.history import VERSIONS
from pipelines.lake.address import lake_of
from pipelines.persons import Person
from pipelines.settings import Settings
from reverse_etl import store
from reverse_etl.lease import hold
from reverse_etl.opening import opened
from reverse_etl.person import (
    ENTRIES,
    EVIDENCE,
    PLANS,
    RECORDED,
    changes_any,
    remove_person,
    rows_of_person,
)
from reverse_etl.state_reading import texts

# What is written for people to read: as it stands, or as a parcel of XML.
_PAGES = frozenset({".html", ".csv", ".json", ".md", ".txt"})
_PARCELS = frozenset({".xlsx"})


@dataclass(frozen=True)
class Held:
    """How many rows of each table, plans and calls hold something of the person; `kept` says what
    stays and why, `doubtful` names the writes of which nobody knows yet whether they were made."""

    tables: Mapping[str, int]
    state: Mapping[str, int]
    plans: int
    calls: int
    kept: tuple[str, ...]
    doubtful: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.tables or self.state or self.plans or self.calls)


def look(settings: Settings, who: Person) -> Held:
    """Where something of the person is held. Changes nothing."""
    with opened(settings) as state, state.reading() as work:
        found = rows_of_person(work, who)
    plans = len(found.pop(PLANS, ()))
    removable = {table: len(rows) for table, rows in found.items() if changes_any(table, rows, who)}
    tables = persons.counts(settings.warehouse_path, who)
    return Held(
        tables, removable, plans, len(persons.log_lines(settings.gateway_log, who)),
        tuple(_kept(settings, who, found, tables)),
        tuple(
            str(row["change_key"]) for row in found.get(ENTRIES, ())
            if row["status"] in ("open", "unknown")
        ),
    )  # fmt: skip


def export(settings: Settings, who: Person, at: datetime) -> dict[str, Any]:
    """Everything that is held, as JSON has it: amounts exact, days in ISO form. What is made of
    these records (staging, marts) repeats them and is left out."""
    with opened(settings) as state, state.reading() as work:
        found = rows_of_person(work, who)
    return {
        "person": who.address,
        "made_at": at.isoformat(),
        "records": [
            {"place": place, "row": _plain(row)}
            for place, row in persons.held_rows(settings.warehouse_path, who)
        ],
        "state": [
            {"place": table, "row": _plain(row)} for table, rows in found.items() for row in rows
        ],
        "calls": persons.log_lines(settings.gateway_log, who),
    }


def remove(settings: Settings, who: Person, by: str, reason: str, at: datetime) -> Held:
    """Put the pseudonym in place of the person everywhere, and note who did it and why.

    The state goes first: what it holds of a write that is under way would be sent again. A second
    time finds nothing. Raises `Stop` while a write that names the person is in doubt, and for a
    warehouse that is a lake: its earlier snapshots would keep the person.
    """
    _refuse_lake(settings)
    before = look(settings, who)
    if before.doubtful:
        raise Stop(
            "person", before.doubtful[0], "a write that names the person may be under way",
            "Run `crossfoot apply` for its plan, which looks for it; then try again.",
        )  # fmt: skip
    with opened(settings) as state, hold(state, "removal of a person"):
        with state.writing() as work:
            remove_person(work, who)
        store.note(state, f"removed/{who.pseudonym}", f"{at.isoformat()} {by}: {reason}")
    if warehouse.exists(settings.warehouse_path):
        with warehouse.writer(settings.warehouse_path) as connection:
            changed = persons.remove(connection, who)
            for raw, versions in VERSIONS.items():
                places = (name.split(".") for name in changed)
                own = {table for schema, table in places if schema in (raw, versions)}
                history_files.write_anew(connection, raw, own, settings.data_dir / "history")
    persons.remove_from_log(settings.gateway_log, who)
    return before


def _refuse_lake(settings: Settings) -> None:
    if lake_of(settings.warehouse_path):
        raise Stop(
            "person", str(settings.warehouse_path),
            "the warehouse is a lake, whose earlier snapshots and files would keep the person",
            "Removal is served where the warehouse is a file only; nothing was changed.",
        )  # fmt: skip


def _kept(
    settings: Settings, who: Person, found: Mapping[str, Sequence[Mapping[str, Any]]],
    tables: Mapping[str, int],
) -> Iterator[str]:  # fmt: skip
    """What stays, and why, in sentences."""
    if "raw_salesforce.contact" in tables or "raw_salesforce.lead" in tables:
        yield (
            "Salesforce has the person's record: delete it there too, or the next reading brings "
            "it back."
        )
    if any(f"raw_quickbooks.{name}" in tables for name in ("customer", "vendor", "employee")):
        yield (
            "QuickBooks has the address on a customer, vendor or employee: change it there too, or "
            "the next reading brings it back."
        )
    if tables:
        yield (
            "Names of customers and what is printed on invoices, credit memos and payments stay: "
            "books have to show who was billed for as long as the law says."
        )
    evidence = [row for rows in found.values() for row in rows if _decides(row, who)]
    if evidence:
        yield (
            f"{len(evidence)} decisions, approvals or signatures bear the address: who decided is "
            "part of the proof."
        )
    if RECORDED & found.keys():
        yield "Recorded weeks stay as they were signed: another word would void the signature."
    if pages := _pages(settings, who):
        yield f"{len(pages)} files name the person; delete them: {', '.join(map(str, pages))}."
    if runs := _runs(settings, who):
        yield (
            f"{len(runs)} runs of Dagster tell of the person, in a plan or in their lines; delete "
            f"them on its page Runs: {', '.join(runs)}."
        )
    yield (
        "Backups that you made, mails that were sent, and what Dagster keeps in a database of its "
        "own, are out of reach from here."
    )


def _decides(row: Mapping[str, Any], who: Person) -> bool:
    return any(who.told_in(str(row.get(name) or "")) for name in EVIDENCE)


def _pages(settings: Settings, who: Person) -> list[Path]:
    """What was written for people to read and names the person: reports, checks, pairs of files."""
    found = {f for folder in (settings.report_dir, settings.data_dir) for f in folder.rglob("*")}
    return sorted(file for file in found if file.is_file() and any(map(who.told_in, _texts(file))))


def _runs(settings: Settings, who: Person) -> list[str]:
    """Ids of the runs whose records name the person, where Dagster keeps a file for each."""
    files = (settings.data_dir / "dagster" / "history" / "runs").glob("*.db")
    return sorted(
        file.stem for file in files if any(map(who.told_in, texts(file, "event_logs", "event")))
    )


def _texts(file: Path) -> Iterator[str]:
    """The texts of a page, a table or a spreadsheet; none of another kind of file."""
    if file.suffix in _PAGES:
        yield file.read_text(encoding="utf-8", errors="replace")
    elif file.suffix in _PARCELS:
        try:
            with ZipFile(file) as parcel:
                for name in parcel.namelist():
                    yield unescape(parcel.read(name).decode("utf-8", errors="replace"))
        except BadZipFile:
            # Not a spreadsheet, whatever its name says: its bytes are looked through as they stand.
            yield file.read_text(encoding="utf-8", errors="replace")


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Amounts as exact text; what JSON has no kind for as text too."""
    return {
        name: value if value is None or isinstance(value, str | int | bool) else str(value)
        for name, value in row.items()
    }
