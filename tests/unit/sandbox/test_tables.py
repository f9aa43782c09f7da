"""A table over computed records answers as one that holds them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipelines.sandbox.rows import Made
from pipelines.sandbox.store import Record, Store, Table, Write

SIZE = 12
IDS = [str(number) for number in range(1, SIZE + 5)]


class Twelve:
    """Twelve computed records: ids 1 to 12, four cities, a stamp that rises in pairs."""

    rising = frozenset({"Stamp"})
    constants: Mapping[str, Any] = {"IsDeleted": False}

    def __init__(self, knows: bool) -> None:
        self.knows = knows
        self.made = 0

    def __len__(self) -> int:
        return SIZE

    def record(self, number: int) -> Record:
        self.made += 1
        return {
            "Id": str(number + 1),
            "City": "ABCD"[number % 4],
            "Stamp": 10 * (number // 2),
            "IsDeleted": False,
        }

    def id(self, number: int) -> str:
        return str(number + 1)

    def number(self, record_id: str) -> int | None:
        return int(record_id) - 1 if record_id.isdigit() and 0 < int(record_id) <= SIZE else None

    def candidates(self, field: str, value: Any) -> Iterable[int] | None:
        if not self.knows or field != "City":
            return None
        city = str(value).upper()
        return range("ABCD".find(city), SIZE, 4) if city in "ABCD" else ()


def held() -> Table:
    table = Table()
    for number in range(SIZE):
        record = Twelve(True).record(number)
        table.put(record["Id"], record)
    return table


records = st.fixed_dictionaries(
    {
        "City": st.sampled_from("ABCD"),
        "Stamp": st.integers(-5, 70) | st.none(),
        "IsDeleted": st.booleans(),
    }
)
writes = st.lists(st.tuples(st.sampled_from(IDS), st.none() | records), max_size=14)


def stamp(record: Record) -> Any:
    return record["Stamp"]


def both(changes: list[tuple[str, Any]], knows: bool) -> tuple[Table, Table]:
    """The same writes to a computed and to a held table, some before and some after indexes."""
    pair = (Table(Twelve(knows)), held())
    for at, (record_id, values) in enumerate(changes):
        if at == len(changes) // 2:
            for table in pair:
                table.find("City", "A")
                table.between("Stamp", 0, 1, stamp)
        for table in pair:
            table.put(record_id, None if values is None else {"Id": record_id, **values})
    return pair


def by_id(found: Iterable[Record]) -> list[Record]:
    return sorted(found, key=lambda r: int(r["Id"]))


@given(writes, st.booleans())
def test_reads_see_the_writes_over_the_computed_ones(changes: list[Any], knows: bool) -> None:
    computed, plain = both(changes, knows)
    assert len(computed) == len(plain)
    assert by_id(computed) == by_id(plain)
    assert sorted(computed.ids()) == sorted(plain.ids())
    assert [computed.get(i) for i in IDS] == [plain.get(i) for i in IDS]
    for city in "ABCDE":
        assert by_id(computed.find("City", city)) == by_id(plain.find("City", city))
        folded = [
            by_id(t.find("key:City", city.lower(), lambda r: r["City"].lower()))
            for t in (computed, plain)
        ]
        assert folded[0] == folded[1] == by_id(plain.find("City", city))


bound = st.none() | st.integers(-5, 70)


@given(writes, bound, bound, st.booleans(), st.booleans())
def test_a_range_holds_what_lies_in_it(
    changes: list[Any], low: int | None, high: int | None, above: bool, below: bool
) -> None:
    def within(record: Record) -> bool:
        value = record["Stamp"]
        if value is None:
            return False
        is_high = low is None or value > low or (value == low and not above)
        return is_high and (high is None or value < high or (value == high and not below))

    computed, plain = both(changes, True)
    wanted = by_id(filter(within, plain))
    for table in (computed, plain):
        assert table.is_ordered("Stamp")
        found = table.between("Stamp", low, high, stamp, above=above, below=below)
        assert by_id(found) == wanted
        assert by_id(found.kept(within)) == wanted


@given(writes, st.sampled_from("ABCD"))
def test_a_range_of_what_does_not_rise_leaves_out_nothing(changes: list[Any], city: str) -> None:
    computed, plain = both(changes, True)
    found = by_id(computed.between("City", city, None, lambda r: r["City"]))
    assert not computed.is_ordered("City")
    assert [r for r in found if r["City"] >= city] == by_id(r for r in plain if r["City"] >= city)


@given(writes, st.booleans())
def test_rows_in_order_and_without_deleted_ones(changes: list[Any], reverse: bool) -> None:
    def key(record: Record) -> tuple[int, int]:
        return (-99 if record["Stamp"] is None else record["Stamp"], int(record["Id"]))

    computed, plain = both(changes, True)
    living = [r for r in plain if not r["IsDeleted"]]
    rows = computed.rows().unless("IsDeleted")
    assert by_id(rows) == by_id(living)
    wanted = sorted(living, key=key, reverse=reverse)
    assert list(rows.arranged(key, reverse, rising=True)) == wanted
    assert list(rows.arranged(key, reverse)) == wanted
    assert list(rows.arranged(key, reverse, rising=True)[2:5]) == wanted[2:5]


@given(writes)
def test_groups_hold_every_row_once(changes: list[Any]) -> None:
    computed, _ = both(changes, True)
    groups = computed.rows().grouped(lambda r: r["City"])
    assert by_id(r for group in groups for r in group) == by_id(computed)
    assert all(len({r["City"] for r in group}) == 1 for group in groups)


def test_rows_stay_as_they_were_when_asked_for() -> None:
    table = Table(Twelve(True))
    rows = table.rows()
    table.put("3", None)
    table.put("4", {"Id": "4", "City": "Z"})
    assert list(rows) == [Twelve(True).record(n) for n in range(SIZE)]
    assert len(table) == SIZE - 1


def test_what_is_known_to_rise_is_not_looked_at() -> None:
    base = Twelve(True)
    table = Table(base)
    page = table.rows().unless("IsDeleted").arranged(lambda r: r["Stamp"], True, rising=True)[2:4]
    assert [r["Id"] for r in page] == ["10", "9"]
    assert base.made == 2


def test_looking_stops_at_the_most() -> None:
    base = Twelve(True)
    assert len(Table(base).rows().kept(lambda r: True, most=3)) == 3
    assert base.made < SIZE


def test_an_answer_is_remembered_until_the_next_write() -> None:
    calls: list[int] = []
    answer: Callable[[], int] = lambda: calls.append(1) or len(calls)  # noqa: E731
    table = Table(Twelve(True))
    assert [table.remember("q", answer), table.remember("q", answer)] == [1, 1]
    table.put("1", None)
    assert table.remember("q", answer) == 2


def test_a_computed_record_comes_back_when_a_transaction_is_undone() -> None:
    store = Store()
    store.lay("org", "City", Twelve(True))
    before = by_id(store.table("org", "City"))
    try:
        with store.transaction():
            store.commit([Write("org", "City", "5", None), Write("org", "City", "6", {"Id": "6"})])
            assert store.table("org", "City").get("5") is None
            raise ValueError
    except ValueError:
        pass
    assert by_id(store.table("org", "City")) == before


def test_what_is_made_of_rows_is_made_when_looked_at() -> None:
    base = Twelve(True)
    made = Made(Table(base).rows(), lambda r: r["Id"])
    assert (len(made), list(made[3:5]), made[0]) == (SIZE, ["4", "5"], "1")
    assert base.made == 3
