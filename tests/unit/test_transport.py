"""One call, once: what is repeated, what never is, where calls may go, and what is never shown."""

from __future__ import annotations

import io
import json
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clients import quickbooks_faults, salesforce_faults
from pipelines.clients.quickbooks import quoted
from pipelines.clients.quickbooks_statements import kind_of as quickbooks_kind
from pipelines.clients.recording import Kind, MeteredCall
from pipelines.clients.redaction import MASK, excerpt, redact
from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.salesforce import kind_of as salesforce_kind
from pipelines.clients.salesforce_soql import soql_text
from pipelines.clients.tokens import GrantRefused, TokenFile, TokenKeeper, Tokens
from pipelines.clients.transport import (
    SANDBOX_MARK,
    CallCount,
    Governor,
    Patience,
    Reach,
    VendorSession,
    retry_after,
)
from pipelines.errors import (
    ConfigurationError,
    CredentialsRefused,
    DiskFull,
    Incomplete,
    LimitExceeded,
    Refused,
    ReplyLost,
    Stale,
    StateCorrupt,
    Stop,
    Throttled,
    Unavailable,
)
from pipelines.settings import SalesforceSettings, Secret

CANARY = "canary-51d0c7b2"


# A small server that does what it is told ----------------------------------------


@dataclass
class Seen:
    """What arrived, and what is answered: one function per request, the last one for all others."""

    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    script: list[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)


def answer(
    status: int = 200, body: str = "{}", headers: dict[str, str] | None = None, promised: int = 0
) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in {SANDBOX_MARK: "1", **(headers or {})}.items():
            to.send_header(name, value)
        to.send_header("Content-Length", str(promised or len(body.encode())))
        to.end_headers()
        to.wfile.write(body.encode())

    return send


def hang_up(to: BaseHTTPRequestHandler) -> None:
    to.connection.shutdown(socket.SHUT_RDWR)
    to.close_connection = True


def stall(to: BaseHTTPRequestHandler) -> None:
    threading.Event().wait(1.0)
    hang_up(to)


@contextmanager
def serving(*script: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, Seen]]:
    seen = Seen(script=list(script))

    class Scripted(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.requests.append((self.command, self.path, body))
            (seen.script.pop(0) if len(seen.script) > 1 else seen.script[0])(self)

        do_POST = do_PATCH = do_GET

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


def fails_loudly(response: requests.Response, kind: Kind) -> None:
    if response.status_code >= 500:
        raise Unavailable("Vendor", "", f"it answered {response.status_code}")


def session(base: str, seconds: float = 5.0, **more: object) -> VendorSession:
    reach = Reach("Vendor", base, (".vendor.test",))
    made = VendorSession(reach, quickbooks_kind, fails_loudly, read_seconds=seconds, **more)  # type: ignore[arg-type]
    return made


# Calls ----------------------------------------


def test_calls_for_the_vendor_reach_the_sandbox() -> None:
    with serving(answer()) as (base, seen):
        session(base).get("https://login.vendor.test/services/data?q=a%20b")
    assert seen.requests == [("GET", "/services/data?q=a%20b", b"")]


def test_text_leaves_as_utf8_and_amounts_as_they_are() -> None:
    with serving(answer(body='{"a": 0.10000000000000000001}')) as (base, seen):
        reply = session(base).post(f"{base}/query", data='{"name": "Zoë ☃", "amount": 12.30}')
    assert seen.requests[0][2].decode() == '{"name": "Zoë ☃", "amount": 12.30}'
    assert str(simplejson.loads(reply.text, use_decimal=True)["a"]) == "0.10000000000000000001"


@pytest.mark.parametrize("ending", [hang_up, answer(body="{", promised=400), stall])
def test_a_write_without_an_answer_is_lost_and_not_repeated(
    ending: Callable[[BaseHTTPRequestHandler], None],
) -> None:
    with serving(ending) as (base, seen), pytest.raises(ReplyLost, match="answer was lost"):
        session(base, seconds=0.3).post(f"{base}/v3/company/1/invoice", data="{}")
    assert len(seen.requests) == 1


@pytest.mark.parametrize("ending", [hang_up, answer(body="{", promised=400), stall])
def test_a_read_without_an_answer_may_be_repeated(
    ending: Callable[[BaseHTTPRequestHandler], None],
) -> None:
    with serving(ending, answer(body='{"ok": 1}')) as (base, seen):
        calls = session(base, seconds=0.3)
        patience = Patience(sleep=lambda _: None)
        reply = patience.insist(lambda: calls.get(f"{base}/v3/company/1/invoice/7"))
    assert (reply.text, len(seen.requests)) == ('{"ok": 1}', 2)
    assert calls.calls.count == CallCount(reads=2)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_nothing_listens_nothing_can_have_been_done(method: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(Unavailable, match="no connection could be made"):
        session(base).request(method, f"{base}/v3/company/1/invoice")


def test_redirects_are_not_followed_with_the_token() -> None:
    with serving(answer(302, headers={"Location": "http://127.0.0.1:9/steal"})) as (base, seen):
        reply = session(base).get(f"{base}/v3/x", headers={"Authorization": f"Bearer {CANARY}"})
    assert (reply.status_code, len(seen.requests)) == (302, 1)


def test_calls_are_counted_by_kind() -> None:
    with serving(answer()) as (base, _):
        calls = session(base, metered=lambda kind: 1 if kind == "read" else 0)
        calls.get(f"{base}/v3/company/1/query")
        calls.post(f"{base}/v3/company/1/query", data="select")
        calls.post(f"{base}/v3/company/1/invoice", data="{}")
        calls.post(f"{base}/oauth2/v1/tokens/bearer", data="")
        with calls.calling("read", metered=18):
            calls.post(f"{base}/v3/company/1/batch", data="{}")
    assert calls.calls.count == CallCount(reads=3, writes=1, tokens=1, metered=20)
    assert calls.calls.count.total == 4


def test_a_recorder_is_told_of_every_call_but_those_for_tokens() -> None:
    told: list[MeteredCall] = []
    with serving(answer()) as (base, _):
        calls = session(base, source="77", record=told.append, metered=lambda _: 1)
        calls.get(f"{base}/v3/company/1/query")
        calls.post(f"{base}/oauth2/v1/tokens/bearer", data="")
        with calls.purpose("sweep"), calls.calling("read", metered=18):
            calls.post(f"{base}/v3/company/1/batch", data="{}")
        calls.post(f"{base}/v3/company/1/invoice", data="{}")
    assert told == [
        MeteredCall("Vendor", "77", "read", 1, ""),
        MeteredCall("Vendor", "77", "read", 18, "sweep"),
        MeteredCall("Vendor", "77", "write", 1, ""),
    ]


def test_what_a_recorder_refuses_is_not_sent() -> None:
    def refuse(_: MeteredCall) -> None:
        raise Stop("state", "", "there is no room left")

    with serving(answer()) as (base, seen):
        calls = session(base, record=refuse)
        with pytest.raises(Stop, match="no room"):
            calls.post(f"{base}/v3/company/1/invoice", data="{}")
    assert (seen.requests, calls.calls.count.total) == ([], 0)


@pytest.mark.parametrize(
    "url",
    [
        "https://vendor.test.evil.example/x",
        "http://api.vendor.test/x",
        "https://127.0.0.1/x",
        "https://user@api.vendor.test/x",
    ],
)
def test_live_calls_go_to_the_vendors_https_hosts_only(url: str) -> None:
    reach = Reach("Vendor", None, (".vendor.test",))
    live = VendorSession(reach, quickbooks_kind, fails_loudly)
    with pytest.raises(ConfigurationError, match="not to this host"):
        live.get(url)
    assert reach.allows("https://api.vendor.test/x")


def unmarked(to: BaseHTTPRequestHandler) -> None:
    to.send_response(200)
    to.send_header("Content-Length", "2")
    to.end_headers()
    to.wfile.write(b"{}")


def test_what_is_no_sandbox_is_not_taken_for_one() -> None:
    with (
        serving(unmarked) as (base, _),
        pytest.raises(ConfigurationError, match="no sandbox of ours"),
    ):
        session(base).get("https://login.vendor.test/services/data")


def test_a_sandbox_is_not_taken_for_the_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    marked = requests.Response()
    marked.status_code, marked.raw = 200, io.BytesIO()
    live = VendorSession(
        Reach("Vendor", None, (".vendor.test",)), quickbooks_kind, fails_loudly
    )  # fmt: skip
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", lambda *_, **__: marked)
    assert live.get("https://api.vendor.test/x") is marked
    marked.headers["X-Crossfoot-Sandbox"] = "1"
    with pytest.raises(ConfigurationError, match="a sandbox answered where the vendor should"):
        live.get("https://api.vendor.test/x")


@pytest.mark.parametrize(
    ("kind_of", "method", "url", "kind"),
    [
        (quickbooks_kind, "GET", "http://h/v3/company/1/cdc?x", "read"),
        (quickbooks_kind, "POST", "http://h/v3/company/1/query?minorversion=75", "read"),
        (quickbooks_kind, "POST", "http://h/v3/company/1/invoice", "write"),
        (quickbooks_kind, "GET", "http://h/.well-known/openid_sandbox_configuration/", "token"),
        (quickbooks_kind, "POST", "http://h/oauth2/v1/tokens/bearer", "token"),
        (salesforce_kind, "GET", "https://h/services/data/v68.0/query/", "read"),
        (salesforce_kind, "POST", "https://h/services/data/v68.0/composite", "write"),
        (salesforce_kind, "POST", "https://h/services/Soap/u/59.0", "token"),
        (salesforce_kind, "POST", "https://h/services/oauth2/token", "token"),
    ],
)
def test_what_a_call_is(
    kind_of: Callable[[str, str], Kind], method: str, url: str, kind: Kind
) -> None:
    assert kind_of(method, url) == kind


# Patience and pace ----------------------------------------


def patient(waits: list[float], **more: float) -> Patience:
    return Patience(sleep=waits.append, chance=random.Random(7), **more)  # type: ignore[arg-type]


def failing(*problems: Exception) -> Callable[[], str]:
    left = list(problems)

    def attempt() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return attempt


def test_waits_grow_and_stay_under_the_ceiling() -> None:
    waits: list[float] = []
    down = Unavailable("Vendor", "", "down")
    with pytest.raises(Unavailable):
        patient(waits, tries=8, first_wait=1.0, longest_wait=10.0).insist(failing(*[down] * 8))
    assert len(waits) == 7
    assert all(2**n / 2 <= wait <= 2**n for n, wait in enumerate(waits[:4]))
    assert max(waits) <= 10.0


def test_what_the_vendor_asks_for_is_waited() -> None:
    waits: list[float] = []
    throttled = Throttled("Vendor", "", "slow down", retry_after=7.0)
    silent = Throttled("Vendor", "", "slow down")
    endless = Throttled("Vendor", "", "slow down", retry_after=9999.0)
    assert patient(waits).insist(failing(throttled, silent, endless)) == "done"
    assert [round(wait) for wait in waits] == [7, 60, 60]


@pytest.mark.parametrize(
    "final", [ReplyLost("V", "", "lost"), Refused("V", "", "no"), CredentialsRefused("V", "", "no")]
)
def test_only_what_may_pass_is_tried_again(final: Exception) -> None:
    waits: list[float] = []
    with pytest.raises(type(final)):
        patient(waits).insist(failing(final))
    assert waits == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", None), ("30", 30.0), ("Fri, 20 Nov 2026 17:00:10 GMT", 10.0), ("soon", None)],
)
def test_retry_after_in_all_its_forms(header: str, seconds: float | None) -> None:
    reply = requests.Response()
    reply.headers.update({"Retry-After": header, "Date": "Fri, 20 Nov 2026 17:00:00 GMT"})
    assert retry_after(reply) == seconds


@given(st.lists(st.floats(0, 0.5), min_size=20, max_size=200))
def test_the_governor_keeps_under_both_rates(gaps: list[float]) -> None:
    now = [0.0]
    starts: list[float] = []

    def sleep(seconds: float) -> None:
        now[0] += seconds

    governor = Governor(per_second=3, per_minute=12, clock=lambda: now[0], sleep=sleep)
    for gap in gaps:
        now[0] += gap
        governor.wait()
        starts.append(now[0])
    for count, span in ((3, 1.0), (12, 60.0)):
        for first, last in zip(starts, starts[count:], strict=False):
            assert last - first >= span - 1e-6


# Redaction ----------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f'{{"access_token":"{CANARY}","refresh_token":"{CANARY}"}}',
        f"grant_type=refresh_token&refresh_token={CANARY}",
        f"<sessionId>{CANARY}</sessionId>",
        "session 00DHs0000040007!AQ.abc_DEF is bad".replace("abc", CANARY.replace("-", "_")),
        f"Token expired: {CANARY}",
        f"password={CANARY}&client_secret={CANARY}",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    shown = redact(text)
    assert CANARY not in shown
    assert CANARY.replace("-", "_") not in shown
    assert MASK in shown


@given(st.text(min_size=4, max_size=40), st.text(max_size=60), st.text(max_size=60))
def test_a_known_secret_is_masked_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert secret not in redact(before + secret + after, [secret]).replace(MASK, "")


def test_long_texts_are_cut_to_one_line() -> None:
    shown = excerpt("a\n" * 500)
    assert len(shown) == 300
    assert "\n" not in shown


def test_ordinary_words_are_left_alone() -> None:
    said = "Duplicate Name Exists Error: The name supplied already exists. : Id=123"
    assert redact(said) == said


# Refusals in all their shapes ----------------------------------------


def reply(status: int, body: str, **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = body.encode()
    made.encoding = "utf-8"
    made.headers.update(headers)
    return made


def fault(code: str, message: str = "M", detail: str = "M: D") -> str:
    error = {"Message": message, "Detail": detail, "code": code, "element": ""}
    return json.dumps({"Fault": {"Error": [error], "type": "ValidationFault"}, "time": "t"})


def gateway(code: str, message: str) -> str:
    error = {"message": message, "detail": f"Token expired: {CANARY}", "code": code}
    return json.dumps({"warnings": None, "fault": {"error": [error], "type": "SERVICE"}})


XML_THROTTLE = (
    '<?xml version="1.0"?><IntuitResponse><Fault type="SERVICE"><Error code="3001"><Message>'
    "message=ThrottleExceeded; errorCode=003001; statusCode=429</Message></Error></Fault>"
)


@pytest.mark.parametrize(
    ("status", "body", "kind", "expected"),
    [
        (400, fault("5010", "Stale Object Error"), "write", Stale),
        (400, fault("6240"), "write", Refused),
        (400, fault("610"), "read", Refused),
        (400, fault("3100"), "read", CredentialsRefused),
        (403, gateway("3100", "ApplicationAuthorizationFailed"), "read", CredentialsRefused),
        (403, gateway("3001", "message=ThrottleExceeded; errorCode=003001"), "read", Throttled),
        (429, gateway("3001", "message=ThrottleExceeded"), "write", Throttled),
        (400, XML_THROTTLE, "read", Throttled),
        (500, fault("10000"), "read", Unavailable),
        (500, fault("10000"), "write", ReplyLost),
        (400, fault("10000"), "write", ReplyLost),
        (503, "<html>busy</html>", "read", Unavailable),
        (504, "<html>timed out</html>", "write", ReplyLost),
        (413, "<html>too large</html>", "write", Refused),
        (400, fault("6190", "Invalid Company Status"), "write", Stop),
        (
            400,
            fault("6000", "A", "An unexpected error occurred while accessing or saving your data. "
                  "Please wait a few minutes"),
            "read",
            Unavailable,
        ),
        (302, "", "read", Refused),
    ],
)  # fmt: skip
def test_quickbooks_refusals_ask_for_the_right_reaction(
    status: int, body: str, kind: Kind, expected: type[Exception]
) -> None:
    with pytest.raises(expected) as caught:
        quickbooks_faults.examine(reply(status, body), kind, "company 1", str)
    assert CANARY not in str(caught.value)


def test_the_vendors_code_and_words_are_kept() -> None:
    with pytest.raises(Refused) as caught:
        quickbooks_faults.examine(
            reply(400, fault("6240", "Duplicate Name", "Duplicate Name: Id=123")),
            "write",
            "company 1",
            str,
        )
    assert (caught.value.code, caught.value.vendor_message) == ("6240", "Duplicate Name: Id=123")


def test_a_refused_token_shows_nothing_of_its_body() -> None:
    with pytest.raises(quickbooks_faults.TokenRefused) as caught:
        body = gateway("3200", "message=AuthenticationFailed; errorCode=003200")
        quickbooks_faults.examine(reply(401, body), "read", "company 1", str)
    assert str(caught.value) == ""


def rest(code: str, message: str = "m") -> str:
    return json.dumps([{"errorCode": code, "message": message}])


@pytest.mark.parametrize(
    ("status", "body", "kind", "expected"),
    [
        (400, rest("MALFORMED_QUERY"), "read", Refused),
        (404, rest("NOT_FOUND"), "write", Refused),
        (400, rest("QUERY_TIMEOUT"), "read", Unavailable),
        (400, rest("UNABLE_TO_LOCK_ROW"), "write", Refused),
        (403, rest("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), "read",
         LimitExceeded),
        (403, rest("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."), "read",
         Throttled),
        (403, rest("API_DISABLED_FOR_ORG"), "read", CredentialsRefused),
        (503, "<html>maintenance</html>", "read", Unavailable),
        (503, rest("SERVER_UNAVAILABLE"), "write", ReplyLost),
        (500, rest("UNKNOWN_EXCEPTION"), "write", ReplyLost),
        (401, rest("INVALID_SESSION_ID"), "write", salesforce_faults.SessionExpired),
        (304, "", "read", salesforce_faults.Unchanged),
    ],
)  # fmt: skip
def test_salesforce_refusals_ask_for_the_right_reaction(
    status: int, body: str, kind: Kind, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        salesforce_faults.examine(reply(status, body), kind, str)


def test_what_says_when_it_passes_is_waited_for_whatever_its_words() -> None:
    day = rest("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    answer = reply(403, day)
    answer.headers["Retry-After"] = "7"
    with pytest.raises(Throttled) as caught:
        salesforce_faults.examine(answer, "read", str)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("TotalRequests Limit exceeded.", LimitExceeded),
        ("ConcurrentPerOrgLongTxn Limit exceeded.", Throttled),
    ],
)
def test_a_part_of_a_call_is_refused_as_a_call_is(words: str, expected: type[Exception]) -> None:
    body = json.loads(rest("REQUEST_LIMIT_EXCEEDED", words))
    assert type(salesforce_faults.part_refused("page_Account", 403, body)) is expected


def org(base: str) -> SalesforceClient:
    session = Secret("00DHs0000000001!x")
    given = SalesforceSettings(
        base, "test.my", "00DHs0000000001MAA", "68.0", "access_token", "",
        Secret(""), Secret(""), "", Secret(""), session,
    )  # fmt: skip
    return SalesforceClient(given, read_seconds=2, patience=Patience(sleep=lambda _: None))


def page(total: int, names: list[str], following: str | None = None) -> str:
    records = [{"attributes": {}, "Name": name} for name in names]
    body = {"totalSize": total, "done": following is None, "records": records}
    return json.dumps(body | ({"nextRecordsUrl": following} if following else {}))


NEXT = "/services/data/v68.0/query/0r8xx0000000001AAA-2"


def test_pages_are_followed_to_the_end() -> None:
    with serving(answer(body=page(3, ["a", "b"], NEXT)), answer(body=page(3, ["c"]))) as (base, s):
        rows = list(org(base).query_all("SELECT Name FROM Account"))
    assert [r["Name"] for r in rows] == ["a", "b", "c"]
    assert s.requests[1][1] == NEXT


@pytest.mark.parametrize("held", [[], ["a"], ["a", "b", "c"]])
def test_other_rows_than_the_org_counted_are_an_error(held: list[str]) -> None:
    with (
        serving(answer(body=page(2, held))) as (base, _),
        pytest.raises(Incomplete, match=rf"Account: the org counted 2 rows and {len(held)} arr"),
    ):
        list(org(base).query_all("SELECT Name FROM Account"))


@pytest.mark.parametrize(
    "elsewhere", ["//evil.test/services/data/v68.0/query/0r8", "https://evil.test/x", "../../x"]
)
def test_a_next_page_elsewhere_is_not_followed(elsewhere: str) -> None:
    with (
        serving(answer(body=page(2, ["a"], elsewhere))) as (base, seen),
        pytest.raises(Unavailable, match="next page is not one"),
    ):
        list(org(base).query_all("SELECT Name FROM Account"))
    assert len(seen.requests) == 1


@pytest.mark.parametrize("body", ["[]", "{}", "null", '"text"', '{"records": 1}'])
def test_a_page_that_is_none_is_tried_again_and_then_told(body: str) -> None:
    with serving(answer(body=body)) as (base, _), pytest.raises(Unavailable):
        list(org(base).query_all("SELECT Name FROM Account"))


# Literals ----------------------------------------


@given(st.text())
def test_a_literal_never_ends_early(text: str) -> None:
    for made in (quoted(text), soql_text(text)):
        inner = made[1:-1]
        assert made[0] == made[-1] == "'"
        assert "'" not in inner.replace("\\\\", "").replace("\\'", "")
    assert re.sub(r"\\(.)", r"\1", quoted(text)[1:-1], flags=re.DOTALL) == text


# Tokens ----------------------------------------

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


@dataclass
class Bank:
    """A token endpoint that rotates; it keeps what was asked and what is valid."""

    valid: set[str] = field(default_factory=lambda: {"r0"})
    asked: list[str] = field(default_factory=list)
    stored_when_used: list[str] = field(default_factory=list)

    def exchange(self, refresh: Secret) -> dict[str, object]:
        self.asked.append(refresh.reveal())
        if refresh.reveal() not in self.valid:
            raise GrantRefused
        number = len(self.asked)
        self.valid = {f"r{number}"}
        return {
            "access_token": f"a{number}",
            "refresh_token": f"r{number}",
            "expires_in": 3600,
            "x_refresh_token_expires_in": 8640000,
        }


def keeper(path: Path, bank: Bank, configured: str = "r0", now: datetime = NOW) -> TokenKeeper:
    file = TokenFile(path / "tokens" / "t.json")
    return TokenKeeper(file, Secret(configured), bank.exchange, "company 1", lambda: now)


def test_a_rotated_token_is_on_the_disk_before_anybody_uses_it(tmp_path: Path) -> None:
    bank = Bank()
    access = keeper(tmp_path, bank).access()
    stored = TokenFile(tmp_path / "tokens" / "t.json").load()
    assert stored is not None
    assert (access.reveal(), stored.access.reveal(), stored.refresh.reveal()) == ("a1", "a1", "r1")
    assert (tmp_path / "tokens" / "t.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "tokens").stat().st_mode & 0o777 == 0o700


def test_a_good_token_is_shared_and_a_dying_one_renewed(tmp_path: Path) -> None:
    bank = Bank()
    assert keeper(tmp_path, bank).access().reveal() == "a1"
    assert keeper(tmp_path, bank).access().reveal() == "a1"
    later = NOW + timedelta(minutes=59, seconds=30)
    assert keeper(tmp_path, bank, now=later).access().reveal() == "a2"
    assert bank.asked == ["r0", "r1"]


def test_the_slower_of_two_takes_the_token_of_the_quicker(tmp_path: Path) -> None:
    bank = Bank()
    quick, slow = keeper(tmp_path, bank), keeper(tmp_path, bank)
    first = quick.access()
    assert slow.access() == first
    second = quick.renew(first)
    assert slow.renew(first) == second
    assert bank.asked == ["r0", "r1"]


def test_of_two_that_refresh_at_once_one_waits_for_the_other(tmp_path: Path) -> None:
    """The vendor would rotate twice, and the first to be stored would be the last to be good."""
    bank = Bank()
    exchange, late = bank.exchange, []

    def meanwhile(refresh: Secret) -> dict[str, object]:
        if not late:
            late.append(threading.Thread(target=keeper(tmp_path, bank).access))
            late[0].start()
            # The other one cannot get on before this one is through, however long it takes.
            late[0].join(0.3)
        return exchange(refresh)

    bank.exchange = meanwhile  # type: ignore[method-assign]
    assert keeper(tmp_path, bank).access().reveal() == "a1"
    late[0].join()
    assert bank.asked == ["r0"]


def test_the_token_before_is_tried_when_the_newest_is_refused(tmp_path: Path) -> None:
    bank = Bank()
    keeper(tmp_path, bank).access()
    bank.valid = {"r0"}
    assert keeper(tmp_path, bank).renew(Secret("a1")).reveal() == "a3"
    assert bank.asked == ["r0", "r1", "r0"]


def test_a_dead_connection_asks_for_a_person_once(tmp_path: Path) -> None:
    bank = Bank(valid=set())
    with pytest.raises(CredentialsRefused, match="to connect it again"):
        keeper(tmp_path, bank).access()
    assert bank.asked == ["r0"]


def test_a_new_connection_made_by_a_person_replaces_the_stored_one(tmp_path: Path) -> None:
    bank = Bank()
    keeper(tmp_path, bank).access()
    bank.valid = {"fresh"}
    assert keeper(tmp_path, bank, configured="fresh").access().reveal() == "a2"
    assert bank.asked == ["r0", "fresh"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"refresh_token": ""}', "\x00"])
def test_a_corrupt_token_file_is_told_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokens" / "t.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(StateCorrupt, match=r"cannot be read.*Move it away"):
        keeper(tmp_path, Bank()).access()
    assert path.read_text() == text


def test_no_room_for_the_token_is_an_error_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.clients import tokens

    bank = Bank()
    made = keeper(tmp_path, bank)
    made.access()
    before = (tmp_path / "tokens" / "t.json").read_text()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tokens, "_write_private", full)
    with pytest.raises(DiskFull, match="an unstored token is a lost connection"):
        made.renew(Secret("a1"))
    assert (tmp_path / "tokens" / "t.json").read_text() == before


def test_stored_tokens_come_back_whole(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "t.json")
    tokens = Tokens(Secret("r"), Secret("p"), Secret("a"), NOW, NOW + timedelta(days=100), "o")
    file.save(tokens)
    assert file.load() == tokens
    assert CANARY not in repr(Tokens(Secret(CANARY)))
