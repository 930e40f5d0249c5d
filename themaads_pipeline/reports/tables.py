"""Report files: written a line at a time beside their place, moved there whole, ready for a spreadsheet."""

import codecs
import csv
import errno
import io
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from themaads_pipeline.exceptions import PermanentError

# Takes one row's cells, which are `cells.safe` where a text comes from outside.
WriteRow = Callable[[Sequence[object]], None]

_UNFINISHED = ".part"
_LINES_AT_ONCE = 2_000


class ReportError(PermanentError):
    """A report cannot be written: the disk is full, or the folder not ours."""


@contextmanager
def table_file(path: Path, columns: Sequence[str]) -> Iterator[WriteRow]:
    """A CSV file (UTF-8 with the mark that Excel needs, CRLF); whole or not there at all.

    Raises:
        ReportError: It cannot be written; what was there before still is.
    """
    with text_file(path, encoding="utf-8-sig") as file:
        writer = csv.writer(file)

        def write(row: Sequence[object]) -> None:
            try:
                writer.writerow(row)
            except OSError as error:  # here, because several files may be open, and only this one is meant
                raise _unwritable(path, error) from error

        write(columns)
        yield write


def table_stream(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """The bytes of such a file, some thousand lines at a time: for whoever sends it on."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    yield codecs.BOM_UTF8
    for number, row in enumerate(rows, start=1):
        writer.writerow(row)
        if number % _LINES_AT_ONCE == 0:
            yield _taken(text)
    yield _taken(text)


@contextmanager
def text_file(path: Path, *, encoding: str = "utf-8") -> Iterator[TextIO]:
    """A text file that appears when it is complete; an error leaves what was there before.

    Raises:
        ReportError: It cannot be written.
    """
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}{_UNFINISHED}"
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Names from Google or a file can hold halves of surrogate pairs; they must not end the report.
            with temporary.open("x", encoding=encoding, errors="replace", newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _taken(text: io.StringIO) -> bytes:
    taken = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    return taken


def forget_unfinished(directory: Path) -> None:
    """Remove what was half-written when a run was killed: each such file is as large as a whole one.

    Raises:
        ReportError: The folder cannot be changed.
    """
    with _disk_errors(directory):
        for left in directory.glob(f".*{_UNFINISHED}"):
            left.unlink(missing_ok=True)


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ReportError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        what_to_do = f"free space in {path.parent}"
    else:
        what_to_do = f"check {path.parent} and its rights"
    return ReportError(
        f"{path} cannot be written ({error.strerror or error}): {what_to_do}, then run it again"
    )
