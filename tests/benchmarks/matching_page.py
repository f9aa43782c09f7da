"""The page of the matching benchmark, MATCHING.md: a section a size, kept until measured again."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import Any, Protocol

from pipelines.matching.measures import Measures

PATH = Path(__file__).with_name("MATCHING.md")
_ROOT = PATH.parents[2]
# What our figures follow from.
_MEASURED = (
    "pipelines/matching/*.py", "orchestration/file_matching.py", "data/models/customer_match.json",
    "dbt_project/models/intermediate/customers/*.sql",
    "dbt_project/models/intermediate/names/*.sql",
    "dbt_project/macros/names.sql", "dbt_project/macros/contact_keys.sql",
    "dbt_project/seeds/legal_forms.csv", "dbt_project/seeds/name_abbreviations.csv",
    "dbt_project/seeds/nicknames.csv", "dbt_project/seeds/telling_words.csv",
    "dbt_project/seeds/free_mail_domains.csv",
)  # fmt: skip
_HEAD = """# Matching, measured

Written by `make bench NAME=matching`; do not edit. Worlds are made of real organisation names
([origins](worlds/base/ORIGINS.md)) of a part that no model was trained on. Each method reads the
same two files in a process of its own; seconds and memory are that process's. Seconds on the clock
depend on what else the machine did at the time, processor seconds hardly.

- best F1, recall at precision 0.99 and 0.999: at the best threshold on the method's own score.
- links: what is linked unasked; within groups: links between two companies of one group or of one
  name, which must never be.
- to read: pairs for a person for every 1,000 true pairs, and entries, in which pairs that share a
  record are read together; with a reader: recall of the links and of what a reader who errs never
  finds among these pairs.
- sources: a checksum of the rules and the model, to tell by which ours was measured.
- another generator: worlds of made names, written by other rules, that no model was trained on
  with these seeds.
"""
_COLUMNS = (
    "method", "best F1", "recall at 0.99", "recall at 0.999", "candidates' recall",
    "links' precision", "links' recall", "within groups", "to read", "entries", "with a reader",
    "seconds", "processor seconds", "peak MiB", "sources",
)  # fmt: skip
OURS, OTHER_WORLDS = "crossfoot", ", another generator"
_LABELLED = "Real labelled records"
_ALONE, _AMONG = "One new record", "among {:,} accounts"


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
        generator: str = "",
    ) -> Page:
        title, begin = _title(size, generator), _begin(seeds)
        rows = self._kept(title, begin)
        for method, limit in largest.items():
            found = [one for world in worlds for one in world if one.method == method]
            rows[method] = _row(method, found) if found else _left_out(method, limit)
        return self._with(title, f"{begin}\n\n{_table(list(rows.values()))}")

    def is_measured(
        self, size: int, seeds: Sequence[int], method: str, generator: str = ""
    ) -> bool:
        """Whether these worlds were measured here, ours by the rules and the model as they are."""
        row = self._kept(_title(size, generator), _begin(seeds)).get(method, [])
        return bool(row) and row[1] != "failed" and (method != OURS or row[-1] == sources())

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

    def with_alone(self, size: int, seconds: Sequence[float]) -> Page:
        """What single records cost that came or changed among so many accounts."""
        ordered = sorted(seconds)
        return self._with(
            _ALONE,
            f"Matched alone in a warm process, {_AMONG.format(size)}, with the answer of a full "
            f"run for everybody whom it touches: {median(ordered):.2f} processor seconds, "
            f"{ordered[-1]:.2f} at most, of {len(ordered)} records. {_machine()}. "
            f"Sources {sources()}.",
        )

    def is_measured_alone(self, size: int) -> bool:
        body = self.sections.get(_ALONE, "")
        return _AMONG.format(size) in body and body.endswith(f"Sources {sources()}.")

    def write(self) -> None:
        def place(title: str) -> tuple[int, int]:
            number = re.sub(r"\D", "", title)
            parts = {_ALONE: 2, _LABELLED: 3}
            part = parts.get(title, int(title.endswith(OTHER_WORLDS)))
            return part, int(number or 0)

        ordered = sorted(self.sections, key=place)
        body = "\n\n".join(f"## {title}\n\n{self.sections[title]}" for title in ordered)
        PATH.write_text(f"{_HEAD}\n{body}\n", encoding="utf-8")

    def _with(self, title: str, body: str) -> Page:
        return replace(self, sections={**self.sections, title: body})


@cache
def sources() -> str:
    """A checksum of the rules and the model that our figures follow from."""
    found = hashlib.sha256()
    for pattern in _MEASURED:
        for path in sorted(_ROOT.glob(pattern)):
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _title(size: int, generator: str) -> str:
    return f"{size:,} accounts{generator}"


def _begin(seeds: Sequence[int]) -> str:
    told = f"Test worlds of {'seeds' if len(seeds) > 1 else 'seed'} " + ", ".join(map(str, seeds))
    if len(seeds) > 1:
        told += "; means over them"
    return f"{told}. {_machine()}."


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
        mean(lambda one: one.entries_per_thousand, 0) if decides else "-",
        mean(lambda one: one.reader_recall) if decides else "-",
        f"{fmean(one.run.seconds for one in found):,.1f}",
        f"{fmean(one.run.processor_seconds for one in found):,.1f}",
        f"{max(one.run.mib for one in found):,}",
        sources() if method == OURS else "-",
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
