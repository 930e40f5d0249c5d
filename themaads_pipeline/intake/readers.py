"""Any file that somebody uploads, as a table of text, or one error that says what to do."""

from pathlib import Path

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.columns import RECOGNISED
from themaads_pipeline.intake.delimited import read_delimited
from themaads_pipeline.intake.sources import open_file, shown, surprises_as_unusable
from themaads_pipeline.intake.tables import RawTable
from themaads_pipeline.intake.workbooks import read_workbook
from themaads_pipeline.model.telling import Tell, tell_nobody

__all__ = ["RawTable", "read_table"]

_TEXT = (".csv", ".tsv", ".txt")


def read_table(
    path: Path, *, only: frozenset[str] = frozenset(RECOGNISED), tell: Tell = tell_nobody
) -> RawTable:
    """Read `path` by its ending: .csv (.tsv, .txt), the same with .gz, or .xlsx.

    Args:
        path: the file.
        only: read these of the recognised columns alone.
        tell: is told how far it is, also when lines are asked for later.

    Raises:
        UnusableFileError: and nothing else, whatever the file is; its message is for who uploaded it.
    """
    name = path.name.lower()
    with surprises_as_unusable(path):
        if name.endswith(_TEXT):
            return read_delimited(path, compressed=False, only=only, tell=tell)
        if name.endswith(tuple(ending + ".gz" for ending in _TEXT)):
            return read_delimited(path, compressed=True, only=only, tell=tell)
        if name.endswith(".xlsx"):
            return read_workbook(path, only=only, tell=tell)
        open_file(path).close()
        message = (
            f"{shown(path)}: files of this kind cannot be read. Save the list as CSV UTF-8 (.csv, "
            "or .csv.gz) or as an Excel workbook (.xlsx)."
        )
        raise UnusableFileError(message)
