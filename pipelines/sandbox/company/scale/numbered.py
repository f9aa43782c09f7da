"""Records computed from their number, for both vendors' tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipelines.sandbox.company.ids import with_checksum
from pipelines.sandbox.rows import Record

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_PAIRS = [a + b for a in _DIGITS for b in _DIGITS]
_PAIR_OF = {pair: at for at, pair in enumerate(_PAIRS)}
_PAIR_BITS = [a.isupper() + 2 * b.isupper() for a in _DIGITS for b in _DIGITS]
_SERIAL = 62**4

Find = Callable[[Any], Iterable[int]]


class Ids:
    """Salesforce ids of one key prefix, rising with the number as text rises."""

    def __init__(self, prefix: str) -> None:
        self._stem = f"{prefix}Hs00000"
        self._check = with_checksum(f"{self._stem}00000")[15:17]

    def of(self, number: int) -> str:
        """The 18 characters; `with_checksum` says the same and takes five times as long."""
        rest, low = divmod(number + _SERIAL, 3844)
        first, middle = divmod(rest, 3844)
        bits = _DIGITS[first].isupper() + 2 * _PAIR_BITS[middle] + 8 * _PAIR_BITS[low]
        return (
            f"{self._stem}{_DIGITS[first]}{_PAIRS[middle]}{_PAIRS[low]}{self._check}{_CHECK[bits]}"
        )

    def number(self, record_id: str) -> int | None:
        """The number of an id."""
        if len(record_id) != 18 or not record_id.startswith(self._stem):
            return None
        first = _DIGITS.find(record_id[10])
        middle, low = _PAIR_OF.get(record_id[11:13], -1), _PAIR_OF.get(record_id[13:15], -1)
        number = (first * 3844 + middle) * 3844 + low - _SERIAL
        return number if min(first, middle, low, number) >= 0 else None


@dataclass(frozen=True)
class Serials:
    """QuickBooks ids: every `step`-th number from `first`."""

    first: int
    step: int = 1

    def of(self, number: int) -> str:
        """The id of a number."""
        return str(self.first + self.step * number)

    def number(self, record_id: str) -> int | None:
        """The number of an id."""
        if not (record_id.isascii() and record_id.isdigit()) or record_id[0] == "0":
            return None
        number, rest = divmod(int(record_id) - self.first, self.step)
        return None if rest or number < 0 else number


class Numbering(Protocol):
    """How a number is an id; `number` may take an id for one of these that is none."""

    def of(self, number: int) -> str:
        """The id of a number."""
        ...

    def number(self, record_id: str) -> int | None:
        """The number of an id."""
        ...


@dataclass(frozen=True)
class Numbered:
    """See `Computed`. `finds` says by which fields records are found without looking at them.

    `brief` makes a record with only what the books' double entry is read from; it is quicker.
    """

    count: int
    ids: Numbering
    record: Callable[[int], Record]
    rising: frozenset[str] = frozenset()
    constants: Mapping[str, Any] = field(default_factory=dict)
    finds: Mapping[str, Find] = field(default_factory=dict)
    brief: Callable[[int], Record] | None = None

    def __len__(self) -> int:
        return self.count

    def id(self, number: int) -> str:
        """The id of a number."""
        return self.ids.of(number)

    def number(self, record_id: str) -> int | None:
        """The number of an id."""
        found = self.ids.number(record_id)
        return (
            None if found is None or found >= self.count or self.id(found) != record_id else found
        )

    def candidates(self, field: str, value: Any) -> Iterable[int] | None:
        """At least the numbers of all records that hold a value; None where that is not known."""
        if field in self.constants:
            same = _lowered(self.constants[field]) == _lowered(value)
            return range(self.count) if same else ()
        find = self.finds.get(field)
        return None if find is None else (n for n in find(value) if 0 <= n < self.count)


def _lowered(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def one(number: int | None) -> tuple[int, ...]:
    """What was found, as numbers."""
    return () if number is None else (number,)
