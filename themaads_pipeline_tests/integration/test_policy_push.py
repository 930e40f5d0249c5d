"""A push learns what policy refuses while it sends, and sends no more of it."""

import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.policies import products, seeded
from themaads_pipeline_tests.pushing import Pusher
from themaads_pipeline_tests.running_emulator import RunningEmulator

THEME_WORD = {"word": "profiteer", "topic": "MISLEADING"}  # a headline of Black Friday


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


def ads_sent(pusher: Pusher) -> int:
    """Ads in requests, validated ones among them."""
    return sum(request["operations"] for request in pusher.mutates())


def test_a_text_that_policy_forbids_costs_one_batch_and_not_the_upload(pusher: Pusher) -> None:
    upload = pusher.submit(seeded(pusher.emulator, THEME_WORD, ad_groups=100))
    summary = pusher.push(upload, batch_size=10)
    assert (summary.progress.done, summary.progress.failed) == (0, 100)
    assert ads_sent(pusher) == 10
    [pattern] = pusher.ledger.outcomes.policy_patterns(upload)
    assert (pattern.topic, pattern.type, pattern.items, pattern.share) == (
        "MISLEADING",
        "PROHIBITED",
        100,
        1.0,
    )
    assert pattern.trigger.lower() == "profiteer"


def test_a_later_upload_knows_what_an_earlier_one_learned_until_it_is_forgotten(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, THEME_WORD, ad_groups=20)
    pusher.push(pusher.submit(refs))
    sent = ads_sent(pusher)
    upload = pusher.submit(refs, key="again@2")
    assert pusher.push(upload).progress.failed == 20
    assert ads_sent(pusher) == sent
    messages = {item["message"] for item in pusher.ledger.outcomes.items(upload)}
    [known] = pusher.ledger.lessons.all()
    assert all(f"themaads lessons forget {known.number}" in message for message in messages)
    pusher.ledger.lessons.forget(number=known.number)
    pusher.push(pusher.submit(refs, key="forgotten@3"))
    assert ads_sent(pusher) > sent


def test_what_was_refused_in_some_ad_groups_does_not_keep_the_others_from_their_ads(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, ad_groups=300)
    by_ad_group = products(pusher.emulator, refs[0][0])
    brand = by_ad_group[refs[0][1]]
    branded = sum(product == brand for product in by_ad_group.values())
    seeded(pusher.emulator, {"word": brand, "topic": "TRADEMARKS_IN_AD_TEXT"}, ad_groups=300)
    summary = pusher.push(pusher.submit(refs), batch_size=20)
    assert (summary.progress.done, summary.progress.failed) == (300 - branded, branded)
    assert ads_sent(pusher) < 300, "some were not even sent"
    assert pusher.ads_made() == 300 - branded


def test_with_a_preflight_a_forbidden_theme_costs_one_operation_an_account(pusher: Pusher) -> None:
    upload = pusher.submit(seeded(pusher.emulator, THEME_WORD, accounts=3, ad_groups=60))
    summary = pusher.push(upload, preflight=True)
    assert summary.progress.failed == 60
    assert ads_sent(pusher) == 3
    assert pusher.emulator.stats()["ads_created"] == 0


def test_with_a_preflight_a_good_theme_is_pushed_as_ever(pusher: Pusher) -> None:
    upload = pusher.submit(seeded(pusher.emulator, accounts=2, ad_groups=60))
    assert pusher.push(upload, preflight=True).progress.done == 60
    assert ads_sent(pusher) == 62
    assert pusher.ads_made() == 60
