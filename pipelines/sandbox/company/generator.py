"""Makes the sample company from a seed and writes it as a seed folder with its answer key."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.sandbox.company import names
from pipelines.sandbox.company.answer_key import build_answer_key
from pipelines.sandbox.company.billing import Biller
from pipelines.sandbox.company.casting import Cast, cast_deals
from pipelines.sandbox.company.catalogue import CURRENCY_RATES, Catalogue, build_catalogue
from pipelines.sandbox.company.customers import open_companies
from pipelines.sandbox.company.dates import AS_OF_AT
from pipelines.sandbox.company.deals import DealDesk
from pipelines.sandbox.company.ids import SalesforceIds
from pipelines.sandbox.company.people import Firm, StaffMember, all_firms, staff
from pipelines.sandbox.company.quickbooks_documents import deleted_stubs, document_records
from pipelines.sandbox.company.quickbooks_lists import list_records
from pipelines.sandbox.company.receipts import (
    collect_payments,
    leave_unapplied,
    note_unapplied,
    write_counter_sales,
    write_estimates,
    write_offers,
)
from pipelines.sandbox.company.salesforce_records import (
    ORG_NAME,
    Salesforce,
    custom_fields,
    salesforce_records,
)
from pipelines.sandbox.company.scenarios import bill_everything
from pipelines.sandbox.company.status import Statuses, fill_statuses
from pipelines.sandbox.company.writer import (
    quickbooks_number,
    salesforce_number,
    write_key,
    write_list,
    write_object,
)

_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Summary:
    """What was written: records per file (path inside the folder), entries per class of the key."""

    folder: Path
    answer_key: Path
    records: dict[str, int]
    mismatches: dict[str, int]


@dataclass
class Company:
    """Everything the generator has made up, before it is written."""

    org_id: str
    staff: list[StaffMember]
    firms: list[Firm]
    catalogue: Catalogue
    cast: Cast
    biller: Biller
    statuses: Statuses
    salesforce: dict[str, list[dict[str, Any]]]


def _dice(seed: int, subject: str) -> random.Random:
    """One stream of chance per subject, so that a change to one leaves the others as they are."""
    return random.Random(f"{seed}/{subject}")


def make_company(seed: int) -> Company:
    """Invent the company; the same seed gives the same company."""
    ids = SalesforceIds()
    org_id = ids.next("00D")
    members = staff(_dice(seed, "staff"), ids)
    firms = all_firms(_dice(seed, "firms"), ids)
    catalogue = build_catalogue(ids)
    clientele = open_companies(
        _dice(seed, "books"), catalogue, firms, names.coined_words(_dice(seed, "strangers"))
    )
    desk = DealDesk(_dice(seed, "deals"), ids, catalogue)
    cast = cast_deals(desk, firms)
    biller = Biller(_dice(seed, "billing"), clientele, desk)
    _keep_books(seed, biller, cast)
    statuses = fill_statuses(_dice(seed, "status"), biller, cast.deals, firms)
    org = Salesforce(_dice(seed, "records"), ids, org_id, members, statuses, clientele)
    records = salesforce_records(org, firms, catalogue, cast)
    return Company(org_id, members, firms, catalogue, cast, biller, statuses, records)


def _keep_books(seed: int, biller: Biller, cast: Cast) -> None:
    bill_everything(biller, cast)
    write_estimates(biller, cast)
    write_counter_sales(biller)
    for company, books in biller.clientele.books.items():
        collect_payments(_dice(seed, f"payments {company}"), books)
    leave_unapplied(biller)
    note_unapplied(biller)
    write_offers(_dice(seed, "offers"), biller)
    for books in biller.clientele.books.values():
        books.number_everything()


def _manifest(company: Company) -> dict[str, Any]:
    integration = company.staff[12]
    rates = [
        {"iso": iso, "rate": rate, "corporate": iso == "USD"}
        for iso, rate in CURRENCY_RATES.items()
    ]
    return {
        "name": ORG_NAME,
        "as_of": AS_OF_AT.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "salesforce": {
            "org_id": company.org_id,
            "org_name": ORG_NAME,
            "user": {
                "username": integration.username,
                "name": f"{integration.given} {integration.family}",
            },
            "currencies": rates,
        },
        "quickbooks": [
            {
                "realm_id": books.realm_id,
                "name": books.name,
                "country": books.country,
                "home_currency": books.home_currency,
                "utc_offset": f"{'-' if books.offset_hours < 0 else '+'}"
                f"{abs(books.offset_hours):02d}:00",
            }
            for books in company.biller.clientele.books.values()
        ],
    }


def _write(company: Company, folder: Path) -> dict[str, int]:
    """Write all files to an empty folder."""
    counts: dict[str, int] = {}

    def put(name: str, records: list[dict[str, Any]], spelling: Any) -> None:
        write_list(folder / name, records, spelling)
        counts[name] = len(records)

    for name, records in company.salesforce.items():
        put(f"salesforce/{name}.json", records, salesforce_number)
    put("salesforce/_custom_fields.json", custom_fields(), salesforce_number)
    for books in company.biller.clientele.books.values():
        for name, records in (list_records(books) | document_records(books)).items():
            put(f"quickbooks/{books.realm_id}/{name}.json", records, quickbooks_number)
        put(f"quickbooks/{books.realm_id}/_deleted.json", deleted_stubs(books), quickbooks_number)
    write_object(folder / _MANIFEST, _manifest(company))
    return counts


def _refuse_another_use(folder: Path) -> None:
    """Only an empty folder or an earlier sample company may be replaced."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _MANIFEST).is_file():
        raise FileExistsError(
            f"{folder} holds files that are not a sample company; name another folder"
        )


def _replace(folder: Path, written: Path) -> None:
    """Put a finished folder in the place of an earlier one."""
    if folder.exists():
        shutil.rmtree(folder)
    written.rename(folder)


def generate(folder: Path, answer_key: Path, seed: int = 7) -> Summary:
    """Write the sample company to `folder` and its answer key to `answer_key`.

    The same seed gives the same bytes on every machine. Whatever an earlier run wrote to the
    folder is replaced. Raises FileExistsError when the folder holds something else, and
    ValueError when the answer key would lie inside the folder, where the sandbox reads.
    """
    if answer_key.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"the answer key {answer_key} must not lie inside {folder}")
    _refuse_another_use(folder)
    company = make_company(seed)
    key = build_answer_key(company.biller, company.cast, company.statuses, company.firms)
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        counts = _write(company, beside)
        _replace(folder, beside)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    write_key(answer_key, key)
    classes: dict[str, int] = {}
    for entry in key["mismatches"]:
        name = entry["mismatch_class"]
        classes[name] = classes.get(name, 0) + 1
    return Summary(folder, answer_key, counts, classes)
