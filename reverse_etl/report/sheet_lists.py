"""The sheets that list what waits for somebody, and what the report rests on."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from pipelines.money import Money
from reverse_etl.report import classes, page_close, words
from reverse_etl.report.cells import Cell, Column, Link, Live, Share, Sheet, sheet
from reverse_etl.report.close_value import Count
from reverse_etl.report.links import Links
from reverse_etl.report.value import Report

COMPANY = Column("company", "Company", 26)
CURRENCY = Column("currency", "Currency", 10)


def share(value: Decimal) -> Share:
    """Cut to a tenth of a per cent, so that 100.0 % means every single one."""
    return Share(value.quantize(Decimal("0.001"), rounding=ROUND_DOWN))


def linked(text: str | None, url: str | None) -> Cell:
    """Text that opens its record where the record can be opened."""
    return Link(text, url) if text and url else text


def times(report: Report) -> Sheet:
    """How many steps were invoiced within how many days."""
    columns = (
        COMPANY, CURRENCY, Column("days", "Days to invoice", 16), Column("steps", "Steps", 10),
        Column("amount", "Amount", 20),
    )  # fmt: skip
    rows = [
        (time.company.name, time.currency, length.days.replace("-", "–"), length.steps,
         Money(length.amount, time.currency))
        for time in report.times
        for length in time.lengths
    ]  # fmt: skip
    told = "Plan steps by the days from the plan's date to their first invoice."
    return sheet("Time to invoice", told, columns, rows, ["amount"])


def carried(report: Report) -> Sheet:
    """Opening + new − closed ± revalued, and beside it the closing that was counted anew."""
    columns = (
        COMPANY, CURRENCY,
        *(Column(f"{key}_count", f"{name}, number", 12) for key, name in _MOVED),
        *(Column(key, name, 18) for key, name in _MOVED), Column("revalued", "Revalued", 18),
        Column("difference", "Difference", 18),
    )  # fmt: skip
    plain = Sheet("Carried forward", "", columns, ())
    rows: list[tuple[Cell, ...]] = []
    for place, row in enumerate(report.carried):
        counts: tuple[Count, ...] = (row.opening, row.new, row.closed, row.closing)
        sums = [count.amount.amount if count.amount else Decimal(0) for count in counts]
        revalued = row.revalued.amount if row.revalued else Decimal(0)
        opening, new, closed, closing, moved = (
            plain.cell(key, place) for key in ("opening", "new", "closed", "closing", "revalued")
        )
        proof = (
            Live(
                f"ROUND({closing}-({opening}+{new}-{closed}+{moved}),2)",
                Money(sums[3] - (sums[0] + sums[1] - sums[2] + revalued), row.currency),
            )
            if row.currency
            else None
        )
        rows.append(
            (row.subject, row.currency or None, *(count.number for count in counts),
             *(count.amount for count in counts), row.revalued, proof)
        )  # fmt: skip
    week = page_close.opening_week(report)
    told = (
        f"Opening + new − closed ± revalued = closing, since {week}."
        if week
        else ("No earlier week is recorded, so everything counts as new.")
    )
    return sheet("Carried forward", told, columns, rows, [key for key, _ in _MOVED])


_MOVED = (("opening", "Opening"), ("new", "New"), ("closed", "Closed"), ("closing", "Closing"))


def causes(report: Report) -> Sheet:
    """Each root cause in each week that is known, one row per currency."""
    columns = (
        Column("cause", "Root cause", 28), Column("week", "Week", 12), CURRENCY,
        Column("open_count", "Open, number", 12), Column("open", "At stake", 20),
        Column("closed_count", "Closed, number", 12), Column("closed", "Closed", 20),
    )  # fmt: skip
    rows = [
        (words.label(trend.name), week.week, currency or None, still.number, still.amount,
         gone.number, gone.amount)
        for trend in report.cause_trends
        for week in trend.recorded
        for currency, still, gone in page_close.by_currency(week)
    ]  # fmt: skip
    told = (
        "Exceptions by root cause: open at the end of each week, and closed in it; a week without "
        "a recorded run is not listed. Open ones stand in every week, so only closed add up."
    )
    return sheet("Causes by week", told, columns, rows, ["closed"])


def exceptions(report: Report, links: Links, most: int) -> Sheet:
    """Every exception of the week with what people said of it."""
    columns = (
        Column("motion", "Movement", 12), Column("state", "State", 16),
        Column("bars", "Bars signature", 9), Column("class", "Class", 26),
        Column("name", "Deal or document", 34), CURRENCY, Column("amount", "At stake", 20),
        Column("age", "Age, days", 9), Column("owner", "Whose", 20),
        Column("cause", "Root cause", 24), Column("said", "What was said", 44),
        Column("by", "By", 16), Column("until", "Accepted until", 12), Column("id", "Id", 34),
    )  # fmt: skip
    rows = [
        (
            entry.motion, words.label(entry.state), "yes" if entry.needs_explanation else "no",
            classes.title(entry.code), linked(entry.name, links.deal(entry.deal_id)),
            entry.at_stake.currency if entry.at_stake else None, entry.at_stake, entry.age_days,
            entry.owner, entry.root_cause, entry.explanation, entry.explained_by,
            entry.accepted_until, entry.exception_id,
        )
        for entry in report.entries
    ]  # fmt: skip
    told = "Exceptions of the week; one that is closed has at stake what the week opened with."
    return sheet("Exceptions", told, columns, rows, ["amount"], most)


def signatures(report: Report) -> Sheet:
    """The recorded weeks, who signed them, and what changed under a signature."""
    columns = (
        Column("week", "Week", 12), Column("state", "State", 20),
        Column("prepared", "Prepared", 30), Column("reviewed", "Reviewed", 30),
        Column("exceptions", "Exceptions", 11), Column("material", "Material", 10),
        Column("bars", "Bars", 8), Column("changes", "Changes since", 10),
        Column("record", "Changed record", 40), CURRENCY, Column("amount", "Difference", 20),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (week.week, page_close.sign_off_state(week), page_close.signature(week, "prepared"),
         page_close.signature(week, "reviewed"), week.exceptions, week.material, week.blockers,
         week.changes, None, None, None)
        for week in report.signed_weeks
    ]  # fmt: skip
    rows += [
        (change.week.label, *[None] * 7, change.subject, change.difference.currency,
         change.difference)
        for change in report.changes_after_sign_off or ()
    ]  # fmt: skip
    told = page_close.barring_sentence(report)
    return sheet("Sign-off", told, columns, rows, ["amount"])


def blocked(report: Report, links: Links) -> Sheet:
    columns = (
        Column("deal", "Deal", 34), Column("account", "Account", 28), COMPANY,
        Column("step", "Step", 8), CURRENCY, Column("amount", "Amount", 20),
        Column("reason", "Reason", 28), Column("detail", "Why", 56),
    )  # fmt: skip
    rows = [
        (
            linked(row.deal_name, links.deal(row.deal_id)), row.account_name,
            row.company.name if row.company else None, row.plan_step,
            row.amount.currency if row.amount else None, row.amount, row.reason, row.detail,
        )
        for row in report.blocked
    ]  # fmt: skip
    told = "Due, and not invoiced by itself until the reason is gone."
    return sheet("Blocked", told, columns, rows, ["amount"])


def waiting(report: Report) -> Sheet:
    columns = (
        Column("subject", "Link", 12), Column("name", "Record", 34), COMPANY, CURRENCY,
        Column("amount", "At stake", 20), Column("candidate", "Candidate", 34),
        Column("confidence", "Confidence", 12), Column("rank", "Rank", 8),
        Column("reason", "Why", 50), Column("code", "Code", 32),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for row in report.reviews:
        for place, candidate in enumerate(row.candidates):
            # What is at stake is so once, however many candidates there are.
            money = None if place else row.at_stake
            sure = None if candidate.confidence is None else share(candidate.confidence)
            rows.append(
                (row.subject, row.name, row.company.name, money.currency if money else None,
                 money, candidate.name, sure, candidate.rank, candidate.reason,
                 candidate.review_id)
            )  # fmt: skip
    told = "Links of low confidence: each waits for a person, who decides by the code."
    return sheet("Waiting", told, columns, rows, ["amount"])


_STATES = (
    ("invoiced", "Invoiced"), ("to_be_invoiced", "To be invoiced"), ("blocked", "Blocked"),
    ("not_due", "Not due"),
)  # fmt: skip


def coverage(report: Report) -> Sheet:
    columns = (
        COMPANY, CURRENCY, *(Column(key, name, 20) for key, name in _STATES),
        Column("all", "All that is billable", 22), Column("steps", "Steps", 10),
    )  # fmt: skip
    plain = Sheet("Coverage", "", columns, ())
    rows: list[tuple[Cell, ...]] = [
        (
            row.company.name, row.currency,
            *(Money(row.state(key).amount, row.currency) for key, _ in _STATES),
            Live(
                f"SUM({plain.cell('invoiced', place)}:{plain.cell('not_due', place)})",
                Money(row.amount, row.currency),
            ),
            row.steps,
        )
        for place, row in enumerate(report.coverage)
    ]  # fmt: skip
    told = "Where every step of every billable deal ended up; nothing is filtered away."
    return sheet("Coverage", told, columns, rows, [*(key for key, _ in _STATES), "all"])


def sources(report: Report) -> Sheet:
    columns = (
        Column("subject", "Check", 40), Column("result", "Result", 10),
        Column("detail", "Detail", 70), Column("read", "Rows read", 14),
        Column("counted", "Rows the system counts", 16), Column("at", "Oldest read", 24),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (
            check.subject,
            "Failed" if not check.passed else "Differs" if check.differs else "Passed",
            check.detail, check.rows_read, check.rows_counted,
            words.moment(check.observed_at) if check.observed_at else None,
        )
        for check in report.verdict.checks
    ]  # fmt: skip
    return sheet("Sources", "What the data verdict rests on.", columns, rows)
