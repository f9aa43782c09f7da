"""What somebody has to know now: told once to each recipient, grouped, louder when it stays.

An alert is known by its key. A recipient gets it once at each level: at once, and again when it has
stood for `ESCALATES_AFTER`, then also those who are named for that. All that is new goes in one
message, grouped by owner and class with sums per currency. A row of the state, noted before the
message is sent, says what somebody has got; a message that was refused is sent again by the next
look, one whose answer was lost is not. A person may silence a class, or one alert, for a while.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Literal

from pipelines.clients.mail import send_mail
from pipelines.clients.slack import post_message
from pipelines.clients.transport import Patience
from pipelines.errors import CrossfootError, ReplyLost
from pipelines.settings import Settings
from reverse_etl import store
from reverse_etl.lease import Now, utc_now
from reverse_etl.opening import opened
from reverse_etl.state import State, Transaction

Status = Literal["sent", "failed", "uncertain"]
ESCALATES_AFTER = timedelta(days=1)
# Beside the weeks of reports, in the table of what is on its way to people.
_TABLE, _WEEK = "delivery", "alert"
_SILENCE, _SINCE = "alert silence ", "alert since "
# So many lines of one group; the rest is counted.
_LINES = 10
PATIENT = Patience(throttle_wait=5.0)


@dataclass(frozen=True)
class Alert:
    """One thing that somebody has to know. `kind` is its class, `key` what it is about; `owner` may
    be empty. `amount` with its currency is what is at stake. One that is not `pressing` is told
    once and never louder."""

    kind: str
    key: str
    owner: str
    sentence: str
    next_step: str
    amount: Decimal | None = None
    currency: str = ""
    pressing: bool = True


@dataclass(frozen=True)
class Told:
    """What became of one message: to whom, over which channel, how many alerts it held."""

    channel: str
    recipient: str
    status: Status
    alerts: int
    message: str = ""


@dataclass(frozen=True)
class _Door:
    """One recipient over one channel, and how a message leaves."""

    channel: str
    recipient: str
    escalated_only: bool
    send: Callable[[str, str, str], None]


def missed(words: str, since: datetime) -> Alert:
    """The alarm for a scheduled run that did not happen since then."""
    job = words.partition(":")[0]
    step = "See in Dagster whether its schedule is on, its daemon runs and why it fails."
    return Alert("missed run", f"{job} {since:%Y-%m-%d %H:%M}", "", f"{words}.", step)


def silence(settings: Settings, subject: str, until: datetime, who: str, reason: str) -> None:
    """Say nothing of a class, or of the alert with this key, until then."""
    with opened(settings) as state:
        store.note(state, _SILENCE + subject, f"{until.isoformat()} {who}: {reason}")


def send(
    settings: Settings,
    alerts: Iterable[Alert],
    now: Now = utc_now,
    patience: Patience = PATIENT,
) -> tuple[Told, ...]:
    """Tell everybody what they have not been told; nobody, where no channel is configured.

    One message that fails does not stop the others.
    """
    doors = _doors(settings, now)
    done = []
    with opened(settings) as state:
        at = now()
        loud = [one for one in alerts if not _is_silenced(state, one, at)]
        levels = {one: _level(state, one, at) for one in loud}
        for door in doors:
            told = _through(state, door, levels, now, patience)
            if told is not None:
                done.append(told)
    return tuple(done)


def _through(
    state: State, door: _Door, levels: dict[Alert, int], now: Now, patience: Patience
) -> Told | None:
    """One message of what this recipient has not got; None when there is nothing."""
    wanted = {a: level for a, level in levels.items() if level or not door.escalated_only}
    with state.writing() as work:
        new = [a for a, level in wanted.items() if _claim(work, door, a, level, now())]
    if not new:
        return None
    subject, text = subject_of(new), text_of(new)
    message_id = f"<{_digest(door.recipient, *(a.key for a in new), now().isoformat())}@crossfoot>"
    status: Status = "sent"
    problem = ""
    try:
        patience.insist(lambda: door.send(subject, text, message_id))
    except ReplyLost as lost:
        status, problem = "uncertain", str(lost)
    except (CrossfootError, OSError) as failed:
        status, problem = "failed", str(failed)
    with state.writing() as work:
        for alert in new:
            row = {"status": status, "message": problem, "finished_at": now()}
            work.change(_TABLE, row, **_key(door, alert, wanted[alert]))
    return Told(door.channel, door.recipient, status, len(new), problem)


def _claim(work: Transaction, door: _Door, alert: Alert, level: int, at: datetime) -> bool:
    """Note that it is going to be told; False when it was, or may have been."""
    key = _key(door, alert, level)
    row = work.one(_TABLE, **key)
    if row is None:
        work.add(
            _TABLE,
            [{**key, "status": "intended", "message_id": "", "tries": 1, "message": "",
              "intended_at": at, "last_tried_at": at, "finished_at": None}],
        )  # fmt: skip
        return True
    if row["status"] != "failed":
        return False
    work.change(
        _TABLE, {"status": "intended", "tries": row["tries"] + 1, "last_tried_at": at}, **key
    )
    return True


def _key(door: _Door, alert: Alert, level: int) -> dict[str, str]:
    return {
        "week": _WEEK,
        "page_hash": _digest(alert.kind, alert.key, str(level)),
        "channel": door.channel,
        "recipient": door.recipient,
    }


def _level(state: State, alert: Alert, at: datetime) -> int:
    """0 when it is new, 1 when it has stood for so long that it is told louder."""
    name = _SINCE + _digest(alert.kind, alert.key)
    store.note_once(state, name, at.isoformat())
    since = datetime.fromisoformat(store.fact(state, name) or at.isoformat())
    return int(alert.pressing and at - since >= ESCALATES_AFTER)


def _is_silenced(state: State, alert: Alert, at: datetime) -> bool:
    for subject in (alert.kind, alert.key):
        told = store.fact(state, _SILENCE + subject)
        if told is not None and at < datetime.fromisoformat(told.partition(" ")[0]):
            return True
    return False


def subject_of(alerts: Sequence[Alert]) -> str:
    """What a message is called: how many of which classes."""
    counts: dict[str, int] = defaultdict(int)
    for one in alerts:
        counts[one.kind] += 1
    return "Crossfoot: " + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))


def text_of(alerts: Sequence[Alert]) -> str:
    """The message: a part for each owner and class, with sums per currency and the next step."""
    groups: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for one in alerts:
        groups[one.owner, one.kind].append(one)
    return "\n\n".join(_group(owner, kind, held) for (owner, kind), held in sorted(groups.items()))


def _group(owner: str, kind: str, alerts: Sequence[Alert]) -> str:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for one in alerts:
        if one.amount is not None:
            sums[one.currency] += one.amount
    at_stake = ", ".join(f"{amount:,.2f} {code}" for code, amount in sorted(sums.items()))
    head = f"{kind}: {len(alerts)}" + (f", {at_stake}" if at_stake else "")
    largest = sorted(alerts, key=lambda a: (-(a.amount or Decimal(0)), a.key))
    lines = [f"- {one.sentence}" for one in largest[:_LINES]]
    if len(alerts) > _LINES:
        lines.append(f"- and {len(alerts) - _LINES} more")
    steps = dict.fromkeys(one.next_step for one in alerts if one.next_step)
    return "\n".join([head, *([f"Owner: {owner}"] if owner else []), *lines, *steps])


def _doors(settings: Settings, now: Now) -> list[_Door]:
    told, seconds = settings.delivery, settings.timeout_seconds
    doors = []
    smtp, webhook = told.smtp, told.webhook
    if smtp is not None:
        escalated = tuple(r for r in told.escalated_to if r not in smtp.recipients)
        for recipient in (*smtp.recipients, *escalated):

            def mail(subject: str, text: str, message_id: str, to: str = recipient) -> None:
                message = EmailMessage()
                message["Subject"], message["From"], message["To"] = subject, smtp.sender, to
                message["Date"], message["Message-ID"] = format_datetime(now()), message_id
                message.set_content(text + "\n")
                send_mail(smtp, message, to, seconds)

            doors.append(_Door("mail", recipient, recipient in escalated, mail))
    if webhook is not None:

        def post(subject: str, text: str, _: str) -> None:
            message: dict[str, Any] = {"text": _escaped(f"*{subject}*\n\n{text}")}
            post_message(webhook, message, seconds)

        doors.append(_Door("slack", f"webhook {_digest(webhook.reveal())[:12]}", False, post))
    return doors


def _escaped(text: str) -> str:
    """Slack reads these three as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]
