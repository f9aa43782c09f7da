"""What only one of all machines may do in a lake is refused to another until he is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalogue_server import Catalogue

from pipelines import warehouse
from pipelines.errors import WarehouseBusy
from pipelines.settings import load_settings


def test_what_one_does_is_refused_to_another_until_he_is_gone(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    path = load_settings(catalogue.settings("alone", tmp_path)).warehouse_path
    other = load_settings(catalogue.settings("alone_too", tmp_path)).warehouse_path
    with warehouse.alone(path, "extraction"):
        with pytest.raises(WarehouseBusy, match="another process"), warehouse.alone(
            path, "extraction"
        ):  # fmt: skip
            pass
        # Another lake of the same database is nobody else's business.
        with warehouse.alone(other, "extraction"):
            pass
    with warehouse.alone(path, "extraction"):
        pass
