"""Reading an upload into the ledger: once, whole, and only the file that was submitted."""

from datetime import date
from pathlib import Path

import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.folder import fingerprint_file
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.push.reading import ReadRows, read_upload
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.running_emulator import RunningEmulator

TODAY = date(2026, 11, 23)
CATALOGUE = load_catalogue(None)


def no_gateway() -> Gateway:
    raise AssertionError("no name has to be looked up")


def submit(ledger: Ledger, file: Path) -> int:
    return register_file(file, ledger=ledger, catalogue=CATALOGUE, today=TODAY).upload.number


def read(ledger: Ledger, number: int, gateway: Gateway | None = None) -> ReadRows | None:
    upload = ledger.uploads.by_number(number)
    assert upload is not None
    owner = ledger.uploads.take(
        number, run_id=f"run-{upload.epoch}", stage="reading", is_active=lambda _: False
    )
    return read_upload(
        upload,
        owner,
        ledger=ledger,
        catalogue=CATALOGUE,
        today=TODAY,
        gateway=no_gateway if gateway is None else lambda: gateway,
    )


def test_a_file_is_read_once(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "bf.csv"
    file.write_text("customer_id,ad_group_id\n123-456-7890,5\n1234567890,5\n1234567890,6\n", encoding="utf-8")
    number = submit(ledger, file)
    first = read(ledger, number)
    assert first is not None
    assert read(ledger, number) is None
    assert {item["ad_group_id"]: item["lines"] for item in ledger.outcomes.items(number)} == {
        5: [2, 3],
        6: [4],
    }


def test_a_file_that_was_changed_after_it_was_submitted_is_not_read(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "bf.csv"
    file.write_text("customer_id,ad_group_id\n1234567890,5\n", encoding="utf-8")
    number = submit(ledger, file)
    file.write_text("customer_id,ad_group_id\n1234567890,6\n", encoding="utf-8")
    with pytest.raises(UnusableFileError, match="was changed after it was submitted as #1: submit it again"):
        read(ledger, number)


def test_a_file_without_one_usable_row_fails_and_keeps_its_rejected_rows(
    ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "bf.csv"
    file.write_text("customer_id,ad_group_id\n123,5\n,6\n", encoding="utf-8")
    number = submit(ledger, file)
    with pytest.raises(
        UnusableFileError, match=r"none of its 2 rows can be used \(1 bad_customer_id, 1 no_cust"
    ):
        read(ledger, number)
    assert [row.line for row in ledger.outcomes.rejected_rows(number)] == [2, 3]


def test_a_name_finds_its_ad_group_within_its_campaign_and_is_never_guessed(
    ledger: Ledger, tmp_path: Path, emulator: RunningEmulator, gateway: Gateway
) -> None:
    account = {
        "customer_id": 1234567890,
        "name": "Winkel",
        "campaigns": [{"id": 1, "name": "Zoeken"}, {"id": 2, "name": "Merk"}],
        "ad_groups": [
            {"id": 5, "name": "Schoenen", "campaign_id": 1},
            {"id": 6, "name": "Schoenen", "campaign_id": 2},
            {"id": 7, "name": "L'Oréal \\ 50%", "campaign_id": 2},
        ],
    }
    emulator.seed({"managers": [{"customer_id": 1000000001, "name": "Bureau"}], "accounts": [account]})
    file = tmp_path / "bf.csv"
    file.write_text(
        "customer_id;ad_group_id;ad_group_name;campaign_name\n"
        "1234567890;1,76256E+11;Schoenen;Merk\n"
        "1234567890;;Schoenen;\n"
        "1234567890;;L'Oréal \\ 50%;\n"
        "1234567890;;Laarzen;\n",
        encoding="utf-8",
    )
    number = submit(ledger, file)
    selected = read(ledger, number, gateway)
    assert selected is not None
    assert selected.resolved_by_name == 2
    assert {item["ad_group_id"]: item["lines"] for item in ledger.outcomes.items(number)} == {6: [2], 7: [4]}
    assert [(row.line, row.reason) for row in ledger.outcomes.rejected_rows(number)] == [
        (3, "ambiguous_name"),
        (5, "ad_group_not_found"),
    ]


def test_a_file_that_went_away_before_it_was_read_is_found_where_it_is_dropped_again(
    ledger: Ledger, tmp_path: Path
) -> None:
    first, second = tmp_path / "bf.csv", tmp_path / "bf again.csv"
    first.write_text("customer_id,ad_group_id\n1234567890,5\n", encoding="utf-8")
    number = submit(ledger, first)
    first.rename(second)
    assert submit(ledger, second) == number
    assert read(ledger, number) is not None


def test_another_content_whose_hash_begins_alike_is_another_upload(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "bf.csv"
    file.write_text("customer_id,ad_group_id\n1234567890,5\n", encoding="utf-8")
    content = fingerprint_file(file)
    ledger.uploads.register(
        key=f"black-friday-2026@{content[:8]}",
        file_path="/in/other.csv",
        file_name="other.csv",
        content_sha256="0" * 64,
        edition="black_friday_2026",
    )
    registered = register_file(file, ledger=ledger, catalogue=CATALOGUE, today=TODAY)
    assert (registered.is_new, registered.upload.key) == (True, f"black-friday-2026@{content}")
