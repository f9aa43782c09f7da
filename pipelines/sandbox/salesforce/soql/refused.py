"""What is wrong with a statement, in the vendor's codes and words, with a picture of the place."""

from __future__ import annotations

from pipelines.sandbox.salesforce.refusals import Refusal

_BEFORE, _AFTER = 31, 42


def pictured(statement: str, at: int) -> str:
    """The piece of the statement around a place, a caret below it, and its row and column."""
    row = statement.count("\n", 0, at) + 1
    column = at - (statement.rfind("\n", 0, at) + 1) + 1
    begin, end = _cut(statement, at)
    piece = statement[begin:end].replace("\n", " ").replace("\t", " ")
    return f"\n{piece}\n{' ' * (at - begin)}^\nERROR at Row:{row}:Column:{column}\n"


def _cut(statement: str, at: int) -> tuple[int, int]:
    """Where the piece begins and ends: between words, as near to the place as the vendor's."""
    begin, end = max(0, at - _BEFORE), min(len(statement), at + _AFTER)
    while 0 < begin < at and statement[begin - 1] not in " ,\n\t":
        begin += 1
    while at + 1 < end < len(statement) and statement[end] not in " ,\n\t":
        end -= 1
    return begin, end


def malformed(statement: str, at: int, message: str) -> Refusal:
    """The statement has not the form it must have."""
    return Refusal("MALFORMED_QUERY", pictured(statement, at) + message)


def bad_field(statement: str, at: int, message: str) -> Refusal:
    """A field is not there, or not for this use."""
    return Refusal("INVALID_FIELD", pictured(statement, at) + message)


def bad_filter(statement: str, at: int, message: str) -> Refusal:
    """The operator does not go with the field, or the id is none."""
    return Refusal("INVALID_QUERY_FILTER_OPERATOR", pictured(statement, at) + message)


def no_object(statement: str, at: int, name: str) -> Refusal:
    """FROM names nothing that can be queried."""
    return Refusal(
        "INVALID_TYPE",
        f"{pictured(statement, at)}sObject type '{name}' is not supported. If you are attempting "
        "to use a custom object, be sure to append the '__c' after the entity name. Please "
        "reference your WSDL or the describe call for the appropriate names.",
    )


def no_children(statement: str, at: int, name: str) -> Refusal:
    """A sub-query names no relationship to children."""
    return Refusal(
        "INVALID_TYPE",
        f"{pictured(statement, at)}Didn't understand relationship '{name}' in FROM part of query "
        "call. If you are attempting to use a custom relationship, be sure to append the '__r' "
        "after the custom relationship name. Please reference your WSDL or the describe call for "
        "the appropriate names.",
    )


def no_parent(statement: str, at: int, name: str) -> Refusal:
    """A path names no relationship to a parent."""
    return bad_field(
        statement,
        at,
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a "
        "custom relationship, be sure to append the '__r' after the custom relationship name. "
        "Please reference your WSDL or the describe call for the appropriate names.",
    )


def no_column(statement: str, at: int, name: str, entity: str) -> Refusal:
    """The object has no such field."""
    return bad_field(
        statement,
        at,
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom "
        "field, be sure to append the '__c' after the custom field name. Please reference your "
        "WSDL or the describe call for the appropriate names.",
    )
