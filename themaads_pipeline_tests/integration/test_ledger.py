"""The ledger against a real Postgres: guards, leases, attempts and counts."""

import time
from dataclasses import dataclass
from datetime import datetime

import psycopg
import pytest

from themaads_pipeline.exceptions import (
    FencedError,
    GuardError,
    LeaseUnavailableError,
    StaleSnapshotError,
    UploadBusyError,
)
from themaads_pipeline.ledger.attempts import LabelledItem, PlannedEnd, PlannedItem, SentItem
from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.ledger.leases import Lease
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import KnownFile, Progress
from themaads_pipeline.model.items import Item, ItemState, RejectedRow
from themaads_pipeline.model.outcomes import Category, Failure
from themaads_pipeline.model.telling import PART
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline_tests.source_rows import source_rows

ACCOUNT = 1234567890
EDITION = "black_friday_2026"


def never(_run_id: str) -> bool:
    return False


def always(_run_id: str) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Working:
    """An upload of some items, a run that owns it, and its account's lease."""

    owner: Owner
    lease: Lease
    items: list[Item]
    read_at: datetime


def an_upload(ledger: Ledger, key: str = "black-friday-2026@1") -> int:
    upload, is_new = ledger.uploads.register(
        key=key, file_path=f"/in/{key}.csv", file_name=f"{key}.csv", content_sha256="1" * 64, edition=EDITION
    )
    assert is_new
    return upload.number


def working(
    ledger: Ledger, *, items: int = 3, key: str = "black-friday-2026@1", run_id: str = "run-1"
) -> Working:
    number = an_upload(ledger, key)
    owner = ledger.uploads.take(number, run_id=run_id, stage="pushing", is_active=never)
    rows = source_rows((line, ACCOUNT, 100 + line, EDITION, f"group {line}") for line in range(2, 2 + items))
    ledger.rows.write(owner, rows, [])
    lease = ledger.leases.take(owner, ACCOUNT)
    return Working(
        owner=owner,
        lease=lease,
        items=ledger.rows.open_items(number, ACCOUNT, ItemState.PENDING, limit=100),
        read_at=ledger.attempts.now(),
    )


def planned(item: Item) -> PlannedItem:
    return PlannedItem(
        item_id=item.item_id,
        fingerprint=f"fingerprint of {item.ad_group_id}",
        seen_ad_ids=(1, 2),
        copied_ad_id=1,
        copied_ad_status="ENABLED",
        ad_group_name="a group",
        campaign_id=7,
        campaign_name="a campaign",
    )


def progress(ledger: Ledger, number: int) -> Progress:
    [only] = ledger.uploads.progress(number)
    return only


def test_the_same_key_is_the_same_upload(ledger: Ledger) -> None:
    first = an_upload(ledger)
    again, is_new = ledger.uploads.register(
        key="black-friday-2026@1", file_path="/b", file_name="b", content_sha256="1" * 64, edition=EDITION
    )
    assert (again.number, is_new) == (first, False)


def test_rows_that_select_the_same_ad_group_become_one_item_that_keeps_its_lines(ledger: Ledger) -> None:
    number = an_upload(ledger)
    owner = ledger.uploads.take(number, run_id="r", stage="reading", is_active=never)
    rows = source_rows((line, ACCOUNT, 5, EDITION) for line in (2, 3, 9))
    rejected = [RejectedRow(line=4, reason="no_theme", message="no theme", raw="a\x00b")]
    assert ledger.rows.write(owner, rows, rejected)
    [item] = ledger.outcomes.items(number)
    assert item["lines"] == [2, 3, 9]
    assert ledger.outcomes.rejected_rows(number)[0].raw == "a\N{SYMBOL FOR NULL}b"
    assert not ledger.rows.write(owner, rows, rejected), "an upload is read once"
    assert (progress(ledger, number).total, progress(ledger, number).rejected) == (1, 1)


def test_rows_of_one_ad_group_are_one_item_with_the_names_of_the_first_wherever_they_stand(
    ledger: Ledger,
) -> None:
    number, other = an_upload(ledger), ACCOUNT + 1
    owner = ledger.uploads.take(number, run_id="r", stage="reading", is_active=never)
    far = 2 + 2 * PART
    between = [(line, ACCOUNT, 1_000_000 + line, EDITION) for line in range(5, far)]
    rows = [
        (far + 1, ACCOUNT, 5, EDITION, "later", 8, "later"),
        (2, ACCOUNT, 5, EDITION, 'first, "quoted"\n| \\. ', 7, ""),
        (3, other, 5, EDITION, None, None, None),
        (4, ACCOUNT, 5, "christmas_2026", "čaj", None, "thee"),
        (far, ACCOUNT, 5, EDITION, "later", 8, "later"),
        *between,
    ]
    assert ledger.rows.write(owner, source_rows(rows), [])
    told = ("customer_id", "edition", "lines", "ad_group_name", "campaign_id", "campaign_name")
    items = [item for item in ledger.outcomes.items(number) if item["ad_group_id"] == 5]
    assert [tuple(item[name] for name in told) for item in items] == [
        (ACCOUNT, EDITION, [2, far, far + 1], 'first, "quoted"\n| \\. ', 7, ""),
        (ACCOUNT, "christmas_2026", [4], "čaj", None, "thee"),
        (other, EDITION, [3], None, None, None),
    ]
    made = sorted(ledger.outcomes.items(number), key=lambda item: int(item["item_id"]))
    assert [item["lines"][0] for item in made] == [2, 4, *range(5, far), 3], "account by account"
    assert progress(ledger, number).total == len(between) + 3


def test_a_second_run_cannot_take_an_upload_whose_owner_works(ledger: Ledger) -> None:
    number = an_upload(ledger)
    ledger.uploads.take(number, run_id="run-1", stage="pushing", is_active=never)
    with pytest.raises(UploadBusyError, match=r"#1 is being worked on by run run-1"):
        ledger.uploads.take(number, run_id="run-2", stage="pushing", is_active=always)


def test_a_run_that_is_finished_dead_or_stalled_is_replaced_and_writes_nothing_more(ledger: Ledger) -> None:
    work = working(ledger)
    successor = ledger.uploads.take(work.owner.upload, run_id="run-2", stage="pushing", is_active=never)
    assert successor.epoch == work.owner.epoch + 1
    with pytest.raises(FencedError):
        ledger.attempts.claim(work.owner, work.lease, [planned(work.items[0])], read_at=work.read_at)
    with pytest.raises(FencedError):
        ledger.uploads.end(work.owner, how="finished", status=UploadStatus.FINISHED)
    with pytest.raises(UploadBusyError, match="declared dead"):
        ledger.uploads.take(work.owner.upload, run_id="run-1", stage="pushing", is_active=never)


def test_a_stalled_owner_is_replaced_even_when_dagster_believes_in_it(
    ledger: Ledger, database_url: str
) -> None:
    work = working(ledger)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update themaads.ownership set progress_at = progress_at - interval '6 s'")
        # Ages count from the server's own start at the earliest.
        connection.execute("select pg_sleep_until(pg_postmaster_start_time() + interval '6 s')")
    assert (
        ledger.uploads.take(work.owner.upload, run_id="run-2", stage="pushing", is_active=always).epoch == 2
    )


def test_an_attempt_is_written_down_with_all_its_items_before_it_is_sent(ledger: Ledger) -> None:
    work = working(ledger)
    attempt = ledger.attempts.claim(
        work.owner, work.lease, [planned(item) for item in work.items], read_at=work.read_at
    )
    assert 0 < attempt.remaining_s() <= 20
    assert progress(ledger, work.owner.upload).sending == 3
    with pytest.raises(GuardError):
        ledger.attempts.claim(work.owner, work.lease, [planned(work.items[0])], read_at=work.read_at)
    assert progress(ledger, work.owner.upload).sending == 3


def test_each_item_is_settled_by_its_own_outcome(ledger: Ledger) -> None:
    work = working(ledger)
    first, second, third = work.items
    attempt = ledger.attempts.claim(
        work.owner, work.lease, [planned(item) for item in work.items], read_at=work.read_at
    )
    refusal = Failure(
        category=Category.POLICY,
        code="PolicyFindingError.POLICY_FINDING",
        message="no",
        policy_topics=("A", "B"),
    )
    ledger.attempts.settle(
        work.owner,
        work.lease,
        attempt,
        [
            SentItem(item_id=first.item_id, state=ItemState.APPLIED, new_ad_id=77),
            SentItem(item_id=second.item_id, state=ItemState.FAILED, failure=refusal),
            SentItem(item_id=third.item_id, state=ItemState.PENDING),
        ],
    )
    by_id = {row["item_id"]: row for row in ledger.outcomes.items(work.owner.upload)}
    assert (by_id[first.item_id]["state"], by_id[first.item_id]["new_ad_id"]) == ("applied", 77)
    assert by_id[second.item_id]["policy_topics"] == ["A", "B"]
    assert by_id[third.item_id]["state"] == "pending"
    assert by_id[third.item_id]["attempts"] == 1
    with pytest.raises(GuardError):
        ledger.attempts.settle(work.owner, work.lease, attempt, [])
    ledger.attempts.settle_labels(
        work.owner,
        [LabelledItem(item_id=first.item_id, state=ItemState.DONE, edition_label_id=5)],
        [PlannedEnd(item_id=third.item_id, state=ItemState.SKIPPED, code="no_ad_to_copy", message="none")],
    )
    counts = progress(ledger, work.owner.upload)
    assert (counts.done, counts.failed, counts.skipped, counts.percent) == (1, 1, 1, 100)


def test_an_account_has_one_writer_over_all_uploads(ledger: Ledger) -> None:
    work = working(ledger)
    other = ledger.uploads.take(
        an_upload(ledger, "other@2"), run_id="run-2", stage="pushing", is_active=never
    )
    with pytest.raises(LeaseUnavailableError, match="for #1"):
        ledger.leases.take(other, ACCOUNT)
    ledger.leases.release(work.lease)
    assert ledger.leases.take(other, ACCOUNT).generation == work.lease.generation + 1
    with pytest.raises(LeaseUnavailableError):
        ledger.attempts.claim(work.owner, work.lease, [planned(work.items[0])], read_at=work.read_at)


def test_a_lease_with_a_request_in_doubt_outlives_that_request(ledger: Ledger) -> None:
    work = working(ledger)
    attempt = ledger.attempts.claim(work.owner, work.lease, [planned(work.items[0])], read_at=work.read_at)
    ledger.leases.release(work.lease)
    other = ledger.uploads.take(
        an_upload(ledger, "other@2"), run_id="run-2", stage="pushing", is_active=never
    )
    with pytest.raises(LeaseUnavailableError) as refused:
        ledger.leases.take(other, ACCOUNT)
    assert refused.value.expires_at >= attempt.deadline_at


def test_state_that_was_read_before_the_lease_is_not_acted_upon(ledger: Ledger) -> None:
    work = working(ledger)
    ledger.leases.release(work.lease)
    lease = ledger.leases.take(work.owner, ACCOUNT)
    with pytest.raises(StaleSnapshotError):
        ledger.attempts.claim(work.owner, lease, [planned(work.items[0])], read_at=work.read_at)
    assert progress(ledger, work.owner.upload).sending == 0


def test_no_ad_group_is_sent_twice_at_once_whatever_the_uploads(ledger: Ledger, database_url: str) -> None:
    work = working(ledger)
    ledger.attempts.claim(work.owner, work.lease, [planned(work.items[0])], read_at=work.read_at)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("delete from themaads.account_lease")
    other = working(ledger, key="other@2", run_id="run-2")
    assert ledger.rows.known_of(ACCOUNT, [102, 103]).in_doubt.keys() == {102}
    with pytest.raises(psycopg.errors.UniqueViolation):
        ledger.attempts.claim(other.owner, other.lease, [planned(other.items[0])], read_at=other.read_at)


def test_in_doubt_found_is_proof_at_once_and_absent_only_after_the_margin_in_two_reads(
    ledger: Ledger, database_url: str
) -> None:
    work = working(ledger, items=2)
    attempt = ledger.attempts.claim(
        work.owner, work.lease, [planned(item) for item in work.items], read_at=work.read_at
    )
    ledger.attempts.doubt(work.owner, attempt, error="UNAVAILABLE")
    found, absent = ledger.attempts.in_doubt(work.owner, work.lease)
    assert found.seen_ad_ids == {1, 2}
    assert not absent.past_margin
    settled = ledger.attempts.reconcile(
        work.owner, work.lease, found=[(found, 99)], absent=[], read_at=ledger.attempts.now()
    )
    assert settled == 1

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update themaads.attempt set deadline_at = deadline_at - interval '30 s'")
    [absent] = ledger.attempts.in_doubt(work.owner, work.lease)
    assert absent.past_margin
    read_at = ledger.attempts.now()
    assert ledger.attempts.reconcile(work.owner, work.lease, found=[], absent=[absent], read_at=read_at) == 0
    [absent] = ledger.attempts.in_doubt(work.owner, work.lease)
    assert not absent.second_read_due
    time.sleep(0.25)
    [absent] = ledger.attempts.in_doubt(work.owner, work.lease)
    assert absent.second_read_due
    read_at = ledger.attempts.now()
    assert ledger.attempts.reconcile(work.owner, work.lease, found=[], absent=[absent], read_at=read_at) == 1
    assert ledger.attempts.in_doubt(work.owner, work.lease) == []
    counts = progress(ledger, work.owner.upload)
    assert (counts.applied, counts.pending, counts.sending) == (1, 1, 0)


def test_what_a_dead_owner_left_is_in_doubt_for_the_next(ledger: Ledger) -> None:
    work = working(ledger, items=1)
    ledger.attempts.claim(work.owner, work.lease, [planned(work.items[0])], read_at=work.read_at)
    assert ledger.attempts.in_doubt(work.owner, work.lease) == []
    successor = ledger.uploads.take(work.owner.upload, run_id="run-2", stage="pushing", is_active=never)
    assert len(ledger.attempts.in_doubt(successor, work.lease)) == 1


def test_what_was_written_down_of_a_request_goes_with_its_upload(ledger: Ledger, database_url: str) -> None:
    gone = working(ledger, key="gone@1", run_id="run-1")
    ledger.attempts.claim(gone.owner, gone.lease, [planned(gone.items[0])], read_at=gone.read_at)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("delete from themaads.account_lease")
        kept = working(ledger, key="kept@2", run_id="run-2")
        ledger.attempts.claim(kept.owner, kept.lease, [planned(kept.items[1])], read_at=kept.read_at)
        connection.execute("delete from themaads.upload where number = %s", [gone.owner.upload])
        assert connection.execute("select item_id from themaads.attempt_item").fetchall() == [
            (kept.items[1].item_id,)
        ]


def test_an_account_fails_in_one_statement_and_a_person_can_retry_it(ledger: Ledger) -> None:
    work = working(ledger)
    failed = ledger.attempts.fail_account(
        work.owner, ACCOUNT, code="AuthorizationError.X", message="suspended"
    )
    assert failed == 3
    number = work.owner.upload
    assert ledger.outcomes.counts_by_account(number) == {ACCOUNT: {"failed": 3}}
    assert ledger.rows.retry(number, states=[ItemState.FAILED], category="policy", customer_id=None) == 0
    assert ledger.rows.retry(number, states=[ItemState.FAILED], category="account", customer_id=ACCOUNT) == 3
    assert progress(ledger, number).pending == 3


def test_a_file_is_remembered_by_its_path_size_and_time(ledger: Ledger) -> None:
    file = KnownFile(path="/in/a.csv", size=10, mtime_ns=5, upload=an_upload(ledger))
    ledger.uploads.remember_file(file)
    assert ledger.uploads.remembered_files(["/in/a.csv", "/in/b.csv"]) == {"/in/a.csv": file}
