"""`themaads pause`, `resume` and `retry`: what a person may do to an upload."""

import click

from themaads_pipeline.cli import parameters
from themaads_pipeline.cli.opened import open_ledger
from themaads_pipeline.cli.parameters import ACCOUNT
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.outcomes import Category
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import settings
from themaads_pipeline.steering import steps

_CODES_SHOWN = 6


@click.command()
@click.argument("upload", shell_complete=parameters.uploads)
def pause(upload: str) -> None:
    """Stop an upload until `themaads resume`; what is done stays, and nothing is lost."""
    ours = settings()
    with open_ledger(ours) as ledger:
        found = ledger.uploads.find(upload)
        if not steps.pause(ours, ledger, found):
            click.echo(f"#{found.number} is paused already")
            return
    click.echo(f"#{found.number} is paused: `themaads resume {found.number}` goes on")


@click.command()
@click.argument("upload", shell_complete=parameters.uploads)
def resume(upload: str) -> None:
    """Go on with an upload that is paused, interrupted or failed; the limit of a trial is lifted.

    An upload that waits for the day's operations goes on at once: that Google said they are used up is
    forgotten, for all uploads, since you know better. Should they not be back, it waits again. Our own budget
    (THEMAADS_DAILY_OPERATIONS) holds all the same.
    """
    with open_ledger(settings()) as ledger:
        found = ledger.uploads.find(upload)
        resumed = steps.resume(ledger, found)
    left = f"{resumed.left:,} items are left" if resumed.left is not None else "it is read first"
    if resumed.asks_google_again:
        click.echo("Google is asked again, although it said that the day's operations are used up")
    click.echo(f"#{found.number} goes on ({left}): `themaads status {found.number} --follow`")


@click.command()
@click.argument("upload", shell_complete=parameters.uploads)
@click.option(
    "--category",
    type=click.Choice([str(category) for category in Category]),
    help="Only failures of this kind.",
)
@click.option(
    "--code",
    help="Only with this code: Google's (ResourceCountLimitExceededError.ADGROUP_LIMIT), ours "
    "(account_not_reachable) or, with --skipped, a reason (no_ad_to_copy). Reports and `outcomes` have them.",
)
@click.option("--account", type=ACCOUNT, help="Only this account: its ten digits, with or without dashes.")
@click.option("--skipped", is_flag=True, help="Also what was skipped: the ad groups may have changed.")
def retry(  # click's names
    upload: str, category: str | None, code: str | None, account: int | None, skipped: bool
) -> None:
    """Try failed ad groups again, all of them or some; none gets a second ad."""
    with open_ledger(settings()) as ledger:
        found = ledger.uploads.find(upload)
        retried = steps.retry(
            ledger, found, category=category, code=code, customer_id=account, skipped=skipped
        )
        there_is = "" if retried else _what_there_is(ledger, found.number)
    if not retried:
        click.echo(f"#{found.number} has nothing of that kind to retry{there_is}")
    elif found.status == UploadStatus.PAUSED:
        click.echo(f"{_items(retried)} of #{found.number} wait until `themaads resume {found.number}`")
    else:
        again = "is tried again" if retried == 1 else "are tried again"
        click.echo(f"{_items(retried)} of #{found.number} {again}: `themaads status {found.number} --follow`")


def _what_there_is(ledger: Ledger, number: int) -> str:
    """What could be asked for instead: a code that nothing has is most often a misspelt one."""
    found = [
        f"{row['items']:,} {row['state']} by {row['code']}"
        for row in ledger.outcomes.counts_by_reason(number)
        if row["state"] in {ItemState.FAILED, ItemState.SKIPPED}
    ]
    more = [f"{len(found) - _CODES_SHOWN:,} more codes"] if len(found) > _CODES_SHOWN else []
    return f": there are {', '.join(found[:_CODES_SHOWN] + more)}" if found else ""


def _items(count: int) -> str:
    return f"{count:,} item" if count == 1 else f"{count:,} items"
