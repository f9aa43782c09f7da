"""One call of Salesforce's REST API and its answer, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox import codec, json_words
from pipelines.sandbox.salesforce import refusals, xml_forms
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

VERSIONED = re.compile(r"/services/data/(?:v(?P<version>\d+\.\d)|(?P<latest>latest))(?P<rest>/.*)?")


_NOT_JSON = ("application/x-www-form-urlencoded", "application/xml", "text/xml", "text/plain",
             "text/csv", "multipart/form-data")  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One authenticated REST call below the version root, or one part of a composite.

    Attributes:
        path: the segments below the version, still percent-encoded.
        payload: the body: bytes as sent, or a part of a composite, parsed already.
        base: where the client reached us: addresses in answers begin so.
    """

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    payload: Any
    version: str
    base: str = ""

    @property
    def root(self) -> str:
        """The version's root path."""
        return f"/services/data/v{self.version}"


@dataclass(frozen=True)
class Answer:
    """A status and what is said with it.

    Attributes:
        body: a JSON value; None for nothing.
        headers: besides those every answer has.
        raw: bytes to send instead of JSON; their Content-Type is in `headers`.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] | None = None
    raw: bytes | None = None


def only(call: Call, *methods: str) -> None:
    """Refuse every other method.

    Raises:
        Refusal: 405 with the list of those that are allowed.
    """
    if call.method not in methods:
        order = [m for m in ("HEAD", "GET", "POST", "PUT", "PATCH", "DELETE") if m in methods]
        raise refusals.wrong_method(call.method, order)


def object_body(call: Call) -> Record:
    """The call's body as a JSON object; parts of a composite have it parsed already.

    Raises:
        Refusal: JSON_PARSER_ERROR or XML_PARSER_ERROR for anything else.
    """
    if isinstance(call.payload, dict):
        return call.payload
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.payload and kind in xml_forms.KINDS and xml_forms.takes_body(call.path):
        return xml_forms.read(call.payload)
    if call.payload and kind in _NOT_JSON:
        raise refusals.unsupported_media(kind)
    if not call.payload:
        raise Refusal("JSON_PARSER_ERROR", json_words.NO_BODY)
    try:
        found = codec.loads(call.payload)
    except ValueError as error:
        told = json_words.complaint(error)
        raise Refusal(
            "JSON_PARSER_ERROR", f"{told.words} at [line:{told.line}, column:{told.column}]"
        ) from None
    if not isinstance(found, dict):
        kind = json_words.token(found)[0]
        raise Refusal(
            "JSON_PARSER_ERROR",
            f"Can not deserialize SObject out of {kind} token at [line:1, column:1]",
        )
    return found


def is_true(value: Any) -> bool:
    """A flag as JSON or as a query parameter."""
    return value is True or str(value).lower() == "true"
