"""Every documented error as the official client gives it: which exception, which metadata, which details."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException
from google.api_core import exceptions
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from themaads_pipeline_tests.conformance.account import (
    FULL,
    HEADLINES,
    MANAGER,
    add_ad,
    ads_request,
    codes,
    partial_failure,
    path_of,
    raw,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator

ClientFor = Callable[..., Any]


@pytest.fixture
def client(client_for: ClientFor) -> Any:
    return client_for(login_customer_id=MANAGER)


def _send(client: Any, request: Any) -> Any:
    return client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request, timeout=30)


def _raised(client: Any, **settings: Any) -> Any:
    """What one creation of an ad raises."""
    request = ads_request(client, **settings)
    add_ad(client, request)
    with pytest.raises((GoogleAdsException, exceptions.GoogleAPICallError)) as raised:
        _send(client, request)
    return raised.value


def _metadata(error: Any) -> dict[str, Any]:
    """The trailing metadata, which both kinds of exceptions carry."""
    call = error.error if isinstance(error, GoogleAdsException) else error.errors[0]
    return {item.key: item.value for item in call.trailing_metadata() or ()}


def _failure(client: Any, content: bytes) -> Message:
    failure: Message = raw(client.get_type("GoogleAdsFailure"))
    failure.ParseFromString(content)
    return failure


# By what a client is to do, with the gRPC status that the error travels under.
AS_GOOGLE_ADS_EXCEPTION = {
    # retry
    "DatabaseError.CONCURRENT_MODIFICATION": "ABORTED",
    "InternalError.DEADLINE_EXCEEDED": "DEADLINE_EXCEEDED",
    # a smaller batch
    "DatabaseError.REQUEST_TOO_LARGE": "INVALID_ARGUMENT",
    "SizeLimitError.REQUEST_SIZE_LIMIT_EXCEEDED": "INVALID_ARGUMENT",
    "RequestError.RPC_DEADLINE_TOO_SHORT": "INVALID_ARGUMENT",
    "RequestError.TOO_MANY_MUTATE_OPERATIONS": "INVALID_ARGUMENT",
    # stop the run
    "AuthenticationError.OAUTH_TOKEN_INVALID": "UNAUTHENTICATED",
    "AuthenticationError.OAUTH_TOKEN_EXPIRED": "UNAUTHENTICATED",
    "AuthenticationError.OAUTH_TOKEN_REVOKED": "UNAUTHENTICATED",
    "AuthenticationError.OAUTH_TOKEN_DISABLED": "UNAUTHENTICATED",
    "AuthenticationError.NOT_ADS_USER": "UNAUTHENTICATED",
    "AuthorizationError.PROJECT_DISABLED": "PERMISSION_DENIED",
    "AuthorizationError.CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION": "PERMISSION_DENIED",
    "AuthorizationError.CLOUD_PROJECT_NOT_UNDER_ORGANIZATION": "PERMISSION_DENIED",
    "AuthorizationError.MISSING_TOS": "PERMISSION_DENIED",
    "HeaderError.INVALID_LOGIN_CUSTOMER_ID": "INVALID_ARGUMENT",
    "RequestError.UNSUPPORTED_VERSION": "INVALID_ARGUMENT",
    # stop the account
    "AuthorizationError.USER_PERMISSION_DENIED": "PERMISSION_DENIED",
    "AuthorizationError.CUSTOMER_NOT_ENABLED": "PERMISSION_DENIED",
    "AuthorizationError.ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT": "PERMISSION_DENIED",
    "AuthenticationError.CUSTOMER_NOT_FOUND": "UNAUTHENTICATED",
    "OperationAccessDeniedError.MUTATE_NOT_PERMITTED_FOR_CUSTOMER": "INVALID_ARGUMENT",
    "RequestError.CANNOT_BE_EXECUTED_BY_MANAGER_ACCOUNT": "INVALID_ARGUMENT",
    "MutateError.EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": "INVALID_ARGUMENT",
    # fail the item
    "MutateError.RESOURCE_NOT_FOUND": "INVALID_ARGUMENT",
    "PolicyViolationError.POLICY_ERROR": "INVALID_ARGUMENT",
}
NOT_WRAPPED = {
    "InternalError.INTERNAL_ERROR": exceptions.InternalServerError,
    "InternalError.TRANSIENT_ERROR": exceptions.InternalServerError,
    "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED": exceptions.ResourceExhausted,
    "QuotaError.RESOURCE_EXHAUSTED": exceptions.ResourceExhausted,
}
PLAIN = {
    "UNAVAILABLE": exceptions.ServiceUnavailable,
    "UNKNOWN": exceptions.Unknown,
    "INTERNAL": exceptions.InternalServerError,
    "ABORTED": exceptions.Aborted,
    "RESOURCE_EXHAUSTED": exceptions.ResourceExhausted,
    "DEADLINE_EXCEEDED": exceptions.DeadlineExceeded,
    "CANCELLED": exceptions.Cancelled,
}


def test_errors_with_a_failure_become_googles_exception_with_its_status(
    client: Any, emulator: RunningEmulator
) -> None:
    found = {}
    for code in AS_GOOGLE_ADS_EXCEPTION:
        emulator.clear_faults()
        emulator.faults([{"kind": "error", "error": code, "message": "In words."}])
        error = _raised(client)
        assert isinstance(error, GoogleAdsException), code
        (detail,) = raw(error.failure).errors
        assert detail.message == "In words."
        kind, _, name = code.partition(".")
        (got,) = codes(error.failure)
        assert got.replace("_", "").lower() == f"{kind}.{name}".replace("_", "").lower()
        found[code] = error.error.code().name
    assert found == AS_GOOGLE_ADS_EXCEPTION


def test_internal_and_exhausted_errors_are_not_wrapped_and_keep_the_failure_in_their_metadata(
    client: Any, emulator: RunningEmulator
) -> None:
    for code, kind in NOT_WRAPPED.items():
        emulator.clear_faults()
        emulator.faults([{"kind": "error", "error": code, "retry_delay": 7}])
        error = _raised(client)
        assert type(error) is kind, code
        failure = _failure(client, _metadata(error)["google.ads.googleads.v26.errors.googleadsfailure-bin"])
        assert codes(failure)[0].endswith(code.partition(".")[2])


def test_the_delay_of_a_quota_error_is_in_the_details_and_in_the_metadata(
    client: Any, emulator: RunningEmulator
) -> None:
    emulator.faults([{"kind": "error", "error": "QuotaError.RESOURCE_EXHAUSTED", "retry_delay": 40591}])
    error = _raised(client)
    (detail,) = error.details
    from_details = raw(client.get_type("GoogleAdsFailure"))
    assert detail.Unpack(from_details)
    from_metadata = _failure(client, _metadata(error)["google.ads.googleads.v26.errors.googleadsfailure-bin"])
    for failure in (from_details, from_metadata):
        quota = failure.errors[0].details.quota_error_details
        assert quota.retry_delay.seconds == 40_591
        assert quota.rate_name
        scope = quota.DESCRIPTOR.fields_by_name["rate_scope"].enum_type.values_by_number[quota.rate_scope]
        assert scope.name == "ACCOUNT"


@pytest.mark.parametrize("version", ["v24", "v26"])
def test_the_metadata_behind_an_error_is_keyed_by_version(
    version: str, client_for: ClientFor, emulator: RunningEmulator
) -> None:
    client = client_for(version, login_customer_id=MANAGER)
    emulator.faults([{"kind": "error", "error": "DatabaseError.REQUEST_TOO_LARGE"}])
    error = _raised(client)
    metadata = _metadata(error)
    key = f"google.ads.googleads.{version}.errors.googleadsfailure-bin"
    assert {"request-id", key, "grpc-status-details-bin"} <= set(metadata)
    assert metadata["request-id"] == error.request_id == error.failure.request_id
    status = Status.FromString(metadata["grpc-status-details-bin"])
    assert (status.code, status.message) == (3, error.error.details())
    (detail,) = status.details
    assert detail.type_url == f"type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure"
    assert detail.value == metadata[key]


def test_a_status_without_a_failure_is_a_plain_exception(client: Any, emulator: RunningEmulator) -> None:
    for code, kind in PLAIN.items():
        emulator.clear_faults()
        emulator.faults([{"kind": "error", "code": code}])
        error = _raised(client)
        assert type(error) is kind, code
        assert not [key for key in _metadata(error) if key.endswith("-bin")]


def test_a_deadline_on_the_clients_side_has_no_metadata_at_all(
    client: Any, emulator: RunningEmulator
) -> None:
    emulator.faults([{"kind": "hang", "seconds": 5}])
    request = ads_request(client)
    add_ad(client, request)
    with pytest.raises(exceptions.DeadlineExceeded) as raised:
        client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request, timeout=0.3)
    assert "request-id" not in _metadata(raised.value)


def test_a_partial_failure_holds_one_failure_with_the_errors_of_all_operations(client: Any) -> None:
    request = ads_request(client)
    add_ad(client, request, headlines=HEADLINES[:2], descriptions=["een"])
    add_ad(client, request)
    add_ad(client, request, FULL, status="ENABLED")
    add_ad(client, request, headlines=[*HEADLINES, "Koop nu!"])
    response = _send(client, request)
    status = response.partial_failure_error
    assert status.code == 3
    assert status.message.startswith("Multiple errors in")
    assert len(status.details) == 1
    errors = raw(partial_failure(client, response)).errors
    found = list(zip(codes(partial_failure(client, response)), map(path_of, errors), strict=True))
    rsa = "operations[0].create.ad.responsive_search_ad"
    assert found == [
        ("collection_size_error.TOO_FEW", f"{rsa}.headlines"),
        ("collection_size_error.TOO_FEW", f"{rsa}.descriptions"),
        ("resource_count_limit_exceeded_error.ADGROUP_LIMIT", "operations[2].create"),
        ("policy_finding_error.POLICY_FINDING", "operations[3].create.ad"),
    ]
    count = errors[2].details.resource_count_details
    kind = count.DESCRIPTOR.fields_by_name["limit_type"].enum_type.values_by_number[count.limit_type].name
    assert (count.enclosing_id, count.limit, count.existing_count, kind) == (
        str(FULL),
        3,
        3,
        "RESPONSIVE_SEARCH_ADS_PER_AD_GROUP",
    )
    (entry,) = errors[3].details.policy_finding_details.policy_topic_entries
    assert (entry.topic, list(entry.evidences[0].text_list.texts)) == (
        "PUNCTUATION_AND_SYMBOLS",
        ["Koop nu!"],
    )
    assert errors[3].trigger.string_value == "Koop nu!"


def test_a_partial_failure_can_concern_the_whole_request(client: Any, emulator: RunningEmulator) -> None:
    error = "DatabaseError.CONCURRENT_MODIFICATION"
    emulator.faults([{"kind": "error", "error": error, "scope": "partial_failure"}])
    request = ads_request(client)
    for _ in range(2):
        add_ad(client, request)
    response = _send(client, request)
    assert [result.resource_name for result in response.results] == ["", ""]
    (error,) = raw(partial_failure(client, response)).errors
    assert not error.location.field_path_elements
    request.partial_failure = False
    with pytest.raises(GoogleAdsException):
        _send(client, request)


def test_all_or_nothing_raises_the_errors_of_all_operations(client: Any) -> None:
    request = ads_request(client, partial_failure=False)
    add_ad(client, request, 999)
    add_ad(client, request)
    add_ad(client, request, headlines=HEADLINES[:2])
    with pytest.raises(GoogleAdsException) as raised:
        _send(client, request)
    assert [path_of(error) for error in raw(raised.value.failure).errors] == [
        "operations[0].create.ad_group",
        "operations[2].create.ad.responsive_search_ad.headlines",
    ]
