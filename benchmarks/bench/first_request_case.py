"""From a file that is moved into the upload folder to the run's first request, on a whole stack.

Arguments: how many times; `busy`: while another upload is at work; `at-once`: the file is moved in the very
moment it is written, and its stamps do not tell. It comes at a random moment between two looks of the sensor,
with ad groups of an account of its own.
"""

import json
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from benchmarks.bench.place import say
from themaads_pipeline.ledger import embedded
from themaads_pipeline_tests.running_stack import Running, running
from themaads_pipeline_tests.running_upload import RunningUpload, rows_of

_RUNS = """query ($key: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $key}]}) {
    ... on Runs { results { runId } } } }"""
_EVENTS = """query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  __typename ... on MessageEvent { timestamp message } } } } }"""
_BUSY_ACCOUNTS, _BUSY_AD_GROUPS = 10, 100_000  # minutes, at the speed of real accounts
_AD_GROUPS = 3_000
_OTHER = "black friday.csv"
_ROWS = 20  # of each file
_SENSOR_S = 5.0
_REST_S = 0.1
_WITHIN_S = 120.0

Moments = dict[str, float]


def main(times: int, *, busy: bool, at_once: bool) -> None:
    """Measure it, and say the medians with all values."""
    with tempfile.TemporaryDirectory(prefix="themaads-benchmark-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # Postgres may be another user
        ad_groups = _BUSY_AD_GROUPS if busy else _AD_GROUPS
        seed = {"generate": {"accounts": times + _BUSY_ACCOUNTS, "ad_groups": ad_groups}}
        (home / "seed.json").write_text(json.dumps(seed))
        try:
            with running(home, "--seed", str(home / "seed.json")) as stack:
                stack.wait_until(lambda: stack.says("stack is up"))
                found = _measure(home, stack, times, busy=busy, rest_s=0.0 if at_once else _REST_S)
                other = _status_of(home, _OTHER) if busy else "none"
                stack.interrupt()
        finally:
            embedded.stop(home)
    names = list(found[0])
    say(
        {
            "times": times,
            "busy": busy,
            "at_once": at_once,
            "other_upload_is_at_the_end": other,
            "median_s": {name: statistics.median(each[name] for each in found) for name in names},
            "all_s": {name: sorted(each[name] for each in found) for name in names},
        }
    )


def _measure(home: Path, stack: Running, times: int, *, busy: bool, rest_s: float) -> list[Moments]:
    at_work = RunningUpload(home=home, stack=stack, ledger=_none(), upload=_none())
    header, *rows = rows_of(at_work)
    column = header.split(",").index("customer_id")
    by_account: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        by_account[int(row.split(",")[column])].append(row)
    smallest = sorted(by_account, key=lambda account: len(by_account[account]))[:times]
    if busy:
        at_work.control("/profile", {"name": "realistic", "site_checks_per_s": 0})
        others = [row for account in by_account if account not in smallest for row in by_account[account]]
        _move_in(home, _OTHER, header, others)
        stack.wait_until(lambda: _mutates(at_work, since=0.0) != [], timeout=_WITHIN_S)
    found = []
    for account in smallest:
        time.sleep(random.uniform(0, _SENSOR_S))
        name = f"black friday {account}.csv"
        moved = _move_in(home, name, header, by_account[account][:_ROWS], rest_s=rest_s)
        stack.wait_until(lambda: _mutates(at_work, moved, account) != [], timeout=_WITHIN_S)  # noqa: B023
        found.append(_moments(at_work, name, moved, account))
        sys.stderr.write(f"{json.dumps(found[-1])}\n")
        if not busy:
            stack.wait_until(lambda: _status_of(home, name) == "finished", timeout=_WITHIN_S)  # noqa: B023
    return found


def _move_in(home: Path, name: str, header: str, rows: Sequence[str], *, rest_s: float = 0.0) -> float:
    """Write it elsewhere on the same file system, and give it its place; when that was."""
    beside = home / name
    beside.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    time.sleep(rest_s)
    beside.rename(home / "uploads" / name)
    return time.time()


def _mutates(at_work: RunningUpload, since: float, account: int | str = "") -> list[float]:
    asked = at_work.control(f"/requests?method=MutateAdGroupAds&account={account}")
    return [entry["time"] for entry in asked if entry["time"] > since]


def _moments(at_work: RunningUpload, name: str, moved: float, account: int) -> Moments:
    """Seconds from the move, in their order."""
    [upload] = _asked(
        at_work.home,
        """select number, key, extract(epoch from created_at)::float8 as seen from themaads.upload
        where file_name = %(name)s""",
        name=name,
    )
    stages = _asked(
        at_work.home,
        """select stage, extract(epoch from started_at)::float8 as begun,
          extract(epoch from ended_at)::float8 as ended
        from themaads.ownership where upload = %(number)s order by epoch""",
        number=upload["number"],
    )
    [run] = at_work.stack.ask_with(_RUNS, {"key": upload["key"]})["runsOrError"]["results"]
    events = at_work.stack.ask_with(_EVENTS, {"id": run["runId"]})["logsForRun"]["events"]
    first = _first_of_each(events)
    requests = at_work.control("/requests")
    # Every run begins with it, and no account is named: another's is long past, or not yet there.
    asked = min(each["time"] for each in requests if each["time"] > moved and _is_of_run(each, account))
    read, pushed = stages[0], stages[1]
    return {
        "file seen (in the ledger)": upload["seen"] - moved,
        "run queued": first["RunEnqueuedEvent"] - moved,
        "run taken from the queue": first["RunStartingEvent"] - moved,
        "worker started": first["Worker started"] - moved,
        "worker has loaded Dagster and our code": first["RunStartEvent"] - moved,
        "reading begins": read["begun"] - moved,
        "reading is done": read["ended"] - moved,
        "pushing begins": pushed["begun"] - moved,
        "first request": asked - moved,
        "first mutate": min(_mutates(at_work, moved, account)) - moved,
    }


def _is_of_run(request: Mapping[str, Any], account: int) -> bool:
    return bool(request["method"] == "ListAccessibleCustomers" or request["account"] == str(account))


def _first_of_each(events: Sequence[Mapping[str, Any]]) -> Moments:
    first: Moments = {}
    for event in events:
        kind = event["__typename"]
        if kind == "EngineEvent" and "Worker started" in event["message"]:
            kind = "Worker started"
        first.setdefault(kind, int(event["timestamp"]) / 1000)
    return first


def _status_of(home: Path, name: str) -> str:
    [upload] = _asked(home, "select status from themaads.upload where file_name = %(name)s", name=name)
    return str(upload["status"])


def _asked(home: Path, query: str, **values: Any) -> list[dict[str, Any]]:
    with psycopg.connect(str(embedded.running_url(home)), row_factory=dict_row) as connection:
        return connection.execute(query, values).fetchall()


def _none() -> Any:
    """What this case does not use."""
    return None


if __name__ == "__main__":
    main(int(sys.argv[1]), busy="busy" in sys.argv[2:], at_once="at-once" in sys.argv[2:])
