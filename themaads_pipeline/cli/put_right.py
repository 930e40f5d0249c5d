"""At a start: what the ledger says is running, and is not, is put right, with a message that says so."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from themaads_pipeline.launchers.worker import runs_at_work
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import UploadStatus

__all__ = ["put_right"]


def put_right(ledger: Ledger, home: Path) -> Iterator[str]:
    """Interrupt every upload whose run has no worker any more; gives a line for each.

    Dagster learns of it from its own monitoring, which declares the run failed, and the upload goes on.
    """
    at_work = runs_at_work(home)
    for upload in ledger.uploads.with_status(UploadStatus.RUNNING):
        [progress] = ledger.uploads.progress(upload.number)
        if progress.run_id is None or progress.run_id in at_work:
            continue
        left = (
            f"resuming at {progress.final:,} of {progress.total:,}" if progress.total else "it is read again"
        )
        why = f"interrupted: {_what_happened(progress.progress_age_s)}; {left}"
        if ledger.beats.bury(progress.run_id, why=why):
            yield f"#{upload.number} was {why}"


def _what_happened(silent_for_s: float | None) -> str:
    up_for_s = time.time() - psutil.boot_time()
    if silent_for_s is not None and up_for_s < silent_for_s:
        return f"host restarted {_duration(up_for_s)} ago"
    ago = f", last seen {_duration(silent_for_s)} ago" if silent_for_s is not None else ""
    return f"its worker is gone{ago}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
