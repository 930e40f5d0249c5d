"""A whole request that failed, as one of our exceptions: what happened, where, and what to do.

Importing it is cheap: google's modules come with the first error.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from themaads_pipeline.ads.failures import CHECK_PROJECT, NEW_LOGIN, Reaction
from themaads_pipeline.ads.faults import Fault, clipped, faults_of, joined
from themaads_pipeline.exceptions import (
    AccountStoppedError,
    AdsError,
    AdsStoppedError,
    OutcomeUnknownError,
    RequestTooLargeError,
    TemporaryAdsError,
)

# A request that ended so may have been committed, whatever we know or do not know about its code.
_UNCERTAIN_STATUSES: Final = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL", "UNAVAILABLE", "CANCELLED", "DATA_LOSS"}
)
_STOPPING_STATUSES: Final = {
    "UNAUTHENTICATED": NEW_LOGIN,
    "PERMISSION_DENIED": CHECK_PROJECT,
    "NOT_FOUND": "Check `endpoint` in google-ads.yaml.",
    "UNIMPLEMENTED": "Check `endpoint` in google-ads.yaml, or update this package.",
}

_KINDS: Final[dict[Reaction, type[AdsError]]] = {
    Reaction.STOP_RUN: AdsStoppedError,
    Reaction.STOP_ACCOUNT: AccountStoppedError,
    Reaction.SMALLER_BATCH: RequestTooLargeError,
}


def whole_request_error(error: Exception, *, mutate: bool, where: str) -> AdsError:
    """The exception of ours for a whole request that failed with one of the client library's.

    Args:
        error: A GoogleAdsException, an error of google.api_core, gRPC or google.auth.
        mutate: Whether the request could change the account: then "perhaps committed" matters.
        where: What was being done, for the message: `creating 500 ads in account 1234567890`.
    """
    if type(error).__module__.startswith("google.auth"):
        return _sign_in_error(error, where=where)
    status, text, request_id, failure = _facts_of(error)
    if failure is None:
        return _status_error(status, text, request_id=request_id, mutate=mutate, where=where)
    return request_refused(
        faults_of(failure), status=status, request_id=request_id, mutate=mutate, where=where
    )


def request_refused(
    faults: Sequence[Fault], *, status: str, request_id: str | None, mutate: bool, where: str
) -> AdsError:
    """The exception for errors that concern a whole request: the weightiest decides.

    Definite refusals that no retry, size or account explains are a plain AdsError: nothing was committed,
    and the items of the request fail as technical, or one by one in smaller requests.
    """
    if not faults:
        return _status_error(status, "no reason given", request_id=request_id, mutate=mutate, where=where)
    fault = max(faults, key=lambda each: each.meaning.reaction)
    meaning = fault.meaning
    code = fault.code
    message = f"{where}: {joined([fault, *faults])} [{code}]"
    if request_id:
        message += f" (request {request_id})"
    if meaning.remedy:
        message += f" {meaning.remedy}"
    # A definite refusal travels under a definite status; under another one it may be half the story.
    half_the_story = status in _UNCERTAIN_STATUSES and meaning.reaction <= Reaction.SLOW_DOWN
    uncertain = (
        meaning.reaction is Reaction.READ_BACK
        or half_the_story
        or code == "RequestError.RPC_DEADLINE_TOO_SHORT"
    )
    if uncertain and mutate:
        return OutcomeUnknownError(message, code=code, request_id=request_id)
    if meaning.reaction in {Reaction.RETRY, Reaction.READ_BACK} or half_the_story:
        return TemporaryAdsError(
            message, code=code, request_id=request_id, retry_after_s=_longest_wait(faults)
        )
    kind = _KINDS.get(meaning.reaction, AdsError)
    return kind(message, code=code, request_id=request_id)


def _status_error(status: str, text: str, *, request_id: str | None, mutate: bool, where: str) -> AdsError:
    """A gRPC status without Google's own errors."""
    code = f"StatusCode.{status}"
    message = f"{where}: {clipped(text)} [{code}]"
    if request_id:
        message += f" (request {request_id})"
    kind: type[AdsError] = AdsError
    if "larger than max" in text:
        # gRPC's own limits: a request that the server would not take, or an answer that we would not.
        kind = OutcomeUnknownError if mutate and "SERVER" not in text else RequestTooLargeError
    elif "Getting metadata from plugin failed" in text:
        kind = TemporaryAdsError  # no token could be had: it never left
    elif status in _UNCERTAIN_STATUSES:
        kind = OutcomeUnknownError if mutate else TemporaryAdsError
    elif status == "RESOURCE_EXHAUSTED":
        kind = TemporaryAdsError
    elif status in _STOPPING_STATUSES:
        kind = AdsStoppedError
        message += f" {_STOPPING_STATUSES[status]}"
    return kind(message, code=code, request_id=request_id)


def _sign_in_error(error: Exception, *, where: str) -> AdsError:
    """No token: the request never left. Only the reason is quoted: the rest may hold what is secret."""
    kind = type(error).__name__
    code = f"google.auth.{kind}"
    reason = ""
    if kind == "RefreshError":
        reason = clipped(str(error.args[0]).partition("{")[0].strip(" ,:(")) if error.args else ""
    if kind == "TransportError" or bool(getattr(error, "retryable", False)):
        return TemporaryAdsError(f"{where}: Google's token endpoint cannot be reached [{code}]", code=code)
    said = f" ({reason})" if reason else ""
    return AdsStoppedError(
        f"{where}: Google does not accept the credentials{said} [{code}]. {NEW_LOGIN}", code=code
    )


def _facts_of(error: Any) -> tuple[str, str, str | None, Any | None]:
    """Status, text, request id and GoogleAdsFailure of an error, wherever its class keeps them."""
    call = getattr(error, "error", None) or getattr(error, "response", None) or error
    metadata = _trailing_metadata(call)
    request_id = getattr(error, "request_id", None) or _text(metadata.get("request-id")) or None
    failure = getattr(error, "failure", None)
    if failure is None:
        failure = _failure_in(metadata, getattr(error, "details", None))
    status = _status_name(error, call)
    details = getattr(call, "details", None)
    text = details() if callable(details) else getattr(error, "message", None)
    return status, _text(text) or type(error).__name__, request_id, failure


def _status_name(error: Any, call: Any) -> str:
    status = getattr(error, "grpc_status_code", None)
    if status is None:
        code = getattr(call, "code", None)
        status = code() if callable(code) else None
    return getattr(status, "name", "UNKNOWN")


def _trailing_metadata(call: Any) -> dict[str, Any]:
    trailing = getattr(call, "trailing_metadata", None)
    return dict(trailing() or ()) if callable(trailing) else {}


def _failure_in(metadata: dict[str, Any], details: Any) -> Any | None:
    """The GoogleAdsFailure of an error that the client does not wrap (INTERNAL, RESOURCE_EXHAUSTED)."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - see the module's docstring
    from google.rpc.status_pb2 import Status  # noqa: PLC0415 - see the module's docstring

    from themaads_pipeline.ads.protobuf import GoogleAdsFailure  # noqa: PLC0415 - see the module's docstring

    payloads = [value for key, value in metadata.items() if key.endswith(".errors.googleadsfailure-bin")]
    try:
        packed = metadata.get("grpc-status-details-bin")
        anys = list(Status.FromString(packed).details) if packed else []
        if isinstance(details, (list, tuple)):
            anys += [each for each in details if hasattr(each, "type_url")]
        payloads += [each.value for each in anys if each.type_url.endswith(".GoogleAdsFailure")]
        return GoogleAdsFailure.FromString(payloads[0]) if payloads else None
    except DecodeError:
        return None


def _longest_wait(faults: Iterable[Fault]) -> float | None:
    return max((fault.retry_after_s for fault in faults if fault.retry_after_s is not None), default=None)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
