"""Histories that once broke a promise, or that show what the soak does, played again; and new ones.

Each is a seed of `storms_of_writing`; `make soak` looks for others. What hypothesis finds it makes
as short as it can, and keeps for the next run beside the blob that it prints.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storms_of_writing import (
    CODES,
    DEATHS,
    FAULTS,
    PLACES,
    Attempt,
    Fault,
    History,
    Told,
    stormy_company,
)

# With a kill, a fault, a state that is lost.
SEEDS = (4,)
EXAMPLES = int(os.environ.get("STORMY_EXAMPLES", "2"))


def test_kept_histories_end_well(tmp_path: Path) -> None:
    told = Told()
    with stormy_company(tmp_path, told, histories=len(SEEDS)) as storms:
        for seed in SEEDS:
            storms.play(seed)
    assert not told.problems
    assert (told.runs, told.is_bad) == (len(SEEDS), False)
    assert told.restarts >= len(SEEDS)


def histories() -> st.SearchStrategy[History]:
    """A vendor that neither remembers a request nor shows what it made cannot be served."""
    return st.booleans().flatmap(
        lambda is_forgetful: st.lists(attempts(is_forgetful), min_size=1, max_size=3).map(tuple)
    )


def attempts(is_forgetful: bool) -> st.SearchStrategy[Attempt]:
    kinds = [kind for kind in FAULTS if not (is_forgetful and kind == "stale_read")]
    fault = st.sampled_from(kinds).flatmap(
        lambda kind: st.builds(
            Fault, st.just(kind), st.sampled_from(FAULTS[kind]), st.sampled_from(PLACES),
            st.integers(0, 2), st.integers(1, 3), st.integers(0, 99), st.sampled_from(list(CODES)),
        )
    )  # fmt: skip
    around = st.tuples(st.integers(1, 12), st.sampled_from(("before", "after")))
    return st.builds(
        Attempt,
        faults=st.lists(fault, min_size=1, max_size=3).map(tuple),
        killed_at=st.just("") | st.sampled_from(DEATHS).map("{}:1".format),
        killed_around=st.none() | around,
        is_met=st.booleans(),
        is_forgotten=st.booleans() if is_forgetful else st.just(False),
        loses_state=st.booleans(),
    )


@settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
@given(history=histories())
def test_any_history_ends_well(history: History) -> None:
    """Over real processes and the real sandbox, on a company of its own each, with every fault."""
    told = Told()
    with tempfile.TemporaryDirectory() as name, stormy_company(Path(name), told, 1) as storms:
        storms.live_through(history)
    assert told.problems == []
