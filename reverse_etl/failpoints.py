"""Places where a crash test may kill this process: at every commit and around every request.

Off unless the environment names one, e.g. `CROSSFOOT_KILL_AT=invoices.after_send:3` kills the
process (SIGKILL: no cleanup, no flush) the third time it gets there. The points of a flow:

  before_intent   nothing is written yet
  in_intent       the intent is in the open transaction, not committed
  after_intent    the intent is durable, the request has not left
  after_send      the vendor has answered, the outcome is not written
  in_outcome      the outcome is in the open transaction, not committed
  after_outcome   the outcome is durable
  before_look, after_look    around the search for the mark of a write left open

and, outside the flows, lease.taken, lease.released, plan.stored, approval.stored, state.copied.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

from pipelines.errors import ConfigurationError

VARIABLE = "CROSSFOOT_KILL_AT"
FLOW_POINTS = (
    "before_intent", "in_intent", "after_intent", "after_send", "in_outcome", "after_outcome",
    "before_look", "after_look",
)  # fmt: skip
FLOW_NAMES = (
    "customers", "products", "prices", "estimates", "invoices", "invoice_mails", "account_status",
    "deal_status", "overdue", "undo",
)  # fmt: skip
POINTS = (
    *(f"{flow}.{point}" for flow in FLOW_NAMES for point in FLOW_POINTS),
    "lease.taken",
    "lease.released",
    "plan.stored",
    "approval.stored",
    "state.copied",
)

_reached: Counter[str] = Counter()


def reach(point: str) -> None:
    """Say that the program got to `point`; ends the process if the environment asks for it."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    name, _, times = wanted.partition(":")
    if name not in POINTS or not (times or "1").isdigit():
        raise ConfigurationError(
            "settings", VARIABLE, f"{wanted!r} names no fail point", f"One of: {', '.join(POINTS)}."
        )
    if name == point:
        _reached[point] += 1
        if _reached[point] == int(times or 1):
            _end()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
