"""What may go together in one call: records of one company, one kind and one action."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from reverse_etl.changes import Change
from reverse_etl.ledger import Entry
from reverse_etl.syncs.flow import one_place


def groups(
    changes: Iterable[Change], size: int, weigh: Callable[[Change], float] = one_place
) -> Iterator[tuple[Change, ...]]:
    """Changes cut, in their order, into groups for one call each: of one company, one kind of
    record and one action, of which none needs another, and which together fill `size` places."""
    group: list[Change] = []
    filled = 0.0
    for change in changes:
        fits = not group or (
            filled + weigh(change) <= size
            and _kind(group[0]) == _kind(change)
            and not any(member.key in change.needs for member in group)
        )
        if not fits:
            yield tuple(group)
            group, filled = [], 0.0
        group.append(change)
        filled += weigh(change)
    if group:
        yield tuple(group)


def alike(entries: Sequence[Entry], size: int) -> Iterator[tuple[Entry, ...]]:
    """Entries cut, in their order, into groups of at most `size` that are alike in the same way.

    What one of them needed was done before its intent, so none needs another.
    """
    group: list[Entry] = []
    for entry in entries:
        if group and (len(group) == size or _kind(group[0]) != _kind(entry)):
            yield tuple(group)
            group = []
        group.append(entry)
    if group:
        yield tuple(group)


def _kind(one: Change | Entry) -> tuple[str, str, str]:
    return one.company_id, one.entity, one.action
