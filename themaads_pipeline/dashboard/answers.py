"""One answer for all viewers, so that they cost a running push next to nothing, however many they are."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = ["Answers"]

_FRESH_S = 2.0  # as often as a page asks
# Of the time: what takes 200 ms to find out is found out every 4 s at most.
_SHARE = 0.05
_MOST = 256

_T = TypeVar("_T")


@dataclass(kw_only=True)
class _Answer:
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: Any = None
    good_until: float = float("-inf")


class Answers:
    """Keeps each answer for two seconds, and longer when it was costly. Who comes meanwhile waits for it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is known yet."""
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: dict[Hashable, _Answer] = {}

    def get(self, question: Hashable, ask: Callable[[], _T]) -> _T:
        """The answer, found out by `ask` when there is none that is fresh. An error is nobody's answer."""
        with self._lock:
            if len(self._answers) >= _MOST and question not in self._answers:
                self._answers.clear()
            answer = self._answers.setdefault(question, _Answer())
        with answer.lock:
            if self._clock() >= answer.good_until:
                started = self._clock()
                answer.value = ask()
                ended = self._clock()
                answer.good_until = ended + max(_FRESH_S, (ended - started) * (1 / _SHARE - 1))
            value: _T = answer.value
            return value

    def forget(self) -> None:
        """A person changed something, and wants to see it."""
        with self._lock:
            self._answers.clear()
