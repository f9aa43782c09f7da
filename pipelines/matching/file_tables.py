"""Records of files in the raw tables that the matching models read, and the pairs that come out.

So anybody can try the matching on records of their own, with the rules and the model that the
warehouse uses.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import simplejson

from pipelines import warehouse
from pipelines.matching.files import Records, Row

# The org and the company that records of files belong to.
ORG, COMPANY = "accounts", "customers"
# Several phones or mailboxes may stand in one cell.
_BETWEEN = re.compile(r"[;|\n]+|,\s*(?=\S+@)")


_TEXT, _INSTANT = "VARCHAR", "TIMESTAMPTZ"
_ACCOUNT_COLUMNS = {
    **dict.fromkeys(
        (
            "org_id", "id", "name", "parent_id", "type", "account_number", "website", "phone",
            "owner_id", "currency_iso_code", "qbo_customer_id__c", "master_record_id",
            *(f"{kind}_{part}" for kind in ("billing", "shipping")
              for part in ("street", "city", "state", "postal_code", "country")),
        ),
        _TEXT,
    ),
    "qbo_open_balance__c": "DECIMAL(18,2)",
    "qbo_overdue_balance__c": "DECIMAL(18,2)",
    "qbo_oldest_due_date__c": "DATE",
    "qbo_last_payment_date__c": "DATE",
    "is_deleted": "BOOLEAN",
    "created_date": _INSTANT,
    "system_modstamp": _INSTANT,
}  # fmt: skip
_CONTACT_COLUMNS = {
    **dict.fromkeys(
        ("org_id", "id", "account_id", "first_name", "last_name", "name", "email", "phone"), _TEXT
    ),
    "billing_contact__c": "BOOLEAN",
    "is_deleted": "BOOLEAN",
}
_CUSTOMER_COLUMNS = {
    "company_id": _TEXT,
    "id": _TEXT,
    "sync_token": "BIGINT",
    "created_at": _INSTANT,
    "last_updated_at": _INSTANT,
    "payload": _TEXT,
}
_DELETION_COLUMNS = {
    **dict.fromkeys(("company_id", "entity", "id", "proof"), _TEXT),
    "deleted_at": _INSTANT,
}


def fill_raw_tables(
    path: Path,
    accounts: Records,
    customers: Records,
    decision_columns: Mapping[str, str],
) -> None:
    """Write the records where an extraction would have put them, into a new warehouse file."""
    sales, books = warehouse.RAW_SALESFORCE, warehouse.RAW_QUICKBOOKS
    contacts = [contact for row in accounts.rows for contact in _contacts(row)]
    accounted = [_account(row) for row in accounts.rows]
    kept = [_customer(row) for row in customers.rows]
    with warehouse.writer(path) as connection:
        fill = warehouse.fill_table
        fill(connection, sales, "account", _ACCOUNT_COLUMNS, accounted)
        fill(connection, sales, "contact", _CONTACT_COLUMNS, contacts)
        fill(connection, books, "customer", _CUSTOMER_COLUMNS, kept)
        fill(connection, books, "deletion", _DELETION_COLUMNS, [])
        fill(connection, warehouse.RAW_STATE, "match_decision", decision_columns, [])


def _account(row: Row) -> dict[str, Any]:
    linked = row.get("linked", "")
    return {
        "org_id": ORG,
        "id": row["id"],
        "name": row.get("name", ""),
        "parent_id": row.get("parent") or None,
        "website": row.get("website") or None,
        "phone": _first(row.get("phone", "")),
        "billing_street": row.get("street") or None,
        "billing_city": row.get("city") or None,
        "billing_state": row.get("state") or None,
        "billing_postal_code": row.get("postcode") or None,
        "billing_country": row.get("country") or None,
        "currency_iso_code": row.get("currency") or None,
        "qbo_customer_id__c": f"{COMPANY}:{linked.rpartition(':')[2]}" if linked else None,
        "is_deleted": False,
    }


def _contacts(row: Row) -> Iterator[dict[str, Any]]:
    """The people of an account: as many as there are mailboxes and further phones."""
    emails = _several(row.get("email", ""))
    phones = [*_several(row.get("phone", ""))[1:], *_several(row.get("phones", ""))]
    named = row.get("contact") or " ".join(
        part for part in (row.get("first_name"), row.get("last_name")) if part
    )
    count = max(len(emails), len(phones), 1 if named else 0)
    for number in range(count):
        yield {
            "org_id": ORG,
            "id": f"{row['id']}/{number + 1}",
            "account_id": row["id"],
            "name": named or None,
            "first_name": row.get("first_name") or None,
            "last_name": row.get("last_name") or None,
            "email": emails[number] if number < len(emails) else None,
            "phone": phones[number] if number < len(phones) else None,
            "is_deleted": False,
        }


def _customer(row: Row) -> dict[str, Any]:
    payload = {
        "DisplayName": row.get("name") or row.get("company"),
        "CompanyName": row.get("company"),
        "GivenName": row.get("first_name"),
        "FamilyName": row.get("last_name"),
        "FullyQualifiedName": row.get("full_name") or row.get("name"),
        "PrimaryEmailAddr": _nested("Address", ",".join(_several(row.get("email", "")))),
        "PrimaryPhone": _nested("FreeFormNumber", _first(row.get("phone", ""))),
        "AlternatePhone": _nested("FreeFormNumber", row.get("alternate_phone")),
        "Mobile": _nested("FreeFormNumber", row.get("mobile")),
        "WebAddr": _nested("URI", row.get("website")),
        "BillAddr": _given(
            {
                "Line1": row.get("street"),
                "Line2": row.get("line2"),
                "City": row.get("city"),
                "CountrySubDivisionCode": row.get("state"),
                "PostalCode": row.get("postcode"),
                "Country": row.get("country"),
            }
        ),
        "ParentRef": _nested("value", row.get("parent")),
        "Job": bool(row.get("parent")) or None,
        "CurrencyRef": _nested("value", row.get("currency")),
        "Active": row.get("active", "").lower() not in ("false", "0", "no"),
    }
    return {
        "company_id": COMPANY,
        "id": row["id"],
        "sync_token": 0,
        "payload": simplejson.dumps(_given(payload), ensure_ascii=False),
    }


def _nested(name: str, text: str | None) -> dict[str, str] | None:
    return {name: text} if text else None


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", {})}


def _several(text: str) -> list[str]:
    return [part for one in _BETWEEN.split(text) if (part := one.strip())]


def _first(text: str) -> str | None:
    return next(iter(_several(text)), None)


# What comes of it ----------------------------------------------------------------------------

PAIRS_HEADER = ("left_id", "right_id", "probability", "decision")
# Decided pairs, and candidates that were dropped on the way; a probability that was never
# computed (a pair that only a person linked) has no figure.
_PAIRS = """
    SELECT
        account_id AS left_id,
        customer_id AS right_id,
        coalesce(scores.match_probability, decided.confidence) AS probability,
        CASE
            WHEN decided.match_state IN ('confirmed', 'manual') THEN 'link'
            WHEN decided.match_state IN ('suggested', 'ambiguous') THEN 'review'
            ELSE 'no'
        END AS decision
    FROM intermediate.int_customers__decided AS decided
    FULL OUTER JOIN matching.customer_scores AS scores
        USING (org_id, account_id, company_id, customer_id)
    ORDER BY left_id, probability DESC, right_id
"""


def pairs(path: Path) -> list[dict[str, Any]]:
    """Every pair that was worth a look, best first for each account, with its decision."""
    return warehouse.read(path, _PAIRS)


def write_pairs(path: Path, found: Iterable[Mapping[str, Any]]) -> None:
    """Write pairs as CSV, all or none. Raises `OSError` when the file cannot be written."""
    beside = path.with_name(f".{path.name}.part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(PAIRS_HEADER)
        for pair in found:
            probability = f"{pair['probability']:.6f}"
            writer.writerow([pair["left_id"], pair["right_id"], probability, pair["decision"]])
    beside.replace(path)
