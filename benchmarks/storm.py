"""A push through a storm: what it costs in requests, and whether every outcome is right. Also a rate limit.

Google fails a tenth of the requests before or after the commit, calls others concurrent or internal errors,
limits the rate, refuses some ads by policy, and suspends an account in mid-run. `least` is what the same
items take without any failure: two requests a batch, ads and labels.
"""

import json
import math
import statistics
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from themaads_pipeline.ads.client import open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.schema import migrate
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import AdGroupRef, Pusher
from themaads_pipeline_tests.running_emulator import RunningEmulator

_BATCH = 20
_ACCOUNTS = 20


@dataclass(frozen=True, kw_only=True)
class Storm:
    """One push. Times in seconds."""

    seed: int
    seconds: float
    mutates: int
    least: int
    searches: int
    done: int
    policy: int
    rejections_received: int
    account: int
    others: int  # failures of other kinds: there must be none
    sent_after_rejection: int
    twice: int
    fired: dict[str, int]

    @property
    def ratio(self) -> float:
        return self.mutates / self.least


@click.command()
@click.option("--items", default=20_000, show_default=True)
@click.option("--seeds", default=5, show_default=True, help="So many storms; the median counts.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(items: int, seeds: int, json_file: Path | None) -> None:
    """Push ITEMS through SEEDS storms, and through a rate limit."""
    with tempfile.TemporaryDirectory(prefix="themaads-benchmark-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # the embedded Postgres may be another user
        with RunningEmulator(home / "emulator") as emulator:
            emulator.set_now(NOW)
            url = embedded.ensure_running(home / "postgres-home", durable=False)
            try:
                migrate(url)
                storms = [_storm(emulator, url, home, items=items, seed=seed) for seed in range(1, seeds + 1)]
                limited = _rate_limited(emulator, url, home)
            finally:
                embedded.stop(home / "postgres-home")
    console = Console()
    console.print(_table(storms))
    console.print(limited)
    if json_file:
        json_file.write_text(json.dumps({"storms": [asdict(each) for each in storms], "rate": limited}))


def _pusher(emulator: RunningEmulator, ledger: Ledger, settings: Settings) -> Pusher:
    client = open_client(emulator.google_ads_yaml, trusted_roots=emulator.ca_file)
    return Pusher(ledger=ledger, gateway=Gateway(client), settings=settings, emulator=emulator)


def _settings(url: str, home: Path) -> Settings:
    return Settings(
        home=home,
        database_url=url,
        request_deadline_seconds=6,
        minimum_send_seconds=1,
        absence_margin_seconds=2,
        second_read_seconds=0.2,
        lease_seconds=5,
        site_ads_per_second=0,
    )


def _refs(emulator: RunningEmulator) -> list[AdGroupRef]:
    header, *lines = emulator.upload_file().splitlines()
    names = header.split(",")
    customer, ad_group = names.index("customer_id"), names.index("ad_group_id")
    rows = (line.split(",") for line in lines)
    return [(int(row[customer].replace("-", "")), int(row[ad_group])) for row in rows]


def _storm(emulator: RunningEmulator, url: str, home: Path, *, items: int, seed: int) -> Storm:
    emulator.seed({"generate": {"accounts": _ACCOUNTS, "ad_groups": items}})
    emulator.reset()
    emulator.profile("realistic", request_s=0.05, ad_s=0.002, label_s=0.0005, site_checks_per_s=0)
    settings = _settings(url, home)
    with Ledger(url, settings) as ledger:
        pusher = _pusher(emulator, ledger, settings)
        refs = _refs(emulator)
        suspended = sorted({customer_id for customer_id, _ in refs})[seed % _ACCOUNTS]
        upload = pusher.submit(refs, key=f"storm@{seed}-{time.time_ns()}")
        # A seed each: with the same one they would all strike the same requests.
        of_requests = [
            {"kind": "error", "code": "UNAVAILABLE", "share": 0.05},
            {"kind": "commit_then_error", "code": "UNAVAILABLE", "share": 0.05},
            {"kind": "error", "error": "DatabaseError.CONCURRENT_MODIFICATION", "share": 0.05},
            {"kind": "error", "code": "INTERNAL", "share": 0.02},
        ]
        emulator.faults(
            [
                *(
                    fault | {"method": "*Mutate*", "seed": 10 * seed + number}
                    for number, fault in enumerate(of_requests, start=1)
                ),
                {
                    "kind": "error",
                    "method": "MutateAdGroupAds",
                    "error": "PolicyFindingError.POLICY_FINDING",
                    "scope": "operation",
                    "share": 0.03,
                    "seed": 10 * seed,
                },
                {
                    "kind": "rate_limit",
                    "method": "*Mutate*",
                    "per_second": 700,
                    "burst": 400,
                    "retry_delay": 1,
                },
            ]
        )
        timer = threading.Timer(15, _suspend, (emulator, suspended))
        timer.start()
        started = time.monotonic()
        pusher.push(
            upload, batch_size=_BATCH, read_size=1_000, backoff_seconds=0.5, patience_seconds=120,
            temporary_attempts=8,
        )  # fmt: skip
        seconds = time.monotonic() - started
        timer.cancel()
        return _measured(pusher, upload, refs, seed=seed, seconds=seconds)


def _suspend(emulator: RunningEmulator, customer_id: int) -> None:
    emulator.faults([{"kind": "suspend_account", "account": customer_id}])


def _measured(pusher: Pusher, upload: int, refs: list[AdGroupRef], *, seed: int, seconds: float) -> Storm:
    emulator = pusher.emulator
    fired = {
        f"{fault['kind']} {fault['error'] or fault['code']}".strip(): fault["fired"]
        for fault in emulator.faults_in_force()
    }
    stats = emulator.stats()
    items = list(pusher.ledger.outcomes.items(upload))
    states = Counter((str(item["state"]), item["category"]) for item in items)
    ads = Counter(
        (customer_id, int(ad["ad_group_id"]))
        for customer_id in {customer_id for customer_id, _ in refs}
        for ad in emulator.ads(customer_id)
        if not ad["seeded"]
    )
    by_account = Counter(customer_id for customer_id, _ in refs)
    calls, (received, sent_again) = stats["calls"], _rejections(emulator)
    return Storm(
        seed=seed,
        seconds=round(seconds, 1),
        mutates=sum(calls.get(name, 0) for name in ("MutateAdGroupAds", "MutateAdGroupAdLabels")),
        least=2 * sum(math.ceil(count / _BATCH) for count in by_account.values()),
        searches=sum(count for name, count in calls.items() if "Search" in name),
        done=states["done", None],
        policy=states["failed", "policy"],
        account=states["failed", "account"],
        others=len(items) - states["done", None] - states["failed", "policy"] - states["failed", "account"],
        rejections_received=received,
        sent_after_rejection=sent_again,
        twice=sum(1 for count in ads.values() if count > 1),
        fired=fired,
    )


def _rejections(emulator: RunningEmulator) -> tuple[int, int]:
    """How many ads the policy refused in answers that arrived, and how many of these were sent again."""
    refused: set[tuple[str, str]] = set()
    again = 0
    requests = emulator.requests(method="MutateAdGroupAds", full=True)
    for request in sorted(requests, key=lambda each: each["time"]):
        for result in request["results"]:
            if not result.get("create"):
                continue
            place = (str(request["account"]), str(result["create"]["ad_group_id"]))
            again += place in refused
            if request["status"] == "OK" and "POLICY_FINDING" in str(
                result.get("errors", result.get("error", ""))
            ):
                refused.add(place)
    return len(refused), again


def _rate_limited(emulator: RunningEmulator, url: str, home: Path) -> dict[str, float]:
    """One account under a limit of operations a minute: how near it the push gets."""
    per_minute, settings = 3_000.0, _settings(url, home)
    emulator.seed({"generate": {"accounts": 1, "ad_groups": 1_500}})
    emulator.reset()
    emulator.profile("instant")
    with Ledger(url, settings) as ledger:
        pusher = _pusher(emulator, ledger, settings)
        upload = pusher.submit(_refs(emulator), key=f"rate@{time.time_ns()}")
        fault = {"kind": "rate_limit", "method": "*Mutate*", "per_second": per_minute / 60, "burst": 100}
        emulator.faults([fault | {"retry_delay": 2}])
        pusher.push(upload, batch_size=20, backoff_seconds=0.5, patience_seconds=120)
        requests = sorted(
            (each for each in emulator.requests() if "Mutate" in each["method"]),
            key=lambda each: each["time"],
        )
    taken = [(each["time"], each["operations"]) for each in requests if each["status"] == "OK"]
    steady = [each for each in taken if each[0] > taken[0][0] + 20]
    span = steady[-1][0] - steady[0][0]
    rate = sum(operations for _, operations in steady[:-1]) / span
    gaps = [later["time"] - earlier["time"] for earlier, later in pairwise(requests)]
    return {
        "limit_per_s": per_minute / 60,
        "steady_per_s": round(rate, 2),
        "share": round(rate / (per_minute / 60), 3),
        "taken": float(len(taken)),
        "refused": float(len(requests) - len(taken)),
        "longest_gap_s": round(max(gaps), 2),
        "retry_delay_s": 2.0,
    }


def _table(storms: list[Storm]) -> Table:
    ratio = statistics.median(each.ratio for each in storms)
    table = Table(title=f"Mutates by the least number: median {ratio:.2f}")
    table.add_column("seed")
    for each in storms:
        table.add_column(str(each.seed), justify="right")
    values = [asdict(each) for each in storms]
    for name in (name for name in values[0] if name not in {"seed", "fired"}):
        table.add_row(name.replace("_", " "), *(str(each[name]) for each in values))
    table.add_row("ratio", *(f"{each.ratio:.2f}" for each in storms))
    for kind in storms[0].fired:
        table.add_row(f"fired: {kind}", *(str(each.fired[kind]) for each in storms))
    return table


if __name__ == "__main__":
    main()
