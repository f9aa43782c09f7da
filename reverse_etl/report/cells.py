"""What a sheet is made of: typed cells, columns, and formulas beside the value they must give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.money import Money

# Rows of a sheet, counted from 1: title, what it is, nothing, the headings, then the records.
HEADING = 4
FIRST = HEADING + 1


@dataclass(frozen=True)
class Share:
    """A share from 0 to 1, cut to a tenth of a per cent as everywhere in the report."""

    value: Decimal


@dataclass(frozen=True)
class Days:
    """A length of time."""

    value: Decimal


@dataclass(frozen=True)
class Live:
    """A formula, without its equals sign, and the value that it has now."""

    formula: str
    value: Money | Share | int


@dataclass(frozen=True)
class Link:
    """Text that opens a record in the system it is from."""

    text: str
    url: str


Plain = str | int | Decimal | date | Money | Share | Days | Link | None
Cell = Plain | Live


@dataclass(frozen=True)
class Column:
    """A column: its key, its heading, its width in characters."""

    key: str
    heading: str
    width: int = 14


@dataclass(frozen=True)
class Sheet:
    """One sheet: records below frozen headings, and totals below the records."""

    name: str
    told: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: tuple[tuple[Cell, ...], ...] = ()
    # Records that were left out because there are too many of them.
    left_out: int = 0

    def cell(self, key: str, row: int, *, named: bool = False) -> str:
        """The address of a column's cell in the record counted from 0."""
        address = f"{self.letter(key)}{FIRST + row}"
        return f"{quoted(self.name)}!{address}" if named else address

    def column(self, key: str, *, named: bool = False) -> str:
        """The address of all records' cells of a column."""
        last = FIRST + max(len(self.rows), 1) - 1
        address = f"${self.letter(key)}${FIRST}:${self.letter(key)}${last}"
        return f"{quoted(self.name)}!{address}" if named else address

    def letter(self, key: str) -> str:
        """The letter of a column."""
        return letters([column.key for column in self.columns].index(key))


def quoted(name: str) -> str:
    """A sheet's name as formulas write it."""
    return f"'{name}'"


def letters(place: int) -> str:
    """The letters of a column counted from 0: A, …, Z, AA."""
    text = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        text = chr(65 + rest) + text
    return text


def sheet(
    name: str,
    told: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    summed: Sequence[str] = (),
    most: int | None = None,
) -> Sheet:
    """A sheet with a live total per currency of the `summed` columns, which hold money, and with
    the first records only where there are more than `most`."""
    every = tuple(tuple(row) for row in rows)
    held = every[:most]
    plain = Sheet(name, told, tuple(columns), held, left_out=len(every) - len(held))
    totals = tuple(_totals(plain, summed)) if summed and held else ()
    return Sheet(name, told, plain.columns, held, totals, plain.left_out)


def _totals(sheet: Sheet, summed: Sequence[str]) -> Iterable[tuple[Cell, ...]]:
    """One row per currency; a column counts where its own money is in that currency."""
    keys = [column.key for column in sheet.columns]
    by = keys.index("currency")
    for currency in sorted({str(row[by]) for row in sheet.rows if row[by]}):
        cells: list[Cell] = [None] * len(keys)
        cells[0], cells[by] = f"Total {currency}", currency
        for key in summed:
            place = keys.index(key)
            cells[place] = Live(
                f'SUMIFS({sheet.column(key)},{sheet.column("currency")},"{currency}")',
                Money(_sum(row[place] for row in sheet.rows if row[by] == currency), currency),
            )
        yield tuple(cells)


def _sum(cells: Iterable[Cell]) -> Decimal:
    return sum((amount_of(cell) for cell in cells), Decimal(0))


def amount_of(cell: Cell) -> Decimal:
    """The amount in a cell, 0 where there is none."""
    value = cell.value if isinstance(cell, Live) else cell
    return value.amount if isinstance(value, Money) else Decimal(0)
