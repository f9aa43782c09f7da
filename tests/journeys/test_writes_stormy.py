"""Histories that once broke a promise, or that show what the soak does, played again.

Each is a seed of `storms_of_writing`; `make soak` looks for others.
"""

from __future__ import annotations

from pathlib import Path

from storms_of_writing import Told, stormy_company

# With a kill, a fault, a state that is lost.
SEEDS = (4,)


def test_kept_histories_end_well(tmp_path: Path) -> None:
    told = Told()
    with stormy_company(tmp_path, told, histories=len(SEEDS)) as storms:
        for seed in SEEDS:
            storms.play(seed)
    assert not told.problems
    assert (told.runs, told.is_bad) == (len(SEEDS), False)
    assert told.restarts >= len(SEEDS)
