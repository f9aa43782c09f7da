"""The sample company, built once per session: generated, loaded, scored, judged."""

from __future__ import annotations

import json

import pytest
from built_company import Company, build_and_score
from raw_loader import read_seed

from pipelines.sandbox.company.__main__ import main as generate


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("company")
    key = folder / "key.json"
    generate(["--folder", str(folder / "seed"), "--answer-key", str(key)])
    world = read_seed(folder / "seed")
    path = build_and_score(world, folder / "warehouse.duckdb")
    return Company(path, world, json.loads(key.read_text(encoding="utf-8")))
