"""Packages: zip files of components with a manifest, read and written (Metadata API guide,
"Sample package.xml Manifest Files", "Deleting Components")."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.records import stamp
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.setup import components
from pipelines.sandbox.salesforce.soap.envelope import METADATA, value_of, xml

Metadata = Mapping[str, Any]
_LARGEST = 400 * 1024 * 1024  # unzipped, as the vendor's limit
_CHANGES = ("destructiveChangesPre.xml", "destructiveChanges.xml", "destructiveChangesPost.xml")


@dataclass(frozen=True)
class Part:
    """One component of a package.

    Attributes:
        file: where it stands; the manifest's name for one to be deleted.
        metadata: what it is; None for one that is to be deleted.
    """

    kind: str
    name: str
    file: str
    metadata: Metadata | None


def read(text: str | bytes) -> list[Part]:
    """What a package (base64, or the zip itself) wants made and deleted, in order.

    Raises:
        Refusal: it is no zip, or has no manifest.
    """
    files = _files(text)
    manifests = [n for n in files if PurePosixPath(n).name == "package.xml"]
    if not manifests:
        raise Refusal("INVALID_OPERATION", "No package.xml found", ())
    root = manifests[0].removesuffix("package.xml")
    inside = {n.removeprefix(root): data for n, data in files.items() if n.startswith(root)}
    parts = [p for change in _CHANGES[:2] for p in _destroyed(inside, change)]
    parts += _made(inside)
    return [*parts, *_destroyed(inside, _CHANGES[2])]


def _files(text: str | bytes) -> dict[str, bytes]:
    try:
        data = base64.b64decode(text) if isinstance(text, str) else text
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                raise Refusal("LIMIT_EXCEEDED", "The package is larger than 400 MB unzipped", ())
            return {n: archive.read(n) for n in archive.namelist() if not n.endswith("/")}
    except (binascii.Error, zipfile.BadZipFile, ValueError):
        raise Refusal("INVALID_OPERATION", "The zip file cannot be read", ()) from None


def _parsed(name: str, data: bytes) -> dict[str, Any]:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Refusal("INVALID_OPERATION", f"{name}: DTD is not supported", ())
    try:
        found = value_of(ElementTree.fromstring(data))  # noqa: S314 - no entities, see above
    except ElementTree.ParseError as error:
        raise Refusal("INVALID_OPERATION", f"Error parsing file: {name}: {error}", ()) from None
    return found if isinstance(found, dict) else {}


def members(manifest: Metadata) -> Iterator[tuple[str, str]]:
    """The types and names a manifest lists."""
    for one in components.listed(manifest.get("types")):
        for name in components.listed(one.get("members")):
            yield str(one["name"]), str(name)


def _destroyed(files: Mapping[str, bytes], change: str) -> Iterator[Part]:
    if change in files:
        for kind, name in members(_parsed(change, files[change])):
            yield Part(kind, name, change, None)


def _made(files: Mapping[str, bytes]) -> Iterator[Part]:
    """The components of the files; of those that are not served, the manifest's entry."""
    by_folder = {k.folder: k for k in components.KINDS.values() if k.name not in components.PARTS}
    seen: set[tuple[str, str]] = set()
    for file, data in sorted(files.items(), key=lambda f: (not f[0].startswith("objects/"), f[0])):
        place = PurePosixPath(file)
        kind = by_folder.get(place.parts[0]) if len(place.parts) > 1 else None
        if kind is not None and place.suffix == f".{kind.suffix}":
            seen.add((kind.name, place.stem))
            yield from _with_parts(Part(kind.name, place.stem, file, _parsed(file, data)))
    for kind_name, name in members(_parsed("package.xml", files["package.xml"])):
        owner = name.partition(".")[0]
        in_object = kind_name in components.PARTS and ("CustomObject", owner) in seen
        if name != "*" and (kind_name, name) not in seen and not in_object:
            yield Part(kind_name, name, "package.xml", {})


def _with_parts(part: Part) -> Iterator[Part]:
    """A component, and what stands within an object as components of their own, as results tell
    them."""
    metadata = dict(part.metadata or {})
    words = components.PARTS if part.kind == "CustomObject" else {}
    inside = {kind: metadata.pop(word, None) for kind, word in words.items()}
    yield Part(part.kind, part.name, part.file, metadata)
    for kind, found in inside.items():
        for one in components.listed(found):
            yield Part(kind, f"{part.name}.{one.get('fullName', '')}", part.file, one)


def write(
    org: Org, wanted: Iterable[tuple[str, str]], version: str, root: str
) -> tuple[bytes, list[dict[str, Any]], list[dict[str, Any]]]:
    """A package of these components: the zip, what is in it, and what could not be found."""
    found: dict[str, dict[str, list[str]]] = {}
    problems: list[dict[str, Any]] = []
    for kind, name in wanted:
        if kind not in components.KINDS:
            problems.append(_problem(f"Entity type: '{kind}' is not served by this sandbox"))
            continue
        names = list(components.KINDS[kind].names(org)) if name == "*" else [name]
        known = [n for n in names if components.KINDS[kind].read(org, n) is not None]
        if not known and name != "*":
            problems.append(_problem(f"Entity of type '{kind}' named '{name}' cannot be found"))
        found.setdefault(kind, {})[name] = known
    files = dict(
        _contents(org, {k: [n for ns in v.values() for n in ns] for k, v in found.items()})
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, text in files.items():
            archive.writestr(f"{root}{file}", text)
        archive.writestr(f"{root}package.xml", _manifest(found, version))
    shown = [
        {**properties(org, components.KINDS[kind], name), "fileName": f"{root}{_file(kind, name)}"}
        for kind, lists in found.items()
        for names in lists.values()
        for name in names
    ]
    return out.getvalue(), shown, problems


def _problem(text: str) -> dict[str, Any]:
    return {"fileName": "unpackaged/package.xml", "problem": text}


def _file(kind: str, name: str) -> str:
    one = components.KINDS[kind]
    return f"{one.folder}/{name.partition('.')[0]}.{one.suffix}"


def _contents(org: Org, found: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """The files: a part of an object that is asked for alone stands in its object's file."""
    whole = found.get("CustomObject", [])
    alone: dict[str, dict[str, list[Metadata]]] = {}
    for kind, word in components.PARTS.items():
        for name in found.get(kind, ()):
            owner, _, own = name.partition(".")
            one = {**(components.KINDS[kind].read(org, name) or {}), "fullName": own}
            alone.setdefault(owner, {}).setdefault(word, []).append(one)
    for owner, parts in alone.items():
        if owner not in whole:
            yield _file("CustomObject", owner), _document("CustomObject", parts)
    for kind, names in found.items():
        for name in names if kind not in components.PARTS else ():
            read_ = {k: v for k, v in (components.KINDS[kind].read(org, name) or {}).items()
                     if k != "fullName"}  # fmt: skip
            yield _file(kind, name), _document(kind, read_)


def _document(kind: str, metadata: Metadata) -> str:
    inside = xml(kind, {"@xmlns": METADATA, **{k: v for k, v in metadata.items() if v is not None}})
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{inside}\n'


def _manifest(found: Mapping[str, Mapping[str, list[str]]], version: str) -> str:
    types = [{"members": sorted(n for ns in v.values() for n in ns), "name": k}
             for k, v in found.items()]  # fmt: skip
    return _document("Package", {"types": types, "version": version})


def properties(org: Org, kind: components.Kind, name: str) -> dict[str, Any]:
    """A component as listings show it."""
    at = stamp(org.kernel.clock.now()).removesuffix("+0000") + "Z"
    who = org.sessions.user(org.user_id)
    return {
        "createdById": who.get("Id"),
        "createdByName": who.get("Name"),
        "createdDate": at,
        "fileName": _file(kind.name, name),
        "fullName": name,
        "id": components.id_of(org, kind, name),
        "lastModifiedById": who.get("Id"),
        "lastModifiedByName": who.get("Name"),
        "lastModifiedDate": at,
        "manageableState": "unmanaged",
        "type": kind.name,
    }
