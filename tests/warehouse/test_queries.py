"""The page of queries: each is run on the published copy by a DuckDB that knows nothing of ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from built_company import Company

from pipelines import warehouse

PAGE = Path(__file__).resolve().parents[2] / "dbt_project" / "QUERIES.md"
ASKED = re.findall(
    r"^## ([^\n]+)\n(?:(?!^## ).)*?```sql\n(.+?);\n```",
    PAGE.read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)

# A process of its own, in another folder and without our packages on its path; extensions can
# neither be fetched nor found.
BARE = """
import json, sys
import duckdb
settings = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
copy = duckdb.connect(sys.argv[1], read_only=True, config=settings)
copy.execute("set enable_progress_bar = false")
answers = {}
for question, sql in json.load(sys.stdin):
    try:
        answers[question] = len(copy.execute(sql).fetchall())
    except duckdb.Error as problem:
        answers[question] = str(problem)
relations = copy.execute(
    "select table_schema || '.' || table_name from information_schema.tables"
).fetchall()
broken = []
for (name,) in relations:
    try:
        copy.execute(f"select * from {name} limit 1").fetchall()
    except duckdb.Error as problem:
        broken.append(f"{name}: {problem}")
json.dump({"answers": answers, "relations": len(relations), "broken": broken}, sys.stdout)
"""


@pytest.fixture(scope="module")
def answers(company: Company, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("published")
    copy = warehouse.publish(company.path, folder / "crossfoot.duckdb")
    done = subprocess.run(
        [sys.executable, "-I", "-c", BARE, str(copy)],
        input=json.dumps(ASKED),
        cwd=folder,
        env={"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_there_are_ten_questions_or_more() -> None:
    assert len({question for question, _ in ASKED}) == len(ASKED) >= 10
    assert len(ASKED) == PAGE.read_text(encoding="utf-8").count("```sql")


@pytest.mark.parametrize("question", [question for question, _ in ASKED])
def test_each_query_answers_with_rows(answers: dict[str, dict[str, int]], question: str) -> None:
    rows = answers["answers"][question]
    assert isinstance(rows, int), rows
    assert rows > 0


def test_every_table_and_view_of_the_copy_opens(answers: dict[str, object]) -> None:
    assert answers["broken"] == []
    assert isinstance(answers["relations"], int)
    assert answers["relations"] > 100
