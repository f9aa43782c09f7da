"""The report on its way to people: by mail and to Slack, and never twice to the same one.

A delivery is a row of the state, by week, page, channel and recipient:

    (nothing) ──intend──► intended ──► sent                     final: it is not sent again
                             │   └──► failed ──send again──► intended
                             └──────► uncertain ──only when told so──► intended

`intended` is written before the call, so that a run that dies leaves it behind. What was sent
without an answer is `uncertain`: it may have arrived, so it is told and not repeated by itself. A
mail's Message-ID follows from the row's key, so that a mail system can tell that two are one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pipelines.clients.mail import send_mail
from pipelines.clients.slack import post_message
from pipelines.clients.transport import Patience
from pipelines.errors import AskAPerson, CrossfootError, ReplyLost, Retry, Stop
from pipelines.settings import DeliverySettings, Secret, Settings, SmtpSettings
from reverse_etl.lease import Now, utc_now
from reverse_etl.opening import opened
from reverse_etl.report.files import ReportPaths
from reverse_etl.report.mail import compose
from reverse_etl.report.places import places
from reverse_etl.report.slack import slack_message
from reverse_etl.state import State, Transaction

Channel = Literal["mail", "slack"]
Status = Literal["sent", "failed", "uncertain", "under_way"]
PATIENT = Patience(throttle_wait=5.0)
# Longer than all tries of one delivery together; after that, who had begun it is gone.
_ABANDONED = timedelta(minutes=15)
_TABLE = "delivery"


@dataclass(frozen=True)
class Delivery:
    """What became of one delivery. `is_fresh` tells that this run has sent it."""

    channel: Channel
    recipient: str
    status: Status
    message: str
    at: datetime
    is_fresh: bool


@dataclass(frozen=True)
class _Target:
    """One delivery that is to be made: its row's key and how it is made."""

    channel: Channel
    recipient: str
    key: dict[str, str]
    message_id: str
    send: Callable[[], None]


def deliver(
    settings: Settings,
    paths: ReportPaths,
    *,
    again: bool = False,
    now: Now = utc_now,
    patience: Patience = PATIENT,
) -> tuple[Delivery, ...]:
    """Send the report over every configured channel to whoever has not got it yet.

    With `again` also what may or may not have arrived. One that fails does not stop the others.
    Raises `ConfigurationError` when no channel is configured, or one of them wrongly.
    """
    told = settings.delivery
    targets = list(_targets(settings, told, paths, now))
    if not targets:
        raise Stop(
            "report",
            paths.week,
            "nobody is set to get it",
            "Set CROSSFOOT_SMTP_HOST, CROSSFOOT_REPORT_FROM and CROSSFOOT_REPORT_TO, or "
            "CROSSFOOT_SLACK_WEBHOOK.",
        )
    with opened(settings) as state:
        return tuple(_deliver(state, target, again, now, patience) for target in targets)


def require_sent(done: Iterable[Delivery]) -> None:
    """Return when everybody has the report.

    Raises `AskAPerson` when it may or may not have reached somebody, `Stop` when it did not.
    """
    missing = [one for one in done if one.status != "sent"]
    if not missing:
        return
    named = "; ".join(f"{one.channel} to {one.recipient}: {one.message}" for one in missing)
    if any(one.status in ("uncertain", "under_way") for one in missing):
        raise AskAPerson(
            "report",
            "",
            f"it may or may not have reached everybody ({named})",
            "Ask, then send it once more with `crossfoot report --send --again` where it did not.",
        )
    raise Stop("report", "", f"it did not reach everybody ({named})", "Mend that, then send again.")


def _targets(
    settings: Settings, told: DeliverySettings, paths: ReportPaths, now: Now
) -> Iterable[_Target]:
    seconds = settings.timeout_seconds
    if told.smtp:
        for recipient in told.smtp.recipients:
            yield _mail(told.smtp, told, recipient, paths, seconds, now)
    if told.webhook:
        yield _slack(told.webhook, told, paths, seconds)


def _mail(
    smtp: SmtpSettings,
    told: DeliverySettings,
    recipient: str,
    paths: ReportPaths,
    seconds: int,
    now: Now,
) -> _Target:
    key = _key(paths, "mail", recipient)
    message_id = f"<{_digest(*key.values())}.{paths.week}@{smtp.sender.partition('@')[2]}>"

    def send() -> None:
        message = compose(
            paths.report,
            paths,
            told.report_url,
            attached=told.attached,
            sender=smtp.sender,
            recipient=recipient,
            message_id=message_id,
            now=now(),
        )
        send_mail(smtp, message, recipient, seconds)

    return _Target("mail", recipient, key, message_id, send)


def _slack(webhook: Secret, told: DeliverySettings, paths: ReportPaths, seconds: int) -> _Target:
    # The address is a secret, so its row bears a digest of it.
    recipient = f"webhook {_digest(webhook.reveal())[:12]}"

    def send() -> None:
        message = slack_message(paths.report, places(paths, told.report_url))
        post_message(webhook, message, seconds)

    return _Target("slack", recipient, _key(paths, "slack", recipient), "", send)


def _key(paths: ReportPaths, channel: Channel, recipient: str) -> dict[str, str]:
    return {
        "week": paths.week,
        "page_hash": paths.page_hash,
        "channel": channel,
        "recipient": recipient,
    }


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def _deliver(state: State, target: _Target, again: bool, now: Now, patience: Patience) -> Delivery:
    with state.writing() as work:
        held = _claim(work, target, again, now())
    if held is not None:
        return held
    try:
        patience.insist(target.send)
    except ReplyLost as problem:
        return _finish(state, target, "uncertain", str(problem), now)
    except (CrossfootError, OSError) as problem:
        return _finish(state, target, "failed", _told(problem), now)
    return _finish(state, target, "sent", "", now)


def _told(problem: Exception) -> str:
    """What a person has to know; a failure that may pass has been tried often enough."""
    return f"{problem} It was tried several times." if isinstance(problem, Retry) else str(problem)


def _claim(work: Transaction, target: _Target, again: bool, at: datetime) -> Delivery | None:
    """Note that it is going to be sent, or say why it is not."""
    intent = {"status": "intended", "message": "", "last_tried_at": at, "finished_at": None}
    row = work.one(_TABLE, **target.key)
    if row is None:
        first = {"message_id": target.message_id, "tries": 1, "intended_at": at}
        work.add(_TABLE, [{**target.key, **first, **intent}])
        return None
    if row["status"] == "sent":
        return _held(target, "sent", "it was sent already", row["finished_at"])
    if row["status"] == "intended":
        if at - row["last_tried_at"] < _ABANDONED:
            return _held(target, "under_way", "another run is sending it", at)
        row = {**row, "status": "uncertain", "message": "the run that was sending it has died"}
        work.change(_TABLE, {"status": "uncertain", "message": row["message"]}, **target.key)
    if row["status"] == "uncertain" and not again:
        return _held(target, "uncertain", row["message"], row["last_tried_at"])
    work.change(_TABLE, {**intent, "tries": row["tries"] + 1}, **target.key)
    return None


def _held(target: _Target, status: Status, message: str, at: datetime) -> Delivery:
    return Delivery(target.channel, target.recipient, status, message, at, is_fresh=False)


def _finish(state: State, target: _Target, status: Status, message: str, now: Now) -> Delivery:
    at = now()
    with state.writing() as work:
        ended = {"status": status, "message": message, "finished_at": at}
        work.change(_TABLE, ended, **target.key)
    return Delivery(target.channel, target.recipient, status, message, at, is_fresh=True)


def delivery_lines(done: Iterable[Delivery]) -> list[str]:
    """What became of each, for a terminal."""
    return [_line(one) for one in done]


def _line(one: Delivery) -> str:
    name = "Mail" if one.channel == "mail" else "Slack"
    if one.status == "sent":
        when = "" if one.is_fresh else f" already on {one.at:%Y-%m-%d %H:%M} UTC; not sent again"
        return f"{name} to {one.recipient}: sent{when}."
    word = {"failed": "not sent", "uncertain": "uncertain", "under_way": "under way"}[one.status]
    return f"{name} to {one.recipient}: {word}: {one.message}"
