"""Who the company deals with: places, firms (future accounts), contacts, and its own staff."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from pipelines.sandbox.company import names
from pipelines.sandbox.company.dates import HISTORY_FROM, day_between
from pipelines.sandbox.company.ids import SalesforceIds

US, UK = "us", "uk"

_CITIES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "US": (
        ("Portland", "OR", "972"),
        ("Sacramento", "CA", "958"),
        ("Fresno", "CA", "937"),
        ("Spokane", "WA", "992"),
        ("Tacoma", "WA", "984"),
        ("Boise", "ID", "837"),
        ("Denver", "CO", "802"),
        ("Omaha", "NE", "681"),
        ("Madison", "WI", "537"),
        ("Dayton", "OH", "454"),
        ("Akron", "OH", "443"),
        ("Albany", "NY", "122"),
        ("Raleigh", "NC", "276"),
        ("Tulsa", "OK", "741"),
        ("Austin", "TX", "787"),
        ("Tucson", "AZ", "857"),
        ("Reno", "NV", "895"),
        ("Duluth", "MN", "558"),
        ("Lansing", "MI", "489"),
        ("Hartford", "CT", "061"),
    ),
    "GB": (
        ("Leeds", "", "LS"),
        ("Sheffield", "", "S"),
        ("Norwich", "", "NR"),
        ("Bristol", "", "BS"),
        ("Cardiff", "", "CF"),
        ("Dundee", "", "DD"),
        ("Reading", "", "RG"),
        ("Exeter", "", "EX"),
    ),
    "DE": (("Freiburg", "", "791"), ("Kassel", "", "341"), ("Bremen", "", "282")),
    "FR": (("Nantes", "", "440"), ("Lyon", "", "690"), ("Lille", "", "590")),
    "NL": (("Utrecht", "", "35"), ("Delft", "", "26")),
    "ES": (("Valencia", "", "460"), ("Bilbao", "", "480")),
    "IT": (("Torino", "", "101"), ("Padova", "", "351")),
    "SE": (("Uppsala", "", "753"), ("Lund", "", "222")),
    "IE": (("Cork", "", "T12"), ("Galway", "", "H91")),
}
_COUNTRY_NAMES = {
    "US": "USA",
    "GB": "United Kingdom",
    "DE": "Germany",
    "FR": "France",
    "NL": "Netherlands",
    "ES": "Spain",
    "IT": "Italy",
    "SE": "Sweden",
    "IE": "Ireland",
}
_STREETS = {
    "US": ("Foundry St", "Harbor Ave", "Mill Race Rd", "Quarry Blvd", "Orchard Ln", "Depot St"),
    "GB": ("Station Road", "Canal Street", "Tannery Lane", "Church Row", "Kiln Close"),
    "EU": ("Industriestrasse", "Rue du Moulin", "Havenweg", "Calle Mayor", "Via Roma", "Storgatan"),
}
_AREA_CODES = [
    "503",
    "916",
    "559",
    "509",
    "253",
    "208",
    "303",
    "402",
    "608",
    "937",
    "330",
    "518",
    "919",
    "918",
    "512",
    "520",
    "775",
    "218",
]
_UK_AREAS = ("0113 496", "0114 496", "0115 496", "0116 496", "0117 496", "0118 496", "0121 496")
_EU_PREFIX = {
    "DE": "+49 30 23125",
    "FR": "+33 1 99 00",
    "NL": "+31 20 555",
    "ES": "+34 91 555",
    "IT": "+39 011 555",
    "SE": "+46 8 465",
    "IE": "+353 1 555",
}
_FREE_MAIL = ("gmail.com", "outlook.com", "yahoo.com")
INDUSTRIES = (
    "Biotechnology",
    "Chemicals",
    "Education",
    "Energy",
    "Engineering",
    "Environmental",
    "Food & Beverage",
    "Healthcare",
    "Manufacturing",
    "Utilities",
)


@dataclass(frozen=True)
class Place:
    """A postal address."""

    street: str
    city: str
    state: str
    postal_code: str
    country: str


@dataclass(frozen=True)
class Contact:
    """A person at a firm."""

    given: str
    family: str
    email: str
    phone: str
    title: str = "Accounts Payable"


@dataclass(frozen=True)
class Firm:
    """A future Salesforce account with what both systems may know about it.

    `role` says what the generator does with it: linked, matchable, prospect, create, ambiguous,
    weak, look_alike (resembles another firm's customer, must not be linked), internal, reseller.
    """

    account_id: str
    name: str
    role: str
    country_code: str
    currency: str
    place: Place
    phone: str
    domain: str
    billing: Contact
    created_on: date
    owner: int
    industry: str
    resembles: tuple[str, ...] = ()
    parent_id: str | None = None
    others: tuple[Contact, ...] = ()
    is_person: bool = False

    @property
    def company(self) -> str:
        """Which of the two QuickBooks companies bills this firm."""
        return US if self.currency == "USD" else UK


@dataclass
class Directory:
    """Draws places, phone numbers and people without ever repeating a phone number."""

    rng: random.Random
    ids: SalesforceIds
    words: Iterator[str]
    _phones: set[str] = field(default_factory=set)

    def place(self, country: str) -> Place:
        """A new address in a country."""
        rng = self.rng
        city, state, prefix = rng.choice(_CITIES[country])
        street = rng.choice(_STREETS.get(country, _STREETS["EU"]))
        number = rng.randrange(1, 990)
        line = f"{number} {street}" if country in _STREETS else f"{street} {number}"
        return Place(line, city, state, self._postal(country, prefix), _COUNTRY_NAMES[country])

    def _postal(self, country: str, prefix: str) -> str:
        rng = self.rng
        if country == "GB":
            letters = "".join(rng.choice("ABDEFGHJLNPQRSTUWXYZ") for _ in range(2))
            return f"{prefix}{rng.randrange(1, 20)} {rng.randrange(1, 10)}{letters}"
        if country == "IE":
            return f"{prefix} {rng.choice('ACDEFHKN')}{rng.randrange(100, 999)}"
        return prefix + str(rng.randrange(10 ** (5 - len(prefix)))).zfill(5 - len(prefix))

    def phone(self, country: str) -> str:
        """A new telephone number of the ranges kept free for fiction, where a country has one."""
        while True:
            number = self._number(country)
            if number not in self._phones:
                self._phones.add(number)
                return number

    def _number(self, country: str) -> str:
        rng = self.rng
        if country == "US":
            return f"({rng.choice(_AREA_CODES)}) 555-01{rng.randrange(100):02d}"
        if country == "GB":
            return f"{rng.choice(_UK_AREAS)} 0{rng.randrange(1000):03d}"
        return f"{_EU_PREFIX[country]} {rng.randrange(100):02d} {rng.randrange(100):02d}"

    def contact(self, country: str, domain: str, title: str) -> Contact:
        """A person with a mailbox at a domain."""
        given, family = names.person(self.rng)
        mailbox = names.slug(f"{given} {family}", ".")
        return Contact(given, family, f"{mailbox}@{domain}", self.phone(country), title)

    def firm(self, role: str, country: str, name: str = "", **known: object) -> Firm:
        """A firm of a country; what is not given is drawn."""
        rng = self.rng
        name = name or names.organisation(rng, country, next(self.words))
        domain = str(known.pop("domain", "")) or names.slug(name) + ".example"
        firm = Firm(
            account_id=self.ids.next("001"),
            name=name,
            role=role,
            country_code=country,
            currency={"US": "USD", "GB": "GBP"}.get(country, "EUR"),
            place=self.place(country),
            phone=self.phone(country),
            domain=domain,
            billing=self.contact(country, domain, "Accounts Payable"),
            created_on=day_between(rng, date(2022, 3, 1), HISTORY_FROM),
            owner=rng.randrange(10),
            industry=rng.choice(INDUSTRIES),
        )
        return replace(firm, **known)  # type: ignore[arg-type]

    def sole_trader(self, role: str, given: str = "", family: str = "") -> Firm:
        """A person who trades under the own name with a free mailbox."""
        drawn = names.person(self.rng)
        given, family = given or drawn[0], family or drawn[1]
        provider = self.rng.choice(_FREE_MAIL)
        mailbox = f"{names.slug(given)}.{names.slug(family)}.lab{self.rng.randrange(10, 99)}"
        phone = self.phone("US")
        billing = Contact(given, family, f"{mailbox}@{provider}", phone, "Owner")
        name = f"{given} {family}"
        known = {"domain": provider, "billing": billing, "phone": phone, "is_person": True}
        return self.firm(role, "US", name, **known)


def _plain_firms(book: Directory, role: str, us: int, uk: int, europe: int) -> list[Firm]:
    countries = ["US"] * us + ["GB"] * uk
    countries += [("DE", "FR", "NL", "ES", "IT", "SE", "IE")[at % 7] for at in range(europe)]
    return [book.firm(role, country) for country in countries]


def _group(book: Directory, at: int) -> list[Firm]:
    """A parent, a branch with a customer of its own, and a branch that has none yet."""
    word, rng = next(book.words), book.rng
    core = f"{word} {('University', 'Regional Hospital', 'Water Authority')[at % 3]}"
    cities = rng.sample(("North Campus", "Harbour Site", "Riverside", "Hilltop"), 2)
    units = [("Chemistry Department", "Physics Department"), tuple(cities)][at % 2]
    parent = book.firm("linked", "US", core)
    shared = {"domain": parent.domain, "phone": parent.phone, "parent_id": parent.account_id}
    billed = book.firm("linked", "US", f"{core} - {units[0]}", **shared)
    unbilled = book.firm("look_alike", "US", f"{core} - {units[1]}", **shared)
    of_group = (parent.account_id, billed.account_id)
    return [
        replace(parent, resembles=(billed.account_id,)),
        replace(billed, resembles=(parent.account_id,)),
        replace(unbilled, resembles=of_group),
    ]


def _twins(book: Directory, at: int) -> list[Firm]:
    """Two firms of one name in different towns; only the first is a customer."""
    known = book.firm("linked" if at % 2 else "matchable", "US")
    while True:
        place = book.place("US")
        if place.city != known.place.city:
            break
    other = book.firm("look_alike", "US", known.name, domain=f"{names.slug(place.city)}-"
                      f"{known.domain}", place=place)  # fmt: skip
    return [known, replace(other, resembles=(known.account_id,))]


def _siblings(book: Directory, at: int) -> list[Firm]:
    """Two firms of one owner with different trades; only the first is a customer."""
    word = next(book.words)
    trades = (("Foods", "Dairy"), ("Metals", "Coatings"), ("Energy", "Controls"))[at % 3]
    known = book.firm("linked", "US", f"{word} {trades[0]} Inc")
    other = book.firm("look_alike", "US", f"{word} {trades[1]} Inc", domain=known.domain)
    return [known, replace(other, resembles=(known.account_id,))]


def _namesakes(book: Directory, at: int) -> list[Firm]:
    """Two sole traders of one family name and one mail provider; the first is a customer."""
    known = book.sole_trader("linked")
    while True:
        other = book.sole_trader("look_alike", family=known.billing.family)
        if other.domain == known.domain and other.name != known.name:
            return [known, replace(other, resembles=(known.account_id,))]


def _new_customers(book: Directory) -> list[Firm]:
    """Accounts that were won without ever having been billed."""
    firms = _plain_firms(book, "create", 4, 2, 1)
    # A colon is allowed in an account's name, not in a QuickBooks display name.
    return [*firms, book.firm("create", "US", f"{next(book.words)}: Process Analytics LLC")]


def all_firms(rng: random.Random, ids: SalesforceIds) -> list[Firm]:
    """Every firm the company knows, in a mixed but fixed order."""
    book = Directory(rng, ids, names.coined_words(rng))
    firms = _plain_firms(book, "linked", 75, 28, 16)
    firms += _plain_firms(book, "matchable", 45, 14, 8)
    firms += _plain_firms(book, "prospect", 42, 14, 10)
    firms += _plain_firms(book, "ambiguous", 2, 1, 0) + _plain_firms(book, "weak", 2, 0, 0)
    firms += _plain_firms(book, "reseller", 3, 1, 0)
    firms.append(book.firm("internal", "US", "Brightwater Instruments (demo stock)"))
    firms += _new_customers(book)
    for at in range(5):
        firms += [book.sole_trader("linked"), book.sole_trader("matchable")]
        firms += _group(book, at)
    for at in range(4):
        firms += _twins(book, at) + _siblings(book, at)
    for at in range(2):
        firms += _namesakes(book, at)
    return [_with_people(book, firm) for firm in _in_mixed_order(rng, firms)]


def _in_mixed_order(rng: random.Random, firms: Sequence[Firm]) -> list[Firm]:
    mixed = list(firms)
    rng.shuffle(mixed)
    return mixed


def _with_people(book: Directory, firm: Firm) -> Firm:
    if firm.is_person or book.rng.random() < 0.72:
        return firm
    titles = ("Laboratory Manager", "Purchasing", "Process Engineer", "Quality Lead")
    contact = book.contact(firm.country_code, firm.domain, book.rng.choice(titles))
    return replace(firm, others=(contact,))


@dataclass(frozen=True)
class StaffMember:
    """A Salesforce user of the company."""

    user_id: str
    given: str
    family: str
    username: str
    is_active: bool
    title: str


def staff(rng: random.Random, ids: SalesforceIds) -> list[StaffMember]:
    """Ten sellers, their lead, finance, the integration user and one who has left."""
    titles = ["Account Executive"] * 10 + ["Sales Director", "Finance Operations", "Integration"]
    people = [*titles, "Account Executive"]
    members = []
    for at, title in enumerate(people):
        given, family = names.person(rng)
        mailbox = f"{names.slug(given)}.{names.slug(family)}{at}@brightwater.example"
        members.append(StaffMember(ids.next("005"), given, family, mailbox, at != 13, title))
    integration = "integration@brightwater.example"
    members[12] = replace(members[12], given="Crossfoot", family="Integration",
                          username=integration)  # fmt: skip
    return members
