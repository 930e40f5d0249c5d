"""Uploads are followed until nothing goes on by itself: live for a person, a line now and then for a log."""

import json
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from themaads_pipeline.cli import opened
from themaads_pipeline.cli.live import Look, Watch
from themaads_pipeline.cli.progress import line, table
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.reports.heartbeat import heartbeat_of
from themaads_pipeline.reports.status import figures_of

__all__ = ["follow", "follow_here", "follow_json"]

_LINE_EVERY = 5.0  # seconds, at most, between two lines of a log
_LOOK_EVERY_S = 0.5
_ENDED = frozenset({UploadStatus.FINISHED, UploadStatus.FAILED, UploadStatus.PAUSED})
# They change while nothing happens.
_CLOCKS = frozenset({"progress_age_s", "items_per_s", "eta_s"})


def follow(
    ledger: Ledger,
    console: Console,
    *,
    tick: Callable[[], None],
    timeout: float,
    stall_seconds: float,
    number: int | None = None,
) -> Sequence[Progress]:
    """Show one upload's progress, or everyone's, until nothing changes by itself any more.

    Args:
        ledger: Asked twice a second.
        console: Where it is shown; when it is no terminal, as lines.
        tick: Called between two looks; it waits, and raises when there is no sense in going on.
        timeout: After so many seconds the progress is returned as it is.
        stall_seconds: Without progress for so long an upload counts as stalled.
        number: Of the upload; None: all.
    """
    deadline = time.monotonic() + timeout
    said, said_at = "", 0.0
    watch = Watch()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            uploads = ledger.uploads.progress(number)
            if console.is_terminal:
                look = _look(ledger, uploads, stall_seconds)
                watch.take(look)
                live.update(watch.view(look, width=console.width), refresh=True)
            else:
                text = "\n".join(line(upload) for upload in uploads)
                if text != said and time.monotonic() > said_at + _LINE_EVERY:
                    console.print(text, highlight=False)
                    said, said_at = text, time.monotonic()
            if (
                uploads and all(upload.status in _ENDED for upload in uploads)
            ) or time.monotonic() > deadline:
                return uploads
            tick()


def follow_here(
    ledger: Ledger, number: int | None, *, stall_seconds: float, timeout: float = math.inf
) -> list[Progress]:
    """Show progress in this terminal until nothing goes on by itself; returns how it ended."""
    console = opened.console()
    ended = follow(
        ledger,
        console,
        tick=lambda: time.sleep(_LOOK_EVERY_S),
        timeout=timeout,
        stall_seconds=stall_seconds,
        number=number,
    )
    console.print(table(ended))
    return list(ended)


def follow_json(ledger: Ledger, number: int | None, *, timeout: float = math.inf) -> list[Progress]:
    """Print a line of JSON at each change of anything but ages and rates; returns how it ended."""
    deadline = time.monotonic() + timeout
    said: list[dict[str, Any]] | None = None
    while True:
        uploads = ledger.uploads.progress(number)
        found = [figures_of(upload) for upload in uploads]
        facts = [{name: fact for name, fact in each.items() if name not in _CLOCKS} for each in found]
        if facts != said:
            click.echo(json.dumps(found[0] if number is not None else found, ensure_ascii=False))
            said = facts
        if all(upload.status in _ENDED for upload in uploads) or time.monotonic() > deadline:
            return uploads
        time.sleep(_LOOK_EVERY_S)


def _look(ledger: Ledger, uploads: Sequence[Progress], stall_seconds: float) -> Look:
    going_on = [upload for upload in uploads if upload.status not in _ENDED]
    now = ledger.attempts.now()
    about = ledger.looks.about([upload.number for upload in going_on])
    hearts = {
        upload.number: heartbeat_of(upload, about[upload.number], stall_seconds=stall_seconds, now=now)
        for upload in going_on
        if upload.number in about
    }
    return Look(uploads=uploads, hearts=hearts, at=time.monotonic(), now=datetime.now(UTC).astimezone())
