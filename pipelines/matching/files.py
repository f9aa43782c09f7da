"""Records of two CSV files, for matching without anything connected.

The columns are named after the vendors' fields; `file_tables` puts them where the models read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pipelines.errors import FixTheRow

# Records that are turned into columns at once; some 10 MB.
_PORTION = 20_000


@dataclass(frozen=True)
class Field:
    """One field of a record: what it is, its column's name, and other names it is known by."""

    meaning: str
    name: str
    others: tuple[str, ...] = ()


ACCOUNT_FIELDS = (
    Field("id", "Id", ("AccountId",)),
    Field("name", "Name", ("AccountName", "DisplayName", "CompanyName")),
    Field("website", "Website", ("WebAddr", "WebAddr.URI", "Domain")),
    Field("phone", "Phone", ("PrimaryPhone",)),
    Field("phones", "ContactPhone", ("Contact.Phone", "MobilePhone", "Contact.MobilePhone")),
    Field("email", "ContactEmail", ("Contact.Email", "Email", "Emails")),
    Field("contact", "ContactName", ("Contact.Name", "Contact")),
    Field("first_name", "ContactFirstName", ("Contact.FirstName", "FirstName")),
    Field("last_name", "ContactLastName", ("Contact.LastName", "LastName")),
    Field("street", "BillingStreet", ("BillingAddress.street", "Street")),
    Field("city", "BillingCity", ("BillingAddress.city", "City")),
    Field("state", "BillingState", ("BillingAddress.state", "BillingStateCode", "State")),
    Field("postcode", "BillingPostalCode", ("BillingAddress.postalCode", "PostalCode")),
    Field("country", "BillingCountry", ("BillingAddress.country", "BillingCountryCode", "Country")),
    Field("parent", "ParentId", ("Parent",)),
    Field("currency", "CurrencyIsoCode", ("Currency",)),
    Field("linked", "QBO_Customer_Id__c", ("CustomerId",)),
)
CUSTOMER_FIELDS = (
    Field("id", "Id", ("CustomerId",)),
    Field("name", "DisplayName", ("Name",)),
    Field("company", "CompanyName", ("Company",)),
    Field("full_name", "FullyQualifiedName"),
    Field("first_name", "GivenName", ("FirstName",)),
    Field("last_name", "FamilyName", ("LastName",)),
    Field("website", "WebAddr", ("WebAddr.URI", "Website")),
    Field("phone", "PrimaryPhone", ("PrimaryPhone.FreeFormNumber", "Phone")),
    Field("alternate_phone", "AlternatePhone", ("AlternatePhone.FreeFormNumber",)),
    Field("mobile", "Mobile", ("Mobile.FreeFormNumber",)),
    Field("email", "PrimaryEmailAddr", ("PrimaryEmailAddr.Address", "Email", "Emails")),
    Field("street", "BillAddr.Line1", ("BillingStreet", "Street")),
    Field("line2", "BillAddr.Line2"),
    Field("city", "BillAddr.City", ("BillingCity", "City")),
    Field("state", "BillAddr.CountrySubDivisionCode", ("BillingState", "State")),
    Field("postcode", "BillAddr.PostalCode", ("BillingPostalCode", "PostalCode")),
    Field("country", "BillAddr.Country", ("BillingCountry", "Country")),
    Field("parent", "ParentRef", ("ParentRef.value", "ParentId", "Parent")),
    Field("currency", "CurrencyRef", ("CurrencyRef.value", "Currency", "CurrencyIsoCode")),
    Field("active", "Active"),
)


@dataclass(frozen=True)
class Records:
    """The records of one file and the columns nobody reads.

    `table` is an Arrow table of text with a column for each meaning that the file tells of: a
    million records of it take some hundred MB, as rows they would take gigabytes.
    """

    table: Any
    unread: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.table.num_rows)


def described(fields: Sequence[Field]) -> str:
    """The columns of a file, for people: each by its first name."""
    return ", ".join(field.name for field in fields)


def read_records(path: Path, fields: Sequence[Field]) -> Records:
    """The records of a CSV file in UTF-8 with a header; order and case of columns do not matter.

    Raises `FixTheRow` naming file and line for a file without the columns of id and name, a
    record without an id, and an id that stands twice.
    """
    import pyarrow as pa

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            columns = next(reader, [])
            places = _places(path, columns, fields)
            schema = pa.schema([(meaning, pa.string()) for meaning in places])
            portions = [
                pa.record_batch(one, schema=schema) for one in _portions(path, reader, places)
            ]
    except UnicodeDecodeError:
        raise _unusable(path, "it is not UTF-8 text", "Save it as CSV in UTF-8.") from None
    except csv.Error as problem:
        raise _unusable(path, f"it is not CSV ({problem})", "Save it as CSV in UTF-8.") from None
    read = {at for found in places.values() for at in found}
    unread = tuple(name for at, name in enumerate(columns) if at not in read)
    return Records(pa.Table.from_batches(portions, schema), unread)


def _places(path: Path, columns: Sequence[str], fields: Sequence[Field]) -> dict[str, list[int]]:
    """The places of the columns in which each field stands; a field may have several."""
    known = {_plain(n): f.meaning for f in fields for n in (f.name, *f.others)}
    places: dict[str, list[int]] = {}
    for at, column in enumerate(columns):
        meaning = known.get(_plain(column))
        if meaning:
            places.setdefault(meaning, []).append(at)
    if "id" not in places or not places.keys() & {"name", "company"}:
        raise _unusable(
            path,
            "its header has no column for the id or for the name",
            f"Name its columns: {described(fields)}.",
        )
    return places


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _portions(
    path: Path, reader: Any, places: Mapping[str, Sequence[int]]
) -> Iterator[list[list[str]]]:
    """The records in portions, as one list of text for each meaning."""
    (at,) = places["id"][:1]
    seen: set[str] = set()
    portion: list[list[str]] = []
    for row in reader:
        if not row:
            continue
        key = row[at].strip() if at < len(row) else ""
        if not key:
            raise _unusable(path, f"line {reader.line_num} has no id", "Give every record one.")
        if key in seen:
            raise _unusable(path, f"the id {key} stands twice", "Give each record its own.")
        seen.add(key)
        portion.append(row)
        if len(portion) == _PORTION:
            yield _by_meaning(portion, places)
            portion = []
    yield _by_meaning(portion, places)


def _by_meaning(
    rows: Sequence[Sequence[str]], places: Mapping[str, Sequence[int]]
) -> list[list[str]]:
    # A row may end early, and then lacks its last columns.
    columns = [[text.strip() for text in one] for one in zip_longest(*rows, fillvalue="")]
    nothing = [""] * len(rows)
    found = []
    for ats in places.values():
        parts = [columns[at] if at < len(columns) else nothing for at in ats]
        found.append(
            parts[0]
            if len(parts) == 1
            else [";".join(text for text in one if text) for one in zip(*parts, strict=True)]
        )
    return found


def _unusable(path: Path, problem: str, next_step: str) -> FixTheRow:
    return FixTheRow("file", path.name, problem, next_step)
