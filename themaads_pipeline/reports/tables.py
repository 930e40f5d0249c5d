"""Report files: written a line at a time beside their place, moved there whole, ready for a spreadsheet."""

import csv
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from themaads_pipeline.exceptions import PermanentError

# Takes one row's cells, which are `cells.safe` where a text comes from outside.
WriteRow = Callable[[Sequence[object]], None]


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
        writer.writerow(columns)
        yield writer.writerow


@contextmanager
def text_file(path: Path, *, encoding: str = "utf-8") -> Iterator[TextIO]:
    """A text file that appears when it is complete; an error leaves what was there before.

    Raises:
        ReportError: It cannot be written.
    """
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}.part"
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


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReportError(
            f"{path} cannot be written ({error.strerror or error}): make room or check the folder's rights, "
            "then run the report again"
        ) from error
