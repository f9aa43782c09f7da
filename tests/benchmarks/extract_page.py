"""The page of the extraction benchmark, EXTRACT.md: a section a size, kept until measured again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("EXTRACT.md")
_HEAD = """# What an extraction costs

Written by `make bench NAME=extract`; do not edit. How each figure is measured stands at the top of
`bench_extract.py`. Each load is a process of its own, and rows of a CPU second are those of that
process alone, with its imports, checks and history; the sandbox is another process.

- x least: calls beside the fewest that could bring the rows by the vendors' page sizes. Salesforce
  can stay below 1, for first pages come five to a call.
- waiting: the share of the time in which no thread of the process ran. It waited for the server, or
  for a processor that others were using: the load average says how many there were.
- A row of QuickBooks is a document or a list entry, whatever its number of lines.
"""
_LOADS = (
    "load", "system", "rows", "rows per second", "rows per CPU second", "calls", "x least",
    "peak MiB", "waiting", "load average",
)  # fmt: skip
_PEERS = ("loader", "rows", "lost", "rows per CPU second", "calls", "peak MiB")


def write(result: Mapping[str, Any]) -> None:
    """Put a run's figures in the place of those of the same size."""
    found = _kept()
    found[f"{result['lines']:,} invoice lines"] = "\n".join(
        [f"{result['machine']}.", "", *_table(_LOADS, map(_load, result["loads"]))]
    )
    if result["peers"]:
        told = (
            f"{result['machine']}. Six objects of Salesforce out of an org of "
            f"{result['peer_lines']:,} invoice lines, a size that the slowest can load in minutes; "
            "ours loads all its objects."
        )
        found["Published loaders"] = "\n".join(
            [told, "", *_table(_PEERS, map(_peer, result["peers"]))]
        )
    sections = (f"## {heading}\n\n{body}\n" for heading, body in sorted(found.items(), key=_size))
    PATH.write_text("\n".join((_HEAD, *sections)), encoding="utf-8")


def _kept() -> dict[str, str]:
    text = PATH.read_text(encoding="utf-8") if PATH.exists() else ""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return {h: body.strip() for h, body in zip(parts[::2], parts[1::2], strict=True)}


def _size(section: tuple[str, str]) -> int:
    """Sizes in their order, then the rest."""
    found = re.match(r"[\d,]+", section[0])
    return int(found[0].replace(",", "")) if found else 10**12


def _table(columns: Sequence[str], rows: Any) -> list[str]:
    rule = ["---", *("---:" if n > 1 else "---" for n, _ in enumerate(columns[1:], 1))]
    return ["| " + " | ".join(cells) + " |" for cells in (columns, rule, *rows)]


def _load(one: Mapping[str, Any]) -> Sequence[str]:
    least = f"{one['calls'] / one['least_calls']:.2f}" if one["least_calls"] else ""
    rates = ("rows_per_second", "rows_per_cpu_second")
    rated = [f"{one[name]:,}" if one["rows"] else "" for name in rates]
    return (
        one["load"], one["system"], f"{one['rows']:,}", *rated, f"{one['calls']:,}", least,
        f"{one['peak_mib']:,}", f"{one['off_cpu']:.0%}", f"{one['load_average']:.0f}",
    )  # fmt: skip


def _peer(one: Mapping[str, Any]) -> Sequence[str]:
    if one["problem"]:
        return (one["name"], f"failed: {one['problem'][:80]}", "", "", "", "")
    return (
        one["name"], f"{one['rows']:,}", f"{one['lost']:,}", f"{one['rows_per_cpu_second']:,}",
        f"{one['calls']:,}", f"{one['peak_mib']:,}",
    )  # fmt: skip
