"""`make test-compose`: docker-compose.yml built, started and used for real; deploys, restarts and kills while
a run works. Prints its figures, and ends with exit code 0 when nothing was lost, nothing was done twice, and
what must not touch the run did not.
"""

import base64
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from themaads_pipeline.cli.emulated import wrong_ads
from themaads_pipeline.settings import Settings
from themaads_pipeline.steering.runs import Run, runs_of
from themaads_pipeline_tests.compose.project import ComposeError, Project, docker, inspected

ACCOUNTS, AD_GROUPS = 5, 65_000
# Slower than Google is, so that the upload is at work for all that is done to it.
SLOW = {"name": "realistic", "ad_s": 0.07, "site_checks_per_s": 0, "review_s": 0}
REDEPLOYS = 10
REDEPLOYED = ("code", "webserver", "daemon")
KILLED = 128 + 9
_ASSETS = "{ assetNodes { assetKey { path } } }"
_RELOAD = """mutation { reloadRepositoryLocation(repositoryLocationName: "themaads") { __typename
  ... on WorkspaceLocationEntry { loadStatus locationOrLoadError { __typename } } } }"""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Who works on the upload: as long as these are the same, nothing has touched the run."""

    run_id: str
    epoch: int
    container: str
    started_at: str


@dataclass
class Scenario:
    """Its steps, in this order."""

    project: Project
    figures: list[tuple[str, str]] = field(default_factory=list)
    number: int = 0
    key: str = ""
    created_before: int = 0  # by the sample

    def start(self) -> None:
        """An .env, `up -d`, and the sample of the profile `demo` is processed."""
        with self.took("build of the image"):
            self.project.build("0")
        size = int(docker("image", "inspect", "--format", "{{.Size}}", f"{self.project.name}:0"))
        base = int(docker("image", "inspect", "--format", "{{.Size}}", "python:3.11-slim-bookworm"))
        self.tell("size of the image", f"{size / 1e6:,.0f} MB, {base / 1e6:,.0f} of them the base image")
        self.check_image()
        with self.took("`up -d` with profile `demo`, until the sample upload is finished"):
            self.project.compose("--profile", "demo", "up", "-d")
            self.project.wait(
                lambda: self.project.upload(1)["status"] == "finished", "the sample is finished", timeout=180
            )
        sample = self.project.upload(1)["items"]
        self.tell(
            "the sample", f"{sample['done']} done, {sample['skipped']} skipped, {sample['failed']} failed"
        )
        self.project.wait_healthy(*REDEPLOYED, "dashboard", "postgres", "emulator")
        self.check_dashboard()
        self.project.wait(lambda: not self.project.run_containers(), "the sample's run ends", timeout=60)

    def check_dashboard(self) -> None:
        """It shows the sample to whoever has the password, and nothing to anybody else."""
        address = f"http://127.0.0.1:{self.project.dashboard_port}/"
        with pytest.raises(HTTPError, match="401"):
            urlopen(address, timeout=30)
        login = base64.b64encode(f"themaads:{self.project.dashboard_password}".encode()).decode()
        with urlopen(Request(address, headers={"Authorization": f"Basic {login}"}), timeout=30) as page:
            assert "black_friday_demo.csv" in page.read().decode()

    def check_image(self) -> None:
        """No compiler, nobody's root, and no secret."""
        image = f"{self.project.name}:0"
        found = docker("run", "--rm", image, "sh", "-c", "id -u; command -v gcc cc g++ clang; env; true")
        assert found.split()[0] != "0", "the image runs as root"
        assert "/gcc" not in found, "there is a compiler in the image"
        assert "PASSWORD" not in found, "there is a password in the image"
        assert "DATABASE_URL" not in found, "there is a database's address in the image"

    def submit(self) -> None:
        """A large upload, at work."""
        self.project.control("seed", {"generate": {"accounts": ACCOUNTS, "ad_groups": AD_GROUPS}})
        self.project.control("profile", SLOW)
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            with urlopen(f"{self.project.control_url}/ad_groups.csv", timeout=60) as response:
                file.write(response.read())
            file.flush()
            Path(file.name).chmod(0o644)
            docker("cp", file.name, f"{self.project.container('webserver')}:/tmp/large.csv")
        told = self.project.themaads("submit", "/tmp/large.csv", "--theme", "bf", service="webserver")
        self.number = int(told.split()[0].removeprefix("#"))
        self.key = told.split()[1]
        self.created_before = self.project.control("stats")["ads_created"]
        self.project.wait(lambda: self.upload["items"]["done"] > 0, "ads are made", timeout=180)
        self.tell("the upload", f"{AD_GROUPS:,} ad groups in {ACCOUNTS} accounts, {SLOW['ad_s']} s an ad")

    def redeploy_ten_times(self) -> None:
        """Code location, webserver and daemon, each time with edited code, from a new image."""
        before, done = self.worker(), self.upload["items"]["done"]
        seconds = []
        for number in range(1, REDEPLOYS + 1):
            started = time.monotonic()
            self.edit(f"redeploy_{number}")
            self.project.build(str(number))
            self.project.compose("up", "-d", *REDEPLOYED)
            self.wait_for_asset(f"redeploy_{number}")
            seconds.append(time.monotonic() - started)
            assert self.worker() == before, f"redeploy {number} touched the run: {before}, {self.worker()}"
        self.project.wait_healthy(*REDEPLOYED)
        assert self.worker() == before
        made = self.upload["items"]["done"] - done
        assert made > 0, "the upload stood still while it was redeployed"
        self.tell(
            f"{REDEPLOYS} redeploys of code location, webserver and daemon in a row, each with edited code",
            f"0 runs touched (run {before.run_id[:8]}, epoch {before.epoch}); "
            f"{min(seconds):.0f} to {max(seconds):.0f} s each; {made:,} ads made meanwhile",
        )

    def restart_each(self) -> None:
        """`docker restart`, one after another."""
        before = self.worker()
        for service in ("webserver", "code", "daemon"):
            docker("restart", self.project.container(service))
            self.project.wait_healthy(service)
            assert self.worker() == before, f"the restart of {service} touched the run"
        self.tell("`docker restart` of webserver, code location, daemon", "0 runs touched")

    def reload_code(self) -> None:
        """Development: the code location reloads what is edited, and says so of what is broken."""
        before = self.worker()
        self.project.set(
            COMPOSE_FILE="docker-compose.yml:deploy/docker/reload.yml",
            THEMAADS_SOURCE=str(self.project.source),
        )
        self.project.compose("up", "-d", *REDEPLOYED)
        self.project.wait_healthy(*REDEPLOYED)
        self.edit("reloaded_once")
        started = time.monotonic()
        self.project.ask_dagster(_RELOAD)
        self.wait_for_asset("reloaded_once")
        seconds = time.monotonic() - started
        code = self.project.source / "themaads_pipeline" / "definitions.py"
        working = code.read_text()
        code.write_text(f"{working}\nthis is no Python\n")
        answer = str(self.project.ask_dagster(_RELOAD))
        assert "PythonError" in answer, f"a broken edit was not told: {answer}"
        code.write_text(working)
        self.project.ask_dagster(_RELOAD)
        self.wait_for_asset("reloaded_once")
        assert self.worker() == before, "a reload touched the run"
        self.tell(
            "development: an edit reloaded, a broken one, and its correction",
            f"0 runs touched; the first was there after {seconds:.0f} s",
        )

    def pause_and_resume(self) -> None:
        """As a person does: the run's container ends in order, and what is in flight is settled first."""
        before = self.worker()
        started = time.monotonic()
        self.project.themaads("pause", str(self.number))
        self.project.wait(lambda: not self.project.run_containers(), "the run has ended", timeout=200)
        seconds = time.monotonic() - started
        paused = self.upload
        assert paused["status"] == "paused", paused
        assert paused["items"]["sending"] == 0, f"left in flight: {paused}"
        assert inspected(before.container)["State"]["ExitCode"] != KILLED, "the run had to be killed"
        assert self.run(before.run_id).status == "CANCELED"
        self.project.themaads("resume", str(self.number))
        self.project.wait(lambda: self.next_worker(before), "another run works", timeout=120)
        self.tell("`themaads pause`, `themaads resume`", f"the run ended in order after {seconds:.0f} s")

    def kill_the_run(self) -> None:
        """`docker kill` of its container: it is failed with the reason, and the next one goes on."""
        before = self.worker()
        final = self.final()
        killed_at = time.time()
        docker("kill", before.container)
        first = self.first_request_after(killed_at, timeout=180)
        after = self.project.wait(lambda: self.next_worker(before), "another run works", timeout=120)
        failed = self.run(before.run_id)
        assert failed.status == "FAILURE", failed
        assert "killed by signal 9" in failed.why, failed
        assert f"of #{self.number}" in failed.why, failed
        assert after.epoch > before.epoch
        self.tell(
            f"`docker kill` of the run's container, {final:,} items final",
            f"{first - killed_at:.1f} s from the kill to the first request of the next run",
        )
        self.tell("what the failed run says", " ".join(failed.why.split())[:240])

    def restart_postgres(self) -> None:
        """What was in flight goes on; the run rides it out or is resumed."""
        self.project.wait(
            lambda: self.upload["items"]["sending"] > 0, "requests are in flight again", timeout=300
        )
        before = self.worker()
        restarted_at = time.time()
        docker("restart", self.project.container("postgres"))
        back_at = time.time()
        self.project.wait_healthy("postgres")
        first = self.first_request_after(back_at, timeout=300)
        after = self.project.wait(self.try_worker, "a run works", timeout=300)
        if after.run_id == before.run_id:
            what = f"run {after.run_id[:8]} rode it out"
            assert after.container == before.container
        else:
            assert self.run(before.run_id).why, "a run that died tells no reason"
            what = f"run {before.run_id[:8]} failed and was resumed"
        self.tell(
            "`docker restart` of Postgres",
            f"{what}; {back_at - restarted_at:.1f} s for the restart, {first - restarted_at:.1f} s from its "
            "begin to the next request",
        )
        self.project.wait_healthy(*REDEPLOYED)

    def finish(self) -> None:
        """As fast as Google, to the end; then ledger and accounts are compared."""
        self.project.control("profile", {"name": "realistic", "site_checks_per_s": 0, "review_s": 0})
        ended = self.project.wait(
            self.ended,
            "the upload is finished",
            timeout=1800,
            every=3,
        )
        self.project.wait(lambda: not self.project.run_containers(), "its run ends", timeout=180)
        assert ended["status"] == "finished", ended
        items = ended["items"]
        assert items["done"] == items["total"] == AD_GROUPS, items
        outcomes = self.project.outcomes(self.number)
        groups = Counter(outcome["ad_group_id"] for outcome in outcomes)
        assert len(groups) == AD_GROUPS, f"{len(groups)} ad groups have an outcome"
        assert set(groups.values()) == {1}, "an ad group has two outcomes"
        made = [
            {
                "customer_id": int(each["customer_id"].replace("-", "")),
                "ad_group_id": int(each["ad_group_id"]),
                "new_ad_id": int(each["new_ad_id"]),
                "edition": each["edition"],
            }
            for each in outcomes
        ]
        wrong = wrong_ads(self.project.control_url, made)
        assert not wrong, wrong[:20]
        created = self.project.control("stats")["ads_created"] - self.created_before
        assert created == AD_GROUPS, f"{created} ads were created for {AD_GROUPS} ad groups"
        runs = self.runs()
        assert [run.status for run in runs].count("SUCCESS") == 1, runs
        assert all(run.why for run in runs if run.status == "FAILURE"), runs
        failed = sum(run.status == "FAILURE" for run in runs)
        self.tell(
            "the end",
            f"{items['done']:,} of {AD_GROUPS:,} done; the emulator has {created:,} new ads: 0 lost, "
            f"0 twice, 0 unasked; {len(runs)} runs, {failed} of them failed, with the reason",
        )

    # What is looked at

    @property
    def upload(self) -> dict[str, Any]:
        return self.project.upload(self.number)

    def final(self) -> int:
        items = self.upload["items"]
        return int(items["done"] + items["skipped"] + items["failed"])

    def ended(self) -> dict[str, Any] | None:
        """The upload, once nothing goes on by itself."""
        upload = self.upload
        return upload if upload["status"] in {"finished", "failed", "paused"} else None

    def worker(self) -> Worker:
        """Of the upload, which is at work.

        Raises:
            ComposeError: None or several are.
        """
        upload = self.upload
        containers = self.project.run_containers()
        if upload["status"] != "running" or len(containers) != 1:
            raise ComposeError(f"#{self.number} is {upload['status']}, with {len(containers)} workers")
        found = inspected(containers[0])
        assert found["Config"]["Labels"]["dagster/run_id"] == upload["run_id"]
        return Worker(
            run_id=upload["run_id"],
            epoch=upload["epoch"],
            container=containers[0],
            started_at=found["State"]["StartedAt"],
        )

    def try_worker(self) -> Worker | None:
        """Whoever works; None: nobody does now, or the database is just away."""
        try:
            return self.worker()
        except (ComposeError, AssertionError):
            return None

    def next_worker(self, before: Worker) -> Worker | None:
        """Whoever works instead."""
        found = self.try_worker()
        return found if found is not None and found.run_id != before.run_id else None

    def runs(self) -> list[Run]:
        """Of the upload, as Dagster tells of them."""
        return runs_of(Settings(dagster_url=self.project.dagster_url), self.key)

    def run(self, run_id: str) -> Run:
        return next(run for run in self.runs() if run.run_id == run_id)

    def first_request_after(self, moment: float, *, timeout: float) -> float:
        """When the first one began that the emulator got after that; by its own log."""

        def look() -> float | None:
            times = [float(each["time"]) for each in self.project.control("requests")]
            return min((time for time in times if time > moment), default=None)

        return self.project.wait(look, "a request reaches the emulator", timeout=timeout)

    def edit(self, name: str) -> None:
        """An edit that can be seen in Dagster: an asset of that name."""
        with (self.project.source / "themaads_pipeline" / "definitions.py").open("a") as code:
            code.write(
                f'\ndefs = dg.Definitions.merge(defs, dg.Definitions(assets=[dg.AssetSpec("{name}")]))\n'
            )

    def wait_for_asset(self, name: str) -> None:
        """Until webserver and code location serve the edit."""
        self.project.wait(
            lambda: f"'{name}'" in str(self.project.ask_dagster(_ASSETS)), f"{name} is served", timeout=180
        )

    # What is told

    def tell(self, what: str, figure: str) -> None:
        """A line now, and one of the table at the end."""
        self.figures.append((what, figure))
        self.project.say(f"{time.strftime('%H:%M:%S')} {what}: {figure}")

    @contextmanager
    def took(self, what: str) -> Iterator[None]:
        """How long the block took."""
        started = time.monotonic()
        yield
        self.tell(what, f"{time.monotonic() - started:.0f} s")


def main() -> None:
    """All of it."""
    started = time.monotonic()
    with Project(say=say) as project:
        scenario = Scenario(project)
        scenario.start()
        scenario.submit()
        scenario.pause_and_resume()
        scenario.kill_the_run()
        scenario.restart_postgres()
        scenario.redeploy_ten_times()
        scenario.restart_each()
        scenario.reload_code()
        scenario.finish()
    scenario.tell("all of it", f"{(time.monotonic() - started) / 60:.0f} min")
    say("\n| what | figure |\n|---|---|")
    for what, figure in scenario.figures:
        say(f"| {what} | {figure} |")


def say(text: str) -> None:
    """To the terminal, at once."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
