"""Who may look, who may act: refused before anything is done, whatever the address."""

import base64
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from themaads_pipeline.cli.main import themaads
from themaads_pipeline.dashboard.guard import Access
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as process_settings
from themaads_pipeline_tests.dashboards import ADDRESS, OURS, dashboard, text_of

_POSTS = (
    "/uploads/1/pause",
    "/uploads/1/resume",
    "/uploads/1/retry",
    "/uploads/1/dry-run",
    "/new",
    "/new/token/submit",
    "/new/token/discard",
)
_LOOKS = ("/", "/live", "/uploads", "/uploads/1", "/uploads/1/live", "/uploads/1/files/outcomes.csv", "/new")


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def paused(ledger: Ledger) -> int:
    """An upload that a resume would change."""
    upload, _ = ledger.uploads.register(
        key="black-friday-2026@1", file_path="/x", file_name="x.csv", content_sha256="1" * 64, edition=None
    )
    ledger.uploads.set_status(upload.number, UploadStatus.PAUSED, was=(UploadStatus.WAITING,))
    return upload.number


def status_of(ledger: Ledger, number: int) -> UploadStatus:
    return ledger.uploads.find(str(number)).status


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ADDRESS, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ADDRESS, "Sec-Fetch-Site": "same-site"},
        {"Origin": ADDRESS + "1"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Referer": ADDRESS + "/uploads/1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", _POSTS)
def test_what_another_page_sends_is_refused_and_changes_nothing(
    settings: Settings, ledger: Ledger, paused: int, path: str, headers: dict[str, str]
) -> None:
    with dashboard(settings) as page:
        answer = page.post(path, headers=headers)

    assert answer.status_code == 403
    assert "nothing was changed" in text_of(answer.text)
    assert status_of(ledger, paused) is UploadStatus.PAUSED


def test_what_our_own_page_sends_is_done(settings: Settings, ledger: Ledger, paused: int) -> None:
    with dashboard(settings) as page:
        answer = page.post(f"/uploads/{paused}/resume", headers=OURS)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/uploads/{paused}?said=resumed")
    assert status_of(ledger, paused) is UploadStatus.WAITING


def test_looking_never_acts(settings: Settings, ledger: Ledger, paused: int) -> None:
    with dashboard(settings) as page:
        for path in _POSTS:
            page.get(path, headers=OURS)
            page.head(path, headers=OURS)

    assert status_of(ledger, paused) is UploadStatus.PAUSED


@pytest.mark.parametrize("path", _POSTS)
def test_read_only_refuses_each_action(settings: Settings, ledger: Ledger, paused: int, path: str) -> None:
    with dashboard(settings, access=Access(is_read_only=True)) as page:
        answer = page.post(path, headers=OURS)
        shown = page.get(f"/uploads/{paused}").text + page.get("/").text + page.get("/new").text

    assert answer.status_code == 403
    assert "read-only" in text_of(answer.text)
    assert status_of(ledger, paused) is UploadStatus.PAUSED
    assert "<form" not in shown
    assert "/resume" not in shown


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "evil.example:3100", "[::2]"])
def test_a_name_that_is_not_ours_is_refused_whoever_gave_it_our_address(
    settings: Settings, host: str
) -> None:
    with dashboard(settings) as page:
        assert page.get("/", headers={"Host": host}).status_code == 400


def test_a_name_that_was_set_is_ours(settings: Settings) -> None:
    with dashboard(settings, access=Access(hosts=frozenset({"ads.example.com"}))) as page:
        assert page.get("/", headers={"Host": "ads.example.com"}).status_code == 200
        assert page.get("/", headers={"Host": "ads.example.com:8443"}).status_code == 200


def logs_in(page: TestClient, headers: dict[str, str]) -> set[int]:
    return {page.get(path, headers=headers).status_code for path in _LOOKS}


def test_with_a_password_nobody_else_sees_anything(settings: Settings, paused: int) -> None:
    with dashboard(settings, access=Access(user="anna", password="s3cret-words")) as page:
        for wrong in (
            {}, basic("anna", "s3cret-word"), basic("bob", "s3cret-words"), basic("", ""), basic("anna", ""),
            {"Authorization": "Basic not-base64!"}, {"Authorization": "Bearer s3cret-words"},
            {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()},
        ):  # fmt: skip
            assert logs_in(page, wrong) == {401}, wrong
        answer = page.get("/")
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert "s3cret" not in answer.text
        assert logs_in(page, basic("anna", "s3cret-words")) == {200}
        assert "anna" in text_of(page.get("/", headers=basic("anna", "s3cret-words")).text)
        assert page.post(f"/uploads/{paused}/resume", headers=OURS).status_code == 401
        assert page.get("/alive").status_code == 200


def test_the_name_that_a_proxy_tells_is_believed_of_the_proxy_alone(
    settings: Settings, ledger: Ledger, paused: int
) -> None:
    access = Access(user_header="X-Forwarded-User", proxies=frozenset({"10.0.0.5"}))
    anna = {"X-Forwarded-User": "anna@example.com"}
    with dashboard(settings, access=access, client=("10.0.0.66", 1)) as page:
        assert logs_in(page, anna) == {401}
        assert page.post(f"/uploads/{paused}/resume", headers=OURS | anna).status_code == 401
    assert status_of(ledger, paused) is UploadStatus.PAUSED

    with dashboard(settings, access=access, client=("10.0.0.5", 1)) as page:
        assert logs_in(page, {}) == {401}
        assert logs_in(page, {"X-Forwarded-User": " "}) == {401}
        assert logs_in(page, anna) == {200}
        twice = [("X-Forwarded-User", "anna"), ("X-Forwarded-User", "root")]
        assert page.get("/", headers=twice).status_code == 401


def test_who_acted_is_written_down(settings: Settings, paused: int, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level("INFO", "themaads_pipeline"),
        dashboard(settings, access=Access(user="anna", password="s3cret-words")) as page,
    ):
        page.post(f"/uploads/{paused}/resume", headers=OURS | basic("anna", "s3cret-words"))
        page.post(f"/uploads/{paused}/resume", headers=OURS | basic("anna", "s3cret-words"))

    lines = [record.getMessage() for record in caplog.records if "person_acted" in record.getMessage()]
    assert lines[0] == f"person_acted action=resume by=anna address=127.0.0.1 upload={paused} how=done"
    assert lines[1].startswith(
        f"person_acted action=resume by=anna address=127.0.0.1 upload={paused} how=refused why="
    )
    assert "s3cret" not in caplog.text


def test_every_answer_has_the_headers_that_keep_a_browser_safe(settings: Settings) -> None:
    with dashboard(settings) as page:
        answers = [
            page.get("/"), page.get("/nothing"), page.post("/new"), page.get("/", headers={"Host": "x"}),
            page.get("/static/dashboard.css"), page.get("/live"),
        ]  # fmt: skip
    for answer in answers:
        headers = answer.headers
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers


def test_it_does_not_listen_where_others_reach_it_without_a_login() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.10", "ads.example.com"):
        with pytest.raises(PermanentError, match="there is no login"):
            Access().expect_safe(host)
        Access(password="s3cret-words").expect_safe(host)
        Access(user_header="X-Forwarded-User").expect_safe(host)
    for host in ("127.0.0.1", "localhost", "::1"):
        Access().expect_safe(host)


def test_the_command_refuses_to_start_where_it_would_be_open_to_all(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in settings:
        monkeypatch.setenv(f"THEMAADS_{name.upper()}", "" if value is None else str(value))
    process_settings.cache_clear()
    try:
        open_to_all = CliRunner().invoke(themaads, ["dashboard", "--host", "0.0.0.0"])
        monkeypatch.setenv("THEMAADS_DASHBOARD_PASSWORD_FILE", str(tmp_path / "none"))
        process_settings.cache_clear()
        no_file = CliRunner().invoke(themaads, ["dashboard", "--host", "0.0.0.0"])
    finally:
        process_settings.cache_clear()

    assert "there is no login" in str(open_to_all.exception)
    assert "THEMAADS_DASHBOARD_PASSWORD_FILE" in str(no_file.exception)
