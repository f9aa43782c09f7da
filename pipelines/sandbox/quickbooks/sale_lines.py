"""The lines of a sales document: what may be sold, under which tax code, with which id."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pipelines.sandbox.quickbooks.accounting import SHIPPING, TaxRules, is_shipping, total_up
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.intake import Draft, without_habits
from pipelines.sandbox.quickbooks.references import display_name, used, with_resolved
from pipelines.sandbox.quickbooks.refusals import (
    business,
    category_reference,
    invalid_reference,
    missing,
    wrong_us_tax_code,
)
from pipelines.sandbox.quickbooks.taxation import refuse_untaxed, tax_rules
from pipelines.sandbox.quickbooks.values import (
    ZERO,
    Record,
    amount_of,
    cents,
    plain,
    ref_value,
    reference,
)

ONE = Decimal(1)


def with_totals(books: Books, record: Record, draft: Draft) -> Record:
    """A document with its lines as they are kept, its tax and its total.

    Raises:
        Refusal: a line that cannot be sold, is not its product, or has no tax code; a total
            below zero.
    """
    lines = [without_habits(line) for line in record.get("Line", ())]
    kept = [line for line in lines if line.get("DetailType") != "SubTotalLineDetail"]
    if not kept:
        raise missing("Line")
    rules = tax_rules(books, record, draft)
    old = {line["Id"]: line for line in (draft.before or {}).get("Line", ()) if "Id" in line}
    prepared = [_line(books, line, old.get(line.get("Id")), rules) for line in kept]
    refuse_untaxed(prepared, rules)
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
