"""Arrow schemas of what is extracted: typed whole columns, also where every value is null."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipelines.errors import Stop

MOMENT = pa.timestamp("us", tz="UTC")
# Compound fields repeat their components; binary content does not come through queries.
_SKIPPED = frozenset({"address", "location", "base64", "complexvalue", "json"})
_PLAIN = {"boolean": pa.bool_(), "int": pa.int64(), "date": pa.date32(), "datetime": MOMENT}
_DECIMALS = frozenset({"currency", "double", "percent"})
# Unit prices and quantities may carry more digits than the field's own scale says: Salesforce
# keeps up to eight on request, whatever the page shows.
_LEAST_SCALE = 10
_PRICES = frozenset({"UnitPrice", "ListPrice", "Subtotal"})


def salesforce_schema(describe: Mapping[str, Any]) -> pa.Schema:
    """One column per readable field, compound addresses left out (their parts are fields)."""
    fields = [f for f in describe["fields"] if f["type"] not in _SKIPPED]
    return pa.schema(
        [pa.field("org_id", pa.string(), nullable=False)]
        + [pa.field(f["name"], _type(f), nullable=f["name"] != "Id") for f in fields]
    )


def _type(field: Mapping[str, Any]) -> pa.DataType:
    if field["type"] in _DECIMALS:
        scale = int(field["scale"])
        money = field["type"] == "currency" and scale <= 2 and field["name"] not in _PRICES
        return pa.decimal128(38, 2 if money else max(scale, _LEAST_SCALE))
    return _PLAIN.get(field["type"], pa.string())


def signature(schema: pa.Schema) -> dict[str, str]:
    """Name and type of every field, to see whether one has been added or has changed."""
    return {field.name: str(field.type) for field in schema}


def schema_of(signature: Mapping[str, str]) -> pa.Schema:
    """The schema whose signature this is."""
    return pa.schema(
        pa.field(name, _named(kind), nullable=name not in ("org_id", "Id"))
        for name, kind in signature.items()
    )


def _named(kind: str) -> pa.DataType:
    """An Arrow type by what `str` says of it."""
    known = {str(t): t for t in (*_PLAIN.values(), pa.string())}
    if kind in known:
        return known[kind]
    precision, scale = kind.removeprefix("decimal128(").rstrip(")").split(",")
    return pa.decimal128(int(precision), int(scale))


def names(schema: pa.Schema) -> list[str]:
    """The vendor's field names of a Salesforce schema, without our own key."""
    return [name for name in schema.names if name != "org_id"]


def table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema, record: str) -> pa.Table:
    """Rows as an Arrow table of this schema.

    Raises `Stop` naming object and field when a value does not fit its type: a changed type must
    be seen, not guessed at.
    """
    return pa.table([_column(rows, field, record) for field in schema], schema=schema)


def _column(rows: Sequence[Mapping[str, Any]], field: pa.Field, record: str) -> pa.Array:
    convert = _decimal if pa.types.is_decimal(field.type) else _CONVERSIONS[str(field.type)]
    try:
        values = [None if (v := row.get(field.name)) is None else convert(v) for row in rows]
        return pa.array(values, type=field.type)
    except (pa.ArrowException, ValueError, TypeError, ArithmeticError) as problem:
        raise Stop(
            "extract",
            f"{record}.{field.name}",
            f"a value is not of the type {field.type} that the field has ({problem})",
            "The field's type was changed: take the change back, or delete the warehouse file and "
            "read everything again.",
        ) from None


def _decimal(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def moment(text: str) -> datetime:
    """A vendor's date-time with its offset, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else moment(str(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError(f"{value!r} is neither true nor false")


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


_CONVERSIONS: Mapping[str, Any] = {
    str(MOMENT): _moment,
    str(pa.date32()): _day,
    str(pa.string()): _text,
    str(pa.int64()): int,
    str(pa.bool_()): _flag,
}

ENTITY = pa.schema(
    [
        pa.field("company_id", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("sync_token", pa.int64()),
        pa.field("created_at", MOMENT),
        pa.field("last_updated_at", MOMENT),
        pa.field("payload", pa.string()),
        pa.field("extracted_at", MOMENT),
    ]
)
DELETION = pa.schema(
    [
        pa.field("company_id", pa.string(), nullable=False),
        pa.field("entity", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("deleted_at", MOMENT),
        pa.field("proof", pa.string()),
    ]
)


def chunks(rows: Iterable[Mapping[str, Any]], size: int) -> Iterable[list[Mapping[str, Any]]]:
    """Rows in lists of at most `size`, so that memory stays bounded."""
    chunk: list[Mapping[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
