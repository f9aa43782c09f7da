"""Semi-joins and anti-joins (`Id IN (SELECT ...)`): where they may stand and what they may ask.

SOQL Reference, "Comparison Operators", "Semi-Joins with IN and Anti-Joins with NOT IN".
"""

from __future__ import annotations

from pipelines.sandbox.salesforce.access import IDS
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.soql import refused
from pipelines.sandbox.salesforce.soql.names import Scope, Value
from pipelines.sandbox.salesforce.soql.operands import Bound, bind
from pipelines.sandbox.salesforce.soql.tree import Both, Column, Compare, Condition, Not, Query

MOST = 2


def refuse_misplaced(scope: Scope, where: Condition) -> None:
    """Two at most, each a condition of the top level that is not joined by OR.

    Raises:
        Refusal: MALFORMED_QUERY in the vendor's words.
    """
    if isinstance(where, Both) and where.joint == "or" and any(map(_is_join, where.parts)):
        raise refused.malformed(
            scope.statement, _place(where),
            "Semi join sub-selects are not allowed with the 'OR' operator",
        )  # fmt: skip
    top = where.parts if isinstance(where, Both) else (where,)
    for part in top:
        if not isinstance(part, Compare) and _holds_join(part):
            raise refused.malformed(
                scope.statement, _place(part),
                "Semi join sub-selects are only allowed at the top level WHERE expressions and "
                "not in nested WHERE expressions.",
            )  # fmt: skip
    if sum(map(_is_join, top)) > MOST:
        raise refused.malformed(
            scope.statement, _place(where), f"Maximum {MOST} semi join sub-selects are allowed"
        )


def _is_join(condition: Condition) -> bool:
    return isinstance(condition, Compare) and isinstance(condition.right, Query)


def _holds_join(condition: Condition) -> bool:
    return _first(condition) is not None


def _first(condition: Condition) -> Compare | None:
    if isinstance(condition, Compare):
        return condition if isinstance(condition.right, Query) else None
    parts = (condition.inner,) if isinstance(condition, Not) else condition.parts
    return next((found for part in parts if (found := _first(part))), None)


def _place(condition: Condition) -> int:
    found = _first(condition)
    return found.left.at if found else 0


def inner_key(scope: Scope, inner: Scope, left: Bound) -> Value:
    """What the inner query selects, as it is compared with the left operand.

    Raises:
        Refusal: MALFORMED_QUERY, the inner query asks what it may not.
    """
    query = inner.query
    if len(query.select) != 1 or not isinstance(query.select[0], Column):
        raise _no(scope, query, "semi join sub-selects can only query one field")
    if scope.source.name == inner.source.name:
        raise _no(scope, query, "The inner and outer selects should not be on the same object type")
    if query.where is not None and _holds_join(query.where):
        raise _no(scope, query, "Nesting of semi join sub-selects is not supported")
    if query.order_by or query.limit is not None or query.offset or query.grouping:
        raise _no(
            scope, query,
            "ORDER BY, LIMIT, OFFSET and GROUP BY are not supported in semi join sub-selects",
        )  # fmt: skip
    found = bind(inner, query.select[0])
    _refuse_unlike(scope, inner, left, found)
    return found.key


def _refuse_unlike(scope: Scope, inner: Scope, left: Bound, found: Bound) -> None:
    if found.field.type not in IDS:
        raise refused.malformed(
            scope.statement, found.at,
            f"semi join sub-selects can only query id fields, cannot use: '{found.field.name}'",
        )  # fmt: skip
    is_plain = left.found is not None and left.found.own
    if left.field.type not in IDS or not is_plain:
        raise refused.malformed(
            scope.statement, left.at,
            "The left operand of a semi join must be an ID or reference field of the queried "
            f"object, cannot use: '{left.text}'",
        )  # fmt: skip
    owner = found.found.owner if found.found else inner.source
    if not _targets(owner, found.field) & _targets(scope.source, left.field):
        raise refused.malformed(
            scope.statement, left.at,
            f"The selected field '{found.field.name}' in the subquery and the left operand field "
            f"in the where expression in the outer query '{left.field.name}' should point to the "
            "same object type",
        )  # fmt: skip


def _targets(owner: SObject, field: Field) -> set[str]:
    return {owner.name} if field.type == "id" else set(field.refers_to)


def _no(scope: Scope, query: Query, message: str) -> Exception:
    at = query.select[0].at if query.select and isinstance(query.select[0], Column) else query.at
    return refused.malformed(scope.statement, at, message)
