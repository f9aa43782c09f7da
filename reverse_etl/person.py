"""What the state holds on one person, and its removal: everything but the proof of who decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reverse_etl import state_schema
from reverse_etl.state import Transaction

# Who decided, approved or signed is what makes it a decision; a recorded week is signed as it was.
EVIDENCE = frozenset({"who", "decided_by", "signed_by", "undone_by", "withdrawn_by", "owner"})
RECORDED = frozenset({"recorded_run", "recorded_exception", "sign_off"})
PLANS, ENTRIES = "plan_store", "ledger_entry"


class Somebody(Protocol):
    """Whom it is about: how a text names the person, and what it says without."""

    @property
    def address(self) -> str: ...

    def told_in(self, text: str) -> bool: ...

    def gone_from(self, text: str) -> str: ...


def rows_of_person(work: Transaction, who: Somebody) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table that name the person."""
    found = {}
    for table in state_schema.metadata.tables:
        rows = [row for row in work.containing(table, who.address) if _tells(row, who)]
        if rows:
            found[table] = rows
    return found


def _tells(row: Mapping[str, Any], who: Somebody) -> bool:
    return any(isinstance(value, str) and who.told_in(value) for value in row.values())


def remove_person(work: Transaction, who: Somebody) -> None:
    """Put the pseudonym in place of the person, inside the caller's transaction. Plans that name
    the person go as a whole: a plan is known by the checksum of what it says."""
    for table, rows in rows_of_person(work, who).items():
        keys = [column.name for column in state_schema.metadata.tables[table].primary_key]
        for row in rows:
            key = {name: row[name] for name in keys}
            if table == PLANS:
                work.remove(table, **key)
            elif new := _without(table, row, who):
                work.change(table, new, **key)


def _without(table: str, row: Mapping[str, Any], who: Somebody) -> dict[str, str]:
    """The columns of a row that say the address and may say the pseudonym instead."""
    if table in RECORDED:
        return {}
    return {
        name: who.gone_from(value)
        for name, value in row.items()
        if name not in EVIDENCE and isinstance(value, str) and who.told_in(value)
    }


def changes_any(table: str, rows: Sequence[Mapping[str, Any]], who: Somebody) -> bool:
    """Would anything in these rows be put in another way?"""
    return any(_without(table, row, who) for row in rows)
