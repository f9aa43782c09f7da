"""Invented names of organisations and people, and the ways bookkeepers misspell them."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator

_FRONT = [
    "Ash",
    "Bel",
    "Cor",
    "Dun",
    "Elm",
    "Fair",
    "Gran",
    "Hal",
    "Ives",
    "Jar",
    "Kel",
    "Lang",
    "Mar",
    "Nor",
    "Oak",
    "Pel",
    "Quin",
    "Rad",
    "Sel",
    "Thorn",
    "Ul",
    "Var",
    "Wes",
    "Yar",
    "Zel",
    "Brom",
    "Crest",
    "Drum",
    "Ever",
    "Fern",
    "Glen",
    "Hart",
    "Inver",
    "Kirk",
    "Loch",
    "Mill",
    "Nether",
    "Orm",
    "Pen",
    "Rose",
    "Stan",
    "Tar",
    "Wyn",
]
_BACK = [
    "grove",
    "wick",
    "field",
    "mere",
    "ford",
    "ton",
    "dale",
    "burn",
    "ley",
    "mont",
    "gate",
    "ridge",
    "haven",
    "holm",
    "stead",
    "worth",
    "croft",
    "lake",
    "vale",
    "bury",
]
FIELDS = [
    "Analytical",
    "Laboratories",
    "Water Authority",
    "Diagnostics",
    "Foods",
    "Polymers",
    "Brewing",
    "Biotech",
    "Pharmaceuticals",
    "University",
    "Regional Hospital",
    "Chemical",
    "Environmental Services",
    "Petroleum",
    "Semiconductor",
    "Paper Mills",
    "Dairy",
    "Research Institute",
    "Metals",
    "Engineering",
    "Controls",
    "Manufacturing",
    "Coatings",
    "Energy",
    "Life Sciences",
]
_PUBLIC = frozenset({"Water Authority", "University", "Regional Hospital", "Research Institute"})
_LEGAL = {"US": ("Inc", "LLC", "Corp", "Co", "Inc"), "GB": ("Ltd", "Limited", "PLC", "Ltd", "LLP")}
_EUROPE: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "DE": (
        ("Müller-Rath", "Brüggemann", "Schäferkamp", "Köhlmann", "Jägersberg", "Vößing"),
        ("Messtechnik", "Labortechnik", "Wassertechnik", "Feinchemie"),
        ("GmbH", "AG", "GmbH & Co. KG"),
    ),
    "FR": (
        ("Lefèbvray", "Bérangeault", "Gérardin", "Crépineau", "Hélouard", "Maréchaux"),
        ("Instrumentation", "Laboratoires", "Chimie Fine", "Analyses"),
        ("SARL", "SA", "SAS"),
    ),
    "NL": (
        ("De Grootveld", "Van Dijkman", "Hoekstraat", "Bosmansdam"),
        ("Watertechniek", "Laboratorium", "Meettechniek"),
        ("BV", "B.V."),
    ),
    "ES": (
        ("Ibáñezgar", "Peñalverde", "Núñezcal", "Echevarría Sur"),
        ("Laboratorios", "Química", "Instrumentos"),
        ("SL", "SA"),
    ),
    "IT": (
        ("Morettini", "Zanottica", "Bianchera", "Colombari"),
        ("Strumenti", "Chimica", "Analisi"),
        ("SpA", "Srl"),
    ),
    "SE": (
        ("Sjöbergsson", "Åkessonby", "Lindströmer"),
        ("Mätteknik", "Kemi", "Livsmedel"),
        ("AB",),
    ),
    "IE": (
        ("Kilbracken", "Ballymoyne", "Clonduff", "Rathmorley"),
        ("Biologics", "Instruments", "Dairy Science"),
        ("Ltd", "DAC"),
    ),
}
GIVEN = [
    "Alice",
    "Ben",
    "Carla",
    "Daniel",
    "Elena",
    "Frank",
    "Grace",
    "Henry",
    "Irene",
    "Jack",
    "Karen",
    "Liam",
    "Maria",
    "Nathan",
    "Olivia",
    "Paul",
    "Quentin",
    "Rosa",
    "Samuel",
    "Tessa",
    "Umar",
    "Vera",
    "William",
    "Xenia",
    "Yusuf",
    "Zoe",
    "Adrian",
    "Bridget",
    "Caleb",
    "Diana",
    "Edwin",
    "Fiona",
    "Gareth",
    "Hannah",
    "Isaac",
    "Joanna",
    "Kevin",
    "Laura",
    "Martin",
    "Nadia",
]
FAMILY = [
    "Abbott",
    "Barlow",
    "Carver",
    "Dalton",
    "Ellery",
    "Farrow",
    "Gibbs",
    "Hollis",
    "Ingram",
    "Jessop",
    "Keating",
    "Lowell",
    "Marsh",
    "Norris",
    "Osborn",
    "Parrish",
    "Quigley",
    "Rowan",
    "Sayer",
    "Tilden",
    "Underhill",
    "Vickers",
    "Whitlock",
    "Yardley",
    "Zeller",
    "Ackroyd",
    "Bexley",
    "Corwin",
    "Draper",
    "Eastman",
    "Fielding",
    "Garrick",
    "Hadley",
    "Irving",
    "Jarman",
    "Kendrick",
    "Lambourn",
    "Merrick",
    "Newbold",
    "Overton",
    "Prescott",
    "Radcliffe",
    "Sheldon",
    "Thackeray",
    "Upton",
    "Verney",
    "Wainwright",
    "Yates",
]
_SHORT = {
    "Laboratories": "Labs",
    "University": "Univ.",
    "Regional Hospital": "Reg. Hosp.",
    "Engineering": "Eng.",
    "Manufacturing": "Mfg",
    "Pharmaceuticals": "Pharma",
    "Research Institute": "Research Inst",
    "Environmental Services": "Env. Svcs",
    "Chemical": "Chem.",
    "Water Authority": "Water Auth",
    "Laboratoires": "Labo.",
    "Instrumentation": "Instr.",
    "Laboratorios": "Labs.",
    "Semiconductor": "Semi",
    "Petroleum": "Petrol.",
}
_LEGAL_LONG = {
    "Inc": ", Inc.",
    "LLC": ", L.L.C.",
    "Corp": " Corporation",
    "Co": " Company",
    "Ltd": " Limited",
    "Limited": " Ltd.",
    "PLC": " plc",
    "LLP": "",
    "GmbH": " Gesellschaft mbH",
    "SARL": " S.A.R.L.",
    "SA": " S.A.",
    "BV": " B.V.",
    "SpA": " S.p.A.",
    "Srl": " S.r.l.",
}
_NOTES = (" - AP", " (net 30)", " - 10{n}", " *email invoices*", " (2)", " - accounts payable")


def coined_words(rng: random.Random) -> Iterator[str]:
    """Every invented place-like word once, in random order."""
    words = [front + back for front in _FRONT for back in _BACK]
    rng.shuffle(words)
    yield from words


def organisation(rng: random.Random, country: str, word: str) -> str:
    """An organisation of a country, its distinctive word given (European names bring their own)."""
    if country in _EUROPE:
        surnames, fields, forms = _EUROPE[country]
        # The coined word keeps two firms of one surname apart: "Ashgrove Brüggemann ...".
        return f"{rng.choice(surnames)} {word} {rng.choice(fields)} {rng.choice(forms)}"
    field = rng.choice(FIELDS)
    form = "" if field in _PUBLIC else " " + rng.choice(_LEGAL[country])
    return f"{word} {field}{form}"


def person(rng: random.Random) -> tuple[str, str]:
    """Given and family name."""
    return rng.choice(GIVEN), rng.choice(FAMILY)


def plain(text: str) -> str:
    """Without accents."""
    text = text.replace("ß", "ss").replace("Ø", "O").replace("ø", "o")
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def slug(text: str, joint: str = "-") -> str:
    """Lower-case letters and digits of a name, for domains and mailboxes."""
    words = "".join(char if char.isalnum() else " " for char in plain(text).lower()).split()
    return joint.join(words)


def _other_legal_form(rng: random.Random, name: str) -> str:
    head, _, form = name.rpartition(" ")
    if form not in _LEGAL_LONG:
        return name + rng.choice((" ", ".")).rstrip(" ")
    return head + _LEGAL_LONG[form]


def _without_legal_form(rng: random.Random, name: str) -> str:
    head, _, form = name.rpartition(" ")
    return head if form in _LEGAL_LONG else name


def _abbreviated(rng: random.Random, name: str) -> str:
    for word, short in _SHORT.items():
        if word in name:
            return name.replace(word, short)
    return _without_legal_form(rng, name)


def _upper(rng: random.Random, name: str) -> str:
    return name.upper()


def _without_accents(rng: random.Random, name: str) -> str:
    return plain(name)


def _noted(rng: random.Random, name: str) -> str:
    return name + rng.choice(_NOTES).format(n=rng.randrange(100, 999))


def _trading_as(rng: random.Random, name: str) -> str:
    return f"{name.split()[0]} Holdings dba {name}"


def _swapped(rng: random.Random, name: str) -> str:
    word, _, rest = name.partition(" ")
    if rest.startswith("University"):
        return f"University of {word}"
    return f"{rest}, {word}" if " " not in rest else _other_legal_form(rng, name)


def _punctuated(rng: random.Random, name: str) -> str:
    return name.replace(" ", "  ", 1) if "-" not in name else name.replace("-", " ")


def _unchanged(rng: random.Random, name: str) -> str:
    return name


_DRIFTS: tuple[Callable[[random.Random, str], str], ...] = (
    _unchanged,
    _unchanged,
    _unchanged,
    _other_legal_form,
    _other_legal_form,
    _without_legal_form,
    _abbreviated,
    _abbreviated,
    _upper,
    _without_accents,
    _noted,
    _trading_as,
    _swapped,
    _punctuated,
)


def drifted(rng: random.Random, name: str) -> str:
    """The name as a bookkeeper may have typed it into QuickBooks (no colon, tab or newline)."""
    return rng.choice(_DRIFTS)(rng, name).replace(":", " ").strip()


def misspelt_person(rng: random.Random, given: str, family: str) -> str:
    """A sole trader as a QuickBooks display name."""
    forms = (f"{family}, {given}", f"{given} {family}", f"{given[0]}. {family}, sole trader")
    return rng.choice(forms)
