"""The arithmetic of sales documents: lines, discount, tax, totals. Pure; all of it in Decimal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipelines.sandbox.quickbooks.refusals import discount_without_value, missing, wrong_product
from pipelines.sandbox.quickbooks.values import (
    ZERO,
    Record,
    amount_of,
    cents,
    plain,
    ref_value,
    reference,
)

SHIPPING = "SHIPPING_ITEM_ID"
HUNDRED = Decimal(100)
UNIT = Decimal("0.0000001")


@dataclass(frozen=True)
class Rate:
    """One tax rate: its TaxRate id and its percentage on the day of the document."""

    id: str
    percent: Decimal


@dataclass(frozen=True)
class TaxRules:
    """How a document is taxed.

    Attributes:
        is_us: TAX and NON on lines, one code for the document; elsewhere a code on every line.
        is_used: sales tax is switched on in the company.
        mode: GlobalTaxCalculation (outside the US).
        after_discount: the discount lowers what is taxed.
        code: TxnTaxCodeRef (US).
        rates_of: the sales rates of a tax code.
        given: a TxnTaxDetail that overrides the computation, or None.
    """

    is_us: bool
    is_used: bool
    mode: str
    after_discount: bool
    code: str | None
    rates_of: Callable[[str], Sequence[Rate]]
    given: Record | None = None

    @property
    def inclusive(self) -> bool:
        """Amounts on lines hold their tax."""
        return not self.is_us and self.is_used and self.mode == "TaxInclusive"


@dataclass(frozen=True)
class Totals:
    """A document's lines in the vendor's order, its TxnTaxDetail and its TotalAmt."""

    lines: list[Record]
    tax: Record
    total: Decimal


def line_amount(line: Record) -> Decimal:
    """A line's Amount, checked against UnitPrice times Qty rounded half up to the cent.

    Raises:
        Refusal: 2020 no Amount, 6070 not the product.
    """
    detail = line.get("SalesItemLineDetail") or {}
    if "Amount" not in line:
        raise missing("Line.Amount")
    amount = cents(amount_of(line, "Amount"))
    if "Qty" in detail and "UnitPrice" in detail:
        product = amount_of(detail, "Qty") * amount_of(detail, "UnitPrice")
        if amount != cents(product):
            raise wrong_product(amount)
    return amount


def is_shipping(line: Record) -> bool:
    """Whether a line is the document's shipping charge."""
    return ref_value(line.get("SalesItemLineDetail") or {}, "ItemRef") == SHIPPING


def total_up(lines: Sequence[Record], rules: TaxRules) -> Totals:
    """Compute a document's totals from its normalised lines (without a SubTotal line).

    Raises:
        Refusal: 2020, 6070 or 6090 from a line.
    """
    priced = [_priced(line, rules) for line in lines]
    items = [line for line in priced if _kind(line) not in ("discount", "shipping")]
    shipping = [line for line in priced if _kind(line) == "shipping"]
    subtotal = sum((_worth(line, rules) for line in items), ZERO)
    discounts = [_discount(line, subtotal) for line in priced if _kind(line) == "discount"]
    discount = sum((amount_of(line, "Amount") for line in discounts), ZERO)
    tax, tax_total = _tax([*items, *shipping], subtotal, discount, rules)
    carried = sum((_worth(line, rules) for line in shipping), ZERO)
    net = sum((amount_of(line, "Amount") for line in items), ZERO)
    total = subtotal - discount + carried + (ZERO if rules.inclusive else tax_total)
    ordered = [*items, _subtotal_line(net), *discounts, *shipping]
    return Totals(ordered, tax, cents(total))


def _kind(line: Record) -> str:
    if line["DetailType"] == "DiscountLineDetail":
        return "discount"
    return "shipping" if is_shipping(line) else str(line["DetailType"])


def _priced(line: Record, rules: TaxRules) -> Record:
    if line["DetailType"] == "GroupLineDetail":
        return _priced_group(line, rules)
    if line["DetailType"] != "SalesItemLineDetail":
        return line
    gross = line_amount(line)
    return _net_line(line, gross, rules) if rules.inclusive else {**line, "Amount": gross}


def _priced_group(line: Record, rules: TaxRules) -> Record:
    detail = line["GroupLineDetail"]
    inner = [_priced(component, rules) for component in detail.get("Line", ())]
    amount = cents(sum((amount_of(component, "Amount") for component in inner), ZERO))
    return {**line, "Amount": amount, "GroupLineDetail": {**detail, "Line": inner}}


def _net_line(line: Record, amount: Decimal, rules: TaxRules) -> Record:
    """Split a gross amount: Amount is written net, TaxInclusiveAmt gross."""
    detail = dict(line["SalesItemLineDetail"])
    gross = amount_of(detail, "TaxInclusiveAmt") or amount
    net = cents(gross / (1 + _percent(detail, rules) / HUNDRED))
    detail["TaxInclusiveAmt"] = cents(gross)
    if "Qty" in detail and "UnitPrice" in detail and amount_of(detail, "Qty"):
        detail["UnitPrice"] = plain((net / amount_of(detail, "Qty")).quantize(UNIT))
    return {**line, "Amount": net, "SalesItemLineDetail": detail}


def _percent(detail: Record, rules: TaxRules) -> Decimal:
    code = ref_value(detail, "TaxCodeRef")
    return sum((rate.percent for rate in rules.rates_of(code)), ZERO) if code else ZERO


def _worth(line: Record, rules: TaxRules) -> Decimal:
    """What a line adds to the document: gross where lines include tax."""
    if line["DetailType"] == "GroupLineDetail":
        return sum((_worth(c, rules) for c in line["GroupLineDetail"].get("Line", ())), ZERO)
    gross = (line.get("SalesItemLineDetail") or {}).get("TaxInclusiveAmt")
    return gross if rules.inclusive and gross is not None else amount_of(line, "Amount")


def _discount(line: Record, subtotal: Decimal) -> Record:
    """A discount line with its amount (positive; it subtracts)."""
    detail = line.get("DiscountLineDetail") or {}
    if detail.get("PercentBased") and "DiscountPercent" in detail:
        amount = cents(subtotal * amount_of(detail, "DiscountPercent") / HUNDRED)
    elif "Amount" in line:
        amount = cents(amount_of(line, "Amount"))
    else:
        raise discount_without_value()
    return {**line, "Amount": amount}


def _subtotal_line(amount: Decimal) -> Record:
    return {
        "Amount": cents(amount),
        "DetailType": "SubTotalLineDetail",
        "SubTotalLineDetail": {},
    }


# ---- tax


def _tax(
    lines: Sequence[Record], subtotal: Decimal, discount: Decimal, rules: TaxRules
) -> tuple[Record, Decimal]:
    if not rules.is_used or (not rules.is_us and rules.mode == "NotApplicable"):
        return {"TotalTax": ZERO}, ZERO
    if rules.given is not None:
        return rules.given, amount_of(rules.given, "TotalTax")
    share = discount / subtotal if rules.after_discount and subtotal else ZERO
    if rules.is_us:
        return _us_tax(lines, share, rules)
    return _tax_by_code(lines, share, rules)


def _leaves(lines: Sequence[Record]) -> Iterator[Record]:
    for line in lines:
        if line["DetailType"] == "GroupLineDetail":
            yield from _leaves(line["GroupLineDetail"].get("Line", ()))
        elif line["DetailType"] == "SalesItemLineDetail":
            yield line


def _code_of(line: Record) -> str | None:
    return ref_value(line["SalesItemLineDetail"], "TaxCodeRef")


def _reduced(line: Record, share: Decimal) -> Decimal:
    """What of a line is taxed: the discount does not reach the shipping charge."""
    return amount_of(line, "Amount") * (1 if is_shipping(line) else 1 - share)


def _us_tax(lines: Sequence[Record], share: Decimal, rules: TaxRules) -> tuple[Record, Decimal]:
    if rules.code is None:
        return {"TotalTax": ZERO}, ZERO
    base = sum((_reduced(line, share) for line in _leaves(lines) if _code_of(line) == "TAX"), ZERO)
    if not base:
        return {"TxnTaxCodeRef": reference(rules.code, None), "TotalTax": ZERO}, ZERO
    detail, total = _tax_detail([_tax_line(r, base) for r in rules.rates_of(rules.code)])
    return {"TxnTaxCodeRef": reference(rules.code, None), **detail}, total


def _tax_by_code(
    lines: Sequence[Record], share: Decimal, rules: TaxRules
) -> tuple[Record, Decimal]:
    bases: dict[Rate, Decimal] = {}
    gross = ZERO
    for line in _leaves(lines):
        code = _code_of(line)
        gross += _worth(line, rules) - amount_of(line, "Amount") if rules.inclusive else ZERO
        for rate in rules.rates_of(code) if code else ():
            bases[rate] = bases.get(rate, ZERO) + _reduced(line, share)
    found = [_tax_line(rate, base) for rate, base in bases.items()]
    if rules.inclusive and not share:
        _absorb(found, gross)
    return _tax_detail(found)


def _absorb(tax_lines: list[Record], whole: Decimal) -> None:
    """Rounding of single rates must not change what the customer was told to pay."""
    rest = whole - sum((amount_of(line, "Amount") for line in tax_lines), ZERO)
    if rest and tax_lines:
        tax_lines[-1]["Amount"] = cents(amount_of(tax_lines[-1], "Amount") + rest)


def _tax_line(rate: Rate, base: Decimal) -> Record:
    return {
        "Amount": cents(base * rate.percent / HUNDRED),
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": reference(rate.id, None),
            "PercentBased": True,
            "TaxPercent": plain(rate.percent),
            "NetAmountTaxable": cents(base),
        },
    }


def _tax_detail(tax_lines: list[Record]) -> tuple[Record, Decimal]:
    total = cents(sum((amount_of(line, "Amount") for line in tax_lines), ZERO))
    return {"TotalTax": total, **({"TaxLine": tax_lines} if tax_lines else {})}, total
