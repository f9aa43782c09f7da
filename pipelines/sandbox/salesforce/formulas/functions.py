"""The functions of formulas: what each takes, gives and does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from pipelines.sandbox.salesforce import ids
from pipelines.sandbox.salesforce.derived.schedules import months_later
from pipelines.sandbox.salesforce.formulas.kinds import (
    DAY,
    FLAG,
    MOMENT,
    NULL,
    NUMBER,
    PICK,
    TEXT,
    Bound,
    Scene,
    Value,
    expect,
    is_blank,
    number,
    same_kind,
)
from pipelines.sandbox.salesforce.formulas.tree import FormulaRefused

ANY = (NUMBER, TEXT, FLAG, DAY, MOMENT, PICK)


@dataclass(frozen=True)
class Function:
    """A function whose result is null when one of its arguments is.

    Attributes:
        takes: the kinds of its arguments; the last is taken again by those that follow.
        least, most: how many arguments there are.
    """

    gives: str
    takes: tuple[tuple[str, ...], ...]
    make: Callable[..., Any]
    least: int
    most: int


def _simple(
    gives: str, make: Callable[..., Any], *takes: str, least: int = 0, most: int = 0
) -> Function:
    kinds = tuple((one,) for one in takes)
    return Function(gives, kinds, make, least or len(takes), most or len(takes))


def _rounded(value: Decimal, places: Decimal) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-int(places)), ROUND_HALF_UP)


def _find(wanted: str, text: str, start: Decimal = Decimal(1)) -> Decimal:
    return Decimal(text.find(wanted, int(start) - 1) + 1)


def _day(year: Decimal, month: Decimal, day: Decimal) -> date:
    return date(int(year), int(month), int(day))


def _months(at: Any, months: Decimal) -> Any:
    moved = months_later(at.date() if isinstance(at, datetime) else at, int(months))
    return datetime.combine(moved, at.timetz()) if isinstance(at, datetime) else moved


def _date_value(value: Any) -> date:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _mod(value: Decimal, by: Decimal) -> Decimal:
    return value - by * (value / by).to_integral_value(ROUND_FLOOR)


def _hyperlink(url: str, words: str, target: str = "_blank") -> str:
    return f'<a href="{url}" target="{target}">{words}</a>'


FUNCTIONS: Mapping[str, Function] = {
    "ROUND": _simple(NUMBER, _rounded, NUMBER, NUMBER),
    "ABS": _simple(NUMBER, abs, NUMBER),
    "FLOOR": _simple(NUMBER, lambda v: v.to_integral_value(ROUND_FLOOR), NUMBER),
    "CEILING": _simple(NUMBER, lambda v: v.to_integral_value(ROUND_CEILING), NUMBER),
    "SQRT": _simple(NUMBER, lambda v: v.sqrt(), NUMBER),
    "MOD": _simple(NUMBER, _mod, NUMBER, NUMBER),
    "MAX": _simple(NUMBER, max, NUMBER, NUMBER, most=99),
    "MIN": _simple(NUMBER, min, NUMBER, NUMBER, most=99),
    "LEFT": _simple(TEXT, lambda t, n: t[: max(0, int(n))], TEXT, NUMBER),
    "RIGHT": _simple(TEXT, lambda t, n: t[-int(n) :] if n > 0 else "", TEXT, NUMBER),
    "MID": _simple(TEXT, lambda t, at, n: t[int(at) - 1 : int(at) - 1 + int(n)], TEXT, NUMBER,
                   NUMBER),
    "UPPER": _simple(TEXT, str.upper, TEXT),
    "LOWER": _simple(TEXT, str.lower, TEXT),
    "TRIM": _simple(TEXT, str.strip, TEXT),
    "SUBSTITUTE": _simple(TEXT, lambda t, old, new: t.replace(old, new), TEXT, TEXT, TEXT),
    "LPAD": _simple(TEXT, lambda t, n, pad=" ": t.rjust(int(n), pad)[: int(n)], TEXT, NUMBER, TEXT,
                    least=2),
    "RPAD": _simple(TEXT, lambda t, n, pad=" ": t.ljust(int(n), pad)[: int(n)], TEXT, NUMBER, TEXT,
                    least=2),
    "CASESAFEID": _simple(TEXT, lambda t: ids.to18(t) or t, TEXT),
    "HYPERLINK": _simple(TEXT, _hyperlink, TEXT, TEXT, TEXT, least=2),
    "FIND": _simple(NUMBER, _find, TEXT, TEXT, NUMBER, least=2),
    "VALUE": _simple(NUMBER, lambda t: Decimal(t.strip()), TEXT),
    "BEGINS": _simple(FLAG, str.startswith, TEXT, TEXT),
    "DATE": _simple(DAY, _day, NUMBER, NUMBER, NUMBER),
    "YEAR": _simple(NUMBER, lambda d: Decimal(d.year), DAY),
    "MONTH": _simple(NUMBER, lambda d: Decimal(d.month), DAY),
    "DAY": _simple(NUMBER, lambda d: Decimal(d.day), DAY),
    "WEEKDAY": _simple(NUMBER, lambda d: Decimal(d.isoweekday() % 7 + 1), DAY),
    "DATEVALUE": Function(DAY, ((MOMENT, TEXT, DAY),), _date_value, 1, 1),
    "REGEX": _simple(FLAG, lambda t, form: re.fullmatch(form, t) is not None, TEXT, TEXT),
}  # fmt: skip


def call(name: str, arguments: list[Bound]) -> Bound:
    """A function of bound arguments.

    Raises:
        FormulaRefused: there is no such function, or these are not its arguments.
    """
    if name in _SPECIAL:
        least, most, make = _SPECIAL[name]
        _refuse_count(name, least, most, len(arguments))
        return make(arguments)
    function = FUNCTIONS.get(name)
    if function is None:
        raise FormulaRefused(f"Unknown function {name}. Check spelling.")
    _refuse_count(name, function.least, function.most, len(arguments))
    for place, argument in enumerate(arguments):
        expect(argument, function.takes[min(place, len(function.takes) - 1)], name)
    values = [a.value for a in arguments]
    texts = [a.kind == TEXT for a in arguments]

    def compute(scene: Scene) -> Any:
        found = [v(scene) for v in values]
        given = [
            "" if f is None and is_text else f for f, is_text in zip(found, texts, strict=True)
        ]
        return None if None in given else function.make(*given)

    return Bound(function.gives, compute)


def _refuse_count(name: str, least: int, most: int, count: int) -> None:
    if not least <= count <= most:
        wanted = least if least == most or count < least else most
        raise FormulaRefused(
            f"Incorrect number of parameters for function '{name}()'. Expected {wanted}, received "
            f"{count}"
        )


# ---- those that decide by themselves what they look at


def _if(arguments: list[Bound]) -> Bound:
    test, yes, no = arguments
    expect(test, (FLAG,), "IF")
    kind = same_kind([yes, no], "IF")
    return Bound(kind, lambda s: yes.value(s) if test.value(s) else no.value(s))


def _joint(name: str, all_of: bool) -> Callable[[list[Bound]], Bound]:
    def make(arguments: list[Bound]) -> Bound:
        values = [expect(a, (FLAG,), name).value for a in arguments]
        whole = all if all_of else any
        return Bound(FLAG, lambda s: whole(bool(v(s)) for v in values))

    return make


def _not(arguments: list[Bound]) -> Bound:
    value = expect(arguments[0], (FLAG,), "NOT").value
    return Bound(FLAG, lambda s: not value(s))


def _blank(arguments: list[Bound]) -> Bound:
    """Of the stored value: an empty number is blank, though it is computed with as zero."""
    value = arguments[0].stored or arguments[0].value
    return Bound(FLAG, lambda s: is_blank(value(s)))


def _blank_value(arguments: list[Bound]) -> Bound:
    one, two = arguments
    kind, value = same_kind([one, two], "BLANKVALUE"), one.stored or one.value
    return Bound(kind, lambda s: two.value(s) if is_blank(v := value(s)) else v)


def _case(arguments: list[Bound]) -> Bound:
    """CASE(what, value, result, value, result …, otherwise)."""
    if len(arguments) % 2:
        raise FormulaRefused(
            "Incorrect number of parameters for function 'CASE()'. Expected "
            f"{len(arguments) + 1}, received {len(arguments)}"
        )
    what, *pairs, otherwise = arguments
    wanted, results = pairs[::2], pairs[1::2]
    for one in wanted:
        expect(one, (TEXT,) if what.kind == PICK else (what.kind,), "CASE")
    kind = same_kind([*results, otherwise], "CASE")

    def choose(scene: Scene) -> Any:
        held = what.value(scene)
        for one, value in zip(wanted, results, strict=True):
            found = one.value(scene)
            if found == held or (is_blank(found) and is_blank(held)):
                return value.value(scene)
        return otherwise.value(scene)

    return Bound(kind, choose)


def _text(arguments: list[Bound]) -> Bound:
    one = expect(arguments[0], (NUMBER, DAY, MOMENT, PICK), "TEXT")
    return Bound(TEXT, lambda s: _written(one.value(s)))


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    return value.isoformat() if isinstance(value, date) else str(value)


def _is_pick(arguments: list[Bound]) -> Bound:
    field, wanted = expect(arguments[0], (PICK,), "ISPICKVAL"), arguments[1]
    expect(wanted, (TEXT,), "ISPICKVAL")
    return Bound(FLAG, lambda s: (field.value(s) or "") == (wanted.value(s) or ""))


def _includes(arguments: list[Bound]) -> Bound:
    field, wanted = expect(arguments[0], (PICK,), "INCLUDES"), arguments[1]
    return Bound(FLAG, lambda s: wanted.value(s) in str(field.value(s) or "").split(";"))


def _contains(arguments: list[Bound]) -> Bound:
    for one in arguments:
        expect(one, (TEXT, PICK), "CONTAINS")
    text, wanted = arguments
    return Bound(FLAG, lambda s: str(wanted.value(s) or "") in str(text.value(s) or ""))


def _length(arguments: list[Bound]) -> Bound:
    one = expect(arguments[0], (TEXT,), "LEN")
    return Bound(NUMBER, lambda s: Decimal(len(one.value(s) or "")))


def _is_number(arguments: list[Bound]) -> Bound:
    one = expect(arguments[0], (TEXT,), "ISNUMBER")

    def test(scene: Scene) -> bool:
        try:
            return number(str(one.value(scene) or "").strip()).is_finite()
        except ArithmeticError:
            return False

    return Bound(FLAG, test)


def _add_months(arguments: list[Bound]) -> Bound:
    at = expect(arguments[0], (DAY, MOMENT), "ADDMONTHS")
    months = expect(arguments[1], (NUMBER,), "ADDMONTHS")

    def compute(scene: Scene) -> Any:
        start, count = at.value(scene), months.value(scene)
        return None if start is None or count is None else _months(start, count)

    return Bound(at.kind if at.kind != NULL else DAY, compute)


# ---- those of validation rules: what the write changes


def _was(bound: Bound, name: str) -> Value:
    if bound.field is None:
        raise FormulaRefused(f"Function {name} takes a field")
    value = bound.value
    return lambda s: None if s.before is None else value(replace(s, record=s.before))


def _prior(arguments: list[Bound]) -> Bound:
    one = arguments[0]
    value, was = one.value, _was(one, "PRIORVALUE")
    return Bound(one.kind, lambda s: was(s) if s.before else value(s), one.field)


def _is_changed(arguments: list[Bound]) -> Bound:
    value, was = arguments[0].value, _was(arguments[0], "ISCHANGED")
    return Bound(FLAG, lambda s: bool(s.before) and value(s) != was(s))


def _is_new(_: list[Bound]) -> Bound:
    return Bound(FLAG, lambda s: s.before is not None and not s.before)


_SPECIAL: Mapping[str, tuple[int, int, Callable[[list[Bound]], Bound]]] = {
    "IF": (3, 3, _if),
    "AND": (1, 99, _joint("AND", True)),
    "OR": (1, 99, _joint("OR", False)),
    "NOT": (1, 1, _not),
    "ISBLANK": (1, 1, _blank),
    "ISNULL": (1, 1, _blank),
    "BLANKVALUE": (2, 2, _blank_value),
    "NULLVALUE": (2, 2, _blank_value),
    "CASE": (4, 99, _case),
    "TEXT": (1, 1, _text),
    "ISPICKVAL": (2, 2, _is_pick),
    "INCLUDES": (2, 2, _includes),
    "CONTAINS": (2, 2, _contains),
    "LEN": (1, 1, _length),
    "ISNUMBER": (1, 1, _is_number),
    "TODAY": (0, 0, lambda _: Bound(DAY, lambda s: s.today)),
    "NOW": (0, 0, lambda _: Bound(MOMENT, lambda s: s.now)),
    "BR": (0, 0, lambda _: Bound(TEXT, lambda _s: "\n")),
    "PRIORVALUE": (1, 1, _prior),
    "ISCHANGED": (1, 1, _is_changed),
    "ISNEW": (0, 0, _is_new),
    "ADDMONTHS": (2, 2, _add_months),
}
