"""One message to a Slack incoming webhook, once. The webhook's address is a secret and never shown.

Slack answers 200 with `ok`; 400, 403, 404 and 410 with a word such as `channel_is_archived`; 429
with Retry-After, at about one message a second (docs.slack.dev, sending messages using incoming
webhooks).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from pipelines.clients.redaction import excerpt, redact
from pipelines.clients.transport import CONNECT_SECONDS, manner, never_sent, retry_after
from pipelines.errors import Refused, ReplyLost, Throttled, Unavailable
from pipelines.settings import Secret, is_loopback

# What Slack answers, with 400, to a message that says nothing.
_NO_TEXT = ("no_text", "invalid_payload")


def post_message(webhook: Secret, message: Mapping[str, Any], seconds: int) -> None:
    """Post the message.

    Raises `Throttled` and `Unavailable` when it was not taken and may be later, `Refused` with
    Slack's own word when it will not be, and `ReplyLost` when it may have been taken.
    """
    parts = urlsplit(webhook.reveal())
    where = parts.netloc
    try:
        with requests.Session() as session, _unlogged(webhook):
            # What goes to this machine goes through no proxy.
            session.trust_env = not is_loopback(parts.hostname or "")
            answer = session.post(
                webhook.reveal(),
                data=orjson.dumps(message),
                headers={"Content-Type": "application/json; charset=utf-8"},
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                allow_redirects=False,
            )
    except requests.RequestException as problem:
        if never_sent(problem):
            raise _unavailable(where, manner(problem)) from None
        raise ReplyLost(
            "Slack",
            where,
            f"the message was sent and its answer was lost ({manner(problem)})",
            "Look into the channel before it is sent again.",
        ) from None
    _examine(where, answer, excerpt(answer.text, [webhook.reveal()], 120))


def greet(webhook: Secret, seconds: int) -> None:
    """See whether the webhook is there, without posting: Slack refuses a message without text.

    Raises like `post_message` for one that is not.
    """
    try:
        post_message(webhook, {}, seconds)
    except Refused as refusal:
        if refusal.code not in _NO_TEXT:
            raise


@contextmanager
def _unlogged(webhook: Secret) -> Iterator[None]:
    """The library below logs the path of each call, which here is the secret."""
    path = urlsplit(webhook.reveal()).path

    def mask(record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage(), [path]), ()
        return True

    below = logging.getLogger("urllib3.connectionpool")
    below.addFilter(mask)
    try:
        yield
    finally:
        below.removeFilter(mask)


def _examine(where: str, answer: requests.Response, words: str) -> None:
    if answer.status_code == 200:
        return
    if answer.status_code == 429:
        raise Throttled(
            "Slack", where, "it asks for fewer messages", "Send again later.", retry_after(answer)
        )
    if answer.status_code >= 500:
        raise _unavailable(where, f"it failed: {answer.status_code} {words}")
    raise Refused(
        "Slack",
        where,
        f"it refuses the message: {answer.status_code} {words}",
        "Check the webhook and its channel in Slack.",
        words,
        words,
    )


def _unavailable(where: str, problem: str) -> Unavailable:
    return Unavailable("Slack", where, problem, "Nothing was posted. Send again later.")
