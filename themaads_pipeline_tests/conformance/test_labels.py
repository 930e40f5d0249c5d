"""Labels of an account, and labels on campaigns, criteria and customers; those on ads are in test_mutates."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import BOOTS, MANAGER, SHOP, codes, search
from themaads_pipeline_tests.conformance.account_changes import CAMPAIGN, change, create, errors_of, remove

LABEL = f"customers/{SHOP}/labels/1"
REMOVED = "operation_access_denied_error.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _keyword(client: Any, **fields: Any) -> str:
    match_type = client.enums.KeywordMatchTypeEnum.EXACT
    keyword = {"keyword.text": "rode laarzen", "keyword.match_type": match_type}
    ad_group = f"customers/{SHOP}/adGroups/{BOOTS}"
    return create(client, "AdGroupCriterion", **{"ad_group": ad_group, **keyword, **fields})


def test_a_campaigns_label_shows_on_the_campaign_and_in_the_links(client: Any) -> None:
    link = create(client, "CampaignLabel", campaign=CAMPAIGN, label=LABEL)
    assert link == f"customers/{SHOP}/campaignLabels/1~1"
    (row,) = search(
        client, f"SELECT campaign.labels FROM campaign WHERE campaign.labels CONTAINS ANY ('{LABEL}')"
    )
    assert list(row.campaign.labels) == [LABEL]
    (row,) = search(
        client, "SELECT campaign.id, label.name, campaign_label.resource_name FROM campaign_label"
    )
    assert (row.campaign.id, row.label.name, row.campaign_label.resource_name) == (1, "THEMA_ORIGINAL", link)
    assert remove(client, "CampaignLabel", link) == link
    assert search(client, "SELECT campaign_label.label FROM campaign_label") == []


@pytest.mark.parametrize(
    ("campaign", "label", "error"),
    [
        ("2", "1", REMOVED),
        ("9", "1", "mutate_error.RESOURCE_NOT_FOUND"),
        ("1", "2", "mutate_error.RESOURCE_NOT_FOUND"),
        ("1", "99", "mutate_error.RESOURCE_NOT_FOUND"),
    ],
)
def test_a_label_that_a_campaign_cannot_have_is_refused(
    campaign: str, label: str, error: str, client: Any
) -> None:
    start = f"customers/{SHOP}"
    with pytest.raises(GoogleAdsException) as refused:
        create(
            client, "CampaignLabel", campaign=f"{start}/campaigns/{campaign}", label=f"{start}/labels/{label}"
        )
    assert codes(refused.value.failure) == [error]


def test_a_campaign_has_a_label_once_and_loses_it_once(client: Any) -> None:
    link = create(client, "CampaignLabel", campaign=CAMPAIGN, label=LABEL)
    with pytest.raises(GoogleAdsException) as refused:
        create(client, "CampaignLabel", campaign=CAMPAIGN, label=LABEL)
    assert codes(refused.value.failure) == ["campaign_error.CAMPAIGN_LABEL_ALREADY_EXISTS"]
    remove(client, "CampaignLabel", link)
    with pytest.raises(GoogleAdsException) as refused:
        remove(client, "CampaignLabel", link)
    assert codes(refused.value.failure) == ["campaign_error.CAMPAIGN_LABEL_DOES_NOT_EXIST"]


def test_a_campaign_has_at_most_50_labels(client: Any) -> None:
    for number in range(50):
        label = create(client, "Label", name=f"Label {number}")
        create(client, "CampaignLabel", campaign=CAMPAIGN, label=label)
    with pytest.raises(GoogleAdsException) as refused:
        create(client, "CampaignLabel", campaign=CAMPAIGN, label=LABEL)
    assert codes(refused.value.failure) == ["resource_count_limit_exceeded_error.CAMPAIGN_LIMIT"]


def test_a_managers_label_is_not_for_a_clients_campaign(client: Any) -> None:
    label = create(client, "Label", MANAGER, name="Klant")
    with pytest.raises(GoogleAdsException) as refused:
        create(client, "CampaignLabel", campaign=CAMPAIGN, label=label)
    assert errors_of(refused) == [
        ("label_error.INVALID_RESOURCE_FOR_MANAGER_LABEL", "operations[0].create.label")
    ]


def test_a_managers_label_on_a_customer_shows_to_both(client: Any) -> None:
    label = create(client, "Label", MANAGER, name="Klant")
    link = create(client, "CustomerLabel", label=label)
    assert link == f"customers/{SHOP}/customerLabels/{label.rpartition('/')[2]}"
    (row,) = search(client, "SELECT customer_label.label, label.name, customer.id FROM customer_label")
    assert (row.customer_label.label, row.label.name, str(row.customer.id)) == (label, "Klant", SHOP)
    query = "SELECT customer_client.applied_labels, customer_client.id FROM customer_client"
    applied = {
        str(row.customer_client.id): list(row.customer_client.applied_labels)
        for row in search(client, query, MANAGER)
    }
    assert applied[SHOP] == [label]
    assert applied[MANAGER] == []
    with pytest.raises(GoogleAdsException) as refused:
        create(client, "CustomerLabel", label=label)
    assert codes(refused.value.failure) == ["mutate_error.RESOURCE_ALREADY_EXISTS"]
    remove(client, "CustomerLabel", link)
    with pytest.raises(GoogleAdsException) as refused:
        remove(client, "CustomerLabel", link)
    assert codes(refused.value.failure) == ["mutate_error.RESOURCE_NOT_FOUND"]


def test_a_clients_own_label_is_not_for_customers(client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        create(client, "CustomerLabel", label=LABEL)
    assert codes(refused.value.failure) == ["label_error.CANNOT_ATTACH_NON_MANAGER_LABEL_TO_CUSTOMER"]


def test_a_keyword_bears_labels(client: Any) -> None:
    keyword = _keyword(client)
    link = create(client, "AdGroupCriterionLabel", ad_group_criterion=keyword, label=LABEL)
    assert link == f"customers/{SHOP}/adGroupCriterionLabels/{keyword.rpartition('/')[2]}~1"
    query = "SELECT ad_group_criterion.labels FROM ad_group_criterion"
    assert [list(row.ad_group_criterion.labels) for row in search(client, query)] == [[LABEL]]
    query = "SELECT label.name, ad_group_criterion.keyword.text FROM ad_group_criterion_label"
    (row,) = search(client, query)
    assert (row.label.name, row.ad_group_criterion.keyword.text) == ("THEMA_ORIGINAL", "rode laarzen")
    with pytest.raises(GoogleAdsException) as refused:
        create(client, "AdGroupCriterionLabel", ad_group_criterion=keyword, label=LABEL)
    assert codes(refused.value.failure) == [
        "ad_group_criterion_error.AD_GROUP_CRITERION_LABEL_ALREADY_EXISTS"
    ]
    remove(client, "AdGroupCriterionLabel", link)
    assert search(client, query) == []


def test_a_negative_keyword_bears_no_labels(client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        create(
            client, "AdGroupCriterionLabel", ad_group_criterion=_keyword(client, negative=True), label=LABEL
        )
    assert codes(refused.value.failure) == ["label_error.CANNOT_APPLY_LABEL_TO_NEGATIVE_AD_GROUP_CRITERION"]


def test_a_removed_label_leaves_all_that_bore_it(client: Any) -> None:
    create(client, "CampaignLabel", campaign=CAMPAIGN, label=LABEL)
    create(client, "AdGroupCriterionLabel", ad_group_criterion=_keyword(client), label=LABEL)
    remove(client, "Label", LABEL)
    for resource in ("campaign", "ad_group", "ad_group_ad", "ad_group_criterion"):
        bearing = f"{resource}.labels CONTAINS ANY ('{LABEL}')"
        query = f"SELECT {resource}.resource_name FROM {resource} WHERE {bearing}"
        assert search(client, query) == []


@pytest.mark.parametrize(
    ("fields", "error", "path"),
    [
        (
            {"text_label.background_color": "rood"},
            "string_format_error.INVALID_FORMAT",
            "text_label.background_color",
        ),
        (
            {"text_label.description": "x" * 201},
            "string_length_error.TOO_LONG",
            "text_label.description",
        ),
        ({"name": "x" * 81}, "string_length_error.TOO_LONG", "name"),
        ({"name": "THEMA_ORIGINAL"}, "label_error.DUPLICATE_NAME", "name"),
    ],
)
def test_a_label_that_breaks_a_rule_is_refused(
    fields: dict[str, Any], error: str, path: str, client: Any
) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        create(client, "Label", **{"name": "Nieuw", **fields})
    assert errors_of(refused) == [(error, f"operations[0].create.{path}")]
    with pytest.raises(GoogleAdsException) as refused:
        change(client, "Label", f"customers/{SHOP}/labels/3", fields)
    assert errors_of(refused) == [(error, f"operations[0].update.{path}")]


def test_half_of_a_labels_look_can_change(client: Any) -> None:
    fields = {"text_label.background_color": "#ff0000", "text_label.description": "Zomer"}
    label = create(client, "Label", name="Zomer", **fields)
    change(client, "Label", label, {"text_label.background_color": "#0f0"})
    selected = "label.text_label.background_color, label.text_label.description"
    query = f"SELECT {selected} FROM label WHERE label.resource_name = '{label}'"
    (row,) = search(client, query)
    assert (row.label.text_label.background_color, row.label.text_label.description) == ("#0f0", "Zomer")
