"""Reading a seed folder: records exactly as the vendors' APIs return them, ids kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.errors import SeedUnreadable
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

    Raises:
        SeedUnreadable: no folder, no manifest, or a file that is not what it should be.
    """
    if folder is None:
        return Seed(EMPTY_MANIFEST, "empty")
    if not (folder / "manifest.json").is_file():
        raise SeedUnreadable(
            f"There is no sample company in {folder}: manifest.json is missing. "
            "Generate one first, or start the sandbox empty."
        )
    digest = hashlib.sha256()
    manifest = _read(folder / "manifest.json", dict, digest)
    writes: list[AnyWrite] = []
    org_id = str(_need(manifest, "salesforce", folder)["org_id"])
    writes.extend(_salesforce(folder / "salesforce", org_id, digest))
    for company in _need(manifest, "quickbooks", folder):
        realm = str(company["realm_id"])
        writes.extend(_quickbooks(folder / "quickbooks" / realm, realm, digest))
    return Seed(manifest, digest.hexdigest(), folder, writes)


def _need(manifest: Mapping[str, Any], key: str, folder: Path) -> Any:
    if key not in manifest:
        raise SeedUnreadable(f"{folder / 'manifest.json'} does not say anything about {key}.")
    return manifest[key]


def _read(path: Path, kind: type, digest: Any) -> Any:
    try:
        data = path.read_bytes()
        digest.update(path.name.encode() + b"\0" + data)
        value = codec.loads(data)
    except OSError as error:
        raise SeedUnreadable(f"The seed file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SeedUnreadable(f"The seed file {path} is not JSON: {error}.") from error
    if not isinstance(value, kind):
        raise SeedUnreadable(f"The seed file {path} must hold a JSON {kind.__name__}.")
    return value


def _salesforce(folder: Path, org_id: str, digest: Any) -> Iterator[AnyWrite]:
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        records = _read(path, list, digest)
        if path.stem in _DEFINITIONS:
            yield MetaWrite(org_id, path.stem.lstrip("_"), records)
            continue
        for record in records:
            yield Write(org_id, path.stem, str(record["Id"]), record)


def _quickbooks(folder: Path, realm: str, digest: Any) -> Iterator[AnyWrite]:
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        records = _read(path, list, digest)
        if path.stem == "_deleted":
            yield MetaWrite(realm, "deleted", records)
            continue
        for position, record in enumerate(records, 1):
            yield Write(realm, path.stem, str(record.get("Id", position)), record)
