"""Three hosts with one ledger: five uploads of the same 20 accounts at once, and nobody in another's way."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.chaos.sent_log import SentLog
from themaads_pipeline_tests.chaos.workers import Worker, can_be_another_host
from themaads_pipeline_tests.pushing import AdGroupRef, Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not can_be_another_host(), reason="no process may have a host name of its own here"),
]

ACCOUNTS, AD_GROUPS_EACH = 20, 120
# Which worker has which upload: three hosts, all five at once.
HOSTS = ("worker-a", "worker-b", "worker-c", "worker-a", "worker-b")
_TIMES = {
    "REQUEST_DEADLINE_SECONDS": "20",
    "MINIMUM_SEND_SECONDS": "1",
    "ABSENCE_MARGIN_SECONDS": "2",
    "SECOND_READ_SECONDS": "0.2",
    "LEASE_SECONDS": "3",
}


@dataclass(kw_only=True)
class Place:
    """An emulator, a ledger, and what a worker needs to find both."""

    emulator: RunningEmulator
    pusher: Pusher
    database_url: str
    folder: Path

    def workers(self, **settings: str) -> list[Worker]:
        """One a host in `HOSTS`, with its code loaded."""
        environment = {
            **self.emulator.environment(),
            **{f"THEMAADS_{name}": value for name, value in {**_TIMES, **settings}.items()},
            "THEMAADS_DATABASE_URL": self.database_url,
            "THEMAADS_GOOGLE_ADS_CONFIG": str(self.emulator.google_ads_yaml),
        }
        workers = [
            Worker(environment, self.folder / f"{number}-{host}.log", host=host)
            for number, host in enumerate(HOSTS)
        ]
        deadline = time.monotonic() + 120
        while not all(worker.is_ready() for worker in workers):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return workers

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def place(
    emulator: RunningEmulator,
    gateway: Gateway,
    ledger: Ledger,
    settings: Settings,
    tmp_path: Path,
) -> Iterator[Place]:
    pusher = Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)
    yield Place(emulator=emulator, pusher=pusher, database_url=str(settings.database_url), folder=tmp_path)
    emulator.profile("instant")


def overlapping(refs: Sequence[AdGroupRef]) -> list[list[AdGroupRef]]:
    """Five lists of three fifths of each account: each ad group is in three of them, in another order."""
    of_account: dict[int, list[AdGroupRef]] = defaultdict(list)
    for ref in refs:
        of_account[ref[0]].append(ref)
    fifth = AD_GROUPS_EACH // len(HOSTS)
    lists = []
    for number in range(len(HOSTS)):
        parts = [
            part
            for account in of_account.values()
            for part in [(account + account)[number * fifth : (number + 3) * fifth]]
        ]
        turned = parts[number * 4 :] + parts[: number * 4]
        lists.append([ref for part in turned for ref in part])
    return lists


def mutates_of(requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [request for request in requests if request["method"].startswith("Mutate")]


def overlaps(mutates: Sequence[dict[str, Any]]) -> list[str]:
    """Mutates of one account of which one began before the other had ended."""
    of_account: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for mutate in mutates:
        of_account[mutate["account"]].append(mutate)
    found = []
    for account, sent in of_account.items():
        sent.sort(key=lambda mutate: mutate["time"])
        for one, next_one in pairwise(sent):
            ended = one["time"] + one["duration_s"]
            if next_one["time"] < ended:
                found.append(f"{account}: {one['method']} until {ended:.3f}, and {next_one['method']}")
    return found


def test_two_mutates_of_one_account_at_a_time_would_be_seen() -> None:
    def mutate(account: str, begins: float) -> dict[str, Any]:
        return {"account": account, "method": "MutateAdGroupAds", "time": begins, "duration_s": 1.0}

    assert overlaps([mutate("1", 0.0), mutate("2", 0.5), mutate("1", 1.0)]) == []
    assert len(overlaps([mutate("1", 0.9), mutate("2", 0.5), mutate("1", 0.0)])) == 1


@pytest.mark.chaos
def test_no_account_has_two_writers_and_nothing_is_lost_or_twice(place: Place) -> None:
    refs = generated(place.emulator, accounts=ACCOUNTS, ad_groups=ACCOUNTS * AD_GROUPS_EACH)
    place.emulator.reset()
    place.emulator.profile("realistic")
    # Every developer's token has a limit, which all workers share.
    limit = {"kind": "rate_limit", "method": "*Mutate*", "per_second": 500, "burst": 500, "retry_delay": 1.0}
    place.emulator.faults([limit])
    lists = overlapping(refs)
    assert Counter(ref for each in lists for ref in each) == dict.fromkeys(refs, 3)
    uploads = [place.pusher.submit(each, key=f"upload@{number}") for number, each in enumerate(lists)]
    workers = place.workers(SITE_ADS_PER_SECOND="50")
    started = time.monotonic()
    for worker, upload in zip(workers, uploads, strict=True):
        worker.push(upload)
    codes = [worker.wait() for worker in workers]
    seconds = time.monotonic() - started
    assert codes == [0] * len(workers), "\n".join(worker.log.read_text()[-1500:] for worker in workers)

    # One writer: by the emulator's log, which knows nothing of leases.
    requests = place.emulator.requests(full=True)
    assert min(request["time"] for request in requests) > 0
    assert len(requests) < 5_000  # the log forgets none before
    mutates = mutates_of(requests)
    assert overlaps(mutates) == []
    assert max(place.emulator.stats()["peak_mutates_in_flight_by_account"].values()) == 1

    # And there was something to fight for: accounts went from host to host, while all five were at work.
    writers = place.sql(
        "select attempt.customer_id, array_agg(distinct host) from themaads.attempt "
        "join themaads.ownership using (upload, epoch) group by 1"
    )
    assert len(writers) == ACCOUNTS
    assert {host for _, hosts in writers for host in hosts} == set(HOSTS)
    assert sum(len(hosts) > 1 for _, hosts in writers) >= ACCOUNTS // 2
    [[at_once]] = place.sql(
        "select count(*) from themaads.ownership where stage = 'pushing' and started_at < "
        "(select min(ended_at) from themaads.ownership where stage = 'pushing')"
    )
    assert at_once == len(HOSTS)

    # Nothing twice, nothing lost.
    sent = SentLog()
    sent.add([request for request in mutates if request["method"] == "MutateAdGroupAds"])
    assert sent.again() == []
    ads = Counter(
        (account, int(ad["ad_group_id"]))
        for account in sorted({account for account, _ in refs})
        for ad in place.pusher.themed_ads(account)
    )
    assert ads == dict.fromkeys(refs, 1)
    items = [item for upload in uploads for item in place.pusher.ledger.outcomes.items(upload)]
    states = Counter((item["state"], item["code"]) for item in items)
    assert states == {("done", None): len(refs), ("skipped", "already_present"): 2 * len(refs)}

    # The limit was met, and kept to: most of what was sent was taken.
    refused = [request for request in mutates if "rate_limit" in request["faults"]]
    taken = sum(request["operations"] for request in mutates if request not in refused)
    print(
        f"\n{len(refs):,} ads and {taken:,} operations in {seconds:.1f} s by {len(set(HOSTS))} hosts, "
        f"{len(mutates):,} mutates of which {len(refused)} met the limit"
    )
    assert refused
    assert len(refused) < 0.25 * len(mutates)


def test_a_budget_of_operations_is_kept_by_all_hosts_together(place: Place) -> None:
    budget = 1_500
    refs = generated(place.emulator, accounts=ACCOUNTS, ad_groups=ACCOUNTS * AD_GROUPS_EACH)
    place.emulator.reset()
    uploads = [
        place.pusher.submit(each, key=f"upload@{number}") for number, each in enumerate(overlapping(refs))
    ]
    workers = place.workers(DAILY_OPERATIONS=str(budget), SITE_ADS_PER_SECOND="0")
    for worker, upload in zip(workers, uploads, strict=True):
        worker.push(upload)
    codes = [worker.wait() for worker in workers]
    assert codes == [5] * len(workers), "\n".join(worker.log.read_text()[-1500:] for worker in workers)

    requests = place.emulator.requests()
    spent = sum(request["operations"] or 1 for request in requests)
    [[counted]] = place.sql("select sum(operations)::bigint from themaads.operations")
    print(f"\n{spent:,} of {budget:,} operations")
    assert spent <= counted <= budget
    assert spent > 0.8 * budget
    assert overlaps(mutates_of(requests)) == []
