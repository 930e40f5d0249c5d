"""A whole stack with an upload at work in it, to be disturbed; what Dagster, ledger, emulator say of it."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

from themaads_pipeline.launchers.worker import workers_of
from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.settings import Settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.running_stack import Running, running

_RUNS = """query ($key: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $key}]}) {
    ... on Runs { results { runId status startTime endTime } } } }"""
_EVENTS = """query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on RunFailureEvent { message } ... on RunCanceledEvent { message } } } } }"""

# Seconds instead of minutes, so that what is in doubt is proven soon.
QUICK = {
    "THEMAADS_STALL_SECONDS": "20",
    "THEMAADS_REQUEST_DEADLINE_SECONDS": "10",
    "THEMAADS_MINIMUM_SEND_SECONDS": "1",
    "THEMAADS_ABSENCE_MARGIN_SECONDS": "2",
    "THEMAADS_SECOND_READ_SECONDS": "1",
    "THEMAADS_LEASE_SECONDS": "5",
    "THEMAADS_STOP_GRACE_SECONDS": "15",
}


@dataclass(kw_only=True)
class RunningUpload:
    """The stack, its ledger, and the upload. Times are seconds since 1970."""

    home: Path
    stack: Running
    ledger: Ledger
    upload: Upload
    moments: dict[str, float] = field(default_factory=dict)

    @property
    def progress(self) -> Progress:
        [progress] = self.ledger.uploads.progress(self.upload.number)
        return progress

    def wait_until_at(self, share: float) -> None:
        """Until so much of the upload is final, and a request is in flight."""
        self.stack.wait_until(
            lambda: self.progress.final >= share * max(1, self.progress.total) and self.progress.sending > 0
        )

    def runs(self) -> list[dict[str, Any]]:
        """Dagster's runs of the upload, the newest first."""
        deadline = time.monotonic() + 60
        while True:
            answer = self.stack.ask_with(_RUNS, {"key": self.upload.key})["runsOrError"]
            if "results" in answer:
                return list(answer["results"])
            assert time.monotonic() < deadline, answer  # the database may just be restarting
            time.sleep(0.2)

    def status_of(self, run_id: str) -> str:
        """Dagster's status of a run of the upload."""
        return next(str(run["status"]) for run in self.runs() if run["runId"] == run_id)

    def ends_of(self, run_id: str) -> list[str]:
        """Each end of a run that Dagster tells of: more than one is one too many."""
        events = self.stack.ask_with(_EVENTS, {"id": run_id})["logsForRun"]["events"]
        return [event["message"] for event in events if event.get("message")]

    def message_of(self, run_id: str) -> str:
        """How Dagster tells the end of a run."""
        return "\n".join(self.ends_of(run_id))

    def worker(self) -> psutil.Process:
        """The process that works on the upload now."""
        deadline = time.monotonic() + 60
        while not (workers := workers_of(self.home)):
            assert time.monotonic() < deadline, "there is no worker"
            time.sleep(0.1)
        return workers[0]

    def kill_everything(self) -> None:
        """Every process of the stack at once, Postgres too, as when a machine loses power."""
        self.stack.process.kill()
        postmaster = self.home / "postgres" / "postmaster.pid"
        for member in [*self.stack.members(), *workers_of(self.home)]:
            with suppress(psutil.Error):
                member.kill()
        with suppress(OSError, psutil.Error):
            psutil.Process(int(postmaster.read_text().split()[0])).kill()
        self.stack.process.wait()

    def control(self, path: str, content: Any = None, *, method: str | None = None) -> Any:
        """The emulator's control port."""
        facts = json.loads((self.home / "emulator" / "emulator.json").read_text())
        body = None if content is None else json.dumps(content).encode()
        kind = {"Content-Type": "application/json"}
        request = Request(facts["control_url"] + path, body, kind, method=method)
        with urlopen(request, timeout=60) as response:
            return json.load(response)

    def first_mutate_after(self, moment: float) -> float | None:
        """When the first ads were sent after a moment; None: none yet."""
        times = [
            entry["time"]
            for entry in self.control("/requests?method=MutateAdGroupAds")
            if entry["time"] > moment
        ]
        return min(times, default=None)

    def wrongs_among(self, *uploads: Upload) -> list[str]:
        """What is lost, and what is there twice, in the ad groups of these uploads alone."""
        expected: Counter[tuple[int, int]] = Counter()
        for upload in uploads or (self.upload,):
            for item in self.ledger.outcomes.items(upload.number):
                expected[item["customer_id"], item["ad_group_id"]] += item["state"] == "done"
        found: Counter[tuple[int, int]] = Counter()
        for account in {customer_id for customer_id, _ in expected}:
            for ad in self.control(f"/accounts/{account}/ads"):
                if not ad["seeded"] and ad["status"] != "REMOVED":
                    found[account, int(ad["ad_group_id"])] += 1
        return [
            f"{place}: {found[place]} ads instead of {wanted}"
            for place, wanted in sorted(expected.items())
            if found[place] != wanted
        ]

    def wrongs(self) -> list[str]:
        """What is lost, and what is there twice, by the emulator's own state against the ledger."""
        wrong = []
        ads: Counter[tuple[int, int]] = Counter()
        for account in self.control("/accounts"):
            if account["manager"]:
                continue
            for ad in self.control(f"/accounts/{account['customer_id']}/ads"):
                if not ad["seeded"] and ad["status"] != "REMOVED":
                    ads[int(account["customer_id"]), int(ad["ad_group_id"])] += 1
        for item in self.ledger.outcomes.items(self.upload.number):
            place = item["customer_id"], item["ad_group_id"]
            expected = 1 if item["state"] == "done" else 0
            if (found := ads.pop(place, 0)) != expected:
                wrong.append(f"{place}: {item['state']}, and {found} ads")
        return wrong + [f"{place}: {count} ads that nobody asked for" for place, count in ads.items()]


@contextmanager
def upload_at_work(home: Path, *, ad_groups: int, accounts: int, **settings: str) -> Iterator[RunningUpload]:
    """A stack in `home` that pushes an upload of so many ad groups, at the speed of real accounts."""
    with stack_at_work(home, ad_groups=ad_groups, accounts=accounts, **settings) as at_work:
        at_work.upload = _submit(at_work)
        yield at_work


@contextmanager
def stack_at_work(home: Path, *, ad_groups: int, accounts: int, **settings: str) -> Iterator[RunningUpload]:
    """The same before anything is submitted: see `submit_rows`."""
    seed = {"generate": {"accounts": accounts, "ad_groups": ad_groups}}
    (home / "seed.json").write_text(json.dumps(seed))
    options = ("--seed", str(home / "seed.json"))
    chosen = Settings(home=home)
    with running(home, *options, **{**QUICK, **settings}) as stack:
        stack.wait_until(lambda: stack.says("stack is up"))
        with Ledger(embedded.database_url(chosen), chosen) as ledger:
            ledger.patience.have()  # its Postgres may be killed while somebody looks
            at_work = RunningUpload(home=home, stack=stack, ledger=ledger, upload=_none())
            at_work.control("/profile", {"name": "realistic", "site_checks_per_s": 0})
            yield at_work
    embedded.stop(home)


def rows_of(at_work: RunningUpload) -> list[str]:
    """The header, and a row for each ad group of the emulator, account by account."""
    facts = json.loads((at_work.home / "emulator" / "emulator.json").read_text())
    with urlopen(facts["control_url"] + "/ad_groups.csv", timeout=60) as response:
        return list(response.read().decode().splitlines())


def submit_rows(at_work: RunningUpload, name: str, rows: Sequence[str]) -> RunningUpload:
    """An upload of its own for some of these rows, with the header before them, in the same stack."""
    file = at_work.home / name
    file.write_text("\n".join(rows))
    return replace(at_work, upload=_registered(at_work, file))


def restarted(at_work: RunningUpload, **settings: str) -> Running:
    """A new stack in the same home, once everything was killed."""
    options = ("--port", "0", "--seed", str(at_work.home / "seed.json"))
    at_work.stack = Running(at_work.home, *options, **{**QUICK, **settings})
    at_work.stack.wait_until(lambda: at_work.stack.says("stack is up"))
    return at_work.stack


def stop(at_work: RunningUpload) -> None:
    """End what is left of a restarted stack."""
    if at_work.stack.process.poll() is None:
        os.kill(at_work.stack.process.pid, signal.SIGTERM)
        at_work.stack.process.wait(timeout=120)


def _submit(at_work: RunningUpload) -> Upload:
    file = at_work.home / "black friday.csv"
    file.write_text("\n".join(rows_of(at_work)) + "\n")
    return _registered(at_work, file)


def _registered(at_work: RunningUpload, file: Path) -> Upload:
    return register_file(
        file,
        ledger=at_work.ledger,
        catalogue=load_catalogue(None),
        today=datetime.now(UTC).date(),
        theme="bf",
    ).upload


def _none() -> Any:
    """The upload, before it is submitted."""
    return None
