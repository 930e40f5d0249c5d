"""What starts cost: the command, the code location, and a run worker up to its first request, part by part.

Arguments: how many times. Each start is a process of its own, with everything in the page cache; medians.
"""

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_THEMAADS = str(Path(sys.executable).parent / "themaads")
_WHOLE = {
    "themaads --version": [_THEMAADS, "--version"],
    "themaads status --help": [_THEMAADS, "status", "--help"],
    "themaads submit --help": [_THEMAADS, "submit", "--help"],
    "the code location": [sys.executable, "-c", "import themaads_pipeline.definitions"],
}
_PARTS = "parts"
_WORKER = [sys.executable, "-m", "benchmarks.bench.startup_case", _PARTS]

Figures = dict[str, float]


def main(times: int) -> None:
    """Measure all of it."""
    from benchmarks.bench.place import a_place, say  # noqa: PLC0415 - no part of what is measured

    with a_place() as place:
        place.seed(accounts=3, ad_groups=30)
        environment = place.environment()
        wholes = {
            name: _median([figures for figures, _ in _starts(times, command, environment)])
            for name, command in _WHOLE.items()
        }
        workers = _starts(times, _WORKER, environment)
    by_part: list[dict[str, Figures]] = [json.loads(said) for _, said in workers]
    say(
        {
            "times": times,
            **wholes,
            "a worker until its first request": _median([figures for figures, _ in workers]),
            "by part": {name: _median([parts[name] for parts in by_part]) for name in by_part[0]},
        }
    )


def parts(started: float) -> None:
    """What a run worker does until its first request, one after the other, in this process.

    Args:
        started: When the process was, on the machine's monotonic clock.
    """
    found: dict[str, Figures] = {}

    def ended(name: str, wall: float, cpu: float) -> None:
        found[name] = {
            "wall_s": time.monotonic() - wall,
            "cpu_s": time.process_time() - cpu,
            "peak_mb": _peak_mb(),
        }

    def part(name: str, does: Callable[[], object]) -> None:
        wall, cpu = time.monotonic(), time.process_time()
        does()
        ended(name, wall, cpu)

    ended("the interpreter", started, 0.0)
    part("Dagster", lambda: import_module("dagster._cli"))
    part("Dagster's storage in Postgres", lambda: import_module("themaads_pipeline.defs.storage"))
    part("the code location", lambda: import_module("themaads_pipeline.definitions"))
    gc.disable()  # as `load_our_code` does
    part("google-ads", lambda: import_module("themaads_pipeline.ads.protobuf"))
    part("pandas and pyarrow", lambda: import_module("themaads_pipeline.push.reading"))
    part("the rest of our code", _load_our_code)  # which enables it again
    part("the client, and the list of accounts", _first_requests)
    sys.stdout.write(json.dumps(found) + "\n")


def _load_our_code() -> None:
    from themaads_pipeline.defs.stages import load_our_code  # noqa: PLC0415 - what is measured is its import

    load_our_code()


def _first_requests() -> None:
    from themaads_pipeline.ads.client import open_client  # noqa: PLC0415 - as above
    from themaads_pipeline.ads.gateway import Gateway  # noqa: PLC0415 - as above
    from themaads_pipeline.settings import settings  # noqa: PLC0415 - as above

    chosen = settings()
    client = open_client(chosen.ads_config, trusted_roots=chosen.emulator_dir / "ca.pem")
    Gateway(client, admit=lambda _: None).accounts()
    client.close()


def _starts(times: int, command: Sequence[str], environment: Mapping[str, str]) -> list[tuple[Figures, str]]:
    """As often, after once that is not counted and fills the page cache."""
    return [_start(command, environment) for _ in range(times + 1)][1:]


def _start(command: Sequence[str], environment: Mapping[str, str]) -> tuple[Figures, str]:
    """A process from its start to its end, with what it said."""
    started = time.monotonic()
    process: subprocess.Popen[Any] = subprocess.Popen(
        [*command, str(started)] if command is _WORKER else command,
        cwd=_ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return {"wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime}, said


def _peak_mb() -> float:
    """Of this process alone: what `getrusage` tells begins with its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def _median(found: Sequence[Figures]) -> Figures:
    return {name: round(statistics.median(each[name] for each in found), 3) for name in found[0]}


if __name__ == "__main__":
    if sys.argv[1] == _PARTS:
        parts(float(sys.argv[2]))
    else:
        main(int(sys.argv[1]))
