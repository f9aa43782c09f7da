"""One object at a time: read, create, update, delete, void, send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sandbox.quickbooks import (
    attachments,
    documents,
    names,
    payables,
    payments,
    plain_transactions,
    recurring,
)
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ground_rules import listed_rate, refuse_closed_period
from pipelines.sandbox.quickbooks.intake import Draft, checked_id, read_body
from pipelines.sandbox.quickbooks.refusals import (
    business,
    invalid_email,
    invalid_reference,
    missing,
    not_found,
    stale,
    unsupported,
)
from pipelines.sandbox.quickbooks.starter import add_exchange_account
from pipelines.sandbox.quickbooks.values import Record, number_of, plain
from pipelines.sandbox.quickbooks.vocabulary import (
    READ_ONLY,
    SALES,
    SENDABLE,
    VOIDABLE,
    Entity,
    answer_order,
)
from pipelines.sandbox.store import Write

SINGLE = ("CompanyInfo", "Preferences")
DELETABLE = ("Attachable", "Budget")  # beside the transactions
REFERENCE = frozenset(("value", "name", "type"))
FOLLOWS = frozenset(
    [
        *("SyncToken", "MetaData", "sparse", "LineEx", "HomeTotalAmt", "HomeBalance"),
        *("Classification", "FullyQualifiedName", "Level"),
    ]
)


def read(books: Books, entity: Entity, record_id: str | None) -> Record:
    """One object; CompanyInfo and Preferences need no id.

    Raises:
        Refusal: 610 where there is none, 2030 for an id that is no number.
    """
    if entity.name == recurring.NAME:
        return recurring.read(books, record_id)
    if entity.name in SINGLE:
        record = next(iter(books.table(entity.name)), None)
    elif entity.name == "TaxCode" and record_id is not None and not record_id.isdigit():
        record = books.get("TaxCode", record_id.upper())
    else:
        record = books.get(entity.name, checked_id(record_id))
    if record is None:
        raise not_found()
    return record


def write(books: Books, entity: Entity, body: Any, query: Mapping[str, str]) -> Record:
    """Create, update, delete or void, as the body and the query parameters say.

    Returns:
        The object after the write, or the stub of a deleted one.

    Raises:
        Refusal: any rule.
    """
    operation = query.get("operation", "").lower()
    include = frozenset(w.strip().lower() for w in query.get("include", "").split(","))
    if operation == "delete":
        return delete(books, entity, body)
    if operation == "void" or "void" in include:
        return void(books, entity, body)
    if operation not in ("", "create", "update"):
        raise unsupported(operation)
    if entity.name in READ_ONLY:
        raise unsupported(f"{entity.name} create/update")
    return save(books, entity, body, include)


def save(books: Books, entity: Entity, body: Any, include: frozenset[str]) -> Record:
    """Create, or update when the body has an Id."""
    if entity.name == recurring.NAME:
        return recurring.save(books, body)
    given, cleared, sparse = read_body(entity, body)
    if entity.name == "ExchangeRate":
        return _set_exchange_rate(books, given)
    if entity.name in SINGLE:
        return _update_single(books, entity, given, sparse)
    if "Id" in given and given["Id"] != "0":
        before = _current(books, entity, given)
        return _update(books, entity, Draft(given, cleared, before, sparse, include))
    fresh = {k: v for k, v in given.items() if k not in ("Id", "SyncToken")}
    return _create(books, entity, Draft(fresh, cleared, include=include))


def _current(books: Books, entity: Entity, given: Mapping[str, Any]) -> Record:
    """The record a write speaks of, if the caller knows its newest version.

    Raises:
        Refusal: 610, 2020 without SyncToken, 5010 stale.
    """
    record = books.get(entity.name, checked_id(given.get("Id", "")))
    if record is None:
        raise not_found()
    if given.get("SyncToken") in (None, ""):
        raise missing("SyncToken")
    if str(given["SyncToken"]) != str(record.get("SyncToken")):
        raise stale()
    return record


def _create(books: Books, entity: Entity, draft: Draft) -> Record:
    _require(entity, draft.given)
    built = _build(books, entity, draft)
    now = books.stamp()
    record = {
        **built,
        "domain": "QBO",
        "sparse": False,
        "Id": _new_id(books, entity),
        "SyncToken": "0",
        "MetaData": {"CreateTime": now, "LastUpdatedTime": now},
    }
    return _store(books, entity, None, in_order(entity.name, record))


def _new_id(books: Books, entity: Entity) -> str:
    if entity.name == "Attachable":
        return str(books.number_after("Attachable", attachments.FIRST_ID - 1))
    return books.next_id(entity.name)


def _update(books: Books, entity: Entity, draft: Draft) -> Record:
    before = draft.before or {}
    if not draft.sparse:
        _require(entity, draft.given)
    elif any(name in draft.cleared for name in entity.required):
        _require(entity, {k: v for k, v in before.items() if k not in draft.cleared})
    built = _build(books, entity, draft)
    system = ("domain", "Id", "SyncToken", "MetaData")
    after = {**built, **{k: before[k] for k in system if k in before}, "sparse": False}
    if _same(before, after):
        return before
    return _store(books, entity, before, in_order(entity.name, books.raised(after)))


def _require(entity: Entity, given: Mapping[str, Any]) -> None:
    for name in entity.required:
        if name not in given or (name == "Line" and not given[name]):
            raise missing(name)


def _build(books: Books, entity: Entity, draft: Draft) -> Record:
    if entity.name in SALES:
        return documents.build_sale(books, entity.name, draft)
    if entity.name == "Payment":
        return payments.build_payment(books, draft)
    if entity.is_list:
        return names.build_name(books, entity.name, draft)
    if entity.name == "Attachable":
        return attachments.build_attachable(books, draft)
    return plain_transactions.build_plain(books, entity.name, draft)


def _store(books: Books, entity: Entity, before: Record | None, after: Record) -> Record:
    if entity.name in SALES:
        return documents.store_sale(books, entity.name, before, after)
    if entity.name == "Payment":
        return payments.store_payment(books, before, after)
    if entity.name in payables.ENTITIES:
        return payables.store(books, entity.name, before, after)
    books.put(entity.name, after)
    names.rename_children(books, entity.name, before, after)
    return after


def _same(before: Record, after: Record) -> bool:
    """Whether a write changes nothing; such a write raises no SyncToken (recorded)."""
    return _said(before) == _said(after)


def _said(record: Record) -> Record:
    """What a record says: not what follows from it, nor an off flag or an empty list."""
    kept = {k: v for k, v in record.items() if k not in FOLLOWS}
    return {k: _meant(v) for k, v in kept.items() if v is not False and v != []}


def _meant(value: Any) -> Any:
    if isinstance(value, dict):
        is_reference = "value" in value and REFERENCE.issuperset(value)
        return value["value"] if is_reference else _said(value)
    return [_meant(inner) for inner in value] if isinstance(value, list) else value


def in_order(entity: str, record: Record) -> Record:
    """The members in the vendor's order, the rest behind."""
    first = {name: record[name] for name in answer_order(entity) if name in record}
    return {**first, **{k: v for k, v in record.items() if k not in first}}


# ---- delete, void, send


def delete(books: Books, entity: Entity, body: Any) -> Record:
    """Delete a transaction.

    Raises:
        Refusal: 500 for lists (they are made inactive), 610, 5010.
    """
    if entity.name == recurring.NAME:
        return recurring.delete(books, body)
    if not entity.is_transaction and entity.name not in DELETABLE:
        raise unsupported(f"{entity.name} delete")
    given = body if isinstance(body, dict) else {}
    if entity.name == "Attachable":  # needs no SyncToken (recorded)
        given = {**read(books, entity, str(given.get("Id", ""))), **given}
    record = _current(books, entity, given)
    if entity.is_transaction:
        refuse_closed_period(books, record, None)
    if entity.name == "Payment":
        payments.delete_payment(books, record)
    elif entity.name in SALES:
        documents.delete_sale(books, entity.name, record)
    elif entity.name in payables.ENTITIES:
        payables.remove(books, entity.name, record)
    elif entity.name == "Attachable":
        attachments.remove(books, record)
    else:
        books.remove(entity.name, record)
    return {"domain": "QBO", "status": "Deleted", "Id": record["Id"]}


def void(books: Books, entity: Entity, body: Any) -> Record:
    """Void an invoice, a payment or a sales receipt.

    Raises:
        Refusal: 500 for anything else, 610, 5010.
    """
    if entity.name not in VOIDABLE:
        raise unsupported(f"{entity.name} void")
    record = _current(books, entity, body if isinstance(body, dict) else {})
    refuse_closed_period(books, record, None)
    if entity.name == "Payment":
        return payments.void_payment(books, record)
    if entity.name == "BillPayment":
        after = plain_transactions.voided(books, record)
        return payables.store(books, entity.name, record, after, "void")
    return documents.void_sale(books, entity.name, record)


def send(books: Books, entity: Entity, record_id: str, address: str | None) -> Record:
    """E-mail a document: nothing leaves, the document says it did.

    Raises:
        Refusal: 500, 610, 2210 for what is no address, 6000 without one.
    """
    if entity.name not in SENDABLE:
        raise unsupported(f"{entity.name} send")
    record = read(books, entity, record_id)
    address = address or (record.get("BillEmail") or {}).get("Address")
    if not address:
        raise business("There is no e-mail address to send this to.", "BillEmail")
    if "@" not in address or "." not in address:
        raise invalid_email("sendTo", address)
    sent = books.raised(
        record,
        EmailStatus="EmailSent",
        BillEmail={"Address": address},
        DeliveryInfo={"DeliveryType": "Email", "DeliveryTime": books.stamp()},
    )
    return books.put(entity.name, in_order(entity.name, sent), "email")


def with_link(entity: Entity, record: Record) -> Record:
    """An invoice with its sharable link: only with online payment allowed and an address."""
    online = ("AllowOnlineCreditCardPayment", "AllowOnlineACHPayment")
    if entity.name != "Invoice" or not any(record.get(name) for name in online):
        return record
    if not record.get("BillEmail"):
        return record
    link = f"https://connect.intuit.com/portal/app/CommerceNetwork/view/scs-v1-{record['Id']}"
    return {**record, "InvoiceLink": link}


# ---- settings and rates


def _update_single(books: Books, entity: Entity, given: Record, sparse: bool) -> Record:
    """CompanyInfo and Preferences: members given are changed, others stay.

    Raises:
        Refusal: 2020, 5010.
    """
    before = read(books, entity, None)
    if str(given.get("SyncToken", "")) != str(before.get("SyncToken")):
        raise stale() if "SyncToken" in given else missing("SyncToken")
    after = dict(before)
    for name, value in given.items():
        old = before.get(name)
        after[name] = {**old, **value} if isinstance(old, dict) else value
    if after == before:
        return before
    kept = books.put(entity.name, books.raised({**after, "Id": before["Id"]}))
    add_exchange_account(books)
    return kept


def _set_exchange_rate(books: Books, given: Record) -> Record:
    """Set the rate of a currency for a day; there is no id and no SyncToken."""
    for name in ("SourceCurrencyCode", "Rate"):
        if name not in given:
            raise missing(name)
    code, day = str(given["SourceCurrencyCode"]), given.get("AsOfDate") or books.today()
    if code not in books.allowed_currencies():
        raise invalid_reference("SourceCurrencyCode")
    record = _rate_record(books, code, str(day), plain(number_of(given["Rate"], "Rate")))
    key = _rate_key(books, code, str(day))
    books.store.commit([Write(books.realm, "ExchangeRate", key, record)])
    return record


def _rate_key(books: Books, code: str, day: str) -> str:
    rates = books.table("ExchangeRate")
    for key in rates.ids():
        known = rates.get(key) or {}
        if known.get("SourceCurrencyCode") == code and known.get("AsOfDate") == day:
            return key
    return f"{code} {day}"


def _rate_record(books: Books, code: str, day: str, rate: Any) -> Record:
    return {
        "SourceCurrencyCode": code,
        "TargetCurrencyCode": books.home_currency,
        "Rate": rate,
        "AsOfDate": day,
        "domain": "QBO",
        "sparse": False,
        "MetaData": {"LastUpdatedTime": books.stamp()},
    }


def exchange_rate(books: Books, query: Mapping[str, str]) -> Record:
    """GET /exchangerate?sourcecurrencycode=EUR&asofdate=2026-11-01.

    Raises:
        Refusal: 2020 without a currency, 2500 for one the company does not use.
    """
    asked = {k.lower(): v for k, v in query.items()}
    code = asked.get("sourcecurrencycode", "").upper()
    if not code:
        raise missing("sourcecurrencycode")
    if code not in books.allowed_currencies():
        raise invalid_reference("SourceCurrencyCode")
    day = asked.get("asofdate") or books.today()
    return _rate_record(books, code, day, plain(listed_rate(books, code, day)))
