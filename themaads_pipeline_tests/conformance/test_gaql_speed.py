"""Long lists cost what their length says, no more: no wrong turn into quadratic time goes unnoticed.

Times are compared with each other only, the best of several, since a test machine is busy.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from themaads_pipeline_tests.conformance.account import MANAGER, search
from themaads_pipeline_tests.running_emulator import RunningEmulator

_MOST = 20_000
_TIMES = 4


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _best_time(client: Any, query: str) -> float:
    times = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        search(client, query)
        times.append(time.perf_counter() - started)
    return min(times)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ad_group.id", "{}"),
        ("ad_group.id", "'{}'"),
        ("ad_group.name", "'Naam {}'"),
        ("ad_group.resource_name", "'customers/2000000001/adGroups/{}'"),
    ],
    ids=["numbers", "quoted numbers", "names", "resource names"],
)
def test_twenty_times_the_values_cost_twenty_times_the_time_at_most(
    field: str, value: str, client: Any
) -> None:
    def query(count: int) -> str:
        values = ", ".join(value.format(900_000_000 + number) for number in range(count))
        return f"SELECT ad_group.id FROM ad_group WHERE {field} IN ({values})"

    few, many = _best_time(client, query(_MOST // 20)), _best_time(client, query(_MOST))
    assert many < 40 * few, f"{many:.3f} s against {few:.3f} s"


def test_what_a_list_finds_costs_no_look_at_the_rest_of_the_account(
    client: Any, emulator: RunningEmulator
) -> None:
    query = "SELECT ad_group_ad.ad.id FROM ad_group_ad WHERE ad_group.id IN (150000000000, 150000000001)"
    times = []
    for size in (1_000, 20_000):
        emulator.seed({"generate": {"accounts": 1, "ad_groups": size}})
        assert len(search(client, query)) == 2
        times.append(_best_time(client, query))
    assert times[1] < 8 * times[0], f"{times[1]:.4f} s against {times[0]:.4f} s"
