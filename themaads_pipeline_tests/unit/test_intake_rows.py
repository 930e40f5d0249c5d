"""Every row ends as a row that selects an ad group, or as a rejected one with its reason."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from themaads_pipeline.intake.readers import read_table
from themaads_pipeline.intake.rows import CheckedRows, check_rows
from themaads_pipeline_tests.unit.intake_files import HEADER, workbook, write

EDITIONS = {"bf": "black_friday_2026", "Black Friday": "black_friday_2026", "kerst": "kerstmis_2026"}
CUSTOMER = "1234567890"


def checked(
    tmp_path: Path,
    *rows: Sequence[str],
    header: Sequence[str] = HEADER,
    default: str | None = "black_friday_2026",
) -> CheckedRows:
    lines = ["\t".join(row) for row in [header, *rows]]
    table = read_table(write(tmp_path / "rows.tsv", "\n".join(lines) + "\n"))
    return check_rows(table, default_edition=default, resolve_edition=EDITIONS.get)


def reason_of(result: CheckedRows) -> str:
    assert result.rows.empty
    (rejected,) = result.rejected
    assert rejected.line == 2
    assert rejected.message.endswith(".")
    return rejected.reason


def only_row(result: CheckedRows) -> dict[str, object]:
    assert result.rejected == []
    (row,) = result.rows.astype(object).to_dict("records")
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}


def test_a_plain_row_becomes_numbers_and_names(tmp_path: Path) -> None:
    result = checked(tmp_path, [CUSTOMER, "11", "Schoenen", "22", "Winter", "kerst"])
    assert only_row(result) == {
        "line": 2,
        "customer_id": 1234567890,
        "ad_group_id": 11,
        "ad_group_name": "Schoenen",
        "campaign_id": 22,
        "campaign_name": "Winter",
        "edition": "kerstmis_2026",
    }
    assert {str(name): str(kind) for name, kind in result.rows.dtypes.items()} == {
        "line": "int64",
        "customer_id": "int64",
        "ad_group_id": "Int64",
        "ad_group_name": "string",
        "campaign_id": "Int64",
        "campaign_name": "string",
        "edition": "string",
    }


@pytest.mark.parametrize(
    "text",
    [
        "1234567890", "123-456-7890", " 123 456 7890 ", "123\u00a0456\u00a07890", "123\u2013456\u20137890",
        "'1234567890", '"=""1234567890"""', "1234567890.0", "1234567890,00",
    ],
)  # fmt: skip
def test_a_customer_id_may_be_grouped_or_wrapped(tmp_path: Path, text: str) -> None:
    assert only_row(checked(tmp_path, [text, "11", "", "", "", ""]))["customer_id"] == 1234567890


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_customer_id"),
        ("--", "no_customer_id"),
        ("123456789", "bad_customer_id"),
        ("12345678901", "bad_customer_id"),
        ("0123456789", "bad_customer_id"),
        ("-1234567890", "bad_customer_id"),
        ("12-34567890", "bad_customer_id"),
        ("\u0661234567890", "bad_customer_id"),
        ("nan", "bad_customer_id"),
        ("1,234,567,890", "bad_customer_id"),
        ("1.23457E+09", "digits_lost"),
        ("1,23457E+09", "digits_lost"),
        ("#######", "digits_lost"),
    ],
)
def test_a_customer_id_that_cannot_be_meant_is_rejected(tmp_path: Path, text: str, reason: str) -> None:
    assert reason_of(checked(tmp_path, [text, "11", "a", "", "", "bf"])) == reason


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("176256123456", 176256123456),
        ("176256123456.0", 176256123456),
        ("176256123456,0", 176256123456),
        ("176256123456.00", 176256123456),
        ("9007199254740991.0", 2**53 - 1),
        ("9223372036854775807", 2**63 - 1),
        ("000011", 11),
        ("'11", 11),
        ('"=""11"""', 11),
    ],
)
def test_an_ad_group_id_is_read_where_no_digit_is_in_doubt(tmp_path: Path, text: str, number: int) -> None:
    assert only_row(checked(tmp_path, [CUSTOMER, text, "", "", "", ""]))["ad_group_id"] == number


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_ad_group"),
        ("0", "bad_ad_group_id"),
        ("0.0", "bad_ad_group_id"),
        ("-5", "bad_ad_group_id"),
        ("1.5", "bad_ad_group_id"),
        ("1.000", "bad_ad_group_id"),
        ("176,256,123,456", "bad_ad_group_id"),
        ("abc", "bad_ad_group_id"),
        ("9223372036854775808", "bad_ad_group_id"),
        ("1" * 100, "bad_ad_group_id"),
        ("=HYPERLINK(1)", "bad_ad_group_id"),
        ("1.76256E+11", "digits_lost"),
        ("1,76256E+11", "digits_lost"),
        ("1.76256123456E+11", "digits_lost"),
        ("2e11", "digits_lost"),
        ("####", "digits_lost"),
        ("9007199254740992.0", "digits_lost"),
        ("90071992547409920.0", "digits_lost"),
    ],
)
def test_an_ad_group_id_in_doubt_is_rejected_and_never_guessed(
    tmp_path: Path, text: str, reason: str
) -> None:
    assert reason_of(checked(tmp_path, [CUSTOMER, text, "", "", "", "bf"])) == reason


@pytest.mark.parametrize("damaged", ["1.76256E+11", "1,76256E+11", "9007199254740992.0", "", "--"])
def test_an_ad_group_without_a_whole_id_is_looked_up_by_name(tmp_path: Path, damaged: str) -> None:
    row = only_row(checked(tmp_path, [CUSTOMER, damaged, "Schoenen", "22", "", ""]))
    assert (row["ad_group_id"], row["ad_group_name"], row["campaign_id"]) == (None, "Schoenen", 22)


def test_a_wrong_id_is_not_replaced_by_the_name(tmp_path: Path) -> None:
    assert reason_of(checked(tmp_path, [CUSTOMER, "abc", "Schoenen", "", "", ""])) == "bad_ad_group_id"


def test_a_damaged_campaign_id_gives_way_to_the_campaign_name(tmp_path: Path) -> None:
    for damaged in ("2.0E+10", "abc"):
        row = only_row(checked(tmp_path, [CUSTOMER, "", "Schoenen", damaged, "Winter", ""]))
        assert (row["campaign_id"], row["campaign_name"]) == (None, "Winter")


def test_a_damaged_campaign_id_alone_leaves_the_whole_account(tmp_path: Path) -> None:
    row = only_row(checked(tmp_path, [CUSTOMER, "", "Schoenen", "2.0E+10", "", ""]))
    assert (row["campaign_id"], row["campaign_name"], row["ad_group_name"]) == (None, None, "Schoenen")


def test_a_wrong_campaign_id_is_rejected_only_where_it_matters(tmp_path: Path) -> None:
    assert reason_of(checked(tmp_path, [CUSTOMER, "", "Schoenen", "abc", "", ""])) == "bad_campaign_id"
    row = only_row(checked(tmp_path, [CUSTOMER, "11", "Schoenen", "abc", "", ""]))
    assert (row["ad_group_id"], row["campaign_id"]) == (11, None)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("#N/A", "damaged_name"), ("#NAAM?", "damaged_name"), ("caf\ufffd", "unreadable_characters")],
)
def test_a_name_that_a_spreadsheet_replaced_is_not_looked_up(tmp_path: Path, name: str, reason: str) -> None:
    assert reason_of(checked(tmp_path, [CUSTOMER, "", name, "", "", ""])) == reason
    assert reason_of(checked(tmp_path, [CUSTOMER, "", "Schoenen", "", name, ""])) == reason
    assert only_row(checked(tmp_path, [CUSTOMER, "11", name, "", name, ""]))["ad_group_id"] == 11


def test_a_name_that_a_workbook_turned_into_a_date_is_rejected(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        [("customer_id", "ad_group_name"), (1234567890, pd.Timestamp("2026-04-03").to_pydatetime())],
    )
    result = check_rows(read_table(path), default_edition="x", resolve_edition=EDITIONS.get)
    assert reason_of(result) == "damaged_name"
    assert "'2026-04-03'" in result.rejected[0].message


@pytest.mark.parametrize(
    "name", ["=1+1", "+31", "@home", "-10% korting", "{KeyWord:x}", "#1 schoenen", "null"]
)
def test_odd_names_are_names(tmp_path: Path, name: str) -> None:
    assert only_row(checked(tmp_path, [CUSTOMER, "", name, "", "", ""]))["ad_group_name"] == name


def test_a_row_without_a_theme_takes_the_default_or_is_rejected(tmp_path: Path) -> None:
    row = [CUSTOMER, "11", "", "", "", ""]
    assert only_row(checked(tmp_path, row))["edition"] == "black_friday_2026"
    assert reason_of(checked(tmp_path, row, default=None)) == "no_theme"
    assert reason_of(checked(tmp_path, row[:2], header=HEADER[:2], default=None)) == "no_theme"


def test_a_rows_own_theme_wins_and_an_unknown_one_is_rejected(tmp_path: Path) -> None:
    row = [CUSTOMER, "11", "", "", ""]
    assert only_row(checked(tmp_path, [*row, " kerst "]))["edition"] == "kerstmis_2026"
    assert reason_of(checked(tmp_path, [*row, "carnaval"])) == "unknown_theme"


def test_each_distinct_theme_is_resolved_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def resolve(text: str) -> str | None:
        asked.append(text)
        return EDITIONS.get(text)

    rows = [f"{CUSTOMER},{number},{('bf', 'kerst', 'x')[number % 3]}" for number in range(1, 301)]
    table = read_table(write(tmp_path / "a.csv", "\n".join(["customer_id,ad_group_id,theme", *rows])))
    result = check_rows(table, default_edition=None, resolve_edition=resolve)
    assert sorted(asked) == ["bf", "kerst", "x"]
    assert (len(result.rows), len(result.rejected)) == (200, 100)


def test_a_rejected_row_keeps_its_raw_text_with_the_ignored_columns(tmp_path: Path) -> None:
    header = ["note", "customer_id", "ad_group_id", "theme"]
    result = checked(tmp_path, [" my note ", "12", "11", "bf"], ["x", CUSTOMER, "11", "bf"], header=header)
    assert [(row.line, row.raw) for row in result.rejected] == [(2, " my note \t12\t11\tbf")]


def test_a_rejected_row_keeps_what_was_read_when_the_file_has_gone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "customer_id,ad_group_id\n12,11\n")
    table = read_table(path)
    path.unlink()
    result = check_rows(table, default_edition="x", resolve_edition=EDITIONS.get)
    assert "12\t11" in result.rejected[0].raw


def test_rejected_lines_and_rejected_rows_come_in_the_files_order(tmp_path: Path) -> None:
    result = checked(tmp_path, ["x"] * 6, ["y"] * 2, [CUSTOMER, "0", "", "", "", ""], ["z"] * 7)
    assert [(row.line, row.reason) for row in result.rejected] == [
        (2, "bad_customer_id"),
        (3, "wrong_number_of_fields"),
        (4, "bad_ad_group_id"),
        (5, "wrong_number_of_fields"),
    ]


def test_duplicate_rows_are_all_kept_and_counted(tmp_path: Path) -> None:
    result = checked(
        tmp_path,
        [CUSTOMER, "11", "a", "", "", "bf"],
        ["123-456-7890", "11.0", "b", "", "", "Black Friday"],
        [CUSTOMER, "11", "a", "", "", "kerst"],
        [CUSTOMER, "", "a", "", "", ""],
        [CUSTOMER, "", "a", "", "", ""],
        [CUSTOMER, "", "a", "22", "", ""],
    )
    assert result.rows["line"].tolist() == [2, 3, 4, 5, 6, 7]
    assert result.duplicates == 2


def test_a_file_of_rejected_rows_alone_is_no_error(tmp_path: Path) -> None:
    result = checked(tmp_path, ["x"], ["y"])
    assert result.rows.empty
    assert len(result.rejected) == 2
    assert result.duplicates == 0
