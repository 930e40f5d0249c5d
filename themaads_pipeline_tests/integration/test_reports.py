"""The report files of an upload, from a real ledger, and back through the intake."""

import csv
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from themaads_pipeline.intake.readers import read_table
from themaads_pipeline.intake.rows import check_rows
from themaads_pipeline.ledger.attempts import LabelledItem, PlannedEnd, PlannedItem, SentItem
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.items import Item, ItemState, RejectedRow
from themaads_pipeline.model.outcomes import Category, Failure
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.reports.files import FAILED_COLUMNS, OUTCOME_COLUMNS, ReportFiles, write_reports
from themaads_pipeline.reports.tables import ReportError
from themaads_pipeline.themes.catalogue import load_catalogue

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


def an_upload(ledger: Ledger, names: list[str], *, rejected: list[RejectedRow] | None = None) -> Upload:
    """An upload of one ad group a name: the first is done, the second skipped, the others failed."""
    upload, _ = ledger.uploads.register(
        key="black-friday-2026@1f3a9c2e",
        file_path="/in/bf.csv",
        file_name="bf.csv",
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
    ledger.rows.write(owner, rows, rejected or [])
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
        message="@risky: a policy, -20% | off",
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
    assert files.outcomes.read_bytes().startswith(b"\xef\xbb\xbf")
    done, skipped, failed = lines_of(files.outcomes)
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
    text = files.summary.read_text(encoding="utf-8")

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

    assert tuple(lines_of(files.failed_items)[0]) == FAILED_COLUMNS

    def resolve(text: str) -> str | None:
        edition = catalogue.resolve(text, date(2027, 1, 15))
        return edition.name if edition else None

    checked = check_rows(read_table(files.failed_items), default_edition=None, resolve_edition=resolve)
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

    first, second = lines_of(files.rejected_rows)
    assert (first["line"], first["row"]) == ("8", "1;'=2")
    assert second["row"] == '\'"=1+1"\\n=2'
    assert files.rejected == 2


def test_two_reports_of_one_ledger_are_the_same_bytes_and_leave_nothing_behind(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    upload = an_upload(ledger, ["a", "b", "c"])
    first = [path.read_bytes() for path in report(upload).files]
    files = report(upload)

    assert [path.read_bytes() for path in files.files] == first
    assert sorted(path.name for path in files.directory.iterdir()) == [
        "failed_items.csv",
        "outcomes.csv",
        "rejected_rows.csv",
        "summary.md",
    ]


def test_an_upload_without_items_has_a_report_too(
    ledger: Ledger, report: Callable[[Upload], ReportFiles]
) -> None:
    upload, _ = ledger.uploads.register(
        key="unknown@1", file_path="/in/x.csv", file_name="x.csv", content_sha256="1" * 64, edition=None
    )
    files = report(upload)

    assert lines_of(files.outcomes) == []
    assert "No row of this file became an item" in files.text
    assert "PAUSED" not in files.text


def test_a_full_disk_is_one_clear_error_and_the_earlier_report_stays(ledger: Ledger, tmp_path: Path) -> None:
    upload = an_upload(ledger, ["a", "b", "c"])
    (tmp_path / "reports").write_text("a file where the folder should be")

    with pytest.raises(ReportError, match="cannot be written") as caught:
        write_reports(upload, ledger=ledger, directory=tmp_path / "reports", catalogue=load_catalogue(None))
    assert isinstance(caught.value.__cause__, OSError)
    assert os.fspath(tmp_path / "reports") in str(caught.value)
