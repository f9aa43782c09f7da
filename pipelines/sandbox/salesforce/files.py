"""What follows from a new version of a file (Object Reference, ContentVersion): its size and kind,
the document it belongs to, and where that is shared."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import PurePosixPath

from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject
from pipelines.sandbox.store import MetaWrite, Record, Store, Write

NextId = Callable[[SObject], tuple[str, MetaWrite]]
Stamps = Callable[[str, bool], Record]
# File types that are not called as their endings are.
_TYPES = {"jpeg": "JPG", "txt": "TEXT", "doc": "WORD", "docx": "WORD_X", "xls": "EXCEL",
          "xlsx": "EXCEL_X", "ppt": "POWER_POINT", "pptx": "POWER_POINT_X"}  # fmt: skip


def derive_version(record: Record) -> None:
    """Size, ending, type and title from the content and the path it came from."""
    path = PurePosixPath(str(record.get("PathOnClient") or "").replace("\\", "/"))
    ending = path.suffix[1:].lower()
    record["ContentSize"] = len(base64.b64decode(record.get("VersionData") or ""))
    record["FileExtension"] = ending or None
    record["FileType"] = _TYPES.get(ending, ending.upper()) or "UNKNOWN"
    record["Title"] = record.get("Title") or path.stem


def file_version(
    catalogue: Catalogue, store: Store, org: str, version: Record, next_id: NextId, stamps: Stamps
) -> None:
    """Make the document of a first version, or let a further one be the latest of its document."""
    kept, link = catalogue.get("ContentDocument"), catalogue.get("ContentDocumentLink")
    assert kept is not None and link is not None
    document_id = version.get("ContentDocumentId")
    writes: list[Write | MetaWrite] = []
    document: Record = {"IsDeleted": False, "ParentId": None, "Description": None}
    if document_id:
        document = store.table(org, kept.name).get(document_id) or document
        document = {**document, **stamps(document_id, False)}
    else:
        document_id, counter = next_id(kept)
        document |= {**stamps(document_id, True), "OwnerId": version.get("OwnerId")}
        writes.append(counter)
        for place in dict.fromkeys((version.get("OwnerId"), version.get("FirstPublishLocationId"))):
            if place:
                _share(store, org, link, place, document_id, version, next_id, stamps)
    before = store.table(org, "ContentVersion").find("ContentDocumentId", document_id)
    earlier = [one for one in before if one["Id"] != version["Id"]]
    same = ("Title", "FileType", "FileExtension", "ContentSize")
    document |= {name: version.get(name) for name in same}
    document["LatestPublishedVersionId"] = version["Id"]
    number = str(len(earlier) + 1)
    latest = {**version, "ContentDocumentId": document_id, "VersionNumber": number}
    writes += [Write(org, "ContentVersion", one["Id"], {**one, "IsLatest": False})
               for one in earlier]  # fmt: skip
    writes.append(Write(org, kept.name, document_id, document))
    writes.append(Write(org, "ContentVersion", version["Id"], {**latest, "IsLatest": True}))
    store.commit(writes)


def _share(
    store: Store,
    org: str,
    link: SObject,
    place: str,
    document_id: str,
    version: Record,
    next_id: NextId,
    stamps: Stamps,
) -> None:
    """Link a document to its owner (inferred) or to where it was first published (viewer).

    Committed at once, so that the next link gets another id.
    """
    link_id, counter = next_id(link)
    share = "I" if place == version.get("OwnerId") else "V"
    row = {"IsDeleted": False, "LinkedEntityId": place, "ContentDocumentId": document_id,
           "ShareType": share, "Visibility": "AllUsers"}  # fmt: skip
    made = {k: v for k, v in {**row, **stamps(link_id, True)}.items() if link.field(k)}
    store.commit([Write(org, link.name, link_id, made), counter])
