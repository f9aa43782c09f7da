"""Walking books that change on the way, page by page, without a service."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from itertools import islice

import pytest
from msgspec import Raw

from pipelines.clients.quickbooks import PAGE
from pipelines.clients.quickbooks_answers import Head, RawPage, Records, Times
from pipelines.extract.quickbooks_walk import BEGINNING, Place, Walk, WalkLost

SIZE = 2 * PAGE + 500


def made_at(number: int) -> str:
    hours, rest = divmod(number, 3600)
    return f"2026-11-01T{hours:02}:{rest // 60:02}:{rest % 60:02}-08:00"


class Books:
    """Records 1 to `SIZE` in the order of their creation; `before` is called before each page."""

    def __init__(self, before: Callable[[Books], None] = lambda books: None) -> None:
        self.ids = list(range(1, SIZE + 1))
        self.pages = 0
        self._before = before

    def ask(self, place: Place) -> Future[RawPage]:
        self.pages += 1
        self._before(self)
        reached = (n for n in self.ids if not place.since or made_at(n) >= place.since)
        shown = list(islice(reached, place.position - 1, place.position - 1 + PAGE))
        heads = tuple(Head(Id=str(n), MetaData=Times(CreateTime=made_at(n))) for n in shown)
        found: Future[RawPage] = Future()
        found.set_result(RawPage(Records(heads, (Raw(b"{}"),) * len(heads)), len(heads), None))
        return found

    def walked(self) -> list[int]:
        return [int(key) for page in Walk("Invoice", self.ask).pages() for key in page.keys]


def test_each_record_comes_once() -> None:
    books = Books()
    assert books.walked() == list(range(1, SIZE + 1))
    assert books.pages == 3


@pytest.mark.parametrize("gone", [range(5, 6), range(1, 40), range(PAGE, PAGE + 1)])
def test_what_is_deleted_on_the_way_moves_no_record_past_the_walk(gone: range) -> None:
    def delete(books: Books) -> None:
        if books.pages == 2:
            books.ids = [n for n in books.ids if n not in gone]

    met = Books(delete).walked()
    assert len(met) == len(set(met))
    assert set(met) >= set(range(1, SIZE + 1)) - set(gone)


def test_what_is_made_on_the_way_comes_at_the_end() -> None:
    def make(books: Books) -> None:
        books.ids.append(SIZE + books.pages)

    assert Books(make).walked() == list(range(1, SIZE + 4))


def test_the_same_page_for_ever_is_given_up() -> None:
    class Stuck(Books):
        def ask(self, place: Place) -> Future[RawPage]:
            assert self.pages < 50, "the walk does not end"
            return super().ask(BEGINNING)

    with pytest.raises(WalkLost):
        Stuck().walked()
