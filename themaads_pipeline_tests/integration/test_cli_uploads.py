"""The commands that hand in, watch and steer uploads, with a real ledger, emulator and pusher."""

import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.cli.main import main, themaads
from themaads_pipeline.exceptions import AdsStoppedError, FencedError, PermanentError, ThemeError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.push.reading import read_upload
from themaads_pipeline.reports.files import write_reports
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as process_settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.pushing import Pusher
from themaads_pipeline_tests.running_emulator import RunningEmulator

Command = Callable[..., Result]


@pytest.fixture
def home(settings: Settings, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home whose ledger and emulator run, as the environment of this process has it."""
    settings.home.mkdir()
    settings.emulator_dir.symlink_to(emulator.folder)
    for name, value in settings:
        monkeypatch.setenv(f"THEMAADS_{name.upper()}", "" if value is None else str(value))
    process_settings.cache_clear()
    yield settings.home
    process_settings.cache_clear()


@pytest.fixture
def command(home: Path) -> Command:
    """Run `themaads` in that home; an unexpected error is raised."""

    def run(*arguments: str | Path, code: int = 0) -> Result:
        result = CliRunner().invoke(themaads, [str(each) for each in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def file(emulator: RunningEmulator, tmp_path: Path) -> Path:
    """A list of 2 accounts with 5 ad groups each, one row that cannot be used, one duplicate."""
    emulator.seed({"generate": {"accounts": 2, "ad_groups": 10}})
    lines = emulator.upload_file().splitlines()
    path = tmp_path / "lijst.csv"
    path.write_text("\n".join([*lines, lines[1], "123,,x" + "," * (lines[0].count(",") - 2)]) + "\n")
    return path


@pytest.fixture
def process(
    ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator
) -> Callable[[int], None]:
    """Read and push an upload as a run does, by its own limit."""
    pusher = Pusher(
        ledger=ledger, gateway=gateway, settings=settings, emulator=emulator, now=datetime.now(UTC)
    )

    def run(number: int) -> None:
        upload = ledger.uploads.by_number(number)
        assert upload is not None
        owner = ledger.uploads.take(number, run_id="reading", stage="reading", is_active=lambda _: False)
        catalogue, today = load_catalogue(None), datetime.now(UTC).date()
        read_upload(upload, owner, ledger=ledger, catalogue=catalogue, today=today, gateway=lambda: gateway)
        ledger.uploads.end(owner, how="finished")
        pusher.push(number, item_limit=upload.item_limit)

    return run


def status_of(command: Command, number: int) -> dict[str, object]:
    return dict(json.loads(command("status", str(number), "--json").output))


def test_a_file_is_submitted_once_and_the_same_file_again_says_so(
    command: Command, home: Path, file: Path, ledger: Ledger
) -> None:
    first = command("submit", file, "--theme", "bf").output
    again = command("submit", file, "--theme", "Black Friday").output
    other = command("submit", file, "--theme", "kerst").output

    upload = ledger.uploads.find("1")
    assert first.strip() == f"#1 {upload.key}"
    assert upload.key.startswith("black-friday-20")
    assert again.strip() == "same as #1 (waiting); `themaads retry 1`"
    assert other.startswith(("#2 kerstmis-20", "#3 kerstmis-20"))
    assert Path(upload.file_path).read_bytes() == file.read_bytes()
    assert [path.name for path in (home / "uploads").iterdir()] == ["lijst.csv"]


def test_a_submitted_file_is_pushed_and_status_and_outcomes_tell_it(
    command: Command, file: Path, process: Callable[[int], None], tmp_path: Path
) -> None:
    command("submit", file, "--theme", "bf")
    process(1)

    told = status_of(command, 1)
    assert set(told) == {
        "key", "number", "status", "items", "percent", "items_per_s", "eta_s", "progress_age_s", "run_id",
        "epoch", "message",
    }  # fmt: skip
    assert (told["status"], told["percent"]) == ("finished", 100.0)
    assert told["items"] == {
        "total": 10, "pending": 0, "sending": 0, "applied": 0, "done": 10, "skipped": 0, "failed": 0,
        "rejected": 1,
    }  # fmt: skip
    assert json.loads(command("status", "--json").output) == [told | {"progress_age_s": None}]
    assert "finished" in command("status").output
    assert command("status", "#1", "--follow").exit_code == 0

    command("outcomes", "1", "--csv", tmp_path / "out.csv", "--account-names")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as text:
        lines = list(csv.DictReader(text))
    printed = list(csv.DictReader(io.StringIO(command("outcomes", "1", "--csv", "-").stdout)))
    assert len(lines) == len(printed) == 10
    assert all(line["new_ad_id"] and line["copied_ad_id"] and line["account_name"] for line in lines)
    assert "rejected row" in command("outcomes", "1").output


def test_a_trial_stops_at_its_limit_and_resume_lifts_it(
    command: Command, file: Path, process: Callable[[int], None]
) -> None:
    command("submit", file, "--theme", "bf", "--limit", "3")
    process(1)
    trial = status_of(command, 1)
    assert trial["status"] == "paused"
    assert "limit of 3 items" in str(trial["message"])
    command("status", "1", "--follow", code=4)

    assert "7 items are left" in command("resume", "1").output
    assert status_of(command, 1)["status"] == "waiting"
    process(1)
    assert status_of(command, 1)["status"] == "finished"


def test_a_dry_run_writes_the_plan_and_submits_nothing(
    command: Command, home: Path, file: Path, emulator: RunningEmulator, ledger: Ledger
) -> None:
    output = command("submit", file, "--theme", "bf", "--dry-run").stdout

    [plan] = (home / "reports").iterdir()
    with plan.open(encoding="utf-8-sig", newline="") as text:
        lines = list(csv.DictReader(text))
    assert plan.name == "dry-run-lijst.csv"
    assert len(lines) == 10
    assert {line["outcome"] for line in lines} == {"create"}
    assert all(line["headline_15"] and line["description_4"] and line["final_urls"] for line in lines)
    assert "nothing was sent" in output
    assert ledger.uploads.progress() == []
    assert not [request for request in emulator.requests() if "Mutate" in request["method"]]


def test_a_preview_shows_ads_beside_their_originals_and_what_they_cost(
    command: Command, file: Path, emulator: RunningEmulator, process: Callable[[int], None]
) -> None:
    output = command("preview", file, "--theme", "bf", "--rows", "1").stdout

    assert output.count("original ad") == 1
    assert "PAUSED" in output
    assert "{COUNTDOWN" not in output  # rendered as a searcher sees it
    assert "11 rows select 10 ad groups in 2 accounts" in output
    assert "1 duplicates" in output
    assert "1 rows rejected" in output
    assert "10 ads + 20 labels on ads + 4 new label names" in output
    assert "Explorer (2,880 a day) 1 day" in output
    assert "Basic (15,000 a day) 1 day" in output
    assert not [request for request in emulator.requests() if "Mutate" in request["method"]]

    command("submit", file, "--theme", "bf")
    process(1)
    assert "already_present" in command("preview", file, "--theme", "bf", code=1).stdout
    mutated = sum(request["operations"] for request in emulator.requests() if "Mutate" in request["method"])
    assert mutated == 34  # what the preview said


def test_a_waiting_upload_is_paused_and_resumed(command: Command, file: Path) -> None:
    command("submit", file, "--theme", "bf")
    assert "paused" in command("pause", "1").output
    assert status_of(command, 1)["status"] == "paused"
    assert "already" in command("pause", "1").output
    command("resume", "1")
    assert status_of(command, 1)["status"] == "waiting"
    with pytest.raises(PermanentError, match="goes on by itself"):
        command("resume", "1")


def test_a_running_upload_is_not_called_paused_while_its_run_cannot_be_ended(
    command: Command, file: Path, ledger: Ledger
) -> None:
    command("submit", file, "--theme", "bf")
    ledger.uploads.take(1, run_id="run-1", stage="pushing", is_active=lambda _: True)

    with pytest.raises(PermanentError, match="run run-1, which could not be ended"):
        command("pause", "1")
    assert status_of(command, 1)["status"] == "running"


def test_a_pause_outlives_the_interruption_that_it_causes(
    command: Command, file: Path, ledger: Ledger
) -> None:
    command("submit", file, "--theme", "bf")
    owner = ledger.uploads.take(1, run_id="run-1", stage="pushing", is_active=lambda _: True)
    was = (UploadStatus.RUNNING,)
    ledger.uploads.set_status(1, UploadStatus.PAUSED, was=was, message="by a person")
    ledger.uploads.end(owner, how="interrupted", why="terminated", status=UploadStatus.INTERRUPTED)

    assert (status_of(command, 1)["status"], status_of(command, 1)["message"]) == ("paused", "by a person")


def test_failed_items_are_retried_by_category_and_account(
    command: Command, file: Path, emulator: RunningEmulator, process: Callable[[int], None], ledger: Ledger
) -> None:
    account = next(each["customer_id"] for each in emulator.accounts() if not each["manager"])
    emulator.faults([{"kind": "suspend_account", "account": account}])
    command("submit", file, "--theme", "bf")
    process(1)
    assert ledger.uploads.progress(1)[0].failed == 5
    emulator.clear_faults()

    assert "nothing of that kind" in command("retry", "1", "--category", "policy").output
    dashed = f"{str(account)[:3]}-{str(account)[3:6]}-{str(account)[6:]}"
    output = command("retry", "1", "--category", "account", "--account", dashed).output
    assert "5 items of #1 are tried again" in output
    assert status_of(command, 1)["status"] == "waiting"
    process(1)
    assert ledger.uploads.progress(1)[0].done == 10


def test_failed_and_skipped_items_are_retried_by_code(
    command: Command, file: Path, emulator: RunningEmulator, process: Callable[[int], None], ledger: Ledger
) -> None:
    account, other = sorted({int(line.split(",")[0]) for line in file.read_text().splitlines()[1:-1]})
    full = "ResourceCountLimitExceededError.ADGROUP_LIMIT"
    of_account = {"kind": "error", "scope": "operation", "method": "*MutateAdGroupAds", "account": account}
    emulator.faults([of_account | {"error": full, "count": 2}, {"kind": "suspend_account", "account": other}])
    command("submit", file, "--theme", "bf")
    process(1)
    emulator.clear_faults()
    [progress] = ledger.uploads.progress(1)
    assert (progress.done, progress.failed) == (3, 7)

    told = command("retry", "1", "--code", "ADGROUP_LIMIT").output
    assert told.strip() == (
        "#1 has nothing of that kind to retry: there are 5 failed by "
        f"AuthorizationError.CUSTOMER_NOT_ENABLED, 2 failed by {full}"
    )
    assert status_of(command, 1)["status"] == "finished"
    assert "nothing of that kind" in command("retry", "1", "--code", full, "--account", str(other)).output
    assert "2 items of #1 are tried again" in command("retry", "1", "--code", full).output
    process(1)
    [progress] = ledger.uploads.progress(1)
    assert (progress.done, progress.failed) == (5, 5)

    with file.open("a") as text:
        text.write("\n")  # another content, and so another upload, of the same ad groups
    command("submit", file, "--theme", "bf")
    process(2)
    assert ledger.uploads.progress(2)[0].skipped == 5
    assert "nothing of that kind" in command("retry", "2", "--code", "already_present").output
    output = command("retry", "2", "--code", "already_present", "--skipped").output
    assert "5 items of #2 are tried again" in output


def test_what_has_nothing_to_retry_stays_as_it_was(
    command: Command, file: Path, process: Callable[[int], None], ledger: Ledger, emulator: RunningEmulator
) -> None:
    command("submit", file, "--theme", "bf")
    revoked = "AuthenticationError.OAUTH_TOKEN_REVOKED"
    emulator.faults([{"kind": "error", "method": "*MutateAdGroupAds", "error": revoked}])
    with pytest.raises(AdsStoppedError):
        process(1)
    command("retry", "1", "--category", "policy")
    assert status_of(command, 1)["status"] == "failed"


def test_resume_asks_google_again_although_it_said_that_the_days_quota_is_gone(
    command: Command, file: Path, emulator: RunningEmulator, process: Callable[[int], None], ledger: Ledger
) -> None:
    command("submit", file, "--theme", "bf")
    gone = {"kind": "error", "method": "*MutateAdGroupAds", "error": "QuotaError.RESOURCE_EXHAUSTED"}
    emulator.faults([gone])
    with pytest.raises(AdsStoppedError):
        process(1)
    assert ledger.quota.gone() is not None
    upload = ledger.uploads.find("1")
    assert (upload.status, upload.due_at is None) == (UploadStatus.INTERRUPTED, False)
    emulator.clear_faults()

    told = command("resume", "1").output.splitlines()
    assert told[0] == "Google is asked again, although it said that the day's operations are used up"
    assert told[1].startswith("#1 goes on (10 items are left)")
    upload = ledger.uploads.find("1")
    assert (upload.status, upload.due_at, ledger.quota.gone()) == (UploadStatus.WAITING, None, None)
    process(1)
    assert status_of(command, 1)["status"] == "finished"


def test_the_file_of_failed_items_uploaded_again_sends_these_and_none_that_was_made_meanwhile(  # noqa: PLR0917  # fixtures
    command: Command,
    home: Path,
    file: Path,
    emulator: RunningEmulator,
    process: Callable[[int], None],
    ledger: Ledger,
) -> None:
    account, other = sorted({int(line.split(",")[0]) for line in file.read_text().splitlines()[1:-1]})
    failing = {"kind": "error", "scope": "operation", "method": "*MutateAdGroupAds", "account": account}
    emulator.faults(
        [
            failing | {"error": "ResourceCountLimitExceededError.ADGROUP_LIMIT", "count": 3},
            {"kind": "suspend_account", "account": other},
        ]
    )
    command("submit", file, "--theme", "bf")
    process(1)
    first = ledger.uploads.find("1")
    report = write_reports(first, ledger=ledger, directory=home / "reports", catalogue=load_catalogue(None))
    failed = [item for item in ledger.outcomes.items(1) if item["state"] == ItemState.FAILED]
    assert len(failed) == 8
    emulator.clear_faults()

    # A person tries one account again, and uploads the whole file of what failed as well.
    command("retry", "1", "--category", "invalid")
    process(1)
    before = requests_for_ads(emulator)
    assert command("submit", report.failed_items).output.startswith("#2 black-friday-")
    process(2)

    items = {item["ad_group_id"]: item for item in ledger.outcomes.items(2)}
    assert set(items) == {item["ad_group_id"] for item in failed}
    states = Counter((item["customer_id"], item["state"], item["code"]) for item in items.values())
    assert states == {(account, "skipped", "already_present"): 3, (other, "done", None): 5}
    assert requests_for_ads(emulator) - before == {other: 5}
    made = ads_made(emulator)
    assert (len(made), set(made.values())) == (10, {1})

    # Once more, either way: nothing is left to be sent.
    assert command("submit", report.failed_items).output.startswith("same as #2 (finished)")
    command("retry", "1")
    process(1)
    assert ledger.uploads.progress(1)[0].failed == 0
    assert requests_for_ads(emulator) - before == {other: 5}


def requests_for_ads(emulator: RunningEmulator) -> Counter[int]:
    """How many ads were asked for so far, by account."""
    asked: Counter[int] = Counter()
    for request in emulator.requests(method="MutateAdGroupAds"):
        asked[int(request["account"])] += request["operations"]
    return asked


def ads_made(emulator: RunningEmulator) -> Counter[int]:
    """How many ads were made in each ad group."""
    return Counter(
        ad["ad_group_id"]
        for account in emulator.accounts()
        if not account["manager"]
        for ad in emulator.ads(account["customer_id"])
        if not ad["seeded"]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("submit", "FILE", "--theme", "carnaval"), "the themes are: black_friday"),
        (("submit", "FILE", "--theme", "Black Friday 2024"), "ended on 2024-12-01"),
        (("submit", "FILE"), "neither its name nor a column names a theme"),
        (("status", "77"), "no upload '77'"),
        (("themes", "carnaval"), "there is no theme 'carnaval'"),
    ],
)
def test_a_known_error_is_one_sentence_without_a_traceback(  # noqa: PLR0917  # fixtures
    arguments: tuple[str, ...],
    message: str,
    home: Path,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["themaads", *(str(file) if each == "FILE" else each for each in arguments)]
    )
    with pytest.raises(SystemExit) as ended:
        main()

    told = capsys.readouterr()
    assert ended.value.code == 1
    assert message in told.err
    assert "Traceback" not in told.err
    assert not (home / "uploads").exists()


def test_a_theme_file_with_a_problem_is_told_and_the_exit_code_says_so(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fine = command("themes").output
    assert "black_friday_20" in fine
    assert "sinterklaas" in fine
    assert "Black Friday Deals" in command("themes", "bf").output

    (tmp_path / "carnaval.yaml").write_text("name: carnaval\ntitle: Carnaval\n")
    monkeypatch.setenv("THEMAADS_THEME_DIR", str(tmp_path))
    process_settings.cache_clear()
    result = command("themes", code=1)
    assert "carnaval.yaml: label: is missing" in result.stderr
    with pytest.raises(ThemeError):
        command("themes", "carnaval")


def test_a_run_that_is_still_ending_cannot_undo_a_resume(
    command: Command, file: Path, ledger: Ledger, process: Callable[[int], None]
) -> None:
    command("submit", file, "--theme", "bf")
    dying = ledger.uploads.take(1, run_id="a dying run", stage="pushing", is_active=lambda _: True)
    ledger.uploads.set_status(1, UploadStatus.PAUSED, was=(UploadStatus.RUNNING,))
    command("resume", "1")

    with pytest.raises(FencedError):
        ledger.uploads.end(dying, how="paused", status=UploadStatus.PAUSED)
    process(1)
    assert status_of(command, 1)["status"] == "finished"


def test_each_resume_asks_for_a_new_run(command: Command, file: Path, ledger: Ledger) -> None:
    command("submit", file, "--theme", "bf")
    epochs = []
    for _ in range(2):
        command("pause", "1")
        command("resume", "1")
        upload = ledger.uploads.by_number(1)
        assert upload is not None
        epochs.append(upload.epoch)
    assert epochs == [1, 2]
    ledger.uploads.take(1, run_id="run-1", stage="reading", is_active=lambda _: True)


def test_outcomes_are_chosen_by_account_theme_state_and_code(
    command: Command, file: Path, process: Callable[[int], None], ledger: Ledger
) -> None:
    command("submit", file, "--theme", "bf")
    process(1)
    by_account = ledger.outcomes.counts_by_account(1)
    [first, _] = sorted(by_account)

    def lines(*chosen: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(command("outcomes", "1", *chosen, "--csv", "-").stdout)))

    of_first = lines("--account", str(first))
    assert len(of_first) == sum(by_account[first].values()) == 5
    assert {line["customer_id"].replace("-", "") for line in of_first} == {str(first)}
    edition = of_first[0]["edition"]
    assert len(lines("--theme", "bf")) == len(lines("--theme", edition)) == 10
    assert lines("--theme", "kerst") == lines("--theme", "black friday 2031") == []
    assert len(lines("--state", "done")) == 10
    assert (
        lines("--state", "failed") == lines("--category", "policy") == lines("--code", "no_ad_to_copy") == []
    )

    shown = command("outcomes", "1", "--account", str(first), "--rows", "2").output
    assert "5  done" in shown
    assert "the first 2; all of them with --csv FILE" in shown
    assert sum(line["ad_group_id"] in shown for line in of_first) == 2
    assert command("outcomes", "1", "--state", "failed").output == "no ad group is all of that\n"
    with pytest.raises(ThemeError, match="there is no theme 'easter'; the themes are: "):
        command("outcomes", "1", "--theme", "easter")


def test_the_exit_code_tells_how_an_upload_is_when_it_is_asked_to(
    command: Command, file: Path, process: Callable[[int], None]
) -> None:
    command("submit", file, "--theme", "bf")
    command("status", "1")
    command("status", "1", "--exit-code", code=6)
    command("status", "1", "--follow", "--timeout", "0", code=6)
    command("pause", "1")
    command("status", "--exit-code", code=4)
    assert "`themaads resume 1` goes on" in command("status", "1", "--follow", code=4).output
    command("resume", "1")
    process(1)
    command("status", "1", "--exit-code", code=0)
    command("submit", file, "--theme", "bf", "--wait", code=0)


def test_followed_as_json_an_upload_is_a_line_at_each_change(
    command: Command, file: Path, process: Callable[[int], None]
) -> None:
    command("submit", file, "--theme", "bf")
    waiting = command("status", "1", "--follow", "--json", "--timeout", "1.2", code=6).stdout.splitlines()
    assert [json.loads(line)["status"] for line in waiting] == ["waiting"]  # looked at thrice
    process(1)
    [finished] = command("status", "1", "--follow", "--json").stdout.splitlines()
    assert json.loads(finished)["items"]["done"] == 10


def test_a_shell_completes_the_numbers_of_uploads_and_loads_no_costly_module(
    command: Command, file: Path
) -> None:
    command("submit", file, "--theme", "bf")
    command("submit", file, "--theme", "kerst")
    script = """
import sys
from themaads_pipeline.cli.main import themaads
try:
    themaads(prog_name="themaads")
finally:
    costly = ("dagster", "google.ads", "grpc", "numpy", "pandas", "pyarrow", "sqlalchemy")
    print("loaded:", *[name for name in costly if name in sys.modules])
"""
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "_THEMAADS_COMPLETE": "zsh_complete",
            "COMP_WORDS": "themaads status ",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    words, _, loaded = answer.stdout.partition("loaded:")
    assert loaded.split() == []
    kind, number, what = words.splitlines()[3:6]
    assert (kind, number, what) == ("plain", "1", "lijst.csv: waiting, 0.0%")
    assert words.splitlines()[1] in {"2", "3"}  # the newest first
