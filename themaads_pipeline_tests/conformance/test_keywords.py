"""Keywords of ad groups: their texts, ids, bids, URLs, doubles, and the policy on them."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import (
    BOOTS,
    DYNAMIC,
    FULL,
    GONE,
    MANAGER,
    SHOES,
    SHOP,
    codes,
    path_of,
    raw,
    search,
)
from themaads_pipeline_tests.conformance.mutating import create, problems, refused, send

TEXT, KEYWORD = "keyword.text", "criterion_error"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _ad_group(number: int) -> str:
    return f"customers/{SHOP}/adGroups/{number}"


def _keyword(text: str, match: str = "EXACT", ad_group: int = SHOES, **fields: Any) -> dict[str, Any]:
    return {"ad_group": _ad_group(ad_group), "keyword": {"text": text, "match_type": match}, **fields}


def _add(client: Any, *keywords: dict[str, Any]) -> list[str]:
    return create(client, "AdGroupCriteria", *keywords)


def _refused(client: Any, keyword: dict[str, Any]) -> list[tuple[str, str]]:
    return refused(client, "AdGroupCriteria", keyword)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x" * 81, "KEYWORD_TEXT_TOO_LONG"),
        ("een twee drie vier vijf zes zeven acht negen tien elf", "KEYWORD_HAS_TOO_MANY_WORDS"),
        ("gratis!", "KEYWORD_HAS_INVALID_CHARS"),
        ("50% korting", "KEYWORD_HAS_INVALID_CHARS"),
        ("10 m²", "KEYWORD_HAS_INVALID_CHARS"),
        ("a,b", "KEYWORD_HAS_INVALID_CHARS"),
        ("  ", "INVALID_KEYWORD_TEXT"),
        ("", "INVALID_KEYWORD_TEXT"),
    ],
)
def test_a_keyword_with_a_wrong_text_is_refused(client: Any, text: str, error: str) -> None:
    assert _refused(client, _keyword(text)) == [(f"{KEYWORD}.{error}", TEXT)]


def test_keywords_of_ten_words_eighty_characters_and_many_scripts_are_taken(client: Any) -> None:
    texts = [
        "een twee drie vier vijf zes zeven acht negen tien",
        "x" * 80,
        "schoenen & co. 'maat 42'",
        "靴 ブーツ",
    ]
    assert len(_add(client, *(_keyword(text) for text in texts))) == 4


def test_broad_match_modifiers_are_refused_and_a_plus_in_other_matches_is_not(client: Any) -> None:
    error = (f"{KEYWORD}.BROAD_MATCH_MODIFIER_KEYWORD_NOT_ALLOWED", TEXT)
    assert _refused(client, _keyword("+rode +schoenen", "BROAD")) == [error]
    assert _refused(client, _keyword("+rode +schoenen", "PHRASE")) == []


def test_a_criterion_needs_an_ad_group_a_kind_and_a_match_type(client: Any) -> None:
    assert _refused(client, {"keyword": {"text": "laarzen", "match_type": "EXACT"}}) == [
        ("field_error.REQUIRED", "ad_group")
    ]
    assert _refused(client, {"ad_group": _ad_group(SHOES)}) == [
        ("ad_group_criterion_error.CONCRETE_TYPE_REQUIRED", "")
    ]
    without_match = {"ad_group": _ad_group(SHOES), "keyword": {"text": "laarzen"}}
    assert _refused(client, without_match) == [("field_error.REQUIRED", "keyword.match_type")]


@pytest.mark.parametrize("ad_group", [GONE, 16])
def test_a_removed_ad_group_or_campaign_takes_no_keywords(client: Any, ad_group: int) -> None:
    code = "operation_access_denied_error.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"
    assert _refused(client, _keyword("laarzen", ad_group=ad_group)) == [(code, "ad_group")]


def test_a_dynamic_ad_group_takes_negative_keywords_only(client: Any) -> None:
    assert _refused(client, _keyword("laarzen", ad_group=DYNAMIC)) == [
        ("ad_group_criterion_error.CANNOT_ADD_CRITERIA_TYPE", "keyword")
    ]
    assert _refused(client, _keyword("gratis", ad_group=DYNAMIC, negative=True)) == []


def test_one_text_and_match_type_is_one_criterion_in_every_ad_group(client: Any) -> None:
    names = _add(
        client,
        _keyword("rode schoenen"),
        _keyword("Rode  Schoenen", ad_group=BOOTS),
        _keyword("rode schoenen", "BROAD"),
        _keyword("rode laarzen"),
    )
    ids = [name.rpartition("~")[2] for name in names]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert names[0] == f"customers/{SHOP}/adGroupCriteria/{SHOES}~{ids[0]}"


def test_a_keyword_that_is_there_already_gets_the_new_bid_and_no_second_criterion(client: Any) -> None:
    first, second = _add(
        client,
        _keyword("rode schoenen", cpc_bid_micros=100_000, final_urls=["https://www.example.nl/rood"]),
        _keyword("Rode schoenen", cpc_bid_micros=300_000),
    )
    assert first == second
    (row,) = search(client, "SELECT ad_group_criterion.cpc_bid_micros FROM keyword_view")
    assert row.ad_group_criterion.cpc_bid_micros == 300_000


def test_a_keyword_is_not_both_targeted_and_excluded(client: Any) -> None:
    _add(client, _keyword("gratis", negative=True), _keyword("koop"))
    assert _refused(client, _keyword("gratis")) == [("ad_group_criterion_error.CANT_UPDATE_NEGATIVE", "")]
    assert _refused(client, _keyword("koop", negative=True)) == [
        ("ad_group_criterion_error.CANNOT_TARGET_AND_EXCLUDE", "")
    ]


def test_a_negative_keyword_has_no_bid_and_no_urls_and_is_never_changed(client: Any) -> None:
    wrong = _keyword("gratis", negative=True, cpc_bid_micros=100_000, final_urls=["https://example.nl"])
    incompatible = f"{KEYWORD}.FIELD_INCOMPATIBLE_WITH_NEGATIVE_TARGETING"
    assert _refused(client, wrong) == [(incompatible, "cpc_bid_micros"), (incompatible, "final_urls")]
    (name,) = _add(client, _keyword("gratis", negative=True))
    update = {"update": {"resource_name": name, "status": "PAUSED"}, "update_mask": "status"}
    assert problems(client, send(client, "AdGroupCriteria", update)) == [
        ("ad_group_criterion_error.CANT_UPDATE_NEGATIVE", "operations[0].update")
    ]


@pytest.mark.parametrize(
    ("fields", "error", "path"),
    [
        ({"cpc_bid_micros": 5_000}, "bidding_error.BID_TOO_SMALL", "cpc_bid_micros"),
        ({"cpc_bid_micros": 105_000}, "bidding_error.BID_TOO_MANY_FRACTIONAL_DIGITS", "cpc_bid_micros"),
        ({"status": "REMOVED"}, "ad_group_criterion_error.INVALID_USER_STATUS", "status"),
        ({"bid_modifier": 11}, "range_error.TOO_HIGH", "bid_modifier"),
        ({"final_urls": ["example.nl"]}, "url_field_error.MISSING_PROTOCOL_IN_FINAL_URL", "final_urls[0]"),
        (
            {"final_mobile_urls": ["https://m.example.nl"]},
            "ad_group_criterion_error.CANNOT_SET_WITHOUT_FINAL_URLS",
            "final_mobile_urls",
        ),
    ],
)
def test_a_keyword_with_a_wrong_field_is_refused(
    client: Any, fields: dict[str, Any], error: str, path: str
) -> None:
    assert _refused(client, _keyword("laarzen", **fields)) == [(error, path)]


def test_a_keyword_reads_back_with_what_google_fills_in(client: Any) -> None:
    _add(client, _keyword("Rode Schoenen", "PHRASE", cpc_bid_micros=250_000))
    (row,) = search(
        client,
        "SELECT ad_group_criterion.keyword.text, ad_group_criterion.keyword.match_type, "
        "ad_group_criterion.type, ad_group_criterion.status, ad_group_criterion.negative, "
        "ad_group_criterion.display_name, ad_group_criterion.approval_status, "
        "ad_group_criterion.system_serving_status, ad_group_criterion.effective_cpc_bid_micros, "
        "ad_group_criterion.effective_cpc_bid_source, ad_group.name, campaign.id, customer.id "
        f"FROM ad_group_criterion WHERE ad_group.id = {SHOES}",
    )
    criterion, enums = row.ad_group_criterion, client.enums
    assert (criterion.keyword.text, criterion.display_name) == ("Rode Schoenen", "Rode Schoenen")
    assert criterion.keyword.match_type == enums.KeywordMatchTypeEnum.PHRASE
    assert criterion.type_ == enums.CriterionTypeEnum.KEYWORD
    assert criterion.status == enums.AdGroupCriterionStatusEnum.ENABLED
    assert criterion.negative is False
    assert criterion.approval_status == enums.AdGroupCriterionApprovalStatusEnum.APPROVED
    assert criterion.system_serving_status == enums.CriterionSystemServingStatusEnum.ELIGIBLE
    assert criterion.effective_cpc_bid_micros == 250_000
    assert criterion.effective_cpc_bid_source == enums.BiddingSourceEnum.AD_GROUP_CRITERION
    assert (row.ad_group.name, row.campaign.id, row.customer.id) == ("Schoenen 50% korting", 1, int(SHOP))


def test_bids_urls_and_status_change_and_the_text_does_not(client: Any) -> None:
    (name,) = _add(client, _keyword("laarzen"))
    update = {
        "update": {
            "resource_name": name,
            "status": "PAUSED",
            "cpc_bid_micros": 90_000,
            "final_urls": ["https://www.example.nl/laarzen"],
        },
        "update_mask": "status,cpcBidMicros,finalUrls",
    }
    assert problems(client, send(client, "AdGroupCriteria", update)) == []
    fields = "status, ad_group_criterion.cpc_bid_micros, ad_group_criterion.final_urls"
    (row,) = search(client, f"SELECT ad_group_criterion.{fields} FROM ad_group_criterion")
    assert row.ad_group_criterion.status == client.enums.AdGroupCriterionStatusEnum.PAUSED
    assert row.ad_group_criterion.cpc_bid_micros == 90_000
    assert list(row.ad_group_criterion.final_urls) == ["https://www.example.nl/laarzen"]
    text = {"update": {"resource_name": name, "keyword": {"text": "anders"}}, "update_mask": "keyword.text"}
    assert problems(client, send(client, "AdGroupCriteria", text)) == [
        ("field_error.IMMUTABLE_FIELD", "operations[0].update.keyword.text")
    ]


def test_a_removed_keyword_stays_readable_and_comes_back_under_its_name(client: Any) -> None:
    (name,) = _add(client, _keyword("laarzen", cpc_bid_micros=90_000))
    assert problems(client, send(client, "AdGroupCriteria", {"remove": name})) == []
    query = "SELECT ad_group_criterion.status, ad_group_criterion.cpc_bid_micros FROM ad_group_criterion"
    (row,) = search(client, query)
    assert row.ad_group_criterion.status == client.enums.AdGroupCriterionStatusEnum.REMOVED
    again = problems(client, send(client, "AdGroupCriteria", {"remove": name}))
    assert [code for code, _ in again] == [
        "operation_access_denied_error.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"
    ]
    assert _add(client, _keyword("laarzen")) == [name]
    (row,) = search(client, query)
    assert row.ad_group_criterion.status == client.enums.AdGroupCriterionStatusEnum.ENABLED
    assert not row.ad_group_criterion.cpc_bid_micros


def test_the_good_keywords_of_a_request_are_kept_and_the_others_named(client: Any) -> None:
    texts = ["een", "twee!", "drie"]
    response = send(client, "AdGroupCriteria", *({"create": _keyword(text, ad_group=FULL)} for text in texts))
    assert problems(client, response) == [
        (f"{KEYWORD}.KEYWORD_HAS_INVALID_CHARS", "operations[1].create.keyword.text")
    ]
    assert [bool(result.resource_name) for result in response.results] == [True, False, True]
    assert len(search(client, "SELECT ad_group_criterion.criterion_id FROM keyword_view")) == 2


def test_a_keyword_against_a_policy_is_refused_with_the_violation(client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refusal:
        send(client, "AdGroupCriteria", {"create": _keyword("online casino")}, partial_failure=False)
    failure = raw(refusal.value.failure)
    (error,) = failure.errors
    assert codes(failure) == ["policy_violation_error.POLICY_ERROR"]
    assert path_of(error) == "operations[0].create.keyword.text"
    details = error.details.policy_violation_details
    assert (details.key.policy_name, details.key.violating_text) == ("GAMBLING", "casino")
    assert details.is_exemptible is False
    assert details.external_policy_name


@pytest.mark.parametrize("text", ["dokter", ""])
def test_an_exemptible_keyword_is_kept_for_review_when_exemption_is_asked_for(client: Any, text: str) -> None:
    key = {"policy_name": "HEALTH_IN_PERSONALIZED_ADS", **({"violating_text": text} if text else {})}
    operation = {"create": _keyword("dokter"), "exempt_policy_violation_keys": [key]}
    assert problems(client, send(client, "AdGroupCriteria", operation)) == []
    (row,) = search(client, "SELECT ad_group_criterion.approval_status FROM keyword_view")
    statuses = client.enums.AdGroupCriterionApprovalStatusEnum
    assert row.ad_group_criterion.approval_status == statuses.UNDER_REVIEW


def test_an_exemption_for_another_text_or_from_a_policy_without_exemptions_helps_nothing(client: Any) -> None:
    for text, policy, violating in (
        ("dokter", "HEALTH_IN_PERSONALIZED_ADS", "arts"),
        ("casino", "GAMBLING", "casino"),
    ):
        key = {"policy_name": policy, "violating_text": violating}
        operation = {"create": _keyword(text), "exempt_policy_violation_keys": [key]}
        found = problems(client, send(client, "AdGroupCriteria", operation))
        assert [code for code, _ in found] == ["policy_violation_error.POLICY_ERROR"]


def test_a_negative_keyword_is_not_judged_by_policy(client: Any) -> None:
    assert _refused(client, _keyword("casino", negative=True)) == []
