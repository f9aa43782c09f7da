"""The report on its way: over real sockets to servers that refuse, throttle, fail and go silent."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from post_offices import CUT, MailServer, Webhook, certificate, mail_server, webhook
from report_sample import sample, verdict, write_marts

from pipelines.clients.transport import Patience
from pipelines.errors import AskAPerson, ConfigurationError, Stop
from pipelines.settings import Settings, load_settings
from reverse_etl.delivery import Delivery, deliver, delivery_lines, require_sent
from reverse_etl.opening import opened
from reverse_etl.report import ReportPaths, write_report

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
ANN, BOB = "ann@example.com", "bob@example.com"
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_marts(tmp_path_factory.mktemp("marts") / "warehouse.duckdb")


@pytest.fixture(scope="module")
def paths(published: Path, tmp_path_factory: pytest.TempPathFactory) -> ReportPaths:
    """The report that is sent, written once."""
    return write_report(settings(tmp_path_factory.mktemp("written"), published))


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def patience(waits: list[float]) -> Patience:
    return Patience(tries=3, first_wait=0, throttle_wait=5, sleep=waits.append)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def slack() -> Iterator[Webhook]:
    with webhook() as hook:
        yield hook


def settings(tmp_path: Path, published: Path | None = None, **told: str) -> Settings:
    env = {"DATA_DIR": str(tmp_path), **told}
    if published:
        env["PUBLISHED_PATH"] = str(published)
    return load_settings({f"CROSSFOOT_{name}": value for name, value in env.items()})


def by_mail(server: MailServer, to: str = ANN, **more: str) -> dict[str, str]:
    return {
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(server.port), "SMTP_SECURITY": "none",
        "REPORT_FROM": "crossfoot@example.com", "REPORT_TO": to, **more,
    }  # fmt: skip


def send(
    told: Settings, paths: ReportPaths, patience: Patience, at: datetime = NOW, **options: Any
) -> tuple[Delivery, ...]:
    return deliver(told, paths, now=lambda: at, patience=patience, **options)


def statuses(done: tuple[Delivery, ...]) -> list[str]:
    return [one.status for one in done]


def test_everybody_gets_it_once(
    tmp_path: Path, paths: ReportPaths, mail: MailServer, slack: Webhook, patience: Patience
) -> None:
    told = settings(tmp_path, **by_mail(mail, f"{ANN}, {BOB}"), SLACK_WEBHOOK=slack.url)
    first = send(told, paths, patience)
    assert statuses(first) == ["sent"] * 3 and all(one.is_fresh for one in first)
    again = send(told, paths, patience, NOW + timedelta(days=1), again=True)
    assert statuses(again) == ["sent"] * 3 and not any(one.is_fresh for one in again)
    assert [recipient for recipient, _ in mail.got] == [ANN, BOB]
    assert len(slack.got) == 1
    require_sent(again)
    assert "already on 2026-11-23 06:00 UTC; not sent again" in delivery_lines(again)[0]


def test_other_figures_are_another_report(
    tmp_path: Path, paths: ReportPaths, mail: MailServer, patience: Patience
) -> None:
    told = settings(tmp_path, **by_mail(mail))
    send(told, paths, patience)
    doubted = [verdict("quickbooks", "1", passed=False)]
    other = write_marts(tmp_path / "other.duckdb", sample(data_verdict=doubted))
    send(told, write_report(settings(tmp_path, other)), patience)
    (_, first), (_, second) = mail.got
    assert first["Message-ID"] != second["Message-ID"]
    assert "not concluded" in second["Subject"]


def test_a_mail_carries_text_page_and_spreadsheet(
    tmp_path: Path, paths: ReportPaths, mail: MailServer, patience: Patience
) -> None:
    send(settings(tmp_path, **by_mail(mail)), paths, patience)
    ((_, message),) = mail.got
    assert message["To"] == ANN and message["Auto-Submitted"] == "auto-generated"
    parts = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert parts[:3] == ["text/plain", "text/html", "text/html"] and len(parts) == 4
    page, book = message.iter_attachments()
    assert page.get_filename() == "mismatch-report-2026-W47.html"
    assert page.get_payload(decode=True) == paths.page.read_bytes()
    assert book.get_filename() == "mismatch-report-2026-W47.xlsx"
    assert book.get_payload(decode=True) == paths.workbook.read_bytes()


def test_a_mail_may_link_instead(
    tmp_path: Path, paths: ReportPaths, mail: MailServer, slack: Webhook, patience: Patience
) -> None:
    url = "https://reports.example.com/crossfoot"
    told = settings(
        tmp_path, **by_mail(mail, REPORT_FILES="linked", REPORT_URL=f"{url}/"),
        SLACK_WEBHOOK=slack.url,
    )  # fmt: skip
    send(told, paths, patience)
    ((_, message),) = mail.got
    assert not list(message.iter_attachments())
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body and f"{url}/2026-W47/index.html" in body.get_content()
    assert f"<{url}/2026-W47/report.xlsx|Spreadsheet>" in str(slack.got[0]["blocks"][-1])


@pytest.mark.parametrize("answers", [["451 busy"], ["421 later", "452 full"]])
def test_a_server_that_is_busy_is_asked_again(
    answers: list[str], tmp_path: Path, paths: ReportPaths, mail: MailServer, patience: Patience,
    waits: list[float],
) -> None:  # fmt: skip
    mail.to_rcpt, mail.to_data = answers[:1], answers[1:]
    assert statuses(send(settings(tmp_path, **by_mail(mail)), paths, patience)) == ["sent"]
    assert len(mail.got) == 1 and len(waits) == len(answers)


def test_one_address_that_is_refused_stops_no_other(
    tmp_path: Path, paths: ReportPaths, mail: MailServer, patience: Patience, waits: list[float]
) -> None:
    mail.to_rcpt = ["550 no such user"]
    told = settings(tmp_path, **by_mail(mail, f"{ANN},{BOB}"))
    done = send(told, paths, patience)
    assert statuses(done) == ["failed", "sent"] and not waits
    with pytest.raises(Stop, match=r"ann@example.com: mail, 127.0.0.1: .*550 no such user"):
        require_sent(done)
    assert statuses(send(told, paths, patience)) == ["sent", "sent"], "a refusal may be mended"
    assert [recipient for recipient, _ in mail.got] == [BOB, ANN]


def test_a_lost_answer_is_uncertain_and_not_repeated(
    tmp_path: Path, paths: ReportPaths, mail: MailServer, patience: Patience, waits: list[float]
) -> None:
    """The mail is there, and nobody said so. A second one, when told, bears the same id."""
    mail.to_data = [CUT]
    told = settings(tmp_path, **by_mail(mail))
    done = send(told, paths, patience)
    assert statuses(done) == ["uncertain"] and not waits
    assert statuses(send(told, paths, patience)) == ["uncertain"]
    assert len(mail.got) == 1
    with pytest.raises(AskAPerson, match=r"may or may not.*--send --again"):
        require_sent(done)
    assert statuses(send(told, paths, patience, again=True)) == ["sent"]
    (_, first), (_, second) = mail.got
    assert first["Message-ID"] == second["Message-ID"]


def test_a_run_that_died_while_sending_leaves_it_uncertain(
    tmp_path: Path, paths: ReportPaths, mail: MailServer, patience: Patience,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    told = settings(tmp_path, **by_mail(mail))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("reverse_etl.delivery.send_mail", killed)
        with pytest.raises(KeyboardInterrupt):
            send(told, paths, patience)
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
    assert statuses(send(told, paths, patience, soon)) == ["under_way"]
    assert statuses(send(told, paths, patience, later)) == ["uncertain"]
    assert not mail.got
    assert statuses(send(told, paths, patience, later, again=True)) == ["sent"]


def test_the_intention_is_in_the_state_before_the_mail_leaves(
    tmp_path: Path, paths: ReportPaths, mail: MailServer, patience: Patience,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    told = settings(tmp_path, **by_mail(mail))
    seen = []

    def look(*_: object) -> None:
        with opened(told) as state, state.reading() as work:
            seen.extend(row["status"] for row in work.all("delivery"))

    monkeypatch.setattr("reverse_etl.delivery.send_mail", look)
    send(told, paths, patience)
    assert seen == ["intended"]


def test_slack_that_throttles_and_fails_is_asked_again(
    tmp_path: Path, paths: ReportPaths, slack: Webhook, patience: Patience, waits: list[float]
) -> None:
    slack.answers = [(429, "", {"Retry-After": "7"}), (500, "rollup_error", {})]
    told = settings(tmp_path, SLACK_WEBHOOK=slack.url)
    assert statuses(send(told, paths, patience)) == ["sent"]
    assert len(slack.got) == 1
    assert waits[0] == pytest.approx(7, abs=0.01), "as long as it asked for"


def test_slack_that_keeps_failing_is_told(
    tmp_path: Path, paths: ReportPaths, slack: Webhook, patience: Patience
) -> None:
    slack.answers = [(503, "down", {})] * 3
    told = settings(tmp_path, SLACK_WEBHOOK=slack.url)
    (done,) = send(told, paths, patience)
    assert done.status == "failed" and "503 down" in done.message
    assert "tried several times" in done.message
    assert statuses(send(told, paths, patience)) == ["sent"]


@pytest.mark.parametrize("word", ["channel_is_archived", "no_service", "invalid_payload"])
def test_what_slack_refuses_is_told_in_its_word(
    word: str, tmp_path: Path, paths: ReportPaths, slack: Webhook, patience: Patience,
    waits: list[float],
) -> None:  # fmt: skip
    slack.answers = [(404, word, {})]
    (done,) = send(settings(tmp_path, SLACK_WEBHOOK=slack.url), paths, patience)
    assert done.status == "failed" and word in done.message and not waits


def test_slack_that_goes_silent_is_uncertain(
    tmp_path: Path, paths: ReportPaths, slack: Webhook, patience: Patience
) -> None:
    slack.answers = [CUT]
    told = settings(tmp_path, SLACK_WEBHOOK=slack.url)
    assert statuses(send(told, paths, patience)) == ["uncertain"]
    assert statuses(send(told, paths, patience)) == ["uncertain"]
    assert len(slack.got) == 1


def test_nobody_there_is_no_answer_and_nothing_is_in_doubt(
    tmp_path: Path, paths: ReportPaths, patience: Patience, waits: list[float]
) -> None:
    told = settings(
        tmp_path, **by_mail(MailServer(port=9)),
        SLACK_WEBHOOK="http://127.0.0.1:9/services/T/B/x",
    )  # fmt: skip
    assert statuses(send(told, paths, patience)) == ["failed", "failed"]
    assert len(waits) == 4


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_secure_session_logs_in(
    security: str, tmp_path: Path, paths: ReportPaths, patience: Patience,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mail_server(trusted, at_once=security == "tls") as server:
        more = {"SMTP_SECURITY": security, "SMTP_USERNAME": "crossfoot", "SMTP_PASSWORD": PASSWORD}
        told = settings(tmp_path, **by_mail(server, **more))
        assert statuses(send(told, paths, patience)) == ["sent"]
        assert server.logins == ["crossfoot"]


def test_a_certificate_that_nobody_signed_is_not_trusted(
    tmp_path: Path, paths: ReportPaths, patience: Patience
) -> None:
    with mail_server(certificate(tmp_path)) as server:
        told = settings(tmp_path, **by_mail(server, SMTP_SECURITY="starttls"))
        (done,) = send(told, paths, patience)
        assert done.status == "failed" and "no secure connection" in done.message
        assert not server.got


def test_a_server_without_starttls_gets_nothing_in_the_clear(
    tmp_path: Path, paths: ReportPaths, mail: MailServer, patience: Patience
) -> None:
    told = settings(tmp_path, **by_mail(mail, SMTP_SECURITY="starttls"))
    (done,) = send(told, paths, patience)
    assert done.status == "failed" and "no secure connection" in done.message
    assert not mail.got


def test_no_secret_is_ever_shown(
    tmp_path: Path, paths: ReportPaths, slack: Webhook, patience: Patience,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    slack.answers = [(400, f"bad {slack.url}", {})]
    wrong = "wr0ng-passw0rd"
    with mail_server(trusted) as server:
        more = {"SMTP_SECURITY": "starttls", "SMTP_USERNAME": "me", "SMTP_PASSWORD": wrong}
        told = settings(tmp_path, **by_mail(server, **more), SLACK_WEBHOOK=slack.url)
        done = send(told, paths, patience)
    assert statuses(done) == ["failed", "failed"]
    assert "refuses the log-in" in done[0].message
    with opened(told) as state, state.reading() as work:
        kept = str(work.all("delivery"))
    with pytest.raises(Stop) as problem:
        require_sent(done)
    shown = "".join([*delivery_lines(done), kept, str(problem.value), caplog.text, repr(told)])
    assert wrong not in shown and "s3cretS3cret" not in shown


def test_nobody_to_send_to_is_said(tmp_path: Path, paths: ReportPaths, patience: Patience) -> None:
    with pytest.raises(Stop, match=r"nobody is set.*CROSSFOOT_REPORT_TO"):
        send(settings(tmp_path), paths, patience)


LIVE = {"PROFILE": "live"}
MAIL = {"SMTP_HOST": "127.0.0.1", "REPORT_FROM": "a@b.example", "REPORT_TO": ANN}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"SMTP_HOST": "127.0.0.1"}, "CROSSFOOT_REPORT_FROM .*CROSSFOOT_REPORT_TO"),
        ({**MAIL, "SMTP_HOST": "mail.example.com"}, "this machine only"),
        ({**MAIL, "SMTP_SECURITY": "ssl"}, "'starttls' or 'tls' or 'none'"),
        ({**MAIL, "SMTP_USERNAME": "x"}, "CROSSFOOT_SMTP_PASSWORD"),
        ({**MAIL, "REPORT_TO": "a@b.example, not one"}, "'not one' makes no sense"),
        ({**MAIL, "REPORT_TO": "a@b.example\r\nBcc: x@y.example"}, "makes no sense"),
        ({"REPORT_FILES": "linked"}, "CROSSFOOT_REPORT_URL"),
        ({"REPORT_URL": "ftp://x"}, "makes no sense"),
        ({"SLACK_WEBHOOK": "https://hooks.slack.com/services/T/B/hush"}, "this machine"),
        ({**LIVE, "SLACK_WEBHOOK": "https://hooks.slack.com.evil.example/hush"}, "hooks.slack"),
        ({**LIVE, "SLACK_WEBHOOK": "http://hooks.slack.com/services/hush"}, "hooks.slack"),
        ({**LIVE, "SLACK_WEBHOOK": "https://x@hooks.slack.com/services/hush"}, "hooks.slack"),
        ({**LIVE, **MAIL, "SMTP_HOST": "mail.example.com", "SMTP_SECURITY": "none",
          "SMTP_USERNAME": "x", "SMTP_PASSWORD": "hush"}, "in the clear"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_when_they_are_needed(
    told: dict[str, str], words: str
) -> None:
    read = load_settings({f"CROSSFOOT_{name}": value for name, value in told.items()})
    with pytest.raises(ConfigurationError, match=words) as problem:
        _ = read.delivery
    assert "hush" not in str(problem.value)


@pytest.mark.parametrize("host", ["hooks.slack.com", "hooks.slack-gov.com"])
def test_slacks_own_hosts_are_taken(host: str) -> None:
    told = load_settings(
        {"CROSSFOOT_PROFILE": "live", "CROSSFOOT_SLACK_WEBHOOK": f"https://{host}/services/T/B/x"}
    )
    assert told.delivery.is_configured
    assert "/services/" not in repr(told)
