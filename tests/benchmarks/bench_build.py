"""The whole build at growing sizes, and the plain comparison beside a pandas tool; writes BUILD.md.

    make bench NAME=build                                          10,000 and 100,000 lines
    CROSSFOOT_BENCH_SIZES="1000000 10000000" make bench NAME=build larger books

Each size is a process of its own, so that its peak memory is its own; raw tables are made before
and not counted. The comparison runs on the largest size that leaves it at most a million steps.
Rows of sizes that are not asked for keep their place on the page. Ends with JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pipelines import transform, warehouse  # noqa: E402
from tests.benchmarks.plain_comparison import make_sides  # noqa: E402

HERE = Path(__file__).resolve().parent
PROJECT = ROOT / "dbt_project"
BOOKS = HERE / "generated_books.py"
COMPARISON = HERE / "plain_comparison.py"
PAGE = HERE / "BUILD.md"
PEER = "datacompy==1.1.0"
# Of the lines of deals, four belong to one step: a million steps on each side.
LARGEST_COMPARED = 4_000_000
SIZES = [int(size) for size in os.environ.get("CROSSFOOT_BENCH_SIZES", "10000 100000").split()]
METHODS = {
    "join": "DuckDB's full outer join, nothing else",
    "crossfoot": "Crossfoot: every step with its outcome, credits, predecessors, tolerance",
    "datacompy": f"{PEER.replace('==', ' ')} on pandas",
}
EMPTY_PAGE = """# The build at growing sizes

Written by `make bench NAME=build` (see the head of `bench_build.py`). Processor seconds of the
building process on two threads, scores and data tests included, raw tables not; the clock says
less where others use the machine. Four lines make a deal, fifty deals an account.
Rows of sizes that were not asked for last time are of an earlier version, perhaps on other cores.

<!-- sizes -->
| lines of deals | CPU s | lines per CPU s | peak MiB | raw MiB | file MiB | slowest models |
|---:|---:|---:|---:|---:|---:|---|

## What was to be billed against what was billed

The same two sides, one row for each plan step, compared in the same run.

<!-- comparison -->
| way | steps | differing | CPU s | x the join | peak MiB |
|---|---:|---:|---:|---:|---:|
"""
TESTS = "resource_type:test"
UNIT_TESTS = "test_type:unit"
BEFORE_SCORES = "tag:before_scores"


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(built(Path(sys.argv[1]))))
        return
    sizes: list[dict[str, Any]] = []
    comparisons: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        for size in SIZES:
            sizes.append(one_size(Path(name), size))
            if size == max((s for s in SIZES if s <= LARGEST_COMPARED), default=None):
                comparisons = compared(Path(name), size)
    write_page(sizes, comparisons)
    print(json.dumps({"benchmark": "build", "sizes": sizes, "comparisons": comparisons}))


def one_size(folder: Path, lines: int) -> dict[str, Any]:
    """Make the raw tables, build them in a process of its own, and say what it took."""
    path = folder / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    subprocess.run([sys.executable, str(BOOKS), str(path), str(lines)], check=True)
    result: dict[str, Any] = {"lines": lines, "raw_mib": path.stat().st_size >> 20}
    result |= _told(sys.executable, __file__, str(path))
    print(
        f"{lines:>12,} lines {result['cpu_s']:>8.1f} CPU s {result['wall_s']:>8.1f} s "
        f"{result['peak_mib']:>7,} MiB {lines / result['cpu_s']:>10,.0f} lines per CPU s",
        flush=True,
    )
    for model, seconds in result["slowest"].items():
        print(f"{'':>14}{model:<50}{seconds:>8.2f} s", flush=True)
    return result


def compared(folder: Path, lines: int) -> list[dict[str, Any]]:
    """The plain comparison, each way in a process of its own, on the warehouse that was built."""
    path = folder / "warehouse.duckdb"
    peer = _environment(folder)
    results: list[dict[str, Any]] = []
    for method in METHODS:
        python = peer if method == "datacompy" else sys.executable
        result = {"lines": lines} | _told(python, str(COMPARISON), method, str(path))
        ratio = result["cpu_s"] / (results or [result])[0]["cpu_s"]
        results.append(result | {"ratio": round(ratio, 1)})
        print(
            f"{method:>14} {result['rows']:>10,} steps {result['differing']:>8,} differ "
            f"{result['cpu_s']:>8.2f} CPU s, {ratio:.1f} x the join, {result['peak_mib']:,} MiB",
            flush=True,
        )
    return results


def _environment(folder: Path) -> str:
    """A Python that has the published tool, the same DuckDB and nothing of ours."""
    python = str(folder / "peer" / "bin" / "python")
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", str(folder / "peer")], check=True)
    wanted = [PEER, f"duckdb=={version('duckdb')}", "pytz"]
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *wanted], check=True)
    return python


def _told(*command: str) -> dict[str, Any]:
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    return told


def write_page(sizes: Sequence[dict[str, Any]], comparisons: Sequence[dict[str, Any]]) -> None:
    """Replace the rows that were measured and leave the others as they are."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else EMPTY_PAGE
    for result in sizes:
        page = _with_row(page, "sizes", _size_row(result))
    if comparisons:
        page = _with_rows(page, "comparison", [_comparison_row(one) for one in comparisons])
    PAGE.write_text(page, encoding="utf-8")


def _size_row(result: dict[str, Any]) -> str:
    slowest = ", ".join(list(result["slowest"])[:3])
    return (
        f"| {result['lines']:,} | {result['cpu_s']:,.1f} | "
        f"{result['lines'] / result['cpu_s']:,.0f} | {result['peak_mib']:,} | "
        f"{result['raw_mib']:,} | {result['file_mib']:,} | {slowest} |"
    )


def _comparison_row(result: dict[str, Any]) -> str:
    return (
        f"| {METHODS[result['method']]} | {result['rows']:,} | {result['differing']:,} | "
        f"{result['cpu_s']:.2f} | {result['ratio']:.1f} | {result['peak_mib']:,} |"
    )


def _with_row(page: str, table: str, row: str) -> str:
    """The page with a row in its place by size, instead of an older one of that size."""
    head, rows, tail = _parts(page, table)
    key = row.split("|")[1]
    kept = [one for one in rows if one.split("|")[1] != key]
    ordered = sorted([*kept, row], key=lambda one: int(one.split("|")[1].replace(",", "")))
    return "\n".join([*head, *ordered, *tail])


def _with_rows(page: str, table: str, rows: Sequence[str]) -> str:
    head, _, tail = _parts(page, table)
    return "\n".join([*head, *rows, *tail])


def _parts(page: str, table: str) -> tuple[list[str], list[str], list[str]]:
    """The lines before the rows of a table, its rows, and the lines after them."""
    lines = page.split("\n")
    start = lines.index(f"<!-- {table} -->") + 3
    end = next(at for at in range(start, len(lines)) if not lines[at].startswith("|"))
    return lines[:start], lines[start:end], lines[end:]


def built(path: Path) -> dict[str, Any]:
    """Build the whole warehouse in this process, scores and data tests included."""
    from pipelines.matching import score

    transform.manifest_path(PROJECT, path)
    began, before = time.perf_counter(), cpu_seconds()
    parts: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = cpu_seconds()
        done = work()
        parts[name] = round(cpu_seconds() - start, 1)
        return done

    def build(**how: Any) -> transform.Build:
        return transform.require_passed(transform.build(PROJECT, path, **how))

    first = timed("before scores", lambda: build(select=[BEFORE_SCORES], exclude=[UNIT_TESTS]))
    timed("scores", lambda: score(path))
    second = timed(
        "models", lambda: build(exclude=[BEFORE_SCORES, UNIT_TESTS, TESTS], command="build")
    )
    tests = timed(
        "tests", lambda: build(select=[TESTS], exclude=[BEFORE_SCORES, UNIT_TESTS], command="build")
    )
    nodes = [*first.nodes, *second.nodes, *tests.nodes]
    slowest = sorted(nodes, key=lambda node: -node.seconds)[:12]
    return {
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(cpu_seconds() - before, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "file_mib": path.stat().st_size >> 20,
        "parts": parts,
        "slowest": {node.name: round(node.seconds, 2) for node in slowest},
        "classes": warehouse.read(
            path,
            "select mismatch_class, count(*) as n, cast(sum(value_at_stake) as varchar) as value "
            "from reconciliation.mismatches group by all order by n desc limit 12",
        ),
        "steps": make_sides(path),
    }


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
