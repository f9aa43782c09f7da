"""Histories that once broke a promise, or that show what the soak does, played again; and new ones.

Each is a seed of `storms_of_writing`; `make soak` looks for others. What hypothesis finds it makes
as short as it can, and keeps for the next run beside the blob that it prints.
"""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storms_of_writing import Told, stormy_company

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


@settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
@given(dice=st.randoms(use_true_random=False))
def test_any_history_ends_well(dice: random.Random) -> None:
    """Over real processes and the real sandbox, on a company of its own each, with every fault."""
    told = Told()
    with tempfile.TemporaryDirectory() as name, stormy_company(Path(name), told, 1) as storms:
        storms.history(dice)
    assert told.problems == []
