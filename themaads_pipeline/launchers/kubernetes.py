"""The run launcher for Kubernetes: each run is a job with one pod, watched by its state and by its progress.

In dagster.yaml: `module: themaads_pipeline.launchers.kubernetes`, `class: WatchedK8sRunLauncher`, and the
configuration of Dagster's own K8sRunLauncher.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import kubernetes.client
import urllib3
import urllib3.exceptions
from dagster import DagsterRun
from dagster import _check as check
from dagster._core.launcher import LaunchRunContext
from dagster._utils.merger import deep_merge_dicts
from dagster_k8s import K8sRunLauncher
from dagster_k8s.client import DagsterKubernetesClient, PatchedApiClient
from dagster_k8s.job import get_job_name_from_run_id
from kubernetes.client import ApiException, BatchV1Api, CoreV1Api, V1JobStatus, V1Pod

from themaads_pipeline.launchers.health import Worker, ended, exit_of_container
from themaads_pipeline.launchers.watched_runs import OutOfReachError, WatchedRuns
from themaads_pipeline.settings import settings

__all__ = ["JOB_TAG", "WatchedK8sRunLauncher", "job_worker"]

JOB_TAG = "themaads/kubernetes_job"
_MAIN_CONTAINER = "dagster"  # what Dagster calls it, beside sidecars
_NOT_FOUND = 404
_TRY_AGAIN = {401, 408, 429}  # as good as no answer, beside all of 5xx; a 401 passes when a token is renewed
_log = logging.getLogger(__name__)


class _ImpatientClient(PatchedApiClient):
    """Gives up in time, where Kubernetes' own client waits for ever for a server that does not answer."""

    def __init__(self, *, timeout_s: Callable[[], float]) -> None:
        asked_with = kubernetes.client.Configuration.get_default_copy()
        # One more try where the connection failed; who is told to come back later asks at the next poll.
        asked_with.retries = urllib3.Retry(total=1, read=0, respect_retry_after_header=False)
        super().__init__(configuration=asked_with)
        self._timeout_s = timeout_s

    def request(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["_request_timeout"] = kwargs.get("_request_timeout") or self._timeout_s()
        return super().request(*args, **kwargs)


class WatchedK8sRunLauncher(WatchedRuns, K8sRunLauncher):
    """Dagster's own, which also kills a pod that makes no progress, and lets an API server be away."""

    def __init__(self, *, run_k8s_config: Mapping[str, Any] | None = None, **config: Any) -> None:
        """As Dagster's own; a pod has our grace to settle what is in flight, when its node is drained too."""
        # By run: what pods said that were killed, and so cannot be asked.
        self._last_words: dict[str, str] = {}
        grace = {"termination_grace_period_seconds": math.ceil(settings().stop_grace_seconds)}
        pods = deep_merge_dicts({"pod_spec_config": grace}, dict(run_k8s_config or {}))
        super().__init__(run_k8s_config=pods, **config)
        client = _ImpatientClient(timeout_s=lambda: self.answer_timeout_s)  # configured by now
        self._api_client = DagsterKubernetesClient.production_client(  # type: ignore[no-untyped-call] # Dagster's
            batch_api_override=BatchV1Api(client), core_api_override=CoreV1Api(client)
        )

    @property
    def supports_run_worker_crash_recovery(self) -> bool:
        """As `supports_resume_run`; so a run has one job, and its name needs no look at the run's events."""
        return False

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run's job. The tag tells it from a run inside a command, which never has one."""
        run_id = context.dagster_run.run_id
        self._instance.add_run_tags(run_id, {JOB_TAG: _job_of(run_id)})
        super().launch_run(context)

    # Watching

    def _is_ours(self, run: DagsterRun) -> bool:
        return run.tags.get(JOB_TAG) == _job_of(run.run_id)  # a re-execution has its parent's tags at first

    def _worker_of(self, run: DagsterRun) -> Worker:
        with _asking("look at the job"):
            status = self._job_status(run)
            pods = self._pods(run)
        return job_worker(job=_job_of(run.run_id), namespace=self._namespace(run), status=status, pods=pods)

    def _kill(self, run: DagsterRun) -> bool:
        """Deletes the job, which is what keeps it from starting a pod anew, and its pods.

        Not with a grace of 0: that takes a pod off the list at once, whether or not its node has heard of it.
        """
        with suppress(Exception):
            self._last_words[run.run_id] = super().get_run_worker_debug_info(run) or ""
        with _asking("kill the pod"):
            try:
                self._delete(run, grace_s=1)
            except ApiException as refusal:
                if _is_no_answer(refusal):
                    raise
                _log.warning("job %s cannot be deleted", _job_of(run.run_id), exc_info=True)
                return False
            deadline = time.monotonic() + self.kill_timeout_s
            while left := [pod for pod in self._pods(run) if _lives(pod)]:
                if time.monotonic() > deadline:
                    break
                time.sleep(0.5)
        return not left

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """What Dagster's own tells of the pod; of one that was killed, what it told before."""
        if not self._is_ours(run):
            return None
        return self._last_words.pop(run.run_id, "") or super().get_run_worker_debug_info(
            run, include_container_logs
        )

    # Ending

    def _ask_to_end(self, run: DagsterRun) -> bool:
        """SIGTERM, and SIGKILL by the node after the pod's grace."""
        with _asking("delete the job"):
            return self._delete(run)

    # The API server

    def _namespace(self, run: DagsterRun) -> str:
        return str(check.not_none(self.get_container_context_for_run(run).namespace))

    def _job_status(self, run: DagsterRun) -> V1JobStatus | None:
        """None: there is no such job (any more)."""
        try:
            jobs = self._api_client.batch_api
            return jobs.read_namespaced_job_status(_job_of(run.run_id), self._namespace(run)).status
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _pods(self, run: DagsterRun) -> list[V1Pod]:
        return list(self._api_client.get_pods_in_job(_job_of(run.run_id), self._namespace(run)))

    def _delete(self, run: DagsterRun, *, grace_s: int | None = None) -> bool:
        """Delete the job and its pods, with a pod's own grace or this one; False: no pod is at work."""
        namespace = self._namespace(run)
        options = {} if grace_s is None else {"grace_period_seconds": grace_s}
        pods = [pod for pod in self._pods(run) if _lives(pod)]
        with _unless_gone():
            self._api_client.batch_api.delete_namespaced_job(
                _job_of(run.run_id), namespace, propagation_policy="Background"
            )
        for pod in pods:
            with _unless_gone():
                self._api_client.core_api.delete_namespaced_pod(pod.metadata.name, namespace, **options)
        return any(pod.status.phase != "Pending" for pod in pods)


def job_worker(*, job: str, namespace: str, status: V1JobStatus | None, pods: Sequence[V1Pod]) -> Worker:
    """A worker that is a job's pod.

    Args:
        job: The job's name.
        namespace: Where it is.
        status: How the job is; None: it was deleted.
        pods: The job's; more than one when a job was configured to start pods anew.
    """
    where = f"job {job} in namespace {namespace}"
    newest = max(pods, key=lambda pod: (_lives(pod), pod.metadata.creation_timestamp), default=None)
    if newest is not None:
        node = f" on node {newest.spec.node_name}" if newest.spec.node_name else ""
        where = f"pod {newest.metadata.name}{node}, {where}"
        if _lives(newest):  # in the grace of its end, too
            return Worker(where=where)
    if status is None:
        gone = "the worker is gone: its job was deleted"
        return Worker(where=where, dead=_end_of(newest) if newest else gone, kill=False)
    if status.active or not (status.failed or status.succeeded):  # its pod is to come, or news of its end
        return Worker(where=where)
    if newest is not None:
        return Worker(where=where, dead=_end_of(newest), kill=False)
    failed = [each for each in status.conditions or [] if each.type == "Failed"]
    return Worker(where=where, dead=ended(None, *[_reason(each) for each in failed]), kill=False)


def _job_of(run_id: str) -> str:
    return str(get_job_name_from_run_id(run_id))  # type: ignore[no-untyped-call] # Dagster's own is untyped


def _end_of(pod: V1Pod) -> str:
    """How a pod ended: by its container's exit code, and why its node put it out."""
    details = [_reason(pod.status)] if pod.status.reason else []
    containers = sorted(pod.status.container_statuses or [], key=lambda each: each.name != _MAIN_CONTAINER)
    ends = [each.state.terminated for each in containers if each.state.terminated]
    if not ends:
        return ended(None, *details)
    end = ends[0]
    if end.reason not in {None, "Error", "Completed"}:
        details.append(end.reason)
    if end.finished_at:
        details.append(f"{end.finished_at:%Y-%m-%d %H:%M:%S} UTC")
    return ended(exit_of_container(end.exit_code), *details)


def _reason(of: Any) -> str:
    """`Evicted: The node was low on resource: memory`."""
    return f"{of.reason}: {of.message}" if of.message else str(of.reason)


def _lives(pod: V1Pod) -> bool:
    return pod.status.phase not in {"Succeeded", "Failed"}


def _is_no_answer(error: ApiException) -> bool:
    return not error.status or error.status >= 500 or error.status in _TRY_AGAIN


@contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        if error.status != _NOT_FOUND:
            raise


@contextmanager
def _asking(what: str) -> Iterator[None]:
    try:
        yield
    except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
        raise OutOfReachError(f"Kubernetes gave no answer when asked to {what}: {error}") from error
