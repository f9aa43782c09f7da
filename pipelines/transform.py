"""Runs the dbt project inside this process; the only importer of dbt.

A dbt command line costs about four CPU seconds before its first SQL statement, and twice that when
it has to parse the project. Here the parsed project is kept between builds, and between processes
in `target/` beside the project; it is parsed again only when one of its files has changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.errors import DiskFull, StateCorrupt, Stop, WarehouseBusy
from pipelines.folders import make_private
from pipelines.lake import attaching
from pipelines.lake.address import is_lakes, lake_of

PASSED = frozenset({"success", "pass", "warn", "no-op"})
_PROJECT_PARTS = ("models", "seeds", "macros", "tests", "snapshots")
_RULE_FILES = frozenset({".sql", ".yml", ".csv"})
_ONE_AT_A_TIME = threading.Lock()
# A parsed project names the warehouse's catalogue, which is the file's name, in every statement.
_Parsed = tuple[Path, str]
_parsed: dict[_Parsed, tuple[int, Any]] = {}
_ahead: dict[_Parsed, subprocess.Popen[bytes]] = {}
_compiled: dict[tuple[Any, ...], tuple[int, dict[str, str]]] = {}


@dataclass(frozen=True)
class Node:
    """The outcome of one dbt node.

    `kind` is dbt's resource type (model, seed, test, unit_test); `seconds` is wall time;
    `failures` counts the rows a failing test found.
    """

    unique_id: str
    name: str
    kind: str
    status: str
    seconds: float
    failures: int
    message: str

    @property
    def passed(self) -> bool:
        return self.status in PASSED


@dataclass(frozen=True)
class Build:
    """All node outcomes of one build, in the order they finished."""

    nodes: tuple[Node, ...]

    @property
    def failed(self) -> tuple[Node, ...]:
        return tuple(n for n in self.nodes if not n.passed)

    def count(self, kind: str) -> int:
        return sum(1 for n in self.nodes if n.kind == kind)


class BuildFailed(Stop):
    """A model could not be built or a test found rows; what depends on it was not built."""


def build(
    project_dir: Path,
    warehouse_path: Path,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    command: str = "build",
    progress: Callable[[str], None] | None = None,
    target_dir: Path | None = None,
) -> Build:
    """Build the selected part of the warehouse and return every node's outcome.

    `command` is `build` (models and their tests) or `run` (models only). A failing node does not
    raise: the caller decides with `require_passed`. Raises `BuildFailed` when the project itself
    cannot be parsed or dbt cannot start.
    """
    target = target_dir or warehouse_path.parent / "dbt"
    with _ONE_AT_A_TIME, _environment(project_dir, warehouse_path, target):
        manifest = _manifest(project_dir, warehouse_path)
        arguments = _arguments(command, select, exclude, variables)
        try:
            return Build(tuple(_invoke(manifest, arguments, progress, warehouse_path)))
        finally:
            _release_warehouse()


def compiled(
    project_dir: Path,
    warehouse_path: Path,
    select: Sequence[str],
    variables: Mapping[str, str] | None = None,
    *,
    exclude: Sequence[str] = (),
    with_tests: bool = False,
    anew: bool = False,
) -> dict[str, str]:
    """The SQL of the selected models as dbt runs it, by name; all that are not excluded where none
    is selected; with their tests, if wanted. Kept for the length of the process, unless it is asked
    for `anew`.

    Raises `BuildFailed` when the project cannot be parsed or a model not be compiled.
    """
    chosen = (*select, "without", *exclude)
    told = (project_dir, warehouse_path, with_tests, chosen, *sorted((variables or {}).items()))
    newest = _newest_change(project_dir)
    if anew or _compiled.get(told, (0, {}))[0] != newest:
        target = warehouse_path.parent / "dbt"
        with _ONE_AT_A_TIME, _environment(project_dir, warehouse_path, target):
            manifest = _manifest(project_dir, warehouse_path)
            left_out = "test_type:unit" if with_tests else "resource_type:test"
            arguments = _arguments("compile", select, [left_out, *exclude], variables)
            try:
                _compiled[told] = (newest, _compile(manifest, arguments, warehouse_path))
            finally:
                _release_warehouse()
    return _compiled[told][1]


def _compile(manifest: Any, arguments: list[str], warehouse_path: Path) -> dict[str, str]:
    from dbt.cli.main import dbtRunner

    reply = dbtRunner(manifest=manifest).invoke(arguments)
    if reply.exception is not None or not reply.success:
        raise _cannot_start(reply.exception, warehouse_path)
    return {one.node.name: one.node.compiled_code for one in reply.result}


def _release_warehouse() -> None:
    """dbt-duckdb keeps its connection, and with it the file's lock, until it is told to let go."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def require_passed(result: Build) -> Build:
    """Return the build unchanged, or raise `BuildFailed` naming the first failing nodes."""
    if not result.failed:
        return result
    first = result.failed[0]
    others = len(result.failed) - 1
    raise BuildFailed(
        system="warehouse",
        record=first.name,
        problem=f"{first.kind} {first.status}: {_one_line(first.message)}"
        + (f" (and {others} more)" if others else ""),
        next_step="Mend the data or the model, then run the build again; nothing was written to "
        "Salesforce or QuickBooks.",
    )


def rules_hash(project_dir: Path) -> str:
    """SHA-256 of every file that the figures depend on: models, macros, seeds, the project's own
    settings."""
    files = [
        path
        for part in ("models", "macros", "seeds")
        for path in (project_dir / part).rglob("*")
        if path.suffix in _RULE_FILES
    ]
    digest = hashlib.sha256()
    for path in sorted([*files, project_dir / "dbt_project.yml"]):
        digest.update(f"{path.relative_to(project_dir).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def parse_ahead(project_dir: Path, warehouse_path: Path) -> None:
    """Begin parsing in a process of its own, while this one reads the vendors.

    The next build waits for it and finds the result in dbt's own cache. Nothing happens when the
    project was parsed already, by whichever process; a failure shows when the build parses for
    itself.
    """
    key = (project_dir, warehouse_path.stem)
    if key in _parsed or key in _ahead or _is_kept(project_dir, warehouse_path):
        return
    _ahead[key] = subprocess.Popen(
        [sys.executable, "-m", "pipelines.transform", str(project_dir), str(warehouse_path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def parsed(project_dir: Path, warehouse_path: Path) -> Any:
    """The parsed project as dbt holds it, of this process's last parse if nothing has changed."""
    with _ONE_AT_A_TIME:
        return _manifest(project_dir, warehouse_path)


def newest_change(project_dir: Path) -> int:
    """A number that is another one when any file of the project has changed."""
    return _newest_change(project_dir)


def manifest_path(project_dir: Path, warehouse_path: Path) -> Path:
    """Parse the project if needed and return its manifest.json, for the asset graph."""
    target = warehouse_path.parent / "dbt"
    make_private(target)
    with _ONE_AT_A_TIME:
        beside = target / "manifest.json.new"
        _manifest(project_dir, warehouse_path).write(str(beside))
        return beside.replace(target / "manifest.json")


def write_docs(project_dir: Path, warehouse_path: Path, folder: Path) -> Path:
    """Write dbt's documentation of the project as one page that needs no server; returns it.

    Columns and types come from the warehouse as it is built. Raises `BuildFailed` when dbt cannot
    make it, and `WarehouseBusy`.
    """
    make_private(folder)
    with (
        _ONE_AT_A_TIME,
        tempfile.TemporaryDirectory() as scratch,
        _environment(project_dir, warehouse_path, Path(scratch)),
    ):
        from dbt.cli.main import dbtRunner

        manifest = _manifest(project_dir, warehouse_path)
        manifest.write(str(Path(scratch) / "manifest.json"))
        try:
            reply = dbtRunner(manifest=manifest).invoke(
                ["--quiet", "--log-level", "none", "--log-level-file", "none", "docs", "generate",
                 "--static", "--no-compile", "--target-path", scratch]
            )  # fmt: skip
            if reply.exception is not None or not reply.success:
                raise _cannot_start(reply.exception, warehouse_path)
        finally:
            _release_warehouse()
        page = shutil.copyfile(Path(scratch) / "static_index.html", folder / "index.html.new")
        return page.replace(folder / "index.html")


def _invoke(
    manifest: Any,
    arguments: list[str],
    progress: Callable[[str], None] | None,
    warehouse_path: Path,
) -> Iterator[Node]:
    from dbt.cli.main import dbtRunner

    callbacks = [_announce(progress)] if progress else []
    reply = dbtRunner(manifest=manifest, callbacks=callbacks).invoke(arguments)
    if reply.exception is not None:
        raise _cannot_start(reply.exception, warehouse_path)
    for outcome in reply.result:
        _stop_if_unreadable(outcome, warehouse_path)
        yield _node(outcome)


def _stop_if_unreadable(outcome: Any, warehouse_path: Path) -> None:
    """A full disk or a damaged file is no fault of the model that met it first."""
    problem = warehouse.explained(warehouse_path, Exception(outcome.message or ""))
    if str(outcome.status) not in PASSED and isinstance(problem, DiskFull | StateCorrupt):
        raise problem


def _node(outcome: Any) -> Node:
    return Node(
        unique_id=outcome.node.unique_id,
        name=outcome.node.name,
        kind=str(outcome.node.resource_type),
        status=str(outcome.status),
        seconds=outcome.execution_time,
        failures=outcome.failures or 0,
        message=outcome.message or "",
    )


def _announce(progress: Callable[[str], None]) -> Callable[[Any], None]:
    def on_event(event: Any) -> None:
        if event.info.name == "NodeStart":
            progress(event.data.node_info.node_name)

    return on_event


def _arguments(
    command: str,
    select: Sequence[str],
    exclude: Sequence[str],
    variables: Mapping[str, str] | None,
) -> list[str]:
    import json

    arguments = [*_QUIET, command]
    for name, values in (("--select", select), ("--exclude", exclude)):
        arguments += [name, *values] if values else []
    arguments += ["--vars", json.dumps(dict(variables))] if variables else []
    return arguments


# Nobody reads the JSON files that dbt writes of each command; writing them takes a tenth of it.
_QUIET = [
    "--quiet", "--no-use-colors", "--log-level", "none", "--log-level-file", "none",
    "--no-write-json",
]  # fmt: skip


def _manifest(project_dir: Path, warehouse_path: Path) -> Any:
    """The parsed project; parsed anew when the newest file in it is newer than the last parse."""
    key, newest = (project_dir, warehouse_path.stem), _newest_change(project_dir)
    kept = _parsed.get(key)
    if kept is not None and kept[0] == newest:
        return kept[1]
    other = _ahead.pop(key, None)
    if other is not None:
        other.wait()
    _parsed[key] = (newest, _parse(project_dir, warehouse_path))
    return _parsed[key][1]


def _parse(project_dir: Path, warehouse_path: Path) -> Any:
    """Parse with what dbt has kept of the last time, and let it keep the result.

    dbt parses everything anew when the warehouse's path is another one; nothing in the project
    depends on the folder, so that it is told the same one for all. One process parses at a time:
    those who waited find the result.
    """
    from dbt.cli.main import dbtRunner

    place = _parse_folder(project_dir, warehouse_path)
    with _alone_in(place), _environment(project_dir, place / warehouse_path.name, place):
        reply = dbtRunner().invoke([*_QUIET, "parse"])
    if reply.exception is not None or reply.result is None:
        raise _cannot_start(reply.exception, warehouse_path)
    return reply.result


def _parse_folder(project_dir: Path, warehouse_path: Path) -> Path:
    """dbt's own place beside the project; beside the warehouse where that cannot be written to."""
    shared = project_dir / "target" / warehouse_path.stem
    with suppress(OSError):
        make_private(shared)
    if os.access(shared, os.W_OK):
        return shared
    beside = warehouse_path.parent / "dbt"
    make_private(beside)
    return beside


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    with (folder / "parse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_kept(project_dir: Path, warehouse_path: Path) -> bool:
    """Has dbt kept a parsed project that is newer than all of its files?"""
    kept = _parse_folder(project_dir, warehouse_path) / "partial_parse.msgpack"
    newest = max((p.stat().st_mtime_ns for p in _project_files(project_dir)), default=0)
    return kept.exists() and kept.stat().st_mtime_ns > newest


def _newest_change(project_dir: Path) -> int:
    files = _project_files(project_dir)
    return max((p.stat().st_mtime_ns for p in files), default=0) + len(files)


def _project_files(project_dir: Path) -> list[Path]:
    roots = [project_dir / part for part in _PROJECT_PARTS]
    files = [project_dir / "dbt_project.yml", project_dir / "profiles.yml"]
    files += [p for root in roots if root.is_dir() for p in root.rglob("*")]
    return [p for p in files if p.is_file()]


def _cannot_start(cause: BaseException | None, warehouse_path: Path) -> Stop:
    told = warehouse.explained(warehouse_path, cause or Exception())
    if isinstance(told, DiskFull | StateCorrupt | WarehouseBusy):
        return told
    return BuildFailed(
        system="warehouse",
        record="dbt project",
        problem=_one_line(str(cause) if cause else "dbt gave no reason"),
        next_step="Read the message, mend the file it names and run the build again.",
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:400]


@contextmanager
def _environment(project_dir: Path, warehouse_path: Path, target: Path) -> Iterator[None]:
    """What dbt reads from the environment, for the length of one command."""
    make_private(target)
    wanted = {
        **_target(warehouse_path),
        "DBT_MEMORY_LIMIT": f"{warehouse.MEMORY_LIMIT_MIB}MiB",
        "DBT_PROJECT_DIR": str(project_dir),
        "DBT_PROFILES_DIR": str(project_dir),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        _restore(before)


def _target(warehouse_path: Path) -> dict[str, str]:
    """The target of the profile, and what a lake's needs to be attached."""
    if not is_lakes(warehouse_path):
        return {
            "DBT_CROSSFOOT_TARGET": "warehouse",
            "CROSSFOOT_WAREHOUSE_PATH": str(warehouse_path),
        }
    lake = lake_of(warehouse_path)
    # A process that only parses is told the path and nothing more, and attaches nothing.
    return attaching.profile(lake) if lake else {"DBT_CROSSFOOT_TARGET": "lake"}


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


if __name__ == "__main__":
    _parse(Path(sys.argv[1]), Path(sys.argv[2]))
