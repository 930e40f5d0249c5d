"""`themaads up`: real processes that start in order, are replaced when they die, and leave nobody behind."""

import os
import re
import signal
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from themaads_pipeline.ledger import embedded
from themaads_pipeline_tests.running_stack import (
    DEFINITIONS,
    WORKSPACE,
    Running,
    is_alive,
    launch_endless_run,
    running,
)


@pytest.fixture
def home(home: Path) -> Path:
    (home / "code.py").write_text(DEFINITIONS)
    (home / "workspace-of-test.yaml").write_text(WORKSPACE)
    return home


def test_ctrl_c_stops_everything_in_order_even_in_the_middle_of_a_run(home: Path) -> None:
    with running(home) as stack:
        stack.wait_until(lambda: stack.says("stack is up: http://127.0.0.1:"))
        assert embedded.running_url(home) is not None
        second = Running(home)
        assert second.process.wait(timeout=30) == 1
        assert "a stack is running" in second.output.read_text()
        launch_endless_run(stack)
        members = stack.members()
        assert len(members) >= 6  # code server, its run, webserver, daemon, dashboard, emulator
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


def test_the_dashboard_comes_with_it_and_everything_else_goes_on_without_it(home: Path) -> None:
    with running(home) as stack:
        stack.wait_until(lambda: stack.says("stack is up"))
        address = re.search(r"dashboard: (http://127\.0\.0\.1:\d+)\n", stack.output.read_text())
        assert address is not None
        with urlopen(f"{address[1]}/alive", timeout=10) as answer:
            assert answer.read() == b"alive\n"
        os.kill(stack.pid_of("dashboard"), signal.SIGKILL)
        stack.wait_until(lambda: stack.says("dashboard ended (killed by SIGKILL): restarting"))
        os.kill(stack.pid_of("dashboard"), signal.SIGKILL)
        stack.wait_until(lambda: stack.says("everything else goes on without it"))
        assert "dashboard ended again right after its restart" in stack.output.read_text()
        assert stack.knows_the_job()
        assert stack.interrupt() == 0
        assert stack.members() == []


def test_a_dashboard_that_cannot_start_says_why_and_everything_else_starts(home: Path) -> None:
    with running(home, THEMAADS_DASHBOARD_PASSWORD_FILE=str(home / "missing.txt")) as stack:
        stack.wait_until(lambda: stack.says("stack is up"))
        told = stack.output.read_text()
        assert "dashboard does not start" in told
        assert "missing.txt cannot be read" in told
        assert stack.knows_the_job()
        assert stack.interrupt() == 0
