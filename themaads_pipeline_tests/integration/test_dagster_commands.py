"""The commands that README names, against a whole stack: web interface, daemon, code server, emulator."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from themaads_pipeline.cli.installation import environment
from themaads_pipeline.cli.parts import free_port
from themaads_pipeline.cli.stack import Stack
from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.settings import Settings
from themaads_pipeline.themes.catalogue import load_catalogue

ROOT = Path(__file__).parents[2]
SEED = {"generate": {"accounts": 3, "ad_groups": 40}}
REEXECUTE = """
mutation {
  launchRunReexecution(reexecutionParams: {parentRunId: "%s", strategy: FROM_FAILURE}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}
"""
TERMINATE = """
mutation($run: String!) { terminateRun(runId: $run) { __typename } }
"""
RUNS = """
query($key: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $key}]}) {
    ... on Runs { results { runId jobName status stepStats { stepKey status } } }
  }
}
"""


@dataclass(kw_only=True)
class Running:
    """A stack, and its ledger."""

    stack: Stack
    url: str
    ledger: Ledger
    rows: list[str]

    def submit(self, name: str, rows: slice, *, item_limit: int | None = None) -> Upload:
        """Some of the emulator's ad groups as an upload that waits; the sensor does the rest."""
        path = self.stack.settings.home / name
        path.write_text("\n".join([self.rows[0], *self.rows[1:][rows]]))
        return register_file(
            path,
            ledger=self.ledger,
            catalogue=load_catalogue(None),
            today=datetime.now(UTC).date(),
            theme="bf",
            item_limit=item_limit,
        ).upload

    def wait_for(self, upload: Upload, status: UploadStatus) -> None:
        def there() -> bool:
            self.stack.check()
            return self.ledger.uploads.find(upload.key).status is status

        self.wait_until(there, lambda: str(self.ledger.uploads.find(upload.key)))

    def wait_until(self, happened: Callable[[], bool], said: Callable[[], str] = str) -> None:
        give_up = time.monotonic() + 240
        while not happened():
            assert time.monotonic() < give_up, said()
            time.sleep(0.2)

    def command(self, *command: str) -> str:
        """One of Dagster's own commands, in the checkout, as README has it."""
        done = subprocess.run(
            [str(Path(sys.executable).parent / command[0]), *command[1:]],
            cwd=ROOT,
            env=environment(self.stack.settings, dagster_home=ROOT),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def runs_of(self, upload: Upload) -> list[dict[str, Any]]:
        """Newest first."""
        return list(self.ask(RUNS, key=upload.key)["runsOrError"]["results"])

    def ask(self, query: str, **variables: str) -> dict[str, Any]:
        """What the web interface's own buttons do."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=30) as response:
            return dict(json.load(response)["data"])

    def ads_created(self) -> int:
        return int(self._emulator("GET", "/stats")["ads_created"])

    def faults(self, faults: list[dict[str, Any]]) -> None:
        if faults:
            self._emulator("POST", "/faults", faults)
        else:
            self._emulator("DELETE", "/faults")

    def _emulator(self, method: str, path: str, content: Any = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        request = Request(f"{self.stack.emulator_control}{path}", body, method=method)
        with urlopen(request, timeout=30) as response:
            return json.load(response)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    # A short path: a socket's is at most 104 characters.
    with tempfile.TemporaryDirectory(prefix="themaads-") as folder:
        home = Path(folder)
        seed = home / "seed.json"
        seed.write_text(json.dumps(SEED))
        settings = Settings(home=home)
        try:
            with Stack(settings, dagster_home=ROOT, port=free_port(), seed=seed, say=print) as stack:
                url = stack.start()
                with (
                    urlopen(f"{stack.emulator_control}/ad_groups.csv", timeout=30) as response,
                    Ledger(embedded.database_url(settings), settings) as ledger,
                ):
                    rows = response.read().decode().splitlines()
                    yield Running(stack=stack, url=url, ledger=ledger, rows=rows)
        finally:
            embedded.stop(home)


@pytest.fixture(scope="module")
def trials(running: Running) -> tuple[Upload, Upload]:
    """Two uploads of ten ad groups, each paused after five: the sensor found them and started their runs."""
    uploads = (
        running.submit("first.csv", slice(0, 10), item_limit=5),
        running.submit("second.csv", slice(10, 20), item_limit=5),
    )
    for upload in uploads:
        running.wait_for(upload, UploadStatus.PAUSED)
    assert running.ads_created() == 10
    return uploads


def _green(running: Running, upload: Upload) -> bool:
    [last, *_] = running.runs_of(upload)
    ended = {step["stepKey"]: step["status"] for step in last["stepStats"]}
    return bool(last["status"] == "SUCCESS" and ended.get("upload_report") == "SUCCESS")


@pytest.mark.xdist_group("dagster_commands")
def test_a_run_is_launched_from_the_command_line(running: Running, trials: tuple[Upload, Upload]) -> None:
    first, _ = trials
    tags = json.dumps({"dagster/partition": first.key})
    config = json.dumps({"ops": {"themed_ads": {"config": {"item_limit": 100}}}})
    running.command(
        *("dagster", "job", "launch", "-j", "push_upload", "-w", "workspace.yaml"),
        *("--tags", tags, "--config-json", config),
    )
    running.wait_for(first, UploadStatus.FINISHED)
    running.wait_until(lambda: _green(running, first))
    assert running.ads_created() == 15


@pytest.mark.xdist_group("dagster_commands")
def test_two_partitions_are_backfilled_from_the_command_line(
    running: Running, trials: tuple[Upload, Upload]
) -> None:
    first, second = trials
    runs_before = len(running.runs_of(first))
    running.command(
        *("dagster", "job", "backfill", "-j", "push_upload", "-w", "workspace.yaml"),
        *("--partitions", f"{first.key},{second.key}", "--noprompt"),
    )
    running.wait_for(second, UploadStatus.FINISHED)
    running.wait_until(
        lambda: (
            len(running.runs_of(first)) > runs_before and _green(running, first) and _green(running, second)
        )
    )
    assert running.ledger.uploads.find(first.key).status is UploadStatus.FINISHED
    assert running.ads_created() == 20


@pytest.mark.xdist_group("dagster_commands")
def test_a_failed_run_is_re_executed_from_where_it_failed(running: Running) -> None:
    revoked = "AuthenticationError.OAUTH_TOKEN_REVOKED"
    running.faults([{"kind": "error", "method": "*ListAccessibleCustomers", "error": revoked}])
    before = running.ads_created()
    upload = running.submit("third.csv", slice(20, 30))
    running.wait_for(upload, UploadStatus.FAILED)
    running.wait_until(lambda: running.runs_of(upload)[0]["status"] == "FAILURE")
    [failed] = running.runs_of(upload)
    running.faults([])
    answer = running.command("dagster-graphql", "-w", "workspace.yaml", "-t", REEXECUTE % failed["runId"])
    assert "LaunchRunSuccess" in answer
    running.wait_for(upload, UploadStatus.FINISHED)
    running.wait_until(lambda: _green(running, upload))
    assert "upload_items" not in {step["stepKey"] for step in running.runs_of(upload)[0]["stepStats"]}
    assert running.ads_created() == before + 10


@pytest.mark.xdist_group("dagster_commands")
def test_a_run_that_is_terminated_pauses_its_upload_and_re_executed_goes_on(running: Running) -> None:
    running.faults([{"kind": "slow", "method": "*MutateAdGroupAds", "seconds": 8}])
    before = running.ads_created()
    upload = running.submit("fourth.csv", slice(30, 40))

    def is_sending() -> bool:
        [progress] = running.ledger.uploads.progress(upload.number)
        return progress.sending > 0

    running.wait_until(is_sending)
    [run] = running.runs_of(upload)
    running.ask(TERMINATE, run=run["runId"])
    running.wait_for(upload, UploadStatus.PAUSED)
    running.wait_until(lambda: running.runs_of(upload)[0]["status"] == "CANCELED")
    assert "stopped by a person" in running.ledger.uploads.find(upload.key).message
    running.faults([])
    running.command("dagster-graphql", "-w", "workspace.yaml", "-t", REEXECUTE % run["runId"])
    running.wait_for(upload, UploadStatus.FINISHED)
    assert running.ads_created() == before + 10
