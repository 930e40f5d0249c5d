"""What is done with an item follows from the live state of its ad group, in a fixed order."""

# ruff: noqa: DTZ001 - an account's wall clock, which has no zone here

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from themaads_pipeline.model.ad_copy import compose
from themaads_pipeline.model.ads import AdContent, AdGroup, AdText, LiveAd, Snapshot
from themaads_pipeline.model.fingerprints import fingerprint
from themaads_pipeline.model.items import Item
from themaads_pipeline.model.outcomes import Category, SkipReason
from themaads_pipeline.model.planning import Create, LabelBook, Plan, Planner, Present, Refuse, Skip
from themaads_pipeline.themes import load_catalogue

CATALOGUE = load_catalogue(None)
EDITION = CATALOGUE.edition("black_friday_2026")
NOW = datetime(2026, 11, 20, 12)
ITEM = Item(item_id=1, customer_id=100, ad_group_id=7, edition=EDITION.name)
AD_GROUP = AdGroup(
    ad_group_id=7,
    name="Schoenen",
    status="ENABLED",
    type="SEARCH_STANDARD",
    campaign_id=3,
    campaign_name="Merk",
    campaign_status="ENABLED",
    campaign_end=None,
)
EDITION_LABELS = frozenset({41, 42})  # two labels of one name
LABELS = LabelBook(
    ids={
        "THEME_BF_2026": EDITION_LABELS,
        "THEME_BF_2025": frozenset({43}),
        "THEMA_KERST": frozenset({44}),
        "THEMA_ORIGINAL": frozenset({45}),
        "Merk": frozenset({46}),
    }
)
CONTENT = AdContent(
    headlines=tuple(AdText(f"Kop {number}") for number in range(3)),
    descriptions=tuple(AdText(f"Tekst {number}") for number in range(2)),
    final_urls=("https://a.nl/",),
)


def ad(ad_id: int, status: str = "ENABLED", *, labels: set[int] | None = None, **changes: Any) -> LiveAd:
    """A live ad; changes to its content by field."""
    approval = changes.pop("approval_status", "APPROVED")
    return LiveAd(
        ad_id=ad_id,
        ad_group_id=7,
        status=status,
        content=replace(CONTENT, **changes),
        label_ids=frozenset(labels or ()),
        approval_status=approval,
    )


def planned(
    *ads: LiveAd, group: AdGroup | None = AD_GROUP, known: frozenset[int] = frozenset(), now: datetime = NOW
) -> Plan:
    """What is to be done with the item when the ad group holds these ads."""
    snapshot = Snapshot(ad_groups={7: group} if group else {}, ads={7: ads} if ads else {})
    planner = Planner(snapshot=snapshot, labels=LABELS, catalogue=CATALOGUE, local_now=now)
    return planner.plan(ITEM, known)


def reason(plan: Plan) -> SkipReason:
    """Why the item was skipped, with a message for people."""
    assert isinstance(plan, Skip)
    assert plan.message
    return plan.reason


IDENTITY = (("themaedition", "black_friday_2026"),)


def test_a_new_ad_is_made_from_the_ad_that_is_there() -> None:
    plan = planned(ad(5, labels={46}))
    assert isinstance(plan, Create)
    assert plan.item is ITEM
    assert plan.label_copied_ad
    new_ad = plan.new_ad
    assert (new_ad.ad_group_id, new_ad.copied_ad_id, new_ad.copied_ad_status) == (7, 5, "ENABLED")
    assert new_ad.content == compose(EDITION, CONTENT, at=EDITION.at(NOW))
    assert new_ad.fingerprint == fingerprint(new_ad.content)


def test_a_copied_ad_that_is_labelled_is_not_labelled_again() -> None:
    plan = planned(ad(5, labels={45}))
    assert isinstance(plan, Create)
    assert not plan.label_copied_ad


def test_enabled_comes_before_paused_and_then_the_lowest_id() -> None:
    plan = planned(ad(1, "PAUSED"), ad(9), ad(5), ad(0, "REMOVED"), ad(2, approval_status="DISAPPROVED"))
    assert isinstance(plan, Create)
    assert plan.new_ad.copied_ad_id == 5


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (None, SkipReason.AD_GROUP_REMOVED),
        (replace(AD_GROUP, status="REMOVED"), SkipReason.AD_GROUP_REMOVED),
        (replace(AD_GROUP, campaign_status="REMOVED"), SkipReason.CAMPAIGN_REMOVED_OR_ENDED),
        (replace(AD_GROUP, campaign_end=date(2026, 11, 19)), SkipReason.CAMPAIGN_REMOVED_OR_ENDED),
        (replace(AD_GROUP, experiment_type="EXPERIMENT"), SkipReason.EXPERIMENT_CAMPAIGN),
        (replace(AD_GROUP, experiment_type="DRAFT"), SkipReason.EXPERIMENT_CAMPAIGN),
        (replace(AD_GROUP, type="SEARCH_DYNAMIC_ADS"), SkipReason.UNSUPPORTED_AD_GROUP_TYPE),
    ],
)
def test_an_ad_group_that_can_have_no_ad_is_skipped_even_when_the_ad_is_there(
    group: AdGroup | None, expected: SkipReason
) -> None:
    assert reason(planned(ad(5), group=group)) is expected
    assert (
        reason(planned(ad(6, url_custom_parameters=IDENTITY), group=group, known=frozenset({6}))) is expected
    )


@pytest.mark.parametrize(
    "group",
    [
        replace(AD_GROUP, status="PAUSED"),
        replace(AD_GROUP, campaign_status="PAUSED"),
        replace(AD_GROUP, campaign_end=date(2026, 11, 20)),
    ],
)
def test_a_paused_ad_group_or_a_campaign_on_its_last_day_gets_its_ad(group: AdGroup) -> None:
    assert isinstance(planned(ad(5), group=group), Create)


@pytest.mark.parametrize(
    ("ads", "expected"),
    [
        ([], SkipReason.NO_AD_TO_COPY),
        ([ad(1, "REMOVED")], SkipReason.NO_AD_TO_COPY),
        ([ad(1, "UNKNOWN")], SkipReason.NO_AD_TO_COPY),
        ([ad(1, labels={43})], SkipReason.ONLY_THEMED_ADS),
        ([ad(1, labels={44})], SkipReason.ONLY_THEMED_ADS),
        ([ad(1, url_custom_parameters=(("themaedition", "kerstmis_2020"),))], SkipReason.ONLY_THEMED_ADS),
        ([ad(1, final_urls=("https://a.nl/?x=y&campaign_theme=1#z",))], SkipReason.ONLY_THEMED_ADS),
        ([ad(1, approval_status="DISAPPROVED")], SkipReason.ONLY_DISAPPROVED_ADS),
        ([ad(1, labels={43}), ad(2, approval_status="DISAPPROVED")], SkipReason.ONLY_DISAPPROVED_ADS),
        ([ad(1, final_urls=())], SkipReason.NO_FINAL_URL),
    ],
)
def test_an_ad_group_without_an_ad_to_copy_says_which_kind_is_missing(
    ads: list[LiveAd], expected: SkipReason
) -> None:
    assert reason(planned(*ads)) is expected


@pytest.mark.parametrize(
    "url",
    ["https://a.nl/?campaign_theme=10", "https://a.nl/?xcampaign_theme=1", "https://a.nl/campaign_theme=1"],
)
def test_a_url_that_only_looks_like_a_themed_one_may_be_copied(url: str) -> None:
    assert isinstance(planned(ad(5, final_urls=(url,))), Create)


@pytest.mark.parametrize(
    ("there", "known", "lacks_label"),
    [
        (ad(6), frozenset({6}), True),
        (ad(6, "PAUSED", labels={41}), frozenset({6}), False),
        (ad(6, "PAUSED", url_custom_parameters=IDENTITY), frozenset[int](), True),
        (ad(6, labels={42}), frozenset[int](), False),
        (ad(6, labels={42}, approval_status="DISAPPROVED"), frozenset[int](), False),
    ],
)
def test_an_ad_that_is_there_is_not_made_again(
    there: LiveAd, known: frozenset[int], lacks_label: bool
) -> None:
    for others in ([], [ad(5)], [ad(5), ad(7, labels={43})]):
        assert planned(there, *others, known=known) == Present(
            item=ITEM, ad_id=6, lacks_edition_label=lacks_label
        )


def test_an_ad_that_lost_its_identity_is_known_by_its_fingerprint() -> None:
    themed = compose(EDITION, CONTENT, at=EDITION.at(NOW))
    returned = replace(
        themed,
        headlines=tuple(AdText(f" {text.text} ", text.pin) for text in reversed(themed.headlines)),
        url_custom_parameters=(),
    )
    there = LiveAd(ad_id=6, ad_group_id=7, status="PAUSED", content=returned)
    assert planned(ad(5), there) == Present(item=ITEM, ad_id=6, lacks_edition_label=True)
    assert isinstance(planned(ad(5), replace(there, status="REMOVED")), Create)


@pytest.mark.parametrize(
    "gone",
    [
        ad(6, "REMOVED", url_custom_parameters=IDENTITY, labels={41}),
        ad(6, url_custom_parameters=(("themaedition", "black_friday_2025"),)),
        ad(6, labels={43}),
    ],
)
def test_a_removed_ad_or_one_of_another_year_is_not_this_one(gone: LiveAd) -> None:
    plan = planned(ad(5), gone, known=frozenset({99}))
    assert isinstance(plan, Create)
    assert plan.new_ad.copied_ad_id == 5


def test_the_ledgers_ad_is_named_before_one_with_a_label_only() -> None:
    plan = planned(ad(3, labels={41}), ad(4, url_custom_parameters=IDENTITY), ad(8), known=frozenset({8}))
    assert isinstance(plan, Present)
    assert plan.ad_id == 8


def test_an_edition_that_is_over_is_refused_whatever_is_there() -> None:
    for plan in (
        planned(ad(5), now=datetime(2026, 11, 30)),
        planned(group=None, now=datetime(2027, 1, 15)),
        planned(ad(6, labels={41}), now=datetime(2027, 1, 15)),
    ):
        assert isinstance(plan, Refuse)
        assert (plan.failure.category, plan.failure.code) == (Category.INVALID, "edition_over")
        assert "Black Friday 2026 ended on 2026-11-29" in plan.failure.message


def test_an_ad_that_cannot_be_made_is_refused_with_its_reason() -> None:
    plan = planned(ad(5, headlines=(AdText("x" * 31, "HEADLINE_1"),)))
    assert isinstance(plan, Refuse)
    assert (plan.failure.category, plan.failure.code) == (Category.INVALID, "text_too_long")


_LIVE_ADS = st.builds(
    ad,
    st.integers(1, 4),
    st.sampled_from(["ENABLED", "PAUSED", "REMOVED"]),
    labels=st.sets(st.sampled_from([40, 41, 42, 43, 44, 45, 46]), max_size=2),
    approval_status=st.sampled_from(["APPROVED", "DISAPPROVED", "UNKNOWN"]),
    final_urls=st.sampled_from([(), ("https://a.nl/",), ("https://a.nl/?campaign_theme=1",)]),
    url_custom_parameters=st.sampled_from([(), IDENTITY, (("themaedition", "kerstmis_2025"),)]),
)


@given(
    ads=st.lists(_LIVE_ADS, max_size=4, unique_by=lambda ad: ad.ad_id), known=st.frozensets(st.integers(1, 4))
)
def test_no_ad_is_planned_where_one_may_be_and_none_is_copied_that_is_themed(
    ads: list[LiveAd], known: frozenset[int]
) -> None:
    plan = planned(*ads, known=known)
    ours = {
        ad.ad_id
        for ad in ads
        if ad.status != "REMOVED"
        and (
            ad.ad_id in known or ad.label_ids & EDITION_LABELS or ad.content.url_custom_parameters == IDENTITY
        )
    }
    if isinstance(plan, Present):
        assert plan.ad_id in ours
    else:
        assert not ours
    if isinstance(plan, Create):
        (copied,) = (ad for ad in ads if ad.ad_id == plan.new_ad.copied_ad_id)
        assert copied.status != "REMOVED"
        assert copied.approval_status != "DISAPPROVED"
        assert not copied.label_ids & {41, 42, 43, 44}
        assert not copied.content.url_custom_parameters
        assert copied.content.final_urls == ("https://a.nl/",)
    assert planned(*reversed(ads), known=known) == plan


def test_several_labels_of_one_name_count_as_one_and_unknown_ones_as_none() -> None:
    assert LABELS.names_of({41, 42, 46, 999}) == {"THEME_BF_2026", "Merk"}
    assert LABELS.ids_of("niets") == frozenset()
