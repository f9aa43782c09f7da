"""Both systems' histories as they are made and read in earnest: by their APIs, by real loads of the
real sources into a warehouse, and compared with the sandbox's own books, field by field."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import simplejson
from both_systems import GB, ORG, US, World
from quickbooks_books import books_of
from salesforce_org import ACME, BOREAL

from pipelines import warehouse
from pipelines.extract import ExtractResult, history, systems
from pipelines.extract import run as running
from pipelines.extract.alone import undisturbed
from pipelines.extract.quickbooks import CAPTURED
from pipelines.extract.salesforce import OBJECTS, table_name
from pipelines.sandbox.salesforce import recycling
from pipelines.sandbox.store import Write

Row = dict[str, Any]
Act = Callable[[World, int], None]
REALMS = (US, GB)


# What people do ---------------------------------------------------------------------------------


def _salesforce(world: World, method: str, path: str, **body: Any) -> Any:
    client = world.salesforce()
    data = simplejson.dumps(body, use_decimal=True) if body else None
    return client._signed(lambda: client._restful(path, method=method, data=data))


def _org(world: World) -> Any:
    served: Any = world.sandbox.kernel.vendors["salesforce"]
    return served.org


def _books(world: World, name: str) -> dict[str, Row]:
    return {r["Id"]: dict(r) for r in world.sandbox.kernel.store.table(ORG, name)}


def _products(world: World, is_deleted: bool) -> list[str]:
    return [i for i, r in _books(world, "Product2").items() if r["IsDeleted"] is is_deleted]


def _create(world: World, number: int) -> None:
    _salesforce(world, "POST", "sobjects/Product2", Name=f"Made {number}", IsActive=True)


def _rename(world: World, number: int) -> None:
    _salesforce(world, "PATCH", f"sobjects/Account/{BOREAL}", Name=f"Name {number}")


def _set_formula(world: World, number: int) -> None:
    _salesforce(world, "PATCH", f"sobjects/Account/{ACME}", BillingCity=f"Town {number}")


def _delete(world: World, number: int) -> None:
    for record_id in _products(world, is_deleted=False)[-1:]:
        _salesforce(world, "DELETE", f"sobjects/Product2/{record_id}")


def _undelete(world: World, number: int) -> None:
    for record_id in _products(world, is_deleted=True)[:1]:
        recycling.undelete(_org(world), record_id)


def _purge(world: World, number: int) -> None:
    """Out of the recycle bin without a trace."""
    for record_id in _products(world, is_deleted=True)[:1]:
        world.sandbox.kernel.store.commit([Write(ORG, "Product2", record_id, None)])


def _merge(world: World, number: int) -> None:
    made = _salesforce(world, "POST", "sobjects/Account", Name=f"Twin {number}")
    recycling.merge(_org(world), "Account", BOREAL, {}, [made["id"]])


def _company(world: World, number: int) -> tuple[str, Any]:
    realm = REALMS[number % 2]
    return realm, world.quickbooks(realm)


def _customer(world: World, number: int) -> None:
    _, company = _company(world, number)
    company.create("Customer", {"DisplayName": f"Made {number}"}, f"c-{number}")


def _retire(world: World, number: int) -> None:
    _, company = _company(world, number)
    one = company.query("Customer", "Active in (true, false)")[-1]
    body = {"Id": one["Id"], "SyncToken": one["SyncToken"], "sparse": True}
    company.update("Customer", {**body, "Active": not one["Active"]}, f"r-{number}")


def _bill(world: World, number: int) -> None:
    company = world.quickbooks(US)
    line = {"Amount": Decimal(f"{number + 1}.35"), "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}  # fmt: skip
    body = {"CustomerRef": {"value": "1"}, "Line": [line]}
    company.create("Invoice", body, f"i-{number}")


def _pay(world: World, number: int) -> None:
    """A payment moves the balance of an invoice, whose SyncToken stays."""
    company = world.quickbooks(US)
    for one in [i for i in company.query("Invoice") if i["Balance"] > 1][:1]:
        line = {"Amount": Decimal("0.50"),
                "LinkedTxn": [{"TxnId": one["Id"], "TxnType": "Invoice"}]}  # fmt: skip
        body = {"CustomerRef": one["CustomerRef"], "TotalAmt": Decimal("0.50"), "Line": [line]}
        company.create("Payment", body, f"p-{number}")


def _deposit(world: World, number: int) -> None:
    _, company = _company(world, number)
    accounts = company.query("Account")
    bank = next(a for a in accounts if a["AccountType"] == "Bank")
    income = next(a for a in accounts if a["AccountType"] == "Income")
    line = {"Amount": Decimal(f"{number + 1}.10"), "DetailType": "DepositLineDetail",
            "DepositLineDetail": {"AccountRef": {"value": income["Id"]}}}  # fmt: skip
    body = {"DepositToAccountRef": {"value": bank["Id"]}, "Line": [line]}
    company.create("Deposit", body, f"d-{number}")


def _remove(entity: str) -> Act:
    def removed(world: World, number: int) -> None:
        _, company = _company(world, number)
        for one in company.query(entity)[-1:]:
            body = simplejson.dumps({"Id": one["Id"], "SyncToken": one["SyncToken"]})
            call = partial(company._library.delete_object, entity, body)
            company._signed(call, "write")

    return removed


def _hours(hours: float) -> Act:
    return lambda world, _: world.move_clock(days=hours / 24)


ACTS: dict[str, Act] = {
    "create": _create, "rename": _rename, "change": _set_formula, "delete": _delete,
    "undelete": _undelete, "purge": _purge, "merge": _merge, "customer": _customer,
    "retire": _retire, "bill": _bill, "pay": _pay, "deposit": _deposit,
    "remove invoice": _remove("Invoice"), "remove payment": _remove("Payment"),
    "remove deposit": _remove("Deposit"), "an hour": _hours(1), "a day": _hours(25),
    "a month": _hours(24 * 31),
}  # fmt: skip


# Reading ----------------------------------------------------------------------------------------


def extract(world: World, acts: Iterator[Callable[[], None]], sweep: bool | None = None) -> None:
    """Read both systems; while that goes on people act, one act at each word of its progress."""

    def progress(_: str) -> None:
        for act in acts:
            act()
            break

    running.extract_all(world.settings, progress, sweep=sweep)


def extract_in_turns(world: World, acts: Iterator[Callable[[], None]]) -> int:
    """Read everything once more, giving way after every load; in between people act, and what is
    new is read by others. Returns how often somebody came in between."""
    came = 0

    @contextmanager
    def turn() -> Iterator[Callable[[], bool]]:
        nonlocal came
        if came:
            for act in itertools.islice(acts, 3):
                act()
            follow(world)
        came += 1
        yield running.at_once

    running.extract_all(world.settings, lambda _: None, full=True, turn=turn)
    return came - 1


def follow(world: World) -> list[ExtractResult]:
    """Read what is new, as a plan's run does, and leave to others what they walk over."""
    settings, done = world.settings, []
    for number in (0, 1):
        with undisturbed(settings.warehouse_path):
            one = systems.sources(settings, passing_by=True)[number]
            done += running.read(one, running.by_dlt, running.at_once).results
    return done


# Comparing --------------------------------------------------------------------------------------


def compare(world: World) -> None:
    """The raw tables are the books of both systems: each record once, every field as it stands."""
    with warehouse.kept_open(world.settings.warehouse_path):
        for name in OBJECTS:
            _compare_object(world, name)
        for realm in REALMS:
            for entity in CAPTURED:
                _compare_entity(world, realm, entity)


Known = dict[str, frozenset[tuple[Any, ...]]]


def known(world: World, at: datetime | None = None) -> Known:
    """What the raw tables hold, or what the history says that they held at a moment: all but the
    columns that say when it came."""
    found: Known = {}
    path = world.settings.warehouse_path
    with warehouse.kept_open(path):
        for raw, past in history.HISTORIES.items():
            for table in sorted(warehouse.tables(path, past) & warehouse.tables(path, raw)):
                of = f"{past}.as_known_at('{table}', ?)" if at else f"{raw}.{table}"
                rows = _read(world, f"SELECT * FROM {of}", [at] if at else [])
                found[f"{raw}.{table}"] = frozenset(
                    tuple(sorted((n, str(v)) for n, v in row.items() if not _says_when(n) and v))
                    for row in rows
                )
    return found


def _says_when(column: str) -> bool:
    return column in ("loaded_at", "extracted_at") or column.startswith("_dlt")


def _compare_object(world: World, name: str) -> None:
    gone = {
        r["id"]
        for r in _read(world, "SELECT id FROM raw_salesforce.deletion WHERE object = ?", [name])
    }
    rows = _read(world, f"SELECT * FROM raw_salesforce.{table_name(name)}")
    assert len(rows) == len({r["id"] for r in rows}), name
    books, held = _books(world, name), {r["id"]: r for r in rows if r["id"] not in gone}
    assert held.keys() == books.keys(), name
    assert not books.keys() & gone, name
    for key, row in held.items():
        for field, value in books[key].items():
            column = table_name(field)
            if column in row and isinstance(value, str | bool | Decimal):
                assert _same(row[column], value), (name, key, field, row[column], value)


def _compare_entity(world: World, realm: str, entity: str) -> None:
    books = {r["Id"]: r for r in books_of(world.quickbooks(realm), entity)}
    place = f"raw_quickbooks.{table_name(entity)}"
    gone = (
        "SELECT 1 FROM raw_quickbooks.deletion AS gone WHERE gone.company_id = held.company_id AND"
        f" gone.entity = '{entity}' AND gone.id = held.id"
        " AND gone.deleted_at >= coalesce(held.last_updated_at, gone.deleted_at)"
    )
    rows = _read(
        world,
        f"SELECT id, payload FROM {place} AS held WHERE company_id = ? AND NOT EXISTS ({gone})",
        [realm],
    )
    held = {r["id"]: simplejson.loads(r["payload"], use_decimal=True) for r in rows}
    assert len(rows) == len(held), (realm, entity)
    assert held.keys() == books.keys(), (realm, entity)
    for key, record in held.items():
        assert record == books[key], (realm, entity, key)


def _read(world: World, sql: str, params: list[Any] | None = None) -> list[Row]:
    return warehouse.read(world.settings.warehouse_path, sql, params or [])


def _same(held: Any, book: Any) -> bool:
    if isinstance(held, datetime):
        return held == datetime.fromisoformat(book).astimezone(UTC)
    if isinstance(held, Decimal):
        return held == Decimal(str(book))
    return str(held) == str(book)
