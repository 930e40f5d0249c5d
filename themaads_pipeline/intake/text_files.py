"""A text file of a million lines, in one encoding, gone through as often as it takes."""

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.sources import MAX_LINE, Unpacked, of_about, shown
from themaads_pipeline.intake.tables import kept
from themaads_pipeline.model.telling import Tell

__all__ = ["BLOCK", "TextFile", "line_too_long"]

BLOCK = 1024**2
_TOLD_LINES = 5_000


@dataclass(frozen=True, kw_only=True)
class TextFile:
    """A text file, opened anew for each pass: nothing of it is kept in memory."""

    path: Path
    compressed: bool
    encoding: str
    tell: Tell

    def open(self) -> tuple[io.TextIOWrapper, Unpacked]:
        source = Unpacked(self.path, compressed=self.compressed)
        stream = io.TextIOWrapper(io.BufferedReader(source, BLOCK), encoding=self.encoding, errors="replace")
        return stream, source

    def lines(self, start: int = 1, *, doing: str = "reading row") -> Iterator[tuple[int, str]]:
        """Line number and text, without the line break, from line `start` on."""
        stream, source = self.open()
        with stream:
            number = 0
            while line := stream.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise line_too_long(self.path, number)
                if number % _TOLD_LINES == 0:
                    self.tell(f"{doing} {of_about(number, source.share)}")
                if number >= start:
                    yield number, line.rstrip("\n")

    def raw_lines(self, wanted: Collection[int]) -> dict[int, str]:
        numbers = frozenset(wanted)
        lines = self.lines(doing="keeping what rejected rows say: row")
        return {number: kept(line) for number, line in lines if number in numbers}


def line_too_long(path: Path, line: int) -> UnusableFileError:
    return UnusableFileError(
        f"{shown(path)}: line {line:,} has more than {MAX_LINE:,} characters, so this is no list of "
        "ad groups. Export it again, with one row for each ad group."
    )
