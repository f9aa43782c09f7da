"""Reading an entity whole: walked, proved complete, and what is held but gone found by two proofs.

What proves a walk is told in `quickbooks_calls`. Versions that the change call told before the walk
must stand on its pages: a record that is missing there is handed on as the change call told it, and
one that is older there is read again by the next change call.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any

import dlt

from pipelines.clients.quickbooks import SYSTEM, quoted
from pipelines.clients.quickbooks_answers import Head, RawPage, Records, moment
from pipelines.errors import Incomplete
from pipelines.extract.quickbooks_changes import OVERLAP, Following
from pipelines.extract.quickbooks_desk import Desk, Subject
from pipelines.extract.quickbooks_entities import (
    CAPTURED,
    CURRENCIES,
    DELETION,
    FEATURES,
    OFTEN_NONE,
    SINGLES,
    both,
    condition,
    is_in_use,
    without,
)
from pipelines.extract.quickbooks_rows import Gone, deletion_table, entity_table
from pipelines.extract.quickbooks_walk import BEGINNING, Place, Walk, WalkLost
from pipelines.extract.results import Progress

_WALKS = 3
_IDS_AT_ONCE = 200
# Tables of several pages, for dlt looks at each table anew.
_ROWS_AT_ONCE = 5000
_PROGRESS_ROWS = 25_000
DELETION_KEY = ("company_id", "entity", "id")
State = MutableMapping[str, Any]


class Walking:
    """The walks of one reading. `room` is how many rows this load may still take in."""

    def __init__(self, desk: Desk, following: Following, progress: Progress, room: int) -> None:
        self.room = room
        # Whether the change call told of anything that was done in the last weeks.
        self.is_at_work = False
        self.preferences: Mapping[str, Any] = {}
        self.told_preferences: RawPage | None = None
        self._desk = desk
        self._following = following
        self._progress = progress
        self._company = desk.client.realm_id

    def whole(self, one: Subject, state: State) -> Generator[Any, None, bool]:
        """Every record of an entity, proved; then `one.gone` has what is not there any more.
        False when the walk has stopped so that its rows can be loaded: the state has its place.

        Raises `Incomplete` when the service's own count is not met by three walks.
        """
        yield entity_table(self._company, one.name, Records(), self._desk.now())
        if one.name in CAPTURED:
            yield deletions(self._company, ())
        if self._is_unused(one.name):
            self._progress(f"QuickBooks {self._company} has no {without(one.name)}")
            if one.name in CURRENCIES:
                one.counted = 0
                return True
        elif self._is_likely_none(one):
            one.counted = self._desk.count(one)
            if one.counted == 0:
                return True
        for _ in range(_WALKS):
            try:
                is_over = yield from self._walked(one, state)
            except WalkLost:
                self._begin_anew(one)
                continue
            if not is_over:
                return False
            is_short, is_ended = bool(one.recent), self._shows_its_end(one)
            yield from self._told_before(one)
            if (yield from self._is_proved(one, is_short, is_ended)):
                self._find_gone(one)
                return True
            self._begin_anew(one)
        raise self._uncounted(one)

    def rows(self, one: Subject, records: Records) -> Iterator[Any]:
        """These records as a table, if there are any."""
        if records:
            one.rows += len(records)
            self.room -= len(records)
            yield entity_table(self._company, one.name, records, self._desk.now())

    # The walk --------------------------------------------------------------------------------

    def _walked(self, one: Subject, state: State) -> Generator[Any, None, bool]:
        """The pages of a walk from where it stands; False when it has stopped on the way."""
        if one.walk is None or one.pages is None:
            one.walk = Walk(one.name, lambda place: self._page(one, place), one.place)
            if not one.handed:
                # All that a first walk comes by is handed on: both are the same ids.
                one.handed = one.walk.met
            one.pages = one.walk.pages()
        kept = Records()
        try:
            for page in one.pages:
                kept = kept.with_(self._fresh(one, page))
                if len(kept) < min(_ROWS_AT_ONCE, self.room) and not one.walk.is_over:
                    continue
                yield from self.rows(one, kept)
                kept = self._told(one, kept)
                if self.room <= 0 and not one.walk.is_over:
                    keep(one, state)
                    return False
        except WalkLost:
            yield from self.rows(one, kept)
            raise
        return True

    def _told(self, one: Subject, handed: Records) -> Records:
        """Tell of every so many rows that they were handed on; no records, to go on with."""
        if one.rows // _PROGRESS_ROWS > (one.rows - len(handed)) // _PROGRESS_ROWS:
            self._progress(f"QuickBooks {self._company} {one.name}: {one.rows:,} rows so far")
        return Records()

    def _page(self, one: Subject, place: Place) -> Future[RawPage]:
        """The page at a place; that of the preferences may have been read already."""
        told, self.told_preferences = self.told_preferences, None
        if one.name != "Preferences" or told is None:
            self.told_preferences = told
            return self._desk.page(one, place)
        found: Future[RawPage] = Future()
        found.set_result(told)
        return found

    def _fresh(self, one: Subject, page: Records) -> Records:
        """The records of a page that were not handed on by an earlier walk of this reading. That
        an earlier one has handed on an older version is made good by the next change call."""
        shown = one.recent.keys() & page.keys if one.recent else frozenset()
        for head in (h for h in page.heads if h.key in shown) if shown else ():
            told = one.recent.pop(head.key, None)
            if told and _is_older(head, told.heads[0]):
                one.outdated.append(moment(str(told.heads[0].changed)))
        assert one.walk is not None
        if one.handed is one.walk.met:
            return page
        return page.only(one.handed.take(page.keys))

    def _begin_anew(self, one: Subject) -> None:
        one.walk = one.pages = None
        one.place, one.before = BEGINNING, frozenset()

    # Proofs ----------------------------------------------------------------------------------

    def _told_before(self, one: Subject) -> Iterator[Any]:
        """Records that the change call told and the walk did not show; of those that an earlier
        process has read, they may be newer versions."""
        for key, records in list(one.recent.items()):
            del one.recent[key]
            yield from self._added(one, records)

    def _added(self, one: Subject, records: Records) -> Iterator[Any]:
        """Records that are there, although the walk did not come by them."""
        assert one.walk is not None
        fresh = records.only(one.handed.take(records.keys))
        one.walk.met.take(records.keys)
        yield from self.rows(one, fresh)

    def _is_proved(
        self, one: Subject, is_short: bool, is_ended: bool
    ) -> Generator[Any, None, bool]:
        """Does what was met agree with the service's own count, where that has to be asked: when
        the pages have not shown all that the change call told, or not their end?"""
        size = self._size(one)
        is_told = one.counted is not None
        if not (is_told or is_short or self._needs_count(one, size, is_ended)):
            assert one.walk is not None
            one.rows, one.is_proved = size, True
            if one.walk.page_count > 1:
                # Nobody has told a number; the round of the day will ask for it.
                return True
            one.counted = size
        elif one.counted != size:
            one.counted = self._desk.count(one)
        if one.name in SINGLES:
            one.counted = 1
        elif one.counted != size:
            if one.name in CAPTURED:
                living = self._following.again(one, one.began - OVERLAP)
                yield from self._added(one, living)
            one.counted, size = self._desk.count(one), self._size(one)
        one.rows = size
        return one.counted == size

    def _needs_count(self, one: Subject, size: int, is_ended: bool) -> bool:
        assert one.walk is not None
        if one.name in SINGLES or (size == 0 and self._is_unused(one.name)):
            return False
        return size == 0 or (one.walk.page_count > 1 and not is_ended) or one.is_resumed

    def _shows_its_end(self, one: Subject) -> bool:
        """Have the pages shown the record made last? They come in the order of creation, each
        beginning with the last record of the one before; so one that came short on the way would
        have ended before that record."""
        assert one.walk is not None
        is_there = one.youngest is not None and one.youngest in one.walk.met
        return is_there and not one.known

    def _is_likely_none(self, one: Subject) -> bool:
        """Whether to ask for the count first, which is all there is to read when it is nought. A
        company that has switched classes or locations on has some; and of one that is at work most
        of the rest is there, so that a page costs less."""
        is_known = self.is_at_work or one.known or one.recent or one.is_resumed
        is_asked = is_known or one.walk or one.counted is not None
        return one.name in OFTEN_NONE and one.name not in FEATURES and not is_asked

    def _size(self, one: Subject) -> int:
        """How many living records the walk has come by, earlier processes' part included."""
        assert one.walk is not None
        met = one.walk.met
        before = sum(1 for i in one.before if i not in met and i not in one.gone)
        return len(met) + before - sum(1 for i in one.gone if i in met)

    def _is_unused(self, entity: str) -> bool:
        return entity in FEATURES and not is_in_use(entity, self.preferences)

    def _find_gone(self, one: Subject) -> None:
        """Two proofs before anything counts as gone: not in the walk, and unknown when asked."""
        assert one.walk is not None
        if one.name in (*SINGLES, "ExchangeRate"):
            return
        met = one.walk.met
        missing = sorted(i for i in one.known - one.before if i not in met and i not in one.gone)
        for start in range(0, len(missing), _IDS_AT_ONCE):
            chunk = missing[start : start + _IDS_AT_ONCE]
            if self._still_there(one, chunk):
                raise self._uncounted(one)
            now = self._desk.now()
            one.gone.update({i: Gone(one.name, i, now, "sweep") for i in chunk})

    def _still_there(self, one: Subject, ids: Sequence[str]) -> bool:
        asked = both(f"Id in ({', '.join(map(quoted, ids))})", condition(one.name))
        window = f"maxresults {len(ids)}"
        call = self._desk.ahead(lambda: self._desk.client.fetch_page(one.name, asked, window), one)
        return len(call.result().records) > 0

    def _uncounted(self, one: Subject) -> Incomplete:
        return Incomplete(
            SYSTEM,
            f"{one.name} of company {self._company}",
            f"{_WALKS} readings did not give {_expected(one)}",
            "Nothing of it was kept; run the sync again.",
        )


def _is_older(shown: Head, told: Head) -> bool:
    """Is what a page shows of a record older than what was told of it before? A balance moves
    the time of change and leaves the token as it is."""
    if not told.changed:
        return False
    is_later = shown.changed is not None and moment(told.changed) > moment(shown.changed)
    return told.token > shown.token or is_later


def _expected(one: Subject) -> str:
    if one.counted is None:
        return "pages that fit together"
    return f"the {one.counted} records that the service counts"


def keep(one: Subject, state: State) -> None:
    """Have the state say where another reading can go on, once the rows so far are loaded, beside
    how far the entity is followed. A version that was read older than it was told is told anew by
    whoever follows it meanwhile."""
    place = one.walk.place if one.walk else one.place
    outdated = min(one.outdated, default=None)
    token = {
        "place": place.kept(),
        "began": one.began.isoformat(),
        "rows": one.rows,
        "outdated": outdated.isoformat() if outdated else None,
    }
    kept = {**(state.get(one.name) or {}), "walk": token}
    if outdated is not None and "at" in kept:
        at = min(datetime.fromisoformat(kept["at"]), outdated)
        kept |= {"at": at.isoformat(), "handed": {}}
    state[one.name] = kept


def resume(one: Subject, kept: Mapping[str, Any], before: frozenset[str]) -> None:
    """Go on where a load that was kept has ended; `before` are the ids that its walk has read, and
    of those made since whatever followed the changes has brought."""
    one.place = Place(**kept["place"])
    one.began = datetime.fromisoformat(kept["began"])
    one.rows = int(kept["rows"])
    one.before = before
    if kept.get("outdated"):
        one.outdated = [datetime.fromisoformat(kept["outdated"])]


def deletions(company_id: str, gone: Iterable[Gone]) -> Any:
    """Rows bound for the table of deletions, whichever resource hands them on."""
    hints = dlt.mark.make_hints(
        table_name=DELETION, primary_key=DELETION_KEY, write_disposition="merge"
    )
    return dlt.mark.with_hints(deletion_table(company_id, gone), hints, create_table_variant=True)
