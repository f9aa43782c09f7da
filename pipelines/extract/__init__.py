"""Both systems into the warehouse's raw tables, by dlt."""

from __future__ import annotations

from pipelines.extract.results import ExtractResult
from pipelines.extract.run import (
    Progress,
    Source,
    extract_all,
    record_runs,
    sources,
    unsettled_problem,
)

__all__ = [
    "ExtractResult", "Progress", "Source", "extract_all", "record_runs", "sources",
    "unsettled_problem",
]  # fmt: skip
