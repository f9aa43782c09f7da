"""Formulas bound to an object: paths become fields, operators get their meaning by kind."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pipelines.sandbox.salesforce.access import moment
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.formulas import functions
from pipelines.sandbox.salesforce.formulas.kinds import (
    DAY,
    FLAG,
    MOMENT,
    NULL,
    NUMBER,
    OF_FIELDS,
    TEXT,
    Bound,
    Scene,
    Value,
    expect,
    is_blank,
    number,
    same_kind,
)
from pipelines.sandbox.salesforce.formulas.tree import (
    Call,
    Constant,
    FormulaRefused,
    Node,
    Operation,
    Path,
    read,
)
from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.store import Record

MOST_LEVELS, MOST_NESTED = 10, 10
Objects = Mapping[str, SObject]
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Binder:
    """Binds formulas of one object.

    Attributes:
        objects: all of the org by lower-case name; formulas see what their reader may not.
        zero: whether empty numbers count as zero.
        depth: how many formulas this one stands in.
    """

    objects: Objects
    owner: SObject
    zero: bool = True
    depth: int = 0

    def bind(self, text: str) -> Bound:
        """A formula, ready to be computed.

        Raises:
            FormulaRefused: it cannot be.
        """
        return self.node(read(text))

    def node(self, node: Node) -> Bound:
        """A part of a formula."""
        if isinstance(node, Constant):
            return _constant(node.value)
        if isinstance(node, Path):
            return self._path(node.steps)
        if isinstance(node, Call):
            return functions.call(node.name, [self.node(a) for a in node.arguments])
        return _operation(node, [self.node(part) for part in node.operands])

    # ---- fields

    def _path(self, steps: Sequence[str]) -> Bound:
        if steps[0].startswith("$"):
            raise FormulaRefused(f"The sandbox does not compute {'.'.join(steps)} in formulas")
        if len(steps) > MOST_LEVELS:
            raise FormulaRefused(f"{'.'.join(steps)} spans more than {MOST_LEVELS} relationships")
        owner, hops = self.owner, []
        for step in steps[:-1]:
            link = _link(owner, step)
            target = self.objects.get(link.refers_to[0].lower())
            if target is None:
                raise _unknown(step)
            hops.append((link.name, target.name))
            owner = target
        field = owner.field(steps[-1])
        if field is None or field.type not in OF_FIELDS:
            raise _unknown(steps[-1])
        value = self._value(owner, field)
        value = _through(hops, value) if hops else value
        kind = OF_FIELDS[field.type]
        counted = _or_zero(value) if kind == NUMBER and self.zero else value
        return Bound(kind, counted, field, value)

    def _value(self, owner: SObject, field: Field) -> Value:
        if field.formula:
            if self.depth >= MOST_NESTED:
                raise FormulaRefused(f"Formula {field.name} refers to itself")
            inner = Binder(self.objects, owner, field.zero_for_null, self.depth + 1)
            return _as_percent(field, result(inner, field))
        name = field.name
        if OF_FIELDS[field.type] == NUMBER:
            return _as_percent(
                field, lambda s: None if (v := s.record.get(name)) is None else number(v)
            )
        if field.type == "date":
            return lambda s: moment(v).date() if (v := s.record.get(name)) else None
        if field.type == "datetime":
            return lambda s: moment(v) if (v := s.record.get(name)) else None
        if field.type in ("id", "reference"):  # ids in formulas are short
            return lambda s: str(v)[:15] if (v := s.record.get(name)) else None
        return lambda s: s.record.get(name)


def _link(owner: SObject, step: str) -> Field:
    for field in owner.fields.values():
        if (field.relationship or "").lower() == step.lower():
            if len(field.refers_to) > 1 and field.refers_to != ("Group", "User"):
                raise FormulaRefused(f"{step} may be of several objects: name none or one of them")
            return replace(field, refers_to=field.refers_to[-1:])
    raise _unknown(step)


def _unknown(name: str) -> FormulaRefused:
    return FormulaRefused(f"Field {name} does not exist. Check spelling.")


def _through(hops: Sequence[tuple[str, str]], value: Value) -> Value:
    def read_parent(scene: Scene) -> Any:
        record: Record | None = scene.record
        for name, target in hops:
            key = record.get(name) if record is not None else None
            record = scene.get(target, str(key)) if key else None
        return None if record is None else value(replace(scene, record=record, before=None))

    return read_parent


def _or_zero(value: Value) -> Value:
    return lambda scene: Decimal(0) if (found := value(scene)) is None else found


def _as_percent(field: Field, value: Value) -> Value:
    """A percentage is computed with as a share."""
    if field.type != "percent":
        return value
    return lambda scene: None if (found := value(scene)) is None else found / 100


def result(binder: Binder, field: Field) -> Value:
    """What a formula field holds, as the field's type stores it; null where it cannot be computed,
    such as on division by zero.

    Raises:
        FormulaRefused: its formula is none, or gives another kind of value than the field is for.
    """
    bound = binder.bind(str(field.formula))
    wanted = OF_FIELDS.get(field.type, TEXT)
    if bound.kind not in (wanted, NULL):
        raise FormulaRefused(
            f"Formula result is data type ({bound.kind}), incompatible with expected data type "
            f"({wanted})."
        )

    def compute(scene: Scene) -> Any:
        try:
            return bound.value(scene)
        except (ArithmeticError, ValueError):
            return None

    return compute


# ---- constants and operators


def _constant(value: Decimal | str | bool | None) -> Bound:
    kind = (
        NULL if value is None
        else FLAG if isinstance(value, bool)
        else TEXT if isinstance(value, str)
        else NUMBER
    )  # fmt: skip
    return Bound(kind, lambda _: value)


def _operation(node: Operation, parts: list[Bound]) -> Bound:
    sign = node.operator
    if len(parts) == 1:
        return _unary(sign, parts[0])
    one, two = parts
    if sign in ("&&", "||"):
        return functions.call("AND" if sign == "&&" else "OR", parts)
    if sign == "&":
        for part in parts:
            expect(part, (TEXT,), sign)
        return Bound(TEXT, lambda s: f"{one.value(s) or ''}{two.value(s) or ''}")
    if sign in ("=", "==", "<>", "!="):
        return _equality(sign in ("=", "=="), parts)
    if sign in _ORDER:
        return _comparison(sign, parts)
    if sign in ("+", "-"):
        return _sum(sign, one, two)
    return _arithmetic(sign, one, two)


def _unary(sign: str, part: Bound) -> Bound:
    if sign == "!":
        return functions.call("NOT", [part])
    expect(part, (NUMBER,), sign)
    if sign == "+":
        return part
    return Bound(NUMBER, lambda s: None if (v := part.value(s)) is None else -v)


def _equality(is_equal: bool, parts: list[Bound]) -> Bound:
    same_kind(parts, "=" if is_equal else "<>")
    one, two = parts

    def equal(scene: Scene) -> bool:
        left, right = one.value(scene), two.value(scene)
        if is_blank(left) or is_blank(right):
            return (is_blank(left) and is_blank(right)) is is_equal
        return bool(left == right) is is_equal

    return Bound(FLAG, equal)


def _comparison(sign: str, parts: list[Bound]) -> Bound:
    for part in parts:
        expect(part, (NUMBER, DAY, MOMENT, TEXT), sign)
    same_kind(parts, sign)
    one, two, holds = parts[0], parts[1], _ORDER[sign]

    def compare(scene: Scene) -> bool:
        left, right = one.value(scene), two.value(scene)
        return left is not None and right is not None and holds(left, right)

    return Bound(FLAG, compare)


def _sum(sign: str, one: Bound, two: Bound) -> Bound:
    kinds = (one.kind, two.kind)
    if kinds == (TEXT, TEXT) and sign == "+":
        return Bound(TEXT, lambda s: f"{one.value(s) or ''}{two.value(s) or ''}")
    if one.kind in (DAY, MOMENT):
        expect(two, (NUMBER, one.kind) if sign == "-" else (NUMBER,), sign)
        if two.kind == one.kind:
            return Bound(NUMBER, _both(one, two, _days_between))
        way = 1 if sign == "+" else -1
        return Bound(one.kind, _both(one, two, lambda a, b: _moved(a, b * way)))
    if two.kind in (DAY, MOMENT) and sign == "+":
        return _sum(sign, two, one)
    return _arithmetic(sign, one, two)


def _days_between(later: Any, earlier: Any) -> Decimal:
    span = later - earlier
    return Decimal(span.days) + Decimal(span.seconds) / 86400


def _moved(at: Any, days: Decimal) -> Any:
    is_moment = isinstance(at, datetime)
    return at + (timedelta(seconds=int(days * 86400)) if is_moment else timedelta(days=int(days)))


_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "^": operator.pow,
}  # fmt: skip


def _arithmetic(sign: str, one: Bound, two: Bound) -> Bound:
    for part in (one, two):
        expect(part, (NUMBER,), sign)
    return Bound(NUMBER, _both(one, two, _ARITHMETIC[sign]))


def _both(one: Bound, two: Bound, make: Callable[[Any, Any], Any]) -> Value:
    """Of two values; null when one is null."""

    def read_both(scene: Scene) -> Any:
        left, right = one.value(scene), two.value(scene)
        return None if left is None or right is None else make(left, right)

    return read_both
