"""JSON in and out without a float: numbers with a point are Decimals both ways."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import simplejson

_ENCODER = simplejson.JSONEncoder(use_decimal=True, separators=(",", ":"), ensure_ascii=False)
_PRETTY = simplejson.JSONEncoder(
    use_decimal=True, indent=2, separators=(",", " : "), ensure_ascii=False
)


def dumps(value: Any, pretty: bool = False) -> str:
    """JSON text; Decimals keep every digit they have."""
    return str((_PRETTY if pretty else _ENCODER).encode(value))


def dump_bytes(value: Any, pretty: bool = False) -> bytes:
    """JSON as UTF-8."""
    return dumps(value, pretty).encode()


def loads(text: str | bytes) -> Any:
    """Read JSON; numbers with a point or an exponent become Decimal.

    Raises:
        ValueError: not JSON (also NaN and Infinity, which are not).
    """
    return simplejson.loads(text, parse_float=Decimal, allow_nan=False)
