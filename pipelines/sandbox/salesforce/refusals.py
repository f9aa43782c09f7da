"""The vendor's refusals: codes, statuses and words (REST API guide, "Status Codes and Error
Responses"; SOAP API guide, "StatusCode")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.sandbox import json_words

SESSION_INVALID = "Session expired or invalid"
GONE_OR_UNKNOWN = "The requested resource does not exist"


class Refusal(Exception):
    """One thing the vendor refuses.

    Attributes:
        code, message: the vendor's.
        fields: the fields it names; None leaves the key out of a REST error.
        status: the HTTP status when the call stands alone.
        extra: what else the vendor says in the item.
        others: further things refused in the same breath.
    """

    def __init__(
        self,
        code: str,
        message: str,
        fields: Sequence[str] | None = None,
        status: int = 400,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields
        self.status = status
        self.extra = extra or {}
        self.others: tuple[Refusal, ...] = ()
        self.headers: Mapping[str, str] = {}

    def as_rest(self) -> list[dict[str, Any]]:
        """The body of a call that stands alone."""
        item: dict[str, Any] = {**self.extra, "message": self.message, "errorCode": self.code}
        if self.fields is not None:
            item["fields"] = list(self.fields)
        return [item, *(one for other in self.others for one in other.as_rest())]

    def as_row(self) -> list[dict[str, Any]]:
        """The `errors` of one record in a collection."""
        fields = list(self.fields or ())
        item = {**self.extra, "statusCode": self.code, "message": self.message, "fields": fields}
        return [item, *(one for other in self.others for one in other.as_row())]


def all_of(refusals: Sequence[Refusal]) -> Refusal:
    """Several refusals of one record as one, each with its own item."""
    first = refusals[0]
    first.others = tuple(refusals[1:])
    return first


def not_found(message: str = GONE_OR_UNKNOWN) -> Refusal:
    """Nothing is served under that address, or there is no such record."""
    return Refusal("NOT_FOUND", message, status=404)


def no_external_id(field: str) -> Refusal:
    """The address names a field by which records cannot be addressed."""
    return not_found(f"Provided external ID field does not exist or is not accessible: {field}")


def wrong_method(method: str, allowed: Sequence[str]) -> Refusal:
    """The address exists, the method does not."""
    refusal = Refusal(
        "METHOD_NOT_ALLOWED",
        f"HTTP Method '{method}' not allowed. Allowed are {','.join(allowed)}",
        status=405,
    )
    refusal.headers = {"Allow": ",".join(allowed)}
    return refusal


def unsupported_media(kind: str) -> Refusal:
    """A body in a form the address does not take."""
    return Refusal(
        "UNSUPPORTED_MEDIA_TYPE",
        f"Content-Type '{kind}' is not supported here; application/json is.",
        status=415,
    )


def session_invalid() -> Refusal:
    """The token is missing, expired, revoked or of another org."""
    return Refusal("INVALID_SESSION_ID", SESSION_INVALID, status=401)


def entity_is_deleted() -> Refusal:
    """The record is in the recycle bin."""
    return Refusal("ENTITY_IS_DELETED", "entity is deleted", (), status=404)


def unknown_reference() -> Refusal:
    """An id of the right form and kind that no record has."""
    return Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ())


def no_such_record() -> Refusal:
    """An address to write to has an id that no record ever had."""
    return Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (), status=404)


def no_such_column(field: str, sobject: str) -> Refusal:
    """A write names a field the object does not have."""
    return Refusal("INVALID_FIELD", f"No such column '{field}' on sobject of type {sobject}")


def not_writable(fields: Sequence[str]) -> Refusal:
    """A write names fields that only the vendor sets."""
    return Refusal(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        f"Unable to create/update fields: {', '.join(fields)}. Please check the security settings "
        "of this field and verify that it is read/write for your profile or permission set.",
        fields,
    )


def required_missing(fields: Sequence[str]) -> Refusal:
    """Fields that must have a value have none."""
    return Refusal(
        "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(fields)}]", fields
    )


def integrity(message: str, fields: Sequence[str] = ()) -> Refusal:
    """The value is well formed, but does not go with another record."""
    return Refusal("FIELD_INTEGRITY_EXCEPTION", message, fields)


def unreadable(kind: str, value: object) -> Refusal:
    """A JSON value of another kind than the field's."""
    token, shown = json_words.token(value)
    return Refusal(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {kind} from {token} value {shown} "
        "or request may be missing a required field at [line:1, column:2]",
    )


def wrong_kind_of_id(label: str, value: str, fields: Sequence[str]) -> Refusal:
    """An id that is none, or none of that object."""
    return Refusal("MALFORMED_ID", f"{label}: id value of incorrect type: {value}", fields)


def malformed_query(message: str) -> Refusal:
    """The statement is not SOQL."""
    return Refusal("MALFORMED_QUERY", message)
