"""Twenty readers of the published copy through a full run: nobody waits, nobody fails.

The sample company on the sandbox is read, judged and published once; then twenty processes open the
copy again and again, each time anew, while everything is read again, judged, tested, published,
planned and applied. Ends with JSON: questions asked, the longest that one took, errors (0), answers
that changed within one opening (0).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from copy_readers import reading

from orchestration import steps
from orchestration.companies import BOOKS, sample_company
from orchestration.local_sandbox import CONNECTION, local_sandbox
from orchestration.sync import rounds
from pipelines.settings import load_settings

READERS = 20
QUESTION = (
    "select (select max(as_of_at) from intermediate.int_clock)::varchar, "
    "(select count(*) from reconciliation.mismatches), (select count(*) from sync.sync_invoices)"
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "sandbox"
        with local_sandbox(sample_company(folder), data / BOOKS, data / CONNECTION):
            settings = load_settings({**os.environ, "CROSSFOOT_DATA_DIR": str(data)}).check()
            steps.extract(settings)
            steps.decide(settings, tests=True)
            with reading(settings.published_path, QUESTION, READERS) as seen:
                changes = [len(done.plan.changes) for done in rounds(settings, "benchmark")]
        print(
            json.dumps(
                {
                    "benchmark": "readers",
                    "readers": len(seen),
                    "asked": sum(one.asked for one in seen),
                    "longest_seconds": round(max(one.longest for one in seen), 2),
                    "errors": sum(len(one.errors) for one in seen),
                    "torn": sum(one.torn for one in seen),
                    "copies_seen": max(len(one.answers) for one in seen),
                    "changes_written": sum(changes),
                }
            )
        )


if __name__ == "__main__":
    main()
