"""Takes calls off the wire: version, token, account, profile and faults, and then the method itself."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn, Self

import grpc
from google.protobuf.message import DecodeError

from themaads_pipeline.emulator.access import authorise
from themaads_pipeline.emulator.calls import Call, Method, begin
from themaads_pipeline.emulator.connections import LINGER_S, cut
from themaads_pipeline.emulator.failures import (
    ApiError,
    RequestRefusedError,
    trailing_metadata,
)
from themaads_pipeline.emulator.faults import Fault
from themaads_pipeline.emulator.messages import VERSIONS, Message, message_class
from themaads_pipeline.emulator.request_log import LoggedRequest
from themaads_pipeline.emulator.scripted import lost_answer, refusal, unavailable
from themaads_pipeline.emulator.services.mutate_methods import RESOURCES
from themaads_pipeline.emulator.services.registry import METHODS
from themaads_pipeline.emulator.streams import shaped
from themaads_pipeline.emulator.tokens import TokenIssuer
from themaads_pipeline.emulator.world import World

_logger = logging.getLogger(__name__)
_PATH = re.compile(r"/google\.ads\.googleads\.(v\d+)\.services\.(\w+/\w+)")
_OPERATIONS_PATH = re.compile(r"/(google\.longrunning\.Operations/\w+)")
_LONGEST_HANG_S = 600.0
# Set aside for a mutate's work at the end of a profile's latency: a share of it. Far more than the work
# takes, as that of dozens of accounts may fall due at once; what is left is waited for.
_WORK_SHARE = 0.1
_AD_METHODS = frozenset(resource.method for resource in RESOURCES if resource.cost == "ad")


class Dispatcher(grpc.GenericRpcHandler):  # type: ignore[misc] # grpcio ships no types
    """Finds the method of a call's path; every version has the same ones."""

    def __init__(self, world: World, tokens: TokenIssuer) -> None:
        self._world = world
        self._tokens = tokens
        self._handlers: dict[str, Any] = {}

    def service(self, handler_call_details: Any) -> Any:
        path: str = handler_call_details.method
        handler = self._handlers.get(path) or self._handler(path)
        if handler is not None:  # the paths that exist are few, those that do not are endless
            self._handlers[path] = handler
        return handler

    def _handler(self, path: str) -> Any:
        if match := _OPERATIONS_PATH.fullmatch(path):
            version, name = (
                VERSIONS[-1],
                match[1],
            )  # the path has none: that of the operation's own comes later
        elif match := _PATH.fullmatch(path):
            version, name = match[1], match[2]
        else:
            return None  # gRPC answers UNIMPLEMENTED
        method = METHODS.get(name)
        if method is None:
            return None
        answer: Callable[..., Any]
        make: Callable[..., Any]
        if method.streams:
            answer, make = partial(self._stream, method, version), grpc.unary_stream_rpc_method_handler
        else:
            answer, make = partial(self._unary, method, version), grpc.unary_unary_rpc_method_handler
        return make(
            answer,
            request_deserializer=partial(_parsed, message_class(method.request)),
            response_serializer=_serialise,
        )

    def _unary(self, method: Method, version: str, request: Message, context: Any) -> Message:
        _refuse_garbled(request, context)
        with _Attempt(
            self._world, self._tokens, method, version, request=request, context=context
        ) as attempt:
            response = attempt.run()
            attempt.misdirect(response)
            attempt.take_the_rest_of_the_time()
            attempt.lose_answer_if_scripted()
        context.set_trailing_metadata((("request-id", attempt.call.request_id),))
        return response

    def _stream(self, method: Method, version: str, request: Message, context: Any) -> Iterator[Message]:
        _refuse_garbled(request, context)
        with _Attempt(
            self._world, self._tokens, method, version, request=request, context=context
        ) as attempt:
            responses = attempt.shaped(attempt.run())
            first = next(responses, None)
            attempt.take_the_rest_of_the_time()
            if first is not None:
                yield first
                yield from responses
            attempt.lose_answer_if_scripted()
        context.set_trailing_metadata((("request-id", attempt.call.request_id),))


def _parsed(kind: Any, content: bytes) -> Message:
    """The request, or what it was sent as when it is none of its kind."""
    try:
        return kind.FromString(content)
    except DecodeError:
        return content


def _refuse_garbled(request: Message, context: Any) -> None:
    """Bytes that are no request get no further than Google's front door: a status without a failure."""
    if isinstance(request, bytes):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Request contains an invalid argument.")


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
            self._world.log.crashed()
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
            if not call.customer_id and self._method.account_in != "customer_id":
                name = getattr(self._request, self._method.account_in)
                code = f"RequestError.RESOURCE_NAME_{'MALFORMED' if name else 'MISSING'}"
                raise RequestRefusedError(ApiError(code=code, trigger=name))
            account = call.account = authorise(world.accounts, call, changes=self._method.changes)
        account_id = account.customer_id if account is not None else None
        self._faults = world.faults.firing(
            call.method,
            account_id,
            call.operations,
            clock=world.now(),
            size=self._request.ByteSize,
            streams=self._method.streams,
        )
        for fault in self._faults:
            self._before(fault)
        if self._method.operations:
            self._start_mutate()
        self._spend_time()
        if world.profile.error_share and world.chance(world.profile.error_share, account_id):
            after_commit = world.chance(0.5, account_id)
            world.faults.note("storm_after_commit" if after_commit else "storm_before_commit")
            if after_commit:
                self._method.run(world, call, self._request)
                raise unavailable()
            raise RequestRefusedError(ApiError(code="InternalError.TRANSIENT_ERROR"))
        return self._method.run(world, call, self._request)

    def shaped(self, responses: Iterator[Message]) -> Iterator[Message]:
        """The messages of a stream, as far as its faults let them through."""
        if not self._faults:
            return responses
        return shaped(responses, self._faults, stopping=self._world.stopping, cut=self._cut)

    def misdirect(self, response: Message) -> None:
        """Hands out a page token that will be refused, where a fault says so."""
        if self.call.method != "Search" or not response.next_page_token:
            return
        fault = self._world.faults.within("wrong_page_token", self.call.method, self.call.target.customer_id)
        if fault is not None:
            self._faults.append(fault)
            expired = fault.error != "RequestError.INVALID_PAGE_TOKEN"
            response.next_page_token = f"{'forgotten.1' if expired else 'nonsense'}"

    def take_the_rest_of_the_time(self) -> None:
        """The work took less time than was set aside for it: the answer leaves on the profile's schedule."""
        call = self.call
        if call.spread_s:
            self._world.stopping.wait(max(0.0, call.started_at + call.spread_s - time.time()))

    def _cut(self) -> None:
        """Closes the connection, after everything that has been sent is on its way."""
        self._world.stopping.wait(LINGER_S)
        cut(self._context.peer())

    def lose_answer_if_scripted(self) -> None:
        """The work is done; the client never hears of it."""
        for fault in self._faults:
            if fault.kind == "commit_then_error":
                if fault.code == "DEADLINE_EXCEEDED":
                    self.call.gone.wait(fault.seconds or _LONGEST_HANG_S)
                raise lost_answer(fault)
            if fault.kind == "late_commit":
                raise RequestRefusedError(status=grpc.StatusCode.DEADLINE_EXCEEDED)
            if fault.kind == "cut_connection":
                if fault.when == "in_response":
                    self._context.send_initial_metadata(())
                self._cut()
                raise unavailable()

    def _check_version_and_token(self) -> None:
        if self.call.version not in VERSIONS:
            message = f"Version {self.call.version} is not supported."
            raise RequestRefusedError(ApiError(code="RequestError.UNSUPPORTED_VERSION", message=message))
        self._tokens.check(self.call.token)

    def _before(self, fault: Fault) -> None:
        call = self.call
        if refused := refusal(fault, self._world.now()):
            raise refused
        match fault.kind:
            case "hang":
                if call.gone.wait(fault.seconds or _LONGEST_HANG_S):
                    raise RequestRefusedError(status=grpc.StatusCode.CANCELLED)
            case "slow":
                self._world.stopping.wait(fault.seconds)
            case "cut_connection" if fault.when == "before_commit":
                self._cut()
                raise unavailable()
            case "expire_tokens":
                self._tokens.expire_all()
                raise RequestRefusedError(ApiError(code="AuthenticationError.OAUTH_TOKEN_EXPIRED"))
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
        Google. What is read is read at once, and waits for its time afterwards.
        """
        profile = self._world.profile
        if not profile.request_s:
            return
        ads = self._ad_operations()
        others = self.call.operations - ads if self._method.operations else 0
        self.call.spread_s = profile.request_s + ads * profile.ad_s + others * profile.label_s
        if self._method.changes:
            due_at = self.call.started_at + self.call.spread_s * (1 - _WORK_SHARE)
            self._world.stopping.wait(max(0.0, due_at - time.time()))

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
        if refusal.errors or refusal.details:
            self._context.set_trailing_metadata(trailing_metadata(refusal, call.version, call.request_id))
        self._context.abort(refusal.status, refusal.message)
        raise AssertionError("abort raises")
