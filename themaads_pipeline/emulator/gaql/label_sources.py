"""FROM for the labels of campaigns and of ad group criteria."""

from collections.abc import Iterator
from dataclasses import dataclass

from themaads_pipeline.emulator.entities import Account, Campaign, Document, Label
from themaads_pipeline.emulator.gaql.document_sources import ad_group_of, campaign_of, customer_of
from themaads_pipeline.emulator.gaql.sources import Source
from themaads_pipeline.emulator.messages import Message, message_class


@dataclass(frozen=True, slots=True)
class CampaignLabel:
    campaign: Campaign
    label: Label

    def message(self) -> Message:
        start = f"customers/{self.label.account.customer_id}/campaignLabels"
        return message_class("resources.CampaignLabel")(
            resource_name=f"{start}/{self.campaign.campaign_id}~{self.label.label_id}",
            campaign=self.campaign.resource_name,
            label=self.label.resource_name,
        )


@dataclass(frozen=True, slots=True)
class CriterionLabel:
    criterion: Document
    label: Label

    def message(self) -> Message:
        start = f"customers/{self.label.account.customer_id}/adGroupCriterionLabels"
        ids = self.criterion.resource_name.rpartition("/")[2]
        return message_class("resources.AdGroupCriterionLabel")(
            resource_name=f"{start}/{ids}~{self.label.label_id}",
            ad_group_criterion=self.criterion.resource_name,
            label=self.label.resource_name,
        )


def _campaign_labels(account: Account) -> Iterator[CampaignLabel]:
    return (CampaignLabel(item, label) for item in account.campaigns.values() for label in item.labels)


def _criterion_labels(account: Account) -> Iterator[CriterionLabel]:
    for criterion in account.documents.get("ad_group_criterion", {}).values():
        for name in criterion.body.labels:
            yield CriterionLabel(criterion, account.labels[int(name.rpartition("/")[2])])


LABEL_SOURCES: dict[str, Source] = {
    "campaign_label": Source(
        rows=_campaign_labels,
        attributed={
            "campaign": lambda link: link.campaign,
            "label": lambda link: link.label,
            "customer": lambda link: link.label.account,
        },
    ),
    "ad_group_criterion_label": Source(
        rows=_criterion_labels,
        attributed={
            "ad_group_criterion": lambda link: link.criterion,
            "label": lambda link: link.label,
            "ad_group": lambda link: ad_group_of(link.criterion),
            "campaign": lambda link: campaign_of(link.criterion),
            "customer": lambda link: customer_of(link.criterion),
        },
    ),
}
