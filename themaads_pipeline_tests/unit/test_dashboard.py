"""What the dashboard decides without looking anywhere: levels, stories, charts, names, kept answers."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from themaads_pipeline.dashboard import words
from themaads_pipeline.dashboard.answers import Answers
from themaads_pipeline.dashboard.bars import parts_of
from themaads_pipeline.dashboard.chart import HEIGHT, WIDTH, chart_of
from themaads_pipeline.dashboard.files import ACCEPTED, expect_usable, safe_name
from themaads_pipeline.dashboard.timeline import runs_of
from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.ledger.looks import AboutUpload, Answered, Stage
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.outcomes import Category
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.reports.heartbeat import Level, heartbeat_of
from themaads_pipeline.reports.speedometer import Speedometer
from themaads_pipeline.reports.words import STATUSES

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def progress(**facts: Any) -> Progress:
    counts = dict.fromkeys(("pending", "sending", "applied", "done", "skipped", "failed"), 0)
    plain: dict[str, Any] = {
        "number": 213, "key": "k@1", "file_name": "a.csv", "status": UploadStatus.RUNNING, "message": "",
        "total": 100, "rejected": 0, "items_per_s": None, "eta_s": None, "progress_age_s": 0.0, "run_id": "r",
        "stage": "pushing", "doing": "", "waiting_until": None, "epoch": 2, "is_read": True,
    }  # fmt: skip
    return Progress(**plain | counts | facts)


def about(**facts: Any) -> AboutUpload:
    plain: dict[str, Any] = {
        "number": 213, "edition": "black_friday_2026", "created_at": NOW - timedelta(hours=1),
        "status_at": NOW - timedelta(seconds=30), "resumed_at": None, "finished_at": None, "due_at": None,
        "item_limit": None, "quiet_s": 0.0, "accounts": 2, "open_accounts": 1,
    }  # fmt: skip
    return AboutUpload(**plain | facts)


@pytest.mark.parametrize(
    ("shown", "told", "level"),
    [
        (progress(progress_age_s=3.0), about(), Level.ALIVE),
        (progress(progress_age_s=149.0), about(), Level.ALIVE),
        (progress(progress_age_s=150.0), about(), Level.SLOW),
        (progress(progress_age_s=299.9), about(), Level.SLOW),
        (progress(progress_age_s=300.0), about(), Level.DEAD),
        (progress(progress_age_s=None), about(quiet_s=5.0), Level.ALIVE),
        (progress(progress_age_s=None), about(quiet_s=301.0), Level.DEAD),
        (progress(status=UploadStatus.INTERRUPTED), about(), Level.DEAD),
        (progress(status=UploadStatus.INTERRUPTED), about(due_at=NOW + timedelta(hours=3)), Level.RESTING),
        (progress(status=UploadStatus.INTERRUPTED), about(due_at=NOW - timedelta(hours=3)), Level.DEAD),
        (progress(status=UploadStatus.WAITING), about(), Level.RESTING),
        (progress(status=UploadStatus.WAITING), about(status_at=NOW - timedelta(minutes=6)), Level.SLOW),
        (progress(status=UploadStatus.PAUSED), about(), Level.RESTING),
        (progress(status=UploadStatus.FINISHED), about(), Level.RESTING),
        (progress(status=UploadStatus.FAILED), about(), Level.RESTING),
    ],
)  # fmt: skip
def test_a_heartbeat_is_green_amber_and_red_by_the_stall_threshold(
    shown: Progress, told: AboutUpload, level: Level
) -> None:
    assert heartbeat_of(shown, told, stall_seconds=300, now=NOW).level is level


def stages(*told: tuple[str, str, str | None, str | None]) -> list[Stage]:
    """Of run, stage, how and why it ended; a minute each, the newest first as the ledger gives them."""
    made = [
        Stage(
            epoch=epoch, run_id=run, stage=stage, host="a", pid=epoch, ended_how=how, ended_why=why,
            started_at=NOW + timedelta(minutes=epoch), progress_at=NOW + timedelta(minutes=epoch),
            ended_at=NOW + timedelta(minutes=epoch, seconds=30) if how else None,
            final_at_start=epoch - 1, stop_asked_by=None,
        )
        for epoch, (run, stage, how, why) in enumerate(told, start=1)
    ]  # fmt: skip
    return made[::-1]


def test_the_runs_of_an_upload_tell_each_death_and_why_the_next_one_came() -> None:
    told = stages(
        ("a", "reading", "finished", ""),
        ("a", "pushing", "died", "no progress for 312 s"),
        ("b", "pushing", "interrupted", "signal 15"),
        ("c", "pushing", "paused", "paused by anna"),
        ("d", "pushing", None, None),
    )

    runs = runs_of(told, about(resumed_at=NOW + timedelta(minutes=4, seconds=45)))

    assert [run.run_id for run in runs] == ["d", "c", "b", "a"]
    assert [run.began for run in runs] == [
        "resumed by a person",
        "went on by itself, since the run before it was interrupted",
        "went on by itself, since the run before it died",
        "began with the file",
    ]
    assert [(stage.did, stage.ending, stage.why) for stage in runs[-1].stages] == [
        ("read the file", "finished", ""),
        ("made ads", "died", "no progress for 312 s"),
    ]
    assert [run.level for run in runs] == ["alive", "resting", "slow", "dead"]


@given(st.lists(st.integers(min_value=0, max_value=10**6), min_size=5, max_size=5))
def test_the_parts_of_a_bar_are_its_items_and_never_more_than_all_of_it(counts: list[int]) -> None:
    names = ("done", "skipped", "failed", "sending", "pending")
    shown = progress(**dict(zip(names, counts, strict=True)), total=sum(counts))

    parts = parts_of(shown)

    assert sum(part.items for part in parts) == sum(counts) - shown.pending
    assert all(0 <= part.start <= 100 and part.start + part.width <= 100.01 for part in parts)
    for one, following in pairwise(parts):
        assert following.start == pytest.approx(one.start + one.width, abs=0.002)


@given(
    st.lists(
        st.tuples(st.integers(0, 95), st.integers(1, 10**6)), min_size=1, unique_by=lambda each: each[0]
    ),
    st.integers(1, 100_000),
)
def test_every_bar_of_a_chart_is_in_it(spans: list[tuple[int, int]], seconds: int) -> None:
    answered = [
        Answered(at=NOW + timedelta(seconds=seconds * place), seconds=seconds, ads=ads)
        for place, ads in sorted(spans)
    ]

    chart = chart_of(answered)

    assert chart is not None
    assert chart.ads == sum(ads for _, ads in spans)
    assert len(chart.bars) == len(spans)
    for bar in chart.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.1
        assert 0 <= bar.y <= bar.y + bar.height <= HEIGHT
        assert bar.height >= 1


def test_nothing_answered_is_no_chart() -> None:
    assert chart_of([]) is None


@given(st.text())
def test_a_safe_name_is_a_plain_name(given_name: str) -> None:
    for ending in ("", *ACCEPTED):
        name = safe_name(given_name + ending)
        assert name
        assert "/" not in name
        assert "\\" not in name
        assert not name.startswith((".", "~"))
        assert name.isprintable()
        assert len(name) <= 140
        assert not ending or name.endswith(ending)


@pytest.mark.parametrize(
    ("name", "beginning", "why"),
    [
        ("list.exe", b"MZ", "files of this kind cannot be read"),
        ("list", b"customer", "files of this kind cannot be read"),
        ("list.csv", b"", "the file is empty"),
        ("list.xlsx", b"customer_id,ad", "this is no .xlsx file"),
        ("list.csv.gz", b"customer_id,ad", "this is no .gz file"),
    ],
)
def test_a_file_that_the_intake_would_not_read_is_refused(name: str, beginning: bytes, why: str) -> None:
    with pytest.raises(UnusableFileError, match=why):
        expect_usable(name, beginning)


def test_the_speed_is_that_of_the_last_seconds() -> None:
    speed = Speedometer()
    looks: Iterable[tuple[float, int]] = [(0, 100), (2, 120), (4, 140), (14, 240), (34, 640)]

    assert [speed.look(213, final=final, at=at) for at, final in looks] == [None, None, 10, 10, 20]
    assert speed.look(213, final=600, at=36) is None  # tried again: fewer are final
    speed.forget(213)
    assert speed.look(213, final=700, at=40) is None


def test_an_answer_is_found_out_every_two_seconds_and_a_costly_one_more_seldom() -> None:
    at, asked = 0.0, []

    def ask(cost: float) -> int:
        nonlocal at
        at += cost
        asked.append(at)
        return len(asked)

    answers = Answers(clock=lambda: at)
    assert [answers.get("quick", lambda: ask(0.001)) for _ in range(100)] == [1] * 100
    at += 2.1
    assert answers.get("quick", lambda: ask(0.001)) == 2
    assert answers.get("slow", lambda: ask(0.5)) == 3
    at += 9
    assert answers.get("slow", lambda: ask(0.5)) == 3  # half a second of ten at most
    at += 1
    assert answers.get("slow", lambda: ask(0.5)) == 4
    answers.forget()
    assert answers.get("slow", lambda: ask(0.5)) == 5


def test_an_error_is_not_kept() -> None:
    answers = Answers(clock=lambda: 0.0)

    with pytest.raises(ZeroDivisionError):
        answers.get("x", lambda: 1 // 0)
    assert answers.get("x", lambda: 7) == 7


def test_every_status_and_category_has_words() -> None:
    assert set(STATUSES) == set(UploadStatus)
    assert set(words.CATEGORIES) == set(Category)
    assert all(replace(progress(), status=status).status in STATUSES for status in UploadStatus)


@given(st.text())
def test_a_message_is_never_markup(text: str) -> None:
    shown = words.prose(text)

    assert "<" not in shown.replace("<code>", "").replace("</code>", "")
