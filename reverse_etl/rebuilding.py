"""A ledger that was lost, rebuilt from the marks in the books, with what stays uncertain listed.

The books know what was written: an invoice's private note and a customer's notes begin with our
mark, which names record, step and generation, and the request id follows from those. They do not
know what was refused, approved or decided by people, nor what was deleted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.settings import Settings
from reverse_etl.changes import ChangeKey, request_id
from reverse_etl.lease import Lease, hold
from reverse_etl.ledger import Entry
from reverse_etl.opening import opened
from reverse_etl.state import State, Transaction

_MARK = re.compile(r"Crossfoot (\w{18})(?:/(\d+))?/g(\d+)(?!\d)")
_MARKED = """
SELECT 'invoices' AS flow, 'Invoice' AS entity, company_id, id, payload
FROM raw_quickbooks.invoice WHERE payload ->> '$.PrivateNote' LIKE '%Crossfoot %'
UNION ALL
SELECT 'customers', 'Customer', company_id, id, payload
FROM raw_quickbooks.customer WHERE payload ->> '$.Notes' LIKE '%Crossfoot %'
ORDER BY ALL
"""
_FACTS = """
SELECT company_id, id,
    coalesce(payload ->> '$.PrivateNote', payload ->> '$.Notes') AS note,
    payload ->> '$.CurrencyRef.value' AS currency_code,
    CAST(payload ->> '$.TotalAmt' AS DECIMAL(18, 2))
    - coalesce(CAST(payload ->> '$.TxnTaxDetail.TotalTax' AS DECIMAL(18, 2)), 0) AS amount,
"""
_QUERY = f"""
WITH marked AS ({_MARKED})
{_FACTS} flow, entity, (SELECT as_of_at FROM intermediate.int_clock) AS as_of_at FROM marked
ORDER BY flow, company_id, id
"""  # noqa: S608 - both parts are constants of this module


@dataclass(frozen=True)
class Rebuilt:
    """How many lines the ledger got back, how many it had, and what a person has to look at."""

    added: int
    known: int
    uncertain: tuple[str, ...]


def rebuild(settings: Settings, who: str, now: Any) -> Rebuilt:
    """Add to the ledger what the warehouse shows of our marks and the ledger does not know.

    What it knows already stays as it is. Raises `Stop` without a warehouse, or while another run
    is under way.
    """
    if not {"invoice", "customer"} <= warehouse.tables(settings.warehouse_path, "raw_quickbooks"):
        raise Stop(
            "warehouse",
            settings.warehouse_path.name,
            "it holds no books to rebuild the ledger from",
            "Run `crossfoot extract` first.",
        )
    rows = warehouse.read(settings.warehouse_path, _QUERY)
    with opened(settings) as state, hold(state, "rebuild", now) as lease:
        return _rebuilt(state, lease, rows, who)


def _rebuilt(state: State, lease: Lease, rows: Sequence[Mapping[str, Any]], who: str) -> Rebuilt:
    found: dict[str, list[Entry]] = defaultdict(list)
    for row in rows:
        entry = _entry(row, lease.now())
        if entry is not None:
            found[entry.change_key].append(entry)
    with state.writing() as work:
        lease.renew(work)
        known = {row["change_key"]: row for row in work.all("ledger_entry")}
        fresh = [own[0] for key, own in found.items() if len(own) == 1 and key not in known]
        work.add("ledger_entry", [vars(entry) for entry in fresh])
        work.add("ledger_event", [_event(entry, lease, who) for entry in fresh])
        uncertain = tuple(_uncertain(work, found, known))
    return Rebuilt(len(fresh), len(known), uncertain)


def _entry(row: Mapping[str, Any], at: datetime) -> Entry | None:
    match = _MARK.search(str(row["note"] or ""))
    if match is None:
        return None
    step = int(match[2] or 0)
    key = ChangeKey(row["flow"], row["company_id"], match[1], step, int(match[3]))
    is_invoice = row["flow"] == "invoices"
    amount: Decimal | None = row["amount"] if is_invoice else None
    return Entry(
        change_key=str(key), base_key=key.base, flow=row["flow"], system="quickbooks",
        company_id=row["company_id"], record_id=match[1], plan_step=step,
        generation=int(match[3]), request_id=request_id(str(key)), status="done",
        action="create", entity=row["entity"], remote_id=str(row["id"]),
        title=f"{row['entity'].lower()} {row['id']}, found by its mark", amount=amount,
        currency_code=row["currency_code"] if is_invoice else None, payload="{}", fingerprint="",
        plan_checksum="", look_since=row["as_of_at"], known_as_of=row["as_of_at"], tries=1,
        code="", vendor_message="rebuilt from its mark", intended_at=at, last_tried_at=at,
        finished_at=at,
    )  # fmt: skip


def _event(entry: Entry, lease: Lease, who: str) -> dict[str, Any]:
    return {
        "change_key": entry.change_key, "at": lease.now(), "event": "rebuilt",
        "run": lease.token, "remote_id": entry.remote_id, "code": "",
        "message": f"{who}: found by its mark in the books", "payload": None,
    }  # fmt: skip


def _uncertain(
    work: Transaction, found: Mapping[str, Sequence[Entry]], known: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """What the books alone do not settle, each with what to do."""
    for key, own in sorted(found.items()):
        ids = ", ".join(str(entry.remote_id) for entry in own)
        if len(own) > 1:
            yield f"{key}: {own[0].entity} {ids} all carry this mark; void all but one"
        elif key in known and known[key]["remote_id"] not in (None, own[0].remote_id):
            yield f"{key}: the ledger says {known[key]['remote_id']}, the books say {ids}"
    generations: dict[str, set[int]] = defaultdict(set)
    for own in found.values():
        generations[own[0].base_key].add(own[0].generation)
    for base, there in sorted(generations.items()):
        missing = sorted(set(range(1, max(there))) - there)
        if missing:
            gone = ", ".join(f"g{number}" for number in missing)
            yield f"{base}: generation {gone} is not in the books; it was deleted or never made"
    for key, row in sorted(known.items()):
        if row["status"] in ("open", "unknown") and key not in found:
            yield f"{key}: its outcome is unknown; the next apply looks for it"
    if not known:
        yield (
            "the ledger was empty: refusals, approvals and decisions of people are not in the "
            "books; restore a backup if there is one (`crossfoot state restore`)"
        )
