"""Progress, and the leases of the accounts that are worked on, kept for as long as work goes on."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from themaads_pipeline.exceptions import LedgerAwayError
from themaads_pipeline.ledger.leases import Lease
from themaads_pipeline.ledger.ledger import Ledger


class Heartbeat:
    """Renews the leases in use, in a thread of its own, and counts what was achieved.

    The ledger's beat follows `progress`, never this thread: a thread that lives proves nothing.
    """

    def __init__(self, ledger: Ledger, *, lease_seconds: float) -> None:
        """Start to renew at a third of the time that a lease lasts."""
        self._ledger = ledger
        self._leases: set[Lease] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._steps: Counter[int] = Counter()
        self._thread = threading.Thread(
            target=self._renew, args=(lease_seconds / 3,), name="leases", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """Renew nothing more."""
        self._ended.set()
        self._thread.join(timeout=5)

    def progressed(self, customer_id: int) -> None:
        """Something of this account was settled."""
        with self._lock:
            self._steps[customer_id] += 1

    def steps(self) -> dict[int, int]:
        """How often something was settled, by account; a growing number is progress."""
        with self._lock:
            return dict(self._steps)

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[None]:
        """Keep a lease for as long as the block runs."""
        with self._lock:
            self._leases.add(lease)
        try:
            yield
        finally:
            with self._lock:
                self._leases.discard(lease)

    def _renew(self, interval: float) -> None:
        while not self._ended.wait(interval):
            with self._lock:
                leases = list(self._leases)
            for lease in leases:
                # A lease that is lost shows in the next claim, which is refused.
                with suppress(LedgerAwayError):
                    self._ledger.leases.renew(lease)
