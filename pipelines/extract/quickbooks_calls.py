"""What reading a QuickBooks company costs in metered (CorePlus) calls. Pure arithmetic.

A first load walks every entity in pages of 1000 of which each repeats one record of the page
before, and asks the service's count only where an answer does not prove itself:

- An entity of several pages: a page that comes short in the middle would end its walk early. Where
  the change call tells of a record made lately and the last page has the youngest of these, the
  walk has come to its end, for pages come in the order of creation.
- An entity that came empty: an emptied answer looks like it. (Not where the preferences say that
  the company does not use such records.) In a company of which no change of the last weeks is
  told, the count is asked first of what many companies have none of at all: when it is nought,
  there is no page to read. One that is at work has most of it, so that its page is read first.
- An entity of one page that holds records proves itself: the answer says how many it has, and what
  the change call, made just before it, tells of the last weeks must stand on it. An answer out of
  older books lacks something of that, and if nothing changed since those books it lacks nothing.
  Anything else that could be wrong with it is found by the count that every entity gets daily.

So above the least that its rows could come in, a company costs the change call, a count of each
entity that is empty, and of each of several pages whose end was not shown. Nobody can know before
asking whether there is a record: a page is the least where there is one, and a count where there is
none. Of 21 entities and two reports the change call alone is 4 % of the calls, so that only from
fifty pages on a first load can stay below 1.02 times the least. The sample's company in the US
takes 23 calls: 18 pages, both reports, the change call, and page and count of deposits, of which it
has none; its British one takes 25. A batch changes nothing: each query in it
counts for itself (quickbooks_api 2.5). The change call stands for the counts of all that comes in
one page, some twenty calls.

Afterwards one call tells all changes. Once a day a round is made besides: what changes do not
cover, the reports of receivables and of invoices, and a count of every entity against what the
warehouse holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.clients.quickbooks import CDC_LIMIT, PAGE
from pipelines.extract.quickbooks_entities import (
    CAPTURED,
    CURRENCIES,
    FEATURES,
    OFTEN_NONE,
    SINGLES,
    UNCAPTURED,
)

CHANGE_CALL = 1
# The reports of receivables and of invoices.
REPORT_CALLS = 2


def least_calls(rows_by_entity: Mapping[str, int]) -> int:
    """The fewest calls that could bring these rows: full pages, and one for what is empty."""
    return sum(max(1, -(-rows // PAGE)) for rows in rows_by_entity.values())


def pages(rows: int) -> int:
    """Calls of a walk over so many rows: each page begins with the last record of the one before,
    and a full page may not be the last."""
    return (rows - 1) // (PAGE - 1) + 1 if rows else 1


def planned_calls(rows_by_entity: Mapping[str, int]) -> int:
    """The most calls of a first load: pages, the counts that prove them, the changes of the last
    weeks, of the last day besides where these are too many for an answer, and the reports of
    receivables and of invoices."""
    walks = sum(map(_walk, rows_by_entity, rows_by_entity.values()))
    changes = CHANGE_CALL * (2 if sum(rows_by_entity.values()) >= CDC_LIMIT else 1)
    return walks + changes + REPORT_CALLS


def _walk(entity: str, rows: int) -> int:
    is_counted_first = entity in OFTEN_NONE and entity not in FEATURES
    proves_itself = entity in SINGLES or 0 < rows < PAGE
    return pages(rows) + (0 if proves_itself and not is_counted_first else 1)


def incremental_calls(changes_by_entity: Mapping[str, int]) -> int:
    """The calls of a run after so many changes, at most: one; where that may have been cut off, one
    for each changed entity, if there are several, and one for all others, then pages of what is
    still too much, and a count of it."""
    if sum(changes_by_entity.values()) < CDC_LIMIT:
        return CHANGE_CALL
    changed = [count for count in changes_by_entity.values() if count]
    paged = sum(pages(count) + 1 for count in changed if count >= CDC_LIMIT)
    each = len(changed) if len(changed) > 1 else 0
    return CHANGE_CALL + each + CHANGE_CALL + paged


def daily_calls(several_currencies: bool = True) -> int:
    """What the round of a day costs besides: 23 calls, 21 without further currencies; in a month
    of 30 days 690 or 630 for a company."""
    walks = len(UNCAPTURED) - (0 if several_currencies else len(CURRENCIES))
    return walks + REPORT_CALLS + len(CAPTURED)
