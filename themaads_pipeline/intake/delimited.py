"""CSV and its kin as a table: the delimiter is found by the header, one bad line costs that line alone.

Two ways lead to the same rows. Where each line is one row, as in every export of ad groups, pyarrow parses
a million lines in seconds. Where lines and rows do not agree in number, a field contains line breaks or a
quote is not closed, and that would silently swallow the lines after it: then each line is parsed with care.
"""

import csv
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
from themaads_pipeline.intake.sources import MAX_LINE, MAX_LINES, of_about, shown
from themaads_pipeline.intake.tables import RawTable, kept, raw_table, trimmed
from themaads_pipeline.intake.text_files import BLOCK, TextFile, line_too_long
from themaads_pipeline.model.items import RejectedRow
from themaads_pipeline.model.telling import Tell

_DELIMITERS = ",;\t|"
_FIELD_LINES = 50  # a field with more line breaks is a quote that was not closed
_BATCH = 50_000  # rows that are Python objects at one time
_PARSED_AT_ONCE = 4 * 1024**2  # characters


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


def read_delimited(path: Path, *, compressed: bool, only: Collection[str], tell: Tell) -> RawTable:
    """Read a CSV, TSV or similar text file.

    Raises:
        UnusableFileError: no text, no usable header, a line without an end, too many lines, or no rows.
    """
    encoding = encoding_of(path, compressed=compressed, tell=tell)
    text = TextFile(path=path, compressed=compressed, encoding=encoding, tell=tell)
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


def _find_header(text: TextFile, only: Collection[str]) -> tuple[columns.Header, str]:
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


def _blocks(text: TextFile, header_line: int) -> Iterator[tuple[str, float]]:
    """The lines below the header, some megabytes at a time, and how much of the file is read then.

    A block ends with a line that leaves no quote open. One that was opened earlier and is closed in the next
    block makes fewer rows than lines in this one, and so is seen. An empty block: there is no such line.
    """
    stream, source = text.open()
    with stream:
        for _ in range(header_line):
            stream.readline(MAX_LINE + 1)
        lines, open_line, rest = header_line, 0, ""
        while piece := stream.read(BLOCK):
            first = piece.find("\n")
            if open_line + (first if first >= 0 else len(piece)) > MAX_LINE:
                raise line_too_long(text.path, lines + 1)
            open_line = len(piece) - 1 - piece.rfind("\n") if first >= 0 else open_line + len(piece)
            lines += piece.count("\n")
            if lines - header_line > MAX_LINES:
                raise _too_many_lines(text.path)
            rest += piece
            if len(rest) >= _PARSED_AT_ONCE:
                end = _end_of_rows(rest)
                yield rest[:end], source.share
                rest = rest[end:]
        if rest:
            yield rest, 1.0


def _end_of_rows(block: str) -> int:
    """Behind the last line that has no quote, or as many as close each other; 0: there is none."""
    newline = block.rfind("\n")
    while newline >= 0:
        previous = block.rfind("\n", 0, newline)
        if block.count('"', previous + 1, newline) % 2 == 0:
            break
        newline = previous
    return newline + 1


def _parse_fast(
    text: TextFile, header: columns.Header, delimiter: str, misfits: _Misfits
) -> tuple[Any, dict[str, Any]] | None:
    """Many lines at once; None where lines and rows do not agree."""
    names = {name: f"c{position}" for name, position in header.positions.items()}
    odd: list[tuple[int, str]] = []
    tables = [pa.table({column: pa.array([], pa.string()) for column in names.values()})]
    total = 0
    for block, share in _blocks(text, header.line):
        lines = block.count("\n") + (not block.endswith("\n"))
        found: list[tuple[int, str]] = []
        table = _parse_block(block, header, delimiter, list(names.values()), found) if block else None
        if table is None or table.num_rows + len(found) != lines:
            return None
        tables.append(table)
        odd += [(total + number, line) for number, line in found]
        total += lines
        text.tell(f"reading row {of_about(total, share)}")
    for number, line in odd:
        misfits.add(header.line + number, line)
    numbers = np.arange(1, total + 1, dtype=np.int64)
    numbers = np.delete(numbers, [number - 1 for number, _ in odd]) + header.line
    whole = pa.concat_tables(tables)
    cells = {name: whole.column(column) for name, column in names.items()}
    return _with_fitting(numbers, cells, header, misfits)


def _parse_block(
    block: str, header: columns.Header, delimiter: str, wanted: list[str], odd: list[tuple[int, str]]
) -> Any:  # pyarrow table, or None
    """The rows of some lines; lines with another number of fields go to `odd`, with their number from 1."""

    def keep(row: Any) -> str:  # pyarrow.csv.InvalidRow
        odd.append((row.number, row.text))
        return "skip"

    content = block.replace("\0", "\ufffd").encode()
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(content),
            # One thread: only then does pyarrow know the numbers of the lines that it leaves out.
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=len(content) + 1,
                column_names=[f"c{position}" for position in range(header.width)],
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=keep
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=wanted,
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return pa.table({name: trimmed(table.column(name)) for name in wanted})


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
        more = trimmed(pa.array([fields[position] for _, fields in misfits.fitting], pa.string()))
        together[name] = pa.chunked_array([*column.chunks, more], pa.string()).take(pa.array(order))
    return numbers[order], together


def _parse_with_care(text: TextFile, header: columns.Header, misfits: _Misfits) -> tuple[Any, dict[str, Any]]:
    """Line by line: a field may contain line breaks, and a quote that is not closed costs its own line."""
    numbers = array("q")
    chunks: dict[str, list[Any]] = {name: [] for name in header.positions}
    batch: dict[str, list[str]] = {name: [] for name in header.positions}

    def flush() -> None:
        for name, values in batch.items():
            chunks[name].append(trimmed(pa.array(values, pa.string())))
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


def _records(text: TextFile, header: columns.Header, misfits: _Misfits) -> Iterator[tuple[int, list[str]]]:
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


def _too_many_lines(path: Path) -> UnusableFileError:
    return UnusableFileError(
        f"{shown(path)}: has more than {MAX_LINES:,} lines. Split it into several files."
    )
