"""Runs in containers and in Kubernetes: what their launchers tell of a run's health, and how they end it."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.launcher import LaunchRunContext, WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.test_utils import create_run_for_test
from dagster._core.workspace.context import BaseWorkspaceRequestContext
from dagster._daemon.monitoring.run_monitoring import monitor_started_run
from dagster._utils.log import get_dagster_logger

from themaads_pipeline.launchers.health import STOPPED_FOR_S
from themaads_pipeline.launchers.watched_runs import WatchedRuns
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.progress import AccountBeat
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as process_settings
from themaads_pipeline_tests.flaky_postgres import flaky_postgres
from themaads_pipeline_tests.integration.test_ledger import ACCOUNT, Working, progress, working
from themaads_pipeline_tests.orchestrators import Docker, Kubernetes, Orchestrator

STALL_S = 1.0
FAILURE, STARTED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED
CANCELING, CANCELED = dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED


@dataclass
class Run:
    """A run that a launcher started, and that holds an upload of three items unless told otherwise."""

    instance: dg.DagsterInstance
    ledger: Ledger
    run_id: str
    work: Working | None = field(init=False, default=None)

    def hold_upload(self) -> None:
        self.work = working(self.ledger, run_id=self.run_id)

    def progresses(self) -> None:
        assert self.work is not None
        beat = AccountBeat(customer_id=self.work.lease.customer_id, doing="a request")
        self.ledger.beats.write(self.work.owner, [beat])

    @property
    def upload(self) -> int:
        assert self.work is not None
        return self.work.owner.upload

    @property
    def upload_status(self) -> UploadStatus:
        return progress(self.ledger, self.upload).status

    @property
    def stop_asked_by(self) -> str | None:
        assert self.work is not None
        return self.ledger.beats.stop_asked_by(self.work.owner)

    @property
    def status(self) -> dg.DagsterRunStatus:
        return self.record.dagster_run.status

    @property
    def record(self) -> dg.RunRecord:
        return self.instance.get_run_records(dg.RunsFilter(run_ids=[self.run_id]))[0]

    def monitor(self) -> dg.DagsterRunStatus:
        """One look of Dagster's own run monitoring."""
        workspace: BaseWorkspaceRequestContext = None  # type: ignore[assignment] # for resuming runs only
        monitor_started_run(self.instance, workspace, self.record, get_dagster_logger())
        return self.status

    def monitor_until_stalled(self) -> dg.DagsterRunStatus:
        """A look, and another after so long that no progress is a stall."""
        assert self.monitor() is STARTED
        time.sleep(STALL_S + 0.2)
        return self.monitor()

    def terminate(self) -> bool:
        """As a person does in Dagster."""
        return self.instance.run_launcher.terminate(self.run_id)

    def message(self) -> str:
        """All that the run's events say."""
        return "\n".join(entry.message for entry in self.instance.all_logs(self.run_id))

    def becomes(self, event: DagsterEventType) -> None:
        told = DagsterEvent(event_type_value=event.value, job_name="push_upload")
        self.instance.report_dagster_event(told, self.run_id)


@dataclass
class Launchers:
    """Starts runs with the launcher that dagster.yaml names."""

    instance: dg.DagsterInstance
    ledger: Ledger

    @property
    def launcher(self) -> WatchedRuns:
        """The real one; its public limits are a test's to set."""
        launcher = self.instance.run_launcher
        assert isinstance(launcher, WatchedRuns)
        return launcher

    def run(self, *, holds_upload: bool = True, tags: dict[str, str] | None = None) -> Run:
        run = self._run(tags or {})
        self.instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
        return self._started(run, holds_upload=holds_upload)

    def run_in_a_command(self, tags: dict[str, str] | None = None) -> Run:
        """As `dagster job execute` does: nobody launched it."""
        return self._started(self._run(tags or {}), holds_upload=True)

    def _run(self, tags: dict[str, str]) -> DagsterRun:
        repository = RepositoryPythonOrigin(
            executable_path=sys.executable,
            code_pointer=ModuleCodePointer("themaads_pipeline.definitions", "defs"),
            container_image="themaads:1",
            entry_point=["dagster"],
        )
        origin = JobPythonOrigin("push_upload", repository)
        run: DagsterRun = create_run_for_test(
            self.instance,
            job_name="push_upload",
            job_code_origin=origin,
            status=dg.DagsterRunStatus.STARTING,
            tags=tags,
        )
        return run

    def _started(self, run: DagsterRun, *, holds_upload: bool) -> Run:
        started = Run(self.instance, self.ledger, run.run_id)
        started.becomes(DagsterEventType.RUN_START)
        if holds_upload:
            started.hold_upload()
        return started


@dataclass
class Installation:
    """Where instances of Dagster come from, in a process with these settings."""

    settings: Settings
    ledger: Ledger
    dagster_home: Path
    folder: Path
    environment: pytest.MonkeyPatch

    @contextmanager
    def launching_with(self, orchestrator: Orchestrator, **changed: Any) -> Iterator[Launchers]:
        """Its dagster.yaml names the launcher."""
        changed = {"stall_seconds": STALL_S, "stop_grace_seconds": 3.2, **changed}
        for name, value in self.settings.model_copy(update=changed):
            self.environment.setenv(f"THEMAADS_{name.upper()}", "" if value is None else str(value))
        for name, value in orchestrator.environment(self.folder).items():
            self.environment.setenv(name, value)
        named = {"module": orchestrator.module, "class": orchestrator.launcher, "config": orchestrator.config}
        process_settings.cache_clear()
        config = {"run_launcher": named, "run_monitoring": {"enabled": True}}
        with dg.instance_for_test(config, temp_dir=str(self.dagster_home)) as instance:
            yield Launchers(instance, self.ledger)
            instance.run_launcher.dispose()
        process_settings.cache_clear()


@pytest.fixture(params=[Docker, Kubernetes])
def orchestrator(request: pytest.FixtureRequest) -> Iterator[Orchestrator]:
    with request.param() as running:
        yield running


@pytest.fixture
def docker() -> Iterator[Docker]:
    with Docker() as running:
        yield running


@pytest.fixture
def kubernetes() -> Iterator[Kubernetes]:
    with Kubernetes() as running:
        yield running


@pytest.fixture(scope="module")
def dagster_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its storage is made once; each test has runs of its own there."""
    return tmp_path_factory.mktemp("dagster")


@pytest.fixture
def installation(
    settings: Settings, ledger: Ledger, dagster_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    return Installation(settings, ledger, dagster_home, tmp_path, monkeypatch)


@pytest.fixture
def launch(request: pytest.FixtureRequest, installation: Installation) -> Iterator[Launchers]:
    """With the orchestrator that the test has."""
    [name] = {"orchestrator", "docker", "kubernetes"} & set(request.fixturenames)
    with installation.launching_with(request.getfixturevalue(name)) as launchers:
        yield launchers


def told_at_the_signal(run: Run, orchestrator: Orchestrator) -> list[str | None]:
    """Who, as the ledger has it when a signal comes, asked the run to stop."""
    told: list[str | None] = []

    def look(request: str) -> None:
        if orchestrator.stop in request:
            told.append(run.stop_asked_by)

    orchestrator.before = look
    return told


# Starting


def test_a_container_works_with_the_settings_of_who_starts_it(
    installation: Installation, docker: Docker
) -> None:
    docker.config = {**docker.config, "env_vars": ["THEMAADS_LOG_LEVEL=DEBUG", "OTHER=1"]}
    with installation.launching_with(docker, daily_operations=15_000) as launchers:
        launchers.run(holds_upload=False)
    given = dict(each.split("=", 1) for each in docker.created_with["Env"])
    assert given["THEMAADS_DATABASE_URL"] == installation.settings.database_url
    assert given["THEMAADS_DAILY_OPERATIONS"] == "15000"
    assert given["THEMAADS_STALL_SECONDS"] == str(STALL_S)
    assert given["THEMAADS_GOOGLE_ADS_CONFIG"] == ""  # unset there, and so here
    assert given["THEMAADS_LOG_LEVEL"] == "DEBUG"  # dagster.yaml overrules
    assert given["OTHER"] == "1"


# The ledger's part, the same everywhere


def test_a_run_that_progresses_works(launch: Launchers, orchestrator: Orchestrator) -> None:
    run = launch.run()
    for _ in range(3):
        time.sleep(STALL_S / 2)
        run.progresses()
        assert run.monitor() is STARTED
    assert orchestrator.is_at_work


def test_a_worker_without_progress_is_killed_before_its_run_is_declared_failed(
    launch: Launchers, orchestrator: Orchestrator
) -> None:
    run = launch.run()
    run.progresses()
    seen: list[tuple[dg.DagsterRunStatus, UploadStatus]] = []

    def look(request: str) -> None:
        if orchestrator.kill in request:
            seen.append((run.status, run.upload_status))

    orchestrator.before = look
    assert run.monitor_until_stalled() is FAILURE
    assert not orchestrator.is_at_work
    assert set(seen) == {(STARTED, UploadStatus.RUNNING)}
    assert "no progress for" in run.message()
    assert (
        f"s at 0 of 3 items (0.0%) of #{run.upload}; last seen: account {ACCOUNT}: a request, "
        in run.message()
    )
    assert orchestrator.where.format(run_id=run.run_id) in run.message()
    assert orchestrator.log in run.message()
    assert run.upload_status is UploadStatus.INTERRUPTED
    assert "no progress for" in progress(run.ledger, run.upload).message


def test_a_worker_that_cannot_be_killed_is_shut_out_by_the_ledger(
    launch: Launchers, orchestrator: Orchestrator
) -> None:
    launch.launcher.kill_timeout_s = 0.5
    orchestrator.cannot_be_killed = True
    run = launch.run()
    epoch = progress(run.ledger, run.upload).epoch
    assert run.monitor_until_stalled() is FAILURE
    assert "it could not be killed, and the ledger shuts it out" in run.message()
    assert progress(run.ledger, run.upload).epoch > epoch


def test_a_kill_that_is_forbidden_hides_no_stall(launch: Launchers, orchestrator: Orchestrator) -> None:
    orchestrator.refuses = orchestrator.kill
    run = launch.run()
    assert run.monitor_until_stalled() is FAILURE
    assert "it could not be killed, and the ledger shuts it out" in run.message()
    assert orchestrator.is_at_work


@pytest.mark.parametrize("trouble", [500, 503])
def test_an_orchestrator_in_trouble_proves_nothing(
    launch: Launchers, orchestrator: Orchestrator, trouble: int
) -> None:
    run = launch.run()
    orchestrator.trouble = trouble
    assert run.monitor_until_stalled() is STARTED
    orchestrator.trouble = 0
    assert run.monitor() is FAILURE
    assert not orchestrator.is_at_work


def test_an_orchestrator_out_of_reach_proves_nothing(launch: Launchers, orchestrator: Orchestrator) -> None:
    run = launch.run()
    orchestrator.end(1)
    orchestrator.go_away()
    assert run.monitor_until_stalled() is STARTED
    assert run.upload_status is UploadStatus.RUNNING


def test_one_that_does_not_answer_keeps_the_monitor_only_for_a_while(
    launch: Launchers, orchestrator: Orchestrator
) -> None:
    launch.launcher.answer_timeout_s = 0.5
    run = launch.run()
    orchestrator.hangs.set()
    asked_at = time.monotonic()
    assert run.monitor() is STARTED
    assert time.monotonic() - asked_at < 5


def test_a_run_is_as_old_as_the_end_of_the_ledgers_outage(
    installation: Installation, docker: Docker, database_url: str
) -> None:
    with (
        flaky_postgres(database_url) as postgres,
        installation.launching_with(docker, database_url=postgres.url) as launch,
    ):
        run = launch.run()
        assert run.monitor() is STARTED
        postgres.go_away()
        time.sleep(STALL_S + 0.2)
        assert run.monitor() is STARTED  # the ledger cannot be asked
        postgres.come_back()
        assert run.monitor_until_stalled() is FAILURE  # its first look finds the run as good as new
        assert not docker.is_at_work


def test_a_run_that_works_on_no_upload_is_judged_by_its_worker_alone(
    launch: Launchers, orchestrator: Orchestrator
) -> None:
    run = launch.run(holds_upload=False)
    assert run.monitor_until_stalled() is STARTED
    orchestrator.end(1)
    assert run.monitor() is FAILURE
    told = "the worker ended with exit code 1 (2026-11-27 08:03:11 UTC), " + orchestrator.where
    assert told.format(run_id=run.run_id) in run.message()


def test_a_run_inside_a_command_is_judged_by_its_progress_alone(
    launch: Launchers, orchestrator: Orchestrator
) -> None:
    run = launch.run_in_a_command()
    assert run.monitor_until_stalled() is FAILURE
    assert "a worker that is not ours" in run.message()
    assert orchestrator.requests == []
    assert not run.terminate()


@pytest.mark.parametrize(
    ("exit_code", "out_of_memory", "says"),
    [
        (0, False, "the worker ended with exit code 0 (2026-11-27 08:03:11 UTC) at 0 of 3 items"),
        (137, False, "the worker was killed by signal 9 (2026-11-27 08:03:11 UTC) at 0 of 3 items"),
        (137, True, "(OOMKilled, 2026-11-27 08:03:11 UTC) at 0 of 3 items"),
    ],
)
def test_a_dead_worker_is_told_with_when_where_and_how_far(
    launch: Launchers, orchestrator: Orchestrator, exit_code: int, out_of_memory: bool, says: str
) -> None:
    run = launch.run()
    orchestrator.end(exit_code, out_of_memory=out_of_memory)
    assert run.monitor() is FAILURE
    if isinstance(orchestrator, Docker):
        says = says.replace("OOMKilled", "out of memory")
    assert says in run.message()
    assert orchestrator.where.format(run_id=run.run_id) in run.message()
    assert run.upload_status is UploadStatus.INTERRUPTED


def test_a_worker_that_was_removed_is_told(launch: Launchers, orchestrator: Orchestrator) -> None:
    run = launch.run()
    orchestrator.vanish()
    assert run.monitor() is FAILURE
    assert "the worker is gone" in run.message()
    assert "at 0 of 3 items" in run.message()


def test_a_worker_that_ends_while_it_is_looked_at_has_not_failed(
    launch: Launchers, orchestrator: Orchestrator
) -> None:
    run = launch.run()
    seen_before = run.record.dagster_run
    run.becomes(DagsterEventType.RUN_SUCCESS)
    orchestrator.end(0)
    told = launch.launcher.check_run_worker_health(seen_before)
    assert told.status is WorkerStatus.SUCCESS
    assert run.upload_status is UploadStatus.RUNNING  # nobody has buried it


def test_a_terminate_by_a_person_tells_the_ledger_before_the_signal(
    launch: Launchers, orchestrator: Orchestrator
) -> None:
    run = launch.run()
    told: list[str | None] = []
    orchestrator.before = lambda request: (
        told.append(run.stop_asked_by) if orchestrator.stop in request else None
    )
    assert run.terminate()
    assert set(told) == {"person"}
    assert run.status is CANCELING
    assert not orchestrator.is_at_work
    assert run.upload_status is UploadStatus.PAUSED


def test_a_run_that_takes_too_long_is_ended_by_a_machine_and_not_paused(
    launch: Launchers, orchestrator: Orchestrator
) -> None:
    run = launch.run(tags={"dagster/max_runtime": "0.01"})
    told: list[str | None] = []
    orchestrator.before = lambda request: (
        told.append(run.stop_asked_by) if orchestrator.stop in request else None
    )
    time.sleep(0.1)
    assert run.monitor() is FAILURE
    assert "maximum runtime" in run.message()
    assert set(told) == {"machine"}
    assert run.upload_status is UploadStatus.RUNNING


def test_a_worker_that_is_gone_when_a_person_ends_its_run_is_told(
    launch: Launchers, orchestrator: Orchestrator
) -> None:
    run = launch.run()
    orchestrator.vanish()
    assert run.terminate()
    assert run.status is CANCELED
    assert "its worker was gone already" in run.message()


def test_a_terminate_with_the_orchestrator_out_of_reach_still_tells_the_ledger(
    launch: Launchers, orchestrator: Orchestrator
) -> None:
    run = launch.run()
    orchestrator.go_away()
    assert not run.terminate()
    assert "could not be asked to end" in run.message()
    assert "the ledger has it begin nothing more" in run.message()
    assert run.stop_asked_by == "person"


# Docker's own


def test_a_paused_container_is_killed_after_some_seconds_and_not_at_once(
    launch: Launchers, docker: Docker
) -> None:
    run = launch.run(holds_upload=False)
    docker.pause()
    assert run.monitor() is STARTED
    time.sleep(STOPPED_FOR_S + 0.1)
    assert run.monitor() is FAILURE
    assert "the worker was paused (docker pause) 5 s ago" in run.message()
    assert not docker.is_at_work


def test_a_paused_container_is_woken_to_hear_that_it_is_to_end(launch: Launchers, docker: Docker) -> None:
    run = launch.run()
    docker.pause()
    assert run.terminate()
    assert [request.split("/")[-1] for request in docker.asked("POST")[-2:]] == ["unpause", "stop?t=4"]


def test_a_configured_grace_is_a_containers_grace(installation: Installation, docker: Docker) -> None:
    docker.config = {**docker.config, "container_kwargs": {"stop_timeout": 77}}
    with installation.launching_with(docker) as launch:
        assert launch.run().terminate()
    assert docker.asked("stop?t=77")


def test_a_container_that_settles_first_keeps_nobody_who_asked_it_to_end(
    launch: Launchers, docker: Docker
) -> None:
    launch.launcher.answer_timeout_s = 0.3
    run = launch.run()
    has_settled = threading.Event()
    docker.before = lambda request: "/stop" in request and has_settled.wait(30)
    asked_at = time.monotonic()
    assert run.terminate()
    assert time.monotonic() - asked_at < 5
    assert run.status is CANCELING
    assert docker.is_at_work
    has_settled.set()
    deadline = time.monotonic() + 10
    while docker.is_at_work:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_looking_at_a_container_needs_no_registry(installation: Installation, docker: Docker) -> None:
    with installation.launching_with(docker) as launch:
        last_seen = launch.run().record.dagster_run
    registry = {"url": "registry.invalid", "username": "ads", "password": "secret"}
    docker.config = {**docker.config, "registry": registry}
    with installation.launching_with(docker) as again:
        assert again.launcher.check_run_worker_health(last_seen).status is WorkerStatus.RUNNING
    assert not docker.asked("/auth")


# Kubernetes' own


@pytest.mark.parametrize(
    ("configured", "grace"), [({}, 4), ({"pod_spec_config": {"termination_grace_period_seconds": 77}}, 77)]
)
def test_a_pod_has_our_grace_unless_another_is_configured(
    installation: Installation, kubernetes: Kubernetes, configured: dict[str, Any], grace: int
) -> None:
    kubernetes.config["run_k8s_config"] = configured
    with installation.launching_with(kubernetes) as launch:
        launch.run(holds_upload=False)
    assert kubernetes.job is not None
    assert kubernetes.job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == grace


def test_a_stalled_pod_is_deleted_in_a_way_that_its_node_confirms(
    launch: Launchers, kubernetes: Kubernetes
) -> None:
    run = launch.run()
    assert run.monitor_until_stalled() is FAILURE
    job, pod = kubernetes.asked("DELETE")
    assert f"/jobs/dagster-run-{run.run_id}?propagationPolicy=Background" in job
    assert pod.endswith("/pods/worker-x7k2p?gracePeriodSeconds=1")


def test_a_job_of_the_run_that_a_run_repeats_is_not_its_own(
    launch: Launchers, kubernetes: Kubernetes
) -> None:
    parent = launch.run(holds_upload=False)
    run = launch.run_in_a_command(dict(parent.record.dagster_run.tags))  # a re-execution takes all tags over
    assert run.monitor_until_stalled() is FAILURE
    assert "a worker that is not ours" in run.message()
    assert kubernetes.is_at_work


def test_an_evicted_pod_is_told_with_why(launch: Launchers, kubernetes: Kubernetes) -> None:
    run = launch.run()
    kubernetes.evict()
    assert run.monitor() is FAILURE
    assert "the worker is gone (Evicted: The node was low on resource: memory.) at 0 of 3" in run.message()


def test_a_job_whose_pod_was_collected_tells_why_it_failed(launch: Launchers, kubernetes: Kubernetes) -> None:
    run = launch.run()
    kubernetes.collect_pod("DeadlineExceeded", "Job was active longer than specified deadline")
    assert run.monitor() is FAILURE
    assert "the worker is gone (DeadlineExceeded: Job was active longer than" in run.message()


def test_a_pod_in_the_grace_of_its_end_lives(launch: Launchers, kubernetes: Kubernetes) -> None:
    run = launch.run()
    kubernetes.job = None
    assert run.monitor() is STARTED
    kubernetes.vanish()
    assert run.monitor() is FAILURE
    assert "its job was deleted" in run.message()


# One host


def test_a_host_loads_no_client_of_docker_or_kubernetes() -> None:
    clients = "docker", "kubernetes", "dagster_docker", "dagster_k8s"
    code = (
        "import sys, themaads_pipeline.definitions, themaads_pipeline.cli.main, "
        f"themaads_pipeline.launchers.host; print([name for name in {clients} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
