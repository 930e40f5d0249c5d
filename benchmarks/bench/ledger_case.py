"""Transitions of the ledger by themselves: claim, settle, labels. Arguments: items, accounts, at once.

Through the methods that a push calls, in batches, with outcomes that are made up: first one account after the
other, then as many side by side as are asked for, each time an upload of as many items.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.bench.place import Meter, a_postgres, postgres_cpu_s, say
from themaads_pipeline.ledger.attempts import LabelledItem, PlannedItem, SentItem
from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.items import Item, ItemState
from themaads_pipeline.model.outcomes import Category, Failure
from themaads_pipeline.push.work import PushConfig
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.source_rows import source_rows

BATCH, READ_SIZE = PushConfig().batch_size, PushConfig().read_size
_REFUSED_EVERY = 50  # by policy
_REFUSAL = Failure(
    category=Category.POLICY,
    code="PolicyFindingError.POLICY_FINDING",
    message="The ad includes policy topics of type PROHIBITED: 'https://www.example.nl/page'",
    policy_topics=("DESTINATION_NOT_WORKING",),
    policy_types=("PROHIBITED",),
    trigger="https://www.example.nl/page",
)


def main(items: int, accounts: int, at_once: int) -> None:
    """Work two uploads off."""
    with a_postgres() as (home, url):
        say(
            {"items": items, "accounts": accounts}
            | {
                f"{threads} at once": worked_off(home, url, items=items, accounts=accounts, at_once=threads)
                for threads in (1, at_once)
            }
        )


def worked_off(home: Path, url: str, *, items: int, accounts: int, at_once: int) -> dict[str, float]:
    """An upload from pending to done: what an item costs, and milliseconds a batch, by step."""
    settings = Settings(home=home, database_url=url)
    with (
        Ledger(url, settings) as ledger,
        psycopg.connect(url, autocommit=True) as connection,
        ThreadPoolExecutor(at_once) as pool,
    ):
        owner = _an_upload(ledger, items, accounts)
        opened = [account.customer_id for account in ledger.rows.open_accounts(owner.upload)]
        connection.execute("checkpoint")
        postgres, wal, meter = postgres_cpu_s(home), _wal_bytes(connection), Meter()
        steps = sum(pool.map(lambda account: _Account(ledger, owner, account).work_off(), opened), Counter())
        figures = meter.read()
        [progress] = ledger.uploads.progress(owner.upload)
        assert progress.done + progress.failed == items, progress
        batches = steps.pop("batches")
        return {
            "items_per_s": items / figures["wall_s"],
            "client_cpu_us_per_item": figures["cpu_s"] / items * 1e6,
            "postgres_cpu_us_per_item": (postgres_cpu_s(home) - postgres) / items * 1e6,
            "wal_bytes_per_item": (_wal_bytes(connection) - wal) / items,
        } | {f"{step}_ms_per_batch": 1e3 * seconds / batches for step, seconds in steps.items()}


class _Account:
    """One account's share, worked off as a push does it, with no time between answer and request."""

    def __init__(self, ledger: Ledger, owner: Owner, customer_id: int) -> None:
        self._ledger, self._owner, self._customer_id = ledger, owner, customer_id
        self._lease = ledger.leases.take(owner, customer_id)
        self._steps: Counter[str] = Counter()

    def work_off(self) -> "Counter[str]":
        """Seconds in each step, and how many batches."""
        after = 0
        while items := self._timed("open_items", partial(self._next, after)):
            after = items[-1].item_id
            read_at = self._ledger.attempts.now()
            for start in range(0, len(items), BATCH):
                self._batch(items[start : start + BATCH], read_at)
        self._ledger.leases.release(self._lease)
        return self._steps

    def _next(self, after: int) -> list[Item]:
        return self._ledger.rows.open_items(
            self._owner.upload, self._customer_id, ItemState.PENDING, after=after, limit=READ_SIZE
        )

    def _batch(self, items: list[Item], read_at: Any) -> None:
        attempts, owner, lease = self._ledger.attempts, self._owner, self._lease
        planned = [_planned(item) for item in items]
        sent = [_sent(item) for item in items]
        labelled = [_labelled(each.item_id) for each in sent if each.state is ItemState.APPLIED]
        attempt = self._timed("claim", lambda: attempts.claim(owner, lease, planned, read_at=read_at))
        self._timed("settle", lambda: attempts.settle(owner, lease, attempt, sent, request_id="a request"))
        attempt = self._timed(
            "labels_begin", lambda: attempts.begin(owner, lease, kind="labels", operations=2 * len(labelled))
        )
        self._timed("labels_close", lambda: attempts.close(owner, lease, attempt, request_id="a request"))
        self._timed("settle_labels", lambda: attempts.settle_labels(owner, labelled))
        self._steps["batches"] += 1

    def _timed(self, step: str, do: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        done = do()
        self._steps[step] += time.perf_counter() - started  # type: ignore[assignment] # seconds
        return done


def _an_upload(ledger: Ledger, items: int, accounts: int) -> Owner:
    name = f"{time.time_ns()}"
    upload, _ = ledger.uploads.register(
        key=name, file_path=name, file_name=name, content_sha256=name, edition="black_friday_2026"
    )
    owner = ledger.uploads.take(upload.number, run_id=name, stage="pushing", is_active=lambda _: False)
    share = -(-items // accounts)
    rows = (
        (
            line + 2,
            9_000_000_000 + line // share,
            line + 1,
            name,
            f"Ad group {line} of this account",
            None,
            None,
        )
        for line in range(items)
    )
    ledger.rows.write(owner, source_rows(rows), [])
    return owner


def _planned(item: Item) -> PlannedItem:
    return PlannedItem(
        item_id=item.item_id,
        fingerprint=f"{item.ad_group_id:064x}",
        seen_ad_ids=(item.ad_group_id * 10, item.ad_group_id * 10 + 1),
        copied_ad_id=item.ad_group_id * 10,
        copied_ad_status="ENABLED",
        ad_group_name=f"Ad group {item.ad_group_id} of this account",
        campaign_id=item.ad_group_id // 200,
        campaign_name=f"Campaign {item.ad_group_id // 200} | search | nl",
    )


def _sent(item: Item) -> SentItem:
    if item.item_id % _REFUSED_EVERY == 0:
        return SentItem(item_id=item.item_id, state=ItemState.FAILED, failure=_REFUSAL)
    return SentItem(item_id=item.item_id, state=ItemState.APPLIED, new_ad_id=10**12 + item.item_id)


def _labelled(item_id: int) -> LabelledItem:
    return LabelledItem(
        item_id=item_id, state=ItemState.DONE, edition_label_id=20_000_001, original_label_id=20_000_002
    )


def _wal_bytes(connection: "psycopg.Connection[Any]") -> int:
    [(found,)] = connection.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    return int(found)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
