"""How far uploads are, in the terminal: live bars for a person, a line now and then for a log."""

import time
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus

__all__ = ["follow", "line", "table"]

_LINE_EVERY = 5.0  # seconds, at most, between two lines of a log
_ENDED = frozenset({UploadStatus.FINISHED, UploadStatus.FAILED, UploadStatus.PAUSED})


def follow(
    ledger: Ledger, console: Console, *, tick: Callable[[], None], timeout: float, number: int | None = None
) -> Sequence[Progress]:
    """Show one upload's progress, or everyone's, until nothing changes by itself any more.

    Args:
        ledger: Asked twice a second.
        console: Where it is shown; when it is no terminal, as lines.
        tick: Called between two looks; it waits, and raises when there is no sense in going on.
        timeout: After so many seconds the progress is returned as it is.
        number: Of the upload; None: all.
    """
    deadline = time.monotonic() + timeout
    said, said_at = "", 0.0
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            uploads = ledger.uploads.progress(number)
            if console.is_terminal:
                live.update(table(uploads), refresh=True)
            else:
                text = "\n".join(line(upload) for upload in uploads)
                if text != said and time.monotonic() > said_at + _LINE_EVERY:
                    console.print(text, highlight=False, markup=False)
                    said, said_at = text, time.monotonic()
            if (
                uploads and all(upload.status in _ENDED for upload in uploads)
            ) or time.monotonic() > deadline:
                return uploads
            tick()


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
