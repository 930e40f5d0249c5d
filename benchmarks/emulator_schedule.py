"""Whether `realistic` requests keep their schedule: `python benchmarks/emulator_schedule.py`.

1,000 requests over 30 accounts, those of an account one after another, accounts side by side, timed by the
client: each is due after 150 ms and 13 ms an ad. After every fourth, one attaches labels, at 1 ms a label.
Requests are written out beforehand and travel over a channel with the client's own credentials: what is timed
is the server, and not how the client's threads share one interpreter.
"""

import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from google.ads.googleads.client import GoogleAdsClient
from google.auth.transport.grpc import secure_authorized_channel
from google.auth.transport.requests import Request as AuthRequest

from themaads_pipeline_tests.running_emulator import RunningEmulator

_MANAGER = 1000000001
Timed = tuple[float, float]  # due and taken, seconds


def _ads(client: Any, shop: str, groups: list[int], serial: int) -> Any:
    request = client.get_type("MutateAdGroupAdsRequest")
    request.customer_id, request.partial_failure = shop, True
    for number, group in enumerate(groups):
        create = request.operations.add().create
        create.ad_group = f"customers/{shop}/adGroups/{group}"
        create.status = client.enums.AdGroupAdStatusEnum.PAUSED
        create.ad.final_urls.append(f"https://www.winkel{shop[-2:]}.nl/{serial}/{number}")
        for text in range(15):
            create.ad.responsive_search_ad.headlines.add(text=f"Schoenen {text}")
        for text in range(4):
            create.ad.responsive_search_ad.descriptions.add(text=f"Vandaag besteld, morgen in huis {text}.")
    return request


class _Service:
    """A mutate method, without reading or writing messages."""

    def __init__(self, channel: Any, service: str, method: str) -> None:
        self._call = channel.unary_unary(f"/google.ads.googleads.v26.services.{service}/{method}")
        self._metadata = (("login-customer-id", str(_MANAGER)),)

    def timed(self, request: bytes, due: float) -> tuple[Timed, bytes]:
        started = time.monotonic()
        answer: bytes = self._call(request, timeout=120, metadata=self._metadata)
        return (due, time.monotonic() - started), answer


def _prepared(client: Any, shop: str, groups: list[int], requests: int) -> list[Any]:
    """Requests of 10 to 100 ads, made beforehand: making them keeps the other accounts from the processor."""
    random = Random(shop)
    sizes = [random.choice((10, 25, 50, 100)) for _ in range(requests)]
    return [_ads(client, shop, random.sample(groups, size), serial) for serial, size in enumerate(sizes)]


def _account(client: Any, channel: Any, requests: list[Any], label: str) -> list[Timed]:
    """The requests of one account, one after another."""
    taken = []
    ads = _Service(channel, "AdGroupAdService", "MutateAdGroupAds")
    links = _Service(channel, "AdGroupAdLabelService", "MutateAdGroupAdLabels")
    for serial, request in enumerate(requests):
        size = len(request.operations)
        timed, answer = ads.timed(request.SerializeToString(), 0.150 + 0.013 * size)
        taken.append(timed)
        response = client.get_type("MutateAdGroupAdsResponse").FromString(answer)
        created = [result.resource_name for result in response.results]
        if not all(created):
            raise SystemExit("an ad was refused")
        if serial % 4 == 3:
            labelling = client.get_type("MutateAdGroupAdLabelsRequest")
            labelling.customer_id = request.customer_id
            for name in created:
                create = labelling.operations.add().create
                create.ad_group_ad, create.label = name, label
            timed, _ = links.timed(labelling.SerializeToString(), 0.150 + 0.001 * size)
            taken.append(timed)
    return taken


def _label(client: Any, shop: str) -> str:
    request = client.get_type("MutateLabelsRequest")
    request.customer_id = shop
    request.operations.add().create.name = "THEMA"
    return str(client.get_service("LabelService").mutate_labels(request=request).results[0].resource_name)


@click.command()
@click.option("--requests", default=1_000)
@click.option("--accounts", default=30)
def main(requests: int, accounts: int) -> None:
    """Runs the requests and prints how far they were from their schedule."""
    seed = {"generate": {"accounts": accounts, "ad_groups": accounts * 2_000, "manager": _MANAGER}}
    with tempfile.TemporaryDirectory() as folder, RunningEmulator(Path(folder), seed=seed) as emulator:
        os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(emulator.ca_file)
        client = GoogleAdsClient.load_from_storage(str(emulator.google_ads_yaml), version="v26")
        shops = [account["customer_id"] for account in emulator.accounts() if not account["manager"]]
        groups = {shop: [group["ad_group_id"] for group in emulator.ad_groups(shop)] for shop in shops}
        labels = {shop: _label(client, shop) for shop in shops}
        emulator.profile("realistic", site_checks_per_s=0)
        ads_each = round(requests / accounts / 1.25)  # with a label request after every fourth
        work = {shop: _prepared(client, shop, groups[shop], ads_each) for shop in shops}
        channel = secure_authorized_channel(client.credentials, AuthRequest(), client.endpoint)
        started = time.monotonic()
        with ThreadPoolExecutor(accounts) as pool:
            jobs = [pool.submit(_account, client, channel, work[shop], labels[shop]) for shop in shops]
            taken = [job.result() for job in jobs]
        wall = time.monotonic() - started
        logged = {
            entry["request_id"]: entry["duration_s"]
            for method in ("MutateAdGroupAds", "MutateAdGroupAdLabels")
            for entry in emulator.requests(method=method)
        }
    due = [sum(entry[0] for entry in account) for account in taken]
    over = sorted((spent - planned) / planned for account in taken for planned, spent in account)
    click.echo(f"{len(over)} requests over {accounts} accounts in {wall:.1f} s; due after {max(due):.1f} s")
    click.echo(f"the whole run is {wall / max(due) - 1:+.2%} off its schedule")
    late = [
        sum(entry[1] for entry in account) / planned - 1 for account, planned in zip(taken, due, strict=True)
    ]
    click.echo(f"accounts: {min(late):+.2%} to {max(late):+.2%}, median {statistics.median(late):+.2%}")
    shares = ", ".join(
        f"{share:.0%}: {over[int(share * (len(over) - 1))]:+.2%}" for share in (0, 0.5, 0.9, 0.99, 1)
    )
    click.echo(f"single requests, by the client's clock: {shares}")
    click.echo(f"{sum(entry < 0.02 for entry in over) / len(over):.1%} of requests are within 2%")
    click.echo(f"in the emulator's log they took {sum(logged.values()) / sum(due) - 1:+.2%} of what was due")


if __name__ == "__main__":
    main()
