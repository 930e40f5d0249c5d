"""`themaads outcomes`."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from themaads_pipeline.cli import opened, parameters
from themaads_pipeline.cli.opened import now, open_gateway, open_ledger
from themaads_pipeline.cli.parameters import ACCOUNT
from themaads_pipeline.exceptions import ThemeError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.outcomes import ALL, PolicyPattern, Which
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.outcomes import Category
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.reports.files import OUTCOME_COLUMNS, write_outcomes
from themaads_pipeline.reports.tables import table_file
from themaads_pipeline.reports.words import clean
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue

_ROWS = 20


@click.command()
@click.argument("upload", required=False, shell_complete=parameters.uploads)
@click.option("--state", type=click.Choice([str(state) for state in ItemState]), help="Only these.")
@click.option("--category", type=click.Choice([str(kind) for kind in Category]), help="Only such failures.")
@click.option("--code", help="Only this code: Google's, ours, or the reason of a skip.")
@click.option("--account", type=ACCOUNT, help="Only this account: its ten digits, with or without dashes.")
@click.option(
    "--theme", shell_complete=parameters.themes, help="Only this theme (bf), or one edition of it (bf 2026)."
)
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    help="So many ad groups as a table; 20 where something was chosen, else 0.",
)
@click.option(
    "--csv", "target", metavar="FILE", help="Write one line an ad group to FILE; - is this terminal."
)
@click.option("--account-names", is_flag=True, help="Ask Google Ads for the accounts' names as well.")
@click.option(
    "--patterns", is_flag=True, help="What policy refused, by topic and cause; without UPLOAD, of all."
)
def outcomes(  # click's names
    *,
    upload: str | None,
    state: str | None,
    category: str | None,
    code: str | None,
    account: int | None,
    theme: str | None,
    rows: int | None,
    target: str | None,
    account_names: bool,
    patterns: bool,
) -> None:
    """What became of every ad group: counts by reason, a table of some, or with --csv a line each.

    What is chosen by --state, --category, --code, --account and --theme is counted, shown and written alone;
    ad groups have to be all of it. The lines have names, both ads (the new one, PAUSED, and the one it was
    copied from) and the labels. With --patterns, what Google's policy refused: which text or page, how often,
    where.
    """
    ours = settings()
    if patterns:
        with open_ledger(ours) as ledger:
            number = ledger.uploads.find(upload).number if upload else None
            _show_patterns(ledger.outcomes.policy_patterns(number), of_all=number is None)
        return
    if upload is None:
        raise click.UsageError("give an UPLOAD (213, #213 or its key), or --patterns")
    which = Which(
        state=ItemState(state) if state else None,
        category=category,
        code=code,
        customer_id=account,
        edition=_edition(theme, load_catalogue(ours.theme_dir)) if theme else None,
    )
    with open_ledger(ours) as ledger:
        found = ledger.uploads.find(upload)
        found.expect_items()
        if target is None:
            _show(ledger, found, which)
            wanted = _ROWS if rows is None and which != ALL else rows or 0
            if wanted:
                _show_items(ledger, found, which, wanted)
            return
        accounts = {}
        if account_names:
            with open_gateway(ours) as gateway:
                accounts = gateway.accounts()
        lines = _Lines(ledger, found, load_catalogue(ours.theme_dir), accounts, which)
        if target == "-":
            lines.print()
            return
        written = lines.write(Path(target))
    click.echo(f"{written:,} lines in {target}; the new ads are PAUSED until you enable them", err=True)


def _edition(text: str, catalogue: Catalogue) -> str:
    """A theme's name stands for all its editions; one that was removed is known by its editions' names.

    Raises:
        ThemeError: There is no such theme.
    """
    if theme := catalogue.theme_named(text):
        return theme.name
    if edition := catalogue.resolve(text, now().date()):
        return edition.name
    if re.fullmatch(r"\w+_20\d\d", text):
        return text
    known = ", ".join(theme.name for theme in catalogue.themes)
    raise ThemeError(f"there is no theme {text!r}; the themes are: {known}")


class _Lines:
    def __init__(
        self,
        ledger: Ledger,
        upload: Upload,
        catalogue: Catalogue,
        accounts: dict[int, Account],
        which: Which,
    ) -> None:
        self._upload = upload
        self._chosen: dict[str, Any] = {
            "ledger": ledger,
            "catalogue": catalogue,
            "accounts": accounts,
            "which": which,
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


def _show(ledger: Ledger, upload: Upload, which: Which) -> None:
    console = opened.console()
    counts = ledger.outcomes.counts_by_reason(upload.number, which=which)
    rejected = ledger.outcomes.rejected_by_reason(upload.number) if which == ALL else {}
    if not counts and not rejected:
        console.print("no ad group is all of that" if which != ALL else "it has no ad groups yet")
        return
    grid = Table(box=None, pad_edge=False, header_style="dim")
    grid.add_column("items", justify="right")
    for name in ("outcome", "kind", "reason", "example"):
        grid.add_column(name)
    for row in counts:
        texts = (row["state"], row["category"], row["code"], clean(row["example"]))
        grid.add_row(f"{row['items']:,}", *map(Text, texts))
    for reason, rows in rejected.items():
        grid.add_row(f"{rows:,}", "rejected row", "", Text(reason), "")
    console.print(grid)
    patterns = ledger.outcomes.policy_patterns(upload.number) if which == ALL else []
    for pattern in patterns[:10]:
        console.print(Text(f"policy {pattern.topic}: {pattern.items:,} items, {pattern.trigger}"))
    if patterns:
        console.print(Text(f"more of policy: `themaads outcomes {upload.number} --patterns`", style="dim"))


def _show_items(ledger: Ledger, upload: Upload, which: Which, limit: int) -> None:
    console = opened.console()
    items = ledger.outcomes.first_items(upload.number, which=which, limit=limit + 1)
    if not items:
        return
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("account", "ad group", "outcome", "reason", "what was said", "new ad"):
        grid.add_column(name, no_wrap=name == "account")
    for item in items[:limit]:
        texts = (
            dashed(item["customer_id"]),
            clean(f"{item['ad_group_id']} {item['ad_group_name'] or ''}", 80),
            item["state"],
            clean(item["code"]),
            clean(_said(item)),
            str(item["new_ad_id"] or ""),
        )
        grid.add_row(*map(Text, texts))
    console.print()
    console.print(grid)
    if len(items) > limit:
        console.print(Text(f"the first {limit:,}; all of them with --csv FILE", style="dim"))


def _said(item: Mapping[str, Any]) -> str:
    """What Google said, and the text or page that it named, where that is no part of it."""
    message, trigger = item["message"] or "", item["trigger"] or ""
    return message if trigger in message else f"{message} [{trigger}]"


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
