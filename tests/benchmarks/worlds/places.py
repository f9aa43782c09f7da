"""Addresses and telephones: where somebody is, and how either side writes it down."""

from __future__ import annotations

import random
import re
import string
import zlib
from dataclasses import dataclass, replace

from tests.benchmarks.worlds.base_names import (
    Organisation,
    family_names,
    towns,
    towns_by_name,
    towns_by_state,
)

DIALS = {
    "US": "1", "CA": "1", "GB": "44", "DE": "49", "FR": "33", "IT": "39", "ES": "34", "PT": "351",
    "NL": "31", "BE": "32", "CH": "41", "AT": "43", "SE": "46", "NO": "47", "DK": "45", "FI": "358",
    "IE": "353", "PL": "48", "CZ": "420", "JP": "81", "CN": "86", "KR": "82", "IN": "91",
    "AU": "61", "NZ": "64", "BR": "55", "MX": "52", "AR": "54", "ZA": "27", "SG": "65", "HK": "852",
    "TW": "886", "TR": "90", "RU": "7", "IL": "972", "GR": "30", "HU": "36", "RO": "40",
}  # fmt: skip
COUNTRIES = {
    "US": ("United States", "USA", "United States of America"), "CA": ("Canada",),
    "GB": ("United Kingdom", "UK", "Great Britain", "England"), "DE": ("Germany", "Deutschland"),
    "FR": ("France",), "IT": ("Italy", "Italia"), "ES": ("Spain", "España"), "PT": ("Portugal",),
    "NL": ("Netherlands", "The Netherlands"), "BE": ("Belgium",), "CH": ("Switzerland", "Schweiz"),
    "AT": ("Austria", "Österreich"), "SE": ("Sweden",), "NO": ("Norway",), "DK": ("Denmark",),
    "FI": ("Finland",), "IE": ("Ireland",), "PL": ("Poland",), "CZ": ("Czech Republic", "Czechia"),
    "JP": ("Japan",), "CN": ("China",), "KR": ("South Korea", "Korea, Republic of"),
    "IN": ("India",), "AU": ("Australia",), "NZ": ("New Zealand",), "BR": ("Brazil", "Brasil"),
    "MX": ("Mexico", "México"), "AR": ("Argentina",), "ZA": ("South Africa",),
    "SG": ("Singapore",), "HK": ("Hong Kong",), "TW": ("Taiwan",), "TR": ("Turkey", "Türkiye"),
    "RU": ("Russia",), "IL": ("Israel",), "GR": ("Greece",), "HU": ("Hungary",), "RO": ("Romania",),
}  # fmt: skip
STATES = {
    "AL": "Alabama", "AZ": "Arizona", "CA": "California", "CO": "Colorado", "CT": "Connecticut",
    "FL": "Florida", "GA": "Georgia", "IL": "Illinois", "IN": "Indiana", "KY": "Kentucky",
    "MA": "Massachusetts", "MD": "Maryland", "MI": "Michigan", "MN": "Minnesota",
    "MO": "Missouri", "NC": "North Carolina", "NJ": "New Jersey", "NY": "New York", "OH": "Ohio",
    "OR": "Oregon", "PA": "Pennsylvania", "TN": "Tennessee", "TX": "Texas", "UT": "Utah",
    "VA": "Virginia", "WA": "Washington", "WI": "Wisconsin", "BC": "British Columbia",
    "ON": "Ontario", "QC": "Québec", "AB": "Alberta", "NSW": "New South Wales", "VIC": "Victoria",
    "QLD": "Queensland",
}  # fmt: skip
STREET_NAMES = (
    "Main", "Oak", "Pine", "Maple", "Cedar", "Elm", "Washington", "Lake", "Hill", "Park", "Walnut",
    "Spring", "North", "Ridge", "Church", "Willow", "Mill", "Sunset", "Railroad", "Jackson",
    "Cherry", "Highland", "Franklin", "Jefferson", "River", "Market", "Union", "Broad", "Commerce",
    "Industrial", "Center", "Madison", "Lincoln", "Prospect", "College", "Grove", "Airport",
)  # fmt: skip
STREET_TYPES = {
    "Street": "St", "Avenue": "Ave", "Road": "Rd", "Boulevard": "Blvd", "Drive": "Dr", "Lane": "Ln",
    "Parkway": "Pkwy", "Court": "Ct", "Highway": "Hwy", "Place": "Pl", "Plaza": "Plz",
    "Circle": "Cir", "Suite": "Ste", "North": "N", "South": "S", "East": "E", "West": "W",
    "Floor": "Fl", "Building": "Bldg", "Apartment": "Apt",
}  # fmt: skip
_LONG = {short.lower(): long for long, short in STREET_TYPES.items()}
FOREIGN = {
    "DE": ("Hauptstraße", "Bahnhofstraße", "Gartenstraße", "Schillerstraße", "Industriestraße",
           "Am Markt", "Lindenallee", "Goethestraße", "Bergstraße", "Ringstraße"),
    "FR": ("rue de la République", "avenue Victor Hugo", "rue Pasteur", "boulevard Voltaire",
           "rue du Moulin", "place de l'Église", "chemin des Vignes", "rue Jean Jaurès"),
    "IT": ("Via Roma", "Via Garibaldi", "Corso Italia", "Via Dante", "Piazza Mazzini",
           "Viale Europa", "Via Verdi", "Via Marconi"),
    "ES": ("Calle Mayor", "Avenida de la Constitución", "Calle Real", "Paseo del Prado",
           "Calle San José", "Avenida de América", "Plaza de España"),
    "PT": ("Rua Augusta", "Avenida da Liberdade", "Rua do Comércio", "Rua Nova", "Largo da Sé"),
    "NL": ("Kerkstraat", "Dorpsstraat", "Stationsweg", "Molenweg", "Julianalaan", "Industrieweg"),
    "SE": ("Storgatan", "Drottninggatan", "Kungsgatan", "Skolgatan", "Vasagatan"),
    "JP": ("Marunouchi", "Shibuya", "Nihonbashi", "Ginza", "Umeda", "Sakae"),
    "CN": ("Zhongshan Road", "Renmin Road", "Jianguo Road", "Nanjing Road", "Jiefang Road"),
    "IN": ("M G Road", "Station Road", "Nehru Nagar", "Gandhi Marg", "Ring Road", "Park Street"),
}  # fmt: skip
_LIKE = {"AT": "DE", "CH": "DE", "BE": "FR", "MX": "ES", "AR": "ES", "CO": "ES", "CL": "ES",
         "PE": "ES", "BR": "PT", "NO": "SE", "DK": "SE", "FI": "SE", "TW": "CN",
         "HK": "CN"}  # fmt: skip
_NUMBER_FIRST = {"FR", "BE", "JP", "CN", "IN", "TW", "HK"}


@dataclass(frozen=True, slots=True)
class Place:
    """An address as it is, spelt out."""

    street: str
    unit: str
    city: str
    state: str
    postcode: str
    country: str


NOWHERE = Place("", "", "", "", "", "")


def place_of(organisation: Organisation, rng: random.Random) -> Place:
    """The address of an organisation; what its record does not tell is made up for its town."""
    country, city, state = organisation.country, organisation.city, organisation.state
    postcode = organisation.postcode
    if country == "US" and not postcode:
        town = towns_by_name().get((city, state))
        if town is None:
            town = rng.choice(towns_by_state().get(state) or towns())
            city, state = town.city, town.state
        postcode = town.postcode
    street = organisation.street or new_street(country, rng)
    return Place(street, unit(rng), city, state, postcode or postal(country, city, rng), country)


def elsewhere(country: str, rng: random.Random, like: Organisation | None = None) -> Place:
    """Another address in a country: any American town, or the town of `like`."""
    if country == "US" or like is None:
        town = rng.choice(towns())
        return Place(new_street("US", rng), unit(rng), town.city, town.state, town.postcode, "US")
    return place_of(replace(like, street="", country=like.country), rng)


def across_town(place: Place, rng: random.Random) -> Place:
    """Another house of the same town, mostly with another postcode."""
    postcode = place.postcode
    if rng.random() < 0.6 and postcode[-2:].isdigit():
        postcode = postcode[:-2] + f"{rng.randint(0, 99):02d}"
    return replace(place, street=new_street(place.country, rng), unit=unit(rng), postcode=postcode)


def unit(rng: random.Random) -> str:
    if rng.random() > 0.22:
        return ""
    kind = rng.choice(("Suite", "Suite", "Unit", "Floor", "#", "Building"))
    number = rng.choice((str(rng.randint(1, 40)), str(rng.randint(100, 999)), rng.choice("ABCD")))
    return f"{kind} {number}" if kind != "#" else f"#{number}"


def new_street(country: str, rng: random.Random) -> str:
    names = FOREIGN.get(_LIKE.get(country, country))
    if names is None:
        number = rng.randint(1, 999) if rng.random() < 0.5 else rng.randint(1000, 19999)
        direction = rng.choice(("North ", "South ", "East ", "West ")) if rng.random() < 0.2 else ""
        if rng.random() < 0.15:
            named = f"{rng.randint(2, 99)}"
            named += (
                "th"
                if named[-1] not in "123" or (len(named) == 2 and named[0] == "1")
                else ({"1": "st", "2": "nd", "3": "rd"}[named[-1]])
            )
        elif rng.random() < 0.35:
            named = rng.choice(family_names("train")[:400])
        else:
            named = rng.choice(STREET_NAMES)
        return f"{number} {direction}{named} {rng.choice(list(STREET_TYPES)[:12])}"
    name, number = rng.choice(names), rng.randint(1, 180)
    return f"{number} {name}" if country in _NUMBER_FIRST else f"{name} {number}"


def postal(country: str, city: str, rng: random.Random) -> str:
    """A postcode of the country's form; those of one town begin alike."""
    town = random.Random(zlib.crc32(city.encode()))
    letter, digit = string.ascii_uppercase, string.digits
    if country in ("HK", "IE", "AE", "QA", "GH", "JM"):
        return ""
    if country == "CA":
        return (
            f"{town.choice('ABCEGHJKLMNPRSTVXY')}{town.choice(digit)}{town.choice(letter)} "
            f"{rng.choice(digit)}{rng.choice(letter)}{rng.choice(digit)}"
        )
    if country == "GB":
        return (
            f"{town.choice(letter)}{town.choice(letter)}{rng.randint(1, 20)} "
            f"{rng.choice(digit)}{rng.choice(letter)}{rng.choice(letter)}"
        )
    begin = f"{town.randint(10, 99)}"
    if country == "NL":
        return f"{begin}{rng.randint(0, 99):02d} {rng.choice(letter)}{rng.choice(letter)}"
    if country in ("AU", "NZ", "CH", "AT", "BE", "DK", "NO", "HU", "ZA", "PT"):
        return f"{begin}{rng.randint(0, 99):02d}"
    if country == "JP":
        return f"{town.randint(100, 999)}-{rng.randint(0, 9999):04d}"
    if country in ("CN", "IN", "SG", "RU", "RO"):
        return f"{begin}{rng.randint(0, 9999):04d}"
    return f"{begin}{rng.randint(0, 999):03d}"


# How it is written ----------------------------------------------------------------------------


def street_line(place: Place, rng: random.Random) -> tuple[str, str]:
    """Street and unit as somebody types them: abbreviated or not, the unit beside or below."""
    words = place.street.split()
    how = rng.random()
    if how < 0.4:
        words = [STREET_TYPES.get(word, word) for word in words]
    elif how < 0.5:
        words = [f"{STREET_TYPES[word]}." if word in STREET_TYPES else word for word in words]
    elif how < 0.75:
        words = [_LONG.get(word.lower().rstrip("."), word) for word in words]
    street = " ".join(words)
    if place.country in ("DE", "AT", "CH") and rng.random() < 0.4:
        street = re.sub("straße", rng.choice(("strasse", "str.")), street)
    if rng.random() < 0.04:
        street = street.upper()
    below = place.unit
    if below and rng.random() < 0.3:
        below = ""
    elif below and rng.random() < 0.5:
        below = " ".join(STREET_TYPES.get(word, word) for word in below.split())
    if below and rng.random() < 0.6:
        return f"{street}{rng.choice((' ', ', '))}{below}", ""
    return street, below


def country_text(code: str, as_code: float, rng: random.Random) -> str:
    names = COUNTRIES.get(code)
    if names is None or rng.random() < as_code:
        return code
    return names[0] if rng.random() < 0.7 else rng.choice(names)


def state_text(state: str, as_name: float, rng: random.Random) -> str:
    return STATES.get(state, state) if rng.random() < as_name else state


def postcode_text(place: Place, rng: random.Random) -> str:
    code = place.postcode
    if place.country == "US" and code and rng.random() < 0.12:
        return f"{code}-{rng.randint(1000, 9999)}"
    if place.country == "US" and code.startswith("0") and rng.random() < 0.1:
        return code[1:]
    if " " in code and rng.random() < 0.2:
        return code.replace(" ", "")
    return code


# Telephones -----------------------------------------------------------------------------------


def new_phone(place: Place, rng: random.Random) -> str:
    """A number as "country code|national digits"."""
    dial = DIALS.get(place.country) or str(210 + zlib.crc32(place.country.encode()) % 780)
    if dial == "1":
        town = towns_by_name().get((place.city, place.state))
        area = town.area_code if town else str(rng.randint(201, 989))
        return f"1|{area}{rng.randint(200, 999)}{rng.randint(0, 9999):04d}"
    return f"{dial}|{rng.randint(10, 99)}{rng.randint(1000000, 9999999)}"


def phone_text(number: str, rng: random.Random, extension: str = "") -> str:
    """A number as somebody types it."""
    dial, digits = number.split("|")
    how = rng.random()
    if dial == "1":
        area, middle, end = digits[:3], digits[3:6], digits[6:]
        if how < 0.35:
            text = f"({area}) {middle}-{end}"
        elif how < 0.6:
            text = f"{area}-{middle}-{end}"
        elif how < 0.72:
            text = f"{area}.{middle}.{end}"
        elif how < 0.85:
            text = f"+1 {area} {middle} {end}"
        elif how < 0.92:
            text = f"1-{area}-{middle}-{end}"
        else:
            text = digits
    elif how < 0.45:
        text = f"+{dial} {digits[:2]} {digits[2:5]} {digits[5:]}"
    elif how < 0.7:
        text = f"0{digits[:2]} {digits[2:]}"
    elif how < 0.85:
        text = f"+{dial} (0){digits[:2]} {digits[2:]}"
    else:
        text = f"00{dial}{digits}"
    if extension:
        text += rng.choice((" x", " ext. ", " ext ", "x")) + extension
    return text
