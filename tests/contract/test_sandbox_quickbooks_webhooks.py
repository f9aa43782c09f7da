"""Webhooks: a receiver on this machine is told of committed changes, signed, again and again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from quickbooks_company import US, Company, invoice, line, payment, quickbooks_sandbox


class Receiver:
    """An HTTP server that keeps what it is sent; `answers` are the next statuses, then 200."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, dict[str, str]]] = []
        self.answers: list[int] = []
        receiver = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((body, {k.lower(): v for k, v in self.headers.items()}))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Keeps the test's output quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?app=1"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def events(self) -> list[dict[str, Any]]:
        """All events, one after the other."""
        return [event for body, _ in self.received for event in json.loads(body)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as running:
        yield Company(running)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert true()


def told(receiver: Receiver, count: int) -> list[tuple[str, str]]:
    until(lambda: len(receiver.events()) >= count)
    return [(event["type"], event["intuitentityid"]) for event in receiver.events()]


def test_a_change_is_a_signed_cloud_event(us: Company, receiver: Receiver) -> None:
    us.control("POST", "/webhooks", {"url": receiver.url})
    made = us.save("Customer", {"DisplayName": "Told"})
    assert told(receiver, 1) == [("qbo.customer.created.v1", made["Id"])]
    body, headers = receiver.received[0]
    (event,) = json.loads(body)
    assert event["specversion"] == "1.0"
    assert event["intuitaccountid"] == US
    assert re.fullmatch(r"2026-11-20T17:00:\d\d\.\d{9}Z", event["time"])
    token = us.sandbox.connection["quickbooks"]["verifier_token"]
    expected = hmac.new(token.encode(), body, hashlib.sha256).digest()
    assert headers["intuit-signature"] == base64.b64encode(expected).decode()


def test_every_operation_has_its_name_and_what_follows_is_told_too(
    us: Company, receiver: Receiver
) -> None:
    us.control("POST", "/webhooks", {"url": receiver.url, "entities": ["Invoice", "Payment"]})
    made = us.save("Invoice", invoice(line(10), BillEmail={"Address": "a@b.example"}))["Id"]
    paid = us.save("Payment", payment(10, ("Invoice", made, 10)))
    us.post(f"/invoice/{made}/send", None)
    us.post("/payment", paid, operation="delete")
    us.post("/invoice", us.read("Invoice", made), operation="void")
    assert told(receiver, 7)[0] == ("qbo.invoice.created.v1", made)
    by_call = [{e["type"] for e in json.loads(body)} for body, _ in receiver.received]
    assert by_call == [
        {"qbo.invoice.created.v1"},
        {"qbo.payment.created.v1", "qbo.invoice.updated.v1"},
        {"qbo.invoice.emailed.v1"},
        {"qbo.payment.deleted.v1", "qbo.invoice.updated.v1"},
        {"qbo.invoice.voided.v1"},
    ]


def test_a_refused_call_tells_nothing(us: Company, receiver: Receiver) -> None:
    us.control("POST", "/webhooks", {"url": receiver.url})
    assert us.post("/customer", {"DisplayName": "Cool Cars"}).code == "6240"
    us.save("Customer", {"DisplayName": "Other"})
    until(lambda: bool(receiver.received))
    assert [e["type"] for e in receiver.events()] == ["qbo.customer.created.v1"]


def test_a_receiver_that_fails_is_asked_again_with_the_same_body(
    us: Company, receiver: Receiver
) -> None:
    receiver.answers = [500, 503]
    us.control("POST", "/webhooks", {"url": receiver.url, "pace": 0.001})
    us.save("Customer", {"DisplayName": "Told thrice"})
    until(lambda: len(receiver.received) == 3)
    assert len({body for body, _ in receiver.received}) == 1
    until(lambda: us.control("GET", "/webhooks")["deliveries"][0]["delivered"])
    (delivery,) = us.control("GET", "/webhooks")["deliveries"]
    assert (delivery["attempts"], delivery["status"]) == (3, 200)


def test_a_receiver_that_is_never_there_is_given_up(us: Company, receiver: Receiver) -> None:
    receiver.answers = [500] * 20
    us.control("POST", "/webhooks", {"url": receiver.url, "pace": 0})
    us.save("Customer", {"DisplayName": "Told in vain"})
    until(lambda: us.control("GET", "/webhooks")["deliveries"][0]["attempts"] == 9)
    time.sleep(0.05)
    assert len(receiver.received) == 9
    assert us.control("GET", "/webhooks")["deliveries"][0]["delivered"] is False


def test_the_older_notification_can_be_asked_for(us: Company, receiver: Receiver) -> None:
    us.control("POST", "/webhooks", {"url": receiver.url, "format": "notifications"})
    made = us.save("Customer", {"DisplayName": "Told of old"})
    until(lambda: bool(receiver.received))
    (notice,) = json.loads(receiver.received[0][0])["eventNotifications"]
    assert notice["realmId"] == US
    (entity,) = notice["dataChangeEvent"]["entities"]
    assert (entity["name"], entity["id"], entity["operation"]) == (
        "Customer", made["Id"], "Create",
    )  # fmt: skip


def test_a_reset_or_a_word_ends_it(us: Company, receiver: Receiver) -> None:
    us.control("POST", "/webhooks", {"url": receiver.url})
    assert us.control("DELETE", "/webhooks")["receiver"] is None
    us.save("Customer", {"DisplayName": "Not told"})
    us.control("POST", "/webhooks", {"url": receiver.url})
    us.control("POST", "/reset")
    assert us.control("GET", "/webhooks")["receiver"] is None
    us.save("Customer", {"DisplayName": "Not told either"})
    time.sleep(0.05)
    assert receiver.received == []


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://elsewhere.example/hook"},
        {"url": "https://127.0.0.1/hook"},
        {"url": "http://127.0.0.1:1/", "format": "smoke"},
        {"url": "http://127.0.0.1:1/", "entities": ["Nothing"]},
        {},
    ],
)
def test_only_this_machine_is_called(us: Company, given: dict[str, Any]) -> None:
    reply = requests.post(f"{us.base}/_sandbox/webhooks", json=given, timeout=10)
    assert reply.status_code == 400
    assert us.control("GET", "/webhooks")["receiver"] is None
