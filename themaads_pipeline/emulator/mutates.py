"""The engine of every mutate: operations one after another, partial failure or all or nothing, dry run, and
the answer's shape.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from themaads_pipeline.emulator.access import check_manager
from themaads_pipeline.emulator.calls import Call
from themaads_pipeline.emulator.changes import TRACKED, Before, state_before
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
from themaads_pipeline.emulator.transactions import TemporaryNames, Transaction
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
    """The entity of each operation in the request's order, None where it failed, the errors of those, and
    the status of a partial failure.
    """

    entities: list[Any]
    errors: dict[int, tuple[ApiError, ...]]
    partial_failure: Message
    returns_resources: bool


def check_size(operations: Sequence[Message], field: str) -> None:
    if not operations:
        raise RequestRefusedError(ApiError(code="RequestError.REQUIRED_FIELD_MISSING", path=((field, None),)))
    if len(operations) > MAX_OPERATIONS:
        message = f"Too many mutate operations: {len(operations)}, at most {MAX_OPERATIONS} are allowed."
        raise RequestRefusedError(ApiError(code="RequestError.TOO_MANY_MUTATE_OPERATIONS", message=message))


def run(
    world: World,
    call: Call,
    request: Message,
    count: int,
    step: Callable[[int], Step],
    *,
    names: TemporaryNames | None = None,
) -> Outcome:
    """Does a request's operations. `names` are temporary ones that outlive it, in a batch job.

    Raises:
        RequestRefusedError: Something failed, and the request did not ask for partial failure.
    """
    account = call.target
    if account.manager:
        check_manager(account, {found.name for index in range(count) if (found := step(index).resource)})
    if (failed := _failed_as_a_whole(world, call, request, count)) is not None:
        return failed
    faults = world.faults.of_operations(call.method, account.customer_id)
    errors: list[ApiError] = []
    errors_by_index: dict[int, tuple[ApiError, ...]] = {}
    entities: list[Any] = []
    before: dict[int, Before] = {}
    with account.lock:
        tx = Transaction(
            world=world,
            account=account,
            request_id=call.request_id,
            now=world.now(),
            spread_s=call.spread_s,
            touched_once=set(),
        )
        if names is not None:
            tx.temporary, tx.failed_names, tx.touched_once = names.real, names.failed, None
        for index in range(count):
            current = step(index)
            tx.position = index / count
            mark = len(tx.undo)
            try:
                entities.append(_operate(tx, current, faults, call))
                tracked = current.resource is not None and current.resource.name in TRACKED
                if tracked and (earlier := state_before(tx.undo, mark)):
                    before[index] = earlier
            except OperationRefusedError as refused:
                tx.rollback(mark)
                entities.append(None)
                errors_by_index[index] = tuple(error.below(*current.path) for error in refused.errors)
                errors.extend(errors_by_index[index])
                call.errors[index] = [error.code for error in refused.errors]
                _note_failure(tx, call, index, current)
        if request.validate_only or (errors and not request.partial_failure):
            if len(call.payloads) < _MAX_PAYLOADS:
                call.payloads = {
                    index: step(index).operation.SerializeToString() for index in range(min(count, 1_000))
                }
            tx.rollback()
            entities = [None] * count
        else:
            world.history.committed(tx)
            account.changes.record(tx.now, call.kinds, entities, before)
        call.results = [entity.resource_name if entity is not None else "" for entity in entities]
        created = tx.ads_created
        returns = (
            getattr(request, "response_content_type", 0) == _MUTABLE_RESOURCE and not request.validate_only
        )
    world.log.created(created)
    if errors and not request.partial_failure:
        raise RequestRefusedError(*errors)
    partial = _partial_failure(errors, call) if errors else None
    return Outcome([] if request.validate_only else entities, errors_by_index, partial, returns)


def _partial_failure(errors: list[ApiError], call: Call) -> Message:
    """The status in an answer of which some operations failed."""
    body = failure(errors, call.request_id)
    message = body.errors[0].message
    if len(errors) > 1:
        message = f"{_PARTIAL_FAILURE_MESSAGE}{message}"
    return status_with_failure(body, call.version, code=3, message=message)


def _failed_as_a_whole(world: World, call: Call, request: Message, count: int) -> Outcome | None:
    """Where a fault says so: an error that concerns no operation in particular, and nothing is done."""
    customer_id = call.target.customer_id
    for fault in world.faults.of_operations(call.method, customer_id, scope="partial_failure"):
        if fault.fires(customer_id):
            error = scripted_error(fault)
            if not request.partial_failure:
                raise RequestRefusedError(error)
            call.errors[-1] = [error.code]
            return Outcome([None] * count, {}, _partial_failure([error], call), returns_resources=False)
    return None


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
        concerned = not fault.ad_groups or _ad_group_of(step.operation) in fault.ad_groups
        if concerned and fault.fires(tx.account.customer_id):
            raise OperationRefusedError(scripted_error(fault))
    operate = getattr(step.resource, kind)  # create, update or remove
    if operate is None:
        raise OperationRefusedError(ApiError(code="MutateError.MUTATE_NOT_ALLOWED", path=((kind, None),)))
    if kind == "remove":
        tx.once(step.operation.remove, (("remove", None),))
    elif kind == "update":
        tx.once(step.operation.update.resource_name, (("update", None), ("resource_name", None)))
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
    return int(part) if part.isdecimal() and len(part) < 20 else -1


def scripted_error(fault: Fault) -> ApiError:
    """The error that a fault asks for."""
    details = None
    if fault.retry_delay is not None:
        details = quota_details(retry_delay_s=fault.retry_delay)
    return ApiError(
        code=fault.error or "InternalError.TRANSIENT_ERROR", message=fault.message, details=details
    )
