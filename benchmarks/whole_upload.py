"""One upload through the whole stack: seconds of each stage, memory of the run worker, calls that arrived."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil
import psycopg
from rich.console import Console
from rich.table import Table

THEMAADS = Path(sys.executable).parent / "themaads"
_STARTED_WITHIN_S = 300
_FINISHED_WITHIN_S = 3600


@dataclass(kw_only=True)
class Worker:
    """The process of the run, watched from outside. Memory in MB, CPU in seconds."""

    pid: int = 0
    peak_mb: float = 0.0
    cpu_s: float = 0.0

    def look(self, pid: int) -> None:
        """Note what the process has used so far."""
        self.pid = pid
        try:
            lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
            times = psutil.Process(pid).cpu_times()
        except (OSError, psutil.Error):
            return  # it has ended
        for line in lines:
            if line.startswith("VmHWM:"):
                self.peak_mb = max(self.peak_mb, int(line.split()[1]) / 1024)
        self.cpu_s = times.user + times.system


@click.command()
@click.option("--ad-groups", default=50_000, show_default=True)
@click.option("--accounts", default=28, show_default=True)
@click.option("--profile", default="instant", show_default=True)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(ad_groups: int, accounts: int, profile: str, json_file: Path | None) -> None:
    """Measure one upload of AD_GROUPS ad groups over ACCOUNTS accounts."""
    home = Path(tempfile.mkdtemp(prefix="themaads-benchmark-"))
    environment = os.environ | {"THEMAADS_HOME": str(home)}
    environment.pop("THEMAADS_DATABASE_URL", None)
    seed = home / "seed.json"
    seed.write_text(
        json.dumps({"generate": {"accounts": accounts, "ad_groups": ad_groups}}), encoding="utf-8"
    )
    with (home / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [THEMAADS, "up", "--port", "0", "--seed", seed], env=environment, stdout=log, stderr=log
        )
        try:
            figures = _measure(home, environment, up, profile)
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(timeout=120)
    shutil.rmtree(home)
    figures = {"ad_groups": ad_groups, "accounts": accounts, "profile": profile} | figures
    _show(figures)
    if json_file:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _measure(
    home: Path, environment: dict[str, str], up: "subprocess.Popen[bytes]", profile: str
) -> dict[str, Any]:
    _wait_for_line(home / "up.log", "stack is up", up)
    control = json.loads((home / "emulator" / "emulator.json").read_text(encoding="utf-8"))["control_url"]
    _post(f"{control}/profile", {"name": profile})
    upload_file = home / "black_friday_benchmark.csv"
    with urllib.request.urlopen(f"{control}/ad_groups.csv", timeout=120) as response:
        upload_file.write_bytes(response.read())
    subprocess.run([THEMAADS, "submit", upload_file], env=environment, check=True)
    submitted = time.monotonic()
    url = subprocess.run(
        [THEMAADS, "postgres", "url"], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()
    worker = Worker()
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute(
                "select pid, status, message from themaads.upload"
                " left join themaads.ownership on upload = number and ownership.epoch = upload.epoch"
            ).fetchone()
            pid, status, message = row or (None, "waiting", "")
            if pid:
                worker.look(pid)
            if status not in {"waiting", "running"}:
                break
            if time.monotonic() > submitted + _FINISHED_WITHIN_S:
                raise click.ClickException(f"not finished in {_FINISHED_WITHIN_S} s: {status} {message}")
            time.sleep(0.2)
        stages: dict[str, float] = dict(
            connection.execute(
                "select stage, extract(epoch from ended_at - started_at)::float8 from themaads.ownership"
                " where ended_at is not null order by epoch"
            ).fetchall()
        )
        states: dict[str, int] = dict(
            connection.execute("select state, sum(items)::bigint from themaads.item_count group by 1")
        )
    with urllib.request.urlopen(f"{control}/stats", timeout=60) as response:
        stats = json.loads(response.read())
    return {
        "status": status,
        "items": states,
        "seconds": {stage: round(seconds, 1) for stage, seconds in stages.items()},
        "items_per_s": round(sum(states.values()) / stages["pushing"]) if "pushing" in stages else None,
        "worker_peak_mb": round(worker.peak_mb),
        "worker_cpu_s": round(worker.cpu_s, 1),
        "calls": stats["calls"],
    }


def _wait_for_line(log: Path, text: str, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + _STARTED_WITHIN_S
    while text not in log.read_text(encoding="utf-8"):
        if process.poll() is not None or time.monotonic() > give_up:
            raise click.ClickException(f"the stack did not start:\n{log.read_text(encoding='utf-8')}")
        time.sleep(0.2)


def _post(url: str, content: dict[str, Any]) -> None:
    request = urllib.request.Request(url, data=json.dumps(content).encode(), method="POST")
    urllib.request.urlopen(request, timeout=60).close()


def _show(figures: dict[str, Any]) -> None:
    table = Table("figure", "value", title="one upload through the whole stack")
    for name, value in figures.items():
        if isinstance(value, dict):
            for part, number in value.items():
                table.add_row(f"{name}: {part}", str(number))
        else:
            table.add_row(name, str(value))
    Console().print(table)


if __name__ == "__main__":
    main()
