"""`python -m pipelines.sandbox.company --folder data/sample_company --answer-key data/key.json`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipelines.sandbox.company import generate


def main(arguments: list[str] | None = None) -> int:
    """Generate the sample company and say in one line what was written."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.sandbox.company")
    parser.add_argument("--folder", type=Path, default=Path("data/sample_company"))
    parser.add_argument("--answer-key", type=Path, default=Path("data/answer_key.json"))
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    try:
        summary = generate(options.folder, options.answer_key, options.seed)
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"The sample company was not written: {problem}\n")
        return 1
    total = sum(summary.records.values())
    sys.stdout.write(
        f"Wrote {total} records in {len(summary.records)} files to {summary.folder}; "
        f"answer key with {sum(summary.mismatches.values())} findings to {summary.answer_key}.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
