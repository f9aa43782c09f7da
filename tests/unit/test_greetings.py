"""Whether mail and Slack would take a message, asked without sending one."""

from __future__ import annotations

from pathlib import Path

import pytest
from post_offices import certificate, mail_server, webhook

from pipelines.clients import mail, slack
from pipelines.errors import CredentialsRefused, Refused, Unavailable
from pipelines.settings import Secret, SmtpSettings


def smtp(port: int, password: str) -> SmtpSettings:
    to = ("controller@example.com",)
    return SmtpSettings(
        "127.0.0.1", port, "starttls", "crossfoot", Secret(password), "a@b.example", to
    )


def test_a_mail_server_is_greeted_and_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mail_server(trusted) as server:
        mail.greet(smtp(server.port, "correct horse"), 3)
        assert server.logins == ["crossfoot"] and not server.got
        with pytest.raises(CredentialsRefused):
            mail.greet(smtp(server.port, "wrong"), 3)
    with pytest.raises(Unavailable):
        mail.greet(smtp(9, "correct horse"), 3)


def test_a_webhook_that_misses_the_text_is_there_and_one_that_is_gone_is_not() -> None:
    with webhook() as hook:
        hook.answers = [(400, "no_text", {}), (404, "no_service", {})]
        slack.greet(Secret(hook.url), 3)
        with pytest.raises(Refused, match="no_service"):
            slack.greet(Secret(hook.url), 3)
        assert not hook.got
