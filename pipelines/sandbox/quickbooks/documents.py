"""Sales documents: invoice, credit memo, refund receipt, sales receipt, estimate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from pipelines.sandbox.quickbooks import payments
from pipelines.sandbox.quickbooks.accounting import SHIPPING, Rate, TaxRules, is_shipping, total_up
from pipelines.sandbox.quickbooks.books import FIRST_DOCUMENT, Books
from pipelines.sandbox.quickbooks.ground_rules import (
    refuse_closed_period,
    voided_note,
    with_currency,
    with_deposit_account,
)
from pipelines.sandbox.quickbooks.intake import Draft, real_links, without_habits
from pipelines.sandbox.quickbooks.postings import (
    close_estimates,
    remove_document,
    reopen_estimates,
    store_document,
    with_home_amounts,
)
from pipelines.sandbox.quickbooks.references import display_name, used, with_resolved
from pipelines.sandbox.quickbooks.refusals import (
    business,
    cannot_link,
    category_reference,
    duplicate_number,
    invalid_custom_field,
    invalid_reference,
    missing,
    wrong_us_tax_code,
)
from pipelines.sandbox.quickbooks.values import (
    ZERO,
    Record,
    amount_of,
    cents,
    plain,
    ref_value,
    reference,
)

RETAINED = ("DocNumber", "CurrencyRef", "CustomField", "LinkedTxn", "DeliveryInfo", "TxnStatus")
COMPUTED = ("TotalAmt", "TotalCostAmount", "HomeTotalCostAmount", "invoiceStatus")
WRITABLE_LINKS = ("Estimate", "TimeActivity")
NUMBER_WANTED = "AUTO_GENERATE"
CUSTOM_FIELD = "SalesFormsPrefs.SalesCustomName"
SHOWN = ("BillAddr", "ShipAddr")
ONE = Decimal(1)


def build_sale(books: Books, entity: str, draft: Draft) -> Record:
    """A sales document as it would be stored, everything computed.

    Raises:
        Refusal: any rule of the books.
    """
    record = {k: v for k, v in draft.base(RETAINED).items() if k not in COMPUTED}
    record = _with_links(books, entity, record, draft)
    record["CustomField"] = custom_fields(books, record.get("CustomField", ()))
    record["TxnDate"] = record.get("TxnDate") or books.today()
    refuse_closed_period(books, record, draft.before)
    record = with_resolved(books, entity, record, draft.before)
    record = with_currency(books, record, draft)
    record = _with_totals(books, record, draft)
    record = _with_dates(books, entity, record, draft)
    record["DocNumber"] = _document_number(books, entity, record, draft)
    record = _with_addresses(books, record, draft)
    record = _DETAILS[entity](books, record, draft)
    record = _with_status(record)
    return with_home_amounts(books, {k: v for k, v in record.items() if v is not None})


# ---- customer, currency, period


def _with_links(books: Books, entity: str, record: Record, draft: Draft) -> Record:
    """Links to estimates and time are the caller's, those to payments are the payments'."""
    known = list((draft.before or {}).get("LinkedTxn", ()))
    kept = [link for link in known if link.get("TxnType") not in WRITABLE_LINKS]
    source = draft.given.get("LinkedTxn", known)
    wanted = [n for n in real_links(source) if n.get("TxnType") in WRITABLE_LINKS]
    if entity == "Invoice":
        _check_links(books, [n for n in wanted if n not in known], record)
    links = [n for n in known if n in kept or n in wanted]
    links += [n for n in wanted if n not in known]
    rest = {k: v for k, v in record.items() if k != "LinkedTxn"}
    return {**rest, "LinkedTxn": links} if links or entity == "Invoice" else rest


def _check_links(books: Books, links: list[Record], record: Record) -> None:
    for link in links:
        estimate = books.get(str(link["TxnType"]), str(link["TxnId"]))
        if estimate is None or (
            ref_value(estimate, "CustomerRef") != ref_value(record, "CustomerRef")
        ):
            raise cannot_link(str(link["TxnId"]))


# ---- lines and totals


def _with_totals(books: Books, record: Record, draft: Draft) -> Record:
    lines = [without_habits(line) for line in record.get("Line", ())]
    kept = [line for line in lines if line.get("DetailType") != "SubTotalLineDetail"]
    if not kept:
        raise missing("Line")
    rules = _tax_rules(books, record, draft)
    old = {line["Id"]: line for line in (draft.before or {}).get("Line", ()) if "Id" in line}
    prepared = [_line(books, line, old.get(line.get("Id")), rules) for line in kept]
    _refuse_untaxed(prepared, rules)
    totals = total_up(prepared, rules)
    if totals.total < ZERO:
        raise business("Transaction amount must be 0 or greater.", "TotalAmt")
    numbered = _numbered(totals.lines, old)
    return {**record, "Line": numbered, "TxnTaxDetail": totals.tax, "TotalAmt": totals.total}


def _line(books: Books, line: Record, old: Record | None, rules: TaxRules) -> Record:
    kind = line.get("DetailType")
    if kind is None:
        raise missing("Line.DetailType")
    prepare = _PREPARE.get(kind)
    if prepare is None:
        raise business(f"{kind} cannot be used on this transaction.", "Line.DetailType")
    return prepare(books, line, (old or {}).get(kind), rules)


def _item_line(books: Books, line: Record, old: Any, rules: TaxRules) -> Record:
    path = "Line.SalesItemLineDetail."
    detail = dict(line.get("SalesItemLineDetail") or {})
    if ref_value(detail, "ItemRef") == SHIPPING:
        item: Record = {}
        detail["ItemRef"] = reference(SHIPPING, None)
        named = {**with_resolved(books, "Item", {**detail, "ItemRef": None}, old, path)}
        named["ItemRef"] = detail["ItemRef"]
    else:
        detail.setdefault("ItemRef", reference(_default_item(books), None))
        item = _sold_item(books, detail, old, f"{path}ItemRef")
        named = with_resolved(books, "Item", detail, old, path)
    named["TaxCodeRef"] = _line_tax_code(books, detail, item, rules)
    kept = {k: v for k, v in named.items() if v is not None}
    return {**line, "SalesItemLineDetail": kept}


def _default_item(books: Books) -> str:
    wanted = books.other_preference("SalesFormsPrefs.DefaultItem") or "1"
    if books.get("Item", wanted) is None:
        raise missing("Line.SalesItemLineDetail.ItemRef")
    return wanted


def _sold_item(books: Books, detail: Record, old: Any, path: str) -> Record:
    item_id = ref_value(detail, "ItemRef") or ""
    known = bool(old) and ref_value(old, "ItemRef") == item_id
    item = books.get("Item", item_id) if known else used(books, "Item", item_id, path)
    if (item or {}).get("Type") == "Category":
        raise category_reference(path)
    return item or {}


def _line_tax_code(books: Books, detail: Record, item: Record, rules: TaxRules) -> Record | None:
    given = ref_value(detail, "TaxCodeRef")
    if rules.is_us:
        if given is not None and given.upper() not in ("TAX", "NON"):
            raise wrong_us_tax_code(given)
        default = "TAX" if item.get("Taxable") and rules.is_used else "NON"
        return reference((given or default).upper(), None)
    code = given or ref_value(item, "SalesTaxCodeRef")
    if code is not None and books.get("TaxCode", code) is None:
        raise invalid_reference("Line.SalesItemLineDetail.TaxCodeRef")
    return reference(code, None) if code else None


def _discount_line(books: Books, line: Record, old: Any, rules: TaxRules) -> Record:
    if not books.preference("SalesFormsPrefs", "AllowDiscount", True):
        raise business("Discounts are not switched on in this company.", "Line")
    path = "Line.DiscountLineDetail."
    detail = dict(line.get("DiscountLineDetail") or {})
    default = books.preference("SalesFormsPrefs", "DefaultDiscountAccount")
    if default and "DiscountAccountRef" not in detail:
        detail["DiscountAccountRef"] = reference(str(default), None)
    if not detail.get("PercentBased"):
        detail.pop("DiscountPercent", None)
    if books.get("Account", ref_value(detail, "DiscountAccountRef") or "") is None:
        detail.pop("DiscountAccountRef", None)
    return {**line, "DiscountLineDetail": with_resolved(books, "Account", detail, old, path)}


def _group_line(books: Books, line: Record, old: Any, rules: TaxRules) -> Record:
    """A bundle; its components come from the item."""
    detail = dict(line.get("GroupLineDetail") or {})
    path = "Line.GroupLineDetail.GroupItemRef"
    item_id = ref_value(detail, "GroupItemRef")
    if item_id is None:
        raise missing(path)
    group = used(books, "Item", item_id, path)
    quantity = amount_of(detail, "Quantity") or ONE
    components = detail.get("Line") or _components(books, group, quantity)
    inner = [_item_line(books, component, None, rules) for component in components]
    numbered = [{"Id": str(n), "LineNum": n, **c} for n, c in enumerate(inner, 1)]
    named = reference(item_id, display_name("Item", group))
    filled = {"GroupItemRef": named, "Quantity": plain(quantity), "Line": numbered}
    return {**line, "GroupLineDetail": {**detail, **filled}}


def _components(books: Books, group: Record, quantity: Decimal) -> list[Record]:
    parts = (group.get("ItemGroupDetail") or {}).get("ItemGroupLine", ())
    return [_component(books, part, quantity) for part in parts]


def _component(books: Books, part: Record, quantity: Decimal) -> Record:
    item_id = ref_value(part, "ItemRef") or ""
    item = books.get("Item", item_id) or {}
    price, count = amount_of(item, "UnitPrice"), amount_of(part, "Qty") * quantity
    detail = {
        "ItemRef": reference(item_id, None),
        "UnitPrice": plain(price),
        "Qty": plain(count),
    }
    return {
        "Description": item.get("Description", ""),
        "Amount": cents(price * count),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
    }


def _text_line(books: Books, line: Record, old: Any, rules: TaxRules) -> Record:
    kept = {k: v for k, v in line.items() if k != "Amount"}
    return {**kept, "DescriptionLineDetail": line.get("DescriptionLineDetail") or {}}


_PREPARE: dict[str, Callable[[Books, Record, Any, TaxRules], Record]] = {
    "SalesItemLineDetail": _item_line,
    "DiscountLineDetail": _discount_line,
    "GroupLineDetail": _group_line,
    "DescriptionOnly": _text_line,
}


def _numbered(lines: list[Record], old: dict[Any, Record]) -> list[Record]:
    """Give ids and numbers: a line sent with its id keeps it, others get the next free one."""
    last = max((int(i) for i in old if str(i).isdigit()), default=0)
    found = []
    number = 0
    for line in lines:
        if is_shipping(line) or line["DetailType"] in ("SubTotalLineDetail", "DiscountLineDetail"):
            found.append({k: v for k, v in line.items() if k not in ("Id", "LineNum")})
            continue
        number += 1
        line_id = line.get("Id")
        if line_id not in old:
            last += 1
            line_id = str(last)
        found.append(_in_line_order({**line, "Id": line_id, "LineNum": number}))
    return found


def _in_line_order(line: Record) -> Record:
    first = ("Id", "LineNum", "Description", "Amount", "LinkedTxn", "DetailType")
    ordered = {name: line[name] for name in first if name in line and line[name] != ""}
    rest = {name: value for name, value in line.items() if name not in first}
    if not ordered.get("LinkedTxn"):
        ordered.pop("LinkedTxn", None)
    if not rest.get("CustomField", True):
        rest.pop("CustomField")
    return {**ordered, **rest}


# ---- tax


def _tax_rules(books: Books, record: Record, draft: Draft) -> TaxRules:
    day = str(record["TxnDate"])
    detail = draft.given.get("TxnTaxDetail") or record.get("TxnTaxDetail") or {}
    given = draft.given.get("TxnTaxDetail")
    override = given if given and _overrides(books, given) else None
    return TaxRules(
        is_us=books.is_us,
        is_used=books.uses_sales_tax,
        mode=str(record.get("GlobalTaxCalculation", "TaxExcluded")),
        after_discount=bool(record.get("ApplyTaxAfterDiscount", False)) or not books.is_us,
        code=_document_tax_code(books, detail),
        rates_of=lambda code: sales_rates(books, code, day),
        given=override,
    )


def _overrides(books: Books, detail: Record) -> bool:
    """Whether a TxnTaxDetail is taken as it is: outside the US, or with automated sales tax."""
    if books.is_us:
        automated = books.preference("TaxPrefs", "PartnerTaxEnabled", False)
        return bool(automated) and "TotalTax" in detail and "TxnTaxCodeRef" not in detail
    return bool(detail.get("TaxLine"))


def _document_tax_code(books: Books, detail: Record) -> str | None:
    code = ref_value(detail, "TxnTaxCodeRef")
    if code is not None and books.is_us and books.get("TaxCode", code) is None:
        raise invalid_reference("TxnTaxDetail.TxnTaxCodeRef")
    return code


def sales_rates(books: Books, code: str, day: str) -> list[Rate]:
    """The sales tax rates of a tax code as they are on a day."""
    tax_code = books.get("TaxCode", code) or {}
    details = (tax_code.get("SalesTaxRateList") or {}).get("TaxRateDetail", ())
    ids = (ref_value(detail, "TaxRateRef") or "" for detail in details)
    rates = ((rate_id, books.get("TaxRate", rate_id)) for rate_id in ids)
    return [Rate(rate_id, _percent_on(rate, day)) for rate_id, rate in rates if rate is not None]


def _percent_on(rate: Record, day: str) -> Decimal:
    """A rate has a history; the entry in force on the day counts."""
    started = [
        (str(entry.get("EffectiveDate", ""))[:10], amount_of(entry, "RateValue"))
        for entry in rate.get("EffectiveTaxRate", ())
        if str(entry.get("EffectiveDate", ""))[:10] <= day
        and day <= (str(entry.get("EndDate") or "")[:10] or "9999-12-31")
    ]
    return max(started)[1] if started else amount_of(rate, "RateValue")


def _refuse_untaxed(lines: Iterable[Record], rules: TaxRules) -> None:
    """Outside the US every line needs a tax code unless tax does not apply."""
    if rules.is_us or not rules.is_used or rules.mode == "NotApplicable":
        return
    for line in lines:
        detail = line.get("SalesItemLineDetail")
        if detail is not None and ref_value(detail, "TaxCodeRef") is None:
            raise business("Make sure all your transactions have a VAT rate before you save.")


# ---- dates, number, addresses, custom fields


def _with_dates(books: Books, entity: str, record: Record, draft: Draft) -> Record:
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


def _document_number(books: Books, entity: str, record: Record, draft: Draft) -> str | None:
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


def _with_addresses(books: Books, record: Record, draft: Draft) -> Record:
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


def _with_status(record: Record) -> Record:
    found = {"PrintStatus": "NeedToPrint", "EmailStatus": "NotSet", **record}
    found["ApplyTaxAfterDiscount"] = bool(record.get("ApplyTaxAfterDiscount", False))
    if found["EmailStatus"] == "NeedToSend" and not found.get("BillEmail"):
        raise missing("BillEmail")
    return found


# ---- what is special about each kind


def _invoice(books: Books, record: Record, draft: Draft) -> Record:
    deposit = amount_of(record, "Deposit")
    if deposit and not books.preference("SalesFormsPrefs", "AllowDeposit", False):
        raise business("Deposits are not switched on in this company.", "Deposit")
    owed = amount_of(record, "TotalAmt") - deposit
    applied = payments.applied_to(draft.before)
    if owed < ZERO:
        raise business("The deposit cannot be more than the total.", "Deposit")
    online = ("AllowOnlineCreditCardPayment", "AllowOnlineACHPayment")
    flags = {name: bool(record.get(name, False)) for name in online}
    dead = {"AllowIPNPayment": False, "AllowOnlinePayment": False}
    found = {**dead, **record, **flags, "Balance": cents(owed - applied)}
    found["Deposit"] = deposit or None
    return _regional(books, found)


def _credit_memo(books: Books, record: Record, draft: Draft) -> Record:
    before = draft.before or {}
    used_up = amount_of(before, "TotalAmt") - amount_of(before, "Balance")
    rest = amount_of(record, "TotalAmt") - used_up
    if rest < ZERO:
        raise business("The credit memo has been used for more than its new total.", "TotalAmt")
    found = {**record, "Balance": cents(rest), "RemainingCredit": cents(rest)}
    return _regional(books, {k: v for k, v in found.items() if k != "DueDate"})


def _receipt(books: Books, record: Record, draft: Draft) -> Record:
    return _regional(books, {**with_deposit_account(books, record, draft), "Balance": ZERO})


def _estimate(books: Books, record: Record, draft: Draft) -> Record:
    kept = {k: v for k, v in record.items() if k not in ("Balance", "DueDate")}
    return _regional(books, {**kept, "TxnStatus": record.get("TxnStatus", "Pending")})


def _regional(books: Books, record: Record) -> Record:
    """GlobalTaxCalculation belongs to companies outside the US only."""
    if books.is_us:
        return {k: v for k, v in record.items() if k != "GlobalTaxCalculation"}
    default = "TaxExcluded" if books.uses_sales_tax else "NotApplicable"
    return {**record, "GlobalTaxCalculation": record.get("GlobalTaxCalculation", default)}


_DETAILS: dict[str, Callable[[Books, Record, Draft], Record]] = {
    "Invoice": _invoice,
    "CreditMemo": _credit_memo,
    "SalesReceipt": _receipt,
    "RefundReceipt": _receipt,
    "Estimate": _estimate,
}


# ---- life of a document


def store_sale(books: Books, entity: str, before: Record | None, after: Record) -> Record:
    """Keep a document with all that follows from it.

    An invoice that becomes smaller than what was paid gives the rest back to its payments.
    """
    if entity == "Invoice" and amount_of(after, "Balance") < ZERO:
        excess = -amount_of(after, "Balance")
        payments.give_back(books, after["Id"], excess)
        now = books.get("Invoice", after["Id"]) or {}
        before, after = now, books.raised({**after, "SyncToken": now["SyncToken"]}, Balance=ZERO)
    store_document(books, entity, before, after)
    if entity == "Invoice":
        reopen_estimates(books, after["Id"], _lost_links(before, after))
        close_estimates(books, after)
    return after


def _lost_links(before: Record | None, after: Record | None) -> list[Record]:
    kept = (after or {}).get("LinkedTxn", ())
    return [link for link in (before or {}).get("LinkedTxn", ()) if link not in kept]


def delete_sale(books: Books, entity: str, record: Record) -> None:
    """Delete a document; payments that pointed at it become unapplied."""
    refuse_closed_period(books, record, None)
    payments.unlink(books, entity, record["Id"])
    current = books.get(entity, record["Id"]) or record
    remove_document(books, entity, current)
    if entity == "Invoice":
        reopen_estimates(books, current["Id"], _lost_links(current, None))


def void_sale(books: Books, entity: str, record: Record) -> Record:
    """Void an invoice or a sales receipt: amounts zero, links gone, a note (recorded)."""
    refuse_closed_period(books, record, None)
    payments.unlink(books, entity, record["Id"])
    current = books.get(entity, record["Id"]) or record
    if entity == "Invoice":
        reopen_estimates(books, current["Id"], _lost_links(current, None))
    zero = {
        "PrivateNote": voided_note(current),
        "LinkedTxn": [],
        "Line": [_zero_line(line) for line in current.get("Line", ())],
        "TxnTaxDetail": {"TotalTax": ZERO},
        "TotalAmt": ZERO,
        "Balance": ZERO,
    }
    kept = {k: v for k, v in current.items() if k != "Deposit"}
    after = with_home_amounts(books, books.raised(kept, **zero))
    return store_document(books, entity, current, after, "void")


def _zero_line(line: Record) -> Record:
    zero = {**line, "Amount": ZERO} if "Amount" in line else dict(line)
    detail = line.get("SalesItemLineDetail")
    if detail is not None:
        left = {k: v for k, v in detail.items() if k not in ("UnitPrice", "TaxInclusiveAmt")}
        zero["SalesItemLineDetail"] = {**left, **({"Qty": ZERO} if "Qty" in left else {})}
    return zero
