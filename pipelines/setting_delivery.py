"""How the weekly report reaches people: a mail server, a Slack webhook, what goes along."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from pipelines.errors import ConfigurationError
from pipelines.setting_values import Secret, Values, is_loopback, require, senseless

Security = Literal["starttls", "tls", "none"]
# Where Slack takes incoming webhooks, and its cloud for governments.
SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
# Submission with STARTTLS (RFC 6409), submission over TLS (RFC 8314), plain relay.
_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
_ADDRESS = re.compile(r"[^\s@<>,;:\\\"()\[\]]{1,64}@[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True)
class SmtpSettings:
    """The mail server, who the mail is from and who gets it."""

    host: str
    port: int
    security: Security
    username: str
    password: Secret
    sender: str
    recipients: tuple[str, ...]


@dataclass(frozen=True)
class DeliverySettings:
    """The channels that are configured. `webhook` is a secret: whoever has it can post.

    With `attached` the mail carries page and spreadsheet, otherwise it links to them. `report_url`
    is where the folder of reports is served, empty where it is not.
    """

    smtp: SmtpSettings | None
    webhook: Secret | None = field(repr=False)
    attached: bool
    report_url: str
    # Who is mailed as well when an alert has stood for a day.
    escalated_to: tuple[str, ...] = ()

    @property
    def is_configured(self) -> bool:
        """Is there anybody to send to?"""
        return self.smtp is not None or self.webhook is not None


def delivery(values: Values, *, sandbox: bool) -> DeliverySettings:
    """Read the settings of delivery; none of them is needed.

    Raises `ConfigurationError` for one that makes no sense, for a mail server without a recipient
    or the other way round, and where a sandbox serves the vendors for any host but this machine.
    """
    url = values.text("CROSSFOOT_REPORT_URL").rstrip("/")
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise senseless("CROSSFOOT_REPORT_URL", url, "an address such as https://host/reports")
    files = values.choice("CROSSFOOT_REPORT_FILES", ("attached", "linked"), "attached")
    if files == "linked" and not url:
        raise ConfigurationError(
            "settings",
            "CROSSFOOT_REPORT_FILES",
            "a mail cannot link to files that are served nowhere",
            "Set CROSSFOOT_REPORT_URL to where the reports' folder is served, or choose attached.",
        )
    webhook = values.secret("CROSSFOOT_SLACK_WEBHOOK")
    if webhook:
        _check_webhook(webhook, sandbox)
    return DeliverySettings(
        smtp=_smtp(values, sandbox),
        webhook=webhook or None,
        attached=files == "attached",
        report_url=url,
        escalated_to=tuple(
            _address("CROSSFOOT_ALERT_ESCALATES_TO", one)
            for one in values.words("CROSSFOOT_ALERT_ESCALATES_TO")
        ),
    )


def _smtp(values: Values, sandbox: bool) -> SmtpSettings | None:
    names = {
        "CROSSFOOT_SMTP_HOST": "the mail server",
        "CROSSFOOT_REPORT_FROM": "who the mail is from",
        "CROSSFOOT_REPORT_TO": "who gets the mail",
    }
    if not any(map(values.text, names)):
        return None
    require(values, "mail", names)
    host = values.text("CROSSFOOT_SMTP_HOST")
    if sandbox and not is_loopback(host):
        raise ConfigurationError(
            "mail",
            host,
            "with a sandbox for the vendors, mail goes to this machine only",
            "Use a mail server on this machine, or CROSSFOOT_PROFILE=live.",
        )
    given = values.choice("CROSSFOOT_SMTP_SECURITY", tuple(_PORTS), "starttls")
    security: Security = "tls" if given == "tls" else "none" if given == "none" else "starttls"
    username = values.text("CROSSFOOT_SMTP_USERNAME")
    password = values.secret("CROSSFOOT_SMTP_PASSWORD")
    if bool(username) != bool(password):
        name = "CROSSFOOT_SMTP_PASSWORD" if username else "CROSSFOOT_SMTP_USERNAME"
        require(values, "mail", {name: "logging in, which takes both"})
    if password and security == "none" and not is_loopback(host):
        raise ConfigurationError(
            "mail",
            host,
            "the password would cross the network in the clear",
            "Set CROSSFOOT_SMTP_SECURITY to starttls or tls.",
        )
    return SmtpSettings(
        host=host,
        port=values.number("CROSSFOOT_SMTP_PORT", _PORTS[security], least=1, most=65535),
        security=security,
        username=username,
        password=password,
        sender=_address("CROSSFOOT_REPORT_FROM", values.text("CROSSFOOT_REPORT_FROM")),
        recipients=tuple(
            _address("CROSSFOOT_REPORT_TO", one) for one in values.words("CROSSFOOT_REPORT_TO")
        ),
    )


def _address(name: str, given: str) -> str:
    if not _ADDRESS.fullmatch(given) or not given.isascii():
        raise senseless(name, given, "addresses such as controller@example.com, by comma")
    return given


def _check_webhook(webhook: Secret, sandbox: bool) -> None:
    """Refuses an address that is not Slack's, without showing it."""
    parts = urlsplit(webhook.reveal())
    host = (parts.hostname or "").lower()
    is_plain = "@" not in parts.netloc and parts.scheme in ("http", "https")
    if sandbox and is_plain and is_loopback(host):
        return
    is_slack = parts.scheme == "https" and parts.netloc.lower() in SLACK_HOSTS
    if not sandbox and is_slack:
        return
    wanted = "an address on this machine" if sandbox else f"https://{SLACK_HOSTS[0]}/services/…"
    raise ConfigurationError(
        "Slack",
        "CROSSFOOT_SLACK_WEBHOOK",
        f"it wants {wanted}; what it holds is not shown, for it is a secret",
        "Correct the value, or the profile (CROSSFOOT_PROFILE).",
    )
