"""What an account holds. Compact on purpose: a load test seeds a million ad groups, so messages are made
when asked for.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from threading import RLock
from typing import Any, Self

from themaads_pipeline.emulator.changes import ChangeLog
from themaads_pipeline.emulator.messages import Message, enum_values, message_class
from themaads_pipeline.emulator.reviews import fill_review, fill_standing
from themaads_pipeline.emulator.serving import fill_ad_group, fill_campaign

ENABLED, PAUSED, REMOVED = 2, 3, 4  # the same numbers in every status enum of ads, ad groups and campaigns
LABEL_ENABLED, LABEL_REMOVED = 2, 3


@dataclass(slots=True, eq=False, kw_only=True)
class Entity:
    """Something in an account that changes. `past` keeps earlier states while a fault lets reads lag behind
    commits.
    """

    created_at: float = 0.0
    past: tuple[float, Any] | None = None

    def remember(self, now: float) -> None:
        """Keep the present state as what was true until now."""
        self.past = (now, copy(self))

    def as_of(self, moment: float) -> Self | None:
        """The state at an earlier moment, None when it did not exist yet."""
        if self.created_at > moment:
            return None
        state: Self = self
        while state.past is not None and state.past[0] > moment:
            state = state.past[1]
        return state


@dataclass(slots=True, eq=False, kw_only=True)
class Label(Entity):
    account: "Account"
    label_id: int
    name: str
    status: int = LABEL_ENABLED
    text_label: Message = None

    @property
    def resource_name(self) -> str:
        return f"customers/{self.account.customer_id}/labels/{self.label_id}"

    def message(self) -> Message:
        label = message_class("resources.Label")(
            resource_name=self.resource_name, id=self.label_id, name=self.name, status=self.status
        )
        if self.text_label is not None:
            label.text_label.CopyFrom(self.text_label)
        return label


@dataclass(slots=True, eq=False, kw_only=True)
class Document(Entity):
    """A resource kept as its message: one of the kinds of which an account holds few (budgets, keywords).

    `body` is never changed in place: a change is a new message, so that earlier states stay what they were.
    """

    account: "Account"
    kind: str  # as GoogleAdsRow calls it: campaign_budget
    resource_name: str
    body: Message

    def message(self) -> Message:
        return self.body


@dataclass(slots=True, eq=False, kw_only=True)
class Campaign(Entity):
    """`body` holds the fields that have no attribute here, None for those of any seeded campaign. It is never
    changed in place.
    """

    account: "Account"
    campaign_id: int
    name: str
    body: Message = None
    status: int = ENABLED
    start_date_time: str = ""
    end_date_time: str = ""
    experiment_type: str = "BASE"
    channel_type: str = "SEARCH"
    labels: tuple[Label, ...] = ()

    @property
    def resource_name(self) -> str:
        return f"customers/{self.account.customer_id}/campaigns/{self.campaign_id}"

    def message(self, now: float = 0.0) -> Message:
        campaign = message_class("resources.Campaign")()
        campaign.CopyFrom(self.body if self.body is not None else usual_campaign(self.channel_type))
        campaign.resource_name, campaign.id = self.resource_name, self.campaign_id
        campaign.base_campaign = campaign.resource_name
        campaign.name, campaign.status = self.name, self.status
        campaign.experiment_type = enum_values("CampaignExperimentType")[self.experiment_type]
        campaign.advertising_channel_type = enum_values("AdvertisingChannelType")[self.channel_type]
        for name in ("start_date_time", "end_date_time"):
            if getattr(self, name):
                setattr(campaign, name, getattr(self, name))
            else:
                campaign.ClearField(name)
        campaign.labels.extend([label.resource_name for label in self.labels])
        fill_campaign(self, campaign, now)
        return campaign


@cache
def usual_campaign(channel_type: str) -> Message:
    """What a campaign has that nobody said anything about: Google's defaults, and manual bids. Not to be
    changed.
    """
    campaign = message_class("resources.Campaign")()
    campaign.ad_serving_optimization_status = enum_values("AdServingOptimizationStatus")["OPTIMIZE"]
    campaign.payment_mode = enum_values("PaymentMode")["CLICKS"]
    political = enum_values("EuPoliticalAdvertisingStatus")["DOES_NOT_CONTAIN_EU_POLITICAL_ADVERTISING"]
    campaign.contains_eu_political_advertising = political
    campaign.manual_cpc.enhanced_cpc_enabled = False
    campaign.bidding_strategy_type = enum_values("BiddingStrategyType")["MANUAL_CPC"]
    geo = campaign.geo_target_type_setting
    geo.positive_geo_target_type = enum_values("PositiveGeoTargetType")["PRESENCE_OR_INTEREST"]
    geo.negative_geo_target_type = enum_values("NegativeGeoTargetType")["PRESENCE"]
    searches = channel_type in {"SEARCH", "SHOPPING"}
    networks = campaign.network_settings
    networks.target_google_search = networks.target_search_network = searches
    networks.target_content_network = not searches
    networks.target_partner_search_network = False
    return campaign


@dataclass(slots=True, eq=False, kw_only=True)
class AdGroup(Entity):
    campaign: Campaign
    ad_group_id: int
    name: str
    body: Message = None  # as a campaign's
    status: int = ENABLED
    type: str = "SEARCH_STANDARD"
    ads: list["Ad"] = field(default_factory=list)
    labels: tuple[Label, ...] = ()

    @property
    def resource_name(self) -> str:
        return f"customers/{self.campaign.account.customer_id}/adGroups/{self.ad_group_id}"

    def message(self, now: float = 0.0) -> Message:
        ad_group = message_class("resources.AdGroup")()
        if self.body is not None:
            ad_group.CopyFrom(self.body)
        ad_group.resource_name, ad_group.id = self.resource_name, self.ad_group_id
        ad_group.base_ad_group = ad_group.resource_name
        ad_group.name, ad_group.status = self.name, self.status
        ad_group.type_ = enum_values("AdGroupType")[self.type]
        ad_group.campaign = self.campaign.resource_name
        ad_group.labels.extend([label.resource_name for label in self.labels])
        fill_ad_group(self, ad_group, now)
        return ad_group


@dataclass(slots=True, eq=False, kw_only=True)
class Ad(Entity):
    """An ad in its ad group. `body` is the Ad message as it was sent, serialised, or what makes it (a
    seeded one).
    """

    ad_group: AdGroup
    ad_id: int
    body: bytes | Callable[[], bytes]
    type: int
    status: int = ENABLED
    labels: tuple[Label, ...] = ()
    request_id: str = ""  # empty: seeded
    approval_status: int = 0  # 0: what the topics lead to, once the review is over
    policy_topics: tuple[Message, ...] = ()
    late_topics: tuple[tuple[float, Message], ...] = ()  # found in review, from a moment on
    review_until: float = 0.0

    @property
    def resource_name(self) -> str:
        group = self.ad_group
        return f"customers/{group.campaign.account.customer_id}/adGroupAds/{group.ad_group_id}~{self.ad_id}"

    def ad_message(self) -> Message:
        """The Ad alone, with what Google fills in."""
        ad = message_class("resources.Ad")()
        self._fill(ad)
        return ad

    def _fill(self, ad: Message) -> None:
        ad.MergeFromString(self.body if isinstance(self.body, bytes) else self.body())
        ad.id = self.ad_id
        ad.type_ = self.type
        ad.resource_name = f"customers/{self.ad_group.campaign.account.customer_id}/ads/{self.ad_id}"

    def message(self, now: float = 0.0) -> Message:
        ad_group_ad = message_class("resources.AdGroupAd")()
        self.fill(ad_group_ad, now)
        return ad_group_ad

    def fill(self, ad_group_ad: Message, now: float, *, standing: bool = True) -> None:
        """Into an empty AdGroupAd, in place; without its primary status and strength where nobody asks."""
        ad_group_ad.resource_name, ad_group_ad.status = self.resource_name, self.status
        ad_group_ad.ad_group = self.ad_group.resource_name
        self._fill(ad_group_ad.ad)
        if self.labels:
            ad_group_ad.labels.extend([label.resource_name for label in self.labels])
        under_review = fill_review(self, ad_group_ad, now)
        if standing:
            fill_standing(self, ad_group_ad, now, under_review=under_review)


@dataclass(slots=True, eq=False, kw_only=True)
class Account(Entity):
    """A customer, manager or not, and everything in it. `lock` guards all of that.

    `body` holds the customer's fields that have no attribute here, None when there are none.
    `applied_labels` are labels of managers on this account.
    """

    customer_id: int
    name: str
    body: Message = None
    applied_labels: tuple[Label, ...] = ()
    time_zone: str = "Europe/Amsterdam"
    currency_code: str = "EUR"
    status: str = "ENABLED"
    manager: bool = False
    hidden: bool = False
    direct: bool = False
    managers: list["Account"] = field(default_factory=list)
    clients: list["Account"] = field(default_factory=list)
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    ad_groups: dict[int, AdGroup] = field(default_factory=dict)
    ads: dict[int, Ad] = field(default_factory=dict)
    labels: dict[int, Label] = field(default_factory=dict)
    documents: dict[str, dict[str, Document]] = field(default_factory=dict)  # by kind, by resource name
    changes: ChangeLog = field(default_factory=ChangeLog)
    batch_jobs: dict[str, Any] = field(default_factory=dict)  # by resource name
    lock: Any = field(default_factory=RLock)
    mutates_in_flight: int = 0

    @property
    def resource_name(self) -> str:
        return f"customers/{self.customer_id}"

    def message(self) -> Message:
        customer = message_class("resources.Customer")()
        if self.body is not None:
            customer.CopyFrom(self.body)
        customer.resource_name, customer.id = self.resource_name, self.customer_id
        customer.descriptive_name = self.name
        customer.currency_code, customer.time_zone = self.currency_code, self.time_zone
        customer.manager, customer.status = self.manager, enum_values("CustomerStatus")[self.status]
        for name in ("test_account", "auto_tagging_enabled", "has_partners_badge"):
            if not customer.HasField(name):
                setattr(customer, name, False)
        return customer
