"""How long a million ad groups take to seed, and how much memory: `python benchmarks/emulator_seeding.py`.

From the start of the process until it is ready, each ad group with an enabled RSA of its own.
"""

import sys
import tempfile
import time
from pathlib import Path

import click
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from themaads_pipeline_tests.running_emulator import RunningEmulator


@click.command()
@click.option("--ad-groups", default=1_000_000)
@click.option("--accounts", default=28)
@click.option("--state/--no-state", default=False, help="With the state on disk, and a second start from it.")
def main(ad_groups: int, accounts: int, *, state: bool) -> None:
    """Starts an emulator with a large seed and prints what that took."""
    seed = {"generate": {"accounts": accounts, "ad_groups": ad_groups}}
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "state" if state else None
        emulator = RunningEmulator(Path(folder) / "emulator", seed=seed, state=where)
        for name in ("start", "second start")[: 2 if state else 1]:
            began = time.monotonic()
            with emulator:
                taken = time.monotonic() - began
                process = psutil.Process(emulator.facts["pid"])
                used, memory = sum(process.cpu_times()[:2]), process.memory_info().rss
                held = sum(account["ad_groups"] for account in emulator.accounts())
                click.echo(
                    f"{name}: {held} ad groups ready after {taken:.1f} s, {used:.1f} s of processor time, "
                    f"{memory / 1e9:.2f} GB"
                )


if __name__ == "__main__":
    main()
