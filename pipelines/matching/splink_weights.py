"""Splink's match weight of candidate pairs: bits for or against, from the relations that SQL found.

One feature among others; the only importer of splink. Pairs of the same relations weigh the same,
so that Splink is asked once for each combination and model, and answers for millions of pairs.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from pipelines.matching.features import Array, numbers
from pipelines.matching.model import Model, splink_settings
from pipelines.matching.spec import COMPARISONS, RELATIONS

Combination = tuple[str | None, ...]
# What Splink has answered in this process, by model.
_answered: dict[str, dict[Combination, float]] = {}


def weights(candidates: Any, model: Model) -> Array:
    """The match weight of each row of an Arrow table with the columns `RELATIONS`, in its order."""
    if candidates.num_rows == 0:
        return np.zeros(0)
    combinations, places = _combinations(candidates)
    known = _answered.setdefault(model.version, {})
    asked = [one for one in combinations if one not in known]
    known.update(zip(asked, _ask(asked, model), strict=True))
    found: Array = np.array([known[one] for one in combinations])[places]
    return found


def ask_ahead(model: Model) -> None:
    """Ask for every combination there can be, so that no later pair has to wait for Splink."""
    values = [[*(level.value for level in one.levels), "unknown"] for one in COMPARISONS]
    known = _answered.setdefault(model.version, {})
    asked = [one for one in product(*values) if one not in known]
    known.update(zip(asked, _ask(asked, model), strict=True))


def _combinations(candidates: Any) -> tuple[list[Combination], Array]:
    """The different combinations of relations, and which of them each row has."""
    codes = np.zeros(candidates.num_rows, dtype=np.int64)
    for name in RELATIONS:
        column = candidates.column(name).combine_chunks().dictionary_encode()
        indices = column.indices.fill_null(len(column.dictionary)).to_numpy(zero_copy_only=False)
        codes = codes * (len(column.dictionary) + 1) + indices
    _, rows, places = np.unique(codes, return_index=True, return_inverse=True)
    first = candidates.select(RELATIONS).take(rows)
    return list(zip(*(one.to_pylist() for one in first.columns), strict=True)), places


def _ask(combinations: Sequence[Combination], model: Model) -> list[float]:
    """Splink's answer for each combination, computed in a database of its own in memory."""
    if not combinations:
        return []
    import pyarrow as pa
    from splink import DuckDBAPI, Linker, SettingsCreator

    columns = dict(zip(RELATIONS, zip(*combinations, strict=True), strict=True))
    order = np.arange(len(combinations), dtype=np.int32)
    table = pa.table({n: pa.array(c, pa.string()) for n, c in columns.items()} | {"pair_id": order})
    database = DuckDBAPI()
    # Both sides of the link are the same rows: a pair is compared in its own columns.
    sides = [
        database.register(table, dataset_display_name=side) for side in ("account", "customer")
    ]
    settings = SettingsCreator.from_path_or_dict(splink_settings(model))
    linker = Linker(sides, settings, log_level=logging.WARNING)
    answer = linker.inference.predict(warning_mode="never").as_duckdbpyrelation().to_arrow_table()
    found = np.zeros(len(combinations))
    found[numbers(answer, "pair_id_l", 0)] = answer.column("match_weight").to_numpy()
    return list(np.round(found, 4).tolist())
