"""How far uploads are: one in a line, several in a table."""

from collections.abc import Sequence

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from themaads_pipeline.ledger.uploads import Progress

__all__ = ["line", "table"]


def line(upload: Progress) -> str:
    """One upload in one line.

    It ends with what the upload is at, or why it stands still.
    """
    speed = f", {upload.items_per_s:,.0f} a second" if upload.items_per_s else ""
    why = f": {upload.message or upload.doing}" if upload.message or upload.doing else ""
    return (
        f"#{upload.number} {upload.file_name}: {upload.status}, {upload.final:,} of {upload.total:,} items "
        f"({upload.percent:.1f}%){speed}{why}"
    )


def table(uploads: Sequence[Progress]) -> Group:
    """One upload a row, with a bar."""
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "file", "status", ""):
        grid.add_column(name)
    for name in ("%", "done", "skipped", "failed", "open", "rejected rows"):
        grid.add_column(name, justify="right")
    for upload in uploads:
        still_open = upload.total - upload.final
        counts = (upload.done, upload.skipped, upload.failed, still_open, upload.rejected)
        grid.add_row(
            f"#{upload.number}",
            Text(upload.file_name),
            str(upload.status),
            ProgressBar(total=100, completed=upload.percent, width=20),
            f"{upload.percent:.1f}",
            *(f"{count:,}" for count in counts),
        )
    notes = [Text(line(upload), style="dim") for upload in uploads if upload.message or upload.doing]
    return (
        Group(grid, *notes) if uploads else Group(Text("waiting for the upload to be seen ...", style="dim"))
    )
