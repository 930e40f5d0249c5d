"""`themaads outcomes`."""

import csv
import io
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from themaads_pipeline.cli import opened
from themaads_pipeline.cli.opened import open_gateway, open_ledger
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.reports.files import OUTCOME_COLUMNS, write_outcomes
from themaads_pipeline.reports.tables import table_file
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue


@click.command()
@click.argument("upload")
@click.option(
    "--csv", "target", metavar="FILE", help="Write one line an ad group to FILE; - is this terminal."
)
@click.option(
    "--state", type=click.Choice([str(state) for state in ItemState]), help="Only ad groups in this state."
)
@click.option("--account-names", is_flag=True, help="Ask Google Ads for the accounts' names as well.")
def outcomes(upload: str, target: str | None, state: str | None, account_names: bool) -> None:
    """What became of every ad group: counts by reason, or with --csv a line each.

    The lines have names, both ads (the new one, PAUSED, and the one it was copied from) and the labels.
    """
    ours = settings()
    chosen = ItemState(state) if state else None
    with open_ledger(ours) as ledger:
        found = ledger.uploads.find(upload)
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
    for pattern in ledger.outcomes.policy_patterns(upload.number)[:10]:
        console.print(
            Text(f"policy {pattern['topic']}: {pattern['items']:,} items, {pattern['trigger'] or ''}")
        )
