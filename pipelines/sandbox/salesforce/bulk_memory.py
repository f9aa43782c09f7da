"""What the bulk jobs of an org keep in memory: open results, parsed uploads, how jobs behave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from pipelines.sandbox.store import Record


@dataclass(frozen=True)
class Conduct:
    """How jobs behave, set by the manifest (`salesforce.bulk`) or in the control area.

    Attributes:
        seconds: sandbox time a job waits before its work begins.
        polls: how often its state must be asked for before its work begins.
        lock_every: every so many chunks of 200 rows one cannot be locked; 0: none.
        fail_with: jobs fail with this message instead of doing their work.
    """

    seconds: float = 0
    polls: int = 0
    lock_every: int = 0
    fail_with: str = ""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Conduct:
        """From JSON.

        Raises:
            ValueError: an unknown key, or a value of another kind or below zero.
        """
        kinds = {f.name: type(f.default) for f in fields(cls)}
        unknown = set(given) - set(kinds)
        if unknown:
            raise ValueError(
                f"Bulk jobs have no {', '.join(sorted(unknown))}; they know {', '.join(kinds)}."
            )
        number = (int, float)
        for name, value in given.items():
            wanted = str if kinds[name] is str else number
            if not isinstance(value, wanted) or isinstance(value, bool):
                raise ValueError(f"{name} of bulk jobs cannot be {value!r}.")
            if isinstance(value, number) and value < 0:
                raise ValueError(f"{name} of bulk jobs cannot be below zero.")
        return cls(**given)


@dataclass
class BulkMemory:
    """Only what can be found again: a restart loses nothing else.

    Attributes:
        results: rows of query jobs, by the id of the job or batch.
        uploads: rows of uploaded files that are being worked on.
        waiting: ids of jobs and batches whose work is not finished; None: not yet looked for.
    """

    conduct: Conduct = field(default_factory=Conduct)
    results: dict[str, Sequence[Record]] = field(default_factory=dict)
    uploads: dict[str, Sequence[Any]] = field(default_factory=dict)
    waiting: list[str] | None = None
