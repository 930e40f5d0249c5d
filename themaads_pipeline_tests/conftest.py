"""Real parts for every test: one Postgres a test process, a database of its own for each test."""

import faulthandler
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from themaads_pipeline.ads.client import open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.schema import migrate
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.running_emulator import RunningEmulator

_numbers = count()
_GRACE_S = 60  # after a test's own timeout
_STDERR = pytest.StashKey[int]()
_LONGEST_NAME = 80  # characters


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_STDERR] = os.dup(2)  # a test's own goes into its report, which is lost with its process


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes may be random, and tests have to be called the same in each worker; a long text is no name."""
    is_a_name = not isinstance(val, bytes) and not (isinstance(val, str) and len(val) > _LONGEST_NAME)
    return None if is_a_name else argname


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """See `_watch`. Between tests nothing is watched: a worker may wait for its next one."""
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _watch(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Anew: pytest calls the watch off when a test fails."""
    _watch(item)


def _watch(item: pytest.Item) -> None:
    """A test that its timeout cannot end (a signal reaches no C code, and waits follow it) ends its process.

    Where each thread hangs is on stderr then, and xdist says which test it was and goes on with the others.
    """
    marker = item.get_closest_marker("timeout")
    timeout_s = float(marker.args[0] if marker else item.config.getini("timeout"))
    faulthandler.dump_traceback_later(timeout_s + _GRACE_S, exit=True, file=item.config.stash[_STDERR])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A server whose database `themaads` has the schema: the template that tests clone.

    Not below pytest's own folder: every other pytest that starts closes that to the server's system user.
    """
    home = Path(tempfile.mkdtemp(prefix="themaads-postgres-"))
    url = embedded.ensure_running(home, durable=False)
    migrate(url)
    yield url
    embedded.stop(home)
    shutil.rmtree(home)


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
        site_ads_per_second=0,
    )


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    """An empty ledger."""
    assert settings.database_url is not None
    with Ledger(settings.database_url, settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def emulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """One emulator a test process; tests take `emulator`, which is empty for each."""
    with RunningEmulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def emulator(emulator_process: RunningEmulator) -> RunningEmulator:
    """An emulator without accounts and faults: `seed` it. It is the moment of the tests there, on any day."""
    emulator_process.seed({})
    emulator_process.set_now(NOW)
    emulator_process.reset()
    return emulator_process


@pytest.fixture
def gateway(emulator: RunningEmulator) -> Iterator[Gateway]:
    """The official client's way into the emulator."""
    client = open_client(emulator.google_ads_yaml, trusted_roots=emulator.ca_file)
    yield Gateway(client)
    client.close()


@pytest.fixture
def home() -> Iterator[Path]:
    """A home for a whole stack, or a folder of such homes; each Postgres that is left in there is stopped.

    Not below pytest's own folder: see `postgres_server`.
    """
    folder = Path(tempfile.mkdtemp(prefix="themaads-test-"))
    yield folder
    for pid_file in list(folder.rglob("postmaster.pid")):
        embedded.stop(pid_file.parent.parent)
    shutil.rmtree(folder)
