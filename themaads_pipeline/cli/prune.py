"""`themaads prune`: uploads of long ago give up their items and their runs in Dagster."""

import re
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from themaads_pipeline.cli import opened
from themaads_pipeline.cli.installation import dagster_home
from themaads_pipeline.cli.opened import open_ledger
from themaads_pipeline.exceptions import FencedError, GuardError, UploadBusyError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.retention import Kept
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.retention import why_kept
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue

if TYPE_CHECKING:
    import dagster as dg

    from themaads_pipeline.defs.history import History

_DAYS_OF = {"d": 1, "w": 7}
_SHOWN = 50


class _Age(click.ParamType[int]):
    """`90d` or `13w`, as days."""

    name = "age"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        parts = re.fullmatch(r"([1-9]\d{0,4})([dw])", str(value).strip())
        if parts is None:
            self.fail(f"{value!r} is no age: 90d for 90 days, or 13w for 13 weeks", param, ctx)
        return int(parts[1]) * _DAYS_OF[parts[2]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    """An upload that can be pruned, and what goes."""

    upload: Upload
    kept: Kept
    history: "History"


@click.command()
@click.option(
    "--older-than", "days", type=_Age(), required=True, help="Finished for so long: 90d, 13w. At least 1d."
)
@click.option("--yes", is_flag=True, help="Do it without asking; without a terminal nothing is done else.")
def prune(days: int, yes: bool) -> None:  # click's names
    """Give up the items of uploads that have been finished for long, and their runs in Dagster.

    What goes is shown first, and asked about. What stays: each upload with its number, key, status and
    counts, so that the same file is still the same upload; the lessons of policy; the files of its report. An
    upload stays whole while an edition in it is not over: the ledger has to know its ads.
    """
    ours = settings()
    with open_ledger(ours) as ledger, _dagster() as instance:
        catalogue = load_catalogue(ours.theme_dir)
        candidates, stay = _look(ledger, instance, catalogue, days)
        _show(candidates, stay, days)
        if not candidates:
            return
        if not yes:
            if not sys.stdin.isatty():
                click.echo("nothing was deleted: --yes does it")
                return
            click.confirm("Delete this for good?", abort=True)
        pruned = sum(_prune(ledger, instance, candidate) for candidate in candidates)
    click.echo(f"{pruned:,} of {len(candidates):,} uploads were pruned")
    if pruned < len(candidates):
        raise SystemExit(1)


@contextmanager
def _dagster() -> Iterator["dg.DagsterInstance"]:
    import dagster as dg  # noqa: PLC0415 - costs a second, and `--help` needs it not

    with dg.DagsterInstance.from_config(str(dagster_home())) as instance:
        yield instance


def _look(
    ledger: Ledger, instance: "dg.DagsterInstance", catalogue: Catalogue, days: int
) -> tuple[list[_Candidate], list[tuple[Upload, str]]]:
    """What can be pruned; and what is old enough, and stays, with the reason."""
    from themaads_pipeline.defs.history import history_of  # noqa: PLC0415 - Dagster's second, as above

    candidates, stay = [], []
    for upload in ledger.retention.finished_for(days):
        history = history_of(instance, upload.key)
        editions = ledger.retention.editions_of(upload.number)
        reason = why_kept(editions, catalogue=catalogue, now=opened.now())
        if reason is None and history.active_run_id is not None:
            reason = f"Dagster's run {history.active_run_id} of it is not over"
        if reason is not None:
            stay.append((upload, reason))
            continue
        kept = ledger.retention.kept_of(upload.number)
        candidates.append(_Candidate(upload=upload, kept=kept, history=history))
    return candidates, stay


def _show(candidates: Sequence[_Candidate], stay: Sequence[tuple[Upload, str]], days: int) -> None:
    console = opened.console()
    if candidates:
        grid = Table(box=None, pad_edge=False, header_style="dim")
        grid.add_column("upload")
        grid.add_column("finished")
        for name in ("items", "lines", "attempts", "runs", "events"):
            grid.add_column(name, justify="right")
        for each in candidates[:_SHOWN]:
            name = f"#{each.upload.number} {each.upload.key}"
            grid.add_row(Text(name), f"{each.upload.status_at:%Y-%m-%d}", *_figures([each]))
        if len(candidates) > 1:
            grid.add_row(f"all {len(candidates):,}", "", *_figures(candidates), style="bold")
        console.print(grid)
    else:
        click.echo(f"nothing to prune: no upload has been finished for {days} days and has items left")
    for upload, reason in stay[:_SHOWN]:
        console.print(Text(f"stays: #{upload.number} {upload.key}: {reason}", style="dim"))
    if len(stay) > _SHOWN:
        console.print(Text(f"{len(stay) - _SHOWN:,} more stay", style="dim"))


def _figures(candidates: Sequence[_Candidate]) -> list[str]:
    sums = (
        sum(each.kept.items for each in candidates),
        sum(each.kept.rows for each in candidates),
        sum(each.kept.attempts for each in candidates),
        sum(each.history.runs for each in candidates),
        sum(each.history.events for each in candidates),
    )
    return [f"{figure:,}" for figure in sums]


def _prune(ledger: Ledger, instance: "dg.DagsterInstance", candidate: _Candidate) -> bool:
    """Prune one upload as its owner: no run works on it meanwhile, and none that wakes up goes on with it."""
    from themaads_pipeline.defs.history import forget  # noqa: PLC0415 - Dagster's second, as above

    number = candidate.upload.number
    try:
        owner = ledger.uploads.take(
            number,
            run_id=f"prune-{uuid.uuid4()}",
            stage="pruning",
            is_active=lambda _: True,  # whoever holds it is believed to live, until it counts as stalled
            looks_only=True,
        )
        try:
            ledger.retention.begin(owner)
        except GuardError as error:
            ledger.uploads.end(owner, how="failed", why=str(error))
            raise
        # Dagster's first: once the items are gone, the upload is not looked at again.
        forget(instance, candidate.upload.key, candidate.history)
        ledger.retention.prune(owner)
        ledger.uploads.end(owner, how="finished")
    except (UploadBusyError, FencedError, GuardError) as error:
        click.echo(f"not pruned: {error}", err=True)
        return False
    click.echo(f"#{number} was pruned")
    return True
