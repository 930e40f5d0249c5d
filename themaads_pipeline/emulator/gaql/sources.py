"""The resources that can stand behind FROM: their rows in an account, what they are attributed with, and
their indexes.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from themaads_pipeline.emulator.entities import Account, Ad, AdGroup, Campaign, Document, Label
from themaads_pipeline.emulator.gaql.query import Query
from themaads_pipeline.emulator.messages import Message, message_class

Row = dict[str, Any]  # entities by resource name: {"ad_group_ad": Ad, "ad_group": AdGroup, ...}
Rows = Callable[[Account, Iterable[Any]], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class AdLabel:
    ad: Ad
    label: Label

    def message(self) -> Message:
        ad_group_id, account = self.ad.ad_group.ad_group_id, self.label.account.customer_id
        return message_class("resources.AdGroupAdLabel")(
            resource_name=f"customers/{account}/adGroupAdLabels/{ad_group_id}~{self.ad.ad_id}~{self.label.label_id}",
            ad_group_ad=self.ad.resource_name,
            label=self.label.resource_name,
        )


@dataclass(frozen=True, slots=True)
class AdGroupLabel:
    ad_group: AdGroup
    label: Label

    def message(self) -> Message:
        account = self.label.account.customer_id
        return message_class("resources.AdGroupLabel")(
            resource_name=f"customers/{account}/adGroupLabels/{self.ad_group.ad_group_id}~{self.label.label_id}",
            ad_group=self.ad_group.resource_name,
            label=self.label.resource_name,
        )


def _number_at_end(name: str) -> int:
    """The id at the end of a resource name, -1 (no id) for anything else."""
    text = name.rpartition("/")[2].rpartition("~")[2]
    return int(text) if text.isdecimal() and len(text) < 20 else -1


def _ad_groups_by_id(account: Account, ids: Iterable[int]) -> Iterator[AdGroup]:
    return (account.ad_groups[key] for key in ids if key in account.ad_groups)


def _ad_groups_by_campaign(account: Account, ids: Iterable[int]) -> Iterator[AdGroup]:
    wanted = set(ids)
    return (group for group in account.ad_groups.values() if group.campaign.campaign_id in wanted)


def _campaigns_by_id(account: Account, ids: Iterable[int]) -> Iterator[Campaign]:
    return (account.campaigns[key] for key in ids if key in account.campaigns)


def _labels_by_id(account: Account, ids: Iterable[int]) -> Iterator[Label]:
    return (account.labels[key] for key in ids if key in account.labels)


def _ads_by_id(account: Account, ids: Iterable[int]) -> Iterator[Ad]:
    return (account.ads[key] for key in ids if key in account.ads)


def _ads_by_ad_group(account: Account, ids: Iterable[int]) -> Iterator[Ad]:
    return (ad for group in _ad_groups_by_id(account, ids) for ad in group.ads)


def _by_name(rows: Rows) -> Rows:
    return lambda account, names: rows(account, map(_number_at_end, names))


@dataclass(frozen=True, slots=True)
class Source:
    """A resource behind FROM. `indexes` find rows by the values of `=` or `IN` on a field; `check` refuses
    queries that leave out what this resource demands.
    """

    rows: Callable[[Account], Iterable[Any]]
    attributed: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    indexes: dict[str, Rows] = field(default_factory=dict)
    check: Callable[[Query, Account, float], None] | None = None


def _customer(entity: Any) -> Account:
    account: Account = entity.account
    return account


def _budget(campaign: Campaign) -> Document | None:
    name = campaign.body.campaign_budget if campaign.body is not None else ""
    return campaign.account.documents.get("campaign_budget", {}).get(name)


COMPACT_SOURCES: dict[str, Source] = {
    "customer": Source(rows=lambda account: [account]),
    "label": Source(
        rows=lambda account: account.labels.values(),
        attributed={"customer": _customer},
        indexes={"label.id": _labels_by_id, "label.resource_name": _by_name(_labels_by_id)},
    ),
    "campaign": Source(
        rows=lambda account: account.campaigns.values(),
        attributed={"customer": _customer, "campaign_budget": _budget},
        indexes={"campaign.id": _campaigns_by_id, "campaign.resource_name": _by_name(_campaigns_by_id)},
    ),
    "ad_group": Source(
        rows=lambda account: account.ad_groups.values(),
        attributed={
            "campaign": lambda group: group.campaign,
            "customer": lambda group: group.campaign.account,
        },
        indexes={
            "ad_group.id": _ad_groups_by_id,
            "ad_group.resource_name": _by_name(_ad_groups_by_id),
            "campaign.id": _ad_groups_by_campaign,
            "ad_group.campaign": _by_name(_ad_groups_by_campaign),
        },
    ),
    "ad_group_ad": Source(
        rows=lambda account: account.ads.values(),
        attributed={
            "ad_group": lambda ad: ad.ad_group,
            "campaign": lambda ad: ad.ad_group.campaign,
            "customer": lambda ad: ad.ad_group.campaign.account,
        },
        indexes={
            "ad_group_ad.ad.id": _ads_by_id,
            "ad_group_ad.resource_name": _by_name(_ads_by_id),
            "ad_group_ad.ad.resource_name": _by_name(_ads_by_id),
            "ad_group.id": _ads_by_ad_group,
            "ad_group_ad.ad_group": _by_name(_ads_by_ad_group),
            "ad_group.resource_name": _by_name(_ads_by_ad_group),
        },
    ),
    "ad_group_label": Source(
        rows=lambda account: (
            AdGroupLabel(group, label) for group in account.ad_groups.values() for label in group.labels
        ),
        attributed={
            "ad_group": lambda link: link.ad_group,
            "label": lambda link: link.label,
            "campaign": lambda link: link.ad_group.campaign,
            "customer": lambda link: link.label.account,
        },
        indexes={
            "ad_group.id": lambda account, ids: (
                AdGroupLabel(group, label)
                for group in _ad_groups_by_id(account, ids)
                for label in group.labels
            )
        },
    ),
    "ad_group_ad_label": Source(
        rows=lambda account: (AdLabel(ad, label) for ad in account.ads.values() for label in ad.labels),
        attributed={
            "ad_group_ad": lambda link: link.ad,
            "label": lambda link: link.label,
            "ad_group": lambda link: link.ad.ad_group,
            "campaign": lambda link: link.ad.ad_group.campaign,
            "customer": lambda link: link.label.account,
        },
        indexes={
            "ad_group.id": lambda account, ids: (
                AdLabel(ad, label) for ad in _ads_by_ad_group(account, ids) for label in ad.labels
            ),
            "ad_group_ad.ad.id": lambda account, ids: (
                AdLabel(ad, label) for ad in _ads_by_id(account, ids) for label in ad.labels
            ),
        },
    ),
}
