"""Errors in Google's form: error codes, field paths, details, and what they become on the wire."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import grpc

from themaads_pipeline.emulator.messages import Message, error_code_field, message_class

PathElement = tuple[str, int | None]
Path = tuple[PathElement, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiError:
    """One GoogleAdsError. `code` is `Kind.NAME` (`AdError.LINE_TOO_WIDE`); `path` leads to the offending
    field.
    """

    code: str
    message: str = ""
    path: Path = ()
    trigger: str = ""
    details: Message = None

    def below(self, *prefix: PathElement) -> "ApiError":
        return replace(self, path=(*prefix, *self.path))

    def to_message(self) -> Message:
        kind, _, name = self.code.partition(".")
        code_field, numbers = error_code_field(kind)
        error = message_class("errors.GoogleAdsError")()
        setattr(error.error_code, code_field, numbers[name])
        error.message = self.message or name.replace("_", " ").capitalize() + "."
        if self.trigger:
            error.trigger.string_value = self.trigger
        for name_, index in self.path:
            element = error.location.field_path_elements.add(field_name=name_)
            if index is not None:
                element.index = index
        if self.details is not None:
            error.details.CopyFrom(self.details)
        return error


class OperationRefusedError(Exception):
    """One operation cannot be done; the others of its request may (partial failure)."""

    def __init__(self, *errors: ApiError) -> None:
        super().__init__(", ".join(error.code for error in errors))
        self.errors = errors


class RequestRefusedError(Exception):
    """The whole request is answered with an error. Without errors it is a plain gRPC status, as a proxy or
    a lost connection gives.
    """

    def __init__(
        self,
        *errors: ApiError,
        status: grpc.StatusCode | None = None,
        message: str = "",
        details: tuple[Message, ...] = (),
    ) -> None:
        super().__init__(message or ", ".join(error.code for error in errors))
        self.errors = errors
        self.details = details  # of the status, where it has no failure: google.rpc messages
        self.status = status or (status_of(errors[0].code) if errors else grpc.StatusCode.UNKNOWN)
        self.message = message or _STATUS_MESSAGES.get(self.status, "The request was refused.")


_STATUS_MESSAGES = {
    grpc.StatusCode.INVALID_ARGUMENT: "Request contains an invalid argument.",
    grpc.StatusCode.UNAUTHENTICATED: "Request is missing required authentication credential.",
    grpc.StatusCode.PERMISSION_DENIED: "The caller does not have permission",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "Resource has been exhausted (e.g. check quota).",
    grpc.StatusCode.INTERNAL: "Internal error encountered.",
    grpc.StatusCode.UNAVAILABLE: "The service is currently unavailable.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "Deadline Exceeded",
    grpc.StatusCode.ABORTED: "The operation was aborted.",
}

_STATUS_OF_KIND = {
    "AuthenticationError": grpc.StatusCode.UNAUTHENTICATED,
    "AuthorizationError": grpc.StatusCode.PERMISSION_DENIED,
    "QuotaError": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "InternalError": grpc.StatusCode.INTERNAL,
}

_STATUS_OF_CODE = {
    "DatabaseError.CONCURRENT_MODIFICATION": grpc.StatusCode.ABORTED,
    "InternalError.DEADLINE_EXCEEDED": grpc.StatusCode.DEADLINE_EXCEEDED,
}


def status_of(code: str) -> grpc.StatusCode:
    """The gRPC status that an error of this code travels under."""
    kind = code.partition(".")[0]
    return _STATUS_OF_CODE.get(code) or _STATUS_OF_KIND.get(kind, grpc.StatusCode.INVALID_ARGUMENT)


def failure(errors: Iterable[ApiError], request_id: str) -> Message:
    """The GoogleAdsFailure that carries the errors."""
    message = message_class("errors.GoogleAdsFailure")(request_id=request_id)
    message.errors.extend([error.to_message() for error in errors])
    return message


def status_with_failure(failure_message: Message, version: str, *, code: int, message: str) -> Message:
    """A google.rpc.Status with exactly one detail: the failure, under the type name of the client's
    version.
    """
    from google.rpc import status_pb2  # noqa: PLC0415 - importing google.rpc is left to the first error

    status = status_pb2.Status(code=code, message=message)
    status.details.add(
        type_url=f"type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure",
        value=failure_message.SerializeToString(),
    )
    return status


def trailing_metadata(
    refusal: RequestRefusedError, version: str, request_id: str
) -> tuple[tuple[str, Any], ...]:
    """What Google sends behind an error: the request's id, the failure by version, and the status with the
    failure.
    """
    metadata: list[tuple[str, Any]] = [("request-id", request_id)]
    if refusal.errors:
        body = failure(refusal.errors, request_id)
        status = status_with_failure(body, version, code=refusal.status.value[0], message=refusal.message)
        metadata.append(
            (f"google.ads.googleads.{version}.errors.googleadsfailure-bin", body.SerializeToString())
        )
        metadata.append(("grpc-status-details-bin", status.SerializeToString()))
    elif refusal.details:
        metadata.append(("grpc-status-details-bin", _plain_status(refusal).SerializeToString()))
    return tuple(metadata)


def _plain_status(refusal: RequestRefusedError) -> Message:
    from google.rpc import status_pb2  # noqa: PLC0415 - importing google.rpc is left to the first error

    status = status_pb2.Status(code=refusal.status.value[0], message=refusal.message)
    for detail in refusal.details:
        status.details.add().Pack(detail)
    return status


def error_info(reason: str) -> Message:
    """What Google's front door says of a call that never got as far as Google Ads."""
    from google.rpc import error_details_pb2  # noqa: PLC0415 - importing google.rpc is left to the first error

    service = "googleads.googleapis.com"
    return error_details_pb2.ErrorInfo(reason=reason, domain="googleapis.com", metadata={"service": service})


def quota_details(
    *, retry_delay_s: float, rate_name: str = "Requests per minute", account: bool = True
) -> Message:
    """QuotaErrorDetails with the delay after which Google wants to be asked again."""
    details = message_class("errors.ErrorDetails")()
    quota = details.quota_error_details
    quota.rate_scope = 2 if account else 3  # QuotaRateScope ACCOUNT, DEVELOPER
    quota.rate_name = rate_name
    quota.retry_delay.seconds = int(retry_delay_s)
    quota.retry_delay.nanos = int((retry_delay_s - int(retry_delay_s)) * 1e9)
    return details


def resource_count_details(*, enclosing_id: int, limit: int, limit_type: int, existing: int) -> Message:
    """Which limit was reached, by which parent."""
    details = message_class("errors.ErrorDetails")()
    count = details.resource_count_details
    count.enclosing_id = str(enclosing_id)
    count.limit = limit
    count.limit_type = limit_type
    count.existing_count = existing
    return details


@dataclass(slots=True)
class Errors:
    """Collects the errors of one operation, so that one answer names all that is wrong with it."""

    found: list[ApiError] = field(default_factory=list)

    def add(
        self, code: str, path: Path = (), *, message: str = "", trigger: str = "", details: Message = None
    ) -> None:
        self.found.append(ApiError(code=code, message=message, path=path, trigger=trigger, details=details))

    def raise_any(self) -> None:
        if self.found:
            raise OperationRefusedError(*self.found)
