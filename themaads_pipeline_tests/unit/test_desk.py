"""Accounts read and plan a few at a time, the longest first."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from themaads_pipeline.push.desk import Desk

_SOON_S = 10


def come(desk: Desk, urgency: int, then: Callable[[], object], *, ahead: bool = False) -> threading.Thread:
    """Somebody who wants a seat, does something there, and waits by now where there was none."""

    def sit() -> None:
        with desk.seat(urgency, ahead=ahead):
            then()

    before, thread = desk.waiting, threading.Thread(target=sit, daemon=True)
    thread.start()
    while desk.waiting == before and thread.is_alive():
        time.sleep(0.001)
    return thread


def test_the_most_urgent_of_those_who_wait_is_next_and_of_equals_the_first() -> None:
    desk, served = Desk(1, patience_s=_SOON_S), list[str]()
    with desk.seat(0):
        threads = [
            come(desk, urgency, partial(served.append, name))
            for name, urgency in (("short", 1), ("long", 30), ("first", 20), ("second", 20))
        ]
        assert served == []
    for thread in threads:
        thread.join(_SOON_S)
    assert served == ["long", "first", "second", "short"]


def test_who_works_ahead_is_served_after_everybody_who_does_not() -> None:
    desk, served = Desk(1, patience_s=_SOON_S), list[str]()
    with desk.seat(0):
        threads = [
            come(desk, urgency, partial(served.append, name), ahead=ahead)
            for name, urgency, ahead in (
                ("long, ahead", 30, True),
                ("short, ahead", 1, True),
                ("short", 1, False),
            )
        ]
        assert served == []
    for thread in threads:
        thread.join(_SOON_S)
    assert served == ["short", "long, ahead", "short, ahead"]


def test_no_more_sit_there_than_there_are_seats() -> None:
    desk, lock, sitting, most = Desk(3, patience_s=_SOON_S), threading.Lock(), set[int](), list[int]()

    def work() -> None:
        with lock:
            sitting.add(threading.get_ident())
            most.append(len(sitting))
        time.sleep(0.01)
        with lock:
            sitting.discard(threading.get_ident())

    def sit() -> None:
        with desk.seat(1):
            work()

    threads = [threading.Thread(target=sit, daemon=True) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_SOON_S)
    assert len(most) == 12
    assert max(most) <= 3


def test_whoever_has_waited_long_enough_goes_on_without_a_seat_and_the_seats_are_right_afterwards() -> None:
    desk, served, free = Desk(1, patience_s=0.05), list[str](), list[int]()
    with desk.seat(0):
        come(desk, 1, lambda: free.append(desk.free)).join(_SOON_S)
        assert free == [-1]
        assert desk.free == 0
    assert desk.free == 1
    with desk.seat(0):
        patient = come(desk, 1, lambda: served.append("next"))
    patient.join(_SOON_S)
    assert served == ["next"]
    assert desk.free == 1


def test_a_seat_is_free_again_after_an_error() -> None:
    desk, served = Desk(1, patience_s=_SOON_S), list[str]()
    with suppress(ZeroDivisionError), desk.seat(0):
        _ = 1 / 0
    come(desk, 0, lambda: served.append("next")).join(_SOON_S)
    assert served == ["next"]
    assert desk.free == 1
