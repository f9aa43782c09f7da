"""Who is linked with whom, in a small world where each record is one case.

What must never happen is an automatic link without identity, or between members of one group.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from built_company import build_and_score
from worlds import ORG, UK, US, Builder

from pipelines import warehouse
from pipelines.matching.features import GROUPS

SELECT = ("+int_review__customers", "+int_review__products")
HARBOR = ("12 Harbor Ave", "Portland", "97201")
QUARRY = ("88 Quarry Blvd", "Austin", "78701")
NOWHERE: tuple[str, str, str] | None = None
Place = tuple[str, str, str] | None


@dataclass
class Case:
    """Accounts and customers of one case, by the names that the test gives them."""

    builder: Builder
    ids: dict[str, str] = field(default_factory=dict)

    def account(
        self, name: str, mail: str = "", phone: str = "", place: Place = NOWHERE, label: str = "",
        **known: Any,
    ) -> str:  # fmt: skip
        """An account; its mail is its billing contact's."""
        street, city, code = place or (None, None, None)
        address = {"BillingStreet": street, "BillingCity": city, "BillingPostalCode": code}
        made = self.builder.account(name, Phone=phone or None, **(address | known))
        if mail:
            self.builder.salesforce["Contact"].append(
                {"Id": f"003{made[3:]}", "AccountId": made, "Email": mail, "LastName": "Payable"}
            )
        self.ids[label or name] = made
        return made

    def customer(
        self, name: str, mail: str = "", phone: str = "", place: Place = NOWHERE, label: str = "",
        company: str = US, **known: Any,
    ) -> str:  # fmt: skip
        """A customer with what QuickBooks holds of it."""
        street, city, code = place or (None, None, None)
        parts = {
            "PrimaryEmailAddr": {"Address": mail} if mail else None,
            "PrimaryPhone": {"FreeFormNumber": phone} if phone else None,
            "BillAddr": {"Line1": street, "City": city, "PostalCode": code} if place else None,
        }
        made = self.builder.customer(name, company, CompanyName=name, **(parts | known))
        self.ids[label or f"{name} (customer)"] = made
        return made


def spoken_for(case: Case) -> None:
    """Each pair here is one organisation, with evidence that nobody else holds."""
    case.account("Ashwick Foods, Inc.", "ap@ashwick.example", place=HARBOR)
    case.customer("ASHWICK FOODS INCORPORATED", "AP@Ashwick.example")
    case.account("Belfield Laboratories LLC", Website="https://www.belfield.example/contact")
    case.customer("Belfield Labs", "billing@belfield.example")
    case.account("Müller-Rath Messtechnik GmbH", place=("Hauptstrasse 5", "Freiburg", "79100"))
    case.customer("Mueller Rath Messtechnik", place=("Hauptstr. 5", "Freiburg", "79100"))
    case.account("Cordale & Sons Ltd", phone="+44 113 496 0123")
    case.customer("Cordale and Sons Limited", phone="0113 496 0123 ext 4")
    case.account("Hall Ann", "ann.hall.lab7@gmail.com")
    case.customer("Hall, Ann", "ann.hall.lab7@gmail.com")
    case.account("Kelmont Dairy Co", "office@kelmont.example")
    case.customer("Kelmont Holdings dba Kelmont Dairy (net 30)", "office@kelmont.example")
    case.account("Завод Полимер ООО", "ap@polymer.example")
    case.customer("завод полимер", "ap@polymer.example")
    # A company's whole name, which nobody else bears.
    case.account("Lindmoor Foundry Castings LLC")
    case.customer("Lindmoor Foundry Castings")
    case.account("Norford University Chemistry", "chem@norford.example")
    parent = case.customer("Norford University", "bursar@norford.example")
    case.customer(
        "Chemistry", "chem@norford.example", label="Norford University:Chemistry",
        ParentRef={"value": parent}, Job=True, FullyQualifiedName="Norford University:Chemistry",
    )  # fmt: skip


SAME = {
    "Ashwick Foods, Inc.": ("ASHWICK FOODS INCORPORATED (customer)", "email"),
    "Belfield Laboratories LLC": ("Belfield Labs (customer)", "domain"),
    "Müller-Rath Messtechnik GmbH": ("Mueller Rath Messtechnik (customer)", "name_postcode"),
    "Cordale & Sons Ltd": ("Cordale and Sons Limited (customer)", "name_phone"),
    "Hall Ann": ("Hall, Ann (customer)", "email"),
    "Kelmont Dairy Co": ("Kelmont Holdings dba Kelmont Dairy (net 30) (customer)", "email"),
    "Завод Полимер ООО": ("завод полимер (customer)", "email"),
    "Lindmoor Foundry Castings LLC": ("Lindmoor Foundry Castings (customer)", "score"),
    "Norford University Chemistry": ("Norford University:Chemistry", "email"),
}


def dangerous(case: Case) -> None:
    """Each pair here looks alike and is two organisations, or cannot be told."""
    # A department bills for itself; the shared domain and switchboard are the group's.
    case.account("Elmbury University", "x@elmbury.example", "503 555 0101", HARBOR)
    case.customer(
        "Elmbury University - Physics Department", "y@elmbury.example", "(503) 555-0101", HARBOR
    )
    # Twins: one name, two towns.
    case.account("Fairgate Metals Inc", "ap@fairgate-austin.example", "512 555 0102", QUARRY)
    case.customer("Fairgate Metals Inc", "ap@fairgate.example", "503 555 0103", HARBOR)
    # Siblings of one owner, with his mailbox.
    case.account("Grandale Foods Inc", "office@grandale.example", place=HARBOR)
    case.customer("Grandale Coatings Inc", "office@grandale.example", place=HARBOR)
    # Shops of one chain; only the number tells them apart.
    case.account("Halcroft Coffee #1234", "shop@halcroft.example")
    case.customer("Halcroft Coffee #1235", "shop@halcroft.example")
    case.account("Kirkbury Coffee - 10234", "north@kirkbury.example", place=HARBOR)
    case.customer("Kirkbury Coffee - 10567", place=HARBOR)
    # The sister in another country.
    case.account("Ivesgrove Polymers GmbH", "ap@ivesgrove.example")
    case.customer("Ivesgrove Polymers Inc", "ap@ivesgrove.example")
    # A free mailbox's provider is nobody's domain.
    case.account("Jarlake Carla", "carla.jarlake@gmail.com")
    case.customer("Jarlake Carl", "carl.j@gmail.com")
    # Money in another currency cannot be billed there.
    case.account("Langworth Energy", "ap@langworth.example", CurrencyIsoCode="EUR")
    case.customer("Langworth Energy", "ap@langworth.example")
    # Nothing but the name, which a person may bear, or two companies.
    case.account("Marhaven Controls")
    case.customer("Marhaven Controls")
    for at in range(2):
        case.account("Netherby Marine Supply Ltd", label=f"Netherby {at}")
    case.customer("Netherby Marine Supply Ltd", label="Netherby")
    # An office by its initial, and a department by the word that names one.
    case.account("Orlbeck Timber Works", "ap@orlbeck.example")
    case.customer("Orlbeck Timber Works W. LLC", "ap@orlbeck.example", label="Orlbeck W.")
    case.account("Pinehurst Command", "a@pinehurst.example")
    case.customer("Pinehurst Command Dept of Affairs", "b@pinehurst.example", label="Affairs")
    # What stands behind a slash tells two branches apart.
    case.account("Sterwick Lumber / Toronto", phone="416 555 0161")
    case.customer("Sterwick Lumber / Montréal", phone="416 555 0161", label="Sterwick")
    # The mailbox of a bookkeeper who serves two clients.
    case.account("Oakridge Paper", "books@ledgers.example", label="Oakridge")
    case.account("Pelstead Brewing", "books@ledgers.example", label="Pelstead")
    case.customer("Quinvale Research", "books@ledgers.example")


TWO = {
    "Elmbury University": "Elmbury University - Physics Department (customer)",
    "Fairgate Metals Inc": "Fairgate Metals Inc (customer)",
    "Grandale Foods Inc": "Grandale Coatings Inc (customer)",
    "Halcroft Coffee #1234": "Halcroft Coffee #1235 (customer)",
    "Kirkbury Coffee - 10234": "Kirkbury Coffee - 10567 (customer)",
    "Ivesgrove Polymers GmbH": "Ivesgrove Polymers Inc (customer)",
    "Jarlake Carla": "Jarlake Carl (customer)",
    "Langworth Energy": "Langworth Energy (customer)",
    "Marhaven Controls": "Marhaven Controls (customer)",
    "Netherby 0": "Netherby",
    "Netherby 1": "Netherby",
    "Orlbeck Timber Works": "Orlbeck W.",
    "Pinehurst Command": "Affairs",
    "Sterwick Lumber / Toronto": "Sterwick",
    "Oakridge": "Quinvale Research (customer)",
    "Pelstead": "Quinvale Research (customer)",
}


def doubled(case: Case) -> None:
    """Two records of one organisation, on one side or the other."""
    case.account("Radcroft Biotech Inc", "ap@radcroft.example", "503 555 0104", HARBOR)
    for at, name in enumerate(("Radcroft Biotech Inc", "Radcroft Biotech, Inc.")):
        case.customer(name, "ap@radcroft.example", "503 555 0104", HARBOR, label=f"Radcroft {at}")
    for at in range(2):
        label = f"Selbury account {at}"
        case.account("Selbury Foods", "ap@selbury.example", place=QUARRY, label=label)
    case.customer("Selbury Foods", "ap@selbury.example", place=QUARRY, label="Selbury")


def linked_already(case: Case) -> None:
    """The account carries its customer's key; a stranger of the same name stands beside it."""
    taken = case.customer("Thornfield Analytical", "old@thornfield.example", label="Thornfield")
    case.builder.account("Completely Renamed AG", (US, taken))
    case.account("Thornfield Analytical", "new@thornfield-two.example", label="Thornfield two")


def decided(case: Case) -> None:
    """People's words: one against the keys, one against all appearances."""
    case.account("Ulholm Chemical", "ap@ulholm.example")
    case.customer("Ulholm Chemical", "ap@ulholm.example", label="Ulholm")
    case.account("Vardale Petroleum")
    case.customer("Wesmont Trading", label="Wesmont")
    for left, right, decision in (
        ("Ulholm Chemical", "Ulholm", "rejected"),
        ("Vardale Petroleum", "Wesmont", "confirmed"),
    ):
        case.builder.decisions.append(
            {
                "subject": "customer",
                "org_id": ORG,
                "left_id": case.ids[left],
                "company_id": US,
                "right_id": case.ids[right],
                "decision": decision,
                "decided_by": "controller",
                "decided_at": "2026-11-10T09:00:00Z",
                "reason": "asked them",
            }
        )


@dataclass(frozen=True)
class Matched:
    """The built world and the ids of its records."""

    path: Path
    case: Case

    def pair(self, account: str, customer: str) -> dict[str, Any] | None:
        """The row of a pair in matched_customers, if it has one."""
        sql = "select * from matched.matched_customers where account_id = ? and customer_id = ?"
        ids = [self.case.ids[account], self.case.ids[customer]]
        rows = warehouse.read(self.path, sql, ids)
        return rows[0] if rows else None

    def state(self, account: str, customer: str) -> str:
        row = self.pair(account, customer)
        return row["match_state"] if row else "none"


@pytest.fixture(scope="module")
def matched(tmp_path_factory: pytest.TempPathFactory) -> Matched:
    case = Case(Builder())
    for part in (spoken_for, dangerous, doubled, linked_already, decided):
        part(case)
    path = tmp_path_factory.mktemp("matching") / "warehouse.duckdb"
    return Matched(build_and_score(case.builder.world(), path, SELECT), case)


@pytest.mark.parametrize("account", SAME)
def test_one_organisation_is_linked_by_its_strongest_key(matched: Matched, account: str) -> None:
    customer, method = SAME[account]
    row = matched.pair(account, customer)
    assert row is not None
    assert (row["match_state"], row["method"]) == ("confirmed", method)


@pytest.mark.parametrize("account", TWO)
def test_two_organisations_are_never_linked(matched: Matched, account: str) -> None:
    assert matched.state(account, TWO[account]) in ("none", "suggested", "ambiguous", "rejected")


def test_every_link_is_expected(matched: Matched) -> None:
    rows = warehouse.read(
        matched.path,
        "select account_id, customer_id from matched.matched_customers "
        "where match_state in ('confirmed', 'manual')",
    )
    ids = matched.case.ids
    expected = {(ids[account], ids[customer]) for account, (customer, _) in SAME.items()}
    expected.add((ids["Vardale Petroleum"], ids["Wesmont"]))
    found = {(row["account_id"], row["customer_id"]) for row in rows}
    assert {pair for pair in found if pair[1] != ids["Thornfield"]} == expected


def test_a_bare_name_is_a_proposal_where_it_may_be_anybody_s(matched: Matched) -> None:
    assert matched.state("Marhaven Controls", "Marhaven Controls (customer)") == "suggested"
    assert {matched.state(f"Netherby {at}", "Netherby") for at in range(2)} == {"ambiguous"}


def test_equal_candidates_are_ambiguous_on_either_side(matched: Matched) -> None:
    states = {matched.state("Radcroft Biotech Inc", f"Radcroft {at}") for at in range(2)}
    states |= {matched.state(f"Selbury account {at}", "Selbury") for at in range(2)}
    assert states == {"ambiguous"}


def test_the_external_id_beats_the_name(matched: Matched) -> None:
    sql = "select account_name, method from matched.matched_customers where customer_id = ?"
    rows = warehouse.read(matched.path, sql, [matched.case.ids["Thornfield"]])
    methods = {row["account_name"]: row["method"] for row in rows}
    assert methods["Completely Renamed AG"] == "external_id"
    assert methods["Thornfield Analytical"] == "customer_taken"


def test_people_beat_keys_and_appearances(matched: Matched) -> None:
    assert matched.state("Ulholm Chemical", "Ulholm") == "rejected"
    row = matched.pair("Vardale Petroleum", "Wesmont")
    assert row is not None
    assert (row["match_state"], row["decided_by"]) == ("manual", "controller")
    assert row["valid_from"].isoformat() == "2026-11-10T09:00:00+00:00"


def test_what_waits_is_in_the_queue_with_a_reason(matched: Matched) -> None:
    waiting = warehouse.read(matched.path, "select * from intermediate.int_review__customers")
    states = warehouse.read(
        matched.path,
        "select count(*) as n from matched.matched_customers "
        "where match_state in ('suggested', 'ambiguous')",
    )
    assert len(waiting) == states[0]["n"] > 0
    assert all(row["reason"] for row in waiting)
    assert len({row["review_id"] for row in waiting}) == len(waiting)


def test_evidence_names_what_agrees_and_what_does_not(matched: Matched) -> None:
    row = matched.pair("Grandale Foods Inc", "Grandale Coatings Inc (customer)")
    assert row is not None
    evidence = json.loads(row["evidence"])
    assert evidence["telling_words"] == ["coatings", "foods"]
    assert evidence["mail"] == "same"
    assert set(evidence["contributions"]) == set(GROUPS)


def test_the_order_of_rows_changes_nothing(matched: Matched, tmp_path: Path) -> None:
    world = matched.case.builder.world()
    turned = replace(
        world,
        salesforce={name: rows[::-1] for name, rows in world.salesforce.items()},
        quickbooks={name: rows[::-1] for name, rows in world.quickbooks.items()},
    )
    path = build_and_score(turned, tmp_path / "warehouse.duckdb", SELECT)
    sql = "select * from matched.matched_customers order by all"
    assert warehouse.read(path, sql) == warehouse.read(matched.path, sql)


def test_an_empty_world_matches_nothing(tmp_path: Path) -> None:
    empty = replace(Builder().world(), salesforce={}, quickbooks={})
    path = build_and_score(empty, tmp_path / "warehouse.duckdb", SELECT)
    for table in ("matched.matched_customers", "matched.matched_products"):
        assert warehouse.read(path, f"select * from {table}") == []


def test_products_follow_their_code_then_their_name(tmp_path: Path) -> None:
    builder = Builder()
    path = build_and_score(builder.world(), tmp_path / "warehouse.duckdb", SELECT)
    rows = warehouse.read(path, "select * from matched.matched_products order by all")
    linked = {(r["product_id"], r["company_id"], r["item_id"], r["method"]) for r in rows}
    assert linked == {
        (f"01t{name:0>12}AAA", company, f"1{name[1]}", "sku")
        for name in ("P1", "P2")
        for company in (US, UK)
    }
