"""What records are called in reports, remembered until they change.

A customer of a generated company is computed anew whenever it is looked at; a report of a hundred
thousand lines asks for the same names again and again.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.references import display_name
from pipelines.sandbox.quickbooks.values import Record

NOT_SPECIFIED = "Not Specified"


class Names:
    """The names of one company's records by entity and id."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._known: dict[str, dict[str, str]] = {}

    def of(self, entity: str, record_id: str) -> str:
        """A record's name; "Not Specified" without one."""
        known = self._known.get(entity)
        if known is None:
            known = self._known[entity] = {}
            self._books.table(entity).watch(
                lambda before, after: self._forget(known, before, after)
            )
        found = known.get(record_id)
        if found is None:
            record = self._books.get(entity, record_id)
            found = known[record_id] = display_name(entity, record) if record else NOT_SPECIFIED
        return found

    def _forget(self, known: dict[str, str], before: Record | None, after: Record | None) -> None:
        known.pop(str((after or before or {}).get("Id", "")), None)


def name_of(books: Books, entity: str, record_id: str) -> str:
    """What a record is called; "Not Specified" without one."""
    if not record_id:
        return NOT_SPECIFIED
    names = books.kept.get("names")
    if not isinstance(names, Names):
        names = books.kept["names"] = Names(books)
    return names.of(entity, record_id)


def names_of(books: Books, entity: str, ids: Iterable[str]) -> dict[str, str]:
    """What records are called, by id, in the order of their names."""
    named = {record_id: name_of(books, entity, record_id) for record_id in ids}
    return dict(sorted(named.items(), key=lambda pair: pair[1].casefold()))
