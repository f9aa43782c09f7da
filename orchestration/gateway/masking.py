"""What leaves the gateway: plain values, money as exact text, people's addresses masked. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from pipelines.clients.redaction import redact

Plain = str | int | bool | None | list[Any] | dict[str, Any]
_MAIL = re.compile(r"[A-Za-z0-9._%+'-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_PHONES = re.compile(r"(^|_)(phone|mobile|fax)(_|$)")
_HIDDEN = "(masked)"


def plain(value: Any) -> Plain:
    """A value as JSON has it. Money and other decimals are text: a float would change them."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal | float):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return str(value)


def masked(value: Plain, name: str = "", *, personal: bool) -> Plain:
    """The same without secrets and, unless `personal`, without mail addresses and telephone
    numbers; `name` is the column that it stands in."""
    if isinstance(value, dict):
        return {key: masked(one, key, personal=personal) for key, one in value.items()}
    if isinstance(value, list):
        return [masked(one, name, personal=personal) for one in value]
    if not isinstance(value, str):
        return value
    text = redact(value, ())
    if personal:
        return text
    if _PHONES.search(name):
        return _HIDDEN
    return _MAIL.sub(lambda found: f"{_HIDDEN}@{found[0].rpartition('@')[2]}", text)
