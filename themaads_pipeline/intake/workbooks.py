"""XLSX as a table. What a workbook would unpack to is checked before the parser sees it."""

import math
import re
import zipfile
from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake import columns
from themaads_pipeline.intake.sources import MAX_BYTES, open_file, shown
from themaads_pipeline.intake.tables import DATE_MARK, RawTable, kept, raw_table, trimmed
from themaads_pipeline.model.telling import Tell

EXACT_INTEGER = 2**53  # a spreadsheet's number is a double: beyond this it has lost digits
MAX_CELLS = 40_000_000  # the parser keeps a sheet as one rectangle in memory, about 32 bytes a cell
_MAX_MEMBERS = 10_000
_RATIO_MATTERS_ABOVE = 100 * 1024**2
_MAX_RATIO = 100  # a sheet full of equal rows is packed to about a 30th
_BLOCK = 1024**2
_BATCH = 20_000

_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WIDE_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Z]{2,})[0-9]""")
_TALL_REFERENCE = re.compile(rb"""\br\s*=\s*["'][A-Z]*([0-9]{7,})""")
# The same for attributes written as every program writes them: r="A1". Several times as fast, because a
# pattern that begins with fixed letters is searched for as such; the word boundary is looked at behind them.
_WIDE_PLAIN = re.compile(rb'r="(?<=\br=")([A-Z]{2,})[0-9]')
_TALL_PLAIN = re.compile(rb'r="(?<=\br=")[A-Z]*([0-9]{7,})')
_ROW_OF_REFERENCE = re.compile(rb"""\br\s*=\s*["'][A-Z]*([0-9]+)""")
_OVERLAP = 64  # a reference may stand across two blocks
# Bytes of unpacked XML a second, a small part of what one core does: a parser that takes longer hangs.
_SLOWEST_PARSER = 1024**2
_LEAST_PARSER_S = 30.0


def read_workbook(path: Path, *, only: Collection[str], tell: Tell) -> RawTable:
    """Read the first visible sheet that has a usable header.

    The parser takes a sheet in one call that says nothing meanwhile. How long that may last follows from what
    the workbook unpacks to; see `_SLOWEST_PARSER`.

    Raises:
        UnusableFileError: no workbook, damaged, encrypted, a bomb, no usable header, or no rows.
    """
    _refuse_what_is_no_workbook(path)
    unpacked = _refuse_bombs(path, tell)

    def tell_of_parser() -> None:
        doing = f"parsing {shown(path)} ({unpacked / 1024**2:,.0f} MB unpacked)"
        tell(doing, waits_s=_LEAST_PARSER_S + unpacked / _SLOWEST_PARSER)

    try:
        tell_of_parser()
        with CalamineWorkbook.from_path(path) as workbook:
            sheet, header = _find_header(workbook, shown(path), only, tell_of_parser)
            return _read_sheet(sheet, header, path, tell)
    except PasswordError as error:
        message = f"{shown(path)}: is protected by a password. Save it without one, and upload it again."
        raise UnusableFileError(message) from error
    except CalamineError as error:
        raise _damaged(path, error) from error


def _refuse_what_is_no_workbook(path: Path) -> None:
    with open_file(path) as file:
        head = file.read(8)
    if head == _OLD_OR_ENCRYPTED:
        message = (
            f"{shown(path)}: is protected by a password, or an old .xls workbook with the wrong ending. "
            "Open it in Excel, remove the password (File > Info), and save it as an Excel workbook (.xlsx)."
        )
        raise UnusableFileError(message)
    if not head.startswith(b"PK"):
        message = (
            f"{shown(path)}: ends in .xlsx and is no Excel workbook. If it is a text file, give it the "
            "ending .csv; otherwise open it in Excel and save it as .xlsx."
        )
        raise UnusableFileError(message)


def _refuse_bombs(path: Path, tell: Tell) -> int:
    """A few kilobytes can unpack to terabytes, or hold two cells a hundred thousand gigabytes apart.

    Returns the bytes that the workbook unpacks to.
    """
    try:
        with open_file(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            unpacked = sum(member.file_size for member in members)
            packed = max(1, sum(member.compress_size for member in members))
            if any(member.flag_bits & 0x1 for member in members):
                message = (
                    f"{shown(path)}: is protected by a password. Save it without one, and upload it again."
                )
                raise UnusableFileError(message)
            if (
                len(members) > _MAX_MEMBERS
                or unpacked > MAX_BYTES
                or (unpacked > _RATIO_MATTERS_ABOVE and unpacked > _MAX_RATIO * packed)
            ):
                message = (
                    f"{shown(path)}: unpacks to {unpacked / 1024**3:.1f} GB from {packed / 1024**2:.1f} MB, "
                    "which no list of ad groups does. Copy the columns you need to a new workbook, "
                    "or save them as CSV."
                )
                raise UnusableFileError(message)
            names = {member.filename for member in members}
            if not any(name.lower().endswith("workbook.xml") for name in names):
                message = (
                    f"{shown(path)}: is a zip archive and no workbook. Unpack it, and upload what is in it."
                )
                raise UnusableFileError(message)
            for member in members:
                if not member.is_dir() and not member.filename.lower().endswith("sharedstrings.xml"):
                    _refuse_wide_sheets(archive, member, path, tell)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise _damaged(path, error) from error
    return unpacked


def _refuse_wide_sheets(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, tell: Tell) -> None:
    """Refuse a member whose cells span more than `MAX_CELLS`; read to its end, so damage shows too."""
    width, height, marks, seen = 26, 999_999, 0, 0
    for block in _blocks(archive, member):
        seen += len(block)
        tell(f"looking at the size of {shown(path)}: {seen / max(1, member.file_size):.0%}")
        wide, tall = (_WIDE_PLAIN, _TALL_PLAIN) if _is_plain(block) else (_WIDE_REFERENCE, _TALL_REFERENCE)
        for letters in set(wide.findall(block)):
            width = max(width, _column_number(letters))
        height = max([height, *map(int, tall.findall(block))])
        marks += block.count(b"v>") + block.count(b"t>")  # two a cell with a value
    if width > 26 and width * height > MAX_CELLS:
        # Rare, and slower: many columns are fine where there are few rows.
        height = max(
            (int(row) for block in _blocks(archive, member) for row in _ROW_OF_REFERENCE.findall(block)),
            default=1,
        )
    if width * height > MAX_CELLS or marks > 2 * MAX_CELLS:
        message = (
            f"{shown(path)}: a sheet spans {width:,} columns and {height:,} rows, more than can be read. "
            "Copy the columns you need to a new workbook, or save them as CSV."
        )
        raise UnusableFileError(message)


def _is_plain(block: bytes) -> bool:
    """Whether each attribute is written as name="value", without spaces and quotes that XML also allows."""
    return block.count(b'="') == block.count(b"=") and not any(
        spaced in block for spaced in (b" =", b"\n=", b"\t=", b"\r=")
    )


def _blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Any:  # iterator of bytes
    with archive.open(member) as stream:
        tail = b""
        while block := stream.read(_BLOCK):
            yield tail + block
            tail = block[-_OVERLAP:]


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters[:4]:
        number = number * 26 + letter - 64
    return number


def _find_header(
    workbook: CalamineWorkbook, file: str, only: Collection[str], tell_of_parser: Callable[[], None]
) -> tuple[CalamineSheet, columns.Header]:
    best: list[str] = []
    for index, about in enumerate(workbook.sheets_metadata):
        if about.visible != SheetVisibleEnum.Visible or about.typ != SheetTypeEnum.WorkSheet:
            continue
        tell_of_parser()
        sheet = workbook.get_sheet_by_index(index)
        for line, row in enumerate(islice(sheet.iter_rows(), columns.HEADER_WITHIN_LINES), start=1):
            titles = [_text(value) for value in row]
            if columns.usable(titles):
                return sheet, columns.header(titles, line=line, file=file, only=only)
            if columns.recognised(titles) > columns.recognised(best) or not best:
                best = [title for title in titles if title]
    raise columns.no_usable_column(best, file=file)


def _read_sheet(sheet: CalamineSheet, header: columns.Header, path: Path, tell: Tell) -> RawTable:
    if not header.positions:
        return RawTable(columns=pd.DataFrame({"line": []}, dtype=np.int64), raw_lines=lambda _: {})
    rows = islice(sheet.iter_rows(), header.line, None)
    chunks: dict[str, list[Any]] = {name: [] for name in header.positions}
    count = 0
    while batch := list(islice(rows, _BATCH)):
        count += len(batch)
        for name, position in header.positions.items():
            chunks[name].append(trimmed(_texts([row[position] for row in batch])))
        tell(f"reading row {count:,} of {max(count, sheet.total_height - header.line):,}")

    def raw_lines(wanted: Collection[int]) -> dict[int, str]:
        numbers, texts = frozenset(wanted), {}
        for line, row in enumerate(sheet.iter_rows(), start=1):
            if line in numbers:
                texts[line] = kept("\t".join(_text(value).removeprefix(DATE_MARK) for value in row))
            if line % _BATCH == 0:
                tell(f"keeping what rejected rows say: row {line:,} of {sheet.total_height:,}")
        return texts

    table = raw_table(
        line=np.arange(header.line + 1, header.line + 1 + count, dtype=np.int64),
        columns={name: pa.chunked_array(parts, pa.string()) for name, parts in chunks.items()},
        rejected=[],
        raw_lines=raw_lines,
        blank="\t \u00a0",
    )
    if table.columns.empty:
        message = (
            f"{shown(path)}: the sheet {sheet.name} has a header and no rows. Add one row for each ad group."
        )
        raise UnusableFileError(message)
    return table


def _texts(values: list[Any]) -> Any:  # pyarrow string array
    """One column of some rows as text; a column is nearly always of one type, and then needs no loop."""
    kinds = set(map(type, values))
    if kinds == {float}:
        numbers = np.array(values)
        if np.all(np.abs(numbers) < EXACT_INTEGER) and np.all(numbers == np.floor(numbers)):
            return pa.array(numbers.astype(np.int64)).cast(pa.string())
    return pa.array([value if type(value) is str else _text(value) for value in values], pa.string())


def _text(value: object) -> str:  # noqa: PLR0911  # one return a type of cell
    """A cell as the text a person would have typed; a number without its digits shows that they are lost."""
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case bool():
            return str(value).upper()
        case int():
            return str(value) if abs(value) < EXACT_INTEGER else f"{value:E}"
        case float():
            if math.isfinite(value) and value == math.floor(value):
                return str(int(value)) if abs(value) < EXACT_INTEGER else f"{value:E}"
            return repr(value)
        case datetime() | date() | time():
            return f"{DATE_MARK}{value.isoformat()}"
        case timedelta():
            return f"{DATE_MARK}{value}"
        case _:
            return "" if value is None else str(value)


def _damaged(path: Path, error: Exception) -> UnusableFileError:
    return UnusableFileError(
        f"{shown(path)}: the workbook is damaged or incomplete ({str(error)[:200]}). "
        "Open it in Excel, save it as .xlsx, and upload it again."
    )
