"""Cells of the report files: no spreadsheet takes one for a formula, and ids and names come back."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from themaads_pipeline.intake.readers import read_table
from themaads_pipeline.intake.rows import check_rows
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.reports.cells import kept_id, safe
from themaads_pipeline.reports.files import FAILED_COLUMNS, failed_row
from themaads_pipeline.reports.tables import table_file

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
# Texts that are made of what is dangerous, far more often than chance would.
RISKY = st.text(st.sampled_from(list(SIGNS + "\t\r\n\"' ;,|a1\u00a0\ufeff")), max_size=12)
TEXTS = st.one_of(RISKY, st.text(st.characters(exclude_categories=["Cs"]), max_size=30))


def begins_a_formula(cell: str) -> bool:
    """What a spreadsheet that drops leading quotes and spaces would take for a formula."""
    return cell.startswith(("\t", "\r", "\n")) or cell.lstrip(' "\u00a0\ufeff').startswith(tuple(SIGNS))


@given(TEXTS)
def test_no_cell_begins_a_formula_whatever_the_text(text: str) -> None:
    assert not begins_a_formula(safe(text))


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_no_cell_begins_a_formula_where_the_list_separator_is_a_semicolon(texts: list[str]) -> None:
    file = io.StringIO()
    csv.writer(file).writerow(["1", *map(safe, texts)])
    for line in file.getvalue().splitlines():
        assert not any(begins_a_formula(cell) for cell in line.split(";")[1:])


@given(TEXTS)
def test_a_text_that_is_no_danger_is_left_as_it_is(text: str) -> None:
    if not any(sign in text for sign in SIGNS) and text.isprintable():
        assert safe(text) == text


@pytest.mark.parametrize("text", ["Schoenen -20%", "a=b", "vraag@bedrijf.nl", "1 + 1", "O'Neill"])
def test_signs_inside_a_text_are_no_danger(text: str) -> None:
    assert safe(text) == text


def test_a_missing_value_is_an_empty_cell() -> None:
    assert (safe(None), kept_id(None)) == ("", "")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "customer_id": st.integers(1_000_000_000, 9_999_999_999),
                "ad_group_id": st.integers(1, 2**63 - 1),
                "ad_group_name": st.none() | TEXTS,
                "campaign_id": st.none() | st.integers(1, 2**63 - 1),
                "campaign_name": st.none() | TEXTS,
                "edition": st.sampled_from(["black_friday_2026", "kerstmis_2027"]),
            }
        ),
        min_size=1,
        max_size=6,
    )
)
def test_failed_items_come_back_through_the_intake_and_hold_no_formula(
    items: list[dict[str, object]],
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "failed_items.csv"
        with table_file(path, FAILED_COLUMNS) as write:
            for item in items:
                write(failed_row(item))
        with path.open(encoding="utf-8-sig", newline="") as file:
            assert not any(begins_a_formula(cell) for row in csv.reader(file) for cell in row)
        checked = check_rows(read_table(path), default_edition=None, resolve_edition=str)
    assert checked.rejected == []
    selected = checked.rows[["customer_id", "ad_group_id", "edition"]].to_dict("records")
    assert selected == [
        {key: item[key] for key in ("customer_id", "ad_group_id", "edition")} for item in items
    ]


def test_ids_that_a_spreadsheet_would_round_are_protected_where_the_name_is_no_way_back() -> None:
    item = {
        "customer_id": 1234567890,
        "ad_group_id": 176256123456,
        "campaign_id": None,
        "campaign_name": None,
        "edition": "black_friday_2026",
    }
    assert failed_row(item | {"ad_group_name": "schoenen"})[1] == "176256123456"
    for name in (None, "=schoenen", " schoenen", "--", "#N/A"):
        assert failed_row(item | {"ad_group_name": name})[1] == "'176256123456"


def test_customer_ids_have_dashes_so_that_a_spreadsheet_leaves_them_alone() -> None:
    assert dashed(1234567890) == "123-456-7890"
