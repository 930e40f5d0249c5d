"""What a reader hands on: the recognised columns as text, and the raw text of lines that are asked for."""

import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.model.items import RejectedRow

MAX_RAW = 2_000  # characters of a rejected line that are kept

# How a reader writes a cell in which a spreadsheet keeps a date: nobody typed that as a name or an id.
DATE_MARK = "#DATE!"


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """The rows of a file as text, nothing checked yet but that each has as many fields as the header.

    `columns` has `line` (int64, the header of a plain file is line 1) and those of `columns.RECOGNISED` that
    the file has, as trimmed text; what is empty is "". Rows without any content are left out.
    """

    columns: pd.DataFrame
    rejected: list[RejectedRow] = field(default_factory=list)  # lines that are no rows at all
    raw_lines: Callable[[Collection[int]], dict[int, str]] = field(repr=False)

    def raw(self, lines: Collection[int]) -> dict[int, str]:
        """The text of these lines as it stands in the file, by line number.

        The file is read again for it; where it has gone meanwhile, lines are missing from the answer.
        """
        try:
            return self.raw_lines(lines) if lines else {}
        except (UnusableFileError, OSError, EOFError, zlib.error):
            return {}


def kept(text: str) -> str:
    """`text` as the ledger can store it: no NUL, and not endless."""
    text = text.replace("\0", "\ufffd")
    return text if len(text) <= MAX_RAW else text[: MAX_RAW - 1] + "…"


def trimmed(texts: Any) -> Any:  # pyarrow string array
    """Without space around. Done to a part of a column at a time: twice the table would be the most that
    reading takes.
    """
    return pc.utf8_trim_whitespace(texts)


def raw_table(
    *,
    line: Any,  # array-like of int64
    columns: dict[str, Any],
    rejected: list[RejectedRow],
    raw_lines: Callable[[Collection[int]], dict[int, str]],
    blank: str,
) -> RawTable:
    """A table of trimmed arrow string columns, without the rows that have no content.

    A row is only left out when its whole raw text is made of `blank` characters: one with content in ignored
    columns alone is somebody's row, and is rejected later with its reason.
    """
    empty = np.ones(len(line), dtype=bool)
    for column in columns.values():
        empty &= np.asarray(pc.equal(column, ""))
    frame = pd.DataFrame({"line": np.asarray(line, dtype=np.int64)})
    for name, column in columns.items():
        frame[name] = pd.Series(column, dtype=pd.StringDtype("pyarrow"))
    if "customer_id" in columns and empty.any():
        texts = raw_lines(frame["line"][empty].tolist())
        without = [number for number, text in texts.items() if not text.strip(blank)]
        frame = frame[~frame["line"].isin(without)]
    return RawTable(columns=frame.reset_index(drop=True), rejected=rejected, raw_lines=raw_lines)
