"""What a sales document carries beside its lines: due date, number, addresses, custom fields."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from pipelines.sandbox.quickbooks.books import FIRST_DOCUMENT, Books
from pipelines.sandbox.quickbooks.intake import Draft
from pipelines.sandbox.quickbooks.refusals import duplicate_number, invalid_custom_field
from pipelines.sandbox.quickbooks.values import Record, ref_value

NUMBER_WANTED = "AUTO_GENERATE"
CUSTOM_FIELD = "SalesFormsPrefs.SalesCustomName"
SHOWN = ("BillAddr", "ShipAddr")


def with_due_date(books: Books, entity: str, record: Record) -> Record:
    """An invoice with its due date: as given, or by its term, or by the company's default term."""
    if entity != "Invoice" or record.get("DueDate"):
        return record
    default = books.preference("SalesFormsPrefs", "DefaultTerms") or {}
    term_id = ref_value(record, "SalesTermRef") or str(default.get("value", ""))
    due = due_date(str(record["TxnDate"]), books.get("Term", term_id))
    return {**record, "DueDate": due}


def due_date(day: str, term: Record | None) -> str:
    """The day a document of that term falls due."""
    issued = date.fromisoformat(day)
    if term is None:
        return day
    if "DueDays" in term:
        return (issued + timedelta(days=int(term["DueDays"]))).isoformat()
    if "DayOfMonthDue" not in term:
        return day
    due = _day_in_month(issued, int(term["DayOfMonthDue"]))
    reach = int(term.get("DueNextMonthDays", 0))
    while due < issued or (due - issued).days < reach:
        due = _day_in_month(_next_month(due), int(term["DayOfMonthDue"]))
    return due.isoformat()


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _day_in_month(day: date, wanted: int) -> date:
    last = (_next_month(day) - timedelta(days=1)).day
    return day.replace(day=min(wanted, last))


def document_number(books: Books, entity: str, record: Record, draft: Draft) -> str | None:
    """A document's number: as given, else the next one unless the company numbers by itself.

    Raises:
        Refusal: 6140, the number is taken.
    """
    number = record.get("DocNumber")
    before = (draft.before or {}).get("DocNumber")
    custom = bool(books.preference("SalesFormsPrefs", "CustomTxnNumbers", False))
    if number == NUMBER_WANTED or (number is None and draft.before is None and not custom):
        return _next_number(books, entity)
    if number is None or number == before or "allowduplicatedocnum" in draft.include:
        return str(number) if number is not None else None
    for taken in books.table(entity).find("DocNumber", number):
        if taken["Id"] != record.get("Id"):
            raise duplicate_number(str(number), entity, taken["Id"])
    return str(number)


def _next_number(books: Books, entity: str) -> str:
    """One more than the highest number used; numbers with letters do not count."""
    rows = books.table(entity)
    last = books.store.meta(books.realm).get(f"last_number/{entity}")
    if last is None:
        given = (str(r.get("DocNumber") or "") for r in rows)
        last = max((int(n) for n in given if n.isdigit() and len(n) < 10), default=0)
    number = max(int(last) + 1, FIRST_DOCUMENT)
    while rows.find("DocNumber", str(number)):
        number += 1
    books.store.put_meta(books.realm, f"last_number/{entity}", number)
    return str(number)


def with_tracked(books: Books, record: Record) -> Record:
    """A document with class and location only where the company tracks them there; elsewhere they
    are ignored without a word (Intuit, Invoice.ClassRef, "Available if
    Preferences.AccountingInfoPrefs.ClassTrackingPerTxn"; Rutter, "How does class tracking affect
    class_id")."""
    kept = dict(record)
    if not _tracks(books, "ClassTrackingPerTxn"):
        kept.pop("ClassRef", None)
    if not _tracks(books, "TrackDepartments"):
        kept.pop("DepartmentRef", None)
    if not _tracks(books, "ClassTrackingPerTxnLine"):
        kept["Line"] = [_without_class(line) for line in record.get("Line", ())]
    return kept


def _tracks(books: Books, preference: str) -> bool:
    return bool(books.preference("AccountingInfoPrefs", preference, False))


def _without_class(line: Record) -> Record:
    found = dict(line)
    detail = line.get("SalesItemLineDetail")
    if isinstance(detail, dict) and "ClassRef" in detail:
        found["SalesItemLineDetail"] = {k: v for k, v in detail.items() if k != "ClassRef"}
    group = line.get("GroupLineDetail")
    if isinstance(group, dict) and "Line" in group:
        found["GroupLineDetail"] = {**group, "Line": [_without_class(p) for p in group["Line"]]}
    return found


def with_addresses(books: Books, record: Record, draft: Draft) -> Record:
    """A new document takes its customer's addresses where it names none."""
    before = draft.before or {}
    found = dict(record)
    if draft.before is None:
        customer = books.get("Customer", ref_value(record, "CustomerRef") or "") or {}
        defaults = {name: customer[name] for name in SHOWN if name in customer}
        found = {**defaults, **found}
    given = [name for name in SHOWN if name in draft.given]
    return {**found, **{n: with_address_id(books, found[n], before.get(n)) for n in given}}


def with_address_id(books: Books, address: Record, before: Record | None) -> Record:
    """An address with an id of its own; one that says the same keeps the old id."""
    said = {k: v for k, v in address.items() if k != "Id"}
    if before is not None and said == {k: v for k, v in before.items() if k != "Id"}:
        return before
    return {"Id": books.next_address_id(), **said}


def custom_fields(books: Books, given: Iterable[Record]) -> list[Record]:
    """The company's custom fields for sales forms, with the values given.

    Raises:
        Refusal: 3000, a field the company does not have.
    """
    values = {str(f.get("DefinitionId", "")): f for f in given}
    defined = _definitions(books)
    for definition in values:
        if definition not in defined:
            raise invalid_custom_field(definition)
    return [_custom_field(d, name, values.get(d, {})) for d, name in defined.items()]


def _custom_field(definition: str, name: str, given: Record) -> Record:
    field = {"DefinitionId": definition, "Name": name, "Type": "StringType"}
    return {**field, "StringValue": given["StringValue"]} if given.get("StringValue") else field


def _definitions(books: Books) -> dict[str, str]:
    groups = books.preference("SalesFormsPrefs", "CustomField", ())
    settings = [f for group in groups for f in group.get("CustomField", ())]
    off = {
        str(f["Name"])[-1]
        for f in settings
        if "UseSalesCustom" in str(f.get("Name")) and f.get("BooleanValue") is False
    }
    named = {
        str(f["Name"]).removeprefix(CUSTOM_FIELD): str(f.get("StringValue", ""))
        for f in settings
        if str(f.get("Name", "")).startswith(CUSTOM_FIELD)
    }
    return {number: name for number, name in sorted(named.items()) if number not in off}
