"""One object of one org or company: records that were written, over records that are computed.

A company of a million lines is not held: its records are made from their numbers whenever they are
wanted. What is written lies over them. A small seed is a table with nothing computed below.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pipelines.sandbox.rows import NOTHING, Computed, Held, Record, Rows, without

IndexKey = Callable[[Record], Hashable | None]
Watcher = Callable[[Record | None, Record | None], None]
T = TypeVar("T")
_REMEMBERED = 8


class Table:
    """Id to record, in the order of creation.

    Records are replaced, never changed in place: whoever holds one may keep it.
    """

    def __init__(self, base: Computed = NOTHING) -> None:
        self._base = base
        self._written: dict[str, Record] = {}
        self._replaced: set[int] = set()
        self._indexes: dict[str, _Index] = {}
        self._orders: dict[str, _Order] = {}
        self._known: dict[Hashable, Any] = {}
        self._watchers: list[Watcher] = []

    def __len__(self) -> int:
        return len(self._base) - len(self._replaced) + len(self._written)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.rows())

    def frozen(self) -> Table:
        """The same records as they are now, whatever is written here later."""
        found = Table(self._base)
        found._written = dict(self._written)
        found._replaced = set(self._replaced)
        return found

    def ids(self) -> Iterator[str]:
        """The ids of all records."""
        numbers = (n for n in range(len(self._base)) if n not in self._replaced)
        yield from map(self._base.id, numbers)
        yield from self._written

    def get(self, record_id: str) -> Record | None:
        """The record, or None."""
        found = self._written.get(record_id)
        if found is not None or not len(self._base):
            return found
        number = self._base.number(record_id)
        if number is None or number in self._replaced:
            return None
        return self._base.record(number)

    def rows(self) -> Rows:
        """All records as they are now."""
        return self.remember("rows", self._whole)

    def rows_of(self, records: Sequence[Record]) -> Rows:
        """Some of its records, already at hand, as rows."""
        return Rows(self._base, records)

    def remember(self, question: Hashable, answer: Callable[[], T]) -> T:
        """What `answer` gives, kept for the same question until the next write.

        For answers that are asked for page by page.
        """
        if question not in self._known:
            found = answer()
            while len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[question] = found
        known: T = self._known[question]
        return known

    def _whole(self) -> Rows:
        if not self._written and not self._replaced:
            return Rows(self._base, range(len(self._base)))
        if not len(self._base):
            return Rows(self._base, list(self._written.values()))
        held: list[Held] = []
        done = 0
        for number in sorted(self._replaced):
            held += range(done, number)
            held += filter(None, [self._written.get(self._base.id(number))])
            done = number + 1
        held += range(done, len(self._base))
        held += (r for i, r in self._written.items() if self._base.number(i) is None)
        return Rows(self._base, held)

    def find(self, name: str, value: Hashable, key: IndexKey | None = None) -> list[Record]:
        """The records whose index `name` holds `value`, in the order they got that value.

        The index is built at the first question and kept up to date from then on. `key` computes
        a record's value (None: not indexed); without it, `name` is a field. A given name always
        goes with the same key, and its last word is the field the key looks at.
        """
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = _Index(key or (lambda record: record.get(name)))
            for record_id, record in self._written.items():
                index.add(record_id, record)
        written = [self._written[record_id] for record_id in index.ids.get(value, ())]
        return [*self._computed_with(index, name, value), *written]

    def _computed_with(self, index: _Index, name: str, value: Hashable) -> Iterator[Record]:
        if not len(self._base):
            return
        field = name.replace(":", " ").rpartition(" ")[2]
        numbers = self._base.candidates(field, value)
        if numbers is None:
            numbers = index.numbers_of(self._base).get(value, ())
        for number in numbers:
            if number not in self._replaced:
                record = self._base.record(number)
                if index.key(record) == value:
                    yield record

    def is_ordered(self, name: str) -> bool:
        """Whether `between` finds exactly the records asked for, and no others."""
        return not len(self._base) or name in self._base.rising

    def between(
        self,
        name: str,
        low: Any,
        high: Any,
        key: IndexKey,
        *,
        above: bool = False,
        below: bool = False,
    ) -> Rows:
        """At least the records whose `key` lies from `low` to `high`.

        Both are included, but `low` not with `above` and `high` not with `below`; None is no bound.
        `name` is the field (or path) the key looks at, and always goes with the same key; its
        values are of one kind that can be ordered.
        """
        first = bisect_right if above else bisect_left
        last = bisect_left if below else bisect_right

        def span(values: Sequence[T], value: Callable[[T], Any]) -> tuple[int, int]:
            start = 0 if low is None else first(values, low, key=value)
            stop = len(values) if high is None else last(values, high, key=value)
            return start, max(start, stop)

        order = self._orders.get(name)
        if order is None:
            order = self._orders[name] = _Order(key, self._written.items())
        start, stop = span(order.entries, lambda entry: entry[0])
        written = [self._written[record_id] for _, record_id in order.entries[start:stop]]
        numbers = range(len(self._base))
        if name in self._base.rising:
            start, stop = span(numbers, lambda number: key(self._base.record(number)))
            numbers = numbers[start:stop]
        computed = self._still_computed(numbers)
        return Rows(self._base, [*computed, *written] if written else computed)

    def _still_computed(self, numbers: range) -> Sequence[Held]:
        """Those of the numbers whose records no write has replaced."""
        replaced = sorted(self._replaced)
        first, last = bisect_left(replaced, numbers.start), bisect_left(replaced, numbers.stop)
        places = [number - numbers.start for number in replaced[first:last]]
        return without(numbers, places) if places else numbers

    def watch(self, watcher: Watcher) -> None:
        """Tell of every record, as it was and as it is, whenever one is set, removed or put back.

        Also of what is taken back, and of a past that is only looked at (`Store.as_of`).
        """
        self._watchers.append(watcher)

    def put(self, record_id: str, record: Record | None) -> Record | None:
        """Set or remove a record without logging it; answers what was there before.

        For the store alone: vendors go through `Store.commit`.
        """
        before = self.get(record_id)
        written = self._written.get(record_id)
        number = self._base.number(record_id)
        if number is not None:
            self._replaced.add(number)
        if record is None:
            self._written.pop(record_id, None)
        else:
            self._written[record_id] = record
        kept: list[_Index | _Order] = [*self._indexes.values(), *self._orders.values()]
        for index in kept:
            if written is not None:
                index.remove(record_id, written)
            if record is not None:
                index.add(record_id, record)
        self._known.clear()
        for watcher in self._watchers:
            watcher(before, record)
        return before


class _Index:
    """The written records' ids by the value of a key; of computed ones the numbers, if need be."""

    def __init__(self, key: IndexKey) -> None:
        self.key = key
        self.ids: dict[Hashable, dict[str, None]] = {}
        self._numbers: dict[Hashable, list[int]] | None = None

    def add(self, record_id: str, record: Record) -> None:
        value = self.key(record)
        if value is not None:
            self.ids.setdefault(value, {})[record_id] = None

    def remove(self, record_id: str, record: Record) -> None:
        value = self.key(record)
        ids = self.ids.get(value)
        if ids is not None:
            ids.pop(record_id, None)
            if not ids:
                del self.ids[value]

    def numbers_of(self, base: Computed) -> Mapping[Hashable, list[int]]:
        """Of a field that the computed records cannot be asked for: from looking at each once."""
        if self._numbers is None:
            self._numbers = {}
            for number in range(len(base)):
                value = self.key(base.record(number))
                if value is not None:
                    self._numbers.setdefault(value, []).append(number)
        return self._numbers


class _Order:
    """The written records' ids in the order of a key."""

    def __init__(self, key: IndexKey, records: Iterable[tuple[str, Record]]) -> None:
        self.key = key
        valued = ((key(record), record_id) for record_id, record in records)
        self.entries: list[tuple[Any, str]] = sorted(e for e in valued if e[0] is not None)

    def add(self, record_id: str, record: Record) -> None:
        value = self.key(record)
        if value is not None:
            insort(self.entries, (value, record_id))

    def remove(self, record_id: str, record: Record) -> None:
        entry = (self.key(record), record_id)
        if entry[0] is not None:
            at = bisect_left(self.entries, entry)
            del self.entries[at]
