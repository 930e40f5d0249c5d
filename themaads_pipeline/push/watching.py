"""Questions to Google Ads, asked in a thread while this one tells of their answers."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import StopAskedError
from themaads_pipeline.model.telling import Tell

__all__ = ["Asking", "watched"]

_T = TypeVar("_T")
_TICK_S = 1.0


class Asking:
    """What those who ask say of themselves, and how they hear that nobody wants their answers any more."""

    def __init__(self, doing: str) -> None:
        """Begin with this."""
        self.doing = doing
        self.stop = threading.Event()
        self.rests_until: float | None = None  # on this process's clock

    def goes_on(self, doing: str = "") -> None:
        """Between two questions: what is asked now.

        Raises:
            StopAskedError: Nobody waits for it.
        """
        if self.stop.is_set():
            raise StopAskedError("the run was interrupted")
        self.doing = doing or self.doing

    def rest(self, seconds: float, doing: str) -> None:
        """Let time pass before the next question: a wait that has an end.

        Raises:
            StopAskedError: Nobody waits for it.
        """
        self.goes_on(doing)
        self.rests_until = time.monotonic() + seconds
        self.stop.wait(seconds)
        self.rests_until = None
        self.goes_on()


def watched(ask: Callable[[Asking], _T], *, gateway: Gateway, tell: Tell, doing: str) -> _T:
    """Ask Google Ads, and tell of it: an answer is progress, a request a wait until its deadline. Only reads.

    Whatever else keeps `ask` busy is not told, and counts as no progress.

    Args:
        ask: Runs in a thread of its own, so that an interruption is heard at once. That thread then ends
            with its request, and holds nobody up.
        gateway: What it asks.
        tell: Who is told.
        doing: What for.

    Raises:
        Whatever `ask` raises.
    """
    asking, results, errors = Asking(doing), list[_T](), list[BaseException]()

    def run() -> None:
        try:
            results.append(ask(asking))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            errors.append(error)

    tell(doing)
    thread = threading.Thread(target=run, name="asking", daemon=True)
    thread.start()
    answers = _answers(gateway)
    told_until = 0.0
    try:
        while thread.is_alive():
            thread.join(_TICK_S)
            now = time.monotonic()
            if (so_far := _answers(gateway)) > answers:
                answers, told_until = so_far, 0.0
                tell(asking.doing)
            elif (until := _waits_until(asking, gateway)) > max(now, told_until):
                tell(asking.doing, waits_s=until - now)
                told_until = until
    finally:
        asking.stop.set()
    if errors:
        raise errors[0]
    return results[0]


def _waits_until(asking: Asking, gateway: Gateway) -> float:
    """When the last of what is waited for now ends; 0: nothing is waited for."""
    ends = [each.ends_at_monotonic for each in gateway.in_flight()]
    return max([*ends, asking.rests_until or 0.0])


def _answers(gateway: Gateway) -> int:
    """How many requests are over so far, well or not; one that is about to be sent makes it one too few."""
    return gateway.calls.total() - len(gateway.in_flight())
