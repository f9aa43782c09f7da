"""Our clock against a vendor's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from orchestration.doctor.finding import Finding, bad, good

_MOST_SECONDS = 120


def skew(code: str, subject: str, theirs: datetime | None, ours: datetime) -> Iterator[Finding]:
    """What is said of the difference, where the vendor told its time."""
    if theirs is None:
        return
    seconds = abs((theirs - ours).total_seconds())
    if seconds > _MOST_SECONDS:
        told = f"its clock and this machine's differ by {seconds:,.0f} seconds"
        yield bad(code, subject, told, "Let this machine's clock follow a time server.")
    else:
        yield good(code, subject, "its clock and this machine's agree")
