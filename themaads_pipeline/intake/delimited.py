"""CSV and its kin as a table: the delimiter is found by the header, one bad line costs that line alone.

Two ways lead to the same rows. Where each line is one row, as in every export of ad groups, pyarrow parses
a million lines in seconds. Where lines and rows do not agree in number, a field contains line breaks or a
quote is not closed, and that would silently swallow the lines after it: then each line is parsed with care.
"""

import csv
import io
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake import columns
from themaads_pipeline.intake.encodings import encoding_of
from themaads_pipeline.intake.sources import MAX_LINE, MAX_LINES, Unpacked, shown
from themaads_pipeline.intake.tables import RawTable, kept, raw_table
from themaads_pipeline.model.items import RejectedRow

_DELIMITERS = ",;\t|"
_BLOCK = 1024**2
_FIELD_LINES = 50  # a field with more line breaks is a quote that was not closed
_BATCH = 50_000  # rows that are Python objects at one time


@dataclass(frozen=True, kw_only=True)
class _Text:
    """A text file, opened anew for each pass: nothing of it is kept in memory."""

    path: Path
    compressed: bool
    encoding: str

    def open(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(
            io.BufferedReader(Unpacked(self.path, compressed=self.compressed), _BLOCK),
            encoding=self.encoding,
            errors="replace",
        )

    def lines(self, start: int = 1) -> Iterator[tuple[int, str]]:
        """Line number and text, without the line break, from line `start` on."""
        with self.open() as stream:
            number = 0
            while line := stream.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise _line_too_long(self.path, number)
                if number >= start:
                    yield number, line.rstrip("\n")

    def raw_lines(self, wanted: Collection[int]) -> dict[int, str]:
        numbers = frozenset(wanted)
        return {number: kept(line) for number, line in self.lines() if number in numbers}


@dataclass(kw_only=True)
class _Misfits:
    """Lines with another number of fields than the header."""

    file: str
    delimiter: str
    width: int
    rejected: list[RejectedRow] = field(default_factory=list)
    fitting: list[tuple[int, list[str]]] = field(default_factory=list)  # too long by empty fields only

    def add(self, line: int, text: str) -> None:
        try:
            fields = next(csv.reader([text], delimiter=self.delimiter), [])
        except csv.Error:
            fields = text.split(self.delimiter)
        if not any(value.strip() for value in fields):
            return
        if len(fields) > self.width and not any(value.strip() for value in fields[self.width :]):
            self.fitting.append((line, fields[: self.width]))
            return
        self.rejected.append(
            RejectedRow(
                line=line,
                reason="wrong_number_of_fields",
                message=(
                    f"The line has {len(fields)} fields and the header has {self.width}. "
                    f'Put quotes around a text that contains "{self.delimiter}", or complete the line.'
                ),
                raw=kept(text),
            )
        )


def read_delimited(path: Path, *, compressed: bool, only: Collection[str]) -> RawTable:
    """Read a CSV, TSV or similar text file.

    Raises:
        UnusableFileError: no text, no usable header, a line without an end, too many lines, or no rows.
    """
    text = _Text(path=path, compressed=compressed, encoding=encoding_of(path, compressed=compressed))
    header, delimiter = _find_header(text, only)
    if not header.positions:
        return RawTable(columns=pd.DataFrame({"line": []}, dtype=np.int64), raw_lines=text.raw_lines)
    misfits = _Misfits(file=shown(path), delimiter=delimiter, width=header.width)
    line, cells = _parse_fast(text, header, delimiter, misfits) or _parse_with_care(text, header, misfits)
    table = raw_table(
        line=line,
        columns=cells,
        rejected=misfits.rejected,
        raw_lines=text.raw_lines,
        blank=delimiter + "\" '\t\u00a0",
    )
    if table.columns.empty and not table.rejected:
        message = f"{shown(path)}: has a header and no rows. Add one row for each ad group."
        raise UnusableFileError(message)
    return table


def _find_header(text: _Text, only: Collection[str]) -> tuple[columns.Header, str]:
    """The header and the delimiter: the pair under which most columns are known ones."""
    file = shown(text.path)
    best: tuple[int, list[str]] = (0, [])
    for number, line in islice(text.lines(), columns.HEADER_WITHIN_LINES):
        candidates = [(_titles(line, delimiter), delimiter) for delimiter in _DELIMITERS]
        titles, delimiter = max(candidates, key=lambda candidate: columns.recognised(candidate[0]))
        if columns.usable(titles):
            return columns.header(titles, line=number, file=file, only=only), delimiter
        titles = max((titles for titles, _ in candidates), key=len)
        score = columns.recognised(titles) * 100 + min(len(titles), 99)
        if score > best[0]:
            best = (score, titles)
    raise columns.no_usable_column(best[1], file=file)


def _titles(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


class _Feed(io.RawIOBase):
    """The lines below the header as UTF-8 with plain line feeds, for pyarrow; counts and bounds them."""

    def __init__(self, text: _Text, header_line: int) -> None:
        self._path = text.path
        self._stream = text.open()
        for _ in range(header_line):
            self._stream.readline(MAX_LINE + 1)
        self._header_line = header_line
        self._rest = memoryview(b"")
        self._open_line = 0  # characters since the last line feed
        self.lines = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = memoryview(self._next())
        block = self._rest[: size if size >= 0 else None]
        self._rest = self._rest[len(block) :]
        return bytes(block)

    def _next(self) -> bytes:
        block = self._stream.read(_BLOCK)
        if not block:
            self.lines += self._open_line > 0
            self._open_line = 0
            return b""
        first = block.find("\n")
        if self._open_line + (first if first >= 0 else len(block)) > MAX_LINE:
            raise _line_too_long(self._path, self._header_line + self.lines + 1)
        self._open_line = len(block) - 1 - block.rfind("\n") if first >= 0 else self._open_line + len(block)
        self.lines += block.count("\n")
        if self.lines > MAX_LINES:
            raise _too_many_lines(self._path)
        return block.replace("\0", "\ufffd").encode()

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def _parse_fast(
    text: _Text, header: columns.Header, delimiter: str, misfits: _Misfits
) -> tuple[Any, dict[str, Any]] | None:
    """All lines at once; None where lines and rows do not agree."""
    names = {name: f"c{position}" for name, position in header.positions.items()}
    odd: list[tuple[int, str]] = []

    def keep(row: Any) -> str:  # pyarrow.csv.InvalidRow
        odd.append((row.number, row.text))
        return "skip"

    with _Feed(text, header.line) as feed:
        try:
            table = pyarrow.csv.read_csv(
                pa.PythonFile(feed, mode="r"),
                # One thread: only then does pyarrow know the numbers of the lines that it leaves out.
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=8 * _BLOCK,
                    column_names=[f"c{position}" for position in range(header.width)],
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=keep
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(names.values(), pa.string()),
                    include_columns=list(names.values()),
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid:
            if feed.lines or feed.read(1):
                return None
            table = pa.table({name: pa.array([], pa.string()) for name in names.values()})
        if table.num_rows + len(odd) != feed.lines:
            return None
        total = feed.lines
    for number, line in odd:
        misfits.add(header.line + number, line)
    numbers = np.arange(1, total + 1, dtype=np.int64)
    numbers = np.delete(numbers, [number - 1 for number, _ in odd]) + header.line
    cells = {name: table.column(column) for name, column in names.items()}
    return _with_fitting(numbers, cells, header, misfits)


def _with_fitting(
    numbers: Any,  # numpy array of int64
    cells: dict[str, Any],
    header: columns.Header,
    misfits: _Misfits,
) -> tuple[Any, dict[str, Any]]:
    """The rows together with those that were only too long by empty fields, in the file's order."""
    if not misfits.fitting:
        return numbers, cells
    numbers = np.concatenate([numbers, np.array([line for line, _ in misfits.fitting], dtype=np.int64)])
    order = np.argsort(numbers, kind="stable")
    together = {}
    for name, column in cells.items():
        position = header.positions[name]
        more = pa.array([fields[position] for _, fields in misfits.fitting], pa.string())
        together[name] = pa.chunked_array([*column.chunks, more], pa.string()).take(pa.array(order))
    return numbers[order], together


def _parse_with_care(text: _Text, header: columns.Header, misfits: _Misfits) -> tuple[Any, dict[str, Any]]:
    """Line by line: a field may contain line breaks, and a quote that is not closed costs its own line."""
    numbers = array("q")
    chunks: dict[str, list[Any]] = {name: [] for name in header.positions}
    batch: dict[str, list[str]] = {name: [] for name in header.positions}

    def flush() -> None:
        for name, values in batch.items():
            chunks[name].append(pa.array(values, pa.string()))
            values.clear()

    for line, fields in _records(text, header, misfits):
        numbers.append(line)
        for name, position in header.positions.items():
            batch[name].append(fields[position].replace("\0", "\ufffd"))
        if len(numbers) % _BATCH == 0:
            flush()
    flush()
    cells = {name: pa.chunked_array(parts, pa.string()) for name, parts in chunks.items()}
    return _with_fitting(np.array(numbers, dtype=np.int64), cells, header, misfits)


def _records(text: _Text, header: columns.Header, misfits: _Misfits) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of fields of the header, under the number of their first line."""
    delimiter, width = misfits.delimiter, misfits.width
    source = text.lines(header.line + 1)
    waiting: list[tuple[int, str]] = []  # read ahead, in reverse
    while True:
        number, line = waiting.pop() if waiting else next(source, (0, ""))
        if not number:
            return
        if number > MAX_LINES:
            raise _too_many_lines(text.path)
        if '"' not in line:
            fields = line.split(delimiter)
            if len(fields) == width:
                yield number, fields
            else:
                misfits.add(number, line)
            continue
        ahead: list[tuple[int, str]] = []
        try:
            fields = next(
                csv.reader(_following(line, waiting, source, ahead), delimiter=delimiter, strict=True)
            )
        except csv.Error:
            fields = []
        if len(fields) == width:
            yield number, fields
            continue
        waiting.extend(reversed(ahead))
        if ahead or not fields:
            misfits.rejected.append(
                RejectedRow(
                    line=number,
                    reason="unclosed_quote",
                    message='A quotation mark (") is opened and not closed. Remove it, or write it twice.',
                    raw=kept(line),
                )
            )
        else:
            misfits.add(number, line)


def _following(
    line: str, waiting: list[tuple[int, str]], source: Iterator[tuple[int, str]], ahead: list[tuple[int, str]]
) -> Iterator[str]:
    """`line`, and as many of the next lines as one field may span; those taken are in `ahead`."""
    yield line + "\n"
    for _ in range(_FIELD_LINES):
        following = waiting.pop() if waiting else next(source, None)
        if following is None:
            return
        ahead.append(following)
        yield following[1] + "\n"


def _line_too_long(path: Path, line: int) -> UnusableFileError:
    return UnusableFileError(
        f"{shown(path)}: line {line:,} has more than {MAX_LINE:,} characters, so this is no list of "
        "ad groups. Export it again, with one row for each ad group."
    )


def _too_many_lines(path: Path) -> UnusableFileError:
    return UnusableFileError(
        f"{shown(path)}: has more than {MAX_LINES:,} lines. Split it into several files."
    )
