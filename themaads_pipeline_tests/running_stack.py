"""A `themaads up` in processes of its own, with a job that never ends: for tests of the stack and of runs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

ROOT = Path(__file__).parents[1]

# Code of its own: what is tested is the stack, not the job that it runs.
DEFINITIONS = """
import time
import dagster as dg

@dg.asset
def endless(context: dg.AssetExecutionContext) -> None:
    context.log.info("at it")
    while True:
        time.sleep(0.1)

defs = dg.Definitions(
    assets=[endless], jobs=[dg.define_asset_job("endless_job", ["endless"])], executor=dg.in_process_executor
)
"""
WORKSPACE = "load_from: [{python_file: {relative_path: code.py, location_name: themaads}}]\n"


class Running:
    """A `themaads up` in a process of its own."""

    def __init__(self, home: Path, *options: str, **settings: str) -> None:
        self.home = home
        self.output = home / f"output-{time.monotonic_ns()}.txt"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "themaads_pipeline.cli", "up", *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, **settings, "THEMAADS_HOME": str(home), "PYTHONUNBUFFERED": "1"},
            )

    def says(self, words: str) -> bool:
        if words in (text := self.output.read_text()):
            return True
        assert self.process.poll() is None, text
        return False

    def wait_until(self, happened: Callable[[], bool], *, timeout: float = 120) -> None:
        deadline = time.monotonic() + timeout
        while not happened():
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)

    @property
    def url(self) -> str:
        return str(json.loads((self.home / "stack.json").read_text())["url"])

    def pid_of(self, name: str) -> int:
        children = json.loads((self.home / "stack.json").read_text())["children"]
        return next(int(each["pid"]) for each in children if each["name"] == name)

    def ask(self, query: str) -> str:
        """The web interface's answer to a query, as it comes."""
        return self._post({"query": query})

    def ask_with(self, query: str, variables: dict[str, str]) -> Any:
        """The data of its answer; it may just be restarting, or its database."""
        deadline = time.monotonic() + 60
        while True:
            answer: dict[str, Any] = {}
            with suppress(OSError, ValueError):  # a page that says that the database is away is no JSON
                answer = json.loads(self._post({"query": query, "variables": variables}))
            if (data := answer.get("data")) is not None:
                return data
            assert time.monotonic() < deadline, answer
            time.sleep(0.2)

    def _post(self, content: dict[str, Any]) -> str:
        body = json.dumps(content).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=20) as response:
            return str(response.read().decode())

    def knows_the_job(self) -> bool:
        """The web interface answers, and has found the code server's definitions."""
        query = "{ repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } } }"
        with suppress(OSError):
            return "endless_job" in self.ask(query)
        return False

    def members(self) -> list[psutil.Process]:
        """Everybody who works for this home: found by their environment, not by who started them."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get("THEMAADS_HOME") == str(self.home):
                    found.append(process)
        return [each for each in found if each.pid not in {os.getpid(), self.process.pid}]

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=120)  # each part may take its grace on a busy machine
        assert "did not stop by itself and was killed" not in self.output.read_text()
        return code


def is_alive(process: psutil.Process) -> bool:
    """A zombie, where nobody reaps orphans, is not."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@contextmanager
def running(home: Path, *options: str, **settings: str) -> Iterator[Running]:
    """A stack that is killed with all its processes at the end, if it still runs then.

    Without options its code is the endless job.
    """
    own = options or ("--workspace", str(home / "workspace-of-test.yaml"))
    stack = Running(home, "--port", "0", "--dashboard-port", "0", *own, **settings)
    try:
        yield stack
    finally:
        if stack.process.poll() is None:
            stack.process.kill()
            stack.process.wait()
        for process in stack.members():
            with suppress(psutil.Error):
                process.kill()


def launch_endless_run(stack: Running) -> None:
    answer = stack.ask("""mutation { launchRun(executionParams: {runConfigData: {}, selector: {
        repositoryLocationName: "themaads", repositoryName: "__repository__", jobName: "endless_job"
    }}) { __typename } }""")
    assert "LaunchRunSuccess" in answer, answer
    stack.wait_until(lambda: "STARTED" in stack.ask("{ runsOrError { ... on Runs { results { status } } } }"))
