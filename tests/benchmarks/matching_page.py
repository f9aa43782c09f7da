"""The page of the matching benchmark, MATCHING.md: a section a size, kept until measured again."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from pipelines.matching.measures import Measures

PATH = Path(__file__).with_name("MATCHING.md")
_HEAD = """# Matching, measured

Written by `make bench NAME=matching`; do not edit. Worlds are made of real organisation names
([origins](worlds/base/ORIGINS.md)) of a part that no model was trained on. Each method reads the
same two files in a process of its own; seconds and memory are that process's. Seconds on the clock
depend on what else the machine did at the time, processor seconds hardly.

- best F1, recall at precision 0.99 and 0.999: at the best threshold on the method's own score.
- links: what is linked unasked; within groups: links between two companies of one group or of one
  name, which must never be.
- to read: rows for a person for every 1,000 true links; with a reader: recall of the links and of
  what a reader who errs never finds among these rows.
"""
_COLUMNS = (
    "method", "best F1", "recall at 0.99", "recall at 0.999", "candidates' recall",
    "links' precision", "links' recall", "within groups", "to read", "with a reader", "seconds",
    "processor seconds", "peak MiB",
)  # fmt: skip
_LABELLED = "Real labelled records"


class Run(Protocol):
    """What a process took."""

    seconds: float
    processor_seconds: float
    mib: int
    status: int
    said: str


class Result(Protocol):
    method: str
    run: Any
    measures: Measures | None


@dataclass(frozen=True)
class Page:
    """Sections by their headings."""

    sections: Mapping[str, str]

    @classmethod
    def read(cls) -> Page:
        text = PATH.read_text(encoding="utf-8") if PATH.exists() else ""
        parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
        return cls(dict(zip(parts[::2], (body.strip() for body in parts[1::2]), strict=True)))

    def with_size(
        self,
        size: int,
        seeds: Sequence[int],
        worlds: Sequence[Sequence[Result]],
        largest: Mapping[str, int | None],
    ) -> Page:
        told = f"Test worlds of {'seeds' if len(seeds) > 1 else 'seed'} "
        told += ", ".join(map(str, seeds))
        if len(seeds) > 1:
            told += "; means over them"
        begin = f"{told}. {_machine()}."
        rows = self._kept(f"{size:,} accounts", begin)
        for method, limit in largest.items():
            found = [one for world in worlds for one in world if one.method == method]
            rows[method] = _row(method, found) if found else _left_out(method, limit)
        return self._with(f"{size:,} accounts", f"{begin}\n\n{_table(list(rows.values()))}")

    def _kept(self, title: str, begin: str) -> dict[str, list[str]]:
        """Rows of a section by method, if the same worlds were measured on the same machine."""
        body = self.sections.get(title, "")
        if not body.startswith(begin):
            return {}
        cells = [line.strip("| ").split(" | ") for line in body.splitlines()[4:]]
        return {row[0]: row for row in cells}

    def with_labelled(self, found: Sequence[tuple[Any, Sequence[Result]]]) -> Page:
        parts = [
            f"{records.name} ({records.origin}):\n\n"
            + _table([_row(one.method, [one]) for one in rows])
            for records, rows in found
        ]
        return self._with(_LABELLED, "\n\n".join(parts))

    def write(self) -> None:
        def place(title: str) -> tuple[bool, int]:
            number = re.sub(r"\D", "", title)
            return title == _LABELLED, int(number or 0)

        ordered = sorted(self.sections, key=place)
        body = "\n\n".join(f"## {title}\n\n{self.sections[title]}" for title in ordered)
        PATH.write_text(f"{_HEAD}\n{body}\n", encoding="utf-8")

    def _with(self, title: str, body: str) -> Page:
        return replace(self, sections={**self.sections, title: body})


def one_line(run: Run, measures: Measures | None) -> str:
    """A result for the terminal."""
    took = f"{run.seconds:8.1f} s {run.processor_seconds:8.1f} s CPU {run.mib:7,} MiB"
    if measures is None:
        return f"{took}  failed ({run.status}): {run.said}"
    return (
        f"{took}  F1 {measures.best_f1:.3f}  recall at 0.99 {measures.recall_at_99:.3f}, "
        f"at 0.999 {measures.recall_at_999:.3f}  links {measures.links:,} "
        f"(precision {_figure(measures.link_precision)}, recall {_figure(measures.link_recall)}, "
        f"within groups {measures.links_apart})  to read {measures.reviews:,}  "
        f"with a reader {_figure(measures.reader_recall)}"
    )


def _row(method: str, found: Sequence[Result]) -> list[str]:
    measured = [one.measures for one in found if one.measures]
    if not measured:
        return [method, "failed", *["-"] * (len(_COLUMNS) - 2)]

    def mean(of: Callable[[Measures], float | None], digits: int = 3) -> str:
        values = [value for one in measured if (value := of(one)) is not None]
        return f"{fmean(values):,.{digits}f}" if values else "-"

    decides = any(one.links or one.reviews for one in measured)
    return [
        method,
        mean(lambda one: one.best_f1),
        mean(lambda one: one.recall_at_99),
        mean(lambda one: one.recall_at_999),
        mean(lambda one: one.found / one.true_pairs),
        mean(lambda one: one.link_precision, 4),
        mean(lambda one: one.link_recall) if decides else "-",
        mean(lambda one: one.links_apart, 1) if decides else "-",
        mean(lambda one: one.reviews_per_thousand, 0) if decides else "-",
        mean(lambda one: one.reader_recall) if decides else "-",
        f"{fmean(one.run.seconds for one in found):,.1f}",
        f"{fmean(one.run.processor_seconds for one in found):,.1f}",
        f"{max(one.run.mib for one in found):,}",
    ]


def _left_out(method: str, limit: int | None) -> list[str]:
    why = f"not run beyond {limit:,}: it compares all with all" if limit else "not run"
    return [method, why, *["-"] * (len(_COLUMNS) - 2)]


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [_COLUMNS, ["---"] * len(_COLUMNS), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} processors, {memory:.0f} GiB of memory, "
        f"Python {platform.python_version()}"
    )
