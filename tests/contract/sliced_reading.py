"""A reading of numbers in slices, and a process of its own that reads them and can be killed.

Run as a program: folder, how many numbers, where to be killed (`before load 2`, `after load 1`,
`after kept 1`, or nothing), counted from the start of this process.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.pipeline.pipeline import Pipeline

from pipelines.extract import run
from pipelines.extract.alone import own_configuration, undisturbed
from pipelines.extract.results import ControlTotal, ExtractResult, KeptWalk, Progress, silent
from pipelines.extract.systems import Source

PAGE, SLICE = 10, 30
SCHEMA = pa.schema(
    [
        pa.field("org_id", pa.string(), nullable=False),
        pa.field("Id", pa.string(), nullable=False),
        pa.field("Amount", pa.decimal128(38, 2)),
    ]
)


class Numbers:
    """The numbers from 0 on in pages of ten and slices of thirty; each page that is read is
    written down in a file, so that other processes' readings are counted too."""

    def __init__(self, folder: Path, total: int) -> None:
        self.results: list[ExtractResult] = []
        self.controls: list[ControlTotal] = []
        self.unfinished = self.is_behind = False
        self.kept: list[KeptWalk] = []
        self._folder, self._total, self._done = folder, total, False

    def tables(self, state: dict[str, Any]) -> Iterator[pa.Table]:
        if self._done:
            return
        for start in range(state.get("next", 0), self._total, PAGE):
            yield self._page(start)
            state["next"] = min(start + PAGE, self._total)
            if state["next"] % SLICE == 0 and state["next"] < self._total:
                self.unfinished = True
                return
        self._done = True
        self.results.append(
            ExtractResult(
                "salesforce", "org", "Number", "full", self._total, self._total, 1, _now()
            )
        )

    def _page(self, start: int) -> pa.Table:
        with (self._folder / "pages.txt").open("a") as file:
            file.write(f"{start}\n")
        numbers = range(start, min(start + PAGE, self._total))
        rows = [{"org_id": "org", "Id": f"{n:06}", "Amount": n} for n in numbers]
        return pa.Table.from_pylist(rows, schema=SCHEMA)


def _now() -> datetime:
    return datetime.now(UTC)


def numbers_source(
    folder: Path, readings: Callable[[], Sequence[Any]], progress: Progress = silent
) -> Source:
    """A source of these readings into `raw_salesforce` of the folder's warehouse."""

    @dlt.source(name="salesforce", max_table_nesting=0)
    def as_source(readings: Sequence[Any]) -> Any:
        def rows() -> Iterator[Any]:
            state = dlt.current.source_state().setdefault("number", {})
            for reading in readings:
                yield from reading.tables(state)

        return dlt.resource(
            rows, name="number", primary_key=("org_id", "Id"), write_disposition="merge"
        )

    def pipeline() -> Any:
        with own_configuration():
            return dlt.pipeline(
                "numbers",
                destination=dlt.destinations.duckdb(str(folder / "warehouse.duckdb")),
                dataset_name="raw_salesforce",
                pipelines_dir=str(folder / "dlt"),
            )

    return Source(
        "Salesforce",
        folder / "warehouse.duckdb",
        "raw_salesforce",
        lambda _: readings(),
        as_source,
        pipeline,
        progress,
    )


def read_numbers(one: Source) -> tuple[ExtractResult, ...]:
    """The whole reading, as `extract_all` does it."""
    with undisturbed(one.path):
        return run.read(one, run.by_dlt).results


def _killing(point: str) -> Progress:
    """Kill this process when it comes to the point."""
    when, what, number = point.split() if point else ("", "", "0")
    passed = dict.fromkeys(("load", "kept"), 0)

    def pass_by(where: str) -> None:
        if (when, what, int(number)) == (where, what, passed[what] if what else 0):
            os.kill(os.getpid(), signal.SIGKILL)

    original = Pipeline.load

    def load(self: Any, *args: Any, **options: Any) -> Any:
        passed["load"] += 1
        if what == "load":
            pass_by("before")
        told = original(self, *args, **options)
        if what == "load":
            pass_by("after")
        return told

    Pipeline.load = load  # type: ignore[method-assign]

    def progress(text: str) -> None:
        if "kept" in text:
            passed["kept"] += 1
            if what == "kept":
                pass_by("after")

    return progress


def main() -> None:
    folder, total, point = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    read_numbers(numbers_source(folder, lambda: [Numbers(folder, total)], _killing(point)))


if __name__ == "__main__":
    main()
