"""Alerts: told once to each, grouped, silenced, louder after a day; by a real mail server and a
Slack-like endpoint of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from post_offices import CUT, MailServer, Webhook, mail_server, webhook

from pipelines.clients.transport import Patience
from pipelines.settings import Settings, load_settings
from reverse_etl import alerts
from reverse_etl.alerts import Alert, subject_of, text_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT_ONCE = Patience(sleep=lambda seconds: None)
LEAK = Alert("CUT_OFF", "e1", "ann", "Deal one: 100.00 USD", "Explain it.", Decimal(100), "USD")
BIG = replace(LEAK, key="e2", sentence="Deal two: 900.50 USD", amount=Decimal("900.50"))
EURO = replace(LEAK, key="e3", sentence="Deal three: 5.00 EUR", amount=Decimal(5), currency="EUR")
LATE = alerts.missed("plan: no run ended well at all; one is due every 15 minutes", NOON)


@pytest.fixture
def slack() -> Iterator[Webhook]:
    with webhook() as hook:
        yield hook


@pytest.fixture
def post() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, slack: Webhook, post: MailServer) -> Settings:
    return load_settings(
        {
            "CROSSFOOT_DATA_DIR": str(tmp_path),
            "CROSSFOOT_SLACK_WEBHOOK": slack.url,
            "CROSSFOOT_SMTP_HOST": "127.0.0.1",
            "CROSSFOOT_SMTP_PORT": str(post.port),
            "CROSSFOOT_SMTP_SECURITY": "none",
            "CROSSFOOT_REPORT_FROM": "crossfoot@example.com",
            "CROSSFOOT_REPORT_TO": "finance@example.com",
            "CROSSFOOT_ALERT_ESCALATES_TO": "cfo@example.com",
        }
    )


def send(settings: Settings, *given: Alert, after: timedelta = timedelta()) -> list[str]:
    done = alerts.send(settings, given, lambda: NOON + after, AT_ONCE)
    return [f"{t.channel} {t.alerts} {t.status}" for t in done]


def test_what_is_new_goes_in_one_message_grouped_with_sums(
    settings: Settings, slack: Webhook, post: MailServer
) -> None:
    assert send(settings, LEAK, BIG, EURO, LATE) == ["mail 4 sent", "slack 4 sent"]
    ((recipient, mail),) = post.got
    assert recipient == "finance@example.com"
    assert mail["Subject"] == "Crossfoot: 3 CUT_OFF, 1 missed run"
    text = mail.get_content().replace("\r\n", "\n")
    assert "CUT_OFF: 3, 5.00 EUR, 1,000.50 USD\nOwner: ann\n- Deal two: 900.50 USD\n" in text
    assert text.count("Explain it.") == 1 and "missed run: 1" in text
    (message,) = slack.got
    assert "Deal three" in message["text"]


def test_nothing_arrives_twice_and_only_what_is_new_is_told(
    settings: Settings, slack: Webhook, post: MailServer
) -> None:
    send(settings, LEAK)
    assert send(settings, LEAK) == []
    assert send(settings, LEAK, BIG) == ["mail 1 sent", "slack 1 sent"]
    assert len(slack.got) == len(post.got) == 2
    assert "Deal one" not in slack.got[1]["text"]


def test_after_a_day_it_is_told_louder_once(settings: Settings, post: MailServer) -> None:
    day = timedelta(days=1)
    send(settings, LEAK)
    assert send(settings, LEAK, after=day - timedelta(minutes=1)) == []
    assert send(settings, LEAK, after=day) == ["mail 1 sent", "mail 1 sent", "slack 1 sent"]
    assert [to for to, _ in post.got] == [
        "finance@example.com", "finance@example.com", "cfo@example.com",
    ]  # fmt: skip
    assert send(settings, LEAK, after=2 * day) == []


def test_a_class_or_one_alert_can_be_silenced_for_a_while(settings: Settings) -> None:
    alerts.silence(settings, "missed run", NOON + timedelta(hours=2), "ann", "maintenance")
    alerts.silence(settings, "e1", NOON + timedelta(hours=2), "ann", "known")
    assert send(settings, LATE, LEAK) == []
    assert send(settings, LATE, LEAK, BIG) == ["mail 1 sent", "slack 1 sent"]
    assert send(settings, LATE, LEAK, after=timedelta(hours=2)) == ["mail 2 sent", "slack 2 sent"]


def test_a_refusal_is_sent_again_and_a_lost_answer_is_not(
    settings: Settings, slack: Webhook, post: MailServer
) -> None:
    slack.answers, post.to_data = [CUT], ["554 no"]
    assert send(settings, LEAK) == ["mail 1 failed", "slack 1 uncertain"]
    assert send(settings, LEAK) == ["mail 1 sent"]
    assert len(slack.got) == len(post.got) == 1


def test_without_a_channel_nobody_is_told_and_nothing_is_noted(tmp_path: Path) -> None:
    quiet = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path)})
    assert send(quiet, LEAK) == []


def test_a_long_group_is_counted() -> None:
    many = [replace(LEAK, key=str(n), sentence=f"Deal {n}") for n in range(14)]
    assert "- and 4 more" in text_of(many) and subject_of(many) == "Crossfoot: 14 CUT_OFF"
