"""Reading a multipart/form-data body to the byte.

Line ends may be bare and the body may begin with an empty line: python-quickbooks writes it so, and
the real service takes it. The line end before a delimiter belongs to the delimiter, not to the
part, so that a file comes back with exactly the bytes it had.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """One part: its headers by lower-case name, and its content as it was before encoding."""

    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def content_type(self) -> str:
        """What the part says it is."""
        return self.headers.get("content-type", "").strip()

    def says(self, parameter: str) -> str | None:
        """A parameter of Content-Disposition, such as `name` or `filename`."""
        found = re.search(
            rf';\s*{parameter}=(?:"([^"]*)"|([^;]+))', self.headers.get("content-disposition", "")
        )
        return (found.group(1) or found.group(2) or "").strip() if found else None


def parts_of(content_type: str, body: bytes) -> dict[str, Part]:
    """The parts by name; of two with the same name the later one. Empty: nothing can be read."""
    boundary = _BOUNDARY.search(content_type)
    body = body.lstrip(b"\r\n")
    first = body.split(b"\n", 1)[0]
    delimiter = b"--" + boundary.group(1).encode("latin-1") if boundary else first.strip()
    if not delimiter.startswith(b"--") or delimiter == b"--" or not body.startswith(delimiter):
        return {}
    end = b"\r\n" if first.endswith(b"\r") else b"\n"
    found = (_part(piece, end) for piece in _pieces(end + body, end + delimiter, end))
    return {part.says("name") or "": part for part in found}


def _pieces(body: bytes, delimiter: bytes, end: bytes) -> Iterator[bytes]:
    """What stands between the delimiter lines, up to the one that closes."""
    for piece in body.split(delimiter)[1:]:
        if piece.startswith(b"--"):
            return
        yield piece.lstrip(b" \t").removeprefix(end)


def _part(piece: bytes, end: bytes) -> Part:
    head, _, content = piece.partition(end + end)
    lines = head.decode("utf-8", "replace").splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if headers.get("content-transfer-encoding", "").lower() == "base64":
        content = _decoded(content)
    return Part(headers, content)


def _decoded(content: bytes) -> bytes:
    """What the base64 means; text that is none stays as it is."""
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        return content
