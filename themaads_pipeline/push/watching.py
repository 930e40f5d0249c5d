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

    def goes_on(self, doing: str = "") -> None:
        """Between two questions: what is asked now.

        Raises:
            StopAskedError: Nobody waits for it.
        """
        if self.stop.is_set():
            raise StopAskedError("the run was interrupted")
        self.doing = doing or self.doing


def watched(ask: Callable[[Asking], _T], *, gateway: Gateway, tell: Tell, doing: str) -> _T:
    """Ask Google Ads, and tell of it: an answer is progress, a request a wait until its deadline. Only reads.

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
    waits_told = ""
    try:
        while thread.is_alive():
            thread.join(_TICK_S)
            if (so_far := _answers(gateway)) > answers:
                answers, waits_told = so_far, ""
                tell(asking.doing)
            elif (waits := gateway.in_flight()) and waits_told != (request := repr(waits)):
                waits_s = max(each.ends_at_monotonic for each in waits) - time.monotonic()
                tell(asking.doing, waits_s=max(0.0, waits_s))
                waits_told = request
    finally:
        asking.stop.set()
    if errors:
        raise errors[0]
    return results[0]


def _answers(gateway: Gateway) -> int:
    """How many requests are over so far, well or not; one that is about to be sent makes it one too few."""
    return gateway.calls.total() - len(gateway.in_flight())
