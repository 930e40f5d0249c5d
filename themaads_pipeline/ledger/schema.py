"""Brings a database to the schema of this release."""

from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config

from themaads_pipeline.exceptions import PermanentError

MIGRATIONS = Path(__file__).parent / "migrations"
_HAS_SCHEMA = "select to_regnamespace('themaads')::text"
_LOCK = 0x7E3A_AD50  # of pg_advisory_lock: two processes that migrate at once wait for each other


def migrate(database_url: str, *, to: str = "head") -> None:
    """Run every migration that the database lacks, up to a revision; nothing when it is up to date.

    Raises:
        sqlalchemy.exc.OperationalError: The database is out of reach.
        PermanentError: There is something to migrate, and the role may not do it.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = sqlalchemy.create_engine(_with_driver(database_url), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"select pg_advisory_lock({_LOCK})")
        try:
            # Not "if not exists": that asks for the right to create one, which who runs need not have.
            if connection.exec_driver_sql(_HAS_SCHEMA).scalar() is None:
                connection.exec_driver_sql("create schema themaads")
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            connection.commit()
        except sqlalchemy.exc.ProgrammingError as error:
            if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise
            said = str(error.orig).partition("\n")[0]
            raise PermanentError(
                f"the schema is not this release's, and this role may not change it ({said}): run "
                "`themaads migrate` as the role that owns it"
            ) from error
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"select pg_advisory_unlock({_LOCK})")


def _with_driver(database_url: str) -> str:
    """SQLAlchemy takes the driver's name from the scheme; ours is psycopg 3."""
    scheme, separator, rest = database_url.partition("://")
    if scheme not in {"postgres", "postgresql"}:
        return database_url
    return f"postgresql+psycopg{separator}{rest}"
