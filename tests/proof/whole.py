"""The worlds that are too large for `make test`, explored whole; writes explored.json.

python tests/proof/whole.py              all of them, some minutes of one core
python tests/proof/whole.py 2,2,1,0 ...  these: deals, writers, faults, acts of people
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from explore import explore
from protocol import HONEST, Vendor, start
from protocol_guards import FORGETFUL

STORED = Path(__file__).with_name("explored.json")
# Deals, writers, faults, acts of people.
WORLDS = ((2, 2, 0, 0), (2, 2, 1, 0), (2, 1, 1, 1), (1, 2, 2, 0), (1, 2, 1, 1), (1, 1, 3, 2))


def main() -> int:
    chosen = [tuple(map(int, word.split(","))) for word in sys.argv[1:]] or list(WORLDS)
    found = {(*_size(told), told["forgetful"]): told for told in json.loads(STORED.read_text())}
    for size in WORLDS:
        for vendor in (HONEST, FORGETFUL) if size in chosen else ():
            found[(*size, vendor.forgetful)] = explored(size, vendor)
            kept = [found[key] for key in sorted(found, key=_order) if key[:4] in WORLDS]
            STORED.write_text(json.dumps(kept, indent=1) + "\n")
    return any(told["bad"] for told in found.values())


def explored(size: tuple[int, int, int, int], vendor: Vendor) -> dict[str, Any]:
    """Every state of one world visited; `seconds` of one core."""
    began = time.process_time()
    seen = explore(start(*size), vendor=vendor)
    told = {
        "deals": size[0], "writers": size[1], "faults": size[2], "acts": size[3],
        "forgetful": vendor.forgetful, "states": seen.states, "steps": seen.steps,
        "seconds": round(time.process_time() - began, 1), "bad": seen.bad,
    }  # fmt: skip
    print(told, *seen.path, sep="\n  ", flush=True)
    return told


def _size(told: dict[str, Any]) -> tuple[int, int, int, int]:
    return told["deals"], told["writers"], told["faults"], told["acts"]


def _order(key: tuple[int, int, int, int, bool]) -> tuple[int, bool]:
    return WORLDS.index(key[:4]) if key[:4] in WORLDS else len(WORLDS), key[4]


if __name__ == "__main__":
    sys.exit(main())
