"""Reading a seed folder: records exactly as the vendors' APIs return them, ids kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.sandbox import seed_quickbooks, seed_salesforce
from pipelines.sandbox.clock import instant_text, parse_instant
from pipelines.sandbox.errors import SeedUnreadable
from pipelines.sandbox.seed_files import Given, Reading, json_files
from pipelines.sandbox.seed_quickbooks import company_of
from pipelines.sandbox.seed_salesforce import is_salesforce
from pipelines.sandbox.store import AnyWrite, Computed, MetaWrite, Write

EMPTY_MANIFEST: Mapping[str, Any] = {
    "name": "Empty company",
    "salesforce": {
        "org_id": "00DHs0000000001MAA",
        "org_name": "Empty company",
        "user": {"username": "integration@empty.example", "name": "Integration User"},
        "currencies": [],
    },
    "quickbooks": [
        {
            "realm_id": "9341450000000001",
            "name": "Empty company",
            "country": "US",
            "home_currency": "USD",
            "utc_offset": "-08:00",
        }
    ],
}


# Salesforce files that hold no records: what the org has beside the standard objects.
_DEFINITIONS = ("_custom_fields", "_custom_objects")


@dataclass(frozen=True)
class Seed:
    """What the sandbox starts from: who the org and the companies are, and their records.

    `computed` are records that are not held, by org or company and object; `writes` lie above.
    """

    manifest: Mapping[str, Any]
    fingerprint: str
    folder: Path | None = None
    writes: list[AnyWrite] = field(default_factory=list)
    computed: Mapping[tuple[str, str], Computed] = field(default_factory=dict)


def read_seed(folder: Path | None) -> Seed:
    """Read a seed folder; None is an empty org and one empty company.

    The layout, every part of it optional (`{}` a realm id, files `.json` or JSON lines):

        manifest.json                    who the org and the companies are; else their records say
        salesforce/Account.json          an object's records; also _custom_objects, _custom_fields
        quickbooks/{}/Invoice.json       a company's; also _deleted
        quickbooks/Invoice.json          of the one company there is
        Account.json, invoices.json      of the vendor whose records they are

    A file holds a list of records, one record, one a line, or an answer of the vendor.

    Raises:
        SeedUnreadable: no folder, nothing in it, or something that cannot be used.
    """
    if folder is None:
        return Seed(EMPTY_MANIFEST, "empty")
    if not folder.is_dir():
        raise SeedUnreadable(f"There is no seed folder {folder}. Name a folder of JSON records.")
    reading = Reading()
    manifest = _manifest(folder, reading)
    now = str(manifest.get("as_of") or instant_text(datetime.now(UTC).replace(microsecond=0)))
    loose = _loose(folder, reading)
    companies = _companies(folder, manifest, loose, reading, now)
    org, org_writes = _org(folder, manifest, loose, reading, now)
    writes = [*org_writes, *(w for company in companies.values() for w in company)]
    if not writes and not manifest:
        raise SeedUnreadable(
            f"There are no records in {folder}. A seed has files such as salesforce/Account.json "
            "and quickbooks/Invoice.json, or a manifest.json."
        )
    whole = {
        **manifest,
        "name": manifest.get("name") or folder.name,
        "salesforce": org,
        "quickbooks": _known_companies(manifest, companies),
    }
    return Seed(whole, reading.digest.hexdigest(), folder, writes)


@dataclass(frozen=True)
class _Loose:
    """Records that lie at the top of the folder."""

    salesforce: list[Given]
    quickbooks: list[Given]


def _manifest(folder: Path, reading: Reading) -> Mapping[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        return {}
    manifest: Mapping[str, Any] = reading.of_kind(path, dict)
    if "as_of" in manifest:
        try:
            parse_instant(str(manifest["as_of"]))
        except ValueError as error:
            raise SeedUnreadable(f"{path}: as_of is no moment: {error}") from error
    return manifest


def _loose(folder: Path, reading: Reading) -> _Loose:
    found = _Loose([], [])
    for path in json_files(folder):
        if path.name == "manifest.json":
            continue
        for given in reading.records(path):
            (found.salesforce if is_salesforce(given) else found.quickbooks).append(given)
    return found


def _org(
    folder: Path, manifest: Mapping[str, Any], loose: _Loose, reading: Reading, now: str
) -> tuple[Mapping[str, Any], list[AnyWrite]]:
    """Who the org is, and its records."""
    home = folder / "salesforce"
    definitions: dict[str, list[Any]] = {key: [] for key in _DEFINITIONS}
    given = list(loose.salesforce)
    for path in json_files(home):
        if path.stem in _DEFINITIONS:
            definitions[path.stem] = reading.of_kind(path, list)
        else:
            given += reading.records(path)
    known = manifest.get("salesforce") or {}
    if not isinstance(known, Mapping):
        raise SeedUnreadable(f"{folder / 'manifest.json'}: salesforce must be a JSON object.")
    own = next((g.record for g in given if g.path.stem == "Organization"), {})
    org = {
        **EMPTY_MANIFEST["salesforce"],
        "org_name": own.get("Name") or manifest.get("name") or folder.name,
        **({"org_id": own["Id"]} if own.get("Id") else {}),
        **known,
    }
    writes = seed_salesforce.writes(
        str(org["org_id"]),
        given,
        definitions["_custom_objects"],
        definitions["_custom_fields"],
        now,
    )
    return org, writes if given or any(definitions.values()) else []


def _companies(
    folder: Path, manifest: Mapping[str, Any], loose: _Loose, reading: Reading, now: str
) -> dict[str, list[AnyWrite]]:
    """The records of every company by its realm id."""
    home = folder / "quickbooks"
    named = [str(c["realm_id"]) for c in manifest.get("quickbooks") or ()]
    folders = {
        place.name: place
        for parent in (home, folder)
        if parent.is_dir()
        for place in sorted(parent.iterdir())
        if place.is_dir() and place.name.isdecimal()
    }
    realms = list(dict.fromkeys([*named, *folders]))
    found = {realm: _company(realm, [], [folders.get(realm)], reading, now) for realm in realms}
    if loose.quickbooks or json_files(home):
        if len(realms) > 1:
            raise SeedUnreadable(
                f"{folder} has several companies and QuickBooks records of none of them. "
                "Put each company's files into quickbooks/ and a folder of its realm id."
            )
        realm = realms[0] if realms else str(EMPTY_MANIFEST["quickbooks"][0]["realm_id"])
        places = [folders.get(realm), home]
        found[realm] = _company(realm, loose.quickbooks, places, reading, now)
    return found


def _company(
    realm: str,
    given: Sequence[Given],
    places: Sequence[Path | None],
    reading: Reading,
    now: str,
) -> list[AnyWrite]:
    found: list[AnyWrite] = []
    records = list(given)
    for path in (p for place in places if place for p in json_files(place)):
        if path.stem == "_deleted":
            found.append(MetaWrite(realm, "deleted", reading.of_kind(path, list)))
        else:
            records += reading.records(path)
    return [*found, *seed_quickbooks.writes(realm, records, now)]


def _known_companies(
    manifest: Mapping[str, Any], companies: Mapping[str, Sequence[AnyWrite]]
) -> list[Mapping[str, Any]]:
    """Who the companies are: as the manifest says, else as their records do."""
    told = {str(c["realm_id"]): c for c in manifest.get("quickbooks") or ()}
    derived = {
        realm: company_of(realm, [w for w in writes if isinstance(w, Write)])
        for realm, writes in companies.items()
    }
    known: list[Mapping[str, Any]] = [
        {**derived.get(realm, {}), **told.get(realm, {})} for realm in {**told, **derived}
    ]
    return known or list(EMPTY_MANIFEST["quickbooks"])
