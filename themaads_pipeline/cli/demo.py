"""`themaads demo`: the whole system with emulated accounts in a home of its own: a sample, then job 213."""

import json
import shutil
import time
from collections.abc import Sequence
from importlib.resources import as_file
from pathlib import Path

import click
from rich.console import Console

from themaads_pipeline.cli import opened
from themaads_pipeline.cli.emulated import wrong_ads
from themaads_pipeline.cli.following import follow
from themaads_pipeline.cli.installation import DEMO_DATA, dagster_home
from themaads_pipeline.cli.job_213 import ACCOUNTS, SHORT_TIMES, DemoError, reenact
from themaads_pipeline.cli.progress import table
from themaads_pipeline.cli.stack import Stack, StoppedError, stoppable
from themaads_pipeline.intake.storage import put_into
from themaads_pipeline.launchers.worker import workers_of
from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings, settings

_TIMEOUT = 600.0  # seconds for the sample upload; it takes well under one minute


@click.command()
@click.option("--once", is_flag=True, help="Stop at the end; exit code 0 when all is finished and correct.")
@click.option(
    "--port", type=int, help="Of the web interface; default 3000, or another when that is taken; 0: any."
)
def demo(once: bool, port: int | None) -> None:  # click passes it by name
    """The whole system on this machine, with emulated accounts and a sample upload that is processed.

    Then job 213 again: the worker of a larger upload is killed where the old system lost it, and the upload
    goes on by itself.

    The demo has a home of its own, emptied at each start, and never uses Google credentials or another
    database.
    """
    console = opened.console()
    with as_file(DEMO_DATA / "black_friday_demo.csv") as sample:
        ours = _fresh(settings())
        stack = Stack(ours, dagster_home=dagster_home(), port=port, seed=_seed(ours.home), say=click.echo)
        with stoppable(stack), stack:
            try:
                url = _show(stack, sample, console)
                if not once:
                    click.echo(f"look around at {url}; Ctrl-C stops everything")
                while not once:
                    stack.check()
                    stack.pause(1)
            except StoppedError:
                click.echo("stopping ...")
                if once:
                    raise


def _show(stack: Stack, sample: Path, console: Console) -> str:
    started = time.monotonic()
    click.echo(f"stack is up: {(url := stack.start())} (after {time.monotonic() - started:.0f} s)")
    with Ledger(embedded.database_url(stack.settings), stack.settings) as ledger:
        _process(sample, stack, ledger, console)
        reenact(stack, ledger, console, rest=lambda: _rest(stack))
    click.echo(f"reports are in {stack.settings.reports}")
    return url


def _process(sample: Path, stack: Stack, ledger: Ledger, console: Console) -> None:
    started = time.monotonic()
    put_into(stack.settings.uploads, sample)
    click.echo(f"{sample.name} was put into {stack.settings.uploads}")

    def tick() -> None:
        stack.check()
        stack.pause(0.5)

    uploads = follow(ledger, console, tick=tick, timeout=_TIMEOUT, stall_seconds=stack.settings.stall_seconds)
    _rest(stack)
    console.print(table(uploads))
    if problems := _problems(ledger, uploads, stack.emulator_control):
        raise DemoError("the demo did not end as it should:\n" + "\n".join(problems[:20]))
    click.echo(f"finished in {time.monotonic() - started:.0f} s: 0 lost, 0 twice")


def _rest(stack: Stack) -> None:
    """Reports and checks come after the last item, and the worker's own end after these."""
    deadline = time.monotonic() + _TIMEOUT
    while stack.web and time.monotonic() < deadline:
        if stack.web.is_idle() and not workers_of(stack.settings.home):
            return
        stack.check()
        stack.pause(0.5)


def _problems(ledger: Ledger, uploads: Sequence[Progress], control_url: str) -> list[str]:
    """What is not as it should be, by the ledger and by the accounts themselves."""
    if not uploads:
        return ["the upload was not seen"]
    problems = []
    for upload in uploads:
        if upload.status is not UploadStatus.FINISHED:
            problems.append(f"#{upload.number} is {upload.status}: {upload.message}")
        if not upload.done:
            problems.append(f"#{upload.number} made no ad")
        problems += wrong_ads(control_url, ledger.outcomes.made_ads(upload.number))
    return problems


def _seed(home: Path) -> Path:
    """The accounts of both acts. No row of the sample leads to those of the second."""
    file = home / "seed.yaml"
    text = (DEMO_DATA / "seed.yaml").read_text(encoding="utf-8")
    file.write_text(f"{text}\ngenerate: {json.dumps(ACCOUNTS)}\n", encoding="utf-8")
    return file


def _fresh(real: Settings) -> Settings:
    """Settings that lead nowhere but into an empty home: the emulator starts anew, and so must the ledger."""
    home = real.home / "demo"
    ours = real.model_copy(
        update={
            "home": home,
            "database_url": None,
            "upload_dir": None,
            "report_dir": None,
            "google_ads_config": None,
            "alert_urls": "",
            **SHORT_TIMES,
        }
    )
    with Stack(ours, dagster_home=dagster_home(), say=click.echo) as before:  # refuses when one is running
        before.end_remains()
        embedded.stop(home)
        for path in home.iterdir():
            if path.name != "stack.lock":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return ours
