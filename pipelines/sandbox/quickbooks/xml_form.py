"""The service's XML: the same bodies and answers for clients that ask for it.

References carry their id as text and their name as an attribute; what is about an element rather
than in it (domain, sparse, code, page counters) is an attribute; a report is no IntuitResponse, and
its cells are attributes (all recorded by the Ruby client).

An answer is XML unless the caller asks for JSON: one whose Accept header names no JSON but XML or
anything (`*/*`), or who sends none, gets XML, as every published client knows that sets the header
on each call (python-quickbooks, node-quickbooks, Intuit's own). The tax service speaks JSON only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.quickbooks.refusals import invalid_property

NAMESPACE = "http://schema.intuit.com/finance/v3"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
ATTRIBUTES = frozenset(
    ("domain", "sparse", "status", "startPosition", "maxResults", "totalCount", "code", "element",
     "bId", "operation")
)  # fmt: skip
REFERENCE = frozenset(("value", "name", "type"))
# Of elements by name: which members are attributes beside the general ones.
OWN_ATTRIBUTES = {
    "Fault": frozenset(("type",)),
    "Row": frozenset(("type", "group")),
    "ColData": frozenset(("value", "id", "href")),
}
COMPANIES, JSON_ONLY = "/v3/company/", "/taxservice/"
LISTS = frozenset(
    ("Line", "TaxLine", "LinkedTxn", "CustomField", "AttachableRef", "BatchItemRequest",
     "ItemGroupLine", "TaxRateDetail", "NameValue", "BudgetDetail")
)  # fmt: skip


def is_wanted(request: Request) -> bool:
    """Whether a caller of a company's API asks for XML, or for nothing in particular."""
    path = request.path.lower()
    if not path.startswith(COMPANIES) or JSON_ONLY in path:
        return False
    if request.query.get("format", "").lower() == "json":
        return False
    accept = request.headers.get("accept", "").lower()
    return "json" not in accept and (not accept or "xml" in accept or "*" in accept)


def is_sent(request: Request) -> bool:
    """Whether a body is XML."""
    return "xml" in request.headers.get("content-type", "").lower()


def as_xml(reply: Reply) -> Reply:
    """A JSON answer in XML; an answer of another kind stays."""
    if "json" not in reply.headers.get("Content-Type", "") or not reply.body:
        return reply
    answer = codec.loads(reply.body)
    fault = answer.get("fault")
    if fault is not None:  # the gateway's fault is written in lower case in JSON only
        answer = {"Fault": _gateway(fault)}
    attributes = {"xmlns": NAMESPACE, **({"time": answer["time"]} if "time" in answer else {})}
    inner = {k: v for k, v in answer.items() if k != "time"}
    root = "Report" if "Columns" in inner else "IntuitResponse"
    text = HEAD + "".join(_written(root, inner, attributes))
    kind = "application/xml;charset=UTF-8" if reply.status == 200 else "application/xml"
    return Reply(reply.status, text.encode(), {**reply.headers, "Content-Type": kind})


def without_rows(body: bytes) -> bytes:
    """An XML answer to a query or a question for changes, its rows left out."""
    root = ElementTree.fromstring(body)  # noqa: S314  (the sandbox's own words)
    ElementTree.register_namespace("", NAMESPACE)
    for page in root.iter(f"{{{NAMESPACE}}}QueryResponse"):
        page.clear()
    return HEAD.encode() + ElementTree.tostring(root)


def _gateway(fault: Mapping[str, Any]) -> dict[str, Any]:
    named = {"code": "code", "element": "element", "message": "Message", "detail": "Detail"}
    errors = [
        {new: error[old] for old, new in named.items() if error.get(old) is not None}
        for error in fault["error"]
    ]
    return {"type": fault["type"], "Error": errors}


# ---- writing


def _written(tag: str, value: Any, given: Mapping[str, Any] | None = None) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _written(tag, inner)
        return
    attributes = dict(given or {})
    if not isinstance(value, dict):
        yield f"<{tag}{_attributes(attributes)}>{escape(_text(value))}</{tag}>"
        return
    if "value" in value and tag not in OWN_ATTRIBUTES and REFERENCE.issuperset(value):
        attributes |= {k: v for k, v in value.items() if k != "value"}
        yield f"<{tag}{_attributes(attributes)}>{escape(_text(value['value']))}</{tag}>"
        return
    if "any" in value:  # what JSON writes as the class of an element
        value = {"NameValue": [pair["value"] for pair in value["any"]]}
    about = ATTRIBUTES | OWN_ATTRIBUTES.get(tag, frozenset())
    attributes |= {k: v for k, v in value.items() if k in about}
    yield f"<{tag}{_attributes(attributes)}>"
    for name, inner in value.items():
        if name not in about:
            yield from _written(name, inner)
    yield f"</{tag}>"


def _attributes(values: Mapping[str, Any]) -> str:
    return "".join(f" {name}={quoteattr(_text(value))}" for name, value in values.items())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else str(value)


# ---- reading


def read(body: bytes) -> Any:
    """An XML body as the JSON body that says the same.

    Raises:
        Refusal: 2010, not XML.
    """
    try:
        # The parser expands no external entity, and the sandbox hears this machine only.
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError as error:
        raise invalid_property(f"Invalid XML: {error}\n") from None
    return _read(root)


def _read(element: ElementTree.Element) -> Any:
    tag = _local(element.tag)
    attributes = {_local(name): value for name, value in element.attrib.items()}
    if not len(element):
        text = (element.text or "").strip()
        if (tag.endswith(("Ref", "Memo")) and tag != "Memo") or "name" in attributes:
            return {"value": text, **attributes}
        return {**attributes} if attributes and not text else text
    found: dict[str, Any] = dict(attributes)
    for child in element:
        name, value = _local(child.tag), _read(child)
        if name in LISTS or name in found:
            known = found.get(name, [])
            found[name] = [*(known if isinstance(known, list) else [known]), value]
        else:
            found[name] = value
    return found


def _local(name: str) -> str:
    return name.rpartition("}")[2]
