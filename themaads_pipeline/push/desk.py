"""A desk: what accounts do there, a few do at a time, the longest first."""

import heapq
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Desk"]

_PATIENCE_S = 30.0


class Desk:
    """A few seats, which go to the most urgent of those who wait. Safe for threads.

    Where all accounts read and plan at once, each waits for all others, with all that it read in memory; and
    the longest one, which decides when the upload ends, sends its first request last.
    """

    def __init__(self, seats: int, *, patience_s: float = _PATIENCE_S) -> None:
        """All seats are free. Whoever has waited `patience_s` takes a chair along: a read that is repeated
        for minutes keeps nobody from theirs.
        """
        self._free = seats
        self._patience = patience_s
        self._lock = threading.Lock()
        self._waiting: list[tuple[bool, int, int, threading.Event]] = []
        self._came = 0

    @property
    def free(self) -> int:
        """How many seats are free now; below 0, so many sit there without one."""
        with self._lock:
            return self._free

    @property
    def waiting(self) -> int:
        """How many wait for a seat now."""
        with self._lock:
            return sum(not called.is_set() for *_, called in self._waiting)

    @contextmanager
    def seat(self, urgency: int, *, ahead: bool = False) -> Iterator[None]:
        """Have a seat; of those who wait the one with the highest urgency is next, and last of all those who
        work `ahead`, with a request in flight meanwhile.
        """
        called = threading.Event()
        with self._lock:
            if self._free > 0:
                self._free -= 1
                called.set()
            else:
                self._came += 1
                heapq.heappush(self._waiting, (ahead, -urgency, self._came, called))
        if not called.wait(self._patience):
            with self._lock:
                if not called.is_set():
                    called.set()  # whoever leaves passes over us
                    self._free -= 1
        try:
            yield
        finally:
            with self._lock:
                self._free += 1
                while self._free > 0 and self._waiting:
                    *_, next_one = heapq.heappop(self._waiting)
                    if not next_one.is_set():
                        self._free -= 1
                        next_one.set()
