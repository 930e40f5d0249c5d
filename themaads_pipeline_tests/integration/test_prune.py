"""Retention: what goes with `themaads prune`, and all that has to survive it."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner, Result

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.cli.installation import dagster_home
from themaads_pipeline.cli.main import themaads
from themaads_pipeline.definitions import definitions_with
from themaads_pipeline.exceptions import GuardError, PermanentError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.lessons import Lesson, LessonKind
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as process_settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.pushing import Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator
from themaads_pipeline_tests.source_rows import source_rows

THEN = datetime(2020, 11, 23, 12, tzinfo=UTC)  # days before a Black Friday that is over on any day
PAST = "black_friday_2020"
TABLES = ("item", "source_row", "rejected_row", "attempt", "attempt_item")

Command = Callable[..., Result]


@dataclass(kw_only=True)
class Past:
    """Uploads of the past, with a Dagster instance in the ledger's own database."""

    ledger: Ledger
    settings: Settings
    emulator: RunningEmulator
    resources: dict[str, Any]
    instance: dg.DagsterInstance

    @property
    def url(self) -> str:
        assert self.settings.database_url is not None
        return self.settings.database_url

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def rows(self) -> dict[str, int]:
        return {table: self.execute(f"select count(*) from themaads.{table}")[0][0] for table in TABLES}

    def counts(self) -> list[tuple[Any, ...]]:
        return self.execute(
            "select upload, customer_id, state, items from themaads.item_count where items <> 0 union all "
            "select upload, customer_id, category || code, items from themaads.failure_count order by 1, 2, 3"
        )

    def submit(self, content: str, name: str = "bf_2020.csv", theme: str = "Black Friday 2020") -> Upload:
        path = Path(str(self.settings.uploads), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return register_file(
            path, ledger=self.ledger, catalogue=load_catalogue(None), today=THEN.date(), theme=theme
        ).upload

    def run(self, upload: Upload, job: str = "push_upload") -> dg.ExecuteInProcessResult:
        self.instance.add_dynamic_partitions("uploads", [upload.key])
        found = definitions_with(self.resources).resolve_job_def(job)
        return found.execute_in_process(
            instance=self.instance, partition_key=upload.key, raise_on_error=False
        )

    def age(self, upload: int, days: int = 100) -> None:
        """So many days have passed."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "update themaads.upload set finished_at = finished_at - make_interval(days => %(days)s), "
                "status_at = status_at - make_interval(days => %(days)s) where number = %(upload)s",
                {"days": days, "upload": upload},
            )

    def processed(self, *, ad_groups: int = 40, accounts: int = 2) -> Upload:
        """An upload that went all its way, a hundred days ago: one row is rejected, one ad group unknown."""
        generated(self.emulator, accounts=accounts, ad_groups=ad_groups)
        lines = self.emulator.upload_file().splitlines()
        columns = lines[0].count(",")
        unknown = ",".join([lines[1].split(",")[0], "99", *[""] * (columns - 1)])
        upload = self.submit("\n".join([*lines, unknown, f"no-account,5{',' * (columns - 1)}"]) + "\n")
        assert self.run(upload).success
        assert self.ledger.uploads.find(upload.key).status is UploadStatus.FINISHED
        self.age(upload.number)
        return upload

    def items_only(self, key: str, items: int, edition: str = PAST) -> int:
        """An upload with items that nobody looked at, finished long ago by a person's word."""
        upload, _ = self.ledger.uploads.register(
            key=key, file_path=key, file_name=key, content_sha256=key, edition=edition
        )
        owner = self.ledger.uploads.take(
            upload.number, run_id=f"read-{key}", stage="reading", is_active=lambda _: False
        )
        self.ledger.rows.write(owner, source_rows((n + 2, 1, n + 1, edition) for n in range(items)), [])
        self.ledger.uploads.end(owner, how="finished", status=UploadStatus.FINISHED)
        self.execute(
            "update themaads.item set state = 'skipped', code = 'no_ad_to_copy' where upload = %s",
            upload.number,
        )
        self.age(upload.number)
        return upload.number


@pytest.fixture
def past(
    ledger: Ledger,
    gateway: Gateway,
    settings: Settings,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Past]:
    settings.home.mkdir()
    settings.emulator_dir.symlink_to(emulator.folder)
    for name, value in settings:
        monkeypatch.setenv(f"THEMAADS_{name.upper()}", "" if value is None else str(value))
    process_settings.cache_clear()
    emulator.set_now(THEN)
    resources = {
        "ledger": ledger,
        "google_ads": lambda: gateway,
        "themes": cache(lambda: load_catalogue(None)),
        "clock": lambda: THEN,
        "settings": settings,
    }
    with dg.DagsterInstance.from_config(str(dagster_home())) as instance:
        yield Past(
            ledger=ledger, settings=settings, emulator=emulator, resources=resources, instance=instance
        )
    process_settings.cache_clear()


def command(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(themaads, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_what_would_go_is_shown_and_without_a_yes_nothing_goes(past: Past) -> None:
    upload = past.processed()
    before = past.rows()

    shown = command("prune", "--older-than", "90d")

    [figures] = re.findall(rf"#1 {re.escape(upload.key)} +\S+ +([\d, ]+)", shown)
    items, lines, attempts, runs, events = (int(figure.replace(",", "")) for figure in figures.split())
    assert items == before["item"] == 41
    assert lines == before["source_row"] + before["rejected_row"] == 42
    assert attempts == before["attempt"] > 0
    assert runs == 1
    [run] = past.instance.get_runs()
    assert events == len(past.instance.all_logs(run.run_id)) > 10
    assert "nothing was deleted: --yes does it" in shown
    assert past.rows() == before


def test_what_is_pruned_keeps_its_counts_its_identity_its_lessons_and_its_report(past: Past) -> None:
    upload = past.processed()
    past.items_only("kept@1", 7, edition=f"black_friday_{datetime.now(UTC).year + 1}")
    owner = past.ledger.uploads.take(
        upload.number, run_id="teacher", stage="pushing", is_active=lambda _: False, looks_only=True
    )
    lesson = Lesson(kind=LessonKind.TEXT, value="drugs", topic="DRUGS", code="POLICY", message="no")
    past.ledger.lessons.learn(owner, 2000000001, [lesson])
    past.ledger.uploads.end(owner, how="finished")
    counts, [told] = past.counts(), past.ledger.uploads.progress(upload.number)
    reports = {
        path: path.read_bytes() for path in Path(str(past.settings.reports)).rglob("*") if path.is_file()
    }
    assert (told.done, told.rejected) == (40, 1)
    assert reports

    assert "1 of 1 uploads were pruned" in command("prune", "--older-than", "90d", "--yes")

    assert past.rows() == {**dict.fromkeys(TABLES, 0), "item": 7, "source_row": 7}
    assert past.counts() == counts
    [after] = past.ledger.uploads.progress(upload.number)
    assert (after.status, after.done, after.skipped, after.failed, after.rejected) == (
        told.status, told.done, told.skipped, told.failed, told.rejected,
    )  # fmt: skip
    assert "pruned" in after.message
    assert [known.upload for known in past.ledger.lessons.all()] == [upload.number]
    again = past.submit(Path(str(past.settings.uploads), "bf_2020.csv").read_text())
    assert (again.number, again.status) == (upload.number, UploadStatus.FINISHED)
    assert past.instance.get_runs() == []
    assert past.execute("select count(*) from event_logs") == [(0,)]
    assert past.instance.get_dynamic_partitions("uploads") == []
    assert {path: path.read_bytes() for path in reports} == reports
    assert "nothing to prune" in command("prune", "--older-than", "90d", "--yes")


def test_who_asks_for_items_that_were_pruned_is_told_so_and_changes_nothing(past: Past) -> None:
    upload = past.processed()
    reports = {
        path: path.read_bytes() for path in Path(str(past.settings.reports)).rglob("*") if path.is_file()
    }
    requests = len(past.emulator.requests())
    command("prune", "--older-than", "90d", "--yes")

    for words in (["retry", "1"], ["outcomes", "1"], ["outcomes", "1", "--csv", "-"], ["review", "1"]):
        with pytest.raises(PermanentError, match="#1: its items were pruned on 20"):
            command(*words)
    with pytest.raises(PermanentError, match="none is left to retry"):
        past.ledger.rows.retry(1, states=[ItemState.FAILED], category=None, customer_id=None)
    result = past.run(upload)
    assert not result.success
    [event] = [event for event in result.all_node_events if event.is_step_failure]
    assert "its items were pruned on 20" in str(event.step_failure_data.error)
    assert {path: path.read_bytes() for path in reports} == reports
    assert len(past.emulator.requests()) == requests
    assert past.ledger.uploads.find("1").status is UploadStatus.FINISHED


def test_what_is_young_open_or_for_an_edition_that_goes_on_stays(past: Past) -> None:
    this_year = f"black_friday_{datetime.now(UTC).year + 1}"
    goes_on = past.items_only("goes-on@1", 3, edition=this_year)
    unknown = past.items_only("unknown@1", 3, edition="easter_2020")
    young = past.items_only("young@1", 3)
    past.age(young, days=-20)
    opened = past.items_only("open@1", 3)
    past.ledger.uploads.set_status(opened, UploadStatus.PAUSED, was=[UploadStatus.FINISHED])
    past.age(opened)
    before = past.rows()

    shown = command("prune", "--older-than", "90d", "--yes")

    assert past.rows() == before
    assert re.search(rf"stays: #{goes_on} .*Black Friday \d+ lasts until", shown)
    assert re.search(rf"stays: #{unknown} .*no theme has the edition easter_2020 any more", shown)
    assert not re.search(f"#({young}|{opened}) ", shown)
    assert "nothing to prune" in shown


def test_an_upload_that_a_run_works_on_stays(past: Past) -> None:
    busy, free = past.items_only("busy@1", 3), past.items_only("free@1", 3)
    past.ledger.uploads.take(
        busy, run_id="a-report", stage="reporting", is_active=lambda _: True, looks_only=True
    )
    shown = command("prune", "--older-than", "90d", "--yes", code=1)
    assert f"not pruned: #{busy} is being worked on by run a-report" in shown
    assert f"#{free} was pruned" in shown
    assert past.execute("select upload, count(*) from themaads.item group by 1") == [(busy, 3)]


def test_a_retry_that_came_first_keeps_the_items(past: Past) -> None:
    number = past.items_only("retried@1", 3)
    owner = past.ledger.uploads.take(
        number, run_id="prune-1", stage="pruning", is_active=lambda _: True, looks_only=True
    )
    assert past.ledger.rows.retry(number, states=[ItemState.SKIPPED], category=None, customer_id=None) == 3
    with pytest.raises(GuardError, match="at work again"):
        past.ledger.retention.begin(owner)
    assert past.ledger.uploads.find(str(number)).pruned_at is None


def test_a_prune_that_is_killed_half_way_goes_on_when_it_is_asked_again(past: Past) -> None:
    number, items = past.items_only("large@1", 12_000), 12_000
    counts = past.counts()
    environment = {**os.environ, "DAGSTER_HOME": str(dagster_home())}
    words = [sys.executable, "-m", "themaads_pipeline.cli", "prune", "--older-than", "90d", "--yes"]
    with psycopg.connect(past.url) as other:
        other.execute("select from themaads.item where ad_group_id = 11000 for update")
        process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: past.rows()["item"] == 2_000)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        other.rollback()
    assert past.ledger.uploads.find(str(number)).pruned_at is not None
    assert past.counts() == counts

    def pruned() -> bool:
        """It is believed to live until it counts as stalled."""
        return "1 of 1 uploads were pruned" in CliRunner().invoke(themaads, words[3:]).output

    wait_until(pruned)
    assert past.rows() == dict.fromkeys(TABLES, 0)
    assert past.counts() == counts
    assert sum(row[3] for row in counts) == items


def test_a_push_beside_it_loses_and_repeats_nothing(past: Past, gateway: Gateway) -> None:
    refs = generated(past.emulator, accounts=3, ad_groups=300)
    pusher = Pusher(
        ledger=past.ledger, gateway=gateway, settings=past.settings, emulator=past.emulator, now=THEN
    )
    old = [past.items_only(f"old@{number}", 6_000) for number in range(3)]
    pushed = pusher.submit(refs, key="now@1", edition=PAST)
    began = threading.Event()
    errors: list[BaseException] = []

    def push() -> None:
        try:
            pusher.push(pushed, on_progress=lambda _: began.set(), batch_size=10)
        except Exception as error:  # noqa: BLE001 - told by the test
            errors.append(error)
        finally:
            began.set()

    thread = threading.Thread(target=push)
    thread.start()
    began.wait(60)
    assert "3 of 3 uploads were pruned" in command("prune", "--older-than", "90d", "--yes")
    thread.join(120)

    assert not errors
    assert not thread.is_alive()
    [progress] = past.ledger.uploads.progress(pushed)
    assert (progress.status, progress.done) == (UploadStatus.FINISHED, 300)
    ads = [ad for ref in {ref[0] for ref in refs} for ad in past.emulator.ads(ref)]
    ours = [ad for ad in ads if ad["url_custom_parameters"].get("themaedition") == PAST]
    assert len(ours) == len({ad["ad_group_id"] for ad in ours}) == 300
    assert past.execute("select distinct upload from themaads.item") == [(pushed,)]
    assert [past.ledger.uploads.progress(number)[0].skipped for number in old] == [6_000] * 3


@pytest.mark.parametrize("age", ["90", "d", "0d", "-1d", "1.5d", "", "3m"])
def test_an_age_that_is_none_is_refused_before_anything(age: str) -> None:
    assert "is no age: 90d for 90 days, or 13w for 13 weeks" in command(
        "prune", f"--older-than={age}", code=2
    )


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline, pause = datetime.now(UTC).timestamp() + seconds, threading.Event()
    while not is_so():
        assert datetime.now(UTC).timestamp() < deadline, "it did not come to that"
        pause.wait(0.05)
