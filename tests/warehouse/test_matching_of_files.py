"""`crossfoot match files`: the records of the sample company, as files, find the same partners."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from built_company import Company
from worlds import PROJECT

from orchestration import file_matching
from orchestration.cli import app
from pipelines.matching.files import ACCOUNT_FIELDS, CUSTOMER_FIELDS
from pipelines.settings import load_settings

ACCOUNTS = """
    SELECT id AS "Id", name AS "Name", website AS "Website", phone AS "Phone",
        parent_id AS "ParentId", billing_street AS "BillingStreet",
        billing_city AS "BillingCity", billing_postal_code AS "BillingPostalCode",
        billing_country AS "BillingCountry", currency_iso_code AS "CurrencyIsoCode",
        CASE WHEN qbo_customer_id__c LIKE ? || ':%' THEN qbo_customer_id__c END
            AS "QBO_Customer_Id__c",
        (SELECT string_agg(email, ';') FROM raw_salesforce.contact
         WHERE contact.account_id = account.id AND NOT contact.is_deleted) AS "ContactEmail",
        (SELECT string_agg(phone, ';') FROM raw_salesforce.contact
         WHERE contact.account_id = account.id AND NOT contact.is_deleted) AS "ContactPhone"
    FROM raw_salesforce.account WHERE NOT is_deleted
"""
CUSTOMERS = """
    SELECT customer_id AS "Id", display_name AS "DisplayName", company_name AS "CompanyName",
        fully_qualified_name AS "FullyQualifiedName", given_name AS "GivenName",
        family_name AS "FamilyName", email AS "PrimaryEmailAddr", phone AS "PrimaryPhone",
        alternate_phone AS "AlternatePhone", mobile_phone AS "Mobile", website AS "WebAddr",
        billing_line1 AS "BillAddr.Line1", billing_line2 AS "BillAddr.Line2",
        billing_city AS "BillAddr.City",
        billing_postal_code AS "BillAddr.PostalCode", billing_country AS "BillAddr.Country",
        CASE WHEN is_sub_customer THEN parent_customer_id END AS "ParentRef",
        currency_code AS "CurrencyRef", is_active AS "Active"
    FROM staging.stg_quickbooks__customers WHERE company_id = ? AND NOT is_deleted
"""
DECIDED = """
    SELECT account_id, customer_id,
        CASE WHEN match_state IN ('confirmed', 'manual') THEN 'link' ELSE 'review' END AS decision
    FROM intermediate.int_customers__decided
    WHERE company_id = ? AND match_state NOT IN ('rejected') AND confidence >= ?
"""
# The warehouse weighs words by all of its companies, so that a proposal may fall on either side of
# the least probability that is shown, 0.1.
AT_THE_LIMIT = 0.15


def test_files_are_matched_as_the_warehouse_matches(company: Company, tmp_path: Path) -> None:
    realm = company.rows(
        "SELECT company_id FROM staging.stg_quickbooks__customers GROUP BY 1 ORDER BY count(*) DESC"
    )[0]["company_id"]
    left, right = tmp_path / "accounts.csv", tmp_path / "customers.csv"
    _write(left, company.rows(ACCOUNTS, [realm]))
    _write(right, company.rows(CUSTOMERS, [realm]))
    settings = load_settings(
        {"CROSSFOOT_DATA_DIR": str(tmp_path), "CROSSFOOT_DBT_DIR": str(PROJECT)}
    )
    out = tmp_path / "pairs.csv"
    done = file_matching.match_files(settings, left, right, out, lambda _: None)

    with out.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert list(written[0]) == ["left_id", "right_id", "probability", "decision"]
    found = {
        (p["left_id"], p["right_id"], p["decision"])
        for p in written
        if float(p["probability"]) >= AT_THE_LIMIT
    }
    expected = {
        (row["account_id"], row["customer_id"], row["decision"])
        for row in company.rows(DECIDED, [realm, AT_THE_LIMIT])
    }
    assert len(expected) > 100
    assert {pair for pair in found if pair[2] != "no"} == expected
    assert done.decisions.total() == len(written)
    assert done.unread == ()


def test_every_column_stands_in_the_help() -> None:
    (command,) = [
        one
        for group in app.registered_groups
        if group.name == "match" and group.typer_instance
        for one in group.typer_instance.registered_commands
        if one.callback and one.callback.__name__ == "files"
    ]
    for field in (*ACCOUNT_FIELDS, *CUSTOMER_FIELDS):
        assert field.name in str(command.epilog)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
