"""One Salesforce org: its objects, records, sessions and allowance, for all routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from pipelines.sandbox.kernel import Sandbox
from pipelines.sandbox.salesforce import ids, refusals
from pipelines.sandbox.salesforce.calls import Answer, Call
from pipelines.sandbox.salesforce.catalogue import SObject, catalogue
from pipelines.sandbox.salesforce.records import Records, stamp
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.selection import Selection
from pipelines.sandbox.salesforce.sessions import Sessions
from pipelines.sandbox.store import Record, Store, Write

DAILY_CALLS = 100_000
_FALLBACK_USER = {
    "Id": ids.numbered("005", 1), "Username": "integration@crossfoot.example",
    "Name": "Integration User", "LastName": "User", "FirstName": "Integration",
    "Email": "integration@crossfoot.example", "Alias": "integ", "IsActive": True,
}  # fmt: skip

Route = Callable[["Org", Call], Answer]


@dataclass
class Usage:
    """The calls of the day."""

    used: int = 0


@dataclass
class Org:
    """What every route works on.

    Attributes:
        cursors: open query results by their locator.
        route: answers a call below the version root; composite parts go through it again.
    """

    kernel: Sandbox
    route_call: Route
    org_id: str = ""
    usage: Usage = field(default_factory=Usage)
    cursors: dict[str, Sequence[Record]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        org = self.kernel.manifest.get("salesforce", {})
        self.org_id = str(org.get("org_id") or ids.numbered("00D", 1))
        _furnish(self.kernel, self.org_id, org)
        self.catalogue = catalogue(self.kernel.store.meta(self.org_id).get("custom_fields", ()))
        self.sessions = Sessions(
            self.kernel, self.org_id, _user(self.kernel.store, self.org_id, org)
        )
        self.records = Records(
            self.catalogue,
            self.kernel.store,
            self.org_id,
            self.kernel.clock.now,
            self.sessions.user_id,
        )
        self._opened = 0

    def object(self, name: str) -> SObject:
        """The object of a path segment.

        Raises:
            Refusal: 404, there is none of that name.
        """
        found = self.catalogue.get(unquote(name))
        if found is None:
            raise refusals.not_found()
        return found

    def selection(self, call: Call) -> Selection:
        """SOQL over the org as it is now."""
        return Selection(
            self.catalogue, self.kernel.store, self.org_id, self.kernel.clock.now(), call.version
        )

    def route(self, call: Call) -> Answer:
        """Answer a call, or a part of one.

        Raises:
            Refusal: what the vendor would refuse.
        """
        return self.route_call(self, call)

    def count_call(self) -> None:
        """One call more of the day's allowance.

        Raises:
            Refusal: 403, the allowance is used up and limits are on.
        """
        self.usage.used += 1
        if self.kernel.options.limits and self.usage.used > DAILY_CALLS:
            raise Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)

    def next_locator(self) -> str:
        """A name for a result that has further pages."""
        self._opened += 1
        return ids.numbered("0r8", self._opened)


def _furnish(kernel: Sandbox, org_id: str, org: Mapping[str, Any]) -> None:
    """What every org has, where the seed does not bring it: itself, a user, a currency."""
    store = kernel.store
    at = stamp(kernel.clock.now())
    audit = {"CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at}
    must_have: dict[str, Record] = {
        "Organization": {
            "Id": org_id, "Name": org.get("org_name", "Sandbox org"), "IsSandbox": True,
            "OrganizationType": "Developer Edition",
        },
        "User": dict(_FALLBACK_USER),
        "CurrencyType": {
            "Id": ids.numbered("01L", 1), "IsoCode": "USD", "ConversionRate": 1,
            "DecimalPlaces": 2, "IsActive": True, "IsCorporate": True,
        },
        "Pricebook2": {
            "Id": ids.numbered("01s", 1), "Name": "Standard Price Book", "IsActive": True,
            "IsStandard": True, "IsDeleted": False,
        },
    }  # fmt: skip
    store.preset(
        [
            Write(org_id, name, record["Id"], record | audit)
            for name, record in must_have.items()
            if not len(store.table(org_id, name))
        ]
    )


def _user(store: Store, org_id: str, org: Mapping[str, Any]) -> Record:
    wanted = str(org.get("user", {}).get("username", "")).lower()
    users = list(store.table(org_id, "User"))
    named = [u for u in users if str(u.get("Username", "")).lower() == wanted]
    return (named or users)[0]
