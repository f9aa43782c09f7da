"""A question about an amount → the chains that answer it, read from the published copy.

The chains are made in SQL (`reconciliation.why` and its sisters, which an analyst can call); here
it is only found out what is meant, and which of them to ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.errors import Stop

Row = Mapping[str, Any]

_AMOUNT = re.compile(r"([+-]?\d[\d,]*\.\d{1,2}|[+-]?\d[\d,]*)(?:\s+([A-Za-z]{3}))?")
_DEAL = re.compile(r"006[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_EXCEPTION = re.compile(r"[0-9a-f]{6,32}")
_DOCUMENT = re.compile(r"(?:invoice|credit memo|refund receipt|refund)\s+(\S+)", re.IGNORECASE)

_FIGURES = """
    SELECT figures.*, companies.company_name
    FROM reconciliation.figures
    LEFT JOIN staging.stg_quickbooks__companies AS companies
        ON figures.company_id = companies.company_id
    ORDER BY figure, company_id, currency_code
"""
_WHY = "SELECT * FROM reconciliation.why(?, of_company := ?, in_currency := ?, parts_at_most := ?)"
_WHY_EXCEPTION = "SELECT * FROM reconciliation.why_exception(?, parts_at_most := ?)"
_WHY_DEAL = "SELECT * FROM reconciliation.why_deal(?, parts_at_most := ?)"
_WHY_DOCUMENT = "SELECT * FROM reconciliation.why_document(?, of_company := ?, parts_at_most := ?)"
_KPIS = "SELECT kpi, definition, figures FROM reconciliation.kpi_definitions WHERE len(figures) > 0"
_HAVING = "SELECT * FROM reconciliation.having_amount(?, in_currency := ?)"


@dataclass(frozen=True)
class Fact:
    """One thing behind a part of a figure: a vendor's record in the version that is held, a rule,
    a link, a decision, or what we wrote. `counts` is what it adds to the figure."""

    layer: str
    said: str
    amount: Decimal | None
    currency: str | None
    counts: Decimal
    system: str
    source_id: str | None
    object: str
    record_id: str | None
    version: str | None
    read_at: datetime | None


@dataclass(frozen=True)
class Part:
    """One of the amounts that a figure is the sum of, with what stands behind it."""

    number: int
    amount: Decimal
    said: str
    facts: tuple[Fact, ...]

    @property
    def total(self) -> Decimal:
        """What the facts add up to; the part's amount."""
        return sum((fact.counts for fact in self.facts), Decimal(0))


@dataclass(frozen=True)
class Chain:
    """A figure of one company and currency. `amount` is the sum of all its parts, of which the
    largest are in `parts`; `stated` is what the report says, None for what it does not show."""

    figure: str
    label: str
    company_id: str
    company: str
    currency: str
    amount: Decimal
    stated: Decimal | None
    said: str
    parts: tuple[Part, ...]

    @property
    def rest(self) -> Decimal:
        """The amount of the parts that were left out."""
        return self.amount - sum((part.amount for part in self.parts), Decimal(0))


@dataclass(frozen=True)
class Hit:
    """Something that has the amount that was asked for; `ask` is the question to go on with."""

    subject: str
    name: str
    company_id: str | None
    currency: str | None
    amount: Decimal
    said: str

    @property
    def ask(self) -> str:
        if self.subject == "review":
            return f"crossfoot match explain {self.name}"
        if self.subject == "change after signature":
            return ""
        if self.subject == "document":
            return f"crossfoot why invoice {self.name}" if "nvoice" in self.said else ""
        return "" if self.subject == "written by us" else f"crossfoot why {self.name}"


@dataclass(frozen=True)
class Answer:
    """The chains of what was asked about, or everything that has the amount. `definition` says
    how a rate or a number of days is reckoned from the figures whose chains follow."""

    chains: tuple[Chain, ...] = ()
    hits: tuple[Hit, ...] = ()
    definition: str = ""


def figures(path: Path) -> Sequence[Row]:
    """Every figure that can be asked about, with its amount. Raises `Stop` like `ask`."""
    _refuse_older(path)
    return warehouse.read(path, _FIGURES)


def ask(
    path: Path,
    subject: str,
    company: str | None = None,
    currency: str | None = None,
    parts: int | None = None,
) -> Answer:
    """What stands behind `subject`: a figure of the report, a class, a deal's id, an exception's
    id, the number or id of a document, or an amount such as `12.34 EUR`.

    `company` is a realm id or the beginning of a name. `parts` limits how many parts of each
    figure are followed, the largest first. Raises `Stop` when nothing of that name is there or
    the copy was made by an older version, and like `warehouse.read`.
    """
    known = figures(path)
    scope = _company(known, company), currency.upper() if currency else None
    chains = _chains(path, known, subject.strip(), *scope, parts)
    if chains:
        return Answer(chains=chains)
    made_of = _made_of(path, subject)
    if made_of:
        return Answer(
            tuple(
                c for name in made_of["figures"] for c in _chains(path, known, name, *scope, parts)
            ),
            definition=f"{made_of['kpi']}: {made_of['definition']}",
        )
    hits = _having(path, subject.strip(), scope[1])
    if hits:
        return Answer(hits=hits)
    raise Stop(
        "warehouse",
        subject,
        "no figure, deal, exception, document or amount of that name is in the published copy",
        "`crossfoot why` alone lists the figures.",
    )


def _chains(
    path: Path,
    known: Sequence[Row],
    subject: str,
    company: str | None,
    currency: str | None,
    parts: int | None,
) -> tuple[Chain, ...]:
    figure = figure_named(known, subject)
    if figure:
        rows = warehouse.read(path, _WHY, [figure, company, currency, parts])
        found = tuple(_grouped(rows, known))
        return (*found, *_empty(known, figure, company, currency, found))
    sql, given = _question(subject, company, parts)
    rows = warehouse.read(path, sql, given) if sql else []
    kept = [row for row in rows if currency in (None, row["currency_code"])]
    return tuple(_grouped(kept, known))


def _question(
    subject: str, company: str | None, parts: int | None
) -> tuple[str | None, list[str | int | None]]:
    document = _DOCUMENT.fullmatch(subject)
    if _DEAL.fullmatch(subject):
        return _WHY_DEAL, [subject, parts]
    if _EXCEPTION.fullmatch(subject) and not subject.isdigit():
        return _WHY_EXCEPTION, [subject, parts]
    if document or not _has_cents(subject):
        return _WHY_DOCUMENT, [document[1] if document else subject, company, parts]
    return None, []


def _has_cents(subject: str) -> bool:
    found = _AMOUNT.fullmatch(subject)
    return found is not None and ("." in found[1] or found[2] is not None)


def figure_named(known: Sequence[Row], subject: str) -> str | None:
    """The figure of that name; a bridge line or a class may be named by its code alone."""
    names = {row["figure"].lower(): row["figure"] for row in known}
    asked = " ".join(subject.lower().split())
    spoken = (
        asked, asked.replace(" ", "_"), asked.removesuffix("_amount"), f"bridge {asked}",
        f"class {asked}", f"steps {asked}",
    )  # fmt: skip
    return next((names[name] for name in spoken if name in names), None)


def _made_of(path: Path, subject: str) -> Row | None:
    """The rate or number of days of that name, with the figures that it is made of."""
    asked = "_".join(subject.lower().split())
    named = warehouse.read(path, _KPIS)
    exact = [row for row in named if row["kpi"] == asked]
    begun = [row for row in named if row["kpi"].startswith(asked)]
    return next(iter(exact or begun), None)


def _company(known: Sequence[Row], asked: str | None) -> str | None:
    if not asked:
        return None
    found = {
        row["company_id"]
        for row in known
        if row["company_id"] == asked
        or (row["company_name"] or "").lower().startswith(asked.lower())
    }
    if len(found) == 1:
        return str(found.pop())
    names = sorted({f"{row['company_name'] or row['company_id']}" for row in known})
    problem = "several companies begin so" if found else "there is no such company"
    raise Stop("warehouse", asked, problem, f"Say one of: {', '.join(names)}.")


def _grouped(rows: Sequence[Row], known: Sequence[Row]) -> Iterator[Chain]:
    stated = {(row["figure"], row["company_id"], row["currency_code"]): row for row in known}
    names = {row["company_id"]: row["company_name"] for row in known}

    def figure(row: Row) -> tuple[str, str, str]:
        return row["figure"], row["company_id"], row["currency_code"]

    for key, group in groupby(rows, figure):
        head, *facts = group
        said = stated.get(key)
        yield Chain(
            figure=key[0],
            label=said["label"] if said else key[0],
            company_id=key[1],
            company=names.get(key[1]) or key[1],
            currency=key[2],
            amount=head["amount"],
            stated=said["amount"] if said else None,
            said=head["said"],
            parts=tuple(_parts(facts)),
        )


def _parts(rows: Sequence[Row]) -> Iterator[Part]:
    for number, group in groupby(rows, lambda row: row["part_number"]):
        head, *facts = group
        # What a part counts by itself stands with the part; what its facts count, with these.
        own = [_fact(head)] if head["counts"] else []
        yield Part(number, head["amount"], head["said"], (*own, *map(_fact, facts)))


def _fact(row: Row) -> Fact:
    return Fact(
        layer=row["layer"],
        said=row["said"],
        amount=row["amount"],
        currency=row["amount_currency_code"],
        counts=row["counts"],
        system=row["system"],
        source_id=row["source_id"],
        object=row["object"],
        record_id=row["record_id"],
        version=row["version"],
        read_at=row["read_at"],
    )


def _empty(
    known: Sequence[Row],
    figure: str,
    company: str | None,
    currency: str | None,
    found: Sequence[Chain],
) -> Iterator[Chain]:
    """Books in which the figure is nothing, because nothing is in it."""
    there = {(chain.company_id, chain.currency) for chain in found}
    for row in known:
        book = row["company_id"], row["currency_code"]
        wanted = company in (None, book[0]) and currency in (None, book[1])
        if row["figure"] == figure and wanted and book not in there:
            yield Chain(
                figure, row["label"], book[0], row["company_name"] or book[0], book[1],
                Decimal("0.00"), row["amount"], f"{figure}: nothing is in it", (),
            )  # fmt: skip


def _having(path: Path, subject: str, currency: str | None) -> tuple[Hit, ...]:
    found = _AMOUNT.fullmatch(subject)
    if found is None:
        return ()
    amount = Decimal(found[1].replace(",", ""))
    rows = warehouse.read(path, _HAVING, [amount, found[2].upper() if found[2] else currency])
    return tuple(
        Hit(
            row["subject"],
            row["name"],
            row["company_id"],
            row["currency_code"],
            row["amount"],
            row["said"],
        )
        for row in rows
    )


def _refuse_older(path: Path) -> None:
    if "figures" not in warehouse.tables(path, warehouse.RECONCILIATION):
        raise Stop(
            "warehouse",
            path.name,
            "it holds no figures to explain: nothing was judged in it, or by an older version",
            "Run `crossfoot judge`.",
        )
