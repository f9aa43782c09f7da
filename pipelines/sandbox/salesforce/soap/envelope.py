"""SOAP envelopes: what a call says, and an answer or a fault around what is said back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from pipelines.sandbox.kernel import Reply

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
APEX = "http://soap.sforce.com/2006/08/apex"
METADATA = "http://soap.sforce.com/2006/04/metadata"


class NotSoap(Exception):
    """The body is no envelope."""


class Fault(Exception):
    """A call that failed as a whole.

    Attributes:
        kind: the vendor's type of fault; '' sends none of its details (Metadata API).
    """

    def __init__(self, code: str, message: str, kind: str = "UnexpectedErrorFault") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.kind = kind


@dataclass(frozen=True)
class Dialect:
    """The names of one SOAP API.

    Attributes:
        namespace: of operations and results.
        objects: of what is inside records ('' where there are no records).
        faults: of fault codes.
    """

    namespace: str
    objects: str
    faults: str


PARTNER = Dialect(
    "urn:partner.soap.sforce.com",
    "urn:sobject.partner.soap.sforce.com",
    "urn:fault.partner.soap.sforce.com",
)
ENTERPRISE = Dialect(
    "urn:enterprise.soap.sforce.com",
    "urn:sobject.enterprise.soap.sforce.com",
    "urn:fault.enterprise.soap.sforce.com",
)
OF_APEX = Dialect(APEX, "", APEX)
OF_METADATA = Dialect(METADATA, "", METADATA)


@dataclass(frozen=True)
class Message:
    """One SOAP call: the operation, its element, and the text of its header's elements."""

    operation: str
    body: Element
    headers: Mapping[str, Mapping[str, str]]

    @property
    def session_id(self) -> str:
        """The token in the SessionHeader."""
        return self.headers.get("SessionHeader", {}).get("sessionId", "")

    def text(self, name: str) -> str:
        """The text of an argument; '' where it is not given."""
        return next((e.text or "" for e in self.body if local(e) == name), "").strip()

    def texts(self, name: str) -> list[str]:
        """The texts of a repeated argument."""
        return [(e.text or "").strip() for e in self.body if local(e) == name]

    def sole_texts(self, name: str) -> list[str]:
        """The texts of an operation's only argument. Clients give it other names, such as `id` for
        `ids`: the vendor goes by the place."""
        return self.texts(name) or [(e.text or "").strip() for e in self.body if not len(e)]

    def all(self, name: str) -> list[Element]:
        """The elements of a repeated argument."""
        return [e for e in self.body if local(e) == name]


def read(body: bytes) -> Message:
    """A call from its envelope, whatever its prefixes.

    Raises:
        NotSoap: there is no envelope, or nothing in it.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise NotSoap("DTD is not supported")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - no entities, see above
    except ElementTree.ParseError as error:
        raise NotSoap(str(error)) from None
    parts = {local(part): part for part in root}
    inside = list(parts.get("Body", ()))
    if local(root) != "Envelope" or not inside:
        raise NotSoap("The envelope has no body")
    headers = {
        local(header): {local(one): (one.text or "").strip() for one in header}
        for header in parts.get("Header", ())
    }
    return Message(local(inside[0]), inside[0], headers)


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def is_nil(element: Element) -> bool:
    """Whether it says that there is no value."""
    return element.get(_NIL) in ("true", "1")


def type_of(element: Element) -> str:
    """Its xsi:type without the prefix; '' where there is none."""
    return element.get(TYPE, "").rpartition(":")[2]


def value_of(element: Element) -> Any:
    """An element as a value: text, None, or a dict whose repeated members are lists."""
    if is_nil(element):
        return None
    if not len(element):
        return element.text or ""
    found: dict[str, Any] = {}
    for part in element:
        name, value = local(part), value_of(part)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


# ---- answers


def xml(name: str, value: Any) -> str:
    """A value as elements of that name: members of a dict inside, one element per list entry.

    A member "@name" is an attribute; a member whose value is `...` is left out.
    """
    if value is ...:
        return ""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "".join(xml(name, one) for one in value)
    if value is None:
        return f'<{name} xsi:nil="true"/>'
    if not isinstance(value, Mapping):
        return f"<{name}>{escape(_text(value))}</{name}>"
    attributes = "".join(f" {k[1:]}={quoteattr(str(v))}" for k, v in value.items() if k[0] == "@")
    inside = "".join(xml(k, v) for k, v in value.items() if k[0] != "@")
    return f"<{name}{attributes}>{inside}</{name}>"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def answer(dialect: Dialect, operation: str, results: Any, header: str = "") -> Reply:
    """The answer to an operation: `results` is one `result`, or a list of them."""
    inside = f"<{operation}Response>{xml('result', results)}</{operation}Response>"
    return _reply(200, dialect, inside, header)


def fault(dialect: Dialect, refused: Fault) -> Reply:
    """A call that failed: HTTP 500."""
    message = escape(f"{refused.code}: {refused.message}")
    inside = (
        f"<soapenv:Fault><faultcode>sf:{refused.code}</faultcode>"
        f"<faultstring>{message}</faultstring>{_detail(dialect, refused)}</soapenv:Fault>"
    )
    return _reply(500, dialect, inside, "")


def _detail(dialect: Dialect, refused: Fault) -> str:
    if dialect in (OF_METADATA, OF_APEX) or not refused.kind:
        return ""
    kind = f"sf:{refused.kind}"
    return (
        f'<detail><{kind} xsi:type="{kind}"><sf:exceptionCode>{refused.code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{escape(refused.message)}</sf:exceptionMessage></{kind}></detail>"
    )


def _reply(status: int, dialect: Dialect, inside: str, header: str) -> Reply:
    prefixes = "".join(_prefixes(status, dialect))
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        f"{prefixes}>{header}<soapenv:Body>{inside}</soapenv:Body></soapenv:Envelope>"
    )
    return Reply(status, text.encode(), {"Content-Type": "text/xml;charset=UTF-8"})


def _prefixes(status: int, dialect: Dialect) -> Iterator[str]:
    if status == 200:
        yield f' xmlns="{dialect.namespace}"'
        yield f' xmlns:sf="{dialect.objects}"' if dialect.objects else ""
    else:
        yield f' xmlns:sf="{dialect.faults}"'
    yield ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
