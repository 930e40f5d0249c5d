"""Preflight: one ad an account and edition is judged before the flood, and none of them is created."""

import pytest
from msgspec.structs import replace

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import AccountStoppedError, TemporaryAdsError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.outcomes import Category
from themaads_pipeline.model.planning import Create, LabelBook
from themaads_pipeline.push.preflight import Preflight
from themaads_pipeline.push.snapshot import local_now, look, plan_items
from themaads_pipeline.push.work import Work
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.policies import products, seeded
from themaads_pipeline_tests.pushing import Pusher
from themaads_pipeline_tests.running_emulator import RunningEmulator

THEME_WORD = {"word": "profiteer", "topic": "MISLEADING"}  # a headline of Black Friday


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


def creates_of(work: Work, customer_id: int) -> list[Create]:
    account = work.accounts[customer_id]
    items = work.ledger.rows.open_items(work.owner.upload, customer_id, ItemState.PENDING, limit=1_000)
    return plan_items(
        items,
        look(work.ledger, work.gateway, account, items),
        catalogue=work.catalogue,
        labels=LabelBook(),
        local_now=local_now(account, work.clock()),
        lessons=work.ledger.lessons.of_account(customer_id),
    ).creates


def asked(pusher: Pusher) -> int:
    """How many ads were judged; not one was created."""
    assert pusher.emulator.stats()["ads_created"] == 0
    return sum(request["operations"] for request in pusher.mutates())


# The gateway


def test_validated_ads_are_answered_in_order_and_not_created(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, {"word": "casino", "topic": "GAMBLING"})
    work = pusher.work(pusher.submit(refs))
    first, second, third = [create.new_ad for create in creates_of(work, refs[0][0])][:3]
    headlines = (
        replace(second.content.headlines[0], text="Casino"),
        *second.content.headlines[1:],
    )
    bad = replace(second, content=replace(second.content, headlines=headlines))
    nowhere = replace(third, ad_group_id=999)
    account = work.accounts[refs[0][0]]

    fine, refused, unknown = work.gateway.validate_ads(account, [first, bad, nowhere], timeout_s=20)
    assert fine is None
    assert refused is not None
    assert (refused.failure.category, refused.failure.trigger) == (Category.POLICY, "Casino")
    assert unknown is not None
    assert unknown.failure.code == "MutateError.RESOURCE_NOT_FOUND"
    assert work.gateway.validate_ads(account, [first], timeout_s=20) == (None,)
    [alone] = work.gateway.validate_ads(account, [bad], timeout_s=20)
    assert alone == refused
    assert asked(pusher) == 5


@pytest.mark.parametrize("kind", ["error", "commit_then_error"])
def test_a_lost_answer_to_a_validation_leaves_nothing_in_doubt(pusher: Pusher, kind: str) -> None:
    refs = seeded(pusher.emulator)
    work = pusher.work(pusher.submit(refs))
    creates = creates_of(work, refs[0][0])
    pusher.emulator.faults([{"kind": kind, "method": "*MutateAdGroupAds", "code": "UNAVAILABLE"}])
    with pytest.raises(TemporaryAdsError):
        work.gateway.validate_ads(work.accounts[refs[0][0]], [creates[0].new_ad], timeout_s=20)
    assert pusher.emulator.stats()["ads_created"] == 0


# What is learned


def test_a_text_of_the_theme_costs_one_operation_and_refuses_all_ads_by_plan(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, THEME_WORD, ad_groups=50)
    work = pusher.work(pusher.submit(refs), preflight=True)
    customer_id = refs[0][0]
    assert Preflight(work).learns(work.accounts[customer_id], creates_of(work, customer_id))
    assert [known.value for known in work.ledger.lessons.of_account(customer_id)] == ["profiteer"]
    assert creates_of(work, customer_id) == []
    assert asked(pusher) == 1


def test_a_theme_that_passes_costs_one_operation_an_account_and_edition_and_a_run(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, accounts=2, ad_groups=20)
    work = pusher.work(pusher.submit(refs), preflight=True)
    for customer_id in sorted({account for account, _ in refs}):
        preflight, creates = Preflight(work), creates_of(work, customer_id)
        assert not preflight.learns(work.accounts[customer_id], creates)
        assert not preflight.learns(work.accounts[customer_id], creates)
    assert asked(pusher) == 2
    assert work.ledger.lessons.all() == []


def test_a_finding_in_a_copied_text_concerns_its_ad_group_and_does_not_hide_the_themes(
    pusher: Pusher,
) -> None:
    refs = seeded(pusher.emulator, ad_groups=40)
    customer_id, ad_group_id = refs[0]
    word = products(pusher.emulator, customer_id)[ad_group_id]
    copied = {"word": word, "topic": "TRADEMARKS_IN_AD_TEXT"}
    seeded(pusher.emulator, copied, ad_groups=40)
    work = pusher.work(pusher.submit(refs), preflight=True)
    creates = creates_of(work, customer_id)
    assert not Preflight(work).learns(work.accounts[customer_id], creates)
    assert asked(pusher) == 2, "another ad was asked about, which has not that text"
    assert work.ledger.lessons.all() == []

    seeded(pusher.emulator, copied, THEME_WORD, ad_groups=40)
    assert Preflight(work).learns(work.accounts[customer_id], creates)
    assert [known.value for known in work.ledger.lessons.of_account(customer_id)] == ["profiteer"]


def test_only_what_was_asked_for_is_asked(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, THEME_WORD)
    work = pusher.work(pusher.submit(refs))
    customer_id = refs[0][0]
    assert not Preflight(work).learns(work.accounts[customer_id], creates_of(work, customer_id))
    assert asked(pusher) == 0


def test_an_account_that_cannot_be_asked_is_asked_at_the_next_visit(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, THEME_WORD)
    work = pusher.work(pusher.submit(refs), preflight=True)
    customer_id = refs[0][0]
    preflight, creates = Preflight(work), creates_of(work, customer_id)
    account = work.accounts[customer_id]
    fault = {"kind": "error", "method": "*MutateAdGroupAds", "count": 1}
    pusher.emulator.faults([fault | {"error": "DatabaseError.CONCURRENT_MODIFICATION"}])
    with pytest.raises(TemporaryAdsError):
        preflight.learns(account, creates)
    pusher.emulator.faults([fault | {"error": "AuthorizationError.CUSTOMER_NOT_ENABLED"}])
    with pytest.raises(AccountStoppedError):
        preflight.learns(account, creates)
    assert preflight.learns(account, creates)


def test_a_preflight_that_google_refuses_as_a_whole_holds_nothing_up(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, THEME_WORD)
    work = pusher.work(pusher.submit(refs), preflight=True)
    customer_id = refs[0][0]
    fault = {"kind": "error", "method": "*MutateAdGroupAds", "error": "RequestError.BAD_RESOURCE_ID"}
    pusher.emulator.faults([fault | {"count": 1}])
    assert not Preflight(work).learns(work.accounts[customer_id], creates_of(work, customer_id))
