"""Products and items: the hard cases, each by itself."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from raw_loader import load_world
from worlds import PROJECT, US, Builder, read

from pipelines import transform

# name: product (name, code, description), items (name, sku, further), state and rule of each item.
LINKED, WAITS, APART = "confirmed", "suggested", None
CASES: dict[str, tuple[tuple[str, str, str], list[tuple[str, str, dict[str, Any], Any]]]] = {
    "code": (("Reader", "BW-CR-01", ""), [("Old reader", "bw cr 01", {}, (LINKED, "sku"))]),
    "packs": (("Widget 10 pack", "", ""), [
        ("Widget 100 pack", "", {}, APART), ("Widget 10 pack", "", {}, (LINKED, "name")),
    ]),
    "packs, one code": (("Gadget 10 pack", "G-1", ""), [
        ("Gadget 100 pack", "G-1", {}, (WAITS, "sku")),
    ]),
    "periods": (("Hosting, monthly", "", ""), [
        ("Hosting, annual", "", {}, APART), ("Hosting per month", "", {}, APART),
        ("Monthly hosting", "", {}, (WAITS, "words")),
    ]),
    "period in the description": (("Support", "", "billed monthly"), [
        ("Support", "", {"Description": "billed yearly"}, APART),
    ]),
    "size and colour": (("Shirt, red, large", "", ""), [
        ("Shirt red S", "", {}, APART), ("Shirt L red", "", {}, (WAITS, "words")),
    ]),
    "tier": (("Suite Pro", "", ""), [("Suite Enterprise", "", {}, APART)]),
    "renumbered": (("Balance", "BAL-1", ""), [("Balance", "BAL-2", {}, (WAITS, "name"))]),
    "deleted": (("Scale", "SC-1", ""), [("Scale (deleted)", "SC-1", {"Active": False}, APART)]),
    "behind its category": (("Optics Lens", "", ""), [
        ("Lens", "", {"FullyQualifiedName": "Optics:Lens", "SubItem": True}, (LINKED, "name")),
    ]),
    "category": (("Services", "", ""), [("Services", "", {"Type": "Category"}, APART)]),
    "by key": (("Anything", "A-1", ""), [("Whatever", "W-9", {}, (LINKED, "external_id"))]),
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[str, str]]:
    builder = Builder()
    names = {}
    for at, (case, (product, items)) in enumerate(CASES.items()):
        name, code, description = product
        keys = [f"{at}{place}" for place in range(len(items))]
        record = {
            "Id": f"01t{at:0>12}BBB", "Name": name, "ProductCode": code or None,
            "Description": description or None, "IsActive": True, "IsDeleted": False,
            "QBO_Item_Id__c": f"{US}:9{keys[0]}" if case == "by key" else None,
        }  # fmt: skip
        builder.salesforce["Product2"].append(record)
        for key, (item, sku, more, _) in zip(keys, items, strict=True):
            known = {"Name": item, "Sku": sku or None, "Type": "Service"} | more
            builder._list(US, "Item", Id=f"9{key}", UnitPrice=Decimal(5), **known)
            names[record["Id"], f"9{key}"] = (case, item)
    path: Path = tmp_path_factory.mktemp("products") / "warehouse.duckdb"
    load_world(builder.world(), path)
    untested = ["test_type:unit", "test_type:data"]
    done = transform.build(PROJECT, path, select=["+matched_products"], exclude=untested)
    transform.require_passed(done)
    rows = read(path, "select * from matched.matched_products")
    return {
        names[row["product_id"], row["item_id"]]: (row["match_state"], row["method"])
        for row in rows
        if (row["product_id"], row["item_id"]) in names
    }


@pytest.mark.parametrize("case", list(CASES))
def test_each_hard_case(found: dict[tuple[str, str], tuple[str, str]], case: str) -> None:
    _, items = CASES[case]
    assert {item: found.get((case, item)) for item, _, _, _ in items} == {
        item: expected for item, _, _, expected in items
    }


def test_no_product_has_an_item_of_another_case(
    found: dict[tuple[str, str], tuple[str, str]],
) -> None:
    assert {case for case, _ in found} <= set(CASES)
