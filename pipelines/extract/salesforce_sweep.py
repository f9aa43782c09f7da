"""What increments do not tell: records that are gone for good, and values that changed unseen.

A sweep walks over the ids of an object with the fields that may change while the time stamp stands
still, and holds them against the warehouse. A record counts as gone by two proofs: it was not met,
and the org does not know its id when asked. A record that differs, or is not held at all, is read
anew as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.clients.salesforce import SalesforceClient, locator_path
from pipelines.clients.salesforce_replies import Part
from pipelines.clients.salesforce_soql import soql_ids
from pipelines.extract import columns
from pipelines.extract.salesforce_asking import ask
from pipelines.extract.salesforce_objects import Shape
from pipelines.extract.salesforce_pages import PageReader

# What is held of one object: a table with these of the vendor's fields, or None where the
# warehouse has no such table or not all of the fields. "deletion" is asked for as an object too.
Held = Callable[[str, Sequence[str]], pa.Table | None]

DELETION = "deletion"
DELETION_KEY = ("org_id", "object", "id")
DELETION_COLUMNS = pa.schema(
    [
        pa.field("org_id", pa.string(), nullable=False),
        pa.field("object", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("deleted_at", columns.MOMENT),
        pa.field("proof", pa.string()),
        # True takes the row out of the table again: the record is back.
        pa.field("undeleted", pa.bool_()),
    ]
)
# A page holds 2,000 rows; a statement may have 100,000 characters, of which an id takes 22.
_IDS_IN_QUERY = 1000


def nothing_held(_object: str, _fields: Sequence[str]) -> pa.Table | None:
    """The warehouse of a source that is used without one."""
    return None


def swept_shape(shape: Shape) -> Shape:
    """The part of an object that a sweep reads."""
    wanted = {"org_id", "Id", "IsDeleted", shape.cursor, *shape.calculated}
    schema = pa.schema([field for field in shape.schema if field.name in wanted])
    return Shape(shape.name, schema, shape.calculated, shape.replicateable)


def differing(swept: pa.Table, held: pa.Table) -> pa.Array:
    """The ids that were met and are not held, or are held with other values."""
    at = pc.index_in(swept["Id"], value_set=held["Id"].combine_chunks())
    differs = pc.is_null(at)
    for name in held.schema.names:
        if name == "Id":
            continue
        mine = swept[name].combine_chunks()
        theirs = held[name].cast(mine.type).combine_chunks().take(at.combine_chunks())
        same = pc.fill_null(pc.equal(mine, theirs), False)
        both_null = pc.and_(pc.is_null(mine), pc.is_null(theirs))
        differs = pc.or_(differs, pc.invert(pc.or_(same, both_null)))
    return swept["Id"].filter(differs).combine_chunks()


def absent(held: pa.Table, met: pa.ChunkedArray, gone: frozenset[str]) -> list[str]:
    """The ids that are held, not known as gone, and were not met."""
    missing = held["Id"].filter(pc.invert(pc.is_in(held["Id"], value_set=met.combine_chunks())))
    return sorted(set(missing.to_pylist()) - gone)


def reread(client: SalesforceClient, shape: Shape, ids: Sequence[str]) -> Iterator[pa.Table]:
    """These records as a whole, deleted ones too, 5,000 ids to a call. Fewer may come."""
    reader = PageReader(client.org_id, shape)
    chunks = [ids[n : n + _IDS_IN_QUERY] for n in range(0, len(ids), _IDS_IN_QUERY)]
    for start in range(0, len(chunks), 5):
        parts = [
            Part(f"ids{n}", f"queryAll?{urlencode({'q': _by_id(shape, chunk)})}")
            for n, chunk in enumerate(chunks[start : start + 5])
        ]
        for reply in ask(client, parts).values():
            if reply.problem is not None:
                raise reply.problem
            page = reader.read(reply.raw)
            yield page.rows
            while page.next_path is not None:
                page = _next(client, reader, page.next_path)
                yield page.rows


def _next(client: SalesforceClient, reader: PageReader, next_path: str) -> Any:
    return client.fetch(locator_path(next_path), lambda answer: reader.read(answer.content))


def _by_id(shape: Shape, ids: Sequence[str]) -> str:
    return f"{shape.select(shape.fields)} WHERE Id IN {soql_ids(ids)}"


def deletions(
    org_id: str, name: str, ids: Sequence[str], at: datetime | None, proof: str
) -> pa.Table:
    """Rows of the table of deletions; without a proof they take older rows away."""
    size = len(ids)
    values: list[Any] = [
        [org_id] * size, [name] * size, list(ids), [at] * size, [proof or None] * size,
        [not proof] * size,
    ]  # fmt: skip
    return pa.table(values, schema=DELETION_COLUMNS)
