"""The sheets of the spreadsheet, each from one section of the report.

Whatever follows from other cells is a formula with the value that it must have, so that a change
made by hand, or a row that went missing, shows at once. Foreign text never gets into a formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pipelines.money import Money
from reverse_etl.report import classes, page_close, sheet_bridge, sheet_lists, words
from reverse_etl.report.answers import Figure, answers
from reverse_etl.report.cells import (
    Cell,
    Column,
    Days,
    Live,
    Plain,
    Share,
    Sheet,
    sheet,
)
from reverse_etl.report.links import Links
from reverse_etl.report.plans import Plans
from reverse_etl.report.sheet_lists import COMPANY, CURRENCY, linked, share
from reverse_etl.report.value import (
    Figures,
    Mismatch,
    Report,
    is_to_close,
)

# More records than people look through; the table beside the page holds them all.
ROWS_HELD = 50_000


def sheets(report: Report, links: Links, plans: Plans) -> tuple[Sheet, ...]:
    """All sheets, the summary first; it refers to the others."""
    lists = {
        made.name: made
        for made in (
            sheet_bridge.bridge(report), sheet_bridge.periods(report), _figures(report),
            _ageing(report), _weeks(report),
            sheet_lists.times(report), sheet_lists.carried(report), sheet_lists.causes(report),
            sheet_lists.exceptions(report, links, ROWS_HELD), sheet_lists.signatures(report),
            _mismatches(report, links, plans), sheet_lists.blocked(report, links),
            sheet_lists.waiting(report), sheet_lists.coverage(report), sheet_lists.sources(report),
        )
    }  # fmt: skip
    lists["Classes"] = _classes(report, lists["Mismatches"])
    order = (
        "Bridge", "Bridge by period", "Figures", "Ageing", "Leakage by week", "Time to invoice",
        "Carried forward", "Causes by week", "Exceptions", "Sign-off", "Classes", "Mismatches",
        "Blocked", "Waiting", "Coverage", "Sources",
    )  # fmt: skip
    return (_summary(report, lists), *(lists[name] for name in order))


# The first screen.


def _summary(report: Report, lists: Mapping[str, Sheet]) -> Sheet:
    columns = (
        Column("number", "No.", 6), Column("answer", "Answer", 58), COMPANY, CURRENCY,
        Column("figure", "Figure", 22), Column("value", "Value", 22), Column("note", "Note", 60),
    )  # fmt: skip
    told = (
        f"Week {report.week.label}, {words.day(report.week.first_on)} to "
        f"{words.day(report.week.last_on)}; data as of {words.moment(report.as_of_at)}."
    )
    rows: list[tuple[Cell, ...]] = []
    for answer in answers(report):
        if answer.told or not answer.figures:
            told_only = (None, None, None, None, answer.told or "–")
            rows.append((str(answer.number), answer.title, *told_only))
        for figure in answer.figures:
            company = figure.company.name if figure.company else None
            value = _live(figure, report, lists)
            rows.append(
                (str(answer.number), answer.title, company, figure.currency or None, figure.name,
                 value, figure.note or None)
            )  # fmt: skip
    return sheet("Summary", told, columns, rows)


def _live(figure: Figure, report: Report, lists: Mapping[str, Sheet]) -> Cell:
    """The figure as a formula over the sheet that it comes from; as it is where there is none."""
    value = _typed(figure)
    if figure.key == "open" and isinstance(value, int):
        rows = lists["Mismatches"]
        if not rows.left_out:
            return Live(f'COUNTIFS({rows.column("to_close", named=True)},"yes")', value)
    if not isinstance(value, Money | Share):
        return value
    books = lists["Figures"]
    if figure.company is None:
        if figure.key not in [column.key for column in books.columns]:
            return value
        amounts = books.column(figure.key, named=True)
        currencies = books.column("currency", named=True)
        return Live(f'SUMIFS({amounts},{currencies},"{figure.currency}")', value)
    where = (figure.company, figure.currency)
    if figure.key in sheet_bridge.CODES:
        place = sheet_bridge.places(report)[(*where, figure.key)]
        return Live(lists["Bridge"].cell("amount", place, named=True), value)
    if figure.key.startswith("bucket_"):
        books = lists["Ageing"]
        places = [(ageing.company, ageing.currency) for ageing in report.ageing]
    else:
        places = [(book.company, book.currency) for book in report.figures]
    return Live(books.cell(figure.key, places.index(where), named=True), value)


def _typed(figure: Figure) -> Plain:
    value = figure.value
    if figure.kind == "share" and isinstance(value, Decimal):
        return share(value)
    if figure.kind == "days" and isinstance(value, Decimal):
        return Days(value)
    return value


# One sheet for each section.

_MONEY_FIGURES = (
    ("leakage_amount", "Leakage"), ("unbilled_amount", "Unbilled"), ("voided_amount", "Voided"),
    ("under_billed_amount", "Under-billed"), ("over_billed_amount", "Over-billed"),
    ("duplicate_amount", "Duplicates"), ("due_amount", "Due"), ("matched_amount", "Matched"),
    ("receivable_amount", "Open receivables"), ("overdue_amount", "Overdue"),
    ("sales_amount", "Sales of the DSO's days"),
    ("unapplied_payment_amount", "Unapplied payments"),
    ("unapplied_credit_amount", "Unapplied credits"),
)  # fmt: skip
_COUNTS = (
    ("leakage_deals", "Deals that leak"), ("over_billed_steps", "Steps over-billed"),
    ("duplicate_invoices", "Duplicate invoices"), ("due_deals", "Deals due"),
    ("matched_deals", "Deals matched"), ("steps_timed", "Steps timed"),
    ("steps_sent", "Steps known as sent"),
)  # fmt: skip
_RATES = (
    ("match_rate_by_value", "Matched by value", "matched_amount", "due_amount"),
    ("match_rate_by_count", "Matched by count", "matched_deals", "due_deals"),
    ("leakage_rate", "Leakage rate", "leakage_amount", "due_amount"),
)
_LENGTHS = (
    ("time_to_invoice_median_days", "Time to invoice, median days"),
    ("time_to_invoice_p90_days", "Time to invoice, P90 days"),
    ("time_to_send_median_days", "Until sent, median days"),
    ("time_to_send_p90_days", "Until sent, P90 days"), ("dso_days", "DSO, days"),
)  # fmt: skip


def _figures(report: Report) -> Sheet:
    columns = (
        COMPANY, CURRENCY, *(Column(key, name, 18) for key, name in _MONEY_FIGURES),
        *(Column(key, name, 12) for key, name in _COUNTS),
        *(Column(key, name, 12) for key, name, _, _ in _RATES),
        *(Column(key, name, 14) for key, name in _LENGTHS),
    )  # fmt: skip
    plain = Sheet("Figures", "", columns, ())
    rows = [_figure_row(plain, book, place) for place, book in enumerate(report.figures)]
    told = "The key figures of each company and currency; rates are worked out from the columns."
    return sheet("Figures", told, columns, rows, [key for key, _ in _MONEY_FIGURES])


def _figure_row(plain: Sheet, book: Figures, place: int) -> tuple[Cell, ...]:
    def rate(key: str, over: str, under: str) -> Cell:
        value = getattr(book, key)
        if value is None:
            return None
        parts = f"{plain.cell(over, place)}/{plain.cell(under, place)}"
        return Live(f"ROUNDDOWN({parts},3)", share(value))

    lengths = [getattr(book, key) for key, _ in _LENGTHS]
    return (
        book.company.name, book.currency,
        *(Money(getattr(book, key), book.currency) for key, _ in _MONEY_FIGURES),
        *(getattr(book, key) for key, _ in _COUNTS),
        *(rate(key, over, under) for key, _, over, under in _RATES),
        *(None if value is None else Days(value) for value in lengths),
    )  # fmt: skip


def _ageing(report: Report) -> Sheet:
    """One row per book, one column per bucket, with live sums across."""
    found = {b.number: b for ageing in report.ageing for b in ageing.buckets}
    buckets = [found[number] for number in sorted(found)]
    columns = (
        COMPANY, CURRENCY,
        *(Column(b.key, b.name, 18) for b in buckets),
        Column("open", "Open in all", 20), Column("overdue", "Overdue", 20),
    )  # fmt: skip
    plain = Sheet("Ageing", "", columns, ())
    rows: list[tuple[Cell, ...]] = []
    for place, ageing in enumerate(report.ageing):
        held = {bucket.number: bucket for bucket in ageing.buckets}
        named = [plain.cell(b.key, place) for b in buckets]
        late = [name for name, b in zip(named, buckets, strict=True) if b.is_overdue]
        amounts = [held[b.number].amount if b.number in held else Decimal(0) for b in buckets]
        rows.append(
            (ageing.company.name, ageing.currency,
             *(Money(amount, ageing.currency) for amount in amounts),
             Live(f"SUM({','.join(named)})", Money(ageing.total, ageing.currency)),
             Live(f"SUM({','.join(late)})", Money(ageing.overdue, ageing.currency)))
        )  # fmt: skip
    told = "Open receivables by days past their due date, as QuickBooks holds them."
    summed = [column.key for column in columns[2:]]
    return sheet("Ageing", told, columns, rows, summed)


def _weeks(report: Report) -> Sheet:
    columns = (
        Column("week", "Week", 12), CURRENCY, Column("amount", "Leakage", 20),
        Column("steps", "Steps", 10),
    )  # fmt: skip
    rows = [(f.week.label, f.amount.currency, f.amount, f.count) for f in report.leakage_by_week]
    told = "Leakage by the week in which the step fell due."
    return sheet("Leakage by week", told, columns, rows, ["amount"])


def _mismatches(report: Report, links: Links, plans: Plans) -> Sheet:
    columns = (
        Column("class", "Class", 28), Column("severity", "Severity", 10),
        Column("to_close", "To close", 9), COMPANY, Column("deal", "Salesforce: deal", 30),
        Column("account", "Account", 26), Column("step", "Step", 6),
        Column("document", "QuickBooks: document", 22), Column("customer", "Customer", 26),
        CURRENCY, Column("at_stake", "At stake", 20), Column("expected", "Expected", 20),
        Column("actual", "Actual", 20), Column("difference", "Difference", 20),
        Column("occurred_on", "Since", 12), Column("age", "Age, days", 9),
        Column("also", "Also", 24), Column("reason", "Why", 48), Column("owner", "Who", 20),
        Column("next", "Next step", 44), Column("plan", "Plan", 44),
        Column("cause", "Root cause", 24),
        Column("code", "Code", 26), Column("id", "Id", 34),
    )  # fmt: skip
    plain = Sheet("Mismatches", "", columns, ())
    rows = [_mismatch(plain, f, place, links, plans) for place, f in enumerate(report.mismatches)]
    told = "Every finding with both sides, in the order of the taxonomy, the dearest first."
    return sheet("Mismatches", told, columns, rows, ["at_stake"], ROWS_HELD)


def _mismatch(
    plain: Sheet, found: Mismatch, place: int, links: Links, plans: Plans
) -> tuple[Cell, ...]:
    company_id = found.company.company_id if found.company else None
    document = words.document_name(found.document_type, found.document_number, found.document_id)
    to_document = links.document(company_id, found.document_type, found.document_id)
    difference: Cell = None
    if found.difference is not None and classes.is_compared(found.code):
        sides = f"{plain.cell('actual', place)}-{plain.cell('expected', place)}"
        difference = Live(f"ROUND({sides},2)", found.difference)
    return (
        classes.title(found.code), found.severity, "yes" if is_to_close(found) else "no",
        found.company.name if found.company else None,
        linked(found.deal_name or found.deal_id, links.deal(found.deal_id)),
        found.account_name, found.plan_step,
        linked(document, to_document) if found.document_id else None, found.customer_name,
        found.at_stake.currency if found.at_stake else None, found.at_stake, found.expected,
        found.actual, difference, found.occurred_on, found.age_days,
        ", ".join(classes.title(flag).lower() for flag in found.flags) or None,
        found.reason, found.owner, found.suggested_action,
        page_close.plan_in_words(found, plans) or None, found.root_cause, found.code,
        found.mismatch_id,
    )  # fmt: skip


def _classes(report: Report, rows: Sheet) -> Sheet:
    """Number and amount of each class and currency, counted in the list of mismatches."""
    columns = (
        Column("class", "Class", 30), CURRENCY, Column("found", "Found", 10),
        Column("amount", "At stake", 20), Column("code", "Code", 28),
        Column("meaning", "What it means", 80),
    )  # fmt: skip
    codes, currencies, stakes = (
        rows.column(key, named=True) for key in ("code", "currency", "at_stake")
    )
    told: list[tuple[Cell, ...]] = []
    for group in report.classes:
        # The code comes from the warehouse's own taxonomy, so it may stand in a formula.
        for stake in group.totals:
            money, currency = stake.amount, stake.amount.currency
            where = f'{codes},"{group.code}",{currencies},"{currency}"'
            found: tuple[Cell, Cell] = (stake.count, money)
            if not rows.left_out:
                found = (
                    Live(f"COUNTIFS({where})", stake.count),
                    Live(f"SUMIFS({stakes},{where})", money),
                )
            told.append((group.title, currency, *found, group.code, group.meaning))
        if group.unpriced:
            told.append((group.title, None, group.unpriced, None, group.code, group.meaning))
    return sheet("Classes", "The classes of mismatches with number and amount.", columns, told)
