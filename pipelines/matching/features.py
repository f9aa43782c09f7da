"""What the model weighs of a pair: columns of `int_customers__candidates` as numbers.

Each feature belongs to one group, by which its part in a score is shown to people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

GROUPS = ("name", "mail", "phone", "address", "person", "keys", "structure", "standing", "currency")

# A key that a pair does not share: more holders than any key that makes a candidate has.
_NOT_SHARED = 99
_MOST_HOLDERS = 50

NAME_RELATIONS = ("different", "partly", "contained", "other_form", "close", "same")

_HOLDERS = {
    "email": "mail",
    "domain": "mail",
    "mailbox": "mail",
    "phone": "phone",
    "address": "address",
    "street": "address",
    "person": "person",
    "name": "name",
    "joined": "name",
}
_NUMBERS = {
    "shared_bits": "name",
    "shared_rare_words": "name",
    "shared_word_bits": "name",
    "account_alone_bits": "name",
    "customer_alone_bits": "name",
    "account_alone_words": "name",
    "customer_alone_words": "name",
    "similar_words": "name",
    "account_name_holders": "name",
    "customer_name_holders": "name",
    "account_start_holders": "name",
    "customer_start_holders": "name",
    "both_alone_bits": "name",
    "number_alone": "name",
    "department_alone": "name",
    "branch_alone": "name",
    "town_alone": "name",
    "sister_alone": "name",
    "joined_likeness": "name",
    "sorted_likeness": "name",
    "letter_likeness": "name",
    "alone_likeness": "name",
    "is_acronym": "name",
    "is_same_first_word": "name",
    "legal_form_difference": "name",
    "is_part_of_name": "name",
    "domain_likeness": "mail",
    "account_domain_group": "mail",
    "customer_domain_group": "mail",
    "has_both_emails": "mail",
    "is_same_mailbox": "mail",
    "phone_agreement": "phone",
    "account_phone_group": "phone",
    "customer_phone_group": "phone",
    "postcode_agreement": "address",
    "city_likeness": "address",
    "street_likeness": "address",
    "house_agreement": "address",
    "country_agreement": "address",
    "person_agreement": "person",
    "agreements": "keys",
    "conflicts": "keys",
    "is_child_account": "structure",
    "is_sub_customer": "structure",
    "is_active_customer": "structure",
    "is_other_currency": "currency",
}
SQL_FEATURES: Mapping[str, str] = {
    "name_relation": "name",
    **{f"{kind}_{side}_holders": group for kind, group in _HOLDERS.items()
       for side in ("account", "customer")},
    **_NUMBERS,
}  # fmt: skip

# What Splink makes of the relations: bits for or against, weighed by counting.
SPLINK_WEIGHT = "splink_weight"
PAIR_FEATURES: Mapping[str, str] = {**SQL_FEATURES, SPLINK_WEIGHT: "keys"}
RECORD_COLUMNS = ("account_no", "customer_no", "account_parent_no", "customer_parent_no")
COLUMNS = (*RECORD_COLUMNS, "pair_order", *SQL_FEATURES)


def pair_columns(candidates: Any) -> dict[str, Array]:
    """What SQL says of an Arrow table of candidates, each feature as an array of numbers."""
    return {name: _column(candidates, name) for name in SQL_FEATURES}


def numbers(table: Any, name: str, unknown: int, kind: str = "int32") -> Array:
    """A column of whole numbers or of yes and no, with a number for what is not known."""
    import pyarrow.compute as compute

    column = compute.fill_null(table.column(name).cast(kind), unknown)
    found: Array = column.to_numpy()
    return found


def _column(candidates: Any, name: str) -> Array:
    if name == "name_relation":
        return _ranks(candidates.column(name))
    if name.endswith(("_account_holders", "_customer_holders")):
        return np.minimum(numbers(candidates, name, _NOT_SHARED), _NOT_SHARED)
    if name.endswith(("_holders", "_group")):
        return np.minimum(numbers(candidates, name, 0), _MOST_HOLDERS)
    return numbers(candidates, name, 0)


def _ranks(relations: Any) -> Array:
    import pyarrow as pa
    import pyarrow.compute as compute

    known = pa.array(NAME_RELATIONS)
    found: Array = compute.fill_null(compute.index_in(relations, known), 0).to_numpy()
    return found
