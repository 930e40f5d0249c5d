"""Each fault of `stack_faults`, done for real to a stack with an upload at work."""

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.error import URLError

import psutil
import psycopg

from themaads_pipeline.launchers.worker import workers_of
from themaads_pipeline.ledger import embedded
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline_tests.chaos.stack_faults import Kind, Strike
from themaads_pipeline_tests.running_stack import ROOT
from themaads_pipeline_tests.running_upload import QUICK, RunningUpload, restarted

_AWAY_S = 60.0
_GOOGLE_AWAY_S = 120.0
_ACTIVE = frozenset({"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"})
_TERMINATE = """mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"""
_RE_EXECUTE = """mutation ($id: String!) { launchRunReexecution(reexecutionParams: {
    parentRunId: $id, strategy: FROM_FAILURE, useParentRunTags: true}) { __typename } }"""


def do(strike: Strike, at_work: RunningUpload, *, pace: Callable[[], None]) -> None:
    """Do it; returns once the disturbance itself is over, and not what follows from it.

    Args:
        strike: What to do.
        at_work: Whom to do it to.
        pace: Sets the emulator's speed again, which it forgets when it ends.
    """
    _ACTS[strike.kind](at_work, strike)
    deadline = time.monotonic() + 120
    while True:
        try:
            pace()
        except (URLError, OSError, ValueError):  # it is just being restarted
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def _worker_killed(at_work: RunningUpload, strike: Strike) -> None:
    at_work.worker().kill()


def _worker_stopped(at_work: RunningUpload, strike: Strike) -> None:
    at_work.worker().suspend()


def _worker_hangs(at_work: RunningUpload, strike: Strike) -> None:
    """It waits for a lock that nobody gives it: no error, no end."""
    hung = at_work.runs()[0]["runId"]
    with psycopg.connect(_database(at_work)) as connection:
        connection.execute("lock table themaads.item in access exclusive mode")
        at_work.stack.wait_until(lambda: at_work.status_of(hung) == "FAILURE", timeout=180)


def _worker_terminated(at_work: RunningUpload, strike: Strike) -> None:
    at_work.worker().terminate()


def _everything_killed(at_work: RunningUpload, strike: Strike) -> None:
    at_work.kill_everything()
    restarted(at_work)


def _stack_interrupted(at_work: RunningUpload, strike: Strike) -> None:
    number = signal.SIGINT if strike.chance < 0.5 else signal.SIGTERM
    assert at_work.stack.interrupt(number) == 0
    assert at_work.stack.members() == []
    assert workers_of(at_work.home) == []
    assert embedded.running_url(at_work.home) is None
    restarted(at_work)
    assert at_work.progress.status is not UploadStatus.PAUSED


def _part_killed(name: str) -> Callable[[RunningUpload, Strike], None]:
    def act(at_work: RunningUpload, strike: Strike) -> None:
        os.kill(at_work.stack.pid_of(name), signal.SIGKILL)

    return act


def _code_server_killed_at_retry(at_work: RunningUpload, strike: Strike) -> None:
    at_work.worker().kill()
    time.sleep(1 + 2 * strike.chance)
    os.kill(at_work.stack.pid_of("code-server"), signal.SIGKILL)


def _daemon_and_worker_killed(at_work: RunningUpload, strike: Strike) -> None:
    worker = at_work.worker()
    os.kill(at_work.stack.pid_of("daemon"), signal.SIGKILL)
    worker.kill()


def _postgres_killed(at_work: RunningUpload, strike: Strike) -> None:
    _postmaster(at_work).kill()


def _postgres_away(at_work: RunningUpload, strike: Strike) -> None:
    """Nobody can start it again while its lock is held."""
    with (at_work.home / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _postmaster(at_work).kill()
        time.sleep(_AWAY_S)
    _wait_for_postgres(at_work)


def _postgres_frozen(at_work: RunningUpload, strike: Strike) -> None:
    """It takes connections, and answers nothing, as over a network that swallows everything."""
    postmaster = _postmaster(at_work)
    frozen = [postmaster]
    postmaster.suspend()  # first: it must not see its children stop
    for process in postmaster.children(recursive=True):
        with suppress(psutil.Error):
            process.suspend()
            frozen.append(process)
    try:
        time.sleep(_AWAY_S)
    finally:
        for process in frozen[::-1]:
            with suppress(psutil.Error):
                process.resume()


def _answers_lost(at_work: RunningUpload, strike: Strike) -> None:
    fault = {"kind": "commit_then_error", "method": "MutateAdGroupAds", "count": 5}
    at_work.control("/faults", fault)


def _google_away(at_work: RunningUpload, strike: Strike) -> None:
    at_work.control("/faults", {"kind": "error", "code": "UNAVAILABLE", "message": "Google is away"})
    time.sleep(_GOOGLE_AWAY_S)
    at_work.control("/faults", method="DELETE")


def _paused_and_resumed(at_work: RunningUpload, strike: Strike) -> None:
    _command(at_work, "pause")
    _wait_until_paused(at_work)
    _command(at_work, "resume")


def _cancelled_and_re_executed(at_work: RunningUpload, strike: Strike) -> None:
    run_id = at_work.runs()[0]["runId"]
    assert at_work.stack.ask_with(_TERMINATE, {"id": run_id})["terminateRun"]["__typename"] == (
        "TerminateRunSuccess"
    )
    _wait_until_paused(at_work)
    assert at_work.status_of(run_id) == "CANCELED"
    answer = at_work.stack.ask_with(_RE_EXECUTE, {"id": run_id})
    assert answer["launchRunReexecution"]["__typename"] == "LaunchRunSuccess", answer


_ACTS: Mapping[Kind, Callable[[RunningUpload, Strike], None]] = {
    Kind.WORKER_KILLED: _worker_killed,
    Kind.WORKER_STOPPED: _worker_stopped,
    Kind.WORKER_HANGS: _worker_hangs,
    Kind.WORKER_TERMINATED: _worker_terminated,
    Kind.EVERYTHING_KILLED: _everything_killed,
    Kind.STACK_INTERRUPTED: _stack_interrupted,
    Kind.DAEMON_KILLED: _part_killed("daemon"),
    Kind.WEBSERVER_KILLED: _part_killed("webserver"),
    Kind.CODE_SERVER_KILLED: _part_killed("code-server"),
    Kind.CODE_SERVER_KILLED_AT_RETRY: _code_server_killed_at_retry,
    Kind.DAEMON_AND_WORKER_KILLED: _daemon_and_worker_killed,
    Kind.POSTGRES_KILLED: _postgres_killed,
    Kind.POSTGRES_AWAY: _postgres_away,
    Kind.POSTGRES_FROZEN: _postgres_frozen,
    Kind.EMULATOR_KILLED: _part_killed("emulator"),
    Kind.ANSWERS_LOST: _answers_lost,
    Kind.GOOGLE_AWAY: _google_away,
    Kind.PAUSED_AND_RESUMED: _paused_and_resumed,
    Kind.CANCELLED_AND_RE_EXECUTED: _cancelled_and_re_executed,
}


def _wait_until_paused(at_work: RunningUpload) -> None:
    at_work.stack.wait_until(lambda: not [run for run in at_work.runs() if run["status"] in _ACTIVE])
    assert at_work.progress.status is UploadStatus.PAUSED


def _command(at_work: RunningUpload, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "themaads_pipeline.cli", *arguments, str(at_work.upload.number)],
        cwd=ROOT,
        env={**os.environ, **QUICK, "THEMAADS_HOME": str(at_work.home)},
        check=True,
        capture_output=True,
        timeout=120,
    )


def _database(at_work: RunningUpload) -> str:
    url = embedded.running_url(at_work.home)
    assert url is not None
    return url


def _postmaster(at_work: RunningUpload) -> psutil.Process:
    file = at_work.home / "postgres" / "postmaster.pid"
    return psutil.Process(int(file.read_text().split()[0]))


def _wait_for_postgres(at_work: RunningUpload) -> None:
    at_work.stack.wait_until(lambda: embedded.running_url(at_work.home) is not None)


def random_seed() -> int:
    """Another one each time."""
    return random.SystemRandom().randrange(1_000_000)
