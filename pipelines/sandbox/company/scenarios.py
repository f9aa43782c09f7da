"""Bills the deals: correctly for most, and in every wrong way for those chosen to go wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from pipelines.sandbox.company import invoice_lines as write
from pipelines.sandbox.company.billing import Biller
from pipelines.sandbox.company.books import DEAL_FIELD, PO_FIELD, DocLine, Document
from pipelines.sandbox.company.casting import Cast
from pipelines.sandbox.company.dates import AS_OF, GO_LIVE, day_between, month_end
from pipelines.sandbox.company.deals import (
    LOST,
    WON,
    Deal,
    Event,
    Line,
    Step,
    steps_of,
)
from pipelines.sandbox.company.ids import with_checksum
from pipelines.sandbox.company.invoice_lines import Written
from pipelines.sandbox.company.money import CENT, cents, total
from pipelines.sandbox.company.people import UK, Firm

_UNKNOWN_DEAL = with_checksum("006Hs00000ZzZzZ")


Treatment = Callable[[Biller, Deal], None]


def _billed(biller: Biller, deal: Deal) -> None:
    """Every step that has fallen due is invoiced, to the cent."""
    inferable = deal.firm.role == "linked" and biller.rng.random() < 0.24
    for step in steps_of(deal):
        if step.due_on > AS_OF:
            continue
        evidence = "none" if inferable and step.count < 3 else ""
        document = biller.bill(step, evidence=evidence)
        if step.count == 1 and biller.rng.random() < 0.06:
            document.shipping = Decimal(biller.rng.randrange(15, 120))
            biller.find("SHIPPING_OR_ROUNDING", document.shipping, "shipping on the invoice",
                        step=step, document=document, is_core=False)  # fmt: skip


def _only_step(deal: Deal) -> Step:
    (step,) = steps_of(deal)
    return step


def _short(biller: Biller, step: Step, written: Written, note: str) -> Document:
    document = biller.bill(step, written)
    biller.find("UNDER_BILLED", step.amount - document.net, note, step=step, document=document)
    return document


def _over(biller: Biller, step: Step, written: Written, note: str) -> Document:
    document = biller.bill(step, written)
    biller.find("OVER_BILLED", document.net - step.amount, note, step=step, document=document)
    return document


def _without_dear_line(lines: Sequence[Line]) -> list[Line]:
    left_out = sorted(lines, key=lambda line: line.total)[len(lines) // 2]
    left_out = left_out if left_out.total > 1 else max(lines, key=lambda line: line.total)
    return [line for line in lines if line is not left_out]


def _line_missing(biller: Biller, deal: Deal) -> None:
    kept = _without_dear_line(deal.lines)
    written = write.at_net_prices(biller.books_of(deal), kept)
    _short(biller, _only_step(deal), written, "a line of the deal was left out")


def _discounted_twice(biller: Biller, deal: Deal) -> None:
    listed = write.at_list_prices(biller.books_of(deal), deal.lines)
    written = Written(listed.lines, listed.discount * 2)
    _short(biller, _only_step(deal), written, "the discount was given twice")


def _discount_lost(biller: Biller, deal: Deal) -> None:
    listed = write.at_list_prices(biller.books_of(deal), deal.lines)
    written = Written(listed.lines)
    _over(biller, _only_step(deal), written, "the discount was not carried over")


def _dearer(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    written = write.with_other_price(
        write.at_net_prices(biller.books_of(deal), deal.lines), Decimal("1.08")
    )
    document = _over(biller, step, written, "another unit price than in the deal")
    biller.find("WRONG_PRICE_OR_DISCOUNT", document.net - step.amount, "dearer unit price",
                step=step, document=document, is_core=False)  # fmt: skip


def _amended_up(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    before = _without_dear_line(deal.lines)
    written = write.at_net_prices(biller.books_of(deal), before)
    document = _short(biller, step, written, "a line was added after the invoice")
    _amend(biller, step, document, total([line.total for line in before]))


def _amended_down(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    written = write.at_net_prices(biller.books_of(deal), deal.lines)
    extra = max(written.lines, key=lambda line: line.amount)
    bigger = Written((*written.lines, replace(extra, quantity=Decimal(1), amount=Decimal("480"),
                                              unit_price=Decimal("480"))))  # fmt: skip
    document = _over(biller, step, bigger, "a line was taken out of the deal after the invoice")
    _amend(biller, step, document, step.amount + 480)


def _amend(biller: Biller, step: Step, document: Document, before: Decimal) -> None:
    """The deal's history shows the earlier amount, and the change some days after the invoice."""
    deal = step.deal
    deal.events = [replace(event, amount=before) for event in deal.events]
    changed_on = min(document.txn_on + timedelta(days=biller.rng.randrange(6, 20)), AS_OF)
    deal.events.append(Event(changed_on, deal.stage, deal.amount, deal.closed_on))
    biller.find("DEAL_CHANGED_AFTER_INVOICE", abs(step.amount - before),
                f"amount was {before} when billed", step=step, document=document,
                is_core=False)  # fmt: skip


def _again(
    biller: Biller, first: Document, step: Step, days: int, evidence: str,
    written: Written | None = None,
) -> None:  # fmt: skip
    on = min(first.txn_on + timedelta(days=days), AS_OF)
    same = Written(tuple(first.lines), first.discount)
    second = biller.bill(step, written or same, txn_on=on, evidence=evidence)
    second.is_payable = False
    biller.find("DUPLICATE_INVOICE", second.net, f"second invoice {days} days later",
                step=step, document=second)  # fmt: skip


def _billed_twice(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    first = biller.bill(step, evidence="field")
    days = biller.rng.randrange(5, 20)
    _again(biller, first, step, days, biller.rng.choice(("field", "field", "po")))


def _billed_twice_in_part(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    first = biller.bill(step, evidence="field")
    part = write.at_net_prices(biller.books_of(deal), _without_dear_line(deal.lines))
    _again(biller, first, step, 11, "field", part)


def _billed_twice_unmarked(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    first = biller.bill(step, evidence="field")
    _again(biller, first, step, 2, "none")


def _wrong_customer(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    strangers = [
        firm
        for (account_id, _), customer in biller.clientele.of_account.items()
        if (firm := customer.firm)
        and firm.role == "linked"
        and firm.currency == deal.currency
        and firm.place.city != deal.firm.place.city
        and account_id != deal.firm.account_id
        and not firm.resembles
    ]
    document = biller.bill(step, firm=biller.rng.choice(strangers))
    document.is_payable = False
    biller.find("WRONG_CUSTOMER", document.net, "billed to another account's customer",
                step=step, document=document)  # fmt: skip


def _wrong_currency(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    document = biller.bill(step)
    biller.find("CURRENCY_MISMATCH", document.net, f"deal in {deal.currency}",
                step=step, document=document)  # fmt: skip


def _wrong_entity(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    biller.clientele.abroad(deal.firm)
    document = biller.bill(step, company=UK, evidence="field")
    biller.find("WRONG_ENTITY", document.net, "dollar deal billed by the UK company",
                step=step, document=document)  # fmt: skip


def _moved_to(biller: Biller, deal: Deal, stage: str, after: Document) -> None:
    deal.stage = stage
    on = min(after.txn_on + timedelta(days=biller.rng.randrange(12, 50)), AS_OF)
    deal.events.append(Event(on, stage, deal.amount, deal.closed_on))


def _lost_after(biller: Biller, deal: Deal) -> None:
    _no_longer_won(biller, deal, LOST)


def _reopened(biller: Biller, deal: Deal) -> None:
    _no_longer_won(biller, deal, "Negotiation/Review")


def _no_longer_won(biller: Biller, deal: Deal, stage: str) -> None:
    step = _only_step(deal)
    document = biller.bill(step)
    document.is_payable = False
    _moved_to(biller, deal, stage, document)
    biller.find("REOPENED_OR_LOST", document.net, f"now {stage}", step=step, document=document)


def _lost_and_credited(biller: Biller, deal: Deal) -> None:
    """Lost after the invoice, but credited in full: nothing is wrong any more."""
    step = _only_step(deal)
    document = biller.bill(step, evidence="field")
    document.is_payable = False
    _moved_to(biller, deal, LOST, document)
    on = document.txn_on + timedelta(days=21)
    memo = biller.credit(document, document.net, on=on, deal_id=deal.deal_id)
    biller.apply(memo, document, on)


def _credited_marked(biller: Biller, deal: Deal) -> None:
    """A credit that names the deal but is not applied yet."""
    step = _only_step(deal)
    document = biller.bill(step)
    on = document.txn_on + timedelta(days=biller.rng.randrange(10, 40))
    net = cents(document.net * Decimal("0.25"))
    memo = biller.credit(document, net, on=on, deal_id=deal.deal_id)
    _credited(biller, step, memo)


def _credited_applied(biller: Biller, deal: Deal) -> None:
    """A credit that is applied to the invoice and names nothing; one of them in full."""
    step = _only_step(deal)
    document = biller.bill(step)
    document.is_payable = False
    on = document.txn_on + timedelta(days=biller.rng.randrange(10, 40))
    seen = sum(finding.mismatch_class == "CREDITED_AFTER_BILLING"
               for finding in biller.truth.findings)  # fmt: skip
    share = Decimal(1) if seen == 4 else Decimal("0.3")
    memo = biller.credit(document, cents(document.net * share), on=on)
    biller.apply(memo, document, on)
    _credited(biller, step, memo)


def _credited(biller: Biller, step: Step, memo: Document) -> None:
    biller.find("CREDITED_AFTER_BILLING", memo.net, "credited, the deal was not amended",
                step=step, document=memo)  # fmt: skip


def _voided(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    document = biller.bill(step)
    books = biller.books_of(deal)
    document.voided_at = books.at(min(document.txn_on + timedelta(days=6), AS_OF))
    biller.find("VOIDED_AFTER_BILLING", step.amount, "voided, nothing in its place",
                step=step, document=document)  # fmt: skip


def _deleted(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    document = biller.bill(step, evidence="field")
    books = biller.books_of(deal)
    # Change data capture reports deletions of the last thirty days only.
    gone_on = max(document.txn_on + timedelta(days=4), date(2026, 10, 28))
    document.deleted_at = books.at(min(gone_on, AS_OF))
    biller.find("VOIDED_AFTER_BILLING", step.amount, "deleted, nothing in its place",
                step=step, document=document)  # fmt: skip


def _replaced(biller: Biller, deal: Deal) -> None:
    """Voided and written again: the step is billed."""
    step = _only_step(deal)
    first = biller.bill(step, evidence="field")
    first.voided_at = biller.books_of(deal).at(first.txn_on + timedelta(days=2))
    again = first.txn_on + timedelta(days=2)
    biller.bill(step, Written(tuple(first.lines), first.discount), txn_on=again, evidence="field")


def _split(biller: Biller, deal: Deal) -> None:
    """Two invoices that together bill the step exactly."""
    step = _only_step(deal)
    books = biller.books_of(deal)
    share = cents(step.amount * Decimal("0.6"))
    first = biller.bill(step, write.part_of(books, step, share), evidence="field")
    rest = write.part_of(books, step, step.amount - share)
    biller.bill(step, rest, evidence="field", txn_on=min(first.txn_on + timedelta(days=3), AS_OF))


def _early(biller: Biller, deal: Deal) -> None:
    """The second step is invoiced a month before it falls due."""
    first, second = steps_of(deal)
    biller.bill(first)
    on = day_between(biller.rng, date(2026, 11, 16), date(2026, 11, 19))
    biller.bill(second, txn_on=on)


def _wrong_product(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    books = biller.books_of(deal)
    written = write.with_item(books, write.at_net_prices(books, deal.lines), "Miscellaneous parts")
    document = biller.bill(step, written)
    biller.find("WRONG_PRODUCT", Decimal("0.00"), "first line on Miscellaneous parts",
                step=step, document=document, is_core=False)  # fmt: skip


def _prices_swapped(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    written = write.with_compensated_price(write.at_net_prices(biller.books_of(deal), deal.lines))
    document = biller.bill(step, written)
    biller.find("WRONG_PRICE_OR_DISCOUNT", document.discount, "dearer price, discount instead",
                step=step, document=document, is_core=False)  # fmt: skip


def _rounded(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    written = write.with_amount_moved(write.at_net_prices(biller.books_of(deal), deal.lines), CENT)
    document = biller.bill(step, written)
    biller.find("SHIPPING_OR_ROUNDING", CENT, "a cent of rounding", step=step, document=document,
                is_core=False)  # fmt: skip


def _late(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    days = biller.rng.randrange(33, 44)
    document = biller.bill(step, txn_on=step.due_on + timedelta(days=days))
    biller.find("LATE_BILLED", Decimal("0.00"), f"{days} days after the plan date", step=step,
                document=document, is_core=False)  # fmt: skip


def _next_period(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    biller.bill(step, txn_on=month_end(step.due_on) + timedelta(days=biller.rng.randrange(1, 4)))


def _other_terms(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    document = biller.bill(step)
    assert document.due_on is not None
    document.due_on += timedelta(days=15)
    biller.find("TERMS_OR_DUE_DATE", Decimal("0.00"), "due 15 days after the terms' date",
                step=step, document=document, is_core=False)  # fmt: skip


def _other_tax(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    document = biller.bill(step)
    expected = document.tax_amount
    if document.is_sales_tax:
        document.lines = [replace(line, is_taxable=False) for line in document.lines]
    else:
        document.tax = biller.books_of(deal).tax_codes[1]
    biller.find("TAX_DIFFERENCE", expected, "no tax charged", step=step, document=document,
                is_core=False)  # fmt: skip


def _other_rate(biller: Biller, deal: Deal) -> None:
    step = _only_step(deal)
    document = biller.bill(step)
    right = document.rate
    seen = sum(finding.mismatch_class == "FX_ANOMALY" for finding in biller.truth.findings)
    document.rate = Decimal(1) if seen < 2 else (right * Decimal("1.15")).quantize(right)
    difference = cents(document.total * document.rate) - cents(document.total * right)
    biller.find("FX_ANOMALY", difference, f"rate {document.rate}, reference {right}", step=step,
                document=document, is_core=False)  # fmt: skip


def _other_header(biller: Biller, deal: Deal) -> None:
    """The opportunity's amount was typed over; its lines, which count, were billed."""
    biller.bill(_only_step(deal))
    deal.header_amount = deal.basis + 250
    deal.events[-1] = replace(deal.events[-1], amount=deal.amount)
    biller.find("HEADER_LINE_MISMATCH", Decimal("250.00"), "amount typed over",
                step=_only_step(deal), is_core=False)  # fmt: skip


def _by_us(biller: Biller, deal: Deal) -> Document:
    """An invoice of an earlier Crossfoot pilot: it carries our mark."""
    return biller.bill(_only_step(deal), evidence="mark")


def _marked(biller: Biller, deal: Deal) -> None:
    _by_us(biller, deal)


def _edited(biller: Biller, deal: Deal) -> None:
    document = _by_us(biller, deal)
    first = document.lines[0]
    document.lines[0] = replace(first, description=f"{first.description} - as per phone call")
    edited_on = min(document.txn_on + timedelta(days=9), AS_OF)
    document.edited_at = biller.books_of(deal).at(edited_on)
    biller.find("INVOICE_EDITED_AFTER_PUSH", Decimal("0.00"), "a person rewrote a description",
                step=_only_step(deal), document=document, is_core=False)  # fmt: skip


def _signed_off(biller: Biller, deal: Deal) -> None:
    document = biller.bill(_only_step(deal))
    document.edited_at = biller.books_of(deal).at(date(2026, 11, 9))
    document.note = "Memo rewritten after the half-year close"
    biller.find("CHANGED_AFTER_SIGNOFF", Decimal("0.00"), "edited after the books were closed",
                step=_only_step(deal), document=document, is_core=False)  # fmt: skip


def _to_bill(biller: Biller, deal: Deal) -> None:
    """Steps before the go-live were billed by hand; later ones wait for Crossfoot."""
    for step in steps_of(deal):
        if step.count > 1 and step.due_on < GO_LIVE:
            last_by_hand = GO_LIVE - timedelta(days=1)
            biller.bill(step, txn_on=min(biller.invoice_day(step), last_by_hand))


def _excluded(biller: Biller, deal: Deal) -> None:
    why = {"reseller": "reseller", "internal": "internal"}.get(deal.firm.role, "free deal")
    for step in steps_of(deal):
        biller.find("EXCLUDED", Decimal("0.00"), why, step=step, is_core=False)


def _left_alone(biller: Biller, deal: Deal) -> None:
    """Not billed by anybody so far."""


TREATMENTS: dict[str, Treatment] = {
    "billed": _billed,
    "under_line_missing": _line_missing,
    "under_discounted_twice": _discounted_twice,
    "under_amended": _amended_up,
    "over_discount_lost": _discount_lost,
    "over_price": _dearer,
    "over_amended": _amended_down,
    "duplicate_same": _billed_twice,
    "duplicate_part": _billed_twice_in_part,
    "duplicate_unmarked": _billed_twice_unmarked,
    "wrong_customer": _wrong_customer,
    "wrong_currency": _wrong_currency,
    "wrong_entity": _wrong_entity,
    "lost_after": _lost_after,
    "reopened": _reopened,
    "lost_credited": _lost_and_credited,
    "credited_marked": _credited_marked,
    "credited_applied": _credited_applied,
    "voided": _voided,
    "deleted": _deleted,
    "replaced": _replaced,
    "split": _split,
    "early": _early,
    "wrong_product": _wrong_product,
    "prices_swapped": _prices_swapped,
    "rounded": _rounded,
    "late": _late,
    "next_period": _next_period,
    "terms": _other_terms,
    "tax": _other_tax,
    "rate": _other_rate,
    "header": _other_header,
    "marked": _marked,
    "edited": _edited,
    "signed_off": _signed_off,
    "to_bill": _to_bill,
    "excluded": _excluded,
}


def bill_everything(biller: Biller, cast: Cast) -> None:
    """Bill all won deals by their treatment, then the invoices that belong to no deal or to two."""
    for deal in cast.deals:
        if deal.stage == WON:
            TREATMENTS.get(deal.treatment, _left_alone)(biller, deal)
    for group in cast.look_alikes:
        _bill_one_of(biller, group)
    _write_orphans(biller)


def _bill_one_of(biller: Biller, group: Sequence[Deal]) -> None:
    """One unmarked invoice that could bill any deal of the group."""
    steps = [_only_step(deal) for deal in group]
    on = max(step.due_on for step in steps) + timedelta(days=3)
    document = biller.bill(steps[0], txn_on=on, evidence="none", is_linked=False)
    document.is_payable = False
    biller.find("AMBIGUOUS_MATCH", document.net, f"{len(steps)} deals fit", document=document)


def _write_orphans(biller: Biller) -> None:
    """Invoices of known customers that no deal explains."""
    rng = biller.rng
    known = [customer.firm for customer in biller.clientele.of_account.values() if customer.firm]
    firms = {
        role: sorted(
            {firm for firm in known if firm.role == role and not firm.resembles},
            key=lambda firm: firm.account_id,
        )
        for role in ("linked", "matchable")
    }
    chosen = rng.sample(firms["linked"], 7) + rng.sample(firms["matchable"], 2)
    references = [{PO_FIELD: "BY-PHONE-1"}, {PO_FIELD: "BY-PHONE-2"}, {DEAL_FIELD: _UNKNOWN_DEAL}]
    for at, firm in enumerate(chosen):
        custom = references[at] if at < len(references) else {}
        note = f"names {next(iter(custom.values()), 'nothing')}"
        biller.find(
            "ORPHAN_INVOICE", (orphan := _orphan(biller, firm, custom)).net, note, document=orphan
        )


def _orphan(biller: Biller, firm: Firm, custom: dict[str, str]) -> Document:
    books = biller.clientele.books[firm.company]
    price, quantity = _unused_amount(biller, firm)
    item = books.item_named(biller.rng.choice(("Miscellaneous parts", "Expedite fee")))
    line = DocLine(item, item.description, cents(price * quantity), quantity, price)
    day = day_between(biller.rng, date(2025, 3, 3), date(2026, 11, 12))
    document = books.new_document("Invoice", biller.clientele.customer(firm), day, [line])
    document.custom.update(custom)
    return document


def _unused_amount(biller: Biller, firm: Firm) -> tuple[Decimal, Decimal]:
    """A price and quantity whose product none of the account's deals can be confused with."""
    while True:
        price = Decimal(biller.rng.randrange(4000, 90000)) * CENT
        quantity = Decimal(biller.rng.choice((1, 1, 2, 5)))
        amount = cents(price * quantity)
        if biller.desk.amounts.are_free(firm.account_id, [amount]):
            biller.desk.amounts.take(firm.account_id, [amount])
            return price, quantity
