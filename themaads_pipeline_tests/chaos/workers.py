"""Worker processes that push uploads, one after the other; the next one has its code loaded already."""

import os
import subprocess
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import IO

import psutil

_FENCED = 4
_OTHER_HOST = ["unshare", "--uts", *(() if os.geteuid() == 0 else ("--map-root-user",))]


def can_be_another_host() -> bool:
    """Whether a process of this machine may have a host name of its own."""
    command = [*_OTHER_HOST, "hostname", "another-host"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class Worker:
    """A process that pushes one upload once it is told which one."""

    def __init__(self, environment: Mapping[str, str], log: Path, *, host: str | None = None) -> None:
        """Start it; on a machine called `host`, as far as it and the ledger can tell."""
        self.log = log
        command = [sys.executable, "-m", "themaads_pipeline_tests.chaos.worker"]
        if host is not None:
            command = [*_OTHER_HOST, "sh", "-c", 'hostname "$0" && exec "$@"', host, *command]
        self.run_id = log.stem
        with log.open("w") as output:
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        assert self._process.stdin is not None
        self._stdin: IO[str] = self._process.stdin

    @property
    def pid(self) -> int:
        return self._process.pid

    def push(self, upload: int) -> None:
        self._stdin.write(f"{upload} {self.run_id}\n")
        self._stdin.close()

    def is_ready(self) -> bool:
        """It has loaded its code, and waits to be told."""
        return "ready" in self.log.read_text()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        if self.is_alive():
            self._process.kill()
        self._process.wait()
        if not self._stdin.closed:
            self._stdin.close()

    def interrupt(self) -> int:
        """SIGTERM; how it ended."""
        self._process.terminate()
        return self._process.wait(timeout=60)

    def freeze(self) -> None:
        psutil.Process(self.pid).suspend()

    def resume(self) -> None:
        psutil.Process(self.pid).resume()

    def thaw(self) -> None:
        """It goes on where it was stopped, long after another one took its upload over: it has to leave."""
        self.resume()
        assert self._process.wait(timeout=60) == _FENCED, self.log.read_text()[-3000:]
        assert "writes no more" in self.log.read_text(), self.log.read_text()[-3000:]

    def wait(self) -> int:
        return self._process.wait(timeout=180)


class Workers:
    """Keeps one ahead."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._numbers = count(1)
        self._started: list[Worker] = []
        self._spare = self._new()

    def next_one(self, upload: int) -> Worker:
        """A worker that goes on with the upload."""
        worker, self._spare = self._spare, self._new()
        worker.push(upload)
        return worker

    def end(self) -> None:
        for worker in self._started:
            worker.kill()

    def _new(self) -> Worker:
        worker = Worker(self._environment, self._folder / f"worker-{next(self._numbers)}.log")
        self._started.append(worker)
        return worker
