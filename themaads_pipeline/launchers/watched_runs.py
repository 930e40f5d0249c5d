"""What is the same for every run launcher: a run's health and its end, by its worker and by the ledger.

Dagster's own launchers know processes, containers and jobs only: a worker that hangs is healthy to them, and
one that cannot be asked about is dead.
"""

import logging
import time
from abc import abstractmethod
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.launcher import CheckRunHealthResult, RunLauncher, WorkerStatus

from themaads_pipeline.exceptions import TransientError
from themaads_pipeline.launchers.health import Worker, judge
from themaads_pipeline.launchers.ledger_health import LedgerHealth
from themaads_pipeline.settings import settings

__all__ = ["OutOfReachError", "WatchedRuns"]

_log = logging.getLogger(__name__)


class OutOfReachError(TransientError):
    """Who runs the workers (Docker's engine, Kubernetes' API server) gave no answer: nothing is proven."""


class WatchedRuns(RunLauncher[DagsterInstance]):
    """Mixed into a launcher, before Dagster's own. The launcher itself says how its workers are looked at,
    killed and asked to end; each of these may raise OutOfReachError.
    """

    # The monitor asks about one run after the other: none may keep it from all others.
    answer_timeout_s: float = 10.0
    kill_timeout_s: float = 20.0

    def __init__(self, **config: Any) -> None:
        """Start and open nothing; `config` is what dagster.yaml has for Dagster's own launcher."""
        self._settings = settings()
        self._ledger = LedgerHealth(self._settings)
        self._stopped_since: dict[str, float] = {}  # by run: seen stopped at every look since then
        super().__init__(**config)  # type: ignore[no-untyped-call] # Dagster's own is untyped

    def dispose(self) -> None:
        """The ledger is given back; workers go on."""
        self._ledger.close()

    # What a launcher knows of its workers

    @abstractmethod
    def _is_ours(self, run: DagsterRun) -> bool:
        """Whether this launcher started a worker for it: a run inside a command has none."""

    @abstractmethod
    def _worker_of(self, run: DagsterRun) -> Worker:
        """How the worker is, of a run of ours."""

    @abstractmethod
    def _kill(self, run: DagsterRun) -> bool:
        """End the worker at once; whether nothing of it is left."""

    @abstractmethod
    def _ask_to_end(self, run: DagsterRun) -> bool:
        """Have the worker end in order, and killed after its grace; False when nobody is there to hear it."""

    # Watching

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks us every poll."""
        return True

    @property
    def supports_resume_run(self) -> bool:
        """A dead run is executed again from its failure, never resumed in place."""
        return False

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the run works, by its worker and its progress; a worker that stalls is killed first.

        Never UNKNOWN, which fails a run.
        """
        progress = self._ledger.progress_of(run.run_id)  # always asked: it has to notice its own outages
        try:
            worker = self._worker_of(run) if self._is_ours(run) else None
            verdict = judge(worker, progress=progress, stall_seconds=self._settings.stall_seconds)
            if verdict.alive:
                return CheckRunHealthResult(WorkerStatus.RUNNING)
            if self._has_just_ended(run):
                return CheckRunHealthResult(WorkerStatus.SUCCESS)
            why = verdict.why
            if told := self._ledger.why_dead(run.run_id):  # by a start of the stack, which was there first
                why += f"; {told}"
            if verdict.kill and not self._kill(run):
                why += "; it could not be killed, and the ledger shuts it out"
        except OutOfReachError as error:
            _log.warning("run %s counts as running: %s", run.run_id, error)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        self._ledger.bury(run.run_id, why=why)
        return CheckRunHealthResult(WorkerStatus.FAILED, why)

    def _stopped_for(self, run_id: str, *, is_stopped: bool) -> float:
        """Seconds for which the worker has been seen stopped at every look."""
        if not is_stopped:
            self._stopped_since.pop(run_id, None)
            return 0.0
        return time.monotonic() - self._stopped_since.setdefault(run_id, time.monotonic())

    def _has_just_ended(self, run: DagsterRun) -> bool:
        """Its worker wrote how it ended between the monitor's look at the run and ours at the worker."""
        now = self._instance.get_run_by_id(run.run_id)
        return now is None or now.is_finished

    # Ending

    def terminate(self, run_id: str) -> bool:
        """Ask the worker to end, and have it killed after its grace.

        The ledger hears of it first: from then on the run begins nothing. By a person it is a pause; when
        Dagster ends a run that took too long (`max_runtime`), it has said so before it asks us.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        told = self._ledger.ask_to_stop(run_id, by="machine" if self._took_too_long(run) else "person")
        if run.status is not DagsterRunStatus.CANCELING:
            self._instance.report_run_canceling(run)
        if not self._is_ours(run):
            self._say(run, "This run has no worker of ours: end the command that it runs in")
            return False
        try:
            if not self._ask_to_end(run):
                self._instance.report_run_canceled(run, "its worker was gone already")
        except OutOfReachError as error:
            ledger = "; the ledger has it begin nothing more" if told else ""
            self._say(run, f"The worker could not be asked to end: {error}{ledger}")
            return False
        return True

    def _say(self, run: DagsterRun, words: str) -> None:
        self._instance.report_engine_event(words, run, cls=type(self))

    def _took_too_long(self, run: DagsterRun) -> bool:
        if run.status is not DagsterRunStatus.CANCELING:
            return False
        events = self._instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_CANCELING)
        return bool(events) and "maximum runtime" in (events[-1].message or "")
