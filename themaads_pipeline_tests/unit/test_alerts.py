"""What somebody is told of, how often, and in which words."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from themaads_pipeline.alerts.channels import channels_of
from themaads_pipeline.model.alerts import (
    Event,
    Occasion,
    Reason,
    Severity,
    UploadState,
    message_of,
    occasions_of,
)
from themaads_pipeline.model.unfinished import RecentRun
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BOUND = 0.1
URL = "http://dagster.example:3000/"


def state(status: UploadStatus = UploadStatus.RUNNING, *, ago_h: float = 1, **changed: Any) -> UploadState:
    facts: dict[str, Any] = {
        "number": 213,
        "key": "black-friday-2026@1f3a9c2e",
        "file_name": "shoes.csv",
        "status": status,
        "message": "",
        "status_at": NOW - timedelta(hours=ago_h),
        "due_at": None,
        "since": NOW - timedelta(hours=ago_h + 1),
        "is_read": True,
        "total": 50_000,
        "done": 21_000,
        "skipped": 500,
        "failed": 95,
        "rejected": 0,
        "run_id": "run-9",
    }
    return UploadState(**facts | changed)


def run(name: str, *, progressed: bool = True, ago_h: float = 1, **changed: Any) -> RecentRun:
    facts: dict[str, Any] = {
        "run_id": name,
        "started_at": NOW - timedelta(hours=ago_h + 1),
        "ended_at": NOW - timedelta(hours=ago_h),
        "ended_how": "died",
        "ended_why": "its worker was killed by SIGKILL",
        "died": True,
        "progressed": progressed,
    }
    return RecentRun(**facts | changed)


def occasions(of: UploadState) -> list[Occasion]:
    return occasions_of(of, now=NOW, failure_bound=BOUND)


def keys(of: UploadState) -> list[tuple[Event, str]]:
    return [(occasion.event, occasion.key) for occasion in occasions(of)]


def events(of: UploadState) -> list[Event]:
    return [occasion.event for occasion in occasions(of)]


@pytest.mark.parametrize("status", [UploadStatus.WAITING, UploadStatus.RUNNING, UploadStatus.PAUSED])
def test_an_upload_that_goes_on_as_it_should_is_no_news(status: UploadStatus) -> None:
    assert events(state(status)) == []


def test_what_failed_or_finished_more_than_a_day_ago_is_no_news() -> None:
    for status in (UploadStatus.FAILED, UploadStatus.FINISHED):
        assert events(state(status, failed=40_000, ago_h=25)) == []


def test_a_failure_is_one_occasion_until_a_person_resumes_it_or_the_reason_is_another() -> None:
    first = keys(state(UploadStatus.FAILED, message="no permission", since=NOW))
    by_hand = keys(state(UploadStatus.FAILED, message="no permission", since=NOW, ago_h=0))
    another = keys(state(UploadStatus.FAILED, message="no such theme", since=NOW))
    resumed = keys(state(UploadStatus.FAILED, message="no permission", since=NOW + timedelta(hours=1)))
    assert first == by_hand
    assert len({*first, *another, *resumed}) == 3


def test_each_finish_is_an_occasion_whatever_the_time_zone_of_the_session() -> None:
    finished = state(UploadStatus.FINISHED)
    elsewhere = state(
        UploadStatus.FINISHED, status_at=finished.status_at.astimezone(timezone(timedelta(hours=1)))
    )
    assert keys(finished) == keys(elsewhere)
    assert keys(finished) != keys(state(UploadStatus.FINISHED, ago_h=2))


def test_a_death_is_told_once_another_run_goes_on() -> None:
    assert events(state(runs=(run("r1"),))) == []
    assert keys(state(runs=(run("r2"), run("r1")))) == [(Event.RECOVERED, "r1")]


def test_deaths_without_progress_in_between_are_one_trouble() -> None:
    one_trouble = (run("r3"), run("r2", progressed=False), run("r1"))
    assert keys(state(runs=one_trouble)) == [(Event.RECOVERED, "r1")]
    two_troubles = (run("r3"), run("r2", progressed=True), run("r1"))
    assert keys(state(runs=two_troubles)) == [(Event.RECOVERED, "r1"), (Event.RECOVERED, "r2")]
    finished = run("r2", progressed=False, died=False, ended_how="finished")
    again = (run("r4"), run("r3", progressed=False), finished, run("r1", progressed=False))
    assert keys(state(runs=again)) == [(Event.RECOVERED, "r1"), (Event.RECOVERED, "r3")]


def test_a_run_that_a_signal_ended_counts_and_one_that_met_an_error_is_just_tried_again() -> None:
    signalled = run("r1", died=False, ended_how="interrupted", ended_why="#213: run r1 was asked to stop")
    assert keys(state(runs=(run("r2"), signalled))) == [(Event.RECOVERED, "r1")]
    refused = run("r1", died=False, ended_how="failed", ended_why="the quota is gone")
    assert keys(state(runs=(run("r2"), refused))) == []


def test_an_upload_that_died_too_often_is_told_of_as_failed_only() -> None:
    dead = (run("r3", progressed=False), run("r2", progressed=False), run("r1", progressed=False))
    assert events(state(UploadStatus.FAILED, runs=dead)) == [Event.FAILED]


def test_a_wait_for_quota_is_one_occasion_a_day_however_often_it_is_tried() -> None:
    def waiting(due_at: datetime) -> list[tuple[Event, str]]:
        return keys(state(UploadStatus.INTERRUPTED, due_at=due_at))

    first = waiting(NOW + timedelta(hours=1))
    assert [event for event, _ in first] == [Event.WAITING]
    assert waiting(NOW + timedelta(hours=1, seconds=3)) == first
    assert waiting(NOW + timedelta(hours=25)) != first
    assert waiting(NOW - timedelta(seconds=1)) == []


def test_too_many_failures_are_told_as_soon_as_it_is_certain_and_not_again_at_the_end() -> None:
    assert events(state(failed=5_000)) == [], "exactly the bound"
    [early] = keys(state(failed=5_001, ago_h=72, since=NOW))
    at_end = keys(state(UploadStatus.FINISHED, failed=5_001, since=NOW))
    assert early == (Event.FAILURES_OVER_BOUND, NOW.isoformat())
    assert early in at_end
    assert [event for event, _ in at_end] == [Event.FAILURES_OVER_BOUND, Event.FINISHED]


# The words


def told(of: UploadState, *, web_url: str | None = URL, reasons: tuple[Reason, ...] = ()) -> tuple[str, str]:
    message = message_of(occasions(of)[-1], failure_bound=BOUND, reasons=reasons, web_url=web_url)
    return message.title, message.body


def test_a_message_has_upload_numbers_reason_remedy_and_link() -> None:
    title, body = told(state(UploadStatus.FAILED, message="no permission in account 123"))
    assert title == "#213 failed: shoes.csv"
    assert body.splitlines() == [
        "Upload #213 (shoes.csv, black-friday-2026@1f3a9c2e) has stopped and does not go on by itself.",
        "Reason: no permission in account 123",
        "In numbers: 21,595 of 50,000 ad groups have an outcome (43.2%): 21,000 done, 500 skipped, 95 failed",
        "What to do: put that right, then `themaads resume 213`. No ad group gets a second ad.",
        "Run: http://dagster.example:3000/runs/run-9",
    ]


def test_a_recovery_leads_to_the_run_that_ended() -> None:
    _, body = told(state(runs=(run("r2"), run("r1", ended_why="no progress for 312 s"))))
    assert "ended before its time, at 2026-11-23 11:00 UTC" in body
    assert "as run r2" in body
    assert "Reason: no progress for 312 s" in body
    assert body.endswith("/runs/r1")


def test_a_wait_says_until_when_and_that_nothing_is_to_be_done() -> None:
    _, body = told(state(UploadStatus.INTERRUPTED, due_at=NOW + timedelta(hours=11), message="quota is gone"))
    assert "It goes on by itself at 2026-11-23 23:00 UTC." in body
    assert "What to do: nothing." in body


def test_too_many_failures_come_with_their_reasons() -> None:
    reasons = tuple(
        Reason(items=items, category="policy", code=f"CODE_{items}", example="said\nGoogle")
        for items in (5_000, 900, 90, 10)
    )
    title, body = told(state(failed=6_000), reasons=reasons)
    assert title == "#213: 6,000 of 50,000 ad groups failed (12.0%)"
    assert "more ad groups failed than the 10.0% that may" in body
    assert "\n- 5,000 policy CODE_5000, for example: said Google\n- 900 policy" in body
    assert "\n- and 1 other reason\n" in body
    assert "`themaads retry 213`; `themaads pause 213`" in body


def test_a_finish_says_that_the_ads_are_paused_and_what_is_left_to_people() -> None:
    title, body = told(state(UploadStatus.FINISHED, total=1_000, done=990, skipped=0, failed=10, rejected=1))
    assert title == "#213 is finished: 990 new ads from shoes.csv"
    assert "PAUSED" in body
    assert "10 failed, 1 row of the file rejected" in body
    assert "enable them in Google Ads; `themaads retry 213`" in body


def test_an_upload_without_ad_groups_or_runs_has_words_too() -> None:
    nothing: dict[str, Any] = {"total": 0, "done": 0, "skipped": 0, "failed": 0, "run_id": None}
    _, body = told(state(UploadStatus.FINISHED, rejected=3, **nothing))
    assert "no ad group in its file, 3 rows of the file rejected" in body
    _, body = told(state(UploadStatus.FAILED, is_read=False, message="unusable", **nothing))
    assert "its file is not read yet" in body
    assert "hand the repaired file in; if it is the file that is right, `themaads resume 213`" in body
    assert body.endswith("/assets/themed_ads?partition=black-friday-2026%401f3a9c2e")
    _, body = told(state(UploadStatus.FAILED, **nothing), web_url=None)
    assert "Reason: none was given" in body
    assert "Run:" not in body


def test_a_reason_is_in_words() -> None:
    _, body = told(state(UploadStatus.FAILED, message="AdsStoppedError: Error: no permission"))
    assert "Reason: Error: no permission\n" in body
    signalled = run("r1", ended_how="interrupted", ended_why="#213: run r1 was asked to stop")
    _, body = told(state(runs=(run("r2"), signalled)))
    assert "Reason: it was told to end" in body


def test_a_long_reason_is_cut() -> None:
    _, body = told(state(UploadStatus.FAILED, message="x" * 10_000))
    assert len(body) < 1_500


def test_each_event_looks_as_grave_as_it_is() -> None:
    found = {
        each.event: message_of(each, failure_bound=BOUND).severity
        for upload in (
            state(UploadStatus.FAILED),
            state(runs=(run("r2"), run("r1"))),
            state(UploadStatus.INTERRUPTED, due_at=NOW + timedelta(hours=1)),
            state(UploadStatus.FINISHED, failed=6_000),
        )
        for each in occasions(upload)
    }
    assert found == {
        Event.FAILED: Severity.FAILURE,
        Event.RECOVERED: Severity.WARNING,
        Event.WAITING: Severity.INFO,
        Event.FAILURES_OVER_BOUND: Severity.FAILURE,
        Event.FINISHED: Severity.SUCCESS,
    }


# Addresses


def test_channels_are_called_by_their_kind_and_show_no_address() -> None:
    urls = "slack://canary/B/C  json://u:canary@host/canary\njsons://canary JSON://canary canary ://canary"
    found = channels_of(urls)
    assert [each.name for each in found] == [
        "slack-1",
        "json-1",
        "jsons-1",
        "json-2",
        "unknown-1",
        "unknown-2",
    ]
    assert "canary" not in repr(found)
    assert channels_of(" ") == []


def test_settings_show_no_address_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEMAADS_ALERT_URLS", "slack://canary/B/C")
    assert "canary" not in repr(Settings())
    monkeypatch.setenv("THEMAADS_MINIMUM_SEND_SECONDS", "500")
    with pytest.raises(ValueError, match="minimum_send_seconds") as refused:
        Settings()
    assert "canary" not in str(refused.value)
