"""A person at the dashboard of a real stack: hands a list in, sees it run, die, go on, and what failed."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.reports.files import report_directory
from themaads_pipeline_tests.chromium import browser
from themaads_pipeline_tests.dashboards import figures
from themaads_pipeline_tests.running_stack import ROOT
from themaads_pipeline_tests.running_upload import QUICK, RunningUpload, rows_of, stack_at_work

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("stack")]

_ACCOUNTS, _AD_GROUPS = 200, 600  # 32 accounts at once, each ten seconds at work
_STALL_S = float(QUICK["THEMAADS_STALL_SECONDS"])
_ABROAD = 5  # rows of an account that nobody may reach

_DROP = """([selector, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: "text/csv"}));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.querySelector(selector).dispatchEvent(
      new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
  }
}"""


@contextmanager
def dashboard(home: Path, *options: str, **settings: str) -> Iterator[str]:
    """`themaads dashboard` in a process of its own; gives its address."""
    output = home / f"dashboard-{time.monotonic_ns()}.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "themaads_pipeline.cli", "dashboard", "--port", "0", *options],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **QUICK, **settings, "THEMAADS_HOME": str(home), "PYTHONUNBUFFERED": "1"},
        )
    try:
        deadline = time.monotonic() + 60
        while (found := re.search(r"dashboard: (http://\S+?)[; ]", output.read_text())) is None:
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        yield found[1]
    finally:
        process.terminate()
        assert process.wait(timeout=60) is not None
        assert "Traceback" not in output.read_text(), output.read_text()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def at_work(home: Path) -> Iterator[RunningUpload]:
    """A stack whose accounts answer at once, for now."""
    with stack_at_work(home, ad_groups=_AD_GROUPS, accounts=_ACCOUNTS) as stack:
        stack.control("/profile", {"name": "instant"})
        yield stack


def list_of(at_work: RunningUpload) -> str:
    """Every ad group of the emulator, one row that cannot be used, some of an account that is not ours."""
    rows = rows_of(at_work)
    commas = rows[0].count(",")
    abroad = [f"999-999-99{n:02},1500000{n:04}" + "," * (commas - 1) for n in range(_ABROAD)]
    return "\n".join([*rows, *abroad, "123,," + "," * (commas - 2)]) + "\n"


def expect_usable_by_all(page: Page, part: str | None = None) -> None:
    """No finding of axe-core on the page, or on a part of it, in either theme."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, context=part).response["violations"]
        assert found == [], (page.url, scheme, [(each["id"], each["nodes"][0]["html"]) for each in found])
    page.emulate_media(color_scheme="light")


def percent_of(page: Page) -> float:
    return float(page.locator("[data-figure=percent]").first.get_attribute("data-value") or 0)


def until(page: Page, happened: Callable[[], bool], *, timeout_s: float = 60) -> float:
    """Wait for it, and tell for how long."""
    started = time.monotonic()
    while not happened():
        assert time.monotonic() < started + timeout_s, page.locator("main").inner_text()
        page.wait_for_timeout(100)
    return time.monotonic() - started


def status_json(home: Path, number: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "themaads_pipeline.cli", "status", str(number), "--json"]
    environment = {**os.environ, **QUICK, "THEMAADS_HOME": str(home)}
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(answer.stdout))


def test_a_person_sees_and_steers_an_upload_from_its_list_to_its_files(
    chromium: Browser, at_work: RunningUpload, tmp_path: Path
) -> None:
    home = at_work.home
    with ExitStack() as stack:
        address = stack.enter_context(dashboard(home))
        context = chromium.new_context(accept_downloads=True)
        stack.callback(context.close)
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)

        # A list is dropped, looked over, handed in.
        page.goto(address)
        expect_usable_by_all(page)
        page.get_by_role("link", name="New upload").click()
        page.evaluate(_DROP, ["[data-drop]", "black friday.csv", list_of(at_work)])
        expect(page.locator("[data-file-name]")).to_have_text("black friday.csv")
        expect_usable_by_all(page)
        page.get_by_role("button", name="See what it would do").click()
        page.wait_for_selector("[data-ready]", timeout=60_000)
        shown = figures(page.content())
        assert (shown["rows"], shown["rejected"]) == (str(_AD_GROUPS + _ABROAD), "1")
        assert page.locator(".beside").count() == 3
        expect_usable_by_all(page)
        assert at_work.control("/requests?method=MutateAdGroupAds") == []
        at_work.control("/profile", {"name": "realistic", "site_checks_per_s": 0, "ad_s": 2})
        slow_labels = {"kind": "slow", "method": "MutateAdGroupAdLabels", "seconds": 4}
        at_work.control("/faults", [slow_labels])
        page.get_by_role("button", name=f"Hand it in: {_AD_GROUPS} new ads, paused").click()
        page.wait_for_url(re.compile(r"/uploads/\d+"))
        [progress] = at_work.ledger.uploads.progress()
        number = progress.number
        upload = at_work.ledger.uploads.by_number(number)
        assert upload is not None
        at_work = replace(at_work, upload=upload)

        # It moves, without a reload.
        page.evaluate("window.wasHereBefore = true")
        expect(page.locator("[data-heartbeat=alive]")).to_be_visible(timeout=60_000)
        until(page, lambda: percent_of(page) > 5)
        seen = percent_of(page)
        until(page, lambda: percent_of(page) > seen)

        # Its worker is killed: red within the threshold; another one goes on: green.
        at_work.worker().kill()
        took = until(page, lambda: page.locator("[data-heartbeat=dead]").count() == 1, timeout_s=_STALL_S)
        assert took < _STALL_S
        expect_usable_by_all(page, ".upload-head")
        until(page, lambda: page.locator("[data-heartbeat=alive]").count() == 1)
        before = percent_of(page)
        until(page, lambda: percent_of(page) > before)
        assert page.evaluate("window.wasHereBefore") is True
        expect(page.locator(".timeline")).to_contain_text("went on by itself, since the run before it died")

        # A person pauses it, and lets it go on.
        page.get_by_role("link", name="Pause", exact=True).click()
        expect_usable_by_all(page)
        page.get_by_role("button", name="Pause it").click()
        expect(page.locator("[data-figure=status]").first).to_have_text("paused", timeout=90_000)
        assert at_work.progress.status is UploadStatus.PAUSED
        page.get_by_role("link", name="Dry run").click()
        page.get_by_role("button", name="Launch the dry run").click()
        expect(page.locator(".said")).to_contain_text("The dry run is launched", timeout=60_000)
        page.get_by_role("link", name="Resume", exact=True).click()
        page.get_by_role("button", name="Resume it").click()
        at_work.control("/faults", method="DELETE")
        at_work.control("/profile", {"name": "instant"})
        expect(page.locator("[data-figure=status]").first).to_have_text("finished", timeout=120_000)

        # The figures are those of the command and of Google.
        told = status_json(home, number)
        page.reload()
        shown = figures(page.content())
        assert shown["status"] == told["status"] == "finished"
        assert float(shown["percent"]) == told["percent"] == 100.0
        for name in ("total", "done", "skipped", "failed", "rejected"):
            assert int(shown[f"items.{name}"]) == told["items"][name], name
        assert told["items"]["done"] == _AD_GROUPS
        assert at_work.wrongs() == []
        assert int(figures(page.content())["accounts"]) == _ACCOUNTS + _ABROAD

        # What failed, and why; its files.
        failed = page.locator("[data-code=account_not_reachable]")
        assert failed.get_attribute("data-items") == str(_ABROAD) == str(told["items"]["failed"])
        expect(failed).to_contain_text("none of our credentials reaches account")
        expect(page.locator("#rejected + p")).to_contain_text("1 row of the file could not be used")
        assert len(downloaded(page, "outcomes.csv", tmp_path)) == _AD_GROUPS + _ABROAD
        again = downloaded(page, "failed_items.csv", tmp_path)
        assert {row["customer_id"] for row in again} == {f"999-999-99{n:02}" for n in range(_ABROAD)}
        assert len(downloaded(page, "rejected_rows.csv", tmp_path)) == 1

        # The report that people forward: one file, that asks nobody for anything.
        report = Path(str(report_directory(upload, home / "reports"))) / "report.html"
        until(page, report.exists)
        forwarded = context.new_page()
        asked: list[str] = []
        forwarded.on("request", lambda request: asked.append(request.url))
        forwarded.goto(report.as_uri())
        expect_usable_by_all(forwarded)
        expect(forwarded.locator("body")).to_contain_text("none of our credentials reaches account")
        assert asked == [report.as_uri()]
        forwarded.close()

        # What failed is to be tried again: one click, one question.
        page.get_by_role("link", name=f"Try all {_ABROAD} again").click()
        page.get_by_role("button", name="Try them again").click()
        expect(page.locator(".said")).to_contain_text("tried again")
        log = (home / "logs" / "dashboard.log").read_text()
        for action in ("preview", "submit", "pause", "dry-run", "resume"):
            line = rf"person_acted action={action} by=anybody address=127.0.0.1 .*how=done"
            assert re.search(line, log), action
        assert f"action=retry by=anybody address=127.0.0.1 upload={number} how=done items={_ABROAD}" in log
        assert wrong == []

        # Read-only, and with a login.
        looking = stack.enter_context(dashboard(home, "--read-only"))
        page.goto(f"{looking}/uploads/{number}")
        assert page.get_by_role("link", name="Try failed again").count() == 0
        expect(page.get_by_text("Read-only")).to_be_visible()
        page.goto(f"{looking}/uploads/{number}/retry")
        assert page.locator("form").count() == 0
        expect_usable_by_all(page)

        secret = stack.enter_context(dashboard(home, THEMAADS_DASHBOARD_PASSWORD="open-sesame"))
        assert context.request.get(secret).status == 401
        known = chromium.new_context(http_credentials={"username": "themaads", "password": "open-sesame"})
        stack.callback(known.close)
        own = known.new_page()
        own.goto(f"{secret}/uploads/{number}")
        expect(own.get_by_role("heading", name="black friday.csv")).to_be_visible()
        expect(own.locator("[data-live-state]")).to_contain_text("live")


def downloaded(page: Page, name: str, folder: Path) -> list[dict[str, str]]:
    """The rows of a file that a click gives."""
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    path = folder / name
    download.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
