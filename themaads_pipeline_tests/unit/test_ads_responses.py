"""Google's answer to a mutate becomes one result an operation, in the request's order, or an honest doubt."""

from itertools import permutations
from typing import Any

import pytest

from themaads_pipeline.ads.protobuf import GoogleAdsFailure, MutateAdGroupAdsResponse
from themaads_pipeline.ads.responses import resource_id, results_of
from themaads_pipeline.exceptions import (
    AccountStoppedError,
    AdsError,
    AdsStoppedError,
    OutcomeUnknownError,
    RequestTooLargeError,
    TemporaryAdsError,
)
from themaads_pipeline.model.outcomes import AlreadyThere, Category, Created, MutateResult, Refused

OK = "customers/1/adGroupAds/22~{}"


def failure(*errors: dict[str, Any]) -> Any:
    """A GoogleAdsFailure with the given errors: `code=("ad_error", 58)`, `index`, `message`, `path`."""
    message = GoogleAdsFailure()
    for error in errors:
        added = message.errors.add(message=error.get("message", "No."))
        if "code" in error:
            field, number = error["code"]
            setattr(added.error_code, field, number)
        if error.get("index") is not None:
            added.location.field_path_elements.add(
                field_name=error.get("root", "operations"), index=error["index"]
            )
        for name in error.get("path", ()):
            added.location.field_path_elements.add(field_name=name)
        for topic in error.get("topics", ()):
            kind = error.get("types", {}).get(topic, 2)
            entry = added.details.policy_finding_details.policy_topic_entries.add(topic=topic, type_=kind)
            entry.evidences.add().text_list.texts.extend(error.get("evidence", []))
        if "retry_after_s" in error:
            added.details.quota_error_details.retry_delay.FromSeconds(error["retry_after_s"])
        if "unpublished" in error:
            added.details.unpublished_error_code = error["unpublished"]
    return message


def answer(names: list[str], *errors: dict[str, Any]) -> Any:
    response = MutateAdGroupAdsResponse()
    for name in names:
        response.results.add(resource_name=name)
    if errors:
        response.partial_failure_error.code = 3
        detail = response.partial_failure_error.details.add()
        detail.Pack(failure(*errors))
    return response


def read(response: Any, operations: int, method: str = "MutateAdGroupAds") -> MutateResult:
    return results_of(response, operations, method=method, request_id="r1", where="creating ads")


LINE_TOO_WIDE = {"code": ("ad_error", 58), "message": "Too wide."}


def test_all_created_comes_back_in_order_with_the_new_ids() -> None:
    result = read(answer([OK.format(7), OK.format(5)]), 2)
    assert result.results == (Created(7), Created(5))
    assert result.request_id == "r1"


def test_each_error_meets_its_own_operation_and_the_others_stand() -> None:
    result = read(
        answer(
            ["", OK.format(8), "", OK.format(9)],
            LINE_TOO_WIDE | {"index": 2, "path": ["create", "ad"]},
            {"code": ("mutate_error", 3), "index": 0},
        ),
        4,
    )
    first, second, third, fourth = result.results
    assert isinstance(first, Refused)
    assert isinstance(third, Refused)
    assert (first.failure.code, third.failure.code) == (
        "MutateError.RESOURCE_NOT_FOUND",
        "AdError.LINE_TOO_WIDE",
    )
    assert third.failure.category is Category.INVALID
    assert third.failure.message == "Too wide. at create.ad"
    assert not third.retryable
    assert (second, fourth) == (Created(8), Created(9))


def test_of_several_errors_of_one_operation_the_policy_tells_most_and_every_message_is_kept() -> None:
    result = read(
        answer(
            [""],
            LINE_TOO_WIDE | {"index": 0},
            {
                "code": ("policy_finding_error", 2),
                "index": 0,
                "message": "Disapproved.",
                "topics": ["GAMBLING"],
                "evidence": ["casino"],
            },
        ),
        1,
    )
    (refused,) = result.results
    assert isinstance(refused, Refused)
    assert refused.failure.category is Category.POLICY
    assert refused.failure.code == "PolicyFindingError.POLICY_FINDING"
    assert (refused.failure.policy_topics, refused.failure.policy_types) == (("GAMBLING",), ("PROHIBITED",))
    assert refused.failure.trigger == "casino"
    assert "GAMBLING (PROHIBITED)" in refused.failure.message
    assert "Too wide." in refused.failure.message
    assert not refused.retryable


def test_a_site_that_google_could_not_open_is_tried_again_later() -> None:
    result = read(
        answer(
            [""], {"code": ("policy_finding_error", 2), "index": 0, "topics": ["DESTINATION_NOT_WORKING"]}
        ),
        1,
    )
    (refused,) = result.results
    assert isinstance(refused, Refused)
    assert refused.retryable
    assert refused.site_throttled
    assert refused.failure.category is Category.POLICY


def test_a_site_that_did_not_open_excuses_no_other_policy_that_forbids_the_ad() -> None:
    topics = ["DESTINATION_NOT_WORKING", "GAMBLING"]
    finding = {"code": ("policy_finding_error", 2), "index": 0, "topics": topics}
    (forbidden,) = read(answer([""], finding), 1).results
    (limited,) = read(answer([""], finding | {"types": {"GAMBLING": 4}}), 1).results
    assert isinstance(forbidden, Refused)
    assert isinstance(limited, Refused)
    assert (forbidden.retryable, forbidden.site_throttled) == (False, False)
    assert (limited.retryable, limited.site_throttled) == (True, True)
    assert limited.failure.policy_types == ("PROHIBITED", "LIMITED")


def test_of_several_errors_of_one_operation_the_gravest_wins_in_whatever_order_they_come() -> None:
    errors: list[dict[str, Any]] = [
        {"code": ("database_error", 2), "index": 0, "message": "Busy."},
        LINE_TOO_WIDE | {"index": 0, "path": ["b"]},
        LINE_TOO_WIDE | {"index": 0, "path": ["a"]},
        {"code": ("authorization_error", 24), "index": 0, "message": "Closed."},
        {"code": ("policy_finding_error", 2), "index": 0, "message": "No.", "topics": ["GAMBLING"]},
    ]
    for errors_left, code in [
        (errors, "PolicyFindingError.POLICY_FINDING"),
        (errors[:4], "AdError.LINE_TOO_WIDE"),
        ([errors[0], errors[3]], "AuthorizationError.CUSTOMER_NOT_ENABLED"),
        (errors[:1], "DatabaseError.CONCURRENT_MODIFICATION"),
    ]:
        results = {read(answer(["", OK.format(1)], *order), 2).results for order in permutations(errors_left)}
        assert len(results) == 1
        refused, _ = results.pop()
        assert isinstance(refused, Refused)
        assert refused.failure.code == code


def test_an_operation_that_hits_a_rate_limit_says_how_long_to_wait() -> None:
    limited = {"code": ("quota_error", 4), "index": 0, "retry_after_s": 7}
    refused, _ = read(answer(["", OK.format(1)], limited), 2).results
    assert isinstance(refused, Refused)
    assert (refused.retryable, refused.retry_after_s) == (True, 7)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(("mutate_error", 17), AccountStoppedError), (("quota_error", 2), AdsStoppedError)],
)
def test_when_every_operation_is_refused_for_the_same_stop_no_item_is_to_blame(
    code: tuple[str, int], kind: type[AdsError]
) -> None:
    with pytest.raises(kind):
        read(answer(["", ""], {"code": code, "index": 0}, {"code": code, "index": 1}), 2)
    refused, _ = read(answer(["", OK.format(1)], {"code": code, "index": 0}), 2).results
    assert isinstance(refused, Refused)


@pytest.mark.parametrize(
    ("code", "method"),
    [
        (("ad_group_ad_error", 3), "MutateAdGroupAdLabels"),
        (("ad_group_error", 10), "MutateAdGroupLabels"),
        (("label_error", 7), "MutateLabels"),
        (("mutate_error", 11), "MutateAdGroupAdLabels"),
    ],
)
def test_a_label_that_is_there_is_success_where_one_was_asked_for(code: tuple[str, int], method: str) -> None:
    there = answer([""], {"code": code, "index": 0})
    assert read(there, 1, method).results == (AlreadyThere(),)
    (refused,) = read(there, 1, "MutateAdGroupAds").results
    assert isinstance(refused, Refused)
    assert (refused.failure.category, refused.retryable) == (Category.TECHNICAL, False)


@pytest.mark.parametrize("code", [("database_error", 2), ("internal_error", 4), ("quota_error", 4)])
def test_a_temporary_error_of_one_operation_can_be_tried_again(code: tuple[str, int]) -> None:
    first, second = read(answer(["", OK.format(1)], {"code": code, "index": 0}), 2).results
    assert isinstance(first, Refused)
    assert first.retryable
    assert first.failure.category is Category.TEMPORARY
    assert second == Created(1)


def test_a_quota_that_ends_within_a_request_fails_no_item_for_good() -> None:
    created, refused = read(answer([OK.format(1), ""], {"code": ("quota_error", 2), "index": 1}), 2).results
    assert created == Created(1)
    assert isinstance(refused, Refused)
    assert refused.retryable


def test_a_code_newer_than_the_package_is_a_technical_failure_of_its_item() -> None:
    newer_value, newer_kind, unpublished, nameless = read(
        answer(
            ["", "", "", ""],
            {"code": ("ad_error", 99_999), "index": 0},
            {"index": 1},
            {"code": ("internal_error", 3), "unpublished": "AdError.OH_NO", "index": 2},
            {"code": ("ad_error", 1), "index": 3},
        ),
        4,
    ).results
    assert isinstance(newer_value, Refused)
    assert isinstance(newer_kind, Refused)
    assert isinstance(unpublished, Refused)
    assert newer_value.failure.code == "AdError.99999"
    assert newer_kind.failure.code == "UnknownError.NOT_NAMED"
    assert unpublished.failure.code == "AdError.OH_NO"
    for refused in (newer_value, newer_kind, unpublished, nameless):
        assert isinstance(refused, Refused)
        assert refused.failure.category is Category.TECHNICAL
        assert not refused.retryable


def test_when_every_operation_failed_the_empty_results_may_be_left_out() -> None:
    results = read(answer([], LINE_TOO_WIDE | {"index": 0}, LINE_TOO_WIDE | {"index": 1}), 2).results
    assert [type(result) for result in results] == [Refused, Refused]


def test_an_operation_without_result_and_without_error_is_in_doubt() -> None:
    with pytest.raises(OutcomeUnknownError, match="operation 1"):
        read(answer([OK.format(1), ""], LINE_TOO_WIDE | {"index": 0}), 2)


@pytest.mark.parametrize(
    "response",
    [
        answer([OK.format(1)]),
        answer([OK.format(1)] * 3),
        answer([OK.format(1), ""], LINE_TOO_WIDE | {"index": 7}),
        answer([OK.format(1), ""], LINE_TOO_WIDE),
    ],
    ids=["too few results", "too many results", "an index beyond", "an error of the whole beside a result"],
)
def test_an_answer_that_contradicts_itself_is_in_doubt(response: Any) -> None:
    with pytest.raises(OutcomeUnknownError):
        read(response, 2)


def test_errors_that_cannot_be_read_are_in_doubt() -> None:
    response = MutateAdGroupAdsResponse()
    response.results.add()
    response.partial_failure_error.code = 3
    with pytest.raises(OutcomeUnknownError):
        read(response, 1)
    response.partial_failure_error.details.add(
        type_url="type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure", value=b"\xff\xff"
    )
    with pytest.raises(OutcomeUnknownError):
        read(response, 1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (("mutate_error", 17), AccountStoppedError),
        (("request_error", 13), RequestTooLargeError),
        (("database_error", 2), TemporaryAdsError),
        (("internal_error", 4), OutcomeUnknownError),
        (("field_error", 2), AdsError),
    ],
)
def test_an_error_without_an_operation_concerns_the_whole_request(
    code: tuple[str, int], kind: type[AdsError]
) -> None:
    with pytest.raises(AdsError) as raised:
        read(answer(["", ""], {"code": code}), 2)
    assert type(raised.value) is kind


def test_the_errors_of_a_mixed_mutate_are_indexed_too() -> None:
    (result,) = read(answer([""], LINE_TOO_WIDE | {"index": 0, "root": "mutate_operations"}), 1).results
    assert isinstance(result, Refused)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("customers/1/adGroupAds/22~333", 333),
        ("customers/1/labels/44", 44),
        ("customers/1/adGroupAdLabels/22~333~44", 44),
    ],
)
def test_the_last_id_of_a_name_is_the_thing_itself(name: str, number: int) -> None:
    assert resource_id(name) == number
