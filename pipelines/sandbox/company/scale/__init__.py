"""A company of any size that nobody has to hold: `crossfoot sandbox --scale 1000000`."""

from __future__ import annotations

from pipelines.sandbox.company.dates import AS_OF_AT
from pipelines.sandbox.company.scale import quickbooks, salesforce
from pipelines.sandbox.company.scale.numbered import Ids
from pipelines.sandbox.company.scale.plan import Plan
from pipelines.sandbox.errors import SeedUnreadable
from pipelines.sandbox.seed import Seed

# Raised whenever another company comes out of the same number: an old log does not fit it.
EDITION = 1
MOST_LINES = 100_000_000


def scaled_seed(lines: int) -> Seed:
    """The company with so many invoice lines; the same number is always the same company.

    Raises:
        SeedUnreadable: no such number of lines.
    """
    if not 1 <= lines <= MOST_LINES:
        raise SeedUnreadable(
            f"A company has between 1 and {MOST_LINES:,} invoice lines, not {lines:,}. "
            "Give --scale another number."
        )
    plan = Plan(lines)
    org = salesforce.Org(plan, quickbooks.REALM, quickbooks.INVOICES, quickbooks.NUMBERS)
    ledger = quickbooks.Ledger(plan, Ids("006").of)
    computed = {
        **{(salesforce.ORG_ID, name): table for name, table in org.tables().items()},
        **{(quickbooks.REALM, name): table for name, table in ledger.tables().items()},
    }
    writes = [*salesforce.settings(), *ledger.settings()]
    return Seed(_MANIFEST, f"scale {lines} edition {EDITION}", None, writes, computed)


_MANIFEST = {
    "name": salesforce.NAME,
    "as_of": AS_OF_AT.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "salesforce": {
        "org_id": salesforce.ORG_ID,
        "org_name": salesforce.NAME,
        "user": {"username": salesforce.INTEGRATION, "name": "Integration User"},
        "currencies": [{"iso": "USD", "rate": 1, "corporate": True}],
    },
    "quickbooks": [
        {
            "realm_id": quickbooks.REALM,
            "name": salesforce.NAME,
            "country": "US",
            "home_currency": "USD",
            "utc_offset": quickbooks.OFFSET,
        }
    ],
}
