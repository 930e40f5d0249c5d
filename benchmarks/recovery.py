"""How fast a fault is seen, and how fast the upload goes on: seconds from the fault, on a whole stack.

The times of requests are production's (a deadline of 120 s and a margin of 120 s, unless THEMAADS_... says
otherwise), so ad groups that were in flight are still in doubt when the others go on. Only the threshold of
a stall is shortened.
"""

import json
import os
import platform
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import psycopg
from rich.console import Console
from rich.table import Table

from themaads_pipeline.ledger import embedded
from themaads_pipeline_tests.running_upload import RunningUpload, restarted, upload_at_work

_STALL_S = 20
# `running_upload` shortens these for tests.
_PRODUCTION = {
    "THEMAADS_STALL_SECONDS": str(_STALL_S),
    "THEMAADS_REQUEST_DEADLINE_SECONDS": "120",
    "THEMAADS_MINIMUM_SEND_SECONDS": "5",
    "THEMAADS_ABSENCE_MARGIN_SECONDS": "120",
    "THEMAADS_SECOND_READ_SECONDS": "10",
    "THEMAADS_LEASE_SECONDS": "20",
    "THEMAADS_STOP_GRACE_SECONDS": "45",
}


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """Seconds from the fault (from the restart, where everything was killed)."""

    fault: str
    failure_s: float  # until Dagster's run is FAILURE
    first_request_s: float  # until the next run sends ads
    in_flight: int  # items at the moment of the fault
    still_in_doubt: int  # items, when the next run sends
    message: str


def _kill_worker(at_work: RunningUpload) -> None:
    at_work.worker().kill()


def _stop_worker(at_work: RunningUpload) -> None:
    at_work.worker().suspend()


def _terminate_worker(at_work: RunningUpload) -> None:
    at_work.worker().terminate()


def _kill_daemon_and_worker(at_work: RunningUpload) -> None:
    os.kill(at_work.stack.pid_of("daemon"), signal.SIGKILL)
    at_work.worker().kill()


def _kill_worker_and_code_server(at_work: RunningUpload) -> None:
    at_work.worker().kill()
    time.sleep(2)  # the retry is about to be launched
    os.kill(at_work.stack.pid_of("code-server"), signal.SIGKILL)


def _hang(at_work: RunningUpload) -> None:
    """It waits for a lock that nobody gives it: alive, no error, no end."""
    url, run_id = embedded.running_url(at_work.home), at_work.runs()[0]["runId"]
    with psycopg.connect(str(url)) as connection:
        connection.execute("lock table themaads.item in access exclusive mode")
        at_work.stack.wait_until(lambda: at_work.status_of(run_id) == "FAILURE", timeout=180)


_FAULTS: Mapping[str, Callable[[RunningUpload], None]] = {
    "worker killed (SIGKILL)": _kill_worker,
    "worker stopped (SIGSTOP)": _stop_worker,
    "worker terminated (SIGTERM)": _terminate_worker,
    f"worker hangs (threshold {_STALL_S} s)": _hang,
    "daemon and worker killed": _kill_daemon_and_worker,
    "worker killed, code server when the retry is due": _kill_worker_and_code_server,
}
_EVERYTHING = "everything killed, from the restart on"


@click.command()
@click.option(
    "--repeats", default=3, show_default=True, help="Of each fault; the table has medians and worst."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(repeats: int, json_file: Path | None) -> None:
    """Measure every kind of fault, each on a stack and an upload of its own."""
    found = []
    for fault in (*_FAULTS, _EVERYTHING):
        for _ in range(repeats):
            found.append(_measure(fault))
            print(found[-1], flush=True)
    Console().print(_table(found, repeats))
    if json_file:
        machine = {
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        }
        json_file.write_text(json.dumps(machine | {"recoveries": [asdict(each) for each in found]}, indent=2))


def _measure(fault: str) -> Recovery:
    home = Path(tempfile.mkdtemp(prefix="themaads-benchmark-"))
    try:
        with upload_at_work(home, ad_groups=6_000, accounts=60, **_PRODUCTION) as at_work:
            at_work.wait_until_at(0.1)
            [first], in_flight = at_work.runs(), at_work.progress.sending
            struck_at = time.time()
            if fault == _EVERYTHING:
                at_work.kill_everything()
                struck_at = time.time()
                restarted(at_work, **_PRODUCTION)
            else:
                _FAULTS[fault](at_work)
            stack, run_id = at_work.stack, first["runId"]
            stack.wait_until(lambda: at_work.status_of(run_id) == "FAILURE", timeout=180)
            failed = next(run for run in at_work.runs() if run["runId"] == run_id)
            stack.wait_until(lambda: at_work.first_mutate_after(failed["endTime"]) is not None, timeout=300)
            sent_at = at_work.first_mutate_after(failed["endTime"])
            assert sent_at is not None
            recovery = Recovery(
                fault=fault,
                failure_s=round(failed["endTime"] - struck_at, 1),
                first_request_s=round(sent_at - struck_at, 1),
                in_flight=in_flight,
                still_in_doubt=_in_doubt(home),
                message=at_work.message_of(run_id).partition("\n")[0],
            )
            at_work.kill_everything()
            return recovery
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


def _in_doubt(home: Path) -> int:
    """Items that were in flight when their worker died, and of which nothing is known yet."""
    with psycopg.connect(str(embedded.running_url(home))) as connection:
        [[items]] = connection.execute(
            """select count(*) from themaads.item join themaads.attempt using (attempt_id)
            where item.state = 'sending' and attempt.died"""
        ).fetchall()
    return int(items)


def _table(found: list[Recovery], repeats: int) -> Table:
    table = Table(title=f"Seconds, median (worst) of {repeats}")
    for name in ("fault", "until FAILURE", "until the next run sends", "in flight", "still in doubt then"):
        table.add_column(name)
    for fault in dict.fromkeys(each.fault for each in found):
        these = [each for each in found if each.fault == fault]
        table.add_row(
            fault,
            _median_and_worst([each.failure_s for each in these]),
            _median_and_worst([each.first_request_s for each in these]),
            str(max(each.in_flight for each in these)),
            str(max(each.still_in_doubt for each in these)),
        )
    return table


def _median_and_worst(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.1f} ({max(seconds):.1f})"


if __name__ == "__main__":
    main()
