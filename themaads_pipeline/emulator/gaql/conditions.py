"""What each operator of GAQL means for a field's value."""

import operator as operators
import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

import re2

from themaads_pipeline.emulator.gaql.dates import Range, during
from themaads_pipeline.emulator.gaql.fields import Field
from themaads_pipeline.emulator.gaql.query import Condition
from themaads_pipeline.emulator.gaql.tokens import query_error

Test = Callable[[Any], bool]

_EQUALITY = frozenset({"=", "!=", "IN", "NOT IN"})
_ORDER = frozenset({"<", ">", "<=", ">=", "BETWEEN"})
_PATTERNS = frozenset({"LIKE", "NOT LIKE", "REGEXP_MATCH", "NOT REGEXP_MATCH"})
# As GoogleAdsFieldDataType documents them, and what Google is known to take beyond that: REGEXP_MATCH on
# strings, equality on resource names, <=, >= and BETWEEN on doubles, != and NOT IN on dates.
_OPERATORS = {
    "BOOLEAN": frozenset({"=", "!="}),
    "DATE": _EQUALITY | _ORDER | {"DURING"},
    "DOUBLE": _EQUALITY | _ORDER,
    "FLOAT": _EQUALITY | _ORDER,
    "ENUM": _EQUALITY,
    "INT32": _EQUALITY | _ORDER,
    "INT64": _EQUALITY | _ORDER,
    "UINT64": _EQUALITY | _ORDER,
    "RESOURCE_NAME": _EQUALITY,
    "STRING": _EQUALITY | _PATTERNS,
}
# `[%]` a character itself, `%` any characters, `_` one, and the rest.
_WILDCARD = re.compile(r"\[([%_\[\]])\]|(%)|(_)|([^%_\[]++|\[)", re.DOTALL)


def value_test(condition: Condition, field: Field, day_of: Callable[[], date]) -> Test:
    """The condition as a function of the field's value (None: not set). `day_of` gives today.

    Raises:
        RequestRefusedError: OPERATOR_FIELD_MISMATCH, or a literal that does not fit.
    """
    operator = condition.operator
    _check_operator(operator, field)
    if operator in {"IS NULL", "IS NOT NULL"}:
        wanted = operator == "IS NULL"
        return lambda value: (value is None or (field.repeated and not value)) is wanted
    if operator == "DURING":
        return _within(during(condition.values[0], day_of()))
    values = field.values(condition)
    if operator in _PATTERNS:
        return _pattern(operator, values[0])
    if operator in _SETS:
        return _SETS[operator](frozenset(values))
    return _moment(operator, values) if field.has_time else _comparison(operator, values)


def _check_operator(operator: str, field: Field) -> None:
    if not field.filterable:
        raise query_error("PROHIBITED_FIELD_IN_WHERE_CLAUSE", f"cannot filter on '{field.name}'", field.name)
    if operator in {"IS NULL", "IS NOT NULL"}:
        return
    if operator == "DURING" and field.data_type != "DATE":
        raise query_error(
            "INVALID_VALUE_WITH_DURING_OPERATOR", f"DURING does not fit '{field.name}'", field.name
        )
    fits = operator.startswith("CONTAINS") if field.repeated else operator in _OPERATORS[field.data_type]
    if not fits:
        raise query_error(
            "OPERATOR_FIELD_MISMATCH", f"operator {operator} cannot be used with '{field.name}'", operator
        )


def _any_of(wanted: frozenset[Any]) -> Test:
    return lambda value: value is not None and not wanted.isdisjoint(value)


def _all_of(wanted: frozenset[Any]) -> Test:
    return lambda value: value is not None and wanted.issubset(value)


def _none_of(wanted: frozenset[Any]) -> Test:
    return lambda value: value is None or wanted.isdisjoint(value)


_SETS: dict[str, Callable[[frozenset[Any]], Test]] = {
    "IN": lambda wanted: lambda value: value in wanted,
    "NOT IN": lambda wanted: lambda value: value not in wanted,
    "CONTAINS ANY": _any_of,
    "CONTAINS ALL": _all_of,
    "CONTAINS NONE": _none_of,
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operators.gt,
    ">=": operators.ge,
    "<": operators.lt,
    "<=": operators.le,
}


def _comparison(operator: str, values: list[Any]) -> Test:
    wanted = values[0]
    if operator == "BETWEEN":
        low, high = values
        return lambda value: value is not None and low <= value <= high
    if operator == "=":
        return lambda value: bool(value == wanted)
    if operator == "!=":
        return lambda value: bool(value != wanted)
    compare = _COMPARISONS[operator]
    return lambda value: value is not None and compare(value, wanted)


def _moment(operator: str, values: list[str]) -> Test:
    """Dates with times: a literal without a time means its whole day."""
    if operator == "BETWEEN":
        after, before = _moment(">=", values[:1]), _moment("<=", values[1:])
        return lambda value: after(value) and before(value)
    compare = _comparison(operator, values)
    if len(values[0]) > len("2026-01-31"):
        return compare
    return lambda value: compare(None if value is None else value[:10])


def _within(days: Range) -> Test:
    first, last = (day.isoformat() for day in days)
    return lambda value: value is not None and first <= value[:10] <= last


def _pattern(operator: str, text: str) -> Test:
    negated = operator.startswith("NOT")
    pattern = like_pattern(text) if operator.endswith("LIKE") else _expression(text)
    return lambda value: (value is not None and pattern.fullmatch(value) is not None) is not negated


def like_pattern(text: str) -> Any:
    """LIKE: `%` any characters, `_` one, `[%]`, `[_]`, `[[]` themselves; case does not matter."""
    parts = []
    for escaped, many, one, plain in _WILDCARD.findall(text):
        parts.append(".*" if many else "." if one else re2.escape(escaped or plain))
    return _compiled("(?is)" + "".join(parts))


def _expression(text: str) -> Any:
    return _compiled(text)


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Any:
    """An RE2 expression: what Google runs, and one that takes linear time, whatever a query asks for."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        raise query_error(
            "INVALID_STRING_VALUE", f"invalid regular expression: {error}", expression
        ) from error
