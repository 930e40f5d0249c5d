"""Seeded faults against a worker process, each while a mutate is in flight: nothing is lost or twice.

`THEMAADS_CHAOS_SEED=4711` replays a schedule, which is printed at the start. When exactly a fault lands
depends on the machine, too.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from themaads_pipeline.ads.client import AdsClient, open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.schema import migrate
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.chaos.sent_log import SentLog
from themaads_pipeline_tests.chaos.strikes import random_seed
from themaads_pipeline_tests.chaos.worker_faults import FEW, MANY, Kind, Strike, schedule
from themaads_pipeline_tests.chaos.workers import Worker, Workers
from themaads_pipeline_tests.pushing import AdGroupRef, Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator

_SHORT_SEED = 213
# A batch of 20 ads takes 1.4 s, so that there is always one in flight; the deadline is 4 s.
_SLOW = {"request_s": 0.15, "ad_s": 0.06, "site_checks_per_s": 0}
_FAST = {"request_s": 0.0, "ad_s": 0.0, "label_s": 0.0, "site_checks_per_s": 0}
_TIMES = {
    "REQUEST_DEADLINE_SECONDS": "4",
    "MINIMUM_SEND_SECONDS": "0.5",
    "ABSENCE_MARGIN_SECONDS": "2",
    "SECOND_READ_SECONDS": "0.2",
    "LEASE_SECONDS": "3",
    "OUTAGE_SECONDS": "120",
}
_LOST = "*MutateAdGroupAds"
# Of what was in flight when its answer got lost: found in the account, and proven absent.
_ADOPTED = """select count(*) from themaads.item join themaads.attempt using (attempt_id)
  where new_ad_id is not null and attempt.request_id is null"""
_ABSENT = """select count(*) from themaads.attempt_item as sent where first_absent_at is not null and exists (
  select from themaads.attempt_item as again
  where again.item_id = sent.item_id and again.attempt_id > sent.attempt_id)"""


@dataclass(kw_only=True)
class Place:
    """Where uploads are pushed: an emulator, a Postgres that may be killed, workers."""

    emulator: RunningEmulator
    home: Path
    settings: Settings
    pusher: Pusher
    client: AdsClient
    workers: Workers

    @property
    def ledger(self) -> Ledger:
        return self.pusher.ledger

    def service(self, name: str, customer_id: int) -> Any:
        """The official service client, for what a person does in an account."""
        account = self.pusher.gateway.accounts(refresh=True)[customer_id]
        return self.client.service(name, account.login_customer_id)

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        deadline = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(str(self.settings.database_url), autocommit=True) as connection:
                    return connection.execute(query, values).fetchall()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline
                time.sleep(0.1)


@pytest.fixture
def place(emulator: RunningEmulator, tmp_path: Path, home: Path) -> Iterator[Place]:
    url = embedded.ensure_running(home)
    migrate(url)
    names = {f"THEMAADS_{name}": value for name, value in _TIMES.items()}
    environment = emulator.environment() | names
    environment |= {"THEMAADS_DATABASE_URL": url, "THEMAADS_GOOGLE_ADS_CONFIG": str(emulator.google_ads_yaml)}
    times: dict[str, Any] = {name.lower(): value for name, value in _TIMES.items()}
    settings = Settings(home=home, database_url=url, **times)
    client = open_client(emulator.google_ads_yaml, trusted_roots=emulator.ca_file)
    workers = Workers(environment, tmp_path)
    with Ledger(url, settings) as ledger:
        ledger.patience.have()
        pusher = Pusher(ledger=ledger, gateway=Gateway(client), settings=settings, emulator=emulator)
        yield Place(
            emulator=emulator, home=home, settings=settings, pusher=pusher, client=client, workers=workers
        )
    workers.end()
    client.close()


def wait_until(happened: Callable[[], bool], *, timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@dataclass(kw_only=True)
class Story:
    """One upload, its workers one after the other, and what befell them."""

    place: Place
    refs: Sequence[AdGroupRef]
    upload: int
    worker: Worker
    others: list[tuple[int, Worker]] = field(default_factory=list)  # uploads of the same ad groups
    removed: set[int] = field(default_factory=set)  # ads that a person removed
    removed_from: set[AdGroupRef] = field(default_factory=set)  # another upload may make one there

    @property
    def progress(self) -> Progress:
        [progress] = self.place.ledger.uploads.progress(self.upload)
        return progress

    def strike(self, strike: Strike) -> bool:
        """Do it while a mutate is in flight, and after there was progress; False when too little is left."""
        before = self.progress.final
        wait_until(lambda: self._may_strike(before) is not None)
        if not self._may_strike(before):
            return False
        time.sleep(strike.delay_s)
        wait_until(lambda: self._may_strike(before) is not None)
        if not self._may_strike(before):  # it went on meanwhile
            return False
        progress = self.progress
        print(f"  {strike.number:>3}. {strike.kind} ({progress.final:,} final, {progress.sending} in flight)")
        return _ACTS[strike.kind](self) is not False

    def _may_strike(self, before: int) -> bool | None:
        """None: not yet."""
        progress = self.progress
        if progress.final > 0.85 * progress.total:
            return False
        assert self.worker.is_alive(), self.worker.log.read_text()[-3000:]
        return True if progress.sending and progress.final > before else None

    def go_on(self) -> None:
        """The next worker."""
        self.worker = self.place.workers.next_one(self.upload)

    def misbehave(self, count: int, **fault: Any) -> None:
        """Have Google do this so many times, and wait until it did."""
        emulator = self.place.emulator
        emulator.faults([{"method": _LOST, "count": count, **fault}])
        # Where little is left, it does not come to that.
        wait_until(lambda: self._has_fired(count) or self.progress.final > 0.95 * len(self.refs))
        emulator.clear_faults()

    def _has_fired(self, count: int) -> bool:
        return any(fault["fired"] >= count for fault in self.place.emulator.faults_in_force())

    def ads_in_doubt(self) -> list[tuple[int, dict[str, Any]]]:
        """Ads that are there already, and whose items are still being sent."""
        sending = {
            (item["customer_id"], item["ad_group_id"])
            for item in self.place.ledger.outcomes.items(self.upload)
            if item["state"] == "sending"
        }
        return [
            (customer_id, ad)
            for customer_id in sorted({customer_id for customer_id, _ in sending})
            for ad in self.place.pusher.themed_ads(customer_id)
            if (customer_id, int(ad["ad_group_id"])) in sending
        ]

    def finish(self) -> None:
        """Let it end, and look whether all is right."""
        self.place.emulator.profile("realistic", **_FAST)
        assert self.worker.wait() == 0, self.worker.log.read_text()[-3000:]
        for _, worker in self.others:
            assert worker.wait() == 0, worker.log.read_text()[-3000:]
        wrongs = self.wrongs()
        assert not wrongs, "\n".join(wrongs)
        sent = SentLog()
        sent.add(self.place.emulator.requests(method="MutateAdGroupAds", full=True))
        removed = {group for _, group in self.removed_from}
        again = [each for each in sent.again() if not any(str(group) in each for group in removed)]
        assert not again, "\n".join(again)

    def wrongs(self) -> list[str]:
        """Every ad group has its ad once, and the ledger knows it by its id, with its labels. Where a person
        removed it, no other came to be; another upload of the same ad groups may make one.
        """
        wrong: list[str] = []
        ads: dict[AdGroupRef, list[dict[str, Any]]] = {ref: [] for ref in self.refs}
        for customer_id in sorted({customer_id for customer_id, _ in self.refs}):
            for ad in self.place.emulator.ads(customer_id):
                if not ad["seeded"]:
                    ads[customer_id, int(ad["ad_group_id"])].append(ad)
        made: dict[AdGroupRef, list[int]] = {ref: [] for ref in self.refs}
        for upload in (self.upload, *(number for number, _ in self.others)):
            for item in self.place.ledger.outcomes.items(upload):
                ref = item["customer_id"], item["ad_group_id"]
                if item["new_ad_id"] is not None and item["state"] != "skipped":
                    made[ref].append(item["new_ad_id"])
                wrong += self._wrongs_of(ref, upload, item)
        for ref, found in ads.items():
            ids = sorted(int(ad["ad_id"]) for ad in found)
            live = [ad for ad in found if int(ad["ad_id"]) not in self.removed]
            if ids != sorted(made[ref]):
                wrong.append(f"{ref}: the account has the ads {ids}, the ledger {made[ref]}")
            if len(live) > 1 or (len(live) == len(found) and not live):
                wrong.append(f"{ref}: {len(live)} ads")
            wrong += [f"{ref}: labels {ad['labels']}" for ad in live if ad["labels"] != ["THEME_BF_2026"]]
        return wrong

    def _wrongs_of(self, ref: AdGroupRef, upload: int, item: dict[str, Any]) -> Iterator[str]:
        expected = {"done"}
        if self.others:
            expected |= {"skipped"}
        if item["new_ad_id"] in self.removed:
            expected |= {"failed"}  # no label goes on a removed ad
        if item["state"] not in expected:
            yield f"{ref} of #{upload}: {item['state']} {item['code']} {item['message']}"
        if item["state"] == "skipped" and item["code"] != "already_present":
            yield f"{ref} of #{upload}: skipped as {item['code']}"


def _killed(story: Story) -> None:
    story.worker.kill()
    story.go_on()


def _killed_while(story: Story, **fault: Any) -> None:
    story.misbehave(2, **fault)
    story.worker.kill()
    story.go_on()


def _interrupted(story: Story) -> None:
    assert story.worker.interrupt() != 0
    story.go_on()


def _frozen(story: Story) -> bool:
    """False: it had settled its last item before it froze."""
    frozen = story.worker
    frozen.freeze()
    before = story.progress
    if before.final == before.total:
        frozen.resume()
        return False
    story.go_on()
    wait_until(lambda: story.progress.final > before.final)
    frozen.thaw()
    return True


def _sessions_cut(story: Story) -> None:
    name = f"themaads {story.worker.pid}@{socket.gethostname()[:40]}"
    for _ in range(5):
        cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s"
        story.place.sql(cut, name)
        time.sleep(0.3)


def _postgres_killed(story: Story) -> None:
    home = story.place.home
    postmaster = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
    postmaster.kill()
    postmaster.wait(timeout=30)
    embedded.ensure_running(home)


def _reads_lag(story: Story) -> None:
    emulator = story.place.emulator
    emulator.faults([{"kind": "stale_reads", "seconds": 0.8}])
    emulator.faults([{"method": _LOST, "count": 3, "kind": "commit_then_error"}])
    wait_until(lambda: story._has_fired(3) or story.progress.final > 0.95 * len(story.refs))
    time.sleep(3)
    emulator.clear_faults()


def _touched_by_a_person(story: Story, touch: Callable[[Story, int, dict[str, Any]], None]) -> None:
    """The answer never comes, the worker dies, and a person is faster than the next one."""
    fault = {"kind": "commit_then_error", "code": "DEADLINE_EXCEEDED"}
    story.place.emulator.faults([{"method": _LOST, "count": 1, **fault}])
    wait_until(lambda: bool(story.ads_in_doubt()) or story.progress.final > 0.95 * len(story.refs))
    story.worker.kill()
    story.place.emulator.clear_faults()
    time.sleep(0.5)  # Google notices that nobody waits any more
    there = [each for each in story.ads_in_doubt() if int(each[1]["ad_id"]) not in story.removed]
    for customer_id, ad in there[:5]:
        touch(story, customer_id, ad)
    story.go_on()


def _edit(story: Story, customer_id: int, ad: dict[str, Any]) -> None:
    texts = [{"text": f"Met de hand {number}"} for number in range(5)]
    update = {
        "resource_name": f"customers/{customer_id}/ads/{ad['ad_id']}",
        "responsive_search_ad": {"headlines": texts},
    }
    operation = {"update": update, "update_mask": {"paths": ["responsive_search_ad.headlines"]}}
    service = story.place.service("AdService", customer_id)
    service.mutate_ads(request={"customer_id": str(customer_id), "operations": [operation]})


def _remove(story: Story, customer_id: int, ad: dict[str, Any]) -> None:
    name = f"customers/{customer_id}/adGroupAds/{ad['ad_group_id']}~{ad['ad_id']}"
    service = story.place.service("AdGroupAdService", customer_id)
    service.mutate_ad_group_ads(request={"customer_id": str(customer_id), "operations": [{"remove": name}]})
    story.removed.add(int(ad["ad_id"]))
    story.removed_from.add((customer_id, int(ad["ad_group_id"])))


def _two_uploads(story: Story) -> None:
    number = len(story.others) + 2
    upload = story.place.pusher.submit(story.refs[::-1], key=f"again-{number}@{story.upload}")
    story.others.append((upload, story.place.workers.next_one(upload)))


_ACTS: Mapping[Kind, Callable[[Story], bool | None]] = {
    Kind.KILLED: _killed,
    Kind.KILLED_UNSENT: lambda story: _killed_while(story, kind="hang", seconds=3),
    Kind.KILLED_LATE: lambda story: _killed_while(story, kind="late_commit", seconds=1),
    Kind.INTERRUPTED: _interrupted,
    Kind.FROZEN: _frozen,
    Kind.SESSIONS_CUT: _sessions_cut,
    Kind.POSTGRES_KILLED: _postgres_killed,
    Kind.ANSWERS_LOST: lambda story: story.misbehave(3, kind="commit_then_error"),
    Kind.ANSWERS_AWAITED: lambda story: story.misbehave(
        2, kind="commit_then_error", code="DEADLINE_EXCEEDED"
    ),
    Kind.REFUSED: lambda story: story.misbehave(3, kind="error", code="UNAVAILABLE"),
    Kind.LATE: lambda story: story.misbehave(2, kind="late_commit", seconds=1),
    Kind.CONNECTION_CUT: lambda story: story.misbehave(1, kind="cut_connection", when="after_commit"),
    Kind.CONNECTION_CUT_EARLY: lambda story: story.misbehave(1, kind="cut_connection", when="before_commit"),
    Kind.READS_LAG: _reads_lag,
    Kind.EDITED: lambda story: _touched_by_a_person(story, _edit),
    Kind.REMOVED: lambda story: _touched_by_a_person(story, _remove),
    Kind.TWO_UPLOADS: _two_uploads,
}


def _survive(place: Place, *, seed: int, amounts: Mapping[Kind, int], ad_groups: int) -> tuple[int, int]:
    """Push uploads until every fault has struck; gives how many items in doubt were found, and absent."""
    strikes = deque(schedule(seed, amounts))
    print(f"\nseed {seed}: {len(strikes)} faults", flush=True)
    uploads = 0
    while strikes:
        uploads += 1
        assert uploads <= 80, "the uploads end too soon"
        refs = generated(place.emulator, accounts=ad_groups // 50, ad_groups=ad_groups)
        place.emulator.reset()
        place.emulator.profile("realistic", **_SLOW)
        upload = place.pusher.submit(refs, key=f"chaos@{uploads}")
        story = Story(place=place, refs=refs, upload=upload, worker=place.workers.next_one(upload))
        while strikes and story.strike(strikes[0]):
            strikes.popleft()
        story.finish()
        print(f"upload {uploads}: {ad_groups:,} ad groups, 0 lost, 0 twice", flush=True)
    [[adopted]], [[absent]] = place.sql(_ADOPTED), place.sql(_ABSENT)
    print(f"{uploads} uploads; in doubt: {adopted:,} items adopted, {absent:,} found absent", flush=True)
    return adopted, absent


@pytest.mark.timeout(600)
def test_uploads_survive_a_few_faults_of_workers_and_of_google(place: Place) -> None:
    adopted, absent = _survive(place, seed=_SHORT_SEED, amounts=FEW, ad_groups=2_000)
    assert adopted
    assert absent


@pytest.mark.chaos
@pytest.mark.timeout(3_600)
def test_uploads_survive_a_hundred_and_sixty_faults_of_workers_and_of_google(place: Place) -> None:
    seed = int(os.environ.get("THEMAADS_CHAOS_SEED") or random_seed())
    adopted, absent = _survive(place, seed=seed, amounts=MANY, ad_groups=2_500)
    assert adopted >= 30
    assert absent >= 30
