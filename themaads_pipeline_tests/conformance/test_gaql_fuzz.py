"""Queries of all kinds, sensible and not: each is answered, or refused with an error of Google's."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from themaads_pipeline_tests.conformance.account import MANAGER, SEED, codes, search
from themaads_pipeline_tests.running_emulator import RunningEmulator

_EXAMPLES = int(os.environ.get("GAQL_FUZZ_EXAMPLES", "100"))  # more by hand
_FUZZ = settings(
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize=_EXAMPLES <= 100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_FIELDS = st.sampled_from(
    [
        "ad_group.id",
        "ad_group.name",
        "ad_group.status",
        "ad_group.labels",
        "ad_group.type",
        "ad_group.campaign",
        "ad_group.resource_name",
        "ad_group.url_custom_parameters",
        "ad_group.cpc_bid_micros",
        "campaign.id",
        "campaign.start_date_time",
        "campaign.network_settings.target_google_search",
        "customer.manager",
        "metrics.clicks",
        "metrics.ctr",
        "segments.date",
        "segments.week",
        "segments.year",
        "segments.device",
        "label.name",
        "ad_group.nonsense",
        "nonsense.id",
    ]
)
_RESOURCES = st.sampled_from(
    ["ad_group", "campaign", "customer", "ad_group_ad", "label", "keyword_view", "video", "x"]
)
_TEXT = st.text(max_size=20).map(lambda text: text.replace("\\", "\\\\").replace("'", "\\'"))
_PATTERNS = st.one_of(
    st.text(alphabet="ab.*+?|()[]{}^$\\d0123456789,-:iP<>", max_size=30),
    st.sampled_from(
        ["(a+)+$", "(a|aa)+$", "(.*)*x", "((a{0,100}){0,100}){0,100}", "(?P<n>a)(?P=n)", "\\C", "[[:alpha:]]"]
    ),
).map(lambda text: text.replace("\\", "\\\\").replace("'", "\\'"))
_STRINGS = st.one_of(_TEXT, _PATTERNS).map(lambda text: f"'{text}'")
_VALUES = st.one_of(
    st.integers(-(10**25), 10**25).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(str),
    _STRINGS,
    st.sampled_from(
        [
            "ENABLED",
            "MOBILE",
            "true",
            "LAST_7_DAYS",
            "TODAY",
            "'2026-01-01'",
            "'2026-11-23'",
            "2025",
            "'0001-01-01'",
            "'9999-12-31'",
        ]
    ),
)
_LISTS = st.lists(_VALUES, max_size=4).map(lambda values: f"({', '.join(values)})")
_CONDITIONS = st.one_of(
    st.tuples(
        _FIELDS,
        st.sampled_from(
            ["=", "!=", "<", ">=", "LIKE", "NOT LIKE", "REGEXP_MATCH", "NOT REGEXP_MATCH", "DURING", "IN"]
        ),
        _VALUES,
    ).map(" ".join),
    st.tuples(
        _FIELDS,
        st.sampled_from(["IN", "NOT IN", "CONTAINS ANY", "CONTAINS ALL", "CONTAINS NONE", "="]),
        _LISTS,
    ).map(" ".join),
    st.tuples(_FIELDS, st.sampled_from(["IS NULL", "IS NOT NULL", "IS", "BETWEEN"])).map(" ".join),
    st.tuples(_FIELDS, _VALUES, _VALUES).map(lambda parts: f"{parts[0]} BETWEEN {parts[1]} AND {parts[2]}"),
)


_ORDERINGS = st.tuples(_FIELDS, st.sampled_from(["", " ASC", " DESC"])).map("".join)


@st.composite
def _queries(draw: st.DrawFn) -> str:
    """Queries by the grammar, whose fields and values need not go together."""
    parts = [f"SELECT {', '.join(draw(st.lists(_FIELDS, min_size=1, max_size=4)))} FROM {draw(_RESOURCES)}"]
    if conditions := draw(st.lists(_CONDITIONS, max_size=3)):
        parts.append(f"WHERE {' AND '.join(conditions)}")
    if order := draw(
        st.lists(st.tuples(_FIELDS, st.sampled_from(["", " ASC", " DESC"])).map("".join), max_size=2)
    ):
        parts.append(f"ORDER BY {', '.join(order)}")
    if draw(st.booleans()):
        parts.append(f"LIMIT {draw(st.integers(-1, 10**30))}")
    if draw(st.booleans()):
        parts.append("PARAMETERS include_drafts=true")
    return " ".join(parts)


@st.composite
def _mutilated(draw: st.DrawFn) -> str:
    """Queries with a piece cut out, doubled, or something foreign put in."""
    query = draw(_queries())
    start = draw(st.integers(0, len(query)))
    end = draw(st.integers(start, min(len(query), start + 12)))
    return (
        query[:start]
        + draw(st.one_of(st.just(""), st.text(max_size=5), st.just(query[start:end] * 2)))
        + query[end:]
    )


@pytest.fixture
def client(client_for: Callable[..., Any], emulator: RunningEmulator) -> Any:
    emulator.seed({**SEED, "metrics": {"seed": 1}})
    return client_for(login_customer_id=MANAGER)


def _refusal(client: Any, query: str) -> GoogleAdsException | None:
    """None when the client gets rows. What is no error of Google's form is raised."""
    try:
        search(client, query)
    except GoogleAdsException as refused:
        return refused
    return None


def _is_answered_in_form(client: Any, query: str) -> None:
    refused = _refusal(client, query)
    if refused is not None:
        assert refused.error.code().name == "INVALID_ARGUMENT", query
        (code,) = codes(refused.failure)
        assert code.startswith("query_error."), (code, query)


@_FUZZ
@given(query=_queries())
def test_queries_by_the_grammar_are_answered_or_refused_in_form(query: str, client: Any) -> None:
    _is_answered_in_form(client, query)


@_FUZZ
@given(query=_mutilated())
def test_mutilated_queries_are_answered_or_refused_in_form(query: str, client: Any) -> None:
    _is_answered_in_form(client, query)


@_FUZZ
@given(query=st.text(max_size=300))
def test_any_text_is_refused_in_form(query: str, client: Any) -> None:
    _is_answered_in_form(client, query)


@_FUZZ
@given(query=_queries(), cut=st.integers(0, 60))
def test_queries_for_fields_are_answered_or_refused_in_form(query: str, cut: int, client: Any) -> None:
    service = client.get_service("GoogleAdsFieldService")
    request = client.get_type("SearchGoogleAdsFieldsRequest")
    request.query = query.replace("ad_group.", "").replace("campaign.", "").partition(" FROM ")[0][:cut]
    refused = None
    try:
        list(service.search_google_ads_fields(request=request))
    except GoogleAdsException as error:
        refused = error
    if refused is not None:
        (code,) = codes(refused.failure)
        assert code.startswith("query_error."), (code, request.query)


@_FUZZ
@given(pattern=_PATTERNS)
def test_any_regular_expression_is_run_or_refused(pattern: str, client: Any) -> None:
    _is_answered_in_form(
        client, f"SELECT ad_group.id FROM ad_group WHERE ad_group.name REGEXP_MATCH '{pattern}'"
    )


@_FUZZ
@given(name=st.text(max_size=40))
def test_any_name_is_found_by_itself(name: str, client: Any) -> None:
    """Whatever stands in quotes is compared, not interpreted."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    assert not search(client, f"SELECT ad_group.id FROM ad_group WHERE ad_group.name = 'x{quoted}'")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT " + "ad_group.id, " * 5_000 + "ad_group.id FROM ad_group",
        "SELECT ad_group.id FROM ad_group WHERE " + "ad_group.id = 11 AND " * 2_000 + "ad_group.id = 11",
        "(" * 100_000,
        "SELECT ad_group.id FROM ad_group WHERE ad_group.name = '" + "\\\\" * 50_000,
        "SELECT ad_group.id FROM ad_group WHERE ad_group.id IN (" + "1," * 50_000,
        "SELECT ad_group.id FROM ad_group WHERE ad_group.id = " + "9" * 100_000,
        "SELECT " + "a." * 50_000 + "a FROM ad_group",
        " " * 500_000,
    ],
    ids=["fields", "conditions", "brackets", "backslashes", "open list", "digits", "dots", "spaces"],
)
def test_a_huge_query_does_not_hang(query: str, client: Any) -> None:
    _is_answered_in_form(client, query)
