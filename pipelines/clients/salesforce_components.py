"""What a Salesforce org is made of, and who may see it: custom fields by the Tooling API,
permission sets as records (Tooling API guide, "CustomField"; Object Reference, "PermissionSet").

No write is repeated. Each names what it makes, so that whoever looks afterwards finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.salesforce_packages import gone_object, new_object
from pipelines.clients.salesforce_replies import SYSTEM, Record, RowReply
from pipelines.clients.salesforce_soql import object_id, record_id, soql_select
from pipelines.errors import Refused, Unavailable


@dataclass(frozen=True)
class HeldField:
    """A custom field that the org has, whoever may see it."""

    id: str
    full_name: str
    metadata: Mapping[str, Any]


class OrgComponents:
    """Reads and writes of what an org is made of, over an open client."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    @property
    def org_id(self) -> str:
        """The org that the client is bound to."""
        return self._client.org_id

    def own_user(self) -> str:
        """The id of the user that is logged in (REST API guide, "Resources by Version": identity).

        Raises `Refused` when the org does not say.
        """
        told = str((self._client.get("") or {}).get("identity", ""))
        user = told.rstrip("/").rpartition("/")[2]
        return record_id(user) if user.startswith("005") else _untold()

    def user(self, username: str) -> str:
        """The id of an active user. Raises `Refused` when there is none of that name."""
        found = self.rows(["Id"], "User", {"Username": username, "IsActive": True})
        if not found:
            raise Refused(
                SYSTEM, f"user {username}", "there is no active user of this name",
                "Give the username as it stands in Setup, Users.", "NOT_FOUND",
            )  # fmt: skip
        return str(found[0]["Id"])

    def rows(
        self, columns: Sequence[str], object_name: str, where: Mapping[str, str | bool | None]
    ) -> list[Record]:
        """All records whose fields equal these values."""
        return list(self._client.query_all(soql_select(columns, object_name, where)))

    def filled(self, object_name: str, field: str, *, is_checkbox: bool) -> int:
        """How many records have a value in a field: not empty, or ticked.

        Raises `Refused` with INVALID_FIELD where the user that is logged in does not see it.
        """
        value = "= true" if is_checkbox else "!= null"
        soql = f"SELECT COUNT() FROM {object_id(object_name)} WHERE {object_id(field)} {value}"  # noqa: S608
        return self._client.first_page(soql).total

    def fields(self, names: Iterable[str]) -> Iterator[HeldField]:
        """Those of the named custom fields (Object.Name__c) that the org has."""
        wanted = {name.lower() for name in names}
        objects = sorted({name.partition(".")[0] for name in names})
        for object_name in objects:
            for row in self._listed(object_name):
                full = f"{object_name}.{row['DeveloperName']}__c"
                if full.lower() in wanted and not row.get("NamespacePrefix"):
                    yield self._field(str(row["Id"]), full)

    def make_field(self, full_name: str, metadata: Mapping[str, Any]) -> None:
        """A new custom field, which nobody sees until it is granted.

        Raises `Refused` with the vendor's words, `ReplyLost` when the outcome is unknown.
        """
        body = {"FullName": full_name, "Metadata": dict(metadata)}
        self._client.change("POST", "tooling/sobjects/CustomField", body)

    def described(self, object_name: str) -> str | None:
        """The description of a custom object that the org has; None where it has none of the
        name."""
        found = self._custom_object(object_name)
        return None if found is None else str(found.get("Description") or "")

    def make_object(
        self, name: str, label: str, plural: str, name_label: str, description: str
    ) -> None:
        """A new custom object without fields, whose records are named by text; nobody sees it until
        it is granted. The Tooling API makes none, so it is deployed.

        Raises `Refused` with the vendor's words, `ReplyLost` when the outcome is unknown.
        """
        self._client.deploy(new_object(name, label, plural, name_label, description), name)

    def remove_object(self, name: str) -> None:
        """Take a custom object away with its fields and records; Salesforce keeps them, restorable,
        for 15 days."""
        self._client.deploy(gone_object(name), name)

    def remove_field(self, field_id: str) -> None:
        """Take a custom field away; Salesforce keeps it, restorable, for 15 days."""
        self._client.change("DELETE", f"tooling/sobjects/CustomField/{record_id(field_id)}")

    def make(self, object_name: str, records: Sequence[Mapping[str, Any]]) -> list[RowReply]:
        """New records such as permissions, each accepted or refused for itself."""
        return self._client.create_many(object_name, records)

    def alter(self, object_name: str, records: Sequence[Mapping[str, Any]]) -> list[RowReply]:
        """Changes of records, each with its Id."""
        return self._client.update_many(object_name, records)

    def remove(self, object_name: str, wanted: str) -> None:
        """Delete one record."""
        self._client.change("DELETE", f"sobjects/{object_id(object_name)}/{record_id(wanted)}")

    def _custom_object(self, name: str) -> Record | None:
        own = {"DeveloperName": name.removesuffix("__c"), "NamespacePrefix": None}
        soql = soql_select(("Id", "Description"), "CustomObject", own)
        found = self._client.get("tooling/query/", params={"q": soql})["records"]
        return dict(found[0]) if found else None

    def _listed(self, object_name: str) -> list[Record]:
        place: str | None = object_name
        if object_name.endswith("__c"):
            # A custom object is named by its durable id there, of 15 characters, a standard one by
            # its name (Tooling API guide, "CustomField": TableEnumOrId).
            place = str((self._custom_object(object_name) or {}).get("Id") or "")[:15] or None
        if place is None:
            return []
        soql = soql_select(
            ("Id", "DeveloperName", "NamespacePrefix"), "CustomField", {"TableEnumOrId": place}
        )
        return list(self._client.get("tooling/query/", params={"q": soql})["records"])

    def _field(self, field_id: str, full_name: str) -> HeldField:
        # One at a time: the Tooling API hands out Metadata for single components only.
        found = self._client.get(f"tooling/sobjects/CustomField/{record_id(field_id)}")
        if not isinstance(found.get("Metadata"), Mapping):
            raise Unavailable(SYSTEM, full_name, "the answer does not describe the field")
        return HeldField(field_id, full_name, found["Metadata"])


def _untold() -> str:
    raise Refused(
        SYSTEM, "org", "it does not say which user is logged in",
        "Name the integration user with --user.", "NOT_FOUND",
    )  # fmt: skip
