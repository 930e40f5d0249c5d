"""`themaads themes`."""

from datetime import datetime

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from themaads_pipeline.cli import opened, parameters
from themaads_pipeline.cli.opened import now
from themaads_pipeline.exceptions import ThemeError
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.editions import Edition, EditionText
from themaads_pipeline.model.texts import display_width, rendered_for_people
from themaads_pipeline.model.theme_texts import DESCRIPTION, HEADLINE, TextKind
from themaads_pipeline.model.themes import Theme
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue


@click.command()
@click.argument("name", required=False, shell_complete=parameters.themes)
def themes(name: str | None) -> None:
    """The themes with their next editions, or one theme's texts, and what is wrong with a theme file.

    Exit code 1 when a theme file has a problem: that theme is not used until it is repaired.
    """
    catalogue, today = load_catalogue(settings().theme_dir), now()
    if name is None:
        for theme in catalogue.themes:
            click.echo(_line(theme, catalogue.next_edition(theme, today.date())))
    else:
        edition = catalogue.resolve(name, today.date())
        if edition is None:
            # A theme that is left out is why it is not known.
            _tell(catalogue)
            known = ", ".join(theme.name for theme in catalogue.themes)
            raise ThemeError(f"there is no theme {name!r}; the themes are: {known}")
        _show(opened.console(), edition, today)
    _tell(catalogue)
    if catalogue.problems:
        raise SystemExit(1)


def _line(theme: Theme, edition: Edition) -> str:
    return (
        f"{theme.name:<14} {edition.name:<20} event {edition.event}, {edition.starts} to {edition.ends}, "
        f"label {edition.label}\n    {theme.title}, also: {', '.join(theme.aliases) or '-'}"
    )


def _show(console: Console, edition: Edition, today: datetime) -> None:
    console.print(
        Text(
            f"{edition.title}: event {edition.event}, {edition.starts} to {edition.ends}, "
            f"label {edition.label}, path {edition.theme.path1 or '(the copied ad has it)'}, "
            f"URL parameters {edition.theme.url_parameters or '(none)'}"
        )
    )
    console.print(_texts(edition.headlines, HEADLINE, today))
    console.print(_texts(edition.descriptions, DESCRIPTION, today))


def _texts(texts: tuple[EditionText, ...], kind: TextKind, today: datetime) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="dim")
    grid.add_column("", justify="right")
    grid.add_column(f"of {kind.width}", justify="right")
    grid.add_column(f"{kind.noun}s, as seen now")
    grid.add_column("as written")
    for number, text in enumerate(texts, start=1):
        written = text.ad_text.text
        seen = rendered_for_people(written, today)
        shown = Text(written if written != seen else "", style="dim")
        grid.add_row(str(number), str(display_width(written)), Text(seen), shown)
    return grid


def _tell(catalogue: Catalogue) -> None:
    for problem in catalogue.problems:
        click.echo(f"problem: {problem}", err=True)
    for warning in catalogue.warnings:
        click.echo(f"warning: {warning}", err=True)
