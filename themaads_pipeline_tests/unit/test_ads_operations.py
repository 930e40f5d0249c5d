"""What is sent, field by field, and what the dry run shows of it."""

import json

import pytest
from msgspec.structs import replace

from themaads_pipeline.ads import operations
from themaads_pipeline.ads.protobuf import MutateAdGroupAdsRequest
from themaads_pipeline.model.ads import AdContent, AdGroupLabel, AdLabel, AdText, NewAd

CONTENT = AdContent(
    headlines=(
        AdText("Black Friday", "HEADLINE_1"),
        AdText("Alles voor de bakker"),
        AdText("Nu 20% korting"),
    ),
    descriptions=(AdText("Bestel vandaag nog.", "DESCRIPTION_1"), AdText("Morgen in huis.")),
    final_urls=("https://www.example.com/a?b={keyword}&campaign_theme=1",),
    path1="black",
    path2="friday",
    final_mobile_urls=("https://m.example.com/a",),
    tracking_url_template="https://t.example.com/?u={lpurl}",
    final_url_suffix="src={network}",
    url_custom_parameters=(("season", "winter"), ("themaedition", "black_friday_2026")),
)
NEW_AD = NewAd(ad_group_id=222, content=CONTENT, copied_ad_id=7, copied_ad_status="ENABLED", fingerprint="f")


def test_every_field_of_a_new_ad_is_in_its_operation() -> None:
    request = operations.create_ads_request(1234567890, [NEW_AD])
    (operation,) = operations.operations_of(request)

    assert operations.describe(operation) == {
        "create": {
            "ad_group": "customers/1234567890/adGroups/222",
            "status": "PAUSED",
            "ad": {
                "final_urls": ["https://www.example.com/a?b={keyword}&campaign_theme=1"],
                "final_mobile_urls": ["https://m.example.com/a"],
                "tracking_url_template": "https://t.example.com/?u={lpurl}",
                "final_url_suffix": "src={network}",
                "url_custom_parameters": [
                    {"key": "season", "value": "winter"},
                    {"key": "themaedition", "value": "black_friday_2026"},
                ],
                "responsive_search_ad": {
                    "headlines": [
                        {"text": "Black Friday", "pinned_field": "HEADLINE_1"},
                        {"text": "Alles voor de bakker"},
                        {"text": "Nu 20% korting"},
                    ],
                    "descriptions": [
                        {"text": "Bestel vandaag nog.", "pinned_field": "DESCRIPTION_1"},
                        {"text": "Morgen in huis."},
                    ],
                    "path1": "black",
                    "path2": "friday",
                },
            },
        }
    }


def test_a_request_names_its_account_and_lets_one_ad_fail_alone() -> None:
    request = operations.create_ads_request(1234567890, [NEW_AD, NEW_AD])

    assert request.customer_id == "1234567890"
    assert request.partial_failure is True
    assert request.validate_only is False
    assert len(operations.operations_of(request)) == 2


def test_what_the_content_leaves_out_is_left_out_of_the_operation() -> None:
    bare = AdContent(
        headlines=CONTENT.headlines, descriptions=CONTENT.descriptions, final_urls=("https://example.com",)
    )
    request = operations.create_ads_request(1, [replace(NEW_AD, content=bare)])

    ad = operations.describe(operations.operations_of(request)[0])["create"]["ad"]
    assert set(ad) == {"final_urls", "responsive_search_ad"}
    assert set(ad["responsive_search_ad"]) == {"headlines", "descriptions"}


def test_a_pin_that_google_does_not_know_is_no_silent_loss() -> None:
    content = replace(CONTENT, headlines=(AdText("a", "HEADLINE_9"),))
    with pytest.raises(KeyError, match="HEADLINE_9"):
        operations.create_ads_request(1, [replace(NEW_AD, content=content)])


def test_a_description_is_stable_and_can_be_written_as_json() -> None:
    first, second = (
        json.dumps(
            operations.describe(operations.operations_of(operations.create_ads_request(1, [NEW_AD]))[0])
        )
        for _ in range(2)
    )
    assert first == second


def test_what_was_described_is_what_goes_over_the_wire() -> None:
    request = operations.create_ads_request(1234567890, [NEW_AD])
    sent = MutateAdGroupAdsRequest.deserialize(MutateAdGroupAdsRequest.serialize(request))

    assert list(map(operations.describe, operations.operations_of(sent))) == list(
        map(operations.describe, operations.operations_of(request))
    )


def test_labels_go_on_ads_and_ad_groups_by_resource_name() -> None:
    on_ad = operations.attach_ad_labels_request(1, [AdLabel(22, 333, 4)])
    on_group = operations.attach_ad_group_labels_request(1, [AdGroupLabel(22, 4)])

    assert [operations.describe(each) for each in operations.operations_of(on_ad)] == [
        {"create": {"ad_group_ad": "customers/1/adGroupAds/22~333", "label": "customers/1/labels/4"}}
    ]
    assert [operations.describe(each) for each in operations.operations_of(on_group)] == [
        {"create": {"ad_group": "customers/1/adGroups/22", "label": "customers/1/labels/4"}}
    ]
    assert on_ad.partial_failure is True
    assert on_group.partial_failure is True


def test_a_label_is_created_by_its_name() -> None:
    request = operations.create_labels_request(1, ["THEME_BF_2026", "THEMA_ORIGINAL"])
    assert [operations.describe(each) for each in operations.operations_of(request)] == [
        {"create": {"name": "THEME_BF_2026"}},
        {"create": {"name": "THEMA_ORIGINAL"}},
    ]
