"""What was asked and answered, for tests to look into. Bounded: the oldest requests are forgotten."""

from collections import Counter, deque
from dataclasses import dataclass
from threading import Lock
from typing import Any

from themaads_pipeline.emulator.access import number_of
from themaads_pipeline.emulator.calls import Call

_MAX_REQUESTS = 5_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    call: Call
    status: str
    duration_s: float
    faults: tuple[str, ...]

    def described(self) -> dict[str, Any]:
        call = self.call
        return {
            "request_id": call.request_id,
            "time": call.started_at,
            "duration_s": round(self.duration_s, 6),
            "version": call.version,
            "service": call.service,
            "method": call.method,
            "account": call.customer_id,
            "login_customer_id": call.login_customer_id,
            "operations": call.operations if call.kinds else 0,
            "operations_by_kind": dict(Counter(call.kinds)),
            "status": self.status,
            "failed_operations": len([index for index in call.errors if index >= 0]),
            "faults": list(self.faults),
        }


class RequestLog:
    """The last requests and running counts."""

    def __init__(self) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=_MAX_REQUESTS)
        self._lock = Lock()
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self.calls: Counter[str] = Counter()
            self.statuses: Counter[str] = Counter()
            self.operations: Counter[str] = Counter()
            self.ads_created = 0
            self.crashes = 0  # errors of the emulator's own, which no client should ever cause
            self.in_flight: Counter[int] = Counter()
            self.peak_in_flight: Counter[int] = Counter()
            self.peak_in_flight_total = 0
            self.peak_mutates_in_flight: Counter[int] = Counter()

    def began(self, call: Call) -> None:
        account = number_of(call.customer_id)
        with self._lock:
            self.in_flight[account] += 1
            self.peak_in_flight[account] = max(self.peak_in_flight[account], self.in_flight[account])
            self.peak_in_flight_total = max(self.peak_in_flight_total, sum(self.in_flight.values()))

    def mutating(self, account: int, in_flight: int) -> None:
        with self._lock:
            self.peak_mutates_in_flight[account] = max(self.peak_mutates_in_flight[account], in_flight)

    def crashed(self) -> None:
        with self._lock:
            self.crashes += 1

    def created(self, ads: int) -> None:
        with self._lock:
            self.ads_created += ads

    def did(self, kinds: list[str]) -> None:
        """Counts operations that no request did, but a batch job."""
        with self._lock:
            self.operations.update(kinds)

    def finished(self, entry: LoggedRequest) -> None:
        account = number_of(entry.call.customer_id)
        with self._lock:
            self.in_flight[account] -= 1
            self.calls[entry.call.method] += 1
            self.statuses[entry.status] += 1
            self.operations.update(entry.call.kinds)
            self._entries.append(entry)

    def entries(self, account: str = "", method: str = "") -> list[LoggedRequest]:
        with self._lock:
            return [
                entry
                for entry in self._entries
                if (not account or entry.call.customer_id == account)
                and (not method or entry.call.method == method)
            ]
