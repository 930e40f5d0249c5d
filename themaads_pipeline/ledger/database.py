"""The connections, the named queries, and the guard that every owner's write starts with."""

import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosql
import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from themaads_pipeline.exceptions import FencedError
from themaads_pipeline.ledger.outages import Patience
from themaads_pipeline.ledger.release import expect

Connection = psycopg.Connection[dict[str, Any]]

_TRUSTED_S = 1.0  # a connection that was good so short a time ago is not asked first whether it is
_AWAY_S = 10.0  # seconds without a connection, after which Postgres counts as away
# A server that vanished without a word is noticed within a minute (libpq's; nothing on a local socket).
_LOST_PEER = {
    "connect_timeout": 5,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 50_000,
}

queries: Any = aiosql.from_path(Path(__file__).parent / "queries.sql", "psycopg", mandatory_parameters=False)


def array_of(numbers: Iterable[int]) -> str:
    """As Postgres writes an array, for `::bigint[]`: psycopg takes ten times as long for a list."""
    return f"{{{','.join(map(str, numbers))}}}"


def sql_of(query: str) -> str:
    """The text of a named query: for COPY, which aiosql does not run, and for rows that are no dicts."""
    return str(getattr(queries, query).sql).rstrip().rstrip(";")


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """A run's hold on an upload: every claim, settle and beat is guarded by its epoch."""

    upload: int
    epoch: int
    run_id: str


def taken_over(owner: Owner) -> FencedError:
    """What an owner is told that is none any more."""
    return FencedError(
        f"#{owner.upload} was taken over: run {owner.run_id} (epoch {owner.epoch}) writes no more"
    )


def session_name() -> str:
    """How Postgres calls this process's sessions, so that they can be ended when it is declared dead."""
    return f"themaads {os.getpid()}@{socket.gethostname()[:40]}"


class _Session(Connection):
    """A connection that knows when it was last good."""

    good_at = 0.0  # of the clock `time.monotonic`


class Database:
    """A pool of connections to the ledger; each thread borrows its own."""

    def __init__(
        self, url: str, *, outage_seconds: float, connections: int = 24, looks_for_s: float | None = None
    ) -> None:
        """Open the pool; the first connection is made when it is needed.

        With `looks_for_s` its sessions only read, and Postgres ends a statement that takes so many seconds.
        """
        self._looks_for_s = looks_for_s
        self.patience = Patience(outage_seconds)
        self._is_expected = False  # the schema was looked at, and is that of this release
        self._pool: ConnectionPool[_Session] = ConnectionPool(
            url,
            min_size=0,
            max_size=connections,
            timeout=_AWAY_S,
            reconnect_timeout=_AWAY_S / 2,  # the pool's own tries become rarer and rarer: start them anew
            open=True,
            kwargs={"row_factory": dict_row, "application_name": session_name(), **_LOST_PEER},
            connection_class=_Session,
            check=self._check,
            configure=self._configure,
        )

    def _check(self, session: _Session) -> None:
        """Raise what a lost connection raises. Whoever has patience finds out by trying."""
        if self.patience.is_lost or time.monotonic() - session.good_at > _TRUSTED_S:
            ConnectionPool.check_connection(session)

    def _expect_our_schema(self, session: Connection) -> None:
        """At the first transaction. Raises SchemaError."""
        found = None
        if queries.has_schema(session):
            found = queries.schema_version(session)
        expect(found)
        self._is_expected = True

    def _configure(self, session: _Session) -> None:
        queries.compile_nothing(session)
        if self._looks_for_s is not None:
            queries.only_look(session, timeout_ms=str(int(1000 * self._looks_for_s)))
        session.commit()

    def close(self) -> None:
        """Give every connection back."""
        self._pool.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back by any exception.

        Raises:
            SchemaError: The database has the schema of another release.
        """
        with self._pool.connection() as session:
            if not self._is_expected:
                self._expect_our_schema(session)
            yield session
            session.good_at = time.monotonic()

    @contextmanager
    def owned(self, owner: Owner) -> Iterator[Connection]:
        """A transaction that only the upload's owner gets.

        Raises:
            FencedError: Another run has taken the upload over; nothing was written.
        """
        with self.transaction() as connection:
            if queries.guard(connection, upload=owner.upload, epoch=owner.epoch) is None:
                raise taken_over(owner)
            yield connection
