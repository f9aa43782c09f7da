"""What goes into SOQL and addresses: literals quoted, names and ids checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

_OBJECT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


def http_time(moment: datetime) -> str:
    """A moment as an HTTP date."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def soql_text(text: str) -> str:
    """A string literal of SOQL: quoted, with backslash, apostrophe and line ends escaped."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + "'"


def soql_time(moment: datetime) -> str:
    """A date-time literal of SOQL: UTC, whole seconds, not quoted."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def soql_ids(ids: Iterable[str]) -> str:
    """A list of ids for `IN`. Raises ValueError for what is not a record id."""
    return "(" + ", ".join(f"'{record_id(i)}'" for i in ids) + ")"


def record_id(value: str) -> str:
    """The id unchanged if it has the form of one; raises ValueError otherwise."""
    if not _ID.fullmatch(value):
        raise ValueError(f"not a Salesforce record id: {value!r}")
    return value


def object_id(name: str) -> str:
    """The API name of an object or field unchanged; raises ValueError for anything else."""
    if not _OBJECT.fullmatch(name):
        raise ValueError(f"not the name of a Salesforce object or field: {name!r}")
    return name


def soql_select(
    columns: Iterable[str], object_name: str, where: Mapping[str, str | bool | None]
) -> str:
    """A query for the records whose fields equal the given values; names checked, values quoted.

    `COUNT()` as the only column asks for their number. Raises ValueError for what is not a name.
    """
    wanted = ", ".join(c if c == "COUNT()" else object_id(c) for c in columns)
    equal = [f"{object_id(name)} = {_literal(value)}" for name, value in where.items()]
    return f"SELECT {wanted} FROM {object_id(object_name)} WHERE {' AND '.join(equal)}"  # noqa: S608


def _literal(value: str | bool | None) -> str:
    if value is None:
        return "null"
    return soql_text(value) if isinstance(value, str) else str(value).lower()
