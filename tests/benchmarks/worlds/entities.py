"""Who there is: organisations and people, their groups, and what each system knows of them."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tests.benchmarks.worlds import names
from tests.benchmarks.worlds.base_names import (
    Organisation,
    family_names,
    given_names,
    organisations,
    supply,
)
from tests.benchmarks.worlds.places import (
    NOWHERE,
    Place,
    across_town,
    elsewhere,
    new_phone,
    place_of,
)
from tests.benchmarks.worlds.style import Style
from tests.benchmarks.worlds.words import (
    BRANDS,
    CAMPUS,
    COMMON,
    DEPARTMENTS,
    FREE_ABROAD,
    FREE_MAIL,
    GENERIC,
    NUMBERED,
    SISTERS,
    TRADES,
)

Person = tuple[str, str]


@dataclass(slots=True)
class Entity:
    """One real organisation or person. `told_apart_by` is the word its group knows it by."""

    group: int
    role: str
    name: str
    organisation: Organisation
    place: Place
    told_apart_by: str = ""
    domain: str = ""
    phone: str = ""
    people: tuple[Person, ...] = ()
    mailbox: str = ""
    group_mailbox: str = ""
    scenario: str = ""
    other_name: str = ""
    old_place: Place | None = None
    old_domain: str = ""
    parent: Entity | None = None
    is_sub_customer: bool = False
    partner: str = ""
    accounts: int = 0
    customers: int = 0
    mail_form: int = 0
    account_ids: list[str] = field(default_factory=list)
    customer_ids: list[str] = field(default_factory=list)
    customer_name: str = ""

    @property
    def country(self) -> str:
        return self.place.country


def slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]", "", plain)


class Census:
    """Makes families of entities, one after the other; every draw comes from one stream."""

    def __init__(self, seed: int, part: str, style: Style) -> None:
        self.rng = random.Random(f"entities {part} {seed}")
        self.style = style
        self.part = part
        self.supply = supply(part, self.rng, style.us_share)
        self.family_names = family_names(part)
        self.given_names = given_names()
        self.abroad = [one for one in organisations(part) if one.country != "US"]
        self.groups = 0

    def families(self) -> Iterator[list[Entity]]:
        """Entities without end: alone, or together with those they could be taken for."""
        style, rng = self.style, self.rng
        while True:
            self.groups += 1
            draw = rng.random()
            # A group brings about four entities, twins about three.
            if draw < style.groups / 3.5:
                family = self.group()
            elif draw < style.groups / 3.5 + style.twins / 2.5:
                family = self.twins()
            elif draw < style.groups / 3.5 + style.twins / 2.5 + style.people:
                family = self.household()
            else:
                family = [self.alone()]
            for entity in family:
                self.make_known(entity)
            yield family

    # One by one ------------------------------------------------------------------------------

    def alone(self) -> Entity:
        rng, style = self.rng, self.style
        organisation = next(self.supply)
        entity = self.organised(organisation, "alone", organisation.name)
        draw = rng.random()
        for scenario in ("renamed", "merged", "trading", "acronym", "alias", "owner", "lost"):
            draw -= getattr(style, scenario) * (0.2 if scenario == "alias" else 1)
            if draw < 0:
                self.happen(entity, scenario)
                break
        return entity

    def happen(self, entity: Entity, scenario: str) -> None:
        """A story that only other evidence than the name can tell."""
        organisation, rng = entity.organisation, self.rng
        if scenario in ("renamed", "merged", "trading", "lost"):
            entity.other_name = self.another_name(entity)
            if scenario == "renamed" and rng.random() < 0.3 and entity.domain:
                entity.old_domain = f"{slug(entity.other_name)[:16]}.com"
        elif scenario == "owner":
            # Small firms are filed under the person who pays.
            entity.other_name = " ".join(entity.people[0]) if organisation.kind == "smb" else ""
        elif scenario == "acronym":
            entity.other_name = organisation.acronym or names.acronym_of(organisation.name)
        else:
            entity.other_name = organisation.alias
        if entity.other_name and entity.other_name != entity.name:
            entity.scenario = scenario

    def another_name(self, entity: Entity) -> str:
        rng = self.rng
        draw = rng.random()
        if draw < 0.25 and entity.organisation.alias:
            return entity.organisation.alias
        if draw < 0.5:
            town = entity.place.city or rng.choice(COMMON)
            return f"{rng.choice((town, rng.choice(self.family_names)))} {rng.choice(TRADES)}"
        return next(self.supply).name

    def organised(self, organisation: Organisation, role: str, name: str) -> Entity:
        rng, style = self.rng, self.style
        place = place_of(organisation, rng)
        entity = Entity(self.groups, role, name, organisation, place)
        if organisation.kind == "company" and rng.random() < 0.5:
            entity.name = names.with_form(name, place.country, rng)
        entity.phone = new_phone(place, rng)
        entity.people = self.staff()
        entity.mail_form = rng.randrange(5)
        small = organisation.kind == "smb"
        entity.domain = registrable(organisation.domain)
        if not entity.domain and rng.random() > (0.45 if small else 0.15):
            entity.domain = (
                f"{slug(name)[:20] or 'firm'}{rng.choice(('.com', '.net', '.org', '.co'))}"
            )
        if rng.random() < (style.small_free_mail if small else style.free_mail):
            entity.mailbox = self.free_mailbox(slug(name)[:16] or "office", place.country)
            if small and rng.random() < 0.7:
                entity.domain = ""
        if entity.domain and rng.random() < style.second_domain:
            stem = slug(name)[:14] or "firm"
            entity.old_domain = f"{stem}{rng.choice(('group', 'inc', 'online', 'hq'))}.com"
        if rng.random() < style.moved:
            entity.old_place = (
                across_town(place, rng)
                if rng.random() < 0.7
                else elsewhere(place.country, rng, organisation)
            )
        return entity

    def staff(self) -> tuple[Person, ...]:
        return tuple(self.person() for _ in range(self.rng.choice((1, 1, 2, 2, 3))))

    def person(self) -> Person:
        rng = self.rng
        # Few names are common and many are rare.
        last = self.family_names[int(len(self.family_names) * rng.random() ** 2.2)]
        return self.given_names[int(len(self.given_names) * rng.random() ** 1.8)], last

    def free_mailbox(self, local: str, country: str) -> str:
        rng = self.rng
        host = rng.choice(FREE_ABROAD.get(country, FREE_MAIL))
        number = rng.choice(("", "", str(rng.randint(1, 99)), str(rng.randint(1950, 2010))))
        return f"{local}{number}@{host}"

    # People ----------------------------------------------------------------------------------

    def household(self) -> list[Entity]:
        """A person, a couple or a sole trader; sometimes a relative at the same address."""
        rng = self.rng
        first, last = self.person()
        town = (
            elsewhere("US", rng) if rng.random() < 0.8 else place_of(rng.choice(self.abroad), rng)
        )
        entity = self.somebody(first, last, town)
        if rng.random() < 0.25:
            entity.partner = self.person()[0]
        elif rng.random() < 0.35:
            entity.role = "sole_trader"
            trade = rng.choice(TRADES)
            entity.other_name = rng.choice((f"{last} {trade}", f"{first} {last} {trade}"))
            if rng.random() < 0.4:
                entity.domain = f"{slug(entity.other_name)[:22]}.com"
        if entity.role == "sole_trader" or rng.random() > 0.12:
            return [entity]
        relative = self.somebody(self.person()[0], last, town)
        if rng.random() < 0.6:
            relative.phone = entity.phone
        entity.role = relative.role = "household"
        entity.partner = ""
        entity.told_apart_by, relative.told_apart_by = entity.people[0][0], relative.people[0][0]
        return [entity, relative]

    def somebody(self, first: str, last: str, place: Place) -> Entity:
        rng = self.rng
        nobody = Organisation("", "", "", "person", "", "", "", "", place.country, "")
        entity = Entity(self.groups, "person", f"{first} {last}", nobody, replace(place, unit=""))
        entity.people = ((first, last),)
        entity.phone = new_phone(place, rng)
        local = rng.choice(
            (f"{first}.{last}", f"{first[0]}{last}", f"{last}{first}", f"{first}{last}")
        )
        entity.mailbox = self.free_mailbox(re.sub(r"[^a-z0-9.]", "", local.lower()), place.country)
        if rng.random() < self.style.moved:
            entity.old_place = elsewhere("US", rng)
        return entity

    # Several that look alike -----------------------------------------------------------------

    def twins(self) -> list[Entity]:
        """Strangers of one name in different towns."""
        rng = self.rng
        base = next(self.supply)
        draw = rng.random()
        if draw < 0.35:
            name = f"{rng.choice(COMMON)} {rng.choice(TRADES)}"
        elif draw < 0.5:
            name = rng.choice(GENERIC)
        elif draw < 0.65:
            firm = rng.choice(("& Sons", "& Associates", "Brothers", *TRADES))
            name = f"{rng.choice(self.family_names)} {firm}"
        else:
            name = names.split_form(base.name)[0]
        found = []
        for _ in range(rng.choice((2, 2, 2, 3, 3, 4))):
            home = base.country if base.country in ("US", "CA") or rng.random() < 0.6 else "US"
            like = base if home == "US" else rng.choice(self.abroad)
            place = elsewhere(home, rng, like)
            if home != "US" and place.country not in ("US", base.country) and rng.random() < 0.8:
                place = elsewhere("US", rng)
            local = replace(
                base, name=name, street=place.street, city=place.city, state=place.state,
                postcode=place.postcode, country=place.country, domain="", alias="",
                acronym="", made=True,
            )  # fmt: skip
            twin = self.organised(local, "twin", name)
            twin.told_apart_by = place.city
            if twin.domain:
                twin.domain = (
                    f"{slug(name)[:14]}{slug(place.city)[:8]}{rng.choice(('.com', '.org', '.net'))}"
                )
            found.append(twin)
        return found

    def group(self) -> list[Entity]:
        """A parent and what belongs to it; they share what a group shares."""
        rng = self.rng
        organisation = next(self.supply)
        shape = self.shape_of(organisation)
        stem = names.split_form(organisation.name)[0]
        if shape == "franchise" and rng.random() < 0.5:
            stem = f"{rng.choice(('', 'The ', rng.choice(COMMON) + ' '))}{rng.choice(BRANDS)}"
        parent = self.organised(organisation, "parent", organisation.name)
        size = rng.choice((2, 2, 3, 3, 4, 4, 5, 6)) if rng.random() < 0.93 else rng.randint(8, 14)
        family: list[Entity] = []
        if shape != "franchise" and rng.random() < 0.85:
            family.append(parent)
        shared_phone = rng.random() < self.style.central_phone
        shared_mailbox = f"ap@{parent.domain}" if parent.domain and rng.random() < 0.35 else ""
        words = self.words(shape, organisation, size)
        for word in words:
            place = self.member_place(shape, parent, word)
            member = Entity(self.groups, shape, stem, organisation, place, told_apart_by=word)
            member.domain = parent.domain
            if parent.domain and shape == "department" and rng.random() < 0.15:
                member.domain = f"{slug(word)[:10] or 'office'}.{parent.domain}"
            elif shape == "sibling" and rng.random() < 0.3:
                member.domain = f"{slug(stem)[:12]}{slug(word.split()[0])[:10]}.com"
            elif shape == "franchise" and rng.random() < 0.4:
                member.domain = ""
                member.mailbox = self.free_mailbox(slug(stem + word)[:18], place.country)
            member.phone = (
                parent.phone if shared_phone and shape != "franchise" else new_phone(place, rng)
            )
            member.people = self.staff()
            if shape != "franchise" and rng.random() < 0.25:
                member.people = (*member.people, parent.people[0])
            member.mail_form = parent.mail_form
            member.parent = parent if parent in family else None
            family.append(member)
        for entity in family:
            entity.group_mailbox = shared_mailbox
        return family

    def shape_of(self, organisation: Organisation) -> str:
        draw = self.rng.random()
        if organisation.kind == "company":
            return "sibling" if draw < 0.45 else "branch" if draw < 0.88 else "department"
        if organisation.kind == "smb":
            return "franchise" if draw < 0.45 else "branch" if draw < 0.85 else "sibling"
        return "department" if draw < 0.6 else "branch" if draw < 0.92 else "sibling"

    def words(self, shape: str, organisation: Organisation, size: int) -> list[str]:
        """What the members of a group are told apart by; no word comes twice."""
        rng = self.rng
        if shape == "sibling":
            return rng.sample(SISTERS, size)
        if shape == "department":
            kinds = DEPARTMENTS.get(organisation.kind, DEPARTMENTS["company"])
            return rng.sample(kinds, min(size, len(kinds)))
        if shape == "franchise":
            form = rng.choice(("#{}", "#{}", "No. {}", "Store {}", "{}", "- {}"))
            return [form.format(number) for number in rng.sample(range(2, 9999), size)]
        draw = rng.random()
        if draw < 0.25:
            form = rng.choice(NUMBERED)
            return [form.format(number + 1) for number in range(size)]
        if draw < 0.4:
            return rng.sample(CAMPUS, min(size, len(CAMPUS)))
        return [] if size == 0 else [""] * size  # towns, chosen with the place

    def member_place(self, shape: str, parent: Entity, word: str) -> Place:
        rng = self.rng
        if shape in ("department", "sibling"):
            draw = rng.random()
            if draw < 0.6:
                return parent.place
            return across_town(parent.place, rng)
        if word in CAMPUS or (word and shape == "branch" and rng.random() < 0.5):
            return across_town(parent.place, rng)
        like = parent.organisation
        if parent.country != "US":
            at_home = [one for one in rng.sample(self.abroad, 200) if one.country == parent.country]
            like = rng.choice(at_home) if at_home else rng.choice(self.abroad)
        return elsewhere(parent.country, rng, like)

    # Who is where ------------------------------------------------------------------------------

    def make_known(self, entity: Entity) -> None:
        """Decide on which side it stands, and how many times."""
        rng, style = self.rng, self.style
        if entity.role == "branch" and not entity.told_apart_by:
            entity.told_apart_by = entity.place.city or "Head Office"
        draw = rng.random()
        entity.accounts = int(draw >= style.strangers)
        entity.customers = int(not style.strangers <= draw < style.strangers + style.prospects)
        if entity.accounts and rng.random() < style.doubled_accounts:
            entity.accounts = 2 if rng.random() < 0.9 else 3
        if entity.customers and rng.random() < style.doubled_customers:
            entity.customers = 2 if rng.random() < 0.9 else 3
        if entity.scenario == "merged":
            entity.accounts, entity.customers = 2, 1
        entity.is_sub_customer = entity.parent is not None and rng.random() < style.sub_customers


def registrable(domain: str) -> str:
    return domain.removeprefix("www.")


__all__ = ["NOWHERE", "Census", "Entity", "Person"]
