"""Entities as plain JSON, for the control port."""

from typing import Any

from themaads_pipeline.emulator.access import number_of
from themaads_pipeline.emulator.entities import Account, Ad, AdGroup, Label
from themaads_pipeline.emulator.messages import Message, enum_name, message_class
from themaads_pipeline.emulator.request_log import LoggedRequest
from themaads_pipeline.emulator.reviews import approval_by, topics_at
from themaads_pipeline.emulator.services.mutate_methods import RESOURCES


def plain_account(account: Account) -> dict[str, Any]:
    return {
        "customer_id": str(account.customer_id),
        "name": account.name,
        "time_zone": account.time_zone,
        "status": account.status,
        "manager": account.manager,
        "direct": account.direct,
        "managers": [str(above.customer_id) for above in account.managers],
        "campaigns": len(account.campaigns),
        "ad_groups": len(account.ad_groups),
        "ads": len(account.ads),
        "labels": len(account.labels),
    }


def plain_label(label: Label) -> dict[str, Any]:
    return {"id": label.label_id, "name": label.name, "status": enum_name("LabelStatus", label.status)}


def plain_ad_group(ad_group: AdGroup) -> dict[str, Any]:
    return {
        "ad_group_id": ad_group.ad_group_id,
        "name": ad_group.name,
        "status": enum_name("AdGroupStatus", ad_group.status),
        "type": ad_group.type,
        "campaign_id": ad_group.campaign.campaign_id,
        "campaign_name": ad_group.campaign.name,
        "campaign_status": enum_name("CampaignStatus", ad_group.campaign.status),
        "labels": [label.name for label in ad_group.labels],
        "label_ids": [label.label_id for label in ad_group.labels],
        "ads": [ad.ad_id for ad in ad_group.ads],
    }


def plain_ad(ad: Ad) -> dict[str, Any]:
    return {
        "ad_id": ad.ad_id,
        "ad_group_id": ad.ad_group.ad_group_id,
        "status": enum_name("AdGroupAdStatus", ad.status),
        "type": enum_name("AdType", ad.type),
        **plain_texts(ad.ad_message()),
        "labels": [label.name for label in ad.labels],
        "label_ids": [label.label_id for label in ad.labels],
        "approval_status": enum_name("PolicyApprovalStatus", ad.approval_status)
        if ad.approval_status
        else approval_by(topics_at(ad, 0.0)),
        "policy_topics": [entry.topic for entry in topics_at(ad, 0.0)],
        "seeded": not ad.request_id,
        "created_by_request": ad.request_id,
        "created_at": ad.created_at,
    }


def plain_texts(ad: Message) -> dict[str, Any]:
    """The parts of an Ad message that an advertiser writes."""
    rsa = ad.responsive_search_ad
    return {
        "headlines": [_text(asset) for asset in rsa.headlines],
        "descriptions": [_text(asset) for asset in rsa.descriptions],
        "path1": rsa.path1,
        "path2": rsa.path2,
        "final_urls": list(ad.final_urls),
        "final_mobile_urls": list(ad.final_mobile_urls),
        "tracking_url_template": ad.tracking_url_template,
        "final_url_suffix": ad.final_url_suffix,
        "url_custom_parameters": {parameter.key: parameter.value for parameter in ad.url_custom_parameters},
    }


def _text(asset: Message) -> dict[str, Any]:
    pinned = enum_name("ServedAssetFieldType", asset.pinned_field) if asset.pinned_field else None
    return {"text": asset.text, "pinned": pinned}


def plain_request(entry: LoggedRequest, accounts: dict[int, Account]) -> dict[str, Any]:
    """A logged request with the result of each operation, and what creations of ads asked for."""
    call = entry.call
    account = accounts.get(number_of(call.customer_id))
    results = []
    for index in range(len(call.kinds)):
        name = call.results[index] if index < len(call.results) else ""
        result: dict[str, Any] = {
            "kind": call.kinds[index],
            "resource_name": name,
            "errors": call.errors.get(index, []),
        }
        if call.kinds[index] == "ad_group_ad.create":
            result["create"] = _asked(index, name, entry, account)
        results.append(result)
    return {**entry.described(), "errors": call.errors.get(-1, []), "results": results}


def _asked(index: int, name: str, entry: LoggedRequest, account: Account | None) -> dict[str, Any] | None:
    if name and account is not None:
        ad = account.ads.get(int(name.rpartition("~")[2]))
        return (
            None if ad is None else {"ad_group_id": ad.ad_group.ad_group_id, **plain_texts(ad.ad_message())}
        )
    payload = entry.call.payloads.get(index)
    if payload is None:
        return None
    resource = next(resource for resource in RESOURCES if resource.name == "ad_group_ad")
    operation = message_class(f"services.{resource.service.removesuffix('Service')}Operation").FromString(
        payload
    )
    ad_group = operation.create.ad_group.rpartition("/")[2]
    return {
        "ad_group_id": int(ad_group) if ad_group.isdecimal() and len(ad_group) < 20 else None,
        **plain_texts(operation.create.ad),
    }
