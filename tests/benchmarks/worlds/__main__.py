"""The command: `python -m tests.benchmarks.worlds --accounts N --seed S --part P --out FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.benchmarks.worlds.base_names import PARTS
from tests.benchmarks.worlds.world import make, write


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.worlds")
    parser.add_argument("--accounts", type=int, default=10_000, help="how many accounts")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another world")
    parser.add_argument("--part", choices=sorted(PARTS), default="train", help="whose names")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the four files")
    asked = parser.parse_args()
    world = make(asked.accounts, asked.seed, asked.part)
    write(world, asked.out)
    print(
        f"{len(world.accounts):,} accounts, {len(world.customers):,} customers, "
        f"{len(world.truth):,} true pairs, {len(world.apart):,} to keep apart: {asked.out}"
    )


if __name__ == "__main__":
    main()
