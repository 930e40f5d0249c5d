"""The run launcher for one host: each run is a process in a session of its own, which nothing that reloads
or restarts can touch, and which is watched by its process and by its progress.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, MetadataValue
from dagster import _check as check
from dagster._config.config_schema import UserConfigSchema
from dagster._core.events import EngineEventData
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from themaads_pipeline.launchers.health import judge
from themaads_pipeline.launchers.ledger_health import LedgerHealth
from themaads_pipeline.launchers.worker import (
    ProcessState,
    WorkerMark,
    interrupt,
    kill,
    look_at,
    start,
    start_detached,
)
from themaads_pipeline.settings import settings

__all__ = ["WORKER_TAG", "HostRunLauncher"]

WORKER_TAG = "themaads/worker"
_LOG_TAIL = 4_000  # characters of a worker's log in the failure's message
_LOGS_KEPT_S = 30 * 24 * 3600
_log = logging.getLogger(__name__)


class HostRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Starts, watches and ends the workers of this host.

    `launch_run` and the health checks run in the daemon, `terminate` in the web interface: both have to see
    the same processes.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        """Start nothing."""
        self._inst_data = inst_data
        self._settings = settings()
        self._ledger = LedgerHealth(self._settings)
        self._exit_codes: dict[int, int] = {}  # of our own children, by pid
        self._stopped_since: dict[str, float] = {}  # by run: seen stopped at every look since then
        super().__init__()  # type: ignore[no-untyped-call] # Dagster's own is untyped

    # As Dagster's instance wants it

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """Where dagster.yaml names it."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing to configure: all comes from our settings."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Made by Dagster's instance."""
        return cls(inst_data=inst_data, **config_value)

    def dispose(self) -> None:
        """The ledger is given back; workers go on."""
        self._ledger.close()

    # Starting

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run's worker."""
        run = context.dagster_run
        arguments = ExecuteRunArgs(
            job_origin=check.not_none(context.job_code_origin),
            run_id=run.run_id,
            instance_ref=self._instance.get_ref(),
            set_exit_code_on_failure=True,
        )
        # The arguments travel in the environment: a command line of many kilobytes is everybody's to read.
        *command, _ = arguments.get_command_args()
        if command[0] == "dagster":  # .venv/bin need not be in the PATH
            command[:1] = [sys.executable, "-m", "dagster"]
        command.insert(1, "-P")  # a file in the working folder never hides a module of the same name
        log = self.log_of(run.run_id)
        _forget_old_logs(log.parent)
        process, mark = start(
            command,
            log=log,
            environment={**os.environ, "DAGSTER_EXECUTE_RUN_ARGS": serialize_value(arguments)},
            folder=self._settings.home,
        )
        self._instance.add_run_tags(run.run_id, {WORKER_TAG: mark.to_tag()})
        self._instance.report_engine_event(
            f"Worker started: pid {mark.pid} on host {mark.host}",
            run,
            EngineEventData({"pid": MetadataValue.int(mark.pid), "log": MetadataValue.path(str(log))}),
            cls=type(self),
        )
        threading.Thread(
            target=self._reap, args=(process, run.run_id), name=f"reap {run.run_id[:8]}", daemon=True
        ).start()

    def log_of(self, run_id: str) -> Path:
        """What the run's worker prints."""
        return self._settings.home / "logs" / "runs" / f"{run_id}.log"

    def _reap(self, process: "subprocess.Popen[bytes]", run_id: str) -> None:
        """Wait for our child, so that it is no zombie. Monitoring asks only about runs that have started: one
        that ends before that, at an import, is reported here.
        """
        code = process.wait()
        self._exit_codes[process.pid] = code
        with suppress(Exception):  # the instance may be gone by now; start_timeout_seconds is the net
            run = self._instance.get_run_by_id(run_id)
            if run is not None and run.status in {DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED}:
                words = self.get_run_worker_debug_info(run) or ""
                self._instance.report_run_failed(
                    run, f"the worker ended with exit code {code} before the run began\n{words}"
                )

    # Watching

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks us every poll."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the run works, by its process and its progress; a worker that stalls is killed first."""
        mark = WorkerMark.from_tag(run.tags.get(WORKER_TAG))
        state = look_at(mark) if mark else ProcessState.ALIVE
        verdict = judge(
            mark,
            state,
            stopped_for_s=self._stopped_for(run.run_id, state),
            exit_code=self._exit_codes.get(mark.pid) if mark else None,
            progress=self._ledger.progress_of(run.run_id),
            stall_seconds=self._settings.stall_seconds,
        )
        if verdict.alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if self._has_just_ended(run):
            return CheckRunHealthResult(WorkerStatus.SUCCESS)
        why = verdict.why
        if told := self._ledger.why_dead(run.run_id):  # by a start of the stack, which was there first
            why += f"; {told}"
        if verdict.kill and mark is not None and not kill(mark):
            why += "; it could not be killed, and the ledger shuts it out"
        self._ledger.bury(run.run_id, why=why)
        return CheckRunHealthResult(WorkerStatus.FAILED, why)

    def get_run_worker_debug_info(
        self,
        run: DagsterRun,
        include_container_logs: bool | None = True,  # noqa: ARG002 - Dagster's signature
    ) -> str | None:
        """The end of the worker's log."""
        log = self.log_of(run.run_id)
        try:
            text = log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:].strip()
        except OSError:
            return None
        return f"The end of its log ({log}):\n{text}" if text else f"It printed nothing ({log})."

    def _stopped_for(self, run_id: str, state: ProcessState) -> float:
        if state is not ProcessState.STOPPED:
            self._stopped_since.pop(run_id, None)
            return 0.0
        return time.monotonic() - self._stopped_since.setdefault(run_id, time.monotonic())

    def _has_just_ended(self, run: DagsterRun) -> bool:
        """Its worker wrote how it ended between the monitor's look at the run and ours at the process."""
        now = self._instance.get_run_by_id(run.run_id)
        return now is None or now.is_finished

    # Ending

    def terminate(self, run_id: str) -> bool:
        """SIGINT, and SIGKILL after the grace, even when this process is gone by then.

        The ledger hears of it first: from then on the run begins nothing. By a person it is a pause; when
        Dagster ends a run that took too long (`max_runtime`), it has said so before it asks us.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._ledger.ask_to_stop(run_id, by="machine" if self._took_too_long(run) else "person")
        if run.status is not DagsterRunStatus.CANCELING:
            self._instance.report_run_canceling(run)
        mark = WorkerMark.from_tag(run.tags.get(WORKER_TAG))
        if mark is None:
            self._instance.report_engine_event(
                "This run has no worker of ours: end the command that it runs in", run, cls=type(self)
            )
            return False
        if not interrupt(mark):
            self._instance.report_run_canceled(run, "its worker was gone already")
            return True
        grace = self._settings.stop_grace_seconds
        command = [sys.executable, "-P", "-m", "themaads_pipeline.launchers.grace", mark.to_tag(), str(grace)]
        start_detached(command, folder=self._settings.home)
        return True

    def _took_too_long(self, run: DagsterRun) -> bool:
        if run.status is not DagsterRunStatus.CANCELING:
            return False
        events = self._instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_CANCELING)
        return bool(events) and "maximum runtime" in (events[-1].message or "")


def _forget_old_logs(folder: Path) -> None:
    oldest = time.time() - _LOGS_KEPT_S
    with suppress(OSError):
        for log in folder.glob("*.log"):
            if log.stat().st_mtime < oldest:
                log.unlink(missing_ok=True)
