"""Postgres below a running stack: started again when it ends, however long that takes.

In a thread of its own, because a start may have to recover for minutes, and the other parts are watched
meanwhile. A stack never gives up for want of Postgres: the runs ride it out, or go on once it is back.
"""

import threading
import time
from collections.abc import Callable

import psycopg

from themaads_pipeline.ledger import embedded
from themaads_pipeline.settings import Settings

__all__ = ["PostgresWatch"]

_ANSWERS_WITHIN_S = 2
_TRY_AGAIN_S = 5.0


class PostgresWatch:
    """Ask it every second to `look`."""

    def __init__(self, settings: Settings, *, url: str, say: Callable[[str], None]) -> None:
        """Nothing is started before the first look.

        Args:
            settings: With a database of the user's own, that is left alone.
            url: Where Postgres is.
            say: Gets each line meant for the person in front of the terminal.
        """
        self._settings = settings
        self._url = url
        self._say = say
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._seen_away_at: float | None = None  # of the clock `time.monotonic`

    def look(self) -> None:
        """Start it again when it has ended."""
        if self._settings.database_url is not None or (self._thread and self._thread.is_alive()):
            return
        if embedded.running_url(self._settings.home) is None:
            self._seen_away_at = time.monotonic()
            self._say("postgres ended: restarting it")
            self._thread = threading.Thread(target=self._restart, name="restart of postgres", daemon=True)
            self._thread.start()

    def answers(self) -> bool:
        """Whether it takes connections now; up to two seconds."""
        try:
            psycopg.connect(self._url, connect_timeout=_ANSWERS_WITHIN_S).close()
        except psycopg.OperationalError:
            self._seen_away_at = time.monotonic()
            return False
        return True

    def was_away_since(self, moment: float) -> bool:
        """Whether it was seen away after a moment of the clock `time.monotonic`."""
        return self._seen_away_at is not None and self._seen_away_at >= moment

    def end(self) -> None:
        """Start it no more; a start that goes on is waited for, or it would outlive the stack."""
        self._ended.set()
        if self._thread:
            self._thread.join(timeout=embedded.START_TIMEOUT)

    def _restart(self) -> None:
        told = ""
        while not self._ended.is_set():
            try:
                embedded.ensure_running(self._settings.home)
            except embedded.EmbeddedPostgresError as error:
                if str(error) != told:
                    self._say(f"{error}\nit is tried again every {_TRY_AGAIN_S:.0f} s")
                    told = str(error)
                self._ended.wait(_TRY_AGAIN_S)
            else:
                self._seen_away_at = time.monotonic()
                return
