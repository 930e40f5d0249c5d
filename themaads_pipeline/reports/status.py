"""An upload's figures, as `themaads status --json` and the dashboard tell them: the same, from here alone."""

from typing import Any

from themaads_pipeline.ledger.uploads import Progress

__all__ = ["figures_of"]


def figures_of(upload: Progress) -> dict[str, Any]:
    """One upload as JSON tells it."""
    return {
        "key": upload.key,
        "number": upload.number,
        "status": str(upload.status),
        "items": {
            "total": upload.total,
            "pending": upload.pending,
            "sending": upload.sending,
            "applied": upload.applied,
            "done": upload.done,
            "skipped": upload.skipped,
            "failed": upload.failed,
            "rejected": upload.rejected,
        },
        # Rounded down: 100.0 is said when everything is final, and not before.
        "percent": upload.percent,
        "items_per_s": _rounded(upload.items_per_s),
        "eta_s": _rounded(upload.eta_s),
        "progress_age_s": _rounded(upload.progress_age_s),
        "run_id": upload.run_id,
        "epoch": upload.epoch,
        "message": upload.message or upload.doing,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)
