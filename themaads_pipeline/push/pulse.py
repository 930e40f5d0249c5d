"""What the ledger is told of each account while it is worked on: progress, or a wait and its end. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from themaads_pipeline.ledger.progress import AccountBeat
from themaads_pipeline.push.turns import Wait

__all__ = ["Pulse"]


@dataclass(kw_only=True)
class Pulse:
    """Remembers what was told, so that only news is."""

    _steps: dict[int, int] = field(default_factory=dict)
    _waits: dict[int, Wait | None] = field(default_factory=dict)

    def news(
        self,
        *,
        working: Iterable[int],
        later: Mapping[int, Wait],
        requests: Mapping[int, Wait],
        steps: Mapping[int, int],
        now: float,
    ) -> tuple[list[AccountBeat], list[int]]:
        """What to tell the ledger, and which accounts are not worked on any more.

        Args:
            working: Accounts that a thread is busy with.
            later: Accounts that were put off, and until when.
            requests: Requests in flight by account, each a wait until its deadline, and pauses.
            steps: How often each account progressed so far.
            now: The clock of the waits.
        """
        active = {customer_id: requests.get(customer_id) for customer_id in working} | dict(later)
        beats = [
            _beat(customer_id, wait, now=now, progressed=self._has_progressed(customer_id, wait, steps))
            for customer_id, wait in active.items()
            if self._is_news(customer_id, wait, steps)
        ]
        at_rest = [customer_id for customer_id in self._waits if customer_id not in active]
        self._waits = active
        self._steps = {customer_id: steps.get(customer_id, 0) for customer_id in active}
        return beats, at_rest

    def _is_news(self, customer_id: int, wait: Wait | None, steps: Mapping[int, int]) -> bool:
        return self._waits.get(customer_id) != wait or self._has_progressed(customer_id, wait, steps)

    def _has_progressed(self, customer_id: int, wait: Wait | None, steps: Mapping[int, int]) -> bool:
        """It was taken up, settled something, or an answer came: a request that is over is progress."""
        return (
            customer_id not in self._waits
            or steps.get(customer_id, 0) != self._steps.get(customer_id)
            or (self._waits[customer_id] is not None and self._waits[customer_id] != wait)
        )


def _beat(customer_id: int, wait: Wait | None, *, now: float, progressed: bool) -> AccountBeat:
    if wait is None:
        return AccountBeat(customer_id=customer_id, doing="working", progressed=progressed)
    waits_s = max(0.0, wait.until - now)
    return AccountBeat(customer_id=customer_id, doing=wait.reason, waits_s=waits_s, progressed=progressed)
