"""Attached files: what was sent comes back byte for byte, and goes when its record goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import simplejson
from quickbooks.objects import Attachable
from quickbooks.objects.base import AttachableRef
from quickbooks_company import US, Company, Vendor, invoice, python_quickbooks, quickbooks_sandbox

from pipelines.sandbox.quickbooks import attachments
from pipelines.sandbox.server import running_sandbox

PICTURE = bytes(range(256)) * 40 + b"\r\n--not the end\r\n\n"
ON_INVOICE = {"AttachableRef": [{"EntityRef": {"type": "Invoice", "value": "1"}}]}


@pytest.fixture(scope="module")
def us(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path_factory.mktemp("files")) as sandbox:
        company = Company(sandbox)
        company.save("Invoice", invoice())
        yield company


def send(company: Company, files: dict[str, Any], **query: str) -> requests.Response:
    return requests.post(
        f"{company.base}/v3/company/{company.realm}/upload",
        params=query,
        files=files,
        headers=company.headers,
        timeout=30,
    )


def sent(company: Company, files: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    reply = send(company, files, **query)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["AttachableResponse"]
    return found


def described(**members: Any) -> tuple[None, str, str]:
    return (None, simplejson.dumps({**ON_INVOICE, **members}), "application/json")


def kept(company: Company, content: bytes = PICTURE, name: str = "rock.png") -> dict[str, Any]:
    made: dict[str, Any] = sent(company, {"file_content_01": (name, content, "image/png")})[0]
    return made["Attachable"]


def test_several_files_come_back_byte_for_byte(us: Company) -> None:
    contents = {"rock.png": PICTURE, "rows.csv": b"a,b\n1,2\n", "empty.txt": b""}
    parts: dict[str, Any] = {}
    for number, (name, content) in enumerate(contents.items(), 1):
        parts[f"file_metadata_0{number}"] = described(FileName=name, Note=f"note {number}")
        parts[f"file_content_0{number}"] = (name, content, "text/csv")
    found = [one["Attachable"] for one in sent(us, parts)]
    assert [one["FileName"] for one in found] == list(contents)
    for one, content in zip(found, contents.values(), strict=True):
        assert one["Size"] == len(content)
        assert one["AttachableRef"][0]["EntityRef"] == {"type": "Invoice", "value": "1"}
        assert one["FileAccessUri"] == f"/v3/company/{US}/download/{one['Id']}"
        assert requests.get(one["TempDownloadUri"], timeout=10).content == content
        answer = us.get(f"/download/{one['Id']}")
        assert answer.headers["Content-Type"] == "text/plain;charset=utf-8"
        assert requests.get(answer.text, timeout=10).content == content


def test_metadata_is_made_where_none_is_given_and_the_type_is_told(us: Company) -> None:
    made = kept(us)
    assert list(made) == [
        "FileName", "FileAccessUri", "TempDownloadUri", "Size", "ContentType", "domain", "sparse",
        "Id", "SyncToken", "MetaData",
    ]  # fmt: skip
    assert (made["FileName"], made["ContentType"], made["Size"]) == (
        "rock.png", "image/png", len(PICTURE),
    )  # fmt: skip
    assert requests.get(made["TempDownloadUri"], timeout=10).headers["Content-Type"] == "image/png"


def test_a_file_has_its_address_wherever_it_is_read(us: Company) -> None:
    made = kept(us)
    row = us.rows("Attachable", f"where Id = '{made['Id']}'")[0]
    query = {"bId": "1", "Query": f"select * from Attachable where Id = '{made['Id']}'"}
    batch = us.post("/batch", {"BatchItemRequest": [query]}).body["BatchItemResponse"][0]
    since = us.get("/cdc", entities="Attachable", changedSince="2026-11-20T08:00:00-08:00").body
    changed = since["CDCResponse"][0]["QueryResponse"][0]["Attachable"]
    read = us.read("Attachable", made["Id"])
    found = [row, batch["QueryResponse"]["Attachable"][0], changed[-1], read]
    for one in found:
        assert one["Id"] == made["Id"]
        assert requests.get(one["TempDownloadUri"], timeout=10).content == PICTURE


def test_the_xml_form_has_the_address_too(us: Company) -> None:
    made = kept(us)
    headers = {**us.headers, "Accept": "application/xml"}
    url = f"{us.base}/v3/company/{US}/attachable/{made['Id']}"
    assert "<TempDownloadUri>http" in requests.get(url, headers=headers, timeout=10).text
    body = '<Attachable><Note>in XML</Note><AttachableRef><EntityRef type="Invoice">1</EntityRef></AttachableRef></Attachable>'  # noqa: E501
    parts = {"file_metadata_0": (None, body, "application/xml"), "file_content_0": ("a.txt", b"a")}
    told = sent(us, parts)[0]["Attachable"]
    assert (told["Note"], told["AttachableRef"][0]["EntityRef"]["value"]) == ("in XML", "1")


def test_an_address_works_for_fifteen_minutes_and_only_as_it_was_given(us: Company) -> None:
    address = kept(us)["TempDownloadUri"]
    forged = requests.get(address.replace("rock.png", "other.png"), timeout=10)
    assert (forged.status_code, "SignatureDoesNotMatch" in forged.text) == (403, True)
    us.control("POST", "/clock", {"advance_seconds": 899})
    assert requests.get(address, timeout=10).status_code == 200
    us.control("POST", "/clock", {"advance_seconds": 1})
    late = requests.get(address, timeout=10)
    assert (late.status_code, "Request has expired" in late.text) == (403, True)


def test_a_deleted_file_is_gone(us: Company) -> None:
    made = kept(us)
    deleted = us.save("Attachable", {"Id": made["Id"]}, operation="delete")
    assert deleted["status"] == "Deleted"
    assert us.get(f"/download/{made['Id']}").code == "610"
    gone = requests.get(made["TempDownloadUri"], timeout=10)
    assert (gone.status_code, "NoSuchKey" in gone.text) == (404, True)


def test_a_full_update_keeps_the_file_and_ignores_what_only_the_server_says(us: Company) -> None:
    made = kept(us)
    body = {"Id": made["Id"], "SyncToken": "0", "Note": "n", "FileName": "new.png", "Size": 1}
    after = us.save("Attachable", {**body, "FileAccessUri": "x", "TempDownloadUri": "y"})
    assert (after["FileName"], after["Note"], after["Size"]) == ("new.png", "n", len(PICTURE))
    assert after["FileAccessUri"] == made["FileAccessUri"]
    assert requests.get(after["TempDownloadUri"], timeout=10).content == PICTURE


def test_one_refused_file_of_two(us: Company) -> None:
    parts = {
        "file_metadata_01": described(AttachableRef=[{"EntityRef": {"type": "Estimate", "value": "75"}}]),  # noqa: E501
        "file_content_01": ("a.txt", b"a"),
        "file_content_02": ("b.txt", b"b"),
    }  # fmt: skip
    refused, taken = sent(us, parts)
    error = refused["Fault"]["Error"][0]
    assert (error["code"], refused["Fault"]["type"]) == ("6000", "ValidationFault")
    assert error["Detail"].endswith("to link does not exist. Estimate 75")
    assert taken["Attachable"]["FileName"] == "b.txt"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"file_content_01": ("run.exe", b"MZ", "application/x-msdownload")}, "6000"),
        ({"file_content_01": ("x" * 1000 + ".txt", b"x")}, "2050"),
        ({"file_metadata_01": (None, "{}", "application/json")}, "2020"),
        ({"file_metadata_01": (None, "{", "application/json"), "file_content_01": ("a.txt", b"")},
         "2010"),
    ],
)  # fmt: skip
def test_refused_files(us: Company, files: dict[str, Any], code: str) -> None:
    before = len(us.rows("Attachable", "maxresults 1000"))
    assert sent(us, files)[0]["Fault"]["Error"][0]["code"] == code
    assert len(us.rows("Attachable", "maxresults 1000")) == before


def test_bodies_that_are_no_upload(us: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = us.post("/upload", {})
    assert (answer.code, "Cannot consume content type" in answer.fault["Detail"]) == ("500", True)
    assert send(us, {"other": ("a.txt", b"a")}).json()["Fault"]["Error"][0]["code"] == "2010"
    monkeypatch.setattr(attachments, "MOST_BYTES", 1000)
    reply = send(us, {"file_content_01": ("a.txt", b"a" * 1000)})
    assert (reply.status_code, reply.headers["Content-Type"]) == (413, "text/html")


def test_attachables_are_found_by_what_they_are_attached_to(us: Company) -> None:
    links = [{"EntityRef": {"type": "Invoice", "value": "1"}},
             {"EntityRef": {"type": "Customer", "value": "2"}}]  # fmt: skip
    note = us.save("Attachable", {"Note": "two links", "AttachableRef": links})

    def found(kind: str, value: str) -> bool:
        where = f"AttachableRef.EntityRef.Type = '{kind}' and AttachableRef.EntityRef.value"
        rows = us.rows("Attachable", f"where {where} = '{value}' maxresults 1000")
        return note["Id"] in [row["Id"] for row in rows]

    assert (found("invoice", "1"), found("Customer", "2")) == (True, True)
    assert (found("invoice", "2"), found("Customer", "1")) == (False, False)


def test_what_has_no_file_has_no_address(us: Company) -> None:
    note = us.save("Attachable", {"Note": "only words"})
    assert "TempDownloadUri" not in note
    assert us.get(f"/download/{note['Id']}").code == "610"
    assert us.get("/download/12").code == "610"
    thumbnail = us.get(f"/attachable-thumbnail/{kept(us)['Id']}")
    assert (thumbnail.status, thumbnail.code) == (400, "500")
    assert "no thumbnails" in thumbnail.fault["Detail"]


def test_an_upload_is_done_once_for_one_requestid(us: Company) -> None:
    first = sent(us, {"file_content_01": ("a.txt", b"one")}, requestid="upload-1")
    again = sent(us, {"file_content_01": ("a.txt", b"two")}, requestid="upload-1")
    assert again[0]["Attachable"]["Id"] == first[0]["Attachable"]["Id"]
    bad = {"file_content_01": ("a.exe", b"x", "application/x-msdownload")}
    assert "Fault" in sent(us, bad, requestid="upload-2")[0]
    assert "Attachable" in sent(us, {"file_content_01": ("a.txt", b"x")}, requestid="upload-2")[0]


def test_python_quickbooks_attaches_a_file(tmp_path: Path) -> None:
    file = tmp_path / "bill.pdf"
    file.write_bytes(PICTURE)
    with quickbooks_sandbox(tmp_path) as sandbox:
        Company(sandbox).save("Invoice", invoice())
        client = python_quickbooks(sandbox)
        attached = Attachable()
        attached.FileName, attached.ContentType = "bill.pdf", "application/pdf"
        attached._FilePath = str(file)
        link = AttachableRef()
        link.EntityRef = {"type": "Invoice", "value": "1"}
        attached.AttachableRef.append(link)
        made = attached.save(qb=client)
        read = Attachable.get(int(made.Id), qb=client)
        assert read.Size == len(PICTURE)
        assert requests.get(read.TempDownloadUri, timeout=10).content == PICTURE


def test_files_outlive_a_restart(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with quickbooks_sandbox(tmp_path, log) as sandbox:
        made = kept(Company(sandbox))
    with running_sandbox(tmp_path / "seed", log, factories={"quickbooks": Vendor}) as sandbox:
        read = Company(sandbox).read("Attachable", made["Id"])
        assert requests.get(read["TempDownloadUri"], timeout=10).content == PICTURE
