"""A whole request that failed becomes one of our exceptions: what happened, where, and what to do."""

from typing import Any

import grpc
import pytest
from google.ads.googleads.errors import GoogleAdsException
from google.ads.googleads.v26.errors.types.errors import GoogleAdsFailure as WrappedFailure
from google.api_core.exceptions import from_grpc_error
from google.auth.exceptions import RefreshError, TransportError
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from themaads_pipeline.ads.protobuf import GoogleAdsFailure
from themaads_pipeline.ads.request_errors import whole_request_error
from themaads_pipeline.exceptions import (
    AccountStoppedError,
    AdsError,
    AdsStoppedError,
    OutcomeUnknownError,
    RateLimitError,
    RequestTooLargeError,
    TemporaryAdsError,
)

KEY = "google.ads.googleads.v26.errors.googleadsfailure-bin"


class RpcFailure(grpc.RpcError, grpc.Call):  # type: ignore[misc]  # grpc has no types
    """An ended call, as grpc hands it to its caller."""

    def __init__(self, status: grpc.StatusCode, text: str, metadata: tuple[tuple[str, Any], ...]) -> None:
        self._status, self._text, self._metadata = status, text, metadata

    def code(self) -> grpc.StatusCode:
        return self._status

    def details(self) -> str:
        return self._text

    def trailing_metadata(self) -> tuple[tuple[str, Any], ...]:
        return self._metadata

    def initial_metadata(self) -> tuple[tuple[str, Any], ...]:
        return ()

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> None:
        return None

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Any) -> bool:  # noqa: ARG002 - the interface's
        return False


def ads_failure(*codes: tuple[str, int], retry_after_s: float | None = None) -> Any:
    failure = GoogleAdsFailure()
    for field, number in codes:
        error = failure.errors.add(message="Google's words.")
        setattr(error.error_code, field, number)
        if retry_after_s is not None:
            quota = error.details.quota_error_details
            quota.rate_scope, quota.rate_name = 2, "Requests per account"
            quota.retry_delay.FromMilliseconds(int(retry_after_s * 1000))
    return failure


def wrapped(status: grpc.StatusCode, failure: Any) -> GoogleAdsException:
    """What the client raises for most errors."""
    call = RpcFailure(status, "fault", (("request-id", "r-1"), (KEY, failure.SerializeToString())))
    return GoogleAdsException(call, call, WrappedFailure.wrap(failure), "r-1")


def bare(
    status: grpc.StatusCode, failure: Any | None = None, text: str = "fault", key: str = KEY
) -> Exception:
    """What the client raises for INTERNAL and RESOURCE_EXHAUSTED, and without Google's own errors."""
    metadata: tuple[tuple[str, Any], ...] = (("request-id", "r-1"),)
    if failure is not None:
        payload = failure.SerializeToString()
        if key == "grpc-status-details-bin":
            packed = Status(code=status.value[0], message=text)
            packed.details.add().Pack(failure)
            payload = packed.SerializeToString()
        metadata = (*metadata, (key, payload))
    error: Exception = from_grpc_error(RpcFailure(status, text, metadata))
    return error


def ours(error: Exception, *, mutate: bool = True) -> AdsError:
    return whole_request_error(error, mutate=mutate, where="creating 5 ads in account 1")


@pytest.mark.parametrize(
    "status", ["UNKNOWN", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL", "UNAVAILABLE", "CANCELLED"]
)
def test_a_lost_answer_is_in_doubt_for_a_mutate_and_temporary_for_a_read(status: str) -> None:
    error = bare(grpc.StatusCode[status])
    assert type(ours(error)) is OutcomeUnknownError
    assert type(ours(error, mutate=False)) is TemporaryAdsError
    assert ours(error).code == f"StatusCode.{status}"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("ABORTED", ("database_error", 2), TemporaryAdsError),
        ("INVALID_ARGUMENT", ("database_error", 4), RequestTooLargeError),
        ("INVALID_ARGUMENT", ("request_error", 13), RequestTooLargeError),
        ("DEADLINE_EXCEEDED", ("request_error", 33), OutcomeUnknownError),
        ("PERMISSION_DENIED", ("authorization_error", 2), AccountStoppedError),
        ("PERMISSION_DENIED", ("authorization_error", 24), AccountStoppedError),
        ("PERMISSION_DENIED", ("authorization_error", 5), AdsStoppedError),
        ("UNAUTHENTICATED", ("authentication_error", 18), AdsStoppedError),
        ("INVALID_ARGUMENT", ("query_error", 32), AdsError),
        ("INVALID_ARGUMENT", ("ad_error", 58), AdsError),
        ("UNAVAILABLE", ("internal_error", 4), OutcomeUnknownError),
        ("PERMISSION_DENIED", ("authorization_error", 99_999), AccountStoppedError),
        ("UNAUTHENTICATED", ("authentication_error", 99_999), AdsStoppedError),
        ("RESOURCE_EXHAUSTED", ("quota_error", 99_999), RateLimitError),
        ("INVALID_ARGUMENT", ("ad_error", 99_999), AdsError),
        ("INTERNAL", ("ad_error", 99_999), OutcomeUnknownError),
        ("ABORTED", ("database_error", 99_999), OutcomeUnknownError),
    ],
)
def test_googles_own_code_decides_what_a_failed_request_means(
    status: str, code: tuple[str, int], kind: type[AdsError]
) -> None:
    error = ours(wrapped(grpc.StatusCode[status], ads_failure(code)))
    assert type(error) is kind
    assert error.request_id == "r-1"
    assert "creating 5 ads in account 1" in str(error)
    assert "Google's words." in str(error)


def test_of_several_errors_of_a_request_the_weightiest_decides() -> None:
    error = ours(
        wrapped(grpc.StatusCode.PERMISSION_DENIED, ads_failure(("ad_error", 58), ("authorization_error", 2)))
    )
    assert type(error) is AccountStoppedError


@pytest.mark.parametrize(
    "key", [KEY, "google.ads.googleads.v24.errors.googleadsfailure-bin", "grpc-status-details-bin"]
)
def test_a_rate_limit_that_the_client_does_not_wrap_still_says_how_long_to_wait(key: str) -> None:
    failure = ads_failure(("quota_error", 4), retry_after_s=12.5)
    error = ours(bare(grpc.StatusCode.RESOURCE_EXHAUSTED, failure, key=key))
    assert type(error) is RateLimitError
    assert error.retry_after_s == 12.5
    assert error.code == "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED"
    assert error.request_id == "r-1"


def test_the_days_quota_stops_the_run_and_says_when_it_is_back() -> None:
    error = ours(
        bare(grpc.StatusCode.RESOURCE_EXHAUSTED, ads_failure(("quota_error", 2), retry_after_s=40591))
    )
    assert type(error) is AdsStoppedError
    assert error.retry_after_s == 40591
    assert "40591 s" in str(error)
    assert "goes on when the quota is back" in str(error)


def test_a_quota_that_does_not_say_when_it_is_back_is_asked_for_again_in_an_hour() -> None:
    error = ours(bare(grpc.StatusCode.RESOURCE_EXHAUSTED, ads_failure(("quota_error", 2))))
    assert type(error) is AdsStoppedError
    assert error.retry_after_s == 3600


def test_what_only_a_person_can_mend_is_not_waited_for() -> None:
    error = ours(wrapped(grpc.StatusCode.UNAUTHENTICATED, ads_failure(("authentication_error", 18))))
    assert type(error) is AdsStoppedError
    assert error.retry_after_s is None


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (("authorization_error", 28), "PERMISSION_DENIED", ["the account is suspended.", "lifted"]),
        (("authentication_error", 18), "UNAUTHENTICATED", ["was revoked.", "google-ads.yaml"]),
        (("header_error", 3), "INVALID_ARGUMENT", ["manages nothing.", "login_customer_id"]),
    ],
)
def test_a_stop_says_what_happened_where_and_what_to_do_before_googles_words(
    code: tuple[str, int], status: str, words: list[str]
) -> None:
    message = str(ours(wrapped(grpc.StatusCode[status], ads_failure(code))))
    parts = ["creating 5 ads in account 1: ", *words, "Google: Google's words. [", "(request r-1)"]
    places = [message.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_a_deadline_that_was_too_short_asks_for_smaller_batches_after_the_look() -> None:
    failure = ads_failure(("request_error", 33))
    error = ours(wrapped(grpc.StatusCode.DEADLINE_EXCEEDED, failure))
    assert type(error) is OutcomeUnknownError
    assert error.is_too_large
    lost = ours(bare(grpc.StatusCode.UNAVAILABLE))
    assert type(lost) is OutcomeUnknownError
    assert not lost.is_too_large
    reading = ours(wrapped(grpc.StatusCode.DEADLINE_EXCEEDED, failure), mutate=False)
    assert type(reading) is RequestTooLargeError


def test_a_definite_refusal_of_the_whole_says_what_a_single_item_would_fail_as() -> None:
    assert (
        ours(wrapped(grpc.StatusCode.INVALID_ARGUMENT, ads_failure(("ad_error", 58)))).category == "invalid"
    )
    newer = ours(wrapped(grpc.StatusCode.INVALID_ARGUMENT, ads_failure(("ad_error", 99_999))))
    assert (newer.category, newer.code) == ("technical", "AdError.99999")


def test_an_internal_error_that_the_client_does_not_wrap_is_in_doubt() -> None:
    error = ours(bare(grpc.StatusCode.INTERNAL, ads_failure(("internal_error", 2))))
    assert type(error) is OutcomeUnknownError
    assert error.code == "InternalError.INTERNAL_ERROR"


def test_an_unknown_code_on_an_uncertain_status_is_in_doubt() -> None:
    failure = GoogleAdsFailure()
    failure.errors.add(message="?")
    assert type(ours(bare(grpc.StatusCode.INTERNAL, failure))) is OutcomeUnknownError


def test_damaged_failure_metadata_falls_back_on_the_status() -> None:
    call = RpcFailure(grpc.StatusCode.INTERNAL, "broken", ((KEY, b"\xff\xff\xff"),))
    assert type(ours(from_grpc_error(call))) is OutcomeUnknownError


@pytest.mark.parametrize(
    ("status", "reason", "kind", "words"),
    [
        ("PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", AdsStoppedError, "auth/adwords"),
        ("PERMISSION_DENIED", "SERVICE_DISABLED", AdsStoppedError, "Switch it on"),
        ("UNAUTHENTICATED", "CREDENTIALS_MISSING", AdsStoppedError, "google-ads.yaml"),
        ("RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", RateLimitError, "fault"),
        ("PERMISSION_DENIED", "BRAND_NEW_REASON", AdsStoppedError, "ErrorReason.BRAND_NEW_REASON"),
        ("RESOURCE_EXHAUSTED", "BRAND_NEW_REASON", RateLimitError, "StatusCode.RESOURCE_EXHAUSTED"),
        ("UNAVAILABLE", "SERVICE_DISABLED", OutcomeUnknownError, "StatusCode.UNAVAILABLE"),
    ],
)
def test_googles_front_door_says_why_it_stays_shut(
    status: str, reason: str, kind: type[AdsError], words: str
) -> None:
    packed = Status(code=grpc.StatusCode[status].value[0], message="fault")
    packed.details.add().Pack(ErrorInfo(reason=reason, domain="googleapis.com"))
    call = RpcFailure(
        grpc.StatusCode[status], "fault", (("grpc-status-details-bin", packed.SerializeToString()),)
    )
    error = ours(from_grpc_error(call))
    assert type(error) is kind
    assert words in str(error)


def test_googles_front_door_can_ask_for_a_wait() -> None:
    packed = Status(code=8, message="fault")
    wait = RetryInfo()
    wait.retry_delay.FromSeconds(9)
    packed.details.add().Pack(wait)
    metadata = (("grpc-status-details-bin", packed.SerializeToString()),)
    error = ours(from_grpc_error(RpcFailure(grpc.StatusCode.RESOURCE_EXHAUSTED, "fault", metadata)))
    assert type(error) is RateLimitError
    assert error.retry_after_s == 9


def test_a_refused_sign_in_stops_the_run_with_its_remedy_and_without_its_secrets() -> None:
    error = ours(RefreshError("invalid_grant: Token has been revoked.", {"refresh_token": "canary-1"}))
    assert type(error) is AdsStoppedError
    assert error.code == "RefreshError.invalid_grant"
    assert "invalid_grant" in str(error)
    assert "google-ads.yaml" in str(error)
    assert "canary" not in str(error)


def test_a_token_endpoint_that_cannot_be_reached_is_temporary_even_for_a_mutate() -> None:
    assert type(ours(TransportError("no route"))) is TemporaryAdsError
    assert type(ours(RefreshError("503", retryable=True))) is TemporaryAdsError
    assert type(ours(RefreshError("internal_failure: try again"))) is TemporaryAdsError


@pytest.mark.parametrize("status", ["UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED"])
def test_a_front_door_that_stays_shut_stops_the_run(status: str) -> None:
    assert type(ours(bare(grpc.StatusCode[status]))) is AdsStoppedError


def test_an_answer_that_was_too_large_for_us_leaves_a_mutate_in_doubt() -> None:
    theirs = bare(
        grpc.StatusCode.RESOURCE_EXHAUSTED, text="SERVER: Received message larger than max (9 vs. 4)"
    )
    mine = bare(grpc.StatusCode.RESOURCE_EXHAUSTED, text="CLIENT: Received message larger than max (9 vs. 4)")
    assert type(ours(theirs)) is RequestTooLargeError
    assert type(ours(mine)) is OutcomeUnknownError
    assert type(ours(mine, mutate=False)) is RequestTooLargeError
