"""How a stage tells what it has achieved, for whoever has to know a slow run from a stalled one."""

from typing import Protocol

__all__ = ["PART", "Tell", "tell_nobody"]

PART = 20_000  # rows that are worked on in one go: seconds at most, on whatever machine


class Tell(Protocol):
    """Called where something was really achieved, never because time has passed.

    Args:
        doing: For people: `reading row 400,000 of about 1,000,000`.
        waits_s: What is done next takes up to so long in one piece, and says nothing meanwhile. Beyond that
            it counts as no progress.
    """

    def __call__(self, doing: str, *, waits_s: float = 0.0) -> None: ...


def tell_nobody(doing: str, *, waits_s: float = 0.0) -> None:
    """For those who wait for the result anyway: a command, a preview."""
