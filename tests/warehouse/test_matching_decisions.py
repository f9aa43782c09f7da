"""What people decided, and what becomes of it when the records change or are merged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from built_company import build_and_score
from worlds import ORG, US, Builder

from pipelines import warehouse

SELECT = ("+int_review__customers",)
SEEN = (
    '{"name": "same", "e-mail": "unknown", "domain": "unknown", "telephone": "different", '
    '"postal code": "unknown", "currency": "same", "external id": "unknown"}'
)


class Case:
    """Accounts, customers and decisions by the name of their case."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.ids: dict[str, str] = {}

    def pair(self, name: str, phones: tuple[str, str] = ("", ""), linked: bool = False) -> None:
        customer = self.builder.customer(
            name, CompanyName=name, PrimaryPhone={"FreeFormNumber": phones[1]}
        )
        link = (US, customer) if linked else None
        account = self.builder.account(name, link, Phone=phones[0] or None)
        self.ids |= {name: account, f"{name} (customer)": customer}

    def decided(self, name: str, decision: str, customer: str = "", **more: Any) -> None:
        self.builder.decisions.append({
            "subject": "customer", "org_id": ORG, "left_id": self.ids[name], "company_id": US,
            "right_id": self.ids[customer or f"{name} (customer)"], "decision": decision,
            "decided_by": "Ada", "decided_at": "2026-11-10T09:00:00Z", "reason": "looked",
            "number": len(self.builder.decisions) + 1,
        } | more)  # fmt: skip


@pytest.fixture(scope="module")
def case() -> Case:
    made = Case()
    made.pair("Ashwick Foods", ("503 555 0101", "503 555 0102"))
    made.decided("Ashwick Foods", "rejected", evidence=SEEN)
    made.pair("Belfield Labs", ("503 555 0201", "503 555 0201"))
    made.decided("Belfield Labs", "rejected", evidence=SEEN)
    made.pair("Cordale Metals", ("503 555 0301", "503 555 0301"))
    made.decided("Cordale Metals", "rejected")
    made.pair("Dunmore Dairy", ("503 555 0401", "503 555 0401"), linked=True)
    made.decided("Dunmore Dairy", "rejected", evidence=SEEN)
    # Merged away in Salesforce, twice over: its link is the winner's now.
    for name in ("Eastholm Paper", "Eastholm Paper Mill", "Eastholm Group"):
        made.pair(name)
    for loser, winner in (
        ("Eastholm Paper", "Eastholm Paper Mill"), ("Eastholm Paper Mill", "Eastholm Group"),
    ):  # fmt: skip
        (row,) = (a for a in made.builder.salesforce["Account"] if a["Id"] == made.ids[loser])
        row |= {"IsDeleted": True, "MasterRecordId": made.ids[winner]}
    made.decided("Eastholm Paper", "confirmed")
    made.decided("Eastholm Paper", "rejected", "Eastholm Group (customer)")
    made.pair("Fairgate Tools", linked=True)
    return made


@pytest.fixture(scope="module")
def path(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("decided") / "warehouse.duckdb"
    undone = {
        "subject": "customer", "org_id": ORG, "left_id": case.ids["Fairgate Tools"],
        "company_id": US, "right_id": case.ids["Fairgate Tools (customer)"],
        "decision": "confirmed", "number": 99, "valid_from": "2026-11-01T09:00:00Z",
        "valid_to": "2026-11-12T09:00:00Z", "ended_how": "undone", "ended_by": "Bob",
    }  # fmt: skip
    case.builder.periods.append(undone)
    return build_and_score(case.builder.world(), path, SELECT)


def state(path: Path, case: Case, name: str, customer: str = "") -> tuple[str, str] | None:
    rows = warehouse.read(
        path,
        "select match_state, method from matched.matched_customers"
        " where account_id = ? and customer_id = ?",
        [case.ids[name], case.ids[customer or f"{name} (customer)"]],
    )
    return (rows[0]["match_state"], rows[0]["method"]) if rows else None


def reason(path: Path, case: Case, name: str) -> str:
    rows = warehouse.read(
        path,
        "select reason, band from intermediate.int_review__customers where left_id = ?",
        [case.ids[name]],
    )
    assert [row["band"] for row in rows] == ["returned"]
    return str(rows[0]["reason"])


def test_a_rejection_holds_while_the_evidence_is_what_it_was(path: Path, case: Case) -> None:
    assert state(path, case, "Ashwick Foods") == ("rejected", "manual")


def test_a_rejection_that_kept_no_evidence_holds_for_ever(path: Path, case: Case) -> None:
    assert state(path, case, "Cordale Metals") == ("rejected", "manual")


def test_a_rejected_pair_returns_when_the_evidence_changes(path: Path, case: Case) -> None:
    """A shared telephone alone would link it; after a rejection a person is asked."""
    assert (state(path, case, "Belfield Labs") or ("",))[0] == "suggested"
    told = reason(path, case, "Belfield Labs")
    assert told.startswith(
        "Rejected by Ada on 2026-11-10; since then telephone was different and is same. Now: "
    )


def test_a_key_set_after_a_rejection_is_asked_about_too(path: Path, case: Case) -> None:
    assert (state(path, case, "Dunmore Dairy") or ("",))[0] == "suggested"
    assert "external id was unknown and is same" in reason(path, case, "Dunmore Dairy")


def test_a_link_moves_with_the_merge_to_the_last_winner(path: Path, case: Case) -> None:
    assert state(path, case, "Eastholm Group", "Eastholm Paper (customer)") == ("manual", "manual")
    assert state(path, case, "Eastholm Paper") is None


def test_a_rejection_does_not_move_with_a_merge(path: Path, case: Case) -> None:
    assert state(path, case, "Eastholm Group") != ("rejected", "manual")


def test_a_link_taken_back_is_not_made_again_by_the_key_it_left(path: Path, case: Case) -> None:
    assert (state(path, case, "Fairgate Tools") or ("",))[0] == "suggested"
    told = reason(path, case, "Fairgate Tools")
    assert told.startswith("Taken back by Bob on 2026-11-12, and the account still names")
