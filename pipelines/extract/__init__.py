"""Both systems into the warehouse's raw tables, by dlt.

Importing this package costs nothing; dlt is imported with the first thing that needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipelines.extract.results import (
    ControlTotal,
    ExtractResult,
    KeptWalk,
    Progress,
    Reading,
)

if TYPE_CHECKING:
    from pipelines.extract.alone import in_turn, undisturbed
    from pipelines.extract.run import FILE_FORMAT, Read, at_once, by_dlt, extract_all, read
    from pipelines.extract.salesforce import table_name
    from pipelines.extract.systems import Source, pipeline, sources

__all__ = [
    "FILE_FORMAT", "ControlTotal", "ExtractResult", "KeptWalk", "Progress", "Read", "Reading",
    "Source", "at_once", "by_dlt", "extract_all", "in_turn", "pipeline", "read", "sources",
    "table_name", "undisturbed",
]  # fmt: skip

_ROOMS = {
    "FILE_FORMAT": "run",
    "Read": "run",
    "at_once": "run",
    "by_dlt": "run",
    "extract_all": "run",
    "in_turn": "alone",
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
