"""Rows of Salesforce as Arrow tables: from the JSON of a query's pages, and from bulk CSV files.

Both ways give the same columns of the describe's types. Amounts never pass through a binary
fraction, text stays as it is (also "NA" and "null"), and a value that does not fit its type is an
error that names the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv as csv

from pipelines.errors import Incomplete, Stop, Unavailable
from pipelines.extract.salesforce_objects import Shape

_BLOCK = 8 << 20
_AT_FIELD = re.compile(r"\$\.records\[[^\]]*\]\.([A-Za-z0-9_]+)")


@lru_cache(maxsize=256)
def _decoder(schema: pa.Schema) -> msgspec.json.Decoder[Any]:
    """What reads pages of rows of this schema; made once, for a process that stays reads them for
    years and making one takes as long as reading a small page."""
    fields = [field for field in schema if field.name != "org_id"]
    row = msgspec.defstruct(
        "Row",
        [(f"f{n}", *_json_type(field)) for n, field in enumerate(fields)],
        rename={f"f{n}": field.name for n, field in enumerate(fields)},
        gc=False,
    )
    page = msgspec.defstruct(
        "QueryPage",
        [
            ("records", list[row]),  # type: ignore[valid-type]
            ("totalSize", int),
            ("done", bool),
            ("nextRecordsUrl", str | None, None),
        ],
    )
    return msgspec.json.Decoder(page)


@dataclass(frozen=True)
class Page:
    """One page of a query as a table. `total` is the vendor's count of the whole result; `last` is
    cursor and id of the last row, from where a broken-off walk goes on."""

    rows: pa.Table
    total: int
    next_path: str | None
    last: tuple[str, ...] = ()


class PageReader:
    """Turns the bytes of a page of one object's rows into a `Page`."""

    def __init__(self, org_id: str, shape: Shape) -> None:
        self._org_id = org_id
        self._shape = shape
        self._decoder = _decoder(shape.schema)

    def read(self, content: bytes) -> Page:
        """Raises `Unavailable` when the bytes are no page, `Stop` when a value is of another type
        than its field."""
        try:
            page: Any = self._decoder.decode(content)
        except msgspec.ValidationError as problem:
            found = _AT_FIELD.search(str(problem))
            if found is None:
                raise Unavailable("Salesforce", self._shape.name, _NO_PAGE) from None
            raise changed_type(self._shape.name, self._shape.schema.field(found[1])) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Unavailable("Salesforce", self._shape.name, _NO_PAGE) from None
        if not page.done and not page.nextRecordsUrl:
            raise Unavailable("Salesforce", self._shape.name, _NO_PAGE)
        rows = self.table(list(map(msgspec.structs.astuple, page.records)))
        last: tuple[str, ...] = ()
        if page.records:
            fields = dict(
                zip(self._shape.fields, msgspec.structs.astuple(page.records[-1]), strict=True)
            )
            last = (str(fields.get(self._shape.cursor or "") or ""), str(fields["Id"]))
        return Page(rows, page.totalSize, None if page.done else page.nextRecordsUrl, last)

    def table(self, rows: Sequence[Sequence[Any]]) -> pa.Table:
        """Rows, each a tuple in the order of the fields, as a table."""
        schema = self._shape.schema
        if not rows:
            return schema.empty_table()
        columns = list(zip(*rows, strict=True))
        arrays = [pa.repeat(pa.scalar(self._org_id, pa.string()), len(rows))]
        for field, values in zip((f for f in schema if f.name != "org_id"), columns, strict=True):
            try:
                arrays.append(_array(field.type, values))
            except (pa.ArrowException, ValueError, TypeError):
                raise changed_type(self._shape.name, field) from None
        return pa.table(arrays, schema=schema)


_NO_PAGE = "the answer was cut off or is not a page of a query"


def changed_type(record: str, field: pa.Field) -> Stop:
    """The error for a value that does not fit: a changed type must be seen, not guessed at. The
    value itself may be a customer's and is not told."""
    return Stop(
        "extract",
        f"{record}.{field.name}",
        f"a value is not of the type {field.type} that the field has",
        "The field's type was changed: take the change back, or delete the warehouse file and "
        "read everything again.",
    )


def _json_type(field: pa.Field) -> tuple[Any, ...]:
    """How a field's values come in JSON, and what stands for a missing one."""
    kind = field.type
    if field.name == "Id":
        return (str,)
    if pa.types.is_decimal(kind):
        return Decimal | None, None
    if pa.types.is_boolean(kind):
        return bool | None, None
    if pa.types.is_integer(kind):
        return int | None, None
    return str | int | float | bool | None, None


def _array(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    if pa.types.is_string(kind):
        return _texts(values)
    if pa.types.is_temporal(kind):
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)


def _texts(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except pa.ArrowException:  # a number where text is usual keeps its own spelling
        return pa.array([None if v is None else str(v) for v in values], pa.string())


# ---- Bulk CSV


def csv_tables(
    file: Path, org_id: str, shape: Shape, promised: int, block: int = _BLOCK
) -> Iterator[pa.Table]:
    """The rows of one page of a bulk job, block by block, so that memory stays bounded.

    An empty value is a null, because Salesforce stores no empty text (Bulk API 2.0 guide, "Valid
    CSV Record Rows"). Raises `Incomplete` when they are not as many as the page says, or a column
    is not there; `Stop` when a value does not fit its type.
    """
    fields = shape.fields
    header = _header(file)
    if header != fields:
        raise Incomplete(
            "Salesforce",
            shape.name,
            "a page of a bulk job does not have the columns that were asked for",
            "Nothing of it was kept; run the sync again.",
        )
    seen = 0
    for batch in _batches(file, shape, block):
        seen += batch.num_rows
        owner = pa.repeat(pa.scalar(org_id, pa.string()), batch.num_rows)
        yield pa.table([owner, *batch.columns], schema=shape.schema)
    if seen != promised:
        raise Incomplete(
            "Salesforce",
            shape.name,
            f"a page of a bulk job says it has {promised} rows and holds {seen}",
            "Nothing of it was kept; run the sync again.",
        )


def _header(file: Path) -> list[str]:
    with file.open(encoding="utf-8", errors="replace") as opened:
        return [name.strip('"') for name in opened.readline().rstrip("\r\n").split(",")]


def _batches(file: Path, shape: Shape, block: int) -> Iterator[pa.RecordBatch]:
    kinds = {field.name: field.type for field in shape.schema if field.name != "org_id"}
    convert = csv.ConvertOptions(
        column_types=kinds,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        true_values=["true"],
        false_values=["false"],
    )
    parse = csv.ParseOptions(newlines_in_values=True)
    try:
        with csv.open_csv(
            file, csv.ReadOptions(block_size=block), parse_options=parse, convert_options=convert
        ) as reader:
            yield from reader
    except pa.ArrowInvalid as problem:
        raise _unreadable(shape, problem) from None


_IN_COLUMN = re.compile(r"In CSV column #(\d+)")


def _unreadable(shape: Shape, problem: Exception) -> Exception:
    """A value of another type, or a file that ends in the middle of a row."""
    found = _IN_COLUMN.search(str(problem))
    if found is not None:
        return changed_type(shape.name, shape.schema.field(shape.fields[int(found[1])]))
    return Incomplete(
        "Salesforce",
        shape.name,
        "a page of a bulk job was cut off or is no CSV",
        "Nothing of it was kept; run the sync again.",
    )
