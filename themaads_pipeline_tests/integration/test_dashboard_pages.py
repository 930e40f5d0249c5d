"""What the dashboard shows: the ledger's figures, as `status --json` has them, and nothing that does harm."""

import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import psycopg
import pytest
from starlette.testclient import TestClient

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.items import RejectedRow
from themaads_pipeline.reports.files import write_reports
from themaads_pipeline.reports.status import figures_of
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.dashboards import dashboard, figures, site_of, text_of
from themaads_pipeline_tests.pushing import Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator
from themaads_pipeline_tests.seeded_uploads import SEEDED, seed_uploads
from themaads_pipeline_tests.source_rows import source_rows

_EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def page(settings: Settings) -> Iterator[TestClient]:
    """The dashboard of this test's ledger."""
    with dashboard(settings) as asking:
        yield asking


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


def flat(status: dict[str, object]) -> dict[str, str]:
    """`status --json` as the page's figures are named; the page leaves out what has no value."""
    items = status["items"]
    assert isinstance(items, dict)
    named = {f"items.{name}": value for name, value in items.items()}
    named |= {name: value for name, value in status.items() if name != "items"}
    return {name: "" if value is None else str(value) for name, value in named.items()}


def test_an_empty_ledger_says_what_to_do_first(page: TestClient) -> None:
    answer = page.get("/")

    assert answer.status_code == 200
    assert "No upload yet" in text_of(answer.text)
    assert "Hand in a list of ad groups" in text_of(answer.text)


def test_the_figures_of_an_uploads_page_are_those_of_status_json(
    page: TestClient, database_url: str, ledger: Ledger
) -> None:
    seed_uploads(database_url, share=0.04)

    for upload in SEEDED:
        before = figures_of(ledger.uploads.progress(upload.number)[0])
        shown = figures(page.get(f"/uploads/{upload.number}").text)
        after = figures_of(ledger.uploads.progress(upload.number)[0])
        expected, still = flat(before), flat(after)
        for name in (
            "status",
            "percent",
            "items.done",
            "items.skipped",
            "items.failed",
            "items.total",
            "items.rejected",
        ):
            assert shown[name] == expected[name] == still[name], (upload.number, name)
        in_flight = int(expected["items.sending"]) + int(expected["items.applied"])
        assert (int(shown["in_flight"]), shown["to_do"]) == (in_flight, expected["items.pending"])
        assert shown.get("message", "") == expected["message"]
        for name in ("items_per_s", "eta_s"):  # they change as time goes by: between one look and the next
            if before[name] is None:
                assert shown[name] == ""
            else:
                low, high = sorted((float(expected[name]), float(still[name])))
                assert low - 0.001 <= float(shown[name]) <= high + 0.001, (upload.number, name)


def test_the_overview_shows_each_upload_where_it_belongs(page: TestClient, database_url: str) -> None:
    seed_uploads(database_url, share=0.04)

    text = page.get("/").text

    def numbers_in(section: str) -> list[int]:
        found = re.search(rf'(?s)<section aria-labelledby="{section}">(.*?)</section>', text)
        assert found, section
        return [int(number) for number in re.findall(r'data-upload="(\d+)"', found[1])]

    assert numbers_in("under-way") == [212, 213]
    assert numbers_in("needing") == [211, 209]
    assert numbers_in("queue") == [214]
    assert numbers_in("finished") == [208, 207, 206, 205]
    assert "1 upload is running, 1 was interrupted, 1 waits, 1 failed and 1 is paused." in text_of(text)
    assert figures(text)["quota.used"] == "11080"


def test_the_parts_of_an_upload_are_the_ledgers(page: TestClient, database_url: str, ledger: Ledger) -> None:
    seed_uploads(database_url, share=0.04)

    text = page.get("/uploads/213").text

    accounts = ledger.outcomes.counts_by_account(213)
    assert set(map(int, re.findall(r'data-account="(\d+)"', text))) == set(accounts)
    failures = {(row["code"], str(row["items"])) for row in ledger.outcomes.failures_by_reason(213)}
    assert set(re.findall(r'data-code="([^"]*)" data-items="(\d+)"', text)) == failures
    shown = text_of(text)
    for pattern in ledger.outcomes.policy_patterns(213):
        assert pattern.trigger in shown
    assert ledger.outcomes.rejected_rows(213, limit=1)[0].message in shown
    assert "no progress for 312 s at 432 of 2,000 items" in shown
    assert "went on by itself, since the run before it died" in shown


def test_a_run_that_was_killed_is_red_until_another_one_is_at_work(
    page: TestClient, pusher: Pusher, emulator: RunningEmulator, ledger: Ledger
) -> None:
    number = pusher.submit(generated(emulator, accounts=1, ad_groups=4))
    ledger.uploads.take(number, run_id="run-x", stage="pushing", is_active=lambda _: False)

    def level() -> str:
        [found] = re.findall(r'data-heartbeat="(\w+)"', page.get(f"/uploads/{number}/live").text)
        return str(found)

    def soon(wanted: str) -> None:  # an answer is kept for a second
        deadline = time.monotonic() + 20
        while (found := level()) != wanted:
            assert time.monotonic() < deadline, found
            time.sleep(0.1)

    soon("alive")
    soon("dead")  # nothing more was heard of it for `stall_seconds`, which is 5
    ledger.beats.bury("run-x", why="its process was killed")
    soon("dead")
    ledger.uploads.take(number, run_id="run-y", stage="pushing", is_active=lambda _: False)
    soon("alive")


def test_what_files_and_google_say_is_never_markup(
    page: TestClient, ledger: Ledger, database_url: str
) -> None:
    upload, _ = ledger.uploads.register(
        key=f"{_EVIL}@1", file_path="/in/x.csv", file_name=_EVIL, content_sha256="1" * 64, edition=_EVIL
    )
    owner = ledger.uploads.take(upload.number, run_id=_EVIL, stage="reading", is_active=lambda _: False)
    rows = source_rows([(2, 2_000_000_001, 7, "black_friday_2026")])
    ledger.rows.write(owner, rows, [RejectedRow(line=3, reason=_EVIL, message=_EVIL, raw=_EVIL)])
    ledger.uploads.beat(owner, doing=_EVIL)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "update themaads.item set state = 'failed', category = 'policy', code = %(evil)s,"
            " message = %(evil)s,"
            " policy_topics = array[%(evil)s], policy_types = array[%(evil)s], trigger = %(evil)s,"
            " ad_group_name = %(evil)s",
            {"evil": _EVIL},
        )
        connection.execute("update themaads.upload set message = %s", [_EVIL])

    for path in ("/", "/uploads", "/uploads/1", "/uploads/1/live", "/uploads/1/skipped", "/uploads/1/retry"):
        answer = page.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
        assert "<img src=x" not in answer.text, path
    assert _EVIL in unescape(page.get("/uploads/1").text)
    assert "alert(1)" not in page.get(f"/?said={_EVIL}").text.partition("data-live=")[0]


def test_files_are_those_that_the_report_writes(
    page: TestClient, pusher: Pusher, emulator: RunningEmulator, ledger: Ledger, settings: Settings
) -> None:
    emulator.faults([])
    number = pusher.submit(generated(emulator, accounts=2, ad_groups=20))
    pusher.push(number, item_limit=12)
    upload = ledger.uploads.find(str(number))
    written = write_reports(
        upload, ledger=ledger, directory=settings.reports, accounts={}, catalogue=pusher.catalogue
    )

    for file in (written.outcomes, written.failed_items, written.rejected_rows):
        path = Path(str(file))
        answer = page.get(f"/uploads/{number}/files/{path.name}")
        assert answer.headers["content-disposition"] == f'attachment; filename="{number}-{path.name}"'
        assert answer.content == path.read_bytes()
    assert len(Path(str(written.outcomes)).read_text().splitlines()) == 21
    assert page.get(f"/uploads/{number}/files/../../secret.csv").status_code == 404
    assert page.get(f"/uploads/{number}/files/summary.md").status_code == 404


def test_pages_change_nothing_whoever_asks_for_them(
    settings: Settings, ledger: Ledger, database_url: str
) -> None:
    with site_of(settings) as site, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        site.looking.uploads.register(
            key="a@1", file_path="/x", file_name="x", content_sha256="1" * 64, edition=None
        )
    assert ledger.uploads.progress() == []


def test_a_question_that_takes_too_long_is_given_up(settings: Settings) -> None:
    assert settings.database_url is not None
    with (
        Ledger(settings.database_url, settings, looks_for_s=0.2) as ledger,
        pytest.raises(psycopg.errors.QueryCanceled),
        ledger._database.transaction() as connection,
    ):
        connection.execute("select pg_sleep(30)")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/uploads/99", 404),
        ("/uploads/99/live", 404),
        ("/uploads/99/files/outcomes.csv", 404),
        ("/uploads/99/pause", 404),
        ("/uploads/x", 404),
        ("/uploads/1/burn", 404),
        ("/new/none", 404),
        ("/nothing", 404),
        ("/static/../app.py", 404),
        ("/uploads?page=-1&status=burnt", 200),
        ("/alive", 200),
    ],
)
def test_what_is_not_there_is_said_on_a_page(page: TestClient, path: str, status: int) -> None:
    answer = page.get(path)

    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_database_that_is_away_is_said_so_and_the_page_comes_back(
    settings: Settings, database_url: str, postgres_server: str
) -> None:
    name = database_url.rpartition("/")[2].partition("?")[0]
    maintenance = postgres_server.replace("/themaads?", "/postgres?")

    def connections(allowed: str) -> None:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f"alter database {name} allow_connections {allowed}")
            if allowed == "false":
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
                )

    with dashboard(settings) as page:
        assert page.get("/").status_code == 200
        connections("false")
        try:
            time.sleep(2.1)  # for so long an answer is kept
            away = page.get("/live")
        finally:
            connections("true")
        assert away.status_code == 503
        assert "The database does not answer" in text_of(away.text)
        deadline = time.monotonic() + 30
        while page.get("/live").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(page: TestClient, database_url: str) -> None:
    seed_uploads(database_url, share=0.04)

    for path in ("/", "/uploads", "/uploads/213", "/uploads/213/pause", "/new"):
        text = page.get(path).text
        assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=\"/static/)", text), path
        for target in re.findall(r'(?:src|href)="([^"]+)"', text):
            assert target.startswith(("/", "#")), (path, target)
