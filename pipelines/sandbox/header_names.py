"""Names of answer headers in the vendors' spelling.

uvicorn writes names in small letters, which HTTP allows; the vendors write `Content-Type`. Clients
that turn the headers into a plain dictionary tell the two apart (airbyte-cdk does, with bulk
results).
"""

from __future__ import annotations

from functools import cache


class _Spelled(bytes):
    """A name that uvicorn takes for the one in small letters, and writes as it is."""

    def lower(self) -> bytes:
        return self

    def __eq__(self, other: object) -> bool:
        return bytes.lower(self) == other

    __hash__ = bytes.__hash__


@cache
def spelled(name: str) -> bytes:
    """A header's name as it shall go out."""
    return _Spelled(name.encode("latin-1"))
