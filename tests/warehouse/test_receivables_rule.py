"""What customers owe is said twice: by a model, and by `crossfoot extract --verify`, which asks
without a build. Both must come to the same."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from built_company import Company

from pipelines import warehouse
from pipelines.extract import verifying


def test_verifying_and_the_model_say_the_same_of_what_customers_owe(company: Company) -> None:
    rows = company.rows(
        "SELECT company_id, document_type, open_amount != home_amount AS is_converted,"
        " sum(home_amount) AS owed FROM intermediate.int_receivables__documents GROUP BY ALL"
    )
    owed: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        owed[row["company_id"]] += row["owed"]
    with warehouse.reader(company.path) as connection:
        found = {name: verifying._owed(connection, name) for name in owed}
    assert found == owed
    # There is something to compare of each kind of document, and at a rate of its own.
    assert {r["document_type"] for r in rows if r["owed"]} == {"Invoice", "CreditMemo", "Payment"}
    assert any(r["is_converted"] and r["owed"] for r in rows)
    assert company.rows("SELECT 1 FROM raw_quickbooks.deletion WHERE entity = 'Invoice'")
