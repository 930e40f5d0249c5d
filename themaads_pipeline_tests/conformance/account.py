"""The accounts that conformance tests work on, and requests that they share."""

from typing import Any

MANAGER, OTHER_MANAGER = "1000000001", "1000000002"
SHOP, SUSPENDED, FOREIGN = "2000000001", "2000000002", "3000000001"
SHOES, BOOTS, GONE, DYNAMIC, FULL = 11, 12, 13, 14, 15

HEADLINES = ["Schoenen", "Gratis bezorgd", "Ruime keuze"]
DESCRIPTIONS = ["Vandaag besteld, morgen in huis.", "Gratis retour binnen 30 dagen."]


def _ad(ad_id: int, ad_group_id: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": ad_id,
        "ad_group_id": ad_group_id,
        "headlines": HEADLINES,
        "descriptions": DESCRIPTIONS,
        "final_urls": ["https://www.example.nl/schoenen"],
        **fields,
    }


SEED: dict[str, Any] = {
    "managers": [{"customer_id": MANAGER, "name": "Agency"}, {"customer_id": OTHER_MANAGER, "name": "Other"}],
    "accounts": [
        {
            "customer_id": SHOP,
            "name": "Shop",
            "managers": [MANAGER],
            "labels": [
                {"id": 1, "name": "THEMA_ORIGINAL"},
                {"id": 2, "name": "OLD", "status": "REMOVED"},
                {"id": 3, "name": "OLD"},
            ],
            "campaigns": [{"id": 1, "name": "Zoeken"}, {"id": 2, "name": "Weg", "status": "REMOVED"}],
            "ad_groups": [
                {"id": SHOES, "name": "Schoenen 50% korting", "campaign_id": 1, "labels": ["THEMA_ORIGINAL"]},
                {"id": BOOTS, "name": "laarzen", "campaign_id": 1, "status": "PAUSED"},
                {"id": GONE, "name": "Sandalen", "campaign_id": 1, "status": "REMOVED"},
                {"id": DYNAMIC, "name": "Dynamisch", "campaign_id": 1, "type": "SEARCH_DYNAMIC_ADS"},
                {"id": FULL, "name": "Vol", "campaign_id": 1},
                {"id": 16, "name": "In een weg campagne", "campaign_id": 2},
            ],
            "ads": [
                _ad(
                    101,
                    SHOES,
                    headlines=[{"text": "Schoenen", "pinned": "HEADLINE_1"}, *HEADLINES[1:]],
                    path1="schoenen",
                    path2="heren",
                    tracking_url_template="{lpurl}?src=ads",
                    final_url_suffix="a=b",
                    url_custom_parameters={"season": "winter"},
                    labels=["THEMA_ORIGINAL"],
                ),
                _ad(102, BOOTS, status="PAUSED", approval_status="DISAPPROVED", policy_topics=["ALCOHOL"]),
                {
                    "id": 103,
                    "ad_group_id": BOOTS,
                    "type": "EXPANDED_TEXT_AD",
                    "final_urls": ["https://example.nl"],
                },
                _ad(104, SHOES, status="REMOVED"),
                *(_ad(110 + number, FULL) for number in range(3)),
            ],
        },
        {"customer_id": SUSPENDED, "name": "Suspended", "managers": [MANAGER], "status": "SUSPENDED"},
        {"customer_id": FOREIGN, "name": "Foreign", "managers": [OTHER_MANAGER]},
    ],
    "policy": [
        {"word": "casino", "topic": "GAMBLING"},
        {"word": "dokter", "topic": "HEALTH_IN_PERSONALIZED_ADS", "exemptible": True},
        {"domain": "bad.example", "topic": "MALICIOUS_SOFTWARE"},
    ],
}


def add_ad(client: Any, request: Any, ad_group_id: int = SHOES, **fields: Any) -> Any:
    """Adds the creation of an RSA to a request of AdGroupAdService; fields replace those of a valid ad."""
    operation = request.operations.add()
    fill_ad(client, operation.create, ad_group_id, **fields)
    return operation


def fill_ad(client: Any, ad_group_ad: Any, ad_group_id: int = SHOES, **fields: Any) -> None:
    ad_group_ad.ad_group = f"customers/{SHOP}/adGroups/{ad_group_id}"
    ad_group_ad.status = getattr(client.enums.AdGroupAdStatusEnum, fields.get("status", "PAUSED"))
    ad = ad_group_ad.ad
    ad.final_urls.extend(fields.get("final_urls", ["https://www.example.nl/schoenen?kleur=zwart"]))
    for name, default in (("headlines", HEADLINES), ("descriptions", DESCRIPTIONS)):
        for text in fields.get(name, default):
            getattr(ad.responsive_search_ad, name).add(text=text)
    for name in ("path1", "path2"):
        if name in fields:
            setattr(ad.responsive_search_ad, name, fields[name])
    for key, value in fields.get("parameters", {}).items():
        ad.url_custom_parameters.add(key=key, value=value)


def ads_request(client: Any, *, partial_failure: bool = True, **settings: Any) -> Any:
    """An empty MutateAdGroupAdsRequest for the shop, raw protobuf."""
    request = client.get_type("MutateAdGroupAdsRequest")
    request.customer_id, request.partial_failure = SHOP, partial_failure
    for name, value in settings.items():
        setattr(request, name, value)
    return request


def search(client: Any, query: str, customer_id: str = SHOP) -> list[Any]:
    return list(client.get_service("GoogleAdsService").search(customer_id=customer_id, query=query))


def raw(message: Any) -> Any:
    """The protobuf message itself: exceptions carry proto-plus whatever the client is set to."""
    return getattr(message, "_pb", message)


def codes(failure: Any) -> list[str]:
    """The errors of a GoogleAdsFailure as `kind.NAME`."""
    found = []
    for error in raw(failure).errors:
        kind = error.error_code.WhichOneof("error_code")
        field = error.error_code.DESCRIPTOR.fields_by_name[kind]
        found.append(f"{kind}.{field.enum_type.values_by_number[getattr(error.error_code, kind)].name}")
    return found


def path_of(error: Any) -> str:
    """`operations[0].create.ad` and so on."""
    return ".".join(
        element.field_name + (f"[{element.index}]" if element.HasField("index") else "")
        for element in raw(error).location.field_path_elements
    )


def partial_failure(client: Any, response: Any) -> Any:
    """The GoogleAdsFailure of a partial failure; there has to be exactly one."""
    (detail,) = response.partial_failure_error.details
    failure = client.get_type("GoogleAdsFailure")
    assert detail.Unpack(failure), f"{detail.type_url} is not this client's GoogleAdsFailure"
    return failure


def refusals_of_ad(client: Any, **fields: Any) -> list[tuple[str, str]]:
    """Errors and their paths for one ad, sent with partial failure; none for an ad that was created."""
    request = ads_request(client)
    add_ad(client, request, **fields)
    response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    if not response.partial_failure_error.code:
        return []
    failure = raw(partial_failure(client, response))
    return list(zip(codes(failure), map(path_of, failure.errors), strict=True))
