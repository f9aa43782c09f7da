"""The page of the extraction benchmark, EXTRACT.md: a section a part, kept until measured again."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("EXTRACT.md")
_PIPELINES = PATH.parents[2] / "pipelines"
_HEAD = """# What an extraction costs

Written by `make bench NAME=extract`; do not edit. How each figure is measured stands at the top of
`bench_extract.py`. Each load is a process of its own, and rows of a CPU second are those of that
process alone, with its imports, checks and history; the sandbox is another process.

- ÷ least: calls divided by the fewest that could bring the rows by the vendors' page sizes.
  Salesforce can stay below 1, for first pages come five to a call. Where next to nothing came, the
  least is one call.
- A small company cannot come at 1.02 times the least. Of QuickBooks, nobody can know before asking
  whether there is a record: where none is, a page and a count are asked, and the change call, which
  proves all that comes in one page and saves its count, is one of some 23 calls. The sample's
  company in the US takes 23 where 21 would bring the rows: 18 pages and the page of deposits, of
  which it has none, both reports; above it the change call and the count of deposits. From fifty
  pages on the change call is below the fiftieth part.
- waiting: the share of the time in which the process did nothing but wait for the server.
- rows/s are of the clock, with the machine as busy as the load average says. Processor seconds grow
  with it, too, by up to a third: who shares a machine's caches and memory waits for them.
- A row of QuickBooks is a document or a list entry, whatever its number of lines.
- sources: a checksum of `pipelines/clients` and `pipelines/extract`, to tell by which code a part
  was measured.
"""
_LOADS = (
    "load", "rows", "rows/s", "rows per CPU s", "CPU s", "calls", "÷ least", "peak MiB",
    "waiting for the server", "load average",
)  # fmt: skip
_PEERS = ("loader", "rows", "lost", "rows/s", "rows per CPU s", "calls", "peak MiB")


def is_measured(heading: str) -> bool:
    """Whether the page has this part, as measured by the code that is here."""
    return f"sources {sources()}" in _kept().get(heading, "")


def write_loads(heading: str, loads: Sequence[Mapping[str, Any]]) -> None:
    """Put the loads of one system and size in the place of those that the page has."""
    _put(heading, "A generated company.", _LOADS, map(_load, loads))


def write_peers(heading: str, peers: Sequence[Mapping[str, Any]]) -> None:
    """Put the published loaders, and ours beside them, in the place of those that the page has."""
    told = "Six objects of Salesforce, each loader into DuckDB; ours loads all its objects."
    _put(heading, told, _PEERS, map(_peer, peers))


def machine() -> str:
    """What is measured on, and when."""
    found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    return (
        f"{os.cpu_count()} x {found[1] if found else 'processor'}, Python "
        f"{sys.version_info.major}.{sys.version_info.minor}, {date.today().isoformat()}"
    )


@cache
def sources() -> str:
    """A checksum of the code that is measured."""
    found = hashlib.sha256()
    for folder in ("clients", "extract"):
        for path in sorted((_PIPELINES / folder).glob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _put(heading: str, told: str, columns: Sequence[str], rows: Any) -> None:
    found = _kept()
    of = f"{told} {machine()}; sources {sources()}."
    found[heading] = "\n".join([of, "", *_table(columns, rows)])
    sections = (f"## {name}\n\n{body}\n" for name, body in sorted(found.items(), key=_place))
    PATH.write_text("\n".join((_HEAD, *sections)), encoding="utf-8")


def _kept() -> dict[str, str]:
    text = PATH.read_text(encoding="utf-8") if PATH.exists() else ""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return {h: body.strip() for h, body in zip(parts[::2], parts[1::2], strict=True)}


def _place(section: tuple[str, str]) -> tuple[int, int]:
    """Salesforce, QuickBooks, published loaders; the largest of each first."""
    name, _, size = section[0].partition(", ")
    order = ("Salesforce", "QuickBooks", "Published loaders")
    return order.index(name), -int(re.sub(r"\D", "", size))


def _table(columns: Sequence[str], rows: Any) -> list[str]:
    rule = ["---", *["---:"] * (len(columns) - 1)]
    plain = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return ["| " + " | ".join(cells) + " |" for cells in (columns, rule, *plain)]


def _load(one: Mapping[str, Any]) -> Sequence[str]:
    least = f"{one['calls'] / one['least_calls']:.2f}" if one["least_calls"] else ""
    rates = ("rows_per_second", "rows_per_cpu_second")
    rated = [f"{one[name]:,}" if one["rows"] else "" for name in rates]
    return (
        one["load"], f"{one['rows']:,}", *rated, f"{one['cpu_seconds']:,}", f"{one['calls']:,}",
        least, f"{one['peak_mib']:,}", f"{one['waiting']:.0%}", f"{one['load_average']:.1f}",
    )  # fmt: skip


def _peer(one: Mapping[str, Any]) -> Sequence[str]:
    if one["problem"]:
        return (one["name"], f"failed: {one['problem'][:80]}", *[""] * (len(_PEERS) - 2))
    return (
        one["name"], f"{one['rows']:,}", f"{one['lost']:,}", f"{one['rows_per_second']:,}",
        f"{one['rows_per_cpu_second']:,}", f"{one['calls']:,}", f"{one['peak_mib']:,}",
    )  # fmt: skip
