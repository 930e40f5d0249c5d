"""Runs on one host, as real processes: whatever is killed or reloaded around them, and whatever hits them."""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from themaads_pipeline.ledger import embedded
from themaads_pipeline_tests.running_stack import DEFINITIONS, WORKSPACE, Running, is_alive, running

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("host_launcher")]

# Ends of its own accord only when asked twice.
DEAF = """
@dg.asset
def deaf() -> None:
    while True:
        try:
            time.sleep(0.1)
        except BaseException:
            pass

defs = dg.Definitions(
    assets=[endless, deaf],
    jobs=[dg.define_asset_job("endless_job", ["endless"]), dg.define_asset_job("deaf_job", ["deaf"])],
    executor=dg.in_process_executor,
)
"""
_RUN = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"
_EVENTS = """query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on RunFailureEvent { message } ... on RunCanceledEvent { message } } } } }"""
_LAUNCH = """mutation ($job: String!) { launchRun(executionParams: {runConfigData: {},
  executionMetadata: {tags: [{key: "dagster/max_retries", value: "0"}]}, selector: {
  repositoryLocationName: "themaads", repositoryName: "__repository__", jobName: $job
}}) { ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_TERMINATE = "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"


class Run:
    """A run of the stack's, and its worker."""

    def __init__(self, stack: Running, job: str = "endless_job") -> None:
        self.stack = stack
        self.run_id = self._ask(_LAUNCH, job=job)["launchRun"]["run"]["runId"]
        self.wait_for("STARTED")
        tags = {tag["key"]: tag["value"] for tag in self._run()["tags"]}
        self.worker = psutil.Process(json.loads(tags["themaads/worker"])["pid"])

    def wait_for(self, status: str, *, timeout: float = 60) -> float:
        """Seconds until the run has this status."""
        started = time.monotonic()
        self.stack.wait_until(lambda: self._run()["status"] == status, timeout=timeout)
        return time.monotonic() - started

    def message(self) -> str:
        """How its end is told."""
        events = self._ask(_EVENTS, id=self.run_id)["logsForRun"]["events"]
        return "\n".join(event["message"] for event in events if event.get("message"))

    @property
    def status(self) -> str:
        return str(self._run()["status"])

    def terminate(self) -> None:
        self._ask(_TERMINATE, id=self.run_id)

    def _run(self) -> dict[str, Any]:
        return dict(self._ask(_RUN, id=self.run_id)["runOrError"])

    def _ask(self, query: str, **variables: str) -> dict[str, Any]:
        return dict(self.stack.ask_with(query, variables))


@pytest.fixture(scope="module")
def stack() -> Iterator[Running]:
    home = Path(tempfile.mkdtemp(prefix="themaads-test-"))  # the embedded Postgres may be another user
    (home / "code.py").write_text(DEFINITIONS + DEAF)
    (home / "workspace-of-test.yaml").write_text(WORKSPACE)
    with running(home, THEMAADS_STOP_GRACE_SECONDS="3") as stack:
        stack.wait_until(lambda: stack.says("stack is up"))
        yield stack
    embedded.stop(home)
    shutil.rmtree(home)


def test_a_killed_worker_is_seen_and_told_with_the_end_of_its_log(stack: Running) -> None:
    run = Run(stack)
    run.worker.kill()
    run.wait_for("FAILURE")
    assert "the worker was killed by signal 9" in run.message()
    assert "The end of its log" in run.message()


def test_a_stopped_worker_is_killed_before_it_is_declared_failed(stack: Running) -> None:
    run = Run(stack)
    run.worker.suspend()
    run.wait_for("FAILURE")
    assert "stopped (SIGSTOP)" in run.message()
    assert not is_alive(run.worker)


def test_a_run_goes_on_whatever_is_killed_or_edited_around_it(stack: Running) -> None:
    run = Run(stack)
    code = stack.home / "code.py"
    working = code.read_text()
    code.write_text(working + "\n# edited while a run is going on\n")
    for name in ("code-server", "daemon"):  # the web interface has its turn below
        pid = stack.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        stack.wait_until(lambda pid=pid, name=name: stack.pid_of(name) != pid)  # type: ignore[misc] # bound now
    stack.wait_until(stack.knows_the_job)
    time.sleep(12)  # two looks of the monitor
    assert run.status == "STARTED"
    assert is_alive(run.worker)
    run.terminate()
    run.wait_for("CANCELED")
    stack.wait_until(lambda: not is_alive(run.worker), timeout=10)


def test_a_worker_that_does_not_end_is_killed_after_its_grace_even_without_the_web_interface(
    stack: Running,
) -> None:
    run = Run(stack, "deaf_job")
    run.terminate()
    assert is_alive(run.worker)
    os.kill(stack.pid_of("webserver"), signal.SIGKILL)
    stack.wait_until(lambda: not is_alive(run.worker), timeout=20)
    stack.wait_until(stack.knows_the_job)


def test_when_everything_was_killed_the_next_start_tells_what_became_of_the_run(stack: Running) -> None:
    run = Run(stack)
    stack.process.kill()
    for member in stack.members():
        member.kill()
    stack.process.wait()
    with running(stack.home) as again:
        again.wait_until(lambda: again.says("stack is up"))
        run.stack = again
        run.wait_for("FAILURE")
        assert "the worker is gone" in run.message()
        assert again.interrupt() == 0
        assert again.members() == []
