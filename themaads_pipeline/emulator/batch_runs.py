"""Runs batch jobs in the background: in portions, with the time that the profile asks for, and again where
Google would try again.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Thread

from themaads_pipeline.emulator.batch_jobs import DONE, RUNNING, BatchJob, Result
from themaads_pipeline.emulator.calls import Call
from themaads_pipeline.emulator.failures import ApiError
from themaads_pipeline.emulator.faults import Fault
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.mutates import Outcome, Step, run, scripted_error
from themaads_pipeline.emulator.transactions import TemporaryNames
from themaads_pipeline.emulator.world import World

_logger = logging.getLogger(__name__)
# The method that faults name to hit the work in the background; RunBatchJob is the call that starts it.
BACKGROUND = "BatchJob"
_PORTION = 200
_ATTEMPTS = 3
_RETRY_S = 0.05
_TRANSIENT = frozenset(
    {
        "DatabaseError.CONCURRENT_MODIFICATION",
        "InternalError.TRANSIENT_ERROR",
        "InternalError.INTERNAL_ERROR",
        "InternalError.DEADLINE_EXCEEDED",
        "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED",
    }
)
StepOf = Callable[[Message, int], Step]  # of an operation and its index in the job


def start(world: World, call: Call, job: BatchJob, step: StepOf) -> None:
    """Begins the work; the caller holds the account's lock and has found the job pending."""
    job.status, job.version, job.started_at = RUNNING, call.version, world.now()
    work = _Work(world, replace(call, method=BACKGROUND, gone=Event()), job, step)
    Thread(target=work.run, name=f"batch job {job.job_id}", daemon=True).start()


class _Work:
    """One job at work, in its own thread."""

    def __init__(self, world: World, call: Call, job: BatchJob, step: StepOf) -> None:
        self._world, self._call, self._job, self._step = world, call, job, step
        self._names = TemporaryNames()
        self._settings = message_class("services.MutateGoogleAdsRequest")(partial_failure=True)
        self._failing: ApiError | None = None

    def run(self) -> None:
        job = self._job
        try:
            self._meet_faults()
            while not self._over():
                self._do_portion()
        except Exception:  # a job may not stay RUNNING because of an error of the emulator's own
            _logger.exception("batch job %s failed", job.job_id)
            self._failing = ApiError(code="InternalError.INTERNAL_ERROR")
        with job.account.lock:
            rest = job.operation_count - len(job.results)
            job.cancelled = bool(rest) and self._failing is None
            job.results.extend([Result("", errors=(self._failing,) if self._failing else ())] * rest)
            job.operations = []
            job.completed_at, job.status = self._world.now(), DONE
        with job.finished:
            job.finished.notify_all()

    def _over(self) -> bool:
        job, limit = self._job, self._job.execution_limit_s
        if limit and job.started_at is not None and self._world.now() >= job.started_at + limit:
            return True
        # Seeding replaces the accounts; what is left of a job goes with them.
        replaced = self._world.accounts.get(job.account.customer_id) is not job.account
        stopped = self._world.stopping.is_set() or job.cancelling.is_set()
        return stopped or replaced or self._failing is not None or len(job.results) >= job.operation_count

    def _meet_faults(self) -> None:
        faults, account = self._world.faults, self._job.account.customer_id
        # Operations counted against quotas when they were added.
        for fault in faults.firing(BACKGROUND, account, 0, clock=self._world.now(), size=lambda: 0):
            if fault.kind == "hang":
                self._hang(fault)
            elif fault.kind in {"slow", "late_commit"}:
                self._wait(fault.seconds)
            elif fault.kind == "error":
                self._failing = scripted_error(fault)

    def _hang(self, fault: Fault) -> None:
        """RUNNING for `seconds`, or until it is cancelled, out of time, or no longer hit by the fault."""
        until = time.monotonic() + fault.seconds if fault.seconds else float("inf")
        while time.monotonic() < until and not self._over() and self._world.faults.holds(fault):
            self._wait(0.02)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0 and not self._over():
            self._job.cancelling.wait(min(rest, 0.05))

    def _do_portion(self) -> None:
        """Does the next operations: one at a time where faults hit single ones, so that each can be tried
        again.
        """
        world, job = self._world, self._job
        done = len(job.results)
        single = bool(world.faults.of_operations(BACKGROUND, job.account.customer_id))
        operations = job.operations[done : done + (1 if single else _PORTION)]
        steps = [self._step(operation, done + index) for index, operation in enumerate(operations)]
        self._spend_time(steps)
        for attempt in range(1, _ATTEMPTS + 1):
            failed_names = set(self._names.failed)
            outcome = self._attempt(steps)
            again = single and any(error.code in _TRANSIENT for error in outcome.errors.get(0, ()))
            if not again or attempt == _ATTEMPTS:
                break
            self._names.failed = failed_names
            self._wait(_RETRY_S)
        results = [_result(step, outcome, index) for index, step in enumerate(steps)]
        with job.account.lock:
            job.results.extend(results)

    def _attempt(self, steps: list[Step]) -> Outcome:
        call = replace(self._call, results=[], errors={}, payloads={}, kinds=[])
        account, alone = call.target, self._world.profile.one_mutate_per_account
        if alone:
            self._take_turn()
        try:
            return run(self._world, call, self._settings, len(steps), steps.__getitem__, names=self._names)
        finally:
            self._world.log.did(call.kinds)
            if alone:
                with account.lock:
                    account.mutates_in_flight -= 1

    def _take_turn(self) -> None:
        """Wait until no mutate is in flight on the account. A request that comes now finds this one."""
        account = self._job.account
        while True:
            with account.lock:
                if not account.mutates_in_flight or self._world.stopping.is_set():
                    account.mutates_in_flight += 1
                    return
            time.sleep(0.01)

    def _spend_time(self, steps: list[Step]) -> None:
        profile = self._world.profile
        if profile.request_s:
            ads = sum(step.resource is not None and step.resource.cost == "ad" for step in steps)
            others = len(steps) - ads
            self._wait(profile.request_s + ads * profile.ad_s + others * profile.label_s)


def _result(step: Step, outcome: Outcome, index: int) -> Result:
    resource = step.resource
    if resource is None:
        return Result("", errors=outcome.errors.get(index, ()))
    return Result(
        resource.name, outcome.entities[index], resource.returns_resource, outcome.errors.get(index, ())
    )
