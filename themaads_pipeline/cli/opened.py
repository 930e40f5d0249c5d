"""What commands work with: the ledger, the accounts, the themes; and their absence in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
from rich.console import Console

from themaads_pipeline.ads.client import open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import PermanentError, TransientError
from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.settings import Settings

_PIPE_WIDTH = 200


class DatabaseUnreachableError(TransientError):
    """The database does not answer."""


@contextmanager
def open_ledger(
    settings: Settings, *, connections: int = 24, looks_for_s: float | None = None
) -> Iterator[Ledger]:
    """The ledger of a database that runs; connections and looking as `Ledger` takes them.

    Raises:
        PermanentError: The embedded one does not run, or the schema is not this release's.
        DatabaseUnreachableError: The configured one does not answer.
    """
    url = settings.database_url or embedded.running_url(settings.home)
    if url is None:
        raise PermanentError(f"nothing runs in {settings.home}: start it with `themaads up`")
    with _database_errors():
        psycopg.connect(url, connect_timeout=10).close()  # the pool would try for a minute
        with Ledger(url, settings, connections=connections, looks_for_s=looks_for_s) as ledger:
            yield ledger


@contextmanager
def ledger_if_running(settings: Settings) -> Iterator[Ledger | None]:
    """The ledger, or None where no database was started yet: a preview needs none."""
    if settings.database_url is None and embedded.running_url(settings.home) is None:
        yield None
        return
    with open_ledger(settings) as ledger:
        yield ledger


@contextmanager
def open_gateway(settings: Settings) -> Iterator[Gateway]:
    """The accounts of the configured credentials, or the emulator's.

    Raises:
        PermanentError: There is no usable configuration.
    """
    if settings.uses_emulator and not settings.ads_config.exists():
        raise PermanentError(
            f"no Google Ads credentials (THEMAADS_GOOGLE_ADS_CONFIG) and no emulator in {settings.home}: "
            "start it with `themaads up`"
        )
    roots = settings.emulator_dir / "ca.pem" if settings.uses_emulator else None
    client = open_client(settings.ads_config, trusted_roots=roots, emulator_host=settings.emulator_host)
    try:
        yield Gateway(client)
    finally:
        client.close()


def console() -> Console:
    """Standard output; wide where it goes into a file or a pipe, so that no name is cut there."""
    here = Console()
    return here if here.is_terminal else Console(width=_PIPE_WIDTH)


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatabaseUnreachableError(f"the database does not answer ({reason})") from error
