"""From Google's answer to a request that was only to be validated to one answer an operation. Pure."""

from typing import Any

from google.protobuf.message import DecodeError

from themaads_pipeline.ads.faults import faults_of
from themaads_pipeline.ads.protobuf import GoogleAdsFailure
from themaads_pipeline.ads.responses import results_of
from themaads_pipeline.model.outcomes import Refused

__all__ = ["refusals_of"]

_WOULD_BE_CREATED = "validated/0"


def refusals_of(
    response: Any, operations: int, *, method: str, request_id: str, where: str
) -> tuple[Refused | None, ...]:
    """Why each operation would be refused; None: it would not.

    Such an answer has errors and no results, whatever went well (docstring of `validate_only`): the results
    are put in, and it is read like any other. Arguments and errors as in `responses.results_of`.
    """
    concerned = _indexes(response)
    if None not in concerned:
        del response.results[:]
        for index in range(operations):
            response.results.add(resource_name="" if index in concerned else _WOULD_BE_CREATED)
    answers = results_of(response, operations, method=method, request_id=request_id, where=where)
    return tuple(answer if isinstance(answer, Refused) else None for answer in answers.results)


def _indexes(response: Any) -> set[int | None]:
    """The operations that have an error; None among them: the request has one. What cannot be read is told by
    who reads it next.
    """
    indexes: set[int | None] = set()
    for detail in response.partial_failure_error.details:
        if detail.type_url.endswith(".GoogleAdsFailure"):
            try:
                indexes.update(fault.index for fault in faults_of(GoogleAdsFailure.FromString(detail.value)))
            except DecodeError:
                continue
    return indexes
