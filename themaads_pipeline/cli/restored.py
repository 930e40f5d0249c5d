"""`themaads restored`."""

import click

from themaads_pipeline.cli.opened import open_gateway, open_ledger
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.settings import settings


@click.command()
def restored() -> None:
    """Say that the database was restored from a backup, before anything else works on it.

    The ledger has forgotten what was sent since. Whoever worked before is shut out, also a worker that wakes
    up later. Every account is held until no request of before can be carried out any more; then uploads go
    on, and find each ad that is there. Doing it twice does no harm.
    """
    ours = settings()
    with open_ledger(ours) as ledger:
        if sessions := ledger.restoration.sessions():
            raise PermanentError(
                f"{', '.join(sessions)} still work on this database: stop everything (stack, runs) first"
            )
        accounts: list[int] = []
        if not ours.uses_emulator:
            with open_gateway(ours) as gateway:
                accounts = [
                    account.customer_id for account in gateway.accounts().values() if not account.manager
                ]
        anew = ledger.restoration.begin_anew(accounts)
    click.echo(
        f"{anew.accounts:,} accounts are held until {anew.until:%Y-%m-%d %H:%M:%S %Z}: until then, requests "
        f"of before may still be carried out. After that {anew.interrupted:,} uploads that were at work go "
        "on: start the stack, now or later"
    )
