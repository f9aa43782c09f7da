"""What a user may do with each object: what his profile gives, what permission sets add.

The vendor's administrators see and change everything; so do, in this sandbox, users of the profiles
that a seed names. The standard profiles give what the vendor's do: Standard User works with all
standard objects, Read Only reads them. A custom object made through an API is open to those alone
to whom ObjectPermissions give it. (Help, "Standard Profiles"; Object Reference, ObjectPermissions)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.store import Record, Store

# By the permission set of a profile, the objects that it was told not to give any more.
CLOSED = "closed_objects"
RIGHTS = frozenset({"Create", "Read", "Edit", "Delete"})
_DEFAULTS = {"Standard User": RIGHTS, "Read Only": frozenset({"Read"})}
_GRANTED = frozenset(
    {"Account", "Asset", "Campaign", "Case", "Contact", "Contract", "Lead", "Opportunity", "Order",
     "Pricebook2", "Product2", "Quote"}
)  # fmt: skip
# Whoever may see the one may see the other.
_WITH: Mapping[str, str] = {
    **dict.fromkeys(
        ("OpportunityLineItem", "OpportunityLineItemSchedule", "OpportunityContactRole",
         "OpportunityHistory", "OpportunityFieldHistory"), "Opportunity"),
    "AccountContactRole": "Account",
    "CampaignMember": "Campaign",
    "OrderItem": "Order",
    "PricebookEntry": "Pricebook2",
    "QuoteLineItem": "Quote",
}  # fmt: skip
Given = tuple[tuple[str, frozenset[str]], ...]


@dataclass(frozen=True)
class Access:
    """A user's rights.

    Attributes:
        usual: on every object that is named nowhere.
        profile: on the objects that his profile names, instead of the usual ones.
        added: by permission sets, object by object.
        everything: reads, or reads and changes, all data.
    """

    usual: frozenset[str] = RIGHTS
    profile: Given = ()
    added: Given = ()
    everything: frozenset[str] = frozenset()

    def to(self, name: str, is_secured: bool) -> frozenset[str]:
        """His rights on an object; `is_secured`: nobody has it without being given it."""
        usual = frozenset[str]() if is_secured else self.usual
        found = dict(self.profile).get(name, usual) | self.everything
        return found.union(*(rights for one, rights in self.added if one == name))


def access_of(store: Store, org_id: str, user: Record, admin_profile: str) -> Access:
    """The rights of a user."""
    profile_id = str(user.get("ProfileId") or admin_profile)
    profile = store.table(org_id, "Profile").get(profile_id) or {}
    own = [str(p["Id"]) for p in store.table(org_id, "PermissionSet").find("ProfileId", profile_id)]
    assigned = [
        str(one["PermissionSetId"])
        for one in store.table(org_id, "PermissionSetAssignment").find("AssigneeId", user.get("Id"))
    ]
    usual = _DEFAULTS.get(str(profile.get("Name")), RIGHTS)
    everything = _of_all_data(store, org_id, [*own, *assigned])
    if str(profile.get("Name")) not in _DEFAULTS:
        everything = RIGHTS
    closed = store.meta(org_id).get(CLOSED, {})
    taken = tuple((name, frozenset[str]()) for one in own for name in closed.get(one, ()))
    return Access(
        usual,
        (*taken, *_grants(store, org_id, own)),
        tuple(_grants(store, org_id, assigned)),
        everything,
    )


def _of_all_data(store: Store, org_id: str, sets: Iterable[str]) -> frozenset[str]:
    found = [store.table(org_id, "PermissionSet").get(one) or {} for one in sets]
    if any(one.get("PermissionsModifyAllData") for one in found):
        return RIGHTS
    reads = any(one.get("PermissionsViewAllData") for one in found)
    return frozenset({"Read"}) if reads else frozenset()


def _grants(store: Store, org_id: str, sets: Iterable[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for one in sets:
        for grant in store.table(org_id, "ObjectPermissions").find("ParentId", one):
            given = frozenset(r for r in RIGHTS if grant.get(f"Permissions{r}"))
            yield str(grant["SobjectType"]).lower(), given


def close(store: Store, org_id: str, parent: str, name: str) -> None:
    """A profile gives an object no longer, not even by what it is."""
    closed = store.meta(org_id).get(CLOSED, {})
    names = [*closed.get(parent, ()), name.lower()]
    store.put_meta(org_id, CLOSED, {**closed, parent: list(dict.fromkeys(names))})


def as_allowed(
    objects: Iterable[SObject], secured: frozenset[str], access: Access
) -> Iterator[SObject]:
    """The objects a user may read, each with what he may not do with it."""
    for sobject in objects:
        name = _WITH.get(sobject.name, sobject.name)
        if not sobject.custom and name not in _GRANTED:
            yield sobject
            continue
        rights = access.to(name.lower(), name.lower() in secured)
        if "Read" in rights:
            yield sobject if rights == RIGHTS else replace(sobject, denied=RIGHTS - rights)


def refuse_denied(sobject: SObject, right: str) -> None:
    """Raises: Refusal, the user may not do this with the object's records."""
    if right not in sobject.denied:
        return
    if right == "Create":
        raise Refusal(
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            f"entity type cannot be inserted: {sobject.label}",
            (),
        )
    raise Refusal("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", ())
