"""The report files of an upload, from a real ledger, and back through the intake."""

import csv
import os
import threading
from collections import Counter
from collections.abc import Callable
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from themaads_pipeline.intake.readers import read_table
from themaads_pipeline.intake.rows import check_rows
from themaads_pipeline.ledger.attempts import LabelledItem, PlannedEnd, PlannedItem, SentItem
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.items import Item, ItemState, RejectedRow
from themaads_pipeline.model.outcomes import Category, Failure
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.objects import AnyPath
from themaads_pipeline.reports.files import FAILED_COLUMNS, OUTCOME_COLUMNS, ReportFiles, write_reports
from themaads_pipeline.reports.tables import ReportError
from themaads_pipeline.settings import Settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.flaky_postgres import flaky_postgres
from themaads_pipeline_tests.small_disk import small_disk
from themaads_pipeline_tests.source_rows import source_rows

ACCOUNT = 1234567890
EDITION = "black_friday_2026"
NAMES = {
    ACCOUNT: Account(
        customer_id=ACCOUNT,
        name="=Bakker | Co",
        login_customer_id=None,
        time_zone="Europe/Amsterdam",
        status="ENABLED",
    )
}


def an_upload(
    ledger: Ledger,
    names: list[str],
    *,
    rejected: list[RejectedRow] | None = None,
    file_name: str = "bf.csv",
    said: str = "@risky: a policy, -20% | off",
) -> Upload:
    """An upload of one ad group a name: the first is done, the second skipped, others failed as `said`."""
    upload, _ = ledger.uploads.register(
        key="black-friday-2026@1f3a9c2e",
        file_path="/in/bf.csv",
        file_name=file_name,
        content_sha256="1" * 64,
        edition=EDITION,
    )
    owner = ledger.uploads.take(upload.number, run_id="run-1", stage="pushing", is_active=lambda _: False)
    first = 176256123456
    rows = [
        (line, ACCOUNT, first + line, EDITION, name, 7, "campagne")
        for line, name in enumerate(names, start=2)
    ]
    rows.append((len(names) + 2, ACCOUNT, first + 2, EDITION, names[0], 7, "campagne"))  # a duplicate
    ledger.rows.write(owner, source_rows(rows), rejected or [])
    lease = ledger.leases.take(owner, ACCOUNT)
    items = ledger.rows.open_items(upload.number, ACCOUNT, ItemState.PENDING, limit=1000)

    def planned(item: Item, name: str) -> PlannedItem:
        return PlannedItem(
            item_id=item.item_id,
            fingerprint="f",
            seen_ad_ids=(1,),
            copied_ad_id=1,
            copied_ad_status="ENABLED",
            ad_group_name=name,
            campaign_id=7,
            campaign_name="campagne",
        )

    sent = [item for index, item in enumerate(items) if index != 1]
    attempt = ledger.attempts.claim(
        owner,
        lease,
        [planned(item, name) for item, name in zip(sent, [names[0], *names[2:]], strict=True)],
        read_at=ledger.attempts.now(),
    )
    failure = Failure(
        category=Category.POLICY,
        code="PolicyFindingError.POLICY_FINDING",
        message=said,
        policy_topics=("ALCOHOL",),
        trigger="=bier",
    )
    results = [SentItem(item_id=sent[0].item_id, state=ItemState.APPLIED, new_ad_id=900)]
    results += [SentItem(item_id=item.item_id, state=ItemState.FAILED, failure=failure) for item in sent[1:]]
    ledger.attempts.settle(owner, lease, attempt, results)
    ledger.attempts.settle_labels(
        owner,
        [
            LabelledItem(
                item_id=sent[0].item_id, state=ItemState.DONE, edition_label_id=11, original_label_id=12
            )
        ],
    )
    if len(items) > 1:
        end = PlannedEnd(
            item_id=items[1].item_id, state=ItemState.SKIPPED, code="no_ad_to_copy", message="none"
        )
        ledger.attempts.finish_planned(owner, [end])
    return upload


def _here(path: AnyPath) -> Path:
    assert isinstance(path, Path)
    return path


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def report(ledger: Ledger, tmp_path: Path) -> Callable[[Upload], ReportFiles]:
    catalogue = load_catalogue(None)
    return lambda upload: write_reports(
        upload, ledger=ledger, directory=tmp_path / "reports", accounts=NAMES, catalogue=catalogue
    )


def test_every_item_has_one_line_with_both_ads_and_our_labels(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    upload = an_upload(ledger, ["schoenen", "laarzen", "sokken"])
    files = report(upload)

    assert files.directory.name == f"{upload.number}-black-friday-2026-1f3a9c2e"
    assert _here(files.outcomes).read_bytes().startswith(b"\xef\xbb\xbf")
    done, skipped, failed = lines_of(_here(files.outcomes))
    assert tuple(done) == OUTCOME_COLUMNS
    assert done["lines"] == "2 5"
    assert (done["customer_id"], done["account_name"]) == ("123-456-7890", "'=Bakker | Co")
    assert (done["outcome"], done["new_ad_id"], done["copied_ad_id"]) == ("done", "900", "1")
    assert done["labels_attached"] == "THEME_BF_2026, THEMA_ORIGINAL"
    assert (skipped["outcome"], skipped["reason"], skipped["labels_attached"]) == (
        "skipped",
        "no_ad_to_copy",
        "",
    )
    assert (failed["outcome"], failed["category"]) == ("failed", "policy")
    assert failed["message"] == "'@risky: a policy, -20% | off"
    assert failed["trigger"] == "'=bier"
    assert files.items == {"pending": 0, "sending": 0, "applied": 0, "done": 1, "skipped": 1, "failed": 1}


def test_the_summary_says_that_the_ads_are_paused_and_how_to_enable_them(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    files = report(an_upload(ledger, ["schoenen", "laarzen", "sokken"]))
    text = _here(files.summary).read_text(encoding="utf-8")

    assert text == files.text
    assert "1 got a themed ad, 1 needed none or could have none, 1 failed" in text
    assert "The new ads are PAUSED" in text
    assert "`THEME_BF_2026`" in text
    assert "Enable" in text
    assert "@risky: a policy, -20% \\| off" in text  # does not break the table


def test_the_failed_items_select_the_same_ad_groups_when_uploaded_again(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    names = ["ok", "skip", "=cmd|'/C calc'!A1", "plain", "'@at", " + plus", "; =x", "-"]
    files = report(an_upload(ledger, names))
    catalogue = load_catalogue(None)

    assert tuple(lines_of(_here(files.failed_items))[0]) == FAILED_COLUMNS

    def resolve(text: str) -> str | None:
        edition = catalogue.resolve(text, date(2027, 1, 15))
        return edition.name if edition else None

    checked = check_rows(read_table(_here(files.failed_items)), default_edition=None, resolve_edition=resolve)
    assert checked.rejected == []
    assert checked.rows["customer_id"].tolist() == [ACCOUNT] * 6
    assert checked.rows["ad_group_id"].tolist() == [176256123456 + line for line in range(4, 10)]
    assert checked.rows["edition"].tolist() == [EDITION] * 6


def test_rejected_rows_are_listed_with_their_text_made_safe(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    rejected = [
        RejectedRow(line=9, reason="no_theme", message="The row names no theme.", raw='"=1+1"\n=2'),
        RejectedRow(line=8, reason="no_theme", message="The row names no theme.", raw="1;=2"),
    ]
    files = report(an_upload(ledger, ["a", "b", "c"], rejected=rejected))

    first, second = lines_of(_here(files.rejected_rows))
    assert (first["line"], first["row"]) == ("8", "1;'=2")
    assert second["row"] == '\'"=1+1"\\n=2'
    assert files.rejected == 2


def test_two_reports_of_one_ledger_are_the_same_bytes_and_leave_nothing_behind(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    upload = an_upload(ledger, ["a", "b", "c"])
    first = [_here(path).read_bytes() for path in report(upload).files]
    files = report(upload)

    assert [_here(path).read_bytes() for path in files.files] == first
    assert sorted(path.name for path in _here(files.directory).iterdir()) == [
        "failed_items.csv",
        "outcomes.csv",
        "rejected_rows.csv",
        "report.html",
        "summary.md",
    ]


def test_an_upload_without_items_has_a_report_too(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    upload, _ = ledger.uploads.register(
        key="unknown@1", file_path="/in/x.csv", file_name="x.csv", content_sha256="1" * 64, edition=None
    )
    files = report(upload)

    assert lines_of(_here(files.outcomes)) == []
    assert "No row of this file became an item" in files.text
    assert "PAUSED" not in files.text


def test_a_folder_that_cannot_be_written_is_one_clear_error(ledger: Ledger, tmp_path: Path) -> None:
    upload = an_upload(ledger, ["a", "b", "c"])
    (tmp_path / "reports").write_text("a file where the folder should be")

    with pytest.raises(ReportError, match="cannot be written") as caught:
        write_reports(upload, ledger=ledger, directory=tmp_path / "reports", catalogue=load_catalogue(None))
    assert isinstance(caught.value.__cause__, OSError)
    assert os.fspath(tmp_path / "reports") in str(caught.value)


def test_a_disk_that_becomes_full_leaves_the_earlier_report_and_no_half_of_a_new_one(
    ledger: Ledger, tmp_path: Path
) -> None:
    upload = an_upload(ledger, ["schoenen", "laarzen", *(f"sokken {number}" for number in range(700))])
    catalogue = load_catalogue(None)
    with small_disk(tmp_path / "reports") as disk:
        directory = disk.path / f"{upload.number}-black-friday-2026-1f3a9c2e"
        directory.mkdir()
        (directory / "outcomes.csv").write_text("the earlier one")
        said = r"\.csv cannot be written \(No space left on device\): free space in .*/reports/1-black-friday"
        with pytest.raises(ReportError, match=said):
            write_reports(upload, ledger=ledger, directory=disk.path, catalogue=catalogue)
        assert [path.name for path in directory.iterdir()] == ["outcomes.csv"]
        assert (directory / "outcomes.csv").read_text() == "the earlier one"


def test_what_a_killed_run_left_half_written_is_removed(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    upload = an_upload(ledger, ["a", "b", "c"])
    left = _here(report(upload).directory) / ".outcomes.csv.0123456789abcdef.part"
    left.write_text("half a li")
    report(upload)
    assert not left.exists()


def many_pending(ledger: Ledger, items: int) -> Upload:
    """An upload that was read, and of which nothing was pushed."""
    upload, _ = ledger.uploads.register(
        key="black-friday-2026@1",
        file_path="/in/bf.csv",
        file_name="bf.csv",
        content_sha256="1" * 64,
        edition=EDITION,
    )
    owner = ledger.uploads.take(upload.number, run_id="run-1", stage="reading", is_active=lambda _: False)
    rows = source_rows((line, ACCOUNT, 10**11 + line, EDITION) for line in range(2, items + 2))
    rejected = [RejectedRow(line=10**6 + line, reason="no_theme", message="", raw="") for line in range(5)]
    ledger.rows.write(owner, rows, rejected)
    ledger.uploads.end(owner, how="finished")
    return upload


def test_writing_a_report_tells_of_each_part_and_waits_for_what_comes_in_one_piece(
    ledger: Ledger, tmp_path: Path
) -> None:
    upload, told = many_pending(ledger, 45_000), list[tuple[str, bool]]()

    def tell(doing: str, *, waits_s: float = 0.0) -> None:
        told.append((doing, waits_s > 0))

    write_reports(upload, ledger=ledger, directory=tmp_path, catalogue=load_catalogue(None), tell=tell)
    assert told == [
        ("gathering the outcomes of 45,000 ad groups", True),
        ("writing outcome 1 of 45,000 ad groups", False),
        ("writing outcome 20,001 of 45,000 ad groups", False),
        ("writing outcome 40,001 of 45,000 ad groups", False),
        ("writing rejected row 1", False),
        ("writing the summary", False),
    ]


def test_a_report_rides_out_a_postgres_that_is_lost_in_the_middle_of_it(
    ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    upload = many_pending(ledger, 45_000)
    assert settings.database_url is not None
    with flaky_postgres(settings.database_url) as postgres, Ledger(postgres.url, settings) as behind:
        behind.patience.have()
        back = threading.Timer(0.5, postgres.come_back)

        def tell(doing: str, *, waits_s: float = 0.0) -> None:
            if doing.startswith("writing outcome 20,001"):
                postgres.go_away()
                back.start()

        files = write_reports(
            upload, ledger=behind, directory=tmp_path, catalogue=load_catalogue(None), tell=tell
        )
    assert back.finished.is_set()
    lines = [line["lines"] for line in lines_of(_here(files.outcomes))]
    assert lines == [str(line) for line in range(2, 45_002)]


HOSTILE = (
    """"'></title></style><script>alert(1)</script><img src=//evil.example onerror=alert(2)>{{ 7 * 7 }}"""
)


class _Page(HTMLParser):
    """What a browser would do because of the page: elements, attributes that load or run something, texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.loads: list[str] = []
        self.runs: list[str] = []
        self.texts: list[str] = []
        self.pictures: list[str] = []  # what is said of each that is not just an ornament
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.loads += [value or "" for name, value in attrs if name in {"href", "src", "action", "data"}]
        self.runs += [name for name, _ in attrs if name.startswith("on")]
        if ("role", "img") in attrs:
            self.pictures.append(dict(attrs).get("aria-label") or "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_the_page_says_what_happened_what_failed_and_what_to_do_next(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    rejected = [RejectedRow(line=8, reason="no_theme", message="The row names no theme.", raw="1;2")]
    files = report(an_upload(ledger, ["schoenen", "laarzen", "sokken", "jassen"], rejected=rejected))
    page = _Page(_here(files.page).read_text(encoding="utf-8"))
    text = " ".join(filter(None, page.texts))

    assert "1 of 4 ad groups got a themed ad, 2 failed ." in text
    assert "The new ads are paused : nobody sees them until you enable them." in text
    assert "PolicyFindingError.POLICY_FINDING" in page.texts
    assert "=bier" in page.texts  # what triggered the policy
    assert "sokken" in page.texts  # an ad group, for example
    assert "the ad group has no responsive search ad to copy" in page.texts
    assert "The row names no theme." in page.texts
    assert f"themaads submit {files.failed_items}" in page.texts
    assert page.elements["svg"] >= 3
    assert page.pictures == ["1 ads made, 1 skipped, 2 failed, 0 to do"]
    for path in files.files:
        assert path == files.page or path.name in page.loads


def test_a_page_made_of_hostile_texts_loads_nothing_and_runs_nothing(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    rejected = [RejectedRow(line=8, reason=HOSTILE, message=HOSTILE, raw=f"\u202e{HOSTILE}")]
    upload = an_upload(ledger, [HOSTILE, "b", HOSTILE], rejected=rejected, file_name=HOSTILE, said=HOSTILE)
    files = report(upload)
    page = _here(files.page).read_text(encoding="utf-8")
    found = _Page(page)

    assert found.elements["script"] == found.elements["img"] == 0
    assert found.runs == []
    assert {link for link in found.loads if not link.startswith("#")} == {
        "outcomes.csv", "failed_items.csv", "rejected_rows.csv", "summary.md",
    }  # fmt: skip
    assert "49" not in {text.strip() for text in found.texts}
    assert sum(HOSTILE[:60] in text for text in found.texts) >= 6  # it is there to be read
    assert "\u202e" not in page
    assert "default-src 'none'" in page


def test_the_page_tells_of_the_run_that_died_and_of_the_one_that_went_on(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    upload = an_upload(ledger, ["a", "b", "c"])
    ledger.beats.bury("run-1", why="the worker was killed by signal 9 at 1 of 3 items")
    owner = ledger.uploads.take(upload.number, run_id="run-2", stage="pushing", is_active=lambda _: False)
    ledger.uploads.end(owner, how="finished", status=UploadStatus.FINISHED)
    finished = ledger.uploads.by_number(upload.number)
    assert finished is not None
    files = report(finished)
    page = _Page(_here(files.page).read_text(encoding="utf-8"))

    assert "1 run ended too early" in page.texts
    assert "the worker was killed by signal 9 at 1 of 3 items" in page.texts
    assert "went on by itself, since the run before it died" in page.texts
    assert "run 1 died" in page.texts  # in the chart
