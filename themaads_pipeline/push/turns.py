"""An account's turn with a thread: at work, or in a pause that has an end and leaves its place to another."""

import threading
import time
from dataclasses import dataclass

__all__ = ["Turn", "Wait"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Something that is waited for, and when that ends (seconds on the process's own clock)."""

    reason: str
    until: float


class Turn:
    """Pauses of one account. The lease is kept meanwhile, so what was read stays good."""

    def __init__(self, stop: threading.Event) -> None:
        """At work. `stop` ends every pause."""
        self._stop = stop
        self.waits: Wait | None = None  # read by whoever tells the ledger of it

    def pause(self, seconds: float, reason: str) -> None:
        """Let so many seconds pass, or less when the run is to stop."""
        if seconds <= 0:
            return
        self.waits = Wait(reason=reason, until=time.monotonic() + seconds)
        try:
            self._stop.wait(seconds)
        finally:
            self.waits = None
