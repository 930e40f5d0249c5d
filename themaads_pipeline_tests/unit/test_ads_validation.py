"""An answer to a request that was only to be validated has errors and no results: each ad gets its own."""

import pytest

from themaads_pipeline.ads.validation import refusals_of
from themaads_pipeline.exceptions import AccountStoppedError, OutcomeUnknownError, TemporaryAdsError
from themaads_pipeline.model.outcomes import Category, Refused
from themaads_pipeline_tests.unit.test_ads_responses import LINE_TOO_WIDE, answer

POLICY = {
    "code": ("policy_finding_error", 2),
    "message": "Disapproved.",
    "topics": ["GAMBLING"],
    "evidence": ["casino"],
}
DISABLED = {"code": ("authorization_error", 24)}  # CUSTOMER_NOT_ENABLED


def read(response: object, operations: int) -> tuple[Refused | None, ...]:
    return refusals_of(
        response, operations, method="MutateAdGroupAds", request_id="r1", where="validating ads"
    )


def test_without_an_error_every_ad_would_be_created() -> None:
    assert read(answer([]), 3) == (None, None, None)


def test_each_error_is_the_answer_to_its_own_ad() -> None:
    first, second, third = read(answer([], POLICY | {"index": 2}, LINE_TOO_WIDE | {"index": 0}), 3)
    assert second is None
    assert first is not None
    assert third is not None
    assert (first.failure.code, first.failure.category) == ("AdError.LINE_TOO_WIDE", Category.INVALID)
    assert (third.failure.category, third.failure.trigger) == (Category.POLICY, "casino")


def test_empty_results_beside_the_errors_say_nothing() -> None:
    refused, fine = read(answer(["", ""], POLICY | {"index": 0}), 2)
    assert refused is not None
    assert fine is None


def test_when_all_are_refused_each_says_why() -> None:
    assert all(read(answer([], POLICY | {"index": 0}, POLICY | {"index": 1}), 2))


def test_an_error_of_the_whole_request_is_raised() -> None:
    with pytest.raises(AccountStoppedError):
        read(answer([], DISABLED), 2)
    with pytest.raises(TemporaryAdsError):
        read(answer([], {"code": ("database_error", 2)}), 1)


def test_an_answer_that_cannot_be_read_is_no_yes() -> None:
    broken = answer([], POLICY | {"index": 0})
    broken.partial_failure_error.details[0].value = b"\xff\xff"
    with pytest.raises(OutcomeUnknownError):
        read(broken, 1)
    without_errors = answer([])
    without_errors.partial_failure_error.code = 3
    with pytest.raises(OutcomeUnknownError):
        read(without_errors, 1)
