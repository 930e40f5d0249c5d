"""`themaads outcomes`."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from themaads_pipeline.cli import opened
from themaads_pipeline.cli.opened import open_gateway, open_ledger
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.outcomes import PolicyPattern
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.reports.files import OUTCOME_COLUMNS, write_outcomes
from themaads_pipeline.reports.tables import table_file
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue


@click.command()
@click.argument("upload", required=False)
@click.option(
    "--csv", "target", metavar="FILE", help="Write one line an ad group to FILE; - is this terminal."
)
@click.option(
    "--state", type=click.Choice([str(state) for state in ItemState]), help="Only ad groups in this state."
)
@click.option("--account-names", is_flag=True, help="Ask Google Ads for the accounts' names as well.")
@click.option(
    "--patterns", is_flag=True, help="What policy refused, by topic and cause; without UPLOAD, of all."
)
def outcomes(
    upload: str | None, target: str | None, state: str | None, account_names: bool, patterns: bool
) -> None:  # click's names
    """What became of every ad group: counts by reason, or with --csv a line each.

    The lines have names, both ads (the new one, PAUSED, and the one it was copied from) and the labels. With
    --patterns, what Google's policy refused: which text or page, how often, where.
    """
    ours = settings()
    if patterns:
        with open_ledger(ours) as ledger:
            number = ledger.uploads.find(upload).number if upload else None
            _show_patterns(ledger.outcomes.policy_patterns(number), of_all=number is None)
        return
    if upload is None:
        raise click.UsageError("give an UPLOAD (213, #213 or its key), or --patterns")
    chosen = ItemState(state) if state else None
    with open_ledger(ours) as ledger:
        found = ledger.uploads.find(upload)
        found.expect_items()
        if target is None:
            _show(ledger, found, chosen)
            return
        accounts = {}
        if account_names:
            with open_gateway(ours) as gateway:
                accounts = gateway.accounts()
        lines = _Lines(ledger, found, load_catalogue(ours.theme_dir), accounts, chosen)
        if target == "-":
            lines.print()
            return
        written = lines.write(Path(target))
    click.echo(f"{written:,} lines in {target}; the new ads are PAUSED until you enable them", err=True)


class _Lines:
    def __init__(
        self,
        ledger: Ledger,
        upload: Upload,
        catalogue: Catalogue,
        accounts: dict[int, Account],
        state: ItemState | None,
    ) -> None:
        self._upload = upload
        self._chosen: dict[str, Any] = {
            "ledger": ledger,
            "catalogue": catalogue,
            "accounts": accounts,
            "state": state,
        }

    def write(self, path: Path) -> int:
        with table_file(path, OUTCOME_COLUMNS) as write:
            return write_outcomes(self._upload, write, **self._chosen)

    def print(self) -> None:
        line = io.StringIO()
        writer = csv.writer(line, lineterminator="\n")

        def write(cells: Any) -> None:
            writer.writerow(cells)
            click.echo(line.getvalue(), nl=False)
            line.seek(0)
            line.truncate()

        write(OUTCOME_COLUMNS)
        write_outcomes(self._upload, write, **self._chosen)


def _show(ledger: Ledger, upload: Upload, state: ItemState | None) -> None:
    grid = Table(box=None, pad_edge=False, header_style="dim")
    grid.add_column("items", justify="right")
    for name in ("outcome", "kind", "reason", "example"):
        grid.add_column(name)
    for row in ledger.outcomes.counts_by_reason(upload.number):
        if state is None or row["state"] == state:
            texts = (row["state"], row["category"], row["code"], row["example"] or "")
            grid.add_row(f"{row['items']:,}", *map(Text, texts))
    rejected = ledger.outcomes.rejected_by_reason(upload.number) if state is None else {}
    for reason, rows in rejected.items():
        grid.add_row(f"{rows:,}", "rejected row", "", Text(reason), "")
    console = opened.console()
    console.print(grid)
    patterns = ledger.outcomes.policy_patterns(upload.number)
    for pattern in patterns[:10]:
        console.print(Text(f"policy {pattern.topic}: {pattern.items:,} items, {pattern.trigger}"))
    if patterns:
        console.print(Text(f"more of policy: `themaads outcomes {upload.number} --patterns`", style="dim"))


def _show_patterns(patterns: Sequence[PolicyPattern], *, of_all: bool) -> None:
    if not patterns:
        click.echo("policy refused nothing")
        return
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("items", "share", "accounts", *(["uploads"] if of_all else [])):
        grid.add_column(name, justify="right")
    for name in ("policy", "type", "text or page", "ad groups, for example"):
        grid.add_column(name)
    for pattern in patterns:
        figures = [f"{pattern.items:,}", f"{pattern.share:.1%}", f"{pattern.accounts:,}"]
        if of_all:
            figures.append(f"{pattern.uploads:,}")
        examples = ", ".join(
            f"{dashed(each.customer_id)} {each.ad_group_id} {each.name}".strip() for each in pattern.examples
        )
        texts = (pattern.topic, pattern.type, pattern.trigger, examples)
        grid.add_row(*figures, *map(Text, texts))
    opened.console().print(grid)
