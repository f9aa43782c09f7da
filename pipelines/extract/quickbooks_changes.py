"""Following a company by change data capture: one call tells all changes, deletions included.

The call is asked from the newest change that it has ever told (or ten minutes before the last
reading, whichever is earlier), not from the clock of the last reading. An answer out of older
books, or one that lost its rows, can therefore not move the reading on past changes: it lacks the
newest change known, and is asked for again; one that has it, but not what came after, leaves the
rest to the next run. An answer of 1000 objects may have been cut off without a word: then the
entities that it tells of are asked for each by itself, the others together, and one that is still
too much, or filled the answer alone, is queried by its time stamp, where the service's count proves
that no deletion was lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from zlib import crc32

from pipelines.clients.quickbooks import CDC_LIMIT as _LIMIT
from pipelines.clients.quickbooks import SYSTEM, quoted, vendor_time
from pipelines.clients.quickbooks_answers import Head, RawChanges, Records, moment
from pipelines.errors import Refused, Unavailable
from pipelines.extract.quickbooks_desk import Desk, Subject
from pipelines.extract.quickbooks_entities import CAPTURED
from pipelines.extract.quickbooks_rows import stubs
from pipelines.extract.quickbooks_walk import Walk, WalkLost

CDC_LIMIT = _LIMIT
CDC_REACH = timedelta(days=29)
OVERLAP = timedelta(minutes=10)
# How far back is asked when no change is known that an answer must hold.
_UNWITNESSED = timedelta(days=1)
# So many versions are remembered as handed on already, lest a quiet company's last changes come
# again with every run. More than these just come again.
_REMEMBERED = 1000
# How the service refuses a date beyond its reach: "Unsupported Operation" (quickbooks_api 4.2).
_UNSUPPORTED = "500"


class KnownIds(Protocol):
    """The ids that the warehouse holds of a company's entity and does not know as deleted; of
    these, those that were read `since` a moment of the vendor's clock."""

    def __call__(
        self, company_id: str, entity: str, since: datetime | None = None, /
    ) -> frozenset[str]: ...


def nothing_known(company_id: str, entity: str, since: datetime | None = None, /) -> frozenset[str]:
    """For whoever cannot tell what the destination holds."""
    return frozenset()


@dataclass(frozen=True)
class Mark:
    """How far an entity has been followed: read `at`; the newest change told is `newest`, of the
    record `witness` (entity and id). `handed` are versions near the end, handed on already."""

    at: datetime
    newest: datetime | None = None
    witness: tuple[str, str] = ("", "")
    handed: Mapping[str, list[int | str]] = field(default_factory=dict)
    counted: datetime | None = None

    @property
    def since(self) -> datetime:
        """From when on changes are to be asked for."""
        if self.newest is None:
            return self.at - _UNWITNESSED
        return min(self.newest, self.at - OVERLAP)

    def kept(self) -> dict[str, Any]:
        """As the state keeps it."""
        return {
            "at": self.at.isoformat(),
            "newest": self.newest.isoformat() if self.newest else None,
            "witness": list(self.witness),
            "handed": dict(self.handed),
            "counted": self.counted.isoformat() if self.counted else None,
        }


def mark(kept: Mapping[str, Any]) -> Mark:
    """A mark that the state has kept."""
    newest, counted = kept.get("newest"), kept.get("counted")
    entity, record_id = kept.get("witness") or ("", "")
    return Mark(
        datetime.fromisoformat(kept["at"]),
        datetime.fromisoformat(newest) if newest else None,
        (entity, record_id),
        kept.get("handed") or {},
        datetime.fromisoformat(counted) if counted else None,
    )


@dataclass(frozen=True)
class Told:
    """What change calls tell of one entity; `is_cut` when there may be more."""

    living: Records
    gone: tuple[Head, ...]
    is_cut: bool


class Following:
    """The change calls of one reading. `newest` is the newest change that any of them told."""

    def __init__(self, desk: Desk, known_ids: KnownIds) -> None:
        self._desk = desk
        self._known_ids = known_ids
        self.newest: tuple[datetime, str, str] | None = None

    def follow(self, marks: Mapping[str, Mark]) -> tuple[datetime | None, dict[str, Subject]]:
        """The service's time, and what changed since these marks, by entity.

        Entities that changes cannot bring up to date (out of reach, a clock that went back, or
        answers that have lost the newest change known) are left out: they are to be walked. Raises
        `Unavailable` when the service answers from books older than those it has shown before.
        """
        since = min(m.since for m in marks.values())
        last = max(m.at for m in marks.values())
        first = min(m.at for m in marks.values())
        answer = self._within_reach(_asked_for(marks), since, first)
        if answer is None:
            return None, {}
        since, changed = answer
        now = changed.server_time or self._desk.now()
        if now < last:
            return now, {}
        believed = self._believed(changed, marks, since)
        if believed is None:
            return now, {}
        found = {}
        for name, told in self._all(list(marks), since, believed):
            one = self._caught_up(name, told, since, now, marks[name])
            if one is not None:
                found[name] = one
        return now, found

    def recent(self, subjects: Mapping[str, Subject]) -> datetime:
        """What the last weeks' changes tell of entities about to be walked: deletions, which only
        they tell, versions that the walk must show, and the record made last. Where that is too
        much for one answer and no deletion can matter, for nothing is held yet, the last day's
        changes are asked for besides. Returns the service's time."""
        names = list(subjects)
        since = self._desk.now() - CDC_REACH
        changed = self._desk.changes(names, since, subjects[names[0]])
        if changed.objects >= CDC_LIMIT and not any(one.known for one in subjects.values()):
            # What a cut answer tells is true, too.
            for name in names:
                self._expect(subjects[name], _told(name, changed, is_cut=True), since)
            since = self._desk.now() - _UNWITNESSED
            changed = self._desk.changes(names, since, subjects[names[0]])
        for name, told in self._all(names, since, changed):
            self._expect(subjects[name], told, since)
        return changed.server_time or self._desk.now()

    def _expect(self, one: Subject, told: Told, since: datetime) -> None:
        """Note what the walk of an entity must show, and what is gone of it."""
        gone = stubs(one.name, told.gone, self._desk.now())
        one.gone.update(gone)
        for key in gone:
            one.recent.pop(key, None)
        for number, head in enumerate(told.living.heads):
            one.gone.pop(head.key, None)
            one.recent[head.key] = told.living.only([number])
        one.versions |= _versions([told.living])
        if not told.is_cut:
            one.youngest = _youngest(told.living, since)

    def again(self, one: Subject, since: datetime) -> Records:
        """What changed of one entity since then; its deletions are added to it."""
        changed = self._asked([one.name], since, one)
        one.gone.update(stubs(one.name, changed.gone.get(one.name, ()), self._desk.now()))
        living = changed.living.get(one.name, Records())
        for key in living.keys:
            one.gone.pop(key, None)
        return living

    # Calls -----------------------------------------------------------------------------------

    def _asked(
        self, names: Sequence[str], since: datetime, bill: Subject | None = None
    ) -> RawChanges:
        changed = self._desk.changes(names, since, bill)
        self._notice(changed)
        return changed

    def _notice(self, changed: RawChanges) -> None:
        self.newest = max(filter(None, (self.newest, changed.newest)), default=None)

    def _within_reach(
        self, names: Sequence[str], since: datetime, first: datetime
    ) -> tuple[datetime, RawChanges] | None:
        """The changes since then, or since the last reading where that is out of reach; None when
        that is, too."""
        for start in dict.fromkeys((since, first - OVERLAP)):
            try:
                changed = self._asked(names, start)
            except Refused as refusal:
                if refusal.code != _UNSUPPORTED:
                    raise
                continue
            if (changed.server_time or self._desk.now()) - start <= CDC_REACH:
                return start, changed
        return None

    def _believed(
        self, changed: RawChanges, marks: Mapping[str, Mark], since: datetime
    ) -> RawChanges | None:
        """The answer, if it knows the newest change that was told before; None when neither it nor
        the record of that change is there any more. That the record was deleted would have been
        told, so what else was left out nobody knows."""
        newest, witness = max(
            ((m.newest, m.witness) for m in marks.values() if m.newest and m.newest >= since),
            default=(None, ("", "")),
        )
        if newest is None or _knows(changed, newest):
            return changed
        changed = self._asked(_asked_for(marks), since)
        if _knows(changed, newest):
            return changed
        if not self._is_there(*witness, newest):
            return None
        raise Unavailable(
            SYSTEM,
            f"company {self._desk.client.realm_id}",
            f"its changes do not tell of {' '.join(witness)}, which they told before and which is "
            "still there: the answer comes from older books",
            "Nothing of it was kept; run the sync again later.",
        )

    def _is_there(self, entity: str, record_id: str, changed: datetime) -> bool:
        """Whether the record still stands as the changes told it."""
        call = self._desk.ahead(lambda: self._desk.client.read(entity, record_id))
        times = (call.result() or {}).get("MetaData") or {}
        return bool(times) and moment(times["LastUpdatedTime"]) >= changed

    def _all(
        self, names: Sequence[str], since: datetime, changed: RawChanges
    ) -> Iterator[tuple[str, Told]]:
        """What is told of each entity, asked in parts where the answer may have been cut off."""
        self._notice(changed)
        if changed.objects < CDC_LIMIT or len(names) == 1:
            is_cut = changed.objects >= CDC_LIMIT
            yield from ((name, _told(name, changed, is_cut)) for name in names)
            return
        many = [n for n in names if changed.living.get(n) or changed.gone.get(n)]
        rest = [n for n in names if n not in many]
        if len(many) == 1:
            # It fills an answer by itself: asked for alone it would again.
            yield many[0], _told(many[0], changed, is_cut=True)
            many = []
        for part in (*([name] for name in many), *([rest] if rest else [])):
            yield from self._all(part, since, self._asked(part, since))

    # Entities --------------------------------------------------------------------------------

    def _caught_up(
        self, name: str, told: Told, since: datetime, now: datetime, known: Mark
    ) -> Subject | None:
        """The entity with all its changes; None when they cannot be told completely."""
        one = Subject(name, "incremental" if told.is_cut else "cdc", now)
        one.gone = stubs(name, told.gone, self._desk.now())
        living = [told.living]
        if told.is_cut:
            try:
                living = self._queried(one, since)
            except WalkLost:
                return None
        for key in (k for records in living for k in records.keys):
            one.gone.pop(key, None)
        if told.is_cut and not self._has_all(one, living):
            return None
        one.versions = _versions(living)
        one.living = [fresh for r in living if (fresh := _without(r, known.handed))]
        return one

    def _queried(self, one: Subject, since: datetime) -> list[Records]:
        """All records of an entity that were changed since then."""
        stamped = f"MetaData.LastUpdatedTime >= {quoted(vendor_time(since))}"
        walk = Walk(one.name, lambda place: self._desk.page(one, place, stamped))
        return list(walk.pages())

    def _has_all(self, one: Subject, living: Sequence[Records]) -> bool:
        """Does the service count what is held with these changes? Then no deletion was cut off."""
        known = set(self._known_ids(self._desk.client.realm_id, one.name))
        known.update(key for records in living for key in records.keys)
        one.counted = self._desk.count(one)
        return len(known - one.gone.keys()) == one.counted


def _asked_for(marks: Mapping[str, Mark]) -> list[str]:
    """The entities of these marks, and those of the newest changes that an answer must hold: one
    that is being walked is not followed, and may be the one that changed last."""
    witnesses = (m.witness[0] for m in marks.values() if m.witness[0] in CAPTURED)
    return list(dict.fromkeys([*marks, *witnesses]))


def _youngest(living: Records, since: datetime) -> str | None:
    """The record made last of all: among all changes since a moment, when one was made since."""
    made = max(((moment(h.created), h.key) for h in living.heads if h.created), default=None)
    return made[1] if made and made[0] > since else None


def _told(name: str, changed: RawChanges, is_cut: bool) -> Told:
    return Told(changed.living.get(name, Records()), changed.gone.get(name, ()), is_cut)


def _knows(changed: RawChanges, newest: datetime) -> bool:
    """Whether an answer tells of this change or a later one; a full one may have lost it."""
    if changed.objects >= CDC_LIMIT:
        return True
    told = changed.newest
    return told is not None and told[0] >= newest


def _versions(living: Sequence[Records]) -> dict[str, list[int | str]]:
    """What each record was, so that the same is known when it comes again. A balance changes
    without a new SyncToken, so the text itself is compared, by its checksum."""
    return {
        head.key: [head.changed or "", crc32(text)]
        for records in living
        for head, text in zip(records.heads, records.texts, strict=True)
    }


def _without(records: Records, handed: Mapping[str, list[int | str]]) -> Records:
    """The records that have not been handed on in this very version."""
    told = _versions([records])
    return records.only(
        [n for n, h in enumerate(records.heads) if handed.get(h.key) != told[h.key]]
    )


def remembered(handed: Mapping[str, list[int | str]], since: datetime) -> dict[str, Any]:
    """The versions that the next change call, asked from `since`, would bring again."""
    found = {i: v for i, v in handed.items() if v[0] and moment(str(v[0])) >= since}
    return found if len(found) <= _REMEMBERED else {}
