"""The table of guards is of this very code: each can still be taken out, and each was once."""

from __future__ import annotations

import ast
import json

import pytest
from mutations import MUTATIONS, ROOT, STORED, Mutation, mutated


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_guard_stands_where_the_table_says(mutation: Mutation) -> None:
    whole = (ROOT / mutation.file).read_text()
    without = mutated(mutation, whole)
    assert without != whole
    ast.parse(without)


def test_a_guard_that_has_moved_is_told() -> None:
    with pytest.raises(LookupError, match="does not hold once"):
        mutated(MUTATIONS[0], "another text")


def test_each_guard_was_taken_out_once_and_missed() -> None:
    stored = json.loads(STORED.read_text())
    assert stored.keys() == {mutation.name for mutation in MUTATIONS}
    for mutation in MUTATIONS:
        test = stored[mutation.name]["caught"].partition("::")[0]
        assert test in {name.partition("::")[0] for name in mutation.tests}
        assert (ROOT / test).exists()
