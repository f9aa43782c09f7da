"""Runs queries: which rows, in which order, with which columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.sandbox.rows import Made
from pipelines.sandbox.salesforce.refusals import Refusal, malformed_query
from pipelines.sandbox.salesforce.soql import groups, order, search
from pipelines.sandbox.salesforce.soql.columns import is_wide, row_maker
from pipelines.sandbox.salesforce.soql.names import Books, Scope, compound, queried
from pipelines.sandbox.salesforce.soql.parser import parse
from pipelines.sandbox.store import Record

__all__ = ["Books", "Result", "Selection", "compound"]

MOST_OFFSET = 2000


@dataclass(frozen=True)
class Result:
    """The rows of a query, made when looked at; `total` is the vendor's totalSize.

    `is_wide`: two custom long texts or more are selected; the vendor sends such rows in pages of
    200 at most.
    """

    rows: Sequence[Record]
    total: int
    is_wide: bool = False


class Selection:
    """Runs queries over an org's records as they are at one moment."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def run(self, statement: str, include_deleted: bool = False) -> Result:
        """Raises `Refusal` with the vendor's code and words for anything it does not take."""
        scope = self.scope(statement, include_deleted)
        query = scope.query
        if query.count_only:
            return Result([], self._count(scope))
        if groups.is_grouped(scope):
            rows = groups.group_rows(scope)
            return Result(rows, len(rows))
        make = row_maker(scope)
        window = order.in_window(order.ordered_rows(scope), query.offset, query.limit)
        return Result(Made(window, make), len(window), is_wide(scope))

    def scope(self, statement: str, include_deleted: bool = False) -> Scope:
        """The statement parsed and its object found."""
        query = parse(statement)
        source = queried(self._books, query, statement)
        if query.offset > MOST_OFFSET:
            raise Refusal(
                "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MOST_OFFSET}"
            )
        return Scope(self._books, source, query, statement, include_deleted)

    def _count(self, scope: Scope) -> int:
        query = scope.query
        if query.grouping or query.order_by:
            raise malformed_query("COUNT() can not be used with GROUP BY or ORDER BY")
        most = None if query.limit is None else query.offset + query.limit
        return max(0, len(search.rows(scope, most)) - query.offset)
