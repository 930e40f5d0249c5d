"""`themaads status`."""

import json
import math

import click
from rich.table import Table

from themaads_pipeline.cli import opened, parameters
from themaads_pipeline.cli.exit_codes import ExitCode, code_of
from themaads_pipeline.cli.following import follow_here, follow_json
from themaads_pipeline.cli.opened import open_ledger
from themaads_pipeline.cli.progress import table
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.reports.status import figures_of
from themaads_pipeline.reports.words import many
from themaads_pipeline.settings import settings

_MOST_HINTS = 4


@click.command()
@click.argument("upload", required=False, shell_complete=parameters.uploads)
@click.option("--json", "as_json", is_flag=True, help="For scripts: one object with UPLOAD, else a list.")
@click.option("--follow", is_flag=True, help="Stay until nothing goes on by itself any more.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Follow no longer than that."
)
@click.option("--exit-code", is_flag=True, help="Tell how it is by the exit code, as --follow does.")
def status(  # click's names
    upload: str | None, as_json: bool, follow: bool, timeout: float | None, exit_code: bool
) -> None:
    """How far uploads are: one (213, #213 or its key), or all of them.

    --follow draws what goes on: ads by outcome, how fast now and on average, when it ends, whether it lives,
    and what happened meanwhile. With --json it prints a line at each change.

    Exit code 0. With --follow or --exit-code it tells how uploads are: 0 finished, 3 failed, 4 paused,
    5 interrupted, 6 waiting, 7 running (the last three with --timeout or --exit-code only); of several, what
    asks for a person most. 130: Ctrl-C; the upload goes on.
    """
    ours = settings()
    with open_ledger(ours) as ledger:
        number = ledger.uploads.find(upload).number if upload else None
        if not follow:
            shown = ledger.uploads.progress(number)
            _print(shown, as_json=as_json, single=number is not None)
        else:
            longest = math.inf if timeout is None else timeout
            try:
                if as_json:
                    shown = follow_json(ledger, number, timeout=longest)
                else:
                    shown = follow_here(ledger, number, stall_seconds=ours.stall_seconds, timeout=longest)
            except KeyboardInterrupt:
                click.echo("only the looking ended: what was running goes on", err=True)
                raise SystemExit(ExitCode.STOPPED_LOOKING) from None
    if follow and not as_json:
        for hint in list(filter(None, map(_what_next, shown)))[-_MOST_HINTS:]:
            click.echo(hint)
    if follow or exit_code:
        raise SystemExit(code_of(each.status for each in shown))


def _what_next(upload: Progress) -> str:
    """What a person does next, in a line; nothing where nothing is to be done."""
    number = upload.number
    match upload.status:
        case UploadStatus.FINISHED if upload.failed:
            failed = many(upload.failed, "ad group")
            return f"#{number}: {failed} failed; why: `themaads outcomes {number} --state failed`"
        case UploadStatus.PAUSED | UploadStatus.FAILED:
            return f"#{number}: `themaads resume {number}` goes on"
        case _:
            return ""


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
