"""Brings a database to the schema of this release."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x7E3A_AD50  # of pg_advisory_lock: two processes that migrate at once wait for each other


def migrate(database_url: str, *, to: str = "head") -> None:
    """Run every migration that the database lacks, up to a revision; nothing when it is up to date.

    Raises:
        sqlalchemy.exc.OperationalError: The database is out of reach.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = sqlalchemy.create_engine(_with_driver(database_url), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"select pg_advisory_lock({_LOCK})")
        try:
            connection.exec_driver_sql("create schema if not exists themaads")
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            connection.commit()
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"select pg_advisory_unlock({_LOCK})")


def _with_driver(database_url: str) -> str:
    """SQLAlchemy takes the driver's name from the scheme; ours is psycopg 3."""
    scheme, separator, rest = database_url.partition("://")
    if scheme not in {"postgres", "postgresql"}:
        return database_url
    return f"postgresql+psycopg{separator}{rest}"
