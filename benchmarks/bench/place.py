"""Where a benchmark works: an emulator and a Postgres of its own, and what each of them has used so far."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.schema import migrate
from themaads_pipeline_tests.running_emulator import RunningEmulator

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """Processor time in seconds, kernel included."""

    emulator: float
    postgres: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An emulator and a Postgres that only one benchmark uses."""

    home: Path
    emulator: RunningEmulator
    database_url: str

    def seed(self, *, accounts: int, ad_groups: int, equal: bool = True) -> None:
        """As many ordinary ad groups, spread over accounts of equal size, or of very unequal ones."""
        figures: dict[str, Any] = {"accounts": accounts, "ad_groups": ad_groups}
        if not equal:
            figures = {"sizes": unequal(ad_groups, accounts)}
        self.emulator.seed({"generate": figures})
        self.emulator.reset()

    def spent(self) -> Spent:
        """What both have used since they started."""
        return Spent(
            emulator=_cpu_s(psutil.Process(self.emulator.facts["pid"])),
            postgres=postgres_cpu_s(self.home),
        )

    def run(self, module: str, *arguments: str, **environment: str) -> dict[str, Any]:
        """One case in a process of its own; what it says, with what the others used meanwhile."""
        command = [sys.executable, "-m", f"benchmarks.bench.{module}", *arguments]
        before, started = self.spent(), time.monotonic()
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment() | environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        after = self.spent()
        said: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        return said | {
            "process_s": time.monotonic() - started,
            "emulator_cpu_s": after.emulator - before.emulator,
            "postgres_cpu_s": after.postgres - before.postgres,
        }

    def environment(self) -> dict[str, str]:
        """What a run worker on this place finds in its environment."""
        return {
            **self.emulator.environment(),
            "THEMAADS_HOME": str(self.home),
            "THEMAADS_DATABASE_URL": self.database_url,
        }


def unequal(total: int, parts: int) -> list[int]:
    """Sizes as an agency's accounts have them: of 28, the largest has a ninth of all, the smallest a 67th."""
    shares = [1 / (number + 4) for number in range(parts)]
    sizes = [int(total * share / sum(shares)) for share in shares]
    sizes[0] += total - sum(sizes)
    return sizes


@contextmanager
def a_place() -> Iterator[Place]:
    """Started, empty, and gone afterwards."""
    with a_postgres() as (home, url), RunningEmulator(home / "emulator") as emulator:
        yield Place(home=home, emulator=emulator, database_url=url)


@contextmanager
def a_postgres() -> Iterator[tuple[Path, str]]:
    """Its home and its URL: an empty ledger, gone afterwards. It writes durably, as it does in production."""
    with tempfile.TemporaryDirectory(prefix="themaads-benchmark-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # Postgres may be another user
        url = embedded.ensure_running(home)
        try:
            migrate(url)
            yield home, url
        finally:
            embedded.stop(home)


def postgres_cpu_s(home: Path) -> float:
    """What the Postgres in `home` has used since it started, in seconds of the processor."""
    postmaster = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    return _cpu_s(psutil.Process(postmaster))


class Meter:
    """What this process uses from now on."""

    def __init__(self) -> None:
        """Start."""
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def read(self) -> dict[str, float]:
        """Seconds of the clock and of the processor since the start, and the most memory ever, in MB."""
        return {
            "wall_s": time.monotonic() - self._wall,
            "cpu_s": time.process_time() - self._cpu,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def resident_mb() -> float:
    """What this process has in memory now."""
    return float(psutil.Process().memory_info().rss) / 1024**2


def say(figures: dict[str, Any]) -> None:
    """The last line of a case's output."""
    sys.stdout.write(json.dumps(figures) + "\n")


def _cpu_s(process: psutil.Process) -> float:
    """Of a process and its children, those that have ended included."""
    times = process.cpu_times()
    living: Sequence[psutil.Process] = process.children()
    total = times.user + times.system + times.children_user + times.children_system
    for child in living:
        with suppress(psutil.Error):
            of_child = child.cpu_times()
            total += of_child.user + of_child.system
    return total


def since_the_interpreter_started() -> float:
    """Seconds that this process has lived so far: what its imports took, where they come first."""
    return time.time() - psutil.Process(os.getpid()).create_time()
