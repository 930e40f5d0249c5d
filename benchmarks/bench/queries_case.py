"""What is asked of a ledger with millions of items, and how long each answer takes. Argument: how many items.

Twice: with statistics from when the ledger had one upload, pending, and nothing vacuumed since; then as
autovacuum leaves it. Each question through the method that asks it, a few times, the first one apart.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.bench.big_ledger import BigLedger, fill
from benchmarks.bench.place import a_postgres, say
from themaads_pipeline.launchers.ledger_health import LedgerHealth
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.progress import AccountBeat
from themaads_pipeline.model.alerts import occasions_of
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.push.work import PushConfig
from themaads_pipeline.settings import Settings

TIMES = 20
_READ_SIZE = PushConfig().read_size
_OPEN = (UploadStatus.WAITING, UploadStatus.RUNNING, UploadStatus.INTERRUPTED)

Ask = Callable[[], Any]


def main(items: int) -> None:
    """Fill a ledger, and ask."""
    with a_postgres() as (home, url):
        started = time.monotonic()
        big = fill(url, items)
        figures: dict[str, Any] = {"items": items, "fill_s": time.monotonic() - started}
        figures |= measured(home, url, big, "old statistics")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("vacuum analyze")
            [(size,)] = connection.execute("select pg_database_size(current_database())")
        figures |= measured(home, url, big, "vacuumed")
        figures["database_mb"] = size / 1e6
    say(figures)


def measured(home: Path, url: str, big: BigLedger, condition: str) -> dict[str, dict[str, float]]:
    """Milliseconds, by question: of the first time, the median of the others, and the worst of them."""
    found: dict[str, list[float]] = {}
    with _opened(home, url) as (ledger, health):
        for name, ask in _quick(ledger, health, big).items():
            found[name] = [_ms(ask) for _ in range(1 + TIMES)]
        for name, ask in _slow(ledger, big).items():
            found[name] = [_ms(ask) for _ in range(2)]
    return {
        f"first ms, {condition}": {name: round(ms[0], 2) for name, ms in found.items()},
        f"median ms, {condition}": {name: round(median(ms[1:]), 2) for name, ms in found.items()},
        f"worst ms, {condition}": {name: round(max(ms[1:]), 2) for name, ms in found.items()},
    }


@contextmanager
def _opened(home: Path, url: str) -> Iterator[tuple[Ledger, LedgerHealth]]:
    settings = Settings(home=home, database_url=url)
    health = LedgerHealth(settings)
    try:
        with Ledger(url, settings) as ledger:
            yield ledger, health
    finally:
        health.close()


def _quick(ledger: Ledger, health: LedgerHealth, big: BigLedger) -> dict[str, Ask]:
    uploads, alerts, rows = ledger.uploads, ledger.alerts, ledger.rows
    run_id = f"run-{time.monotonic_ns()}"
    [state] = [state for state in alerts.states() if state.number == big.large]
    occasions = occasions_of(state, now=ledger.attempts.now(), failure_bound=0.01)
    assert occasions
    owner = uploads.take(big.large, run_id=run_id, stage="pushing", is_active=lambda _: False)
    beats = [
        AccountBeat(customer_id=each.customer_id, doing="working") for each in rows.open_accounts(big.large)
    ]
    pages = _pages(ledger, big.untouched, big.longest)
    behind = rows.open_items(big.large, big.longest, ItemState.PENDING, limit=_READ_SIZE)
    ad_groups = [item.ad_group_id for item in behind]
    runs = count()

    def bury() -> None:
        """A run of an upload that runs; it is taken anew each time."""
        run = f"dead-{time.monotonic_ns()}-{next(runs)}"
        uploads.take(big.running[0], run_id=run, stage="pushing", is_active=lambda _: False)
        health.bury(run, why="it is gone")

    return {
        "status: all uploads": uploads.progress,
        "status: the large one": lambda: uploads.progress(big.large),
        "status: find by key": lambda: uploads.find(f"#{big.large}"),
        "upload_folder: files": lambda: uploads.remembered_files(big.files),
        "upload_folder: waiting uploads": lambda: uploads.with_status(UploadStatus.WAITING),
        "unfinished_uploads: open uploads": lambda: uploads.with_status(*_OPEN),
        "unfinished_uploads: runs of the large one": lambda: uploads.recent_runs(big.large),
        "alerts: states": alerts.states,
        "alerts: note": lambda: alerts.note(occasions, ["slack-1", "mail-1"]),
        "alerts: claim": lambda: alerts.claim(occasions, "slack-1"),
        "alerts: reasons of the large one": lambda: ledger.outcomes.failures_by_reason(big.large),
        "launcher: progress of the large one": lambda: health.progress_of(run_id),
        "launcher: why dead": lambda: health.why_dead(run_id),
        "launcher: ask to stop": lambda: health.ask_to_stop(run_id, by="machine"),
        "launcher: take and bury": bury,
        "run: beats of all accounts": lambda: ledger.beats.write(owner, beats),
        "run: beat": lambda: uploads.beat(owner, doing="pushing"),
        "run: open_accounts": lambda: rows.open_accounts(big.large),
        "run: open_items, first page": lambda: rows.open_items(
            big.large, big.longest, ItemState.PENDING, limit=_READ_SIZE
        ),
        "run: open_items, page by page": lambda: next(pages),
        "run: open_items, applied": lambda: rows.open_items(
            big.large, big.longest, ItemState.APPLIED, limit=1_000
        ),
        "run: deaths_of_pending": lambda: rows.deaths_of_pending(big.untouched, big.longest),
        "run: next_due": lambda: rows.next_due(big.untouched, big.longest),
        "run: known_of": lambda: rows.known_of(big.longest, ad_groups),
        "run: lessons": lambda: ledger.lessons.of_account(big.longest),
        "run: quota": lambda: ledger.quota.admit(1),
        "quota: used": ledger.quota.used,
    }


def _slow(ledger: Ledger, big: BigLedger) -> dict[str, Ask]:
    """Texts that are written once an upload."""
    outcomes = ledger.outcomes
    return {
        "report: items of the large one": lambda: sum(1 for _ in outcomes.items(big.large)),
        "report: reasons of the large one": lambda: outcomes.counts_by_reason(big.large),
        "report: accounts of the large one": lambda: outcomes.counts_by_account(big.large),
        "report: policy of the large one": lambda: outcomes.policy_patterns(big.large),
        "report: rejected of the large one": lambda: outcomes.rejected_by_reason(big.large),
        "policy of all uploads": outcomes.policy_patterns,
    }


def _pages(ledger: Ledger, upload: int, customer_id: int) -> Iterator[int]:
    after = 0
    while True:
        page = ledger.rows.open_items(upload, customer_id, ItemState.PENDING, after=after, limit=_READ_SIZE)
        after = page[-1].item_id if page else 0
        yield after


def _ms(ask: Ask) -> float:
    started = time.perf_counter()
    ask()
    return 1e3 * (time.perf_counter() - started)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000)
