"""Where Dagster keeps what it knows: in the ledger's Postgres, and its files in `home`.

`dagster.yaml` cannot say this itself: its `{env: X}` has no default. These classes take both from our
settings, so that plain `dagster` commands and `themaads up` find the same data without a variable being set.
"""

from collections.abc import Mapping
from typing import Any, Self

from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger.embedded import database_url
from themaads_pipeline.settings import settings

__all__ = ["ArtifactStorage", "ComputeLogs", "PostgresStorage", "sqlalchemy_url"]


def sqlalchemy_url(url: str) -> str:
    """The same database for SQLAlchemy, through the driver that dagster-postgres is written for.

    SQLAlchemy 2.1 reads `postgresql://` as psycopg 3; with that, launching a run fails with "the connection
    is closed".

    >>> sqlalchemy_url("postgresql://postgres@/themaads?host=%2Frun")
    'postgresql+psycopg2://postgres@/themaads?host=%2Frun'
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in {"postgres", "postgresql"}:
        raise PermanentError(
            "THEMAADS_DATABASE_URL must be a URL: postgresql://user:password@host:port/database"
        )
    return f"postgresql+psycopg2://{rest}"


class PostgresStorage(DagsterPostgresStorage):
    """Runs, events and schedules, in the settings' database; the embedded one is started when needed."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        return cls(postgres_url=sqlalchemy_url(database_url(settings())), inst_data=inst_data, **config_value)


class ArtifactStorage(LocalArtifactStorage):
    """Files that Dagster keeps beside the database, in `home`/dagster."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        return cls(base_dir=str(settings().home / "dagster"), inst_data=inst_data, **config_value)


class ComputeLogs(LocalComputeLogManager):
    """What runs print, in `home`/dagster/compute_logs."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        base_dir = str(settings().home / "dagster" / "compute_logs")
        return cls(base_dir=base_dir, inst_data=inst_data, **config_value)
