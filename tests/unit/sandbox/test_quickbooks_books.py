"""Whatever happens to invoices, credits and payments, the books agree with themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Request, Sandbox
from pipelines.sandbox.quickbooks import QuickBooks
from pipelines.sandbox.quickbooks.tally import ACCRUAL, Tallies, tallies_of

REALM = "9341450000000001"
AMOUNTS = st.integers(1, 400).map(lambda n: Decimal(n) / 4)
PICK = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("invoice"), AMOUNTS),
    st.tuples(st.just("memo"), AMOUNTS),
    st.tuples(st.just("pay"), AMOUNTS, PICK, AMOUNTS),
    st.tuples(st.just("credit"), PICK, PICK, AMOUNTS),
    st.tuples(st.just("change"), PICK, AMOUNTS),
    st.tuples(st.just("void"), st.sampled_from(["Invoice", "Payment"]), PICK),
    st.tuples(st.just("delete"), st.sampled_from(["Invoice", "Payment", "CreditMemo"]), PICK),
)


class Desk:
    """Someone who works in an empty company and does not mind being refused."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        vendor = sandbox.vendors["quickbooks"]
        assert isinstance(vendor, QuickBooks)
        self.books = vendor.books[REALM]
        self.token = vendor.oauth.tokens_of(REALM)[0]
        self.post("customer", {"DisplayName": "Someone"})

    def post(self, entity: str, body: Any, **query: str) -> int:
        path = f"/v3/company/{REALM}/{entity.lower()}"
        headers = {"authorization": f"Bearer {self.token}"}
        content = codec.dump_bytes(body)
        raw = urlencode(query)
        request = Request("quickbooks", "POST", path, query, raw, headers, content)
        return self.sandbox.dispatch(request, None).status

    def rows(self, entity: str) -> list[dict[str, Any]]:
        return list(self.books.table(entity))

    def pick(self, entity: str, number: int) -> dict[str, Any]:
        rows = self.rows(entity)
        return rows[number % len(rows)] if rows else {"Id": "999", "SyncToken": "0"}

    def do(self, step: tuple[Any, ...]) -> int:
        return int(getattr(self, step[0])(*step[1:]))

    def invoice(self, amount: Decimal) -> int:
        return self.post("invoice", sale(amount))

    def memo(self, amount: Decimal) -> int:
        return self.post("creditmemo", sale(amount))

    def pay(self, total: Decimal, number: int, amount: Decimal) -> int:
        return self.post(
            "payment", settled(total, ("Invoice", self.pick("Invoice", number), amount))
        )

    def credit(self, invoice: int, memo: int, amount: Decimal) -> int:
        pairs = (
            ("Invoice", self.pick("Invoice", invoice), amount),
            ("CreditMemo", self.pick("CreditMemo", memo), amount),
        )
        return self.post("payment", settled(Decimal(0), *pairs))

    def change(self, number: int, amount: Decimal) -> int:
        before = self.pick("Invoice", number)
        return self.post("invoice", {**before, "Line": sale(amount)["Line"]})

    def void(self, entity: str, number: int) -> int:
        body = {k: self.pick(entity, number)[k] for k in ("Id", "SyncToken")}
        if entity == "Invoice":
            return self.post(entity, body, operation="void")
        return self.post(entity, {**body, "sparse": True}, operation="update", include="void")

    def delete(self, entity: str, number: int) -> int:
        body = {k: self.pick(entity, number)[k] for k in ("Id", "SyncToken")}
        return self.post(entity, body, operation="delete")


def sale(amount: Decimal) -> dict[str, Any]:
    line = {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }
    return {"CustomerRef": {"value": "1"}, "Line": [line]}


def settled(total: Decimal, *pairs: tuple[str, dict[str, Any], Decimal]) -> dict[str, Any]:
    lines = [
        {"Amount": amount, "LinkedTxn": [{"TxnId": record["Id"], "TxnType": kind}]}
        for kind, record, amount in pairs
    ]
    return {"CustomerRef": {"value": "1"}, "TotalAmt": total, "Line": lines}


def total(values: Iterator[Any]) -> Decimal:
    return sum((Decimal(str(value)) for value in values), Decimal(0))


@contextmanager
def desk() -> Iterator[Desk]:
    sandbox = Sandbox(factories={"quickbooks": QuickBooks})
    yield Desk(sandbox)
    sandbox.close()


def applied(desk: Desk, kind: str, record: dict[str, Any]) -> Decimal:
    """What all payments say they settle of a document."""
    return total(
        line["Amount"]
        for payment in desk.rows("Payment")
        for line in payment["Line"]
        for link in line["LinkedTxn"]
        if (link["TxnType"], link["TxnId"]) == (kind, record["Id"])
    )


def check(desk: Desk) -> None:
    for kind in ("Invoice", "CreditMemo"):
        for record in desk.rows(kind):
            rest = record["TotalAmt"] - applied(desk, kind, record)
            assert record["Balance"] == rest >= 0
            linked = {n["TxnId"] for n in record.get("LinkedTxn", ())}
            assert linked == {
                p["Id"]
                for p in desk.rows("Payment")
                for line in p["Line"]
                for n in line["LinkedTxn"]
                if (n["TxnType"], n["TxnId"]) == (kind, record["Id"])
            }
    for payment in desk.rows("Payment"):
        ways = [(n["LinkedTxn"][0]["TxnType"], n["Amount"]) for n in payment["Line"]]
        credit = total(amount for kind, amount in ways if kind == "CreditMemo")
        spent = total(amount for kind, amount in ways if kind == "Invoice")
        assert payment["UnappliedAmt"] == payment["TotalAmt"] + credit - spent >= 0
    owed = total(r["Balance"] for r in desk.rows("Invoice"))
    owed -= total(r["Balance"] for r in desk.rows("CreditMemo"))
    owed -= total(r["UnappliedAmt"] for r in desk.rows("Payment"))
    customer = desk.rows("Customer")[0]
    assert customer["Balance"] == customer["BalanceWithJobs"] == owed


@settings(max_examples=120, deadline=None)
@given(steps=st.lists(STEPS, max_size=25))
def test_balances_links_and_what_is_left_always_agree(steps: list[tuple[Any, ...]]) -> None:
    with desk() as someone:
        vendor = someone.sandbox.vendors["quickbooks"]
        assert isinstance(vendor, QuickBooks)
        books = next(iter(vendor.books.values()))
        followed = tallies_of(books).of(ACCRUAL)
        for step in steps:
            assert someone.do(step) in (200, 400)
            check(someone)
        fresh = Tallies(books).of(ACCRUAL)
        assert tallies_of(books).of(ACCRUAL) is followed
        assert {k: a for k, a in followed.sums.items() if a} == {
            k: a for k, a in fresh.sums.items() if a
        }
        assert followed.open == fresh.open
        assert list(followed.split("", "9")) == list(fresh.split("", "9"))


def test_the_steps_above_reach_the_interesting_places() -> None:
    with desk() as someone:
        done = [
            someone.do(step)
            for step in (
                ("invoice", Decimal(100)),
                ("memo", Decimal(30)),
                ("pay", Decimal(80), 0, Decimal(50)),
                ("credit", 0, 0, Decimal(30)),
                ("change", 0, Decimal(60)),
                ("delete", "CreditMemo", 0),
                ("void", "Payment", 0),
                ("void", "Invoice", 0),
            )
        ]
        assert done == [200] * 8
        check(someone)
