"""What the reconciliation of the past weeks would have said with other settings.

A copy of the published warehouse is judged with them; the real one is not touched. Both say what
they would list at the end of each week, and what differs is the answer.
"""

from __future__ import annotations

import re
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
# What a row of book_dials sets of each dial that books may have their own of.
_OF_BOOKS: Mapping[str, tuple[str, str]] = {
    "tolerance_abs": ("matching", "absolute"),
    "matching_tolerance_pct": ("matching", "per_cent"),
    "rounding_per_line": ("rounding", "absolute"),
    "materiality_abs": ("materiality", "absolute"),
    "materiality_pct": ("materiality", "per_cent"),
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
# The nearest setting that the books have: their own, their currency's, their company's, all books'.
_DIALS = """
    SELECT
        dial,
        arg_max(
            setting, (currency_code IS NOT NULL)::INTEGER * 2 + (company_id IS NOT NULL)::INTEGER
        ) AS setting
    FROM reconciliation.dials
    WHERE coalesce(company_id = $company, TRUE) AND coalesce(currency_code = $currency, TRUE)
        AND (company_id IS NULL OR CAST($company AS VARCHAR) IS NOT NULL)
        AND (currency_code IS NULL OR CAST($currency AS VARCHAR) IS NOT NULL)
    GROUP BY dial
"""


@dataclass(frozen=True)
class WhatIf:
    """What would differ. `dials` maps each dial that was given to its setting in force and the one
    tried; `weeks` has a row per week, class, company and currency in which something differs:
    counts and amounts in force and as tried."""

    dials: Mapping[str, tuple[str, str]]
    days: Sequence[Any]
    weeks: Rows


@dataclass(frozen=True)
class Books:
    """Which books a dial is tried for: a company's, those in a currency, or both; else all that
    have no setting of their own in the seed book_dials."""

    company_id: str | None = None
    currency_code: str | None = None

    @property
    def are_all(self) -> bool:
        return self.company_id is None and self.currency_code is None


ALL_BOOKS = Books()


def try_out(
    settings: Settings, dials: Mapping[str, str], weeks: int = 52, books: Books = ALL_BOOKS
) -> WhatIf:
    """The lists of the past `weeks` weeks with these dials, against those with the dials in force.

    Tried for all books, the dials leave alone what the seed book_dials sets for some; tried for
    some, they take the place of that setting.
    Raises `Stop` when no dial is given, or one that books cannot have their own of, or nothing has
    been judged, and like a build.
    """
    if not dials:
        raise Stop("what-if", "no dial", "there is nothing to try", "Give --grace, for example.")
    if not books.are_all and not dials.keys() <= _OF_BOOKS.keys():
        raise Stop(
            "what-if",
            ", ".join(sorted(dials.keys() - _OF_BOOKS.keys())),
            "is one setting for all books",
            "Leave --company and --currency out to try it.",
        )
    if "kpi_definitions" not in warehouse.tables(settings.published_path, warehouse.RECONCILIATION):
        raise Stop(
            "warehouse",
            settings.published_path.name,
            "nothing was judged in it, or by an older version",
            "Run `crossfoot judge`.",
        )
    of_books = {"company": books.company_id, "currency": books.currency_code}
    held = warehouse.read(settings.published_path, _DIALS, of_books)
    in_force = {row["dial"]: row["setting"] for row in held}
    with tempfile.TemporaryDirectory(prefix="crossfoot-what-if-") as folder:
        # The parsed project names the database after its file, and may have been parsed before.
        copy = Path(folder) / warehouse.copy_name(settings.warehouse_path)
        warehouse.copy(settings.published_path, copy)
        (found,) = warehouse.read(copy, _DAYS, [weeks])
        warehouse.replace_by_query(copy, "what_if", "listed", _LISTED, [found["days"]])
        there = replace(settings, warehouse_path=copy)
        try:
            if books.are_all:
                only = _moved(dials)
                steps.judge(there, tests=False, only=only, dials=dials, mapped_before=True)
            else:
                _set_for(copy, books, dials)
                # The macros of any day have the settings of single books written into them.
                only = [*_moved(dials), "kpi_definitions"]
                steps.judge(there, tests=False, only=only, mapped_before=True)
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


def _set_for(copy: Path, books: Books, dials: Mapping[str, str]) -> None:
    """Give these books the dials as their own, in place of a setting that they have."""
    whose = (
        "company_id IS NOT DISTINCT FROM $company AND currency_code IS NOT DISTINCT FROM $currency"
    )
    of_books = {"company": books.company_id, "currency": books.currency_code}
    with warehouse.writer(copy) as connection:
        for name, setting in dials.items():
            dial, part = _OF_BOOKS[name]
            connection.execute(
                f"UPDATE staging.book_dials SET {part} = NULL WHERE dial = $dial AND {whose}",  # noqa: S608
                {"dial": dial, **of_books},
            )
            connection.execute(
                f"INSERT INTO staging.book_dials (dial, company_id, currency_code, {part}) "  # noqa: S608
                "VALUES ($dial, $company, $currency, $setting)",
                {"dial": dial, **of_books, "setting": Decimal(setting)},
            )


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
