"""One reading of one company: how each entity is read, in which order, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from pipelines.clients.quickbooks import SYSTEM, QuickBooksClient
from pipelines.errors import Unavailable
from pipelines.extract import quickbooks_listed as listed
from pipelines.extract import quickbooks_receivables as receivables
from pipelines.extract import results as sizes
from pipelines.extract.quickbooks_changes import (
    CDC_REACH,
    OVERLAP,
    Following,
    KnownIds,
    Mark,
    mark,
    nothing_known,
    remembered,
)
from pipelines.extract.quickbooks_desk import Desk, Subject
from pipelines.extract.quickbooks_entities import (
    CAPTURED,
    DAILY,
    ENTITIES,
    FEATURES,
    RECEIVABLES,
    TRANSACTION_LIST,
)
from pipelines.extract.quickbooks_rows import without
from pipelines.extract.quickbooks_walk import BEGINNING, Place
from pipelines.extract.quickbooks_walking import Walking, deletions, keep, resume
from pipelines.extract.results import (
    ROWS,
    ControlTotal,
    ExtractResult,
    KeptWalk,
    Progress,
    silent,
)

State = MutableMapping[str, Any]
_TRIES = 3


class CompanyReading:
    """One reading of one company. Results of the entities read so far are in `results`, the
    vendor's own figures in `controls`; `unfinished` is True after a load when rows are still to
    come, and the same reading is to be loaded again.

    `known_ids(company, entity)` gives the ids that the warehouse holds and does not know as
    deleted, and with a moment besides those of them that were read since; without it, nothing is
    held against the service's counts later on. `is_new(company, entity)` tells whether it holds no
    row at all, so that rows can be added without looking for earlier ones. With `full`, everything
    is walked. Walks that an earlier reading has left are gone on with; one that is `passing_by`
    leaves them as they are, and follows the changes of what was read before. The day's round is
    made when it is due, or with `sweep` now, or with `sweep` False not at all.
    """

    def __init__(
        self,
        client: QuickBooksClient,
        known_ids: KnownIds = nothing_known,
        full: bool = False,
        progress: Progress = silent,
        sweep: bool | None = None,
        is_new: Callable[[str, str], bool] = lambda company, entity: False,
        passing_by: bool = False,
    ) -> None:
        self.client = client
        self.company_id = client.realm_id
        self.results: list[ExtractResult] = []
        self.controls: list[ControlTotal] = []
        self.unfinished = False
        self._known_ids = known_ids
        self._is_new = is_new
        self._full = full
        self._sweep = sweep
        self._passing_by = passing_by
        self._progress = progress
        self._desk = Desk(client)
        self._following = Following(self._desk, known_ids)
        self._walking = Walking(self._desk, self._following, progress, sizes.SLICE_ROWS)
        self._found: dict[str, Subject] = {}
        self._marks: dict[str, Mark] = {}
        self._read_before: dict[str, Mark] = {}
        self._left: dict[str, Any] = {}
        self._is_prepared = False
        self._follows_again = False
        self._has_begun_again = False
        self._begun: set[str] = set()
        self._reported: set[str] = set()

    def tables(self, entity: str, state: State) -> Iterator[Any]:
        """What is new of one entity, and what of it is gone. `state` moves on at the end.

        Nothing is yielded for a list that is not due. Raises `Incomplete` when a walk does not
        give the records that the service itself counts.
        """
        self._begin_load(entity)
        self._prepare(state)
        one = self._found.get(entity)
        if one is None or one.is_done:
            return
        if one.mode == "full":
            # Whoever comes next, should this load not bring it to its end, is to go on with it.
            keep(one, state)
            is_over = yield from self._walking.whole(one, state)
            if not is_over:
                self.unfinished = True
                return
        for records in one.living:
            yield from self._walking.rows(one, records)
        if one.gone:
            yield deletions(self.company_id, one.gone.values())
        state[entity] = self._mark(one).kept()
        if entity in self._left:
            state[entity]["walk"] = self._left[entity]
        self._conclude(one)

    @property
    def kept(self) -> list[KeptWalk]:
        """The walks that are not at their end."""
        ours = [(one.name, one.rows) for one in self._found.values() if self._is_under_way(one)]
        left = [(name, int(token["rows"])) for name, token in self._left.items()]
        now = self._desk.now() if ours or left else datetime.min
        return [
            KeptWalk(SYSTEM, self.company_id, name, rows, None, self._is_followed(name), now)
            for name, rows in ours + left
        ]

    @property
    def is_behind(self) -> bool:
        """Whether pages showed older versions than are held."""
        walks = [one for one in self._found.values() if self._is_under_way(one)]
        return any(one.outdated and one.name in self._read_before for one in walks)

    def _is_under_way(self, one: Subject) -> bool:
        return one.mode == "full" and not one.is_done

    def _is_followed(self, entity: str) -> bool:
        """Whether what was held of an entity before its walk is brought up to date meanwhile."""
        known = self._read_before.get(entity)
        if known is None:
            return False
        if entity in self._left and entity in CAPTURED:
            return entity in self._found
        reach = CDC_REACH if entity in CAPTURED else DAILY
        return self._desk.now() - known.at < reach

    def adds_only(self, entity: str) -> bool:
        """Whether no row that this load brings of an entity can be there already: none was when
        the reading began, and its one walk hands on each record once. To be asked once `tables`
        has given its first table."""
        one = self._found.get(entity)
        if one is None or (one.is_done and not one.rows):
            return True
        is_walk = one.mode == "full" and not one.is_resumed and not self._has_begun_again
        # Asked of all at once, before any of them is loaded.
        return is_walk and self._is_new(self.company_id, entity)

    def receivables(self, state: State) -> Iterator[Any]:
        """The day's report of what customers owe, when it is due."""
        kept = state.get(RECEIVABLES)
        if self._has_asked(RECEIVABLES, datetime.fromisoformat(kept) if kept else None):
            return
        yield receivables.empty()
        one = Subject(RECEIVABLES, "full", self._now())
        call = self._desk.ahead(lambda: self.client.report(RECEIVABLES, **receivables.ASKED), one)
        report = receivables.read(call.result(), self.company_id, one.began.date())
        now = self._desk.now()
        found = receivables.table(report, self.company_id, now)
        yield found
        one.rows = found.num_rows
        state[RECEIVABLES] = now.isoformat()
        self.controls.append(receivables.control(report, self.company_id, now))
        self._conclude(one)

    def listed_invoices(self, state: State) -> Iterator[Any]:
        """The day's list of the last months' invoices, when it is due. A list that was cut off is
        asked again for half as many months, and for as many from then on."""
        kept = state.get(TRANSACTION_LIST) or {}
        if self._has_asked(TRANSACTION_LIST, datetime.fromisoformat(kept["at"]) if kept else None):
            return
        yield listed.empty()
        one = Subject(TRANSACTION_LIST, "full", self._now())
        months = int(kept.get("months", listed.MONTHS))
        found = self._list(one, months)
        while found is None and months > 1:
            months //= 2
            found = self._list(one, months)
        now = self._desk.now()
        state[TRANSACTION_LIST] = {"at": now.isoformat(), "months": months}
        if found is None:
            self._progress(
                f"QuickBooks {self.company_id}: a month has more invoices than {TRANSACTION_LIST} "
                "holds, so they are not held against it"
            )
        else:
            yield listed.table(found, self.company_id, now)
            one.rows = len(found.invoices)
            self.controls.append(listed.control(found, self.company_id, now))
        self._conclude(one)

    def _list(self, one: Subject, months: int) -> listed.Listed | None:
        asked = listed.asked(one.began.date(), months)
        call = self._desk.ahead(lambda: self.client.report(TRANSACTION_LIST, **asked), one)
        return listed.read(call.result(), self.company_id, asked)

    # One load after the other ----------------------------------------------------------------

    def _begin_load(self, entity: str) -> None:
        """The first table of a load that has been asked for before begins the next load."""
        if entity in self._begun:
            self._begun.clear()
            self.unfinished = False
            self._walking.room = sizes.SLICE_ROWS
            if self._follows_again and all(one.is_done for one in self._found.values()):
                self._follows_again = self._is_prepared = False
                self._has_begun_again = True
                self._found = {}
        self._begun.add(entity)

    def _conclude(self, one: Subject) -> None:
        one.is_done = True
        one.walk = one.pages = None
        if one.outdated:
            self._follows_again = True
        self.unfinished = self.unfinished or self._follows_again
        self._note(one)

    # Deciding how to read --------------------------------------------------------------------

    def _prepare(self, state: Mapping[str, Any]) -> None:
        """Ask for all changes at once; what they do not cover is to be walked."""
        if self._is_prepared:
            return
        self._is_prepared = True
        before = self.client.calls.metered
        ours = {e: k for e, k in state.items() if e in ENTITIES and isinstance(k, dict)}
        self._read_before = {e: mark(k) for e, k in ours.items() if "at" in k}
        kept = {} if self._full and not self.results else ours
        walks = {e: k["walk"] for e, k in kept.items() if "walk" in k}
        self._left = walks if self._passing_by else {}
        begun = {} if self._passing_by else walks
        self._marks = {e: m for e, m in self._read_before.items() if e in kept and e not in begun}
        followed = {e: m for e, m in self._marks.items() if e in CAPTURED}
        now = None
        if followed:
            now, self._found = self._following.follow(followed)
        self._plan_walks(now, begun)
        self._hold_against_counts()
        self._bill_first(self.client.calls.metered - before)

    def _bill_first(self, spent: int) -> None:
        """The calls that were made for several entities together go to the first of them."""
        ones = list(self._found.values())
        if ones:
            ones[0].calls += spent - sum(one.calls for one in ones)

    def _is_due(self, last: datetime | None) -> bool:
        """Is the day's round to be made of something that was last asked at `last`?"""
        if last is None or self._sweep or self._full:
            return True
        # The clock is read from headers, which have whole seconds only.
        return self._sweep is None and not last - OVERLAP <= self._now() < last + DAILY

    def _has_asked(self, report: str, last: datetime | None) -> bool:
        """Whether a report is not to be asked for, or was by this reading, in a load before."""
        if report in self._reported or not self._is_due(last):
            return True
        self._reported.add(report)
        return False

    def _now(self) -> datetime:
        """The vendor's clock; where nothing has been asked yet, by reading the preferences."""
        if self.client.server_time is None:
            self._read_preferences()
        return self._desk.now()

    def _plan_walks(self, now: datetime | None, places: Mapping[str, Any]) -> None:
        """Whatever was not brought up to date by changes, and the lists that are due."""
        names = [e for e in ENTITIES if e not in self._found and self._is_to_walk(e)]
        if not names:
            return
        if self.client.server_time is None or {*FEATURES, "Preferences"}.intersection(names):
            self._read_preferences()
        asked = self._desk.now()
        walks = {
            e: Subject(e, "full", now or asked, known=self._known_ids(self.company_id, e))
            for e in names
        }
        captured = {e: one for e, one in walks.items() if e in CAPTURED}
        if captured:
            told = self._following.recent(captured)
            self._walking.is_at_work = any(one.recent for one in captured.values())
            for one in captured.values():
                one.began = now or told
        for name in walks.keys() & places.keys():
            self._resume(walks[name], places[name])
        self._found.update(walks)

    def _is_to_walk(self, entity: str) -> bool:
        if entity in self._left:
            return False
        known = self._marks.get(entity)
        return entity in CAPTURED or self._is_due(known.at if known else None)

    def _read_preferences(self) -> None:
        """What the company uses; the page serves the table of preferences, too."""
        one = Subject("Preferences", "full", datetime.min)
        for _ in range(_TRIES):
            page = self._desk.page(one, BEGINNING).result()
            if page.records:
                self._walking.told_preferences = page
                self._walking.preferences = msgspec.json.decode(page.records.texts[0])
                return
        raise Unavailable(
            SYSTEM, f"company {self.company_id}", "its preferences came empty", "Run again later."
        )

    def _resume(self, one: Subject, kept: Mapping[str, Any]) -> None:
        """Go on with a walk, unless changes since its beginning cannot be told any more. One of
        which nothing was loaded begins now."""
        began = datetime.fromisoformat(kept["began"])
        if one.began - began < CDC_REACH and Place(**kept["place"]) != BEGINNING:
            # Rows are stamped by a clock of whole seconds.
            since = began.replace(microsecond=0)
            resume(one, kept, self._known_ids(self.company_id, one.name, since))
            self._progress(
                f"QuickBooks {self.company_id} {one.name}: going on after {one.rows:,} rows"
            )

    # The day's counts ------------------------------------------------------------------------

    def _hold_against_counts(self) -> None:
        """Count entities that were followed, once a day, and hold the counts against what the
        warehouse will have. One that differs also when it is asked again is walked."""
        if self._known_ids is nothing_known:
            return
        due = [e for e, one in self._found.items() if one.mode != "full" and self._is_counted(e)]
        different = self._differing(due)
        for name in different:
            one = self._found[name]
            living = self._following.again(one, self._marks[name].since)
            one.living = [*(without(r, living) for r in one.living), living]
        for name in self._differing(different):
            one = self._found[name]
            self._progress(
                f"QuickBooks {self.company_id} {name}: the service counts {one.counted:,} records, "
                f"{self._held(one):,} are held, so it is walked"
            )
            known = self._known_ids(self.company_id, name)
            self._found[name] = Subject(name, "full", one.began, gone=one.gone, known=known)
        if due:
            self._progress(
                f"QuickBooks {self.company_id}: the day's counts of {len(due)} entities "
                f"({len(due)} calls), {len(different)} of them asked again"
            )

    def _is_counted(self, name: str) -> bool:
        return name not in self._left and self._is_due(self._marks[name].counted)

    def _differing(self, names: Sequence[str]) -> list[str]:
        if not names:
            return []
        for name, count in self._desk.counts(names).items():
            self._found[name].counted = count
        return [n for n in names if self._found[n].counted != self._held(self._found[n])]

    def _held(self, one: Subject) -> int:
        """How many living records the warehouse will have of an entity."""
        known = self._known_ids(self.company_id, one.name)
        new = {key for records in one.living for key in records.keys}
        return len((known | new | one.versions.keys()) - one.gone.keys())

    # What is kept ----------------------------------------------------------------------------

    def _mark(self, one: Subject) -> Mark:
        """How far the entity has been followed. A version that was read older than it was told is
        to be told again."""
        if one.name not in CAPTURED:
            return Mark(one.began)
        before = self._marks.get(one.name)
        told = [self._following.newest] if self._following.newest else []
        if before and before.newest and one.mode != "full":
            told.append((before.newest, *before.witness))
        newest, *witness = max(told, default=(None, "", ""))
        earlier = before.counted if before else None
        counted = one.began if one.is_proved or one.counted is not None else earlier
        if newest is not None:
            newest = min(newest, one.began, *one.outdated)
        found = Mark(one.began, newest, (witness[0], witness[1]), {}, counted)
        if one.outdated:
            return found
        return replace(found, handed=remembered(one.versions, found.since))

    def _note(self, one: Subject) -> None:
        now = self._desk.now()
        counted = one.counted if one.mode == "full" else None
        self.results.append(
            ExtractResult(
                SYSTEM, self.company_id, one.name, one.mode, one.rows, counted, one.calls, now
            )
        )
        if one.counted is not None:
            self.controls.append(
                ControlTotal(
                    SYSTEM, self.company_id, one.name, ROWS, Decimal(one.counted), None, None, now
                )
            )
        self._progress(f"QuickBooks {self.company_id} {one.name}: {one.rows:,} rows ({one.mode})")
