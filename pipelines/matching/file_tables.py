"""Records of files in the raw tables that the matching models read, and the pairs that come out.

So anybody can try the matching on records of their own, with the rules and the model that the
warehouse uses.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.matching.files import ACCOUNT_FIELDS, CUSTOMER_FIELDS, Field, Records

# The org and the company that records of files belong to.
ORG, COMPANY = "accounts", "customers"


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
    given = {"given": _complete(accounts, ACCOUNT_FIELDS)}
    kept = {"given": _complete(customers, CUSTOMER_FIELDS)}
    with warehouse.writer(path) as connection:
        fill, empty = warehouse.fill_by_query, warehouse.fill_table
        fill(connection, sales, "account", _typed(_ACCOUNT_COLUMNS, _ACCOUNTS), tables=given)
        fill(connection, sales, "contact", _typed(_CONTACT_COLUMNS, _CONTACTS), tables=given)
        fill(connection, books, "customer", _typed(_CUSTOMER_COLUMNS, _CUSTOMERS), tables=kept)
        empty(connection, books, "deletion", _DELETION_COLUMNS, [])
        empty(connection, warehouse.RAW_STATE, "match_decision", decision_columns, [])


def _complete(records: Records, fields: Sequence[Field]) -> Any:
    """The records with a column for every field; what a file does not tell is null."""
    import pyarrow as pa

    table = records.table
    for field in fields:
        if field.meaning not in table.column_names:
            table = table.append_column(field.meaning, pa.nulls(len(records), pa.string()))
    return table


def _typed(columns: Mapping[str, str], made: Mapping[str, str]) -> str:
    """The query that fills a table: what is made of the records, and null for the rest."""
    listed = ", ".join(
        f"CAST({made.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in columns.items()
    )
    return f"SELECT {listed} FROM {made['']}"  # noqa: S608 - constants of this module


def _text(name: str) -> str:
    return f"nullif({name}, '')"


def _several(name: str) -> str:
    """Several phones or mailboxes may stand in one cell; a comma parts where a mailbox follows."""
    parted = f"regexp_replace(coalesce({name}, ''), ',\\s*(\\S+@)', ';\\1', 'g')"
    cells = f"list_transform(regexp_split_to_array({parted}, '[;|\\n]+'), lambda one: trim(one))"
    return f"list_filter({cells}, lambda one: one != '')"


_ACCOUNTS = {
    "": "given",
    "org_id": f"'{ORG}'",
    "id": "id",
    "name": "coalesce(name, '')",
    "parent_id": _text("parent"),
    "website": _text("website"),
    "phone": f"{_several('phone')}[1]",
    "billing_street": _text("street"),
    "billing_city": _text("city"),
    "billing_state": _text("state"),
    "billing_postal_code": _text("postcode"),
    "billing_country": _text("country"),
    "currency_iso_code": _text("currency"),
    "qbo_customer_id__c": f"'{COMPANY}:' || split_part({_text('linked')}, ':', -1)",
    "is_deleted": "false",
}
# The people of an account: as many as there are mailboxes and further phones.
_CONTACTS = {
    "": f"""(
        SELECT *, unnest(range(1, 1 + greatest(
            len(mailboxes), len(numbers), CAST(named IS NOT NULL AS INTEGER)))) AS place
        FROM (
            SELECT
                *,
                {_several("email")} AS mailboxes,
                {_several("phone")}[2:] || {_several("phones")} AS numbers,
                coalesce(
                    {_text("contact")},
                    {_text("trim(concat_ws(' ', first_name, last_name))")}
                ) AS named
            FROM given
        )
    )""",  # noqa: S608 - constants of this module
    "org_id": f"'{ORG}'",
    "id": "id || '/' || place",
    "account_id": "id",
    "name": "named",
    "first_name": _text("first_name"),
    "last_name": _text("last_name"),
    "email": "mailboxes[place]",
    "phone": "numbers[place]",
    "is_deleted": "false",
}


def _object(**parts: str) -> str:
    """A JSON object of those of its parts that are there; none where nothing is."""
    fields = ", ".join(f"'{name}': {value}" for name, value in parts.items())
    there = " AND ".join(f"({value}) IS NULL" for value in parts.values())
    return f"CASE WHEN {there} THEN NULL ELSE {{{fields}}} END"


# What is not told is null in it, which is read like what is missing.
_PAYLOAD = f"""to_json({{
    'DisplayName': coalesce({_text("name")}, {_text("company")}),
    'CompanyName': {_text("company")},
    'GivenName': {_text("first_name")},
    'FamilyName': {_text("last_name")},
    'FullyQualifiedName': coalesce({_text("full_name")}, {_text("name")}),
    'PrimaryEmailAddr': {_object(Address=_text(f"array_to_string({_several('email')}, ',')"))},
    'PrimaryPhone': {_object(FreeFormNumber=f"{_several('phone')}[1]")},
    'AlternatePhone': {_object(FreeFormNumber=_text("alternate_phone"))},
    'Mobile': {_object(FreeFormNumber=_text("mobile"))},
    'WebAddr': {_object(URI=_text("website"))},
    'BillAddr': {
    _object(
        Line1=_text("street"),
        Line2=_text("line2"),
        City=_text("city"),
        CountrySubDivisionCode=_text("state"),
        PostalCode=_text("postcode"),
        Country=_text("country"),
    )
},
    'ParentRef': {_object(value=_text("parent"))},
    'Job': CASE WHEN parent != '' THEN true END,
    'CurrencyRef': {_object(value=_text("currency"))},
    'Active': coalesce(lower(active) NOT IN ('false', '0', 'no'), true)
}})"""
_CUSTOMERS = {
    "": "given",
    "company_id": f"'{COMPANY}'",
    "id": "id",
    "sync_token": "0",
    "payload": _PAYLOAD,
}


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


def pairs(path: Path) -> Iterator[dict[str, Any]]:
    """Every pair that was worth a look, best first for each account, with its decision."""
    return warehouse.read_on(path, _PAIRS)


def write_pairs(path: Path, found: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Write pairs as CSV, all or none, and count them by decision.

    Raises `OSError` when the file cannot be written.
    """
    beside = path.with_name(f".{path.name}.part")
    counted: Counter[str] = Counter()
    with beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(PAIRS_HEADER)
        for pair in found:
            counted[pair["decision"]] += 1
            probability = f"{pair['probability']:.6f}"
            writer.writerow([pair["left_id"], pair["right_id"], probability, pair["decision"]])
    beside.replace(path)
    return counted
