"""Policy: what Google finds in an ad before it is there, and what its review finds later."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import (
    DESCRIPTIONS,
    HEADLINES,
    MANAGER,
    SEED,
    SHOP,
    add_ad,
    ads_request,
    codes,
    partial_failure,
    raw,
    refusals_of_ad,
    search,
)
from themaads_pipeline_tests.running_emulator import EmulatorError, RunningEmulator

POLICY = [
    {"word": "casino", "topic": "GAMBLING"},
    {"word": "poker", "topic": "GAMBLING"},
    {"word": "dokter", "topic": "HEALTH", "exemptible": True},
    {"domain": "bad.example", "topic": "MALICIOUS_SOFTWARE"},
    {"word": "wijn", "topic": "ALCOHOL", "type": "LIMITED"},
    {"word": "bier", "topic": "ALCOHOL_HERE", "type": "AREA_OF_INTEREST_ONLY"},
    {"word": "gin", "topic": "ALCOHOL_FULLY", "type": "FULLY_LIMITED"},
    {"word": "kaas", "topic": "DAIRY", "type": "DESCRIPTIVE"},
    {"word": "brood", "topic": "BAKERY", "type": "BROADENING"},
    {"word": "lenen", "topic": "FINANCE", "after_s": 3_600},
    {"word": "gokje", "topic": "UNCLEAR", "after_s": 60, "share": 0.5, "type": "LIMITED"},
]
AD = "operations[0].create.ad"
REFUSED = [("policy_finding_error.POLICY_FINDING", AD)]
SUMMARY = (
    "SELECT ad_group_ad.ad.id, ad_group_ad.policy_summary.review_status, "
    "ad_group_ad.policy_summary.approval_status, ad_group_ad.policy_summary.policy_topic_entries, "
    "ad_group_ad.primary_status, ad_group_ad.primary_status_reasons, ad_group_ad.ad_strength "
    "FROM ad_group_ad WHERE ad_group_ad.resource_name = '{name}'"
)


@pytest.fixture
def client(client_for: Callable[..., Any], emulator: RunningEmulator) -> Any:
    emulator.seed({**SEED, "policy": POLICY})
    return client_for(login_customer_id=MANAGER)


def _entries(client: Any, **fields: Any) -> dict[str, tuple[str, list[str]]]:
    """The topics that an ad is refused for, with type and evidence."""
    request = ads_request(client)
    add_ad(client, request, **fields)
    response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    (error,) = raw(partial_failure(client, response)).errors
    return {
        entry.topic: (
            _names(entry, "type_")[0],
            [text for evidence in entry.evidences for text in evidence.text_list.texts],
        )
        for entry in error.details.policy_finding_details.policy_topic_entries
    }


def _create(client: Any, *, ignored: tuple[str, ...] = (), **fields: Any) -> str:
    request = ads_request(client, partial_failure=False)
    operation = add_ad(client, request, **fields)
    operation.policy_validation_parameter.ignorable_policy_topics.extend(ignored)
    response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    return str(response.results[0].resource_name)


def _names(message: Any, field: str) -> list[str]:
    """The names of an enum field's values, one or repeated."""
    descriptor, value = message.DESCRIPTOR.fields_by_name[field], getattr(message, field)
    numbers = [value] if isinstance(value, int) else value
    return [descriptor.enum_type.values_by_number[number].name for number in numbers]


class _Summary:
    """What an ad's summary says now, in words."""

    def __init__(self, client: Any, name: str) -> None:
        (row,) = search(client, SUMMARY.format(name=name))
        ad = row.ad_group_ad
        summary = ad.policy_summary
        (self.review,) = _names(summary, "review_status")
        (self.approval,) = _names(summary, "approval_status")
        self.topics = [entry.topic for entry in summary.policy_topic_entries]
        (self.status,) = _names(ad, "primary_status")
        self.reasons = _names(ad, "primary_status_reasons")
        (self.strength,) = _names(ad, "ad_strength")


def test_a_finding_names_each_topic_once_with_type_and_all_its_evidence(client: Any) -> None:
    found = _entries(
        client,
        headlines=[*HEADLINES, "Het beste Casino", "Poker en wijn"],
        descriptions=["Vraag uw dokter.", DESCRIPTIONS[0]],
        final_urls=["https://shop.bad.example/x"],
    )
    assert found == {
        "GAMBLING": ("PROHIBITED", ["Casino", "Poker"]),
        "ALCOHOL": ("LIMITED", ["wijn"]),
        "HEALTH": ("PROHIBITED", ["dokter"]),
        "MALICIOUS_SOFTWARE": ("PROHIBITED", ["https://shop.bad.example"]),
    }


def test_a_word_is_found_as_a_word_only(client: Any) -> None:
    assert refusals_of_ad(client, headlines=[*HEADLINES, "Casinostoelen"]) == []


def test_an_ad_with_a_finding_fails_alone(client: Any) -> None:
    request = ads_request(client)
    add_ad(client, request, headlines=[*HEADLINES, "Casino"])
    add_ad(client, request)
    response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    assert [bool(result.resource_name) for result in response.results] == [False, True]


@pytest.mark.parametrize(
    ("fields", "topic"),
    [
        ({"headlines": [*HEADLINES, "Koop nu!"]}, "PUNCTUATION_AND_SYMBOLS"),
        ({"headlines": [*HEADLINES, "Schoenen 👟"]}, "PUNCTUATION_AND_SYMBOLS"),
        ({"descriptions": ["Koop nu!!!", DESCRIPTIONS[0]]}, "PUNCTUATION_AND_SYMBOLS"),
        ({"descriptions": ["Uw dokter weet het.", DESCRIPTIONS[0]]}, "HEALTH"),
    ],
)
def test_an_exemptible_topic_passes_when_the_request_says_so(
    fields: dict[str, Any], topic: str, client: Any
) -> None:
    assert refusals_of_ad(client, **fields) == REFUSED
    with pytest.raises(GoogleAdsException):
        _create(client, ignored=("SOMETHING_ELSE",), **fields)
    summary = _Summary(client, _create(client, ignored=(topic, "SOMETHING_ELSE"), **fields))
    assert (summary.approval, summary.topics, summary.status) == ("DISAPPROVED", [topic], "NOT_ELIGIBLE")


def test_a_topic_that_is_not_exemptible_is_refused_all_the_same(client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        _create(client, ignored=("GAMBLING",), headlines=[*HEADLINES, "Casino"])
    assert codes(refused.value.failure) == ["policy_finding_error.POLICY_FINDING"]


def test_one_exclamation_mark_in_a_description_and_trade_marks_are_fine(client: Any) -> None:
    fields = {"headlines": [*HEADLINES, "Schoenen™ © ®"], "descriptions": ["Koop nu!", DESCRIPTIONS[0]]}
    assert refusals_of_ad(client, **fields) == []


@pytest.mark.parametrize(
    ("word", "approval", "status"),
    [
        ("wijn", "APPROVED_LIMITED", "LIMITED"),
        ("bier", "AREA_OF_INTEREST_ONLY", "LIMITED"),
        ("gin", "DISAPPROVED", "NOT_ELIGIBLE"),
        ("kaas", "APPROVED", "PAUSED"),
        ("brood", "APPROVED", "PAUSED"),
    ],
)
def test_other_types_of_topics_refuse_nothing_and_show_in_the_summary(
    word: str, approval: str, status: str, client: Any
) -> None:
    name = _create(client, headlines=[*HEADLINES, f"Met {word}"])
    summary = _Summary(client, name)
    assert summary.approval == approval
    assert len(summary.topics) == 1
    assert summary.status == ("NOT_ELIGIBLE" if status == "NOT_ELIGIBLE" else "PAUSED")
    request = ads_request(client)
    operation = request.operations.add()
    operation.update.resource_name = name
    operation.update.status = client.enums.AdGroupAdStatusEnum.ENABLED
    operation.update_mask.paths.append("status")
    client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    assert _Summary(client, name).status == ("ELIGIBLE" if status == "PAUSED" else status)


def test_a_review_ends_and_later_finds_what_it_did_not_see_at_first(
    client: Any, emulator: RunningEmulator
) -> None:
    emulator.profile("instant", review_s=600)
    name = _create(client, headlines=[*HEADLINES, "Nu lenen"], status="ENABLED")
    fresh = _Summary(client, name)
    assert (fresh.review, fresh.approval) == ("REVIEW_IN_PROGRESS", "UNKNOWN")
    assert (fresh.status, fresh.reasons) == ("PENDING", ["AD_GROUP_AD_UNDER_REVIEW"])
    assert fresh.strength == "PENDING"
    emulator.clock(offset_s=700)
    reviewed = _Summary(client, name)
    assert (reviewed.review, reviewed.approval, reviewed.topics) == ("REVIEWED", "APPROVED", [])
    assert (reviewed.status, reviewed.reasons) == ("ELIGIBLE", [])
    emulator.clock(offset_s=3_700)
    later = _Summary(client, name)
    assert (later.approval, later.topics) == ("DISAPPROVED", ["FINANCE"])
    assert (later.status, later.reasons) == ("NOT_ELIGIBLE", ["AD_GROUP_AD_DISAPPROVED"])
    rows = search(
        client,
        "SELECT ad_group_ad.resource_name FROM ad_group_ad WHERE ad_group.id = 11 "
        "AND ad_group_ad.policy_summary.approval_status = DISAPPROVED",
    )
    assert [row.ad_group_ad.resource_name for row in rows] == [name]


def test_a_topic_can_concern_a_share_of_the_ads(client: Any, emulator: RunningEmulator) -> None:
    request = ads_request(client)
    for _ in range(40):
        add_ad(client, request, headlines=["Waag een gokje", *HEADLINES])
    client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    emulator.clock(offset_s=61)
    rows = search(
        client,
        "SELECT ad_group_ad.resource_name FROM ad_group_ad "
        "WHERE ad_group_ad.policy_summary.approval_status = APPROVED_LIMITED",
    )
    assert 5 < len(rows) < 35


def test_the_strength_of_an_ad_grows_with_its_texts(client: Any) -> None:
    weak = _create(client)
    strong = _create(
        client,
        headlines=[f"Kop nummer {number}" for number in range(15)],
        descriptions=[f"Tekst nummer {number}." for number in range(4)],
    )
    assert [_Summary(client, name).strength for name in (weak, strong)] == ["POOR", "EXCELLENT"]


def test_a_mobile_url_leads_to_the_same_site(client: Any) -> None:
    for host, accepted in (("m.example.nl", True), ("www.elders.nl", False)):
        request = ads_request(client)
        add_ad(client, request).create.ad.final_mobile_urls.append(f"https://{host}/schoenen")
        response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
        assert bool(response.results[0].resource_name) is accepted
    (error,) = raw(partial_failure(client, response)).errors
    (entry,) = error.details.policy_finding_details.policy_topic_entries
    assert entry.topic == "DESTINATION_MISMATCH"
    assert len(entry.evidences[0].destination_mismatch.url_types) == 2


def _throttled(client: Any) -> Any:
    request = ads_request(client)
    for number in range(5):
        add_ad(client, request, final_urls=[f"https://traag.example.nl/{number}"])
    add_ad(client, request, final_urls=["https://snel.example.nl/"])
    return client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)


def test_a_site_that_bears_two_checks_a_second_costs_the_other_ads(
    client: Any, emulator: RunningEmulator
) -> None:
    emulator.faults([{"kind": "throttled_site", "domain": "traag.example.nl", "per_second": 2}])
    response = _throttled(client)
    created = [bool(result.resource_name) for result in response.results]
    assert created == [True, True, False, False, False, True]
    error = raw(partial_failure(client, response)).errors[0]
    (entry,) = error.details.policy_finding_details.policy_topic_entries
    assert entry.topic == "DESTINATION_NOT_WORKING"
    assert entry.evidences[0].destination_not_working.expanded_url == "https://traag.example.nl/2"


def test_a_throttled_site_can_show_as_a_later_disapproval(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "throttled_site", "per_second": 2, "seconds": 300}])
    names = [result.resource_name for result in _throttled(client).results]
    assert all(names)
    assert _Summary(client, names[4]).approval == "APPROVED"
    emulator.clock(offset_s=301)
    late = _Summary(client, names[4])
    assert (late.approval, late.topics) == ("DISAPPROVED", ["DESTINATION_NOT_WORKING"])
    assert _Summary(client, names[0]).approval == "APPROVED"


def test_an_edited_ad_is_reviewed_anew(client: Any, emulator: RunningEmulator) -> None:
    emulator.profile("instant", review_s=600)
    name = _create(client)
    emulator.clock(offset_s=700)
    assert _Summary(client, name).review == "REVIEWED"
    request = client.get_type("MutateAdsRequest")
    request.customer_id = SHOP
    operation = request.operations.add()
    operation.update.resource_name = f"customers/{SHOP}/ads/{name.rpartition('~')[2]}"
    for text in (*HEADLINES, "Met wijn"):
        operation.update.responsive_search_ad.headlines.add(text=text)
    operation.update_mask.paths.append("responsive_search_ad.headlines")
    client.get_service("AdService").mutate_ads(request=request)
    assert _Summary(client, name).review == "REVIEW_IN_PROGRESS"
    emulator.clock(offset_s=1_400)
    assert _Summary(client, name).topics == ["ALCOHOL"]


@pytest.mark.parametrize("rule", [{"topic": "X"}, {"topic": "X", "word": "x", "type": "FORBIDDEN"}])
def test_a_policy_rule_that_means_nothing_is_refused(rule: dict[str, Any], emulator: RunningEmulator) -> None:
    with pytest.raises(EmulatorError):
        emulator.seed({**SEED, "policy": [rule]})
