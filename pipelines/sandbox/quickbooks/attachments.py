"""Attachables: notes, and files with what they hold.

Source: Intuit, "Attachable" and "Attach images and notes"; answers recorded (minimul/qbo_api).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.quickbooks import files, xml_form
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.intake import Draft, read_body
from pipelines.sandbox.quickbooks.multipart import Part, parts_of
from pipelines.sandbox.quickbooks.refusals import (
    Refusal,
    business,
    invalid_property,
    missing,
    no_json,
    not_found,
    unsupported,
)
from pipelines.sandbox.quickbooks.values import Record
from pipelines.sandbox.quickbooks.vocabulary import ENTITIES

FIRST_ID = 5_000_000_000_000_000_001
MOST_BYTES = 100 * 1024 * 1024  # of a whole request
RETAINED = ("FileName", "FileAccessUri", "Size", "ContentType")
PART = re.compile(r"^file_(?:metadata|content)_(\d+)$")
ORDER = ("FileName", "FileAccessUri", "Size", "ContentType", "domain", "sparse", "Id", "SyncToken",
         "MetaData", "AttachableRef")  # fmt: skip
APPROVED = {
    "ai": "application/postscript", "csv": "text/csv", "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "eps": "application/postscript", "gif": "image/gif", "jpeg": "image/jpeg", "jpg": "image/jpg",
    "ods": "application/vnd.oasis.opendocument.spreadsheet", "pdf": "application/pdf",
    "png": "image/png", "rtf": "text/rtf", "tif": "image/tif", "txt": "text/plain",
    "xls": "application/vnd/ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "text/xml",
}  # fmt: skip
# The registered names of types that the vendor's list spells otherwise.
REGISTERED = ("image/jpeg", "image/tiff", "application/rtf", "application/vnd.ms-excel",
              "application/xml")  # fmt: skip
# Written by the server; in a body they are ignored.
COMPUTED = ("FileAccessUri", "TempDownloadUri", "ThumbnailFileAccessUri",
            "ThumbnailTempDownloadUri", "Size")  # fmt: skip


def build_attachable(books: Books, draft: Draft) -> Record:
    """A note or the description of a file.

    Raises:
        Refusal: 2020 neither a note nor a file, 6000 a link to what does not exist.
    """
    given = {k: v for k, v in draft.given.items() if k not in COMPUTED}
    cleared = draft.cleared.difference(COMPUTED)
    record = replace(draft, given=given, cleared=cleared).base(RETAINED)
    if not record.get("Note") and not record.get("FileName"):
        raise missing("Note")
    links = [_link(books, link) for link in _listed(record.get("AttachableRef"))]
    return {**record, "AttachableRef": links} if links else record


def _listed(value: Any) -> list[Record]:
    return value if isinstance(value, list) else [value] if value else []


def _link(books: Books, link: Record) -> Record:
    target = link.get("EntityRef")
    if not isinstance(target, dict):
        return link
    kind, record_id = str(target.get("type", "")), str(target.get("value", ""))
    entity = next((name for name in ENTITIES if name.lower() == kind.lower()), None)
    if entity is None or books.get(entity, record_id) is None:
        raise business(
            f"The entity {kind} {record_id} that you are trying to link does not exist. "
            f"{kind} {record_id}"
        )
    whole = {"value": record_id, "type": entity}
    return {"IncludeOnSend": False, **link, "EntityRef": whole}


def upload(books: Books, content_type: str, body: bytes) -> Record:
    """POST /upload: one Attachable per file; a refused one is a Fault in the list (recorded).

    Raises:
        Refusal: 500 for a body of another kind (reported by clients), 2010 when no part of it can
            be read.
    """
    if not content_type.lower().startswith("multipart/"):
        raise unsupported("Cannot consume content type")
    parts = parts_of(content_type, body)
    numbers = sorted({n for name in parts for n in PART.findall(name)}, key=int)
    if not numbers:
        raise invalid_property("multipart body without file_content_01")
    return {"AttachableResponse": [_uploaded(books, parts, number) for number in numbers]}


def is_refused(answer: Record) -> bool:
    """Whether none of the files was taken."""
    return all("Fault" in one for one in answer["AttachableResponse"])


def _uploaded(books: Books, parts: Mapping[str, Part], number: str) -> Record:
    try:
        with books.store.transaction():
            return {"Attachable": _stored(books, parts, number)}
    except Refusal as refusal:
        return {"Fault": refusal.fault()}


def _stored(books: Books, parts: Mapping[str, Part], number: str) -> Record:
    file = parts.get(f"file_content_{number}")
    if file is None:
        raise missing(f"file_content_{number}")
    body = _described(parts, number)
    if isinstance(body, dict):
        name = body.get("FileName") or file.says("filename") or "file"
        kind = body.get("ContentType") or file.content_type or "application/octet-stream"
        body = {**body, "FileName": name, "ContentType": kind}
    given, cleared, _ = read_body(ENTITIES["Attachable"], body)
    _refuse_kind(given)
    record = build_attachable(books, Draft(given, cleared))
    return _put(books, record, file.content)


def _described(parts: Mapping[str, Part], number: str) -> Any:
    """The metadata of a file; "if not supplied with the upload, the system creates it"."""
    part = parts.get(f"file_metadata_{number}", Part(content=b"{}"))
    if "xml" in part.content_type.lower():
        return xml_form.read(part.content)
    try:
        return codec.loads(part.content)
    except ValueError as error:
        raise no_json(error) from None


def _refuse_kind(given: Record) -> None:
    """A file whose name and type are both of no kind that is approved for uploading.

    The list is the vendor's ("Attachable", types approved for uploading); its answer to others is
    not documented, the sentence is ours.
    """
    kind = str(given["FileName"]).lower().rpartition(".")[2]
    said = given["ContentType"].split(";")[0].strip().lower()
    if kind not in APPROVED and said not in (*APPROVED.values(), *REGISTERED):
        raise business(f"Files of this type cannot be uploaded: {given['FileName']}", "FileName")


def _put(books: Books, record: Record, content: bytes) -> Record:
    key = str(books.number_after("Attachable", FIRST_ID - 1))
    now = books.stamp()
    whole = {
        **record,
        "FileAccessUri": f"/v3/company/{books.realm}/download/{key}",
        "Size": len(content),
        "domain": "QBO",
        "sparse": False,
        "Id": key,
        "SyncToken": "0",
        "MetaData": {"CreateTime": now, "LastUpdatedTime": now},
    }
    files.keep(books, key, content)
    ordered = {name: whole[name] for name in ORDER if name in whole}
    return books.put("Attachable", {**ordered, **whole})


def remove(books: Books, record: Record) -> None:
    """Delete an attachable together with its file."""
    files.forget(books, record["Id"])
    books.remove("Attachable", record)


def of_file(books: Books, record_id: str) -> Record:
    """The attachable whose file is wanted.

    Raises:
        Refusal: 610 for none, or for one without a file; 500 for a file of the seed, of which the
            sandbox has only the description.
    """
    record = books.get("Attachable", record_id)
    if record is None or "FileName" not in record:
        raise not_found()
    if not files.holds(books, record_id):
        raise unsupported(f"download of {record_id}, whose file was never given to this sandbox,")
    return record
