"""The in-process dbt runner: outcomes as values, the environment left as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import transform, warehouse
from pipelines.errors import StateCorrupt, WarehouseBusy
from pipelines.transform import (
    Build,
    BuildFailed,
    Node,
    build,
    manifest_path,
    parse_ahead,
    require_passed,
)

PROJECT = """
name: tiny
version: "1.0"
profile: tiny
model-paths: [models]
models: {+materialized: table}
flags: {send_anonymous_usage_stats: false}
"""
PROFILE = """
tiny:
  target: dev
  outputs:
    dev: {type: duckdb, path: "{{ env_var('CROSSFOOT_WAREHOUSE_PATH') }}", threads: 1}
"""


def node(status: str, message: str = "") -> Node:
    return Node("model.tiny.a", "a", "model", status, 0.1, 0, message)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(PROJECT)
    (folder / "profiles.yml").write_text(PROFILE)
    (folder / "models" / "a.sql").write_text("select 1 as one")
    return folder


def test_a_failed_node_is_named_and_says_what_to_do() -> None:
    with pytest.raises(BuildFailed, match="a: model error: column x") as caught:
        require_passed(Build((node("success"), node("error", "column x\n  not found"))))
    assert "nothing was written" in str(caught.value)


def test_warnings_and_passes_are_passed() -> None:
    result = Build((node("success"), node("warn"), node("pass")))
    assert require_passed(result) is result


def test_builds_again_when_a_file_changed_and_leaves_the_environment(
    project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "w.duckdb"
    before = dict(os.environ)
    first = build(project, file)
    assert [(n.name, n.status) for n in first.nodes] == [("a", "success")]
    (project / "models" / "b.sql").write_text("select one + 1 as two from {{ ref('a') }}")
    second = build(project, file)
    assert {n.name for n in second.nodes} == {"a", "b"}
    assert warehouse.read(file, "select two from main.b") == [{"two": 2}]
    assert dict(os.environ) == before


def test_what_another_process_parsed_for_another_folder_is_used(
    project: Path, tmp_path: Path
) -> None:
    """dbt itself would parse anew whenever the warehouse's path is another one."""
    (tmp_path / "here").mkdir()
    parse_ahead(project, tmp_path / "there" / "w.duckdb")
    assert [n.name for n in build(project, tmp_path / "here" / "w.duckdb").nodes] == ["a"]
    told = json.loads((project / "target" / "w" / "perf_info.json").read_text())
    assert told["is_partial_parse_enabled"]
    assert (told["parsed_path_count"], told["path_count"]) == (0, told["path_count"])
    ahead = len(transform._ahead)
    parse_ahead(project, tmp_path / "elsewhere" / "w.duckdb")
    assert len(transform._ahead) == ahead


def test_a_warehouse_of_another_name_is_built_in_the_same_process(
    project: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        assert not build(project, tmp_path / f"{name}.duckdb").failed
        rows = warehouse.read(tmp_path / f"{name}.duckdb", "select one from main.a")
        assert rows == [{"one": 1}]


def test_a_project_that_cannot_be_written_to_is_parsed_beside_the_warehouse(
    project: Path, tmp_path: Path
) -> None:
    (project / "target").write_text("a file where dbt's folder would be")
    (tmp_path / "here").mkdir()
    assert not build(project, tmp_path / "here" / "w.duckdb").failed
    assert (tmp_path / "here" / "dbt" / "partial_parse.msgpack").is_file()


def test_the_manifest_for_the_asset_graph_is_written_whole(project: Path, tmp_path: Path) -> None:
    path = manifest_path(project, tmp_path / "new" / "w.duckdb")
    assert set(json.loads(path.read_text())["nodes"]) == {"model.tiny.a"}
    (project / "models" / "b.sql").write_text("select 2 as two")
    again = manifest_path(project, tmp_path / "new" / "w.duckdb")
    assert set(json.loads(again.read_text())["nodes"]) == {"model.tiny.a", "model.tiny.b"}
    assert [p.name for p in path.parent.iterdir()] == ["manifest.json"]


def test_a_project_that_cannot_be_parsed_is_told_in_one_sentence(
    project: Path, tmp_path: Path
) -> None:
    (project / "models" / "a.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(BuildFailed, match="nowhere"):
        build(project, tmp_path / "w.duckdb")


def test_a_model_that_fails_does_not_hide_the_others(project: Path, tmp_path: Path) -> None:
    (project / "models" / "bad.sql").write_text("select missing from {{ ref('a') }}")
    result = build(project, tmp_path / "w.duckdb")
    assert {n.name: n.passed for n in result.nodes} == {"a": True, "bad": False}


def test_a_damaged_warehouse_is_not_blamed_on_a_model(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    file.write_bytes(b"not a warehouse" * 1000)
    with pytest.raises(StateCorrupt, match="rebuilt from the two systems"):
        build(project, file)


def test_a_warehouse_that_another_process_holds_is_busy(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    code = f"import duckdb, sys; c = duckdb.connect({str(file)!r}); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout and holder.stdin
        holder.stdout.readline()
        with pytest.raises(WarehouseBusy, match=f"process {holder.pid}"):
            build(project, file)
        holder.stdin.write(b"\n")


def test_the_warehouse_is_free_for_other_processes_after_a_build(
    project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "w.duckdb"
    build(project, file)
    other = subprocess.run(
        [sys.executable, "-c", f"import duckdb; duckdb.connect({str(file)!r}).execute('select 1')"],
        capture_output=True,
        text=True,
    )
    assert other.returncode == 0, other.stderr
