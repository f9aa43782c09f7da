"""The review queue and what people do with it: decide one pair, accept many, take back.

Everything is decided from `reconciliation.review_queue` and kept in the state; the next build
obeys. A decision is given to one pair at a time even when many are accepted at once, so that each
can be taken back by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.settings import Settings
from reverse_etl import decisions, written
from reverse_etl import lease as leases
from reverse_etl.decisions import MatchDecision, Role, Subject, Undo, Verdict
from reverse_etl.opening import opened
from reverse_etl.written import Document

Now = Callable[[], datetime]
Row = Mapping[str, Any]

VERDICTS: Mapping[str, Verdict] = {"confirm": "confirmed", "reject": "rejected"}
# Bands that may be accepted many at once; the others are decided one by one.
BANDS = ("strong", "likely", "weak")
_SHORTEST_ID = 6
_LEFT = {
    "customer": ("account", "staging.stg_salesforce__accounts", "account_id"),
    "product": ("product", "staging.stg_salesforce__products", "product_id"),
    "invoice": ("deal", "staging.stg_salesforce__opportunities", "deal_id"),
}
_RIGHT = {
    "customer": ("customer", "staging.stg_quickbooks__customers", "customer_id"),
    "product": ("item", "staging.stg_quickbooks__items", "item_id"),
    "invoice": ("invoice", "staging.stg_quickbooks__invoices", "invoice_id"),
}


@dataclass(frozen=True)
class Choice:
    """Which proposals: every condition that is given must hold. Without any, all of them."""

    subject: str = ""
    band: str = ""
    rule: str = ""
    minimum_confidence: Decimal = Decimal(0)
    limit: int = 0

    def __post_init__(self) -> None:
        known = ("", *get_args(Subject))
        if self.subject not in known:
            raise Stop("review", self.subject, f"subjects are {', '.join(known[1:])}")
        if not 0 <= self.minimum_confidence <= 1:
            raise Stop(
                "review",
                str(self.minimum_confidence),
                "a confidence lies between 0 and 1",
                "Say 0.9 for nine in ten.",
            )


@dataclass(frozen=True)
class Bulk:
    """What accepting many does, or would do: the proposals taken in the queue's order, how many
    were left out and why, and the id that undoes all of them (none while it is a trial)."""

    taken: tuple[Row, ...]
    left_out: Mapping[str, int]
    bulk_id: str = ""


@dataclass(frozen=True)
class Undone:
    """Decisions that were, or would be, taken back, and what was written under them."""

    decisions: tuple[MatchDecision, ...]
    documents: tuple[Document, ...]


def queue(settings: Settings, choice: Choice | None = None) -> tuple[Row, ...]:
    """The proposals that wait for a person, those on which most money hangs first.

    Raises `Stop` when nothing was judged yet.
    """
    chosen = choice or Choice()
    rows = [row for row in _queue(settings.warehouse_path) if _fits(row, chosen)]
    return tuple(rows[: chosen.limit] if chosen.limit else rows)


def decide(
    settings: Settings,
    verdict: str,
    pair: str,
    who: str,
    reason: str = "",
    *,
    role: str = "",
    applies_to: str = "",
    now: Now = leases.utc_now,
) -> MatchDecision:
    """Confirm or reject one pair; the next build obeys. Returns what was kept.

    `pair` is the review_id of a row in the queue, or the beginning of one, or any pair as
    `subject:left:company:right`. A role says what a customer is for where an account has several.
    Raises `Stop` for an unknown verdict, pair or role.
    """
    if verdict not in VERDICTS:
        raise Stop("decision", verdict, "there is no such decision", "Say `confirm` or `reject`.")
    row = _named(settings, pair) if ":" in pair else _waiting(settings.warehouse_path, pair)
    made = MatchDecision(
        subject=row["subject"],
        org_id=row["org_id"],
        left_id=row["left_id"],
        company_id=row["company_id"],
        right_id=row["right_id"],
        decision=VERDICTS[verdict],
        decided_by=who.strip(),
        decided_at=now(),
        reason=reason.strip() or f"decided in the review queue ({pair})",
        role=_role(row["subject"], verdict, role, applies_to),
        applies_to=applies_to.strip(),
        evidence=row.get("evidence") or "",
    )
    with opened(settings) as state:
        decisions.decide(state, made)
    return made


def accept(
    settings: Settings,
    choice: Choice,
    who: str,
    reason: str = "",
    *,
    dry_run: bool = False,
    only: Sequence[str] | None = None,
    now: Now = leases.utc_now,
) -> Bulk:
    """Confirm every proposal of a choice that nothing competes with, one decision per pair.

    With `dry_run` nothing is kept; with `only` nothing beyond these review ids is accepted, so
    that what was shown is what is done. Raises `Stop` for a choice without any condition, or one
    that asks for proposals which must be decided one by one.
    """
    _refuse_too_wide(choice)
    waiting = queue(settings, replace(choice, limit=0))
    found = [row for row in waiting if only is None or row["review_id"] in only]
    reasons = {row["review_id"]: _reason_against(row, found) for row in found}
    fit = [row for row in found if reasons[row["review_id"]] is None]
    taken = fit[: choice.limit] if choice.limit else fit
    left_out = Counter(reason for reason in reasons.values() if reason)
    if len(fit) > len(taken):
        left_out["beyond the limit"] = len(fit) - len(taken)
    if dry_run or not taken:
        return Bulk(tuple(taken), left_out)
    bulk_id = f"bulk-{now():%Y%m%d}-{uuid4().hex[:8]}"
    with opened(settings) as state:
        decisions.decide_all(
            state, [_accepted(row, who, reason, bulk_id, now(), choice) for row in taken]
        )
    return Bulk(tuple(taken), left_out, bulk_id)


def undo(
    settings: Settings,
    which: str,
    who: str,
    reason: str,
    *,
    dry_run: bool = False,
    now: Now = leases.utc_now,
) -> Undone:
    """Take back one decision by its number, or a bulk by its id; an event, nothing is deleted.

    What was written to either system under a link stays there and is listed: only a person can
    void it. Raises `Stop` when there is nothing to take back.
    """
    with opened(settings) as state:
        taken = (
            decisions.to_undo(state, which)
            if dry_run
            else decisions.undo(state, which, who, now(), reason)
        )
        return Undone(taken, written.under(state, taken))


def history(
    settings: Settings, *, subject: str = "", record: str = "", bulk_id: str = ""
) -> tuple[tuple[MatchDecision, Undo | None], ...]:
    """Every decision with what took it back, oldest first; of one subject, record or bulk."""
    with opened(settings) as state:
        told = decisions.history(state)
    return tuple(
        (made, taken)
        for made, taken in told
        if subject in ("", made.subject)
        and bulk_id in ("", made.bulk_id)
        and record in ("", made.left_id, made.right_id, made.left_id.partition("/")[0])
    )


def _queue(path: Path) -> list[dict[str, Any]]:
    _refuse_unjudged(path)
    return warehouse.read(path, "SELECT * FROM reconciliation.review_queue ORDER BY queue_rank")


def _refuse_unjudged(path: Path) -> None:
    if "review_queue" not in warehouse.tables(path, warehouse.RECONCILIATION):
        raise Stop(
            "warehouse", path.name, "nothing was read and judged yet", "Run `crossfoot sync` first."
        )


def _fits(row: Row, choice: Choice) -> bool:
    return (
        choice.subject in ("", row["subject"])
        and choice.band in ("", row["band"])
        and choice.rule in ("", row["rule"])
        and row["confidence"] >= choice.minimum_confidence
    )


def _refuse_too_wide(choice: Choice) -> None:
    if not (choice.band or choice.rule or choice.minimum_confidence):
        raise Stop(
            "review",
            "all proposals",
            "nothing says which of them",
            "Name a --band, a --rule or a --min-confidence.",
        )
    if choice.band and choice.band not in BANDS:
        raise Stop(
            "review",
            choice.band,
            "no band that may be accepted as a whole",
            f"Those are {', '.join(BANDS)}; decide the others one by one.",
        )


def _reason_against(row: Row, found: Sequence[Row]) -> str | None:
    """Why a proposal is not accepted among many, in words that follow its number."""
    if row["band"] not in BANDS:
        return {
            "ambiguous": "two or more fit equally well",
            "returned": "rejected by a person before",
        }.get(row["band"], f"in the band {row['band']}")
    if row["candidate_rank"] > 1:
        return "another candidate fits better"
    same_right = [
        other
        for other in found
        if other["candidate_rank"] == 1
        and other["subject"] == row["subject"]
        and (other["company_id"], other["right_id"]) == (row["company_id"], row["right_id"])
    ]
    return "wanted by another record as well" if len(same_right) > 1 else None


def _accepted(
    row: Row, who: str, reason: str, bulk_id: str, at: datetime, choice: Choice
) -> MatchDecision:
    conditions = ", ".join(
        f"{name} {value}"
        for name, value in (
            ("subject", choice.subject),
            ("band", choice.band),
            ("rule", choice.rule),
            ("confidence from", choice.minimum_confidence or ""),
        )
        if value
    )
    return MatchDecision(
        subject=row["subject"],
        org_id=row["org_id"],
        left_id=row["left_id"],
        company_id=row["company_id"],
        right_id=row["right_id"],
        decision="confirmed",
        decided_by=who.strip(),
        decided_at=at,
        reason=reason.strip() or f"accepted with others: {conditions}",
        bulk_id=bulk_id,
        evidence=row["evidence"] or "",
    )


def _role(subject: str, verdict: str, role: str, applies_to: str) -> Role:
    wanted = role.strip()
    roles: tuple[Role, ...] = get_args(Role)
    found = next((known for known in roles if known == wanted), None)
    if found is None or (found and (subject != "customer" or verdict != "confirm")):
        raise Stop(
            "decision",
            role,
            "no role that can be given here",
            "A customer is confirmed for billing, shipping, project or region.",
        )
    if (found in ("project", "region")) != bool(applies_to.strip()):
        raise Stop(
            "decision",
            role or "no role",
            "a project or region must say for which deal or region, and nothing else may",
            "Give --for with the deal's id or the region's name.",
        )
    return found


def _waiting(path: Path, review_id: str) -> dict[str, Any]:
    """The row of the queue with this id, or with the only id that begins so."""
    _refuse_unjudged(path)
    wanted = review_id.strip().lower()
    rows = warehouse.read(
        path,
        "SELECT subject, org_id, left_id, company_id, right_id, evidence "
        "FROM reconciliation.review_queue WHERE starts_with(review_id, ?)",
        [wanted],
    )
    if len(rows) > 1 and len(wanted) >= _SHORTEST_ID:
        raise Stop("decision", review_id, f"{len(rows)} pairs begin so", "Give more of the id.")
    ids = ("subject", "org_id", "left_id", "company_id", "right_id")
    if len(wanted) < _SHORTEST_ID or not rows or not all(rows[0][name] for name in ids):
        raise Stop(
            "decision",
            review_id,
            "the review queue has no such pair",
            "Take an id that `crossfoot match queue` shows, or name the pair as "
            "subject:left:company:right.",
        )
    return rows[0]


def _named(settings: Settings, pair: str) -> dict[str, Any]:
    """A pair that need not be in the queue, checked against the records there are."""
    path = settings.warehouse_path
    _refuse_unjudged(path)
    subject, *ids = pair.split(":")
    if subject not in _LEFT or len(ids) != 3 or not all(ids):
        raise Stop(
            "decision",
            pair,
            "it does not name a pair",
            "Write subject:left:company:right, such as customer:001xx0000012345AAA:93414500001:58.",
        )
    left_id, company_id, right_id = ids
    org_id = _org_of(path, subject, left_id)
    _refuse_unknown(path, subject, company_id, right_id)
    queued = warehouse.read(
        path,
        "SELECT evidence FROM reconciliation.review_queue WHERE subject = ? AND left_id = ? "
        "AND company_id = ? AND right_id = ?",
        [subject, left_id, company_id, right_id],
    )
    return {
        "subject": subject,
        "org_id": org_id,
        "left_id": left_id,
        "company_id": company_id,
        "right_id": right_id,
        "evidence": queued[0]["evidence"] if queued else "",
    }


def _org_of(path: Path, subject: str, left_id: str) -> str:
    word, table, column = _LEFT[subject]
    record = left_id.partition("/")[0]
    found = warehouse.read(
        path,
        f"SELECT org_id FROM {table} WHERE {column} = ?",  # noqa: S608 - names of our own
        [record],
    )
    if len(found) != 1:
        raise Stop(
            "decision",
            left_id,
            f"Salesforce has no such {word}" if not found else f"several orgs have this {word}",
            "Give the id of 18 characters." if not found else "Decide it in the review queue.",
        )
    return str(found[0]["org_id"])


def _refuse_unknown(path: Path, subject: str, company_id: str, right_id: str) -> None:
    word, table, column = _RIGHT[subject]
    found = warehouse.read(
        path,
        f"SELECT 1 FROM {table} WHERE company_id = ? AND {column} = ?",  # noqa: S608
        [company_id, right_id],
    )
    if not found:
        raise Stop(
            "decision", right_id, f"the company {company_id} has no such {word}", "Check the ids."
        )
