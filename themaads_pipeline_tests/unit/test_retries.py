"""Waits double, stay below their cap, and are spread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from themaads_pipeline.model.retries import backoff_s

_JITTERS = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(("attempt", "wait"), [(0, 5), (1, 5), (2, 10), (3, 20), (4, 40)])
def test_waits_double_from_the_base(attempt: int, wait: float) -> None:
    assert backoff_s(attempt, jitter=0.5) == pytest.approx(wait)


@given(attempt=st.integers(1, 1_000_000), cap=st.floats(1, 100_000), jitter=_JITTERS)
def test_no_wait_is_longer_than_the_cap_or_shorter_than_nothing(
    attempt: int, cap: float, jitter: float
) -> None:
    assert 0 < backoff_s(attempt, cap=cap, jitter=jitter) <= cap * (1 + 1e-9)


@given(attempt=st.integers(1, 5), jitter=_JITTERS)
def test_jitter_moves_a_wait_by_a_fifth_at_most(attempt: int, jitter: float) -> None:
    middle = backoff_s(attempt, cap=1_000, jitter=0.5)
    assert 0.8 * middle <= backoff_s(attempt, cap=1_000, jitter=jitter) <= 1.2 * middle + 1e-9


def test_workers_at_the_cap_do_not_come_back_together() -> None:
    assert backoff_s(50, jitter=0.1) != backoff_s(50, jitter=0.9)
