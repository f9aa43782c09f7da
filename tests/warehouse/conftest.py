"""The sample company, built once per session: generated, loaded, scored, judged."""

from __future__ import annotations

import pytest
from built_company import Company, sample_company


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return sample_company(tmp_path_factory)
