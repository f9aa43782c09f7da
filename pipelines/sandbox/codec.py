"""JSON in and out without a float: numbers with a point are Decimals both ways."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import simplejson

_PLAIN = simplejson.JSONEncoder(use_decimal=True, separators=(",", ":"), ensure_ascii=False)
_PRETTY = simplejson.JSONEncoder(
    use_decimal=True, indent=2, separators=(",", " : "), ensure_ascii=False
)
# Only what JSON knows: a date or a dataclass is a mistake of ours and not to be guessed at.
_STRICT = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def dumps(value: Any, pretty: bool = False) -> str:
    """JSON text; Decimals keep every digit they have."""
    return dump_bytes(value, pretty).decode()


def dump_bytes(value: Any, pretty: bool = False) -> bytes:
    """JSON as UTF-8."""
    if pretty:
        return _laid_out(value)
    try:
        return orjson.dumps(value, default=_spelled, option=_STRICT)
    except orjson.JSONEncodeError:
        # Rarities that only the slower encoder takes, such as integers beyond 64 bits.
        return str(_PLAIN.encode(value)).encode()


def _laid_out(value: Any) -> bytes:
    """As the vendors lay it out for people: a blank on both sides of the colon.

    In the quick encoder's layout a closing quote, a colon and a blank follow only a name; unless
    the quote is escaped or opens a text, which the marks tell.
    """
    try:
        text = orjson.dumps(value, default=_spelled, option=_STRICT | orjson.OPT_INDENT_2)
    except orjson.JSONEncodeError:
        text = b' ": '
    if isinstance(value, str) or b' ": ' in text or b'\\": ' in text:
        return str(_PRETTY.encode(value)).encode()
    return text.replace(b'": ', b'" : ')


def _spelled(value: Any) -> orjson.Fragment:
    """A Decimal by its own digits. Raises TypeError for anything that is not JSON."""
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def loads(text: str | bytes) -> Any:
    """Read JSON; numbers with a point or an exponent become Decimal.

    Raises:
        ValueError: not JSON (also NaN and Infinity, which are not), or nested deeper than any
            record is.
    """
    try:
        return simplejson.loads(text, parse_float=Decimal, allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
