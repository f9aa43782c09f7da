"""What is assumed of a vendor's memory and sight, and when the same bytes may leave again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reverse_etl.ledger import Entry


@dataclass(frozen=True)
class Patience:
    """What is assumed of the vendor, since nobody publishes it.

    `request_memory`: how long at least a repeated request id gets the first answer.
    `visible_within`: how long at most until a query shows what a request made, counting from the
    sending of it (a request may take 120 seconds, quickbooks_api 5).
    In between the two, a record that is not found proves nothing and repeating it is not safe, so
    it waits. After `silences` lost replies in a row the run stops: the line is dead.
    A request leaves at most `leave_within` after the look or the intent that it rests on: a process
    that slept meanwhile knows neither what others did nor whether the vendor still remembers.
    A call that the vendor surely did not carry out is made again after each of `pauses`, seconds.
    """

    request_memory: timedelta = timedelta(minutes=10)
    visible_within: timedelta = timedelta(minutes=3)
    leave_within: timedelta = timedelta(minutes=3)
    silences: int = 3
    pauses: tuple[float, ...] = (1, 5, 20, 60, 60)
    sleep: Callable[[float], None] = time.sleep


CAUTIOUS = Patience()


def may_send_again(entry: Entry, now: datetime, patience: Patience) -> bool:
    """May the same bytes leave again after a look that found nothing?

    Yes if for every earlier try either the vendor still remembers its request id, or the look
    would have found what it made.
    """
    return (
        patience.request_memory >= patience.visible_within
        or now - entry.intended_at < patience.request_memory
        or now - entry.last_tried_at > patience.visible_within
    )
