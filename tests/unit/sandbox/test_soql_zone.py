"""Date literals mean the days of the user who asks."""

from __future__ import annotations

from pathlib import Path

import pytest
import soql_world
from soql_world import USERS, asked, sandbox_in


@pytest.mark.parametrize(
    ("zone", "first", "after", "hour"),
    [
        ("GMT", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", 0),
        ("America/Los_Angeles", "2026-11-20T08:00:00Z", "2026-11-21T08:00:00Z", 16),
        ("Asia/Tokyo", "2026-11-20T15:00:00Z", "2026-11-21T15:00:00Z", 9),
    ],
)
def test_a_day_begins_where_the_user_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, first: str, after: str, hour: int
) -> None:
    monkeypatch.setattr(soql_world, "USERS", [{**USERS[0], "TimeZoneSidKey": zone}])
    org = sandbox_in(tmp_path)
    try:
        count = "SELECT COUNT() FROM Account WHERE SystemModstamp "
        today = asked(org, f"{count}= TODAY")["totalSize"]
        between = f"{count}>= {first} AND SystemModstamp < {after}"
        assert today == asked(org, between)["totalSize"] > 0
        part = "HOUR_IN_DAY(convertTimezone(SystemModstamp))"
        midnight = "SystemModstamp = 2026-11-20T00:00:00Z"
        rows = asked(org, f"SELECT {part} h FROM Account WHERE {midnight} GROUP BY {part}")
        assert [r["h"] for r in rows["records"]] == [hour]
    finally:
        org.close()
