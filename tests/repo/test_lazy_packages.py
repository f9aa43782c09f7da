"""Packages that offer names lazily: no module of theirs may bear one of those names.

Python puts a module into its package as soon as it is imported, and what was offered by that name
would be the module from then on.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

LAZY = ("pipelines.extract", "pipelines.matching")


@pytest.mark.parametrize("name", LAZY)
def test_what_a_package_offers_is_not_hidden_by_a_module(name: str) -> None:
    package = import_module(name)
    assert package.__file__ is not None
    modules = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
    assert modules & set(package.__all__) == set()


def test_every_lazy_package_is_looked_at() -> None:
    root = Path(__file__).resolve().parents[2]
    found = {
        ".".join(path.parent.relative_to(root).parts)
        for room in ("pipelines", "orchestration", "reverse_etl")
        for path in (root / room).rglob("__init__.py")
        if "def __getattr__" in path.read_text(encoding="utf-8")
    }
    assert found == set(LAZY)
