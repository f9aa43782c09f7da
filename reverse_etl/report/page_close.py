"""What the page and the spreadsheet say of the week's close: exceptions, signatures, plans."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.money import Money
from reverse_etl.report import charts, words
from reverse_etl.report.close_value import (
    CauseTrend,
    CauseWeek,
    Count,
    ExceptionEntry,
    Planned,
    SignedWeek,
)
from reverse_etl.report.plans import Plans
from reverse_etl.report.value import (
    Figures,
    Length,
    Mismatch,
    MismatchClass,
    Reason,
    Report,
    TimeToInvoice,
    is_to_close,
    stakes,
)

# Where a command of ours is what mends it.
_COMMANDS = {
    "NOT_CONCLUDED": "crossfoot extract",
    "AMBIGUOUS_MATCH": "crossfoot match queue",
    "LOW_CONFIDENCE_MATCH": "crossfoot match queue",
    "STATUS_DRIFT": "crossfoot plan deal_status",
}
_STATES = {
    "blocked": "Bars are left", "ready": "Ready to be prepared", "prepared": "Prepared",
    "signed": "Signed", "reopened": "Reopened",
}  # fmt: skip


def opening_week(report: Report) -> str:
    """The recorded week that opened, new and closed are counted from; empty without one."""
    return next((row.opening_week for row in report.carried if row.opening_week), "")


def motions(report: Report) -> list[tuple[str, tuple[ExceptionEntry, ...]]]:
    """The week's exceptions as opened, closed and carried; those without any are left out."""
    named = (("Opened this week", "new"), ("Closed this week", "closed"), ("Carried", "carried"))
    groups = [
        (name, tuple(entry for entry in report.entries if entry.motion == motion))
        for name, motion in named
    ]
    return [(name, entries) for name, entries in groups if entries]


def barring(report: Report) -> tuple[ExceptionEntry, ...]:
    """Exceptions that are material and not dealt with: they bar the week's signature."""
    return tuple(entry for entry in report.entries if entry.needs_explanation)


def barring_sentence(report: Report) -> str:
    """What bars the signature of the week."""
    found = barring(report)
    if not report.verdict.is_concluded:
        return "The data are not concluded, and that bars the signature of this week."
    if not found:
        return "Nothing material is unexplained, so nothing bars the signature of this week."
    sums = " · ".join(
        words.money(stake.amount) for stake in stakes(entry.at_stake for entry in found)
    )
    told = words.count(len(found), "material exception")
    bars = "bars" if len(found) == 1 else "bar"
    return f"{told} without an explanation, {sums}, {bars} the signature of this week."


def trend_sentence(trend: CauseTrend) -> str:
    """What the picture of a root cause shows."""
    name = words.label(trend.name)
    if not trend.recorded:
        return f"{name}: no run of these weeks is known."
    highest = max(trend.recorded, key=lambda week: week.open_number)
    last = trend.recorded[-1]
    return (
        f"{name} by week from {trend.weeks[0].week} to {trend.weeks[-1].week}: at most "
        f"{highest.open_number:,} open, in {highest.week}; {last.open_number:,} open and "
        f"{last.closed_number:,} closed in {last.week}."
    )


def closed_in_all(trend: CauseTrend) -> int:
    """How many exceptions of the cause were closed in all its weeks."""
    return sum(week.closed_number for week in trend.weeks)


def sums_of(counts: Iterable[Count]) -> list[Money]:
    """The amounts of counts, one per currency."""
    return [count.amount for count in counts if count.amount is not None]


def by_currency(week: CauseWeek) -> list[tuple[str, Count, Count]]:
    """What is open and what was closed in a week, per currency; one line of none where both are."""
    still, gone = (
        {count.amount.currency if count.amount else "": count for count in counts}
        for counts in (week.open, week.closed)
    )
    return [
        (currency, still.get(currency, Count(0, None)), gone.get(currency, Count(0, None)))
        for currency in sorted({*still, *gone} or {""})
    ]


def said_of(entry: ExceptionEntry) -> str:
    """What people said of an exception."""
    parts = [entry.root_cause, entry.explanation]
    if entry.explained_by:
        parts.append(f"said by {entry.explained_by}")
    if entry.accepted_until:
        parts.append(f"accepted until {words.day(entry.accepted_until)}")
    return " · ".join(part for part in parts if part)


def signature(week: SignedWeek, step: str) -> str:
    """Who signed a step of a week, and when."""
    who, at = (
        (week.prepared_by, week.prepared_at)
        if step == "prepared"
        else (week.reviewed_by, week.reviewed_at)
    )
    if not who:
        return "–"
    return f"{who}, {words.day(at.date())}" if at else who


def sign_off_state(week: SignedWeek) -> str:
    """The state of a week's signature in words."""
    return _STATES.get(week.state, words.label(week.state))


def plan_text(planned: Planned) -> str:
    """What would be written, or why nothing is."""
    if planned.blocked:
        return f"not until this is settled: {planned.blocked}"
    amount = f", {words.money(planned.amount)}" if planned.amount else ""
    return f"{planned.what}{amount}"


def plan_state(planned: Planned, plans: Plans) -> str:
    """Where the write stands: in no plan yet, in one, or in a flow that sends nothing."""
    if mode := plans.unsent.get(planned.flow):
        return (
            "Its flow is in shadow, so it is not sent:"
            if mode == "shadow"
            else "Its flow is off; in the policy file it can be watched first:"
        )
    checksum = plans.holding(planned.key)
    return f"In plan {checksum}:" if checksum else "No stored plan holds it yet:"


def plan_command(planned: Planned, plans: Plans) -> str:
    """What sends the write: the approval of the plan that holds it, or first the making of one. Of
    a flow that sends nothing, what shows how its plans compare with what people do, or what makes
    it plan at all."""
    if mode := plans.unsent.get(planned.flow):
        return "crossfoot shadow" if mode == "shadow" else f'{planned.flow}.mode = "shadow"'
    checksum = plans.holding(planned.key)
    if not checksum:
        return f"crossfoot plan {planned.flow}"
    return f"crossfoot approve {checksum} --by YOUR-NAME && crossfoot apply {checksum}"


def plan_in_words(found: Mismatch, plans: Plans) -> str:
    """The same for a cell: every write that would mend the finding, or who does it by hand."""
    if not is_to_close(found):
        return ""
    if not found.planned:
        return _COMMANDS.get(found.code, "by hand")
    return "; ".join(
        f"{plan_text(planned)} ({planned.key})"
        if planned.blocked
        else f"{plan_text(planned)}: {plan_command(planned, plans)} ({planned.key})"
        for planned in found.planned
    )


def hand_text(group: MismatchClass) -> tuple[str, str] | None:
    """What stands in the place of a plan where none of the class's findings has one: words and a
    command; nothing where there is nothing to do."""
    waiting = [found for found in group.mismatches if is_to_close(found)]
    if not waiting or any(found.planned for found in waiting):
        return None
    if group.code in _COMMANDS:
        return "No plan yet:", _COMMANDS[group.code]
    return (
        "No write is planned: no document that exists is changed by itself. When it is done:",
        "crossfoot exceptions fixed ID --reason WHAT --by YOUR-NAME",
    )


def reasons(group: MismatchClass) -> list[Reason]:
    """What a class for information is about, reason by reason, the commonest first."""
    told = sorted({found.reason for found in group.mismatches})
    rows = [
        Reason(reason, len(same), stakes(_about(found) for found in same))
        for reason in told
        for same in [[found for found in group.mismatches if found.reason == reason]]
    ]
    return sorted(rows, key=lambda row: -row.count)


def _about(found: Mismatch) -> Money | None:
    """What is at stake, or where that is nothing, what the record itself amounts to."""
    if found.at_stake is not None and found.at_stake.amount:
        return found.at_stake
    return found.expected or found.actual or found.at_stake


def short_id(found: Mismatch) -> str:
    """As much of an id as commands need; empty for what nobody has to close."""
    return found.mismatch_id[:12] if is_to_close(found) else ""


def length_name(length: Length) -> str:
    """`0 days`, `3–5 days`."""
    return f"{length.days.replace('-', '–')} days"


def length_bar(length: Length, time: TimeToInvoice) -> object:
    """The length of its bar, the longest of its neighbours being 100."""
    return charts.share_of(length.steps, max(other.steps for other in time.lengths))


def times_shown(report: Report) -> list[TimeToInvoice]:
    """The books in which anything was invoiced."""
    return [time for time in report.times if time.steps]


def time_sentence(time: TimeToInvoice, report: Report) -> str:
    """Median and P90 beside the distribution."""
    for book in report.figures:
        if (book.company, book.currency) == (time.company, time.currency):
            median = words.days(book.time_to_invoice_median_days)
            p90 = words.days(book.time_to_invoice_p90_days)
            steps = words.count(time.steps, "step")
            return f"Half of {steps} within {median}, nine of ten within {p90}. {_sent(book)}"
    return ""


def _sent(book: Figures) -> str:
    """How long it took until the invoice was sent, of those that QuickBooks knows it of."""
    if not book.steps_sent:
        return "QuickBooks knows of none when it was sent."
    median = words.days(book.time_to_send_median_days)
    p90 = words.days(book.time_to_send_p90_days)
    known = words.count(book.steps_sent, "step")
    return f"Until it was sent by e-mail, known of {known}: half {median}, nine of ten {p90}."


def filters() -> dict[str, object]:
    """How the template reaches these."""
    named: Iterable[tuple[str, object]] = (
        ("barring", barring), ("closed_in_all", closed_in_all), ("pairs", charts.pairs),
        ("sums_of", sums_of), ("trend_sentence", trend_sentence),
        ("barring_sentence", barring_sentence), ("hand_text", hand_text),
        ("length_bar", length_bar), ("length_name", length_name), ("motions", motions),
        ("opening_week", opening_week), ("plan_command", plan_command),
        ("plan_state", plan_state), ("plan_text", plan_text), ("said_of", said_of),
        ("reasons", reasons), ("short_id", short_id), ("sign_off_state", sign_off_state),
        ("signature", signature),
        ("time_sentence", time_sentence), ("times_shown", times_shown),
    )  # fmt: skip
    return dict(named)
