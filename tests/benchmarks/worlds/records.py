"""How the two systems write an entity down: rows of accounts.csv and customers.csv."""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass

from tests.benchmarks.worlds.entities import Entity, Person
from tests.benchmarks.worlds.naming import ROLES_OF_PEOPLE, Namer
from tests.benchmarks.worlds.places import (
    Place,
    country_text,
    new_phone,
    phone_text,
    postcode_text,
    state_text,
    street_line,
)
from tests.benchmarks.worlds.style import Style

ACCOUNT_COLUMNS = (
    "Id", "Name", "Website", "Phone", "ContactPhone", "ContactEmail", "ContactName",
    "BillingStreet", "BillingCity", "BillingState", "BillingPostalCode", "BillingCountry",
    "ParentId", "CurrencyIsoCode",
)  # fmt: skip
CUSTOMER_COLUMNS = (
    "Id", "DisplayName", "CompanyName", "FullyQualifiedName", "GivenName", "FamilyName", "WebAddr",
    "PrimaryPhone", "AlternatePhone", "Mobile", "PrimaryEmailAddr", "BillAddr.Line1",
    "BillAddr.Line2", "BillAddr.City", "BillAddr.CountrySubDivisionCode", "BillAddr.PostalCode",
    "BillAddr.Country", "ParentRef", "CurrencyRef", "Active",
)  # fmt: skip
# Kinds of pair whose names do not tell: something else is left for them on both sides.
UNTOLD = ("renamed", "merged", "trading", "acronym", "alias", "owner")
CURRENCIES = {"US": "USD", "CA": "CAD", "GB": "GBP", "JP": "JPY", "AU": "AUD", "IN": "INR",
              "CH": "CHF", "SE": "SEK", "DE": "EUR", "FR": "EUR", "IT": "EUR",
              "ES": "EUR"}  # fmt: skip


@dataclass(slots=True)
class Known:
    """What a first record tells of an entity, for a second one to agree with."""

    mail: str = ""
    phone: str = ""
    place: Place | None = None
    has_website: bool = False


class Clerk(Namer):
    """Writes records; every draw comes from one stream."""

    def __init__(self, seed: int, part: str, style: Style) -> None:
        super().__init__(random.Random(f"records {part} {seed}"), style)
        self.bookkeepers: list[str] = []
        self.taken: dict[str, int] = {}
        # Customers that pay for others, who then stand under them.
        self.payers: list[tuple[str, str]] = []
        self.has_currency = style.currency > 0.5

    # Mailboxes -----------------------------------------------------------------------------------

    def mail_of(self, entity: Entity, person: Person, domain: str) -> str:
        first, last = (re.sub(r"[^a-z]", "", _ascii(part).lower()) or "x" for part in person)
        local = (
            f"{first}.{last}", f"{first[0]}{last}", first, f"{first}_{last}", f"{last}.{first}"
        )[entity.mail_form]  # fmt: skip
        return f"{local}@{domain}"

    def some_mail(self, entity: Entity, side: str) -> str:
        """One of an entity's mailboxes, "" where it has none."""
        rng, style = self.rng, self.style
        domain = entity.domain
        if side == "account" and entity.old_domain:
            domain = entity.old_domain
        if entity.mailbox and (not domain or rng.random() < 0.8):
            return entity.mailbox
        if not domain:
            return ""
        if side == "customer" and entity.group_mailbox and rng.random() < 0.6:
            return entity.group_mailbox
        if rng.random() < style.billing_mailbox * (1.5 if side == "customer" else 0.5):
            box = (
                "ap",
                "accounting",
                "billing",
                "invoices",
                "info",
                "office",
                "accountspayable",
                "finance",
            )
            return f"{rng.choice(box)}@{domain}"
        person = entity.people[0]
        if rng.random() > style.same_person:
            person = rng.choice(entity.people)
        return self.mail_of(entity, person, domain)

    def bookkeeper(self) -> str:
        """The mailbox of an accounting firm that several customers gave as theirs."""
        rng = self.rng
        if not self.bookkeepers or rng.random() < 1 / 25:
            word = rng.choice(("ledger", "summit", "tally", "balance", "count", "true", "clear"))
            trade = rng.choice(("cpa", "books", "accounting", "tax"))
            host = f"{word}{trade}{rng.randint(1, 9999)}.com"
            self.bookkeepers.append(f"{rng.choice(('office', 'clients', 'ap', 'info'))}@{host}")
        return rng.choice(self.bookkeepers[-8:])

    # Rows ----------------------------------------------------------------------------------------

    def account(self, entity: Entity, number: int, key: str) -> tuple[list[str], Known, str]:
        """One account, what it tells, and what happened to its name."""
        rng, style = self.rng, self.style
        name, kind = self.name(entity, "account", number)
        known = Known()
        website = phone = contact_phone = contact = ""
        site = entity.old_domain or entity.domain
        if site and rng.random() < style.account_website:
            website = rng.choice(
                ("https://www.{}/", "www.{}", "{}", "http://{}", "https://{}")
            ).format(site)
            known.has_website = True
        if rng.random() < style.account_phone:
            number_given = self.number_of(entity)
            phone = phone_text(number_given, rng, self.extension())
            known.phone = number_given
        if rng.random() < style.account_contact_phone:
            number_given = self.number_of(entity)
            contact_phone = phone_text(number_given, rng, self.extension())
            known.phone = known.phone or number_given
        mails = []
        if rng.random() < style.account_mail:
            for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
                mail = self.some_mail(entity, "account")
                if mail and mail not in mails:
                    mails.append(mail)
            if mails:
                known.mail = mails[0]
        if mails or contact_phone or rng.random() < 0.2:
            contact = " ".join(entity.people[0])
        place = entity.place
        if entity.old_place and rng.random() < 0.5:
            place = entity.old_place
        address = [""] * 6
        if rng.random() < self.has_place(entity, style.account_address):
            address = self.address(place, "account", known)
        row = [
            key, name, website, phone, contact_phone, "; ".join(mails), contact,
            " ".join(part for part in address[:2] if part), *address[2:], "", self.currency(entity),
        ]  # fmt: skip
        return row, known, kind

    def customer(
        self, entity: Entity, number: int, key: str, known: Known | None
    ) -> tuple[list[str], str]:
        """One customer, and what happened to its name. It agrees with `known` where it must."""
        rng, style = self.rng, self.style
        name, kind = self.name(entity, "customer", number)
        company = given = family = website = phone = mobile = other_phone = mail = ""
        person = entity.people[0] if entity.people else ("", "")
        is_person = entity.role in ROLES_OF_PEOPLE
        if not is_person and rng.random() < style.customer_company:
            company = self.company_name(entity, name)
        if rng.random() < (0.6 if is_person else style.customer_person):
            given, family = person
        is_lost = entity.scenario == "lost"
        if entity.domain and rng.random() < style.customer_website and not is_lost:
            website = entity.domain
        if rng.random() < style.customer_phone:
            phone = phone_text(self.number_of(entity), rng, self.extension())
        if rng.random() < 0.06:
            mobile = phone_text(self.number_of(entity), rng)
        if rng.random() < style.customer_mail:
            mail = (
                self.bookkeeper()
                if rng.random() < style.bookkeeper
                else self.some_mail(entity, "customer")
            )
            if mail and rng.random() < 0.08:
                second = self.some_mail(entity, "customer")
                mail = f"{mail}, {second}" if second and second != mail else mail
        address = [""] * 6
        if rng.random() < self.has_place(entity, style.customer_address):
            address = self.address(entity.place, "customer", None)
        if is_lost:
            phone = mobile = mail = ""
            address = [""] * 6
            given = family = ""
            company = company and name
        elif known is not None and self.needs_more(entity):
            phone, mail, address = self.agreeing(entity, known, phone, mail, address)
        # QuickBooks takes no colon in a name: it stands between parent and child.
        name = name.replace(":", " -")
        parent, qualified = "", name
        if entity.is_sub_customer and entity.parent and entity.parent.customer_ids:
            parent = entity.parent.customer_ids[0]
            if rng.random() < 0.6:
                name = entity.told_apart_by
            qualified = f"{entity.parent.customer_name}:{name}"
        else:
            name = qualified = self.only_one(name, entity)
            if entity.role == "alone" and self.payers and rng.random() < style.managed:
                parent, payer = rng.choice(self.payers)
                qualified = f"{payer}:{name}"
            elif re.search(r"\b(Management|Properties|Realty|Holdings)\b", name):
                self.payers = [*self.payers[-40:], (key, name)]
        active = (
            "false"
            if re.search(r"do not use|inactive|\bold\b|deleted|DNU", name, re.I)
            and rng.random() < 0.5
            else "true"
        )
        row = [
            key, name, company, qualified, given, family, website, phone, other_phone, mobile, mail,
            *address, parent, self.currency(entity), active,
        ]  # fmt: skip
        return row, kind

    def project(self, entity: Entity, key: str) -> list[str]:
        """A job under a customer: work for it, no company of its own."""
        rng = self.rng
        name = rng.choice(
            (
                "Project {}",
                "Phase {}",
                "Job {}",
                "Roof {}",
                "Renovation {}",
                "PO {}",
                "{} remodel",
                "Website {}",
            )
        ).format(rng.randint(1, 9999))
        address = self.address(entity.place, "customer", None) if rng.random() < 0.5 else [""] * 6
        mail = self.some_mail(entity, "customer") if rng.random() < 0.4 else ""
        return [
            key, name, "", f"{entity.customer_name}:{name}", "", "", "", "", "", "", mail, *address,
            entity.customer_ids[0], self.currency(entity), "true",
        ]  # fmt: skip

    # What fills them -----------------------------------------------------------------------------

    def needs_more(self, entity: Entity) -> bool:
        """Whether a name alone would leave the pair open; about one in a hundred stays so."""
        if entity.scenario in UNTOLD or entity.role in (*ROLES_OF_PEOPLE, "twin"):
            return self.rng.random() < 0.985
        return False

    def agreeing(
        self, entity: Entity, known: Known, phone: str, mail: str, address: list[str]
    ) -> tuple[str, str, list[str]]:
        """At least one thing, often two, that the account tells as well."""
        rng = self.rng
        ways = []
        if known.mail:
            ways.append("mail")
        if known.has_website and entity.domain and not entity.old_domain:
            ways.append("domain")
        if known.phone:
            ways.append("phone")
        if known.place:
            ways += ["address", "address"]
        for way in rng.sample(ways, min(len(ways), rng.choice((1, 1, 2)))):
            if way == "mail":
                mail = known.mail
            elif way == "domain":
                mail = self.mail_of(entity, entity.people[-1], entity.domain)
            elif way == "phone":
                phone = phone_text(known.phone, rng)
            elif known.place:
                address = self.written(known.place, full=True)
        return phone, mail, address

    def only_one(self, name: str, entity: Entity) -> str:
        """QuickBooks takes a display name once: clerks add a number or the town."""
        count = self.taken.get(name.lower(), 0)
        self.taken[name.lower()] = count + 1
        if not count:
            return name
        town = entity.place.city
        if town and self.rng.random() < 0.4:
            return self.only_one(f"{name} - {town}", entity)
        return self.only_one(f"{name} ({count + 1})", entity)

    def has_place(self, entity: Entity, usual: float) -> float:
        """How often a record has an address: whose name others bear is asked for it."""
        shared = entity.role in (*ROLES_OF_PEOPLE, "twin")
        return max(usual, self.style.namesakes_placed) if shared else usual

    def number_of(self, entity: Entity) -> str:
        if self.rng.random() < self.style.same_phone:
            return entity.phone
        return new_phone(entity.place, self.rng)

    def extension(self) -> str:
        return str(self.rng.randint(1, 9999)) if self.rng.random() < 0.06 else ""

    def currency(self, entity: Entity) -> str:
        return CURRENCIES.get(entity.country, "USD") if self.has_currency else ""

    def address(self, place: Place, side: str, known: Known | None) -> list[str]:
        rng, style = self.rng, self.style
        with_street = style.account_street if side == "account" else style.customer_street
        full = rng.random() < with_street
        if known is not None and full:
            known.place = place
        return self.written(place, full)

    def written(self, place: Place, full: bool) -> list[str]:
        rng, style = self.rng, self.style
        street, below = street_line(place, rng) if full else ("", "")
        if full and rng.random() < style.post_box:
            street, below = (
                f"{rng.choice(('PO Box', 'P.O. Box', 'P O Box'))} {rng.randint(10, 99999)}",
                "",
            )
        city = place.city if rng.random() < 0.95 else place.city.upper()
        state = state_text(place.state, style.state_as_name, rng)
        postcode = postcode_text(place, rng) if rng.random() < 0.93 else ""
        country = country_text(place.country, style.country_as_code, rng)
        if place.country == "US" and rng.random() < 0.4:
            country = ""
        return [street, below, city, state, postcode, country]


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
