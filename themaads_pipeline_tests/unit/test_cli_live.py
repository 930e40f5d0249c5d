"""What `themaads status --follow` draws, and what its exit codes say."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from themaads_pipeline.cli.exit_codes import EXIT_CODES, ExitCode, code_of
from themaads_pipeline.cli.live import Look, Watch, bar, news_of
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.reports.heartbeat import Heartbeat, Level

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def progress(number: int = 213, **changes: Any) -> Progress:
    facts: dict[str, Any] = dict.fromkeys(Progress.__dataclass_fields__, 0)
    facts |= {
        "number": number,
        "key": "black-friday-2026@1f3a9c2e",
        "file_name": "shoes.csv",
        "status": UploadStatus.RUNNING,
        "message": "",
        "doing": "",
        "total": 1_000,
        "items_per_s": 11.2,
        "eta_s": 150.0,
        "run_id": "0badcafe-1",
        "stage": "pushing",
        "waiting_until": None,
        "is_read": True,
    }
    return Progress(**facts | changes)


def look(*uploads: Progress, at: float = 0, level: Level = Level.ALIVE, words: str = "") -> Look:
    hearts = {upload.number: Heartbeat(level=level, words=words) for upload in uploads}
    return Look(uploads=uploads, hearts=hearts, at=at, now=NOW)


def drawn(watch: Watch, last: Look, *, colours: bool = False) -> str:
    console = Console(
        file=StringIO(), width=100, force_terminal=colours, color_system="standard" if colours else None
    )
    console.print(watch.view(last, width=100))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_progress_is_drawn_by_outcome_with_speed_now_and_on_average_and_the_time_it_ends() -> None:
    watch = Watch()
    watch.take(look(progress(done=100), at=0))
    last = look(
        progress(done=180, skipped=15, failed=5, sending=40, pending=760, doing="creating 40 ads"),
        at=5,
        words="progress just now",
    )
    watch.take(last)
    text = drawn(watch, last)

    assert "#213 shoes.csv" in text
    assert "running  20.0%" in text
    assert "180 done" in text
    assert "5 failed" in text
    assert "40 in flight" in text
    assert "760 to do" in text
    assert "20.0 a second now   11.2 on average   ready in 2 min 30 s, at 12:02" in text
    assert "● progress just now   creating 40 ads" in text


def test_a_dead_upload_has_another_sign_and_another_colour_than_one_alive() -> None:
    words = "no progress for 5 min 12 s"
    dead = drawn(Watch(), look(progress(), level=Level.DEAD, words=words), colours=True)
    alive = drawn(Watch(), look(progress(), words="progress just now"), colours=True)
    assert f"\x1b[1;31m{words}" in dead
    assert "◆" in dead
    assert "\x1b[32mprogress just now" in alive
    assert "●" in alive


def test_what_happened_meanwhile_is_told_with_its_time() -> None:
    running = progress(done=100)
    died = progress(done=100, status=UploadStatus.INTERRUPTED, message="killed by signal 9")
    again = progress(done=100, run_id="deadbeef-2", stage="reading")
    assert news_of(None, running) == []
    assert news_of(running, progress(done=101)) == []
    assert news_of(running, died) == ["#213 is interrupted: killed by signal 9"]
    assert news_of(died, again) == [
        "#213 is running",
        "#213 run deadbeef works on it",
        "#213 reading the file",
    ]
    assert news_of(progress(failed=5), progress(failed=2)) == ["#213 3 failed ad groups tried again"]

    watch = Watch()
    for upload in (running, died):
        watch.take(look(upload))
    assert "12:00:00  #213 is interrupted: killed by signal 9" in drawn(watch, look(died))


def test_texts_of_others_draw_nothing_but_themselves() -> None:
    shown = progress(file_name="[red]x[/red]\x1b[2J.csv", doing="[bold]y")
    text = drawn(Watch(), look(shown))
    assert "[red]x[/red]" in text
    assert "[bold]y" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([50, 0, 0, 0, 50], "█████░░░░░"),
        ([99_999, 0, 1, 0, 0], "█████████▚"),  # whatever is there is seen
        ([1, 1, 1, 1, 99_996], "█▒▚▓░░░░░░"),
        ([0, 0, 0, 0, 0], "░░░░░░░░░░"),
    ],
)
def test_a_bar_is_as_wide_as_it_has_to_be(counts: list[int], shown: str) -> None:
    assert bar(counts, 10).plain == shown


def test_of_several_uploads_the_exit_code_is_that_which_asks_for_a_person_most() -> None:
    finished, running = UploadStatus.FINISHED, UploadStatus.RUNNING
    assert code_of([]) == code_of([finished, finished]) == 0
    assert code_of([finished, running]) == 7
    assert code_of([running, UploadStatus.PAUSED, UploadStatus.INTERRUPTED]) == 4
    assert code_of([UploadStatus.PAUSED, UploadStatus.FAILED]) == 3
    codes = {code_of([status]) for status in UploadStatus}
    assert len(codes) == len(UploadStatus)  # each status has its own
    assert codes <= set(EXIT_CODES) == set(ExitCode)
