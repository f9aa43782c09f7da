"""How bookkeepers write a deal's lines on an invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pipelines.sandbox.company.books import Books, DocLine, Document
from pipelines.sandbox.company.deals import Line, Step
from pipelines.sandbox.company.money import ZERO, allocate, cents, total

_SEVEN_DIGITS = Decimal("0.0000001")


@dataclass(frozen=True)
class Written:
    """Lines with the discount that belongs to them."""

    lines: tuple[DocLine, ...]
    discount: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        """Lines less discount."""
        return total([line.amount for line in self.lines]) - self.discount


def _line(books: Books, line: Line, amount: Decimal, quantity: Decimal, price: Decimal) -> DocLine:
    product = line.entry.product
    return DocLine(
        item=books.item_for(product),
        description=product.name,
        amount=amount,
        quantity=quantity,
        unit_price=price,
        is_taxable=not product.is_service,
        service_on=line.service_on,
    )


def at_net_prices(books: Books, lines: Sequence[Line]) -> Written:
    """Each line at its price after discount (up to seven digits, so that the amount is exact)."""
    return Written(
        tuple(
            _line(
                books, line, line.total, line.quantity,
                (line.total / line.quantity).quantize(_SEVEN_DIGITS)
                if line.discount else line.unit_price,
            )
            for line in lines
        )
    )  # fmt: skip


def at_list_prices(books: Books, lines: Sequence[Line]) -> Written:
    """Each line before discount, and the discounts together as one discount line."""
    listed = tuple(
        _line(books, line, line.subtotal, line.quantity, line.unit_price) for line in lines
    )
    off = total([line.subtotal for line in lines]) - total([line.total for line in lines])
    return Written(listed, off)


def part_of(books: Books, step: Step, amount: Decimal) -> Written:
    """A share of the deal: every line with its part of the amount, as one unit."""
    lines = [line for line in step.deal.lines if line.total > 0]
    parts = allocate(amount, [line.total for line in lines])
    return Written(
        tuple(
            replace(
                _line(books, line, part, Decimal(1), part),
                description=f"{line.entry.product.name} ({step.number}/{step.count})",
            )
            for line, part in zip(lines, parts, strict=True)
        )
    )


def with_other_price(written: Written, factor: Decimal) -> Written:
    """The dearest line at another unit price; nothing makes up for it."""
    lines = list(written.lines)
    at = max(range(len(lines)), key=lambda k: lines[k].amount)
    dear = lines[at]
    assert dear.unit_price is not None and dear.quantity is not None
    price = cents(dear.unit_price * factor)
    lines[at] = replace(dear, unit_price=price, amount=cents(price * dear.quantity))
    return Written(tuple(lines), written.discount)


def with_compensated_price(written: Written) -> Written:
    """Another unit price whose effect a discount line takes back: the total stays the same."""
    dearer = with_other_price(written, Decimal("1.1"))
    return Written(dearer.lines, dearer.discount + dearer.net - written.net)


def with_amount_moved(written: Written, by: Decimal) -> Written:
    """The dearest line as one unit, its amount moved by some cents."""
    lines = list(written.lines)
    at = max(range(len(lines)), key=lambda k: lines[k].amount)
    amount = lines[at].amount + by
    lines[at] = replace(lines[at], amount=amount, quantity=Decimal(1), unit_price=amount)
    return Written(tuple(lines), written.discount)


def with_item(books: Books, written: Written, item_name: str) -> Written:
    """The first line booked on another item; amounts stay."""
    first = replace(written.lines[0], item=books.item_named(item_name))
    return Written((first, *written.lines[1:]), written.discount)


def same_percent(lines: Sequence[Line], document: Document) -> Decimal | None:
    """The one percentage of all lines, when QuickBooks would compute the same discount from it."""
    percents = {line.discount for line in lines}
    percent = next(iter(percents)) if len(percents) == 1 else None
    listed = total([line.amount for line in document.lines])
    return percent if percent and cents(listed * percent / 100) == document.discount else None
