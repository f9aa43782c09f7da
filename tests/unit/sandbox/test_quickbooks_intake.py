"""Whatever arrives is answered: by the object, or by a refusal in the vendor's shape."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Request, Sandbox
from pipelines.sandbox.quickbooks import QuickBooks
from pipelines.sandbox.quickbooks.query import parse
from pipelines.sandbox.quickbooks.refusals import Refusal
from pipelines.sandbox.quickbooks.vocabulary import ENTITIES, PARTS

REALM = "9341450000000001"
SANDBOX = Sandbox(factories={"quickbooks": QuickBooks})
NAMES = sorted(
    {n for e in ENTITIES.values() for n in e.members} | set(" ".join(PARTS.values()).split())
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.sampled_from(["", "1", "-1", "1.5", "TAX", "2026-01-01", "x" * 600, "a:b", "NaN", "1e400"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(["value", "Amount", "DetailType", *NAMES]), inner, max_size=3
        ),
    ),
    max_leaves=6,
)
WORDS = st.sampled_from(
    [
        *("select", "*", "count(*)", "from", "Invoice", "where", "Id", "=", "in", "(", ")", "'1'"),
        *(",", "and", "orderby", "desc", "maxresults", "startposition", "5", "like", "'%", "true"),
    ]
)
GOOD: dict[str, Any] = {
    "CustomerRef": {"value": "1"},
    "VendorRef": {"value": "2"},
    "DisplayName": "someone",
    "Name": "something",
    "TotalAmt": 5,
    "Amount": 5,
    "Note": "note",
    "IncomeAccountRef": {"value": "1"},
    "AccountType": "Bank",
    "Line": [
        {
            "Amount": 5,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
        }
    ],
}


@st.composite
def objects(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An entity and a body: what it needs, some of it replaced by anything."""
    entity = draw(st.sampled_from(sorted(ENTITIES)))
    members = ENTITIES[entity].members
    needed = {name: GOOD[name] for name in members if name in GOOD}
    odd = draw(st.dictionaries(st.sampled_from(members), VALUES, max_size=3))
    return entity, {**needed, **odd}


def call(method: str, path: str, body: bytes = b"", **query: str) -> tuple[int, Any]:
    vendor = SANDBOX.vendors["quickbooks"]
    assert isinstance(vendor, QuickBooks)
    headers = {
        "authorization": f"Bearer {vendor.oauth.tokens_of(REALM)[0]}",
        "accept": "application/json",
    }
    path = f"/v3/company/{REALM}{path}"
    reply = SANDBOX.dispatch(Request("quickbooks", method, path, query, "", headers, body), None)
    return reply.status, codec.loads(reply.body)


def is_answered(status: int, body: Any) -> bool:
    return status == 200 or (status == 400 and body["Fault"]["Error"][0]["code"].isdigit())


@settings(max_examples=400, deadline=None)
@given(what=objects(), operation=st.sampled_from(["", "", "", "update", "delete", "void", "send"]))
def test_any_object_is_kept_or_refused(what: tuple[str, Any], operation: str) -> None:
    entity, body = what
    content = codec.dump_bytes(body)
    assert is_answered(*call("POST", f"/{entity.lower()}", content, operation=operation))


@settings(max_examples=200, deadline=None)
@given(value=VALUES)
def test_any_batch_is_answered(value: Any) -> None:
    bodies = (value, {"BatchItemRequest": value}, {"BatchItemRequest": [value, {"Invoice": value}]})
    for body in bodies:
        assert is_answered(*call("POST", "/batch", codec.dump_bytes(body)))


@given(text=st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=14).map(" ".join)))
def test_any_text_is_a_statement_or_refused(text: str) -> None:
    try:
        assert parse(text).limit <= 1000
    except Refusal as refused:
        assert refused.code in ("4000", "4001")


def test_a_body_that_is_not_json_is_refused() -> None:
    for body in (b"", b"{", b"[]", b"\xff", b'{"a": NaN}', b"<Invoice/>"):
        status, answer = call("POST", "/invoice", body)
        assert (status, answer["Fault"]["Error"][0]["code"]) == (400, "2010")
