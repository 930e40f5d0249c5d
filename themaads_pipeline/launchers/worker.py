"""A run's worker process on this machine: started in a session of its own, found again, looked at, killed."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import psutil

__all__ = [
    "ProcessState",
    "WorkerMark",
    "interrupt",
    "kill",
    "look_at",
    "runs_at_work",
    "start",
    "start_detached",
    "workers_of",
]

_KILL_TIMEOUT_S = 10.0
# A background shell hands "ignored" down for SIGINT, and Dagster then ignores SIGTERM, too: reset first.
_FRESH_SIGNALS = (
    "import os, signal, sys; "
    "signal.signal(signal.SIGINT, signal.SIG_DFL); signal.signal(signal.SIGTERM, signal.SIG_DFL); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


class ProcessState(StrEnum):
    """What can be told of a worker by its process alone."""

    ALIVE = "alive"
    STOPPED = "stopped"  # SIGSTOP, or a debugger
    GONE = "gone"  # ended, or its pid is another process's by now
    ZOMBIE = "zombie"  # ended, and nobody has asked how
    OTHER_BOOT = "other_boot"  # the machine was restarted since


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerMark:
    """Which process it is. A pid alone is used again; with boot and create time it names one process."""

    host: str
    boot_id: str
    pid: int
    created: float  # seconds since 1970, as psutil tells it

    def to_tag(self) -> str:
        """As the value of a run's tag."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_tag(cls, tag: str | None) -> "WorkerMark | None":
        """The mark in a tag; None when there is none, or it is not ours."""
        try:
            return cls(**json.loads(tag or ""))
        except (ValueError, TypeError):
            return None


def boot_id() -> str:
    """What changes whenever this machine starts: Linux's boot id, elsewhere the boot time."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return str(int(psutil.boot_time()))


def start(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path
) -> tuple["subprocess.Popen[bytes]", WorkerMark]:
    """Start a worker: no signal to our own process group reaches it, and its output goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  # Dagster's own command line
            [sys.executable, "-I", "-c", _FRESH_SIGNALS, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=folder,
            env=dict(environment),
        )
    created = psutil.Process(process.pid).create_time()  # ours and not waited for: at worst a zombie
    mark = WorkerMark(host=socket.gethostname(), boot_id=boot_id(), pid=process.pid, created=created)
    return process, mark


def start_detached(command: Sequence[str], *, folder: Path) -> None:
    """Start a process that outlives this one, and is nobody's child: its parent ends at once."""
    twice = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"
    subprocess.run(  # noqa: S603  # our own module
        [sys.executable, "-I", "-c", twice, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        check=True,
    )


def look_at(mark: WorkerMark) -> ProcessState:
    """How the process is now."""
    if mark.boot_id != boot_id():
        return ProcessState.OTHER_BOOT
    process = _process(mark)
    if process is None:
        return ProcessState.GONE
    try:
        status = process.status()
    except psutil.Error:  # processes may end between two questions
        return ProcessState.GONE
    if status in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
        return ProcessState.ZOMBIE
    if status in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}:
        return ProcessState.STOPPED
    return ProcessState.ALIVE


def interrupt(mark: WorkerMark) -> bool:
    """SIGINT, which the run takes as a wish to end in order; False when there is nobody to hear it."""
    process = _process(mark)
    if process is None:
        return False
    try:
        if process.status() == psutil.STATUS_STOPPED:
            process.send_signal(signal.SIGCONT)  # a stopped process hears nothing else
        process.send_signal(signal.SIGINT)
    except psutil.Error:
        return False
    return True


def kill(mark: WorkerMark) -> bool:
    """SIGKILL to the worker and to all that it started; whether none of them is left."""
    if mark.boot_id != boot_id():
        return True
    doomed = _tree(mark)
    for process in doomed:
        with suppress(psutil.Error):
            process.kill()
    _, alive = psutil.wait_procs(doomed, timeout=_KILL_TIMEOUT_S)
    return not [process for process in alive if not _is_zombie(process)]


def workers_of(home: Path) -> list[psutil.Process]:
    """Every worker that runs with this home: told by its environment, whoever started it, and when. What a
    worker itself has started is not a worker: that is no leader of a session.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            environment = process.environ()
            ours = environment.get("THEMAADS_HOME") == str(home) and os.getsid(process.pid) == process.pid
            if ours and "DAGSTER_EXECUTE_RUN_ARGS" in environment:
                found.append(process)
    return found


def runs_at_work(home: Path) -> frozenset[str]:
    """The ids of the runs that these workers are there for."""
    found = set()
    for process in workers_of(home):
        with suppress(psutil.Error, OSError, ValueError, KeyError):
            arguments = json.loads(process.environ()["DAGSTER_EXECUTE_RUN_ARGS"])
            found.add(str(arguments["pipeline_run_id"]))  # as Dagster serialises `run_id`
    return frozenset(found)


def _process(mark: WorkerMark) -> psutil.Process | None:
    try:
        process = psutil.Process(mark.pid)
        return process if abs(process.create_time() - mark.created) < 0.01 else None
    except psutil.Error:
        return None


def _tree(mark: WorkerMark) -> list[psutil.Process]:
    """The worker, its descendants, and whoever else is in its session: orphans of a worker that is gone."""
    found: dict[int, psutil.Process] = {}
    worker = _process(mark)
    if worker is not None:
        with suppress(psutil.Error):
            found = {each.pid: each for each in [worker, *worker.children(recursive=True)]}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            # A session outlives its leader; one that began before the worker did is another of that number.
            if os.getsid(process.pid) == mark.pid and process.create_time() >= mark.created - 0.01:
                found.setdefault(process.pid, process)
    return list(found.values())


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True
