"""Reading a request body: known members only, types, lengths, and what counts as absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox import json_words
from pipelines.sandbox.quickbooks.refusals import (
    Refusal,
    invalid_email,
    invalid_enumeration,
    invalid_id,
    invalid_property,
    unknown_member,
    wrong_length,
)
from pipelines.sandbox.quickbooks.values import (
    ZERO,
    Record,
    absent,
    cents,
    date_of,
    number_of,
    plain,
    present_members,
)
from pipelines.sandbox.quickbooks.vocabulary import (
    BOOLEANS,
    DATES,
    ENUMERATIONS,
    LENGTHS,
    MONEY,
    NAME_LENGTHS,
    NUMBERS,
    PART_MEMBERS,
    PART_SETS,
    Entity,
    part_of,
)

LISTED = frozenset(("Line", "TaxLine", "LinkedTxn", "CustomField"))
SCALARS = frozenset(
    [
        *(*MONEY, *NUMBERS, *BOOLEANS, *DATES, *ENUMERATIONS, *LENGTHS),
        *("Id", "SyncToken", "Name", "Type", "value", "name", "type", "TxnId", "TxnType", "Code"),
        *("AccountType", "AccountSubType", "TxnStatus", "SSN", "Note", "FileName", "ContentType"),
        *("SourceCurrencyCode", "DefinitionId", "NameOf", "PaymentType", "PayType", "PostingType"),
    ]
) - {"Address"}  # a text within an e-mail address, an object in a Department
OBJECTS = frozenset(
    [
        *("AttachableRef", "ItemGroupDetail", "SalesTaxRateList", "JournalEntryLineDetail"),
        *("AccountBasedExpenseLineDetail", "ItemBasedExpenseLineDetail", "DepositLineDetail"),
        *("CheckPayment", "CreditCardPayment", "EntityRef"),
    ]
)
EMAILS = frozenset(("PrimaryEmailAddr", "BillEmail", "BillEmailCc", "BillEmailBcc"))
# Members that only the server writes; in a body they are ignored, not refused.
OURS = frozenset(
    [
        *("MetaData", "domain", "status", "sparse", "HomeTotalAmt", "HomeBalance", "UnappliedAmt"),
        *("FullyQualifiedName", "Level", "Classification", "CurrentBalance", "InvoiceLink"),
        *("CurrentBalanceWithSubAccounts", "AllowIPNPayment", "AllowOnlinePayment", "Source"),
        *("Balance", "BalanceWithJobs", "RemainingCredit", "RootCustomerRef"),
    ]
)


@dataclass(frozen=True)
class Draft:
    """What a caller wants a record to be.

    Attributes:
        given: the members in the body that say something, typed.
        cleared: the members in the body that are null or empty.
        before: the record as it is, for an update.
        sparse: members left out stay.
        include: the words of the `include` parameter.
    """

    given: Record
    cleared: frozenset[str] = frozenset()
    before: Record | None = None
    sparse: bool = False
    include: frozenset[str] = frozenset()

    def base(self, retained: Iterable[str] = ()) -> Record:
        """The record to work on: on a full update only `retained` members of the old one stay."""
        if self.before is None:
            return dict(self.given)
        if self.sparse:
            kept = {k: v for k, v in self.before.items() if k not in self.cleared}
            return {**kept, **self.given}
        return {**{k: self.before[k] for k in retained if k in self.before}, **self.given}


def read_body(entity: Entity, body: Any) -> tuple[Record, frozenset[str], bool]:
    """The typed members of a body, the cleared ones, and whether it is sparse.

    Raises:
        Refusal: 2010 unknown member or wrong shape, 2050 length, 2070 date, 2090 number,
            2170 enumeration, 2210 e-mail.
    """
    if not isinstance(body, dict):
        kind = "START_ARRAY" if isinstance(body, list) else json_words.token(body)[0]
        raise _wrong_shape(entity.name, f"{kind} token")
    _refuse_unknown(body, entity.known, entity.members, entity.name)
    present = present_members(body)
    given = {k: typed(k, v) for k, v in present.items() if k not in OURS}
    _check_lengths(given, entity.name)
    sparse = typed("sparse", body.get("sparse", False)) is True
    cleared = frozenset(k for k, v in body.items() if absent(v) and k not in OURS)
    return given, cleared, sparse


def _refuse_unknown(
    value: Mapping[str, Any], known: frozenset[str], members: tuple[str, ...], owner: str
) -> None:
    for name in value:
        if name not in known:
            raise unknown_member(name, owner, members)


def typed(name: str, value: Any) -> Any:
    """One member's value as the books keep it."""
    if isinstance(value, list):
        if name not in LISTED and (part_of(name) or name in SCALARS):
            raise _wrong_shape(part_of(name) or "String", "START_ARRAY token")
        return [_typed_one(name, inner) for inner in value if not absent(inner)]
    one = _typed_one(name, value)
    return [one] if name in LISTED else one


def _typed_one(name: str, value: Any) -> Any:
    part = part_of(name)
    if part is not None:
        return _typed_part(part, value)
    if isinstance(value, dict):
        if name in SCALARS:
            raise _wrong_shape("String", "START_OBJECT token")
        return {k: typed(k, v) for k, v in value.items()}
    if name in OBJECTS or isinstance(value, list):
        raise _wrong_shape(name, f"String value ('{value}')")
    return _typed_scalar(name, value)


def _wrong_shape(kind: str, found: str) -> Refusal:
    return invalid_property(
        f"Can not construct instance of com.intuit.schema.finance.v3.{kind}: no suitable "
        f"constructor/factory method to deserialize from {found}\n"
    )


def _typed_part(part: str, value: Any) -> Record:
    if not isinstance(value, dict):
        raise _wrong_shape(part, f"String value ('{value}')")
    _refuse_unknown(value, PART_SETS[part], PART_MEMBERS[part], part)
    return {k: typed(k, v) for k, v in value.items() if k != "LineEx"}  # the server's own words


def _typed_scalar(name: str, value: Any) -> Any:
    if name in MONEY:
        return cents(number_of(value, name))
    if name in NUMBERS:
        return plain(number_of(value, name))
    if name in BOOLEANS:
        return _flag(value)
    if name in DATES:
        return date_of(value, name)
    if isinstance(value, bool):
        return str(value).lower() if name in SCALARS else value
    text = str(value)
    if text not in ENUMERATIONS.get(name, {text}):
        raise invalid_enumeration(name, text)
    return text


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text not in ("true", "false"):
        raise invalid_property(f"Can not construct instance of boolean from '{value}'\n")
    return text == "true"


def _check_lengths(given: Record, entity: str) -> None:
    for name, value in given.items():
        _check_length(name, value, entity)


def _check_length(name: str, value: Any, entity: str) -> None:
    if isinstance(value, dict):
        if name in EMAILS:
            _check_email(name, str(value.get("Address", "")))
        for inner, inner_value in value.items():
            _check_length(inner, inner_value, entity)
    elif isinstance(value, list):
        for inner_value in value:
            _check_length("", inner_value, entity)
    elif isinstance(value, str):
        most = NAME_LENGTHS.get(entity, 100) if name == "Name" else LENGTHS.get(name)
        if most is not None and len(value) > most:
            raise wrong_length(name, 0, most, len(value))


def _check_email(name: str, address: str) -> None:
    if address and ("@" not in address or "." not in address):
        raise invalid_email(name, address)


def checked_id(value: Any) -> str:
    """An id from a path or a body.

    Raises:
        Refusal: 2030, not a whole number.
    """
    text = str(value)
    if not text.isdigit():
        raise invalid_id(text)
    return text


def without_habits(line: Record) -> Record:
    """A line without the zeros that client libraries send for what they do not mean.

    python-quickbooks writes LineNum 0, and Qty 0 with UnitPrice 0 where neither was set; the real
    service takes them as absent.
    """
    line = {k: v for k, v in line.items() if not (k == "LineNum" and v == ZERO)}
    detail = dict(line.get("SalesItemLineDetail") or {})
    if detail.get("Qty") == ZERO and detail.get("UnitPrice") == ZERO:
        del detail["Qty"], detail["UnitPrice"]
    if detail.get("TaxInclusiveAmt") == ZERO:
        del detail["TaxInclusiveAmt"]
    if "SalesItemLineDetail" in line:
        line["SalesItemLineDetail"] = detail
    if "LinkedTxn" in line:
        line["LinkedTxn"] = real_links(line["LinkedTxn"])
    return line


def real_links(links: Iterable[Record]) -> list[Record]:
    """Links that name a transaction (an id of 0 is a client's way of saying none)."""
    kept = (link for link in links if str(link.get("TxnId", "0")) != "0")
    return [{k: v for k, v in link.items() if k != "TxnLineId" or v != "0"} for link in kept]
