"""A query's parts, and the parser: SELECT ... FROM ... WHERE ... ORDER BY ... LIMIT ... PARAMETERS ...

The grammar is the one Google publishes. GoogleAdsFieldService has the same one without FROM.
"""

import re
from dataclasses import dataclass, field

from themaads_pipeline.emulator.gaql.tokens import Token, Tokens, query_error, unquote

MAX_LIST = 20_000
_COMPARISONS = frozenset({"=", "!=", ">", ">=", "<", "<="})
_RESERVED = frozenset({"SELECT", "FROM", "WHERE", "ORDER", "LIMIT", "PARAMETERS", "AND", "BY"})
_CLAUSES = frozenset({"WHERE", "ORDER", "LIMIT", "PARAMETERS"})
_FIELD = re.compile(r"[a-z]\w*(?:\.[a-z]\w*)*+", re.ASCII)
_PARAMETERS = frozenset({"include_drafts", "omit_unselected_resource_names"})
_LONGEST_LIMIT = 18  # digits


@dataclass(frozen=True, slots=True)
class Condition:
    """`field operator values`; one value for a comparison, none for IS NULL, two for BETWEEN.

    `kind` says how the values were written: string (in quotes), number, or word (an enum's constant).
    """

    field: str
    operator: str
    values: tuple[str, ...] = ()
    kind: str = ""


@dataclass(slots=True)
class Query:
    fields: list[str]
    resource: str = ""
    conditions: list[Condition] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)  # field, descending
    limit: int | None = None
    parameters: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> Query:
    """Reads a query of GoogleAdsService.

    Raises:
        RequestRefusedError: With the QueryError that Google gives for this mistake.
    """
    tokens = Tokens(text)
    query = _selection(tokens)
    if not tokens.take_keyword("FROM"):
        got = tokens.next
        name = "EXPECTED_FROM" if got.kind == "end" or got.keyword in _CLAUSES else "UNEXPECTED_INPUT"
        raise query_error(name, f"expected FROM, got '{got.text}'", got.text)
    query.resource = _word(tokens, "a resource").text
    _clauses(tokens, query)
    return query


def parse_field_query(text: str) -> Query:
    """Reads a query of GoogleAdsFieldService, which has no FROM.

    Raises:
        RequestRefusedError: With the QueryError that Google gives for this mistake.
    """
    tokens = Tokens(text)
    query = _selection(tokens)
    if tokens.next.keyword == "FROM":
        raise query_error("UNEXPECTED_FROM_CLAUSE", "FROM has no place in a query for fields", "FROM")
    _clauses(tokens, query)
    return query


def _selection(tokens: Tokens) -> Query:
    if not tokens.take_keyword("SELECT"):
        raise query_error("EXPECTED_SELECT", "expected SELECT", tokens.next.text)
    fields = [_field(tokens)]
    while tokens.take_keyword(","):
        fields.append(_field(tokens))
    return Query(fields=fields)


def _clauses(tokens: Tokens, query: Query) -> None:
    """What may follow the resource, in the only order that is allowed, and then nothing."""
    if tokens.take_keyword("WHERE"):
        query.conditions.append(_condition(tokens))
        while tokens.take_keyword("AND"):
            query.conditions.append(_condition(tokens))
    if tokens.take_keyword("ORDER"):
        if not tokens.take_keyword("BY"):
            raise query_error("EXPECTED_BY", "expected BY after ORDER", tokens.next.text)
        query.order.append(_ordering(tokens))
        while tokens.take_keyword(","):
            query.order.append(_ordering(tokens))
    if tokens.take_keyword("LIMIT"):
        query.limit = _limit(tokens.take())
    if tokens.take_keyword("PARAMETERS"):
        _parameters(tokens, query)
    if tokens.next.kind != "end":
        raise _unexpected(tokens.next)


def _unexpected(token: Token) -> Exception:
    if token.kind == "end":
        return query_error("UNEXPECTED_END_OF_QUERY", "unexpected end of query")
    return query_error("UNEXPECTED_INPUT", f"unexpected input {token.text}", token.text)


def _word(tokens: Tokens, what: str) -> Token:
    if tokens.next.kind != "word" or tokens.next.keyword in _RESERVED:
        if tokens.next.kind == "end":
            raise _unexpected(tokens.next)
        raise query_error("UNEXPECTED_INPUT", f"expected {what}, got '{tokens.next.text}'", tokens.next.text)
    return tokens.take()


def _field(tokens: Tokens) -> str:
    token = _word(tokens, "a field")
    if _FIELD.fullmatch(token.text) is None:
        raise query_error("BAD_FIELD_NAME", f"invalid field name '{token.text}'", token.text)
    return token.text


def _condition(tokens: Tokens) -> Condition:
    name = _field(tokens)
    token = tokens.take()
    operator = token.keyword
    if operator in _COMPARISONS:
        kind, value = _value(tokens)
        return Condition(name, operator, (value,), kind)
    if operator == "NOT":
        token = tokens.take()
        operator = f"NOT {token.keyword}"
    match operator:
        case "IN" | "NOT IN":
            kind, values = _list(tokens)
            return Condition(name, operator, values, kind)
        case "LIKE" | "NOT LIKE" | "REGEXP_MATCH" | "NOT REGEXP_MATCH" | "DURING":
            kind, value = _value(tokens)
            return Condition(name, operator, (value,), kind)
        case "CONTAINS":
            return _contains(name, tokens)
        case "IS":
            return _is_null(name, tokens)
        case "BETWEEN":
            return _between(name, tokens)
    if token.kind == "end":
        raise _unexpected(token)
    raise query_error("BAD_OPERATOR", f"invalid operator '{token.text}'", token.text)


def _contains(name: str, tokens: Tokens) -> Condition:
    quantifier = tokens.take()
    if quantifier.keyword not in {"ANY", "ALL", "NONE"}:
        raise query_error("BAD_OPERATOR", "expected ANY, ALL or NONE after CONTAINS", quantifier.text)
    kind, values = _list(tokens)
    return Condition(name, f"CONTAINS {quantifier.keyword}", values, kind)


def _is_null(name: str, tokens: Tokens) -> Condition:
    is_not = tokens.take_keyword("NOT")
    if not tokens.take_keyword("NULL"):
        raise _unexpected(tokens.next)
    return Condition(name, "IS NOT NULL" if is_not else "IS NULL")


def _between(name: str, tokens: Tokens) -> Condition:
    if tokens.next.kind not in {"word", "number", "string"} or tokens.next.keyword == "AND":
        raise query_error("EXPECTED_VALUE_WITH_BETWEEN_OPERATOR", "BETWEEN needs a value", tokens.next.text)
    kind, low = _value(tokens)
    if not tokens.take_keyword("AND"):
        raise query_error("EXPECTED_AND", "expected AND in BETWEEN", tokens.next.text)
    if tokens.next.kind not in {"word", "number", "string"}:
        raise query_error("EXPECTED_VALUE_WITH_BETWEEN_OPERATOR", "BETWEEN needs two values")
    second_kind, high = _value(tokens)
    if kind != second_kind:
        raise query_error(
            "PROHIBITED_VALUE_COMBINATION_WITH_BETWEEN_OPERATOR", "the values are of different types", high
        )
    return Condition(name, "BETWEEN", (low, high), kind)


def _value(tokens: Tokens) -> tuple[str, str]:
    """How a single value is written, and what it says."""
    token = tokens.next
    if token.text == "(":
        raise query_error("EXPECTED_SINGLE_VALUE", "expected a single value, got a list", token.text)
    if token.kind not in {"word", "number", "string"}:
        raise _unexpected(token)
    tokens.take()
    return token.kind, unquote(token.text) if token.kind == "string" else token.text


def _list(tokens: Tokens) -> tuple[str, tuple[str, ...]]:
    plain = tokens.take_list()
    if plain is not None:
        kind, values = plain
    else:
        if not tokens.take_keyword("("):
            if tokens.next.kind == "end":
                raise _unexpected(tokens.next)
            raise query_error("EXPECTED_LIST", "expected a list in brackets", tokens.next.text)
        if tokens.next.text == ")":
            raise query_error("PROHIBITED_EMPTY_LIST_IN_CONDITION", "the list is empty")
        pairs = [_value(tokens)]
        while tokens.take_keyword(","):
            pairs.append(_value(tokens))
        if not tokens.take_keyword(")"):
            raise _unexpected(tokens.next)
        kind, values = pairs[0][0], [value for _, value in pairs]
        if any(other != kind for other, _ in pairs):
            raise query_error(
                "PROHIBITED_VALUE_COMBINATION_IN_LIST", "the list has values of different types"
            )
    if len(values) > MAX_LIST:
        raise query_error(
            "FILTER_HAS_TOO_MANY_VALUES", f"a filter may have {MAX_LIST} values, got {len(values)}"
        )
    return kind, tuple(values)


def _ordering(tokens: Tokens) -> tuple[str, bool]:
    name = _field(tokens)
    if tokens.take_keyword("DESC"):
        return name, True
    tokens.take_keyword("ASC")
    return name, False


def _limit(token: Token) -> int:
    if token.kind == "end":
        raise _unexpected(token)
    if token.kind != "number" or "." in token.text or len(token.text) > _LONGEST_LIMIT:
        raise query_error("BAD_LIMIT_VALUE", f"invalid limit '{token.text[:40]}'", token.text[:40])
    if int(token.text) <= 0:
        raise query_error("LIMIT_VALUE_TOO_LOW", "the limit must be positive", token.text)
    return int(token.text)


def _parameters(tokens: Tokens, query: Query) -> None:
    while True:
        name = _word(tokens, "a parameter").text
        if name not in _PARAMETERS:
            raise query_error("BAD_PARAMETER_NAME", f"unknown parameter '{name}'", name)
        if not tokens.take_keyword("="):
            raise _unexpected(tokens.next)
        _, value = _value(tokens)
        if value.lower() not in {"true", "false"}:
            raise query_error("BAD_PARAMETER_VALUE", f"invalid value of '{name}'", value)
        query.parameters[name] = value.lower()
        if not tokens.take_keyword(","):
            return
