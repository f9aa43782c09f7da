"""Puts a world together and writes its four files."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.benchmarks.worlds.entities import Census, Entity
from tests.benchmarks.worlds.records import ACCOUNT_COLUMNS, CUSTOMER_COLUMNS, Clerk, Known
from tests.benchmarks.worlds.style import Style, style

PAIR_COLUMNS = ("left_id", "right_id", "kind")
Row = Sequence[str]


@dataclass
class World:
    """Rows of the four files. `truth` are all true pairs, `apart` pairs that must stay two."""

    account_columns: Row = ACCOUNT_COLUMNS
    customer_columns: Row = CUSTOMER_COLUMNS
    accounts: list[Row] = field(default_factory=list)
    customers: list[Row] = field(default_factory=list)
    truth: list[Row] = field(default_factory=list)
    apart: list[Row] = field(default_factory=list)
    bases: set[str] = field(default_factory=set)


def make(accounts: int, seed: int, part: str, rates: Style | None = None) -> World:
    """A world of so many accounts; the same for the same arguments."""
    rates = rates or style(seed, part)
    census, clerk, world = Census(seed, part, rates), Clerk(seed, part, rates), World()
    keys = Keys(seed)
    for family in census.families():
        if len(world.accounts) >= accounts:
            break
        for entity in family:
            put(world, entity, clerk, keys, accounts - len(world.accounts))
        if len(family) > 1:
            world.apart.extend(kept_apart(family))
    order = random.Random(f"order {part} {seed}")
    for rows in (world.accounts, world.customers, world.truth, world.apart):
        order.shuffle(rows)
    return world


class Keys:
    """Ids in the vendors' forms that say nothing about which records belong together."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"keys {seed}")
        self.taken: set[int] = set()

    def account(self) -> str:
        return f"001A{self._new(36**9):0>14x}"[:18].upper()

    def customer(self) -> str:
        return str(self._new(10**8))

    def _new(self, limit: int) -> int:
        while (number := self.rng.randrange(1, limit)) in self.taken:
            pass
        self.taken.add(number)
        return number


def put(world: World, entity: Entity, clerk: Clerk, keys: Keys, room: int) -> None:
    """Write an entity's records and its true pairs."""
    entity.accounts = min(entity.accounts, room)
    known: Known | None = None
    account_kinds, customer_kinds = [], []
    for number in range(entity.accounts):
        key = keys.account()
        row, told, kind = clerk.account(entity, number, key)
        known = known or told
        if entity.parent and entity.parent.account_ids and clerk.rng.random() < clerk.style.parents:
            row[ACCOUNT_COLUMNS.index("ParentId")] = entity.parent.account_ids[0]
        world.accounts.append(row)
        entity.account_ids.append(key)
        account_kinds.append(kind)
    for number in range(entity.customers):
        key = keys.customer()
        row, kind = clerk.customer(entity, number, key, known)
        world.customers.append(row)
        entity.customer_name = entity.customer_name or row[1]
        entity.customer_ids.append(key)
        customer_kinds.append(kind)
    if entity.customers and clerk.rng.random() < clerk.style.projects:
        for _ in range(clerk.rng.randint(1, 3)):
            world.customers.append(clerk.project(entity, keys.customer()))
    for at, left in enumerate(entity.account_ids):
        for beside, right in enumerate(entity.customer_ids):
            kind = kind_of(entity, at + beside, account_kinds[at], customer_kinds[beside])
            world.truth.append((left, right, kind))
    if entity.organisation.name and not entity.organisation.made:
        world.bases.add(entity.organisation.name)


def kind_of(entity: Entity, number: int, account_drift: str, customer_drift: str) -> str:
    """What makes a true pair hard: its story, its place in a group, or what befell its name."""
    if entity.scenario:
        return entity.scenario
    if number:
        return "duplicate"
    if entity.is_sub_customer and entity.parent and entity.parent.customer_ids:
        return "sub_customer"
    if entity.role not in ("alone", "parent"):
        return entity.role
    if entity.old_place and not (account_drift or customer_drift):
        return "moved"
    return customer_drift or account_drift or "plain"


def kept_apart(family: Sequence[Entity]) -> Iterable[Row]:
    """All pairs of two different members of a family."""
    for one in family:
        for other in family:
            if one is other:
                continue
            role = other.role if other.role != "parent" else one.role
            for left in one.account_ids:
                for right in other.customer_ids:
                    yield left, right, role


def emptied(world: World, names: Sequence[str]) -> World:
    """A world in whose records some columns are empty. Raises `ValueError` for an unknown one."""
    unknown = {*names} - {*world.account_columns, *world.customer_columns}
    if unknown:
        raise ValueError(f"no such column: {', '.join(sorted(unknown))}")

    def without(rows: Sequence[Row], columns: Row) -> list[Row]:
        filled = [name not in names for name in columns]
        return [[text if kept else "" for text, kept in zip(r, filled, strict=True)] for r in rows]

    return replace(
        world,
        accounts=without(world.accounts, world.account_columns),
        customers=without(world.customers, world.customer_columns),
    )


def write(world: World, folder: Path) -> None:
    """Write accounts.csv, customers.csv, truth.csv and apart.csv into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns, rows in (
        ("accounts", world.account_columns, world.accounts),
        ("customers", world.customer_columns, world.customers),
        ("truth", PAIR_COLUMNS, world.truth),
        ("apart", PAIR_COLUMNS, world.apart),
    ):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
