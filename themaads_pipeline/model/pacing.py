"""How fast to send, found out from what is refused. Pure: the caller brings the time, in seconds."""

from dataclasses import dataclass

__all__ = ["Pace", "SitePace"]

_AFTER_A_LIMIT = 0.97  # of what was measured: just below, so that hardly a request is refused
_AT_THE_FIRST = 0.5  # of what was reached: the burst that was granted says little of the limit
_AT_WORST = 0.5
_GROWTH_A_S = 0.01  # of the rate: a limit that was lifted is found out within minutes
_EARLY_GROWTH_A_S = 0.05  # while the limit was met only once
_CALM_S = 30.0  # without a refusal: from then on the increase itself increases ...
_FASTER_EVERY_S = 10.0  # ... by once more in so long
_SHORT_GAP_S = 1.0  # between an answer and the next request there is always something to do
_LEAST = 0.01  # operations a second
_FAIR_PART = 0.5  # of a second's ads: fewer are waited for, or a request would carry next to nothing


@dataclass(kw_only=True, slots=True)
class Pace:
    """Requests to one account, or under one developer's limits.

    Without limit until one is met. Then additive increase, multiplicative decrease, with the measured rate as
    the aim: between two refusals exactly as many operations were taken as the limit allowed. Time in which
    nothing was to be sent does not count: whoever waited for something else would seem to be slow. The longer
    no refusal comes, the faster the increase: others that shared the limit may be gone.
    """

    rate: float | None = None  # operations a second
    _base: float = 0.0  # what was measured at the last refusal
    _free_at: float = 0.0  # no request leaves before
    _limited_at: float = 0.0  # the last refusal
    _seen_at: float | None = None  # the last request, or answer
    _busy_s: float = 0.0  # since the last refusal
    _taken: int = 0  # operations since then
    _grown_at: float = 0.0
    _limits: int = 0

    def wait_s(self, now: float) -> float:
        """How long to wait before the next request may leave."""
        return max(0.0, self._free_at - now)

    def sent(self, now: float, operations: int) -> None:
        """A request leaves now."""
        if self._seen_at is not None:
            wanted = max(_SHORT_GAP_S, self._free_at - self._seen_at)  # by us; what is longer was idle
            self._busy_s += min(now - self._seen_at, wanted)
        self._seen_at = now
        if self.rate is not None:
            self._free_at = max(now, self._free_at) + operations / self.rate

    def taken(self, now: float, operations: int) -> None:
        """It was not refused for its rate; what became of its operations does not matter here."""
        self._answered(now)
        self._taken += operations
        if self.rate is not None:
            growth = _GROWTH_A_S if self._limits > 1 else _EARLY_GROWTH_A_S
            growth *= 1 + max(0.0, now - self._limited_at - _CALM_S) / _FASTER_EVERY_S
            self.rate += self._base * growth * max(0.0, now - self._grown_at)
            self._grown_at = now

    def limited(self, now: float, *, retry_after_s: float | None) -> None:
        """It was refused for its rate: nothing leaves until what Google asked for is over."""
        self._answered(now)
        if self._taken and self._busy_s > 0:
            measured = self._taken / self._busy_s
            share = _AFTER_A_LIMIT if self._limits else _AT_THE_FIRST
            # A batch that was larger than the burst is refused at any rate, and says less than it seems to.
            self.rate = self._base = max(_LEAST, measured * share, _AT_WORST * (self.rate or 0.0))
            self._limits += 1
        self._busy_s, self._taken = 0.0, 0
        self._limited_at = self._grown_at = now
        self._free_at = now + (retry_after_s or 0.0)

    def _answered(self, now: float) -> None:
        if self._seen_at is not None:
            self._busy_s += now - self._seen_at
        self._seen_at = now


@dataclass(kw_only=True, slots=True)
class SitePace:
    """New ads whose landing page is on one site: Google visits each, and the site may not bear it.

    It starts at a modest rate and doubles while nothing breaks. Pages that break halve it, and it grows by
    tenths from then on. No more than a second's worth leaves at once.
    """

    rate: float  # new ads a second
    every_s: float  # it grows so often, when it was used
    least: float = 1.0
    _allowance: float | None = None
    _at: float = 0.0
    _grown_at: float = 0.0
    _is_used: bool = False
    _has_broken: bool = False

    def grant(self, now: float, wanted: int) -> int:
        """How many of `wanted` new ads may be sent now; they count as sent. A fair part of them, or none."""
        allowance = self._refilled(now)
        granted = min(wanted, int(allowance))
        if granted < min(wanted, int(self.rate * _FAIR_PART) or 1):
            return 0
        self._allowance = allowance - granted
        self._is_used = True
        return granted

    def give_back(self, unsent: int) -> None:
        """They were granted, and not sent."""
        if self._allowance is not None:
            self._allowance += unsent

    def wait_s(self, now: float, wanted: int = 1) -> float:
        """How long until some of `wanted` may be sent."""
        needed = min(wanted, int(self.rate * _FAIR_PART) or 1)
        return max(0.0, (needed - self._refilled(now)) / self.rate)

    def broke(self, now: float) -> None:
        """Several pages of the site did not answer Google. Ads that were under way already tell no more."""
        if self._has_broken and now - self._grown_at < self.every_s / 2:
            return
        self.rate = max(self.least, self.rate / 2)
        self._allowance, self._at, self._grown_at = 0.0, now, now
        self._has_broken = True

    def _refilled(self, now: float) -> float:
        if self._allowance is None:
            self._allowance, self._at, self._grown_at = self.rate, now, now
        self._allowance = min(max(1.0, self.rate), self._allowance + (now - self._at) * self.rate)
        self._at = now
        if self._is_used and now - self._grown_at >= self.every_s:
            self.rate *= 1.1 if self._has_broken else 2
            self._grown_at, self._is_used = now, False
        return self._allowance
