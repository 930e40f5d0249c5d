"""Streams that go wrong: they trickle, end too early, or lose their connection on the way."""

from collections.abc import Callable, Iterable, Iterator
from threading import Event

from themaads_pipeline.emulator.faults import Fault
from themaads_pipeline.emulator.messages import Message
from themaads_pipeline.emulator.scripted import broken_stream, unavailable


def shaped(
    responses: Iterable[Message], faults: list[Fault], *, stopping: Event, cut: Callable[[], None]
) -> Iterator[Message]:
    """The messages of a stream as far as its faults let them through.

    Raises:
        RequestRefusedError: The stream ends here with a status.
    """
    rows = min((fault.rows for fault in faults if fault.rows), default=0)
    slow = sum(fault.seconds for fault in faults if fault.kind == "trickle")
    ends = [
        fault
        for fault in faults
        if fault.kind == "partial_stream" or (fault.kind == "cut_connection" and fault.when == "in_response")
    ]
    for sent, response in enumerate(_split(responses, rows) if rows else responses):
        for fault in ends:
            if sent >= fault.messages:
                _end(fault, cut)
        if slow:
            stopping.wait(slow)
        yield response
    for fault in ends:  # a shorter stream ends badly too, after its last message
        _end(fault, cut)


def _end(fault: Fault, cut: Callable[[], None]) -> None:
    if fault.kind == "cut_connection":
        cut()
        raise unavailable()
    raise broken_stream(fault)


def _split(responses: Iterable[Message], rows: int) -> Iterator[Message]:
    """The same rows in smaller messages: a test's account is too small for a second message otherwise."""
    for response in responses:
        for start in range(0, len(response.results) or 1, rows):
            part = type(response)(request_id=response.request_id, field_mask=response.field_mask)
            part.results.extend(response.results[start : start + rows])
            yield part
