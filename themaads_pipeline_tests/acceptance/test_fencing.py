"""A worker that nobody can reach, declared dead and replaced: when it wakes up, it has no effect at all."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from themaads_pipeline.ledger import embedded
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline_tests.chaos.sent_log import SentLog
from themaads_pipeline_tests.running_stack import ROOT, is_alive
from themaads_pipeline_tests.running_upload import RunningUpload, upload_at_work

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("stack")]

_EVERYTHING = """query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  __typename ... on MessageEvent { message timestamp } } } } }"""
_TAGS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { tags { key value } } } }"
# What a host that was restarted, or is out of reach, looks like: nobody can kill a process there.
_SEND_AWAY = """
import json, sys
from dagster import DagsterInstance
run_id, mark, instance = sys.argv[1], json.loads(sys.argv[2]), DagsterInstance.get()
instance.get_run_by_id(run_id)
print("ready", flush=True)
sys.stdin.readline()
instance.add_run_tags(run_id, {"themaads/worker": json.dumps({**mark, "boot_id": "elsewhere"})})
"""


def _stop_out_of_reach(at_work: RunningUpload, run_id: str, worker: psutil.Process, url: str) -> None:
    """Stop the worker, and have the launcher believe that it is on another machine, before it looks twice."""
    tags = at_work.stack.ask_with(_TAGS, {"id": run_id})["runOrError"]["tags"]
    mark = next(tag["value"] for tag in tags if tag["key"] == "themaads/worker")
    ours = {"DAGSTER_HOME": str(ROOT), "THEMAADS_HOME": str(at_work.home), "THEMAADS_DATABASE_URL": url}
    command = [sys.executable, "-c", _SEND_AWAY, run_id, mark]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env={**os.environ, **ours}, cwd=ROOT, stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        worker.suspend()
        process.stdin.write("now\n")
        process.stdin.close()
        assert process.wait() == 0


def _events(at_work: RunningUpload, run_id: str) -> list[dict[str, Any]]:
    """All but what the daemon notes of the retry, when it comes to it."""
    events = at_work.stack.ask_with(_EVERYTHING, {"id": run_id})["logsForRun"]["events"]
    return [event for event in events if event.get("message") != "Retrying the run"]


def _written_by(database_url: str, run_id: str) -> list[tuple[Any, ...]]:
    """What the run wrote after its end, and ads whose fate nobody has looked up.

    A request for labels that was under way is open until its account is visited again, labels or no labels.
    """
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            """select attempt.* from themaads.attempt
            join themaads.ownership using (upload, epoch) where ownership.run_id = %s
            and attempt.created_at > ownership.ended_at
            union all
            select attempt.* from themaads.attempt
            join themaads.ownership using (upload, epoch)
            where ownership.run_id = %s and kind = 'ads' and state = 'open'""",
            (run_id, run_id),
        ).fetchall()


def test_a_worker_out_of_its_killers_reach_sends_and_writes_nothing_when_it_wakes_up(home: Path) -> None:
    with upload_at_work(home, ad_groups=4_800, accounts=48) as at_work:
        database_url = embedded.running_url(home)
        assert database_url is not None
        at_work.wait_until_at(0.2)
        [first], worker, before = at_work.runs(), at_work.worker(), at_work.progress.final
        _stop_out_of_reach(at_work, first["runId"], worker, database_url)
        at_work.stack.wait_until(lambda: at_work.status_of(first["runId"]) == "FAILURE")
        [told] = at_work.ends_of(first["runId"])
        assert "was restarted at" in told
        assert is_alive(worker), "it was to be out of reach"
        at_work.stack.wait_until(lambda: at_work.progress.final > before + 100, timeout=180)
        events = _events(at_work, first["runId"])
        worker.resume()
        at_work.stack.wait_until(lambda: not is_alive(worker), timeout=60)
        assert at_work.progress.status is not UploadStatus.FAILED
        at_work.stack.wait_until(lambda: at_work.progress.status is UploadStatus.FINISHED, timeout=240)
        assert (at_work.progress.done, at_work.progress.total) == (4_800, 4_800)
        assert at_work.wrongs() == []
        assert _events(at_work, first["runId"]) == events
        assert at_work.status_of(first["runId"]) == "FAILURE"
        assert _written_by(database_url, first["runId"]) == []
        sent = SentLog()
        sent.add(at_work.control("/requests?method=MutateAdGroupAds&full=1"))
        assert sent.again() == []
        assert "writes no more" in (home / "logs" / "runs" / f"{first['runId']}.log").read_text()
        assert json.loads((home / "stack.json").read_text())["pid"] == at_work.stack.process.pid
