"""Rows of a table: written records, and records that are computed from their number when wanted."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from heapq import nlargest, nsmallest
from itertools import islice
from typing import Any, Protocol, TypeVar, overload

Record = dict[str, Any]
Held = int | Record  # a computed record by its number, or a written one
T = TypeVar("T")


class Computed(Protocol):
    """Records 0, 1, 2 … of an object, each made from its number, always the same."""

    @property
    def rising(self) -> frozenset[str]:
        """The fields (or paths) whose value never falls from one number to the next."""
        ...

    @property
    def constants(self) -> Mapping[str, Any]:
        """The fields that hold the same in all of them."""
        ...

    def __len__(self) -> int: ...

    def record(self, number: int) -> Record:
        """The record of a number."""
        ...

    def id(self, number: int) -> str:
        """The id of a number."""
        ...

    def number(self, record_id: str) -> int | None:
        """The number of an id; None for an id that is none of these."""
        ...

    def candidates(self, field: str, value: Any) -> Iterable[int] | None:
        """At least the numbers of all records that hold a value (in any case of its letters).

        None: not known without looking at every record.
        """
        ...


class _Nothing:
    """No computed records."""

    rising: frozenset[str] = frozenset()
    constants: Mapping[str, Any] = {}

    def __len__(self) -> int:
        return 0

    def record(self, number: int) -> Record:
        raise IndexError(number)

    def id(self, number: int) -> str:
        raise IndexError(number)

    def number(self, record_id: str) -> int | None:
        return None

    def candidates(self, field: str, value: Any) -> Iterable[int] | None:
        return ()


NOTHING = _Nothing()


class Rows(Sequence[Record]):
    """Some records of a table as they were when asked for, in an order; made when looked at."""

    __slots__ = ("_base", "_held")

    def __init__(self, base: Computed, held: Sequence[Held]) -> None:
        self._base = base
        self._held = held

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Record]:
        make = self._base.record
        if isinstance(self._held, range | array):
            return map(make, self._held)
        return (make(one) if type(one) is int else one for one in self._held)  # type: ignore[misc]

    def briefly(self) -> Iterator[Record]:
        """The same with no more of a computed record than its books need: see `Numbered.brief`."""
        make: Callable[[int], Record] = getattr(self._base, "brief", None) or self._base.record
        return (make(one) if type(one) is int else one for one in self._held)  # type: ignore[misc]

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> Rows: ...
    def __getitem__(self, at: int | slice) -> Record | Rows:
        if isinstance(at, slice):
            return Rows(self._base, self._held[at])
        return self._of(self._held[at])

    def _of(self, one: Held) -> Record:
        return self._base.record(one) if isinstance(one, int) else one

    def kept(self, test: Callable[[Record], bool], most: int | None = None) -> Rows:
        """Those that pass, in the same order; looking no further once there are `most`."""
        passed = (one for one, record in zip(self._held, self, strict=True) if test(record))
        return Rows(self._base, _packed(islice(passed, most)))

    def unless(self, field: str) -> Rows:
        """Those whose `field` is absent or false."""
        if field not in self._base.constants:
            return self.kept(lambda record: not record.get(field))
        if self._base.constants[field]:
            held = [one for one in self._held if isinstance(one, dict) and not one.get(field)]
            return Rows(self._base, held)
        if isinstance(self._held, range | array):
            return self
        gone = [at for at, one in enumerate(self._held) if isinstance(one, dict) and one.get(field)]
        return Rows(self._base, without(self._held, gone)) if gone else self

    def grouped(self, key: Callable[[Record], Hashable]) -> list[Rows]:
        """One for each value of `key`, in the order in which the values appear."""
        groups: dict[Hashable, list[Held]] = {}
        for one, record in zip(self._held, self, strict=True):
            groups.setdefault(key(record), []).append(one)
        return [Rows(self._base, _packed(group)) for group in groups.values()]

    def is_rising(self, fields: Iterable[str]) -> bool:
        """Whether the computed ones among them lie in the order of these fields."""
        return self._base.rising.issuperset(fields)

    def arranged(
        self, key: Callable[[Record], Any], reverse: bool = False, rising: bool = False
    ) -> Rows:
        """All of them sorted by `key`; `rising`: it never falls from one number to the next.

        What is known to rise is not looked at: only the written records are put among it.
        """
        if not rising:
            keys = [key(record) for record in self]
            order = sorted(range(len(keys)), key=keys.__getitem__, reverse=reverse)
            return Rows(self._base, _packed(self._held[at] for at in order))
        numbers, written = _parted(self._held)
        written.sort(key=key)
        found = self._merged(numbers, written, key) if written else numbers
        return Rows(self._base, found[::-1] if reverse else found)

    def foremost(self, key: Callable[[Record], Any], most: int, reverse: bool = False) -> Rows:
        """The first `most` of them as `arranged` would have them, without sorting the others."""
        if reverse:
            largest = nlargest(most, ((key(record), -at) for at, record in enumerate(self)))
            return Rows(self._base, _packed(self._held[-at] for _, at in largest))
        smallest = nsmallest(most, ((key(record), at) for at, record in enumerate(self)))
        return Rows(self._base, _packed(self._held[at] for _, at in smallest))

    def _merged(
        self, numbers: Sequence[int], written: list[Record], key: Callable[[Record], Any]
    ) -> list[Held]:
        merged: list[Held] = []
        done = 0
        for record in written:
            at = bisect_right(
                numbers, key(record), lo=done, key=lambda number: key(self._base.record(number))
            )
            merged += numbers[done:at]
            merged.append(record)
            done = at
        merged += numbers[done:]
        return merged


def _parted(held: Sequence[Held]) -> tuple[Sequence[int], list[Record]]:
    """The numbers, rising, and the written records."""
    if isinstance(held, range) and held.step > 0:
        return held, []
    numbers = sorted(one for one in held if isinstance(one, int))
    return numbers, [one for one in held if isinstance(one, dict)]


def _packed(held: Iterable[Held]) -> Sequence[Held]:
    """As little as holds them: numbers of a long table weigh eight bytes each, not forty."""
    found = list(held)
    numbers = [one for one in found if isinstance(one, int)]
    return array("q", numbers) if len(numbers) == len(found) else found


def without(held: Sequence[Held], places: Iterable[int]) -> list[Held]:
    """All but those at these places, which rise."""
    left: list[Held] = []
    begin = 0
    for at in places:
        left += held[begin:at]
        begin = at + 1
    left += held[begin:]
    return left


class Made(Sequence[T]):
    """What a function makes of each row, made when looked at."""

    __slots__ = ("_make", "_rows")

    def __init__(self, rows: Sequence[Any], make: Callable[[Any], T]) -> None:
        self._rows = rows
        self._make = make

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[T]:
        return map(self._make, self._rows)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Made[T]: ...
    def __getitem__(self, at: int | slice) -> T | Made[T]:
        if isinstance(at, slice):
            return Made(self._rows[at], self._make)
        return self._make(self._rows[at])
