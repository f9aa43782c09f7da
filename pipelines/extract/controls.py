"""The vendor's own figures held against the warehouse, one row each in `control_total`.

A figure is asked while people work, so a record made a second later must not look like a lost one.
A figure that differs is therefore asked again by another reading, which also brings what has
happened meanwhile; and a count of records is compared as of the moment when it was asked, with
whatever happened within two seconds of it counted either way. Only what differs after all of that
is written down as differing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

from pipelines import warehouse
from pipelines.extract.results import ROWS, SUM_OF, ControlTotal
from pipelines.extract.salesforce import table_name
from pipelines.warehouse import Connection, identifier

TABLE = "control_total"


class Place(Protocol):
    """Where raw tables are: their schema, and how a vendor's names become names of columns."""

    @property
    def dataset(self) -> str: ...

    @property
    def naming(self) -> Any: ...


Columns = Mapping[str, Sequence[str]]
# Vendors tell times in whole seconds.
_CLOSE = timedelta(seconds=2)
_NUMBER = "DECIMAL(38,10)"
_COLUMNS = {
    "run_id": "VARCHAR",
    "source_id": "VARCHAR",
    "object": "VARCHAR",
    "measure": "VARCHAR",
    "currency": "VARCHAR",
    "vendor_value": _NUMBER,
    "held_value": _NUMBER,
    "agrees": "BOOLEAN",
    "asked_at": "TIMESTAMPTZ",
}


def agrees(total: ControlTotal) -> bool | None:
    """Is it what we hold? None where nothing can be said of it."""
    return None if total.held is None else total.held == total.vendor


def differing(totals: Iterable[ControlTotal]) -> list[ControlTotal]:
    """Those that are not what we hold."""
    return [total for total in totals if agrees(total) is False]


def compared(
    connection: Connection, one: Place, totals: Sequence[ControlTotal]
) -> list[ControlTotal]:
    """The figures with what the warehouse holds, where they came without it."""
    there = _columns(connection, one)
    return [
        t if t.held is not None else replace(t, held=_held(connection, one, there, t))
        for t in totals
    ]


def explained(connection: Connection, one: Place, total: ControlTotal) -> ControlTotal:
    """A count that differed, once a later reading has told what happened meanwhile: it agrees if
    it is what was alive when it was asked."""
    if total.measure != ROWS or agrees(total) is not False:
        return total
    least, most = _alive_at(connection, one, total)
    return replace(total, held=min(max(total.vendor, least), most))


def latest(totals: Iterable[ControlTotal]) -> list[ControlTotal]:
    """One of each figure: that which agrees, or else the last that was asked."""
    found: dict[tuple[str, str, str, str | None], ControlTotal] = {}
    for total in totals:
        key = (total.source, total.object, total.measure, total.currency)
        if key not in found or not agrees(found[key]):
            found[key] = total
    return list(found.values())


def write(connection: Connection, one: Place, run: str, totals: Iterable[ControlTotal]) -> None:
    """Add the figures to the table; it exists also when there are none."""
    rows = [
        {
            "run_id": run,
            "source_id": t.source,
            "object": table_name(t.object),
            "measure": t.measure,
            "currency": t.currency,
            "vendor_value": t.vendor,
            "held_value": t.held,
            "agrees": agrees(t),
            "asked_at": t.asked_at,
        }
        for t in totals
    ]
    warehouse.append_rows(connection, one.dataset, TABLE, _COLUMNS, rows)


def _held(
    connection: Connection, one: Place, there: Columns, total: ControlTotal
) -> Decimal | None:
    """What the warehouse holds of a measure; None for one that it cannot tell."""
    columns = there.get(table_name(total.object), ())
    if total.measure == ROWS and columns:
        return _answer(connection, "count(*)", *_living(one, there, total))
    if total.measure.startswith(SUM_OF) and columns:
        place, given = _living(one, there, total)
        field = _field(one, total.measure.removeprefix(SUM_OF), columns)
        if total.currency is not None:
            currency = "CurrencyRef.value" if "payload" in columns else "CurrencyIsoCode"
            place += f" AND {_field(one, currency, columns)} = ?"
            given = [*given, total.currency]
        summed = f"coalesce(sum(CAST({field} AS {_NUMBER})), 0)"
        return _answer(connection, summed, place, given)
    return None


def _answer(connection: Connection, what: str, place: str, given: Sequence[Any]) -> Decimal:
    ((found,),) = connection.execute(f"SELECT {what} FROM {place}", given).fetchall()  # noqa: S608
    return Decimal(found)


def _living(one: Place, there: Columns, total: ControlTotal) -> tuple[str, list[Any]]:
    """The rows of an object that are held and not known as deleted or purged."""
    columns = there[table_name(total.object)]
    place, given = _rows(one, total, columns)
    if "is_deleted" in columns:
        place += " AND NOT coalesce(is_deleted, false)"
    named = _deletion(one, there)
    if named:
        place += f" AND NOT EXISTS ({named})"
        given = [*given, total.source, total.object]
    return place, given


def _rows(one: Place, total: ControlTotal, columns: Sequence[str]) -> tuple[str, list[Any]]:
    table = f"{identifier(one.dataset)}.{identifier(table_name(total.object))}"
    owner = "org_id" if "org_id" in columns else "company_id"
    return f"{table} AS held WHERE {owner} = ?", [total.source]


def _deletion(one: Place, there: Columns) -> str:
    """The proof that a held row of an owner's object (both to be given) is gone, as a subquery. A
    QuickBooks record that was changed after its deletion has come back."""
    columns = there.get("deletion", ())
    if not columns:
        return ""
    owner, entity = ("org_id", "object") if "org_id" in columns else ("company_id", "entity")
    place = f"{identifier(one.dataset)}.deletion"
    back = (
        " AND NOT coalesce(gone.undeleted, false)"
        if "undeleted" in columns
        else " AND gone.deleted_at >= coalesce(held.last_updated_at, gone.deleted_at)"
    )
    return (
        f"SELECT 1 FROM {place} AS gone WHERE gone.id = held.id AND gone.{owner} = ?"  # noqa: S608
        f" AND gone.{identifier(entity)} = ?{back}"
    )


def _alive_at(connection: Connection, one: Place, total: ControlTotal) -> tuple[Decimal, Decimal]:
    """The least and the most records that can have been alive when a count was asked."""
    there = _columns(connection, one)
    columns = there.get(table_name(total.object), ())
    created = "created_at" if "payload" in columns else "created_date"
    if created not in columns or total.held is None:
        return total.held or Decimal(0), total.held or Decimal(0)
    place, given = _rows(one, total, columns)
    gone = (
        "coalesce(is_deleted, false) AND system_modstamp <= ?"
        if ({"is_deleted", "system_modstamp"} <= set(columns))
        else "CAST(? AS TIMESTAMPTZ) IS NULL"
    )
    place += f" AND {created} <= ? AND NOT ({gone})"
    named = _deletion(one, there)
    owned = [total.source, total.object]
    if named:
        place += f" AND NOT EXISTS ({named} AND gone.deleted_at <= ?)"
    before, after = total.asked_at - _CLOSE, total.asked_at + _CLOSE
    bounds = [(before, after), (after, before)]
    least, most = (
        _answer(
            connection,
            "count(*)",
            place,
            [*given, made, gone_by, *([*owned, gone_by] if named else [])],
        )
        for made, gone_by in bounds
    )
    return least, most


def _columns(connection: Connection, one: Place) -> Columns:
    """The columns of every raw table, asked once for all of them."""
    rows = connection.execute(
        "SELECT table_name, list(column_name) FROM information_schema.columns"
        " WHERE table_schema = ? GROUP BY table_name",
        [one.dataset],
    ).fetchall()
    return dict(rows)


def _field(one: Place, name: str, columns: Sequence[str]) -> str:
    """A vendor's field as SQL: a path into the payload, or a column."""
    if "payload" in columns:
        return f"json_extract_string(payload, '$.{_plain(name)}')"
    return identifier(str(one.naming.normalize_identifier(name)))


def _plain(path: str) -> str:
    if not path.replace(".", "").replace("_", "").isalnum():
        raise ValueError(f"not a plain field: {path!r}")
    return path
