"""REST in XML: for callers that ask for it by `.xml` at the end of an address or by Accept, and
bodies that are sent in it (REST guide, "REST Resources and Requests", and the examples of
"Versions", "sObject Tree" and "Get Deleted"). JSON is the default.

What the guide serves in JSON alone stays JSON: Bulk 2.0, composite and its graphs, and whatever
else has no form here. Of collections the guide says that they come in XML without showing it;
the names of their elements are the sandbox's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from pipelines.sandbox.salesforce.refusals import Refusal

HEADERS = {"Content-Type": "application/xml;charset=UTF-8"}
KINDS = ("application/xml", "text/xml")
_JSON_KINDS = ("application/json", "*/*", "application/*")
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NIL = f"{{{_XSI}}}nil"
_SUFFIX = re.compile(r"\.(?P<form>json|xml)/*$", re.IGNORECASE)
_BELOW = re.compile(r"/services/data(?:/(?:v[\d.]+?|latest))?(?:/(?P<rest>.*?))?/*")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+)\+0000")
_DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_LISTS = frozenset(("records", "ids", "fields"))
_JSON_ONLY = frozenset(("jobs", "tooling", "metadata", "actions", "quickactions"))
_FAMILIES = frozenset(("sobjects", "tree", "batch"))


# ---- what is asked


def is_wanted(path: str, headers: Mapping[str, str]) -> bool:
    """Whether the answer is to be XML: the end of the address decides before Accept does."""
    if "xml" not in headers.get("accept", "").lower() and not _SUFFIX.search(path):
        return False
    if not _takes_xml(_segments(_SUFFIX.sub("", path))):
        return False
    found = _SUFFIX.search(path) if _has_suffix(path) else None
    if found:
        return found["form"].lower() == "xml"
    ranks = list(_ranked(headers.get("accept", "")))
    best = max((rank for _, rank in ranks), default=0.0)
    first = next((kind for kind, rank in ranks if rank == best and rank > 0), "")
    return first in KINDS


def without_suffix(path: str) -> str:
    """The address without the `.json` or `.xml` that says how to answer."""
    return _SUFFIX.sub("", path) if _has_suffix(path) else path


def _has_suffix(path: str) -> bool:
    """A key may end so too: below a record's object only an id or a name of its resources."""
    parts = _segments(path)
    return bool(_SUFFIX.search(path)) and not (len(parts) > 3 and parts[0].lower() == "sobjects")


def _ranked(accept: str) -> Sequence[tuple[str, float]]:
    """The kinds an Accept header names, of those there are, with their quality."""
    found = []
    for one in accept.lower().split(","):
        kind, *rest = (part.strip() for part in one.split(";"))
        quality = next((p[2:] for p in rest if p.startswith("q=")), "1")
        if kind in KINDS or kind in _JSON_KINDS:
            rank = float(quality) if re.fullmatch(r"\d(\.\d*)?", quality) else 1.0
            found.append((kind, rank))
    return found


def _segments(path: str) -> list[str]:
    found = _BELOW.fullmatch(path)
    return [p for p in ((found and found["rest"]) or "").split("/") if p]


def _takes_xml(parts: Sequence[str]) -> bool:
    head = parts[0].lower() if parts else ""
    if head == "composite":
        return len(parts) > 1 and parts[1].lower() in _FAMILIES
    return head not in _JSON_ONLY


def takes_body(parts: Sequence[str]) -> bool:
    """Whether a resource, by its segments below the version, takes a body in XML."""
    return bool(parts) and parts[0].lower() in ("sobjects", "composite") and _takes_xml(parts)


# ---- what is answered


def document(path: str, status: int, body: Any) -> bytes | None:
    """An answer as XML; None for one that has no such form."""
    if status >= 400 and isinstance(body, list):
        return _document("Errors", _elements("Error", body))
    path = without_suffix(path)
    if path.rstrip("/") == "/services/data":
        return _document("Versions", _elements("Version", body))
    parts = _segments(path)
    head = parts[0].lower() if parts else ""
    form = _FORMS.get(head)
    return form(parts, body) if form else None


def _of_sobjects(parts: Sequence[str], body: Any) -> bytes | None:
    if isinstance(body, Mapping) and "success" in body:
        return _document("Result", _members({k: v for k, v in body.items() if k != "errors"}))
    if not isinstance(body, Mapping):
        return None
    if "records" in body and "totalSize" in body:
        return _query_result(parts, body)
    if len(parts) == 1:
        return _element_document("DescribeGlobal", body)
    kind = (body.get("attributes") or {}).get("type") or parts[1]
    return _element_document(str(kind), body)


def _query_result(parts: Sequence[str], body: Any) -> bytes | None:
    is_page = isinstance(body, Mapping) and "records" in body
    return _element_document("QueryResult", body) if is_page else None


def _search(parts: Sequence[str], body: Any) -> bytes | None:
    found = body.get("searchRecords") if isinstance(body, Mapping) else body
    is_list = isinstance(found, list)
    return _document("SearchResults", _elements("SearchResult", found)) if is_list else None


def _of_composite(parts: Sequence[str], body: Any) -> bytes | None:
    family = parts[1].lower()
    if family == "tree":
        return _element_document("SObjectTreeResponse", body)
    if family == "batch":
        results = {"batchResult": body["results"]}
        return _element_document("batchResults", {**body, "results": results})
    saved = any(isinstance(one, Mapping) and "success" in one for one in body)
    return _document("results", _elements("result" if saved else "records", body))


_Form = Callable[[Sequence[str], Any], "bytes | None"]
_FORMS: Mapping[str, _Form] = {
    "": lambda parts, body: _element_document("urls", body),
    "limits": lambda parts, body: (
        _element_document("LimitsSnapshot", body) if len(parts) == 1 else None
    ),
    "sobjects": _of_sobjects,
    "query": _query_result,
    "queryall": _query_result,
    "search": _search,
    "parameterizedsearch": _search,
    "composite": _of_composite,
}


def _document(name: str, inside: str) -> bytes:
    return f'{_HEAD}<{name} xmlns:xsi="{_XSI}">{inside}</{name}>'.encode()


def _element_document(name: str, value: Mapping[str, Any]) -> bytes:
    about = f' xmlns:xsi="{_XSI}"{_about(value)}'
    return f"{_HEAD}<{name}{about}>{_members(value)}</{name}>".encode()


def _members(value: Mapping[str, Any]) -> str:
    return "".join(_elements(k, v) for k, v in value.items() if k != "attributes")


def _about(value: Mapping[str, Any]) -> str:
    """Of a record its kind and address, which are attributes of its element."""
    told = value.get("attributes")
    if not isinstance(told, Mapping):
        return ""
    return "".join(f" {k}={quoteattr(str(v))}" for k, v in told.items() if v is not None)


def _elements(name: str, value: Any) -> str:
    """A value as elements of one name: one for each of a list, nested for an object."""
    if isinstance(value, list | tuple):
        return "".join(_elements(name, one) for one in value)
    if value is None:
        return f'<{name} xsi:nil="true"/>'
    if isinstance(value, Mapping):
        return f"<{name}{_about(value)}>{_members(value)}</{name}>"
    return f"<{name}>{escape(_text(value))}</{name}>"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    moment = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    return f"{moment[1]}Z" if moment else str(value)


# ---- what is sent


def read(body: bytes) -> dict[str, Any]:
    """An XML body, UTF-8 or UTF-16, as the JSON body that says the same.

    Raises:
        Refusal: XML_PARSER_ERROR, it is none.
    """
    if _DECLARED.search(body.replace(b"\0", b"")):  # of UTF-16 every other byte
        raise Refusal("XML_PARSER_ERROR", "DTD is not supported")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - no entities, see above
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Refusal("XML_PARSER_ERROR", f"The request body is not XML: {error}") from None
    found = _value(root)
    return found if isinstance(found, dict) else {}


def _value(element: Element) -> Any:
    if element.get(_NIL) in ("true", "1"):
        return None
    told = {k: v for k, v in element.attrib.items() if "}" not in k}
    if not len(element) and (element.text or not told):
        return element.text or ""
    found: dict[str, Any] = {"attributes": told} if told else {}
    for part in element:
        name, value = _local(part.tag), _part(part)
        if name in _LISTS:
            found.setdefault(name, []).append(value)
        elif name in found:
            known = found[name]
            found[name] = [*(known if isinstance(known, list) else [known]), value]
        else:
            found[name] = value
    return found


def _part(element: Element) -> Any:
    name = _local(element.tag)
    if name == "batchRequests":
        return [_value(one) for one in element]
    if name == "richInput" and len(element) == 1 and len(element[0]):
        return _value(element[0])
    return _value(element)


def _local(name: str) -> str:
    return str(name).rpartition("}")[2]
