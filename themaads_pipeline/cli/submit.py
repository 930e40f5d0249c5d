"""`themaads submit`."""

from pathlib import Path

import click

from themaads_pipeline.cli import parameters
from themaads_pipeline.cli.exit_codes import code_of
from themaads_pipeline.cli.following import follow_here
from themaads_pipeline.cli.opened import console, ledger_if_running, now, open_gateway, open_ledger
from themaads_pipeline.cli.preview import ExistingFile, planning, show_plan
from themaads_pipeline.intake.storage import put_into
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.reports.dry_run import write_dry_run
from themaads_pipeline.reports.preview import expect_theme, preview_file
from themaads_pipeline.settings import Settings, settings
from themaads_pipeline.themes.catalogue import load_catalogue

_LONGEST_NAME = 50  # characters: a file system takes 255 bytes


@click.command()
@click.argument("file", type=ExistingFile)
@click.option(
    "--theme",
    shell_complete=parameters.themes,
    help="For rows that name none: bf, Sinterklaas, 'Black Friday 2026' ...",
)
@click.option("--limit", type=click.IntRange(min=1), help="A trial: pause after so many ad groups.")
@click.option("--dry-run", is_flag=True, help="Plan everything, write the plan as a file, submit nothing.")
@click.option("--wait", is_flag=True, help="Show the progress until it ends; exit code 0 when finished.")
def submit(file: Path, theme: str | None, limit: int | None, dry_run: bool, wait: bool) -> None:  # click's
    """Hand a file in: it is copied into the upload folder, and one paused ad is made in each ad group.

    The same list for the same theme is the same upload: it is not pushed twice, and says so. Exit code 0
    when it is submitted or known already; with --wait 0 when it is finished, 3 when it failed, 4 when it was
    paused (as it is by --limit).
    """
    ours = settings()
    catalogue = load_catalogue(ours.theme_dir)
    expect_theme(file, theme, catalogue=catalogue, now=now())
    if dry_run:
        _plan(ours, file, theme, limit, catalogue)
        return
    with open_ledger(ours) as ledger:
        registered = register_file(
            put_into(ours.uploads, file),
            ledger=ledger,
            catalogue=catalogue,
            today=now().date(),
            theme=theme,
            item_limit=limit,
        )
        upload = registered.upload
        if registered.is_new:
            click.echo(f"#{upload.number} {upload.key}")
        else:
            hint = "resume" if upload.status in {UploadStatus.PAUSED, UploadStatus.FAILED} else "retry"
            click.echo(f"same as #{upload.number} ({upload.status}); `themaads {hint} {upload.number}`")
        if wait:
            ended = follow_here(ledger, upload.number, stall_seconds=ours.stall_seconds)
            raise SystemExit(code_of(each.status for each in ended))


def _plan(ours: Settings, file: Path, theme: str | None, limit: int | None, catalogue: Catalogue) -> None:
    target = ours.reports / f"dry-run-{file.name.split('.')[0][:_LONGEST_NAME]}.csv"
    with ledger_if_running(ours) as ledger, open_gateway(ours) as gateway, planning() as on_progress:
        planned = preview_file(
            file,
            theme=theme,
            ledger=ledger,
            gateway=gateway,
            catalogue=catalogue,
            clock=now,
            sink=lambda outcomes: write_dry_run(outcomes, target, sample=0),
            limit=limit,
            on_progress=on_progress,
        )
    show_plan(console(), planned)
    click.echo(f"nothing was sent; the whole plan is in {target}")
