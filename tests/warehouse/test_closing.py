"""The close of a week: exceptions carried from one to the next, signatures and what breaks them.

One world, three moments of it: before anything was recorded, after two weeks were, and after
records changed under a signature. What was recorded goes through the real state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from raw_loader import load_world
from worlds import AS_OF, PROJECT, US, Builder, read, sold

from pipelines import transform, warehouse
from pipelines.errors import AskAPerson, Stop
from reverse_etl.closing import exceptions, runs, signing
from reverse_etl.closing.exceptions import Word
from reverse_etl.closing.signing import SignOff, Step
from reverse_etl.state import State, open_state

Row = dict[str, Any]
NOW = datetime.fromisoformat(AS_OF)
BEFORE, LAST, THIS = "2026-W45", "2026-W46", "2026-W47"
RULES = "r" * 64


def day(number: int) -> datetime:
    """A day of November at noon."""
    return datetime(2026, 11, number, 12, tzinfo=UTC)


@dataclass
class Books:
    """A built world, its state, and the deals of it by name."""

    path: Path
    state: State
    deals: dict[str, str]

    def judge(self) -> None:
        """What the close makes of the state, as a build would."""
        copies = (
            ("recorded_run", runs.RUN_COLUMNS, runs.export_runs(self.state)),
            ("recorded_exception", runs.EXCEPTION_COLUMNS, runs.export_exceptions(self.state)),
            ("exception_event", exceptions.EXPORT_COLUMNS, exceptions.export_rows(self.state)),
            ("sign_off", signing.EXPORT_COLUMNS, signing.export_rows(self.state)),
        )
        with warehouse.writer(self.path) as connection:
            for table, columns, rows in copies:
                warehouse.fill_table(connection, warehouse.RAW_STATE, table, columns, rows)
        transform.require_passed(transform.build(PROJECT, self.path, select=["tag:closing"]))

    def exception(self, deal: str) -> Row:
        (row,) = read(
            self.path,
            "select * from reconciliation.exceptions "
            f"where deal_id = '{self.deals[deal]}' and mismatch_class != 'LATE_BILLED'",
        )
        return row

    def carried(self) -> Row:
        (row,) = read(
            self.path,
            "select * from reconciliation.exceptions_carried_forward where currency_code = 'USD'",
        )
        return row

    def week(self, label: str) -> Row:
        (row,) = read(self.path, f"select * from reconciliation.sign_offs where week = '{label}'")
        return row

    def blockers(self, label: str) -> list[Row]:
        return read(
            self.path,
            f"select * from reconciliation.sign_off_blockers where week = '{label}' order by all",
        )

    def say(self, deal: str, event: exceptions.Event, at: datetime, **more: Any) -> None:
        word = Word(self.exception(deal)["exception_id"], event, "ann", at, "looked at it", **more)
        exceptions.say(self.state, [word])

    def sign(self, label: str, step: Step, who: str) -> None:
        number = self.week(label)["run_number"]
        signing.sign(self.state, SignOff(label, number, step, who, NOW), self.blockers(label))


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    folder = tmp_path_factory.mktemp("closing")
    world = Builder()
    account, _ = world.known("Alder Works")
    deals = {
        name: world.deal(account, [sold(amount)], closed_on)
        for name, amount, closed_on in (
            ("unbilled", "5000.00", "2026-10-05"),
            ("grown", "7000.00", "2026-10-06"),
            ("small", "40.00", "2026-10-07"),
            ("returned", "6000.00", "2026-10-08"),
            ("accepted", "8000.00", "2026-10-09"),
        )
    }
    path = folder / "warehouse.duckdb"
    load_world(world.world(), path)
    # The close and what it stands on; its own tests run whenever it is judged.
    transform.require_passed(
        transform.build(
            PROJECT, path, select=["+tag:closing"], exclude=["resource_type:test", "test_type:unit"]
        )
    )
    state = open_state(f"sqlite:///{folder / 'state.sqlite'}")
    try:
        yield Books(path, state, deals)
    finally:
        state.close()


@pytest.fixture(scope="module")
def first(books: Books) -> dict[str, Row]:
    """The exceptions before anything was recorded."""
    return {name: books.exception(name) for name in books.deals}


@pytest.fixture(scope="module")
def second(books: Books, first: dict[str, Row]) -> Books:
    """Two weeks were recorded and people have said something."""
    found = read(books.path, runs._FOUND)
    gone = {**found[0], "deal_id": "gone", "deal_name": "Gone"}
    ids = {name: row["exception_id"] for name, row in first.items()}

    def known(label: str, at: datetime, rows: list[Row]) -> None:
        run = runs.Run(label, at, at, runs.figures_hash(rows, []), True, tuple(rows))
        runs.record(books.state, run, RULES, "page", at)

    paid = {**gone, "exception_id": "0" * 32, "value_at_stake": Decimal("3000.00")}
    lost = {**gone, "exception_id": "1" * 32, "value_at_stake": Decimal("900.00")}
    less = [
        {**row, "value_at_stake": Decimal("6500.00")}
        if row["exception_id"] == ids["grown"]
        else row
        for row in found
    ]
    known(BEFORE, day(6), [*(r for r in less if r["exception_id"] != ids["small"]), paid, lost])
    books.say("returned", "explain", day(7), root_cause="timing only")
    known(LAST, day(13), [*(r for r in less if r["exception_id"] != ids["returned"]), paid])
    books.say("unbilled", "assign", day(14), owner="bob")
    books.say(
        "accepted", "accept", day(14), root_cause="timing only",
        accepted_amount=Decimal("8000.00"), accepted_until=NOW.date(),
    )  # fmt: skip
    books.say(
        "small", "accept", day(14), root_cause="stage moved without trigger",
        accepted_amount=Decimal("40.00"), accepted_until=NOW.date() - timedelta(days=1),
    )  # fmt: skip
    books.say(
        "grown", "accept", day(14), root_cause="timing only",
        accepted_amount=Decimal("6500.00"), accepted_until=date(2026, 12, 31),
    )  # fmt: skip
    books.judge()
    return books


def test_without_a_recorded_week_everything_is_new(first: dict[str, Row]) -> None:
    assert {row["movement"] for row in first.values()} == {"new"}
    assert {row["exception_state"] for row in first.values()} == {"open"}


def test_material_is_what_is_large(first: dict[str, Row]) -> None:
    assert first["unbilled"]["is_material"]
    assert first["unbilled"]["needs_explanation"]


@pytest.mark.parametrize(
    ("deal", "state", "movement", "opening"),
    [
        ("unbilled", "assigned", "carried", "5000.00"),
        # Its acceptance ended the day before.
        ("small", "reopened", "carried", "40.00"),
        # Gone in week 46 and here again: what was explained then is about its earlier life.
        ("returned", "reopened", "new", None),
        # Accepted up to this very day.
        ("accepted", "accepted", "carried", "8000.00"),
        # It was accepted for less than it is now.
        ("grown", "reopened", "carried", "6500.00"),
    ],
)
def test_states(second: Books, deal: str, state: str, movement: str, opening: str | None) -> None:
    row = second.exception(deal)
    assert (row["exception_state"], row["movement"]) == (state, movement)
    assert row["opening_amount"] == (Decimal(opening) if opening else None)


def test_what_is_gone_is_closed_by_the_run(second: Books) -> None:
    (row,) = read(
        second.path, f"select * from reconciliation.exceptions where exception_id = '{'0' * 32}'"
    )
    assert (row["exception_state"], row["movement"]) == ("verified_closed", "closed")
    assert (row["value_at_stake"], row["opening_amount"]) == (Decimal(0), Decimal("3000.00"))
    assert not row["is_root_cause_given"]


def test_opening_and_what_happened_is_closing(second: Books) -> None:
    row = second.carried()
    told = (
        row["opening_count"], row["new_count"], row["closed_count"], row["closing_count"],
        row["opening_amount"], row["new_amount"], row["closed_amount"], row["revalued_amount"],
        row["closing_amount"],
    )  # fmt: skip
    assert (row["week"], row["opening_week"]) == (THIS, LAST)
    assert told == (
        5, 1, 1, 5, Decimal("22540.00"), Decimal("6000.00"), Decimal("3000.00"),
        Decimal("500.00"), Decimal("26040.00"),
    )  # fmt: skip


def test_what_comes_again_after_it_was_closed_is_counted_by_its_cause(second: Books) -> None:
    """Of `timing only` the returned one was gone and is back; when the lost one was closed, the
    small one of the same cause began."""
    names = "open_count, open_amount, closed_count, closed_amount, returned_count, repeated_count"
    rows = read(
        second.path,
        f"select root_cause, {names}, recurrence from reconciliation.exception_causes"
        " where currency_code = 'USD' and closed_count > 0 order by root_cause",
    )
    assert [tuple(map(str, row.values())) for row in rows] == [
        ("stage moved without trigger", "2", "5040.00", "2", "3900.00", "0", "1", "0.50"),
        ("timing only", "3", "21000.00", "1", "6000.00", "1", "0", "1.00"),
    ]


def test_causes_move_from_week_to_week(second: Books) -> None:
    """The lost one is gone in week 46 and the paid one in this; the returned one was away in week
    46. Nothing is known of weeks without a run."""
    rows = read(
        second.path,
        "select * from reconciliation.exception_cause_weeks where currency_code = 'USD'"
        " order by root_cause, week",
    )
    names = ("open_count", "open_amount", "closed_count", "closed_amount")
    told = [
        (row["root_cause"], row["week"], *(str(row[name]) for name in names))
        for row in rows
        if row["is_recorded"]
    ]
    assert told == [
        ("stage moved without trigger", BEFORE, "3", "8900.00", "0", "0.00"),
        ("stage moved without trigger", LAST, "3", "8040.00", "1", "900.00"),
        ("stage moved without trigger", THIS, "2", "5040.00", "1", "3000.00"),
        ("timing only", BEFORE, "3", "20500.00", "0", "0.00"),
        ("timing only", LAST, "2", "14500.00", "1", "6000.00"),
        ("timing only", THIS, "3", "21000.00", "0", "0.00"),
    ]
    unknown = [row for row in rows if not row["is_recorded"]]
    assert len(unknown) == 2 * 10 and {row["week"] for row in unknown} >= {"2026-W35", "2026-W44"}
    assert {row[name] for row in unknown for name in names} == {None}


def test_what_bars_a_signature(second: Books) -> None:
    reasons = [(row["reason"], row["value_at_stake"]) for row in second.blockers(LAST)]
    assert sorted(reasons) == [
        ("Accepted for less, or not any more", Decimal("40.00")),
        ("Closed without a root cause", Decimal("900.00")),
        ("Material and not explained", Decimal("3000.00")),
        ("Material and not explained", Decimal("5000.00")),
    ]
    assert second.week(LAST)["sign_off_state"] == "blocked"
    with pytest.raises(AskAPerson, match=r"2026-W46: .* and 3 more"):
        second.sign(LAST, "prepare", "ann")


@pytest.fixture(scope="module")
def signed(second: Books) -> Books:
    """Everything of the week is explained, and two people have signed it."""
    ids = [row["exception_id"] for row in second.blockers(LAST)]
    words = [
        Word(i, "explain", "ann", day(15), "as agreed", root_cause="plan missing") for i in ids
    ]
    exceptions.say(second.state, words)
    second.judge()
    assert second.week(LAST)["sign_off_state"] == "ready"
    second.sign(LAST, "prepare", "ann")
    with pytest.raises(Stop, match="cannot review it as well"):
        second.sign(LAST, "review", "Ann ")
    second.judge()
    assert second.week(LAST)["sign_off_state"] == "prepared"
    second.sign(LAST, "review", "carol")
    second.judge()
    return second


def test_two_people_sign(signed: Books) -> None:
    row = signed.week(LAST)
    assert (row["sign_off_state"], row["prepared_by"], row["reviewed_by"]) == (
        "signed", "ann", "carol",
    )  # fmt: skip
    assert row["changes"] == 0


@pytest.fixture(scope="module")
def changed(signed: Books) -> Books:
    """Documents and a deal of the signed week were changed, added and deleted after it."""
    after, before = "timestamptz '2026-11-16 09:00+00'", "timestamptz '2026-11-02 09:00+00'"

    def invoice(number: int, total: str, known_from: str, known_to: str, on: str) -> str:
        payload = (
            f'{{"DocNumber": "D{number}", "TxnDate": "{on}", "TotalAmt": {total}, '
            '"CurrencyRef": {"value": "USD"}}'
        )
        return f"('{US}', '{number}', '{payload}', {known_from}, {known_to})"

    with warehouse.writer(signed.path) as connection:
        for statement in (
            "create schema history_quickbooks",
            "create schema history_salesforce",
            "create table history_quickbooks.invoice (company_id varchar, id varchar, "
            "payload varchar, known_from timestamptz, known_to timestamptz)",
            "insert into history_quickbooks.invoice values "
            + ", ".join(
                (
                    invoice(1, "100.00", before, after, "2026-11-10"),
                    invoice(1, "120.00", after, "null", "2026-11-10"),
                    invoice(2, "70.00", before, "null", "2026-11-11"),
                    invoice(3, "55.50", after, "null", "2026-11-12"),
                    # Of a week that is not signed, and one that is as it was.
                    invoice(4, "60.00", after, "null", "2026-11-17"),
                    invoice(5, "80.00", before, "null", "2026-11-12"),
                    # Moved out of the week.
                    invoice(6, "30.00", before, after, "2026-11-13"),
                    invoice(6, "30.00", after, "null", "2026-11-18"),
                )
            ),
            "create table history_quickbooks.deletion (company_id varchar, entity varchar, "
            "id varchar, deleted_at timestamptz, known_from timestamptz, known_to timestamptz)",
            f"insert into history_quickbooks.deletion values ('{US}', 'Invoice', '2', {after}, "
            f"{after}, null)",
            "create table history_salesforce.opportunity (org_id varchar, id varchar, "
            "name varchar, close_date date, currency_iso_code varchar, amount decimal(18, 2), "
            "is_won boolean, is_deleted boolean, known_from timestamptz, known_to timestamptz)",
            "insert into history_salesforce.opportunity values "
            f"('o', 'd', 'Deal D', date '2026-11-09', 'USD', 10, true, false, {before}, null)",
            "create table history_salesforce.opportunity_line_item (org_id varchar, id varchar, "
            "opportunity_id varchar, total_price decimal(18, 2), is_deleted boolean, "
            "known_from timestamptz, known_to timestamptz)",
            "insert into history_salesforce.opportunity_line_item values "
            f"('o', 'l1', 'd', 10, false, {before}, null), "
            f"('o', 'l2', 'd', 4.25, false, {after}, null)",
        ):
            connection.execute(statement)
    signed.judge()
    return signed


def test_a_change_under_a_signature_opens_the_week(changed: Books) -> None:
    assert changed.week(LAST)["sign_off_state"] == "reopened"


def test_the_exact_difference_is_told(changed: Books) -> None:
    rows = read(
        changed.path, "select * from reconciliation.changes_after_sign_off order by record_id"
    )
    told = [(r["record_type"], r["record_number"], r["change"], r["difference"]) for r in rows]
    assert told == [
        ("invoice", "D1", "changed", Decimal("20.00")),
        ("invoice", "D2", "removed", Decimal("-70.00")),
        ("invoice", "D3", "added", Decimal("55.50")),
        ("invoice", "D6", "removed", Decimal("-30.00")),
        ("deal", "Deal D", "changed", Decimal("4.25")),
    ]
    assert {row["week"] for row in rows} == {LAST}


@pytest.fixture(scope="module")
def signed_again(changed: Books) -> Books:
    """Two people look at what has changed and sign the same run once more."""
    changed.sign(LAST, "prepare", "ann")
    changed.judge()
    row = changed.week(LAST)
    assert (row["sign_off_state"], row["changes"]) == ("prepared", 5)
    changed.sign(LAST, "review", "carol")
    changed.judge()
    return changed


def test_who_signs_again_signs_what_has_changed(signed_again: Books) -> None:
    row = signed_again.week(LAST)
    assert (row["sign_off_state"], row["changes"]) == ("signed", 0)


def test_a_withdrawn_week_is_not_signed(signed_again: Books) -> None:
    changed = signed_again
    changed.sign(LAST, "withdraw", "carol")
    changed.judge()
    row = changed.week(LAST)
    assert (row["sign_off_state"], row["reviewed_by"], row["changes"]) == ("ready", None, 0)
    with pytest.raises(Stop, match="nobody has signed it"):
        changed.sign(LAST, "withdraw", "carol")
