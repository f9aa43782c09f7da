"""Answers in gzip, for callers that take it."""

from __future__ import annotations

import gzip
import re

from pipelines.sandbox.kernel import Reply, Request

# Below this an answer is not worth compressing; above it both vendors do, for callers that take it.
_WORTH_COMPRESSING = 1024
_COMPRESSED = ("application/json", "application/xml", "text/")


def packed(request: Request, reply: Reply) -> Reply:
    """The answer with its body compressed, when the caller takes gzip and there is enough of it.

    Source: Salesforce REST guide, "Compression"; Intuit, "REST API features", "Data compression".
    """
    kind = reply.headers.get("Content-Type", "")
    if (
        len(reply.body) < _WORTH_COMPRESSING
        or not kind.startswith(_COMPRESSED)
        or not _takes_gzip(request.headers.get("accept-encoding", ""))
    ):
        return reply
    headers = {**reply.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Reply(reply.status, gzip.compress(reply.body, 1), headers)


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip and does not rule it out by `q=0`."""
    for one in accepted.lower().split(","):
        name, _, quality = one.partition(";")
        if name.strip() == "gzip":
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", quality)
    return False
