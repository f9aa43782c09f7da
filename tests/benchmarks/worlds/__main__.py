"""The command: `python -m tests.benchmarks.worlds --accounts N --seed S --part P --out FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.benchmarks.worlds import unlike
from tests.benchmarks.worlds.base_names import PARTS
from tests.benchmarks.worlds.world import emptied, make, write


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.worlds")
    parser.add_argument("--accounts", type=int, default=10_000, help="how many accounts")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another world")
    parser.add_argument(
        "--part",
        choices=[*sorted(PARTS), "unlike"],
        default="train",
        help="whose names; unlike: the other generator",
    )
    parser.add_argument("--without", default="", help="columns that nobody filled, by comma")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the four files")
    asked = parser.parse_args()
    if asked.part == "unlike":
        world = unlike.make(asked.accounts, asked.seed)
    else:
        world = make(asked.accounts, asked.seed, asked.part)
    write(emptied(world, [name for name in asked.without.split(",") if name]), asked.out)
    print(
        f"{len(world.accounts):,} accounts, {len(world.customers):,} customers, "
        f"{len(world.truth):,} true pairs, {len(world.apart):,} to keep apart: {asked.out}"
    )


if __name__ == "__main__":
    main()
