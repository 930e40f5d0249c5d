"""What is asked, and how a row becomes a plain value."""

from datetime import date

import pytest

from themaads_pipeline.ads import queries
from themaads_pipeline.ads.protobuf import PAUSED, GoogleAdsRow
from themaads_pipeline.model.ads import AdContent, AdText


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("Schoenen", "'Schoenen'"),
        ("Bakker's", r"'Bakker\'s'"),
        ('Maat "XL"', "'Maat \"XL\"'"),
        ("a\\b", r"'a\\b'"),
        ("\\' OR 1", r"'\\\' OR 1'"),
    ],
)
def test_a_name_is_quoted_so_that_no_character_ends_it(text: str, literal: str) -> None:
    assert queries.quoted(text) == literal


def test_ids_travel_20_000_at_a_time_each_once() -> None:
    chunks = list(queries.chunks_of_ids([*range(45_000), 1, 2, 3]))
    assert [len(chunk) for chunk in chunks] == [20_000, 20_000, 5_000]
    assert [each for chunk in chunks for each in chunk] == list(range(45_000))
    assert list(queries.chunks_of_ids([])) == []


def test_names_travel_in_queries_of_bounded_size_and_impossible_ones_stay_at_home() -> None:
    names = [f"{number:05}" + "x" * 250 for number in range(5_000)]
    chunks = list(queries.chunks_of_names([*names, names[0], "", "two\nlines", "nul\0"]))
    assert [name for chunk in chunks for name in chunk] == names
    assert max(sum(map(len, chunk)) for chunk in chunks) <= queries.MAX_IN_CHARACTERS


def test_ads_are_asked_for_with_the_removed_ones() -> None:
    assert "REMOVED)" in queries.ads([1, 2])
    assert "ad_group.id IN (1, 2)" in queries.ads([1, 2])
    assert "LIMIT" not in queries.ads([1])


def test_a_row_becomes_an_ad_with_all_that_a_copy_must_keep() -> None:
    row = GoogleAdsRow()
    row.ad_group.id = 22
    ad_group_ad = row.ad_group_ad
    ad_group_ad.status = PAUSED
    ad_group_ad.labels.extend(["customers/1/labels/5", "customers/1/labels/6"])
    ad_group_ad.policy_summary.approval_status = 2
    ad = ad_group_ad.ad
    ad.id = 333
    ad.final_urls.append("https://example.com/")
    ad.final_mobile_urls.append("https://m.example.com/")
    ad.tracking_url_template = "https://t.example.com/?u={lpurl}"
    ad.final_url_suffix = "a=b"
    ad.url_custom_parameters.add(key="k", value="v")
    ad.responsive_search_ad.headlines.add(text="Eerste", pinned_field=2)
    ad.responsive_search_ad.headlines.add(text="Tweede")
    ad.responsive_search_ad.descriptions.add(text="Derde")
    ad.responsive_search_ad.path1 = "p1"
    ad.responsive_search_ad.path2 = "p2"

    live = queries.live_ad_of(row)

    assert (live.ad_id, live.ad_group_id, live.status, live.approval_status) == (
        333,
        22,
        "PAUSED",
        "DISAPPROVED",
    )
    assert live.label_ids == {5, 6}
    assert live.content == AdContent(
        headlines=(AdText("Eerste", "HEADLINE_1"), AdText("Tweede")),
        descriptions=(AdText("Derde"),),
        final_urls=("https://example.com/",),
        path1="p1",
        path2="p2",
        final_mobile_urls=("https://m.example.com/",),
        tracking_url_template="https://t.example.com/?u={lpurl}",
        final_url_suffix="a=b",
        url_custom_parameters=(("k", "v"),),
    )


def test_a_campaign_ends_on_its_last_day_or_never() -> None:
    row = GoogleAdsRow()
    assert queries.ad_group_of(row).campaign_end is None
    row.campaign.end_date_time = "2026-11-30 23:59:59"
    assert queries.ad_group_of(row).campaign_end == date(2026, 11, 30)


def test_an_enum_value_newer_than_the_package_is_kept_as_its_number() -> None:
    row = GoogleAdsRow()
    row.ad_group.type_ = 4711
    row.ad_group.status = 2
    ad_group = queries.ad_group_of(row)
    assert (ad_group.type, ad_group.status) == ("4711", "ENABLED")
