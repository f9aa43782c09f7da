"""Record ids as the vendors make them."""

from __future__ import annotations

from collections import Counter

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FIRST_SERIAL = 62**4 * 4


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits


def with_checksum(id15: str) -> str:
    """The 18-character form of a 15-character Salesforce id (three case-checking characters)."""
    groups = (id15[start : start + 5] for start in (0, 5, 10))
    bits = (sum(char.isupper() << k for k, char in enumerate(group)) for group in groups)
    return id15 + "".join(_CHECK[value] for value in bits)


class SalesforceIds:
    """Hands out 18-character ids, serial per key prefix."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def next(self, prefix: str) -> str:
        """The next id of a three-character key prefix such as `006`."""
        self._given[prefix] += 1
        serial = _FIRST_SERIAL + 7 * self._given[prefix]
        return with_checksum(f"{prefix}Hs00000{_base62(serial, 5)}")


class Serial:
    """Hands out QuickBooks ids: strings of digits, rising."""

    def __init__(self, first: int = 1) -> None:
        self._next = first

    def next(self) -> str:
        """The next id."""
        self._next += 1
        return str(self._next - 1)
