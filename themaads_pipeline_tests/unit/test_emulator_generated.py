"""Accounts that the emulator makes in bulk."""

from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.generated import generate


def test_accounts_are_as_large_as_they_are_asked_for_and_no_id_is_used_twice() -> None:
    accounts: dict[int, Account] = {}
    made = generate(accounts, {"sizes": [3, 0, 405]})
    assert [len(account.ad_groups) for account in made] == [3, 0, 405]
    assert [len(account.campaigns) for account in made] == [1, 0, 3]
    for ids in (
        [ad_group_id for account in made for ad_group_id in account.ad_groups],
        [campaign_id for account in made for campaign_id in account.campaigns],
        [ad_id for account in made for ad_id in account.ads],
    ):
        assert len(ids) == len(set(ids))


def test_without_sizes_all_ad_groups_are_spread_evenly() -> None:
    made = generate({}, {"accounts": 3, "ad_groups": 11})
    assert [len(account.ad_groups) for account in made] == [4, 4, 3]
