"""What the parsed project says of its models: what each is made of, and which tests hold it.

A relation is named `schema.name`, be it a model or a table that Python fills.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import transform


@dataclass(frozen=True)
class Model:
    """A model or a seed: `needs` are the relations that it is made of, `kind` is table, view or
    seed, `tags` are those of the project."""

    name: str
    relation: str
    kind: str
    needs: tuple[str, ...]
    tags: frozenset[str]


@dataclass(frozen=True)
class DataTest:
    """A test of the data that ends a build when it finds a row; `of` are the relations it reads."""

    name: str
    of: frozenset[str]


def models(
    project_dir: Path, warehouse_path: Path, wanted: Iterable[str] | None
) -> tuple[Model, ...]:
    """The models that these are made of, and they themselves, each after what it needs; all that
    there are if nothing is named.

    Raises `BuildFailed` when the project cannot be parsed, KeyError for a name that is no model.
    """
    manifest = transform.parsed(project_dir, warehouse_path)
    known = {n.name: key for key, n in manifest.nodes.items() if _kind(n)}
    ordered: dict[str, Model] = {}

    def visit(key: str) -> None:
        node = manifest.nodes.get(key)
        if node is None or key in ordered:
            return
        for needed in node.depends_on_nodes:
            visit(needed)
        ordered[key] = _model(node, manifest)

    for name in known if wanted is None else wanted:
        visit(known[name])
    return tuple(ordered.values())


def tests_of(
    project_dir: Path, warehouse_path: Path, marts: Iterable[str], among: Iterable[Model]
) -> tuple[DataTest, ...]:
    """The tests that hold these marts to something, as far as they read only models of `among`."""
    manifest = transform.parsed(project_dir, warehouse_path)
    held = {model.relation for model in among}
    wanted = {m.relation for m in among if m.name in set(marts)}
    found = []
    for node in manifest.nodes.values():
        if str(node.resource_type) != "test" or str(node.config.severity).lower() != "error":
            continue
        of = frozenset(_relation(key, manifest) for key in node.depends_on_nodes)
        own = {_relation(key, manifest) for key in node.depends_on_nodes if key in manifest.nodes}
        if own & wanted and own <= held:
            found.append(DataTest(node.name, of))
    return tuple(found)


def _model(node: Any, manifest: Any) -> Model:
    needs = () if _kind(node) == "seed" else tuple(
        _relation(key, manifest) for key in node.depends_on_nodes
    )  # fmt: skip
    return Model(
        node.name, f"{node.schema}.{node.name}", _kind(node), needs, frozenset(node.config.tags)
    )


def _relation(key: str, manifest: Any) -> str:
    known: Mapping[str, Any] = manifest.nodes if key in manifest.nodes else manifest.sources
    return f"{known[key].schema}.{known[key].name}"


def _kind(node: Any) -> str:
    """table, view or seed; nothing for a test."""
    kind = str(node.resource_type)
    if kind == "seed":
        return kind
    return str(node.config.materialized) if kind == "model" else ""
