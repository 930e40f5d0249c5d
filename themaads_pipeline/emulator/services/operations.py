"""google.longrunning.Operations: polling batch jobs, as every Google API offers it on the same port."""

import time
from typing import Any

import grpc
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from themaads_pipeline.emulator.batch_jobs import DONE, PENDING, BatchJob
from themaads_pipeline.emulator.calls import Call, Method
from themaads_pipeline.emulator.failures import RequestRefusedError
from themaads_pipeline.emulator.messages import Message
from themaads_pipeline.emulator.world import World

_MAX_PAGE = 1_000
_LONGEST_NUMBER = 18  # digits
_LONGEST_WAIT_S = 60.0
_DONE_FILTERS = {"": None, "done=true": True, "done=false": False, "done = true": True, "done = false": False}


def _started(call: Call) -> list[BatchJob]:
    jobs = call.target.batch_jobs.values()
    return [job for job in jobs if job.status != PENDING and not job.forgotten]


def _find(call: Call, name: str) -> BatchJob:
    with call.target.lock:
        for job in _started(call):
            if job.operation_name == name:
                call.version = job.version
                return job
    raise RequestRefusedError(status=grpc.StatusCode.NOT_FOUND, message="Requested entity was not found.")


def _get(_world: World, call: Call, request: Message) -> Message:
    job = _find(call, request.name)
    with call.target.lock:
        return job.operation()


def _list(_world: World, call: Call, request: Message) -> Message:
    wanted = request.filter.strip().lower()
    token = request.page_token
    start = int(token) if token.isdecimal() and len(token) < _LONGEST_NUMBER else 0
    if wanted not in _DONE_FILTERS or (token and not start) or request.page_size < 0:
        raise RequestRefusedError(status=grpc.StatusCode.INVALID_ARGUMENT)
    done = _DONE_FILTERS[wanted]
    size = min(request.page_size or _MAX_PAGE, _MAX_PAGE)
    with call.target.lock:
        jobs = [job for job in _started(call) if done is None or (job.status == DONE) is done]
        page = [job.operation() for job in jobs[start : start + size]]
    more = str(start + size) if start + size < len(jobs) else ""
    return operations_pb2.ListOperationsResponse(operations=page, next_page_token=more)


def _wait(world: World, call: Call, request: Message) -> Message:
    job = _find(call, request.name)
    timeout = request.timeout
    asked = timeout.seconds + timeout.nanos / 1e9 if request.HasField("timeout") else _LONGEST_WAIT_S
    end = time.monotonic() + min(asked, _LONGEST_WAIT_S)
    while job.status != DONE and not call.gone.is_set() and not world.stopping.is_set():
        rest = end - time.monotonic()
        if rest <= 0:
            break
        with job.finished:
            job.finished.wait(min(rest, 0.1))
    with call.target.lock:
        return job.operation()


def _cancel(_world: World, call: Call, request: Message) -> Message:
    _find(call, request.name).cancelling.set()
    return empty_pb2.Empty()


def _delete(_world: World, call: Call, request: Message) -> Message:
    _find(call, request.name).forgotten = True
    return empty_pb2.Empty()


def _method(name: str, run: Any) -> Method:
    return Method(
        service="google.longrunning.Operations",
        name=name,
        request=f"google.longrunning.{name}Request",
        run=run,
        account_in="name",
    )


METHODS = (
    _method("GetOperation", _get),
    _method("ListOperations", _list),
    _method("WaitOperation", _wait),
    _method("CancelOperation", _cancel),
    _method("DeleteOperation", _delete),
)
