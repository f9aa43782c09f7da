"""One Salesforce org: its objects, records, sessions and allowance, for all routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import unquote

from pipelines.sandbox.kernel import Sandbox
from pipelines.sandbox.salesforce import ids, permissions, record_types, refusals, rules, summaries
from pipelines.sandbox.salesforce.bulk_memory import BulkMemory, Conduct
from pipelines.sandbox.salesforce.calls import Answer, Call
from pipelines.sandbox.salesforce.catalogue import Added, Catalogue, SObject, all_objects
from pipelines.sandbox.salesforce.cursors import Cursors
from pipelines.sandbox.salesforce.custom import prefix
from pipelines.sandbox.salesforce.failures import Failures
from pipelines.sandbox.salesforce.formulas import computed
from pipelines.sandbox.salesforce.formulas.kinds import Scene
from pipelines.sandbox.salesforce.furnishing import furnish
from pipelines.sandbox.salesforce.object_access import Access, access_of, as_allowed
from pipelines.sandbox.salesforce.records import Guards, Records
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.selection import Books, Selection
from pipelines.sandbox.salesforce.sessions import Sessions
from pipelines.sandbox.salesforce.stages import stage_choices
from pipelines.sandbox.salesforce.values import stamp
from pipelines.sandbox.salesforce.viewed import Viewed
from pipelines.sandbox.store import Record, Store, Write

DAILY_CALLS = 100_000
PAGE = 2000
_RULES_VERSION = "60.0"
Route = Callable[["Org", Call], Answer]


@dataclass
class Usage:
    """The calls of the day."""

    used: int = 0
    bulk_batches: int = 0
    bulk_queries: int = 0


@dataclass
class Org:
    """What every route works on.

    Attributes:
        cursors: open query results by their locator.
        bulk: what bulk jobs keep in memory.
        viewed: the records that each user looked at.
        headers: those of the call being answered.
        failures: what of it a fault lets fail.
        deployments, retrievals: results of the Metadata API by their id.
        opened_jobs: how many of them there were.
        schema_changed: when the objects, as they are seen, were last known to have changed.
        route: answers a call below the version root; composite parts go through it again.
    """

    kernel: Sandbox
    route_call: Route
    org_id: str = ""
    usage: Usage = field(default_factory=Usage)
    bulk: BulkMemory = field(default_factory=BulkMemory)
    cursors: Cursors = field(init=False)
    viewed: Viewed = field(init=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    failures: Failures = field(default_factory=Failures)
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    retrievals: dict[str, dict[str, Any]] = field(default_factory=dict)
    opened_jobs: int = 0

    def __post_init__(self) -> None:
        org = self.kernel.manifest.get("salesforce", {})
        self.bulk.conduct = Conduct.read(org.get("bulk", {}))
        self.org_id = str(org.get("org_id") or ids.numbered("00D", 1))
        furnish(self.kernel, self.org_id, org)
        self.viewed = Viewed(self.kernel.store, self.org_id)
        self._built_from = self._added()
        self._everything = {o.name.lower(): o for o in all_objects(self._built_from)}
        self._seen: tuple[Added, permissions.Sight, Access] | None = None
        self._whole = Catalogue(self._everything.values())
        self.schema_changed = self.kernel.clock.now()
        self.catalogue = Catalogue(self._everything.values())
        self.sessions = Sessions(
            self.kernel, self.org_id, _user(self.kernel.store, self.org_id, org)
        )
        self.user_id = self.sessions.user_id
        self.records = Records(
            self.catalogue,
            self.kernel.store,
            self.org_id,
            self.kernel.clock.now,
            self.sessions.user_id,
            self._whole,
        )
        self.records.guards = Guards(
            partial(rules.refuse_locked, self), partial(rules.refuse_by_rules, self)
        )
        self.cursors = Cursors(self.kernel.clock.now)
        self.records.checked = self._checked
        self.refresh_catalogue()
        for one in self._everything.values():
            if any(field.summary for field in one.fields.values()):
                self.records.fill_summaries(one, stamped=False)

    def enter(self, user_id: str) -> None:
        """From now on it is this user who asks: he writes, and sees what he may see."""
        self.user_id = user_id
        self.records.act_as(user_id)
        self.refresh_catalogue()

    def _checked(self, sobject: SObject, record: Record) -> Record:
        store = self.kernel.store
        return permissions.checked(self._everything, store, self.org_id, sobject, record)

    def object(self, name: str) -> SObject:
        """The object of a path segment.

        Raises:
            Refusal: 404, there is none of that name.
        """
        found = self.catalogue.get(unquote(name))
        if found is None:
            raise refusals.not_found()
        return found

    def note_view(self, sobject: SObject, record_id: str) -> None:
        """A record was looked at, or written by itself, by the session's user."""
        at = stamp(self.kernel.clock.now())
        self.viewed.note(self.user_id, sobject.name, record_id, at)

    # ---- its objects, which may change while it runs

    def _added(self) -> Added:
        meta = self.kernel.store.meta(self.org_id)
        return Added(
            tuple(meta.get("custom_objects", ())),
            tuple(meta.get("custom_fields", ())),
            stage_choices(self.kernel.store, self.org_id),
            record_types.known_types(self.kernel.store, self.org_id),
        )

    @property
    def added(self) -> Added:
        """The custom objects and fields, as they were defined."""
        return self._built_from

    def everything(self) -> Mapping[str, SObject]:
        """All objects by lower-case name, whether or not the user may see them."""
        self.refresh_catalogue()
        return self._everything

    def is_secured(self, full_name: str) -> bool:
        """Whether a custom field is seen only where it is granted."""
        return full_name.lower() in _secured(self._built_from)

    def refresh_catalogue(self) -> None:
        """Know the objects as the store has them, and as the user sees them: after a change, or
        after one was taken back."""
        added = self._added()
        if added != self._built_from:
            self._everything = {o.name.lower(): o for o in all_objects(added)}
            self._whole.replace(self._everything.values())
            self._built_from = added
            self._seen = None
        secured, store = _secured(added), self.kernel.store
        sight = permissions.Sight()
        if secured:
            sight = permissions.sight_of(store, self.org_id, self.user_id)
        user = self.sessions.user(self.user_id)
        access = access_of(store, self.org_id, user, permissions.ADMIN_PROFILE)
        if self._seen != (added, sight, access):
            self._seen = (added, sight, access)
            self.schema_changed = self.kernel.clock.now()
            seen = permissions.as_seen(self._everything, secured, sight)
            self.catalogue.replace(as_allowed(seen, _secured_objects(added), access))

    def define_object(self, metadata: Mapping[str, Any], *, secured: bool = False) -> SObject:
        """Add a custom object (its `fullName` ends with __c), or change the one of that name; one
        that is `secured` is open to those alone to whom it is given.

        Raises:
            custom.NotServed: it has a field of a type the sandbox does not know.
            FormulaRefused: it has a formula that cannot be computed.
        """
        before = list(self._added().objects)
        name = str(metadata["fullName"])
        place = next((n for n, o in enumerate(before) if _same(o["fullName"], name)), None)
        if place is None:
            taken = {str(o.get("keyPrefix")) for o in before}
            free = next(p for p in map(prefix, count(len(before))) if p not in taken)
            marked = {"secured": True} if secured else {}
            before.append({**metadata, **marked, "keyPrefix": free})
        else:
            marked = {"secured": True} if before[place].get("secured") else {}
            before[place] = {
                **metadata,
                **marked,
                "keyPrefix": before[place].get("keyPrefix", prefix(place)),
            }
        self._redefine("custom_objects", before, name)
        return self._everything[name.lower()]

    def define_field(
        self, full_name: str, metadata: Mapping[str, Any], *, secured: bool = False
    ) -> SObject:
        """Add a custom field (`Account.Key__c`), or change the one of that name; one that is
        `secured` is seen only by those to whom it is granted.

        Raises:
            custom.NotServed: its type is none the sandbox knows.
            FormulaRefused: its formula cannot be computed.
            SummaryRefused: it summarises what it cannot.
        """
        owner, _, _ = full_name.partition(".")
        kept = [f for f in self._added().fields if not _same(f["FullName"], full_name)]
        definition: dict[str, Any] = {"FullName": full_name, "Metadata": dict(metadata)}
        if secured:
            definition["secured"] = True
        self._redefine("custom_fields", [*kept, definition], full_name)
        return self._everything["task" if owner == "Activity" else owner.lower()]

    def drop_field(self, full_name: str) -> None:
        """Take a custom field away; what records held in it is no longer seen."""
        owner, _, name = full_name.partition(".")
        kept = [f for f in self._added().fields if not _same(f["FullName"], full_name)]
        objects = [
            {**o, "fields": [f for f in o.get("fields") or () if not _same(f["fullName"], name)]}
            if _same(o["fullName"], owner)
            else o
            for o in self._added().objects
        ]
        self._redefine("custom_fields", kept)
        self._redefine("custom_objects", objects)

    def drop_object(self, name: str) -> None:
        """Take a custom object away, with its fields and records."""
        found = self.object(name)
        added = self._added()
        records = list(self.kernel.store.table(self.org_id, found.name).ids())
        self.kernel.store.commit([Write(self.org_id, found.name, one, None) for one in records])
        own = [f for f in added.fields if not _same(f["FullName"].partition(".")[0], name)]
        kept = [_settled(o, n) for n, o in enumerate(added.objects)]
        self._redefine("custom_fields", own)
        self._redefine("custom_objects", [o for o in kept if not _same(o["fullName"], name)])

    def _redefine(self, key: str, definitions: list[Mapping[str, Any]], changed: str = "") -> None:
        """Store the definitions whole, or, when they cannot be understood, not at all; `changed`
        names the object or the field whose formulas must be computable."""
        try:
            with self.kernel.store.transaction():
                self.kernel.store.put_meta(self.org_id, key, definitions or None)
                self.refresh_catalogue()
                if changed:
                    self._check_formulas(changed)
                    self._fill_summaries(changed)
        finally:
            self.refresh_catalogue()

    def _check_formulas(self, changed: str) -> None:
        """Raises: FormulaRefused, the formula of a field, or one of an object's, cannot be
        computed."""
        name, _, own = changed.lower().partition(".")
        owner = self._everything["task" if name == "activity" else name]
        for one in owner.fields.values():
            if one.formula and own in ("", one.key):
                computed.check(self._everything, owner, one)
            if one.summary and own in ("", one.key):
                summaries.check(self._everything, owner, one)

    def _fill_summaries(self, changed: str) -> None:
        name, _, own = changed.lower().partition(".")
        owner = self._everything["task" if name == "activity" else name]
        field = owner.field(own) if own else None
        if field is not None and field.summary:
            self.records.fill_summaries(owner, stamped=True)

    def selection(self, call: Call, page: int = PAGE) -> Selection:
        """SOQL over the org as it is now; children beyond a page go on under a locator."""
        return Selection(self.books(call.version, page))

    def books(self, version: str, page: int = PAGE) -> Books:
        """The org's records as a query of the user sees them now."""
        return Books(
            self.catalogue,
            self.kernel.store,
            self.org_id,
            self.kernel.clock.now(),
            version,
            self.sessions.user(self.user_id),
            lambda rows: self.cursors.keep(rows, page, self.user_id, version),
            page,
            self._everything,
            self._seen is None or "Read" in self._seen[2].everything,
        )

    def scene(self, record: Record, before: Record) -> Scene:
        """A record as written, as the formula of a rule sees it."""
        return replace(self.books(_RULES_VERSION).scene(record), before=before)

    def matches(self, sobject: SObject, record_id: str, condition: str) -> bool:
        """Whether a record of the store meets a condition, the WHERE of a query."""
        statement = " ".join(
            ("SELECT Id FROM", sobject.name, f"WHERE Id = '{record_id}' AND ({condition})")
        )
        return Selection(self.books(_RULES_VERSION)).run(statement).total > 0

    def route(self, call: Call) -> Answer:
        """Answer a call, or a part of one.

        Raises:
            Refusal: what the vendor would refuse.
        """
        before, self.headers = self.headers, call.headers
        try:
            return self.route_call(self, call)
        finally:
            self.headers = before

    def count_call(self) -> None:
        """One call more of the day's allowance.

        Raises:
            Refusal: 403, the allowance is used up and limits are on.
        """
        self.usage.used += 1
        if self.kernel.options.limits and self.usage.used > DAILY_CALLS:
            raise Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)


def _secured(added: Added) -> frozenset[str]:
    return frozenset(str(f["FullName"]).lower() for f in added.fields if f.get("secured"))


def _same(name: object, other: str) -> bool:
    return str(name).lower() == other.lower()


def _secured_objects(added: Added) -> frozenset[str]:
    """The custom objects that were made through an API, by lower-case name."""
    return frozenset(str(o["fullName"]).lower() for o in added.objects if o.get("secured"))


def _settled(definition: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """A custom object with its id prefix written down, so that it stays when others go."""
    return {"keyPrefix": prefix(number), **definition}


def _user(store: Store, org_id: str, org: Mapping[str, Any]) -> Record:
    wanted = str(org.get("user", {}).get("username", "")).lower()
    users = list(store.table(org_id, "User"))
    named = [u for u in users if str(u.get("Username", "")).lower() == wanted]
    return (named or users)[0]
