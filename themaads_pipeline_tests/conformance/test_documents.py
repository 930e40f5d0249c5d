"""Ad parameters, customizers, shared sets and assets; documents in the seed."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from google.protobuf import json_format

from themaads_pipeline_tests.conformance.account import MANAGER, SEED, SHOES, SHOP, search
from themaads_pipeline_tests.conformance.mutating import create, problems, refused, send
from themaads_pipeline_tests.running_emulator import EmulatorError, RunningEmulator

AD_GROUP, CAMPAIGN = f"customers/{SHOP}/adGroups/{SHOES}", f"customers/{SHOP}/campaigns/1"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


@pytest.fixture
def keyword(client: Any) -> str:
    (name,) = create(
        client, "AdGroupCriteria", {"ad_group": AD_GROUP, "keyword": {"text": "boot", "match_type": "EXACT"}}
    )
    return name


@pytest.fixture
def price(client: Any) -> str:
    (name,) = create(client, "CustomizerAttributes", {"name": "Prijs", "type": "PRICE"})
    return name


@pytest.fixture
def negatives(client: Any) -> str:
    (name,) = create(client, "SharedSets", {"name": "Nooit", "type": "NEGATIVE_KEYWORDS"})
    return name


def test_ad_parameters_are_named_after_their_keyword_and_set_anew(client: Any, keyword: str) -> None:
    first = {"ad_group_criterion": keyword, "parameter_index": 1, "insertion_text": "100"}
    names = create(
        client, "AdParameters", first, {**first, "parameter_index": 2}, {**first, "insertion_text": "$99.99"}
    )
    ids = keyword.rpartition("/")[2]
    assert names == [f"customers/{SHOP}/adParameters/{ids}~{number}" for number in (1, 2, 1)]
    rows = search(
        client,
        "SELECT ad_parameter.insertion_text, ad_group.id, ad_group_criterion.keyword.text FROM ad_parameter "
        "ORDER BY ad_parameter.parameter_index",
    )
    assert [row.ad_parameter.insertion_text for row in rows] == ["$99.99", "100"]
    assert [(row.ad_group.id, row.ad_group_criterion.keyword.text) for row in rows] == [(SHOES, "boot")] * 2


@pytest.mark.parametrize(
    "text", ["1,000,000.00", "2.000.000,10", "$99.99", "99.99USD", "EUR200", "1.0%", "-10.99", "25+", "4/1"]
)
def test_insertion_texts_of_the_documentation_are_taken(client: Any, keyword: str, text: str) -> None:
    parameter = {"ad_group_criterion": keyword, "parameter_index": 1, "insertion_text": text}
    assert refused(client, "AdParameters", parameter) == []


@pytest.mark.parametrize(
    ("fields", "error", "path"),
    [
        (
            {"insertion_text": "veel"},
            "ad_parameter_error.INVALID_INSERTION_TEXT_FORMAT",
            "insertion_text",
        ),
        ({"parameter_index": 3}, "range_error.TOO_HIGH", "parameter_index"),
        (
            {"ad_group_criterion": f"customers/{SHOP}/adGroupCriteria/{SHOES}~5"},
            "mutate_error.RESOURCE_NOT_FOUND",
            "ad_group_criterion",
        ),
    ],
)
def test_a_wrong_ad_parameter_is_refused(
    client: Any, keyword: str, fields: dict[str, Any], error: str, path: str
) -> None:
    parameter = {"ad_group_criterion": keyword, "parameter_index": 1, "insertion_text": "1", **fields}
    assert refused(client, "AdParameters", parameter) == [(error, path)]


def test_customizer_attributes_have_unique_names_whatever_their_case(client: Any, price: str) -> None:
    assert refused(client, "CustomizerAttributes", {"name": "prijs", "type": "TEXT"}) == [
        ("customizer_attribute_error.DUPLICATE_CUSTOMIZER_ATTRIBUTE_NAME", "name")
    ]
    assert problems(client, send(client, "CustomizerAttributes", {"remove": price})) == []
    assert refused(client, "CustomizerAttributes", {"name": "prijs", "type": "TEXT"}) == []
    long = {"name": "x" * 41, "type": "TEXT"}
    assert refused(client, "CustomizerAttributes", long) == [("string_length_error.TOO_LONG", "name")]


def test_customizer_values_hang_on_every_level(client: Any, price: str, keyword: str) -> None:
    value = {"customizer_attribute": price, "value": {"type": "PRICE", "string_value": "EUR 9,95"}}
    number = price.rpartition("/")[2]
    levels = {
        "CustomerCustomizers": ({}, f"customerCustomizers/{number}"),
        "CampaignCustomizers": ({"campaign": CAMPAIGN}, f"campaignCustomizers/1~{number}"),
        "AdGroupCustomizers": ({"ad_group": AD_GROUP}, f"adGroupCustomizers/{SHOES}~{number}"),
        "AdGroupCriterionCustomizers": (
            {"ad_group_criterion": keyword},
            f"adGroupCriterionCustomizers/{keyword.rpartition('/')[2]}~{number}",
        ),
    }
    for resources, (parent, name) in levels.items():
        assert create(client, resources, {**parent, **value}) == [f"customers/{SHOP}/{name}"]
    (row,) = search(
        client,
        "SELECT campaign_customizer.value.string_value, customizer_attribute.name, campaign.id "
        "FROM campaign_customizer",
    )
    assert row.campaign_customizer.value.string_value == "EUR 9,95"
    assert (row.customizer_attribute.name, row.campaign.id) == ("Prijs", 1)


def test_a_customizer_value_fits_its_attribute(client: Any, price: str) -> None:
    def value(kind: str, text: str) -> dict[str, Any]:
        return {"customizer_attribute": price, "value": {"type": kind, "string_value": text}}

    assert refused(client, "CustomerCustomizers", value("TEXT", "10")) == [
        ("field_error.INVALID_VALUE", "value.type")
    ]
    assert refused(client, "CustomerCustomizers", value("PRICE", "goedkoop")) == [
        ("string_format_error.INVALID_FORMAT", "value.string_value")
    ]
    assert refused(client, "CustomerCustomizers", value("PRICE", "")) == [
        ("field_error.REQUIRED", "value.string_value")
    ]


def test_a_shared_set_counts_its_members_and_campaigns(client: Any, negatives: str) -> None:
    words = [{"text": text, "match_type": "BROAD"} for text in ("gratis", "tweedehands")]
    members = create(client, "SharedCriteria", *({"shared_set": negatives, "keyword": w} for w in words))
    (use,) = create(client, "CampaignSharedSets", {"campaign": CAMPAIGN, "shared_set": negatives})
    number = negatives.rpartition("/")[2]
    assert use == f"customers/{SHOP}/campaignSharedSets/1~{number}"

    def counts() -> tuple[int, int]:
        query = "SELECT shared_set.member_count, shared_set.reference_count FROM shared_set"
        (row,) = search(client, query)
        return row.shared_set.member_count, row.shared_set.reference_count

    assert counts() == (2, 1)
    (found, _) = search(
        client,
        f"SELECT shared_criterion.keyword.text FROM shared_criterion WHERE shared_set.id IN ({number})",
    )
    assert found.shared_criterion.keyword.text == "gratis"
    assert problems(client, send(client, "SharedSets", {"remove": negatives})) == [
        ("shared_set_error.SHARED_SET_IN_USE", "operations[0].remove")
    ]
    assert problems(client, send(client, "CampaignSharedSets", {"remove": use})) == []
    assert problems(client, send(client, "SharedCriteria", {"remove": members[0]})) == []
    assert counts() == (1, 0)
    assert problems(client, send(client, "SharedSets", {"remove": negatives})) == []


def test_a_wrong_shared_set_or_member_is_refused(client: Any, negatives: str) -> None:
    double = {"name": "Nooit", "type": "NEGATIVE_KEYWORDS"}
    assert refused(client, "SharedSets", double) == [("shared_set_error.DUPLICATE_NAME", "name")]
    assert refused(client, "SharedSets", {"type": "NEGATIVE_KEYWORDS"}) == [("field_error.REQUIRED", "name")]
    placement = {"shared_set": negatives, "placement": {"url": "http://example.com"}}
    assert refused(client, "SharedCriteria", placement) == [
        ("shared_criterion_error.CRITERION_TYPE_NOT_ALLOWED_FOR_SHARED_SET_TYPE", "placement")
    ]


SITELINK = {
    "final_urls": ["https://www.example.nl/winkels"],
    "sitelink_asset": {"link_text": "Winkels", "description1": "Kom langs", "description2": "Elke dag"},
}


@pytest.mark.parametrize(
    ("asset", "error", "path"),
    [
        ({}, "asset_error.ASSET_DATA_IS_MISSING", ""),
        (
            {"sitelink_asset": {"link_text": "Winkels"}},
            "field_error.REQUIRED_NONEMPTY_LIST",
            "final_urls",
        ),
        (
            {**SITELINK, "sitelink_asset": {"link_text": "x" * 26}},
            "string_length_error.TOO_LONG",
            "sitelink_asset.link_text",
        ),
        (
            {**SITELINK, "sitelink_asset": {"link_text": "Winkels", "description1": "Kom langs"}},
            "field_error.REQUIRED",
            "sitelink_asset.description2",
        ),
        ({"callout_asset": {}}, "field_error.REQUIRED", "callout_asset.callout_text"),
        (
            {"structured_snippet_asset": {"header": "Merken", "values": ["een", "twee"]}},
            "collection_size_error.TOO_FEW",
            "structured_snippet_asset.values",
        ),
        (
            {"callout_asset": {"callout_text": "Gratis", "start_date": "morgen"}},
            "date_error.INVALID_STRING_DATE",
            "callout_asset.start_date",
        ),
        (
            {"callout_asset": {"callout_text": "Gratis"}, "final_urls": ["https://example.nl"]},
            "asset_error.FIELD_INCOMPATIBLE_WITH_ASSET_TYPE",
            "final_urls",
        ),
    ],
)
def test_a_wrong_asset_is_refused(client: Any, asset: dict[str, Any], error: str, path: str) -> None:
    assert refused(client, "Assets", asset) == [(error, path)]


def test_assets_are_linked_changed_and_unlinked(client: Any) -> None:
    (asset,) = create(client, "Assets", SITELINK)
    number = asset.rpartition("/")[2]
    link = {"asset": asset, "field_type": "SITELINK"}
    names = [
        *create(client, "CampaignAssets", {"campaign": CAMPAIGN, **link}),
        *create(client, "AdGroupAssets", {"ad_group": AD_GROUP, **link}),
        *create(client, "CustomerAssets", link),
    ]
    assert [name.rpartition("/")[2] for name in names] == [
        f"1~{number}~SITELINK",
        f"{SHOES}~{number}~SITELINK",
        f"{number}~SITELINK",
    ]
    wrong = {"campaign": CAMPAIGN, "asset": asset, "field_type": "CALLOUT"}
    assert refused(client, "CampaignAssets", wrong) == [
        ("asset_link_error.FIELD_TYPE_INCOMPATIBLE_WITH_ASSET_TYPE", "field_type")
    ]
    text = {"resource_name": asset, "sitelink_asset": {"link_text": "Alle winkels"}}
    change = {"update": text, "update_mask": "sitelinkAsset.linkText"}
    assert problems(client, send(client, "Assets", change)) == []
    assert problems(client, send(client, "CampaignAssets", {"remove": names[0]})) == []
    (row,) = search(
        client,
        "SELECT campaign_asset.status, campaign_asset.primary_status, asset.sitelink_asset.link_text, "
        "asset.type, campaign.id FROM campaign_asset",
    )
    assert row.asset.sitelink_asset.link_text == "Alle winkels"
    assert row.campaign_asset.status == client.enums.AssetLinkStatusEnum.REMOVED
    unknown = problems(client, send(client, "CampaignAssets", {"remove": names[0].replace("1~", "9~", 1)}))
    assert [code for code, _ in unknown] == ["mutate_error.RESOURCE_NOT_FOUND"]


def test_a_text_asset_exists_once(client: Any) -> None:
    text = {"text_asset": {"text": "Gratis bezorgd"}}
    first, second = create(client, "Assets", {**text, "name": "bezorgd"}, text)
    assert first == second
    assert refused(client, "Assets", {**text, "name": "anders"}) == [
        ("asset_error.CANNOT_MODIFY_ASSET_NAME", "name")
    ]


def test_temporary_names_work_across_resources_of_one_request(client: Any) -> None:
    request = client.get_type("MutateGoogleAdsRequest")
    request.customer_id = SHOP
    temporary = f"customers/{SHOP}/assets/-1"
    for operation in (
        {"asset_operation": {"create": {"resource_name": temporary, **SITELINK}}},
        {
            "campaign_asset_operation": {
                "create": {"campaign": CAMPAIGN, "asset": temporary, "field_type": "SITELINK"}
            }
        },
    ):
        json_format.ParseDict(operation, request.mutate_operations.add())
    response = client.get_service("GoogleAdsService").mutate(request=request)
    asset, link = response.mutate_operation_responses
    number = asset.asset_result.resource_name.rpartition("/")[2]
    assert link.campaign_asset_result.resource_name.endswith(f"/campaignAssets/1~{number}~SITELINK")


def test_a_seed_brings_documents_along(client_for: Callable[..., Any], emulator: RunningEmulator) -> None:
    seed = deepcopy(SEED)
    seed["accounts"][0]["documents"] = {
        "campaign_budget": [{"id": 5, "name": "Per dag", "amount_micros": 5_000_000}],
        "ad_group_criterion": [
            {"ad_group": SHOES, "keyword": {"text": "boot", "match_type": "EXACT"}, "status": "PAUSED"}
        ],
        "shared_set": [{"id": 6, "name": "Nooit", "type": "NEGATIVE_KEYWORDS"}],
        "campaign_shared_set": [{"campaign": 1, "shared_set": 6}],
    }
    emulator.seed(seed)
    client = client_for(login_customer_id=MANAGER)
    (row,) = search(
        client,
        "SELECT ad_group_criterion.keyword.text, ad_group_criterion.status, ad_group_criterion.type, "
        "ad_group.id FROM ad_group_criterion",
    )
    assert row.ad_group_criterion.status == client.enums.AdGroupCriterionStatusEnum.PAUSED
    assert row.ad_group_criterion.type_ == client.enums.CriterionTypeEnum.KEYWORD
    (row,) = search(client, "SELECT shared_set.name, shared_set.reference_count FROM campaign_shared_set")
    assert (row.shared_set.name, row.shared_set.reference_count) == ("Nooit", 1)
    (row,) = search(client, "SELECT campaign_budget.id, campaign_budget.amount_micros FROM campaign_budget")
    assert (row.campaign_budget.id, row.campaign_budget.amount_micros) == (5, 5_000_000)


@pytest.mark.parametrize("documents", [{"budgets": []}, {"asset": [{"colour": "red"}]}])
def test_a_seed_with_unknown_documents_is_refused(
    emulator: RunningEmulator, documents: dict[str, Any]
) -> None:
    seed = deepcopy(SEED)
    seed["accounts"][0]["documents"] = documents
    with pytest.raises(EmulatorError, match="seed"):
        emulator.seed(seed)
