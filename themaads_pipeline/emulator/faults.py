"""Scripted misbehaviour: which calls go wrong, how, how often. Seeded, so that a run can be replayed."""

from collections.abc import Iterator
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
    }
)
# Those that hold while they are set, instead of firing at a call.
_STANDING = frozenset({"stale_reads", "throttled_site", "normalise_texts"})


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
    scope: str = "request"  # or operation: only for errors
    ad_groups: tuple[int, ...] = ()
    error: str = ""
    code: str = ""
    message: str = ""
    seconds: float = 0.0
    retry_delay: float | None = None
    per_second: float = 0.0
    burst: float = 1.0
    operations: int = 0
    domain: str = ""
    drop_custom_parameters: bool = False
    fault_id: int = 0
    matched: int = 0
    fired: int = 0
    used: float = 0.0
    refilled_at: float = 0.0
    random: Random = field(default_factory=Random)

    def concerns(self, method: str, account: int | None) -> bool:
        return fnmatchcase(method, self.method) and (self.account is None or self.account == account)

    def fires(self) -> bool:
        """Whether this matching call is hit. Counts it."""
        self.matched += 1
        if self.matched <= self.after or (self.count is not None and self.fired >= self.count):
            return False
        if self.share < 1.0 and self.random.random() >= self.share:
            return False
        self.fired += 1
        return True

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

    def over_quota(self, operations: int) -> bool:
        self.used += operations
        if self.used <= self.operations:
            return False
        self.fired += 1
        return True

    def described(self) -> dict[str, Any]:
        hidden = {"random", "used", "refilled_at"}
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in hidden}


_SETTABLE = {item.name for item in fields(Fault)} - {
    "fault_id",
    "matched",
    "fired",
    "used",
    "refilled_at",
    "random",
}


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
        fault.random = Random(fault.seed)  # noqa: S311 - replayable on purpose
        with self._lock:
            fault.fault_id = next(self._ids)
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            for kind, fired in self._counts().items():
                self._fired_before[kind] = self._fired_before.get(kind, 0) + fired
            self._faults = []

    def firing(self, method: str, account: int | None, operations: int, now: float) -> list[Fault]:
        """The faults that hit this call, in the order they were set."""
        with self._lock:
            return list(self._firing(method, account, operations, now))

    def _firing(self, method: str, account: int | None, operations: int, now: float) -> Iterator[Fault]:
        for fault in self._faults:
            if fault.kind in _STANDING or fault.scope == "operation" or not fault.concerns(method, account):
                continue
            if fault.kind == "rate_limit":
                hit = fault.over_rate(operations, now)
            elif fault.kind == "daily_quota":
                hit = fault.over_quota(operations)
            else:
                hit = fault.fires()
            if hit:
                yield fault

    def of_operations(self, method: str, account: int) -> list[Fault]:
        """The errors to try on each operation of a call."""
        return [
            fault for fault in self._faults if fault.scope == "operation" and fault.concerns(method, account)
        ]

    def standing(self, kind: str, account: int | None = None, method: str = "") -> list[Fault]:
        return [
            fault
            for fault in self._faults
            if fault.kind == kind
            and (fault.concerns(method, account) if method else fault.account in {None, account})
        ]

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.described() for fault in self._faults]

    def fired(self) -> dict[str, int]:
        """How often each kind has fired since the start."""
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
