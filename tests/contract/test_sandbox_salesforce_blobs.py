"""Several records with their contents in one call, and documents in folders."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.salesforce_org import USER, Org, running_org, write_seed


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    folder: Path = tmp_path_factory.mktemp("blobs") / "seed"
    with running_org(write_seed(folder)) as running:
        yield running


def _collection(org: Org, records: list[dict[str, Any]], **parts: bytes) -> Any:
    body = json.dumps({"allOrNone": False, "records": records})
    files = {"collection": (None, body, "application/json")} | {
        name: (f"{name}.bin", content, "application/octet-stream")
        for name, content in parts.items()
    }
    return org.call("POST", "composite/sobjects", files=files)


def _attributes(kind: str, part: str, alias: str) -> dict[str, str]:
    return {"type": kind, "binaryPartName": part, "binaryPartNameAlias": alias}


def test_documents_and_files_come_together_in_one_form(org: Org) -> None:
    answer = _collection(
        org,
        [
            {"attributes": _attributes("Document", "one", "Body"), "Name": "Terms",
             "FolderId": USER, "Type": "txt"},
            {"attributes": _attributes("ContentVersion", "two", "VersionData"),
             "PathOnClient": "offer.pdf"},
            {"attributes": {"type": "Account"}, "Name": "Without"},
        ],
        one=b"\x00terms\xff", two=b"%PDF-",
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    document, version, account = answer.json()
    assert all(one["success"] for one in (document, version, account)), answer.text
    stored = org.get(f"sobjects/Document/{document['id']}")
    assert (stored["BodyLength"], stored["AuthorId"]) == (7, USER)
    assert document["id"].startswith("015")
    assert org.call("GET", stored["Body"]).content == b"\x00terms\xff"
    told = org.get(f"sobjects/ContentVersion/{version['id']}")
    assert (told["ContentSize"], told["FileType"]) == (5, "PDF")


def test_a_part_that_is_not_there_is_refused(org: Org) -> None:
    record = {"attributes": _attributes("Document", "gone", "Body"), "Name": "T", "FolderId": USER}
    answer = _collection(org, [record], other=b"x")
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == "INVALID_MULTIPART_REQUEST"


def test_a_document_lies_in_a_folder_and_leaves_no_trace(org: Org) -> None:
    given = {"Name": "Papers", "Type": "Document", "AccessType": "Public"}
    folder = org.client.Folder.create(given)["id"]
    body = base64.b64encode(b"abc").decode()
    made = org.client.Document.create({"Name": "D", "FolderId": folder, "Body": body})["id"]
    (row,) = org.rows(f"SELECT Folder.Name, BodyLength FROM Document WHERE Id = '{made}'")
    assert (row["Folder"]["Name"], row["BodyLength"]) == ("Papers", 3)
    error = org.refused("POST", "sobjects/Document", 400, json={"Name": "D"})
    assert error["fields"] == ["FolderId"]
    org.client.Document.delete(made)
    assert org.rows(f"SELECT Id FROM Document WHERE Id = '{made}'", "queryAll") == []
