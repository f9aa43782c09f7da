"""A mail leaves once: every ending of its call, and what a person did meanwhile."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from writing import AS_OF, US, World, mail_row, marts

from reverse_etl import failpoints
from reverse_etl.changes import Blocked, Change, from_json
from reverse_etl.ledger import snapshot
from reverse_etl.syncs import invoice_mails
from reverse_etl.syncs.flow import Facts


class Died(BaseException):
    """The process ends here."""


MAILS = marts(mails=[mail_row("1000")])
LATER = AS_OF + timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """With one invoice in the books."""
    world = World(tmp_path)
    world.us.invoices["1000"] = {"Id": "1000", "PrivateNote": "", "made": AS_OF}
    return world


def mail(**changed: Any) -> Any:
    rows = {invoice_mails.MART: [mail_row("1000", **changed)]}
    (only,) = invoice_mails.changes(rows, Facts())
    return only


def test_it_says_which_invoice_goes_where_and_moves_no_money() -> None:
    one = mail()
    assert isinstance(one, Change)
    assert one.key == f"invoice_mails:{US}:1000:0:g1"
    assert (one.amount, one.entity) == (None, "InvoiceMail")
    assert from_json(one.payload) == {"Id": "1000", "sendTo": "ap@example.com"}
    assert [(f.name, f.after) for f in one.fields] == [
        ("customer", "Account 1"), ("to", "ap@example.com"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "row, reason",
    [
        ({"bill_email": None}, "mail_address_missing"),
        ({"blocked_reason": "too_late_to_mail"}, "too_late_to_mail"),
    ],
)
def test_what_is_not_to_be_sent_says_why(row: dict[str, Any], reason: str) -> None:
    one = mail(**row)
    assert isinstance(one, Blocked)
    assert one.reason == reason


def test_it_is_sent_and_never_again(world: World) -> None:
    assert world.statuses(world.apply(world.plan(MAILS))) == ["done"]
    assert world.us.mails == [("1000", "ap@example.com")]
    assert not world.apply(world.plan(MAILS)).progressed
    # The books of later do not show it: it is told, and not sent once more.
    plan = world.plan(MAILS, as_of=LATER)
    assert ([b.reason for b in plan.blocked], plan.changes) == (["done_but_not_seen"], ())
    assert len(world.us.mails) == 1


def test_a_lost_reply_is_found_on_the_invoice(world: World) -> None:
    world.us.faults = ["lost_reply"]
    plan = world.plan(MAILS)
    assert world.statuses(world.apply(plan)) == ["unknown"]
    assert world.statuses(world.apply(plan)) == ["done"]
    assert len(world.us.mails) == 1


@pytest.mark.parametrize("fault, sent", [("lost_request", 0), ("lost_reply_unsaid", 1)])
def test_a_try_that_nothing_speaks_of_is_never_repeated(
    world: World, fault: str, sent: int
) -> None:
    world.us.faults = [fault]
    plan = world.plan(MAILS)
    assert world.statuses(world.apply(plan)) == ["unknown"]
    for _ in range(3):
        world.clock.advance(3600)
        assert world.statuses(world.apply(plan)) == ["unknown"]
    assert len(world.us.mails) == sent
    # It stays in sight, and ends once a person has sent it from QuickBooks.
    assert [u.status for u in world.plan(MAILS).unsettled] == ["unknown"]
    world.us.invoices["1000"]["EmailStatus"] = "EmailSent"
    assert world.statuses(world.apply(plan)) == ["done"]
    assert len(world.us.mails) == sent


@pytest.mark.parametrize("point", [f"invoice_mails.{p}" for p in failpoints.FLOW_POINTS[:6]])
def test_dying_anywhere_sends_it_once_or_leaves_it_to_a_person(
    world: World, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    def reach(reached: str) -> None:
        if reached == point:
            raise Died(point)

    plan = world.plan(MAILS)
    with monkeypatch.context() as dying:
        for module in ("apply", "ledger"):
            dying.setattr(f"reverse_etl.{module}.reach", reach)
        with pytest.raises(Died):
            world.apply(plan)
    world.clock.advance(3600)
    world.apply(plan)
    # Where the intent is durable and nothing was sent, nobody can tell: it is not sent.
    sent = point != "invoice_mails.after_intent"
    assert len(world.us.mails) == int(sent)
    (entry,) = snapshot(world.state, ["invoice_mails"])
    assert entry.status == ("done" if sent else "unknown")


@pytest.mark.parametrize(
    "done, words",
    [
        ({"EmailStatus": "EmailSent"}, "somebody has sent it already"),
        ({"PrivateNote": "Voided - Crossfoot"}, "the invoice was voided"),
        (None, "the invoice was deleted"),
    ],
)
def test_what_a_person_did_meanwhile_is_seen_before_the_call(
    world: World, done: dict[str, str] | None, words: str
) -> None:
    plan = world.plan(MAILS)
    if done is None:
        del world.us.invoices["1000"]
    else:
        world.us.invoices["1000"] |= done
    (outcome,) = world.apply(plan).outcomes
    assert outcome.status == "refused"
    assert words in outcome.message
    assert world.us.mails == []
