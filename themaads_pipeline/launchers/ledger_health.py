"""The ledger's part in a run's health and end, the same for every launcher."""

import logging
import threading
import time

from themaads_pipeline.ledger.embedded import database_url
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.progress import RunProgress
from themaads_pipeline.settings import Settings

__all__ = ["LedgerHealth"]

_log = logging.getLogger(__name__)


class LedgerHealth:
    """Opens the ledger at the first question. What cannot be asked proves nothing, and says so."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing."""
        self._settings = settings
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._reached_since: float | None = None  # on our own clock; None: not reached at the last question

    def progress_of(self, run_id: str) -> RunProgress | None:
        """How the run gets on with its upload; None when it has none, or the ledger is out of reach.

        After an outage every run looks stalled, since none could say anything: ages count from its end.
        """
        asked_at = time.monotonic()
        try:
            progress = self._opened().beats.of_run(run_id)
        except Exception:  # noqa: BLE001 - whatever it is, it says nothing of the run
            _log.warning("the ledger cannot be asked about run %s", run_id, exc_info=True)
            self._reached_since = None
            return None
        if self._reached_since is None:
            self._reached_since = asked_at
        if progress is None:
            return None
        reached_for = time.monotonic() - self._reached_since
        return progress if progress.age_s <= reached_for else progress.counted_from(reached_for)

    def ask_to_stop(self, run_id: str, *, by: str) -> bool:
        """Have the run begin nothing more; False when it holds no upload, or the ledger is out of reach."""
        try:
            return self._opened().beats.ask_to_stop(run_id, by=by)
        except Exception:  # noqa: BLE001 - the signal that follows has to leave all the same
            _log.warning("the ledger cannot be told that run %s is to stop", run_id, exc_info=True)
            return False

    def bury(self, run_id: str, *, why: str) -> None:
        """Have the ledger say that the run is dead, and shut it out; untold, the next run shuts it out."""
        try:
            self._opened().beats.bury(run_id, why=why)
        except Exception:  # noqa: BLE001 - the run is declared failed all the same
            _log.warning("the ledger cannot be told that run %s is dead", run_id, exc_info=True)

    def why_dead(self, run_id: str) -> str | None:
        """What the ledger was told of the run's death before; None: nothing, or it is out of reach."""
        try:
            return self._opened().beats.why_dead(run_id)
        except Exception:  # noqa: BLE001 - the run is declared failed all the same
            _log.warning("the ledger cannot be asked why run %s is dead", run_id, exc_info=True)
            return None

    def close(self) -> None:
        """Give the ledger back."""
        with self._lock:
            if self._ledger is not None:
                self._ledger.close()
                self._ledger = None

    def _opened(self) -> Ledger:
        with self._lock:
            if self._ledger is None:
                self._ledger = Ledger(database_url(self._settings), self._settings, connections=2)
            return self._ledger
