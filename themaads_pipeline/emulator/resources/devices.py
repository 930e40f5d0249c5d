"""Device criteria, which every campaign has from its beginning although nobody added them.

They are not kept before they are changed: a load test's campaigns would hold four documents each.
"""

from collections.abc import Iterator

from themaads_pipeline.emulator.entities import Account, Campaign, Document
from themaads_pipeline.emulator.messages import enum_values, message_class
from themaads_pipeline.emulator.resources.criterion_ids import DEVICES

_KIND = "campaign_criterion"


def implied_devices(account: Account) -> Iterator[Document]:
    """The device criteria that nobody has changed yet."""
    kept = account.documents.get(_KIND, {})
    for campaign in account.campaigns.values():
        for device, number in DEVICES.items():
            if _name(campaign, number) not in kept:
                yield _document(campaign, device, number)


def implied_device(account: Account, name: str) -> Document | None:
    """The criterion of this name, if it is such a device; None for everything else."""
    numbers = name.rpartition("/")[2].split("~")
    if len(numbers) != 2 or not all(part.isdecimal() and len(part) < 20 for part in numbers):
        return None
    campaign = account.campaigns.get(int(numbers[0]))
    for device, number in DEVICES.items():
        if campaign is not None and name == _name(campaign, number):
            return _document(campaign, device, number)
    return None


def _name(campaign: Campaign, number: int) -> str:
    return f"customers/{campaign.account.customer_id}/campaignCriteria/{campaign.campaign_id}~{number}"


def _document(campaign: Campaign, device: str, number: int) -> Document:
    body = message_class("resources.CampaignCriterion")(
        resource_name=_name(campaign, number),
        campaign=campaign.resource_name,
        criterion_id=number,
        display_name=device,
        negative=False,
        type_=enum_values("CriterionType")["DEVICE"],
        status=enum_values("CampaignCriterionStatus")["ENABLED"],
    )
    body.device.type_ = enum_values("Device")[device]
    return Document(account=campaign.account, kind=_KIND, resource_name=body.resource_name, body=body)
