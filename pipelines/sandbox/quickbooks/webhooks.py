"""Webhooks: what a call changed, told to a receiver after it was committed.

CloudEvents 1.0 as Intuit sends them since 2026, or the older notification; signed with HMAC-SHA256
over the raw body by the app's verifier token. A receiver that does not answer 2xx within three
seconds is asked again after 10 s, 20 s, 30 s, 5 min, 20 min, 2 h, 4 h and 6 h (Intuit). Only
receivers on this machine are served: the sandbox calls no one else.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import http.client
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from pipelines.sandbox import codec
from pipelines.sandbox.clock import Clock
from pipelines.sandbox.journal import Written
from pipelines.sandbox.quickbooks.values import Record
from pipelines.sandbox.quickbooks.vocabulary import ENTITIES

CLOUD_EVENTS, NOTIFICATIONS = "cloudevents", "notifications"
RETRIES = (10, 20, 30, 300, 1200, 7200, 14400, 21600)
PATIENCE = 3.0
KEPT = 1000
LOCAL = frozenset(("127.0.0.1", "localhost", "::1"))
NOT_TOLD = (
    "Attachable", "CompanyCurrency", "CompanyInfo", "CreditCardPayment", "CustomerType",
    "ExchangeRate", "InventoryAdjustment", "RecurringTransaction", "ReimburseCharge", "TaxCode",
    "TaxRate",
)  # fmt: skip
TOLD = frozenset(ENTITIES).difference(NOT_TOLD)
_PAST = {"create": "created", "update": "updated", "delete": "deleted", "void": "voided",
         "email": "emailed"}  # fmt: skip
_OLD = {"create": "Create", "update": "Update", "delete": "Delete", "void": "Void",
        "email": "Emailed"}  # fmt: skip


@dataclass(frozen=True)
class Receiver:
    """Who is told: where, in which format, of which entities, and how fast retries come.

    `pace` shortens the waits between retries for tests: 0.001 makes ten seconds ten milliseconds.
    """

    url: str
    style: str = CLOUD_EVENTS
    entities: frozenset[str] = TOLD
    pace: float = 1.0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Receiver:
        """A receiver as the control area takes it.

        Raises:
            ValueError: an address elsewhere, an unknown format or entity.
        """
        url, style = str(given["url"]), str(given.get("format", CLOUD_EVENTS))
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in LOCAL:
            raise ValueError("A webhook receiver must be an http address of this machine.")
        if style not in (CLOUD_EVENTS, NOTIFICATIONS):
            raise ValueError(f"A webhook's format is {CLOUD_EVENTS} or {NOTIFICATIONS}.")
        entities = frozenset(given.get("entities") or TOLD)
        if not entities <= TOLD:
            raise ValueError(f"No webhooks for {', '.join(sorted(entities - TOLD))}.")
        return cls(url, style, entities, float(given.get("pace", 1)))


@dataclass
class Delivery:
    """One body and what became of it; `status` 0: no answer."""

    id: str
    body: bytes
    receiver: Receiver
    attempts: int = 0
    status: int = 0
    done: bool = False

    def as_json(self) -> Record:
        """As the control area shows it."""
        return {"id": self.id, "attempts": self.attempts, "status": self.status,
                "delivered": self.done}  # fmt: skip


@dataclass(order=True)
class _Due:
    at: float
    number: int
    delivery: Delivery = field(compare=False)


def signature(body: bytes, token: str) -> str:
    """The `intuit-signature` of a body."""
    return base64.b64encode(hmac.new(token.encode(), body, hashlib.sha256).digest()).decode()


class Webhooks:
    """The deliveries of all companies; a thread of its own once there is a receiver."""

    def __init__(self, clock: Clock, token: str) -> None:
        self._clock = clock
        self._token = token
        self._receiver: Receiver | None = None
        self._due: list[_Due] = []
        self._log: list[Delivery] = []
        self._number = 0
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    # ---- from the control area

    def receive(self, given: Mapping[str, Any]) -> Record:
        """Set the receiver.

        Raises:
            ValueError: see `Receiver.of`.
        """
        receiver = Receiver.of(given)
        with self._wake:
            self._receiver = receiver
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="webhooks")
                self._thread.start()
        return self.as_json()

    def close(self) -> None:
        """Forget the receiver and everything that is still to be delivered."""
        with self._wake:
            self._receiver = None
            self._due.clear()
            self._thread = None
            self._wake.notify_all()

    def as_json(self) -> Record:
        """The receiver and the last deliveries."""
        with self._wake:
            receiver = self._receiver
            return {
                "receiver": None if receiver is None else receiver.url,
                "format": None if receiver is None else receiver.style,
                "deliveries": [delivery.as_json() for delivery in self._log],
            }

    # ---- from the books

    def committed(self, realm: str, writes: Sequence[Written]) -> None:
        """Tell the receiver what a call has changed; returns at once."""
        receiver = self._receiver
        if receiver is None:
            return
        events = _merged([w for w in writes if w.entity in receiver.entities])
        if not events:
            return
        body = _body(receiver.style, realm, events, self._clock.now())
        with self._wake:
            delivery = Delivery(str(uuid.uuid4()), body, receiver)
            self._log = [*self._log[-KEPT + 1 :], delivery]
            self._put(delivery, time.monotonic())

    def _put(self, delivery: Delivery, at: float) -> None:
        self._number += 1
        heapq.heappush(self._due, _Due(at, self._number, delivery))
        self._wake.notify_all()

    # ---- delivering

    def _run(self) -> None:
        while True:
            delivery = self._next()
            if delivery is None:
                return
            status = _post(delivery, signature(delivery.body, self._token))
            with self._wake:
                self._note(delivery, status)

    def _next(self) -> Delivery | None:
        """The next delivery, waited for; None once this thread is no longer wanted."""
        with self._wake:
            while self._thread is threading.current_thread():
                wait = self._due[0].at - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due).delivery
                self._wake.wait(wait)
            return None

    def _note(self, delivery: Delivery, status: int) -> None:
        delivery.attempts += 1
        delivery.status = status
        delivery.done = 200 <= status < 300
        again = not delivery.done and delivery.attempts <= len(RETRIES)
        if again and self._thread is threading.current_thread():
            wait = RETRIES[delivery.attempts - 1] * delivery.receiver.pace
            self._put(delivery, time.monotonic() + wait)


def _merged(writes: Sequence[Written]) -> list[Written]:
    """One event a record: made and changed at once is made, and what is gone is only gone."""
    found: dict[tuple[str, str], Written] = {}
    for write in writes:
        key = (write.entity, write.id)
        before = found.get(key)
        if before is None or write.operation != "update":
            found[key] = write
    return list(found.values())


def _body(style: str, realm: str, events: Sequence[Written], now: datetime) -> bytes:
    if style == NOTIFICATIONS:
        entities = [
            {
                "name": e.entity,
                "id": e.id,
                "operation": _OLD.get(e.operation, "Update"),
                "lastUpdated": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            }
            for e in events
        ]
        notice = {"realmId": realm, "dataChangeEvent": {"entities": entities}}
        return codec.dump_bytes({"eventNotifications": [notice]})
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
    return codec.dump_bytes([_cloud_event(realm, event, stamp) for event in events])


def _cloud_event(realm: str, event: Written, stamp: str) -> Record:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "intuit.sandbox",
        "type": f"qbo.{event.entity.lower()}.{_PAST.get(event.operation, 'updated')}.v1",
        "datacontenttype": "application/json",
        "time": stamp,
        "intuitentityid": event.id,
        "intuitaccountid": realm,
        "data": {},
    }


def _post(delivery: Delivery, signed: str) -> int:
    """One attempt; the status answered, or 0."""
    parts = urlsplit(delivery.receiver.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port or 80, timeout=PATIENCE)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Content-Type": "application/json",
        "intuit-signature": signed,
        "intuit-notification-schema-version": "1.0",
        "intuit-t-id": delivery.id,
        "User-Agent": "Apache-HttpClient/5.1.3 (Java/17)",
    }
    try:
        connection.request("POST", target, delivery.body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
