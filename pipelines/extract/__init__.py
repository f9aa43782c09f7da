"""Both systems into the warehouse's raw tables, by dlt.

Importing this package costs nothing; dlt is imported with the first thing that needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipelines.extract.results import ControlTotal, ExtractResult, Progress, Reading

if TYPE_CHECKING:
    from pipelines.extract.alone import undisturbed
    from pipelines.extract.run import FILE_FORMAT, extract_all, read
    from pipelines.extract.salesforce import table_name
    from pipelines.extract.systems import Source, pipeline, sources

__all__ = [
    "FILE_FORMAT", "ControlTotal", "ExtractResult", "Progress", "Reading", "Source", "extract_all",
    "pipeline", "read", "sources", "table_name", "undisturbed",
]  # fmt: skip

_ROOMS = {
    "FILE_FORMAT": "run",
    "extract_all": "run",
    "read": "run",
    "table_name": "salesforce",
    "Source": "systems",
    "pipeline": "systems",
    "sources": "systems",
    "undisturbed": "alone",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
