"""The push's times."""

import pytest

from themaads_pipeline.push.pusher import settling_s
from themaads_pipeline.settings import Settings


@pytest.mark.parametrize("given_s", [3.0, 45.0, 140.0, 600.0])
def test_a_run_that_is_ended_settles_for_most_of_its_grace_and_has_time_to_write_it_down(
    given_s: float,
) -> None:
    assert given_s * 2 / 3 <= settling_s(given_s) < given_s
    assert given_s - settling_s(given_s) >= min(15, given_s / 3)


def test_a_grace_longer_than_a_request_is_used_for_all_of_it() -> None:
    deadline = Settings.model_fields["request_deadline_seconds"].default
    assert settling_s(deadline + 20) > deadline
