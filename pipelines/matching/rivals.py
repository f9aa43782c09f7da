"""Compares two records of one side: is a rival a second record of the same organisation?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipelines import warehouse
from pipelines.matching.competition import RIVAL_COLUMNS
from pipelines.matching.features import Array, numbers

# A query, with the Arrow tables that it names, to its answer.
Ask = Callable[[str, Mapping[str, Any]], Any]

_LIKENESS = """
    SELECT
        rivals.place,
        CAST(CASE
            WHEN own.token_key = other.token_key OR own.joined_name = other.joined_name THEN 1001
            ELSE round(1000 * jaro_winkler_similarity(own.joined_name, other.joined_name))
        END AS INTEGER) AS likeness,
        CAST(CASE
            WHEN own.joined_name = other.joined_name THEN 0
            ELSE coalesce(list_sum(list_transform(
                list_filter(own.words, lambda one: NOT list_contains(other.tokens, one.word)),
                lambda one: one.bits)), 0)
            + coalesce(list_sum(list_transform(
                list_filter(other.words, lambda one: NOT list_contains(own.tokens, one.word)),
                lambda one: one.bits)), 0)
        END AS INTEGER) AS apart_bits,
        CAST(coalesce(list_has_any(own_record.emails, other_record.emails), false) AS INTEGER)
        + CAST(coalesce(list_has_any(own_record.domains, other_record.domains), false) AS INTEGER)
        + CAST(coalesce(list_has_any(own_record.phones, other_record.phones), false) AS INTEGER)
        + CAST(coalesce(
            own_record.house_number = other_record.house_number
            AND own_record.city_key = other_record.city_key, false) AS INTEGER)
            AS shared_keys,
        CAST(len(own_record.domains) > 0 AND len(other_record.domains) > 0
            AND NOT list_has_any(own_record.domains, other_record.domains) AS INTEGER)
        + CAST(len(own_record.phones) > 0 AND len(other_record.phones) > 0
            AND NOT list_has_any(own_record.phones, other_record.phones) AS INTEGER)
        + CAST(coalesce(own_record.house_number != other_record.house_number, false) AS INTEGER)
        + CAST(coalesce(own_record.city_key != other_record.city_key, false) AS INTEGER)
            AS other_keys
    FROM rivals
    INNER JOIN intermediate.int_customers__records AS own_record
        ON rivals.own = own_record.record_no
    INNER JOIN intermediate.int_customers__records AS other_record
        ON rivals.other = other_record.record_no
    INNER JOIN intermediate.int_names__weighed AS own
        ON rivals.own = own.record_no AND own.name_rank = 1
    INNER JOIN intermediate.int_names__weighed AS other
        ON rivals.other = other.record_no AND other.name_rank = 1
"""
# What stands for a rival that is not there.
_NONE = {"likeness": -1, "apart_bits": -1, "shared_keys": -1, "other_keys": -1}


def asking(path: Path) -> Ask:
    """Questions to a warehouse. Raises what `pipelines.warehouse.arrow` raises."""
    return lambda sql, tables: warehouse.arrow(path, sql, tables=tables)


def likeness(ask: Ask, own: Array, other: Array) -> dict[str, Array]:
    """How each record and its rival of the same side compare, in `RIVAL_COLUMNS`.

    `other` is -1 where there is no rival.
    """
    import pyarrow as pa

    found = {name: np.full(len(own), _NONE[name], dtype=np.int32) for name in RIVAL_COLUMNS}
    asked = np.flatnonzero(other >= 0)
    if not len(asked):
        return found
    keys = own[asked].astype(np.int64) * (1 << 32) + other[asked]
    distinct, places = np.unique(keys, return_inverse=True)
    table = pa.table(
        {
            "place": np.arange(len(distinct), dtype=np.int32),
            "own": (distinct >> 32).astype(np.int32),
            "other": (distinct & 0xFFFFFFFF).astype(np.int32),
        }
    )
    answer = ask(_LIKENESS, {"rivals": table})
    at = numbers(answer, "place", 0)
    for name in RIVAL_COLUMNS:
        values = np.full(len(distinct), _NONE[name], dtype=np.int32)
        values[at] = numbers(answer, name, 0)
        found[name][asked] = values[places]
    return found
