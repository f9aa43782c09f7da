"""Real organisations, people and towns of one part; new organisations made of their words."""

from __future__ import annotations

import csv
import io
import lzma
import random
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "base"
PARTS = {"train": "1", "test": "2"}


@dataclass(frozen=True, slots=True)
class Organisation:
    """A real organisation, or one made of the words of two (`made`)."""

    name: str
    alias: str
    acronym: str
    kind: str
    street: str
    city: str
    state: str
    postcode: str
    country: str
    domain: str
    made: bool = False


@dataclass(frozen=True, slots=True)
class Town:
    postcode: str
    city: str
    state: str
    area_code: str


@cache
def _text(name: str) -> str:
    return lzma.decompress((FOLDER / f"{name}.csv.xz").read_bytes()).decode()


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(_text(name))))


@cache
def organisations(part: str) -> tuple[Organisation, ...]:
    """All real organisations of a part, in the order of the file."""
    found = []
    for row in csv.reader(io.StringIO(_text("organisations"))):
        number, country, state, city, kind, postcode, street, name, alias, acronym, domain = row
        if number == PARTS[part]:
            found.append(
                Organisation(
                    name, alias, acronym, kind, street, city, state, postcode, country, domain
                )
            )
    return tuple(found)


@cache
def towns() -> tuple[Town, ...]:
    return tuple(
        Town(row["zip"], row["city"], row["state"], row["area_codes"] or "555")
        for row in rows("places")
    )


@cache
def towns_by_name() -> Mapping[tuple[str, str], Town]:
    return {(town.city, town.state): town for town in towns()}


@cache
def towns_by_state() -> Mapping[str, tuple[Town, ...]]:
    found: dict[str, list[Town]] = {}
    for town in towns():
        found.setdefault(town.state, []).append(town)
    return {state: tuple(those) for state, those in found.items()}


@cache
def given_names() -> tuple[str, ...]:
    return tuple(row["name"] for row in rows("person_names") if row["kind"] == "f")


@cache
def family_names(part: str) -> tuple[str, ...]:
    """Family names of a part; the commonest come first. Parts share none."""
    wanted = list(PARTS).index(part)
    names = dict.fromkeys(row["name"] for row in rows("person_names") if row["kind"] == "l")
    return tuple(name for name in names if zlib.crc32(name.encode()) % 2 == wanted)


def supply(part: str, rng: random.Random, us_share: float) -> Iterator[Organisation]:
    """Real organisations in random order, each once; then made ones without end.

    `us_share` is the chance to take an American one as long as both kinds are there.
    """
    everyone = list(organisations(part))
    rng.shuffle(everyone)
    home = [one for one in everyone if one.country == "US"]
    abroad = [one for one in everyone if one.country != "US"]
    while home and abroad:
        yield (home if rng.random() < us_share else abroad).pop()
    yield from home or abroad
    while True:
        yield made(everyone, rng)


def made(everyone: list[Organisation], rng: random.Random) -> Organisation:
    """A new organisation: the first words of one name and the last ones of another."""
    place = rng.choice(everyone)
    head = rng.choice(everyone).name.split()
    tail = place.name.split()
    begin = head[: rng.randint(1, 2) if len(head) > 2 else 1]
    end = tail[-rng.randint(1, 3) :] if len(tail) > 1 else tail
    name = " ".join(begin + [word for word in end if word not in begin]).strip(",&-( ")
    slug = re.sub(r"[^a-z0-9]", "", name.lower().encode("ascii", "ignore").decode())[:18]
    top = place.domain.rpartition(".")[2] or "com"
    return Organisation(
        name=name,
        alias="",
        acronym="",
        kind=place.kind,
        street="",
        city=place.city,
        state=place.state,
        postcode=place.postcode,
        country=place.country,
        domain=f"{slug}{rng.randint(1, 99)}.{top}" if slug and place.domain else "",
        made=True,
    )
