"""Whatever a file is written with, its rows come back; and no line is ever lost."""

import csv
import gzip
import io
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.readers import read_table
from themaads_pipeline.intake.rows import check_rows
from themaads_pipeline_tests.unit.intake_files import HEADER, workbook

WESTERN = st.characters(codec="cp1252", exclude_categories=("Cc", "Cs"))
NAMES = st.text(WESTERN, max_size=12).map(str.strip)
ROWS = st.fixed_dictionaries(
    {
        "customer_id": st.integers(10**9, 10**10 - 1).map(str),
        "ad_group_id": st.integers(1, 2**63 - 1).map(str),
        "ad_group_name": NAMES,
        "campaign_id": st.integers(1, 2**63 - 1).map(str),
        "campaign_name": NAMES,
        "theme": st.just("bf"),
        "note": NAMES,
        "another": NAMES,
    }
)
NO_NAMES = {"", "-", "--", "\u2013", "\u2014"}
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_text(
    rows: list[dict[str, str]], columns: list[str], delimiter: str, line_end: str, *, quoted: bool
) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(
        out,
        columns,
        delimiter=delimiter,
        lineterminator=line_end,
        quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL,
    )
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def expected(rows: list[dict[str, str]]) -> list[tuple[object, ...]]:
    return [
        (
            number,
            int(row["customer_id"]),
            int(row["ad_group_id"]),
            None if row["ad_group_name"] in NO_NAMES else row["ad_group_name"],
            int(row["campaign_id"]),
            None if row["campaign_name"] in NO_NAMES else row["campaign_name"],
            "black_friday_2026",
        )
        for number, row in enumerate(rows, start=2)
    ]


def found(path: Path) -> list[tuple[object, ...]]:
    result = check_rows(read_table(path), default_edition=None, resolve_edition=lambda _: "black_friday_2026")
    assert result.rejected == []
    frame = result.rows.astype(object)
    return list(frame.where(frame.notna(), None).itertuples(index=False, name=None))


@quick
@given(
    rows=st.lists(ROWS, min_size=1, max_size=8),
    columns=st.permutations([*HEADER, "note", "another"]),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quoted=st.booleans(),
    packed=st.booleans(),
)
def test_rows_survive_any_delimiter_encoding_and_order_of_columns(  # noqa: PLR0917  # hypothesis names them
    tmp_path: Path,
    rows: list[dict[str, str]],
    columns: list[str],
    delimiter: str,
    line_end: str,
    encoding: str,
    quoted: bool,  # hypothesis passes it
    packed: bool,
) -> None:
    content = as_text(rows, columns, delimiter, line_end, quoted=quoted).encode(encoding)
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    assert found(path) == expected(rows)


@quick
@given(rows=st.lists(ROWS, min_size=1, max_size=8))
def test_rows_survive_windows_1252(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    # A word that is no UTF-8, as any Dutch or German list has; pairs that look like UTF-8 are the minority.
    rows = [{**row, "note": "\u00e9\u00e9n r\u00f6d caf\u00e9 \u20ac " * 8} for row in rows]
    path = tmp_path / "a.csv"
    path.write_bytes(as_text(rows, [*HEADER, "note", "another"], ";", "\r\n", quoted=False).encode("cp1252"))
    assert found(path) == expected(rows)


@settings(quick, max_examples=30)
@given(rows=st.lists(ROWS, min_size=1, max_size=5), columns=st.permutations([*HEADER, "note"]))
def test_rows_survive_a_workbook(tmp_path: Path, rows: list[dict[str, str]], columns: list[str]) -> None:
    # A text that begins with = is a formula to the library that writes the file.
    rows = [{name: value.lstrip("=").strip() for name, value in row.items()} for row in rows]
    path = workbook(tmp_path / "a.xlsx", [columns, *([row[name] for name in columns] for row in rows)])
    assert found(path) == expected(rows)


@settings(quick, max_examples=60)
@given(
    lines=st.lists(st.text(st.sampled_from("01,;\"' ax\u00e9.E+#-"), max_size=25), min_size=1, max_size=12)
)
def test_each_line_ends_in_rows_or_in_rejected_exactly_once(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "a.csv"
    good = [f'1234567890,{number},"x"' for number in range(1, len(lines) + 1)]
    mixed = [line for pair in zip(lines, good, strict=True) for line in pair]
    path.write_text("\n".join(["customer_id,ad_group_id,note", *mixed]) + "\n")
    table = read_table(path)
    result = check_rows(table, default_edition="x", resolve_edition=lambda _: None)
    ends = [*result.rows["line"].tolist(), *(row.line for row in result.rejected)]
    assert len(ends) == len(set(ends))
    for number, line in enumerate(mixed, start=2):
        if number not in ends:
            # Either nothing stands in the line, or it is a part of a quoted field that began before.
            assert not line.strip(",\"' ") or any('"' in before for before in mixed[: number - 2])
    if not any('"' in line for line in lines):
        assert result.rows["ad_group_id"].dropna().isin(range(1, len(lines) + 1)).sum() >= len(good)


@settings(quick, max_examples=60)
@given(content=st.binary(max_size=200), name=st.sampled_from(["a.csv", "a.csv.gz", "a.xlsx", "a.txt"]))
def test_no_bytes_bring_the_reader_down(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    for head in (b"", b"customer_id,ad_group_id\n", b"PK\x03\x04", b"\x1f\x8b\x08", b"\xff\xfe"):
        path.write_bytes(head + content)
        try:
            check_rows(read_table(path), default_edition="x", resolve_edition=lambda _: None)
        except UnusableFileError as error:
            assert str(error).startswith(name)  # noqa: PT017  # either way is fine
