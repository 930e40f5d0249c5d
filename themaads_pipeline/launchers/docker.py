"""The run launcher for Docker: each run is a container, watched by its state and by its progress.

In dagster.yaml: `module: themaads_pipeline.launchers.docker`, `class: WatchedDockerRunLauncher`, and the
configuration of Dagster's own DockerRunLauncher.
"""

import logging
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import docker
import docker.errors
import requests
from dagster import DagsterRun
from dagster_docker import DockerRunLauncher
from dagster_docker.container_context import DockerContainerContext
from dagster_docker.docker_run_launcher import DOCKER_CONTAINER_ID_TAG
from docker.models.containers import Container

from themaads_pipeline.launchers.health import STOPPED_FOR_S, Worker, ended, exit_of_container
from themaads_pipeline.launchers.watched_runs import OutOfReachError, WatchedRuns

__all__ = ["WatchedDockerRunLauncher", "container_worker"]

_LOG_LINES = 50
_LOG_TAIL = 4_000  # characters of a worker's log in the failure's message
_NOT_RUNNING = 409  # the engine's answer when there is nothing to kill
_log = logging.getLogger(__name__)


class WatchedDockerRunLauncher(WatchedRuns, DockerRunLauncher):
    """Dagster's own, which also kills a container that makes no progress, and lets an engine be away."""

    _engine: "docker.DockerClient | None" = None

    # Starting

    def get_container_context(self, dagster_run: DagsterRun) -> DockerContainerContext:
        """A run works with the settings of who starts it, as on one host; `env_vars` may overrule them."""
        ours = [f"{name}={value}" for name, value in self._settings.environment().items()]
        configured: DockerContainerContext = super().get_container_context(dagster_run)
        return configured._replace(env_vars=[*ours, *configured.env_vars])

    # Watching

    def _is_ours(self, run: DagsterRun) -> bool:
        return DOCKER_CONTAINER_ID_TAG in run.tags  # written before the container starts

    def _worker_of(self, run: DagsterRun) -> Worker:
        container = self._get_container(run)
        if container is None:
            where = f"container {_short(run.tags[DOCKER_CONTAINER_ID_TAG])}"
            return Worker(where=where, dead="the worker is gone with its container", kill=False)
        return container_worker(
            where=f"container {container.name} ({_short(container.id)})",
            state=container.attrs["State"],
            paused_for_s=self._stopped_for(run.run_id, is_stopped=container.status == "paused"),
        )

    def _kill(self, run: DagsterRun) -> bool:
        container = self._get_container(run)
        if container is None:
            return True
        with _asking("kill the container"):
            try:
                container.kill()
            except docker.errors.NotFound:
                return True
            except docker.errors.APIError as refusal:
                if refusal.status_code != _NOT_RUNNING:
                    _log.warning("container %s cannot be killed", container.name, exc_info=True)
                    return False
            with suppress(requests.RequestException):  # whether it has ended is looked at below
                container.wait(timeout=self.kill_timeout_s)
        container = self._get_container(run)
        return container is None or not _lives(container)

    def get_run_worker_debug_info(
        self,
        run: DagsterRun,
        include_container_logs: bool | None = True,  # noqa: ARG002 - few lines, and nobody else keeps them
    ) -> str | None:
        """The end of the container's log."""
        try:
            container = self._get_container(run)
            if container is None:
                return None
            with _asking("read the log"):
                log: bytes = container.logs(tail=_LOG_LINES)
        except OutOfReachError:
            return None
        text = log.decode(errors="replace")[-_LOG_TAIL:].strip()
        told = f"(`docker logs {container.name}`)"
        return f"The end of its log {told}:\n{text}" if text else f"It printed nothing {told}."

    # Ending

    def _ask_to_end(self, run: DagsterRun) -> bool:
        """SIGTERM, and SIGKILL by the engine after the grace.

        Not waited for longer than an answer may take: a worker that settles a request ends minutes later, and
        `themaads pause` and Dagster's page would be told that nobody answers.
        """
        container = self._get_container(run)
        if container is None or not _lives(container):
            return False
        configured = self.get_container_context(run).container_kwargs.get("stop_timeout")
        grace = configured if configured is not None else math.ceil(self._settings.stop_grace_seconds)
        failure: list[OutOfReachError] = []

        def stop() -> None:
            try:
                with _asking("stop the container"):
                    if container.status == "paused":
                        container.unpause()  # a paused worker hears nothing
                    container.stop(timeout=grace)
            except OutOfReachError as error:
                failure.append(error)

        asking = threading.Thread(target=stop, name=f"stop {_short(container.id)}", daemon=True)
        asking.start()
        asking.join(self.answer_timeout_s)
        if failure:
            raise failure[0]
        return True

    # The engine

    def _get_container(self, run: DagsterRun | None) -> Container | None:
        """The run's container; None when there is none (any more).

        Dagster's own makes a client and logs in to the registry at each look: a registry that is away would
        hide a run that hangs.
        """
        container_id = run.tags.get(DOCKER_CONTAINER_ID_TAG) if run else None
        if not container_id:
            return None
        with _asking("look at the container"):
            if self._engine is None:
                self._engine = docker.from_env(timeout=self.answer_timeout_s)
            try:
                return self._engine.containers.get(container_id)
            except docker.errors.NotFound:
                return None


def container_worker(*, where: str, state: Mapping[str, Any], paused_for_s: float) -> Worker:
    """A worker that is a container.

    Args:
        where: How a person finds it.
        state: The engine's `State` of it (`GET /containers/{id}/json`).
        paused_for_s: For how long it has been seen paused.
    """
    match state["Status"]:
        case "running":
            return Worker(where=where)
        case "paused" if paused_for_s < STOPPED_FOR_S:
            return Worker(where=where)
        case "paused":
            return Worker(where=where, dead=f"the worker was paused (docker pause) {paused_for_s:.0f} s ago")
        case "created":
            return Worker(where=where, dead="the worker's container never started", kill=False)
    details = ["out of memory"] if state.get("OOMKilled") else []
    if error := state.get("Error"):
        details.append(str(error))
    finished_at = str(state.get("FinishedAt") or "0001")
    if not finished_at.startswith("0001"):  # the engine's "never"
        details.append(f"{finished_at[:19].replace('T', ' ')} UTC")
    return Worker(where=where, dead=ended(exit_of_container(int(state["ExitCode"])), *details), kill=False)


def _lives(container: Container) -> bool:
    return container.status in {"running", "paused", "restarting"}


def _short(container_id: str) -> str:
    return container_id[:12]


@contextmanager
def _asking(what: str) -> Iterator[None]:
    try:
        yield
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise OutOfReachError(f"Docker's engine gave no answer when asked to {what}: {error}") from error
