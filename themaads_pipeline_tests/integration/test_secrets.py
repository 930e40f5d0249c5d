"""No secret reaches a log, an event, an error or a page: canaries in every place that holds one, trouble in
every place that may quote one, and a look at all that was written meanwhile.

One stack of real processes, with credentials of its own and a database role of its own.
"""

import json
import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import quote

import psutil
import psycopg
import pytest
import yaml
from psycopg import sql

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.launchers.worker import workers_of
from themaads_pipeline.ledger import embedded
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline_tests.integration.test_dagster_runs import Dagster, dagster
from themaads_pipeline_tests.pushing import generated
from themaads_pipeline_tests.running_emulator import RunningEmulator
from themaads_pipeline_tests.running_stack import ROOT, Running, running
from themaads_pipeline_tests.running_upload import QUICK
from themaads_pipeline_tests.unit.test_lines import read_back

__all__ = ["dagster"]  # the fixture

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("secrets")]

_NEEDS_ENCODING = "/@%:x"  # the end of the password
_AD_GROUPS = 10  # of each of four accounts, in each upload


@dataclass(kw_only=True)
class Story:
    """What happened, and all that it left behind."""

    canaries: dict[str, str]
    written: dict[str, bytes] = field(default_factory=dict)  # by where: a file, a table, a command

    def told(self, where: str) -> str:
        """All that is in places of this kind."""
        return b"\n".join(text for place, text in self.written.items() if where in place).decode()

    def lines(self, event: str) -> list[dict[str, str]]:
        """The facts of an event's lines in the workers' logs, with their level as `level`."""
        head = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        found = re.finditer(rf"^{head} ([A-Z]+) ({event} .*)$", self.told("logs/runs/"), re.MULTILINE)
        return [{"level": each[1], **read_back(each[2])[1]} for each in found]


@dataclass(kw_only=True)
class _Stage:
    """Where the story takes place."""

    story: Story
    home: Path
    config: Path
    server: Path  # the home of the database's server
    emulator: RunningEmulator
    environment: dict[str, str]
    stack: Running | None = None

    def command(self, *arguments: str, **changed: str) -> int:
        """A `themaads` command; its output is looked at in the end."""
        ended = subprocess.run(
            [sys.executable, "-m", "themaads_pipeline.cli", *arguments],
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, **self.environment, **changed},
            timeout=180,
            check=False,
        )
        place = f"command {len(self.story.written)}: {' '.join(arguments)}"
        self.story.written[place] = ended.stdout + ended.stderr
        return ended.returncode

    def submit(self, number: int, *options: str, expect: int = 0) -> None:
        """An upload of ad groups that no other one has."""
        header, *rows = self.emulator.upload_file().splitlines()
        chosen = [row for at, row in enumerate(rows) if at % 60 // _AD_GROUPS == number]
        file = self.config.parent / f"upload-{number}.csv"
        file.write_text("\n".join([header, *chosen]))
        assert self.command("submit", str(file), "--theme", "bf", *options) == expect, self.said()

    def said(self) -> str:
        """What the last command said."""
        return list(self.story.written.values())[-1].decode()

    def is_sent(self, number: int) -> bool:
        """Whether requests of this upload are under way."""
        return bool(
            self._ask("select 1 from themaads.item where upload = %s and state = 'sending' limit 1", number)
        )

    def status(self, number: int) -> str:
        return str(self._ask("select status from themaads.upload where number = %s", number))

    def _ask(self, query: LiteralString, number: int) -> Any:
        with psycopg.connect(embedded.ensure_running(self.server, durable=False)) as connection:
            return (connection.execute(query, [number]).fetchone() or [None])[0]

    def wait_for(self, happened: Callable[[], bool], *, timeout: float = 180) -> None:
        deadline = time.monotonic() + timeout
        while not happened():
            assert time.monotonic() < deadline, self.said()
            time.sleep(1)


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with _stage() as stage:
        _play(stage)
        yield stage.story


@contextmanager
def _stage() -> Iterator[_Stage]:
    canaries = {
        name: f"canary{name.title().replace('_', '')}{secrets.token_hex(6)}"
        for name in (
            *("developer_token", "client_secret", "refresh_token", "private_key_id", "proxy_password"),
            *("database_password", "alert_path", "alert_password", "wrong_setting"),
        )
    }
    folder = Path(tempfile.mkdtemp(prefix="themaads-test-"))  # the embedded Postgres may be another user
    home, server, private = folder / "home", folder / "server", folder / "private"
    for each in (home, private):
        each.mkdir()
    seed = {"generate": {"accounts": 4, "ad_groups": 240}}
    with RunningEmulator(folder / "emulator", seed=seed) as emulator, _removed(folder, server):
        key = json.loads((folder / "emulator" / "service-account.json").read_text())
        canaries["private_key"] = str(key["private_key"]).splitlines()[3]
        key["private_key_id"] = canaries["private_key_id"]
        (private / "key.json").write_text(json.dumps(key))
        stage = _Stage(
            story=Story(canaries=canaries),
            home=home,
            config=private / "google-ads.yaml",
            server=server,
            emulator=emulator,
            environment={
                **QUICK,
                **emulator.environment(),
                "REQUESTS_CA_BUNDLE": str(emulator.ca_file),
                "THEMAADS_HOME": str(home),
                "THEMAADS_GOOGLE_ADS_CONFIG": str(private / "google-ads.yaml"),
                "THEMAADS_DATABASE_URL": _with_password(server, canaries["database_password"]),
                "THEMAADS_ALERT_URLS": f"json://me:{canaries['alert_password']}@127.0.0.1:1/"
                f"{canaries['alert_path']} nonsense://{canaries['alert_path']}",
                "THEMAADS_OUTAGE_SECONDS": "4",
                "THEMAADS_SITE_ADS_PER_SECOND": "0",
            },
        )
        _as_service_account(stage)
        yield stage


@contextmanager
def _removed(folder: Path, server: Path) -> Iterator[None]:
    try:
        yield
    finally:
        embedded.stop(server)
        shutil.rmtree(folder)


def _with_password(server: Path, canary: str) -> str:
    """A role of its own; the password has all that a URL cannot have as it is."""
    url, password = embedded.ensure_running(server, durable=False), canary + _NEEDS_ENCODING
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create role ads login superuser password {}").format(sql.Literal(password))
        )
    return url.replace("postgres@", f"ads:{quote(password, safe='')}@")


def _as_service_account(stage: _Stage) -> None:
    config = yaml.safe_load(stage.emulator.google_ads_yaml.read_text())
    config["developer_token"] = stage.story.canaries["developer_token"]
    config["json_key_file_path"] = str(stage.config.parent / "key.json")
    stage.config.write_text(yaml.safe_dump(config))


def _as_installed_app(stage: _Stage) -> None:
    """Through a proxy that is not there: nobody can be asked for a token."""
    config = yaml.safe_load(stage.emulator.google_ads_yaml.read_text())
    del config["json_key_file_path"]
    names = ("developer_token", "client_secret", "refresh_token")
    config |= {name: stage.story.canaries[name] for name in names}
    config |= {
        "client_id": "1",
        "http_proxy": f"http://me:{stage.story.canaries['proxy_password']}@127.0.0.1:1",
    }
    stage.config.write_text(yaml.safe_dump(config))


# The story


def _play(stage: _Stage) -> None:
    with running(stage.home, "--workspace", str(ROOT / "workspace.yaml"), **stage.environment) as stack:
        stage.stack = stack
        stack.wait_until(lambda: stack.says("stack is up"))
        stage.submit(0, "--wait")
        _google_quotes_what_it_was_sent(stage)
        _no_token_is_given(stage)
        _a_person_pauses(stage)
        _a_machine_interrupts(stage)
        _everything_is_misconfigured(stage)
        commands = [
            " ".join(each.cmdline()) for each in [*stack.members(), psutil.Process(stack.process.pid)]
        ]
        stage.story.written["command lines"] = "\n".join(commands).encode()
        _the_database_goes_away(stage)
    _look_around(stage)


def _google_quotes_what_it_was_sent(stage: _Stage) -> None:
    canaries = stage.story.canaries
    known = [canaries[name] for name in ("developer_token", "private_key_id", "private_key", "alert_path")]
    quoted = " ".join([*known, canaries["database_password"] + _NEEDS_ENCODING])
    message = f"not with Authorization: Bearer ya29.{secrets.token_hex(8)} developer-token: {quoted}"
    rate, lost = "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED", "InternalError.INTERNAL_ERROR"
    accounts = [each["customer_id"] for each in stage.emulator.accounts() if not each["manager"]]
    mutates = {"method": "*MutateAdGroupAds", "count": 1, "message": message}
    stage.emulator.faults(
        [
            {"kind": "error", "error": rate, "retry_delay": 1.0, "account": int(accounts[0]), **mutates},
            {"kind": "commit_then_error", "error": lost, "account": int(accounts[1]), **mutates},
            {"kind": "error", "error": "CustomerError.CREATION_DENIED_FOR_POLICY_VIOLATION", **mutates}
            | {"account": int(accounts[2])},
            {
                "kind": "suspend_account",
                "account": int(accounts[3]),
                "method": "*MutateAdGroupAds",
                "count": 1,
            },
        ]
    )
    stage.submit(1, "--wait")
    stage.emulator.clear_faults()


def _no_token_is_given(stage: _Stage) -> None:
    stage.emulator.tokens(grant_error="invalid_grant")
    stage.emulator.expire_tokens()
    stage.submit(2, "--wait", expect=3)
    stage.emulator.tokens()
    _as_installed_app(stage)
    stage.command("resume", "3")
    stage.wait_for(lambda: stage.status(3) in {"interrupted", "failed"})
    stage.command("doctor")
    stage.command("pause", "3")
    _as_service_account(stage)


def _a_person_pauses(stage: _Stage) -> None:
    stage.emulator.profile("realistic", site_checks_per_s=0, ad_s=0.5)
    stage.submit(3)
    stage.wait_for(lambda: stage.is_sent(4))
    stage.command("pause", "4")


def _a_machine_interrupts(stage: _Stage) -> None:
    stage.submit(4)
    stage.wait_for(lambda: stage.is_sent(5))
    [worker] = workers_of(stage.home)
    worker.terminate()
    stage.wait_for(lambda: stage.status(5) == "finished")


def _everything_is_misconfigured(stage: _Stage) -> None:
    canaries, url = stage.story.canaries, stage.environment["THEMAADS_DATABASE_URL"]
    password, wrong = canaries["database_password"], canaries["wrong_setting"]
    for changed in (
        url.replace("postgresql", "postgresqlx"),
        url.replace("%2F", "/"),
        url.replace("%40", "@"),
        url.replace("%25", "%"),
        f"postgresql://ads@127.0.0.1:{password}/themaads",
        f"host=127.0.0.1 password={password} {password}=1",
        f"postgresql://ads:{password}@127.0.0.1:1/themaads",
        f"postgresql://ads:{password}@no-such-host.invalid/themaads",
        password,
    ):
        assert stage.command("status", THEMAADS_DATABASE_URL=changed) == 1
    away = f"postgresql://ads:{password}@127.0.0.1:1/themaads"
    for words in (
        ["migrate"],
        ["migrate", "--grant-to", "ads"],
        ["prune", "--older-than", "1d"],
        ["restored"],
    ):
        assert stage.command(*words, THEMAADS_DATABASE_URL=away) == 1
    assert stage.command("migrate", "--grant-to", "nobody_at_all") == 1
    assert stage.command("prune", "--older-than", "1d") == 0
    assert stage.command("restored") == 1  # the stack is at work
    for name in ("FAILURE_BOUND", "STALL_SECONDS", "LOG_LEVEL", "DAILY_OPERATIONS"):
        assert stage.command("-v", "status", **{f"THEMAADS_{name}": wrong}) == 1
    assert stage.command("alerts", "test") == 1
    before, key = stage.config.read_text(), stage.config.parent / "key.json"
    whole_key = key.read_text()
    file = str(stage.config.parent / "upload-0.csv")
    for config in (f"developer_token: {wrong}\n- {wrong}", wrong, f"login_customer_id: {wrong}"):
        stage.config.write_text(config)
        assert stage.command("preview", file, "--theme", "bf") == 1
    stage.config.write_text(before)
    for broken in (
        whole_key[: len(whole_key) // 2],
        whole_key.replace('"client_email"', '"no_email"'),
        wrong,
    ):
        key.write_text(broken)
        assert stage.command("preview", file, "--theme", "bf") == 1
    key.write_text(whole_key)


def _the_database_goes_away(stage: _Stage) -> None:
    stage.submit(5)
    stage.wait_for(lambda: stage.is_sent(6))
    embedded.stop(stage.server)
    assert stage.command("-v", "status") == 1
    stage.command("doctor")
    time.sleep(8)
    embedded.ensure_running(stage.server, durable=False)


def _look_around(stage: _Stage) -> None:
    written, folders = stage.story.written, [stage.home, stage.server / "postgres"]
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".log" or stage.home in path.parents:
            written[str(path)] = path.read_bytes()
    with psycopg.connect(embedded.ensure_running(stage.server, durable=False)) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('public', 'themaads')"
        ).fetchall()
        for schema, table in tables:
            rows = connection.execute(
                sql.SQL("select t::text from {} as t").format(sql.Identifier(schema, table))
            )
            written[f"table {schema}.{table}"] = "\n".join(row for (row,) in rows).encode()


# What is left of it


def test_no_secret_is_in_any_file_event_row_command_or_command_line(story: Story) -> None:
    wanted = {**story.canaries, "access_token": "ya29."}
    found = [
        f"{name} in {place}: {text[max(0, at - 200) : at + 100]!r}"
        for place, text in story.written.items()
        for name, canary in wanted.items()
        if (at := text.find(canary.encode())) >= 0
    ]
    assert found == []


def test_the_look_was_not_in_vain(story: Story) -> None:
    assert "***" in story.told("table themaads.attempt")  # what Google's errors had quoted
    assert "the refresh token or key was revoked" in story.told("table public.event_logs")
    assert "stage_begun" in story.told("compute_logs")
    for place in ("logs/daemon.log", "logs/webserver.log", "output-", "server.log", "table public.runs"):
        assert story.told(place), place
    assert "the database does not answer" in story.told("command")
    assert "THEMAADS_DATABASE_URL: it must be a URL" in story.told("command")
    assert "key.json: not a complete service account key file" in story.told("command")


def test_each_stage_is_told_with_how_it_ended(story: Story) -> None:
    first = [each for each in story.lines("stage_ended") if each["upload"] == "1"]
    assert [each["stage"] for each in first][:2] == ["reading", "pushing"]
    assert {each["stage"] for each in first} == {"reading", "pushing", "checking", "reporting"}
    assert {each["how"] for each in first} == {"finished"}
    pushed = first[1]
    assert (pushed["items"], pushed["done"], pushed["failed"]) == ("40", "40", "0")
    begun = [each for each in story.lines("stage_begun") if each["upload"] == "1"]
    assert [(each["run"], each["stage"]) for each in begun] == [
        (each["run"], each["stage"]) for each in first
    ]
    ends = {(each["upload"], each["how"], each.get("by")) for each in story.lines("stage_ended")}
    assert ("3", "failed", None) in ends  # the grant is refused
    assert ("3", "interrupted", None) in ends  # nobody can be asked
    assert ("4", "cancelled", "person") in ends
    assert ("5", "interrupted", "machine") in ends  # a signal
    assert ("5", "finished", None) in ends


def test_each_batch_is_told_with_its_account_counts_time_and_request_id(story: Story) -> None:
    batches = story.lines("batch_sent")
    good = [each for each in batches if each["upload"] == "1" and each["kind"] == "ads"]
    assert sum(int(each["created"]) for each in good) == 40
    assert all(each["request_id"] and float(each["seconds"]) > 0 for each in good)
    assert {len(each["account"]) for each in good} == {10}
    codes = {each["code"]: each for each in batches if "code" in each}
    assert codes["QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED"]["retried"] == "10"
    assert codes["InternalError.INTERNAL_ERROR"]["in_doubt"] == "10"
    assert sum(int(each["adopted"]) for each in story.lines("doubts_looked_up")) >= 10


def test_each_account_is_told_with_its_beginning_and_end(story: Story) -> None:
    of_first = [each for each in story.lines("account_ended") if each["upload"] == "1"]
    assert {each["how"] for each in of_first} == {"finished"}
    assert len({each["account"] for each in of_first}) == 4
    assert len(story.lines("account_begun")) >= len(of_first)
    assert {each["failed"] for each in story.lines("account_stopped")} == {"10"}


# Ends that this story has not


def ends_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    said = [record.getMessage() for record in caplog.records]
    return [read_back(text)[1] for text in said if text.startswith("stage_ended ")]


@pytest.fixture
def upload(dagster: Dagster, emulator: RunningEmulator, caplog: pytest.LogCaptureFixture) -> Upload:
    caplog.set_level(logging.INFO, logger="themaads_pipeline")
    generated(emulator, accounts=1, ad_groups=20)
    return dagster.submit(emulator.upload_file())


def test_a_run_that_was_replaced_is_told_as_fenced(
    dagster: Dagster, upload: Upload, caplog: pytest.LogCaptureFixture
) -> None:
    google_ads = dagster.resources["google_ads"]

    def replaced_meanwhile() -> Gateway:
        dagster.ledger.uploads.take(upload.number, run_id="other", stage="pushing", is_active=lambda _: False)
        gateway: Gateway = google_ads()
        return gateway

    dagster.resources["google_ads"] = replaced_meanwhile
    assert not dagster.run(upload).success
    ended = ends_of(caplog)[-1]
    assert (ended["stage"], ended["how"]) == ("pushing", "fenced")
    assert "was taken over" in ended["why"]


def test_a_trial_is_told_as_limited(
    dagster: Dagster, upload: Upload, caplog: pytest.LogCaptureFixture
) -> None:
    assert dagster.run(upload, config={"themed_ads": {"item_limit": 7}}).success
    [ended] = [each for each in ends_of(caplog) if each["stage"] == "pushing"]
    assert (ended["how"], ended["items"], ended["done"]) == ("limited", "20", "7")
    assert "the limit of 7 items is reached" in ended["why"]


def test_a_wait_for_the_days_quota_is_told_with_its_end(
    dagster: Dagster, upload: Upload, emulator: RunningEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.faults([{"kind": "daily_quota", "operations": 0, "retry_delay": 600.0}])
    assert not dagster.run(upload).success
    ended = ends_of(caplog)[-1]
    assert (ended["stage"], ended["how"]) == ("pushing", "waiting")
    waits = datetime.fromisoformat(ended["until"]) - datetime.now(UTC)
    assert timedelta(seconds=500) < waits <= timedelta(seconds=601)
