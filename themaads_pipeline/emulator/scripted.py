"""The answers that a fault gives in place of Google's."""

from math import ceil

import grpc

from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError, quota_details
from themaads_pipeline.emulator.faults import Fault
from themaads_pipeline.emulator.mutates import scripted_error

_RATE_LIMIT_DELAY_S = 5.0


def status_named(name: str) -> grpc.StatusCode | None:
    return grpc.StatusCode[name] if name else None


def unavailable(message: str = "") -> RequestRefusedError:
    """As a proxy says it, without anything of Google's."""
    return RequestRefusedError(status=grpc.StatusCode.UNAVAILABLE, message=message)


def refusal(fault: Fault, clock: float) -> RequestRefusedError | None:
    """What a fault answers before anything is done; None for one that does something else. `clock`: the
    emulator's.
    """
    match fault.kind:
        case "error":
            errors = (scripted_error(fault),) if fault.error or not fault.code else ()
            return RequestRefusedError(*errors, status=status_named(fault.code), message=fault.message)
        case "rate_limit":
            delay = fault.retry_delay if fault.retry_delay is not None else _RATE_LIMIT_DELAY_S
            return _quota_refusal(fault, "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED", delay)
        case "daily_quota":
            return _quota_refusal(fault, "QuotaError.RESOURCE_EXHAUSTED", max(0, ceil(fault.back_at - clock)))
        case "suspend_account":
            return RequestRefusedError(
                ApiError(code=fault.error or "AuthorizationError.CUSTOMER_NOT_ENABLED")
            )
    return None


def lost_answer(fault: Fault) -> RequestRefusedError:
    """What a client gets instead of the answer to something that was done."""
    if fault.error:
        return RequestRefusedError(scripted_error(fault), status=status_named(fault.code))
    if fault.code:
        message = fault.message or "Connection reset by peer"
        return RequestRefusedError(status=status_named(fault.code), message=message)
    return unavailable(fault.message or "Connection reset by peer")


def broken_stream(fault: Fault) -> RequestRefusedError:
    """The status that a stream ends with."""
    if fault.error:
        return RequestRefusedError(
            scripted_error(fault), status=status_named(fault.code), message=fault.message
        )
    status = status_named(fault.code) or grpc.StatusCode.UNAVAILABLE
    return RequestRefusedError(status=status, message=fault.message)


def _quota_refusal(fault: Fault, code: str, retry_delay: float) -> RequestRefusedError:
    details = quota_details(retry_delay_s=retry_delay)
    return RequestRefusedError(ApiError(code=fault.error or code, message=fault.message, details=details))
