"""The schedule of faults against a whole stack."""

from collections import Counter
from itertools import pairwise

from themaads_pipeline_tests.chaos.stack_faults import FEW, MANY, PARTS, schedule


def test_a_seed_gives_the_same_faults_again_and_another_seed_another_order() -> None:
    assert schedule(7, MANY) == schedule(7, MANY)
    assert schedule(7, MANY) != schedule(8, MANY)


def test_every_kind_comes_as_often_as_asked_for() -> None:
    assert Counter(strike.kind for strike in schedule(3, MANY)) == Counter(MANY)
    assert (sum(MANY.values()), sum(FEW.values())) == (40, 5)


def test_faults_that_kill_the_same_part_are_apart() -> None:
    for seed in range(200):
        order = [PARTS.get(strike.kind, frozenset()) for strike in schedule(seed, MANY)][:-6]
        assert not any(one & other for one, other in pairwise(order)), seed
