"""How many RSAs a second the emulator creates on one core: `python benchmarks/emulator_throughput.py`.

Needs Linux (the server is pinned to one core, the client to the others) and the installed package. The figure
of the server's own time is what other work on the machine disturbs least; the wall clock's is the promise.
"""

import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from google.ads.googleads.client import GoogleAdsClient

from themaads_pipeline_tests.running_emulator import RunningEmulator

_MANAGER = 1000000001


def _requests(client: Any, emulator: RunningEmulator, shop: str, batch: int, count: int) -> list[Any]:
    """Requests of paused RSAs with 15 headlines and 4 descriptions, five texts of each unlike all others."""
    groups = [group["ad_group_id"] for group in emulator.ad_groups(shop)]
    paused = client.enums.AdGroupAdStatusEnum.PAUSED
    requests = []
    for number in range(count):
        request = client.get_type("MutateAdGroupAdsRequest")
        request.customer_id, request.partial_failure = shop, True
        for index in range(batch):
            serial = number * batch + index
            create = request.operations.add().create
            create.ad_group = f"customers/{shop}/adGroups/{groups[serial % len(groups)]}"
            create.status = paused
            ad = create.ad
            ad.final_urls.append(f"https://www.winkel{shop[-2:]}.nl/schoenen/{serial}?kleur=zwart")
            rsa = ad.responsive_search_ad
            for text in range(15):
                rsa.headlines.add(text=f"Schoenen {serial} nr {text}" if text < 4 else f"Ruime keuze {text}")
            for text in range(4):
                rsa.descriptions.add(text=f"Vandaag besteld, morgen in huis. Keuze {text or f'nr {serial}'}.")
            rsa.path1 = "schoenen"
        requests.append(request)
    return requests


def _run(emulator: RunningEmulator, batch: int, batches: int, accounts: int) -> tuple[float, float]:
    """Wall seconds and the server's processor seconds for one round over all accounts."""
    emulator.reset()
    client = GoogleAdsClient.load_from_storage(str(emulator.google_ads_yaml), version="v26")
    shops = [account["customer_id"] for account in emulator.accounts() if not account["manager"]]
    service = client.get_service("AdGroupAdService")
    work = [(service, _requests(client, emulator, shop, batch, batches // accounts)) for shop in shops]
    server = psutil.Process(emulator.facts["pid"])

    def send(job: tuple[Any, list[Any]]) -> int:
        sent = 0
        for request in job[1]:
            answer = job[0].mutate_ad_group_ads(request=request, timeout=300)
            sent += sum(bool(result.resource_name) for result in answer.results)
        return sent

    before, started = sum(server.cpu_times()[:2]), time.monotonic()
    with ThreadPoolExecutor(len(shops)) as pool:
        created = sum(pool.map(send, work))
    wall, used = time.monotonic() - started, sum(server.cpu_times()[:2]) - before
    if created != batch * (batches // accounts) * accounts:
        raise SystemExit(f"only {created} ads were created")
    return wall, used


@click.command()
@click.option("--batch", default=1_000, help="Ads a request.")
@click.option("--batches", default=20, help="Requests a round, over all accounts.")
@click.option("--accounts", default=4)
@click.option("--rounds", default=5)
@click.option("--state/--no-state", default=False, help="With the state on disk.")
def main(batch: int, batches: int, accounts: int, rounds: int, *, state: bool) -> None:
    """Creates RSAs as fast as the emulator takes them, and prints how fast that was."""
    cores = sorted(os.sched_getaffinity(0))
    seed = {"generate": {"accounts": accounts, "ad_groups": accounts * 2_000, "manager": _MANAGER}}
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "state" if state else None
        with RunningEmulator(Path(folder) / "emulator", seed=seed, state=where) as emulator:
            os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(emulator.ca_file)
            for thread in psutil.Process(emulator.facts["pid"]).threads():
                os.sched_setaffinity(thread.id, {cores[0]})
            os.sched_setaffinity(0, set(cores[1:]) or {cores[0]})
            ads = batch * (batches // accounts) * accounts
            click.echo(f"{ads} ads a round, {batch} a request, {accounts} accounts, {len(cores)} cores")
            click.echo("round   ads/s by the clock   ads/s of the server's time")
            figures = []
            for number in range(rounds):
                wall, used = _run(emulator, batch, batches, accounts)
                figures.append((ads / wall, ads / used))
                click.echo(f"{number + 1:5}   {ads / wall:18,.0f}   {ads / used:26,.0f}")
            for name, pick in (("best", max), ("median", statistics.median)):
                wall, used = (pick(column) for column in zip(*figures, strict=True))
                click.echo(f"{name:>6}  {wall:18,.0f}   {used:26,.0f}")


if __name__ == "__main__":
    main()
