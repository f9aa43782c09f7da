"""The kinds that are looked at are those that the models read, and each change is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest

from pipelines.clients.quickbooks_answers import page
from pipelines.clients.quickbooks_contract import CONTRACT, DAY, FLAG, NUMBER, KindChanged
from pipelines.extract.quickbooks import ENTITIES
from pipelines.extract.salesforce import table_name

PROJECT = Path(__file__).parents[2] / "dbt_project"
_READ = re.compile(
    r"from_json\(payload, '(?P<shape>.*?)'\) as doc.*?source\('raw_quickbooks', '(?P<table>\w+)'\)",
    re.DOTALL,
)


def kinds(shape: Any) -> Any:
    """A model's shape in the words of the contract; None of what is read as text."""
    if isinstance(shape, dict):
        return {name: told for name, kind in shape.items() if (told := kinds(kind)) is not None}
    if isinstance(shape, list):
        return [kinds(shape[0])]
    if shape.startswith(("DECIMAL", "INTEGER")):
        return NUMBER
    return {"BOOLEAN": FLAG, "DATE": DAY}.get(shape)


def together(one: Any, other: Any) -> Any:
    if isinstance(one, dict):
        return {
            name: together(one[name], other[name]) if {name} <= one.keys() & other.keys()
            else one.get(name, other.get(name))
            for name in one | other
        }  # fmt: skip
    return [together(one[0], other[0])] if isinstance(one, list) else one


def test_every_kind_that_a_model_reads_is_looked_at_and_no_other() -> None:
    macros = jinja2.Environment(autoescape=False).from_string(
        (PROJECT / "macros" / "payload.sql").read_text()
    )
    module: Any = macros.module
    entities = {table_name(entity): entity for entity in ENTITIES}
    read: dict[str, Any] = {}
    for model in (PROJECT / "models" / "staging" / "quickbooks").glob("*.sql"):
        for found in _READ.finditer(model.read_text()):
            text = found["shape"].replace(
                "{{ sales_document_shape() }}", module.sales_document_shape()
            )
            entity = entities[found["table"]]
            read[entity] = together(read.get(entity, {}), kinds(json.loads(text)))
    assert {entity: shape for entity, shape in read.items() if shape} == dict(CONTRACT)


def answer(entity: str, **members: Any) -> bytes:
    records = [{"Id": "7"}, {"Id": "8", **members}]
    return json.dumps({"QueryResponse": {entity: records, "maxResults": 2}}).encode()


@pytest.mark.parametrize(
    ("entity", "member", "path", "was", "found"),
    [
        ("Invoice", {"TotalAmt": "12.50"}, "TotalAmt", NUMBER, "text"),
        ("Invoice", {"Balance": True}, "Balance", NUMBER, FLAG),
        ("Invoice", {"TxnDate": 20261101}, "TxnDate", DAY, NUMBER),
        ("Invoice", {"CustomerRef": "1"}, "CustomerRef", "an object", "text"),
        ("Invoice", {"Line": {"Amount": 1}}, "Line", "a list", "an object"),
        ("Payment", {"Line": [{"Amount": 1}, {"Amount": {}}]}, "Line.Amount", NUMBER, "an object"),
        ("Item", {"Active": 1}, "Active", FLAG, NUMBER),
    ],
)
def test_a_changed_kind_is_named(
    entity: str, member: dict[str, Any], path: str, was: str, found: str
) -> None:
    with pytest.raises(KindChanged) as told:
        page(entity, answer(entity, **member))
    changed = told.value.difference
    assert (changed.entity, changed.key, changed.path) == (entity, "8", path)
    assert (changed.was, changed.found) == (was, found)


def test_what_is_new_absent_or_null_is_taken_in() -> None:
    records = page("Invoice", answer("Invoice", TotalAmt=None, Brand={"a": [1]}, DocNumber=7))
    assert len(records.records) == 2
    assert len(page("TaxAgency", answer("TaxAgency", TotalAmt="x")).records) == 2
