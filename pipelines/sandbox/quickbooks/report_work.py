"""Long reports of large companies: made in a thread from the books as they were when asked.

A list of a hundred thousand documents takes seconds to make, to write down and to pack. Meanwhile
other calls are answered and the books go on; the report shows neither more nor less than what was
there when the call came.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.quickbooks import reports, xml_form
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger_parts import POSTS
from pipelines.sandbox.quickbooks.refusals import Refusal
from pipelines.sandbox.quickbooks.replies import refused, success
from pipelines.sandbox.quickbooks.tally import tallies_of

LARGE = 5_000  # documents; reports of fewer are made in a tenth of a second


class ReportWork:
    """Reports that were made for calls which have yet to be answered."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[weakref.ref[Request], Reply]] = {}

    def preparation(self, books: Books, request: Request, name: str) -> Callable[[], None] | None:
        """What makes a call's report, to be run in a thread; None when it is made, or short.

        To be called under the lock of the books.
        """
        if id(request) in self._made or not reports.grows_with_documents(name):
            return None
        if sum(len(books.table(entity)) for entity in POSTS) < LARGE:
            return None
        copy = books.frozen()
        copy.kept["tallies"] = tallies_of(books).frozen(copy)

        def make() -> None:
            self._keep(request, _made(copy, request, name))

        return make

    def _keep(self, request: Request, reply: Reply) -> None:
        key = id(request)
        ended = weakref.ref(request, lambda _: self._made.pop(key, None))
        self._made[key] = (ended, reply)

    def take(self, request: Request) -> Reply | None:
        """The report that was made for this call."""
        return self._made.pop(id(request), (None, None))[1]


def _made(books: Books, request: Request, name: str) -> Reply:
    try:
        reply = success(books, reports.report(books, name, request.query))
    except Refusal as refusal:
        reply = refused(books, refusal)
    return xml_form.as_xml(reply) if xml_form.is_wanted(request) else reply
