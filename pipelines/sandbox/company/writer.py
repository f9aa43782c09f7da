"""Writes records as JSON, one record a line, every amount from its Decimal digits."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

# json has no hook that writes a number: a Decimal goes out as a string between these marks,
# and the marks are cut off afterwards. No text of the company contains them.
_OPEN, _CLOSE = '"\\u0002', '\\u0003"'

Spelling = Callable[[Decimal], str]


def salesforce_number(number: Decimal) -> str:
    """With at least one decimal, as Salesforce writes currency and double fields."""
    text = f"{number.normalize():f}"
    return text if "." in text else f"{text}.0"


def quickbooks_number(number: Decimal) -> str:
    """With as many digits as needed; zero is `0`."""
    text = f"{number.normalize():f}"
    return "0" if text in ("-0", "0") else text


def _dumps(value: Any, spelling: Spelling, indent: int | None = None) -> str:
    def mark(number: Any) -> str:
        if not isinstance(number, Decimal):
            raise TypeError(f"cannot write {type(number).__name__} as JSON")
        return f"\x02{spelling(number)}\x03"

    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, default=mark, separators=separators, indent=indent)
    return text.replace(_OPEN, "").replace(_CLOSE, "")


def write_list(path: Path, records: Sequence[Any], spelling: Spelling) -> None:
    """A JSON list, one record a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(_dumps(record, spelling) for record in records)
    path.write_bytes(f"[\n{rows}\n]\n".encode() if rows else b"[]\n")


def write_object(path: Path, value: dict[str, Any]) -> None:
    """A JSON object, laid out for people."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _dumps(value, quickbooks_number, indent=1)
    path.write_bytes(f"{text}\n".encode())


def write_key(path: Path, key: dict[str, list[dict[str, Any]]]) -> None:
    """The answer key: one entry a line under each heading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = []
    for heading, entries in key.items():
        rows = ",\n  ".join(json.dumps(entry) for entry in entries)
        parts.append(f' "{heading}": [\n  {rows}\n ]' if entries else f' "{heading}": []')
    path.write_bytes(("{\n" + ",\n".join(parts) + "\n}\n").encode())
