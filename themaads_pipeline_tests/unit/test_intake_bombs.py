"""Workbooks that are small on the disk and want to be large in memory, or endless: refused within bounds."""

import io
import resource
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from themaads_pipeline_tests.unit.intake_files import sheet_xml, workbook

MOST_MB, MOST_S = 400, 30
LIMIT_MB = 3_000  # of the process's address space: a bomb that goes off fails at once, and takes nobody along

READ = f"""
import resource, sys, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, ({LIMIT_MB} * 1024**2,) * 2)
from themaads_pipeline.intake.readers import read_table
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
try:
    table = read_table(Path(sys.argv[1])).columns
    print("read", {{column: list(table[column])[:3] for column in table}})
except Exception as error:
    print(type(error).__name__, error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, time.monotonic() - started)
"""
NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LAUGHS = "".join(
    f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 12)
)  # a thousand million laughs
BILLION_LAUGHS = f'<!DOCTYPE x [<!ENTITY l0 "{"ha" * 50}">{LAUGHS}]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY outside SYSTEM "file://{}">]>'


def read(path: Path) -> str:
    """What reading the file in a process of its own comes to; it has taken little memory and time."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said, figures = done.stdout.splitlines()
    grown_mb, seconds = figures.split()
    assert int(grown_mb) < MOST_MB, said
    assert float(seconds) < MOST_S, said
    return said


def members(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Of an ordinary workbook with one row."""
    ordinary = workbook(
        folder / "ordinary.xlsx", [["customer_id", "ad_group_id", "ad_group_name"], [1, 2, "a"]]
    )
    with zipfile.ZipFile(ordinary) as archive:
        for member in archive.infolist():
            yield member.filename, archive.read(member)


def with_member(folder: Path, name: str, content: bytes) -> Path:
    """The same with other content in one of its members."""
    path = folder / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for known, old in members(folder):
            if known != name:
                archive.writestr(known, old)
        archive.writestr(name, content)
    return path


def strings(prolog: str, text: str) -> bytes:
    items = "".join(
        f"<si><t>{each}</t></si>" for each in ("customer_id", "ad_group_id", "ad_group_name", text)
    )
    return f'<?xml version="1.0"?>{prolog}<sst {NAMESPACE} count="4" uniqueCount="4">{items}</sst>'.encode()


def sheet(prolog: str, text: str) -> bytes:
    """A header in place, and one row with a text in the sheet itself."""
    titles = ("customer_id", "ad_group_id", "ad_group_name")
    header = "".join(f'<c t="inlineStr"><is><t>{title}</t></is></c>' for title in titles)
    row = f'<c><v>1</v></c><c><v>2</v></c><c t="inlineStr"><is><t>{text}</t></is></c>'
    return sheet_xml(f"<row>{header}</row><row>{row}</row>").replace(
        b'<?xml version="1.0"?>', f'<?xml version="1.0"?>{prolog}'.encode()
    )


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("xl/worksheets/sheet1.xml", sheet(BILLION_LAUGHS, "&l11;")),
        ("xl/sharedStrings.xml", strings(BILLION_LAUGHS, "&l11;")),
        ("xl/workbook.xml", f'<?xml version="1.0"?>{BILLION_LAUGHS}<workbook>&l11;</workbook>'.encode()),
    ],
    ids=["in the sheet", "in the strings", "in the workbook"],
)
def test_entities_that_grow_a_thousand_million_fold_are_not_expanded(
    tmp_path: Path, member: str, content: bytes
) -> None:
    said = read(with_member(tmp_path, member, content))
    assert len(said) < 2_000
    assert "haha" not in said


@pytest.mark.parametrize("member", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_an_entity_that_leads_outside_is_not_followed(tmp_path: Path, member: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary-of-the-test")
    make = sheet if "sheet" in member else strings
    said = read(with_member(tmp_path, member, make(OUTSIDE.format(secret), "&outside;")))
    assert "canary" not in said


def test_a_member_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lie.xlsx"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members(tmp_path):
            if name != "xl/sharedStrings.xml":
                archive.writestr(name, content)
        with archive.open("xl/sharedStrings.xml", "w") as member:
            member.write(f'<?xml version="1.0"?><sst {NAMESPACE}><si><t>'.encode())
            for _ in range(800):
                member.write(b"a" * 1024**2)
            member.write(b"</t></si></sst>")
    whole = bytearray(packed.getvalue())
    for signature, size_at, name_at in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
        at = whole.find(b"xl/sharedStrings.xml", whole.find(signature))
        while whole[at - name_at : at - name_at + 4] != signature:
            at = whole.find(b"xl/sharedStrings.xml", at + 1)
            assert at > 0
        struct.pack_into("<I", whole, at - name_at + size_at, 1_000)
    path.write_bytes(bytes(whole))
    assert path.stat().st_size < 10 * 1024**2
    assert read(path).startswith("UnusableFileError lie.xlsx: the workbook is damaged")


def test_a_workbook_of_ten_thousand_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "parts.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "")
        for number in range(10_001):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", "")
    assert "which no list of ad groups does" in read(path)


def test_a_zip_within_a_zip_is_no_workbook(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b" " * 50 * 1024**2)
    path = tmp_path / "nested.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    assert "is a zip archive and no workbook" in read(path)


def test_the_limit_of_these_tests_would_end_a_bomb_that_goes_off() -> None:
    limit = f"import resource\nresource.setrlimit(resource.RLIMIT_AS, ({LIMIT_MB} * 1024**2,) * 2)\n"
    grow = limit + "b'a' * 4 * 1024**3"
    done = subprocess.run([sys.executable, "-c", grow], capture_output=True, text=True, check=False)
    assert "MemoryError" in done.stderr
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
