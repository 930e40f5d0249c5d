"""Ads, ad groups and accounts as this system sees them: plain values, no Google types."""

from dataclasses import dataclass, field
from datetime import date

from msgspec import Struct

# Our identity on an ad: a custom parameter {_themaedition} with the edition as its value.
IDENTITY_PARAMETER = "themaedition"


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A Google Ads customer that we can reach, and through which manager (login-customer-id)."""

    customer_id: int
    name: str
    login_customer_id: int | None  # None: directly accessible, no manager needed
    time_zone: str
    status: str  # Google's CustomerStatus: ENABLED, SUSPENDED, CANCELED, CLOSED
    manager: bool = False


class AdText(Struct, frozen=True, gc=False, cache_hash=True):
    """One headline or description. `pin` is Google's ServedAssetFieldType (`HEADLINE_1`) or None."""

    text: str
    pin: str | None = None


class AdGroup(Struct, frozen=True, kw_only=True, gc=False):
    """An ad group and its campaign, with Google's enum names as strings."""

    ad_group_id: int
    name: str
    status: str  # ENABLED, PAUSED, REMOVED
    type: str  # SEARCH_STANDARD, ...
    campaign_id: int
    campaign_name: str
    campaign_status: str
    campaign_end: date | None  # last day, in the account's time zone
    experiment_type: str = "BASE"  # BASE, DRAFT, EXPERIMENT


class AdContent(Struct, frozen=True, kw_only=True, gc=False):
    """What an RSA says and where it leads: all that we write, and all that a copy must keep."""

    headlines: tuple[AdText, ...]
    descriptions: tuple[AdText, ...]
    final_urls: tuple[str, ...]
    path1: str = ""
    path2: str = ""
    final_mobile_urls: tuple[str, ...] = ()
    tracking_url_template: str = ""
    final_url_suffix: str = ""
    url_custom_parameters: tuple[tuple[str, str], ...] = ()


class LiveAd(Struct, frozen=True, kw_only=True, gc=False):
    """A responsive search ad as it is in the account now."""

    ad_id: int
    ad_group_id: int
    status: str  # ENABLED, PAUSED, REMOVED
    content: AdContent
    label_ids: frozenset[int] = frozenset()
    approval_status: str = "UNKNOWN"  # APPROVED, APPROVED_LIMITED, DISAPPROVED, ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The live state of some ad groups: all were asked for; one that is not here does not exist.

    Removed ads are in it: what was there before a request must be told from what it created.
    """

    ad_groups: dict[int, AdGroup] = field(default_factory=dict)  # by ad group id
    ads: dict[int, tuple[LiveAd, ...]] = field(default_factory=dict)  # by ad group id


class NewAd(Struct, frozen=True, kw_only=True, gc=False):
    """One RSA to create, PAUSED, in `ad_group_id`, and which ad it was made from."""

    ad_group_id: int
    content: AdContent
    copied_ad_id: int
    copied_ad_status: str
    fingerprint: str


class AdLabel(Struct, frozen=True, gc=False):
    """One label to attach to one ad."""

    ad_group_id: int
    ad_id: int
    label_id: int


class AdGroupLabel(Struct, frozen=True, gc=False):
    """One label to attach to one ad group."""

    ad_group_id: int
    label_id: int
