"""`themaads migrate` and `themaads postgres`."""

import click

from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger import embedded
from themaads_pipeline.settings import settings


@click.command()
def migrate() -> None:
    """Bring the ledger's schema to this release; the embedded Postgres is started when needed."""
    from themaads_pipeline.ledger import schema  # noqa: PLC0415  # SQLAlchemy is slow to import

    schema.migrate(embedded.database_url(settings()))
    click.echo("the ledger's schema is up to date")


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
