"""What people do around a run, on real processes: run it again, run it twice, pause it, restart the stack.

One stack for all of it; each scenario has ad groups of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from themaads_pipeline.cli.installation import environment
from themaads_pipeline.launchers.worker import workers_of
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.chaos.sent_log import SentLog
from themaads_pipeline_tests.running_stack import ROOT
from themaads_pipeline_tests.running_upload import (
    QUICK,
    RunningUpload,
    restarted,
    rows_of,
    stack_at_work,
    stop,
    submit_rows,
)

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900), pytest.mark.xdist_group("stack")]

_ACCOUNTS = 96
_EACH = 8  # ad groups of each account in an upload: 768
_SCENARIOS = 14
_FAST = {"name": "instant"}
_ACTIVE = frozenset({"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"})
_ASSETS = ("upload_items", "themed_ads", "upload_report")

_RUNS = """query ($key: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $key}]}) { ... on Runs { results {
    runId jobName status startTime endTime parentRunId tags { key value } } } } }"""
_LAUNCH = """mutation ($job: String!, $tags: [ExecutionTag!]!, $assets: [AssetKeyInput!]) {
  launchRun(executionParams: {runConfigData: {}, executionMetadata: {tags: $tags}, selector: {
    repositoryLocationName: "themaads", repositoryName: "__repository__", jobName: $job,
    assetSelection: $assets
  }}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_RE_EXECUTE = """mutation ($id: String!) { launchRunReexecution(reexecutionParams: {
    parentRunId: $id, strategy: FROM_FAILURE, useParentRunTags: true}) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_TERMINATE = "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"
_REPOSITORY = '{repositoryLocationName: "themaads", repositoryName: "__repository__"}'
_SENSORS = f"""query {{ sensorsOrError(repositorySelector: {_REPOSITORY}) {{ ... on Sensors {{ results {{
    name sensorState {{ id ticks(limit: 2) {{ timestamp status }} }} }} }} }} }}"""
_STOP_SENSOR = "mutation ($id: String!) { stopSensor(id: $id) { __typename } }"
_START_SENSOR = """mutation ($name: String!) { startSensor(sensorSelector: {
  repositoryLocationName: "themaads", repositoryName: "__repository__", sensorName: $name
}) { __typename } }"""
_ADD_PARTITION = f"""mutation ($key: String!) {{ addDynamicPartition(
  repositorySelector: {_REPOSITORY}, partitionsDefName: "uploads", partitionKey: $key
) {{ __typename }} }}"""
_GREEN = """query ($asset: String!, $key: String!) { assetNodeOrError(assetKey: {path: [$asset]}) {
  ... on AssetNode { latestMaterializationByPartition(partitions: [$key]) { runId } } } }"""
_ERRORS = """query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on ExecutionStepFailureEvent { error { message } failureMetadata { description } }
} } } }"""


@dataclass(kw_only=True)
class Scenes:
    """One stack, the uploads in it, and everything that was sent by it."""

    base: RunningUpload
    rows: dict[str, list[str]]  # by account
    header: str
    sent: SentLog = field(default_factory=SentLog)
    taken: int = 0

    # Uploads

    def pace(self, ad_s: float) -> None:
        """How long an ad takes, in seconds; eight of them are a request."""
        self.base.control("/profile", {"name": "realistic", "site_checks_per_s": 0, "ad_s": ad_s})

    def next_rows(self) -> list[list[str]]:
        """Eight ad groups of each account that no scenario has had yet."""
        at, self.taken = self.taken, self.taken + _EACH
        return [rows[at : self.taken] for rows in self.rows.values()]

    def submit(self, rows: Sequence[Sequence[str]], name: str = "upload") -> RunningUpload:
        flat = [row for each in rows for row in each]
        return submit_rows(self.base, f"{name}-{self.taken}.csv", [self.header, *flat])

    def finishes(self, *uploads: RunningUpload) -> None:
        """Each of them ends with nothing lost, nothing twice, and nothing that was final sent again."""
        self.base.control("/profile", _FAST)
        for upload in uploads:
            self.wait_for(upload, UploadStatus.FINISHED)
            self.base.stack.wait_until(lambda upload=upload: not self.active(upload), timeout=240)  # type: ignore[misc] # bound now
            progress = upload.progress
            assert (progress.done + progress.skipped, progress.failed) == (progress.total, 0), progress
        self.note_requests()
        assert self.base.wrongs_among(*(each.upload for each in uploads)) == []
        assert self.sent.again() == []

    def note_requests(self) -> None:
        self.sent.add(self.base.control("/requests?method=MutateAdGroupAds&full=1"))

    def wait_for(self, upload: RunningUpload, status: UploadStatus, *, timeout: float = 240) -> None:
        self.base.stack.wait_until(lambda: upload.progress.status is status, timeout=timeout)

    # Runs

    def runs(self, upload: RunningUpload) -> list[dict[str, Any]]:
        """All of them, the oldest first, with their tags as a dict."""
        found = self.ask(_RUNS, key=upload.upload.key)["runsOrError"]["results"][::-1]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def active(self, upload: RunningUpload) -> list[dict[str, Any]]:
        return [run for run in self.runs(upload) if run["status"] in _ACTIVE]

    def status_of(self, upload: RunningUpload, run_id: str) -> str:
        return str(next(run["status"] for run in self.runs(upload) if run["runId"] == run_id))

    def wait_for_run(self, upload: RunningUpload, run_id: str, *statuses: str, timeout: float = 120) -> None:
        self.base.stack.wait_until(lambda: self.status_of(upload, run_id) in statuses, timeout=timeout)

    def launch(self, upload: RunningUpload, job: str = "push_upload", **tags: str) -> str:
        """By the web interface's button."""
        self.ask(_ADD_PARTITION, key=upload.upload.key)
        given = {"dagster/partition": upload.upload.key} | {f"dagster/{key}": tags[key] for key in tags}
        assets = [{"path": [asset]} for asset in _ASSETS] if job == "__ASSET_JOB" else None
        answer = self.ask(
            _LAUNCH, job=job, tags=[{"key": key, "value": given[key]} for key in given], assets=assets
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def re_execute(self, run_id: str) -> str:
        answer = self.ask(_RE_EXECUTE, id=run_id)["launchRunReexecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def terminate(self, run_id: str) -> None:
        assert self.ask(_TERMINATE, id=run_id)["terminateRun"]["__typename"] == "TerminateRunSuccess"

    def worked(self, upload: RunningUpload) -> list[dict[str, Any]]:
        """The runs that worked on it: never two at once."""
        # One that is cancelled in the queue has started when it ended, says Dagster.
        began = [run for run in self.runs(upload) if run["startTime"] and run["startTime"] != run["endTime"]]
        runs = sorted(began, key=lambda run: run["startTime"])
        for one, next_one in pairwise(runs):
            assert one["endTime"] <= next_one["startTime"], (one, next_one)
        return runs

    # Sensors

    def stop_sensors(self) -> None:
        for sensor in self._sensors():
            self.ask(_STOP_SENSOR, id=sensor["sensorState"]["id"])

    def start_sensors(self) -> None:
        for sensor in self._sensors():
            self.ask(_START_SENSOR, name=sensor["name"])

    def wait_for_ticks(self) -> None:
        """Until each sensor has looked twice from now on: what it was to do, it has done."""
        now = time.time()
        self.base.stack.wait_until(
            lambda: all(
                len([tick for tick in sensor["sensorState"]["ticks"] if tick["timestamp"] > now]) == 2
                for sensor in self._sensors()
            )
        )

    def _sensors(self) -> list[dict[str, Any]]:
        return list(self.ask(_SENSORS)["sensorsOrError"]["results"])

    # Commands

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        return dict(self.base.stack.ask_with(query, variables))

    def command(self, *command: str) -> "subprocess.Popen[str]":
        """One of ours or of Dagster's, as a person types it in the checkout."""
        home = self.base.home
        log = (home / f"command-{time.monotonic_ns()}.txt").open("w+")
        return subprocess.Popen(
            [str(Path(sys.executable).parent / command[0]), *command[1:]],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment(Settings(home=home), dagster_home=ROOT) | QUICK,
            text=True,
        )

    def themaads(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "themaads"), *arguments],
            cwd=ROOT,
            env={**os.environ, **QUICK, "THEMAADS_HOME": str(self.base.home)},
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def scenes() -> Iterator[Scenes]:
    home = Path(tempfile.mkdtemp(prefix="themaads-test-"))  # the embedded Postgres may be another user
    with stack_at_work(home, ad_groups=_ACCOUNTS * _EACH * _SCENARIOS, accounts=_ACCOUNTS) as base:
        header, *rows = rows_of(base)
        column = header.split(",").index("customer_id")
        by_account = groupby(sorted(rows), key=lambda row: row.split(",")[column])
        scenes = Scenes(base=base, header=header, rows={key: list(each) for key, each in by_account})
        try:
            yield scenes
        finally:
            stop(base)
    shutil.rmtree(home)


@pytest.fixture(autouse=True)
def _calm(scenes: Scenes) -> Iterator[None]:
    """Nothing is at work when a scenario begins, also after one that failed."""
    yield
    scenes.base.control("/faults", method="DELETE")
    scenes.base.control("/profile", _FAST)
    scenes.start_sensors()
    scenes.base.stack.wait_until(lambda: not workers_of(scenes.base.home), timeout=240)


def test_a_killed_run_is_re_executed_from_failure_and_one_run_works_at_a_time(scenes: Scenes) -> None:
    scenes.stop_sensors()  # they launch nothing before the person does
    scenes.pace(0.3)
    upload = scenes.submit(scenes.next_rows())
    run_id = scenes.launch(upload, max_retries="0")
    upload.wait_until_at(0.2)
    upload.worker().kill()
    scenes.wait_for_run(upload, run_id, "FAILURE")
    final = upload.progress.final
    scenes.start_sensors()  # from now on the person and `unfinished_uploads` may both be the next
    again = scenes.re_execute(run_id)
    scenes.finishes(upload)
    runs = scenes.worked(upload)
    assert (runs[0]["runId"], runs[0]["status"]) == (run_id, "FAILURE")
    assert {run["status"] for run in runs[1:]} == {"SUCCESS"}
    assert again in {run["runId"] for run in runs}
    assert len(runs) <= 3, runs
    assert upload.progress.final > final > 0


def test_a_backfill_whose_worker_is_killed_is_resumed_and_turns_green(scenes: Scenes) -> None:
    scenes.stop_sensors()  # the backfill's run has to be the first
    scenes.pace(0.3)
    upload = scenes.submit(scenes.next_rows())
    scenes.ask(_ADD_PARTITION, key=upload.upload.key)
    _backfill(scenes, upload)
    upload.wait_until_at(0.1)
    scenes.start_sensors()
    upload.wait_until_at(0.2)
    [first] = scenes.runs(upload)
    assert "dagster/backfill" in first["tags"]
    upload.worker().kill()
    scenes.wait_for_run(upload, first["runId"], "FAILURE")
    scenes.finishes(upload)
    killed, resumed = scenes.worked(upload)
    assert (killed["status"], resumed["status"]) == ("FAILURE", "SUCCESS")
    for asset in _ASSETS:
        node = scenes.ask(_GREEN, asset=asset, key=upload.upload.key)["assetNodeOrError"]
        assert node["latestMaterializationByPartition"][0] is not None, asset


def test_a_second_run_waits_or_fails_clearly_and_harms_nothing(scenes: Scenes) -> None:
    # A minute and more, in which all this has to happen: of 96 accounts 32 are at work, 23 seconds each.
    scenes.pace(1.1)
    labels = ("MutateLabels", "MutateAdGroupAdLabels")
    scenes.base.control("/faults", [{"kind": "slow", "method": name, "seconds": 7} for name in labels])
    upload = scenes.submit(scenes.next_rows())
    upload.wait_until_at(0.1)
    [first] = scenes.runs(upload)
    key, number = upload.upload.key, upload.upload.number
    queued = {scenes.launch(upload), scenes.launch(upload, "__ASSET_JOB")}
    commands = [
        scenes.command(
            *("dagster", "asset", "materialize", "-m", "themaads_pipeline.definitions"),
            *("--select", ",".join(_ASSETS), "--partition", key),
        ),
        scenes.command(
            *("dagster", "job", "execute", "-m", "themaads_pipeline.definitions", "-j", "push_upload"),
            *("--tags", json.dumps({"dagster/partition": key})),
        ),
    ]
    _backfill(scenes, upload)
    for command in commands:
        assert command.wait(timeout=120) != 0
    scenes.base.stack.wait_until(
        lambda: len([run for run in scenes.runs(upload) if run["status"] == "QUEUED"]) == 3
    )
    runs = {run["runId"]: run for run in scenes.runs(upload)}
    assert (runs[first["runId"]]["status"], upload.progress.status) == ("STARTED", UploadStatus.RUNNING)
    failed = [run for run in runs.values() if run["status"] == "FAILURE"]
    assert len(failed) == len(commands)
    for run in failed:
        assert f"#{number} is being worked on by run {first['runId']}" in _error_of(scenes, run["runId"])
    waiting = {run["runId"] for run in runs.values() if run["status"] == "QUEUED"}
    assert len(waiting) == 3
    assert queued < waiting
    assert len(runs) == 1 + 3 + len(commands), runs
    scenes.base.control("/faults", method="DELETE")
    scenes.base.control("/profile", _FAST)
    scenes.wait_for_run(upload, first["runId"], "SUCCESS", timeout=240)
    scenes.note_requests()
    sent = scenes.sent.created()
    scenes.finishes(upload)
    assert scenes.sent.created() == sent
    assert {scenes.status_of(upload, run_id) for run_id in waiting} == {"SUCCESS"}
    # Neither a retry nor the net took a run that was refused for the upload's own.
    assert len(scenes.runs(upload)) == len(runs)


def test_a_pause_by_command_and_one_in_dagster_end_in_the_same_state(scenes: Scenes) -> None:
    scenes.pace(0.3)
    upload = scenes.submit(scenes.next_rows())
    number = upload.upload.number
    upload.wait_until_at(0.1)
    [first] = scenes.active(upload)
    scenes.themaads("pause", str(number))
    by_command = _paused(scenes, upload, first["runId"])
    final = upload.progress.final
    scenes.themaads("resume", str(number))
    scenes.base.stack.wait_until(lambda: bool(scenes.active(upload)) and upload.progress.final > final)
    [second] = scenes.active(upload)
    scenes.terminate(second["runId"])
    in_dagster = _paused(scenes, upload, second["runId"])
    scenes.wait_for_ticks()
    assert scenes.active(upload) == []
    assert by_command[0] == in_dagster[0] == UploadStatus.PAUSED
    for _, message in (by_command, in_dagster):
        assert "by a person" in message
        assert f"`themaads resume {number}` goes on" in message
    assert "Dagster" in in_dagster[1]
    assert "Dagster" not in by_command[1]
    third = scenes.re_execute(second["runId"])
    scenes.finishes(upload)
    assert [(run["runId"], run["status"]) for run in scenes.worked(upload)] == [
        (first["runId"], "CANCELED"),
        (second["runId"], "CANCELED"),
        (third, "SUCCESS"),
    ]


def test_a_paused_upload_stays_paused_over_a_restart_of_the_stack(scenes: Scenes) -> None:
    scenes.pace(0.3)
    upload = scenes.submit(scenes.next_rows())
    number = upload.upload.number
    upload.wait_until_at(0.2)
    scenes.themaads("pause", str(number))
    scenes.note_requests()  # the emulator forgets them
    assert scenes.base.stack.interrupt() == 0
    upload = replace(upload, stack=restarted(scenes.base))
    scenes.wait_for_ticks()
    [run] = scenes.runs(upload)
    assert (run["status"], upload.progress.status) == ("CANCELED", UploadStatus.PAUSED)
    assert "by a person" in upload.progress.message
    final, epoch = upload.progress.final, upload.progress.epoch
    assert upload.progress.final < upload.progress.total
    scenes.wait_for_ticks()
    assert (upload.progress.final, upload.progress.epoch) == (final, epoch)
    scenes.themaads("resume", str(number))
    scenes.finishes(upload)
    assert len(scenes.worked(upload)) == 2


def test_an_upload_is_paused_while_its_run_is_only_queued(scenes: Scenes) -> None:
    scenes.pace(0.9)
    rows = scenes.next_rows()
    part = _ACCOUNTS // 4
    uploads = [
        scenes.submit(rows[at : at + part], f"part-{at}") for at in range(0, _ACCOUNTS, part)
    ]  # three may run at once
    statuses: list[list[str]] = []

    def one_is_queued() -> bool:
        statuses[:] = [[run["status"] for run in scenes.runs(upload)] for upload in uploads]
        return sorted(statuses) == [["QUEUED"], ["STARTED"], ["STARTED"], ["STARTED"]]

    scenes.base.stack.wait_until(one_is_queued)
    late = uploads[statuses.index(["QUEUED"])]
    scenes.themaads("pause", str(late.upload.number))
    assert [run["status"] for run in scenes.runs(late)] == ["CANCELED"]
    assert late.progress.epoch == 0  # nobody had it
    others = [upload for upload in uploads if upload is not late]
    scenes.finishes(*others)
    scenes.wait_for_ticks()
    assert len(scenes.runs(late)) == 1
    assert late.progress.status is UploadStatus.PAUSED
    assert late.progress.message == f"paused by a person: `themaads resume {late.upload.number}` goes on"
    scenes.themaads("resume", str(late.upload.number))
    scenes.finishes(late)
    assert len(scenes.runs(late)) == 2


def test_an_upload_is_resumed_while_its_old_run_is_still_being_cancelled(scenes: Scenes) -> None:
    scenes.pace(1.0)  # eight seconds a request: the old run waits for those in flight
    upload = scenes.submit(scenes.next_rows())
    upload.wait_until_at(0.1)
    [first] = scenes.active(upload)
    scenes.themaads("pause", str(upload.upload.number))
    assert scenes.status_of(upload, first["runId"]) == "CANCELING"
    scenes.themaads("resume", str(upload.upload.number))
    resumed_at = time.monotonic()
    scenes.base.control("/profile", _FAST)
    scenes.wait_for_run(upload, first["runId"], "CANCELED", timeout=60)
    assert time.monotonic() - resumed_at < 60
    scenes.finishes(upload)
    assert [run["status"] for run in scenes.worked(upload)] == ["CANCELED", "SUCCESS"]


def test_an_upload_is_paused_while_its_worker_is_just_starting(scenes: Scenes) -> None:
    scenes.stop_sensors()  # one that they launch would see by itself that it is paused
    scenes.pace(0.3)
    upload = scenes.submit(scenes.next_rows())
    run_id = scenes.launch(upload)
    scenes.wait_for_run(upload, run_id, "STARTING", "STARTED")
    scenes.themaads("pause", str(upload.upload.number))  # Dagster ends no run that is starting
    scenes.start_sensors()
    scenes.wait_for_run(upload, run_id, "CANCELED")
    scenes.wait_for_ticks()
    assert [run["status"] for run in scenes.runs(upload)] == ["CANCELED"]
    assert upload.progress.status is UploadStatus.PAUSED
    scenes.themaads("resume", str(upload.upload.number))
    scenes.finishes(upload)


def test_a_pause_right_after_a_death_holds(scenes: Scenes) -> None:
    scenes.pace(0.3)
    upload = scenes.submit(scenes.next_rows())
    upload.wait_until_at(0.1)
    [first] = scenes.active(upload)
    upload.worker().kill()
    scenes.wait_for_run(upload, first["runId"], "FAILURE")
    scenes.themaads("pause", str(upload.upload.number))  # and Dagster's retry is on its way
    scenes.base.stack.wait_until(lambda: len(scenes.runs(upload)) == 2 and not scenes.active(upload))
    scenes.wait_for_ticks()
    assert upload.progress.status is UploadStatus.PAUSED, upload.progress
    assert [run["status"] for run in scenes.runs(upload)] == ["FAILURE", "CANCELED"]
    scenes.themaads("resume", str(upload.upload.number))
    scenes.finishes(upload)


def test_two_uploads_of_the_same_ad_groups_make_one_ad_in_each(scenes: Scenes) -> None:
    scenes.pace(0.05)
    rows = scenes.next_rows()
    one, other = scenes.submit(rows, "one"), scenes.submit([each[::-1] for each in rows[::-1]], "other")
    assert one.upload.key != other.upload.key
    scenes.base.stack.wait_until(lambda: one.progress.sending > 0 or other.progress.sending > 0)
    scenes.finishes(one, other)
    assert one.progress.total == other.progress.total == _ACCOUNTS * _EACH
    assert one.progress.done + other.progress.done == _ACCOUNTS * _EACH
    for upload in (one, other):
        items = upload.ledger.outcomes.items(upload.upload.number)
        skipped = [item for item in items if item["state"] == ItemState.SKIPPED]
        assert {item["code"] for item in skipped} <= {"already_present"}
        assert [run["status"] for run in scenes.worked(upload)] == ["SUCCESS"]


@pytest.mark.parametrize("when", ["before it takes the upload", "while it pushes"])
def test_three_deaths_without_progress_stop_the_upload_until_a_person_resumes_it(
    scenes: Scenes, when: str
) -> None:
    scenes.pace(1.0)  # none is final before eight seconds
    upload = scenes.submit(scenes.next_rows())
    killed: list[psutil.Process] = []

    def given_up() -> bool:
        for worker in workers_of(scenes.base.home):
            if when == "before it takes the upload" or (_is_owned(upload) and upload.progress.sending > 0):
                worker.kill()
                killed.append(worker)
        assert len(killed) <= 8, "it is launched for ever"
        return upload.progress.status is UploadStatus.FAILED

    scenes.base.stack.wait_until(given_up, timeout=240)
    told, runs = upload.progress.message, len(scenes.runs(upload))
    assert told.startswith("3 runs in a row died without progress, the last: "), told
    assert f"`themaads resume {upload.upload.number}` tries again" in told
    scenes.wait_for_ticks()
    scenes.base.stack.wait_until(lambda: not scenes.active(upload))
    scenes.wait_for_ticks()
    assert len(scenes.runs(upload)) <= runs + 1, "Dagster's retry of the last may have been on its way"
    assert (upload.progress.status, upload.progress.final) == (UploadStatus.FAILED, 0)
    scenes.themaads("resume", str(upload.upload.number))
    scenes.finishes(upload)


def _is_owned(upload: RunningUpload) -> bool:
    """By a run that lives, as far as the ledger knows."""
    return upload.progress.status is UploadStatus.RUNNING


def _backfill(scenes: Scenes, upload: RunningUpload) -> None:
    command = scenes.command(
        *("dagster", "job", "backfill", "-j", "push_upload", "-w", "workspace.yaml"),
        *("--partitions", upload.upload.key, "--noprompt"),
    )
    assert command.wait(timeout=120) == 0


def _paused(scenes: Scenes, upload: RunningUpload, run_id: str) -> tuple[UploadStatus, str]:
    """How it is told once its run has ended."""
    scenes.wait_for_run(upload, run_id, "CANCELED")
    return upload.progress.status, upload.progress.message


def _error_of(scenes: Scenes, run_id: str) -> str:
    events = scenes.ask(_ERRORS, id=run_id)["logsForRun"]["events"]
    return json.dumps([event for event in events if event])
