"""A whole request that failed, as one of our exceptions: what happened, where, and what to do.

Importing it is cheap: google's modules come with the first error.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from themaads_pipeline.ads.failures import Meaning, Reaction, errors, meaning_of
from themaads_pipeline.ads.faults import Fault, clipped, faults_of, joined, longest_wait
from themaads_pipeline.exceptions import (
    AccountStoppedError,
    AdsError,
    AdsStoppedError,
    OutcomeUnknownError,
    RateLimitError,
    RequestTooLargeError,
    TemporaryAdsError,
)
from themaads_pipeline.masking import mask
from themaads_pipeline.model.outcomes import Category

# Under a status that leaves the outcome open, these do not close it: they may be half the story.
_ABOUT_ITEMS: Final = frozenset(
    {Reaction.ALREADY_THERE, Reaction.FAIL_ITEM, Reaction.FAIL_ITEM_AS_POLICY, Reaction.SLOW_DOWN}
)
# What is refused for its rate, not for what it is.
_RATES: Final = (
    "QuotaError.",
    "ErrorReason.RATE_LIMIT_EXCEEDED",
    "ErrorReason.RESOURCE_QUOTA_EXCEEDED",
    "StatusCode.RESOURCE_EXHAUSTED",
    "Newer.RESOURCE_EXHAUSTED",
)
# How gRPC refuses a message for its size, at either end; ours begins with another word.
_TOO_LARGE: Final = "larger than max"
_NO_TOKEN: Final = "Getting metadata from plugin failed"  # noqa: S105 - gRPC's words, no password


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a request ended, wherever the error's class keeps it."""

    status: str  # gRPC's
    text: str
    request_id: str | None = None
    failure: Any = None  # the GoogleAdsFailure, where there is one
    reason: str = ""  # what Google's front door says, which a call passes before it reaches Google Ads
    retry_after_s: float | None = None  # what the front door says


def whole_request_error(error: Exception, *, mutate: bool, where: str) -> AdsError:
    """The exception of ours for a whole request that failed with one of the client library's.

    Args:
        error: A GoogleAdsException, an error of google.api_core, gRPC or google.auth.
        mutate: Whether the request could change the account: then "perhaps committed" matters.
        where: What was being done, for the message: `creating 500 ads in account 1234567890`.
    """
    if type(error).__module__.startswith("google.auth"):
        return _sign_in_error(error, where=where)
    ended = _ended(error)
    if ended.failure is not None and ended.failure.errors:
        return request_refused(
            faults_of(ended.failure),
            status=ended.status,
            request_id=ended.request_id,
            mutate=mutate,
            where=where,
        )
    return _status_error(ended, mutate=mutate, where=where)


def request_refused(
    faults: Sequence[Fault], *, status: str, request_id: str | None, mutate: bool, where: str
) -> AdsError:
    """The exception for errors that concern a whole request (at least one): the gravest decides.

    Definite refusals that no retry, size or account explains are a plain AdsError: nothing was committed,
    and the items of the request fail, or are sent in smaller requests.
    """

    def by_gravity(fault: Fault) -> tuple[int, bool, str, str]:
        meaning = fault.meaning(status=status)
        return -meaning.gravity_for_request, not meaning.in_doubt, fault.code, fault.message

    ordered = sorted(faults, key=by_gravity)
    meaning = ordered[0].meaning(status=status)
    of_status = errors().get(f"StatusCode.{status}")
    open_ended = of_status is not None and of_status.in_doubt and meaning.reaction in _ABOUT_ITEMS
    return _exception(
        of_status if of_status is not None and open_ended else meaning,
        said=joined(ordered),
        code=ordered[0].code,
        request_id=request_id,
        mutate=mutate,
        where=where,
        retry_after_s=longest_wait(faults),
        rate_for_all=any(fault.rate_for_all for fault in faults),
    )


def _status_error(ended: Ended, *, mutate: bool, where: str) -> AdsError:
    """A request that failed without Google Ads' own errors."""
    code = f"StatusCode.{ended.status}"
    meaning = meaning_of(code)
    reason = f"ErrorReason.{ended.reason}"
    # What the table does not name by itself explains a refusal, and makes none of what may pass, or may have.
    if (
        ended.reason
        and not meaning.in_doubt
        and (reason in errors() or meaning.reaction is Reaction.STOP_RUN)
    ):
        code, meaning = reason, meaning_of(reason)
    if _TOO_LARGE in ended.text:
        # A request that Google would not take, or an answer that we would not.
        meaning = meaning_of("DatabaseError.REQUEST_TOO_LARGE")
        if "SERVER" not in ended.text:
            meaning = meaning_of("SizeLimitError.RESPONSE_SIZE_LIMIT_EXCEEDED")
    elif _NO_TOKEN in ended.text:
        meaning = meaning_of("google.auth.TransportError")
    return _exception(
        meaning,
        said=clipped(ended.text),
        code=code,
        request_id=ended.request_id,
        mutate=mutate,
        where=where,
        retry_after_s=ended.retry_after_s,
    )


def _sign_in_error(error: Exception, *, where: str) -> AdsError:
    """No token: the request never left. Only the reason is quoted: the rest may hold what is secret."""
    code = f"google.auth.{type(error).__name__}"
    reason = ""
    if type(error).__name__ == "RefreshError" and error.args:
        reason = clipped(str(error.args[0]).partition("{")[0].strip(" ,:("))
        grant = f"RefreshError.{reason.partition(':')[0].strip()}"
        code = grant if grant in errors() else code
    meaning = meaning_of(code)
    if getattr(error, "retryable", False) and meaning.reaction is Reaction.STOP_RUN:
        meaning = meaning_of("google.auth.TransportError")
    said = reason if meaning.reaction is Reaction.STOP_RUN else ""
    return _exception(meaning, said=said, code=code, request_id=None, mutate=False, where=where)


def _exception(
    meaning: Meaning,
    *,
    said: str,
    code: str,
    request_id: str | None,
    mutate: bool,
    where: str,
    retry_after_s: float | None = None,
    rate_for_all: bool = False,
) -> AdsError:
    """What happened, where, and what to do: ours first where a person has to do something."""
    source = " ".join(filter(None, [said, f"[{code}]", f"(request {request_id})" if request_id else ""]))
    message = f"{where}: {source}" if said else f"{where}: {meaning.reason} {source}"
    if meaning.remedy:
        message = f"{where}: {meaning.reason}. {meaning.remedy} Google: {source}"
    message = mask(message)  # Google quotes what was sent
    wait_s = meaning.wait_s if retry_after_s is None else retry_after_s
    is_too_large = meaning.reaction is Reaction.SMALLER_BATCH
    if mutate and meaning.in_doubt:
        return OutcomeUnknownError(message, code=code, request_id=request_id, is_too_large=is_too_large)
    match meaning.reaction:
        case Reaction.STOP_RUN:
            # Only what goes away by itself is waited for.
            heals = meaning.category is Category.TEMPORARY
            return AdsStoppedError(
                message, code=code, request_id=request_id, retry_after_s=wait_s if heals else None
            )
        case Reaction.RETRY if code.startswith(_RATES):
            return RateLimitError(
                message, code=code, request_id=request_id, retry_after_s=wait_s, for_all=rate_for_all
            )
        case Reaction.RETRY:
            return TemporaryAdsError(message, code=code, request_id=request_id, retry_after_s=wait_s)
    refused = _REFUSED.get(meaning.reaction, AdsError)
    return refused(message, code=code, request_id=request_id, category=str(meaning.category))


_REFUSED: Final[dict[Reaction, type[AdsError]]] = {
    Reaction.STOP_ACCOUNT: AccountStoppedError,
    Reaction.SMALLER_BATCH: RequestTooLargeError,
}


def _ended(error: Any) -> Ended:
    call = getattr(error, "error", None) or getattr(error, "response", None) or error
    metadata = _trailing_metadata(call)
    failure = getattr(error, "failure", None)
    reason, retry_after_s = "", None
    for packed in _packed(metadata, getattr(error, "details", None)):
        kind = packed.type_url.rpartition(".")[2]
        if kind == "GoogleAdsFailure":
            failure = failure if failure is not None else _parsed("GoogleAdsFailure", packed.value)
        elif kind == "ErrorInfo" and (info := _parsed(kind, packed.value)) is not None:
            reason = info.reason
        elif kind == "RetryInfo" and (retry := _parsed(kind, packed.value)) is not None:
            retry_after_s = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    details = getattr(call, "details", None)
    text = details() if callable(details) else getattr(error, "message", None)
    return Ended(
        status=_status_name(error, call),
        text=_text(text) or type(error).__name__,
        request_id=getattr(error, "request_id", None) or _text(metadata.get("request-id")) or None,
        failure=failure,
        reason=reason,
        retry_after_s=retry_after_s,
    )


def _status_name(error: Any, call: Any) -> str:
    status = getattr(error, "grpc_status_code", None)
    if status is None:
        code = getattr(call, "code", None)
        status = code() if callable(code) else None
    return getattr(status, "name", "UNKNOWN")


def _trailing_metadata(call: Any) -> dict[str, Any]:
    trailing = getattr(call, "trailing_metadata", None)
    return dict(trailing() or ()) if callable(trailing) else {}


def _packed(metadata: dict[str, Any], details: Any) -> Iterable[Any]:
    """Everything that travels with an error, also one that the client does not wrap (INTERNAL,
    RESOURCE_EXHAUSTED), wherever it is kept.
    """
    from google.protobuf.any_pb2 import Any as Packed  # noqa: PLC0415 - see the module's docstring
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - see the module's docstring
    from google.rpc.status_pb2 import Status  # noqa: PLC0415 - see the module's docstring

    for key, value in metadata.items():
        if key.endswith(".errors.googleadsfailure-bin"):
            yield Packed(type_url="type.googleapis.com/google.ads.GoogleAdsFailure", value=value)
    if packed := metadata.get("grpc-status-details-bin"):
        with suppress(DecodeError):
            yield from Status.FromString(packed).details
    if isinstance(details, (list, tuple)):
        yield from (each for each in details if hasattr(each, "type_url"))


def _parsed(kind: str, value: bytes) -> Any | None:
    """A message that travels with an error; None where it is damaged."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - see the module's docstring
    from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo  # noqa: PLC0415 - see the module's docstring

    from themaads_pipeline.ads.protobuf import GoogleAdsFailure  # noqa: PLC0415 - see the module's docstring

    known = {"GoogleAdsFailure": GoogleAdsFailure, "ErrorInfo": ErrorInfo, "RetryInfo": RetryInfo}
    try:
        return known[kind].FromString(value)
    except DecodeError:
        return None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
