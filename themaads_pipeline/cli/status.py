"""`themaads status`."""

import json
import math
import time

import click
from rich.table import Table

from themaads_pipeline.cli import opened
from themaads_pipeline.cli.opened import open_ledger
from themaads_pipeline.cli.progress import follow as follow_uploads
from themaads_pipeline.cli.progress import table
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.reports.status import figures_of
from themaads_pipeline.settings import settings

_LOOK_EVERY_S = 1.0
ENDED = frozenset({UploadStatus.FINISHED, UploadStatus.FAILED, UploadStatus.PAUSED})


@click.command()
@click.argument("upload", required=False)
@click.option("--json", "as_json", is_flag=True, help="For scripts: one object with UPLOAD, else a list.")
@click.option("--follow", is_flag=True, help="Stay until nothing goes on by itself any more.")
def status(upload: str | None, as_json: bool, follow: bool) -> None:  # click's names
    """How far uploads are: one (213, #213 or its key), or all of them.

    Exit code 0. With --follow it tells how it ended: 0 when all that was followed is finished, else 1.
    With --follow and --json, a line at each change.
    """
    ours = settings()
    with open_ledger(ours) as ledger:
        number = ledger.uploads.find(upload).number if upload else None
        if not follow:
            shown = ledger.uploads.progress(number)
            _print(shown, as_json=as_json, single=number is not None)
            return
        ended = _follow_json(ledger, number) if as_json else follow_here(ledger, number)
    raise SystemExit(0 if all(each.status == UploadStatus.FINISHED for each in ended) else 1)


def follow_here(ledger: Ledger, number: int | None) -> list[Progress]:
    """Show progress in this terminal until nothing goes on by itself; returns how it ended."""
    console = opened.console()
    ended = follow_uploads(
        ledger, console, tick=lambda: time.sleep(_LOOK_EVERY_S / 2), timeout=math.inf, number=number
    )
    console.print(table(ended))
    return list(ended)


def _follow_json(ledger: Ledger, number: int | None) -> list[Progress]:
    said = ""
    while True:
        uploads = ledger.uploads.progress(number)
        found = [figures_of(upload) for upload in uploads]
        text = json.dumps(found[0] if number is not None else found, ensure_ascii=False)
        if text != said:
            click.echo(text)
            said = text
        if all(upload.status in ENDED for upload in uploads):
            return uploads
        time.sleep(_LOOK_EVERY_S)


def _print(uploads: list[Progress], *, as_json: bool, single: bool) -> None:
    if as_json:
        found = [figures_of(upload) for upload in uploads]
        click.echo(json.dumps(found[0] if single else found, ensure_ascii=False, indent=2))
    elif not uploads:
        click.echo("no upload yet: `themaads submit FILE`, or put a file into the upload folder")
    else:
        console = opened.console()
        console.print(table(uploads))
        if single:
            console.print(_details(uploads[0]))


def _details(upload: Progress) -> Table:
    grid = Table(box=None, show_header=False, pad_edge=False)
    facts = {
        "key": upload.key,
        "run": upload.run_id or "none yet",
        "stage": upload.stage or "",
        "speed": f"{upload.items_per_s:,.1f} items a second" if upload.items_per_s else "",
        "ready in": f"{upload.eta_s:,.0f} s" if upload.eta_s is not None else "",
        "last progress": f"{upload.progress_age_s:,.0f} s ago" if upload.progress_age_s is not None else "",
        "waits until": f"{upload.waiting_until:%Y-%m-%d %H:%M:%S %Z}" if upload.waiting_until else "",
        "message": upload.message or upload.doing,
    }
    for name, fact in facts.items():
        if fact:
            grid.add_row(f"[dim]{name}[/dim]", click.unstyle(fact).replace("[", r"\["))
    return grid
