"""Accounts that the emulator makes in bulk."""

from themaads_pipeline_tests.running_emulator import RunningEmulator


def test_accounts_are_as_large_as_they_are_asked_for_and_no_id_is_used_twice(
    emulator: RunningEmulator,
) -> None:
    emulator.seed({"generate": {"sizes": [3, 1, 405], "first_customer_id": 2_000_000_001}})
    ad_groups = [emulator.ad_groups(2_000_000_001 + number) for number in range(3)]
    assert [len(each) for each in ad_groups] == [3, 1, 405]
    ids = [ad_group["ad_group_id"] for each in ad_groups for ad_group in each]
    assert len(ids) == len(set(ids))
    campaigns = [{ad_group["campaign_id"] for ad_group in each} for each in ad_groups]
    assert [len(each) for each in campaigns] == [1, 1, 3]
    assert len(set.union(*campaigns)) == 5


def test_without_sizes_all_ad_groups_are_spread_evenly(emulator: RunningEmulator) -> None:
    emulator.seed({"generate": {"accounts": 3, "ad_groups": 11}})
    assert [len(emulator.ad_groups(2_000_000_001 + number)) for number in range(3)] == [4, 4, 3]
