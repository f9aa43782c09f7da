"""Bad weather over readings: each kind of fault of the sandbox, each place where a reading asks.

A storm may make a reading red, with its reason; it may make a change come one reading late, where
the vendor answered from older books. It may never make a green reading hold fewer rows.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from both_shelf import Shelf, check_quickbooks, check_salesforce
from both_systems import US, World, running_world, write_seed
from quickbooks_company import customer, invoice, line
from salesforce_org import BOREAL, RECORDS, USER, row

from pipelines.clients import quickbooks as quickbooks_client
from pipelines.errors import CrossfootError
from pipelines.extract import salesforce_preparing
from pipelines.sandbox.salesforce import bulk_query, queries
from pipelines.sandbox.salesforce.ids import to18

# A day and more, so that an answer's clock says that the round of the day is due, or is long past.
_DAY = 86_400
FAULTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "refused with 503": ("refuse", {"status": 503, "body": "<html>busy</html>"}),
    "throttled": ("throttle", {}),
    "throttled with Retry-After": ("throttle", {"retry_after": 1}),
    "delayed": ("delay", {"seconds": 0.02}),
    "hung": ("hang", {"seconds": 0.02}),
    "cut before": ("drop_before", {}),
    "cut after": ("drop_after", {}),
    "truncated": ("truncate", {}),
    "malformed": ("malformed", {}),
    "empty page": ("empty_page", {}),
    "repeated page": ("repeat_page", {}),
    "stale by changes": ("stale_read", {"commits": 2}),
    "stale by days": ("stale_read", {"seconds": 30 * _DAY}),
    "token expired": ("expire_token", {}),
    "rotated token lost": ("lose_rotated_token", {}),
    "part refused": ("partial_failure", {"items": [0]}),
    "clock ahead": ("clock_skew", {"seconds": 2 * _DAY}),
    "clock behind": ("clock_skew", {"seconds": -2 * _DAY}),
}
# Where readings ask, by system: a pattern of the address.
PLACES: Mapping[str, Mapping[str, str]] = {
    "quickbooks": {
        "query": "/query",
        "changes": "/cdc",
        "report": "/reports/",
        "counts": "/batch",
        "tokens": "/tokens/bearer",
        "discovery": "/.well-known/",
    },
    "salesforce": {
        "REST": "/query",
        "composite": "/composite",
        "describe": "/describe|/limits",
        "bulk job": "jobs/query$",
        "bulk state": "jobs/query/[^/]+$",
        "bulk results": "jobs/query/.*results",
        "tokens": "/oauth2/token|/Soap/",
    },
}
_CODES = {"quickbooks": "1000", "salesforce": "UNABLE_TO_LOCK_ROW"}


@dataclass(frozen=True)
class Storm:
    """One fault at one place: `times` calls are hit after `skip` others, or all (None)."""

    system: str
    fault: str
    place: str
    times: int | None = 1
    skip: int = 0

    def arm(self, world: World) -> None:
        kind, given = FAULTS[self.fault]
        action = {"kind": kind, **given}
        if kind == "partial_failure":
            action["code"] = _CODES[self.system]
        rule = {"system": self.system, "path": PLACES[self.system][self.place], "skip": self.skip}
        world.control("POST", "faults", json={**rule, "times": self.times, "action": action})
        if self.place in ("tokens", "discovery"):
            # Nobody asks for a token as long as the one there is good.
            expired = {"system": self.system, "action": {"kind": "expire_token"}}
            world.control("POST", "faults", json=expired)


@dataclass(frozen=True)
class Outcome:
    """What a storm did, which hit so many calls. `problem` is the reason of a red reading; `fewer`
    what a reading that should have had everything did not have, by the check that failed."""

    storm: Storm
    hits: int
    problem: str = ""
    is_unreasoned: bool = False
    is_late: bool = False
    fewer: str = ""


@dataclass
class Weather:
    """Readings of one world, each from the same shelf: an empty one, or one that holds the books
    of before some changes."""

    world: World
    checks: Mapping[str, Callable[[Shelf], None]] = field(
        default_factory=lambda: {"quickbooks": check_quickbooks, "salesforce": check_salesforce}
    )

    def read(self, storm: Storm, before: Shelf) -> Outcome:
        """One reading in the storm, and one after it; neither may write anything."""
        begin = self.world.sandbox.kernel.journal.next_number()
        outcome = self._read(storm, before)
        wrote = self.wrote(begin)
        return Outcome(storm, f"a reading wrote {wrote[0]}", True) if wrote else outcome

    def wrote(self, since: int) -> list[str]:
        """What the journal says was written from its entry of that number on."""
        return [
            f"{one.entity} {one.id}: {one.operation}"
            for call in self.world.sandbox.kernel.journal.entries(since - 1, None)
            for one in call.writes
        ]

    def _read(self, storm: Storm, before: Shelf) -> Outcome:
        shelf = Shelf(self.world, copy.deepcopy(before.tables), copy.deepcopy(before.state))
        storm.arm(self.world)
        problem, is_unreasoned = "", False
        try:
            with paged():
                shelf.extract(system=storm.system)
        except CrossfootError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - a reason of nobody's is what is looked for
            problem, is_unreasoned = repr(error), True
        finally:
            hits = self._hits()
            self.world.calm()
        fewer = "" if problem else self.fewer(storm, shelf)
        if not problem and not fewer:
            return Outcome(storm, hits)
        after = self._after(storm, shelf)
        is_late = bool(fewer) and not after and FAULTS[storm.fault][0] == "stale_read"
        return Outcome(
            storm, hits, problem, is_unreasoned, is_late, "" if is_late else after or fewer
        )

    def _hits(self) -> int:
        """How many calls the storm has hit; it was armed first."""
        return int(self.world.control("GET", "faults")["faults"][0]["fired"])

    def _after(self, storm: Storm, shelf: Shelf) -> str:
        """What is still not held once the weather is fair again."""
        try:
            with paged():
                shelf.extract(system=storm.system)
        except CrossfootError as error:
            return f"the reading after the storm failed: {error}"
        return self.fewer(storm, shelf)

    def fewer(self, storm: Storm, shelf: Shelf) -> str:
        """What the shelf does not hold as it stands in the books."""
        try:
            self.checks[storm.system](shelf)
        except AssertionError as error:
            return str(error)[:300] or "the rows differ"
        return ""


@contextmanager
def paged() -> Iterator[None]:
    """Pages of few rows, and bulk jobs for objects of more than five."""
    with (
        patch.object(quickbooks_client, "PAGE", 9),
        patch.object(
            salesforce_preparing, "transport", lambda rows: "Bulk" if rows > 5 else "REST"
        ),
        patch.object(bulk_query, "PAGE", 4),
        patch.object(queries, "PAGE", 2),
    ):
        yield


@contextmanager
def stormy_world(folder: Path) -> Iterator[World]:
    """Small books, with customers for several pages, accounts for a bulk job with as many, and
    prices for pages of a query."""
    many = [customer(str(n), f"Customer {n:02}", "USD") for n in range(1, 26)]
    accounts = [
        row(to18(f"001Hs0000000A{n}"), Name=f"Account {n}", OwnerId=USER) for n in range(10, 18)
    ]
    seed = write_seed(
        folder / "seed",
        salesforce={"Account": [*RECORDS["Account"], *accounts]},
        quickbooks={US: {"Customer": many}},
    )
    with running_world(seed, folder / "data") as world:
        yield world


def changed_books(world: World) -> Shelf:
    """A shelf on which all was read a day ago, and changes that nobody has read since: the day's
    round is due."""
    shelf, company = Shelf(world), world.quickbooks()
    doomed = company.create("Invoice", invoice(line(Decimal("7.70"))), "doomed")
    with paged():
        shelf.extract()
    world.move_clock(days=1.1)
    company.create("Invoice", invoice(line(Decimal("8.80"))), "new")
    body = json.dumps({"Id": doomed["Id"], "SyncToken": doomed["SyncToken"]})
    company._signed(lambda: company._library.delete_object("Invoice", body), "write")
    named = {"Id": "3", "SyncToken": "0", "sparse": True, "Notes": "seen"}
    company.update("Customer", named, "noted")
    world.salesforce().update_many("Account", [{"Id": BOREAL, "Name": "Boreal and Sons"}])
    return shelf


def storms(system: str) -> Iterator[Storm]:
    """Every fault at every place: once, once later on, and without end."""
    for fault in FAULTS:
        for place in PLACES[system]:
            for times, skip in ((1, 0), (1, 2), (None, 0)):
                yield Storm(system, fault, place, times, skip)
