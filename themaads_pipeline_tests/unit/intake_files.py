"""Files as people, spreadsheets and attackers make them."""

import gzip
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl

HEADER = ("customer_id", "ad_group_id", "ad_group_name", "campaign_id", "campaign_name", "theme")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def write(path: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def write_gz(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()))
    return path


def workbook(path: Path, *sheets: Sequence[Sequence[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def with_sheet_xml(path: Path, xml: bytes) -> Path:
    """A workbook whose first sheet is `xml`."""
    template = io.BytesIO()
    book = openpyxl.Workbook()
    book.save(template)
    with zipfile.ZipFile(template) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            content = xml if member.filename == "xl/worksheets/sheet1.xml" else old.read(member)
            new.writestr(member.filename, content)
    return path


def sheet_xml(cells: str) -> bytes:
    return (
        '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{cells}</sheetData></worksheet>"
    ).encode()
