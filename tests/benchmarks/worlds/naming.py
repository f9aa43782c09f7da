"""What each side calls an entity: its names, its story and what befalls them on the way."""

from __future__ import annotations

import random
import re

from tests.benchmarks.worlds import names
from tests.benchmarks.worlds.entities import Entity
from tests.benchmarks.worlds.style import Style

ROLES_OF_PEOPLE = ("person", "household", "sole_trader")


class Namer:
    """Names records; every draw comes from the stream it is given."""

    def __init__(self, rng: random.Random, style: Style) -> None:
        self.rng = rng
        self.style = style

    def called(self, entity: Entity) -> str:
        """The name of a member of a group as one of several clerks would put it together."""
        stem, word, rng = entity.name, entity.told_apart_by, self.rng
        if entity.role == "branch":
            form = rng.choice(
                ("{x} - {w}", "{x} {w}", "{x} ({w})", "{x}, {w}", "{x} - {w}", "{x} of {w}")
            )
            if form.endswith("of {w}") and not word[0].isalpha():
                form = "{x} - {w}"
        elif entity.role == "department":
            if re.match(r"School|College|IT$|HR$|R&D$", word):
                form = rng.choice(("{x} - {w}", "{x} {w}", "{w}, {x}", "{x} ({w})"))
            else:
                form = rng.choice((
                    "{x} Dept of {w}", "{x} - {w}", "{w}, {x}", "{x} {w} Department",
                    "Department of {w}, {x}", "{x} {w}", "{x} - {w} Dept", "{w} - {x}",
                ))  # fmt: skip
        elif entity.role == "sibling":
            form = "{x} {w}"
        else:
            form = "{x} {w}"
        return form.format(x=stem, w=word)

    def name(self, entity: Entity, side: str, number: int) -> tuple[str, str]:
        """A record's name, and what happened to it on the way."""
        rng, style = self.rng, self.style
        if entity.role in ROLES_OF_PEOPLE:
            return self.person_name(entity)
        name, kind = entity.name, ""
        gentle = entity.role not in ("alone", "parent")
        if entity.role in ("branch", "department", "sibling", "franchise"):
            name = self.called(entity)
        if entity.scenario:
            name = self.told(entity, side, number)
        person = " ".join(entity.people[0]) if entity.people else "Mary Lee"
        if rng.random() < (style.drift_account if side == "account" else style.drift_customer):
            name, kind = names.drifted(name, entity.country, rng, style, person, gentle)
            if rng.random() < style.second_drift:
                name, more = names.drifted(name, entity.country, rng, style, person, gentle)
                kind = kind or more
        elif number and rng.random() < 0.5:
            name, kind = f"{name} ({number + 1})", "note"
        return name, kind

    def told(self, entity: Entity, side: str, number: int) -> str:
        """The names of a company with a story: each side knows one of them, or both."""
        one, other, rng = entity.name, entity.other_name, self.rng
        draw = rng.random()
        if entity.scenario == "trading":
            if side == "account":
                return other if draw < 0.75 else f"{other} ({one})" if draw < 0.85 else one
            if draw < 0.45:
                return one
            return rng.choice((
                "{l} dba {t}", "{l} d/b/a {t}", "{l} DBA {t}", "{t} / {l}", "{t} ({l})",
                "{l} t/a {t}", "{l}, doing business as {t}", "{l} ({t})", "{l} - {t}",
            )).format(l=one, t=other)  # fmt: skip
        if entity.scenario == "renamed":
            if side == "account":
                return other if draw < 0.8 else one
            return (
                f"{one} (formerly {other})"
                if draw < 0.15
                else f"{one} fka {other}"
                if draw < 0.2
                else one
            )
        if entity.scenario == "merged":
            if side == "account":
                return one if number == 0 else other
            return one if draw < 0.6 else f"{one} / {other}" if draw < 0.8 else f"{one} & {other}"
        if entity.scenario == "owner":
            first, last = entity.people[0]
            return one if side == "account" else names.person_text(first, last, "", rng)[0]
        if entity.scenario == "lost":
            return one if side == "account" else other
        short_side = "account" if entity.mail_form % 2 else "customer"
        return other if side == short_side else one

    def person_name(self, entity: Entity) -> tuple[str, str]:
        rng = self.rng
        first, last = entity.people[0]
        if entity.role == "sole_trader":
            draw = rng.random()
            if draw < 0.45:
                return entity.other_name, "sole_trader"
            if draw < 0.65:
                return f"{first} {last} dba {entity.other_name}", "sole_trader"
        text, kind = names.person_text(first, last, entity.partner, rng)
        if rng.random() < 0.06:
            text = names.typo(text, "", rng)
        if rng.random() < 0.08:
            text = text.upper()
        if rng.random() < 0.04:
            text = names.note(text, "", rng, f"{first} {last}")
        return text, kind

    def company_name(self, entity: Entity, name: str) -> str:
        rng = self.rng
        if entity.scenario == "owner":
            return entity.name
        if entity.scenario in ("trading", "renamed") and rng.random() < 0.5:
            return rng.choice((entity.name, entity.name, entity.other_name))
        return name if rng.random() < 0.7 else names.legal_form(name, entity.country, rng)
