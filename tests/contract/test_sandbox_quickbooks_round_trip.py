"""What is read can be written back as it is, in a company of several currencies too.

Clients of QuickBooks read an object, change a member and send the whole: a member of an answer that
the same entity refuses would break each of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from quickbooks_company import Company

from pipelines.sandbox.quickbooks import QuickBooks as Vendor
from pipelines.sandbox.quickbooks import landscaping
from pipelines.sandbox.server import running_sandbox


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("landscaping")
    assert landscaping.main(["--folder", str(folder), "--as-of", "2026-11-20T17:00:00Z"]) == 0
    with running_sandbox(folder, factories={"quickbooks": Vendor}) as running:
        yield Company(running, landscaping.REALM)


@pytest.mark.parametrize(
    "entity",
    [
        "Account", "Bill", "CompanyCurrency", "CreditMemo", "Customer", "Employee", "Estimate",
        "Invoice", "Item", "Payment", "PaymentMethod", "Purchase", "SalesReceipt", "Term", "Vendor",
    ],
)  # fmt: skip
def test_a_full_update_with_what_was_read_changes_nothing(company: Company, entity: str) -> None:
    for held in company.rows(entity, "maxresults 5"):
        saved = company.save(entity, held)
        assert saved["SyncToken"] == held["SyncToken"]
        assert saved == held


def test_members_of_the_home_currency_are_the_entitys_own(company: Company) -> None:
    assert "HomeTotalAmt" in company.rows("Invoice", "maxresults 1")[0]
    for entity in ("Bill", "Payment", "Purchase"):
        held = company.rows(entity, "maxresults 1")[0]
        assert "HomeTotalAmt" not in held and held["ExchangeRate"] == 1
