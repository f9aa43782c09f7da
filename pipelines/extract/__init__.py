"""Both systems into the warehouse's raw tables, by dlt.

Importing this package costs nothing; dlt is imported with the first thing that needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipelines.extract.results import ControlTotal, ExtractResult, Progress, Reading

if TYPE_CHECKING:
    from pipelines.extract.run import (
        Source,
        extract_all,
        pipeline,
        plain_problems,
        record_runs,
        sources,
        undisturbed,
    )
    from pipelines.extract.salesforce import table_name

__all__ = [
    "ControlTotal", "ExtractResult", "Progress", "Reading", "Source", "extract_all", "pipeline",
    "plain_problems", "record_runs", "sources", "table_name", "undisturbed",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "salesforce" if name == "table_name" else "run"
    return getattr(import_module(f"{__name__}.{room}"), name)
