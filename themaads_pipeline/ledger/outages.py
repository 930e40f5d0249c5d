"""A Postgres that is restarted, or away for a while: a run waits for it and goes on where it was."""

import functools
import logging
import threading
import time
from collections.abc import Callable
from random import uniform
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import psycopg
from psycopg_pool import PoolClosed

from themaads_pipeline.exceptions import GuardError, LedgerAwayError

__all__ = ["LOST_CONNECTION", "Patience", "rides_out", "rides_out_once"]

LOST_CONNECTION = (psycopg.OperationalError, psycopg.InterfaceError)

_log = logging.getLogger(__name__)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 3.0
_SAID_EVERY_S = 60.0

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Patience:
    """For how long a database that is away is waited for. None, unless a run asks for it: a command or a
    sensor that cannot have an answer says so at once.
    """

    def __init__(self, seconds: float) -> None:
        """No patience yet; once it is asked for, it lasts so long."""
        self._seconds = seconds
        self._lost = threading.Event()
        self._lost.set()

    def have(self) -> None:
        """Wait from now on."""
        self._lost.clear()

    @property
    def is_lost(self) -> bool:
        """Whether nothing is waited for (any more)."""
        return self._lost.is_set()

    def lose(self) -> None:
        """Wait no more; whoever waits is woken up."""
        self._lost.set()

    def wait(self, error: BaseException, *, since: float, delay: float) -> None:
        """Let a moment pass before another try.

        Args:
            error: How the last try failed.
            since: When the first one did, on this process's clock.
            delay: About how long, in seconds.

        Raises:
            LedgerAwayError: It was waited long enough.
        """
        away_s = time.monotonic() - since
        if self.is_lost or away_s + delay > self._seconds:
            raise LedgerAwayError(f"Postgres is out of reach for {away_s:.0f} s: {error}") from error
        self._lost.wait(delay)


class _Database(Protocol):
    @property
    def patience(self) -> Patience: ...


class _OnDatabase(Protocol):
    @property
    def _database(self) -> _Database: ...


_S = TypeVar("_S", bound=_OnDatabase)


def rides_out(method: Callable[Concatenate[_S, _P], _T]) -> Callable[Concatenate[_S, _P], _T]:
    """For a method that is one transaction, and does no harm when it is committed twice."""

    @functools.wraps(method)
    def until_it_is_back(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        since: float | None = None
        delay, said_at = _FIRST_WAIT_S, 0.0
        while True:
            try:
                return method(self, *args, **kwargs)
            except PoolClosed:
                raise
            except LOST_CONNECTION as error:
                if since is None and self._database.patience.is_lost:
                    raise
                now = time.monotonic()
                since = now if since is None else since
                moment = uniform(0.5, 1) * delay  # noqa: S311 - jitter
                self._database.patience.wait(error, since=since, delay=moment)
                if now - said_at > _SAID_EVERY_S:
                    _log.warning("the ledger is out of reach since %.0f s: %s", now - since, error)
                    said_at = now
                delay = min(2 * delay, _LONGEST_WAIT_S)

    return until_it_is_back


def rides_out_once(method: Callable[Concatenate[_S, _P], None]) -> Callable[Concatenate[_S, _P], None]:
    """For a transaction that is guarded against being done twice.

    A connection that is lost at its commit leaves open whether it was done. It is tried again, and the guard
    that finds nothing left to do then says that it was.
    """

    @functools.wraps(method)
    def until_it_is_done(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        tries = 0

        def one_try(_: _S) -> None:
            nonlocal tries
            tries += 1
            try:
                method(self, *args, **kwargs)
            except GuardError as error:
                if tries == 1:
                    raise
                _log.warning("done by the try whose answer was lost: %s", error)

        rides_out(one_try)(self)

    return until_it_is_done
