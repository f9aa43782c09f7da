"""What happens to an organisation's name on its way from one system into another."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

from tests.benchmarks.worlds.style import Style

FORMS = {
    "inc": ("Inc", "Inc.", "Incorporated", "INC"),
    "llc": ("LLC", "L.L.C.", "Llc", "Limited Liability Company"),
    "ltd": ("Ltd", "Ltd.", "Limited", "LTD"),
    "corp": ("Corp", "Corp.", "Corporation"),
    "co": ("Co", "Co.", "Company"),
    "plc": ("PLC", "plc", "P.L.C.", "Public Limited Company"),
    "lp": ("LP", "L.P."),
    "llp": ("LLP", "L.L.P."),
    "pc": ("PC", "P.C."),
    "gmbh": ("GmbH", "GMBH", "G.m.b.H.", "Gesellschaft mit beschränkter Haftung"),
    "ag": ("AG", "Aktiengesellschaft", "A.G."),
    "sa": ("SA", "S.A.", "Société Anonyme"),
    "sas": ("SAS", "S.A.S."),
    "sarl": ("SARL", "S.à r.l.", "Sarl"),
    "srl": ("Srl", "S.r.l.", "SRL"),
    "spa": ("SpA", "S.p.A.", "SPA"),
    "bv": ("BV", "B.V."),
    "nv": ("NV", "N.V."),
    "ab": ("AB", "Aktiebolag"),
    "as": ("AS", "A/S"),
    "oyj": ("Oyj", "Oy"),
    "kk": ("K.K.", "KK", "Kabushiki Kaisha", "Co., Ltd."),
    "coltd": ("Co., Ltd.", "Co Ltd", "Company Limited", "Co., Limited"),
    "pty": ("Pty Ltd", "Pty. Ltd.", "Proprietary Limited", "Pty Limited"),
    "pvt": ("Pvt Ltd", "Pvt. Ltd.", "Private Limited"),
    "lda": ("Lda", "Lda.", "Limitada"),
}
_BY_COUNTRY = {
    "US": ("inc", "llc", "llc", "corp", "co"), "CA": ("inc", "ltd", "corp"), "GB": ("ltd", "plc"),
    "DE": ("gmbh", "ag"), "AT": ("gmbh",), "CH": ("ag", "sa"), "FR": ("sa", "sas", "sarl"),
    "IT": ("spa", "srl"), "ES": ("sa", "srl"), "PT": ("sa", "lda"), "NL": ("bv", "nv"),
    "BE": ("nv", "sa"), "SE": ("ab",), "NO": ("as",), "DK": ("as",), "FI": ("oyj",), "JP": ("kk",),
    "CN": ("coltd",), "KR": ("coltd",), "TW": ("coltd",), "AU": ("pty", "ltd"),
    "IN": ("pvt", "ltd"), "SG": ("pvt", "ltd"), "BR": ("sa", "lda"), "MX": ("sa",),
}  # fmt: skip
_TRANSLATED = {"gmbh": "llc", "kk": "coltd", "ag": "corp", "sarl": "llc", "srl": "llc",
               "coltd": "ltd", "pty": "ltd", "pvt": "ltd", "sa": "corp", "ab": "corp"}  # fmt: skip
_FAMILY = {
    re.sub(r"[^a-zà-ÿ]", "", text.lower()): family
    for family, texts in FORMS.items()
    for text in texts
}
_LONGEST_FORM = 4

SHORT = {
    "international": "Intl", "manufacturing": "Mfg", "university": "Univ", "association": "Assoc",
    "associates": "Assoc", "department": "Dept", "services": "Svcs", "service": "Svc",
    "company": "Co", "technologies": "Tech", "technology": "Tech", "institute": "Inst",
    "national": "Natl", "american": "Amer", "center": "Ctr", "centre": "Ctr", "hospital": "Hosp",
    "brothers": "Bros", "systems": "Sys", "management": "Mgmt", "development": "Dev",
    "engineering": "Eng", "construction": "Const", "electric": "Elec", "electrical": "Elec",
    "equipment": "Equip", "financial": "Finl", "government": "Govt", "group": "Grp",
    "industries": "Ind", "industrial": "Indl", "insurance": "Ins", "laboratory": "Lab",
    "laboratories": "Labs", "medical": "Med", "products": "Prods", "research": "Rsch",
    "solutions": "Sol", "transportation": "Trans", "distribution": "Dist", "foundation": "Fdn",
    "saint": "St", "mount": "Mt", "fort": "Ft", "pharmaceuticals": "Pharma", "holdings": "Hldgs",
    "community": "Cmty", "college": "Coll", "academy": "Acad", "library": "Lib", "society": "Soc",
    "federal": "Fed", "education": "Educ", "corporation": "Corp", "enterprises": "Ent",
    "properties": "Props", "partners": "Ptnrs", "marketing": "Mktg", "communications": "Comm",
    "general": "Gen", "county": "Co", "district": "Dist", "school": "Sch", "church": "Ch",
    "north": "N", "south": "S", "east": "E", "west": "W", "northern": "No",
}  # fmt: skip
_LONG = {short.lower(): long.title() for long, short in SHORT.items()}
KEYS = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok",
    "o": "ipl", "p": "ol", "a": "sqz", "s": "adw", "d": "sfe", "f": "dgr", "g": "fht", "h": "gjy",
    "j": "hku", "k": "jli", "l": "ko", "z": "xa", "x": "zcs", "c": "xvd", "v": "cbf", "b": "vng",
    "n": "bmh", "m": "nj",
}  # fmt: skip

Drift = Callable[[str, str, random.Random], str]


def split_form(name: str) -> tuple[str, str]:
    """Name without its legal form, and the family of the form ("" where there is none)."""
    words = name.split()
    for count in range(min(_LONGEST_FORM, len(words) - 1), 0, -1):
        text = re.sub(r"[^a-z0-9à-ÿ]", "", "".join(words[-count:]).lower())
        if text in _FAMILY:
            return " ".join(words[:-count]).rstrip(",& "), _FAMILY[text]
    return name, ""


def with_form(name: str, country: str, rng: random.Random) -> str:
    """The name with a legal form of its country, or as it is where it has one."""
    bare, family = split_form(name)
    if family or country not in _BY_COUNTRY:
        return name
    return f"{bare} {FORMS[rng.choice(_BY_COUNTRY[country])][0]}"


def legal_form(name: str, country: str, rng: random.Random) -> str:
    """Dropped, added, written otherwise or, seldom, translated."""
    bare, family = split_form(name)
    if not family:
        families = _BY_COUNTRY.get(country)
        if not families:
            return name
        form = rng.choice(FORMS[rng.choice(families)])
        return f"{bare}{rng.choice((' ', ' ', ', '))}{form}"
    how = rng.random()
    if how < 0.5:
        return bare
    if how > 0.96 and family in _TRANSLATED:
        family = _TRANSLATED[family]
    return f"{bare}{rng.choice((' ', ' ', ', '))}{rng.choice(FORMS[family])}"


def abbreviation(name: str, country: str, rng: random.Random) -> str:
    """Words shortened or spelt out."""
    words = []
    for word in name.split():
        plain = word.strip(".,").lower()
        new = SHORT.get(plain) or _LONG.get(plain)
        if new and rng.random() < 0.8:
            word = new + ("." if new == SHORT.get(plain) and rng.random() < 0.4 else "")
        words.append(word)
    return " ".join(words)


def punctuation(name: str, country: str, rng: random.Random) -> str:
    how = rng.random()
    if " & " in name:
        return name.replace(" & ", rng.choice((" and ", " + ", "&")))
    if re.search(r" and ", name, re.I) and how < 0.8:
        return re.sub(r" and ", " & ", name, flags=re.I)
    if "-" in name:
        return name.replace("-", rng.choice((" ", "")))
    if "'" in name or "’" in name:
        return re.sub("['’]", "", name)
    if "." in name or "," in name:
        return re.sub(r"[.,]", "", name)
    words = name.split()
    if words[0].lower() == "the":
        return " ".join(words[1:]) if how < 0.7 else " ".join(words[1:]) + ", The"
    return f"The {name}" if how < 0.15 else f"{name}." if how < 0.3 else name


def letter_case(name: str, country: str, rng: random.Random) -> str:
    how = rng.random()
    return name.upper() if how < 0.6 else name.lower() if how < 0.75 else name.title()


def accents(name: str, country: str, rng: random.Random) -> str:
    """Accents lost; umlauts written out or lost."""
    if name.isascii():
        return name
    if rng.random() < 0.5:
        for letter, two in zip(
            "äöüÄÖÜßøåæ", ("ae", "oe", "ue", "Ae", "Oe", "Ue", "ss", "oe", "aa", "ae"), strict=True
        ):
            name = name.replace(letter, two)
    decomposed = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("ø", "o"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def typo(name: str, country: str, rng: random.Random) -> str:
    """One slip of a finger, in two of ten cases two."""
    for _ in range(2 if rng.random() < 0.2 else 1):
        places = [at for at, letter in enumerate(name) if letter.isalpha()]
        if len(places) < 5:
            return name
        at = rng.choice(places[1:])
        letter, how = name[at], rng.random()
        if how < 0.25:
            name = name[:at] + name[at + 1 :]
        elif how < 0.45:
            name = name[:at] + letter + name[at:]
        elif how < 0.7 and at + 1 < len(name):
            name = name[:at] + name[at + 1] + letter + name[at + 2 :]
        else:
            other = rng.choice(KEYS.get(letter.lower(), "e"))
            name = name[:at] + (other.upper() if letter.isupper() else other) + name[at + 1 :]
    return name


def word_order(name: str, country: str, rng: random.Random) -> str:
    bare, _ = split_form(name)
    words = bare.split()
    if len(words) < 2:
        return name
    of = re.fullmatch(r"(University|College|City|County|Bank|Town|Institute) of (.+)", bare)
    if of:
        return rng.choice((f"{of[2]}, {of[1]} of", f"{of[2]} {of[1]}"))
    if rng.random() < 0.5:
        at = rng.randrange(len(words) - 1)
        words[at], words[at + 1] = words[at + 1], words[at]
    else:
        words = words[1:] + words[:1]
    return " ".join(words)


def truncation(name: str, country: str, rng: random.Random) -> str:
    """Cut where a field ended: after 41 characters, at 30, at 25, or in the last word."""
    limits = [limit for limit in (41, 35, 30, 25) if limit < len(name)]
    if limits:
        return name[: rng.choice(limits)].strip()
    return name[: -rng.randint(2, 4)].strip() if len(name) > 14 else name


def spacing(name: str, country: str, rng: random.Random) -> str:
    words = name.split()
    if len(words) > 1 and rng.random() < 0.6:
        at = rng.randrange(len(words) - 1)
        joined = [*words[:at], words[at] + words[at + 1], *words[at + 2 :]]
        return " ".join(joined)
    inner = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return inner if inner != name else name.replace(" ", "  ", 1)


def dropped_word(name: str, country: str, rng: random.Random) -> str:
    """A name of four words or more in its short form."""
    bare, _ = split_form(name)
    words = bare.split()
    if len(words) < 4:
        return name
    if rng.random() < 0.5:
        return " ".join(words[:-1]).rstrip(",& ")
    at = rng.randrange(1, len(words) - 1)
    return " ".join(words[:at] + words[at + 1 :])


NOTES = (
    "{} (2)", "{} - {number}", "{number} - {}", "{} #{number}", "{} AP", "{} - AP", "{} A/P",
    "{} - do not use", "{} (DO NOT USE)", "{} - net 30", "{} NET 60", "{} c/o {person}",
    "{} attn {person}", "{} ATTN: {person}", "{} (old)", "{} - inactive", "{}*", "ZZ {}", "{} (C)",
    "{} - {year}", "{} (new)", "{} - Accounts Payable", "{} (COD)", "{} [{number}]",
    "{} - PO req'd",
    "{} - {person}", "*{}*", "{} (use this one)", "{} - customer", "{} credit hold", "xx{}",
    "{} (deleted)", "{} - DNU", "{} *email invoices*", "{} (tax exempt)", "{} / see notes",
    "{} EDI",     "{} (wholesale)", "{}, net 15",
)  # fmt: skip


def note(name: str, country: str, rng: random.Random, person: str = "Mary Lee") -> str:
    """What clerks write into a name."""
    return (
        rng.choice(NOTES)
        .replace("{number}", str(rng.randint(1000, 99999)))
        .replace("{year}", str(rng.randint(2015, 2026)))
        .replace("{person}", person)
        .replace("{}", name)
    )


def acronym_of(name: str) -> str:
    """First letters of the words that count; "" where fewer than two do."""
    bare, _ = split_form(name)
    small = {
        "of",
        "the",
        "and",
        "for",
        "de",
        "la",
        "des",
        "du",
        "di",
        "der",
        "und",
        "et",
        "in",
        "&",
    }
    words = [word for word in re.findall(r"[^\W\d_]+", bare) if word.lower() not in small]
    letters = "".join(word[0] for word in words).upper()
    return letters if 2 < len(letters) < 8 else ""


DRIFTS: dict[str, Drift] = {
    "legal_form": legal_form,
    "abbreviation": abbreviation,
    "punctuation": punctuation,
    "letter_case": letter_case,
    "accents": accents,
    "typo": typo,
    "word_order": word_order,
    "truncation": truncation,
    "note": note,
    "spacing": spacing,
    "dropped_word": dropped_word,
}


def drifted(
    name: str, country: str, rng: random.Random, style: Style, person: str, gentle: bool = False
) -> tuple[str, str]:
    """The name as a clerk wrote it, and what happened to it. A `gentle` one keeps all its words."""
    kinds = [kind for kind in DRIFTS if not (gentle and kind in ("truncation", "dropped_word"))]
    weights = [getattr(style, kind) for kind in kinds]
    for kind in rng.choices(kinds, weights, k=4):
        new = (
            note(name, country, rng, person) if kind == "note" else DRIFTS[kind](name, country, rng)
        )
        if new != name and len(new) > 2:
            return new, kind
    return name, ""


# People ---------------------------------------------------------------------------------------

NICKNAMES = {
    "James": "Jim", "John": "Jack", "Robert": "Bob", "Michael": "Mike", "William": "Bill",
    "David": "Dave", "Richard": "Rick", "Charles": "Chuck", "Joseph": "Joe", "Thomas": "Tom",
    "Christopher": "Chris", "Daniel": "Dan", "Donald": "Don", "Kenneth": "Ken", "Steven": "Steve",
    "Edward": "Ed", "Ronald": "Ron", "Anthony": "Tony", "Matthew": "Matt", "Timothy": "Tim",
    "Lawrence": "Larry", "Gregory": "Greg", "Patricia": "Pat", "Elizabeth": "Liz",
    "Barbara": "Barb", "Margaret": "Peggy", "Jennifer": "Jen", "Susan": "Sue", "Dorothy": "Dot",
    "Deborah": "Debbie", "Catherine": "Cathy", "Katherine": "Kate", "Cynthia": "Cindy",
    "Kathleen": "Kathy", "Rebecca": "Becky", "Jessica": "Jess", "Samuel": "Sam",
    "Benjamin": "Ben", "Alexander": "Alex", "Nicholas": "Nick", "Andrew": "Andy",
    "Jeffrey": "Jeff", "Stephen": "Steve", "Frederick": "Fred", "Raymond": "Ray",
    "Victoria": "Vicky", "Jacqueline": "Jackie", "Pamela": "Pam", "Theodore": "Ted",
}  # fmt: skip


def person_text(first: str, last: str, partner: str, rng: random.Random) -> tuple[str, str]:
    """A person's name as somebody files it, and in which way."""
    how = rng.random()
    if partner and how < 0.5:
        text = rng.choice(("{a} & {b} {l}", "{a} and {b} {l}", "{l}, {a} & {b}", "{b} & {a} {l}"))
        return text.format(a=first, b=partner, l=last), "couple"
    if how < 0.55:
        return f"{first} {last}", "person"
    if how < 0.75:
        return f"{last}, {first}", "last_first"
    if how < 0.87 and first in NICKNAMES:
        return f"{NICKNAMES[first]} {last}", "nickname"
    if how < 0.93:
        return f"{first[0]}. {last}", "initial"
    return f"{first} {rng.choice('ABCDEHJKLMPRST')}. {last}", "middle_initial"
