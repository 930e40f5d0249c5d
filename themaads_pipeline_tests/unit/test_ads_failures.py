"""Each of Google's errors has a class and a reaction; a whole request's becomes one of our exceptions."""

from typing import Any

import grpc
import pytest
from google.ads.googleads.errors import GoogleAdsException
from google.ads.googleads.v26.errors.types.errors import ErrorCode
from google.ads.googleads.v26.errors.types.errors import GoogleAdsFailure as WrappedFailure
from google.api_core.exceptions import from_grpc_error
from google.auth.exceptions import RefreshError, TransportError
from google.rpc.status_pb2 import Status

from themaads_pipeline.ads.failures import Reaction, is_listed, meaning_of
from themaads_pipeline.ads.protobuf import GoogleAdsFailure
from themaads_pipeline.ads.request_errors import whole_request_error
from themaads_pipeline.exceptions import (
    AccountStoppedError,
    AdsError,
    AdsStoppedError,
    OutcomeUnknownError,
    RequestTooLargeError,
    TemporaryAdsError,
)
from themaads_pipeline.model.outcomes import Category

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


# The rows of the table in the facts


@pytest.mark.parametrize(
    ("reaction", "codes"),
    [
        (
            Reaction.READ_BACK,
            [
                "InternalError.TRANSIENT_ERROR",
                "InternalError.INTERNAL_ERROR",
                "InternalError.DEADLINE_EXCEEDED",
            ],
        ),
        (
            Reaction.RETRY,
            ["DatabaseError.CONCURRENT_MODIFICATION", "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED"],
        ),
        (
            Reaction.SMALLER_BATCH,
            [
                "DatabaseError.REQUEST_TOO_LARGE",
                "SizeLimitError.REQUEST_SIZE_LIMIT_EXCEEDED",
                "RequestError.RPC_DEADLINE_TOO_SHORT",
                "RequestError.TOO_MANY_MUTATE_OPERATIONS",
            ],
        ),
        (
            Reaction.STOP_RUN,
            [
                "AuthenticationError.OAUTH_TOKEN_INVALID",
                "AuthenticationError.OAUTH_TOKEN_EXPIRED",
                "AuthenticationError.OAUTH_TOKEN_REVOKED",
                "AuthenticationError.OAUTH_TOKEN_DISABLED",
                "AuthenticationError.NOT_ADS_USER",
                "AuthorizationError.PROJECT_DISABLED",
                "AuthorizationError.CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION",
                "AuthorizationError.CLOUD_PROJECT_NOT_UNDER_ORGANIZATION",
                "RequestError.CLOUD_PROJECT_NOT_FOUND",
                "AuthorizationError.MISSING_TOS",
                "HeaderError.INVALID_LOGIN_CUSTOMER_ID",
                "RequestError.UNSUPPORTED_VERSION",
                "QuotaError.RESOURCE_EXHAUSTED",
            ],
        ),
        (
            Reaction.STOP_ACCOUNT,
            [
                "AuthorizationError.USER_PERMISSION_DENIED",
                "AuthorizationError.CUSTOMER_NOT_ENABLED",
                "AuthenticationError.CUSTOMER_NOT_FOUND",
                "AuthorizationError.ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT",
                "OperationAccessDeniedError.MUTATE_NOT_PERMITTED_FOR_CUSTOMER",
                "RequestError.CANNOT_BE_EXECUTED_BY_MANAGER_ACCOUNT",
                "MutateError.EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED",
            ],
        ),
        (
            Reaction.FAIL_ITEM,
            [
                "MutateError.RESOURCE_NOT_FOUND",
                "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_AD_GROUP_TYPE",
                "AdError.LINE_TOO_WIDE",
                "AdGroupAdError.AD_NOT_UNDER_ADGROUP",
                "StringLengthError.TOO_LONG",
                "CollectionSizeError.TOO_MANY",
                "ResourceCountLimitExceededError.ADGROUP_LIMIT",
            ],
        ),
        (
            Reaction.FAIL_ITEM_AS_POLICY,
            ["PolicyFindingError.POLICY_FINDING", "PolicyViolationError.POLICY_ERROR"],
        ),
        (
            Reaction.ALREADY_THERE,
            [
                "AdGroupAdError.AD_GROUP_AD_LABEL_ALREADY_EXISTS",
                "AdGroupError.ADGROUP_LABEL_ALREADY_EXISTS",
            ],
        ),
    ],
)
def test_every_row_of_the_table_has_its_reaction(reaction: Reaction, codes: list[str]) -> None:
    assert {code: meaning_of(code).reaction for code in codes} == dict.fromkeys(codes, reaction)


def test_every_code_in_the_table_exists_in_the_package() -> None:
    from themaads_pipeline.ads.failures import _BY_CODE, _BY_KIND  # noqa: PLC0415 - only here

    kinds = {
        field.enum_type.name: {value.name for value in field.enum_type.values}
        for field in ErrorCode.pb()().DESCRIPTOR.fields
    }
    assert set(_BY_KIND) <= set(kinds)
    for code in _BY_CODE:
        kind, _, name = code.partition(".")
        assert name in kinds[kind], code


def test_every_error_of_the_package_has_a_deliberate_class() -> None:
    for field in ErrorCode.pb()().DESCRIPTOR.fields:
        for value in field.enum_type.values:
            assert is_listed(f"{field.enum_type.name}.{value.name}")


def test_a_policy_is_never_a_reason_to_slow_down_or_to_retry() -> None:
    assert meaning_of("PolicyFindingError.POLICY_FINDING").category is Category.POLICY
    assert Reaction.FAIL_ITEM_AS_POLICY < Reaction.SLOW_DOWN


def test_an_unlisted_code_is_technical_and_fails_its_item_once() -> None:
    meaning = meaning_of("BrandNewError.OH_NO")
    assert (meaning.category, meaning.reaction) == (Category.TECHNICAL, Reaction.FAIL_ITEM)
    assert not is_listed("BrandNewError.OH_NO")


# Whole requests


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
    assert type(error) is TemporaryAdsError
    assert error.retry_after_s == 12.5
    assert error.code == "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED"
    assert error.request_id == "r-1"


def test_the_days_quota_stops_the_run_and_says_when_it_is_back() -> None:
    error = ours(
        bare(grpc.StatusCode.RESOURCE_EXHAUSTED, ads_failure(("quota_error", 2), retry_after_s=40591))
    )
    assert type(error) is AdsStoppedError
    assert "40591 s" in str(error)


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


def test_a_refused_sign_in_stops_the_run_with_its_remedy_and_without_its_secrets() -> None:
    error = ours(RefreshError("invalid_grant: Token has been revoked.", {"refresh_token": "canary-1"}))
    assert type(error) is AdsStoppedError
    assert "invalid_grant" in str(error)
    assert "google-ads.yaml" in str(error)
    assert "canary" not in str(error)


def test_a_token_endpoint_that_cannot_be_reached_is_temporary_even_for_a_mutate() -> None:
    assert type(ours(TransportError("no route"))) is TemporaryAdsError
    assert type(ours(RefreshError("503", retryable=True))) is TemporaryAdsError


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
