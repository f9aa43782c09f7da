"""The bill of materials names what is pinned and installed, and nothing twice."""

from __future__ import annotations

import re
from pathlib import Path

from sbom import bill

PINS = Path(__file__).resolve().parents[2] / "constraints.txt"


def test_every_part_is_as_pinned_and_every_dependency_a_part() -> None:
    made = bill()
    parts = {one["name"]: one for one in made["components"]}
    assert len(parts) == len(made["components"]) > 60
    # Some packages are pinned once per version of Python.
    pinned = set(re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==([^\s;]+)", PINS.read_text(), re.M))
    assert {(name, one["version"]) for name, one in parts.items()} <= pinned
    scopes = {name: one["scope"] for name, one in parts.items()}
    assert (scopes["duckdb"], scopes["pytest"]) == ("required", "excluded")
    refs = {one["bom-ref"] for one in parts.values()}
    below = {ref for one in made["dependencies"] for ref in one["dependsOn"]}
    assert below == refs
    assert made["metadata"]["component"]["name"] == "crossfoot"
