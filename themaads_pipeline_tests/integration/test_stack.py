"""`themaads up`: real processes that start in order, are replaced when they die, and leave nobody behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pytest

from themaads_pipeline.ledger import embedded

ROOT = Path(__file__).parents[2]

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

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.output = home / f"output-{time.monotonic_ns()}.txt"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "themaads_pipeline.cli", "up", *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "THEMAADS_HOME": str(home), "PYTHONUNBUFFERED": "1"},
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
        body = json.dumps({"query": query}).encode()
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
        assert "was killed" not in self.output.read_text()
        return code


def is_alive(process: psutil.Process) -> bool:
    """A zombie, where nobody reaps orphans, is not."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="themaads-test-"))  # the embedded Postgres may be another user
    (folder / "code.py").write_text(DEFINITIONS)
    (folder / "workspace-of-test.yaml").write_text(WORKSPACE)
    yield folder
    embedded.stop(folder)
    shutil.rmtree(folder)


@contextmanager
def running(home: Path) -> Iterator[Running]:
    stack = Running(home, "--workspace", str(home / "workspace-of-test.yaml"), "--port", "0")
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


def test_ctrl_c_stops_everything_in_order_even_in_the_middle_of_a_run(home: Path) -> None:
    with running(home) as stack:
        stack.wait_until(lambda: stack.says("stack is up: http://127.0.0.1:"))
        assert embedded.running_url(home) is not None
        second = Running(home)
        assert second.process.wait(timeout=30) == 1
        assert "a stack is running" in second.output.read_text()
        launch_endless_run(stack)
        members = stack.members()
        assert len(members) >= 5  # code server, its run, webserver, daemon, emulator
        assert stack.interrupt() == 0
        assert stack.says("stopped")
        assert stack.members() == []
        assert not [each for each in members if is_alive(each)]
        assert embedded.running_url(home) is None
        assert not (home / "stack.json").exists()


def test_parts_that_die_are_replaced_and_after_two_deaths_in_a_row_everything_stops(home: Path) -> None:
    with running(home) as stack:
        stack.wait_until(lambda: stack.says("stack is up"))
        postmaster = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
        postmaster.kill()
        os.kill(stack.pid_of("daemon"), signal.SIGKILL)
        os.kill(stack.pid_of("webserver"), signal.SIGKILL)
        stack.wait_until(lambda: stack.says("postgres ended: restarting"))
        stack.wait_until(lambda: stack.says("daemon ended (killed by SIGKILL): restarting"))
        stack.wait_until(lambda: stack.says("webserver ended (killed by SIGKILL): restarting"))
        stack.wait_until(stack.knows_the_job)
        (home / "code.py").write_text("raise RuntimeError('broken by an edit')\n")
        os.kill(stack.pid_of("code-server"), signal.SIGKILL)
        assert stack.process.wait(timeout=120) == 1
        assert "code-server ended again right after its restart" in stack.output.read_text()
        assert "RuntimeError: broken by an edit" in stack.output.read_text()
        assert stack.members() == []
        assert embedded.running_url(home) is None


def test_a_killed_stack_is_cleaned_up_by_the_next_one(home: Path) -> None:
    with running(home) as stack:
        stack.wait_until(lambda: stack.says("stack is up"))
        stack.process.kill()
        stack.process.wait()
        left = stack.members()
        assert len(left) >= 4
        (home / "code.py").write_text("raise RuntimeError('broken from the start')\n")
        with running(home) as again:
            assert again.process.wait(timeout=120) == 1
            assert "ending daemon of a stack that was killed" in again.output.read_text()
            assert "code-server does not start" in again.output.read_text()
            assert "RuntimeError: broken from the start" in again.output.read_text()
            assert not [each for each in left if is_alive(each)]
            assert again.members() == []
        assert embedded.running_url(home) is None
