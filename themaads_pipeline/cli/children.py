"""A child process of the stack: in a session of its own, watched, and stopped with all that it started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOG_LIMIT = 20 * 2**20  # bytes; a longer log is kept once, as .1, when its process starts


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What to run, when it counts as ready, and how long it may take to stop. Times in seconds."""

    name: str
    command: tuple[str, ...]  # arguments of this Python
    is_ready: Callable[[int], bool]  # gets the process's pid
    ready_timeout: float = 120
    grace: float = 20
    is_vital: bool = True  # False: without it everything else goes on


class Child:
    """One process after the other for a `Spec`; its output is appended to `log`."""

    def __init__(self, spec: Spec, *, log: Path, environment: Mapping[str, str], folder: Path) -> None:
        """Nothing is started yet."""
        self.spec = spec
        self.log = log
        self.started_at = 0.0  # of the clock `time.monotonic`
        self._environment = dict(environment)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. A Ctrl-C in the terminal does not reach it: it is for the stack to stop it, in order."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(self.log.suffix + ".1"))
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # our own commands
                # -P: a file in the working folder never hides a module of the same name.
                [sys.executable, "-P", *self.spec.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self._folder,
                env=self._environment,
            )
        self.started_at = time.monotonic()

    @property
    def pid(self) -> int:
        """Of the running process, or the last one; 0 before the first."""
        return self._process.pid if self._process else 0

    def is_ready(self) -> bool:
        """Whether it does by now what it is there for."""
        return self.spec.is_ready(self.pid)

    def ended(self) -> str | None:
        """How it ended, or None while it runs."""
        code = self._process.poll() if self._process else None
        if code is None:
            return None
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def last_words(self) -> str:
        """The end of its log, for a message that says why: of tracebacks only where and what was raised."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-120:]
        except OSError:
            return ""
        ends = [number for number, line in enumerate(lines) if line.strip() and not line.startswith("  ")]
        told = {near for end in ends for near in range(max(0, end - 3), end + 1)}
        return "\n".join(line for number, line in enumerate(lines) if number in told and line.strip())

    def stop(self, *, is_urgent: Callable[[], bool]) -> int:
        """SIGTERM to it and its session, then SIGKILL to whoever is left; how many these were."""
        if self._process is None:
            return 0
        killed = stop_all(session_of(self._process.pid), self.spec.grace, is_urgent=is_urgent)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        return killed


def stop_all(processes: list[psutil.Process], grace: float, *, is_urgent: Callable[[], bool]) -> int:
    """End these processes; how many of them had to be killed.

    `psutil` compares create times, so a pid that was reused is left alone.
    """
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + grace
    alive = processes
    while alive and time.monotonic() < deadline and not is_urgent():
        _, alive = psutil.wait_procs(alive, timeout=0.2)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    return len(alive)


def session_of(leader: int) -> list[psutil.Process]:
    """The leader and everybody in its session, orphans included. Runs have sessions of their own."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == leader:
                found.append(process)
    return found
