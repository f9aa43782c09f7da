"""The worlds that are too large for `make test`, explored whole; writes explored.json.

python tests/proof/whole.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from explore import explore
from protocol import HONEST, start
from protocol_guards import FORGETFUL

STORED = Path(__file__).with_name("explored.json")
# Deals, writers, faults, acts of people.
WORLDS = ((2, 2, 0, 0), (2, 1, 1, 1), (1, 2, 2, 0), (1, 2, 1, 1), (1, 1, 3, 2))


def main() -> int:
    found = []
    for size in WORLDS:
        for vendor in (HONEST, FORGETFUL):
            seen = explore(start(*size), vendor=vendor)
            told = {
                "deals": size[0], "writers": size[1], "faults": size[2], "acts": size[3],
                "forgetful": vendor.forgetful, "states": seen.states, "bad": seen.bad,
            }  # fmt: skip
            print(told, *seen.path, sep="\n  ", flush=True)
            found.append(told)
            STORED.write_text(json.dumps(found, indent=1) + "\n")
    return any(told["bad"] for told in found)


if __name__ == "__main__":
    sys.exit(main())
