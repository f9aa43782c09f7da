"""Record ids: 15 case-sensitive characters and a checksum of 3."""

from __future__ import annotations

import re

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FORM = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")


def checksum(id15: str) -> str:
    """The three characters that follow the first 15: per group of five, which are capitals."""
    return "".join(
        _CHECKSUM[sum(1 << k for k in range(5) if "A" <= id15[start + k] <= "Z")]
        for start in (0, 5, 10)
    )


def to18(record_id: str) -> str | None:
    """The 18-character form of an id given in either; None when it is no id.

    The last three characters of a longer one may come in any case, as the vendor takes them.
    """
    if not _FORM.fullmatch(record_id):
        return None
    full = record_id[:15] + checksum(record_id[:15])
    if len(record_id) == 18 and record_id[15:].upper() != full[15:]:
        return None
    return full


def numbered(prefix: str, number: int) -> str:
    """The id an org of this sandbox gives its `number`-th record of a kind."""
    text = ""
    rest = number + 62**6
    while rest:
        rest, digit = divmod(rest, 62)
        text = _DIGITS[digit] + text
    id15 = prefix + "Hs" + text.rjust(10, "0")
    return id15 + checksum(id15)
