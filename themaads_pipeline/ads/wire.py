"""One request at a time: with a deadline, counted, and its failure turned into one of our exceptions.

Importing it is cheap: google's modules come with the first request.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import stamina

from themaads_pipeline.ads.client import AdsClient
from themaads_pipeline.ads.request_errors import whole_request_error
from themaads_pipeline.exceptions import TemporaryAdsError

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadPolicy:
    """How long reads try. With the defaults one read waits for at most about two minutes in all."""

    timeout_s: float = 60.0  # of one request
    attempts: int = 5
    wait_initial_s: float = 1.0
    wait_max_s: float = 15.0
    wait_jitter_s: float = 1.0
    total_s: float = 120.0  # no new attempt after so long


@dataclass(frozen=True, kw_only=True, slots=True)
class InFlight:
    """A request that waits for its answer, at the latest until `ends_at_monotonic`."""

    customer_id: int  # 0: of no account
    where: str
    ends_at_monotonic: float


class Wire:
    """Sends requests through a client; safe for threads."""

    def __init__(self, client: AdsClient, *, reads: ReadPolicy, admit: Callable[[int], None]) -> None:
        """Keep the client; nothing is sent. `admit` is asked before each request, with its operations."""
        self._client = client
        self._reads = reads
        self._admit = admit
        self._calls: Counter[str] = Counter()
        self._in_flight: dict[int, InFlight] = {}  # by thread: each has one request at a time
        self._lock = threading.Lock()

    @property
    def calls(self) -> Counter[str]:
        """How often each method was called so far: a copy."""
        with self._lock:
            return self._calls.copy()

    def in_flight(self) -> list[InFlight]:
        """The requests that wait for their answers now."""
        with self._lock:
            return list(self._in_flight.values())

    def mutate(
        self,
        service: str,
        method: str,
        request: Any,
        *,
        login_customer_id: int | None,
        ends_at: float,
        where: str,
    ) -> tuple[Any, str]:
        """Send a mutate once, to be over at `ends_at` (of the clock `time.monotonic`); the answer as raw
        protobuf, and its request id. A process that is stopped on the way and wakes up later sends nothing.

        Raises:
            OutcomeUnknownError: It may have been committed.
            AdsError: Of the other kinds: it was not.
        """
        with self._waiting(request, where, ends_at):
            answer = self._once(
                service,
                method,
                request,
                login_customer_id=login_customer_id,
                ends_at=ends_at,
                mutate=True,
                where=where,
            )
        return answer, self._client.last_request_id()

    def get(self, service: str, method: str, request: Any, *, where: str) -> Any:
        """Send a reading request without a manager account; repeated on temporary errors."""

        def call() -> Any:
            return self._once(
                service,
                method,
                request,
                login_customer_id=None,
                ends_at=time.monotonic() + self._reads.timeout_s,
                mutate=False,
                where=where,
            )

        return self._retrying(call, request, where)

    def search(
        self,
        query: str,
        parse: Callable[[Any], _T],
        *,
        customer_id: int,
        login_customer_id: int | None,
        where: str,
    ) -> list[_T]:
        """Every row of a query, parsed; repeated from its beginning when the stream breaks off."""
        from themaads_pipeline.ads.protobuf import SearchGoogleAdsStreamRequest  # noqa: PLC0415 - costly

        request = SearchGoogleAdsStreamRequest(customer_id=str(customer_id), query=query)

        def call() -> list[_T]:
            stream = self._once(
                "GoogleAdsService",
                "SearchStream",
                request,
                login_customer_id=login_customer_id,
                ends_at=time.monotonic() + self._reads.timeout_s,
                mutate=False,
                where=where,
            )
            with _our_errors(mutate=False, where=where):
                return [parse(row) for batch in stream for row in batch.results]

        return self._retrying(call, request, where)

    def _once(
        self,
        service: str,
        method: str,
        request: Any,
        *,
        login_customer_id: int | None,
        ends_at: float,
        mutate: bool,
        where: str,
    ) -> Any:
        """One request, once. What a new token takes is taken from the request's time."""
        self._admit(len(request.operations) if mutate else 1)
        with _our_errors(mutate=mutate, where=where):
            self._client.ensure_token()
        client = self._client.service(service, login_customer_id)
        call = getattr(client, _snake(method))
        remaining = ends_at - time.monotonic()  # as late as can be: gRPC makes it a moment, and keeps to that
        if remaining <= 0:
            raise TemporaryAdsError(f"{where}: no time was left to send it", code="NOT_SENT")
        self._count(f"{service}.{method}")
        with _our_errors(mutate=mutate, where=where):
            return call(request=request, timeout=remaining, retry=None)

    @contextmanager
    def _waiting(self, request: Any, where: str, ends_at: float) -> Iterator[None]:
        thread = threading.get_ident()
        waiting = InFlight(
            customer_id=int(getattr(request, "customer_id", 0)),
            where=where,
            ends_at_monotonic=ends_at,
        )
        with self._lock:
            self._in_flight[thread] = waiting
        try:
            yield
        finally:
            with self._lock:
                del self._in_flight[thread]

    def _count(self, method: str) -> None:
        with self._lock:
            self._calls[method] += 1

    def _retrying(self, call: Callable[[], _T], request: Any, where: str) -> _T:
        """A read with all its attempts and the pauses between them is one wait, that has an end."""
        reads = self._reads

        def worth_a_wait(error: Exception) -> bool | float:
            if not isinstance(error, TemporaryAdsError):
                return False
            if error.retry_after_s is None:
                return True
            return error.retry_after_s if error.retry_after_s <= reads.wait_max_s else False

        caller = stamina.RetryingCaller(
            attempts=reads.attempts,
            timeout=reads.total_s,
            wait_initial=reads.wait_initial_s,
            wait_max=reads.wait_max_s,
            wait_jitter=reads.wait_jitter_s,
        )
        latest = time.monotonic() + reads.total_s + reads.timeout_s
        with self._waiting(request, where, latest):
            return caller(worth_a_wait, call)


@contextmanager
def _our_errors(*, mutate: bool, where: str) -> Iterator[None]:
    """Turns every exception of the client library into one of ours."""
    from google.ads.googleads.errors import GoogleAdsException  # noqa: PLC0415 - costly
    from google.api_core.exceptions import GoogleAPICallError  # noqa: PLC0415 - costly
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - costly
    from grpc import RpcError  # noqa: PLC0415 - costly

    try:
        yield
    except GoogleAuthError as error:
        raise whole_request_error(error, mutate=mutate, where=where) from None  # it may quote the token
    except (GoogleAdsException, GoogleAPICallError, RpcError) as error:
        raise whole_request_error(error, mutate=mutate, where=where) from error
    except ValueError as error:
        if not mutate:
            raise
        # The client library raises it for answers that contradict themselves: too late to call it unsent.
        raise whole_request_error(error, mutate=mutate, where=where) from error


def _snake(method: str) -> str:
    """`MutateAdGroupAds` is called `mutate_ad_group_ads` in the client."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method).lstrip("_")
