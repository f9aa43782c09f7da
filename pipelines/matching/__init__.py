"""Who is who: scores candidate pairs of accounts and customers; SQL decides.

Importing this package costs nothing; the database comes with the first thing that needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.matching.scoring import ScoreSummary, score

__all__ = ["ScoreSummary", "score"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.scoring"), name)
