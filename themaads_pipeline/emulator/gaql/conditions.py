"""What each operator of GAQL means for a field's value."""

import re
from collections.abc import Callable
from typing import Any

from themaads_pipeline.emulator.gaql.fields import Field
from themaads_pipeline.emulator.gaql.query import Condition
from themaads_pipeline.emulator.gaql.tokens import query_error

Test = Callable[[Any], bool]
_WILDCARD = re.compile(r"\[([%_\[\]])\]|(%)|(_)|(.)", re.DOTALL)


def value_test(condition: Condition, field: Field) -> Test:
    """The condition as a function of the field's value (None: not set).

    Raises:
        RequestRefusedError: OPERATOR_FIELD_MISMATCH, or a literal that does not fit.
    """
    operator = condition.operator
    if operator in {"IS NULL", "IS NOT NULL"}:
        wanted = operator == "IS NULL"
        return lambda value: (value is None or (field.repeated and not value)) is wanted
    if field.is_message:
        raise _mismatch(condition)
    if operator.startswith("CONTAINS"):
        return _contains(condition, field)
    if field.repeated:
        raise _mismatch(condition)
    if operator in {"LIKE", "NOT LIKE", "REGEXP_MATCH", "NOT REGEXP_MATCH"}:
        return _pattern(condition, field)
    if operator == "DURING":
        raise query_error(
            "INVALID_VALUE_WITH_DURING_OPERATOR", f"DURING does not fit '{field.name}'", field.name
        )
    values = [field.convert(value) for value in condition.values]
    if operator in {"IN", "NOT IN"}:
        members, negated = frozenset(values), operator == "NOT IN"
        return lambda value: (value in members) is not negated
    if operator == "BETWEEN":
        low, high = values
        return lambda value: value is not None and low <= value <= high
    return _comparison(operator, values[0])


def _mismatch(condition: Condition) -> Exception:
    return query_error(
        "OPERATOR_FIELD_MISMATCH",
        f"operator {condition.operator} cannot be used with '{condition.field}'",
        condition.operator,
    )


def _comparison(operator: str, wanted: Any) -> Test:
    match operator:
        case "=":
            return lambda value: bool(value == wanted)
        case "!=":
            return lambda value: bool(value != wanted)
        case ">":
            return lambda value: value is not None and bool(value > wanted)
        case ">=":
            return lambda value: value is not None and bool(value >= wanted)
        case "<":
            return lambda value: value is not None and bool(value < wanted)
        case _:
            return lambda value: value is not None and bool(value <= wanted)


def _contains(condition: Condition, field: Field) -> Test:
    if not field.repeated:
        raise _mismatch(condition)
    wanted = frozenset(field.convert(value) for value in condition.values)
    match condition.operator:
        case "CONTAINS ANY":
            return lambda value: value is not None and not wanted.isdisjoint(value)
        case "CONTAINS ALL":
            return lambda value: value is not None and wanted.issubset(value)
        case _:
            return lambda value: value is None or wanted.isdisjoint(value)


def _pattern(condition: Condition, field: Field) -> Test:
    if not field.is_string:
        raise _mismatch(condition)
    (text,) = condition.values
    negated = condition.operator.startswith("NOT")
    try:
        pattern = like_pattern(text) if condition.operator.endswith("LIKE") else re.compile(text)
    except re.error as error:
        raise query_error("INVALID_STRING_VALUE", f"invalid regular expression: {error}", text) from error
    return lambda value: (value is not None and pattern.fullmatch(value) is not None) is not negated


def like_pattern(text: str) -> re.Pattern[str]:
    """LIKE: `%` any characters, `_` one, `[%]`, `[_]`, `[[]` themselves; case does not matter."""
    parts = []
    for escaped, many, one, plain in _WILDCARD.findall(text):
        parts.append(".*" if many else "." if one else re.escape(escaped or plain))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
