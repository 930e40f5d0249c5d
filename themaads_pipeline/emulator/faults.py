"""Scripted misbehaviour: which calls go wrong, how, how often. Seeded, so that a run can be replayed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from itertools import count as counter
from random import Random
from threading import Lock
from typing import Any

import grpc

from themaads_pipeline.emulator.messages import error_code_field

# What each kind does stands in docs/emulator.md, section "Faults".
KINDS = frozenset(
    {
        "error",
        "commit_then_error",
        "hang",
        "late_commit",
        "slow",
        "stale_reads",
        "suspend_account",
        "rate_limit",
        "daily_quota",
        "throttled_site",
        "normalise_texts",
        "normalise_urls",
        "cut_connection",
        "partial_stream",
        "trickle",
        "wrong_page_token",
        "expire_tokens",
    }
)
# Those that hold while they are set, instead of firing at a call.
_STANDING = frozenset({"stale_reads", "throttled_site", "normalise_texts", "normalise_urls"})
# Those that fire at something in a call: an answer that has a next page.
_WITHIN_A_CALL = frozenset({"wrong_page_token"})
_OF_STREAMS = frozenset({"partial_stream", "trickle"})
_WHEN = ("before_commit", "after_commit", "in_response")
_DAILY_DELAY_S = 40_591.0  # as a user once saw it


@dataclass(slots=True, kw_only=True)
class Fault:
    """One scripted fault. Unset filters match everything; `count` None means for ever."""

    kind: str
    method: str = "*"
    account: int | None = None
    count: int | None = None
    share: float = 1.0
    after: int = 0
    seed: int = 0
    scope: str = "request"  # or operation, partial_failure: only for errors
    over_bytes: int = 0
    over_operations: int = 0
    ad_groups: tuple[int, ...] = ()
    error: str = ""
    code: str = ""
    message: str = ""
    seconds: float = 0.0
    retry_delay: float | None = None
    per_second: float = 0.0
    burst: float = 1.0
    operations: int = 0
    when: str = "after_commit"  # or before_commit, in_response: only for cut_connection
    messages: int = 0
    rows: int = 0
    domain: str = ""
    drop_custom_parameters: bool = False
    fault_id: int = 0
    matched: int = 0
    fired: int = 0
    used: float = 0.0
    refilled_at: float = 0.0
    back_at: float = 0.0  # when a daily quota that is used up comes back, by the emulator's clock
    streams: dict[int | None, Random] = field(default_factory=dict)
    lock: Any = field(default_factory=Lock)

    def concerns(self, method: str, account: int | None) -> bool:
        return fnmatchcase(method, self.method) and (self.account is None or self.account == account)

    def fires(self, account: int | None) -> bool:
        """Whether this matching call is hit. Counts it.

        Each account has random numbers of its own: accounts that work side by side, in any order, meet the
        same faults in the next run.
        """
        with self.lock:
            self.matched += 1
            if self.matched <= self.after or (self.count is not None and self.fired >= self.count):
                return False
            if self.share < 1.0 and self._random(account).random() >= self.share:
                return False
            self.fired += 1
            return True

    def _random(self, account: int | None) -> Random:
        if account not in self.streams:
            self.streams[account] = Random(f"{self.seed} {account}")  # noqa: S311 - replayable on purpose
        return self.streams[account]

    def over_rate(self, operations: int, now: float) -> bool:
        """A token bucket of operations: `per_second`, up to `burst`."""
        if self.refilled_at:
            self.used = max(0.0, self.used - (now - self.refilled_at) * self.per_second)
        self.refilled_at = now
        if self.used > 0 and self.used + operations > self.burst:
            self.fired += 1
            return True
        self.used += operations
        return False

    def over_quota(self, operations: int, clock: float) -> bool:
        """A quota that is whole again `retry_delay` after it was used up."""
        if self.back_at and clock >= self.back_at:
            self.used = self.back_at = 0.0
        self.used += operations
        if self.used <= self.operations:
            return False
        if not self.back_at:
            self.back_at = clock + (self.retry_delay if self.retry_delay is not None else _DAILY_DELAY_S)
        self.fired += 1
        return True

    def described(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _INNER}


_INNER = frozenset({"used", "refilled_at", "streams", "lock"})
_SETTABLE = {item.name for item in fields(Fault)} - _INNER - {"fault_id", "matched", "fired", "back_at"}


def _check_names(values: dict[str, Any]) -> None:
    """Refuse names that nothing has, before a call stumbles over them."""
    kind, _, name = values.get("error", "").partition(".")
    try:
        known = not kind or name in error_code_field(kind)[1]
    except KeyError:
        known = False
    if not known:
        raise ValueError(
            f"error {values['error']!r}: expected one of Google's, such as DatabaseError.REQUEST_TOO_LARGE"
        )
    if values.get("code") and values["code"] not in grpc.StatusCode.__members__:
        raise ValueError(f"code {values['code']!r}: expected a gRPC status, such as UNAVAILABLE")
    if values.get("when", _WHEN[0]) not in _WHEN:
        raise ValueError(f"when {values['when']!r}: expected one of {', '.join(_WHEN)}")


class FaultBook:
    """The faults in force."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = Lock()
        self._ids = counter(1)
        self._fired_before: dict[str, int] = {}

    def add(self, values: dict[str, Any]) -> Fault:
        """Puts a fault in force.

        Raises:
            ValueError: An unknown kind or setting.
        """
        unknown = set(values) - _SETTABLE
        if values.get("kind") not in KINDS or unknown:
            raise ValueError(
                f"fault {values}: kind is one of {sorted(KINDS)}; unknown settings: {sorted(unknown)}"
            )
        _check_names(values)
        prepared = dict(values)
        if prepared.get("account") is not None:
            prepared["account"] = int(str(prepared["account"]).replace("-", ""))
        prepared["ad_groups"] = tuple(int(item) for item in prepared.get("ad_groups", ()))
        fault = Fault(**prepared)
        with self._lock:
            fault.fault_id = next(self._ids)
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            for kind, fired in self._counts().items():
                self._fired_before[kind] = self._fired_before.get(kind, 0) + fired
            self._faults = []

    def forget(self) -> None:
        """No faults, and none fired so far."""
        with self._lock:
            self._faults = []
            self._fired_before = {}

    def firing(
        self,
        method: str,
        account: int | None,
        operations: int,
        *,
        clock: float,
        size: Callable[[], int],
        streams: bool = False,
    ) -> list[Fault]:
        """The faults that hit this call, in the order they were set. `clock`: the emulator's; `size`: of the
        request in bytes.
        """
        with self._lock:
            faults = [fault for fault in self._faults if fault.over_operations < max(operations, 1)]
            fitting = [fault for fault in faults if not fault.over_bytes or fault.over_bytes < size()]
            return list(self._firing(fitting, method, account, operations, clock, streams=streams))

    def _firing(
        self,
        faults: list[Fault],
        method: str,
        account: int | None,
        operations: int,
        clock: float,
        *,
        streams: bool,
    ) -> Iterator[Fault]:
        for fault in faults:
            if fault.kind in _STANDING | _WITHIN_A_CALL or fault.scope != "request":
                continue
            if not fault.concerns(method, account) or (fault.kind in _OF_STREAMS and not streams):
                continue
            if fault.kind == "rate_limit":
                hit = fault.over_rate(operations, time.monotonic())
            elif fault.kind == "daily_quota":
                hit = fault.over_quota(operations, clock)
            else:
                hit = fault.fires(account)
            if hit:
                yield fault

    def within(self, kind: str, method: str, account: int | None) -> Fault | None:
        """The first fault of a kind that hits something in a call, asked for when that something is there."""
        for fault in self._faults:
            if fault.kind == kind and fault.concerns(method, account) and fault.fires(account):
                return fault
        return None

    def note(self, kind: str) -> None:
        """Counts a fault that nobody scripted: a profile's."""
        with self._lock:
            self._fired_before[kind] = self._fired_before.get(kind, 0) + 1

    def of_operations(self, method: str, account: int, scope: str = "operation") -> list[Fault]:
        """The errors to try on each operation of a call."""
        return [fault for fault in self._faults if fault.scope == scope and fault.concerns(method, account)]

    def standing(self, kind: str, account: int | None = None, method: str = "") -> list[Fault]:
        if not self._faults:
            return []
        return [
            fault
            for fault in self._faults
            if fault.kind == kind
            and (fault.concerns(method, account) if method else fault.account in {None, account})
        ]

    def holds(self, fault: Fault) -> bool:
        """Whether a fault that fired is still in force."""
        return any(other is fault for other in self._faults)

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.described() for fault in self._faults]

    def fired(self) -> dict[str, int]:
        """How often each kind has fired since the start, or the last `forget`."""
        with self._lock:
            counts = dict(self._fired_before)
            for kind, fired in self._counts().items():
                counts[kind] = counts.get(kind, 0) + fired
            return counts

    def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for fault in self._faults:
            counts[fault.kind] = counts.get(fault.kind, 0) + fault.fired
        return counts
