"""Takes calls off the wire: version, token, account, profile and faults, and then the method itself."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn, Self

import grpc

from themaads_pipeline.emulator.access import authorise
from themaads_pipeline.emulator.calls import Call, Method, begin
from themaads_pipeline.emulator.failures import (
    ApiError,
    RequestRefusedError,
    quota_details,
    trailing_metadata,
)
from themaads_pipeline.emulator.faults import Fault
from themaads_pipeline.emulator.messages import VERSIONS, Message, message_class
from themaads_pipeline.emulator.mutates import scripted_error
from themaads_pipeline.emulator.request_log import LoggedRequest
from themaads_pipeline.emulator.services.mutate_methods import RESOURCES
from themaads_pipeline.emulator.services.registry import METHODS
from themaads_pipeline.emulator.tokens import TokenIssuer
from themaads_pipeline.emulator.world import World

_logger = logging.getLogger(__name__)
_PATH = re.compile(r"/google\.ads\.googleads\.(v\d+)\.services\.(\w+/\w+)")
_LONGEST_HANG_S = 600.0
# Processing time of an operation, so that a profile's latency ends on time.
_WORK_S_PER_OPERATION = 0.00006
_AD_METHODS = frozenset(resource.method for resource in RESOURCES if resource.cost == "ad")


class Dispatcher(grpc.GenericRpcHandler):  # type: ignore[misc] # grpcio ships no types
    """Finds the method of a call's path; every version has the same ones."""

    def __init__(self, world: World, tokens: TokenIssuer) -> None:
        self._world = world
        self._tokens = tokens
        self._handlers: dict[str, Any] = {}

    def service(self, handler_call_details: Any) -> Any:
        path: str = handler_call_details.method
        if path not in self._handlers:
            self._handlers[path] = self._handler(path)
        return self._handlers[path]

    def _handler(self, path: str) -> Any:
        match = _PATH.fullmatch(path)
        method = METHODS.get(match[2]) if match else None
        if match is None or method is None:
            return None  # gRPC answers UNIMPLEMENTED
        answer: Callable[..., Any]
        make: Callable[..., Any]
        if method.streams:
            answer, make = partial(self._stream, method, match[1]), grpc.unary_stream_rpc_method_handler
        else:
            answer, make = partial(self._unary, method, match[1]), grpc.unary_unary_rpc_method_handler
        return make(
            answer,
            request_deserializer=message_class(method.request).FromString,
            response_serializer=_serialise,
        )

    def _unary(self, method: Method, version: str, request: Message, context: Any) -> Message:
        with _Attempt(
            self._world, self._tokens, method, version, request=request, context=context
        ) as attempt:
            response = attempt.run()
            attempt.lose_answer_if_scripted()
        context.set_trailing_metadata((("request-id", attempt.call.request_id),))
        return response

    def _stream(self, method: Method, version: str, request: Message, context: Any) -> Iterator[Message]:
        with _Attempt(
            self._world, self._tokens, method, version, request=request, context=context
        ) as attempt:
            yield from attempt.run()
            attempt.lose_answer_if_scripted()
        context.set_trailing_metadata((("request-id", attempt.call.request_id),))


def _serialise(message: Message) -> bytes:
    return bytes(message.SerializeToString())


class _Attempt:
    """One call on its way. Leaving the `with` block logs it, and turns what went wrong into Google's
    answer.
    """

    def __init__(
        self,
        world: World,
        tokens: TokenIssuer,
        method: Method,
        version: str,
        *,
        request: Message,
        context: Any,
    ) -> None:
        self._world, self._tokens, self._method = world, tokens, method
        self._request, self._context = request, context
        self.call: Call = begin(method, version, context, request)
        self._faults: list[Fault] = []
        self._mutating = False

    def __enter__(self) -> Self:
        self._world.log.began(self.call)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._mutating:
            account = self.call.target
            with account.lock:
                account.mutates_in_flight -= 1
        refusal = error
        if error is not None and not isinstance(error, RequestRefusedError | GeneratorExit):
            _logger.error("%s failed", self.call.method, exc_info=error)
            refusal = RequestRefusedError(ApiError(code="InternalError.INTERNAL_ERROR", message=f"{error!r}"))
        status = (
            refusal.status.name
            if isinstance(refusal, RequestRefusedError)
            else "CANCELLED"
            if refusal
            else "OK"
        )
        if isinstance(refusal, RequestRefusedError) and refusal.errors and not self.call.errors:
            self.call.errors[-1] = [item.code for item in refusal.errors]
        kinds = tuple(fault.kind for fault in self._faults)
        self._world.log.finished(LoggedRequest(self.call, status, time.time() - self.call.started_at, kinds))
        if isinstance(refusal, RequestRefusedError):
            self._abort(refusal)

    def run(self) -> Any:
        world, call = self._world, self.call
        self._check_version_and_token()
        account = None
        if self._method.needs_account:
            account = call.account = authorise(world.accounts, call.customer_id, call.login_customer_id)
        account_id = account.customer_id if account is not None else None
        self._faults = world.faults.firing(call.method, account_id, call.operations, time.monotonic())
        for fault in self._faults:
            self._before(fault)
        if self._method.operations:
            self._start_mutate()
        self._spend_time()
        if world.profile.error_share and world.chance(world.profile.error_share):
            if world.chance(0.5):
                self._method.run(world, call, self._request)
                raise RequestRefusedError(status=grpc.StatusCode.UNAVAILABLE)
            raise RequestRefusedError(ApiError(code="InternalError.TRANSIENT_ERROR"))
        return self._method.run(world, call, self._request)

    def lose_answer_if_scripted(self) -> None:
        """The work is done; the client never hears of it."""
        for fault in self._faults:
            if fault.kind == "commit_then_error":
                if fault.code == "DEADLINE_EXCEEDED":
                    self.call.gone.wait(fault.seconds or _LONGEST_HANG_S)
                if fault.error:
                    raise RequestRefusedError(scripted_error(fault), status=_status(fault.code))
                raise RequestRefusedError(
                    status=_status(fault.code or "UNAVAILABLE"),
                    message=fault.message or "Connection reset by peer",
                )
            if fault.kind == "late_commit":
                raise RequestRefusedError(status=grpc.StatusCode.DEADLINE_EXCEEDED)

    def _check_version_and_token(self) -> None:
        if self.call.version not in VERSIONS:
            message = f"Version {self.call.version} is not supported."
            raise RequestRefusedError(ApiError(code="RequestError.UNSUPPORTED_VERSION", message=message))
        if problem := self._tokens.check(self.call.token):
            raise RequestRefusedError(ApiError(code=f"AuthenticationError.{problem}"))

    def _before(self, fault: Fault) -> None:
        call = self.call
        match fault.kind:
            case "error":
                error = scripted_error(fault)
                errors = (error,) if fault.error or not fault.code else ()
                raise RequestRefusedError(*errors, status=_status(fault.code), message=fault.message)
            case "rate_limit":
                raise _quota_refusal(fault, "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED", 5.0)
            case "daily_quota":
                raise _quota_refusal(fault, "QuotaError.RESOURCE_EXHAUSTED", 40_591.0)
            case "suspend_account":
                raise RequestRefusedError(
                    ApiError(code=fault.error or "AuthorizationError.CUSTOMER_NOT_ENABLED")
                )
            case "hang":
                if call.gone.wait(fault.seconds or _LONGEST_HANG_S):
                    raise RequestRefusedError(status=grpc.StatusCode.CANCELLED)
            case "slow":
                self._world.stopping.wait(fault.seconds)
            case "late_commit":
                call.gone.wait(_LONGEST_HANG_S)
                self._world.stopping.wait(fault.seconds)

    def _start_mutate(self) -> None:
        account = self.call.target
        with account.lock:
            if self._world.profile.one_mutate_per_account and account.mutates_in_flight:
                message = "Multiple requests were attempting to modify the same resource at once."
                raise RequestRefusedError(
                    ApiError(code="DatabaseError.CONCURRENT_MODIFICATION", message=message)
                )
            account.mutates_in_flight += 1
            self._mutating = True
            in_flight = account.mutates_in_flight
        self._world.log.mutating(account.customer_id, in_flight)

    def _spend_time(self) -> None:
        """Sleeps so that the answer is ready when the profile says; the commit comes at the end, as with
        Google.
        """
        profile = self._world.profile
        if not profile.request_s:
            return
        ads = self._ad_operations()
        others = self.call.operations - ads if self._method.operations else 0
        self.call.spread_s = profile.request_s + ads * profile.ad_s + others * profile.label_s
        work = self.call.operations * _WORK_S_PER_OPERATION
        self._world.stopping.wait(max(0.0, self.call.started_at + self.call.spread_s - work - time.time()))

    def _ad_operations(self) -> int:
        if self.call.method in _AD_METHODS:
            return self.call.operations
        if self._method.operations == "mutate_operations":
            return sum(
                item.WhichOneof("operation") == "ad_group_ad_operation"
                for item in self._request.mutate_operations
            )
        return 0

    def _abort(self, refusal: RequestRefusedError) -> NoReturn:
        call = self.call
        if refusal.errors:
            self._context.set_trailing_metadata(trailing_metadata(refusal, call.version, call.request_id))
        self._context.abort(refusal.status, refusal.message)
        raise AssertionError("abort raises")


def _status(name: str) -> grpc.StatusCode | None:
    return grpc.StatusCode[name] if name else None


def _quota_refusal(fault: Fault, code: str, retry_delay: float) -> RequestRefusedError:
    details = quota_details(retry_delay_s=fault.retry_delay if fault.retry_delay is not None else retry_delay)
    return RequestRefusedError(ApiError(code=fault.error or code, message=fault.message, details=details))
