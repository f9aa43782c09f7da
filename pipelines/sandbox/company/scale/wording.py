"""Names, addresses and e-mails of the company's customers, made from a number and read back."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FRONT = (
    "Ash", "Bel", "Cor", "Dun", "Elm", "Fair", "Gran", "Hal", "Ives", "Jar", "Kel", "Lang", "Mar",
    "Nor", "Oak", "Pel", "Quin", "Rad", "Sel", "Thorn", "Ul", "Var", "Wes", "Yar", "Zel", "Brom",
    "Crest", "Drum", "Ever", "Fern", "Glen", "Hart", "Inver", "Kirk", "Loch", "Mill", "Orm",
    "Pen", "Rose", "Stan",
)  # fmt: skip
_BACK = (
    "grove", "wick", "field", "mere", "ford", "ton", "dale", "burn", "ley", "mont", "gate",
    "ridge", "haven", "holm", "stead", "worth", "croft", "lake", "vale", "bury",
)  # fmt: skip
_KINDS = (
    "Analytical", "Laboratories", "Water", "Diagnostics", "Foods", "Brewing", "Chemicals",
    "Polymers", "Metals", "Energy", "Clinics", "Research", "Farms", "Paper", "Textiles", "Optics",
    "Dairy", "Mining", "Shipping", "Robotics",
)  # fmt: skip
_GIVEN = (
    "Ada", "Bruno", "Carla", "Dmitri", "Elena", "Farid", "Grace", "Hugo", "Ingrid", "Jamal",
    "Keiko", "Liam", "Mara", "Nils", "Olga", "Pablo", "Quentin", "Rosa", "Samir", "Tessa",
)  # fmt: skip
_FAMILY = (
    "Abbott", "Brandt", "Castillo", "Dvorak", "Eriksen", "Fontaine", "Gallagher", "Haddad",
    "Ivanova", "Jensen", "Kowalski", "Lindqvist", "Moreau", "Nakamura", "Okafor", "Pereira",
    "Quigley", "Rossi", "Sandoval", "Thorne", "Ueda", "Vance", "Whitaker",
)  # fmt: skip
_PLACES = (
    ("Portland", "OR", "972"), ("Sacramento", "CA", "958"), ("Spokane", "WA", "992"),
    ("Boise", "ID", "837"), ("Denver", "CO", "802"), ("Omaha", "NE", "681"),
    ("Madison", "WI", "537"), ("Dayton", "OH", "454"), ("Albany", "NY", "122"),
    ("Raleigh", "NC", "276"), ("Austin", "TX", "787"), ("Tucson", "AZ", "857"),
)  # fmt: skip
_STREETS = ("Mill Lane", "Harbor Road", "Foundry Street", "Orchard Avenue", "Station Way")
_TITLES = ("Accounts Payable", "Laboratory Manager", "Buyer", "Controller")
_WORDS = [front + back for front in _FRONT for back in _BACK]
_COMBINATIONS = len(_WORDS) * len(_KINDS)
# Coprime to the number of combinations: neighbours in number are none in the alphabet.
_STEP = 7919
_BACK_STEP = pow(_STEP, -1, _COMBINATIONS)
_PLACE_OF = {f"{word} {kind}".lower(): at for at, (word, kind) in enumerate(
    (word, kind) for word in _WORDS for kind in _KINDS
)}  # fmt: skip
_NUMBERED = re.compile(r"(?P<stem>.+?)(?: (?P<times>[1-9]\d*))?")
_DOMAIN = re.compile(r".+@\D+(?P<account>\d+)\.example")


@dataclass(frozen=True)
class Place:
    """Where a customer is."""

    street: str
    city: str
    state: str
    postal_code: str


@dataclass(frozen=True)
class Person:
    """Whom one writes to."""

    given: str
    family: str
    title: str
    email: str
    phone: str


def firm_name(account: int) -> str:
    """The name of an account's firm; no two are the same."""
    times, rest = divmod(account, _COMBINATIONS)
    word, kind = divmod(rest * _STEP % _COMBINATIONS, len(_KINDS))
    name = f"{_WORDS[word]} {_KINDS[kind]}"
    return f"{name} {times + 1}" if times else name


def account_named(name: str) -> int | None:
    """The account of a firm's name, in any case; None when no number gives it."""
    found = _NUMBERED.fullmatch(name)
    place = _PLACE_OF.get(found["stem"].lower()) if found else None
    if found is None or place is None or found["times"] == "1":
        return None
    times = int(found["times"]) - 1 if found["times"] else 0
    return times * _COMBINATIONS + place * _BACK_STEP % _COMBINATIONS


def domain(account: int) -> str:
    """The firm's domain."""
    word = _WORDS[account * _STEP % _COMBINATIONS // len(_KINDS)]
    return f"{word.lower()}{account}.example"


def account_of_email(email: str) -> int | None:
    """The account whose people have such an address."""
    found = _DOMAIN.fullmatch(email.lower())
    return int(found["account"]) if found else None


def place(account: int) -> Place:
    """The firm's address."""
    city, state, code = _PLACES[account % len(_PLACES)]
    street = f"{100 + account % 9000} {_STREETS[account % len(_STREETS)]}"
    return Place(street, city, state, f"{code}{account % 100:02d}")


def person(account: int, which: int) -> Person:
    """One of the firm's people; the first one pays the bills."""
    number = 2 * account + which
    given, family = _GIVEN[number * 3 % len(_GIVEN)], _FAMILY[number * 7 % len(_FAMILY)]
    email = f"{given}.{family}@{domain(account)}".lower()
    return Person(given, family, _TITLES[which], email, phone(number))


def phone(number: int) -> str:
    """A telephone number."""
    return f"(503) 555-{number % 10000:04d}"
