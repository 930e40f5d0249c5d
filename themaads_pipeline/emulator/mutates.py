"""The engine of every mutate: operations one after another, partial failure or all or nothing, dry run, and
the answer's shape.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from themaads_pipeline.emulator.calls import Call
from themaads_pipeline.emulator.failures import (
    ApiError,
    OperationRefusedError,
    Path,
    RequestRefusedError,
    failure,
    quota_details,
    status_with_failure,
)
from themaads_pipeline.emulator.faults import Fault
from themaads_pipeline.emulator.messages import Message
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.transactions import Transaction
from themaads_pipeline.emulator.world import World

MAX_OPERATIONS = 10_000
_MAX_PAYLOADS = 2_000
_MUTABLE_RESOURCE = 2
_PARTIAL_FAILURE_MESSAGE = "Multiple errors in ‘details’. First error: "


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: what it changes, the operation itself, and the path that leads to it."""

    resource: Resource | None
    operation: Message
    path: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """The entity of each operation in the request's order, None where it failed, and the status of a
    partial failure.
    """

    entities: list[Any]
    partial_failure: Message
    returns_resources: bool


def check_size(operations: Sequence[Message], field: str) -> None:
    if not operations:
        raise RequestRefusedError(ApiError(code="RequestError.REQUIRED_FIELD_MISSING", path=((field, None),)))
    if len(operations) > MAX_OPERATIONS:
        message = f"Too many mutate operations: {len(operations)}, at most {MAX_OPERATIONS} are allowed."
        raise RequestRefusedError(ApiError(code="RequestError.TOO_MANY_MUTATE_OPERATIONS", message=message))


def run(world: World, call: Call, request: Message, count: int, step: Callable[[int], Step]) -> Outcome:
    """Does a request's operations.

    Raises:
        RequestRefusedError: Something failed, and the request did not ask for partial failure.
    """
    account = call.target
    faults = world.faults.of_operations(call.method, account.customer_id)
    errors: list[ApiError] = []
    entities: list[Any] = []
    with account.lock:
        tx = Transaction(
            world=world, account=account, request_id=call.request_id, now=world.now(), spread_s=call.spread_s
        )
        for index in range(count):
            current = step(index)
            tx.position = index / count
            mark = len(tx.undo)
            try:
                entities.append(_operate(tx, current, faults, call))
            except OperationRefusedError as refused:
                tx.rollback(mark)
                entities.append(None)
                errors.extend(error.below(*current.path) for error in refused.errors)
                call.errors[index] = [error.code for error in refused.errors]
                _note_failure(tx, call, index, current)
        if request.validate_only or (errors and not request.partial_failure):
            if len(call.payloads) < _MAX_PAYLOADS:
                call.payloads = {
                    index: step(index).operation.SerializeToString() for index in range(min(count, 1_000))
                }
            tx.rollback()
            entities = [None] * count
        call.results = [entity.resource_name if entity is not None else "" for entity in entities]
        created = tx.ads_created
        returns = (
            getattr(request, "response_content_type", 0) == _MUTABLE_RESOURCE and not request.validate_only
        )
    world.log.created(created)
    if errors and not request.partial_failure:
        raise RequestRefusedError(*errors)
    partial = None
    if errors:
        body = failure(errors, call.request_id)
        message = (
            f"{_PARTIAL_FAILURE_MESSAGE}{body.errors[0].message}"
            if len(errors) > 1
            else body.errors[0].message
        )
        partial = status_with_failure(body, call.version, code=3, message=message)
    return Outcome([] if request.validate_only else entities, partial, returns)


def _operate(tx: Transaction, step: Step, faults: list[Fault], call: Call) -> Any:
    kind = step.operation.WhichOneof("operation") if step.resource is not None else None
    if step.resource is None or kind is None:
        call.kinds.append("unknown")
        code = (
            "MutateError.MUTATE_NOT_ALLOWED"
            if step.resource is None and len(step.path) > 1
            else "RequestError.OPERATION_REQUIRED"
        )
        raise OperationRefusedError(ApiError(code=code))
    call.kinds.append(f"{step.resource.name}.{kind}")
    for fault in faults:
        if (not fault.ad_groups or _ad_group_of(step.operation) in fault.ad_groups) and fault.fires():
            raise OperationRefusedError(scripted_error(fault))
    operate = {
        "create": step.resource.create,
        "update": step.resource.update,
        "remove": step.resource.remove,
    }[kind]
    if operate is None:
        raise OperationRefusedError(ApiError(code="MutateError.MUTATE_NOT_ALLOWED", path=((kind, None),)))
    return operate(tx, step.operation)


def _note_failure(tx: Transaction, call: Call, index: int, step: Step) -> None:
    if len(call.payloads) < _MAX_PAYLOADS:
        call.payloads[index] = step.operation.SerializeToString()
    if step.resource is not None and step.operation.WhichOneof("operation") == "create":
        name = step.operation.create.resource_name
        if "-" in name:
            tx.failed_names.add(name)


def _ad_group_of(operation: Message) -> int:
    """The ad group that an operation on an ad, or on labels of ads and ad groups, is about; -1 for other
    operations.
    """
    kind = operation.WhichOneof("operation")
    target = getattr(operation, kind)
    name = target
    if not isinstance(target, str):
        name = getattr(target, "ad_group", "") or getattr(target, "ad_group_ad", "") or target.resource_name
    part = name.rpartition("/")[2].partition("~")[0]
    return int(part) if part.isdecimal() else -1


def scripted_error(fault: Fault) -> ApiError:
    """The error that a fault asks for."""
    details = None
    if fault.retry_delay is not None:
        details = quota_details(retry_delay_s=fault.retry_delay)
    return ApiError(
        code=fault.error or "InternalError.TRANSIENT_ERROR", message=fault.message, details=details
    )
