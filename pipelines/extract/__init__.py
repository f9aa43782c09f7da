"""Both systems into the warehouse's raw tables, by dlt."""

from __future__ import annotations

from pipelines.extract.results import ExtractResult
from pipelines.extract.run import (
    Progress,
    Source,
    extract_all,
    pipeline,
    plain_problems,
    record_runs,
    sources,
)
from pipelines.extract.salesforce import table_name

__all__ = [
    "ExtractResult", "Progress", "Source", "extract_all", "pipeline", "plain_problems",
    "record_runs", "sources", "table_name",
]  # fmt: skip
