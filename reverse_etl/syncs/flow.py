"""What every write flow has in common: its marts, how a row becomes a change, send and find.

The clients appear here as the few calls a write needs; `pipelines.clients` has the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from pipelines.clients.quickbooks_batch import BatchWrite
from pipelines.clients.salesforce_writes import Node
from pipelines.errors import ConfigurationError, CrossfootError, Stop
from reverse_etl.changes import Blocked, Change, ChangeKey, FieldDifference, System
from reverse_etl.ledger import Entry

Rows = Sequence[Mapping[str, Any]]
# The vendor's field behind each field that a plan shows, by the plan's name of it.
Columns = Mapping[str, str]
R = TypeVar("R")
# A field that the other system owns was changed by a person: shown, and never overwritten until
# somebody says that the owner's value shall win.
CHANGED_BY_HAND = "changed_by_hand"


class QuickBooksPort(Protocol):
    """One QuickBooks company, as far as writing needs it."""

    def create(self, entity: str, body: str, request_id: str) -> dict[str, Any]: ...

    def update(self, entity: str, body: str, request_id: str) -> dict[str, Any]: ...

    def void(self, entity: str, body: str, request_id: str) -> dict[str, Any]: ...

    def write_many(
        self, writes: Sequence[BatchWrite], request_id: str
    ) -> Sequence[dict[str, Any] | CrossfootError]: ...

    def mail(
        self, entity: str, record_id: str, address: str, request_id: str
    ) -> dict[str, Any]: ...

    def read(self, entity: str, record_id: str) -> dict[str, Any] | None: ...

    def query(self, entity: str, where: str = "") -> list[dict[str, Any]]: ...

    def find_invoices_by_marks(
        self, since: datetime, marks: Collection[str]
    ) -> list[dict[str, Any]]: ...


class RowReply(Protocol):
    """Salesforce's answer about one record of a collection."""

    @property
    def ok(self) -> bool: ...

    @property
    def remote_id(self) -> str | None: ...

    @property
    def code(self) -> str: ...

    @property
    def message(self) -> str: ...


class SalesforcePort(Protocol):
    """One Salesforce org, as far as writing needs it."""

    def update_many(
        self, object_name: str, records: Sequence[Mapping[str, Any]]
    ) -> Sequence[RowReply]: ...

    def create_many(
        self, object_name: str, records: Sequence[Mapping[str, Any]]
    ) -> Sequence[RowReply]: ...

    def upsert_many(
        self, object_name: str, external_id: str, records: Sequence[Mapping[str, Any]]
    ) -> Sequence[RowReply]: ...

    def write_graphs(self, graphs: Sequence[Sequence[Node]]) -> Sequence[RowReply]: ...

    def send_mail(self, mail: Mapping[str, Any]) -> None: ...

    def query_all(self, soql: str) -> Iterable[Mapping[str, Any]]: ...


@dataclass(frozen=True)
class Clients:
    """The opened systems a plan may write to: one org, and companies by realm id."""

    salesforce: SalesforcePort
    quickbooks: Mapping[str, QuickBooksPort]

    def company(self, company_id: str) -> QuickBooksPort:
        """The client of a company. Raises `ConfigurationError` for one that is not configured."""
        if company_id not in self.quickbooks:
            raise ConfigurationError(
                "QuickBooks",
                f"company {company_id}",
                "it is not configured",
                "Add it to the configuration, or correct the routing.",
            )
        return self.quickbooks[company_id]


@dataclass(frozen=True)
class CompanyFacts:
    """What a company's preferences say: the day through which its books are closed."""

    book_close_on: date | None = None


@dataclass(frozen=True)
class Facts:
    """What a row alone does not say: companies' preferences, reopened base keys with the
    generation a person allowed, and of these the ones that were not used yet; and whether records
    of the org have a currency, which in an org of one they have not."""

    companies: Mapping[str, CompanyFacts] = field(default_factory=dict)
    reopened: Mapping[str, int] = field(default_factory=dict)
    unused: Mapping[str, int] = field(default_factory=dict)
    has_currencies: bool = True

    def company(self, company_id: str) -> CompanyFacts:
        return self.companies.get(company_id, CompanyFacts())

    def overrules(self, reason: str, base: str) -> bool:
        """Did a person decide that the owner's value wins over what somebody changed by hand?"""
        return reason == CHANGED_BY_HAND and base in self.unused

    def key_of(self, key: ChangeKey) -> ChangeKey:
        """The key, in the generation that a person allowed and nobody used yet."""
        return replace(key, generation=self.unused.get(key.base, key.generation))


@dataclass(frozen=True)
class Answer:
    """The vendor's answer about one change: accepted with its id, or refused in its words; `lost`
    where no answer came for this one and it may have been done."""

    accepted: bool
    remote_id: str | None
    code: str = ""
    message: str = ""
    lost: bool = False


def one_place(change: Change) -> float:
    """Each change takes one place of a call."""
    return 1


def nothing_barred(clients: Clients, entries: Sequence[Entry]) -> Mapping[str, Answer]:
    """Nothing that was seen at the last moment forbids sending."""
    return {}


@dataclass(frozen=True)
class Flow:
    """One write flow. `send` gets entries that go in a single call, all of one company, one kind of
    record and one action, and answers in their order: as many as fill `batch` places, of which each
    takes as many as `weigh` says. A call that failed as a whole may be made again as a whole.
    `find` looks in the other system for what an entry in doubt would have written; where one look
    can serve several of one company, `find_all` does and gives ids by change key. A `repeatable`
    write ends the same however often it arrives, so it needs no look before it is sent again.
    Where a repeat is not `recognised` as one, by its request id or by a key that the vendor keeps
    unique, it would be done twice: it waits until the look would have found the first.
    `barred` looks, just before the call, at what a person may have done since the books were read,
    and gives by change key the refusal of each entry that must not be sent any more. `columns` are,
    by kind of record, the fields of Salesforce that a change writes: a record that somebody changed
    there since it was read is left alone (`moved`). What is
    `sent_once` leaves no second time after a try that may have arrived, whatever a look says."""

    name: str
    system: System
    marts: tuple[str, ...]
    batch: int
    changes: Callable[[Mapping[str, Rows], Facts], Iterator[Change | Blocked]]
    send: Callable[[Clients, Sequence[Entry]], Sequence[Answer]]
    find: Callable[[Clients, Entry], str | None]
    repeatable: bool = False
    recognised: bool = True
    weigh: Callable[[Change], float] = one_place
    barred: Callable[[Clients, Sequence[Entry]], Mapping[str, Answer]] = nothing_barred
    sent_once: bool = False
    find_all: Callable[[Clients, Sequence[Entry]], Mapping[str, str]] | None = None
    columns: Mapping[str, Columns] = field(default_factory=dict)

    @property
    def seen_at_once(self) -> int:
        """How many entries one look serves: as many as then go in a call, or one."""
        return self.batch if self.find_all else 1

    def look(self, clients: Clients, entries: Sequence[Entry]) -> Mapping[str, str]:
        """By change key the ids of the entries whose records are in the other system."""
        if self.find_all:
            return self.find_all(clients, entries)
        found = {entry.change_key: self.find(clients, entry) for entry in entries}
        return {key: remote_id for key, remote_id in found.items() if remote_id is not None}


def read_rows(row_class: type[R], mart: str, rows: Rows) -> tuple[R, ...]:
    """Rows of a mart as the frozen class that mirrors its contract.

    Raises `Stop` naming mart and column when one is missing or holds another type.
    """
    hashable: Any = row_class
    hints = _column_types(hashable)
    return tuple(row_class(**_checked(mart, hints, row)) for row in rows)


@cache
def _column_types(row_class: Any) -> dict[str, tuple[type, ...]]:
    return {name: _accepted(hint) for name, hint in get_type_hints(row_class).items()}


def _accepted(hint: Any) -> tuple[type, ...]:
    return get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)


def _checked(
    mart: str, columns: Mapping[str, tuple[type, ...]], row: Mapping[str, Any]
) -> dict[str, Any]:
    for name, types in columns.items():
        if name not in row:
            raise _broken_contract(mart, name, "the column is missing")
        if not any(_is(row[name], one) for one in types):
            found = type(row[name]).__name__
            wanted = " or ".join("empty" if t is NoneType else t.__name__ for t in types)
            raise _broken_contract(mart, name, f"it holds {found}, not {wanted}")
    return {name: row[name] for name in columns}


def _is(value: Any, wanted: type) -> bool:
    """Exact kinds: True is no int, a datetime is no date, NaN is no amount."""
    if type(value) is not wanted:
        return wanted is datetime and isinstance(value, datetime)
    return not isinstance(value, Decimal) or value.is_finite()


def _broken_contract(mart: str, column: str, problem: str) -> Stop:
    return Stop(
        "warehouse",
        f"{mart}.{column}",
        f"the mart does not keep its contract: {problem}",
        "Build the warehouse with this version of Crossfoot, then plan again.",
    )


def as_text(value: str | Decimal | int | date | None) -> str | None:
    """A value as people read it: no trailing zeros beyond cents, dates as ISO, empty as None."""
    if value is None or value == "":
        return None
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def difference(name: str, before: Any, after: Any) -> FieldDifference:
    return FieldDifference(name, as_text(before), as_text(after))


def plain(number: Decimal) -> Decimal:
    """The same number without zeros at its end: 1.000000 as 1, 100 as 100 and never 1E+2."""
    return Decimal(format(number.normalize(), "f"))
