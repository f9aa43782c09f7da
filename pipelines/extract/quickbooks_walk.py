"""Walking one entity page by page, so that nothing is skipped and a kill loses no page.

Pages come in the order of creation (`MetaData.CreateTime`, then Id), which never changes: what is
created during the walk comes at its end, what changes keeps its place, and what is deleted moves
the rest forward by one. So each page begins with the last record of the page before. Where that
record is not there, the walk goes on from its time of creation instead of its number, and what has
been met already is left out. The same place, kept in the state, is where a killed walk goes on.
The next page is asked for, by a thread, while the present one is made into rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipelines.clients import quickbooks as client
from pipelines.clients.quickbooks import quoted
from pipelines.clients.quickbooks_answers import RawPage, Records
from pipelines.extract.quickbooks_entities import SINGLES, both, condition
from pipelines.extract.quickbooks_rows import Ids

# So often in a row the place of a walk may be lost before the answers are not believed any more.
_LOST = 4


class WalkLost(Exception):
    """The pages do not fit together; the walk has to begin anew."""


@dataclass(frozen=True)
class Place:
    """Where a walk stands: at `position` (from 1) among the records created at `since` or later;
    the record there must be `last_id`, the last one met, which was created at `created`. Empty at
    the beginning."""

    since: str = ""
    position: int = 1
    last_id: str = ""
    created: str = ""

    def kept(self) -> dict[str, Any]:
        """As the state keeps it."""
        return asdict(self)


BEGINNING = Place()


def where(entity: str, place: Place, more: str = "") -> str:
    """The condition of the page at a place; `more` narrows the walk."""
    reached = f"MetaData.CreateTime >= {quoted(place.since)}" if place.since else ""
    return both(both(more, condition(entity)), reached)


def window(entity: str, place: Place) -> str:
    """Order and cut of the page at a place."""
    order = {"ExchangeRate": "orderby SourceCurrencyCode, AsOfDate "}.get(
        entity, "" if entity in SINGLES else "orderby MetaData.CreateTime, Id "
    )
    return f"{order}startposition {place.position} maxresults {client.PAGE}"


Ask = Callable[[Place], "Future[RawPage]"]


class Walk:
    """One walk over an entity. `met` are the ids it has come by, `last_created` and `place` where
    it stands after the page it gave last, `is_over` whether that was the last one."""

    def __init__(self, entity: str, ask: Ask, place: Place = BEGINNING) -> None:
        self.entity = entity
        self.met = Ids()
        self.place = place
        self.page_count = 0
        self.is_over = False
        self._ask = ask
        self._lost = 0

    def pages(self) -> Iterator[Records]:
        """The records of each page that were not met before.

        Raises `WalkLost` when the pages do not fit together however often they are asked for.
        """
        waiting = self._ask(self.place)
        while not self.is_over:
            page = waiting.result()
            self.page_count += 1
            fresh = self._taken(page.records)
            if not self.is_over:
                waiting = self._ask(self.place)
            yield fresh

    def _taken(self, records: Records) -> Records:
        if self.place.last_id and (not records or records.keys[0] != self.place.last_id):
            self._step_back()
            return Records()
        fresh = records.only(self.met.take(records.keys))
        if fresh:
            # Not by a page alone: the same one over and over would fit every other place.
            self._lost = 0
        if len(records) < client.PAGE:
            self.is_over = True
        else:
            self._move_on(records)
        return fresh

    def _move_on(self, records: Records) -> None:
        last, ahead = records.heads[-1], self.place.position + client.PAGE - 1
        created = last.created or self.place.created
        self.place = replace(self.place, position=ahead, last_id=last.key, created=created)

    def _step_back(self) -> None:
        """Records have gone from before this place: go on by time of creation."""
        self._lost += 1
        if self._lost > _LOST:
            raise WalkLost
        created = self.place.created or self.place.since
        self.place = Place(since=created, created=created)
