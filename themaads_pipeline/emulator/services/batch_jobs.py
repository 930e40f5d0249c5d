"""BatchJobService: jobs of up to a million operations that are done in the background."""

import secrets

from themaads_pipeline.emulator import batch_runs
from themaads_pipeline.emulator.batch_jobs import DONE, PENDING, BatchJob, Result
from themaads_pipeline.emulator.calls import Call, Method
from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.failures import (
    ApiError,
    Path,
    RequestRefusedError,
    failure,
    resource_count_details,
    status_with_failure,
)
from themaads_pipeline.emulator.messages import Message, enum_values, message_class
from themaads_pipeline.emulator.mutates import MAX_OPERATIONS
from themaads_pipeline.emulator.services.google_ads import mutate_step
from themaads_pipeline.emulator.world import World

MAX_JOBS = 100  # pending or running, of one account
MAX_OPERATIONS_OF_JOB = 1_000_000
MAX_REQUEST_BYTES = 10_484_504
_MAX_PAGE = 1_000
_LONGEST_NUMBER = 18  # digits
_PENDING_S = 7 * 86_400  # a job that waits longer is removed
_MUTABLE_RESOURCE = 2
_INVALID_ARGUMENT, _CANCELLED = 3, 1  # google.rpc.Code


def _refusal(
    code: str, path: Path = (), *, trigger: str = "", details: Message = None
) -> RequestRefusedError:
    return RequestRefusedError(ApiError(code=code, path=path, trigger=trigger, details=details))


def _limit(code: str, account: Account, limit: int, limit_type: str, existing: int) -> RequestRefusedError:
    details = resource_count_details(
        enclosing_id=account.customer_id,
        limit=limit,
        limit_type=enum_values("ResourceLimitType")[limit_type],
        existing=existing,
    )
    return _refusal(f"ResourceCountLimitExceededError.{code}", details=details)


def _find(world: World, account: Account, name: str, path: Path = ()) -> BatchJob:
    """A job of the account, whose lock the caller holds."""
    _forget_old(world, account)
    job: BatchJob | None = account.batch_jobs.get(name)
    if job is None:
        start, _, end = name.rpartition("/")
        known_form = start.endswith("/batchJobs") and end.isdecimal()
        code = "MutateError.RESOURCE_NOT_FOUND" if known_form else "RequestError.RESOURCE_NAME_MALFORMED"
        raise _refusal(code, path or (("resource_name", None),), trigger=name)
    return job


def _forget_old(world: World, account: Account) -> None:
    oldest = world.now() - _PENDING_S
    for name, job in list(account.batch_jobs.items()):
        if job.status == PENDING and job.created_at < oldest:
            del account.batch_jobs[name]


def _mutate(world: World, call: Call, request: Message) -> Message:
    account, operation = call.target, request.operation
    with account.lock:
        match operation.WhichOneof("operation"):
            case "create":
                name = _create(world, account, operation.create)
            case "remove":
                name = _remove(world, account, operation.remove)
            case _:
                raise _refusal("RequestError.OPERATION_REQUIRED", (("operation", None),))
    response = message_class("services.MutateBatchJobResponse")()
    response.result.resource_name = name
    return response


def _create(world: World, account: Account, message: Message) -> str:
    at: Path = (("operation", None), ("create", None))
    for field in ("resource_name", "id", "next_add_sequence_token", "status", "long_running_operation"):
        if getattr(message, field):
            raise _refusal("RequestError.IMMUTABLE_FIELD", (*at, (field, None)), trigger=field)
    limit_s = None
    if message.metadata.HasField("execution_limit_seconds"):
        limit_s = message.metadata.execution_limit_seconds
        if limit_s <= 0:
            path = (*at, ("metadata", None), ("execution_limit_seconds", None))
            raise _refusal("RangeError.TOO_LOW", path, trigger=str(limit_s))
    _forget_old(world, account)
    unfinished = sum(job.status != DONE for job in account.batch_jobs.values())
    if unfinished >= MAX_JOBS:
        raise _limit("ACCOUNT_LIMIT", account, MAX_JOBS, "BATCH_JOBS_PER_CUSTOMER", unfinished)
    job = BatchJob(
        account=account,
        job_id=world.next_id(),
        created_at=world.now(),
        execution_limit_s=limit_s,
        next_token=_token(),
    )
    account.batch_jobs[job.resource_name] = job
    return job.resource_name


def _remove(world: World, account: Account, name: str) -> str:
    path: Path = (("operation", None), ("remove", None))
    job = _find(world, account, name, path)
    if job.status != PENDING:
        raise _refusal("BatchJobError.CAN_ONLY_REMOVE_PENDING_JOB", path, trigger=name)
    del account.batch_jobs[name]
    return name


def _add(world: World, call: Call, request: Message) -> Message:
    account, operations = call.target, request.mutate_operations
    with account.lock:
        job = _find(world, account, request.resource_name)
        if job.status != PENDING:
            raise _refusal("BatchJobError.CANNOT_MODIFY_JOB_AFTER_JOB_STARTS_RUNNING")
        if not operations:
            raise _refusal("BatchJobError.EMPTY_OPERATIONS", (("mutate_operations", None),))
        if len(operations) > MAX_OPERATIONS:
            raise _refusal("RequestError.TOO_MANY_MUTATE_OPERATIONS", (("mutate_operations", None),))
        if request.ByteSize() > MAX_REQUEST_BYTES:
            raise _refusal("BatchJobError.REQUEST_TOO_LARGE")
        first = not job.operation_count and not request.sequence_token
        if not first and request.sequence_token != job.next_token:
            code, path = "BatchJobError.INVALID_SEQUENCE_TOKEN", (("sequence_token", None),)
            raise _refusal(code, path, trigger=request.sequence_token)
        total = job.operation_count + len(operations)
        if total > MAX_OPERATIONS_OF_JOB:
            kind, most = "BATCH_JOB_OPERATIONS_PER_JOB", MAX_OPERATIONS_OF_JOB
            raise _limit("RESOURCE_LIMIT", account, most, kind, job.operation_count)
        job.operations.extend(operations)
        job.operation_count, job.next_token = total, _token()
        return message_class("services.AddBatchJobOperationsResponse")(
            total_operations=total, next_sequence_token=job.next_token
        )


def _run(world: World, call: Call, request: Message) -> Message:
    account = call.target
    with account.lock:
        job = _find(world, account, request.resource_name)
        if job.status != PENDING:
            raise _refusal("BatchJobError.CANNOT_MODIFY_JOB_AFTER_JOB_STARTS_RUNNING")
        batch_runs.start(world, call, job, mutate_step)
        return job.operation()


def _list(world: World, call: Call, request: Message) -> Message:
    account, size = call.target, request.page_size or _MAX_PAGE
    with account.lock:
        job = _find(world, account, request.resource_name)
        if not 0 < size <= _MAX_PAGE:
            raise _refusal("BatchJobError.INVALID_PAGE_SIZE", (("page_size", None),), trigger=str(size))
        if job.status != DONE:
            raise _refusal("BatchJobError.RESULTS_NOT_READY")
        start = _position(job, request.page_token)
        response = message_class("services.ListBatchJobResultsResponse")()
        full = request.response_content_type == _MUTABLE_RESOURCE
        for index, result in enumerate(job.results[start : start + size], start):
            _fill(response.results.add(operation_index=index), result, call, full=full)
    if start + size < len(job.results):
        response.next_page_token = f"{job.job_id}.{start + size}"
    return response


def _position(job: BatchJob, token: str) -> int:
    if not token:
        return 0
    job_id, _, position = token.partition(".")
    known = job_id == str(job.job_id) and position.isdecimal() and len(position) < _LONGEST_NUMBER
    if not known or int(position) >= len(job.results):
        raise _refusal("RequestError.INVALID_PAGE_TOKEN", (("page_token", None),), trigger=token)
    return int(position)


def _fill(row: Message, result: Result, call: Call, *, full: bool) -> None:
    if result.entity is not None:
        answer = getattr(row.mutate_operation_response, f"{result.resource}_result")
        answer.resource_name = result.entity.resource_name
        if full and result.returns_resource:
            getattr(answer, result.resource).CopyFrom(result.entity.message())
    elif result.errors:
        body = failure(result.errors, call.request_id)
        status = status_with_failure(
            body, call.version, code=_INVALID_ARGUMENT, message=body.errors[0].message
        )
        row.status.CopyFrom(status)
    else:
        row.status.code = _CANCELLED
        row.status.message = "The batch job ended before this operation was executed."


def _token() -> str:
    return secrets.token_urlsafe(18)


METHODS = (
    Method(
        service="BatchJobService",
        name="MutateBatchJob",
        request="services.MutateBatchJobRequest",
        run=_mutate,
    ),
    Method(
        service="BatchJobService",
        name="AddBatchJobOperations",
        request="services.AddBatchJobOperationsRequest",
        run=_add,
        counted="mutate_operations",
        account_in="resource_name",
    ),
    Method(
        service="BatchJobService",
        name="RunBatchJob",
        request="services.RunBatchJobRequest",
        run=_run,
        account_in="resource_name",
    ),
    Method(
        service="BatchJobService",
        name="ListBatchJobResults",
        request="services.ListBatchJobResultsRequest",
        run=_list,
        account_in="resource_name",
    ),
)
