"""A query's parts, and the parser: SELECT ... FROM ... WHERE ... ORDER BY ... LIMIT ... PARAMETERS ..."""

from dataclasses import dataclass, field

from themaads_pipeline.emulator.gaql.tokens import Token, Tokens, query_error, unquote

_MAX_LIST = 20_000
_COMPARISONS = frozenset({"=", "!=", ">", ">=", "<", "<="})
_RESERVED = frozenset({"FROM", "WHERE", "ORDER", "LIMIT", "PARAMETERS", "AND", "BY"})


@dataclass(frozen=True, slots=True)
class Condition:
    """`field operator values`; one value for a comparison, none for IS NULL, two for BETWEEN."""

    field: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(slots=True)
class Query:
    fields: list[str]
    resource: str
    conditions: list[Condition] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)  # field, descending
    limit: int | None = None
    parameters: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> Query:
    """Reads a query.

    Raises:
        RequestRefusedError: With the QueryError that Google gives for this mistake.
    """
    tokens = Tokens(text)
    if not tokens.take_keyword("SELECT"):
        raise query_error("EXPECTED_SELECT", "expected SELECT", tokens.next.text)
    fields = [_field(tokens)]
    while tokens.take_keyword(","):
        fields.append(_field(tokens))
    if not tokens.take_keyword("FROM"):
        name = "UNEXPECTED_INPUT" if tokens.next.kind not in {"end", "word"} else "EXPECTED_FROM"
        raise query_error(name, f"expected FROM, got '{tokens.next.text}'", tokens.next.text)
    query = Query(fields=fields, resource=_word(tokens, "a resource").text)
    _clauses(tokens, query)
    tokens.take_keyword(";")
    if tokens.next.kind != "end":
        raise _unexpected(tokens.next)
    return query


def _clauses(tokens: Tokens, query: Query) -> None:
    """What may follow the resource, in the only order that is allowed."""
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
    if "." not in token.text or token.text.endswith(".") or ".." in token.text:
        raise query_error("BAD_FIELD_NAME", f"invalid field name '{token.text}'", token.text)
    return token.text


def _condition(tokens: Tokens) -> Condition:
    name = _field(tokens)
    token = tokens.take()
    operator = token.keyword
    if operator in _COMPARISONS:
        return Condition(name, operator, (_value(tokens),))
    if operator == "NOT":
        token = tokens.take()
        operator = f"NOT {token.keyword}"
    match operator:
        case "IN" | "NOT IN":
            return Condition(name, operator, _list(tokens))
        case "LIKE" | "NOT LIKE" | "REGEXP_MATCH" | "NOT REGEXP_MATCH" | "DURING":
            return Condition(name, operator, (_value(tokens),))
        case "CONTAINS" | "IS" | "BETWEEN":
            return _compound_condition(name, operator, tokens)
    if token.kind == "end":
        raise _unexpected(token)
    raise query_error("BAD_OPERATOR", f"invalid operator '{token.text}'", token.text)


def _compound_condition(name: str, operator: str, tokens: Tokens) -> Condition:
    if operator == "CONTAINS":
        quantifier = tokens.take()
        if quantifier.keyword not in {"ANY", "ALL", "NONE"}:
            raise query_error("BAD_OPERATOR", "expected ANY, ALL or NONE after CONTAINS", quantifier.text)
        return Condition(name, f"CONTAINS {quantifier.keyword}", _list(tokens))
    if operator == "IS":
        is_not = tokens.take_keyword("NOT")
        if not tokens.take_keyword("NULL"):
            raise _unexpected(tokens.next)
        return Condition(name, "IS NOT NULL" if is_not else "IS NULL")
    low = _value(tokens)
    if not tokens.take_keyword("AND"):
        raise query_error("EXPECTED_AND", "expected AND in BETWEEN", tokens.next.text)
    return Condition(name, "BETWEEN", (low, _value(tokens)))


def _value(tokens: Tokens) -> str:
    token = tokens.next
    if token.text == "(":
        raise query_error("EXPECTED_SINGLE_VALUE", "expected a single value, got a list", token.text)
    if token.kind not in {"word", "number", "string"}:
        raise _unexpected(token)
    tokens.take()
    return unquote(token.text) if token.kind == "string" else token.text


def _list(tokens: Tokens) -> tuple[str, ...]:
    values = tokens.take_list()
    if values is None:
        if not tokens.take_keyword("("):
            raise query_error("EXPECTED_LIST", "expected a list in brackets", tokens.next.text)
        if tokens.next.text == ")":
            raise query_error("PROHIBITED_EMPTY_LIST_IN_CONDITION", "the list is empty")
        values = [_value(tokens)]
        while tokens.take_keyword(","):
            values.append(_value(tokens))
        if not tokens.take_keyword(")"):
            raise _unexpected(tokens.next)
    if len(values) > _MAX_LIST:
        raise query_error(
            "FILTER_HAS_TOO_MANY_VALUES", f"a filter may have {_MAX_LIST} values, got {len(values)}"
        )
    return tuple(values)


def _ordering(tokens: Tokens) -> tuple[str, bool]:
    name = _field(tokens)
    if tokens.take_keyword("DESC"):
        return name, True
    tokens.take_keyword("ASC")
    return name, False


def _limit(token: Token) -> int:
    if token.kind != "number" or "." in token.text:
        raise query_error("BAD_LIMIT_VALUE", f"invalid limit '{token.text}'", token.text)
    if int(token.text) <= 0:
        raise query_error("LIMIT_VALUE_TOO_LOW", "the limit must be positive", token.text)
    return int(token.text)


def _parameters(tokens: Tokens, query: Query) -> None:
    while True:
        name = _word(tokens, "a parameter").text
        if name not in {"include_drafts", "omit_unselected_resource_names"}:
            raise query_error("BAD_PARAMETER_NAME", f"unknown parameter '{name}'", name)
        if not tokens.take_keyword("="):
            raise _unexpected(tokens.next)
        value = _value(tokens)
        if value.lower() not in {"true", "false"}:
            raise query_error("BAD_PARAMETER_VALUE", f"invalid value of '{name}'", value)
        query.parameters[name] = value.lower()
        if not tokens.take_keyword(","):
            return
