"""What a run tells of itself: one line an event, in its worker's log. What each means: docs/logs.md.

Never in Dagster's events: 6 ms and a row for each.
"""

import logging
import sys
import time
from pathlib import Path

from themaads_pipeline.exceptions import AdsError
from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.model.lines import Fact, line

__all__ = ["say", "say_sent", "show_lines"]

_OURS = "themaads_pipeline"
_log = logging.getLogger(__name__)


def say(owner: Owner, event: str, /, *, level: int = logging.INFO, **facts: Fact) -> None:
    """One line about an owner's work."""
    if _log.isEnabledFor(level):
        _log.log(level, line(event, upload=owner.upload, run=owner.run_id, epoch=owner.epoch, **facts))


def say_sent(
    owner: Owner,
    account: int,
    kind: str,
    started: float,
    error: AdsError | None = None,
    *,
    request_id: str = "",
    **counts: int,
) -> None:
    """One line for each batch that was sent, once what became of it is written down.

    Args:
        owner: Who sent it.
        account: Where to.
        kind: As in the ledger: `ads`, `labels` or `label_names`.
        started: When, on the clock `time.monotonic`.
        error: How the whole request failed, where it did.
        request_id: Google's, of an answer.
        counts: `items` or `operations`, and what became of how many: `created`, `refused`, `retried`,
            `in_doubt`.
    """
    say(
        owner,
        "batch_sent",
        level=logging.INFO if error is None else logging.WARNING,
        account=account,
        kind=kind,
        **counts,
        seconds=time.monotonic() - started,
        request_id=(request_id if error is None else error.request_id) or None,
        code=error.code if error else None,
        why=str(error) if error else None,
    )


def show_lines(level: str, file: Path | None = None) -> None:
    """Write what this package logs to standard error from now on, and to a file, with the time in UTC."""
    logger = logging.getLogger(_OURS)
    if any(isinstance(handler, _Lines) for handler in logger.handlers):
        return
    form = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handlers: list[logging.Handler] = [_Lines(sys.stderr)]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(file, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(form)
        logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False  # whoever has set the root logger up would write each line again


class _Lines(logging.StreamHandler):  # type: ignore[type-arg]  # generic in type stubs only
    """Ours."""
