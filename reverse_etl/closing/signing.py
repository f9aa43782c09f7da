"""Signatures under a week: one prepares it, another reviews it. Both are about one recorded run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pipelines.errors import AskAPerson, Stop
from reverse_etl.state import State

Step = Literal["prepare", "review", "withdraw"]

EXPORT_COLUMNS = {
    "sign_off_number": "INTEGER",
    "week": "VARCHAR",
    "run_number": "INTEGER",
    "step": "VARCHAR",
    "signed_by": "VARCHAR",
    "signed_at": "TIMESTAMP WITH TIME ZONE",
    "note": "VARCHAR",
}


@dataclass(frozen=True)
class SignOff:
    """One signature, or its withdrawal."""

    week: str
    run_number: int
    step: Step
    signed_by: str
    signed_at: datetime
    note: str = ""


def sign(state: State, sign_off: SignOff, blockers: Sequence[Mapping[str, Any]]) -> None:
    """Keep a signature under the last recorded run of a week.

    `blockers` are the week's rows of the mart `sign_off_blockers`. Raises `AskAPerson` when there
    are any, `Stop` when nobody signs, the week has another last run than the signature says, the
    reviewer is the preparer, or there is nothing to review.
    """
    name = sign_off.signed_by.strip()
    if not name:
        raise Stop("sign-off", sign_off.week, "it needs a name")
    if sign_off.step != "withdraw" and blockers:
        raise _blocked(sign_off.week, blockers)
    with state.writing() as work:
        runs = work.all("recorded_run", order="run_number", week=sign_off.week)
        if not runs:
            raise Stop(
                "sign-off", sign_off.week, "no run of this week is recorded",
                "Write its report first: `crossfoot report`.",
            )  # fmt: skip
        if runs[-1]["run_number"] != sign_off.run_number:
            raise Stop(
                "sign-off", sign_off.week, "it was recorded anew while you were signing",
                "Look at `crossfoot close show` again.",
            )  # fmt: skip
        words = work.all("sign_off", order="sign_off_number", week=sign_off.week)
        if sign_off.step == "review":
            _refuse_review(sign_off, name, words)
        if sign_off.step == "withdraw" and (not words or words[-1]["step"] == "withdraw"):
            raise Stop("sign-off", sign_off.week, "nobody has signed it")
        work.add("sign_off", [{**vars(sign_off), "signed_by": name, "note": sign_off.note.strip()}])


def export_rows(state: State) -> list[dict[str, Any]]:
    """All signatures, oldest first, as the warehouse reads them (raw_state.sign_off)."""
    with state.reading() as work:
        return work.all("sign_off", order="sign_off_number")


def _refuse_review(sign_off: SignOff, name: str, words: Sequence[Mapping[str, Any]]) -> None:
    since = [number for number, word in enumerate(words) if word["step"] == "withdraw"]
    live = words[since[-1] + 1 :] if since else words
    prepared = [word for word in live if word["step"] == "prepare"]
    if not prepared or prepared[-1]["run_number"] != sign_off.run_number:
        raise Stop(
            "sign-off", sign_off.week, "nobody has prepared its present figures",
            "Let somebody else prepare it first: `crossfoot close prepare`.",
        )  # fmt: skip
    if prepared[-1]["signed_by"].casefold() == name.casefold():
        raise Stop(
            "sign-off", sign_off.week, f"{name} has prepared it and cannot review it as well",
            "Let another person review it.",
        )  # fmt: skip


def _blocked(week: str, blockers: Sequence[Mapping[str, Any]]) -> AskAPerson:
    first = blockers[0]
    named = " ".join(
        str(part)
        for part in (
            first["mismatch_class"], first["value_at_stake"], first["currency_code"],
            f"({first['exception_id'][:8]})" if first["exception_id"] else "",
        )
        if part
    )  # fmt: skip
    more = f", and {len(blockers) - 1} more" if len(blockers) > 1 else ""
    reason = str(first["reason"])
    return AskAPerson(
        "sign-off",
        week,
        f"{reason[:1].lower()}{reason[1:]}{': ' + named if named else ''}{more}",
        "See `crossfoot exceptions list --blocking`, and explain each or give its root cause.",
    )
