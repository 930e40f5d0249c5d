"""Real parts for every test: one Postgres a test process, a database of its own for each test."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.schema import migrate
from themaads_pipeline.settings import Settings

_numbers = count()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose database `themaads` has the schema: the template that tests clone."""
    home = tmp_path_factory.mktemp("postgres")
    url = embedded.ensure_running(home, durable=False)
    migrate(url)
    yield url
    embedded.stop(home)


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """A fresh clone of the template, dropped after the test."""
    name = f"test_{next(_numbers)}"
    maintenance = postgres_server.replace("/themaads?", "/postgres?")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"create database {name} template themaads")
        yield postgres_server.replace("/themaads?", f"/{name}?")
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings with times of seconds instead of minutes."""
    return Settings(
        home=tmp_path / "home",
        database_url=database_url,
        request_deadline_seconds=20,
        minimum_send_seconds=1,
        absence_margin_seconds=1,
        second_read_seconds=0.2,
        lease_seconds=5,
        stall_seconds=5,
    )


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    """An empty ledger."""
    assert settings.database_url is not None
    with Ledger(settings.database_url, settings) as opened:
        yield opened
