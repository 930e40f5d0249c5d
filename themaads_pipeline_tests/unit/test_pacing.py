"""How fast to send is found out from refusals, and from pages that break."""

from dataclasses import dataclass

import pytest

from themaads_pipeline.model.pacing import Pace, SitePace


@dataclass
class Bucket:
    """A rate limit as Google's is understood: tokens that flow in, up to a burst."""

    per_s: float
    burst: float
    tokens: float = 0.0
    at: float = 0.0

    def take(self, now: float, operations: int) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.per_s)
        self.at = now
        if self.tokens < operations:
            return False
        self.tokens -= operations
        return True


@pytest.mark.parametrize(
    ("per_s", "burst", "batch", "retry_after_s", "latency_s"),
    [(10, 100, 20, 2, 0.2), (10, 600, 20, 1, 0.1), (100, 1000, 1000, 5, 1.0), (5, 300, 100, 30, 0.5)],
)
def test_the_rate_settles_within_a_tenth_below_the_limit(
    per_s: float, burst: float, batch: int, retry_after_s: float, latency_s: float
) -> None:
    bucket, pace, now = Bucket(per_s, burst, tokens=burst), Pace(), 0.0
    size, taken, refused = batch, 0, 0
    while now < 660:
        now += pace.wait_s(now)
        pace.sent(now, size)
        is_taken = bucket.take(now, size)
        now += latency_s
        if is_taken:
            pace.taken(now, size)
            taken += size if now > 60 else 0
            size = min(batch, size + max(1, size // 20))
        else:
            pace.limited(now, retry_after_s=retry_after_s)
            assert pace.wait_s(now) == pytest.approx(retry_after_s)  # not a second more
            refused += now > 60
            size = max(1, size // 2)
    assert 0.9 * per_s <= taken / 600 <= 1.1 * per_s  # what was saved in the burst comes on top
    assert refused < 60


def test_without_a_refusal_nothing_is_held_back() -> None:
    pace = Pace()
    for second in range(100):
        assert pace.wait_s(second) == 0
        pace.sent(second, 10_000)
        pace.taken(second + 0.5, 10_000)


def test_an_account_that_waited_for_something_else_does_not_count_as_slow() -> None:
    pace, now = Pace(), 0.0
    for _ in range(3):  # 20 operations, and a minute of waiting for a request in doubt
        pace.sent(now, 20)
        pace.taken(now + 0.1, 20)
        now += 60
    pace.sent(now, 20)
    pace.limited(now + 0.1, retry_after_s=1)
    assert pace.rate is not None
    assert pace.rate > 5


def test_one_that_is_left_alone_with_a_limit_finds_out_within_minutes() -> None:
    pace, now, taken = Pace(rate=1.0, _base=1.0, _limits=5), 0.0, 0
    while now < 240:
        now += pace.wait_s(now)
        pace.sent(now, 1)
        now += 0.01
        pace.taken(now, 1)
        taken += 1
    assert pace.rate is not None
    assert pace.rate > 20


def test_a_limit_that_was_lifted_is_found_out() -> None:
    pace, now = Pace(), 0.0
    pace.sent(now, 100)
    pace.taken(1, 100)
    pace.limited(2, retry_after_s=1)
    first = pace.rate
    assert first is not None
    for now in range(3, 63):
        pace.sent(now, 10)
        pace.taken(now, 10)
    assert pace.rate is not None
    assert pace.rate > 2 * first


def test_a_request_that_is_too_large_for_the_burst_does_not_slow_the_rate_for_ever() -> None:
    pace = Pace()
    for now in range(20):
        pace.sent(now, 1_000)
        pace.limited(now, retry_after_s=0)
    assert pace.rate is None


def test_a_site_gets_more_new_ads_while_nothing_breaks_and_fewer_when_its_pages_do() -> None:
    site, now, granted = SitePace(rate=10, every_s=15), 0.0, 0
    while now < 60:
        granted += site.grant(now, 1_000)
        now += 0.1
    assert 15 * (10 + 20 + 40 + 80) * 0.9 < granted < 15 * (10 + 20 + 40 + 80) * 1.1 + 10
    before = site.rate
    site.broke(now)
    assert site.rate == before / 2
    assert site.grant(now, 5) == 0
    assert site.grant(now + 1, 10_000) <= before / 2


def test_a_site_that_nobody_uses_grows_no_trust() -> None:
    site = SitePace(rate=10, every_s=15)
    site.grant(0, 1)
    site.grant(1_000, 1)
    assert site.rate <= 20


def test_a_site_says_when_one_more_may_be_sent() -> None:
    site = SitePace(rate=10, every_s=15)
    assert site.grant(0, 100) == 10
    assert site.grant(0, 1) == 0
    assert site.wait_s(0) == pytest.approx(0.1)
    assert site.grant(0.11, 1) == 1
