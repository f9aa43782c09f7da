"""What the reconciliation of the past weeks would have said with other settings.

A copy of the published warehouse is judged with them; the real one is not touched. Both say what
they would list at the end of each week, and what differs is the answer.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration import steps
from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.settings import Settings
from pipelines.transform import BuildFailed

Rows = list[dict[str, Any]]

_NUMBER = re.compile(r"\d{1,12}(\.\d{1,4})?")

# Each dial and the first models that it moves; what is listed follows from those and the dials.
_MOVES: Mapping[str, Sequence[str]] = {
    "tolerance_abs": ("int_invoices__net",),
    "matching_tolerance_pct": ("int_invoices__net",),
    "rounding_per_line": ("int_invoices__net",),
    "grace_business_days": ("int_billing_plan__steps",),
    "materiality_abs": (),
    "materiality_pct": (),
    "materiality_together": (),
}
_JUDGED = (
    "int_reconciliation__document_findings",
    "int_reconciliation__step_findings",
    "int_reconciliation__line_findings",
)
# The ends of the weeks before this one, and the day of the data.
_DAYS = """
    SELECT list_append(
        [
            CAST(day AS DATE) FOR day IN generate_series(
                date_trunc('week', as_of_on) - INTERVAL 1 DAY - to_weeks(CAST(? - 2 AS INTEGER)),
                date_trunc('week', as_of_on) - INTERVAL 1 DAY,
                INTERVAL 7 DAYS
            )
        ],
        as_of_on
    ) AS days
    FROM intermediate.int_clock
"""
_LISTED = """
    SELECT
        as_of_on, mismatch_id, mismatch_class, precedence, company_id, stake_currency_code,
        value_at_stake, is_material
    FROM reconciliation.mismatches_as_of(CAST(? AS DATE[]))
"""
_DIFFERENCES = """
    SELECT
        strftime(as_of_on, '%G-W%V') AS week,
        as_of_on,
        mismatch_class,
        company_id,
        stake_currency_code AS currency_code,
        count(listed.mismatch_id) AS count_in_force,
        count(tried.mismatch_id) AS count_tried,
        CAST(coalesce(sum(listed.value_at_stake), 0) AS DECIMAL(18, 2)) AS amount_in_force,
        CAST(coalesce(sum(tried.value_at_stake), 0) AS DECIMAL(18, 2)) AS amount_tried,
        count(*) FILTER (WHERE listed.is_material) AS material_in_force,
        count(*) FILTER (WHERE tried.is_material) AS material_tried,
        count(*) FILTER (WHERE listed.mismatch_id IS NULL) AS appearing,
        count(*) FILTER (WHERE tried.mismatch_id IS NULL) AS vanishing
    FROM what_if.listed AS listed
    FULL OUTER JOIN tried
        USING (
            as_of_on, mismatch_id, mismatch_class, precedence, company_id, stake_currency_code
        )
    GROUP BY as_of_on, mismatch_class, precedence, company_id, stake_currency_code
    HAVING
        appearing > 0 OR vanishing > 0 OR material_in_force <> material_tried
        OR amount_in_force <> amount_tried
    ORDER BY as_of_on DESC, precedence, company_id, currency_code
"""
_DIALS = """
    SELECT dial, setting FROM reconciliation.dials
    WHERE company_id IS NULL AND currency_code IS NULL
"""


@dataclass(frozen=True)
class WhatIf:
    """What would differ. `dials` maps each dial that was given to its setting in force and the one
    tried; `weeks` has a row per week, class, company and currency in which something differs:
    counts and amounts in force and as tried."""

    dials: Mapping[str, tuple[str, str]]
    days: Sequence[Any]
    weeks: Rows


def try_out(settings: Settings, dials: Mapping[str, str], weeks: int = 52) -> WhatIf:
    """The lists of the past `weeks` weeks with these dials, against those with the dials in force.

    What the seed book_dials sets for some books stays as it is for them.
    Raises `Stop` when no dial is given or nothing has been judged, and like a build.
    """
    if not dials:
        raise Stop("what-if", "no dial", "there is nothing to try", "Give --grace, for example.")
    if "kpi_definitions" not in warehouse.tables(settings.published_path, warehouse.RECONCILIATION):
        raise Stop(
            "warehouse",
            settings.published_path.name,
            "nothing was judged in it, or by an older version",
            "Run `crossfoot judge`.",
        )
    in_force = {r["dial"]: r["setting"] for r in warehouse.read(settings.published_path, _DIALS)}
    with tempfile.TemporaryDirectory(prefix="crossfoot-what-if-") as folder:
        # The parsed project names the database after its file, and may have been parsed before.
        copy = Path(folder) / settings.warehouse_path.name
        shutil.copyfile(settings.published_path, copy)
        (found,) = warehouse.read(copy, _DAYS, [weeks])
        warehouse.replace_by_query(copy, "what_if", "listed", _LISTED, [found["days"]])
        there = replace(settings, warehouse_path=copy)
        try:
            steps.judge(there, tests=False, only=_moved(dials), dials=dials)
        except BuildFailed as problem:
            problem.add_note(
                "If the copy was made by another version, run `crossfoot judge` first."
            )
            raise
        differing = warehouse.read(
            copy, f"WITH tried AS ({_LISTED}) {_DIFFERENCES}", [found["days"]]
        )
    tried = {name: (in_force[name], setting) for name, setting in dials.items()}
    return WhatIf(tried, found["days"], differing)


def dials_of(given: Mapping[str, str | None]) -> dict[str, str]:
    """The dials that were given, as the project writes them: plain numbers.

    Raises `Stop` for what is no number or below nothing.
    """
    dials = {name: text.strip() for name, text in given.items() if text is not None}
    for name, text in dials.items():
        if not _NUMBER.fullmatch(text):
            raise Stop("what-if", f"{name} {text}", "is no amount", "Write a number such as 12.50.")
    return dials


def _moved(dials: Mapping[str, str]) -> list[str]:
    """What has to be built again: from the models that a dial moves first to what is listed."""
    first = sorted({model for name in dials for model in _MOVES[name]})
    return ["dials", *(f"{start}+,+{end}" for start in first for end in _JUDGED)]


def totals(tried: WhatIf) -> Rows:
    """Per class and currency: in how many weeks it differs, and how it is on the latest day."""
    groups: dict[tuple[str, str | None], Rows] = {}
    for row in tried.weeks:
        groups.setdefault((row["mismatch_class"], row["currency_code"]), []).append(row)
    return [
        {
            "class": name,
            "currency": currency or "",
            "weeks": len({row["week"] for row in rows}),
            "appear": max(_by_week(rows, "appearing").values()),
            "vanish": max(_by_week(rows, "vanishing").values()),
            "most by": max(
                (
                    abs(total)
                    for total in _by_week(rows, "amount_tried", "amount_in_force").values()
                ),
                default=Decimal(0),
            ),
        }
        for (name, currency), rows in groups.items()
    ]


def _by_week(rows: Rows, column: str, less: str | None = None) -> dict[str, Any]:
    sums: dict[str, Any] = {}
    for row in rows:
        value = row[column] - (row[less] if less else 0)
        sums[row["week"]] = sums.get(row["week"], 0) + value
    return sums
