"""`themaads preview`, and how a plan is shown."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from themaads_pipeline.cli import opened, parameters
from themaads_pipeline.cli.opened import ledger_if_running, now, open_gateway
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.ads import Account, AdContent, AdText
from themaads_pipeline.model.items import RejectedRow
from themaads_pipeline.model.texts import rendered_for_people
from themaads_pipeline.push.dry_run import PlannedOutcome
from themaads_pipeline.push.snapshot import local_now
from themaads_pipeline.reports.preview import DAILY_OPERATIONS, Preview, first_creates, preview_file
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue

_REJECTED_SHOWN = 10
_REASONS_SHOWN = 12

ExistingFile = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command()
@click.argument("file", type=ExistingFile)
@click.option(
    "--theme",
    shell_complete=parameters.themes,
    help="For rows that name none: bf, Sinterklaas, 'Black Friday 2026' ...",
)
@click.option("--rows", default=3, show_default=True, help="How many ads are shown beside their originals.")
def preview(file: Path, theme: str | None, rows: int) -> None:
    """What a file would do, without doing it: ads beside their originals, rejected rows, operations, quota.

    Every ad group is looked at in its account; nothing is changed there, and nothing is submitted.
    Exit code 1 when not one ad would be made.
    """
    ours, console = settings(), opened.console()
    with ledger_if_running(ours) as ledger, open_gateway(ours) as gateway:
        with planning() as on_progress:
            planned = preview_file(
                file,
                theme=theme,
                ledger=ledger,
                gateway=gateway,
                catalogue=load_catalogue(ours.theme_dir),
                clock=now,
                sink=first_creates(rows),
                on_progress=on_progress,
            )
        accounts = gateway.accounts()
    for outcome in planned.sample:
        console.print(side_by_side(outcome, accounts.get(outcome.item.customer_id)))
        console.print()
    show_plan(console, planned)
    if not planned.planned("create"):
        raise SystemExit(1)


@contextmanager
def planning() -> Iterator[Callable[[int, int], None]]:
    """Progress on stderr, where it is no part of what is asked for."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading the file", total=None)

        def on_progress(done: int, items: int) -> None:
            bar.update(task, description="looking at the ad groups", completed=done, total=items)

        yield on_progress


def side_by_side(outcome: PlannedOutcome, account: Account | None) -> Table:
    """The ad that is copied beside the one that would be made, as a searcher sees them now."""
    assert outcome.new_ad is not None  # noqa: S101  # only new ads are shown
    moment = local_now(account, now()) if account else now()
    names = f"{outcome.account_name} > {outcome.campaign_name} > {outcome.ad_group_name}"
    title = Text(f"{dashed(outcome.item.customer_id)}  {names}", style="bold")
    grid = Table(title=title, title_justify="left", show_lines=False)
    grid.add_column("")
    grid.add_column(f"original ad {outcome.new_ad.copied_ad_id}", ratio=1)
    grid.add_column(f"themed ad, {outcome.item.edition} (PAUSED)", ratio=1)
    original, themed = outcome.original, outcome.new_ad.content

    def shown(text: AdText) -> str:
        pin = f"  [{text.pin}]" if text.pin else ""
        return rendered_for_people(text.text, moment) + pin

    for kind in ("headlines", "descriptions"):
        before: Sequence[AdText] = getattr(original, kind) if original else ()
        after: Sequence[AdText] = getattr(themed, kind)
        old = {text.text for text in before}
        for at in range(max(len(before), len(after))):
            left = Text(shown(before[at])) if at < len(before) else Text()
            is_new = at < len(after) and after[at].text not in old
            right = Text(shown(after[at]) if at < len(after) else "", style="green" if is_new else "")
            grid.add_row(f"{kind[:-1]} {at + 1}", left, right)
    grid.add_row("path", Text(_paths(original) if original else ""), Text(_paths(themed)))
    grid.add_row(
        "URL", Text(" ".join(original.final_urls) if original else ""), Text(" ".join(themed.final_urls))
    )
    grid.add_row("labels", "", Text(", ".join(outcome.labels)))
    return grid


def show_plan(console: Console, planned: Preview) -> None:
    """Counts by outcome, rejected rows, operations and what they mean for the quota."""
    grid = Table(box=None, pad_edge=False, header_style="dim")
    grid.add_column("ad groups", justify="right")
    grid.add_column("what would happen")
    grid.add_column("reason")
    words = {
        "create": "a new ad, PAUSED",
        "skip": "nothing is needed or possible",
        "fail": "refused",
        "wait": "waits for a request in doubt",
    }
    ranked = sorted(planned.requests.outcomes.items(), key=lambda pair: (-pair[1], pair[0]))
    for (outcome, reason), items in ranked[:_REASONS_SHOWN]:
        grid.add_row(f"{items:,}", words[outcome], Text(reason))
    console.print(grid)
    console.print(Text(_in_words(planned)))
    for row in planned.rejected[:_REJECTED_SHOWN]:
        console.print(Text(_rejected(row), style="yellow"))
    if (more := len(planned.rejected) - _REJECTED_SHOWN) > 0:
        console.print(Text(f"... and {more:,} more rejected rows", style="yellow"))
    console.print(Text(_cost(planned)))


def _in_words(planned: Preview) -> str:
    editions = ", ".join(planned.editions) or "no edition"
    return (
        f"{planned.file_name}: {planned.rows:,} rows select {planned.items:,} ad groups in "
        f"{planned.accounts:,} accounts for {editions} ({planned.duplicates:,} duplicates, "
        f"{planned.looked_up_by_name:,} found by name); {len(planned.rejected):,} rows rejected"
    )


def _cost(planned: Preview) -> str:
    requests = planned.requests
    levels = ", ".join(
        f"{level} ({DAILY_OPERATIONS[level]:,} a day) {days:,} {'day' if days == 1 else 'days'}"
        for level, days in planned.days_of_quota().items()
    )
    return (
        f"operations: {requests.operations:,} = {requests.ads:,} ads + {requests.labels:,} labels on ads + "
        f"{requests.label_names:,} new label names + {requests.searches:,} searches\n"
        f"days of quota: {levels}, Standard has no daily limit"
    )


def _rejected(row: RejectedRow) -> str:
    return f"line {row.line}: {row.reason}: {row.message}"


def _paths(content: AdContent) -> str:
    return "/".join(path for path in (content.path1, content.path2) if path)
