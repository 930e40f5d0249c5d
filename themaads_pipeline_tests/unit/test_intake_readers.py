"""Any file becomes a table, or one error that a marketer understands."""

import gzip
import os
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake import sources
from themaads_pipeline.intake.readers import RawTable, read_table
from themaads_pipeline_tests.unit.intake_files import (
    HEADER,
    OLE,
    sheet_xml,
    with_sheet_xml,
    workbook,
    write,
    write_gz,
)

PLAIN = "customer_id,ad_group_id,theme\n1234567890,11,bf\n1234567891,12,kerst\n"


def rows_of(table: RawTable) -> list[dict[str, object]]:
    return [{str(k): v for k, v in row.items()} for row in table.columns.to_dict("records")]


def refused(path: Path) -> str:
    with pytest.raises(UnusableFileError) as caught:
        read_table(path)
    message = str(caught.value)
    assert message.startswith(f"{sources.shown(path)}: ")
    assert "Traceback" not in message
    return message


def test_columns_are_found_by_name_in_any_order_and_others_are_ignored(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Notes, AD-GROUP ID ,thema,Customer ID\nx,11,bf,1234567890\n")
    assert rows_of(read_table(path)) == [
        {"line": 2, "customer_id": "1234567890", "ad_group_id": "11", "theme": "bf"}
    ]


@pytest.mark.parametrize(
    "header",
    [
        "Klant-ID;Advertentiegroep-ID;Advertentiegroep;Campagne-ID;Campagne;Thema",
        "Customer ID;Ad group ID;Ad group;Campaign ID;Campaign;Theme",
        "CustomerId;AdGroupId;AdGroupName;CampaignId;CampaignName;Theme",
        " customer_id ;AD_GROUP_ID;ad group name;campaign-id;Campaign Name;THEME",
    ],
)
def test_the_names_of_google_ads_in_english_and_dutch_are_known(tmp_path: Path, header: str) -> None:
    table = read_table(write(tmp_path / "a.csv", f"{header}\n1;2;3;4;5;6\n"))
    assert rows_of(table) == [{"line": 2, **dict(zip(HEADER, "123456", strict=True))}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_delimiter_encoding_and_line_end_reads_the_same(
    tmp_path: Path, delimiter: str, encoding: str, line_end: str
) -> None:
    name = f'caf\u00e9 {delimiter} "r\u00f6d" \u20ac'
    quoted = '"' + name.replace('"', '""') + '"'
    text = line_end.join(
        [
            "customer_id|ad_group_name|x".replace("|", delimiter),
            f"1|{quoted}|y".replace("|", delimiter, 1),
            "",
        ]
    )
    text = text.replace(f"{quoted}|", f"{quoted}{delimiter}")
    table = read_table(write(tmp_path / "a.csv", text, encoding=encoding))
    assert rows_of(table) == [{"line": 2, "customer_id": "1", "ad_group_name": name}]


def test_utf_16_with_a_big_endian_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xfe\xff" + PLAIN.encode("utf-16-be"))
    assert len(read_table(path).columns) == 2


def test_one_broken_letter_does_not_turn_a_utf_8_file_into_windows_1252(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("customer_id,ad_group_name\n1,caf\u00e9\n2,r\u00f6d\n3,caf".encode() + b"\xe9\n")
    assert read_table(path).columns["ad_group_name"].tolist() == ["caf\u00e9", "r\u00f6d", "caf\ufffd"]


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.tsv", "a.txt", "bf \u00e9 'x'.csv"])
def test_endings_are_forgiven_their_case(tmp_path: Path, name: str) -> None:
    assert len(read_table(write(tmp_path / name, PLAIN)).columns) == 2


def test_a_gzipped_csv_is_read(tmp_path: Path) -> None:
    table = read_table(write_gz(tmp_path / "a.csv.gz", PLAIN + "\nbroken\n"))
    assert len(table.columns) == 2
    assert [(row.line, row.raw) for row in table.rejected] == [(5, "broken")]


def test_blank_lines_count_as_lines_and_are_no_rows(tmp_path: Path) -> None:
    text = "customer_id,ad_group_id,x\n\n1,2,\n , ,\n,,\n\n3,4,\n\n"
    table = read_table(write(tmp_path / "a.csv", text))
    assert table.columns["line"].tolist() == [3, 7]
    assert table.rejected == []


def test_a_row_with_content_in_ignored_columns_alone_is_kept_to_be_rejected(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", "customer_id,ad_group_id,x\n,,note\n"))
    assert table.columns["line"].tolist() == [2]
    assert table.raw([2]) == {2: ",,note"}


def test_lines_before_the_header_are_skipped(tmp_path: Path) -> None:
    text = "sep=;\nAdvertentiegroeprapport\n\n1 november - 30 november\nKlant-ID;Advertentiegroep\n1;a, b\n"
    table = read_table(write(tmp_path / "a.csv", text))
    assert rows_of(table) == [{"line": 6, "customer_id": "1", "ad_group_name": "a, b"}]


def test_a_line_with_another_number_of_fields_costs_that_line_alone(tmp_path: Path) -> None:
    text = "customer_id,ad_group_id,ad_group_name\n1,2,a\n1,2\n1,2,a,b\n1,3,c\n1,4,d,,\n1,5,e\n"
    table = read_table(write(tmp_path / "a.csv", text))
    assert table.columns["line"].tolist() == [2, 5, 6, 7]
    assert table.columns["ad_group_id"].tolist() == ["2", "3", "4", "5"]
    assert [(row.line, row.reason, row.raw) for row in table.rejected] == [
        (3, "wrong_number_of_fields", "1,2"),
        (4, "wrong_number_of_fields", "1,2,a,b"),
    ]


def test_a_quote_that_is_not_closed_costs_its_own_line_alone(tmp_path: Path) -> None:
    text = 'customer_id,ad_group_id,note\n1,2,"a\n1,3,"b"\n1,4,c\n1,5,"d\n1,6,e\n'
    table = read_table(write(tmp_path / "a.csv", text))
    assert table.columns["line"].tolist() == [3, 4, 6]
    assert [(row.line, row.reason, row.raw) for row in table.rejected] == [
        (2, "unclosed_quote", '1,2,"a'),
        (5, "unclosed_quote", '1,5,"d'),
    ]


def test_a_quote_that_is_not_closed_in_a_large_file_is_found_too(tmp_path: Path) -> None:
    lines = [f"1,{number},{'x' * 200}" for number in range(1, 60_001)]
    lines[10] = '1,11,"oops'
    lines[50_000] = '1,50001,"oops'
    table = read_table(write(tmp_path / "a.csv", "\n".join(["customer_id,ad_group_id,note", *lines, "1,2"])))
    assert len(table.columns) == 59_998
    assert [row.line for row in table.rejected] == [12, 50_002, 60_002]
    assert table.raw([13]) == {13: lines[11]}


def test_a_quote_inside_a_text_is_a_letter(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", 'customer_id,ad_group_name\n1,Tv 24" zwart\n1,b\n'))
    assert table.columns["ad_group_name"].tolist() == ['Tv 24" zwart', "b"]


def test_a_field_may_contain_line_breaks(tmp_path: Path) -> None:
    text = 'customer_id,ad_group_id,note\n1,2,"one\n\ntwo"\n1,3,b\n'
    table = read_table(write(tmp_path / "a.csv", text))
    assert table.columns["line"].tolist() == [2, 5]
    assert table.rejected == []


def test_zeros_later_in_a_file_become_visible_and_never_reach_the_database(tmp_path: Path) -> None:
    text = "customer_id,ad_group_name\n" + "1,abcdefgh\n" * 10_000 + "2,a\0b\n\0\0\n"
    table = read_table(write(tmp_path / "a.csv", text))
    assert table.columns["ad_group_name"].tolist()[-1] == "a\ufffdb"
    assert [row.raw for row in table.rejected] == ["\ufffd\ufffd"]
    assert table.raw([10_002]) == {10_002: "2,a\ufffdb"}


def test_an_endless_raw_text_is_cut(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", "customer_id,ad_group_id\n1,2\n" + "x" * 100_000))
    assert len(table.rejected[0].raw) == 2_000


# Workbooks


def test_a_workbook_reads_as_what_was_typed(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        [
            ["theme", "x", "customer_id", "ad_group_id", "ad_group_name", "campaign_id"],
            ["bf", 1.5, 1234567890, 176256123456, "Schoenen", 2**60],
            [None, None, "123-456-7890", "176256123456", 2026, 1.5],
            [None, None, None, None, None, None],
            [None, None, "1234567890", None, datetime(2026, 3, 4, tzinfo=UTC).replace(tzinfo=None), True],
        ],
    )
    table = read_table(path)
    assert rows_of(table) == [
        {
            "line": 2,
            "theme": "bf",
            "customer_id": "1234567890",
            "ad_group_id": "176256123456",
            "ad_group_name": "Schoenen",
            "campaign_id": "1.152922E+18",
        },
        {
            "line": 3,
            "theme": "",
            "customer_id": "123-456-7890",
            "ad_group_id": "176256123456",
            "ad_group_name": "2026",
            "campaign_id": "1.5",
        },
        {
            "line": 5,
            "theme": "",
            "customer_id": "1234567890",
            "ad_group_id": "",
            "ad_group_name": "#DATE!2026-03-04",
            "campaign_id": "TRUE",
        },
    ]
    assert table.raw([2]) == {2: "bf\t1.5\t1234567890\t176256123456\tSchoenen\t1.152922E+18"}


def test_the_first_sheet_with_a_usable_header_is_read(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        [["How to use this file"], ["..."]],
        [[], [None, "Report"], [None, "Customer ID", "Ad group"], [None, 1234567890, "a"]],
    )
    assert rows_of(read_table(path)) == [{"line": 4, "customer_id": "1234567890", "ad_group_name": "a"}]


# Files that nobody can use


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", b"", "is empty"),
        ("mark.csv", b"\xef\xbb\xbf", "no header"),
        ("blank.csv", b"\n\n\n", "no header"),
        ("header.csv", b"customer_id,ad_group_id\n", "has a header and no rows"),
        ("header.csv", b"customer_id,ad_group_id", "has a header and no rows"),
        ("header.csv", b"customer_id,ad_group_id\n\n,,\n ,\n", "has a header and no rows"),
        ("columns.csv", b"a,b\n1,2\n", "customer_id and the column ad_group_id (or ad_group_name)"),
        ("columns.csv", b"customer_id,b\n1,2\n", 'found: "customer_id", "b"'),
        (
            "twice.csv",
            b"customer_id,ad_group_id,Klant-ID\n1,2,3\n",
            'the columns "customer_id" and "Klant-ID"',
        ),
        ("junk.csv", bytes(range(256)) * 1000, "binary data"),
        ("zeros.csv", b"\0" * 10_000, "binary data"),
        ("book.csv", b"PK\x03\x04" + b"x" * 100, "ending .xlsx"),
        ("old.csv", OLE + b"x" * 100, "Save it as .xlsx"),
        ("paper.csv", b"%PDF-1.7\n...", "PDF"),
        ("list.pdf", b"%PDF-1.7\n...", "files of this kind"),
        ("list", b"customer_id,ad_group_id\n1,2\n", "files of this kind"),
        ("list.xls", OLE, "files of this kind"),
        ("packed.csv", gzip.compress(PLAIN.encode(), mtime=0), "ending .csv.gz"),
        ("notpacked.csv.gz", PLAIN.encode(), "damaged or incomplete"),
        ("cut.csv.gz", gzip.compress(os.urandom(5000).hex().encode())[:-2000], "damaged or incomplete"),
        ("empty.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("wide.csv", b"customer_id,ad_group_id" + b",x" * 5000 + b"\n1,2\n", "columns, more than"),
        ("text.xlsx", PLAIN.encode(), "ending .csv"),
        ("locked.xlsx", OLE + b"\0" * 5000, "password"),
        ("junk.xlsx", b"PK\x03\x04" + b"junk" * 1000, "damaged"),
        ("empty.xlsx", b"", "is empty"),
    ],
)
def test_an_unusable_file_says_why(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert says in refused(path)
    assert path.read_bytes() == content


def test_a_truncated_workbook_says_so_wherever_it_was_cut(tmp_path: Path) -> None:
    whole = workbook(tmp_path / "whole.xlsx", [HEADER, *([number] * 6 for number in range(500))]).read_bytes()
    for part in (10, 100, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        path = tmp_path / "cut.xlsx"
        path.write_bytes(whole[:part])
        assert "damaged" in refused(path)


def test_a_workbook_with_a_damaged_inside_says_so(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [HEADER, *([number] * 6 for number in range(5000))])
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 4, len(content) // 4 + 64):
        content[place] ^= 0xFF
    path.write_bytes(content)
    assert "damaged" in refused(path)


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<",
        b"no xml",
        sheet_xml('<row r="x"><c r="??"><v>1</v></c></row>'),
        sheet_xml("<row><c t='s'><v>99</v></c></row>"),
    ],
)
def test_nonsense_inside_a_workbook_is_an_error_and_no_crash(tmp_path: Path, xml: bytes) -> None:
    refused(with_sheet_xml(tmp_path / "a.xlsx", xml))


def test_a_zip_that_is_no_workbook_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("list.csv", PLAIN)
    assert "zip archive" in refused(path)


def test_a_workbook_without_rows_or_columns_says_so(tmp_path: Path) -> None:
    assert "no rows" in refused(workbook(tmp_path / "a.xlsx", [HEADER]))
    assert "no header" in refused(workbook(tmp_path / "b.xlsx", []))
    assert "no header" in refused(workbook(tmp_path / "c.xlsx", [["a", "b"], [1, 2]]))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "")
        with archive.open("xl/worksheets/sheet1.xml", "w") as member:
            for _ in range(150):
                member.write(b" " * 1024**2)
    started = time.monotonic()
    assert "unpacks to 0.1 GB" in refused(path)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="4000000000"><c r="A4000000000"><v>1</v></c></row>',
        "<row r='1'><c r='A1'><v>1</v></c></row><row r='900000'><c r = 'ZZ900000'><v>1</v></c></row>",
    ],
)
def test_two_cells_far_apart_do_not_fill_the_memory(tmp_path: Path, cells: str) -> None:
    assert "more than can be read" in refused(with_sheet_xml(tmp_path / "a.xlsx", sheet_xml(cells)))


def test_a_wide_sheet_with_few_rows_is_fine(tmp_path: Path) -> None:
    header = ["customer_id", "ad_group_id", *(f"extra {number}" for number in range(200))]
    assert len(read_table(workbook(tmp_path / "a.xlsx", [header, [1, 2], [3, 4]])).columns) == 2


def test_a_file_that_is_gone_or_forbidden_or_no_file_says_so(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "gone.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is not a file" in refused(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    refused(tmp_path / "folder.csv")
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    assert "is a link" in refused(tmp_path / "device.csv")


def test_a_message_shows_no_control_characters_of_a_file_name(tmp_path: Path) -> None:
    path = tmp_path / "a\n\x1b[31m\udcff.csv"
    path.write_bytes(b"")
    assert refused(path).startswith("a\\n\\x1b[31m\\udcff.csv: is empty")


_MEASURE = """
import resource, sys
from pathlib import Path
from themaads_pipeline.intake.readers import read_table
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_table(Path(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("kind", ["csv", "header", "gz", "lines.gz"])
def test_a_gigabyte_in_one_line_or_out_of_a_gzip_takes_no_memory(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"long.csv{'.gz' if kind.endswith('gz') else ''}"
    head = b"" if kind == "header" else PLAIN.encode()
    if kind.endswith("gz"):
        block = (b"\n" if kind == "lines.gz" else b"a") * 1024**2
        packed = gzip.compress(block, compresslevel=1)
        path.write_bytes(gzip.compress(head) + packed * (200 if kind == "gz" else 10))
    else:
        with path.open("wb") as file:
            file.write(head)
            for _ in range(100):
                file.write(b"a" * 1024**2)
            file.seek(1024**3)  # the rest is a hole: zeros that take no disk
            file.write(b"a")
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    error, grown = done.stdout.splitlines()
    assert error.startswith("UnusableFileError long.csv")
    assert ("more than 3,000,000 lines" if kind == "lines.gz" else "more than 1,048,576 characters") in error
    assert int(grown) < 150
