"""Splink's match weight of candidate pairs: bits for or against, from the relations that SQL found.

One feature among others; the only importer of splink.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from pipelines.matching.features import Array, numbers
from pipelines.matching.model import Model, splink_settings
from pipelines.matching.spec import RELATIONS


def weights(candidates: Any, model: Model) -> Array:
    """The match weight of each row of an Arrow table with the columns `RELATIONS`, in its order.

    Computed in a database of its own in memory.
    """
    import pyarrow as pa
    from splink import DuckDBAPI, Linker, SettingsCreator

    if candidates.num_rows == 0:
        return np.zeros(0)
    order = pa.array(np.arange(candidates.num_rows, dtype=np.int32))
    table = candidates.select(RELATIONS).append_column("pair_id", order)
    database = DuckDBAPI()
    # Both sides of the link are the same rows: a pair is compared in its own columns.
    sides = [
        database.register(table, dataset_display_name=side) for side in ("account", "customer")
    ]
    settings = SettingsCreator.from_path_or_dict(splink_settings(model))
    linker = Linker(sides, settings, log_level=logging.WARNING)
    answer = linker.inference.predict(warning_mode="never").as_duckdbpyrelation().to_arrow_table()
    found = np.zeros(candidates.num_rows)
    found[numbers(answer, "pair_id_l", 0)] = answer.column("match_weight").to_numpy()
    return np.round(found, 4)
