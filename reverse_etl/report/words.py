"""Numbers, dates and foreign text as people read them: one way for every channel.

Foreign text is whatever somebody typed into one of the two systems; it may hold anything.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from pipelines.money import Money, minor_units

MINUS = "−"
NARROW_SPACE = "\u202f"
# Characters that change the direction of what follows: embeddings, overrides and isolates.
_DIRECTING = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Control characters, separators of lines and paragraphs, and halves of characters.
_CONTROLLING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# What spreadsheets take as the beginning of a formula, also in its full-width forms (OWASP).
_FORMULA = tuple("=+-@＝＋－＠")
_UNSEEN = " \u00a0\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u3000"


def amount(value: Decimal, currency: str) -> str:
    """`1,234.50`, with a real minus sign; all digits are kept, the currency's own at the least."""
    exact = max(minor_units(currency), -_exponent(value.normalize()))
    return _minus(f"{value:,.{exact}f}")


def money(value: Money) -> str:
    """`USD 1,234.50`: the code first, so that the digits of a column line up on the right."""
    return f"{value.currency}\u00a0{amount(value.amount, value.currency)}"


def signed(value: Decimal, currency: str) -> str:
    """Like `amount`, with a plus before what is above zero."""
    return f"+{amount(value, currency)}" if value > 0 else amount(value, currency)


def percent(share: Decimal | None) -> str:
    """A share from 0 to 1 as `97.4 %`, rounded down, so that 100.0 % means every single one."""
    if share is None:
        return "–"
    tenths = int(share * 1000)
    return f"{tenths // 10}.{tenths % 10}{NARROW_SPACE}%"


def days(value: Decimal | int | None) -> str:
    """`1 day`, `12 days`, `3.5 days`."""
    if value is None:
        return "–"
    rounded = Decimal(value).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    text = _minus(f"{rounded:,.1f}".removesuffix(".0"))
    return f"{text}\u00a0{'day' if rounded == 1 else 'days'}"


def count(number: int, one: str, many: str = "") -> str:
    """`1 deal`, `1,204 deals`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def day(value: date | None) -> str:
    """`20 Nov 2026`: cannot be read as another day in any country."""
    return f"{value.day} {value:%b %Y}" if value else "–"


def moment(value: datetime) -> str:
    """`20 Nov 2026, 17:00 UTC`."""
    return f"{day(value)}, {value:%H:%M} UTC"


def label(code: str) -> str:
    """`customer_in_review` or `UNBILLED_CLOSED_WON` as words."""
    return code.replace("_", " ").strip().capitalize()


def document_name(kind: str | None, number: str | None, document_id: str | None) -> str:
    """`Invoice 1012`, or `Invoice #57` by its id where it has no number."""
    return f"{label(kind or 'document')} {number or '#' + (document_id or '')}"


def foreign(text: str | None) -> str:
    """Text of the vendors' systems without what could move or hide other text.

    Control characters become spaces, characters that turn the reading direction are dropped;
    every letter of every script stays.
    """
    return _DIRECTING.sub("", _CONTROLLING.sub(" ", text or ""))


def neutralised(text: str) -> str:
    """Text on one line that no spreadsheet takes for a formula."""
    clean = foreign(text).strip()
    return f"'{clean}" if clean.lstrip(_UNSEEN).startswith(_FORMULA) else clean


def _minus(text: str) -> str:
    return text.replace("-", MINUS)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
