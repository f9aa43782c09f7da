"""The unit tests that stand beside the models: each branch of a rule, on rows of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from built_company import UNIT_TESTS, Company
from worlds import PROJECT

from pipelines import transform


def test_every_unit_test_of_a_model_passes(company: Company, tmp_path: Path) -> None:
    # They read the columns of the models that they replace from a built warehouse.
    path = tmp_path / company.path.name
    shutil.copyfile(company.path, path)
    done = transform.build(PROJECT, path, select=[UNIT_TESTS], command="test")
    told = [f"{one.name}: {one.message}" for one in done.failed]
    assert told == []
    assert done.count("unit_test") >= 8
