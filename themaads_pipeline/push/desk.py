"""One desk for all accounts: what needs the processor is done one account at a time, the longest first."""

import heapq
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Desk"]


class Desk:
    """A lock that goes to the most urgent of those who wait. Python runs one thread at a time anyway: sharing
    it out would let every account wait for all others, and the longest one decides when the upload ends.
    """

    def __init__(self) -> None:
        """Nobody sits there."""
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: list[tuple[int, int, threading.Event]] = []
        self._came = 0

    @contextmanager
    def seat(self, urgency: int) -> Iterator[None]:
        """Have the desk to oneself; of those who wait the one with the highest urgency is next."""
        with self._lock:
            mine: threading.Event | None = None
            if self._is_taken:
                mine = threading.Event()
                self._came += 1
                heapq.heappush(self._waiting, (-urgency, self._came, mine))
            self._is_taken = True
        if mine is not None:
            mine.wait()
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    heapq.heappop(self._waiting)[2].set()
                else:
                    self._is_taken = False
