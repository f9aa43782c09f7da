"""The software bill of materials: every installed package that Crossfoot needs, as CycloneDX 1.5.

`make sbom` writes it. Needed is what the requirements of `crossfoot` lead to, from package to
package, with the extras that are asked for; what only tests need is in it under scope "excluded".
Sources: CycloneDX 1.5 JSON reference; package URL specification, type pypi.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "crossfoot"
DEV = "dev"
Wanted = tuple[str, frozenset[str]]


def bill(name: str = ROOT) -> dict[str, Any]:
    """The bill of an installed package. Raises `PackageNotFoundError` when it is not installed."""
    needed, known = reached((name, frozenset())), reached((name, frozenset({DEV})))
    parts = sorted(known.keys() - {name})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": _component(distribution(name), "application")},
        "components": [
            {**_component(distribution(one)), "scope": "required" if one in needed else "excluded"}
            for one in parts
        ],
        "dependencies": [
            {"ref": _url(distribution(one)), "dependsOn": _below(distribution(one), known[one])}
            for one in [name, *parts]
        ],
    }


def reached(begin: Wanted) -> dict[str, frozenset[str]]:
    """The installed packages to which requirements lead from one, that one too, with the extras
    that somebody asks for."""
    seen: set[Wanted] = set()
    waiting = [begin]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += _required(distribution(one[0]), one[1])
    names = {name for name, _ in seen}
    return {n: frozenset().union(*(extras for name, extras in seen if name == n)) for n in names}


def _required(package: Distribution, extras: frozenset[str]) -> Iterator[Wanted]:
    """What a package needs on this machine; what is not installed is nobody's part."""
    for text in package.requires or ():
        needed = Requirement(text)
        is_for_us = needed.marker is None or any(
            needed.marker.evaluate({"extra": extra}) for extra in {"", *extras}
        )
        name = canonicalize_name(needed.name)
        if is_for_us and _is_installed(name):
            yield name, frozenset(needed.extras)


def _is_installed(name: str) -> bool:
    try:
        return bool(distribution(name))
    except PackageNotFoundError:
        return False


def _below(package: Distribution, extras: frozenset[str]) -> list[str]:
    return sorted({_url(distribution(name)) for name, _ in _required(package, extras)})


def _component(package: Distribution, kind: str = "library") -> dict[str, Any]:
    told: Mapping[str, Any] = package.metadata.json
    licence = told.get("license_expression")
    return {
        "type": kind,
        "bom-ref": _url(package),
        "name": canonicalize_name(package.name),
        "version": package.version,
        "purl": _url(package),
        **({"licenses": [{"expression": licence}]} if licence else {}),
    }


def _url(package: Distribution) -> str:
    return f"pkg:pypi/{canonicalize_name(package.name)}@{package.version}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(bill(), indent=1) + "\n", encoding="utf-8")
