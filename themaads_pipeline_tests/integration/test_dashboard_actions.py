"""What a person does at the dashboard, on a real ledger: hands in, previews, pauses, resumes, tries again."""

import csv
import io
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.dashboards import OURS, dashboard, figures, text_of
from themaads_pipeline_tests.policies import seeded
from themaads_pipeline_tests.pushing import Pusher
from themaads_pipeline_tests.running_emulator import RunningEmulator

_THEME_WORD = {"word": "black", "topic": "MISLEADING"}


@pytest.fixture
def page(settings: Settings, gateway: Gateway) -> Iterator[TestClient]:
    """A dashboard that takes files of 1 MB."""
    small = settings.model_copy(update={"dashboard_upload_mb": 1})
    with dashboard(small, gateway=gateway) as asking:
        yield asking


@pytest.fixture
def lines(emulator: RunningEmulator) -> list[str]:
    """A list of 2 accounts with 5 ad groups each."""
    emulator.seed({"generate": {"accounts": 2, "ad_groups": 10}})
    return emulator.upload_file().splitlines()


def hand_in(page: TestClient, name: str, content: bytes, theme: str = "") -> Response:
    return page.post("/new", headers=OURS, data={"theme": theme}, files={"file": (name, content)})


def planned(page: TestClient, answer: Response) -> str:
    """The page of a file once it is planned."""
    assert answer.status_code == 303, text_of(answer.text)
    address = answer.headers["location"]
    deadline = time.monotonic() + 60
    while "data-ready" not in (text := page.get(address).text):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return text


def token_of(text: str) -> str:
    [token] = set(re.findall(r"/new/([\w-]+)/discard", text))
    return str(token)


def test_a_file_is_previewed_and_handed_in_only_then(
    page: TestClient, lines: list[str], ledger: Ledger, emulator: RunningEmulator, settings: Settings
) -> None:
    folder = Path(str(settings.uploads))
    bad_row = "123,,x" + "," * (lines[0].count(",") - 2)
    content = "\n".join([*lines, lines[1], bad_row]).encode()

    text = planned(page, hand_in(page, "C:\\lists\\bf <b>list<i>.csv", content, theme="black_friday"))

    shown = figures(text)
    assert (shown["rows"], shown["rejected"]) == ("11", "1")
    assert "10 new ads would be made, each paused, in 2 accounts" in text_of(text)
    assert "1 duplicate" in text_of(text)
    assert text.count('class="beside"') == 3
    assert "<b>" not in text
    [plan] = set(re.findall(r'href="(/new/[\w-]+/plan\.csv)"', text))
    rows = list(csv.DictReader(io.StringIO(page.get(plan).content.decode("utf-8-sig"))))
    assert [row["outcome"] for row in rows] == ["create"] * 10
    assert ledger.uploads.progress() == []
    assert not list(folder.glob("*"))
    assert [r for r in emulator.requests() if "Mutate" in r["method"]] == []

    answer = page.post(f"/new/{token_of(text)}/submit", headers=OURS)

    [upload] = ledger.uploads.progress()
    assert answer.headers["location"] == f"/uploads/{upload.number}?said=submitted"
    assert (upload.file_name, upload.status) == ("bf _b_list_i_.csv", UploadStatus.WAITING)
    assert [path.read_bytes() for path in folder.iterdir()] == [content]
    assert page.get(f"/new/{token_of(text)}").status_code == 404
    assert not [path for path in (settings.home / "drafts").rglob("*") if path.is_file()]

    again = planned(page, hand_in(page, "other name.csv", content, theme="bf"))
    known = page.post(f"/new/{token_of(again)}/submit", headers=OURS)
    assert known.headers["location"] == f"/uploads/{upload.number}?said=known"
    assert len(ledger.uploads.progress()) == 1


def test_a_file_that_is_thrown_away_leaves_nothing(
    page: TestClient, lines: list[str], ledger: Ledger, settings: Settings
) -> None:
    text = planned(page, hand_in(page, "bf.csv", "\n".join(lines).encode()))

    answer = page.post(f"/new/{token_of(text)}/discard", headers=OURS)

    assert answer.headers["location"] == "/?said=discarded"
    assert ledger.uploads.progress() == []
    assert not [path for path in (settings.home / "drafts").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        ("list.exe", b"MZ", (422, "files of this kind cannot be read")),
        ("list.xlsx", b"a,b\n1,2", (422, "this is no .xlsx file")),
        ("bf.csv", b"", (422, "the file is empty")),
        ("list.csv", b"customer_id,ad_group_id\n1,2\n", (422, "choose the theme, one of")),
        ("bf.csv", b"x" * (1024**2 + 1), (413, "The file is larger than 1 MB")),
        ("", b"", (400, "Choose a file first")),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_to_do(
    page: TestClient, settings: Settings, name: str, content: bytes, refusal: tuple[int, str]
) -> None:
    status, told = refusal

    answer = hand_in(page, name, content)

    assert answer.status_code == status
    assert told in text_of(answer.text)
    assert "--theme" not in answer.text
    assert not [path for path in (settings.home / "drafts").rglob("*") if path.is_file()]


def test_a_body_without_a_length_is_measured_while_it_comes(page: TestClient) -> None:
    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="bf.csv"\r\n\r\n'
        for _ in range(40):
            yield b"x" * 65_536
        yield b"\r\n--x--\r\n"

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = page.post("/new", headers=OURS | kind, content=body())

    assert answer.status_code == 413


def test_what_cannot_be_planned_says_why(page: TestClient) -> None:
    text = planned(page, hand_in(page, "bf.csv", b"name;colour\na;b\n"))

    assert "bf.csv" in text_of(text)
    assert 'role="alert"' in text
    assert "/submit" not in text


def test_an_upload_is_paused_and_resumed_by_name(page: TestClient, ledger: Ledger, lines: list[str]) -> None:
    token = token_of(planned(page, hand_in(page, "bf.csv", "\n".join(lines).encode())))
    page.post(f"/new/{token}/submit", headers=OURS)
    [upload] = ledger.uploads.progress()
    act = f"/uploads/{upload.number}"

    assert "Pause?" in text_of(page.get(f"{act}/pause").text)
    assert page.post(f"{act}/pause", headers=OURS).headers["location"] == f"{act}?said=paused"
    assert ledger.uploads.find(str(upload.number)).status is UploadStatus.PAUSED
    assert "paused by a person" in text_of(page.get(act).text)
    assert page.post(f"{act}/resume", headers=OURS).headers["location"] == f"{act}?said=resumed"
    assert ledger.uploads.find(str(upload.number)).status is UploadStatus.WAITING
    refused = page.post(f"{act}/resume", headers=OURS)
    assert (refused.status_code, "goes on by itself" in text_of(refused.text)) == (409, True)


def test_a_pause_that_cannot_end_the_run_says_so_and_the_upload_is_still_running(
    page: TestClient, ledger: Ledger, lines: list[str]
) -> None:
    token = token_of(planned(page, hand_in(page, "bf.csv", "\n".join(lines).encode())))
    page.post(f"/new/{token}/submit", headers=OURS)
    [upload] = ledger.uploads.progress()
    ledger.uploads.take(upload.number, run_id="run-x", stage="pushing", is_active=lambda _: False)

    answer = page.post(f"/uploads/{upload.number}/pause", headers=OURS)  # no Dagster is here

    assert answer.status_code == 409
    assert "could not be ended" in text_of(answer.text)
    assert ledger.uploads.find(str(upload.number)).status is UploadStatus.RUNNING


def test_failed_items_are_tried_again_by_category(
    page: TestClient, ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator
) -> None:
    refs = seeded(emulator, _THEME_WORD, ad_groups=8)
    pusher = Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)
    number = pusher.submit(refs)
    assert pusher.push(number).progress.failed == 8
    act = f"/uploads/{number}"

    asked = text_of(page.get(f"{act}/retry").text)
    assert "Google's policy 8" in asked
    none = page.post(f"{act}/retry", headers=OURS, data={"category": "account"})
    assert (none.status_code, ledger.uploads.find(str(number)).status) == (409, UploadStatus.FINISHED)
    code = ledger.outcomes.failures_by_reason(number)[0]["code"]
    only = text_of(page.get(f"{act}/retry", params={"category": "policy", "code": code}).text)
    assert f"Only the 8 ad groups that failed with {code}" in only

    answer = page.post(f"{act}/retry", headers=OURS, data={"category": "policy", "code": code})

    assert answer.headers["location"] == f"{act}?said=retried"
    [progress] = ledger.uploads.progress(number)
    assert (progress.pending, progress.failed, progress.status) == (8, 0, UploadStatus.WAITING)


def test_a_dry_run_without_dagster_says_where_it_was_looked_for(
    page: TestClient, ledger: Ledger, lines: list[str]
) -> None:
    token = token_of(planned(page, hand_in(page, "bf.csv", "\n".join(lines).encode())))
    page.post(f"/new/{token}/submit", headers=OURS)

    answer = page.post("/uploads/1/dry-run", headers=OURS)

    assert answer.status_code == 409
    assert "no stack runs in" in text_of(answer.text)


def test_the_themes_to_choose_from_are_those_of_the_catalogue(page: TestClient) -> None:
    text = text_of(page.get("/new").text)

    year = datetime.now(UTC).year
    assert f"Sinterklaas {year}" in text or f"Sinterklaas {year + 1}" in text
