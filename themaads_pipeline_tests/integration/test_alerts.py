"""Alerts over real HTTP, out of a real ledger: each event once, whatever runs, sensors and channels do."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dagster as dg
import psycopg
import pytest

from themaads_pipeline.alerts.channels import Channel, channels_of, usable_channels
from themaads_pipeline.alerts.telling import tell
from themaads_pipeline.defs.alerts import alerts
from themaads_pipeline.ledger.alerts import MOST_TRIES
from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.alerts import occasions_of
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.integration.test_ledger import ACCOUNT, an_upload, never, working
from themaads_pipeline_tests.running_webhook import Webhook


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


def look(ledger: Ledger, settings: Settings, urls: str, *, timeout_s: float = 15) -> list[str]:
    """One tick."""
    return tell(ledger, channels_of(urls), settings, timeout_s=timeout_s)


def failing(ledger: Ledger, *, why: str = "no permission", key: str = "black-friday-2026@1") -> Owner:
    """An upload that failed for good."""
    number = an_upload(ledger, key)
    owner = ledger.uploads.take(number, run_id="run-1", stage="reading", is_active=never)
    ledger.uploads.end(owner, how="failed", why=why, status=UploadStatus.FAILED)
    return owner


def finishing(ledger: Ledger) -> Owner:
    work = working(ledger)
    ledger.uploads.end(work.owner, how="finished", status=UploadStatus.FINISHED)
    return work.owner


def rows(database_url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            "select event, occasion, told_at is not null, tries, error from themaads.alert order by alert"
        ).fetchall()


def pass_time(database_url: str, seconds: float) -> None:
    """What was noted was noted so long ago."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "update themaads.alert set created_at = created_at - make_interval(secs => %s)", [seconds]
        )


# One message an event


def test_a_finish_is_told_once_however_often_it_is_looked_and_run(
    ledger: Ledger, settings: Settings, webhook: Webhook
) -> None:
    number = finishing(ledger).upload
    assert look(ledger, settings, webhook.url) == ["json-1 was told of #1 finished"]
    for run_id in ("run-2", "run-3"):
        owner = ledger.uploads.take(number, run_id=run_id, stage="pushing", is_active=never)
        assert look(ledger, settings, webhook.url) == []
        ledger.uploads.end(owner, how="finished", status=UploadStatus.FINISHED)
        assert look(ledger, settings, webhook.url) == []
    assert len(webhook.asked) == 1
    assert webhook.asked[0]["type"] == "success"
    assert "In numbers: 0 of 3 ad groups" in webhook.asked[0]["message"]


def test_a_failure_is_told_with_reason_remedy_and_link_and_again_after_a_person_resumed_it(
    ledger: Ledger, settings: Settings, webhook: Webhook
) -> None:
    settings.home.mkdir()
    (settings.home / "stack.json").write_text(json.dumps({"url": "http://127.0.0.1:3000"}))
    number = failing(ledger, why="AdsStoppedError: no permission").upload
    look(ledger, settings, webhook.url)
    [message] = webhook.asked
    assert message["type"] == "failure"
    assert message["title"] == "#1 failed: black-friday-2026@1.csv"
    assert "Reason: no permission" in message["message"]
    assert "`themaads resume 1`" in message["message"]
    assert "Run: http://127.0.0.1:3000/runs/run-1" in message["message"]
    again = ledger.uploads.take(number, run_id="run-2", stage="pushing", is_active=never)
    ledger.uploads.end(again, how="failed", why="AdsStoppedError: no permission", status=UploadStatus.FAILED)
    assert look(ledger, settings, webhook.url) == []
    assert ledger.uploads.resume(number, was=(UploadStatus.FAILED,))
    again = ledger.uploads.take(number, run_id="run-3", stage="pushing", is_active=never)
    ledger.uploads.end(again, how="failed", why="AdsStoppedError: no permission", status=UploadStatus.FAILED)
    assert look(ledger, settings, webhook.url) == ["json-1 was told of #1 failed"]


def test_a_run_that_died_is_told_once_when_another_goes_on(
    ledger: Ledger, settings: Settings, webhook: Webhook
) -> None:
    number = working(ledger).owner.upload
    ledger.beats.bury("run-1", why="no progress for 312 s at 1 of 3 items (33.3%), worker pid 4711 on host a")
    assert look(ledger, settings, webhook.url) == []
    for run_id in ("run-2", "run-3"):
        ledger.uploads.take(number, run_id=run_id, stage="pushing", is_active=never)
        look(ledger, settings, webhook.url)
        ledger.beats.bury(run_id, why="killed again")
    assert webhook.titles == ["#1 goes on after its run ended too early: black-friday-2026@1.csv"]
    assert "no progress for 312 s" in webhook.asked[0]["message"]
    assert "as run run-2" in webhook.asked[0]["message"]
    assert webhook.asked[0]["type"] == "warning"


def test_a_run_that_a_machine_ended_is_told_of_and_one_that_a_person_or_an_error_ended_is_not(
    ledger: Ledger, settings: Settings, webhook: Webhook
) -> None:
    owner = working(ledger).owner
    for how in ("failed", "paused", "interrupted"):
        told_first = "failed" if how == "failed" else "interrupted"  # by the push, which knows no person
        ledger.uploads.end(owner, how=told_first, why="asked to stop", status=UploadStatus.INTERRUPTED)
        ledger.uploads.end(owner, how=how, why="asked to stop", status=UploadStatus.INTERRUPTED)
        owner = ledger.uploads.take(owner.upload, run_id=f"after-{how}", stage="pushing", is_active=never)
        look(ledger, settings, webhook.url)
        assert len(webhook.asked) == (how == "interrupted")
    assert "it was told to end" in webhook.asked[0]["message"]


def test_a_wait_for_quota_is_told_once_a_day(
    ledger: Ledger, settings: Settings, webhook: Webhook, database_url: str
) -> None:
    owner = working(ledger).owner
    ledger.uploads.end(owner, how="failed", why="the quota is gone", status=UploadStatus.INTERRUPTED)
    for due in ("16:00:00", "16:00:07"):
        with psycopg.connect(database_url) as connection:
            connection.execute(f"update themaads.upload set due_at = current_date + 1 + time '{due}'")
        look(ledger, settings, webhook.url)
    [message] = webhook.asked
    assert message["type"] == "info"
    assert "It goes on by itself at " in message["message"]
    assert "Reason: the quota is gone" in message["message"]


def test_too_many_failures_are_told_with_their_reasons_while_the_upload_still_runs(
    ledger: Ledger, settings: Settings, webhook: Webhook
) -> None:
    work = working(ledger)
    ledger.attempts.fail_account(work.owner, ACCOUNT, code="CustomerError.NOT_ENABLED", message="suspended")
    look(ledger, settings, webhook.url)
    ledger.uploads.end(work.owner, how="finished", status=UploadStatus.FINISHED)
    look(ledger, settings, webhook.url)
    assert webhook.titles == [
        "#1: 3 of 3 ad groups failed (100.0%)",
        "#1 is finished: 0 new ads from black-friday-2026@1.csv",
    ]
    for message in webhook.asked:
        assert "- 3 account CustomerError.NOT_ENABLED, for example: suspended" in message["message"]


def test_two_sensors_at_once_tell_once(ledger: Ledger, settings: Settings, webhook: Webhook) -> None:
    assert settings.database_url is not None
    for number in range(3):
        failing(ledger, key=f"upload@{number}")
    with Ledger(settings.database_url, settings) as other, ThreadPoolExecutor(2) as pool:
        notes = list(pool.map(lambda of: look(of, settings, webhook.url), (ledger, other)))
    assert len(webhook.titles) == len(set(webhook.titles)) == 3
    assert ["another process is telling"] in notes


def test_what_happened_before_alerts_were_switched_on_does_not_flood(
    ledger: Ledger, settings: Settings, webhook: Webhook, database_url: str
) -> None:
    failing(ledger)
    with psycopg.connect(database_url) as connection:
        connection.execute("update themaads.upload set status_at = status_at - interval '25 h'")
    assert look(ledger, settings, webhook.url) == []
    assert rows(database_url) == []


def test_a_teller_that_dies_in_between_repeats_one_message_once_and_not_at_once(
    ledger: Ledger, settings: Settings, webhook: Webhook, database_url: str
) -> None:
    failing(ledger)
    [upload] = ledger.alerts.states()
    found = occasions_of(upload, now=ledger.attempts.now(), failure_bound=0.1)
    ledger.alerts.note(found, ["json-1"])
    assert ledger.alerts.claim(found, "json-1") is not None  # and here it is killed
    assert look(ledger, settings, webhook.url) == []
    pass_time(database_url, 31)
    assert look(ledger, settings, webhook.url) == ["json-1 was told of #1 failed"]
    assert look(ledger, settings, webhook.url) == []


def test_what_a_person_mended_before_it_could_be_told_is_not_told(
    ledger: Ledger, settings: Settings, webhook: Webhook, database_url: str
) -> None:
    number = failing(ledger).upload
    webhook.answers = 503
    look(ledger, settings, webhook.url)
    ledger.uploads.resume(number, was=(UploadStatus.FAILED,))
    webhook.answers = 200
    pass_time(database_url, 31)
    assert look(ledger, settings, webhook.url) == []


# Channels that do not work


def test_a_broken_channel_is_tried_a_bounded_number_of_times_and_disturbs_no_other(
    ledger: Ledger, settings: Settings, webhook: Webhook, database_url: str
) -> None:
    failing(ledger)
    with Webhook(answers=500) as broken:
        urls = f"{broken.url} {webhook.url}"
        notes = look(ledger, settings, urls)
        assert notes == [
            f"json-1 was not told of #1 failed: it answered 500 (try 1 of {MOST_TRIES})",
            "json-2 was told of #1 failed",
        ]
        assert look(ledger, settings, urls) == [], "not before 30 s have passed"
        pass_time(database_url, 6 * 3600)
        for _ in range(MOST_TRIES + 2):
            look(ledger, settings, urls)
        assert len(broken.asked) == MOST_TRIES
    assert len(webhook.asked) == 1
    assert [row[2:] for row in rows(database_url)] == [
        (False, MOST_TRIES, "it answered 500"),
        (True, 1, None),
    ]


def test_a_channel_that_is_back_gets_what_it_missed(
    ledger: Ledger, settings: Settings, webhook: Webhook, database_url: str
) -> None:
    failing(ledger)
    with Webhook() as gone:
        pass
    [note] = look(ledger, settings, gone.url)
    assert "it cannot be reached" in note
    pass_time(database_url, 31)
    assert look(ledger, settings, webhook.url) == ["json-1 was told of #1 failed"]


def test_a_channel_that_hangs_is_left_after_its_time(
    ledger: Ledger, settings: Settings, webhook: Webhook
) -> None:
    failing(ledger)
    webhook.hangs = 60
    started = time.monotonic()
    with Webhook() as other:
        notes = look(ledger, settings, f"{webhook.url} {other.url}", timeout_s=10)
        assert len(other.asked) == 1
    assert time.monotonic() - started < 30
    assert (
        notes[0] == f"json-1 was not told of #1 failed: it did not answer within 10 s (try 1 of {MOST_TRIES})"
    )


def test_a_channel_that_is_added_is_not_told_what_another_was_told_already(
    ledger: Ledger, settings: Settings, webhook: Webhook
) -> None:
    failing(ledger)
    with Webhook() as added:
        look(ledger, settings, webhook.url)
        urls = f"{webhook.url} {added.url}"
        assert look(ledger, settings, urls) == []
        failing(ledger, key="another@1")
        assert len(look(ledger, settings, urls)) == 2
        assert added.titles == ["#2 failed: another@1.csv"]


# Secrets


def test_no_part_of_an_address_is_shown_anywhere(  # noqa: PLR0917 - fixtures
    ledger: Ledger,
    settings: Settings,
    webhook: Webhook,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "canary:canary@127.0.0.1:{}/canary?+X-Token=canary&-key=canary"
    with Webhook() as gone, Webhook(answers=403) as forbids, Webhook(hangs=60) as hangs:
        gone.close()
        ports = [webhook.port, gone.port, forbids.port, hangs.port]
        urls = " ".join(
            [f"json://{secret.format(port)}" for port in ports]
            + [
                "slack://canary",
                "canary",
                "nonsense://canary/canary",
                f"jsons://{secret.format(webhook.port)}",
            ]
        )
        failing(ledger)
        channels = usable_channels(urls)
        assert usable_channels(urls) is channels
        notes = tell(ledger, channels, settings, timeout_s=20)
    assert len(notes) == len(channels) == 5
    assert len(webhook.paths) == 1
    assert "canary" in webhook.paths[0]
    said = [record.getMessage() for record in caplog.records if "cannot be used" in record.getMessage()]
    assert len(said) == 3, "each once"
    assert "slack-1" in said[0]
    captured = capfd.readouterr()
    everything = f"{notes}{rows(database_url)}{caplog.text}{captured.out}{captured.err}{channels!r}"
    assert "canary" not in everything
    assert "it answered 403" in everything


# The sensor and the command


def tick(ledger: Ledger, settings: Settings) -> str:
    result = alerts(dg.build_sensor_context(resources={"ledger": ledger, "settings": settings}))
    assert isinstance(result, dg.SkipReason)
    return result.skip_message or ""


def test_the_sensor_tells_and_says_so(ledger: Ledger, settings: Settings, webhook: Webhook) -> None:
    assert "THEMAADS_ALERT_URLS is not set" in tick(ledger, settings)
    wrong = settings.model_copy(update={"alert_urls": "slack://no"})
    assert tick(ledger, wrong) == "no address in THEMAADS_ALERT_URLS can be used"
    right = settings.model_copy(update={"alert_urls": f"slack://no {webhook.url}"})
    assert tick(ledger, right) == "nothing new to tell"
    failing(ledger)
    an_upload(ledger, "waits@1")
    assert tick(ledger, right) == "json-1 was told of #1 failed"
    assert tick(ledger, right) == "nothing new to tell"


def test_the_command_says_which_channels_work(webhook: Webhook) -> None:
    def run(urls: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "themaads_pipeline.cli", "alerts", "test"],
            env=os.environ | {"THEMAADS_ALERT_URLS": urls},
            capture_output=True,
            text=True,
            check=False,
        )

    ended = run(f"{webhook.url}canary slack://canary")
    assert (ended.returncode, len(webhook.asked)) == (1, 1)
    assert [line.split()[:2] for line in ended.stdout.splitlines()] == [
        ["ok", "json-1"],
        ["WRONG", "slack-1:"],
    ]
    assert "canary" not in ended.stdout + ended.stderr
    assert run(webhook.url).returncode == 0
    assert "THEMAADS_ALERT_URLS is not set" in run("").stderr


def test_a_channel_never_shows_its_address() -> None:
    assert "canary" not in repr(Channel(name="json-1", url="json://canary"))
