"""How fast an upload is now: from what was final at each look, since nobody keeps it. Safe for threads."""

import threading
from collections import deque
from dataclasses import dataclass, field

__all__ = ["Speedometer"]

_WINDOW_S = 20.0
_LEAST_S = 3.0  # in less time a single settled batch would look like a burst


@dataclass(kw_only=True)
class Speedometer:
    """Keeps the looks of the last seconds, an upload at a time."""

    _looks: dict[int, deque[tuple[float, int]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, upload: int, *, final: int, at: float) -> float | None:
        """Items a second over the last seconds; None until it was looked at for a few.

        Args:
            upload: Its number.
            final: Items whose outcome is known, now.
            at: Now, in seconds of a clock that only goes on.
        """
        with self._lock:
            looks = self._looks.setdefault(upload, deque())
            if looks and final < looks[-1][1]:
                looks.clear()  # a person had items tried again: they are not final any more
            looks.append((at, final))
            while looks[0][0] < at - _WINDOW_S:
                looks.popleft()
            since, before = looks[0]
            return (final - before) / (at - since) if at - since >= _LEAST_S else None

    def forget(self, upload: int) -> None:
        """It stands still: what it did before is not its speed when it goes on."""
        with self._lock:
            self._looks.pop(upload, None)
