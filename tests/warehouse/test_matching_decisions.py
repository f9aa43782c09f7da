"""What people decided, and what becomes of it when the records change or are merged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from built_company import build_and_score
from worlds import ORG, PROJECT, US, Builder

from pipelines import warehouse

SELECT = ("+int_review__customers", "+customer_identity", "+match_explanations")
MERGED, CHANGED = "2026-11-15T12:00:00Z", "2026-11-05T08:00:00Z"
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
    # The loser of a merge had a key of its own.
    made.pair("Grandale Coffee", linked=True)
    made.pair("Grandale Roasters", linked=True)
    (row,) = (a for a in made.builder.salesforce["Account"]
              if a["Id"] == made.ids["Grandale Coffee"])  # fmt: skip
    row |= {
        "IsDeleted": True, "MasterRecordId": made.ids["Grandale Roasters"],
        "SystemModstamp": MERGED,
    }  # fmt: skip
    # The key on the account was changed from one customer to another.
    made.pair("Harcourt Mills", linked=True)
    made.pair("Harcourt Mills Two")
    # Merged away in QuickBooks: its invoices name the winner now.
    made.pair("Ivesgrove Glass")
    made.decided("Ivesgrove Glass", "confirmed")
    made.pair("Ivesgrove Windows")
    (row,) = (c for c in made.builder.quickbooks[US, "Customer"]
              if c["Id"] == made.ids["Ivesgrove Glass (customer)"])  # fmt: skip
    row["Active"] = False
    made.ids["invoice"] = made.builder.invoice(made.ids["Ivesgrove Windows (customer)"], "10.00")
    return made


def history(case: Case, path: Path) -> None:
    """What the extraction would have kept of the changed key and of the merged customer."""
    key = {"org_id": ORG, "id": case.ids["Harcourt Mills"], "is_deleted": False}
    versions = [
        key | {"qbo_customer_id__c": f"{US}:{case.ids['Harcourt Mills Two (customer)']}",
               "known_from": "2026-02-01T00:00:00Z", "known_to": CHANGED},
        key | {"qbo_customer_id__c": f"{US}:{case.ids['Harcourt Mills (customer)']}",
               "known_from": CHANGED},
    ]  # fmt: skip
    columns = {
        **dict.fromkeys(("org_id", "id", "qbo_customer_id__c", "master_record_id"), "VARCHAR"),
        **dict.fromkeys(("system_modstamp", "known_from", "known_to"), "TIMESTAMPTZ"),
        "is_deleted": "BOOLEAN",
    }
    invoice = {
        "company_id": US, "id": case.ids["invoice"], "known_from": "2026-10-22T00:00:00Z",
        "known_to": MERGED, "payload": json.dumps(
            {"CustomerRef": {"value": case.ids["Ivesgrove Glass (customer)"]}}
        ),
    }  # fmt: skip
    kept = {
        **dict.fromkeys(("company_id", "id", "payload"), "VARCHAR"),
        **dict.fromkeys(("known_from", "known_to"), "TIMESTAMPTZ"),
    }
    with warehouse.writer(path) as connection:
        warehouse.fill_table(connection, "history_salesforce", "account", columns, versions)
        warehouse.fill_table(connection, "history_quickbooks", "invoice", kept, [invoice])


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
    history(case, path)
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


def periods(path: Path, case: Case, *names: str) -> list[tuple[str, str, str, str | None]]:
    """Account and customer by name, with the day a link began and how it ended."""
    rows = warehouse.read(
        path,
        "select * from matched.customer_identity where list_contains(?, customer_id)"
        " order by valid_from, account_id",
        [[case.ids[f"{name} (customer)"] for name in names]],
    )
    named = {number: name.removesuffix(" (customer)") for name, number in case.ids.items()}
    return [
        (
            named[r["account_id"]], named[r["customer_id"]],
            f"{r['valid_from'].astimezone(UTC):%Y-%m-%d}", r["ended_how"],
        )
        for r in rows
    ]  # fmt: skip


def test_the_key_of_a_merged_account_is_the_winners(path: Path, case: Case) -> None:
    link = ("Grandale Roasters", "Grandale Coffee (customer)")
    assert state(path, case, *link) == ("confirmed", "external_id")
    assert periods(path, case, "Grandale Coffee") == [
        ("Grandale Coffee", "Grandale Coffee", "2026-01-02", "account_merged"),
        ("Grandale Roasters", "Grandale Coffee", "2026-11-15", None),
    ]


def test_a_key_that_was_changed_ends_one_link_and_begins_another(path: Path, case: Case) -> None:
    assert periods(path, case, "Harcourt Mills", "Harcourt Mills Two") == [
        ("Harcourt Mills", "Harcourt Mills Two", "2026-01-02", "key_changed"),
        ("Harcourt Mills", "Harcourt Mills", "2026-11-05", None),
    ]


def test_a_link_goes_on_with_the_customer_that_is_left(path: Path, case: Case) -> None:
    assert state(path, case, "Ivesgrove Glass", "Ivesgrove Windows (customer)") == (
        "manual", "manual",
    )  # fmt: skip
    assert periods(path, case, "Ivesgrove Glass", "Ivesgrove Windows") == [
        ("Ivesgrove Glass", "Ivesgrove Glass", "2026-11-10", "customer_merged"),
        ("Ivesgrove Glass", "Ivesgrove Windows", "2026-11-15", None),
    ]


def test_a_link_that_was_taken_back_has_an_end_and_is_not_followed(path: Path, case: Case) -> None:
    assert periods(path, case, "Fairgate Tools")[-1] == (
        "Fairgate Tools", "Fairgate Tools", "2026-11-01", "undone",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "name"), [("2026-11-04", "Harcourt Mills Two"), ("2026-11-06", "Harcourt Mills")]
)
def test_who_it_was_on_a_day_is_one_query(path: Path, case: Case, day: str, name: str) -> None:
    moment = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    rows = warehouse.read(
        path,
        "select customer_id from matched.customers_on(cast(? as timestamptz)) where account_id = ?",
        [moment, case.ids["Harcourt Mills"]],
    )
    assert [row["customer_id"] for row in rows] == [case.ids[f"{name} (customer)"]]


def test_periods_do_not_overlap_and_end_with_what_is_used(path: Path) -> None:
    sql = (PROJECT / "tests" / "links_hold_one_at_a_time.sql").read_text()
    for name in ("customer_identity", "matched_customers"):
        sql = sql.replace("{{ ref('" + name + "') }}", f"matched.{name}")
    usable = "{{ usable_link('match_state') }}"
    assert usable in sql
    rows = warehouse.read(path, sql.replace(usable, "match_state in ('confirmed', 'manual')"))
    assert rows == []


def explained(path: Path, case: Case, name: str) -> list[dict[str, Any]]:
    return warehouse.read(
        path,
        "select * from matched.match_explanations where account_id = ? and customer_id = ?"
        " order by ground_number",
        [case.ids[name], case.ids[f"{name} (customer)"]],
    )


def test_a_pair_is_explained_by_person_keys_and_bits(path: Path, case: Case) -> None:
    rows = explained(path, case, "Cordale Metals")
    assert (rows[0]["ground"], rows[0]["said"]) == ("decision", "rejected by Ada: looked")
    keys = {(r["name"], r["account_value"], r["said"]) for r in rows if r["ground"] == "key"}
    assert ("telephone", "035550301", "held by 1 account and 1 customer") in keys
    assert "name" in {name for name, _, _ in keys}
    (phone,) = [r for r in rows if r["ground"] == "comparison" and "phone" in r["name"]]
    assert phone["account_value"] == phone["customer_value"] == "035550301"
    assert phone["bits"] > 0


def test_the_bits_of_a_pair_add_up_to_its_weight(path: Path) -> None:
    off = warehouse.read(
        path,
        "select pair_id, sum(bits) as told, any_value(match_weight) as weight"
        " from matched.match_explanations inner join matching.customer_scores"
        " using (org_id, account_id, company_id, customer_id) where bits is not null"
        " group by pair_id having abs(told - weight) > 0.00001",
    )
    assert off == []
