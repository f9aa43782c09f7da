"""One mail to one server, once: every failure is told apart by whether the mail may have arrived.

The server takes a message over with its answer to the dot that ends it (RFC 5321, 4.1.1.4). Before
that dot nothing was delivered; after it, and without an answer, nobody can tell.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP

from pipelines.clients.redaction import excerpt
from pipelines.errors import (
    ConfigurationError,
    CredentialsRefused,
    CrossfootError,
    Refused,
    ReplyLost,
    Unavailable,
)
from pipelines.settings import SmtpSettings

_DOT = re.compile(rb"(?m)^\.")
_READY, _TAKEN = 354, 250


def send_mail(smtp: SmtpSettings, message: EmailMessage, recipient: str, seconds: int) -> None:
    """Hand the message over for this recipient.

    Raises `Unavailable` when it was not taken and may be later, `Refused` and `CredentialsRefused`
    when it will not be, `ConfigurationError` when the connection is not as safe as it has to be,
    and `ReplyLost` when it may have been taken.
    """
    body = _DOT.sub(b"..", message.as_bytes(policy=SMTP))
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    with _session(smtp, seconds) as session:
        _ask(smtp, session.mail(smtp.sender), "the sender")
        _ask(smtp, session.rcpt(recipient), f"the recipient {recipient}")
        _ask(smtp, session.docmd("DATA"), "the message", _READY)
        session.send(body)
        answer = _end(smtp, session)
    _ask(smtp, answer, "the message")


def greet(smtp: SmtpSettings, seconds: int) -> None:
    """Connect as safely as told, log in and leave: nothing is sent.

    Raises like `send_mail` for a server that cannot be used so.
    """
    with _session(smtp, seconds) as session:
        _ask(smtp, session.noop(), "the greeting")


def _end(smtp: SmtpSettings, session: smtplib.SMTP) -> tuple[int, bytes]:
    """The server's answer to the dot."""
    try:
        session.send(b".\r\n")
        return session.getreply()
    except (OSError, smtplib.SMTPException) as problem:
        raise ReplyLost(
            "mail",
            smtp.host,
            f"the message was sent and its answer was lost ({type(problem).__name__})",
            "Ask a recipient whether it came before it is sent again.",
        ) from None


@contextmanager
def _session(smtp: SmtpSettings, seconds: int) -> Iterator[smtplib.SMTP]:
    """A session that is as safe as it was told to be, and logged in."""
    session: smtplib.SMTP | None = None
    try:
        session = _connected(smtp, seconds)
        if smtp.username:
            _log_in(smtp, session)
        yield session
    except CrossfootError:
        raise
    except (ssl.SSLError, smtplib.SMTPNotSupportedError) as problem:
        raise ConfigurationError(
            "mail",
            smtp.host,
            f"no secure connection can be made ({_words(smtp, str(problem))})",
            "Check CROSSFOOT_SMTP_SECURITY, the port and the server's certificate.",
        ) from None
    except (OSError, smtplib.SMTPException) as problem:
        raise _unavailable(smtp, f"no answer ({type(problem).__name__})") from None
    finally:
        if session is not None:
            with suppress(OSError, smtplib.SMTPException):
                session.quit()
            session.close()


def _connected(smtp: SmtpSettings, seconds: int) -> smtplib.SMTP:
    """Never in the clear where it was not told so: a server without STARTTLS is refused."""
    if smtp.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=seconds, context=context)
    session = smtplib.SMTP(smtp.host, smtp.port, timeout=seconds)
    try:
        session.ehlo_or_helo_if_needed()
        if smtp.security == "starttls":
            session.starttls(context=ssl.create_default_context())
            session.ehlo()
    except BaseException:
        session.close()
        raise
    return session


def _log_in(smtp: SmtpSettings, session: smtplib.SMTP) -> None:
    try:
        session.login(smtp.username, smtp.password.reveal())
    except smtplib.SMTPAuthenticationError as problem:
        words = _words(smtp, problem.smtp_error)
        if _is_passing(problem.smtp_code):
            raise _unavailable(smtp, f"logging in failed for now: {words}") from None
        raise CredentialsRefused(
            "mail",
            smtp.host,
            f"it refuses the log-in: {problem.smtp_code} {words}",
            "Check CROSSFOOT_SMTP_USERNAME and CROSSFOOT_SMTP_PASSWORD.",
        ) from None


def _ask(
    smtp: SmtpSettings, answer: tuple[int, bytes], what: str, wanted: int | None = None
) -> None:
    """Return when the server said yes; its no for now or for good as our error."""
    code, told = answer
    if code == wanted or (wanted is None and _TAKEN <= code < 300):
        return
    words = f"{code} {_words(smtp, told)}"
    if _is_passing(code):
        raise _unavailable(smtp, f"it does not take {what} for now: {words}")
    raise Refused(
        "mail", smtp.host, f"it refuses {what}: {words}", "", str(code), _words(smtp, told)
    )


def _is_passing(code: int) -> bool:
    """4yz: the failure may pass (RFC 5321, 4.2.1). Below that it is no answer at all."""
    return code < 500


def _unavailable(smtp: SmtpSettings, problem: str) -> Unavailable:
    return Unavailable("mail", smtp.host, problem, "Nothing was delivered. Send again later.")


def _words(smtp: SmtpSettings, told: str | bytes) -> str:
    text = told.decode(errors="replace") if isinstance(told, bytes) else told
    return excerpt(text, [smtp.password.reveal()])
