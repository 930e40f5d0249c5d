"""The run launcher for one host: each run is a process in a session of its own, which nothing that reloads
or restarts can touch, and which is watched by its process and by its progress.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from dagster import DagsterRun, DagsterRunStatus, MetadataValue
from dagster import _check as check
from dagster._config.config_schema import UserConfigSchema
from dagster._core.events import EngineEventData
from dagster._core.launcher import LaunchRunContext
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from themaads_pipeline.launchers.health import Worker, process_worker
from themaads_pipeline.launchers.watched_runs import WatchedRuns
from themaads_pipeline.launchers.worker import (
    ProcessState,
    WorkerMark,
    interrupt,
    kill,
    look_at,
    start,
    start_detached,
)

__all__ = ["WORKER_TAG", "HostRunLauncher"]

WORKER_TAG = "themaads/worker"
_LOG_TAIL = 4_000  # characters of a worker's log in the failure's message
_LOGS_KEPT_S = 30 * 24 * 3600


class HostRunLauncher(WatchedRuns, ConfigurableClass):
    """Starts, watches and ends the workers of this host.

    `launch_run` and the health checks run in the daemon, `terminate` in the web interface: both have to see
    the same processes.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        """Start nothing."""
        self._inst_data = inst_data
        self._exit_codes: dict[int, int] = {}  # of our own children, by pid
        super().__init__()

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
            elif run is not None and run.status is DagsterRunStatus.CANCELING:
                # Killed after its grace, it could not say so, and the next run of its upload would wait.
                self._instance.report_run_canceled(run, f"its worker ended with exit code {code}")

    # Watching

    def _is_ours(self, run: DagsterRun) -> bool:
        return WorkerMark.from_tag(run.tags.get(WORKER_TAG)) is not None

    def _worker_of(self, run: DagsterRun) -> Worker:
        mark = _mark_of(run)
        state = look_at(mark)
        return process_worker(
            mark,
            state,
            stopped_for_s=self._stopped_for(run.run_id, is_stopped=state is ProcessState.STOPPED),
            exit_code=self._exit_codes.get(mark.pid),
        )

    def _kill(self, run: DagsterRun) -> bool:
        return kill(_mark_of(run))

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

    # Ending

    def _ask_to_end(self, run: DagsterRun) -> bool:
        """SIGINT, and SIGKILL after the grace, even when this process is gone by then."""
        mark = _mark_of(run)
        if not interrupt(mark):
            return False
        grace = self._settings.stop_grace_seconds
        command = [sys.executable, "-P", "-m", "themaads_pipeline.launchers.grace", mark.to_tag(), str(grace)]
        start_detached(command, folder=self._settings.home)
        return True


def _mark_of(run: DagsterRun) -> WorkerMark:
    return check.not_none(WorkerMark.from_tag(run.tags.get(WORKER_TAG)))


def _forget_old_logs(folder: Path) -> None:
    oldest = time.time() - _LOGS_KEPT_S
    with suppress(OSError):
        for log in folder.glob("*.log"):
            if log.stat().st_mtime < oldest:
                log.unlink(missing_ok=True)
