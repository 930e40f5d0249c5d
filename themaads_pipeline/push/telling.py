"""What a stage other than the push tells the ledger of itself, seldom enough to cost nothing."""

import threading
import time

from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.ledger.ledger import Ledger

__all__ = ["Telling"]

_EVERY_S = 2.0


class Telling:
    """A `Tell` that writes an owner's progress into the ledger. Safe for threads.

    There is no thread in it: who achieves nothing tells nothing. A run that was shut out tells nobody either,
    and hears of it at its next write.
    """

    def __init__(self, ledger: Ledger, owner: Owner, *, every_s: float = _EVERY_S) -> None:
        """Nothing is told yet."""
        self._ledger = ledger
        self._owner = owner
        self._every = every_s
        self._lock = threading.Lock()
        self._told_at = float("-inf")
        self._waited = False

    def __call__(self, doing: str, *, waits_s: float = 0.0) -> None:
        """Progress; see `model.telling.Tell`. A wait is told at once, and so is its end: until then it lasts,
        as far as the ledger knows.
        """
        with self._lock:
            now = time.monotonic()
            if not (waits_s or self._waited) and now - self._told_at < self._every:
                return
            self._ledger.uploads.beat(self._owner, doing=doing, waits_s=waits_s)
            self._told_at, self._waited = now, bool(waits_s)
