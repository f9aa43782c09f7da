"""Bodies in gzip and deflate: of calls that announce it, and of answers to callers that take it."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Mapping

from pipelines.sandbox.kernel import Reply, Request

# Below this an answer is not worth compressing; above it both vendors do, for callers that take it.
_WORTH_COMPRESSING = 1024
_COMPRESSED = ("application/json", "application/xml", "text/")
_PACK: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, 1),
    "deflate": lambda body: zlib.compress(body, 1),
}


def packed(request: Request, reply: Reply) -> Reply:
    """The answer with its body compressed, when the caller takes that and there is enough of it.

    Source: Salesforce REST guide, "Compression" (gzip, deflate); Intuit, "REST API features",
    "Data compression" (gzip).
    """
    kind = reply.headers.get("Content-Type", "")
    way = _way(request.headers.get("accept-encoding", ""))
    if (
        way is None
        or (way == "deflate" and request.system != "salesforce")
        or len(reply.body) < _WORTH_COMPRESSING
        or not kind.startswith(_COMPRESSED)
    ):
        return reply
    headers = {**reply.headers, "Content-Encoding": way, "Vary": "Accept-Encoding"}
    return Reply(reply.status, _PACK[way](reply.body), headers)


def unpacked(encoding: str, body: bytes) -> bytes:
    """A body as it was before it was compressed as its Content-Encoding says.

    Raises:
        OSError, EOFError, zlib.error: it is not compressed so.
    """
    way = encoding.strip().lower()
    if not body or way not in _PACK:
        return body
    if way == "gzip":
        return gzip.decompress(body)
    try:
        return zlib.decompress(body)
    except zlib.error:  # some clients leave out the two bytes of a header
        return zlib.decompress(body, -zlib.MAX_WBITS)


def _way(accepted: str) -> str | None:
    """The first of ours that an Accept-Encoding names and does not rule out by `q=0`."""
    named = set()
    for one in accepted.lower().split(","):
        name, _, quality = one.partition(";")
        if not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", quality):
            named.add(name.strip())
    return next((way for way in _PACK if way in named), None)
