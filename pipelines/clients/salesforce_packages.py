"""Packages of metadata that a deployment takes: a zip with a manifest and the parts it names.

Source: Metadata API guide, "Deploying and Retrieving Metadata with the Zip File", "CustomObject",
"Deploying with REST API". Parts that are to be removed stand in destructiveChanges.xml.
"""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree as Xml

_SPACE = "http://soap.sforce.com/2006/04/metadata"
VERSION = "62.0"


def new_object(name: str, label: str, plural: str, name_label: str, description: str) -> bytes:
    """A package with one custom object, without fields; its records are named by text."""
    root = Xml.Element("CustomObject", xmlns=_SPACE)
    _put(root, deploymentStatus="Deployed", description=description, label=label)
    field = Xml.SubElement(root, "nameField")
    _put(field, label=name_label, type="Text")
    _put(root, pluralLabel=plural, sharingModel="ReadWrite")
    return _zip({"package.xml": _manifest(name), f"objects/{name}.object": _text(root)})


def gone_object(name: str) -> bytes:
    """A package that takes one custom object away."""
    return _zip({"package.xml": _manifest(), "destructiveChanges.xml": _manifest(name)})


def _manifest(*names: str) -> bytes:
    root = Xml.Element("Package", xmlns=_SPACE)
    if names:
        types = Xml.SubElement(root, "types")
        for name in names:
            _put(types, members=name)
        _put(types, name="CustomObject")
    _put(root, version=VERSION)
    return _text(root)


def _put(parent: Xml.Element, **texts: str) -> None:
    for name, text in texts.items():
        Xml.SubElement(parent, name).text = text


def _text(root: Xml.Element) -> bytes:
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()
