"""From Google's answer to one result an operation, in the request's order. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from google.protobuf.message import DecodeError

from themaads_pipeline.ads.failures import Reaction
from themaads_pipeline.ads.faults import Fault, failure_of, faults_of, longest_wait
from themaads_pipeline.ads.protobuf import GoogleAdsFailure
from themaads_pipeline.ads.request_errors import request_refused
from themaads_pipeline.exceptions import AdsError, OutcomeUnknownError
from themaads_pipeline.model.outcomes import AlreadyThere, Created, MutateResult, Refused, Result

UNREADABLE = "UnreadableAnswer"


def results_of(response: Any, operations: int, *, method: str, request_id: str, where: str) -> MutateResult:
    """The results of a mutate with partial failure.

    Args:
        response: Any `Mutate...Response` (raw protobuf): `results` and `partial_failure_error`.
        operations: How many were sent.
        method: What was called, `MutateLabels`: some errors are a success there, and only there.
        request_id: Google's, for support.
        where: What was being done, for messages.

    Raises:
        OutcomeUnknownError: The answer does not tell what became of an operation: read back.
        AdsError: One of its kinds, when an error concerns the whole request and nothing was committed.
    """
    faults = _faults_by_operation(response, operations, request_id=request_id, where=where)
    if len(faults) == operations and all(_stops(each) for each in faults.values()):
        # Nothing was committed, and no item is to blame: one answer tells what all others would.
        raise _whole_refused(chain.from_iterable(faults.values()), request_id=request_id, where=where)
    names = [result.resource_name for result in response.results]
    if not names and len(faults) == operations:
        names = [""] * operations  # every operation failed, and the empty results were left out
    if len(names) != operations:
        said = f"{len(names)} results for {operations} operations"
        raise _unreadable(said, request_id=request_id, where=where)
    results: list[Result] = []
    for index, name in enumerate(names):
        if name:
            results.append(Created(resource_id(name)))
        elif index in faults:
            results.append(_refused(faults[index], method=method))
        else:
            said = f"operation {index} has neither a result nor an error"
            raise _unreadable(said, request_id=request_id, where=where)
    return MutateResult(results=tuple(results), request_id=request_id)


def resource_id(resource_name: str) -> int:
    """The last id of a resource name.

    >>> resource_id("customers/1234567890/adGroupAds/111~222"), resource_id("customers/1234567890/labels/5")
    (222, 5)
    """
    _, found, last = resource_name.rpartition("~")
    return int(last if found else last.rpartition("/")[2])


def _refused(faults: Sequence[Fault], *, method: str) -> Result:
    failure, meaning = failure_of(faults, method=method)
    if meaning.reaction is Reaction.ALREADY_THERE:
        return AlreadyThere()
    return Refused(
        failure,
        retryable=meaning.reaction in _RETRYABLE,
        retry_after_s=longest_wait(faults) or meaning.wait_s,
        site_throttled=meaning.reaction is Reaction.SLOW_DOWN,
    )


def _stops(faults: Sequence[Fault]) -> bool:
    """Whether an operation was refused for nothing but what concerns the account, or all of them."""
    return all(fault.meaning().reaction in _STOPS for fault in faults)


_STOPS = frozenset({Reaction.STOP_ACCOUNT, Reaction.STOP_RUN})
# Within a partial failure each of these is about one operation, and that operation was not committed.
# What stops the run is no reason to fail an item: the next request will be refused as a whole, and say so.
_RETRYABLE = frozenset({Reaction.RETRY, Reaction.SLOW_DOWN, Reaction.SMALLER_BATCH, Reaction.STOP_RUN})


def _faults_by_operation(
    response: Any, operations: int, *, request_id: str, where: str
) -> dict[int, list[Fault]]:
    status = response.partial_failure_error
    by_operation: dict[int, list[Fault]] = defaultdict(list)
    if not status.code and not status.details:
        return by_operation
    whole: list[Fault] = []
    for fault in _faults_in(status, request_id=request_id, where=where):
        if fault.index is None:
            whole.append(fault)
        elif 0 <= fault.index < operations:
            by_operation[fault.index].append(fault)
        else:
            said = f"an error for operation {fault.index} of {operations}"
            raise _unreadable(said, request_id=request_id, where=where)
    if whole:
        if any(result.resource_name for result in response.results):
            raise _unreadable(
                "an error of the whole request beside results", request_id=request_id, where=where
            )
        raise _whole_refused(whole, request_id=request_id, where=where)
    return by_operation


def _whole_refused(faults: Iterable[Fault], *, request_id: str, where: str) -> AdsError:
    status = "INVALID_ARGUMENT"  # the answer itself came well
    return request_refused(list(faults), status=status, request_id=request_id, mutate=True, where=where)


def _faults_in(status: Any, *, request_id: str, where: str) -> list[Fault]:
    faults: list[Fault] = []
    try:
        for detail in status.details:
            if detail.type_url.endswith(".GoogleAdsFailure"):
                faults += faults_of(GoogleAdsFailure.FromString(detail.value))
    except DecodeError as error:
        raise _unreadable("its errors cannot be read", request_id=request_id, where=where) from error
    if not faults:
        raise _unreadable("a partial failure without errors", request_id=request_id, where=where)
    return faults


def _unreadable(said: str, *, request_id: str, where: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"{where}: the answer does not say what became of each operation: {said} (request {request_id}).",
        code=UNREADABLE,
        request_id=request_id,
    )
