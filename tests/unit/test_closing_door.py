"""What the door of the close refuses before it keeps anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from orchestration import closing
from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.settings import load_settings


def test_an_acceptance_does_not_end_before_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "published.duckdb"
    warehouse.replace_table(
        path, "intermediate", "int_clock", {"as_of_on": "DATE"}, [{"as_of_on": date(2026, 11, 20)}]
    )
    settings = replace(load_settings({}), published_path=path)
    closing._refuse_past_day(settings, "CUT_OFF", date(2026, 11, 20))
    with pytest.raises(Stop, match="2026-11-19 is before the day of the data, 2026-11-20"):
        closing._refuse_past_day(settings, "CUT_OFF", date(2026, 11, 19))
