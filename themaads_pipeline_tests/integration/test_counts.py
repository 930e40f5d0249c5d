"""Counts that are kept beside the items are what counting the items gives, after every transition."""

from collections.abc import Iterator

import psycopg
import pytest

from themaads_pipeline.exceptions import GuardError
from themaads_pipeline.ledger.attempts import LabelledItem, PlannedEnd, SentItem
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.items import ItemState, RejectedRow
from themaads_pipeline.model.outcomes import Category, Failure
from themaads_pipeline_tests.integration.test_ledger import (
    ACCOUNT,
    EDITION,
    an_upload,
    never,
    planned,
    progress,
    working,
)
from themaads_pipeline_tests.source_rows import source_rows

KEPT = """
select upload, customer_id, state, items from themaads.item_count where items <> 0
union all
select upload, customer_id, 'failed: ' || category || ' ' || code, items
from themaads.failure_count where items <> 0
order by 1, 2, 3
"""
COUNTED = """
select upload, customer_id, state, count(*) from themaads.item group by 1, 2, 3
union all
select upload, customer_id, 'failed: ' || category || ' ' || coalesce(code, ''), count(*)
from themaads.item where state = 'failed' group by 1, 2, 3
order by 1, 2, 3
"""


def test_kept_counts_are_exact_after_every_transition(ledger: Ledger, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        seen = []
        for transition in transitions(ledger):
            kept = connection.execute(KEPT).fetchall()
            assert kept == connection.execute(COUNTED).fetchall(), transition
            assert kept not in seen, f"{transition}: nothing has changed"
            seen.append(kept)


def transitions(ledger: Ledger) -> Iterator[str]:
    """Every way from one state to another, named after it was gone."""
    work = working(ledger, items=12)
    owner, lease, attempts = work.owner, work.lease, ledger.attempts
    items = [item.item_id for item in work.items]
    yield "-> pending"
    attempt = attempts.claim(owner, lease, [planned(item) for item in work.items[:9]], read_at=work.read_at)
    yield "pending -> sending"
    attempts.settle(
        owner,
        lease,
        attempt,
        [SentItem(item_id=item, state=ItemState.APPLIED, new_ad_id=item) for item in items[:5]]
        + [SentItem(item_id=item, state=ItemState.FAILED, failure=failure("A")) for item in items[5:8]]
        + [SentItem(item_id=items[8], state=ItemState.PENDING, again_s=0)],
    )
    yield "sending -> applied, failed, pending"
    attempts.settle_labels(
        owner,
        [
            LabelledItem(item_id=items[0], state=ItemState.DONE),
            LabelledItem(item_id=items[1], state=ItemState.FAILED, failure=failure("LABELS")),
        ],
        [PlannedEnd(item_id=items[9], state=ItemState.SKIPPED, code="no_ad_to_copy", message="none")],
    )
    yield "applied -> done, failed; pending -> skipped"
    ends = [
        PlannedEnd(item_id=items[10], state=ItemState.FAILED, code="B", message="no", category="invalid"),
        PlannedEnd(item_id=items[8], state=ItemState.FAILED, code="A", message="no", category="policy"),
    ]
    attempts.finish_planned(owner, ends)
    yield "pending -> failed, for a reason that is new, and for one that is not"
    with pytest.raises(GuardError):
        attempts.finish_planned(owner, ends)  # rolled back, and the counts with it
    assert (
        ledger.rows.retry(owner.upload, states=[ItemState.FAILED], category="policy", customer_id=None) == 5
    )
    yield "failed -> pending, and -> applied where the ad is there"
    assert (
        ledger.rows.retry(owner.upload, states=[ItemState.SKIPPED], category=None, customer_id=ACCOUNT) == 1
    )
    yield "skipped -> pending"

    sent = ledger.rows.open_items(owner.upload, ACCOUNT, ItemState.PENDING, limit=100)[:3]
    attempt = attempts.claim(owner, lease, [planned(item) for item in sent], read_at=work.read_at)
    attempts.doubt(owner, attempt, error="UNAVAILABLE")
    yield "pending -> sending, in doubt"
    found, *_ = attempts.in_doubt(owner, lease)
    attempts.reconcile(owner, lease, found=[(found, 99)], absent=[], read_at=attempts.now())
    yield "sending -> applied: found"
    assert attempts.fail_account(owner, ACCOUNT, code="SUSPENDED", message="it is suspended")
    yield "pending, applied -> failed"

    other = ledger.uploads.take(an_upload(ledger, "other@2"), run_id="r", stage="reading", is_active=never)
    rows = [(line, ACCOUNT + line % 2, line, EDITION, None, None, None) for line in range(2, 9)]
    bad = [RejectedRow(line=1, reason="no_theme", message="no theme", raw="")]
    ledger.rows.write(other, source_rows(rows), bad)
    yield "-> pending, in two accounts of another upload"


def test_failures_by_reason_are_those_of_the_items_each_with_an_example(ledger: Ledger) -> None:
    for _ in transitions(ledger):
        pass
    told = ledger.outcomes.failures_by_reason(1)
    counted = [row for row in ledger.outcomes.counts_by_reason(1) if row["state"] == "failed"]
    facts = ("items", "category", "code", "example")
    assert [tuple(row[fact] for fact in facts) for row in told] == [
        tuple(row[fact] for fact in facts) for row in counted
    ]
    assert len(told) > 1
    assert ledger.outcomes.failures_by_reason(2) == []


def test_rejected_rows_are_counted_once_when_the_upload_is_read(ledger: Ledger) -> None:
    number = an_upload(ledger)
    owner = ledger.uploads.take(number, run_id="r", stage="reading", is_active=never)
    bad = [RejectedRow(line=line, reason="no_theme", message="no theme", raw="") for line in range(1_000)]
    ledger.rows.write(owner, source_rows([]), bad)
    assert progress(ledger, number).rejected == 1_000
    [state] = ledger.alerts.states()
    assert state.rejected == 1_000


def failure(code: str) -> Failure:
    return Failure(category=Category.POLICY, code=code, message="no", policy_topics=("T",))
