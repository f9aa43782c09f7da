"""Conditions as tests of a record, and the rows of an object that pass them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import ge, gt, le, lt
from typing import Any

from pipelines.sandbox.rows import Rows
from pipelines.sandbox.salesforce.access import IDS, ORDERED, Wanted, are_settled, candidates
from pipelines.sandbox.salesforce.fields import TEXTUAL
from pipelines.sandbox.salesforce.refusals import Refusal, malformed_query
from pipelines.sandbox.salesforce.soql import joins, refused
from pipelines.sandbox.salesforce.soql.literals import constant, period
from pipelines.sandbox.salesforce.soql.money import Currencies
from pipelines.sandbox.salesforce.soql.names import Scope, queried
from pipelines.sandbox.salesforce.soql.operands import Bound, bind
from pipelines.sandbox.salesforce.soql.tokens import pattern
from pipelines.sandbox.salesforce.soql.tree import (
    Both,
    Compare,
    Condition,
    Distance,
    Literal,
    Not,
    Operand,
    Query,
)

Test = Callable[[Any], bool]
_SCOPES = frozenset(
    {"delegated", "mine_and_my_groups", "my_territory", "my_team_territory", "team", "scopingrule"}
)


@dataclass(frozen=True)
class Whole:
    """A condition compiled: the test, and what must hold of single fields for it to hold.

    `is_all_wanted`: it holds whenever that does.
    """

    test: Test
    wanted: tuple[Wanted, ...] = ()
    is_all_wanted: bool = False


def rows(scope: Scope, most: int | None = None) -> Rows:
    """The rows that meet the conditions; looking no further once there are `most`."""
    whole = compiled(scope)
    return tested(scope, candidate_rows(scope, whole), whole, most)


def compiled(scope: Scope) -> Whole | None:
    """WHERE and USING SCOPE of a query; None when it has neither."""
    query = scope.query
    mine = _scope_test(scope)
    if query.where is None:
        return mine
    joins.refuse_misplaced(scope, query.where)
    compiler = _Compiler(scope, lambda operand: _filterable(scope, operand))
    test = compiler.test(query.where)
    is_all = compiler.comparisons == len(compiler.wanted)
    whole = Whole(test, tuple(compiler.wanted), is_all)
    if mine is None:
        return whole
    return Whole(lambda r: mine.test(r) and whole.test(r), mine.wanted + whole.wanted)


def candidate_rows(scope: Scope, whole: Whole | None) -> Rows:
    """At least the rows of the answer."""
    return candidates(scope.books.table(scope.source.name), whole.wanted if whole else ())


def tested(scope: Scope, found: Rows, whole: Whole | None, most: int | None) -> Rows:
    """Those that pass, living ones unless deleted ones are wanted too."""
    if not scope.include_deleted and scope.source.keeps_deleted:
        found = found.unless("IsDeleted")
    table = scope.books.table(scope.source.name)
    if whole is None or (whole.is_all_wanted and are_settled(table, whole.wanted)):
        return found if most is None else found[:most]
    return found.kept(whole.test, most)


def having(scope: Scope, condition: Condition, binder: Callable[[Operand], Bound]) -> Test:
    """HAVING over groups: `binder` says what an operand is of a group."""
    return _Compiler(scope, binder).test(condition)


def _scope_test(scope: Scope) -> Whole | None:
    wanted = (scope.query.scope or "everything").lower()
    if wanted == "everything":
        return None
    owner = scope.source.field("OwnerId")
    if wanted == "mine" and owner is not None:
        me = scope.books.user["Id"]
        return Whole(lambda r: r.get("OwnerId") == me, (Wanted(owner, "=", (me,)),))
    if wanted in _SCOPES or wanted == "mine":
        raise Refusal(
            "INVALID_QUERY_SCOPE",
            f"The requested scope is not supported for {scope.source.name}: {scope.query.scope}",
        )
    raise malformed_query(f"unexpected token: '{scope.query.scope}'")


def _filterable(scope: Scope, operand: Operand) -> Bound:
    bound = bind(scope, operand)
    if bound.found is None:
        return bound
    if bound.field.type == "address":
        raise refused.bad_field(
            scope.statement, bound.at,
            "Address fields can only be filtered using Distance expressions",
        )  # fmt: skip
    if not bound.field.is_filterable:
        raise refused.bad_field(
            scope.statement, bound.at,
            f"field '{bound.field.name}' can not be filtered in a query call",
        )  # fmt: skip
    return bound


class _Compiler:
    """Compiles one condition tree.

    Attributes:
        wanted: what must hold of the object's own fields, gathered on the way.
        comparisons: how many there are.
    """

    def __init__(self, scope: Scope, binder: Callable[[Operand], Bound]) -> None:
        self._scope = scope
        self._bind = binder
        self.wanted: list[Wanted] = []
        self.comparisons = 0

    def test(self, condition: Condition, must: bool = True) -> Test:
        """`must`: the whole cannot hold unless this does."""
        if isinstance(condition, Not):
            inner = self.test(condition.inner, False)
            return lambda r: not inner(r)
        if isinstance(condition, Both):
            return self._joined(condition, must)
        self.comparisons += 1
        bound = self._bind(condition.left)
        self._refuse_operator(bound, condition)
        return self._comparison(bound, condition, must)

    def _joined(self, both: Both, must: bool) -> Test:
        parts = [self.test(part, must and both.joint == "and") for part in both.parts]
        if len(parts) == 2:
            one, two = parts
            if both.joint == "and":
                return lambda r: one(r) and two(r)
            return lambda r: one(r) or two(r)
        if both.joint == "and":
            return lambda r: all(part(r) for part in parts)
        return lambda r: any(part(r) for part in parts)

    def _want(self, must: bool, bound: Bound, operator: str, *values: Any) -> None:
        is_stored = bound.found is not None and bound.found.own and not bound.field.formula
        if must and is_stored and None not in values:
            self.wanted.append(Wanted(bound.field, operator, values))

    def _refuse_operator(self, bound: Bound, compare: Compare) -> None:
        kind, operator = bound.field.type, compare.operator
        message = None
        if operator in ("includes", "excludes"):
            if kind != "multipicklist":
                message = "includes or excludes operator only valid on multipicklist field"
        elif operator == "like":
            if kind in IDS or kind not in TEXTUAL or kind == "multipicklist":
                message = f"invalid operator on {'id' if kind in IDS else kind} field"
        elif operator not in ("=", "!=", "in", "not in") and kind in ("boolean", "multipicklist"):
            message = f"invalid operator on {kind} field"
        elif isinstance(compare.left, Distance) and operator not in ("<", ">"):
            message = "DISTANCE expressions can only be compared with < and >"
        if message:
            raise refused.bad_filter(self._scope.statement, bound.at, message)

    # ---- one comparison

    def _comparison(self, bound: Bound, compare: Compare, must: bool) -> Test:
        right, operator = compare.right, compare.operator
        if isinstance(right, Query):
            return self._semi_join(bound, compare, right, must)
        if isinstance(right, tuple):
            if operator in ("includes", "excludes"):
                return _choices(self._scope, bound, operator, right)
            return self._listed(bound, operator, right, must)
        if right.kind == "period":
            return self._period(bound, operator, right, must)
        if operator == "like":
            return _like(bound, right, self._scope)
        return self._single(bound, operator, right, must)

    def _single(self, bound: Bound, operator: str, right: Literal, must: bool) -> Test:
        wanted = constant(self._scope, bound, right)
        if right.kind == "currency":
            bound = _in_corporate_currency(self._scope, bound)
        elif right.kind == "string" and not right.raw and operator in (">", ">="):
            return _unequal(bound.key, None)  # every text that is one comes after the empty one
        else:
            self._want(must, bound, operator, wanted)
        return _TESTS[operator](bound.key, wanted)

    def _listed(self, bound: Bound, operator: str, right: tuple[Literal, ...], must: bool) -> Test:
        spans = [period(self._scope, bound, x) for x in right if x.kind == "period"]
        if spans or any(x.kind == "currency" for x in right):
            each = [self._one_of(bound, x) for x in right]
            found: Test = lambda r: any(test(r) for test in each)  # noqa: E731
            return found if operator == "in" else lambda r: not found(r)
        values = frozenset(constant(self._scope, bound, x) for x in right)
        return self._member(bound, operator, values, must)

    def _one_of(self, bound: Bound, right: Literal) -> Test:
        if right.kind == "period":
            return self._period(bound, "=", right, False)
        return self._single(bound, "=", right, False)

    def _member(self, bound: Bound, operator: str, values: frozenset[Any], must: bool) -> Test:
        key = bound.key
        if operator == "in":
            self._want(must, bound, "in", *values)
            return lambda r: key(r) in values
        return lambda r: key(r) not in values

    def _semi_join(self, bound: Bound, compare: Compare, query: Query, must: bool) -> Test:
        scope = self._scope
        source = queried(scope.books, query, scope.statement)
        inner = replace(scope, source=source, query=query, include_deleted=False)
        key = joins.inner_key(scope, inner, bound)
        values = frozenset(value for r in rows(inner) if (value := key(r)) is not None)
        return self._member(bound, compare.operator, values, must)

    def _period(self, bound: Bound, operator: str, right: Literal, must: bool) -> Test:
        if operator == "like":
            raise malformed_query(f"unexpected token: '{right.raw}'")
        first, after = period(self._scope, bound, right)
        if operator in ("=", ">=", "<", "<=", ">") and bound.field.type in ORDERED:
            self._want(must, bound, operator, first, after)
        key = bound.key
        tests: dict[str, Test] = {
            "=": lambda r: (k := key(r)) is not None and first <= k < after,
            "!=": lambda r: (k := key(r)) is None or not first <= k < after,
            "<": lambda r: (k := key(r)) is not None and k < first,
            "<=": lambda r: (k := key(r)) is not None and k < after,
            ">": lambda r: (k := key(r)) is not None and k >= after,
            ">=": lambda r: (k := key(r)) is not None and k >= first,
        }
        return tests[operator]


def _equal(key: Test, wanted: Any) -> Test:
    return lambda r: bool(key(r) == wanted)


def _unequal(key: Test, wanted: Any) -> Test:
    return lambda r: bool(key(r) != wanted)


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Test, Any], Test]:
    """Nothing is below or above null, and null neither."""

    def made(key: Test, wanted: Any) -> Test:
        if wanted is None:
            return lambda r: False
        return lambda r: (k := key(r)) is not None and holds(k, wanted)

    return made


_TESTS: dict[str, Callable[[Any, Any], Test]] = {
    "=": _equal, "!=": _unequal, "<": _ordered(lt), "<=": _ordered(le), ">": _ordered(gt),
    ">=": _ordered(ge),
}  # fmt: skip


def _like(bound: Bound, right: Literal, scope: Scope) -> Test:
    if right.kind != "string":
        constant(scope, bound, right)
        return lambda r: False
    matches, read = pattern(right.raw).fullmatch, bound.read
    return lambda r: (v := read(r)) is not None and matches(str(v)) is not None


def _choices(scope: Scope, bound: Bound, operator: str, right: tuple[Literal, ...]) -> Test:
    """INCLUDES: one of the literals names only values that are chosen (`'A;B'`: both)."""
    for literal in right:
        constant(scope, bound, literal)
    wanted = [frozenset(str(x.value or "").lower().split(";")) for x in right]
    read = bound.read

    def includes(record: Any) -> bool:
        held = frozenset(str(read(record) or "").lower().split(";"))
        return any(choice <= held for choice in wanted)

    return includes if operator == "includes" else lambda r: not includes(r)


def _in_corporate_currency(scope: Scope, bound: Bound) -> Bound:
    """`Amount > USD5000` compares what the amounts are worth."""
    if bound.found is None:
        return bound
    currencies = Currencies(scope.books)
    return replace(bound, key=currencies.reader(bound.found, currencies.corporate_amount))
