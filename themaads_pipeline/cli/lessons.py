"""`themaads lessons`: what policy refused in each account, and is therefore not sent again."""

import click
from rich.table import Table
from rich.text import Text

from themaads_pipeline.cli import opened
from themaads_pipeline.cli.opened import open_ledger
from themaads_pipeline.cli.parameters import ACCOUNT
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.lessons import KnownLesson
from themaads_pipeline.settings import settings


@click.group(invoke_without_command=True)
@click.option("--account", type=ACCOUNT, help="Only this account: its ten digits, with or without dashes.")
@click.pass_context
def lessons(context: click.Context, account: int | None) -> None:
    """Texts and domains that Google's policy refused, by account: ads that have one are not sent.

    Each holds for THEMAADS_LESSON_DAYS (30) after its last refusal. `themaads lessons forget` lets an ad with
    it be tried again.
    """
    if context.invoked_subcommand is not None:
        if account is not None:
            raise click.UsageError("write it behind the subcommand: `themaads lessons forget --account ...`")
        return
    with open_ledger(settings()) as ledger:
        known = ledger.lessons.of_account(account) if account is not None else ledger.lessons.all()
    if not known:
        click.echo("nothing was learned" + ("" if account is None else f" in account {dashed(account)}"))
        return
    opened.console().print(_table(known))


@lessons.command()
@click.argument("number", type=int, required=False)
@click.option("--account", type=ACCOUNT, help="All of one account.")
@click.option("--all", "everything", is_flag=True, help="All of all accounts.")
@click.option("--expired", is_flag=True, help="Those that do not hold any more.")
def forget(number: int | None, account: int | None, everything: bool, expired: bool) -> None:  # click's
    """Forget what was learned: one lesson by its NUMBER, or several. Their ads are sent again from now on.

    What was refused because of it is tried again by `themaads retry UPLOAD --category policy`.
    """
    if [number is not None, account is not None, everything, expired].count(True) != 1:
        raise click.UsageError("give a NUMBER, --account, --all or --expired")
    with open_ledger(settings()) as ledger:
        count = ledger.lessons.forget(number=number, customer_id=account, only_expired=expired)
    if number is not None and not count:
        raise PermanentError(f"there is no lesson {number}: `themaads lessons` lists them")
    click.echo(f"forgot {count:,} {'lesson' if count == 1 else 'lessons'}")


def _table(known: list[KnownLesson]) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="dim")
    grid.add_column("", justify="right")
    for name in ("account", "", "refused", "policy", "since", "until", "upload"):
        grid.add_column(name)
    for lesson in known:
        texts = (
            str(lesson.number),
            dashed(lesson.customer_id),
            str(lesson.kind),
            lesson.value,
            lesson.topic,
            f"{lesson.learned_at:%Y-%m-%d}",
            f"{lesson.expires_at:%Y-%m-%d}",
            f"#{lesson.upload}" if lesson.upload is not None else "",
        )
        grid.add_row(*map(Text, texts))
    return grid
