"""A database of the first release comes to this one's schema, and its uploads go on to their end."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.release import SchemaError, head
from themaads_pipeline.ledger.schema import migrate
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.pushing import EDITION, AdGroupRef, Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator

FIRST = "0001"


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


@pytest.fixture
def old_database(database_url: str, ledger: Ledger) -> Iterator[psycopg.Connection[Any]]:
    """The schema of the first release; to be asked for when the ledger has done its part."""
    ledger.close()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("drop schema themaads cascade")
        migrate(database_url, to=FIRST)
        yield connection


class FirstRelease:
    """Writes as the first release did: its columns, its order, no statement of today's code."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._run = connection.execute

    def upload(self, number: int, status: str, refs: Sequence[AdGroupRef]) -> None:
        """Read, and owned by a run of which nothing was heard for an hour."""
        self._run(
            "insert into themaads.upload (key, file_path, file_name, content_sha256, edition, status, "
            "epoch, read_at, finished_at) values (%s, '/in/a.csv', 'a.csv', %s, %s, %s, 1, "
            "now() - interval '1 hour', case when %s = 'finished' then now() end)",
            (f"black-friday-2026@{number}", f"{number}" * 64, EDITION, status, status),
        )
        self._run(
            "insert into themaads.ownership (upload, epoch, run_id, stage, host, pid, started_at, "
            "final_at_start, progress_at, ended_at, ended_how) "
            "values (%s, 1, %s, 'pushing', 'old-host', 4711, now() - interval '1 hour', 0, "
            "now() - interval '1 hour', %s, %s)",
            (number, f"run-{number}", *((None, None) if status == "running" else ("now", "finished"))),
        )
        for line, (customer_id, ad_group_id) in enumerate(refs, start=2):
            row = (number, customer_id, ad_group_id, EDITION)
            self._run(
                "insert into themaads.source_row (upload, customer_id, ad_group_id, edition, line) "
                "values (%s, %s, %s, %s, %s)",
                (*row, line),
            )
            self._run(
                "insert into themaads.item (upload, customer_id, ad_group_id, edition) "
                "values (%s, %s, %s, %s)",
                row,
            )

    def sending(
        self, number: int, refs: Sequence[AdGroupRef], seen: dict[int, list[int]], state: str
    ) -> None:
        """One attempt an account, written down, sent, and over since half an hour."""
        for customer_id in sorted({customer_id for customer_id, _ in refs}):
            row = self._run(
                "insert into themaads.attempt (upload, epoch, customer_id, kind, operations, state, "
                "created_at, deadline_at) values (%s, 1, %s, 'ads', 1, %s, now() - interval '33 minutes', "
                "now() - interval '31 minutes') returning attempt_id",
                (number, customer_id, state),
            ).fetchone()
            assert row is not None
            for ad_group_id in [ad_group for customer, ad_group in refs if customer == customer_id]:
                self._run(
                    "insert into themaads.attempt_item (attempt_id, item_id, fingerprint, seen_ad_ids) "
                    "select %s, item_id, 'of-the-first-release', %s from themaads.item "
                    "where upload = %s and ad_group_id = %s",
                    (row[0], seen[ad_group_id], number, ad_group_id),
                )
                self._run(
                    "update themaads.item set state = 'sending', attempt_id = %s, attempts = 1 "
                    "where upload = %s and ad_group_id = %s",
                    (row[0], number, ad_group_id),
                )

    def done(self, number: int, made: dict[int, int]) -> None:
        for ad_group_id, ad_id in made.items():
            self._run(
                "update themaads.item set state = 'applied', new_ad_id = %s, attempts = 1 "
                "where upload = %s and ad_group_id = %s",
                (ad_id, number, ad_group_id),
            )
        self._run(
            "update themaads.item set state = 'done', settled_at = now() "
            "where upload = %s and state = 'applied'",
            (number,),
        )


def test_uploads_of_the_first_release_go_on_to_their_end_and_make_nothing_twice(
    pusher: Pusher,
    settings: Settings,
    database_url: str,
    request: pytest.FixtureRequest,
) -> None:
    refs = generated(pusher.emulator, accounts=3, ad_groups=75)
    accounts = sorted({customer_id for customer_id, _ in refs})
    seen: dict[int, list[int]] = {ad_group_id: [] for _, ad_group_id in refs}
    for customer_id in accounts:
        for ad in pusher.emulator.ads(customer_id):
            seen[ad["ad_group_id"]].append(ad["ad_id"])
    finished, half, doubtful, open_ = refs[::5], refs[1::5], refs[2::5] + refs[3::5], refs[4::5]
    # What the first release made before it was stopped: all, some, and some of what it had in flight.
    lost, answered = doubtful[:12], half[:8]
    pusher.push(pusher.submit([*finished, *answered, *lost[:7]]))
    made = {
        ad["ad_group_id"]: ad["ad_id"] for customer_id in accounts for ad in pusher.themed_ads(customer_id)
    }
    old = FirstRelease(request.getfixturevalue("old_database"))
    old.upload(1, "finished", finished)
    old.done(1, {ad_group_id: made[ad_group_id] for _, ad_group_id in finished})
    old.upload(2, "running", half)
    old.done(2, {ad_group_id: made[ad_group_id] for _, ad_group_id in answered})
    old.upload(3, "running", [*doubtful, *open_])
    old.sending(3, lost[:6], seen, "open")
    old.sending(3, lost[6:], seen, "in_doubt")
    mutates = len(pusher.mutates())

    migrate(database_url)

    with Ledger(database_url, settings) as ledger:
        resumed = Pusher(ledger=ledger, gateway=pusher.gateway, settings=settings, emulator=pusher.emulator)
        ends = {}
        for number in (1, 2, 3):
            resumed.push(number)
            [progress] = ledger.uploads.progress(number)
            ends[number] = progress.status, progress.done, progress.failed, progress.skipped
    assert ends == {
        1: (UploadStatus.FINISHED, 15, 0, 0),
        2: (UploadStatus.FINISHED, 15, 0, 0),
        3: (UploadStatus.FINISHED, 45, 0, 0),
    }
    ads = [ad for customer_id in accounts for ad in pusher.themed_ads(customer_id)]
    assert len(ads) == len({ad["ad_group_id"] for ad in ads}) == 75
    assert {ad["ad_id"] for ad in ads} > set(made.values())
    again = sum(request["operations"] for request in pusher.mutates()[mutates:])
    assert again == 75 - len(made), "what was there was sent once more"


def test_counts_of_the_first_release_are_right_after_the_migration(
    old_database: psycopg.Connection[Any], database_url: str
) -> None:
    old = FirstRelease(old_database)
    old.upload(1, "running", [(1, n) for n in range(20)])
    old.done(1, {n: 100 + n for n in range(8)})
    old_database.execute(
        "update themaads.item set state = 'failed', category = 'policy', code = 'A', policy_topics = '{x}' "
        "where ad_group_id between 10 and 14"
    )
    old_database.execute(
        "insert into themaads.rejected_row (upload, line, reason, message, raw) values (1, 40, 'r', 'm', 'x')"
    )
    migrate(database_url)
    kept = old_database.execute("select state, items from themaads.item_count where items > 0 order by 1")
    assert kept.fetchall() == [("done", 8), ("failed", 5), ("pending", 7)]
    failures = old_database.execute("select category, code, items from themaads.failure_count")
    assert failures.fetchall() == [("policy", "A", 5)]
    assert old_database.execute("select rejected from themaads.upload").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("found", "what_to_do"),
    [
        (None, "there is none yet: run `themaads migrate`"),
        ("0003", r"that of an older release \(0003, not \d{4}\): run `themaads migrate`"),
        ("9999", r"that of a newer release \(9999, not \d{4}\): update this package"),
    ],
)
def test_nobody_works_on_the_schema_of_another_release(
    database_url: str, settings: Settings, found: str | None, what_to_do: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        if found is None:
            connection.execute("drop schema themaads cascade")
        else:
            connection.execute("update themaads.schema_version set version_num = %s", [found])
    with Ledger(database_url, settings) as ledger:
        with pytest.raises(SchemaError, match=what_to_do):
            ledger.uploads.take(1, run_id="run", stage="pushing", is_active=lambda _: False)
        with pytest.raises(SchemaError, match=what_to_do):
            ledger.uploads.progress()


def test_who_began_before_a_migration_goes_on_to_the_end(pusher: Pusher, database_url: str) -> None:
    number = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=30))
    work = pusher.work(number)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update themaads.schema_version set version_num = '9999'")
    pusher.ledger.uploads.end(work.owner, how="finished")
    pusher.push(number)
    assert pusher.ledger.uploads.progress(number)[0].done == 30


def test_the_release_knows_its_own_schema(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select version_num from themaads.schema_version").fetchall() == [(head(),)]
