"""Turns results into sentences for a terminal. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any


def amount(value: Decimal | None, currency: str | None) -> str:
    """`12,345.60 USD`; nothing for no amount."""
    return f"{value:,.2f} {currency}" if value is not None and currency else ""


def amounts(pairs: Iterable[tuple[str | None, Decimal | None]]) -> str:
    """Sums per currency, never over currencies: `1,200.00 EUR, 300.00 USD`."""
    sums: dict[str, Decimal] = {}
    for currency, value in pairs:
        if currency and value is not None:
            sums[currency] = sums.get(currency, Decimal(0)) + value
    return ", ".join(amount(sums[c], c) for c in sorted(sums)) or "no amount"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 invoice`, `2 invoices`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def table(rows: Sequence[Mapping[str, Any]], indent: int = 4) -> list[str]:
    """Rows as aligned columns, numbers to the right; the keys of the first row are the heads."""
    if not rows:
        return [" " * indent + "(none)"]
    heads = list(rows[0])
    cells = [[_cell(row[h]) for h in heads] for row in rows]
    widths = [max(len(h), *(len(c[i]) for c in cells)) for i, h in enumerate(heads)]
    numeric = [all(_is_number(row[h]) for row in rows) for h in heads]
    body = [heads, *cells]
    return [
        (" " * indent)
        + "  ".join(
            c.rjust(w) if n else c.ljust(w) for c, w, n in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in body
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if _is_number(value) else str(value)
