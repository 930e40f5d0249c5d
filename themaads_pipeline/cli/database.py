"""`themaads migrate` and `themaads postgres`."""

import click

from themaads_pipeline.cli.installation import dagster_home
from themaads_pipeline.exceptions import PermanentError, TransientError
from themaads_pipeline.ledger import embedded
from themaads_pipeline.settings import settings


@click.command()
@click.option(
    "--grant-to",
    "role",
    metavar="ROLE",
    help="Let ROLE read and write all tables, Dagster's too, and neither drop nor alter one.",
)
def migrate(role: str | None) -> None:
    """Bring the ledger's schema to this release; the embedded Postgres is started when needed.

    With --grant-to, Dagster's tables are made too, and a role is given what stack and runs need: they then
    work as that role, and only this command as the owner. Say it at each upgrade.
    """
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415  # SQLAlchemy is slow to import

    from themaads_pipeline.ledger import schema  # noqa: PLC0415  # as above

    url = embedded.database_url(settings())
    try:
        schema.migrate(url)
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())
        raise TransientError(f"the database does not answer ({reason})") from error
    click.echo("the ledger's schema is up to date")
    if role is not None:
        import dagster as dg  # noqa: PLC0415 - seldom needed

        from themaads_pipeline.ledger.grants import grant_to  # noqa: PLC0415 - as above

        with dg.DagsterInstance.from_config(str(dagster_home())):
            count = grant_to(url, role)  # opened once, Dagster has its tables
        click.echo(f"{role} may read and write {count:,} tables, views and sequences")


@click.group()
def postgres() -> None:
    """The embedded Postgres, which is used when THEMAADS_DATABASE_URL is not set."""
    if settings().database_url is not None:
        raise PermanentError("THEMAADS_DATABASE_URL is set: the embedded Postgres is not used")


@postgres.command()
def start() -> None:
    """Start it, and print its URL."""
    click.echo(embedded.ensure_running(settings().home))


@postgres.command()
def stop() -> None:
    """Stop it; what was committed stays."""
    embedded.stop(settings().home)


@postgres.command()
def url() -> None:
    """Print its URL; exit code 1 when it does not run."""
    found = embedded.running_url(settings().home)
    if found is None:
        raise PermanentError(f"no Postgres runs in {settings().home}: `themaads postgres start`")
    click.echo(found)
