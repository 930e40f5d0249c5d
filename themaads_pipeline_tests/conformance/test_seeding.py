"""Seeds in bulk: the same accounts for the same figures, and everything in them as if it had been typed."""

import csv
import io
import time
from collections.abc import Callable
from typing import Any

import pytest

from themaads_pipeline_tests.conformance.account import MANAGER, search
from themaads_pipeline_tests.running_emulator import EmulatorError, RunningEmulator

_FIRST = 2000000001


def _figures(accounts: int, ad_groups: int, **others: int) -> dict[str, Any]:
    return {"generate": {"accounts": accounts, "ad_groups": ad_groups, "manager": int(MANAGER), **others}}


def test_a_hundred_thousand_ad_groups_are_there_in_a_moment(emulator: RunningEmulator) -> None:
    """A million takes ten times as long and is measured by benchmarks/emulator_seeding.py."""
    emulator.seed(_figures(7, 100_000))
    accounts = [account for account in emulator.accounts() if not account["manager"]]
    assert sum(account["ad_groups"] for account in accounts) == 100_000
    assert sum(account["ads"] for account in accounts) == 100_000
    assert {account["ad_groups"] for account in accounts} == {14_285, 14_286}
    rows = list(csv.DictReader(io.StringIO(emulator.upload_file())))
    assert len({(row["customer_id"], row["ad_group_id"]) for row in rows}) == 100_000


def test_the_same_figures_make_the_same_accounts(emulator: RunningEmulator) -> None:
    made = []
    for seed in (1, 1, 2):
        emulator.seed(_figures(2, 20, seed=seed))
        made.append([emulator.ad_groups(_FIRST), emulator.ads(_FIRST)])
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_a_generated_account_is_read_like_any_other(
    client_for: Callable[..., Any], emulator: RunningEmulator
) -> None:
    emulator.seed(_figures(1, 450))
    client = client_for(login_customer_id=MANAGER)
    rows = search(
        client,
        "SELECT campaign.name, ad_group.name, ad_group_ad.ad.responsive_search_ad.headlines "
        "FROM ad_group_ad WHERE ad_group_ad.status = ENABLED",
        str(_FIRST),
    )
    assert len(rows) == 450
    assert len({row.campaign.name for row in rows}) == 3  # of 200 ad groups at most
    assert all(3 <= len(row.ad_group_ad.ad.responsive_search_ad.headlines) <= 15 for row in rows)


def test_the_upload_file_names_generated_ad_groups_alone(emulator: RunningEmulator) -> None:
    typed = {"customer_id": 3000000001, "campaigns": [{"id": 1}], "ad_groups": [{"id": 1, "campaign_id": 1}]}
    emulator.seed({"accounts": [typed]})
    assert len(emulator.upload_file().splitlines()) == 2
    emulator.seed({"accounts": [typed], **_figures(1, 5)})
    assert len(emulator.upload_file().splitlines()) == 6


def test_a_seed_that_contradicts_itself_changes_nothing(emulator: RunningEmulator) -> None:
    before = emulator.accounts()
    seeds: list[dict[str, Any]] = [
        {"acounts": []},
        {"accounts": [{"customer_id": _FIRST}], **_figures(1, 1)},
        {"generate": {"ad_group": 5}},
    ]
    for seed in seeds:
        with pytest.raises(EmulatorError, match="ValueError"):
            emulator.seed(seed)
    assert emulator.accounts() == before


def test_a_snapshot_of_many_ad_groups_costs_nothing(emulator: RunningEmulator) -> None:
    emulator.seed(_figures(2, 50_000))
    started = time.monotonic()
    for number in range(20):
        emulator.snapshot(f"number {number}")
    assert emulator.diff(_FIRST, "number 0") | {"since": 0, "history_from": 0} == {
        "since": 0,
        "history_from": 0,
        "created": [],
        "changed": [],
        "removed": [],
    }
    assert time.monotonic() - started < 5
