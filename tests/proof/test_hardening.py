"""No answer of a vendor ever leads to a deletion, a void or a second record; no text of a record
ever becomes part of a query."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from writing import (
    AS_OF,
    World,
    account_status_row,
    customer_row,
    deal_status_row,
    estimate_row,
    invoice_row,
    mail_row,
    marts,
    overdue_row,
    price_row,
    product_row,
)

from pipelines.clients.quickbooks_statements import identifier, quoted
from pipelines.clients.salesforce_soql import record_id, soql_ids, soql_text
from reverse_etl.lease import hold
from reverse_etl.ledger import WITHDRAWN, Context, Intent, Ledger
from reverse_etl.syncs import registry

ROOT = Path(__file__).resolve().parents[2]
CODE = [
    path
    for folder in ("pipelines", "reverse_etl", "orchestration")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "sandbox" not in path.parts
]
_ATTACKS = st.text(alphabet=st.sampled_from("'\\\"%_()=-;\n\r\t aOR1é​"), max_size=30)


def destroying(tree: ast.AST) -> Iterator[str]:
    """Every call or literal by which a vendor could be told to delete or void a record."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("delete_object", "void"):
            yield node.attr
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if "operation=delete" in text or "operation=void" in text or text == "DELETE":
                yield text


def test_nothing_deletes_or_voids_by_itself() -> None:
    """But for three: lines of an opportunity that it wrote itself from an estimate, in the same
    graph that writes the new ones; the void of a plan that a person asked for, to take back
    another, and the record of an invoice in Salesforce that such a plan takes away; and fields of
    an org that a person's command made and takes away again."""
    found = {
        str(path.relative_to(ROOT)): sorted(set(destroying(ast.parse(path.read_text()))))
        for path in CODE
        if path.is_relative_to(ROOT / "reverse_etl") or "clients" in path.parts
    }
    assert {name: words for name, words in found.items() if words} == {
        "pipelines/clients/salesforce_components.py": ["DELETE"],
        "pipelines/clients/salesforce_writes.py": ["DELETE"],
        "reverse_etl/syncs/estimates.py": ["DELETE"],
        "reverse_etl/syncs/undo.py": ["DELETE", "void"],
    }


def test_a_withdrawn_write_is_only_forgotten_here() -> None:
    """Giving up a write is a word in the ledger; no flow has a way to take anything back."""
    users = [p.name for p in CODE if WITHDRAWN in p.read_text() and p.parent.name == "syncs"]
    assert users == []


# Queries ------------------------------------------------------------------------------------------


HOSTILE = "O'Hara\\' or Id != ''; delete --"
_LITERAL = re.compile(r"'(?:\\.|[^'\\])*'")


def test_every_look_of_every_flow_keeps_hostile_texts_in_their_literals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows full of quotes are planned, and what each flow then asks the vendors is read closely."""
    world, asked = World(tmp_path), []
    monkeypatch.setattr(world.us, "query", lambda entity, where="": asked.append(where) or [])
    monkeypatch.setattr(world.org, "query_all", lambda soql: asked.append(soql) or [])
    rows = {name: [hostile(row) for row in own] for name, own in everything().items()}
    plan = world.plan(rows)
    assert {change.flow for change in plan.changes} == {flow.name for flow in registry.FLOWS}
    with hold(world.state, "test", world.clock) as lease:
        ledger = Ledger(world.state, lease)
        context = Context(plan.checksum, AS_OF, AS_OF)
        for change in plan.changes:
            entry = ledger.would_be(Intent(change, change.payload), context)
            registry.flow(change.flow).find(world.clients, entry)
    world.state.close()
    assert len(asked) >= 6
    assert any("O\\'Hara" in query for query in asked)
    for query in asked:
        left = _LITERAL.sub("", query)
        assert "'" not in left, query
        assert "delete" not in left, query


def everything() -> dict[str, list[dict[str, Any]]]:
    return marts(
        invoices=[invoice_row()], customers=[customer_row(2)], deals=[deal_status_row()],
        accounts=[account_status_row()], estimates=[estimate_row()], overdue=[overdue_row()],
        products=[product_row()], prices=[price_row()], mails=[mail_row("1000")],
    )  # fmt: skip


def hostile(row: dict[str, Any]) -> dict[str, Any]:
    """The same row with every text of people's making turned into an attack."""
    texts = (
        "display_name", "account_name", "company_name", "product_name", "item_name", "sku",
        "deal_name", "subject", "description", "document_number", "estimate_number", "email",
    )  # fmt: skip
    return {k: HOSTILE if k in texts and isinstance(v, str) else v for k, v in row.items()}


@given(_ATTACKS)
@settings(max_examples=300, deadline=None)
def test_no_text_ends_its_literal_before_its_end(text: str) -> None:
    for made in (quoted(text), soql_text(text)):
        assert made[0] == made[-1] == "'"
        inside, escaped = made[1:-1], False
        for letter in inside:
            assert escaped or letter != "'"
            escaped = letter == "\\" and not escaped
        assert not escaped


@pytest.mark.parametrize("attack", ["1' or '1'='1", "1;2", "", "1 2", "é", "1\n2", "a" * 60])
def test_what_is_no_id_is_refused(attack: str) -> None:
    for check in (identifier, record_id, lambda value: soql_ids([value])):
        with pytest.raises(ValueError, match="not "):
            check(attack)


def test_the_scan_sees_what_it_is_there_to_see() -> None:
    assert list(destroying(ast.parse("library.delete_object('Invoice', body)"))) == [
        "delete_object"
    ]
